//! The trait that everything else in the product talks to.

use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use flow::BoxFuture;
use throughline_context::TraceId;

use crate::answer::{Appended, Interaction, Page, Trace};
use crate::attr_keys::AttrKeys;
use crate::error::StoreError;
use crate::find::{Extent, Find, Hit, Services};
use crate::hops::{self, Hops};
use crate::question::{Limits, Range, Recent};
use crate::read::Reader;
use crate::span::Span;
use crate::sql;

/// Keeps spans and answers questions about them.
///
/// Of spans with one [`Identity`](crate::span::Identity) the highest revision counts, and of that the one that came
/// first. Any span with an `interaction.id` pulls its whole trace into that interaction.
pub trait TraceStore: Send + Sync {
    /// Called by `lake` for each batch. `Ok` means that the spans can be queried now, and are as safe as the store
    /// promises; after an error all of them may be offered again.
    fn append(&self, spans: Vec<Span>) -> BoxFuture<'_, Result<Appended, StoreError>>;

    /// Called for each question, with what looks for its answer: on a thread that may take its time, over all that is
    /// kept at this moment. [`Questions`] has those there are.
    fn look(&self, limits: Limits, look: Look) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Called for a question in SQL, by those who have an engine for it.
    fn sql(&self, question: sql::Question) -> BoxFuture<'_, Result<sql::Answer, sql::Failed>> {
        drop(question);
        Box::pin(std::future::ready(Err(sql::Failed::Unsupported)))
    }

    /// Called for what a client of Flight SQL asks about; the answer is a whole stream of Arrow IPC, with the columns that
    /// Flight SQL wants.
    fn sql_metadata(&self, about: sql::Metadata) -> BoxFuture<'_, Result<Bytes, sql::Failed>> {
        drop(about);
        Box::pin(std::future::ready(Err(sql::Failed::Unsupported)))
    }

    /// Called after appends: when it returns `Ok`, what had been appended is as safe as it gets. Waits for that to happen
    /// in its time.
    fn safe(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.flush()
    }

    /// Called at shutdown: when it returns `Ok`, all that was appended is as safe as it gets.
    fn flush(&self) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// Looks for one answer, and keeps it.
pub type Look = Box<dyn FnOnce(&mut Reader<'_>) -> Result<(), StoreError> + Send>;

/// What can be asked of every store.
pub trait Questions: TraceStore {
    /// One trace; `None` where no span of it is kept.
    fn trace(
        &self,
        id: TraceId,
        limits: Limits,
    ) -> impl Future<Output = Result<Option<Trace>, StoreError>> + Send {
        answer(self, limits, move |reader| reader.trace(id))
    }

    /// One interaction; `None` where no span that is kept carries the id.
    fn interaction(
        &self,
        id: &str,
        limits: Limits,
    ) -> impl Future<Output = Result<Option<Interaction>, StoreError>> + Send {
        let id = id.to_owned();
        answer(self, limits, move |reader| reader.interaction(&id))
    }

    /// The list of interactions.
    fn recent(&self, question: Recent) -> impl Future<Output = Result<Page, StoreError>> + Send {
        answer(self, question.limits, move |reader| reader.recent(&question))
    }

    /// Traces with spans that are asked for, the newest first: each is shown to `step` with what it makes of them, until
    /// it has enough. Says how far that went.
    fn find<T: Send + 'static>(
        &self,
        question: Find,
        mut taken: T,
        mut step: impl FnMut(&mut T, &Hit<'_>) -> ControlFlow<()> + Send + 'static,
    ) -> impl Future<Output = Result<(T, Extent), StoreError>> + Send {
        answer(self, question.limits, move |reader| {
            let extent = reader.find(&question, |hit| step(&mut taken, hit))?;
            Ok((taken, extent))
        })
    }

    /// The services with spans in a time range.
    fn services(
        &self,
        range: Range,
        limits: Limits,
    ) -> impl Future<Output = Result<(Services, Extent), StoreError>> + Send {
        answer(self, limits, move |reader| reader.services(range))
    }

    /// Which attributes spans carry that started in a time range, or shortly before or after it.
    fn attr_keys(
        &self,
        range: Range,
        limits: Limits,
    ) -> impl Future<Output = Result<AttrKeys, StoreError>> + Send {
        answer(self, limits, move |reader| reader.attr_keys(range))
    }

    /// Where contexts get lost.
    fn hops(&self, question: hops::Question) -> impl Future<Output = Result<Hops, StoreError>> + Send {
        answer(self, question.limits, move |reader| reader.hops(&question))
    }
}

impl<S: TraceStore + ?Sized> Questions for S {}

pub(crate) async fn answer<S: TraceStore + ?Sized, T: Send + 'static>(
    store: &S,
    limits: Limits,
    ask: impl FnOnce(&mut Reader<'_>) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let (put, mut found) = tokio::sync::oneshot::channel();
    // A look takes its thread for as long as it takes, also where the question was given up.
    let asked = Arc::new(());
    let still = Arc::downgrade(&asked);
    let look: Look = Box::new(move |reader| {
        reader.look_while(still);
        // Whoever hung up wants no answer.
        put.send(ask(reader)?).ok();
        Ok(())
    });
    store.look(limits, look).await?;
    drop(asked);
    found.try_recv().map_err(|_| StoreError::Bug("the store did not look".to_owned()))
}
