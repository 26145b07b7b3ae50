//! Thresholds and randomness of 56 bits (OpenTelemetry specification, "TraceState: Probability Sampling"), and the
//! collector's older buckets.

/// A span is kept where its randomness is at or above the threshold.
pub(super) const ALL: u64 = 0;
pub(super) const NONE: u64 = 1 << 56;
const DIGITS: u32 = 14;

/// The smallest probability that a threshold can stand for.
pub(super) const LEAST: f64 = 1.0 / NONE as f64;

/// The threshold for a probability, with at least so many hexadecimal digits that count; nothing for a probability
/// that is too small.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 2^56, and not below 0")]
pub(super) fn threshold(probability: f64, precision: u32) -> Option<u64> {
    if probability < LEAST {
        return None;
    }
    if probability >= 1.0 {
        return Some(ALL);
    }
    // Leading zeros and leading `f`s do not count as digits of precision.
    let digits = precision + leading_digits(probability).max(leading_digits(1.0 - probability));
    let exact = NONE - (probability * NONE as f64).round() as u64;
    let shift = 4 * DIGITS.saturating_sub(digits);
    if shift == 0 {
        return Some(exact);
    }
    Some((exact + (1 << (shift - 1))) >> shift << shift)
}

/// Hexadecimal zeros behind the point of a number between 0 and 1.
fn leading_digits(number: f64) -> u32 {
    let exponent = (number.to_bits() >> 52 & 0x7ff) as u32;
    1022_u32.saturating_sub(exponent) / 4
}

#[expect(clippy::cast_precision_loss, reason = "a probability")]
pub(super) fn probability(threshold: u64) -> f64 {
    NONE.saturating_sub(threshold) as f64 / NONE as f64
}

/// The low 56 bits of a trace id.
pub(super) fn from_trace_id(id: &[u8]) -> u64 {
    id.iter().rev().take(7).rev().fold(0, |bits, byte| bits << 8 | u64::from(*byte))
}

const BUCKETS: u64 = 0x4000;

/// The threshold of `hash_seed`: whole buckets of 2^14, rounded down.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 2^14, and not below 0")]
pub(super) fn of_buckets(percentage: f32) -> u64 {
    let kept = (percentage * (BUCKETS as f32 / 100.0)) as u64;
    (BUCKETS - kept.min(BUCKETS)) << 42
}

/// The randomness of `hash_seed`: its upper 14 bits are the bucket, counted from the other end.
pub(super) fn from_hash(id: &[u8], seed: u32) -> u64 {
    let hash = fnv(seed.to_le_bytes().iter().chain(id));
    let bucket = u64::from(hash) & (BUCKETS - 1);
    let unused = u64::from(hash >> (32 - 14));
    (BUCKETS - 1 - bucket) << 42 | (unused ^ unused << 10) << 14 | bucket
}

/// FNV-1a of 32 bits.
fn fnv<'b>(bytes: impl Iterator<Item = &'b u8>) -> u32 {
    bytes.fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the collector's `pkg/sampling` and the specification's examples.
    #[test]
    fn known_thresholds() {
        let table = [
            (1.0, 4, "00000000000000"),
            (0.5, 4, "80000000000000"),
            (0.25, 4, "c0000000000000"),
            (1.0 / 3.0, 4, "aaab0000000000"),
            (1.0 / 3.0, 14, "aaaaaaaaaaaaac"),
            (0.1, 4, "e6660000000000"),
            (0.1, 3, "e6600000000000"),
            (0.01, 4, "fd70a000000000"),
            (0.001, 4, "ffbe7700000000"),
            (0.95, 4, "0cccd000000000"),
            (LEAST, 4, "ffffffffffffff"),
        ];
        for (probability, precision, digits) in table {
            let found = threshold(probability, precision).unwrap();
            assert_eq!(format!("{found:014x}"), digits, "{probability} {precision}");
        }
        assert_eq!(threshold(LEAST / 2.0, 4), None);
        assert_eq!(probability(0xc0 << 48), 0.25);
    }

    #[test]
    fn randomness() {
        let id: Vec<u8> = (1..=16).collect();
        assert_eq!(from_trace_id(&id), 0x0a_0b0c_0d0e_0f10);
        assert_eq!(fnv(b"foobar".iter()), 0xbf9c_f968);
        assert_eq!(of_buckets(100.0), 0);
        assert_eq!(of_buckets(50.0), 0x80 << 48);
        assert_eq!(of_buckets(0.001), NONE);
        let random = from_hash(&id, 22);
        assert!(random < NONE && random >> 42 == 0x3fff - (random & 0x3fff));
    }
}
