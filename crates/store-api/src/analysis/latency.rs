//! How long some spans took: from a histogram, or exact from all durations.

use super::histogram::{Histogram, rank};

/// All but the counts are absent where there is nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Latency {
    pub n: u64,
    pub errors: u64,
    pub mean: Option<u64>,
    pub p50: Option<u64>,
    pub p95: Option<u64>,
    pub p99: Option<u64>,
    pub max: Option<u64>,
}

/// How many are within a threshold, of how many.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Within {
    pub threshold_ns: u64,
    pub part: u64,
    pub n: u64,
}

impl Latency {
    pub(crate) fn of(histogram: &Histogram, errors: u64) -> Self {
        Self {
            n: histogram.count(),
            errors,
            mean: histogram.mean(),
            p50: histogram.quantile(0.5),
            p95: histogram.quantile(0.95),
            p99: histogram.quantile(0.99),
            max: histogram.max(),
        }
    }

    pub(crate) fn exact(sorted: &[u64], errors: u64) -> Self {
        let sum: u128 = sorted.iter().map(|ns| u128::from(*ns)).sum();
        let mean = sum.checked_div(sorted.len() as u128).and_then(|mean| u64::try_from(mean).ok());
        Self {
            n: sorted.len() as u64,
            errors,
            mean,
            p50: nearest(sorted, 0.5),
            p95: nearest(sorted, 0.95),
            p99: nearest(sorted, 0.99),
            max: sorted.last().copied(),
        }
    }
}

impl Within {
    pub(crate) fn exact(sorted: &[u64], threshold_ns: u64) -> Self {
        let part = sorted.partition_point(|ns| *ns <= threshold_ns) as u64;
        Self { threshold_ns, part, n: sorted.len() as u64 }
    }

    /// 0 to 1; nothing of nothing.
    pub fn share(&self) -> Option<f64> {
        share(self.part, self.n)
    }
}

pub fn share(part: u64, n: u64) -> Option<f64> {
    (n > 0).then(|| part as f64 / n as f64)
}

/// By nearest rank.
pub(crate) fn nearest(sorted: &[u64], q: f64) -> Option<u64> {
    let rank = rank(q, sorted.len() as u64)?;
    sorted.get(usize::try_from(rank).ok()? - 1).copied()
}
