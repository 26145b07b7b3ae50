//! How durations are spread: a histogram with exemplars.

use std::sync::Arc;

use super::exponential::Exponential;

/// What kind of histogram a connector makes.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    /// Upper bounds, ascending.
    Explicit(Arc<[f64]>),
    /// So many buckets at most.
    Exponential(usize),
}

#[derive(Clone, Debug)]
pub(super) struct Distribution {
    pub(super) count: u64,
    pub(super) sum: f64,
    pub(super) buckets: Buckets,
}

#[derive(Clone, Debug)]
pub(super) enum Buckets {
    /// One more count than bounds.
    Explicit {
        bounds: Arc<[f64]>,
        counts: Box<[u64]>,
    },
    Exponential(Exponential),
}

impl Distribution {
    pub(super) fn new(shape: &Shape) -> Self {
        let buckets = match shape {
            Shape::Explicit(bounds) => {
                Buckets::Explicit { bounds: Arc::clone(bounds), counts: vec![0; bounds.len() + 1].into() }
            }
            Shape::Exponential(most) => Buckets::Exponential(Exponential::new(*most)),
        };
        Self { count: 0, sum: 0.0, buckets }
    }

    /// So many times this value, which is not negative.
    pub(super) fn observe(&mut self, value: f64, times: u64) {
        self.count += times;
        self.sum += value * times as f64;
        match &mut self.buckets {
            Buckets::Explicit { bounds, counts } => {
                let at = bounds.partition_point(|bound| *bound < value);
                if let Some(count) = counts.get_mut(at) {
                    *count += times;
                }
            }
            Buckets::Exponential(exponential) => exponential.observe(value, times),
        }
    }

    /// Bytes on the heap, roughly.
    pub(super) fn bytes(shape: &Shape) -> usize {
        match shape {
            Shape::Explicit(bounds) => 8 * (bounds.len() + 1),
            Shape::Exponential(most) => 8 * most,
        }
    }
}

/// A measured span that stands as an example.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Exemplar {
    pub(super) time_ns: u64,
    pub(super) value: f64,
    pub(super) trace_id: [u8; 16],
    pub(super) span_id: [u8; 8],
}

/// Keeps the slowest: they are what one looks for when an alert fires.
pub(super) fn keep_exemplar(kept: &mut Vec<Exemplar>, most: usize, new: Exemplar) {
    if kept.len() < most {
        kept.push(new);
        return;
    }
    let fastest = kept.iter_mut().min_by(|a, b| a.value.total_cmp(&b.value));
    if let Some(fastest) = fastest.filter(|fastest| fastest.value < new.value) {
        *fastest = new;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_at_a_bound_belongs_below_it() {
        let mut distribution = Distribution::new(&Shape::Explicit([1.0, 2.0].into()));
        for value in [0.0, 1.0, 1.5, 2.0, 2.5] {
            distribution.observe(value, 1);
        }
        let Buckets::Explicit { counts, .. } = &distribution.buckets else { panic!("explicit") };
        assert_eq!((**counts).to_vec(), [2, 2, 1]);
        assert_eq!((distribution.count, distribution.sum), (5, 7.0));
    }

    #[test]
    fn the_slowest_stay_as_examples() {
        let exemplar = |value| Exemplar { time_ns: 0, value, trace_id: [1; 16], span_id: [2; 8] };
        let mut kept = Vec::new();
        for value in [3.0, 1.0, 2.0, 0.5, 9.0] {
            keep_exemplar(&mut kept, 2, exemplar(value));
        }
        let mut values: Vec<_> = kept.iter().map(|kept| kept.value).collect();
        values.sort_by(f64::total_cmp);
        assert_eq!(values, [3.0, 9.0]);
        keep_exemplar(&mut kept, 0, exemplar(99.0));
        assert_eq!(kept.len(), 2);
    }
}
