//! Durations counted by what they have in common.

use super::histogram::Histogram;
use super::latency::{Latency, Within};
use super::observe::{Observation, Traced};
use super::rollup::Row;
use super::scope::Scope;
use crate::question::Range;
use crate::stage::Stage;

/// What is counted at once: a finished span of a trace, or those of a row that is kept.
pub(crate) enum Finished<'a> {
    Span(&'a Traced<'a>, Observation<'a>),
    Row(&'a Row),
}

#[derive(Clone)]
pub(crate) struct Counted {
    pub(crate) histogram: Histogram,
    pub(crate) errors: u64,
    /// Not above a threshold: exact for spans, of rows as near as a bucket.
    within: u64,
}

impl<'a> Finished<'a> {
    /// The spans of a trace that started in a range.
    pub(crate) fn of(trace: &'a Traced<'a>, range: Range) -> impl Iterator<Item = Self> {
        let started = trace.observations().filter(move |one| range.contains(one.span.start_ns));
        started.map(move |one| Self::Span(trace, one))
    }

    /// When it started, or its row begins.
    pub(crate) fn t(&self) -> u64 {
        match self {
            Self::Span(_, seen) => seen.span.start_ns,
            Self::Row(row) => row.t,
        }
    }

    pub(crate) fn stage(&self) -> Option<Stage> {
        match self {
            Self::Span(_, seen) => seen.stage,
            Self::Row(row) => row.series.stage,
        }
    }

    pub(crate) fn queue(&self) -> Option<&str> {
        match self {
            Self::Span(_, seen) => seen.queue,
            Self::Row(row) => row.series.queue.as_deref(),
        }
    }

    pub(crate) fn region(&self) -> Option<&str> {
        match self {
            Self::Span(_, seen) => seen.region,
            Self::Row(row) => row.series.region.as_deref(),
        }
    }

    pub(crate) fn channel(&self) -> Option<&str> {
        match self {
            Self::Span(_, seen) => seen.channel,
            Self::Row(row) => row.series.channel.as_deref(),
        }
    }

    /// For rows only those with a stage tell.
    pub(crate) fn fits(&self, scope: &Scope) -> bool {
        scope.fits_names(self.region(), self.queue(), self.channel())
    }

    pub(crate) fn record(&self, histogram: &mut Histogram) {
        match self {
            Self::Span(_, seen) => histogram.record(seen.span.duration_ns),
            Self::Row(row) => histogram.merge(&row.histogram),
        }
    }

    /// How many spans it is, failed ones, and such of at most a threshold.
    fn told(&self, threshold_ns: Option<u64>) -> (u64, bool, u64) {
        let within = |of: &dyn Fn(u64) -> u64| threshold_ns.map_or(0, of);
        match self {
            Self::Span(_, seen) => (1, seen.failed, within(&|most| u64::from(seen.span.duration_ns <= most))),
            Self::Row(row) => {
                let histogram = &row.histogram;
                (histogram.count(), row.series.failed, within(&|most| histogram.within(most)))
            }
        }
    }
}

impl Default for Counted {
    fn default() -> Self {
        Self { histogram: Histogram::precise(), errors: 0, within: 0 }
    }
}

impl Counted {
    /// With the threshold that all of it is counted with.
    pub(crate) fn add(&mut self, one: &Finished<'_>, threshold_ns: Option<u64>) {
        let (n, failed, within) = one.told(threshold_ns);
        one.record(&mut self.histogram);
        self.errors += if failed { n } else { 0 };
        self.within += within;
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.histogram.merge(&other.histogram);
        self.errors += other.errors;
        self.within += other.within;
    }

    pub(crate) fn latency(&self) -> Latency {
        Latency::of(&self.histogram, self.errors)
    }

    pub(crate) fn within(&self, threshold_ns: Option<u64>) -> Option<Within> {
        Some(Within { threshold_ns: threshold_ns?, part: self.within, n: self.histogram.count() })
    }
}

impl<'a> FromIterator<&'a Self> for Counted {
    fn from_iter<I: IntoIterator<Item = &'a Self>>(all: I) -> Self {
        let mut whole = Self::default();
        all.into_iter().for_each(|one| whole.merge(one));
        whole
    }
}
