//! Who is not done with one entry.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flow::{Ledger, Outcome};

use super::Stream;

pub(super) struct EntryLedger {
    stream: Arc<Stream>,
    id: u64,
    /// A bit for each consumer.
    pending: AtomicU64,
    size: usize,
}

impl EntryLedger {
    pub(super) fn new(stream: &Arc<Stream>, id: u64, pending: u64, size: usize) -> Self {
        Self { stream: Arc::clone(stream), id, pending: AtomicU64::new(pending), size }
    }
}

impl Ledger for EntryLedger {
    fn settle(&self, exporter: &str, _: Outcome) {
        let Some(nth) = self.stream.consumers.iter().position(|consumer| **consumer == *exporter) else {
            return;
        };
        let bit = 1 << nth;
        let before = self.pending.fetch_and(!bit, Ordering::Relaxed);
        if before & bit == 0 {
            return;
        }
        if before == bit {
            self.stream.means.room.settled(self.size as u64);
        }
        self.stream.inbox.settle(self.id, nth);
    }

    fn is_durable(&self) -> bool {
        true
    }
}

impl Drop for EntryLedger {
    /// Nobody will settle it any more in this run; the next one brings it again.
    fn drop(&mut self) {
        if *self.pending.get_mut() != 0 && !self.stream.is_closing() {
            self.stream.metrics.forgotten.inc();
        }
    }
}
