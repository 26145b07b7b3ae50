//! How much one address may send.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;

/// Token buckets in a table that never grows. Two addresses may share a bucket; which ones, nobody outside can tell.
pub(super) struct Flood {
    buckets: Vec<Bucket>,
    place: RandomState,
    rate: u64,
}

#[derive(Clone, Copy)]
struct Bucket {
    /// Millionths of a request.
    tokens: u64,
    filled: u64,
}

const BUCKETS: usize = 1 << 13;
const ONE: u64 = 1_000_000;
/// A bucket holds what comes in so many seconds.
const BURST: u64 = 2;

impl Flood {
    /// So many requests a second from each address; nought is no limit.
    pub(super) fn new(rate: u32) -> Self {
        let rate = u64::from(rate);
        let full = Bucket { tokens: rate * BURST * ONE, filled: 0 };
        let buckets = if rate == 0 { Vec::new() } else { vec![full; BUCKETS] };
        Self { buckets, place: RandomState::new(), rate }
    }

    pub(super) fn admits(&mut self, from: IpAddr, now: u64) -> bool {
        // Whoever has one IPv6 address has a network of them.
        let network = match from {
            IpAddr::V4(ip) => u64::from(ip.to_bits()),
            IpAddr::V6(ip) => u64::try_from(ip.to_bits() >> 64).unwrap_or(0),
        };
        let place = usize::try_from(self.place.hash_one(network) % BUCKETS as u64).unwrap_or(0);
        let Some(bucket) = self.buckets.get_mut(place) else { return true };
        let passed = now.saturating_sub(bucket.filled);
        let more = passed.min(BURST * 1_000_000_000) / 1_000 * self.rate;
        bucket.tokens = (bucket.tokens + more).min(self.rate * BURST * ONE);
        bucket.filled = now - if more == 0 { passed.min(now) } else { 0 };
        let admitted = bucket.tokens >= ONE;
        if admitted {
            bucket.tokens -= ONE;
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_fills() {
        let mut flood = Flood::new(10);
        let [one, two] = ["192.0.2.1", "198.51.100.7"].map(|ip| ip.parse::<IpAddr>().unwrap());
        let mut admitted = |ip, now, count| (0..count).filter(|_| flood.admits(ip, now)).count();
        assert_eq!(admitted(one, 1_000, 100), 20);
        assert_eq!(admitted(one, 500_001_000, 100), 5);
        assert_eq!(admitted(two, 500_001_000, 3), 3, "another address has its own");
        assert_eq!(admitted(one, 1_000_000_001_000, 100), 20);
        assert!((0..1000).all(|now| Flood::new(0).admits(one, now)));
    }

    #[test]
    fn many_small_steps_fill_as_one_large() {
        let mut flood = Flood::new(10);
        let ip = IpAddr::from([192, 0, 2, 1]);
        let admitted = (0..1_000_000_u64).filter(|step| flood.admits(ip, step * 1_000 + 999)).count();
        assert_eq!(admitted, 20 + 9, "of one second");
    }
}
