//! The trait that everything else in the product talks to.

use flow::BoxFuture;
use throughline_context::TraceId;

use crate::answer::{Appended, Interaction, Page, Trace};
use crate::error::StoreError;
use crate::hops::{self, Hops};
use crate::question::{Limits, Recent};
use crate::span::Span;

/// Keeps spans and answers questions about them.
///
/// Of spans with one [`Identity`](crate::span::Identity) the highest revision counts, and of that the one that came
/// first. Any span with an `interaction.id` pulls its whole trace into that interaction.
pub trait TraceStore: Send + Sync {
    /// Called by `lake` for each batch. `Ok` means that the spans can be queried now, and are as safe as the store
    /// promises; after an error all of them may be offered again.
    fn append(&self, spans: Vec<Span>) -> BoxFuture<'_, Result<Appended, StoreError>>;

    /// Called for one trace; `None` where no span of it is kept.
    fn trace(&self, id: TraceId, limits: Limits) -> BoxFuture<'_, Result<Option<Trace>, StoreError>>;

    /// Called for one interaction; `None` where no span that is kept carries the id.
    fn interaction<'a>(
        &'a self,
        id: &'a str,
        limits: Limits,
    ) -> BoxFuture<'a, Result<Option<Interaction>, StoreError>>;

    /// Called for the list of interactions.
    fn recent(&self, question: Recent) -> BoxFuture<'_, Result<Page, StoreError>>;

    /// Called for where contexts get lost.
    fn hops(&self, question: hops::Question) -> BoxFuture<'_, Result<Hops, StoreError>>;

    /// Called after appends: when it returns `Ok`, what had been appended is as safe as it gets. Waits for that to happen
    /// in its time.
    fn safe(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.flush()
    }

    /// Called at shutdown: when it returns `Ok`, all that was appended is as safe as it gets.
    fn flush(&self) -> BoxFuture<'_, Result<(), StoreError>>;
}
