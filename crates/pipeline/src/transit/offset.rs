//! By how much another clock is ahead of ours: an interval that the true value lies in.
//!
//! A request that was sent at `a` (our clock) and received at `b` (theirs), whose answer was sent at `c` (theirs) and
//! heard at `d` (ours), says: nothing arrives before it is sent, so the offset is at most `b - a` and at least
//! `c - d`. The width of that is the round trip on the network; the middle is what NTP takes. Every request narrows
//! the interval further, the quickest in each direction most. Since clocks drift, what an older one said is
//! widened by its age.

use std::time::Duration;

/// What two clocks may drift apart: 500 ppm, the fastest that NTP slews a clock.
const DRIFT: i128 = 2000;

/// The four times of one request and its answer, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// On our clock.
    pub(super) sent: u64,
    /// On theirs: when the request's head was there, and when the answer was given to the connection.
    pub(super) received: u64,
    pub(super) answered: u64,
    /// From `sent` to the answer, on a clock that does not step.
    pub(super) elapsed: Duration,
}

/// Limits of a value in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Interval {
    pub(super) low: i128,
    pub(super) high: i128,
}

impl Interval {
    pub(super) fn middle(self) -> i128 {
        self.low.midpoint(self.high)
    }

    /// The middle is wrong by this much at most.
    pub(super) fn half(self) -> i128 {
        self.high - self.middle()
    }

    fn within(self, other: Self) -> Self {
        Self { low: self.low.max(other.low), high: self.high.min(other.high) }
    }

    fn is_empty(self) -> bool {
        self.low > self.high
    }
}

/// What all requests together say. Limits are kept as of time zero and widen with the time that has passed, so that
/// the best of all samples is one number in each direction.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Offset(Option<Interval>);

/// What one sample has brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Heard {
    Narrower,
    /// It contradicts what was known: a clock was set. What was known is forgotten.
    Stepped,
    /// The times cannot be.
    Impossible,
}

impl Offset {
    /// Takes in a sample whose answer was heard at `at`, on a clock that does not step.
    pub(super) fn hear(&mut self, sample: &Sample, at: Duration) -> Heard {
        let said = sample.offset();
        if sample.answered < sample.received || said.is_empty() {
            return Heard::Impossible;
        }
        let since = drift(at);
        let said = Interval { low: said.low + since, high: said.high - since };
        let all = self.0.map_or(said, |known| known.within(said));
        // Of time zero: it may well be empty, as long as it is not by now.
        let now = Interval { low: all.low - since, high: all.high + since };
        let stepped = now.is_empty();
        self.0 = Some(if stepped { said } else { all });
        if stepped { Heard::Stepped } else { Heard::Narrower }
    }

    pub(super) fn at(&self, at: Duration) -> Option<Interval> {
        let drift = drift(at);
        self.0.map(|known| Interval { low: known.low - drift, high: known.high + drift })
    }
}

impl Sample {
    /// Of theirs over ours, when the answer was heard.
    fn offset(&self) -> Interval {
        let heard = i128::from(self.sent) + nanos(self.elapsed);
        Interval {
            low: i128::from(self.answered) - heard,
            high: i128::from(self.received) - i128::from(self.sent) + drift(self.elapsed),
        }
    }

    /// On the network, both ways.
    pub(super) fn round_trip(&self) -> i128 {
        nanos(self.elapsed) - (i128::from(self.answered) - i128::from(self.received))
    }

    /// From `sent` until the whole batch was there at `whole` (their clock), given the offset. No less than nothing, and
    /// no more than what had passed when the answer was heard.
    pub(super) fn delay(&self, whole: u64, offset: Interval) -> Option<Interval> {
        let seen = i128::from(whole) - i128::from(self.sent);
        let drift = drift(self.elapsed);
        let delay = Interval { low: seen - offset.high - drift, high: seen - offset.low + drift };
        let most = nanos(self.elapsed) - (i128::from(self.answered) - i128::from(whole)) + drift;
        let delay = delay.within(Interval { low: 0, high: most });
        (!delay.is_empty()).then_some(delay)
    }
}

fn nanos(duration: Duration) -> i128 {
    i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX / 4)
}

fn drift(over: Duration) -> i128 {
    nanos(over) / DRIFT + 1
}

#[cfg(test)]
mod tests;
