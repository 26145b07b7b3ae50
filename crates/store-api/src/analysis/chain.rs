//! Interactions that links join: a call that was handed over goes on as another one.

use std::collections::{BTreeMap, BTreeSet};

use throughline_context::TraceId;

use super::gather::{Candidate, fitting};
use super::scope::{Covered, Scope};
use crate::error::StoreError;
use crate::facts::Facts;
use crate::hops;
use crate::question::Range;
use crate::read::Reader;
use crate::span::Link;
use crate::summary::Summary;
use crate::value::Value;

/// Says what a link stands for.
const TYPE: &str = "interaction.link.type";
/// Who asked for events is no part of the call.
const NO_PART: &[&str] = &["subscription"];
/// Interactions of one chain.
const LONGEST: usize = 50;
/// Links that are followed.
const LINKS: usize = 100_000;
/// How long before and after an interaction the ones are looked for that link to it: the first of these that there is room
/// for, so that what is near it is not left out for what is later.
const AROUND_NS: [u64; 4] = [6 * 3_600_000_000_000, 3_600_000_000_000, 600_000_000_000, 0];

/// What a link that somebody made by hand is called where links are named.
pub const MANUAL: &str = "manual";

#[derive(Clone, PartialEq, Debug)]
pub struct Chain {
    /// In the order of time.
    pub calls: Vec<Call>,
    /// Traces of no interaction that links by hand join to these calls.
    pub traces: Vec<Joined>,
    pub truncated: bool,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Call {
    pub summary: Summary,
    /// Of the link that led here.
    pub link: Option<String>,
    pub ambiguous: bool,
    /// The id of the link, where somebody made it by hand.
    pub by_hand: Option<String>,
}

/// A trace that stands alone but for a link by hand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Joined {
    pub trace_id: TraceId,
    /// The id of the link.
    pub by_hand: String,
}

/// What a link by hand joins.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum End {
    Interaction(String),
    Trace(TraceId),
}

/// A link that somebody made, since no telemetry has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ByHand {
    pub id: String,
    pub ends: [End; 2],
}

/// How a call or a trace was reached.
#[derive(Clone, Default)]
struct How {
    link: Option<String>,
    ambiguous: bool,
    by_hand: Option<String>,
}

/// A link from one interaction to another.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Joint {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) ambiguous: bool,
    pub(crate) link: Option<String>,
}

impl Reader<'_> {
    /// Nothing where no span carries the id. Links are looked for in the hours around it; those by hand have no hours.
    pub(crate) fn chain(
        &mut self,
        id: &str,
        scope: &Scope,
        by_hand: &[ByHand],
    ) -> Result<Option<Chain>, StoreError> {
        let Some(own) = self.summary(id)? else { return Ok(None) };
        let (joints, mut truncated) = self.joints_around(&own, scope)?;
        let mut edges = Vec::new();
        for ByHand { id, ends: [from, to] } in by_hand {
            let how = How { link: Some(MANUAL.to_owned()), ambiguous: false, by_hand: Some(id.clone()) };
            for from in self.calls_of(from)? {
                edges.extend(self.calls_of(to)?.into_iter().map(|to| (from.clone(), to, how.clone())));
            }
        }
        edges.extend(joints.into_iter().map(|Joint { from, to, ambiguous, link }| {
            (End::Interaction(from), End::Interaction(to), How { link, ambiguous, by_hand: None })
        }));
        let own = End::Interaction(id.to_owned());
        let mut known = BTreeMap::from([(own.clone(), How::default())]);
        let mut todo = vec![own];
        while let Some(next) = todo.pop() {
            for (from, to, how) in edges.iter().filter(|(from, to, _)| *from == next || *to == next) {
                let other = if *from == next { to } else { from };
                if known.contains_key(other) {
                    continue;
                }
                if known.len() >= LONGEST {
                    truncated = true;
                    break;
                }
                known.insert(other.clone(), how.clone());
                todo.push(other.clone());
            }
        }
        let (mut calls, mut traces) = (Vec::new(), Vec::new());
        for (end, How { link, ambiguous, by_hand }) in known {
            match end {
                End::Interaction(id) => {
                    let summary = self.summary(&id)?;
                    calls.extend(summary.map(|summary| Call { summary, link, ambiguous, by_hand }));
                }
                End::Trace(trace_id) => {
                    traces.extend(by_hand.map(|by_hand| Joined { trace_id, by_hand }));
                }
            }
        }
        calls.sort_by(|a, b| (a.summary.start_ns, &a.summary.id).cmp(&(b.summary.start_ns, &b.summary.id)));
        Ok(Some(Chain { calls, traces, truncated }))
    }

    /// The interactions that a trace belongs to, in its place.
    fn calls_of(&mut self, end: &End) -> Result<Vec<End>, StoreError> {
        let End::Trace(trace) = end else { return Ok(vec![end.clone()]) };
        let calls = self.interactions_of(*trace)?;
        let alone = calls.is_empty().then(|| end.clone());
        Ok(calls.into_iter().map(End::Interaction).chain(alone).collect())
    }

    /// The links between interactions of which either has a span around this one, and whether some were left out.
    fn joints_around(&mut self, own: &Summary, scope: &Scope) -> Result<(Vec<Joint>, bool), StoreError> {
        for (narrower, around) in AROUND_NS.into_iter().enumerate() {
            let (from, to) = (own.start_ns.saturating_sub(around), own.end_ns.saturating_add(around + 1));
            let scope = scope.at(Range { from, to });
            let (traces, covered) = self.candidates_where(&scope, usize::MAX, of_a_call)?;
            let together: u64 = traces.iter().map(|one| one.facts().spans).sum();
            if around == 0 || (!covered.truncated && together <= scope.spans as u64) {
                let (joints, covered) = self.joints_of(traces, &scope, covered)?;
                return Ok((joints, covered.truncated || narrower > 0));
            }
        }
        Ok((Vec::new(), true))
    }

    /// The links between interactions of which either has a span in the range; the certain ones first.
    pub(crate) fn joints(&mut self, scope: &Scope) -> Result<(Vec<Joint>, Covered), StoreError> {
        let (traces, covered) = self.candidates_where(scope, usize::MAX, of_a_call)?;
        self.joints_of(traces, scope, covered)
    }

    /// The newest of these traces as far as there is room.
    fn joints_of(
        &mut self,
        traces: Vec<Candidate>,
        scope: &Scope,
        mut covered: Covered,
    ) -> Result<(Vec<Joint>, Covered), StoreError> {
        let mut links: BTreeSet<(TraceId, TraceId, bool, Option<String>)> = BTreeSet::new();
        let mut full = false;
        let traces = fitting(traces, scope.spans, &mut covered);
        self.look_at(traces, scope, &mut covered, |trace, _| {
            for span in trace.spans {
                for link in span.links.iter().filter(|link| link.trace_id != span.trace_id) {
                    let kind = link.attributes.text(TYPE);
                    if kind.is_some_and(|kind| NO_PART.contains(&kind)) {
                        continue;
                    }
                    full |= links.len() >= LINKS;
                    if !full {
                        links.insert((
                            span.trace_id,
                            link.trace_id,
                            ambiguous(link),
                            kind.map(str::to_owned),
                        ));
                    }
                }
            }
        })?;
        covered.truncated |= full;
        let mut joints = BTreeSet::new();
        for (from, to, ambiguous, link) in links {
            for from in self.interactions_of(from)? {
                for to in self.interactions_of(to)?.into_iter().filter(|to| *to != from) {
                    joints.insert(Joint { from: from.clone(), to, ambiguous, link: link.clone() });
                }
            }
        }
        let mut joints: Vec<Joint> = joints.into_iter().collect();
        joints.sort_by_key(|joint| joint.ambiguous);
        Ok((joints, covered))
    }

    fn interactions_of(&mut self, trace: TraceId) -> Result<Vec<String>, StoreError> {
        let known = self.fragment(trace)?;
        Ok(known.map(|known| known.facts.interactions.iter().cloned().collect()).unwrap_or_default())
    }
}

fn of_a_call(facts: &Facts) -> bool {
    !facts.interactions.is_empty()
}

fn ambiguous(link: &Link) -> bool {
    link.attributes.get(hops::key::AMBIGUOUS) == Some(&Value::Bool(true))
}
