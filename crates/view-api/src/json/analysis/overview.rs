//! The overview.

use serde::Serialize;
use store_api::analysis::calls;
use store_api::analysis::overview;
use utoipa::ToSchema;

use super::of::seconds;
use super::{Covers, Deploy, Latency, Ns, Running, Share, WithinThreshold};

/// How the contact centre does: each stage, each region, what runs now, and what was deployed.
#[derive(Serialize, ToSchema)]
pub(crate) struct Overview {
    covers: Covers,
    /// Width of one step of each series; of an hour or more the steps are whole ones of the clock (UTC).
    step_ns: Ns,
    /// Every stage of the strip, in the order of a call, also those without a span.
    stages: Vec<StageLine>,
    /// The busiest first; spans without a region are the line whose region is null.
    regions: Vec<RegionLine>,
    running: Running,
    /// In the order of time.
    deploys: Vec<Deploy>,
    calls: Calls,
    /// The most interactions that went on at once; those that began up to an hour before the range are part of it.
    /// Null where none went on.
    #[schema(required)]
    peak: Option<Peak>,
}

#[derive(Serialize, ToSchema)]
struct Peak {
    n: u64,
    /// When that first was.
    at_ns: Ns,
}

/// One stage.
#[derive(Serialize, ToSchema)]
struct StageLine {
    stage: &'static str,
    /// Of the interactions that started in the range (`calls.n`), those with a span of this stage, whenever it began;
    /// one with several counts once.
    calls: u64,
    latency: Latency,
    /// What p95 should not exceed; null where nobody set one.
    #[schema(required)]
    objective_ns: Option<Ns>,
    /// none (no objective, or no span), met, near (within 10 % below it) or missed
    state: &'static str,
    /// How many took no longer than the threshold of the service level; null where there is none.
    #[schema(required)]
    within: Option<WithinThreshold>,
    /// Against the same length of time just before.
    before: Change,
    /// Against the same time a week ago.
    week: Change,
    /// Every step of the range, also those without a span.
    series: Vec<StageStep>,
}

/// p95 against that of another time.
#[derive(Serialize, ToSchema)]
struct Change {
    /// How many spans there were then.
    n: u64,
    #[schema(required)]
    p95_ns: Option<Ns>,
    /// 0.38 is 38 % slower now; null where one of the times has no span.
    #[schema(required)]
    change: Option<f64>,
    /// That time was looked at as a whole; else the change is not to be trusted.
    complete: bool,
}

#[derive(Serialize, ToSchema)]
struct StageStep {
    t_ns: Ns,
    n: u64,
    #[schema(required)]
    p50_ns: Option<Ns>,
    #[schema(required)]
    p95_ns: Option<Ns>,
}

#[derive(Serialize, ToSchema)]
struct RegionLine {
    #[schema(required)]
    region: Option<String>,
    /// Interactions that started in the range.
    calls: u64,
    /// Spans with a stage.
    n: u64,
    /// One for each stage of the strip, in its order.
    stages: Vec<RegionStage>,
}

#[derive(Serialize, ToSchema)]
struct RegionStage {
    stage: &'static str,
    n: u64,
    #[schema(required)]
    p95_ns: Option<Ns>,
    /// none, met, near or missed
    state: &'static str,
    /// Share that took longer than the threshold of the service level; null where there is none.
    #[schema(required)]
    over: Option<f64>,
}

/// Interactions that came to a queue in the range, by what became of them.
#[derive(Serialize, ToSchema)]
struct Calls {
    /// Interactions that started in the range.
    n: u64,
    /// Came to a queue.
    offered: u64,
    answered: u64,
    /// Left while they waited.
    abandoned: u64,
    /// Of these, within `short_abandon_ns`.
    short_abandoned: u64,
    /// Neither: a voicemail, a flow, a queue that was left for something else.
    elsewhere: u64,
    /// Still wait.
    waiting: u64,
    short_abandon_ns: Ns,
    /// Answered within `threshold_ns`.
    service_level: WithinThreshold,
    abandon_rate: Share,
    /// From the queue until somebody answered.
    answer_time: MeanTime,
}

#[derive(Serialize, ToSchema)]
struct MeanTime {
    #[schema(required)]
    mean_ns: Option<Ns>,
    n: u64,
    formula: String,
}

impl Overview {
    pub(crate) fn of(found: overview::Overview, as_of: u64) -> Self {
        Self {
            covers: Covers::of(&found.covered, as_of),
            step_ns: Ns(found.step_ns),
            stages: found.stages.into_iter().map(StageLine::from).collect(),
            regions: found.regions.into_iter().map(RegionLine::from).collect(),
            running: found.running.into(),
            deploys: found.deploys.into_iter().map(Deploy::from).collect(),
            calls: found.calls.into(),
            peak: found.peak.map(|peak| Peak { n: peak.n, at_ns: Ns(peak.at_ns) }),
        }
    }
}

impl From<overview::Line> for StageLine {
    fn from(line: overview::Line) -> Self {
        let step = |step: overview::Step| StageStep {
            t_ns: Ns(step.t),
            n: step.n,
            p50_ns: step.p50.map(Ns),
            p95_ns: step.p95.map(Ns),
        };
        Self {
            stage: line.stage.name(),
            calls: line.calls,
            latency: line.latency.into(),
            objective_ns: line.objective_ns.map(Ns),
            state: line.state.name(),
            within: line.within.map(WithinThreshold::of_stage),
            before: line.before.into(),
            week: line.week.into(),
            series: line.series.into_iter().map(step).collect(),
        }
    }
}

impl From<overview::Change> for Change {
    fn from(of: overview::Change) -> Self {
        Self { n: of.n, p95_ns: of.p95.map(Ns), change: of.change, complete: of.complete }
    }
}

impl From<overview::Region> for RegionLine {
    fn from(region: overview::Region) -> Self {
        let cell = |cell: overview::Cell| RegionStage {
            stage: cell.stage.name(),
            n: cell.n,
            p95_ns: cell.p95.map(Ns),
            state: cell.state.name(),
            over: cell.within.and_then(|within| Some(1.0 - within.share()?)),
        };
        Self {
            region: region.region,
            calls: region.calls,
            n: region.n,
            stages: region.cells.into_iter().map(cell).collect(),
        }
    }
}

impl From<calls::Calls> for Calls {
    fn from(of: calls::Calls) -> Self {
        let threshold = seconds(of.service_level.threshold_ns);
        let short = seconds(of.short_abandon_ns);
        let left = Share {
            value: of.abandon_rate(),
            part: of.abandoned - of.short_abandoned,
            n: of.service_level.n,
            formula: format!(
                "abandoned after {short} or more / (answered + abandoned after {short} or more)"
            ),
        };
        let level = format!("answered within {threshold} / (answered + abandoned after {short} or more)");
        Self {
            n: of.n,
            offered: of.offered(),
            answered: of.answered,
            abandoned: of.abandoned,
            short_abandoned: of.short_abandoned,
            elsewhere: of.elsewhere,
            waiting: of.waiting,
            short_abandon_ns: Ns(of.short_abandon_ns),
            service_level: WithinThreshold::of(of.service_level, level),
            abandon_rate: left,
            answer_time: MeanTime {
                mean_ns: of.answer_time_ns.map(Ns),
                n: of.answered,
                formula: "sum of the times from the first queue to the first talk / answered".to_owned(),
            },
        }
    }
}
