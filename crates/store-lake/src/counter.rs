//! Generations of files, and places in the order of arrival: one order for both.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::disk;
use crate::lake::now_ns;

/// The start of 2020; with it, microseconds fit until 2091.
const EPOCH_US: u64 = 1_577_836_800_000_000;
/// A part of a number that each node has for itself. Two nodes may have drawn the same, and then a file of both at one
/// microsecond is refused to one of them.
const TAG_BITS: u32 = 12;

pub(crate) enum Counter {
    /// Where one process writes: the next number.
    Own(AtomicU64),
    /// Where several do: the last time that was given out, and what this node puts behind each.
    Times { last: AtomicU64, tag: u64 },
}

impl Counter {
    pub(crate) fn from(first: u64) -> Self {
        Self::Own(AtomicU64::new(first))
    }

    pub(crate) fn of_times() -> Self {
        Self::Times { last: AtomicU64::new(0), tag: disk::random() & ((1 << TAG_BITS) - 1) }
    }

    pub(crate) fn next(&self) -> u64 {
        match self {
            Self::Own(next) => next.fetch_add(1, Ordering::Relaxed),
            Self::Times { last, tag } => {
                let now = time(now_ns());
                let next = |last: u64| now.max(last + 1);
                let before = last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last)));
                next(before.unwrap_or(now)) << TAG_BITS | tag
            }
        }
    }

    /// From now on only greater ones, whatever the clock says.
    pub(crate) fn raise(&self, above: u64) {
        match self {
            Self::Own(_) => {}
            Self::Times { last, .. } => drop(last.fetch_max(above >> TAG_BITS, Ordering::Relaxed)),
        }
    }
}

/// Greater than the generations that a node with a right clock made before.
pub(crate) fn before(ns: u64) -> u64 {
    time(ns) << TAG_BITS
}

fn time(ns: u64) -> u64 {
    (ns / 1000).saturating_sub(EPOCH_US)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_up_on_each_node_and_fit_a_long() {
        for counter in [Counter::from(7), Counter::of_times()] {
            let numbers: Vec<u64> = (0..1000).map(|_| counter.next()).collect();
            assert!(numbers.is_sorted_by(|a, b| a < b));
        }
        let counter = Counter::of_times();
        let old = counter.next();
        assert!(old > before(now_ns() - 60_000_000_000) && old < before(now_ns() + 60_000_000_000));
        let above = before(now_ns() + 3600 * 1_000_000_000);
        counter.raise(above);
        assert!(counter.next() > above && i64::try_from(counter.next()).is_ok());
        let year_2090 = 3_786_912_000_000_000_000;
        assert!(i64::try_from(before(year_2090)).is_ok());
    }
}
