//! Values as Prometheus has them.

use flow::otlp::metrics::{Buckets, DataKind, Point};

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Sample {
    Number(f64),
    Histogram(Histogram),
    Summary { quantiles: Vec<(f64, f64)>, sum: f64, count: u64 },
}

/// A classic histogram.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Histogram {
    /// Upper bound and what is in the bucket alone, ascending; above the last one is the rest of `count`.
    pub(super) buckets: Vec<(f64, u64)>,
    pub(super) sum: f64,
    pub(super) count: u64,
}

/// An exponential histogram becomes a classic one with at most so many buckets between a value and its double (as a
/// power of two): the bounds stay the same while the histogram's own scale goes down, and quantiles are off by less
/// than a fifth.
const FINEST_SCALE: i32 = 2;

/// Nobody has so many buckets or quantiles, and each is a line.
const MOST: usize = 4096;

impl Sample {
    /// Nothing where the point has too many buckets or quantiles.
    pub(super) fn of(kind: DataKind, point: &Point<'_>) -> Option<Self> {
        let sample = match kind {
            DataKind::Gauge | DataKind::Sum { .. } => return Some(Self::Number(point.number())),
            DataKind::Histogram => Self::Histogram(explicit(point)),
            DataKind::ExponentialHistogram => Self::Histogram(exponential(point)),
            DataKind::Summary => {
                let quantiles = point.quantiles().take(MOST + 1).collect();
                Self::Summary { quantiles, sum: point.sum(), count: point.count() }
            }
        };
        (sample.lines() <= MOST).then_some(sample)
    }

    fn lines(&self) -> usize {
        match self {
            Self::Number(_) => 1,
            Self::Histogram(histogram) => histogram.buckets.len(),
            Self::Summary { quantiles, .. } => quantiles.len(),
        }
    }

    /// Both together.
    pub(super) fn add(&mut self, other: &Self) {
        match (self, other) {
            (Self::Number(own), Self::Number(other)) => *own += other,
            (Self::Histogram(own), Self::Histogram(other)) => own.add(other),
            // Quantiles of two sources cannot be joined.
            (own, other) => *own = other.clone(),
        }
    }

    /// Whether a counter that showed `self` has begun anew when it shows `next`.
    pub(super) fn is_reset_by(&self, next: &Self) -> bool {
        match (self, next) {
            (Self::Number(own), Self::Number(next)) => next < own,
            (Self::Histogram(own), Self::Histogram(next)) => next.count < own.count,
            _ => false,
        }
    }

    /// On the heap.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Number(_) => 0,
            Self::Histogram(histogram) => size_of::<(f64, u64)>() * histogram.buckets.len(),
            Self::Summary { quantiles, .. } => size_of::<(f64, f64)>() * quantiles.len(),
        }
    }
}

impl Histogram {
    fn new(point: &Point<'_>, mut buckets: Vec<(f64, u64)>) -> Self {
        buckets.retain(|(bound, _)| bound.is_finite());
        buckets.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        buckets.dedup_by(|(bound, count), (before, there)| {
            let same = bound == before;
            if same {
                *there = there.saturating_add(*count);
            }
            same
        });
        Self { buckets, sum: point.sum(), count: point.count() }
    }

    fn add(&mut self, other: &Self) {
        self.sum += other.sum;
        self.count = self.count.saturating_add(other.count);
        for (bound, count) in &other.buckets {
            match self.buckets.binary_search_by(|(own, _)| own.total_cmp(bound)) {
                Ok(at) => {
                    if let Some((_, own)) = self.buckets.get_mut(at) {
                        *own = own.saturating_add(*count);
                    }
                }
                Err(at) if self.buckets.len() < MOST => self.buckets.insert(at, (*bound, *count)),
                // Above it, where there is a bound.
                Err(at) => {
                    if let Some((_, own)) = self.buckets.get_mut(at) {
                        *own = own.saturating_add(*count);
                    }
                }
            }
        }
    }
}

fn explicit(point: &Point<'_>) -> Histogram {
    let (bounds, counts) = (point.explicit_bounds(), point.bucket_counts());
    // Counts without bounds, or of another number, tell nothing but the total.
    let told = counts.len() == bounds.len() + 1;
    let buckets = bounds.into_iter().zip(counts).filter(|_| told);
    Histogram::new(point, buckets.collect())
}

fn exponential(point: &Point<'_>) -> Histogram {
    let mut buckets = Vec::new();
    for (index, count, scale) in coarse(&point.negative(), point.scale()) {
        buckets.push((-power(index, scale), count));
    }
    if point.zero_count() > 0 {
        buckets.push((point.zero_threshold(), point.zero_count()));
    }
    for (index, count, scale) in coarse(&point.positive(), point.scale()) {
        buckets.push((power(index.saturating_add(1), scale), count));
    }
    Histogram::new(point, buckets)
}

/// Buckets joined until they are not finer than the finest scale.
fn coarse(buckets: &Buckets, scale: i32) -> Vec<(i32, u64, i32)> {
    let by = scale.saturating_sub(FINEST_SCALE).clamp(0, 31);
    let mut joined: Vec<(i32, u64, i32)> = Vec::new();
    for (index, count) in (i64::from(buckets.offset)..).zip(&buckets.counts) {
        let index = i32::try_from(index >> by).unwrap_or(i32::MAX);
        match joined.last_mut() {
            Some((last, there, _)) if *last == index => *there = there.saturating_add(*count),
            _ => joined.push((index, *count, scale.min(FINEST_SCALE))),
        }
    }
    joined
}

/// `2^(index / 2^scale)`
fn power(index: i32, scale: i32) -> f64 {
    (f64::from(index) * f64::from(-scale).exp2()).exp2()
}
