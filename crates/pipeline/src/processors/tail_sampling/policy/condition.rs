//! One condition on a trace, answered from its facts.

use super::limits::{Bucket, Composite};
use super::{Failed, Named, Subject};
use crate::fnv::Fnv;
use crate::processors::tail_sampling::facts::Bit;

#[derive(Debug)]
pub(crate) enum Condition {
    Always,
    /// With an upper bound: longer than `from_ms`, and at most that. Without: at least `from_ms`.
    Latency {
        from_ms: u64,
        to_ms: Option<u64>,
    },
    Share(Share),
    /// Bit `n` for status code `n`.
    Status(u8),
    /// Found on a resource or a span.
    Found {
        bit: Bit,
        /// What went wrong in the search counts as an error.
        failed: Option<Bit>,
    },
    SpanCount {
        min: u32,
        max: Option<u32>,
    },
    SpanRate(Bucket),
    ByteRate(Bucket),
    All(Vec<Named>),
    Not(Box<Named>),
    Composite(Composite),
}

/// So many of a hundred traces, chosen by a hash of the trace id.
#[derive(Debug)]
pub(crate) struct Share {
    /// The hash of the salt alone, to go on from.
    pub(super) salted: Fnv,
    threshold: u64,
    pub(super) ratio: f64,
}

impl Share {
    pub(crate) fn new(salt: &str, percentage: f64) -> Self {
        let ratio = (percentage / 100.0).clamp(0.0, 1.0);
        let threshold = if ratio >= 1.0 { u64::MAX } else { (ratio * 2.0_f64.powi(64)) as u64 };
        Self { salted: Fnv::of(salt.as_bytes()), threshold, ratio }
    }

    pub(crate) fn percentage(&self) -> f64 {
        self.ratio * 100.0
    }

    pub(crate) fn takes(&self, key: &[u8]) -> bool {
        self.threshold > 0 && self.salted.and(key).get() <= self.threshold
    }
}

impl Condition {
    /// Yes, no, or not known before all spans are there. Of a complete trace everything is known.
    pub(super) fn holds(&self, subject: &Subject<'_>, complete: bool) -> Result<Option<bool>, Failed> {
        let facts = subject.facts;
        // What is true now stays true, whatever comes.
        let so_far = |yes: bool| if yes || complete { Some(yes) } else { None };
        let at_the_end = |yes: bool| complete.then_some(yes);
        Ok(match self {
            Self::Always => Some(true),
            Self::Latency { from_ms, to_ms: None } => {
                so_far(facts.duration_ms().is_some_and(|ms| ms >= *from_ms))
            }
            Self::Latency { from_ms, to_ms: Some(to_ms) } => {
                at_the_end(facts.duration_ms().is_some_and(|ms| ms > *from_ms && ms <= *to_ms))
            }
            Self::Share(share) => Some(share.takes(&subject.chosen_by)),
            Self::Status(wanted) => so_far(facts.statuses & wanted != 0),
            Self::Found { bit, failed } => {
                let found = facts.hits.has(*bit);
                if !found && failed.is_some_and(|failed| facts.hits.has(failed)) {
                    return Err(Failed);
                }
                so_far(found)
            }
            Self::SpanCount { min, max: None } => so_far(facts.spans >= *min),
            Self::SpanCount { min, max: Some(max) } => at_the_end((min..=max).contains(&&facts.spans)),
            Self::SpanRate(bucket) => {
                at_the_end(complete && bucket.take(u64::from(facts.spans), subject.now))
            }
            Self::ByteRate(bucket) => at_the_end(complete && bucket.take(facts.bytes, subject.now)),
            Self::All(parts) => return all(parts, subject, complete),
            Self::Not(inner) => inner.condition.holds(subject, complete)?.map(|yes| !yes),
            Self::Composite(composite) => {
                at_the_end(complete && composite.choose(subject, complete)?.is_some())
            }
        })
    }

    /// Whether an answer can change back, or depends on other traces: no ground for a decision before the end.
    pub(crate) fn needs_whole_trace(&self) -> bool {
        match self {
            Self::Latency { to_ms, .. } => to_ms.is_some(),
            Self::SpanCount { max, .. } => max.is_some(),
            Self::SpanRate(_) | Self::ByteRate(_) | Self::Composite(_) => true,
            Self::All(parts) => parts.iter().any(|part| part.condition.needs_whole_trace()),
            Self::Not(inner) => inner.condition.needs_whole_trace(),
            Self::Always | Self::Share(_) | Self::Status(_) | Self::Found { .. } => false,
        }
    }
}

/// No as soon as one says no; what stands behind that one is not asked.
pub(super) fn all(parts: &[Named], subject: &Subject<'_>, complete: bool) -> Result<Option<bool>, Failed> {
    let mut whole = Some(true);
    for part in parts {
        match part.condition.holds(subject, complete)? {
            Some(false) => return Ok(Some(false)),
            Some(true) => {}
            None => whole = None,
        }
    }
    Ok(whole)
}
