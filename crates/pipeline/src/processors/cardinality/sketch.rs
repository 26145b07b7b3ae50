//! How many distinct values there were, estimated in 4 KiB.
//!
//! A HyperLogLog whose estimate is carried along: each change of a register adds the inverse of how likely a change was
//! ("Streamed approximate counting of distinct elements", Ting 2014). The standard error is 0.83 / sqrt(registers), 1.3 %.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};

const BITS: u32 = 12;
const REGISTERS: usize = 1 << BITS;

/// What one takes of memory, beside a little for itself.
pub(super) const BYTES: usize = REGISTERS;

pub(super) struct Sketch {
    registers: Box<[AtomicU8]>,
    sum: Mutex<Sum>,
}

#[derive(Clone, Copy)]
struct Sum {
    /// Of two to the minus register, over all registers.
    weights: f64,
    estimate: f64,
}

impl Sum {
    #[expect(clippy::cast_precision_loss, reason = "4096 is exact")]
    const EMPTY: Self = Self { weights: REGISTERS as f64, estimate: 0.0 };
}

impl Default for Sketch {
    fn default() -> Self {
        let registers = std::iter::repeat_with(AtomicU8::default).take(REGISTERS).collect();
        Self { registers, sum: Mutex::new(Sum::EMPTY) }
    }
}

impl Sketch {
    /// Takes the hash of a value. Gives the new estimate, where the value was certainly not there before.
    #[inline]
    pub(super) fn insert(&self, hash: u64) -> Option<u64> {
        let register = self.registers.get(hash as usize % REGISTERS)?;
        let rank = ((hash >> BITS) | 1 << (64 - BITS)).trailing_zeros() as u8 + 1;
        // This is where all but a few values end.
        if register.load(Ordering::Relaxed) >= rank { None } else { self.raise(register, rank) }
    }

    pub(super) fn estimate(&self) -> u64 {
        rounded(self.sum.lock().unwrap_or_else(PoisonError::into_inner).estimate)
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        let mut sum = self.sum.lock().unwrap_or_else(PoisonError::into_inner);
        self.registers.iter().for_each(|register| register.store(0, Ordering::Relaxed));
        *sum = Sum::EMPTY;
    }

    #[cold]
    fn raise(&self, register: &AtomicU8, rank: u8) -> Option<u64> {
        let mut sum = self.sum.lock().unwrap_or_else(PoisonError::into_inner);
        let before = register.load(Ordering::Relaxed);
        if before >= rank {
            return None;
        }
        register.store(rank, Ordering::Relaxed);
        sum.estimate += Sum::EMPTY.weights / sum.weights;
        sum.weights += weight(rank) - weight(before);
        Some(rounded(sum.estimate))
    }
}

fn weight(rank: u8) -> f64 {
    f64::from(rank).exp2().recip()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive, and a count")]
fn rounded(estimate: f64) -> u64 {
    estimate.round() as u64
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher, RandomState};

    use super::*;

    #[test]
    fn estimates_are_within_four_standard_errors() {
        for _ in 0..8 {
            let hasher = RandomState::new();
            let sketch = Sketch::default();
            let mut checked = 0;
            for value in 1..=300_000_u64 {
                sketch.insert(hasher.hash_one(value));
                sketch.insert(hasher.hash_one(value / 2 + 1));
                if [1, 10, 100, 1_000, 10_000, 100_000, 300_000].contains(&value) {
                    let off = sketch.estimate().abs_diff(value);
                    // 0.83 / 64, four times; and one for rounding.
                    assert!(off as f64 <= 0.052 * value as f64 + 1.0, "{value}: off by {off}");
                    checked += 1;
                }
            }
            assert_eq!(checked, 7);
            sketch.clear();
            assert_eq!(sketch.estimate(), 0);
        }
    }

    #[test]
    fn the_same_values_change_nothing() {
        let hasher = RandomState::new();
        let sketch = Sketch::default();
        for value in 0..1000_u64 {
            sketch.insert(hasher.hash_one(value));
        }
        let estimate = sketch.estimate();
        assert!((0..1000_u64).all(|value| sketch.insert(hasher.hash_one(value)).is_none()));
        assert_eq!(sketch.estimate(), estimate);
        // The rarest hash does not run over.
        assert!(sketch.insert(0).is_some());
    }
}
