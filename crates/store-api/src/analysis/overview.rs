//! How the contact centre does.

use std::collections::{BTreeMap, HashMap};

use super::calls::{Calls, CallsTally};
use super::counted::{Counted, Finished};
use super::deploys::{Deploy, Deploys};
use super::histogram::Histogram;
use super::latency::{Latency, Within};
use super::objective::{Objectives, State};
use super::peak::Peak;
use super::rollup;
use super::running::Running;
use super::scope::{Covered, Scope};
use crate::error::StoreError;
use crate::question::Range;
use crate::read::Reader;
use crate::stage::Stage;

/// The stages of the strip, in the order of a call.
pub const STRIP: [Stage; 9] = [
    Stage::Setup,
    Stage::Ivr,
    Stage::Action,
    Stage::Queue,
    Stage::Alert,
    Stage::Talk,
    Stage::Hold,
    Stage::Transfer,
    Stage::Wrapup,
];
/// Steps of each series, at most.
const STEPS: u64 = 48;
/// Regions of the grid; the rest is one line.
const REGIONS: usize = 50;
/// So long before the range calls are looked for that went on into it.
const BEFORE_NS: u64 = 3_600_000_000_000;
const WEEK_NS: u64 = 7 * 24 * 3_600_000_000_000;

#[derive(Clone, Debug, Default)]
pub struct Question {
    pub scope: Scope,
    pub objectives: Objectives,
    pub short_abandon_ns: u64,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Overview {
    pub covered: Covered,
    pub step_ns: u64,
    /// One for each of [`STRIP`].
    pub stages: Vec<Line>,
    /// The busiest first.
    pub regions: Vec<Region>,
    pub running: Running,
    pub deploys: Vec<Deploy>,
    pub calls: Calls,
    pub peak: Option<Peak>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Line {
    pub stage: Stage,
    /// Of [`Calls::n`], those with a span of the stage, whenever it began.
    pub calls: u64,
    pub latency: Latency,
    pub objective_ns: Option<u64>,
    pub state: State,
    pub within: Option<Within>,
    pub before: Change,
    pub week: Change,
    pub series: Vec<Step>,
}

/// p95 of another time.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Change {
    pub n: u64,
    pub p95: Option<u64>,
    /// 0.38: 38 % slower than then.
    pub change: Option<f64>,
    pub complete: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    pub t: u64,
    pub n: u64,
    pub p50: Option<u64>,
    pub p95: Option<u64>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Region {
    pub region: Option<String>,
    /// Interactions that started in the range.
    pub calls: u64,
    /// Spans with a stage.
    pub n: u64,
    /// One for each of [`STRIP`].
    pub cells: Vec<Cell>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Cell {
    pub stage: Stage,
    pub n: u64,
    pub p95: Option<u64>,
    pub state: State,
    pub within: Option<Within>,
}

/// What was counted of one range.
struct Seen<'a> {
    objectives: &'a Objectives,
    step_ns: u64,
    by_step: BTreeMap<(Stage, u64), Counted>,
    by_region: HashMap<Option<String>, BTreeMap<Stage, Counted>>,
    deploys: Deploys,
}

impl Reader<'_> {
    /// As of `now_ns`.
    pub(crate) fn overview(&mut self, question: &Question, now_ns: u64) -> Result<Overview, StoreError> {
        let asked = question.scope.range;
        let (step_ns, widest) = rollup::wide_step(asked.to.saturating_sub(asked.from), STEPS);
        let range = rollup::widened(asked, widest);
        let width = range.to.saturating_sub(range.from).max(1);
        let question = &Question { scope: question.scope.at(range), ..question.clone() };
        let mut seen = Seen::new(&question.objectives, step_ns);
        let covered = self.each_finished(&question.scope, widest, |one| seen.see(one, &question.scope))?;
        let ago = |by: u64| Range { from: range.from.saturating_sub(by), to: range.to.saturating_sub(by) };
        // A range of a week has one time before it, not two.
        let before = self.stages_of(question, ago(width), &mut seen.deploys)?;
        let week = self.stages_of(question, ago(WEEK_NS), &mut Deploys::default())?;
        // Those that began before and went on into the range are part of its peak.
        let wider = Range { from: range.from.saturating_sub(BEFORE_NS), ..range };
        let mut tally = CallsTally::new(question);
        let mut by_region: HashMap<Option<String>, u64> = HashMap::new();
        let mut by_stage = [0; STRIP.len()];
        let mut calls = Vec::new();
        let (complete_from, cut) = self.each_call(wider, &question.scope.filter(), |call| {
            calls.push((call.start_ns(), (!call.running()).then(|| call.end_ns())));
            if range.contains(call.start_ns()) {
                tally.count(call);
                *by_region.entry(call.region().map(str::to_owned)).or_default() += 1;
                for (n, stage) in by_stage.iter_mut().zip(STRIP) {
                    *n += u64::from(call.stretch(stage).is_some());
                }
            }
        })?;
        let mut covered = covered;
        covered.cut(complete_from);
        covered.truncated |= cut;
        let stages = STRIP.into_iter().zip(by_stage);
        let stages = stages.map(|(stage, calls)| seen.line(stage, calls, question, [&before, &week]));
        let stages = stages.collect();
        let running = self.running(now_ns, &question.scope.filter())?;
        Ok(Overview {
            covered,
            step_ns,
            stages,
            regions: seen.regions(&question.objectives, by_region),
            running,
            deploys: std::mem::take(&mut seen.deploys).within(range),
            calls: tally.finish(),
            peak: Peak::of(&calls, range, now_ns),
        })
    }

    fn stages_of<'q>(
        &mut self,
        question: &'q Question,
        range: Range,
        deploys: &mut Deploys,
    ) -> Result<(Seen<'q>, bool), StoreError> {
        let mut seen = Seen::new(&question.objectives, range.to.saturating_sub(range.from));
        std::mem::swap(&mut seen.deploys, deploys);
        let scope = question.scope.at(range);
        let covered = self.each_finished(&scope, u64::MAX, |one| seen.see(one, &scope))?;
        std::mem::swap(&mut seen.deploys, deploys);
        Ok((seen, !covered.truncated))
    }
}

impl<'a> Seen<'a> {
    fn new(objectives: &'a Objectives, step_ns: u64) -> Self {
        let (by_step, by_region, deploys) = (BTreeMap::new(), HashMap::new(), Deploys::default());
        Self { objectives, step_ns: step_ns.max(1), by_step, by_region, deploys }
    }

    fn see(&mut self, one: &Finished<'_>, scope: &Scope) {
        self.deploys.see(one);
        if let Some(stage) = one.stage().filter(|_| one.fits(scope)) {
            let step = one.t().saturating_sub(scope.range.from) / self.step_ns;
            let threshold = self.objectives.threshold(stage);
            self.by_step.entry((stage, step)).or_default().add(one, threshold);
            let region = one.region().map(str::to_owned);
            self.by_region.entry(region).or_default().entry(stage).or_default().add(one, threshold);
        }
    }

    fn whole(&self, stage: Stage) -> Counted {
        self.by_step.range((stage, 0)..=(stage, u64::MAX)).map(|(_, one)| one).collect()
    }

    fn line(&self, stage: Stage, calls: u64, question: &Question, then: [&(Seen<'_>, bool); 2]) -> Line {
        let whole = self.whole(stage);
        let latency = whole.latency();
        let [before, week] = then.map(|(seen, complete)| {
            let then = seen.whole(stage).histogram;
            let p95 = then.quantile(0.95);
            let change = latency.p95.zip(p95).filter(|(_, then)| *then > 0);
            let change = change.map(|(now, then)| now as f64 / then as f64 - 1.0);
            Change { n: then.count(), p95, change, complete: *complete }
        });
        let steps = question.scope.range.to.saturating_sub(question.scope.range.from).div_ceil(self.step_ns);
        let step = |number: u64| {
            let counted = self.by_step.get(&(stage, number)).map(|counted| &counted.histogram);
            Step {
                t: question.scope.range.from + number * self.step_ns,
                n: counted.map_or(0, Histogram::count),
                p50: counted.and_then(|counted| counted.quantile(0.5)),
                p95: counted.and_then(|counted| counted.quantile(0.95)),
            }
        };
        Line {
            stage,
            calls,
            objective_ns: question.objectives.p95(stage),
            state: question.objectives.state(stage, latency.p95),
            within: whole.within(question.objectives.threshold(stage)),
            latency,
            before,
            week,
            series: (0..steps).map(step).collect(),
        }
    }

    fn regions(&mut self, objectives: &Objectives, mut calls: HashMap<Option<String>, u64>) -> Vec<Region> {
        // A region may have calls and no finished stage.
        for region in calls.keys() {
            self.by_region.entry(region.clone()).or_default();
        }
        let mut regions: Vec<Region> = std::mem::take(&mut self.by_region)
            .into_iter()
            .map(|(region, stages)| {
                let none = Counted::default();
                let cell = |stage| {
                    let counted = stages.get(&stage).unwrap_or(&none);
                    let p95 = counted.histogram.quantile(0.95);
                    Cell {
                        stage,
                        n: counted.histogram.count(),
                        p95,
                        state: objectives.state(stage, p95),
                        within: counted.within(objectives.threshold(stage)),
                    }
                };
                Region {
                    calls: calls.remove(&region).unwrap_or(0),
                    region,
                    n: stages.values().map(|counted| counted.histogram.count()).sum(),
                    cells: STRIP.into_iter().map(cell).collect(),
                }
            })
            .collect();
        regions.sort_by(|a, b| b.n.cmp(&a.n).then_with(|| a.region.cmp(&b.region)));
        regions.truncate(REGIONS);
        regions
    }
}

#[cfg(test)]
mod tests;
