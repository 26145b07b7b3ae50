//! One stage over time.

mod heat;

use std::collections::HashMap;

use super::counted::{Counted, Finished};
use super::deploys::{Deploy, Deploys};
use super::latency::{Latency, Within};
use super::observe::Traced;
use super::points::{self, Example, Point};
use super::rollup::{self, Exemplar, OTHER, Texts};
use super::scope::{Covered, Scope};
use crate::error::StoreError;
use crate::question::Range;
use crate::read::Reader;
use crate::stage::Stage;

pub use heat::Heat;

/// Groups that are listed; the rest is one.
const GROUPS: usize = 30;
/// Spans that are looked at for examples where rows are counted.
const NEWEST: usize = 500;

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

/// What was counted of a stage.
struct Seen<'a> {
    question: &'a Question,
    step_ns: u64,
    steps: Vec<Counted>,
    groups: HashMap<Option<String>, Counted>,
    deploys: Deploys,
    texts: Texts,
    points: Vec<Point>,
    exemplars: Vec<Exemplar>,
}

impl Reader<'_> {
    pub(crate) fn stage(&mut self, question: &Question) -> Result<Detail, StoreError> {
        let asked = question.scope.range;
        let (step_ns, widest) = rollup::wide_step(asked.to.saturating_sub(asked.from), question.steps);
        let scope = question.scope.at(rollup::widened(asked, widest));
        let question = &Question { scope, ..question.clone() };
        let rows = if question.group_by.is_none_or(GroupBy::is_in_rows) { widest } else { 0 };
        let mut seen = Seen::new(question, step_ns);
        let covered = self.each_finished(&question.scope, rows, |one| seen.see(one))?;
        let whole: Counted = seen.steps.iter().collect();
        let latency = whole.latency();
        if !seen.exemplars.is_empty() {
            self.name(&mut seen, &latency)?;
        }
        let Seen { steps, points, groups, deploys, .. } = seen;
        let Range { from, .. } = question.scope.range;
        let columns = steps.iter().map(|step| &step.histogram);
        Ok(Detail {
            covered,
            latency,
            within: whole.within(question.threshold_ns),
            heat: Heat::of(from, step_ns, &whole.histogram, columns),
            series: (0..)
                .zip(&steps)
                .map(|(number, of)| question.step(from + number * step_ns, of))
                .collect(),
            groups: question.groups(groups),
            examples: points::examples(&points, &latency),
            deploys: deploys.within(question.scope.range),
        })
    }

    /// Rows name their slowest spans alone: what is usual is found among the newest.
    fn name(&mut self, seen: &mut Seen<'_>, latency: &Latency) -> Result<(), StoreError> {
        let traces = points::traces_near(&seen.exemplars, latency);
        let scope = Scope { spans: NEWEST, ..seen.question.scope.clone() };
        let mut name = |trace: &Traced<'_>, window: Range| {
            for one in Finished::of(trace, window) {
                if seen.is_asked(&one) {
                    seen.name(&one);
                }
            }
        };
        self.each_of(&traces, scope.range, &scope, &mut Covered::nothing_yet(scope.range), &mut name)?;
        self.each_trace(&scope, name)?;
        Ok(())
    }
}

impl<'a> Seen<'a> {
    fn new(question: &'a Question, step_ns: u64) -> Self {
        let Range { from, to } = question.scope.range;
        let steps = vec![Counted::default(); to.saturating_sub(from).div_ceil(step_ns) as usize];
        let (groups, deploys, texts) = (HashMap::new(), Deploys::default(), Texts::default());
        let (points, exemplars) = (Vec::new(), Vec::new());
        Self { question, step_ns, steps, groups, deploys, texts, points, exemplars }
    }

    fn is_asked(&self, one: &Finished<'_>) -> bool {
        one.stage() == Some(self.question.stage) && one.fits(&self.question.scope)
    }

    fn see(&mut self, one: &Finished<'_>) {
        self.deploys.see(one);
        if !self.is_asked(one) {
            return;
        }
        let Question { scope, threshold_ns, group_by, .. } = self.question;
        let step = one.t().saturating_sub(scope.range.from) / self.step_ns;
        if let Some(step) = self.steps.get_mut(step as usize) {
            step.add(one, *threshold_ns);
        }
        if let Some(by) = group_by {
            let group = by.of(one).map(str::to_owned);
            self.groups.entry(group).or_default().add(one, *threshold_ns);
        }
        self.name(one);
    }

    fn name(&mut self, one: &Finished<'_>) {
        match one {
            Finished::Span(trace, seen) => self.points.push(Point::of(seen, trace, &mut self.texts)),
            Finished::Row(row) => self.exemplars.extend(&row.exemplars),
        }
    }
}

impl Question {
    fn step(&self, t: u64, of: &Counted) -> Step {
        let Latency { n, p50, p95, p99, .. } = of.latency();
        Step { t, n, p50, p95, p99, within: self.share(of) }
    }

    fn share(&self, of: &Counted) -> Option<f64> {
        of.within(self.threshold_ns)?.share()
    }

    fn groups(&self, groups: HashMap<Option<String>, Counted>) -> Vec<Group> {
        let group = |value, other, of: &Counted| Group {
            value,
            other,
            latency: of.latency(),
            within: self.share(of),
        };
        // Rows of very many series have no names.
        let (folded, mut named): (Vec<_>, Vec<_>) =
            groups.into_iter().partition(|(value, _)| value.as_deref() == Some(OTHER));
        named.sort_by(|(a, one), (b, two)| {
            two.histogram.count().cmp(&one.histogram.count()).then_with(|| a.cmp(b))
        });
        let rest = named.split_off(named.len().min(GROUPS));
        let rest: Counted = rest.iter().chain(&folded).map(|(_, of)| of).collect();
        let mut groups: Vec<Group> = named.into_iter().map(|(value, of)| group(value, false, &of)).collect();
        if rest.histogram.count() > 0 {
            groups.push(group(None, true, &rest));
        }
        groups
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

    /// What rows of a stage do not tell is told by spans alone.
    fn is_in_rows(self) -> bool {
        matches!(self, Self::Queue | Self::Region | Self::Channel)
    }

    fn of<'a>(self, one: &'a Finished<'_>) -> Option<&'a str> {
        match (self, one) {
            (Self::Queue, _) => one.queue(),
            (Self::Region, _) => one.region(),
            (Self::Channel, _) => one.channel(),
            (_, Finished::Row(_)) => None,
            (Self::Version, Finished::Span(_, seen)) => seen.version,
            (Self::Agent, Finished::Span(_, seen)) => seen.agent,
            (Self::Operation, Finished::Span(_, seen)) => Some(seen.operation),
        }
    }
}

#[cfg(test)]
mod tests;
