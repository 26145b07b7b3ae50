//! Which attributes are more frequent inside a box of a heat map than outside of it.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use throughline_context::TraceId;

use super::gather::{Candidate, fitting};
use super::observe::{Observation, Traced};
use super::points::{self, Example, Point};
use super::rollup::Texts;
use super::scope::{Covered, Scope};
use crate::error::StoreError;
use crate::facts::{Facts, Stretch};
use crate::question::Range;
use crate::read::Reader;
use crate::span::{Span, key};
use crate::stage::Stage;
use crate::value::{Attributes, Value};

/// Each side needs so many spans before anything is said.
const ENOUGH: u64 = 20;
/// Different keys; and different values of one key, before it is left out.
const KEYS: usize = 1_000;
const VALUES: usize = 200;
/// Longest value that is compared, in bytes.
const LONGEST: usize = 200;
const DIFFERENCES: usize = 50;
/// How likely chance may be, over all that is compared in one answer.
const SURE: f64 = 0.001;
/// What differs in each span by its nature.
const OWN: &[&str] = &[key::INTERACTION, key::REVISION, key::UNFINISHED, key::STAGE, key::SERVICE];

#[derive(Clone, Debug)]
pub struct Question {
    pub scope: Scope,
    pub stage: Stage,
    pub selected: Selected,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Selected {
    pub range: Range,
    pub min_ns: u64,
    /// Not included.
    pub max_ns: u64,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Differs {
    pub covered: Covered,
    pub inside: u64,
    pub outside: u64,
    /// Which share of the traces outside was looked at, as chance would have it.
    pub outside_share: f64,
    pub enough: bool,
    pub differences: Vec<Difference>,
    /// Attributes with too many values, by name.
    pub left_out: Vec<String>,
    /// There are more attributes than are compared.
    pub more: bool,
    pub examples: Vec<Example>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Difference {
    /// Nothing for an attribute of the stage's own span.
    pub service: Option<String>,
    pub key: String,
    pub value: String,
    pub inside: u64,
    pub outside: u64,
    pub share_inside: f64,
    pub share_outside: f64,
    pub significant: bool,
}

type Key = (Option<Arc<str>>, Arc<str>);

#[derive(Default)]
struct Tally {
    texts: Texts,
    inside: u64,
    outside: u64,
    values: HashMap<Key, HashMap<Arc<str>, [u64; 2]>>,
    too_many: BTreeSet<Key>,
    more: bool,
}

impl Reader<'_> {
    pub(crate) fn differs(&mut self, question: &Question) -> Result<Differs, StoreError> {
        let Question { scope, stage, selected } = question;
        let (all, mut covered) =
            self.candidates_where(scope, usize::MAX, |facts| facts.stages.contains_key(stage))?;
        // The box is looked at wherever it lies, also before what there is room for.
        let may_hold = |facts: &Facts| selected.may_hold(facts, *stage);
        let within = scope.at(selected.range.within(scope.range));
        let (boxed, mut covered_box) = if covered.complete_from <= within.range.from {
            let boxed = all.iter().filter(|one| may_hold(one.facts())).cloned().collect();
            (boxed, Covered::nothing_yet(within.range))
        } else {
            self.candidates_where(&within, usize::MAX, may_hold)?
        };
        let boxed = fitting(boxed, scope.spans / 2, &mut covered_box);
        let (sample, outside_share) = sampled(all, scope.spans / 2);
        let sampled: HashSet<TraceId> = sample.iter().map(|one| one.id).collect();
        let mut traces: HashMap<TraceId, Candidate> = HashMap::new();
        traces.extend(boxed.into_iter().chain(sample).map(|one| (one.id, one)));
        let window = covered_box.window();
        let (mut tally, mut points) = (Tally::default(), Vec::<Point>::new());
        self.look_at(traces.into_values().collect(), scope, &mut covered, |trace, around| {
            for seen in trace.observations() {
                if seen.stage != Some(*stage) || !scope.fits(&seen) {
                    continue;
                }
                let (start, inside) = (seen.span.start_ns, selected.holds(&seen));
                if inside && window.contains(start) {
                    tally.count(&seen, trace, true);
                    points.push(Point::of(&seen, trace, &mut tally.texts));
                }
                if !inside && around.contains(start) && sampled.contains(&seen.span.trace_id) {
                    tally.count(&seen, trace, false);
                }
            }
        })?;
        covered.truncated |= covered_box.truncated;
        if covered_box.complete_from > within.range.from {
            covered.cut(covered_box.complete_from);
        }
        let (inside, outside, more) = (tally.inside, tally.outside, tally.more);
        let enough = inside >= ENOUGH && outside >= ENOUGH;
        let (differences, left_out) = tally.differences();
        Ok(Differs {
            covered,
            inside,
            outside,
            outside_share,
            enough,
            differences: if enough { differences } else { Vec::new() },
            left_out,
            more,
            examples: points::examples(&points, &points::latency(&points)),
        })
    }
}

impl Differs {
    /// For people.
    pub fn note(&self) -> String {
        let Self { inside, outside, .. } = self;
        if !self.enough {
            return format!(
                "not enough data: {inside} inside and {outside} outside the box, {ENOUGH} of each are needed"
            );
        }
        let sure = self.differences.iter().filter(|one| one.significant).count();
        let said = match sure {
            0 => "no difference that chance would not make".to_owned(),
            _ => format!("what differs beyond chance comes first, {sure} in all"),
        };
        let more = if self.more { format!("; only {KEYS} attributes were compared") } else { String::new() };
        let share = self.outside_share * 100.0;
        let sample = if share < 100.0 { format!(" (a sample of {share:.2} %)") } else { String::new() };
        format!("{inside} inside, {outside} outside{sample}: {said}{more}")
    }
}

impl Selected {
    /// Whether a trace may have a span that it holds.
    fn may_hold(&self, facts: &Facts, stage: Stage) -> bool {
        let long = |of: &Stretch| of.start_ns < self.range.to && of.duration_ns >= self.min_ns;
        facts.last_start_ns >= self.range.from && facts.stages.get(&stage).is_some_and(long)
    }

    fn holds(&self, seen: &Observation<'_>) -> bool {
        self.range.contains(seen.span.start_ns) && (self.min_ns..self.max_ns).contains(&seen.span.duration_ns)
    }
}

impl Tally {
    /// Each value counts once for each span of the stage, however many spans of the trace have it.
    fn count(&mut self, seen: &Observation<'_>, trace: &Traced<'_>, inside: bool) {
        *(if inside { &mut self.inside } else { &mut self.outside }) += 1;
        let mut told: BTreeSet<(Key, Arc<str>)> = BTreeSet::new();
        self.tell(&mut told, None, &seen.span.attributes);
        self.tell(&mut told, None, seen.span.resource.attributes());
        for (key, value) in [
            (key::QUEUE, seen.queue),
            (key::REGION, seen.region),
            (key::CHANNEL, seen.channel),
            ("interaction.alerts", Some(offers(trace)).filter(|offers| !offers.is_empty())),
        ] {
            if let Some(value) = value {
                let (key, value) = ((None, self.texts.shared(key)), self.texts.shared(value));
                told.retain(|((service, known), _)| service.is_some() || *known != key.1);
                told.insert((key, value));
            }
        }
        let others = trace.spans.iter().filter(|span| span.stage().is_none());
        for span in others.filter(|span| span.resource.service() != seen.service) {
            let service = self.texts.shared(span.resource.service());
            self.tell(&mut told, Some(&service), &span.attributes);
            self.tell(&mut told, Some(&service), span.resource.attributes());
        }
        for (key, value) in told {
            self.note(key, value, inside);
        }
    }

    fn tell(&mut self, told: &mut BTreeSet<(Key, Arc<str>)>, service: Option<&Arc<str>>, of: &Attributes) {
        for (key, value) in of.iter().filter(|(key, _)| !OWN.contains(key)) {
            let text = match value {
                Value::String(text) if text.len() <= LONGEST && !text.is_empty() => self.texts.shared(text),
                Value::Bool(truth) => self.texts.shared(if *truth { "true" } else { "false" }),
                Value::Int(number) => self.texts.shared(&number.to_string()),
                _ => continue,
            };
            told.insert(((service.cloned(), self.texts.shared(key)), text));
        }
    }

    fn note(&mut self, key: Key, value: Arc<str>, inside: bool) {
        if self.too_many.contains(&key) {
            return;
        }
        if self.values.len() + self.too_many.len() >= KEYS && !self.values.contains_key(&key) {
            self.more = true;
            return;
        }
        let values = self.values.entry(key.clone()).or_default();
        let counts = values.entry(value).or_default();
        let [within, without] = counts;
        *(if inside { within } else { without }) += 1;
        if values.len() > VALUES {
            self.values.remove(&key);
            self.too_many.insert(key);
        }
    }

    fn differences(self) -> (Vec<Difference>, Vec<String>) {
        let compared: usize = self.values.values().map(HashMap::len).sum();
        let sure = SURE / compared.max(1) as f64;
        let mut found = Vec::new();
        for ((service, key), values) in self.values {
            for (value, [inside, outside]) in values {
                let shares = [inside as f64 / self.inside as f64, outside as f64 / self.outside as f64];
                let [share_inside, share_outside] = shares;
                if inside == self.inside && outside == self.outside {
                    continue;
                }
                found.push(Difference {
                    service: service.as_deref().map(str::to_owned),
                    key: key.to_string(),
                    value: value.to_string(),
                    inside,
                    outside,
                    share_inside,
                    share_outside,
                    significant: chance([inside, self.inside], [outside, self.outside]) < sure,
                });
            }
        }
        found.sort_by(|a, b| a.order(b));
        found.truncate(DIFFERENCES);
        let name = |(service, key): Key| match service {
            Some(service) => format!("{service}: {key}"),
            None => key.to_string(),
        };
        (found, self.too_many.into_iter().map(name).collect())
    }
}

impl Difference {
    /// Inside less outside, in percentage points.
    pub fn points(&self) -> f64 {
        100.0 * (self.share_inside - self.share_outside)
    }

    fn order(&self, other: &Self) -> std::cmp::Ordering {
        let by_points = other.points().abs().total_cmp(&self.points().abs());
        let name = |one: &Self| (one.service.clone(), one.key.clone(), one.value.clone());
        let by_name = || name(self).cmp(&name(other));
        other.significant.cmp(&self.significant).then(by_points).then_with(by_name)
    }
}

/// Each with the same chance, and so many that they have about `most` spans together; the same ones each time.
fn sampled(mut candidates: Vec<Candidate>, most: usize) -> (Vec<Candidate>, f64) {
    let together: u64 = candidates.iter().map(|one| one.facts().spans).sum();
    let share = most as f64 / together.max(1) as f64;
    if share >= 1.0 {
        return (candidates, 1.0);
    }
    let drawn = |id: TraceId| {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        hasher.finish() as f64 / u64::MAX as f64
    };
    candidates.retain(|one| drawn(one.id) < share);
    (candidates, share)
}

/// How often agents were alerted: a call that is offered twice waited for somebody who did not answer.
pub(crate) fn times_alerted<'s>(spans: impl IntoIterator<Item = &'s Span>) -> usize {
    spans.into_iter().filter(|span| span.stage() == Some(Stage::Alert)).count()
}

fn offers(trace: &Traced<'_>) -> &'static str {
    match times_alerted(trace.spans.iter().map(|span| &***span)) {
        0 => "",
        1 => "1",
        _ => "2 or more",
    }
}

/// How likely two shares that differ so, or more, come from one and the same: two proportions, normal approximation.
fn chance([part, n]: [u64; 2], [other_part, other_n]: [u64; 2]) -> f64 {
    let (part, n, other_part, other_n) = (part as f64, n as f64, other_part as f64, other_n as f64);
    let pooled = (part + other_part) / (n + other_n);
    let deviation = (pooled * (1.0 - pooled) * (1.0 / n + 1.0 / other_n)).sqrt();
    if deviation == 0.0 || !deviation.is_finite() {
        return 1.0;
    }
    let z = (part / n - other_part / other_n).abs() / deviation;
    // Upper bound of both tails of the normal distribution; for small z it says no more than 1.
    (2.0 * (-z * z / 2.0).exp() / (z * (2.0 * std::f64::consts::PI).sqrt())).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_is_small_where_shares_differ_and_sides_are_large() {
        for (inside, outside, least, most) in [
            ([50, 100], [500, 1000], 0.99, 1.0),
            ([81, 100], [12, 100], 0.0, 1e-15),
            ([3, 20], [1, 20], 0.05, 1.0),
            ([0, 20], [0, 20], 1.0, 1.0),
            ([20, 20], [20, 20], 1.0, 1.0),
        ] {
            let chance = chance(inside, outside);
            assert!((least..=most).contains(&chance), "{inside:?} {outside:?}: {chance}");
        }
    }
}
