//! From the store's words to those of the API.

use store_api::analysis::{self, deploys, latency, points};

use super::{Covers, Deploy, ExampleSpan, Latency, Ns, Share, WithinThreshold};

impl Covers {
    pub(crate) fn of(covered: &analysis::Covered, as_of: u64) -> Self {
        Self {
            from: Ns(covered.range.from),
            to: Ns(covered.range.to),
            as_of: Ns(as_of),
            truncated: covered.truncated,
            complete_from: Ns(covered.complete_from),
            spans: covered.spans,
        }
    }
}

impl From<latency::Latency> for Latency {
    fn from(of: latency::Latency) -> Self {
        Self {
            n: of.n,
            errors: of.errors,
            mean_ns: of.mean.map(Ns),
            p50_ns: of.p50.map(Ns),
            p95_ns: of.p95.map(Ns),
            p99_ns: of.p99.map(Ns),
            max_ns: of.max.map(Ns),
        }
    }
}

impl From<deploys::Deploy> for Deploy {
    fn from(of: deploys::Deploy) -> Self {
        Self { at_ns: Ns(of.at_ns), service: of.service, version: of.version, before: of.before }
    }
}

impl From<points::Example> for ExampleSpan {
    fn from(of: points::Example) -> Self {
        Self {
            at: of.at,
            interaction_id: of.interaction,
            trace_id: of.trace_id.to_string(),
            span_id: of.span_id.to_string(),
            start_ns: Ns(of.start_ns),
            duration_ns: Ns(of.duration_ns),
        }
    }
}

impl WithinThreshold {
    pub(super) fn of(within: latency::Within, formula: String) -> Self {
        let share = Share { value: within.share(), part: within.part, n: within.n, formula };
        Self { threshold_ns: Ns(within.threshold_ns), share }
    }

    /// Of the spans of a stage.
    pub(super) fn of_stage(within: latency::Within) -> Self {
        let formula = format!("spans of at most {} / all spans", seconds(within.threshold_ns));
        Self::of(within, formula)
    }
}

/// `20 s`, `1.2 s`.
pub(super) fn seconds(ns: u64) -> String {
    format!("{} s", ns as f64 / 1e9)
}
