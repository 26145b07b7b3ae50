//! One stage over time.

use std::collections::HashMap;
use std::sync::Arc;

use super::deploys::{Deploy, Deploys};
use super::latency::{Latency, Within, nearest};
use super::observe::Observation;
use super::points::{self, Example, Point};
use super::rollup::Texts;
use super::scope::{Covered, Scope};
use crate::error::StoreError;
use crate::question::Range;
use crate::read::Reader;
use crate::stage::Stage;

/// Groups that are listed; the rest is one.
const GROUPS: usize = 30;

#[derive(Clone, Debug)]
pub struct Question {
    pub scope: Scope,
    pub stage: Stage,
    pub group_by: Option<GroupBy>,
    pub steps: u64,
    pub threshold_ns: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GroupBy {
    Queue,
    Region,
    Channel,
    Version,
    Agent,
    Operation,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Detail {
    pub covered: Covered,
    pub latency: Latency,
    pub within: Option<Within>,
    pub heat: Heat,
    pub series: Vec<Step>,
    /// The largest first; the rest, where there is one, at the end.
    pub groups: Vec<Group>,
    pub examples: Vec<Example>,
    pub deploys: Vec<Deploy>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Heat {
    pub from: u64,
    pub step_ns: u64,
    /// One more than there are rows; a duration of exactly a bound is in the row below it.
    pub bounds: Vec<u64>,
    /// One list for each step.
    pub counts: Vec<Vec<u64>>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Step {
    pub t: u64,
    pub n: u64,
    pub p50: Option<u64>,
    pub p95: Option<u64>,
    pub p99: Option<u64>,
    pub within: Option<f64>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Group {
    pub value: Option<String>,
    pub other: bool,
    pub latency: Latency,
    pub within: Option<f64>,
}

impl Reader<'_> {
    pub(crate) fn stage(&mut self, question: &Question) -> Result<Detail, StoreError> {
        let (mut texts, mut points, mut deploys) = (Texts::default(), Vec::new(), Deploys::default());
        let scope = &question.scope;
        let covered = self.each_trace(scope, |trace, window| {
            for seen in trace.observations().filter(|one| window.contains(one.span.start_ns)) {
                deploys.see(&seen);
                if seen.stage != Some(question.stage) || !scope.fits(&seen) {
                    continue;
                }
                let group = question.group_by.and_then(|by| by.of(&seen));
                points.push(Point::of(&seen, trace, group, &mut texts));
            }
        })?;
        points::sort(&mut points);
        let durations = points::durations(&points);
        let steps = Steps::of(scope.range, question.steps);
        let by_step = steps.parted(&points);
        let step = |(number, of): (usize, &Vec<u64>)| Step {
            t: steps.start(number),
            n: of.len() as u64,
            p50: nearest(of, 0.5),
            p95: nearest(of, 0.95),
            p99: nearest(of, 0.99),
            within: question.threshold_ns.and_then(|threshold| Within::exact(of, threshold).share()),
        };
        Ok(Detail {
            covered,
            latency: points::latency(&points),
            within: question.threshold_ns.map(|threshold| Within::exact(&durations, threshold)),
            heat: Heat::of(&steps, &durations, &by_step),
            series: by_step.iter().enumerate().map(step).collect(),
            groups: groups(question, &points),
            examples: points::examples(&points),
            deploys: deploys.within(scope.range),
        })
    }
}

impl GroupBy {
    pub const ALL: [(&'static str, Self); 6] = [
        ("queue", Self::Queue),
        ("region", Self::Region),
        ("channel", Self::Channel),
        ("version", Self::Version),
        ("agent", Self::Agent),
        ("operation", Self::Operation),
    ];

    pub fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(_, by)| *by == self).map_or("", |(name, _)| name)
    }

    fn of<'a>(self, seen: &Observation<'a>) -> Option<&'a str> {
        match self {
            Self::Queue => seen.queue,
            Self::Region => seen.region,
            Self::Channel => seen.channel,
            Self::Version => seen.version,
            Self::Agent => seen.agent,
            Self::Operation => Some(seen.operation),
        }
    }
}

/// A range in equal steps.
struct Steps {
    from: u64,
    width: u64,
    count: usize,
}

impl Steps {
    fn of(range: Range, steps: u64) -> Self {
        let length = range.to.saturating_sub(range.from).max(1);
        let width = length.div_ceil(steps.max(1));
        Self { from: range.from, width, count: length.div_ceil(width) as usize }
    }

    fn start(&self, number: usize) -> u64 {
        self.from.saturating_add((number as u64).saturating_mul(self.width))
    }

    /// The durations of each step, the shortest first.
    fn parted(&self, sorted: &[Point]) -> Vec<Vec<u64>> {
        let mut parted = vec![Vec::new(); self.count];
        for point in sorted {
            let number = point.start_ns.saturating_sub(self.from) / self.width;
            if let Some(step) = parted.get_mut(number as usize) {
                step.push(point.duration_ns);
            }
        }
        parted
    }
}

impl Heat {
    fn of(steps: &Steps, sorted: &[u64], by_step: &[Vec<u64>]) -> Self {
        let (least, most) = (sorted.first().copied(), sorted.last().copied());
        let bounds: Vec<u64> = match least.zip(most) {
            Some((least, most)) => bounds(least, most),
            None => Vec::new(),
        };
        let rows = bounds.len().saturating_sub(1);
        let counted = |durations: &Vec<u64>| {
            let mut counts = vec![0; rows];
            for duration in durations {
                let above = bounds.partition_point(|bound| bound < duration);
                if let Some(count) = counts.get_mut(above.saturating_sub(1)) {
                    *count += 1;
                }
            }
            counts
        };
        Self { from: steps.from, step_ns: steps.width, counts: by_step.iter().map(counted).collect(), bounds }
    }
}

/// Powers of √2 from below the least to the greatest or above.
fn bounds(least: u64, most: u64) -> Vec<u64> {
    // A millisecond is short enough for a row of its own.
    let first = (2.0 * (least.max(1_000_000) as f64).log2()).floor() as i32;
    let mut bounds = Vec::new();
    for power in first.. {
        let bound = (f64::from(power) / 2.0).exp2().round() as u64;
        bounds.push(bound);
        if bound >= most && bounds.len() > 1 {
            break;
        }
    }
    if let Some(first) = bounds.first_mut() {
        *first = if least < *first { 0 } else { *first };
    }
    bounds
}

fn groups(question: &Question, sorted: &[Point]) -> Vec<Group> {
    if question.group_by.is_none() {
        return Vec::new();
    }
    let mut parted: HashMap<Option<Arc<str>>, Vec<Point>> = HashMap::new();
    for point in sorted {
        parted.entry(point.group.clone()).or_default().push(point.clone());
    }
    let mut parted: Vec<_> = parted.into_iter().collect();
    parted.sort_by(|(a, one), (b, two)| two.len().cmp(&one.len()).then_with(|| a.cmp(b)));
    let rest: Vec<Point> =
        parted.split_off(parted.len().min(GROUPS)).into_iter().flat_map(|(_, of)| of).collect();
    let group = |value: Option<Arc<str>>, other, points: &[Point]| Group {
        value: value.as_deref().map(str::to_owned),
        other,
        latency: points::latency(points),
        within: question
            .threshold_ns
            .and_then(|threshold| Within::exact(&points::durations(points), threshold).share()),
    };
    let mut groups: Vec<Group> = parted.into_iter().map(|(value, of)| group(value, false, &of)).collect();
    if !rest.is_empty() {
        groups.push(group(None, true, &rest));
    }
    groups
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_duration_has_a_row(durations in proptest::collection::vec(any::<u64>(), 1..50)) {
            let mut sorted: Vec<u64> = durations.iter().map(|ns| ns >> 8).collect();
            sorted.sort_unstable();
            let steps = Steps { from: 0, width: 1, count: 1 };
            let heat = Heat::of(&steps, &sorted, std::slice::from_ref(&sorted));
            prop_assert_eq!(heat.counts[0].iter().sum::<u64>(), sorted.len() as u64);
            prop_assert_eq!(heat.counts[0].len() + 1, heat.bounds.len());
            prop_assert!(heat.bounds.is_sorted());
            let last = heat.counts[0].last().copied().unwrap_or_default();
            prop_assert!(last > 0, "no row is empty for nothing: {:?}", heat);
            for (row, bound) in heat.bounds.iter().enumerate().skip(1) {
                let below = sorted.iter().filter(|ns| *ns <= bound).count() as u64;
                prop_assert_eq!(heat.counts[0].iter().take(row).sum::<u64>(), below);
            }
        }
    }

    #[test]
    fn steps_cover_the_range_and_no_more() {
        for (from, to, steps, count, width) in [(0, 100, 10, 10, 10), (5, 106, 10, 10, 11), (0, 3, 64, 3, 1)]
        {
            let steps = Steps::of(Range { from, to }, steps);
            assert_eq!((steps.count, steps.width), (count, width));
            assert!(steps.start(steps.count) >= to && steps.start(steps.count - 1) < to);
        }
    }
}
