//! Messages that are sent again until somebody answers.

use bytes::Bytes;

use crate::edge::flow::{Flow, Output};

/// RFC 3261, section 17.1.1.1, in nanoseconds.
pub(super) const T1: u64 = 500_000_000;
pub(super) const T2: u64 = 4_000_000_000;
/// Timers B, D, F, H, I and J.
pub(super) const LONG: u64 = 64 * T1;
/// Timer C: how long a target may let it ring.
pub(super) const C: u64 = 185_000_000_000;

/// One message, and when it is due again. A stream loses nothing, so that nothing is sent again there.
#[derive(Clone, Debug)]
pub(super) struct Repeat {
    to: Flow,
    bytes: Bytes,
    next: u64,
    interval: u64,
    most: u64,
    until: u64,
}

impl Repeat {
    /// Sends it for the first time. The interval doubles up to `most`.
    pub(super) fn send(
        now: u64,
        to: Flow,
        bytes: Bytes,
        most: u64,
        lasts: u64,
        out: &mut Vec<Output>,
    ) -> Self {
        out.push(Output::Send { to, bytes: bytes.clone() });
        let until = now + lasts;
        let next = if to.transport.is_stream() { until } else { now + T1 };
        Self { to, bytes, next, interval: T1, most, until }
    }

    pub(super) fn due(&self) -> u64 {
        self.next.min(self.until)
    }

    /// Sends it again when it is time; false when there has been no answer for too long.
    pub(super) fn tick(&mut self, now: u64, out: &mut Vec<Output>) -> bool {
        if now >= self.until {
            return false;
        }
        if now >= self.next {
            self.interval = (self.interval * 2).min(self.most);
            self.next = now + self.interval;
            self.again(out);
        }
        true
    }

    pub(super) fn again(&self, out: &mut Vec<Output>) {
        out.push(Output::Send { to: self.to, bytes: self.bytes.clone() });
    }

    pub(super) fn to(&self) -> &Flow {
        &self.to
    }
}
