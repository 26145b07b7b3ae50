//! Interactions that links join: a call that was handed over goes on as another one.

use std::collections::{BTreeMap, BTreeSet};

use throughline_context::TraceId;

use super::scope::{Covered, Scope};
use crate::error::StoreError;
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
/// How long before and after an interaction the ones are looked for that link to it.
const AROUND_NS: u64 = 6 * 3_600_000_000_000;

#[derive(Clone, PartialEq, Debug)]
pub struct Chain {
    /// In the order of time.
    pub calls: Vec<Call>,
    pub truncated: bool,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Call {
    pub summary: Summary,
    /// Of the link that led here.
    pub link: Option<String>,
    pub ambiguous: bool,
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
    /// Nothing where no span carries the id. Links are looked for in the hours around it.
    pub(crate) fn chain(&mut self, id: &str, scope: &Scope) -> Result<Option<Chain>, StoreError> {
        let Some(own) = self.summary(id)? else { return Ok(None) };
        let range =
            Range { from: own.start_ns.saturating_sub(AROUND_NS), to: own.end_ns.saturating_add(AROUND_NS) };
        let (joints, covered) = self.joints(&scope.at(range))?;
        let mut known = BTreeMap::from([(id.to_owned(), (None, false))]);
        let mut todo = vec![id.to_owned()];
        let mut truncated = covered.truncated;
        while let Some(next) = todo.pop() {
            for joint in joints.iter().filter(|joint| joint.from == next || joint.to == next) {
                let other = if joint.from == next { &joint.to } else { &joint.from };
                if known.contains_key(other) {
                    continue;
                }
                if known.len() >= LONGEST {
                    truncated = true;
                    break;
                }
                known.insert(other.clone(), (joint.link.clone(), joint.ambiguous));
                todo.push(other.clone());
            }
        }
        let mut calls = Vec::new();
        for (id, (link, ambiguous)) in known {
            calls.extend(self.summary(&id)?.map(|summary| Call { summary, link, ambiguous }));
        }
        calls.sort_by(|a, b| (a.summary.start_ns, &a.summary.id).cmp(&(b.summary.start_ns, &b.summary.id)));
        Ok(Some(Chain { calls, truncated }))
    }

    /// The links between interactions of which either has a span in the range; the certain ones first.
    pub(crate) fn joints(&mut self, scope: &Scope) -> Result<(Vec<Joint>, Covered), StoreError> {
        let mut links: BTreeSet<(TraceId, TraceId, bool, Option<String>)> = BTreeSet::new();
        let mut full = false;
        let mut covered = self.each_trace(scope, |trace, _| {
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

fn ambiguous(link: &Link) -> bool {
    link.attributes.get(hops::key::AMBIGUOUS) == Some(&Value::Bool(true))
}
