//! Token buckets that may go into debt: what a body costs is known only after it was read, and the debt is waited
//! off by the next request.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::settings::Rates;

/// The buckets of one tenant.
#[derive(Debug)]
pub(super) struct Buckets {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    filled: Instant,
    requests: Option<Bucket>,
    items: Option<Bucket>,
    bytes: Option<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    per_second: f64,
    most: f64,
    left: f64,
}

impl Buckets {
    pub(super) fn new(rates: &Rates, now: Instant) -> Self {
        let bucket = |rate: u64| (rate > 0).then(|| Bucket::new(rate as f64, rates.burst.get()));
        Self {
            inner: Mutex::new(Inner {
                filled: now,
                requests: bucket(rates.requests_per_second),
                items: bucket(rates.items_per_second),
                bytes: bucket(rates.bytes_per_second),
            }),
        }
    }

    /// Takes a request where nothing is owed; else says how long to wait.
    pub(super) fn enter(&self, now: Instant) -> Result<(), Duration> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.fill(now);
        let Inner { requests, items, bytes, .. } = &mut *inner;
        let whole = requests.iter().map(|bucket| bucket.wait(1.0));
        let debts = [&*items, &*bytes].into_iter().flatten().map(|bucket| bucket.wait(0.0));
        let wait = whole.chain(debts).max().unwrap_or_default();
        if wait > Duration::ZERO {
            return Err(wait);
        }
        requests.iter_mut().for_each(|bucket| bucket.left -= 1.0);
        Ok(())
    }

    pub(super) fn spend(&self, bytes: usize, items: usize, now: Instant) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.fill(now);
        inner.items.iter_mut().for_each(|bucket| bucket.left -= items as f64);
        inner.bytes.iter_mut().for_each(|bucket| bucket.left -= bytes as f64);
    }

    /// Since nothing is owed and everything is full, a new one would be the same.
    pub(super) fn is_full(&self, now: Instant) -> bool {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.fill(now);
        [&inner.requests, &inner.items, &inner.bytes]
            .into_iter()
            .flatten()
            .all(|bucket| bucket.left >= bucket.most)
    }
}

impl Inner {
    fn fill(&mut self, now: Instant) {
        let seconds = now.saturating_duration_since(self.filled).as_secs_f64();
        self.filled = now;
        for bucket in [&mut self.requests, &mut self.items, &mut self.bytes].into_iter().flatten() {
            bucket.left = (bucket.left + bucket.per_second * seconds).min(bucket.most);
        }
    }
}

impl Bucket {
    fn new(per_second: f64, burst: Duration) -> Self {
        let most = (per_second * burst.as_secs_f64()).max(1.0);
        Self { per_second, most, left: most }
    }

    /// Until there is so much in it, or nothing is owed.
    fn wait(&self, wanted: f64) -> Duration {
        let missing = wanted - self.left;
        // More than nothing, for what floats leave over.
        if missing <= 1e-6 { Duration::ZERO } else { Duration::from_secs_f64(missing / self.per_second) }
    }
}

#[cfg(test)]
mod tests {
    use flow::config::GoDuration;
    use proptest::prelude::*;

    use super::*;

    fn rates(requests: u64, items: u64, bytes: u64) -> Rates {
        Rates {
            requests_per_second: requests,
            items_per_second: items,
            bytes_per_second: bytes,
            burst: GoDuration::from_secs(2),
        }
    }

    #[test]
    fn a_debt_is_waited_off() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let buckets = Buckets::new(&rates(0, 100, 0), start);
        assert_eq!(buckets.enter(at(0)), Ok(()));
        buckets.spend(1 << 20, 500, at(0));
        assert_eq!(buckets.enter(at(0)), Err(Duration::from_secs(3)), "200 were there, 500 were taken");
        assert_eq!(buckets.enter(at(1000)), Err(Duration::from_secs(2)));
        assert_eq!(buckets.enter(at(3000)), Ok(()));
        assert!(!buckets.is_full(at(3000)) && buckets.is_full(at(5000)));
    }

    #[test]
    fn requests_are_whole() {
        let start = Instant::now();
        let buckets = Buckets::new(&rates(2, 0, 0), start);
        let taken = (0..10).filter(|_| buckets.enter(start).is_ok()).count();
        assert_eq!(taken, 4);
        assert_eq!(buckets.enter(start), Err(Duration::from_millis(500)));
        assert_eq!(buckets.enter(start + Duration::from_millis(500)), Ok(()));
    }

    proptest! {
        /// Whoever comes when told to gets in, and over a long time no more comes in than is allowed.
        #[test]
        fn the_rate_holds(sizes in proptest::collection::vec(1usize..5000, 1..200)) {
            let start = Instant::now();
            let (mut now, mut taken) = (start, 0);
            let buckets = Buckets::new(&rates(0, 0, 1000), start);
            for size in sizes {
                if let Err(wait) = buckets.enter(now) {
                    now += wait + Duration::from_micros(1);
                    prop_assert_eq!(buckets.enter(now), Ok(()));
                }
                buckets.spend(size, 1, now);
                taken += size;
            }
            let allowed = 2000.0 + 1000.0 * now.duration_since(start).as_secs_f64();
            prop_assert!(taken as f64 <= allowed + 5000.0, "the last body may be read whole");
        }
    }
}
