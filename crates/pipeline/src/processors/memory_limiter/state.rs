//! How many bytes may be held: decided from readings of memory, without a clock or a process.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Limits {
    /// What the process may take.
    pub(super) limit: u64,
    /// What of it telemetry may take; the rest is for surges and for what a byte of telemetry brings with it.
    pub(super) soft: u64,
    pub(super) check_interval: Duration,
}

impl Limits {
    /// What may be held however large the process is: memory that the allocator keeps after a surge is used again
    /// without growing it, and a process that would take nothing could never recover.
    fn least(&self) -> u64 {
        (self.limit / 10).min(self.soft)
    }

    /// After so many bytes more, memory is read again, however young the last reading is.
    pub(super) fn stride(&self) -> u64 {
        self.limit / 16
    }
}

/// Memory at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) at: Instant,
    /// Telemetry that is held, in bytes.
    pub(super) held: u64,
    /// Telemetry given back since the start.
    pub(super) freed: u64,
    /// The resident set, where the system tells.
    pub(super) rss: Option<u64>,
}

#[derive(Debug)]
pub(super) struct State {
    limits: Limits,
    /// The resident set was above the limit, and has not been below the soft one since.
    pressed: bool,
    /// Readings of the last seconds.
    recent: VecDeque<(Instant, u64)>,
    allowance: Allowance,
}

/// What holds until the next reading.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Allowance {
    /// Bytes that may be held.
    pub(super) cap: u64,
    /// Bytes given back per second; the largest number while nothing is known.
    pub(super) rate: u64,
}

impl State {
    /// How far back the rate looks.
    const RECENT: Duration = Duration::from_secs(5);
    /// Between readings that the rate is made of.
    const APART: Duration = Duration::from_millis(200);

    pub(super) fn new(limits: Limits) -> Self {
        let allowance = Allowance { cap: limits.soft, rate: u64::MAX };
        Self { limits, pressed: false, recent: VecDeque::new(), allowance }
    }

    pub(super) fn observe(&mut self, reading: Reading) -> Allowance {
        self.allowance = Allowance { cap: self.cap(&reading), rate: self.rate(&reading) };
        self.allowance
    }

    /// As much more than is held as the resident set may still grow; below the soft limit in any case.
    fn cap(&mut self, reading: &Reading) -> u64 {
        let Limits { limit, soft, .. } = self.limits;
        let Some(rss) = reading.rss else { return soft };
        self.pressed = rss > limit || (self.pressed && rss >= soft);
        let target = if self.pressed { soft } else { limit };
        (reading.held.saturating_add(target)).saturating_sub(rss).clamp(self.limits.least(), soft)
    }

    fn rate(&mut self, reading: &Reading) -> u64 {
        let age = |at: Instant| reading.at.saturating_duration_since(at);
        self.recent.retain(|(at, _)| age(*at) <= Self::RECENT);
        let rate = match self.recent.front() {
            Some((at, freed)) if age(*at) >= Self::APART => {
                per_second(reading.freed.saturating_sub(*freed), age(*at))
            }
            Some(_) => self.allowance.rate,
            None => u64::MAX,
        };
        if self.recent.back().is_none_or(|(at, _)| age(*at) >= Self::APART) {
            self.recent.push_back((reading.at, reading.freed));
        }
        rate
    }
}

fn per_second(bytes: u64, time: Duration) -> u64 {
    let rate = u128::from(bytes) * 1000 / time.as_millis().max(1);
    u64::try_from(rate).unwrap_or(u64::MAX)
}

/// When a client may come back: when the bytes that are too many have gone, in whole seconds.
pub(super) fn retry_after(too_many: u64, rate: u64) -> Duration {
    let seconds = too_many.checked_div(rate).map_or(30, |seconds| seconds.saturating_add(1));
    Duration::from_secs(seconds.min(30))
}
