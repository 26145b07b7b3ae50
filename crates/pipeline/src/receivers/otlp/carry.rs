//! What was accepted travels on, even when the request that brought it is given up half-way.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use flow::{BoxFuture, Refusal};
use prometheus::IntCounter;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

type Way = BoxFuture<'static, Result<(), Refusal>>;

/// Those whose requests are gone.
pub(super) struct Carriers {
    runtime: Handle,
    abandoned: IntCounter,
    tasks: Mutex<JoinSet<()>>,
}

impl Carriers {
    /// Counts the abandoned requests.
    pub(super) fn new(abandoned: IntCounter) -> Self {
        Self { runtime: Handle::current(), abandoned, tasks: Mutex::default() }
    }

    /// Goes the way in the request's own task; in one of ours once that task is cancelled.
    pub(super) fn go(&self, way: Way) -> Going<'_> {
        Going { way: Some(way), carriers: self }
    }

    /// Waits for those that are still going.
    pub(super) async fn arrive(&self, within: Duration) {
        let mut tasks = std::mem::take(&mut *self.tasks());
        let arrived = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(within, arrived).await.is_err() {
            tracing::warn!(left = tasks.len(), "accepted requests did not get through in time");
        }
    }

    fn tasks(&self) -> std::sync::MutexGuard<'_, JoinSet<()>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct Going<'c> {
    way: Option<Way>,
    carriers: &'c Carriers,
}

impl Future for Going<'_> {
    type Output = Result<(), Refusal>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(way) = &mut self.way else { return Poll::Pending };
        let arrived = way.as_mut().poll(cx);
        if arrived.is_ready() {
            self.way = None;
        }
        arrived
    }
}

impl Drop for Going<'_> {
    fn drop(&mut self) {
        let Some(way) = self.way.take() else { return };
        self.carriers.abandoned.inc();
        let mut tasks = self.carriers.tasks();
        while tasks.try_join_next().is_some() {}
        // Nobody waits for the answer any more; the account has it.
        tasks.spawn_on(async move { drop(way.await) }, &self.carriers.runtime);
    }
}
