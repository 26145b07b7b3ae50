//! When the next request is due, for all connections together.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Hands out the numbers of the requests, each at its time.
pub(super) struct Pace {
    next: AtomicU64,
    requests: u64,
    start: Instant,
    /// No request starts after this.
    pub(super) end: Instant,
    /// Between two requests; zero is as fast as they are taken.
    interval: Duration,
}

impl Pace {
    /// `per_second` is in requests; none is flat out.
    pub(super) fn new(per_second: Option<f64>, requests: Option<u64>, lasting: Duration) -> Self {
        let start = Instant::now();
        let interval = per_second.map(|rate| Duration::try_from_secs_f64(1.0 / rate).unwrap_or(lasting));
        Self {
            next: AtomicU64::new(0),
            requests: requests.unwrap_or(u64::MAX),
            start,
            end: start + lasting,
            interval: interval.unwrap_or_default(),
        }
    }

    /// The number of the next request, when it is due; none when the run is over.
    ///
    /// A run that has fallen behind its rate catches up: the rate is what is offered, not what is taken.
    pub(super) async fn next(&self) -> Option<u64> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if number >= self.requests {
            return None;
        }
        if !self.interval.is_zero() {
            let due = self.start + self.interval.mul_f64(number as f64);
            sleep_until(due.min(self.end)).await;
        }
        (Instant::now() < self.end).then_some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_rate_and_the_end_are_kept() {
        let pace = Pace::new(Some(100.0), None, Duration::from_secs(1));
        let mut requests = 0;
        while pace.next().await.is_some() {
            requests += 1;
        }
        assert_eq!(requests, 100);
    }

    #[tokio::test(start_paused = true)]
    async fn a_number_of_requests_is_exact() {
        let pace = Pace::new(None, Some(3), Duration::from_secs(1));
        let numbers = [pace.next().await, pace.next().await, pace.next().await, pace.next().await];
        assert_eq!(numbers, [Some(0), Some(1), Some(2), None]);
    }
}
