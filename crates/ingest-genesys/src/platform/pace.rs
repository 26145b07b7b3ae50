//! How fast requests may go.
//!
//! Genesys Cloud allows a token so many requests in a minute and says in each answer how many of them are used
//! (`inin-ratelimit-count`, `-allowed`, `-reset`). The pace spends what is allowed and waits for the rest, so that a
//! refusal (429) is the exception; where one comes, nothing is sent until the service said.

use std::time::Duration;

use tokio::time::Instant;

const MINUTE: Duration = Duration::from_secs(60);
/// What a token of client credentials may ask in a minute, until an answer says otherwise.
const ALLOWED: u32 = 300;
/// Longest wait that an answer can order.
const LONGEST: Duration = Duration::from_secs(600);

/// The window that requests are counted in. Time is an argument.
#[derive(Clone, Debug)]
pub struct Pace {
    allowed: u32,
    used: u32,
    ends: Option<Instant>,
    not_before: Option<Instant>,
}

/// What an answer said about the pace.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Told {
    pub count: Option<u32>,
    pub allowed: Option<u32>,
    /// How long the window goes on.
    pub reset: Option<Duration>,
}

impl Default for Pace {
    fn default() -> Self {
        Self { allowed: ALLOWED, used: 0, ends: None, not_before: None }
    }
}

impl Pace {
    /// Takes a place for one request; an error says for how long there is none.
    pub fn take(&mut self, now: Instant) -> Result<(), Duration> {
        if let Some(until) = self.not_before.filter(|until| *until > now) {
            return Err(until - now);
        }
        if self.ends.is_none_or(|ends| ends <= now) {
            self.ends = Some(now + MINUTE);
            self.used = 0;
        }
        if self.used >= self.allowed {
            return Err(self.ends.map_or(MINUTE, |ends| ends.saturating_duration_since(now)));
        }
        self.used += 1;
        Ok(())
    }

    /// Notes what an answer said. Requests on their way are not in its count, so that the own one is not lowered
    /// within a window.
    pub fn told(&mut self, told: Told, now: Instant) {
        if let Some(allowed) = told.allowed {
            self.allowed = allowed.max(1);
        }
        if let Some(reset) = told.reset.filter(|reset| !reset.is_zero()) {
            self.ends = Some(now + reset.min(MINUTE * 2));
        }
        if let Some(count) = told.count {
            self.used = self.used.max(count);
        }
    }

    /// Notes a refusal: nothing goes out for so long.
    pub fn refused(&mut self, after: Duration, now: Instant) {
        let until = now + after.min(LONGEST);
        self.not_before = self.not_before.max(Some(until));
        self.ends = Some(until);
        self.used = 0;
    }

    /// Requests left in this window, and how many it has.
    pub fn left(&self, now: Instant) -> (u32, u32) {
        let over = self.ends.is_none_or(|ends| ends <= now);
        (if over { self.allowed } else { self.allowed.saturating_sub(self.used) }, self.allowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn spend(pace: &mut Pace, now: Instant) -> (u32, Duration) {
        let mut sent = 0;
        loop {
            match pace.take(now) {
                Ok(()) => sent += 1,
                Err(wait) => return (sent, wait),
            }
        }
    }

    #[test]
    fn a_minute_has_so_many_requests() {
        let start = Instant::now();
        let mut pace = Pace::default();
        assert_eq!(spend(&mut pace, start), (300, MINUTE));
        assert_eq!(spend(&mut pace, start + 20 * SECOND), (0, 40 * SECOND));
        assert_eq!(spend(&mut pace, start + MINUTE), (300, MINUTE));
    }

    #[test]
    fn what_answers_say_counts() {
        let start = Instant::now();
        let mut pace = Pace::default();
        assert_eq!(pace.take(start), Ok(()));
        let told = Told { count: Some(100), allowed: Some(180), reset: Some(30 * SECOND) };
        pace.told(told, start);
        assert_eq!(pace.left(start), (80, 180));
        assert_eq!(pace.left(start + 30 * SECOND), (180, 180));
        assert_eq!(spend(&mut pace, start), (80, 30 * SECOND));
        // An answer that left before the last requests did does not give their places back.
        pace.told(Told { count: Some(101), ..told }, start);
        assert_eq!(spend(&mut pace, start), (0, 30 * SECOND));
        assert_eq!(spend(&mut pace, start + 30 * SECOND).0, 180);
    }

    #[test]
    fn after_a_refusal_nothing_goes_out_until_the_service_said() {
        let start = Instant::now();
        let mut pace = Pace::default();
        pace.refused(42 * SECOND, start);
        assert_eq!(pace.take(start), Err(42 * SECOND));
        pace.refused(10 * SECOND, start + SECOND);
        assert_eq!(pace.take(start + 2 * SECOND), Err(40 * SECOND));
        assert_eq!(pace.take(start + 42 * SECOND), Ok(()));
        pace.refused(Duration::MAX, start);
        assert_eq!(pace.take(start), Err(LONGEST));
    }
}
