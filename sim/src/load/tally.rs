//! The accounts of a run.

use std::time::Duration;

use serde::Serialize;

/// What became of the spans that were offered.
///
/// Every offered span is in exactly one of `accepted`, `rejected`, `refused`, `given_up` and `unknown`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    pub offered: u64,
    /// Answered with success.
    pub accepted: u64,
    /// Taken back by the partial success of an answer.
    pub rejected: u64,
    /// Answered with an error that a client must not retry.
    pub refused: u64,
    /// Not taken by the time the client stopped trying.
    pub given_up: u64,
    /// Sent, but the connection broke before the answer, or it did not come in time.
    pub unknown: u64,
    /// Requests sent, each retry counted.
    pub attempts: u64,
    /// Answers that said: later.
    pub busy: u64,
    /// Of those, the ones that did not say when.
    pub timeless: u64,
    /// The first answer of refusal, word for word.
    pub first_refusal: Option<String>,
    #[serde(skip)]
    waits_us: Vec<u32>,
}

impl Tally {
    /// The accounts of both.
    pub fn join(&mut self, other: Self) {
        self.offered += other.offered;
        self.accepted += other.accepted;
        self.rejected += other.rejected;
        self.refused += other.refused;
        self.given_up += other.given_up;
        self.unknown += other.unknown;
        self.attempts += other.attempts;
        self.busy += other.busy;
        self.timeless += other.timeless;
        self.first_refusal = self.first_refusal.take().or(other.first_refusal);
        self.waits_us.extend(other.waits_us);
    }

    pub(super) fn waited(&mut self, wait: Duration) {
        self.waits_us.push(u32::try_from(wait.as_micros()).unwrap_or(u32::MAX));
    }

    /// The time from a request to its success that this share of requests (0 to 1) stayed below.
    pub fn wait_below(&self, share: f64) -> Option<Duration> {
        let mut waits = self.waits_us.clone();
        let last = waits.len().checked_sub(1)?;
        let (_, wait, _) = waits.select_nth_unstable((last as f64 * share.clamp(0.0, 1.0)) as usize);
        Some(Duration::from_micros(u64::from(*wait)))
    }
}

/// A finished run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub tally: Tally,
    pub took: Duration,
}

impl Report {
    pub fn accepted_per_second(&self) -> f64 {
        self.tally.accepted as f64 / self.took.as_secs_f64().max(f64::MIN_POSITIVE)
    }
}
