//! What a rule would have done.

use serde::Serialize;
use store_api::Range;
use store_api::analysis::Example;
use store_api::analysis::ended::{Ended, LONGEST_NS};
use utoipa::ToSchema;

use crate::rule::Spec;
use crate::standing::{PAUSE_NS, Phase, Sample, Standing, Turn};
use crate::text;

/// A rule over a time that is past.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct Preview {
    #[serde(with = "text::digits")]
    #[schema(value_type = String, pattern = "^[0-9]+$")]
    pub from_ns: u64,
    #[serde(with = "text::digits")]
    #[schema(value_type = String, pattern = "^[0-9]+$")]
    pub to_ns: u64,
    /// From here on nothing was left out.
    #[serde(with = "text::digits")]
    #[schema(value_type = String, pattern = "^[0-9]+$")]
    pub complete_from_ns: u64,
    /// How often it would have fired.
    pub fired: usize,
    /// For how long in all.
    #[serde(with = "text::digits")]
    #[schema(value_type = String, pattern = "^[0-9]+$")]
    pub firing_ns: u64,
    pub episodes: Vec<Episode>,
    /// Looks without enough data.
    pub not_enough: usize,
    pub looks: usize,
    /// At most 336 steps: of each the look that is the worst for the rule.
    pub series: Vec<PreviewStep>,
    /// Of the last window: interactions at p50, p95, p99 and max.
    pub examples: Vec<RuleExample>,
}

#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct Episode {
    #[serde(with = "text::digits")]
    #[schema(value_type = String, pattern = "^[0-9]+$")]
    pub from_ns: u64,
    /// Null where it goes on.
    #[serde(with = "text::some_digits")]
    #[schema(value_type = Option<String>, pattern = "^[0-9]+$", required)]
    pub to_ns: Option<u64>,
}

#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct PreviewStep {
    #[serde(with = "text::digits")]
    #[schema(value_type = String, pattern = "^[0-9]+$")]
    pub t_ns: u64,
    #[schema(required)]
    pub value: Option<f64>,
    pub n: u64,
    pub enough: bool,
    pub firing: bool,
}

/// One span to look at.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct RuleExample {
    pub at: &'static str,
    #[schema(required)]
    pub interaction_id: Option<String>,
    pub trace_id: String,
    pub span_id: String,
    #[serde(with = "text::digits")]
    #[schema(value_type = String, pattern = "^[0-9]+$")]
    pub duration_ns: u64,
}

const MINUTE: u64 = 60_000_000_000;
/// Looks at most, unless windows would not touch each other.
const LOOKS: u64 = 2016;
/// Never more: 7 days in minutes.
const MOST_LOOKS: u64 = 10_080;
const STEPS: usize = 336;

/// When to look: a fifth of the window apart, so that no spell is missed; further for a long time, but never so far that
/// something lies between two windows.
pub(crate) fn ends(range: Range, window_ns: u64) -> Vec<u64> {
    let length = range.to.saturating_sub(range.from).max(1);
    let wanted = (window_ns / 5).max(MINUTE).max(length.div_ceil(LOOKS)).min(window_ns.max(MINUTE));
    let step = wanted.max(length.div_ceil(MOST_LOOKS));
    let count = (length / step).max(1);
    (0..count).rev().map(|back| range.to.saturating_sub(back * step)).collect()
}

pub(crate) fn preview(spec: &Spec, range: Range, ended: &Ended) -> Preview {
    let step = ended.windows.windows(2).find_map(|pair| match pair {
        [a, b] => Some(b.to - a.to),
        _ => None,
    });
    let pause = PAUSE_NS.max(step.unwrap_or(0).saturating_mul(3));
    let (mut standing, mut episodes, mut series) = (Standing::default(), Vec::<Episode>::new(), Vec::new());
    let (mut firing_ns, mut not_enough) = (0, 0);
    for window in &ended.windows {
        let sample = Sample { value: spec.value(window), n: window.latency.n };
        let (next, turn) = standing.step(spec, sample, window.to, pause);
        standing = next;
        not_enough += usize::from(!standing.enough);
        match turn {
            Some(Turn::Fired) => episodes.push(Episode { from_ns: window.to, to_ns: None }),
            Some(Turn::Resolved { began_ns }) => {
                firing_ns += window.to - began_ns;
                if let Some(last) = episodes.last_mut() {
                    last.to_ns = Some(window.to);
                }
            }
            None => {}
        }
        series.push(PreviewStep {
            t_ns: window.to,
            value: sample.value,
            n: sample.n,
            enough: standing.enough,
            firing: standing.phase == Phase::Firing,
        });
    }
    if standing.phase == Phase::Firing {
        firing_ns += range.to.saturating_sub(standing.since_ns);
    }
    Preview {
        from_ns: range.from,
        to_ns: range.to,
        complete_from_ns: complete_from(range, ended),
        fired: episodes.len(),
        firing_ns,
        episodes,
        not_enough,
        looks: series.len(),
        series: thinned(spec, series),
        examples: ended.examples.iter().map(RuleExample::of).collect(),
    }
}

/// The look back before the range does not count.
fn complete_from(range: Range, ended: &Ended) -> u64 {
    let covered = &ended.covered;
    if covered.truncated {
        covered.complete_from.saturating_add(LONGEST_NS).clamp(range.from, range.to)
    } else {
        range.from
    }
}

fn thinned(spec: &Spec, series: Vec<PreviewStep>) -> Vec<PreviewStep> {
    let worse = |a: &PreviewStep, b: &PreviewStep| {
        let rank = |step: &PreviewStep| {
            let value = step.value.unwrap_or(0.0);
            let bad = if spec.op == crate::rule::Op::Above { value } else { -value };
            (step.enough, bad)
        };
        rank(a).partial_cmp(&rank(b)).unwrap_or(std::cmp::Ordering::Equal)
    };
    let some = series.len().div_ceil(STEPS).max(1);
    let worst = |steps: &[PreviewStep]| {
        let firing = steps.iter().any(|step| step.firing);
        steps.iter().max_by(|a, b| worse(a, b)).map(|step| PreviewStep { firing, ..step.clone() })
    };
    series.chunks(some).filter_map(worst).collect()
}

impl RuleExample {
    pub(crate) fn of(example: &Example) -> Self {
        Self {
            at: example.at,
            interaction_id: example.interaction.clone(),
            trace_id: example.trace_id.to_string(),
            span_id: example.span_id.to_string(),
            duration_ns: example.duration_ns,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;
    use store_api::testing::Sample;
    use store_api::testing::sample::{NINE, SECOND};
    use store_api::{MemoryStore, Stage, TraceStore};

    use super::*;
    use crate::measure;
    use crate::rule::tests::spec;

    #[test]
    fn looks_leave_nothing_out_and_are_not_too_many() {
        let day = 24 * 60 * MINUTE;
        for (length, window, count) in [
            (7 * day, 15, 2016),
            (7 * day, 1, 10_080),
            (7 * day, 60, 840),
            (day, 5, 1440),
            (60 * MINUTE, 5, 60),
            (30_000_000_000, 5, 1),
        ] {
            let range = Range { from: 1 << 60, to: (1 << 60) + length };
            let ends = ends(range, window * MINUTE);
            assert_eq!(ends.len(), count, "{length} {window}");
            assert_eq!(ends.last(), Some(&range.to));
            assert!(ends.windows(2).all(|pair| pair[1] - pair[0] <= window * MINUTE));
        }
    }

    #[tokio::test]
    async fn what_would_have_fired_is_told_with_its_times() {
        let store = MemoryStore::new(1 << 24, Duration::from_secs(1 << 30));
        // A caller every 30 s for two hours; from 09:30 to 09:50 and from 10:10 to 10:30 they wait for 100 s.
        let slow = |at: u64| (1800..3000).contains(&at) || (4200..5400).contains(&at);
        let call = |n: u64| {
            let at = n * 30;
            let waits = if slow(at) { 100 } else { 10 };
            Sample::new((n % 250) as u8 + 1, (n / 250) as u8 + 1).stage(Stage::Queue).at(at, waits).span()
        };
        store.append((0..240).map(call).collect()).await.unwrap();
        let spec = spec(json!({"for": "2m", "keep_firing_for": "2m", "min_count": 5}));
        let range = Range { from: NINE, to: NINE + 7200 * SECOND };
        let ended = measure::windows(&store, &spec, ends(range, spec.window.nanos())).await.unwrap();
        let told = preview(&spec, range, &ended);
        assert_eq!((told.fired, told.looks, told.complete_from_ns), (2, 120, NINE));
        let minutes: Vec<_> = told
            .episodes
            .iter()
            .map(|episode| ((episode.from_ns - NINE) / MINUTE, episode.to_ns.map(|to| (to - NINE) / MINUTE)))
            .collect();
        // p95 of five minutes: one of ten callers is enough; the last of them is gone after five minutes.
        assert_eq!(minutes, [(34, Some(59)), (74, Some(99))]);
        assert_eq!(told.firing_ns, 50 * MINUTE);
        assert_eq!(told.series.len(), 120);
        assert!(told.not_enough > 0 && told.not_enough < 5, "the first minutes: {}", told.not_enough);
    }
}
