//! Keeps what is not finished from exporters that cannot take it back.

use std::sync::Arc;

use flow::{Audience, Batch, BoxFuture, Consumer, Drain, Outcome, Refusal};

use super::account::Accounts;

/// Lets through what is for all; the rest is settled and counted.
struct FinishedOnly {
    exporter: Arc<str>,
    accounts: Arc<Accounts>,
    next: Arc<dyn Consumer>,
}

/// The way to an exporter or a connector; only exporters that replace spans are given what is not finished.
pub fn finished_only(
    id: &str,
    replaces: bool,
    accounts: &Arc<Accounts>,
    next: Arc<dyn Consumer>,
) -> Arc<dyn Consumer> {
    if replaces {
        return next;
    }
    Arc::new(FinishedOnly { exporter: Arc::from(id), accounts: Arc::clone(accounts), next })
}

impl Consumer for FinishedOnly {
    fn admit(&self, bytes: usize) -> Result<(), Refusal> {
        self.next.admit(bytes)
    }

    fn consume(&self, batch: Batch) -> BoxFuture<'_, Result<(), Refusal>> {
        if batch.audience == Audience::All {
            return self.next.consume(batch);
        }
        if let Some(account) = self.accounts.get(&batch.pipeline) {
            account.withheld(&self.exporter, batch.items);
        }
        batch.ack.settle(&self.exporter, Outcome::Dropped);
        Box::pin(std::future::ready(Ok(())))
    }

    fn drain(&self, end: Drain) -> BoxFuture<'_, ()> {
        self.next.drain(end)
    }

    fn in_flight(&self) -> u64 {
        self.next.in_flight()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use flow::{Payload, Signal};

    use super::*;

    #[derive(Default)]
    struct Items(AtomicUsize);

    impl Consumer for Items {
        fn consume(&self, batch: Batch) -> BoxFuture<'_, Result<(), Refusal>> {
            self.0.fetch_add(batch.items, Ordering::Relaxed);
            Box::pin(std::future::ready(Ok(())))
        }
    }

    #[tokio::test]
    async fn only_exporters_that_replace_get_what_is_not_finished() {
        for (replaces, taken) in [(true, 5), (false, 3)] {
            let accounts = Arc::new(Accounts::default());
            let account = accounts.open("traces", &[Arc::from("out")]);
            let items = Arc::new(Items::default());
            let way = finished_only("out", replaces, &accounts, Arc::clone(&items) as Arc<dyn Consumer>);
            for (audience, items) in [(Audience::All, 3), (Audience::Stores, 2)] {
                let batch = Batch::new(Signal::Traces, Payload::default(), items);
                account.received(items);
                way.consume(Batch { audience, pipeline: Arc::from("traces"), ..batch }).await.unwrap();
            }
            assert_eq!(items.0.load(Ordering::Relaxed), taken);
            let balance = accounts.balances().remove(0);
            // What went through is counted by the exporter's queue, which is not part of this test.
            assert_eq!((balance.dropped, balance.difference()), (5 - taken as i64, taken as i64));
        }
    }
}
