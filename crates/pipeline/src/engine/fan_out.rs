//! One batch for all exporters of a pipeline.

use std::sync::Arc;

use flow::{Batch, BoxFuture, Consumer, Refusal};
use futures_util::future::join_all;

use super::account::Accounts;

/// Gives each branch its own copy. A branch that refuses does not undo what another one has taken: the batch is
/// then lost for that branch alone and counted, since a repeat by the client would double it at the others.
pub struct FanOut {
    branches: Vec<Branch>,
    accounts: Arc<Accounts>,
}

pub struct Branch {
    pub exporter: Arc<str>,
    pub consumer: Arc<dyn Consumer>,
}

impl FanOut {
    /// The only branch itself where there is one.
    pub fn over(branches: Vec<Branch>, accounts: &Arc<Accounts>) -> Arc<dyn Consumer> {
        match <[Branch; 1]>::try_from(branches) {
            Ok([only]) => only.consumer,
            Err(branches) => Arc::new(Self { branches, accounts: Arc::clone(accounts) }),
        }
    }
}

impl Consumer for FanOut {
    /// Refuses only where every branch does.
    fn admit(&self, bytes: usize) -> Result<(), Refusal> {
        let mut refused = Ok(());
        for branch in &self.branches {
            match branch.consumer.admit(bytes) {
                Ok(()) => return Ok(()),
                Err(refusal) => refused = Err(refusal),
            }
        }
        refused
    }

    fn consume(&self, batch: Batch) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(async move {
            let taken =
                join_all(self.branches.iter().map(|branch| branch.consumer.consume(batch.fork()))).await;
            let soonest = taken.iter().filter_map(|taken| taken.as_ref().err()).min_by_key(|r| r.retry_after);
            if let (Some(refusal), true) = (soonest, taken.iter().all(Result::is_err)) {
                return Err(refusal.clone());
            }
            for (branch, taken) in self.branches.iter().zip(&taken) {
                let exporter = &branch.exporter;
                if let Err(refusal) = taken {
                    tracing::warn!(%exporter, items = batch.items, why = %refusal, "lost for one exporter, others have it");
                    if let Some(account) = self.accounts.get(&batch.pipeline) {
                        account.never_taken(exporter, batch.items, "queue_full");
                    }
                    batch.ack.settle(exporter, flow::Outcome::Lost("queue_full"));
                }
            }
            Ok(())
        })
    }
}
