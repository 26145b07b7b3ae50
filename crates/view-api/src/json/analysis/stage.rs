//! One stage, and what differs inside a box of its heat map.

use serde::Serialize;
use store_api::analysis::{differs, stage};
use utoipa::ToSchema;

use super::{Covers, Deploy, ExampleSpan, Latency, Ns, WithinThreshold};

/// One stage over time.
#[derive(Serialize, ToSchema)]
pub(crate) struct StageDetail {
    covers: Covers,
    stage: &'static str,
    latency: Latency,
    #[schema(required)]
    objective_ns: Option<Ns>,
    #[schema(required)]
    within: Option<WithinThreshold>,
    heat: HeatMap,
    /// Every step of the range; the steps of the heat map.
    series: Vec<DetailStep>,
    /// queue, region, channel, version, agent or operation; null where nothing was asked for.
    #[schema(required)]
    group_by: Option<&'static str>,
    /// The largest first.
    groups: Vec<Group>,
    /// At p50, p95, p99 and max, or next to it, as far as there are spans.
    examples: Vec<ExampleSpan>,
    deploys: Vec<Deploy>,
}

/// How many spans started in which step of time and took how long.
#[derive(Serialize, ToSchema)]
struct HeatMap {
    from_ns: Ns,
    step_ns: Ns,
    /// Bounds of the rows, one more than there are rows: each row is √2 times as long as the one before. A span of
    /// exactly a bound is in the row below it.
    bounds_ns: Vec<Ns>,
    /// One list for each step, from the shortest row to the longest.
    counts: Vec<Vec<u64>>,
}

#[derive(Serialize, ToSchema)]
struct DetailStep {
    t_ns: Ns,
    n: u64,
    #[schema(required)]
    p50_ns: Option<Ns>,
    #[schema(required)]
    p95_ns: Option<Ns>,
    #[schema(required)]
    p99_ns: Option<Ns>,
    /// Share that took no longer than the threshold of the service level.
    #[schema(required)]
    within: Option<f64>,
}

#[derive(Serialize, ToSchema)]
struct Group {
    /// Null for spans that do not say.
    #[schema(required)]
    value: Option<String>,
    /// All values that are not listed themselves.
    other: bool,
    latency: Latency,
    #[schema(required)]
    within: Option<f64>,
}

/// Which attributes are more, or less, frequent inside a box of the heat map than outside of it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Differs {
    covers: Covers,
    stage: &'static str,
    #[serde(rename = "box")]
    selected: Selected,
    /// Spans of the stage inside the box.
    inside: u64,
    /// Other spans of the stage in the range, as many of them as were looked at.
    outside: u64,
    /// 0 to 1: where there are more than a question may look at, a sample of so large a share of the traces stands for all that is
    /// outside. What lies in the box is looked at first, also where it began before `covers.complete_from`.
    outside_share: f64,
    /// False where one side has too few spans for anything to be said; the list is then empty.
    enough: bool,
    /// For people.
    note: String,
    /// The largest difference first; differences that may be chance come last.
    differences: Vec<Difference>,
    /// Attributes with too many different values to be compared, in the order of their names.
    left_out: Vec<String>,
    /// Inside the box.
    examples: Vec<ExampleSpan>,
}

#[derive(Serialize, ToSchema)]
struct Selected {
    from_ns: Ns,
    to_ns: Ns,
    min_ns: Ns,
    /// Not included; null where the box has no upper side.
    #[schema(required)]
    max_ns: Option<Ns>,
}

/// One value of one attribute.
#[derive(Serialize, ToSchema)]
struct Difference {
    /// Null for an attribute of the stage's own span, else the service whose spans in the same trace have it.
    #[schema(required)]
    service: Option<String>,
    key: String,
    value: String,
    inside: u64,
    outside: u64,
    /// 0 to 1
    share_inside: f64,
    share_outside: f64,
    /// Inside less outside, in percentage points.
    points: f64,
    /// Chance alone would hardly make it, however many attributes are compared.
    significant: bool,
}

impl StageDetail {
    pub(crate) fn of(
        found: stage::Detail,
        question: &stage::Question,
        objective_ns: Option<u64>,
        as_of: u64,
    ) -> Self {
        let numbers = |of: Vec<u64>| of.into_iter().map(Ns).collect();
        Self {
            covers: Covers::of(&found.covered, as_of),
            stage: question.stage.name(),
            latency: found.latency.into(),
            objective_ns: objective_ns.map(Ns),
            within: found.within.map(WithinThreshold::of_stage),
            heat: HeatMap {
                from_ns: Ns(found.heat.from),
                step_ns: Ns(found.heat.step_ns),
                bounds_ns: numbers(found.heat.bounds),
                counts: found.heat.counts,
            },
            series: found.series.into_iter().map(DetailStep::from).collect(),
            group_by: question.group_by.map(stage::GroupBy::name),
            groups: found.groups.into_iter().map(Group::from).collect(),
            examples: found.examples.into_iter().map(ExampleSpan::from).collect(),
            deploys: found.deploys.into_iter().map(Deploy::from).collect(),
        }
    }
}

impl From<stage::Step> for DetailStep {
    fn from(step: stage::Step) -> Self {
        Self {
            t_ns: Ns(step.t),
            n: step.n,
            p50_ns: step.p50.map(Ns),
            p95_ns: step.p95.map(Ns),
            p99_ns: step.p99.map(Ns),
            within: step.within,
        }
    }
}

impl From<stage::Group> for Group {
    fn from(of: stage::Group) -> Self {
        Self { value: of.value, other: of.other, latency: of.latency.into(), within: of.within }
    }
}

impl Differs {
    pub(crate) fn of(found: differs::Differs, question: &differs::Question, as_of: u64) -> Self {
        let selected = question.selected;
        Self {
            covers: Covers::of(&found.covered, as_of),
            stage: question.stage.name(),
            selected: Selected {
                from_ns: Ns(selected.range.from),
                to_ns: Ns(selected.range.to),
                min_ns: Ns(selected.min_ns),
                max_ns: (selected.max_ns < u64::MAX).then_some(Ns(selected.max_ns)),
            },
            inside: found.inside,
            outside: found.outside,
            outside_share: found.outside_share,
            enough: found.enough,
            note: found.note(),
            differences: found.differences.into_iter().map(Difference::from).collect(),
            left_out: found.left_out,
            examples: found.examples.into_iter().map(ExampleSpan::from).collect(),
        }
    }
}

impl From<differs::Difference> for Difference {
    fn from(of: differs::Difference) -> Self {
        Self {
            points: of.points(),
            service: of.service,
            key: of.key,
            value: of.value,
            inside: of.inside,
            outside: of.outside,
            share_inside: of.share_inside,
            share_outside: of.share_outside,
            significant: of.significant,
        }
    }
}
