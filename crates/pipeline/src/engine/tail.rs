//! The end of a pipeline's processors: the way to the exporters, which may change while everything in front of it stays.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flow::{Batch, BoxFuture, Consumer, Refusal};

use super::account::{Account, Accounts};
use super::exchange::{Exchange, Unused};
use super::fan_out::{Branch, FanOut};
use super::health::Health;

pub(super) struct Tail {
    way: Exchange<Way>,
}

/// To so many exporters. When it is dropped, the account hears what the others were not given.
pub(super) struct Way {
    account: Arc<Account>,
    branches: Vec<Branch>,
    next: Arc<dyn Consumer>,
    taken: AtomicU64,
}

impl Tail {
    pub(super) fn new(way: Way) -> Arc<Self> {
        Arc::new(Self { way: Exchange::new(way) })
    }

    pub(super) fn put(&self, way: Way) -> Unused {
        self.way.put(way)
    }

    /// Whether this way leads where the present one does.
    pub(super) fn leads_to(&self, way: &Way) -> bool {
        let now = self.way.get();
        let same = |(a, b): (&Branch, &Branch)| a.exporter == b.exporter && is_same(&a.consumer, &b.consumer);
        now.branches.len() == way.branches.len() && now.branches.iter().zip(&way.branches).all(same)
    }
}

impl Way {
    pub(super) fn new(
        account: &Arc<Account>,
        branches: Vec<Branch>,
        accounts: &Arc<Accounts>,
        health: &Arc<Health>,
    ) -> Self {
        let next = FanOut::over(branches.clone(), accounts, health);
        Self { account: Arc::clone(account), branches, next, taken: AtomicU64::new(0) }
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        let given: Vec<_> = self.branches.iter().map(|branch| &*branch.exporter).collect();
        self.account.passed(&given, self.taken.load(Ordering::Relaxed));
    }
}

impl Consumer for Tail {
    fn admit(&self, bytes: usize) -> Result<(), Refusal> {
        self.way.get().next.admit(bytes)
    }

    fn consume(&self, batch: Batch) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(async move {
            let (way, items) = (self.way.get(), batch.items as u64);
            let taken = way.next.consume(batch).await;
            if taken.is_ok() {
                way.taken.fetch_add(items, Ordering::Relaxed);
            }
            taken
        })
    }
}

/// One and the same thing.
pub(super) fn is_same(a: &Arc<dyn Consumer>, b: &Arc<dyn Consumer>) -> bool {
    std::ptr::addr_eq(Arc::as_ptr(a), Arc::as_ptr(b))
}
