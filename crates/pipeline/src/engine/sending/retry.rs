//! Exponential backoff with jitter.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use super::settings::RetrySettings;

pub(super) struct Backoff<'s> {
    settings: &'s RetrySettings,
    interval: Duration,
    random: RandomState,
    tries: u64,
}

impl<'s> Backoff<'s> {
    pub(super) fn new(settings: &'s RetrySettings) -> Self {
        Self { settings, interval: settings.initial_interval.get(), random: RandomState::new(), tries: 0 }
    }

    pub(super) fn enabled(&self) -> bool {
        self.settings.enabled
    }

    /// How long to wait before the next attempt; `None` where there is none. Never before the peer's own `after`.
    pub(super) fn next(&mut self, elapsed: Duration, after: Option<Duration>) -> Option<Duration> {
        if !self.settings.enabled {
            return None;
        }
        self.tries += 1;
        let jitter = self.settings.randomization_factor;
        let unit = self.random.hash_one(self.tries) as f64 / u64::MAX as f64;
        let drawn = self.interval.mul_f64((1.0 - jitter + 2.0 * jitter * unit).clamp(0.0, 2.0));
        let longest = self.settings.max_interval.get();
        self.interval = self.interval.mul_f64(self.settings.multiplier.clamp(0.0, 1000.0)).min(longest);
        let delay = drawn.max(after.unwrap_or_default());
        let limit = self.settings.max_elapsed_time.get();
        (limit.is_zero() || elapsed + delay <= limit).then_some(delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow::config::GoDuration;

    #[test]
    fn delays_grow_and_end() {
        let settings = RetrySettings {
            randomization_factor: 0.0,
            max_elapsed_time: GoDuration::from_secs(60),
            ..RetrySettings::default()
        };
        let mut backoff = Backoff::new(&settings);
        let mut elapsed = Duration::ZERO;
        let mut delays = Vec::new();
        while let Some(delay) = backoff.next(elapsed, None) {
            elapsed += delay;
            delays.push(delay.as_secs_f64());
        }
        assert_eq!(delays, [5.0, 7.5, 11.25, 16.875], "the next would end after 60 s");
    }

    #[test]
    fn the_peer_may_ask_for_longer() {
        let settings = RetrySettings { max_elapsed_time: GoDuration::ZERO, ..RetrySettings::default() };
        let mut backoff = Backoff::new(&settings);
        assert_eq!(
            backoff.next(Duration::from_secs(9999), Some(Duration::from_secs(77))),
            Some(Duration::from_secs(77))
        );
        for _ in 0..100 {
            let delay = backoff.next(Duration::ZERO, None).unwrap();
            assert!(delay <= Duration::from_secs(45), "{delay:?}");
        }
    }
}
