//! One batch for all exporters of a pipeline.

use std::sync::Arc;
use std::time::Duration;

use flow::{Batch, BoxFuture, Consumer, Refusal};
use futures_util::future::join_all;

use super::account::Accounts;
use super::health::{Health, Phase};

/// Between two attempts to hand a batch to a branch that must take it.
const AGAIN: Duration = Duration::from_millis(50);

/// Gives each branch its own copy. A branch that refuses does not undo what another one has taken: the batch is
/// then lost for that branch alone and counted, since a repeat by the client would double it at the others.
///
/// What lies in a journal is not lost: the branch is waited for, which happens only where its disk is full.
pub struct FanOut {
    branches: Vec<Branch>,
    accounts: Arc<Accounts>,
    health: Arc<Health>,
}

pub struct Branch {
    pub exporter: Arc<str>,
    pub consumer: Arc<dyn Consumer>,
}

impl FanOut {
    /// The only branch itself where there is one.
    pub fn over(branches: Vec<Branch>, accounts: &Arc<Accounts>, health: &Arc<Health>) -> Arc<dyn Consumer> {
        match <[Branch; 1]>::try_from(branches) {
            Ok([only]) => only.consumer,
            Err(branches) => {
                Arc::new(Self { branches, accounts: Arc::clone(accounts), health: Arc::clone(health) })
            }
        }
    }

    /// Offers a batch until it is taken, or the process stops and it stays in the journal.
    async fn insist(&self, branch: &Branch, batch: &Batch) -> Result<(), Refusal> {
        loop {
            tokio::time::sleep(AGAIN).await;
            match branch.consumer.consume(batch.fork()).await {
                Err(refusal) if refusal.retryable() => {}
                answer => return answer,
            }
            if self.health.phase() == Phase::Stopping {
                if let Some(account) = self.accounts.get(&batch.pipeline) {
                    account.enqueued(&branch.exporter, batch.items);
                }
                return Ok(());
            }
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
            let (known, branches): (Vec<_>, Vec<_>) =
                self.branches.iter().partition(|branch| batch.is_known_to(&branch.exporter));
            let mut taken =
                join_all(branches.iter().map(|branch| branch.consumer.consume(batch.fork()))).await;
            let soonest = taken.iter().filter_map(|taken| taken.as_ref().err()).min_by_key(|r| r.retry_after);
            if let (Some(refusal), true) = (soonest, taken.iter().all(Result::is_err)) {
                return Err(refusal.clone());
            }
            let account = self.accounts.get(&batch.pipeline);
            for branch in known {
                account.iter().for_each(|account| account.withheld(&branch.exporter, batch.items));
            }
            for (branch, taken) in branches.iter().zip(&mut taken) {
                if taken.as_ref().is_err_and(Refusal::retryable) && batch.ack.is_durable() {
                    *taken = self.insist(branch, &batch).await;
                }
                let exporter = &branch.exporter;
                if let Err(refusal) = taken {
                    tracing::warn!(%exporter, items = batch.items, why = %refusal, "lost for one exporter, others have it");
                    if let Some(account) = &account {
                        account.never_taken(exporter, batch.items, "queue_full");
                    }
                    batch.ack.settle(exporter, flow::Outcome::Lost("queue_full"));
                }
            }
            Ok(())
        })
    }
}
