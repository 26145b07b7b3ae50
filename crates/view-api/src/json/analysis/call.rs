//! One interaction: critical path, chain, percentiles.

use serde::Serialize;
use store_api::Stage;
use store_api::analysis::{chain, path, percentiles, share};
use utoipa::ToSchema;

use super::{Covers, Ns, Summary};
use crate::links::Link;

/// Of a histogram that stands in a tooltip.
const BARS: usize = 24;

/// What the caller waited for, moment by moment.
#[derive(Serialize, ToSchema)]
pub(crate) struct CallPath {
    interaction_id: String,
    start_ns: Ns,
    /// Where the path ends: when the caller left, or with `whole=true` when the last span ended.
    end_ns: Ns,
    /// The last moment of a span that is not wrap-up; null where everything is wrap-up.
    #[schema(required)]
    caller_left_ns: Option<Ns>,
    /// One after another, without overlap; together with `idle_ns` they are the whole time.
    steps: Vec<PathStep>,
    /// When no span was there.
    idle_ns: Ns,
    /// How much of the path each kind of span took, the most first.
    shares: Vec<PathShare>,
    as_of: Ns,
    /// The interaction has more spans than were looked at.
    truncated: bool,
}

/// A stretch of time in which one span was what everything waited for.
#[derive(Serialize, ToSchema)]
struct PathStep {
    trace_id: String,
    span_id: String,
    start_ns: Ns,
    duration_ns: Ns,
    name: String,
    service: String,
    #[schema(required)]
    stage: Option<&'static str>,
}

#[derive(Serialize, ToSchema)]
struct PathShare {
    #[schema(required)]
    stage: Option<&'static str>,
    service: String,
    name: String,
    /// Stretches.
    n: u64,
    duration_ns: Ns,
    /// 0 to 1
    share: f64,
}

/// Interactions that are joined by links, in the order of time.
#[derive(Serialize, ToSchema)]
pub(crate) struct CallChain {
    interaction_id: String,
    calls: Vec<ChainCall>,
    /// Traces of no interaction that links by hand join to these calls.
    traces: Vec<ChainTrace>,
    /// From the start of the first to the end of the last.
    duration_ns: Ns,
    as_of: Ns,
    /// There are more than were followed.
    truncated: bool,
}

#[derive(Serialize, ToSchema)]
struct ChainCall {
    interaction: Summary,
    /// this, previous or next
    place: &'static str,
    /// The word of the link that led here (`interaction.link.type`): `transfer`, `conversation`, `previous` ...; `manual`
    /// where somebody made it by hand; null for this one, and where the link has none.
    #[schema(required)]
    link: Option<String>,
    /// The link says that it is one of several possible.
    ambiguous: bool,
    /// Who made the link by hand, when and why; null where telemetry tells it.
    #[schema(required)]
    by_hand: Option<Link>,
}

#[derive(Serialize, ToSchema)]
struct ChainTrace {
    trace_id: String,
    #[schema(required)]
    by_hand: Option<Link>,
}

/// Where each span stands among those of its kind: of one stage, or one operation of one service.
#[derive(Serialize, ToSchema)]
pub(crate) struct CallPercentiles {
    interaction_id: String,
    /// The time that the spans are compared with.
    covers: Covers,
    /// The kinds of its spans, in the order in which it comes to them.
    kinds: Vec<KindOfSpan>,
    /// Finished spans of the interaction; those that nothing is known of are left out.
    spans: Vec<SpanPercentile>,
}

/// All spans of one stage, or of one operation of one service.
#[derive(Serialize, ToSchema)]
struct KindOfSpan {
    #[schema(required)]
    stage: Option<&'static str>,
    #[schema(required)]
    service: Option<String>,
    #[schema(required)]
    operation: Option<String>,
    n: u64,
    p50_ns: Ns,
    p95_ns: Ns,
    p99_ns: Ns,
    /// Of the bars of a histogram on a logarithmic scale, one more than there are bars.
    bounds_ns: Vec<Ns>,
    /// How many spans each bar holds.
    counts: Vec<u64>,
}

#[derive(Serialize, ToSchema)]
struct SpanPercentile {
    trace_id: String,
    span_id: String,
    /// Place in `kinds`.
    kind: usize,
    /// Spans of its kind.
    n: u64,
    /// 0 to 100: so many of them in a hundred took no longer.
    percentile: f64,
}

impl CallPath {
    pub(crate) fn of(id: String, path: path::Path, as_of: u64) -> Self {
        let whole = path.end_ns.saturating_sub(path.start_ns);
        let part = |of: path::Share| PathShare {
            stage: of.stage.map(Stage::name),
            service: of.service,
            name: of.name,
            n: of.n,
            duration_ns: Ns(of.duration_ns),
            share: share(of.duration_ns, whole).unwrap_or(0.0),
        };
        Self {
            interaction_id: id,
            start_ns: Ns(path.start_ns),
            end_ns: Ns(path.end_ns),
            caller_left_ns: path.caller_left_ns.map(Ns),
            steps: path.steps.into_iter().map(PathStep::from).collect(),
            idle_ns: Ns(path.idle_ns),
            shares: path.shares.into_iter().map(part).collect(),
            as_of: Ns(as_of),
            truncated: path.truncated,
        }
    }
}

impl From<path::Step> for PathStep {
    fn from(step: path::Step) -> Self {
        Self {
            trace_id: step.span.trace_id.to_string(),
            span_id: step.span.span_id.to_string(),
            start_ns: Ns(step.start_ns),
            duration_ns: Ns(step.duration_ns),
            name: step.span.name.clone(),
            service: step.span.resource.service().to_owned(),
            stage: step.span.stage().map(Stage::name),
        }
    }
}

impl CallChain {
    pub(crate) fn of(id: String, chain: chain::Chain, links: &[Link], as_of: u64) -> Self {
        let by_hand = |id: &str| links.iter().find(|link| link.id == id).cloned();
        let calls: Vec<chain::Call> = chain
            .calls
            .into_iter()
            .map(|call| chain::Call { summary: call.summary.as_of(as_of), ..call })
            .collect();
        let own = calls.iter().position(|call| call.summary.id == id).unwrap_or(0);
        let start = calls.first().map_or(0, |call| call.summary.start_ns);
        let end = calls.iter().map(|call| call.summary.end_ns).max().unwrap_or(start);
        let call = |(place, call): (usize, chain::Call)| ChainCall {
            place: match place.cmp(&own) {
                std::cmp::Ordering::Less => "previous",
                std::cmp::Ordering::Equal => "this",
                std::cmp::Ordering::Greater => "next",
            },
            interaction: call.summary.into(),
            link: call.link,
            ambiguous: call.ambiguous,
            by_hand: call.by_hand.as_deref().and_then(by_hand),
        };
        let trace = |joined: chain::Joined| ChainTrace {
            trace_id: joined.trace_id.to_string(),
            by_hand: by_hand(&joined.by_hand),
        };
        Self {
            calls: calls.into_iter().enumerate().map(call).collect(),
            traces: chain.traces.into_iter().map(trace).collect(),
            interaction_id: id,
            duration_ns: Ns(end.saturating_sub(start)),
            as_of: Ns(as_of),
            truncated: chain.truncated,
        }
    }
}

impl CallPercentiles {
    pub(crate) fn of(id: String, found: percentiles::Percentiles, as_of: u64) -> Self {
        let badge = |of: percentiles::Badge| SpanPercentile {
            trace_id: of.trace_id.to_string(),
            span_id: of.span_id.to_string(),
            kind: of.kind,
            n: of.n,
            percentile: of.percentile,
        };
        Self {
            interaction_id: id,
            covers: Covers::of(&found.covered, as_of),
            kinds: found.kinds.into_iter().map(KindOfSpan::from).collect(),
            spans: found.spans.into_iter().map(badge).collect(),
        }
    }
}

impl From<percentiles::Counted> for KindOfSpan {
    fn from(of: percentiles::Counted) -> Self {
        let quantile = |q| Ns(of.histogram.quantile(q).unwrap_or(0));
        let (bounds, counts) = of.histogram.bars(BARS);
        let (stage, service, operation) = match of.kind {
            percentiles::Kind::Stage(stage) => (Some(stage.name()), None, None),
            percentiles::Kind::Operation(service, operation) => (None, Some(service), Some(operation)),
        };
        Self {
            stage,
            service,
            operation,
            n: of.histogram.count(),
            p50_ns: quantile(0.5),
            p95_ns: quantile(0.95),
            p99_ns: quantile(0.99),
            bounds_ns: bounds.into_iter().map(Ns).collect(),
            counts,
        }
    }
}
