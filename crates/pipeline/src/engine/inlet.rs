//! Where the pipelines of a receiver begin: names the pipeline in each batch and keeps its account.

use std::sync::Arc;

use flow::{Batch, BoxFuture, Consumer, Refusal};
use futures_util::future::join_all;

use super::account::Account;
use super::exchange::{Exchange, Unused};

/// Each with its account and its first consumer.
pub type Pipelines = Vec<(Arc<Account>, Arc<dyn Consumer>)>;

/// What a receiver feeds for one signal: one pipeline or several.
pub struct Inlet {
    pipelines: Exchange<Pipelines>,
    /// What a pipeline has taken is on the disk.
    durable: bool,
}

impl Inlet {
    pub fn new(pipelines: Pipelines, durable: bool) -> Self {
        Self { pipelines: Exchange::new(pipelines), durable }
    }

    /// Batches that come from now on go there.
    pub(super) fn put(&self, pipelines: Pipelines) -> Unused {
        self.pipelines.put(pipelines)
    }

    /// Where batches go now.
    pub(super) fn pipelines(&self) -> Pipelines {
        Pipelines::clone(&self.pipelines.get())
    }
}

impl Consumer for Inlet {
    /// Refuses only where every pipeline does.
    fn admit(&self, bytes: usize) -> Result<(), Refusal> {
        let mut refused = Ok(());
        for (_, first) in self.pipelines.get().iter() {
            match first.admit(bytes) {
                Ok(()) => return Ok(()),
                Err(refusal) => refused = Err(refusal),
            }
        }
        refused
    }

    /// A pipeline that refuses what another one has taken loses it, since the client is not asked to repeat. Behind a
    /// journal nothing may be lost, and the client is.
    fn consume(&self, batch: Batch) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(async move {
            let (pipelines, items) = (self.pipelines.get(), batch.items);
            if let [(account, first)] = pipelines.as_slice() {
                let taken = enter(account, &**first, batch).await;
                if taken.is_err() {
                    account.refused(items);
                }
                return taken;
            }
            let entered = pipelines.iter().map(|(account, first)| enter(account, &**first, batch.fork()));
            let taken = join_all(entered).await;
            let soonest = taken.iter().filter_map(|taken| taken.as_ref().err()).min_by_key(|r| r.retry_after);
            let all_refused = taken.iter().all(Result::is_err);
            let repeats = all_refused || self.durable && soonest.is_some();
            for ((account, _), taken) in pipelines.iter().zip(&taken) {
                match taken {
                    Ok(()) => {}
                    Err(_) if repeats => account.refused(items),
                    Err(refusal) => {
                        let pipeline = &account.pipeline;
                        tracing::warn!(%pipeline, items, %refusal, "lost for one pipeline, others have it");
                        account.lost_for_all(&batch, "pipeline_refused");
                    }
                }
            }
            match (repeats, soonest) {
                (true, Some(refusal)) => Err(refusal.clone()),
                _ => Ok(()),
            }
        })
    }
}

fn enter<'c>(
    account: &Account,
    first: &'c dyn Consumer,
    mut batch: Batch,
) -> BoxFuture<'c, Result<(), Refusal>> {
    batch.pipeline = Arc::clone(&account.pipeline);
    account.received(batch.items);
    first.consume(batch)
}
