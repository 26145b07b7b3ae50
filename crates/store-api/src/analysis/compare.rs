//! B against A: each stage and each operation, with how sure the change is.

mod change;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::latency::Latency;
use super::observe::{Observation, Traced};
use super::points::{self, Example, Point};
use super::rollup::Texts;
use super::scope::{Covered, Scope};
use crate::error::StoreError;
use crate::facts::Facts;
use crate::question::Range;
use crate::read::Reader;
use crate::stage::Stage;

pub use change::{Delta, Verdict};

/// Kinds of one side; what comes later is left out, and the side is truncated.
const KINDS: usize = 2_000;
/// Operations that are listed.
const LISTED: usize = 200;
const VERDICTS: usize = 5;

#[derive(Clone, Debug)]
pub struct Question {
    pub a: Scope,
    pub b: Scope,
    /// Only operations of this service, and no stages.
    pub service: Option<String>,
    /// What both sides were so long before, of any version, is the control: only what goes beyond its change is a verdict.
    pub control_ns: Option<u64>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Compared {
    pub a: Side,
    pub b: Side,
    /// Sides A and B of the control.
    pub control: Option<(Side, Side)>,
    pub verdicts: Vec<String>,
    pub stages: Vec<Comparison>,
    pub operations: Vec<Comparison>,
    pub new: Vec<(Kind, Latency)>,
    pub gone: Vec<(Kind, Latency)>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Side {
    pub covered: Covered,
    pub n: u64,
}

/// What is compared with its like. In the order of a call, and then of names.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Kind {
    Stage(Stage),
    Operation { service: Arc<str>, name: Arc<str> },
}

#[derive(Clone, PartialEq, Debug)]
pub struct Comparison {
    pub kind: Kind,
    pub a: Latency,
    pub b: Latency,
    pub p50: Delta,
    pub p95: Delta,
    pub p99: Delta,
    pub examples_a: Vec<Example>,
    pub examples_b: Vec<Example>,
}

/// The points of one side by their kinds.
type Kinds = HashMap<Kind, Vec<Point>>;

impl Reader<'_> {
    pub(crate) fn compare(&mut self, question: &Question) -> Result<Compared, StoreError> {
        let service = question.service.as_deref();
        let [(a, mut before), (b, mut after)] = self.sides([&question.a, &question.b], service)?;
        let (mut control, mut usual) = (None, (Kinds::new(), Kinds::new()));
        if let Some(ago) = question.control_ns {
            let sides = [earlier(&question.a, ago), earlier(&question.b, ago)];
            let [(a, before), (b, after)] = self.sides(sides.each_ref(), service)?;
            (control, usual) = (Some((a, b)), (before, after));
        }
        let mut comparisons: Vec<Comparison> = Vec::new();
        let (mut new, mut gone) = (Vec::new(), Vec::new());
        let kinds: BTreeMap<Kind, ()> =
            before.keys().chain(after.keys()).map(|kind| (kind.clone(), ())).collect();
        for kind in kinds.into_keys() {
            match (before.remove(&kind), after.remove(&kind)) {
                (Some(a), Some(b)) => {
                    let usual = usual.0.remove(&kind).zip(usual.1.remove(&kind));
                    comparisons.push(Comparison::of(kind, &a, &b, usual));
                }
                (Some(a), None) => gone.push((kind, points::latency(&a))),
                (None, Some(b)) => new.push((kind, points::latency(&b))),
                (None, None) => {}
            }
        }
        let (stages, mut operations): (Vec<_>, Vec<_>) =
            comparisons.into_iter().partition(|one| matches!(one.kind, Kind::Stage(_)));
        operations.sort_by(|a, b| b.weight().total_cmp(&a.weight()).then_with(|| a.kind.cmp(&b.kind)));
        operations.truncate(LISTED);
        for list in [&mut new, &mut gone] {
            list.sort_by(|(a, one), (b, two)| two.n.cmp(&one.n).then_with(|| a.cmp(b)));
            list.truncate(LISTED);
        }
        let verdicts = verdicts(&stages, &operations);
        Ok(Compared { verdicts, a, b, control, stages, operations, new, gone })
    }

    fn sides(
        &mut self,
        [a, b]: [&Scope; 2],
        service: Option<&str>,
    ) -> Result<[(Side, Kinds); 2], StoreError> {
        let runs = |facts: &Facts| service.is_none_or(|service| facts.services.may_contain(service));
        let (mut of_a, mut of_b) = (Seen::new(a, service), Seen::new(b, service));
        // The same traces would be read for both.
        if a.range == b.range && a.calls == b.calls && a.spans == b.spans {
            let both = Scope { version: None, ..a.clone() };
            let covered = self.each_trace_where(&both, runs, |trace, window| {
                let sides = [&mut of_a, &mut of_b].into_iter();
                sides.filter(|side| side.scope.fits_trace(trace)).for_each(|side| side.see(trace, window));
            })?;
            return Ok([of_a.side(covered), of_b.side(covered)]);
        }
        let before = self.each_trace_where(a, runs, |trace, window| of_a.see(trace, window))?;
        let after = self.each_trace_where(b, runs, |trace, window| of_b.see(trace, window))?;
        Ok([of_a.side(before), of_b.side(after)])
    }
}

/// What was seen of one side.
struct Seen<'q> {
    scope: &'q Scope,
    service: Option<&'q str>,
    texts: Texts,
    kinds: Kinds,
    n: u64,
    left_out: bool,
}

impl<'q> Seen<'q> {
    fn new(scope: &'q Scope, service: Option<&'q str>) -> Self {
        Self { scope, service, texts: Texts::default(), kinds: Kinds::new(), n: 0, left_out: false }
    }

    fn see(&mut self, trace: &Traced<'_>, window: Range) {
        for seen in trace.observations().filter(|one| window.contains(one.span.start_ns)) {
            let asked = self.service.is_none_or(|asked| seen.stage.is_none() && seen.service == asked);
            if !asked || !self.scope.fits(&seen) {
                continue;
            }
            let kind = Kind::of(&seen, &mut self.texts);
            if self.kinds.len() >= KINDS && !self.kinds.contains_key(&kind) {
                self.left_out = true;
                continue;
            }
            self.n += 1;
            self.kinds.entry(kind).or_default().push(Point::of(&seen, trace, &mut self.texts));
        }
    }

    fn side(self, mut covered: Covered) -> (Side, Kinds) {
        covered.truncated |= self.left_out;
        (Side { covered, n: self.n }, self.kinds)
    }
}

/// The same before, of any version: what runs now did not run then.
fn earlier(scope: &Scope, by: u64) -> Scope {
    let Range { from, to } = scope.range;
    let range = Range { from: from.saturating_sub(by), to: to.saturating_sub(by) };
    Scope { range, version: None, ..scope.clone() }
}

impl Kind {
    fn of(seen: &Observation<'_>, texts: &mut Texts) -> Self {
        match seen.stage {
            Some(stage) => Self::Stage(stage),
            None => {
                Self::Operation { service: texts.shared(seen.service), name: texts.shared(seen.operation) }
            }
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stage(stage) => write!(f, "{stage}"),
            Self::Operation { service, name } => write!(f, "{service} {name}"),
        }
    }
}

impl Comparison {
    fn of(kind: Kind, a: &[Point], b: &[Point], usual: Option<(Vec<Point>, Vec<Point>)>) -> Self {
        let (before, after) = (points::durations(a), points::durations(b));
        let usual = usual.map(|(a, b)| (points::durations(&a), points::durations(&b)));
        let usual = usual.as_ref().map(|(before, after)| (&before[..], &after[..]));
        let delta = |q| Delta::of(&before, &after, usual, q);
        let (of_a, of_b) = (points::latency(a), points::latency(b));
        Self {
            kind,
            a: of_a,
            b: of_b,
            p50: delta(0.5),
            p95: delta(0.95),
            p99: delta(0.99),
            examples_a: points::examples(a, &of_a),
            examples_b: points::examples(b, &of_b),
        }
    }

    /// How much is known to have changed, times how often.
    fn weight(&self) -> f64 {
        let sure = [&self.p95, &self.p50].map(|delta| delta.sure_change().abs());
        sure.into_iter().fold(0.0, f64::max) * (self.b.n as f64).sqrt()
    }

    /// For people: `p95 crm GET +38 % (210 -> 290 ms, n = 4 102 / 3 988)`.
    pub fn verdict(&self) -> String {
        let n = format!("n = {} / {}", grouped(self.a.n), grouped(self.b.n));
        let least = self.a.n.min(self.b.n);
        // The 95th percentile, unless there is not enough for it and for the median there is.
        let (name, delta, sides) =
            if self.p95.verdict == Verdict::NotEnough && self.p50.verdict != Verdict::NotEnough {
                ("p50", &self.p50, self.a.p50.zip(self.b.p50))
            } else {
                ("p95", &self.p95, self.a.p95.zip(self.b.p95))
            };
        let (Some(change), Some((before, after))) = (delta.change, sides) else {
            return format!("{}: no time at all on one side, {n}", self.kind);
        };
        let mut told =
            format!("{name} {} {:+.0} % ({}, {n})", self.kind, 100.0 * change, durations(before, after));
        if let Some(usual) = delta.control {
            told += &format!(", control {:+.0} %", 100.0 * usual);
        }
        match delta.verdict {
            Verdict::NotEnough => {
                format!("{}: not enough data: {} of {}", self.kind, grouped(least), delta.needed)
            }
            Verdict::Unsure => format!("{told}: may be chance"),
            Verdict::Unchanged if delta.control.is_some() => format!("{told}: as the control"),
            Verdict::Unchanged => format!("{told}: unchanged"),
            Verdict::Slower | Verdict::Faster => told,
        }
    }
}

fn verdicts(stages: &[Comparison], operations: &[Comparison]) -> Vec<String> {
    let mut all: Vec<&Comparison> = stages.iter().chain(operations).collect();
    all.sort_by(|a, b| b.weight().total_cmp(&a.weight()).then_with(|| a.kind.cmp(&b.kind)));
    let changed = all.iter().filter(|one| one.weight() > 0.0).take(VERDICTS);
    let told: Vec<String> = changed.map(|one| one.verdict()).collect();
    if !told.is_empty() {
        return told;
    }
    let most = all.iter().map(|one| one.a.n.min(one.b.n)).max().unwrap_or(0);
    let needed = change::needed(0.95);
    vec![if most < needed {
        format!("not enough data: {} of {needed}", grouped(most))
    } else {
        "no change that chance would not make".to_owned()
    }]
}

/// `4 102`
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// `210 -> 290 ms`
fn durations(before: u64, after: u64) -> String {
    let (unit, name) = match before.max(after) {
        1_000_000_000.. => (1e9, "s"),
        1_000_000.. => (1e6, "ms"),
        _ => (1e3, "µs"),
    };
    let number = |ns: u64| {
        let number = ns as f64 / unit;
        let places = if number < 10.0 {
            2
        } else if number < 100.0 {
            1
        } else {
            0
        };
        format!("{number:.places$}")
    };
    format!("{} -> {} {name}", number(before), number(after))
}

#[cfg(test)]
mod tests;
