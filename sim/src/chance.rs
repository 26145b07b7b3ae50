//! Chance that repeats: the same seed gives the same data.

use std::time::Duration;

/// SplitMix64 (Steele, Lea and Flood, 2014): small, and random enough for test data.
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// One of many streams of the same seed; neighbours share nothing.
    pub(crate) fn stream(seed: u64, number: u64) -> Self {
        Self(Self(seed).next() ^ Self(number).next())
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn id(&mut self, length: usize) -> Vec<u8> {
        std::iter::repeat_with(|| self.next() as u8).take(length).collect()
    }

    pub(crate) fn pick<T: Copy>(&mut self, first: T, others: &[T]) -> T {
        let index = self.below(others.len() as u64 + 1);
        others.get(index as usize).copied().unwrap_or(first)
    }

    /// From 0 up to but not including 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn happens(&mut self, share: f64) -> bool {
        self.unit() < share
    }

    /// Log-normal, as the lengths of calls are: half are shorter than `median_s`, none is absurd.
    pub(crate) fn around(&mut self, median_s: f64, spread: f64) -> Duration {
        let bell: f64 = (0..12).map(|_| self.unit()).sum::<f64>() - 6.0;
        Duration::from_secs_f64(median_s * (spread * bell.clamp(-2.5, 2.5)).exp())
    }

    /// The wait for the next of events that know nothing of each other and come this often.
    pub(crate) fn next_arrival(&mut self, per_minute: f64) -> Duration {
        Duration::from_secs_f64((-(1.0 - self.unit()).ln() * 60.0 / per_minute).clamp(0.0, 600.0))
    }
}
