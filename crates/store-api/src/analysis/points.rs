//! Single spans of one kind, kept small, so that each can be named.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

use throughline_context::{SpanId, TraceId};

use super::latency::Latency;
use super::observe::{Observation, Traced};
use super::rollup::{Exemplar, Texts};

#[derive(Clone, Debug)]
pub(crate) struct Point {
    pub(crate) start_ns: u64,
    pub(crate) duration_ns: u64,
    pub(crate) failed: bool,
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) interaction: Option<Arc<str>>,
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
    pub(crate) fn of(seen: &Observation<'_>, trace: &Traced<'_>, texts: &mut Texts) -> Self {
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

pub(crate) fn durations<'a>(points: impl IntoIterator<Item = &'a Point>) -> Vec<u64> {
    let mut durations: Vec<u64> = points.into_iter().map(|point| point.duration_ns).collect();
    durations.sort_unstable();
    durations
}

pub(crate) fn latency(points: &[Point]) -> Latency {
    let errors = points.iter().filter(|point| point.failed).count();
    Latency::exact(&durations(points), errors as u64)
}

/// One at each percentile, or next to it; of equals the one that began last.
pub(crate) fn examples(points: &[Point], latency: &Latency) -> Vec<Example> {
    let nearest = |(at, ns): (&'static str, u64)| {
        let off = |point: &&Point| {
            (point.duration_ns.abs_diff(ns), Reverse((point.start_ns, point.trace_id, point.span_id)))
        };
        points.iter().min_by_key(off).map(|point| point.example(at))
    };
    told(latency).filter_map(nearest).collect()
}

/// The traces of those next to the percentiles.
pub(crate) fn traces_near(exemplars: &[Exemplar], latency: &Latency) -> Vec<TraceId> {
    let nearest = |ns: u64| exemplars.iter().min_by_key(|one| (one.duration_ns.abs_diff(ns), one.trace_id));
    let traces: BTreeSet<TraceId> =
        told(latency).filter_map(|(_, ns)| nearest(ns)).map(|one| one.trace_id).collect();
    traces.into_iter().collect()
}

fn told(latency: &Latency) -> impl Iterator<Item = (&'static str, u64)> + use<> {
    let Latency { p50, p95, p99, max, .. } = *latency;
    let all = [("p50", p50), ("p95", p95), ("p99", p99), ("max", max)];
    all.into_iter().filter_map(|(at, ns)| Some((at, ns?)))
}
