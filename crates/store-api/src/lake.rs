//! The exporter `lake`: into the embedded store.
//!
//! What came through a journal is acknowledged when the store has it on disk, and not when it can be queried: the journal
//! is the store's write-ahead log.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use flow::component::BoxFuture;
use flow::config::{Finding, Node};
use flow::{Ack, Batch, BuildError, Ctx, ExportError, Exporter, Factory, Make, Outcome, Signal};
use prometheus::IntCounter;
use tokio::sync::{Notify, OnceCell};
use tokio::task::AbortHandle;

use crate::door::{Settings, StoreDoor};
use crate::error::StoreError;
use crate::store::TraceStore;
use crate::to_spans::to_spans;

pub const OUT: Factory =
    Factory { name: "lake", aliases: &[], signals: &[Signal::Traces], check, make: Make::Exporter(make) };

/// Where a store may be kept besides a local directory.
const SCHEMES: [&str; 6] = ["s3", "gs", "az", "azure", "abfs", "abfss"];
/// Between two attempts to learn that something is safe.
const AGAIN: Duration = Duration::from_secs(1);

fn check(section: &Node) -> Vec<Finding> {
    let (settings, mut findings) = section.check::<Settings>();
    if let Some(settings) = settings {
        let at = |key| section.get(key).unwrap_or(section);
        if settings.memory_limit_mib < 8 {
            findings.push(Finding::error(at("memory_limit_mib"), "less than 8 MiB cannot hold a batch"));
        }
        if settings.flush_interval.is_zero() {
            let finding = Finding::error(at("flush_interval"), "an interval of zero");
            findings.push(
                finding.help("write `sync: true` to have every batch on disk before it is acknowledged"),
            );
        }
        if settings.refresh_interval.is_zero() {
            findings.push(Finding::error(at("refresh_interval"), "an interval of zero"));
        }
        let scheme = settings.url().and_then(|url| url.split("://").next());
        if scheme.is_some_and(|scheme| !SCHEMES.contains(&scheme)) {
            let finding = Finding::error(
                at("directory"),
                "a store is kept on a local disk, or at s3://, gs:// or az://",
            );
            findings.push(finding);
        } else if scheme.is_some()
            && settings.state_directory.as_ref().is_none_or(|local| !local.is_absolute())
        {
            let finding =
                Finding::error(at("directory"), "a bucket has no place for what only this node needs");
            findings.push(finding.help("set `state_directory` to a local directory of this node"));
        }
        if settings.retention.get().as_secs() < 60 {
            findings.push(Finding::error(at("retention"), "less than a minute"));
        }
    }
    findings
}

fn make(section: &Node, ctx: &Ctx) -> Result<Arc<dyn Exporter>, BuildError> {
    let fail = |why: String| BuildError::new(&ctx.id, why);
    let settings: Settings =
        section.parse().map_err(|findings| fail(findings.iter().map(ToString::to_string).collect()))?;
    let door = ctx.get::<StoreDoor>().ok_or_else(|| fail("this binary offers no store".to_owned()))?;
    door.configure(&ctx.id, settings.clone()).map_err(|error| fail(error.to_string()))?;
    let counter = |name: &str, help: &str| {
        ctx.telemetry.counter(name, help, &["exporter"]).with_label_values(&[ctx.id.as_ref()])
    };
    Ok(Arc::new(Lake {
        id: Arc::clone(&ctx.id),
        kept: Arc::default(),
        settling: Mutex::default(),
        settings,
        door,
        store: OnceCell::new(),
        duplicates: counter("throughline_store_duplicate_spans", "Spans that the store had already."),
        nameless: counter(
            "throughline_store_nameless_spans",
            "Spans without a trace id or a span id, left out.",
        ),
    }))
}

struct Lake {
    id: Arc<str>,
    settings: Settings,
    door: Arc<StoreDoor>,
    store: OnceCell<Arc<dyn TraceStore>>,
    kept: Arc<Kept>,
    settling: Mutex<Option<AbortHandle>>,
    duplicates: IntCounter,
    nameless: IntCounter,
}

impl Lake {
    async fn store(&self) -> Result<&Arc<dyn TraceStore>, StoreError> {
        self.store.get_or_try_init(|| self.door.open(&self.settings)).await
    }
}

impl Exporter for Lake {
    fn start(&self) -> BoxFuture<'_, Result<(), BuildError>> {
        Box::pin(async {
            let opened = self.store().await;
            let store = opened.map_err(|error| BuildError::new(&self.id, error.to_string()))?;
            let settling = settle(Arc::clone(&self.kept), Arc::clone(store), Arc::clone(&self.id));
            let task = tokio::spawn(settling).abort_handle();
            *self.settling.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
            Ok(())
        })
    }

    fn settles(&self) -> bool {
        true
    }

    fn replaces(&self) -> bool {
        true
    }

    fn may_overlap(&self) -> bool {
        false
    }

    fn export<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<(), ExportError>> {
        Box::pin(async {
            let spans = to_spans(&batch.payload);
            let appended = self.store().await?.append(spans.spans).await?;
            self.nameless.inc_by(spans.nameless as u64);
            self.duplicates.inc_by(appended.duplicates as u64);
            if batch.ack.is_durable() && !self.settings.sync {
                self.kept.add(batch.ack.clone());
            } else {
                batch.ack.settle(&self.id, Outcome::Exported);
            }
            Ok(())
        })
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            let task = self.settling.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(task) = task {
                task.abort();
            }
            let Some(store) = self.store.get() else { return };
            let kept = self.kept.len();
            match store.flush().await {
                Ok(()) => self.kept.settle(kept, &self.id),
                Err(error) => {
                    tracing::error!(exporter = %self.id, %error, "spans in memory could not be written and are lost, but for those in a journal");
                }
            }
        })
    }
}

/// Batches that the store has, and not on disk as far as is known.
#[derive(Default)]
struct Kept {
    acks: Mutex<Vec<Ack>>,
    arrived: Notify,
}

impl Kept {
    fn add(&self, ack: Ack) {
        self.acks().push(ack);
        self.arrived.notify_one();
    }

    fn len(&self) -> usize {
        self.acks().len()
    }

    /// The first so many are on disk.
    fn settle(&self, count: usize, exporter: &str) {
        let safe: Vec<Ack> = {
            let mut acks = self.acks();
            let count = count.min(acks.len());
            acks.drain(..count).collect()
        };
        safe.iter().for_each(|ack| ack.settle(exporter, Outcome::Exported));
    }

    fn acks(&self) -> MutexGuard<'_, Vec<Ack>> {
        self.acks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Settles what becomes safe, for ever.
async fn settle(kept: Arc<Kept>, store: Arc<dyn TraceStore>, exporter: Arc<str>) {
    loop {
        let count = kept.len();
        if count == 0 {
            kept.arrived.notified().await;
            continue;
        }
        match store.safe().await {
            Ok(()) => kept.settle(count, &exporter),
            // The store has said why.
            Err(_) => tokio::time::sleep(AGAIN).await,
        }
    }
}

#[cfg(test)]
mod tests;
