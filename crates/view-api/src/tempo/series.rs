//! Numbers over time, filled span by span.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use store_api::Value;
use store_api::find::{Field, Hit};
use throughline_context::TraceId;

use super::axis::Axis;
use crate::traceql::{Function, Named, Query, number};

/// Series of an answer.
const MOST: usize = 1000;
/// Numbers of an answer.
const MOST_SAMPLES: usize = 500_000;
/// Numbers held for exact quantiles.
const MOST_NUMBERS: usize = 4_000_000;

/// One line of the answer.
#[derive(Debug, PartialEq)]
pub(super) struct Line {
    pub(super) labels: Vec<(String, Value)>,
    /// One for each step; nothing where there is nothing to tell.
    pub(super) samples: Vec<Option<f64>>,
    pub(super) exemplars: Vec<Exemplar>,
}

/// A span that a number was made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Exemplar {
    pub(super) trace_id: TraceId,
    pub(super) start_ns: u64,
    pub(super) value: f64,
}

#[derive(Debug)]
pub(super) struct Series {
    query: Query,
    axis: Axis,
    /// Exemplars of a series.
    exemplars: usize,
    groups: BTreeMap<String, Group>,
    numbers: usize,
    /// There were more series or numbers than are held.
    pub(super) cut: bool,
}

/// The spans with one value of each field that the query parts by.
#[derive(Debug)]
struct Group {
    labels: Vec<(String, Value)>,
    steps: BTreeMap<usize, Step>,
    /// The value is that of the span, or none where spans are only counted.
    exemplars: Vec<Exemplar>,
}

#[derive(Clone, Debug, Default)]
struct Step {
    count: u64,
    numbers: Vec<f64>,
    /// By the power of two that a number is not above.
    powers: BTreeMap<i32, u64>,
}

impl Series {
    pub(super) fn new(query: Query, axis: Axis, exemplars: usize) -> Self {
        Self { query, axis, exemplars, groups: BTreeMap::new(), numbers: 0, cut: false }
    }

    pub(super) fn add(&mut self, hit: &Hit<'_>) -> ControlFlow<()> {
        for set in self.query.sets(hit.tree, hit.matched) {
            for at in set.spans {
                self.count(hit, at);
            }
        }
        if self.numbers < MOST_NUMBERS {
            return ControlFlow::Continue(());
        }
        self.cut = true;
        ControlFlow::Break(())
    }

    fn count(&mut self, hit: &Hit<'_>, at: usize) {
        let Some(metric) = &self.query.metric else { return };
        let Some(span) = hit.tree.span(at) else { return };
        let Some(place) = self.axis.place(span.start_ns) else { return };
        let of = match &metric.function {
            Function::Rate | Function::Count => None,
            Function::Aggregate(_, named) | Function::Quantiles(named, _) | Function::Histogram(named) => {
                let value = named.field.value(hit.tree, at).and_then(|value| number(&value));
                let Some(value) = value else { return };
                Some(if is_time(named) { value / 1e9 } else { value })
            }
        };
        let labels = metric.by.iter().map(|named| {
            let value = named.field.value(hit.tree, at).unwrap_or_else(|| "nil".into());
            (named.text.clone(), value)
        });
        let labels: Vec<_> = labels.collect();
        let key = format!("{labels:?}");
        if !self.groups.contains_key(&key) && self.groups.len() >= self.most_lines() {
            self.cut = true;
            return;
        }
        let new = || Group { labels, steps: BTreeMap::new(), exemplars: Vec::new() };
        let group = self.groups.entry(key).or_insert_with(new);
        let step = group.steps.entry(place).or_default();
        step.count += 1;
        match (&metric.function, of) {
            (Function::Histogram(_), Some(value)) => *step.powers.entry(power(value)).or_default() += 1,
            (_, Some(value)) => {
                step.numbers.push(value);
                self.numbers += 1;
            }
            _ => {}
        }
        // The first of each step is of the newest trace.
        let first = of
            .filter(|_| matches!(metric.function, Function::Histogram(_)))
            .map_or(step.count == 1, |value| step.powers.get(&power(value)) == Some(&1));
        if first && group.exemplars.len() < self.exemplars {
            let value = of.unwrap_or(f64::NAN);
            group.exemplars.push(Exemplar { trace_id: hit.trace_id, start_ns: span.start_ns, value });
        }
    }

    /// As many as fit into an answer.
    pub(super) fn lines(&mut self) -> Vec<Line> {
        let mut lines = self.all_lines();
        self.cut |= lines.len() > self.most_lines();
        lines.truncate(self.most_lines());
        lines
    }

    fn most_lines(&self) -> usize {
        (MOST_SAMPLES / self.axis.count.max(1)).clamp(1, MOST)
    }

    fn all_lines(&self) -> Vec<Line> {
        let Some(metric) = &self.query.metric else { return Vec::new() };
        let mut lines = Vec::new();
        for group in self.groups.values() {
            if lines.len() > self.most_lines() {
                break;
            }
            let labels = || match group.labels.as_slice() {
                [] => vec![("__name__".to_owned(), metric.function.name().into())],
                labels => labels.to_vec(),
            };
            match &metric.function {
                Function::Rate => {
                    let seconds = self.axis.seconds();
                    lines.push(self.counted(group, labels(), |step| step.count as f64 / seconds));
                }
                Function::Count => lines.push(self.counted(group, labels(), |step| step.count as f64)),
                Function::Aggregate(aggregate, _) => {
                    let samples = self.samples(group, |step| aggregate.of(&step.numbers));
                    lines.push(Line { labels: labels(), samples, exemplars: group.exemplars.clone() });
                }
                Function::Quantiles(_, quantiles) => lines.extend(self.quantiles(group, quantiles)),
                Function::Histogram(_) => lines.extend(self.histogram(group)),
            }
        }
        lines
    }

    fn samples(&self, group: &Group, sample: impl Fn(&Step) -> Option<f64>) -> Vec<Option<f64>> {
        let none = Step::default();
        (0..self.axis.count).map(|at| sample(group.steps.get(&at).unwrap_or(&none))).collect()
    }

    /// Spans that are counted have no number of their own: their exemplars stand at that of the line.
    fn counted(&self, group: &Group, labels: Vec<(String, Value)>, count: impl Fn(&Step) -> f64) -> Line {
        let samples = self.samples(group, |step| Some(count(step)));
        let of = |exemplar: &Exemplar| {
            let value = samples.get(self.axis.place(exemplar.start_ns)?).copied().flatten()?;
            Some(Exemplar { value, ..*exemplar })
        };
        Line { labels, exemplars: group.exemplars.iter().filter_map(of).collect(), samples }
    }

    /// Each exemplar belongs to the quantile that is nearest to it.
    fn quantiles(&self, group: &Group, quantiles: &[f64]) -> Vec<Line> {
        let mut lines: Vec<Line> = quantiles
            .iter()
            .map(|quantile| Line {
                labels: with(&group.labels, "p", Value::Double(*quantile)),
                samples: self.samples(group, |step| nearest_rank(&step.numbers, *quantile)),
                exemplars: Vec::new(),
            })
            .collect();
        for exemplar in &group.exemplars {
            let Some(place) = self.axis.place(exemplar.start_ns) else { continue };
            let distance = |line: &&mut Line| {
                let sample = line.samples.get(place).copied().flatten();
                sample.map_or(f64::INFINITY, |sample| (sample - exemplar.value).abs())
            };
            let nearest = lines.iter_mut().min_by(|a, b| distance(a).total_cmp(&distance(b)));
            nearest.into_iter().for_each(|line| line.exemplars.push(*exemplar));
        }
        lines
    }

    /// A line for each power of two.
    fn histogram(&self, group: &Group) -> Vec<Line> {
        let powers: BTreeSet<i32> =
            group.steps.values().flat_map(|step| step.powers.keys().copied()).collect();
        let line = |of: i32| {
            let labels = with(&group.labels, "__bucket", Value::Double(f64::from(of).exp2()));
            let line = self.counted(group, labels, |step| step.powers.get(&of).copied().unwrap_or(0) as f64);
            let own = group
                .exemplars
                .iter()
                .zip(line.exemplars)
                .filter(|(exemplar, _)| power(exemplar.value) == of);
            Line { exemplars: own.map(|(_, placed)| placed).collect(), ..line }
        };
        powers.into_iter().map(line).collect()
    }
}

fn with(labels: &[(String, Value)], key: &str, value: Value) -> Vec<(String, Value)> {
    labels.iter().cloned().chain([(key.to_owned(), value)]).collect()
}

/// Durations are told in seconds.
fn is_time(named: &Named) -> bool {
    matches!(named.field, Field::Duration | Field::TraceDuration | Field::EventSinceStart)
}

/// The least power of two that is not below; all that is no positive number counts as the least one.
fn power(value: f64) -> i32 {
    const LEAST: i32 = -30;
    let power = value.log2().ceil();
    if power.is_finite() { (power as i32).max(LEAST) } else { LEAST }
}

/// The smallest number that is not below the asked share of all.
fn nearest_rank(numbers: &[f64], quantile: f64) -> Option<f64> {
    let rank = (quantile * numbers.len() as f64).ceil().max(1.0) as usize;
    let last = numbers.len().checked_sub(1)?;
    let mut numbers = numbers.to_vec();
    let (_, found, _) = numbers.select_nth_unstable_by((rank - 1).min(last), f64::total_cmp);
    Some(*found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_numbers_that_were_seen() {
        let numbers: Vec<f64> = (1..=10).rev().map(f64::from).collect();
        for (quantile, found) in [(0.0, 1.0), (0.05, 1.0), (0.5, 5.0), (0.9, 9.0), (0.91, 10.0), (1.0, 10.0)]
        {
            assert_eq!(nearest_rank(&numbers, quantile), Some(found), "{quantile}");
        }
        assert_eq!(nearest_rank(&[], 0.5), None);
    }

    #[test]
    fn a_number_belongs_to_the_power_of_two_above_it() {
        for (value, expected) in
            [(1.0, 0), (1.1, 1), (2.0, 1), (0.5, -1), (0.3, -1), (0.0, -30), (-1.0, -30), (1e-12, -30)]
        {
            assert_eq!(power(value), expected, "{value}");
        }
    }
}
