//! Where the time goes, as JSON. Every number that stands for a set says how many it stands for.

mod overview;
mod stage;
mod compare;
mod transfers;
mod call;
mod matrix;
mod live;
mod of;

use serde::Serialize;
use utoipa::ToSchema;

pub(crate) use call::{CallChain, CallPath, CallPercentiles};
pub(crate) use compare::Compared;
pub(crate) use live::{Changed, Running};
pub(crate) use matrix::HopMatrix;
pub(crate) use overview::Overview;
pub(crate) use stage::{Differs, StageDetail};
pub(crate) use transfers::Transfers;

use super::{Ns, Summary};

/// What an answer is about, and how much of it was looked at.
#[derive(Serialize, ToSchema)]
pub(crate) struct Covers {
    from: Ns,
    /// Not included.
    to: Ns,
    /// When the answer was made: what goes on was told until then.
    as_of: Ns,
    /// A limit stopped the look: what began before `complete_from` is left out.
    truncated: bool,
    /// From here on nothing was left out.
    complete_from: Ns,
    /// Spans that were counted one by one.
    spans: u64,
}

/// How long some finished spans took. All but `n` and `errors` are null where there is none.
#[derive(Serialize, ToSchema)]
pub(crate) struct Latency {
    /// How many spans the percentiles stand for.
    n: u64,
    errors: u64,
    #[schema(required)]
    mean_ns: Option<Ns>,
    #[schema(required)]
    p50_ns: Option<Ns>,
    #[schema(required)]
    p95_ns: Option<Ns>,
    #[schema(required)]
    p99_ns: Option<Ns>,
    #[schema(required)]
    max_ns: Option<Ns>,
}

/// A share, and how it is reckoned.
#[derive(Serialize, ToSchema)]
pub(crate) struct Share {
    /// 0 to 1; null where there is nothing to share.
    #[schema(required)]
    value: Option<f64>,
    part: u64,
    /// How many the share is of.
    n: u64,
    /// For people.
    formula: String,
}

/// How many took no longer than a threshold.
#[derive(Serialize, ToSchema)]
pub(crate) struct WithinThreshold {
    threshold_ns: Ns,
    share: Share,
}

/// The first sight of a version of a service that ran another version before.
#[derive(Serialize, ToSchema)]
pub(crate) struct Deploy {
    at_ns: Ns,
    service: String,
    version: String,
    /// The version before.
    before: String,
}

/// One span to look at.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExampleSpan {
    /// Which of the set it is: p50, p95, p99 or max.
    at: &'static str,
    /// Null where its trace belongs to no interaction by this span.
    #[schema(required)]
    interaction_id: Option<String>,
    trace_id: String,
    span_id: String,
    start_ns: Ns,
    duration_ns: Ns,
}
