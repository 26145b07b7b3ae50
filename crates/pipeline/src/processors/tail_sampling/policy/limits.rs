//! Policies that remember: so much in a second, no more. Shared by all shards.

use std::sync::{Mutex, PoisonError};

use super::{Failed, Named, Subject};

const SECOND: u64 = 1_000_000_000;

/// A token bucket.
#[derive(Debug)]
pub(crate) struct Bucket {
    rate: f64,
    burst: f64,
    state: Mutex<Level>,
}

#[derive(Clone, Copy, Debug)]
struct Level {
    tokens: f64,
    at: u64,
}

impl Bucket {
    /// A burst of 0 is twice the rate.
    pub(crate) fn new(rate: u64, burst: u64) -> Self {
        let burst = if burst == 0 { rate.saturating_mul(2) } else { burst } as f64;
        Self { rate: rate as f64, burst, state: Mutex::new(Level { tokens: burst, at: 0 }) }
    }

    /// What is larger than the bucket is let through when the bucket is full, and paid back by what comes after it:
    /// it could never pass otherwise.
    pub(super) fn take(&self, amount: u64, now: u64) -> bool {
        let mut level = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = now.saturating_sub(level.at) as f64 / SECOND as f64;
        level.tokens = (level.tokens + passed * self.rate).min(self.burst);
        level.at = level.at.max(now);
        let amount = amount as f64;
        let fits = self.burst > 0.0 && level.tokens >= amount.min(self.burst);
        if fits {
            level.tokens -= amount;
        }
        fits
    }
}

/// Several policies that share so many spans a second.
#[derive(Debug)]
pub(crate) struct Composite {
    total: u64,
    /// In the order in which they are asked.
    parts: Vec<Part>,
    state: Mutex<Window>,
}

#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) policy: Named,
    /// Spans a second.
    pub(crate) share: u64,
}

/// What has been taken; beyond a second's worth it is carried into the next ones.
#[derive(Debug, Default)]
struct Window {
    second: u64,
    total: u64,
    parts: Vec<u64>,
}

impl Composite {
    pub(crate) fn new(total: u64, parts: Vec<Part>) -> Self {
        let window = Window { parts: vec![0; parts.len()], ..Window::default() };
        Self { total, parts, state: Mutex::new(window) }
    }

    pub(crate) fn parts(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter()
    }

    /// The first part that wants the trace and has room for it; one without room leaves it to the next.
    pub(super) fn choose(&self, subject: &Subject<'_>, complete: bool) -> Result<Option<usize>, Failed> {
        for (at, part) in self.parts.iter().enumerate() {
            let wanted = part.policy.condition.holds(subject, complete)? == Some(true);
            if wanted && self.take(at, part.share, u64::from(subject.facts.spans), subject.now) {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    /// A trace that is larger than a share passes where nothing else has, as with [`Bucket::take`].
    fn take(&self, at: usize, share: u64, spans: u64, now: u64) -> bool {
        let mut window = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = (now / SECOND).saturating_sub(window.second);
        if passed > 0 {
            window.second += passed;
            window.total = window.total.saturating_sub(self.total.saturating_mul(passed));
            for (taken, part) in window.parts.iter_mut().zip(&self.parts) {
                *taken = taken.saturating_sub(part.share.saturating_mul(passed));
            }
        }
        let fits = |taken: u64, room: u64| room > 0 && (taken == 0 || taken.saturating_add(spans) <= room);
        let total = window.total;
        let Some(taken) = window.parts.get_mut(at) else { return false };
        if !fits(*taken, share) || !fits(total, self.total) {
            return false;
        }
        *taken += spans;
        window.total += spans;
        true
    }
}
