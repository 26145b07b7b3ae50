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

#[derive(Clone)]
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use flow::{Ack, Ledger, Outcome, Payload, Signal};

    use super::*;

    /// Refuses so many times.
    #[derive(Default)]
    struct Taker {
        refusals: Mutex<usize>,
        taken: Mutex<usize>,
    }

    impl Consumer for Taker {
        fn consume(&self, batch: Batch) -> BoxFuture<'_, Result<(), Refusal>> {
            Box::pin(async move {
                let mut refusals = self.refusals.lock().unwrap();
                if let Some(left) = refusals.checked_sub(1) {
                    *refusals = left;
                    return Err(Refusal::busy("full", Duration::from_secs(1)));
                }
                *self.taken.lock().unwrap() += batch.items;
                Ok(())
            })
        }
    }

    struct Entry {
        durable: bool,
        settled: Mutex<Vec<(String, Outcome)>>,
    }

    impl Ledger for Entry {
        fn settle(&self, exporter: &str, outcome: Outcome) {
            self.settled.lock().unwrap().push((exporter.to_owned(), outcome));
        }

        fn is_durable(&self) -> bool {
            self.durable
        }
    }

    /// Scenario: one of two exporters refuses twice, with a journal in front and without; and one that has it already.
    /// Guarantees: with a journal the batch is offered until it is taken; nobody gets twice what he has; the law closes.
    #[tokio::test(start_paused = true)]
    async fn what_lies_in_a_journal_is_not_lost_for_one_exporter() {
        for (durable, refusals, known, expected, lost) in [
            (false, 2, None, [5, 0], 5),
            (true, 2, None, [5, 5], 0),
            (true, 0, Some("a"), [0, 5], 0),
            (true, 0, Some("b"), [5, 0], 0),
        ] {
            let accounts = Arc::new(Accounts::default());
            let names: [Arc<str>; 2] = ["a", "b"].map(Arc::from);
            let account = accounts.open("traces", &names);
            let [steady, full] = [0, refusals]
                .map(|refusals| Arc::new(Taker { refusals: Mutex::new(refusals), ..Taker::default() }));
            let branch = |exporter: &Arc<str>, taker: &Arc<Taker>| Branch {
                exporter: Arc::clone(exporter),
                consumer: Arc::clone(taker) as Arc<dyn Consumer>,
            };
            let branches = vec![branch(&names[0], &steady), branch(&names[1], &full)];
            let fan_out = FanOut::over(branches, &accounts, &Arc::default());
            let entry = Arc::new(Entry { durable, settled: Mutex::default() });
            let mut batch = Batch::new(Signal::Traces, Payload::default(), 5);
            batch.pipeline = Arc::from("traces");
            batch.already = known.into_iter().map(Arc::from).collect();
            batch.ack = Ack::new(Arc::clone(&entry) as Arc<dyn Ledger>);
            account.received(5);
            fan_out.consume(batch).await.unwrap();
            assert_eq!([&steady, &full].map(|taker| *taker.taken.lock().unwrap()), expected);
            assert_eq!(entry.settled.lock().unwrap().len(), usize::from(lost > 0), "{durable} {known:?}");
            for (balance, taken) in accounts.balances().iter().zip(expected) {
                // What was taken is counted by the queues, which are not part of this test.
                assert_eq!(balance.difference(), i64::from(taken as i32), "{balance:?}");
            }
            assert_eq!(accounts.balances()[1].lost, lost);
        }
    }
}
