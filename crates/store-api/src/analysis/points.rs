//! Single spans of one kind, kept small, so that each can be named.

use std::sync::Arc;

use throughline_context::{SpanId, TraceId};

use super::histogram::rank;
use super::latency::Latency;
use super::observe::{Observation, Traced};
use super::rollup::Texts;

#[derive(Clone, Debug)]
pub(crate) struct Point {
    pub(crate) start_ns: u64,
    pub(crate) duration_ns: u64,
    pub(crate) failed: bool,
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) interaction: Option<Arc<str>>,
    pub(crate) group: Option<Arc<str>>,
}

/// One span to look at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Example {
    /// p50, p95, p99 or max
    pub at: &'static str,
    pub interaction: Option<String>,
    pub trace_id: TraceId,
    pub span_id: SpanId,
    pub start_ns: u64,
    pub duration_ns: u64,
}

impl Point {
    pub(crate) fn of(
        seen: &Observation<'_>,
        trace: &Traced<'_>,
        group: Option<&str>,
        texts: &mut Texts,
    ) -> Self {
        let span = seen.span;
        let interaction = match span.interaction() {
            Some(own) => Some(texts.shared(&own)),
            None => trace.interaction().map(|id| texts.shared(&id)),
        };
        Self {
            start_ns: span.start_ns,
            duration_ns: span.duration_ns,
            failed: seen.failed,
            trace_id: span.trace_id,
            span_id: span.span_id,
            interaction,
            group: group.map(|group| texts.shared(group)),
        }
    }

    fn example(&self, at: &'static str) -> Example {
        Example {
            at,
            interaction: self.interaction.as_deref().map(str::to_owned),
            trace_id: self.trace_id,
            span_id: self.span_id,
            start_ns: self.start_ns,
            duration_ns: self.duration_ns,
        }
    }
}

/// The shortest first; of equals, the one that began first.
pub(crate) fn sort(points: &mut [Point]) {
    points.sort_unstable_by_key(|point| (point.duration_ns, point.start_ns, point.trace_id, point.span_id));
}

pub(crate) fn durations<'a>(points: impl IntoIterator<Item = &'a Point>) -> Vec<u64> {
    let mut durations: Vec<u64> = points.into_iter().map(|point| point.duration_ns).collect();
    durations.sort_unstable();
    durations
}

pub(crate) fn latency(points: &[Point]) -> Latency {
    let errors = points.iter().filter(|point| point.failed).count();
    Latency::exact(&durations(points), errors as u64)
}

/// One at each percentile, of points in the order of [`sort`].
pub(crate) fn examples(sorted: &[Point]) -> Vec<Example> {
    let at = |(name, q): (&'static str, f64)| {
        let rank = rank(q, sorted.len() as u64)?;
        Some(sorted.get(usize::try_from(rank).ok()? - 1)?.example(name))
    };
    [("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0)].into_iter().filter_map(at).collect()
}
