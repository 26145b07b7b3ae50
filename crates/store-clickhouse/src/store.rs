//! The store: what is appended is inserted, and what is asked is selected.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use bytes::Bytes;
use flow::BoxFuture;
use sha2::{Digest, Sha256};
use store_api::part::{Part, Row};
use store_api::read::Reader;
use store_api::shelf::Shelf;
use store_api::sql::{Answer, Failed as SqlFailed, Question};
use store_api::store::Look;
use store_api::{Appended, Limits, Span, StoreError, TraceStore};
use throughline_context::TraceId;
use tokio::runtime::Handle;
use tokio::sync::OnceCell;

use crate::client::{Failed, Server};
use crate::part::Kept;
use crate::refused::{UNKNOWN_DATABASE, UNKNOWN_TABLE};
use crate::schema::{self, INTERACTIONS, SPANS};
use crate::settings::Settings;
use crate::wire::{Rows, Write};
use crate::{fragment, span, sql};

/// The spans of one database.
pub struct ClickHouse {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) settings: Settings,
    pub(crate) server: Server,
    /// The tables are there.
    ready: OnceCell<()>,
    /// The place of the last batch in the order of arrival: nanoseconds since 1970, each once.
    last: AtomicU64,
}

/// Why the tables cannot be used.
pub(crate) enum Unopened {
    /// They may well be, later.
    Away(StoreError),
    /// Not before somebody changes something.
    Wrong(StoreError),
}

impl ClickHouse {
    /// Asks the server nothing yet: it may come later.
    pub fn new(settings: Settings) -> Result<Self, String> {
        if let Some((key, what, help)) = settings.problems().into_iter().next() {
            return Err(format!("{key}: {what}; {help}"));
        }
        let server = Server::new(&settings)?;
        Ok(Self {
            inner: Arc::new(Inner { settings, server, ready: OnceCell::new(), last: AtomicU64::new(0) }),
        })
    }

    /// Makes the tables if they are not there.
    pub(crate) async fn open(&self) -> Result<(), Unopened> {
        self.inner.ready.get_or_try_init(|| self.inner.make()).await.copied()
    }
}

impl Inner {
    async fn ready(&self) -> Result<(), StoreError> {
        let made = self.ready.get_or_try_init(|| self.make()).await;
        made.copied().map_err(|(Unopened::Away(error) | Unopened::Wrong(error))| error)
    }

    async fn make(&self) -> Result<(), Unopened> {
        let settings = &self.settings;
        let unopened = |failed: Failed| match failed {
            // A proxy in front of it, or too much to do.
            Failed::Refused(ref refused)
                if !matches!(refused.code, 0 | 159 | 202 | 203 | 209 | 210 | 241) =>
            {
                Unopened::Wrong(self.server.error(failed))
            }
            _ => Unopened::Away(self.server.error(failed)),
        };
        let run = async |statement: String| self.run(statement).await.map_err(unopened);
        let told = match self.run(schema::told(settings)).await {
            Ok(told) => told,
            Err(Failed::Refused(none)) if [UNKNOWN_DATABASE, UNKNOWN_TABLE].contains(&none.code) => {
                Bytes::new()
            }
            Err(failed) => return Err(unopened(failed)),
        };
        let damaged = |why| Unopened::Wrong(self.damaged("store_format", why));
        let mut rows = Rows(&told);
        if rows.is_empty() {
            for statement in schema::make(settings) {
                run(statement).await?;
            }
            run(schema::tell(settings)).await?;
            tracing::info!(endpoint = %self.server.place(), database = settings.database, "the tables are made");
            return Ok(());
        }
        let (format, retention) = (rows.number().map_err(damaged)?, rows.number().map_err(damaged)?);
        if format > schema::FORMAT {
            return Err(Unopened::Wrong(schema::newer(self.server.place(), format)));
        }
        if retention != settings.retention.get().as_secs() {
            for statement in schema::retain(settings) {
                run(statement).await?;
            }
            run(schema::tell(settings)).await?;
        }
        Ok(())
    }

    /// For statements that are not repeated often.
    async fn run(&self, statement: String) -> Result<Bytes, Failed> {
        self.server.ask(&[("wait_end_of_query", "1")], statement.into(), self.server.timeout()).await
    }

    /// Rows of an answer, whole or not at all.
    pub(crate) async fn select(&self, statement: String) -> Result<Bytes, StoreError> {
        let within = self.server.timeout();
        let seconds = within.as_secs().to_string();
        let parameters = [
            // Otherwise what fails late comes in the middle of the rows.
            ("wait_end_of_query", "1"),
            ("readonly", "2"),
            ("max_execution_time", &seconds),
            ("distributed_product_mode", "allow"),
        ];
        let answer = self.server.ask(&parameters, (statement + " FORMAT RowBinary").into(), within).await;
        answer.map_err(|failed| self.server.error(failed))
    }

    /// A batch that came before, also one whose answer was lost, is not inserted again.
    async fn insert(&self, table: &str, columns: &str, rows: Vec<u8>, token: &str) -> Result<(), StoreError> {
        let statement = format!("INSERT INTO {} ({columns}) FORMAT RowBinary", self.table(table));
        let quorum = self.settings.insert_quorum.to_string();
        let mut parameters = vec![
            ("query", statement.as_str()),
            ("wait_end_of_query", "1"),
            ("insert_deduplicate", "1"),
            ("insert_deduplication_token", token),
            // What is answered is written. Our batches are large, so the server need not collect any.
            ("async_insert", "0"),
            ("wait_for_async_insert", "1"),
        ];
        if !self.settings.cluster.is_empty() {
            parameters.push(("distributed_foreground_insert", "1"));
            parameters.push(("insert_quorum", &quorum));
        }
        let answer = self.server.ask(&parameters, rows.into(), self.server.timeout()).await;
        answer.map(drop).map_err(|failed| self.server.error(failed))
    }

    pub(crate) fn table(&self, name: &str) -> String {
        format!("`{}`.{name}", self.settings.database)
    }

    pub(crate) fn damaged(&self, table: &str, why: String) -> StoreError {
        StoreError::Server {
            place: self.server.place(),
            why: format!("a row of {} is not as we write it: {why}", self.table(table)),
            mend: "; did something else write there?",
        }
    }

    /// What arrived before is out of the retention, whether or not the server has removed it yet.
    pub(crate) fn oldest(&self) -> u64 {
        let retention = u64::try_from(self.settings.retention.get().as_nanos()).unwrap_or(u64::MAX);
        now_ns().saturating_sub(retention)
    }

    fn next(&self) -> u64 {
        let now = now_ns();
        let after = |last: u64| now.max(last.saturating_add(1));
        let last = self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(after(last)));
        after(last.unwrap_or_else(|last| last))
    }

    async fn append(self: Arc<Self>, spans: Vec<Span>) -> Result<Appended, StoreError> {
        self.ready().await?;
        let seq = self.next();
        let prepared = blocking(move || Ok(Prepared::of(spans, seq))).await?;
        if prepared.appended.spans > 0 {
            // A trace is there when what it amounts to is.
            self.insert("spans", &schema::names(SPANS), prepared.spans, &prepared.token).await?;
            let columns = schema::names(INTERACTIONS);
            self.insert("interactions", &columns, prepared.fragments, &prepared.token).await?;
        }
        Ok(prepared.appended)
    }
}

/// A batch as the server takes it.
struct Prepared {
    appended: Appended,
    spans: Vec<u8>,
    fragments: Vec<u8>,
    /// Of what it holds, whenever it comes.
    token: String,
}

impl Prepared {
    fn of(spans: Vec<Span>, seq: u64) -> Self {
        let mut shelf = Shelf::new(seq);
        let appended = shelf.append(spans, 0);
        let all: Vec<Row> = shelf.all().collect();
        let mut traces: Vec<TraceId> = all.iter().map(|row| row.span.trace_id).collect();
        traces.sort_unstable();
        traces.dedup();
        let mut prepared = Self { appended, spans: Vec::new(), fragments: Vec::new(), token: String::new() };
        let mut interactions = std::collections::HashMap::with_capacity(traces.len());
        let seq = span::signed(seq);
        for (trace, known) in shelf.fragments(&traces).unwrap_or_default() {
            fragment::write(trace, &known, &mut prepared.fragments);
            prepared.fragments.long(seq);
            interactions.insert(trace, known.facts.interactions.first().cloned().unwrap_or_default());
        }
        let of = |row: &Row| interactions.get(&row.span.trace_id).map_or("", String::as_str);
        let mut rows: Vec<(&str, &Span)> = all.iter().map(|row| (of(row), row.span.as_ref())).collect();
        rows.sort_by(|(a, one), (b, other)| {
            (a, one.trace_id, one.start_ns, one.identity()).cmp(&(
                b,
                other.trace_id,
                other.start_ns,
                other.identity(),
            ))
        });
        let mut seen = Sha256::new();
        for (interaction, span) in rows {
            let before = prepared.spans.len();
            span::write(interaction, span, &mut prepared.spans);
            seen.update(prepared.spans.get(before..).unwrap_or_default());
            prepared.spans.long(seq);
        }
        prepared.token = seen.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        prepared
    }
}

impl TraceStore for ClickHouse {
    fn append(&self, spans: Vec<Span>) -> BoxFuture<'_, Result<Appended, StoreError>> {
        Box::pin(Arc::clone(&self.inner).append(spans))
    }

    fn look(&self, limits: Limits, look: Look) -> BoxFuture<'_, Result<(), StoreError>> {
        let inner = Arc::clone(&self.inner);
        Box::pin(async move {
            inner.ready().await?;
            let runtime = Handle::current();
            blocking(move || {
                let kept = Kept::new(&inner, runtime, limits);
                let parts: [&dyn Part; 1] = [&kept];
                look(&mut Reader::new(&parts, limits))
            })
            .await
        })
    }

    fn sql(&self, question: Question) -> BoxFuture<'_, Result<Answer, SqlFailed>> {
        let inner = Arc::clone(&self.inner);
        Box::pin(async move {
            inner.ready().await?;
            sql::ask(&inner, question).await
        })
    }

    /// What was appended is as safe as the server makes it.
    fn flush(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| StoreError::Bug(format!("the store panicked: {error}")))?
}

fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
