//! Requests that were served before `init` ran: their spans are lost, and nobody would notice.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// What happened in which order, for one process or for one test.
#[derive(Debug)]
pub(crate) struct Order {
    started: AtomicBool,
    early: AtomicU64,
}

/// The process.
pub(crate) static PROCESS: Order = Order::new();

impl Order {
    pub(crate) const fn new() -> Self {
        Self { started: AtomicBool::new(false), early: AtomicU64::new(0) }
    }

    /// A request is served; true for the first one that comes too early.
    #[cfg(any(feature = "tower", test))]
    pub(crate) fn serve(&self) -> bool {
        !self.started.load(Relaxed) && self.early.fetch_add(1, Relaxed) == 0
    }

    /// Spans are sent from now on; tells how many requests came too early.
    #[cfg(any(feature = "otlp", test))]
    pub(crate) fn start(&self) -> u64 {
        self.started.store(true, Relaxed);
        self.early.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::Order;

    #[test]
    fn requests_before_the_start_are_counted() {
        let order = Order::new();
        assert_eq!([order.serve(), order.serve()], [true, false]);
        assert_eq!(order.start(), 2);
        assert!(!order.serve());
        assert_eq!(order.start(), 2);
    }
}
