//! From parameters to questions.

use std::collections::BTreeMap;

use store_api::analysis::{Objectives, Scope, compare, differs, overview, percentiles, stage};
use store_api::{Filter, Range, Stage};

use super::parameters::{
    CompareParameters, DiffersParameters, OverviewParameters, PercentileParameters, StageParameters,
    TransferParameters,
};
use crate::error::ApiError;
use crate::query::{LIMITS, SHORT_ABANDON_NS, duration, given, parsed, range, searched, time};

/// The overview holds no single spans.
const OVERVIEW_SPANS: usize = 500_000;
/// Links are read of all spans around a call.
const CHAIN_SPANS: usize = 100_000;
/// Half of them for what lies in the box, half for a sample of what lies around it.
const DIFFERS_SPANS: usize = 100_000;
/// Of a stage's heat map.
const STEPS: u64 = 64;
const MOST_STEPS: u64 = 400;
const DAY_NS: u64 = 24 * 3_600_000_000_000;

/// The parameters that every question about a time range has.
macro_rules! scope {
    ($parameters:expr, $now:expr) => {{
        let parameters = $parameters;
        let range = $crate::analysis::ask::window(parameters.from, parameters.to, $now)?;
        $crate::analysis::ask::Common {
            range,
            region: parameters.region,
            queue: parameters.queue,
            channel: parameters.channel,
            version: parameters.version,
            q: parameters.q,
            outcome: parameters.outcome,
            agent: parameters.agent,
            service: parameters.service,
            min_duration: parameters.min_duration,
            errors: parameters.errors,
        }
        .scope()?
    }};
}

pub(super) struct Common {
    range: Range,
    region: Option<String>,
    queue: Option<String>,
    channel: Option<String>,
    version: Option<String>,
    q: Option<String>,
    outcome: Option<String>,
    agent: Option<String>,
    service: Option<String>,
    min_duration: Option<String>,
    errors: Option<String>,
}

impl Common {
    fn scope(self) -> Result<Scope, ApiError> {
        let calls = Filter {
            q: given(self.q).map(|q| searched(&q)).transpose()?.flatten(),
            outcome: given(self.outcome),
            agent: given(self.agent),
            service: given(self.service),
            min_duration_ns: nanoseconds("min_duration", self.min_duration)?,
            errors: parsed("errors", given(self.errors))?.unwrap_or(false),
            ..Filter::default()
        };
        Ok(Scope {
            range: self.range,
            region: given(self.region),
            queue: given(self.queue),
            channel: given(self.channel),
            version: given(self.version),
            calls,
            limits: LIMITS,
            ..Scope::default()
        })
    }
}

pub(super) fn overview(
    parameters: OverviewParameters,
    objectives: &Objectives,
    now_ns: u64,
) -> Result<overview::Question, ApiError> {
    let mut objectives = objectives.clone();
    thresholds("objectives", given(parameters.objectives.clone()), &mut objectives.p95_ns)?;
    thresholds("service_levels", given(parameters.service_levels.clone()), &mut objectives.within_ns)?;
    let short_abandon_ns =
        nanoseconds("short_abandon", parameters.short_abandon.clone())?.unwrap_or(SHORT_ABANDON_NS);
    let scope = Scope { spans: OVERVIEW_SPANS, ..scope!(parameters, now_ns) };
    Ok(overview::Question { scope, objectives, short_abandon_ns })
}

/// With the objective for p95.
pub(super) fn stage(
    name: &str,
    parameters: StageParameters,
    objectives: &Objectives,
    now_ns: u64,
) -> Result<(stage::Question, Option<u64>), ApiError> {
    let stage = stage_named(name)?;
    let group_by = given(parameters.group_by.clone()).map(|name| group_by(&name)).transpose()?;
    let steps = parsed("steps", given(parameters.steps.clone()))?.unwrap_or(STEPS);
    if !(1..=MOST_STEPS).contains(&steps) {
        let help = format!("ask for 1 to {MOST_STEPS} steps");
        return Err(ApiError::bad_request(format!("`steps` is {steps}"), help));
    }
    let objective = nanoseconds("objective", parameters.objective.clone())?;
    let threshold = nanoseconds("service_level", parameters.service_level.clone())?;
    let question = stage::Question {
        scope: scope!(parameters, now_ns),
        stage,
        group_by,
        steps,
        threshold_ns: threshold.or(objectives.threshold(stage)),
    };
    Ok((question, objective.or(objectives.p95(stage))))
}

pub(super) fn differs(
    name: &str,
    parameters: DiffersParameters,
    now_ns: u64,
) -> Result<differs::Question, ApiError> {
    let stage = stage_named(name)?;
    let side = |name: &str, text: &Option<String>| {
        time(name, given(text.clone()))?.ok_or_else(|| {
            let help = "the box is `box_from`, `box_to`, `box_min` and `box_max`";
            ApiError::bad_request(format!("`{name}` is missing"), help)
        })
    };
    let selected = differs::Selected {
        range: Range {
            from: side("box_from", &parameters.box_from)?,
            to: side("box_to", &parameters.box_to)?,
        },
        min_ns: nanoseconds("box_min", parameters.box_min.clone())?.unwrap_or(0),
        max_ns: nanoseconds("box_max", parameters.box_max.clone())?.unwrap_or(u64::MAX),
    };
    if selected.range.from >= selected.range.to || selected.min_ns >= selected.max_ns {
        return Err(ApiError::bad_request("the box is empty", "exchange its sides"));
    }
    let scope = Scope { spans: DIFFERS_SPANS, ..scope!(parameters, now_ns) };
    Ok(differs::Question { scope, stage, selected })
}

pub(super) fn compare(parameters: CompareParameters, now_ns: u64) -> Result<compare::Question, ApiError> {
    let a = Scope {
        range: window(parameters.a_from, parameters.a_to, now_ns)?,
        region: given(parameters.a_region),
        queue: given(parameters.a_queue),
        version: given(parameters.a_version),
        channel: given(parameters.channel),
        limits: LIMITS,
        ..Scope::default()
    };
    let times = given(parameters.b_from.clone()).is_some() || given(parameters.b_to.clone()).is_some();
    let b = Scope {
        range: if times { window(parameters.b_from, parameters.b_to, now_ns)? } else { a.range },
        region: given(parameters.b_region).or_else(|| a.region.clone()),
        queue: given(parameters.b_queue).or_else(|| a.queue.clone()),
        version: given(parameters.b_version).or_else(|| a.version.clone()),
        ..a.clone()
    };
    if a == b {
        let help = "give side B its own `b_from` and `b_to`, `b_version`, `b_region` or `b_queue`";
        return Err(ApiError::bad_request("both sides are the same", help));
    }
    let control_ns = match given(parameters.control).as_deref() {
        None => None,
        Some("week") if a.range == b.range && (&a.region, &a.queue) == (&b.region, &b.queue) => {
            let help =
                "leave `control` out: versions of the same hours have nothing in common that could change";
            return Err(ApiError::bad_request("both sides of the control are the same", help));
        }
        Some("week") => Some(7 * DAY_NS),
        Some(other) => {
            let help = "write `control=week`, or leave it out";
            return Err(ApiError::bad_request(format!("there is no control `{other}`"), help));
        }
    };
    Ok(compare::Question { a, b, service: given(parameters.service), control_ns })
}

pub(super) fn transfers(parameters: TransferParameters, now_ns: u64) -> Result<Scope, ApiError> {
    Ok(scope!(parameters, now_ns))
}

pub(super) fn percentiles(
    id: &str,
    parameters: PercentileParameters,
) -> Result<percentiles::Question, ApiError> {
    let (from, to) = (given(parameters.from), given(parameters.to));
    let (from_given, to_given) = (from.is_some(), to.is_some());
    let range = range(from, to)?;
    Ok(percentiles::Question {
        id: id.to_owned(),
        from: from_given.then_some(range.from),
        to: to_given.then_some(range.to),
        scope: anywhere(),
    })
}

/// Of a chain, which has the calls around one.
pub(super) fn around() -> Scope {
    Scope { spans: CHAIN_SPANS, ..anywhere() }
}

/// Where the range follows from something else.
fn anywhere() -> Scope {
    Scope { limits: LIMITS, ..Scope::default() }
}

fn stage_named(name: &str) -> Result<Stage, ApiError> {
    name.parse().map_err(|error: store_api::stage::UnknownStage| {
        ApiError::not_found(error.to_string(), "write one of them in small letters")
    })
}

fn group_by(name: &str) -> Result<stage::GroupBy, ApiError> {
    let known = stage::GroupBy::ALL.into_iter().find(|(known, _)| *known == name);
    known.map(|(_, by)| by).ok_or_else(|| {
        let names = stage::GroupBy::ALL.map(|(name, _)| name).join(", ");
        ApiError::bad_request(format!("`group_by`: `{name}` is none of {names}"), "take one of them")
    })
}

/// The last day, where nothing else is asked for.
pub(super) fn window(from: Option<String>, to: Option<String>, now_ns: u64) -> Result<Range, ApiError> {
    window_of(from, to, now_ns, DAY_NS)
}

/// So much before the end, where no beginning is asked for.
pub(crate) fn window_of(
    from: Option<String>,
    to: Option<String>,
    now_ns: u64,
    usual_ns: u64,
) -> Result<Range, ApiError> {
    let (open_from, open_to) = (given(from.clone()).is_none(), given(to.clone()).is_none());
    let mut range = range(from, to)?;
    if open_to {
        range.to = now_ns.max(range.from);
    }
    if open_from {
        range.from = range.to.saturating_sub(usual_ns);
    }
    Ok(range)
}

pub(super) fn nanoseconds(name: &str, text: Option<String>) -> Result<Option<u64>, ApiError> {
    given(text).map(|text| duration(name, &text)).transpose()
}

/// `queue:20s,alert:15s`
fn thresholds(name: &str, text: Option<String>, known: &mut BTreeMap<Stage, u64>) -> Result<(), ApiError> {
    for entry in text.iter().flat_map(|text| text.split(',')) {
        let Some((stage, time)) = entry.split_once(':') else {
            let message = format!("`{name}`: `{entry}` is not a stage with a duration");
            return Err(ApiError::bad_request(message, "write it as in `queue:20s,alert:15s`"));
        };
        let stage = parsed(name, Some(stage.trim().to_owned()))?;
        known.extend(Option::zip(stage, Some(duration(name, time.trim())?)));
    }
    Ok(())
}
