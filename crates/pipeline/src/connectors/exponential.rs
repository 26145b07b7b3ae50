//! Exponential histograms (OpenTelemetry, "Metrics Data Model", "ExponentialHistogram").

use std::collections::VecDeque;

const MAX_SCALE: i32 = 20;
const MIN_SCALE: i32 = -10;

/// Buckets whose bounds are powers of `2^(2^-scale)`. The scale goes down where the values would need more buckets.
#[derive(Clone, Debug)]
pub(super) struct Exponential {
    most: usize,
    pub(super) scale: i32,
    /// Index of the first bucket; bucket `i` holds values above `base^i`, up to `base^(i+1)`.
    pub(super) offset: i32,
    pub(super) counts: VecDeque<u64>,
    pub(super) zeros: u64,
}

impl Exponential {
    pub(super) fn new(most: usize) -> Self {
        Self { most: most.max(2), scale: MAX_SCALE, offset: 0, counts: VecDeque::new(), zeros: 0 }
    }

    pub(super) fn observe(&mut self, value: f64, times: u64) {
        if value.is_nan() || value <= 0.0 {
            self.zeros += times;
            return;
        }
        while self.scale > MIN_SCALE && self.needed(index(value, self.scale)) > self.most {
            self.halve();
        }
        let index = index(value, self.scale);
        if self.counts.is_empty() {
            self.offset = index;
        }
        for _ in index..self.offset {
            self.counts.push_front(0);
        }
        self.offset = self.offset.min(index);
        let at = (index - self.offset) as usize;
        if at >= self.counts.len() {
            self.counts.resize(at + 1, 0);
        }
        if let Some(count) = self.counts.get_mut(at) {
            *count += times;
        }
    }

    /// Buckets that are there once one with this index is.
    fn needed(&self, index: i32) -> usize {
        if self.counts.is_empty() {
            return 1;
        }
        let last = self.offset + self.counts.len() as i32 - 1;
        (last.max(index) - self.offset.min(index)) as usize + 1
    }

    /// Joins buckets in pairs.
    fn halve(&mut self) {
        let mut joined: VecDeque<u64> = VecDeque::new();
        let first = self.offset >> 1;
        for (index, count) in (self.offset..).zip(&self.counts) {
            let at = ((index >> 1) - first) as usize;
            match joined.get_mut(at) {
                Some(there) => *there += count,
                None => joined.push_back(*count),
            }
        }
        self.offset = first;
        self.counts = joined;
        self.scale -= 1;
    }
}

/// The bucket of a positive value.
fn index(value: f64, scale: i32) -> i32 {
    (value.log2() * f64::from(scale).exp2()).ceil() as i32 - 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn powers_of_two_are_upper_bounds() {
        for (value, scale, expected) in
            [(1.0, 0, -1), (2.0, 0, 0), (2.1, 0, 1), (4.0, 0, 1), (4.0, 1, 3), (4.0, -1, 0), (0.5, 0, -2)]
        {
            assert_eq!(index(value, scale), expected, "{value} at {scale}");
        }
    }

    proptest! {
        #[test]
        fn every_value_is_in_its_bucket(values in proptest::collection::vec(0.0..1e9f64, 1..200), most in 2..40usize) {
            let mut histogram = Exponential::new(most);
            for value in &values {
                histogram.observe(*value, 1);
            }
            prop_assert!(histogram.counts.len() <= most);
            prop_assert_eq!(histogram.counts.iter().sum::<u64>() + histogram.zeros, values.len() as u64);
            for (bucket, count) in (histogram.offset..).zip(&histogram.counts) {
                let there = values.iter().filter(|value| **value > 0.0 && index(**value, histogram.scale) == bucket);
                prop_assert_eq!(there.count() as u64, *count);
            }
        }
    }
}
