//! Why a trace would be kept or left out: every policy with its verdict and its reason.

mod why;
mod text;

use std::collections::HashMap;

use flow::Batch;
use flow::config::Node;
use serde::Serialize;

use super::facts::Facts;
use super::policy::{Answer, Kept, Policies, Subject, TraceId, Verdict};
use super::settings::{self, Settings};
use super::survey::survey;
use why::Sight;

/// Between two traces, so that what one of them took from a limit is there again for the next.
const APART: u64 = 3600 * 1_000_000_000;

/// Decides on complete traces, one by one, and says why.
pub struct Explainer {
    settings: Settings,
    policies: Policies,
}

/// What becomes of one trace.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Explanation {
    pub trace_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interaction: Option<String>,
    pub spans: u32,
    pub duration_ms: Option<u64>,
    /// `sampled`, `not_sampled` or `dropped`.
    pub decision: &'static str,
    /// Whose decision it is.
    pub policy: Option<String>,
    /// The trace of the same interaction that it is kept for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept_for: Option<String>,
    pub policies: Vec<Said>,
}

/// What one policy says.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Said {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// `sampled`, `not_sampled`, `dropped`, `failed`, or `not_asked` where the decision was made before.
    pub verdict: &'static str,
    pub why: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Said>,
}

/// A trace of the file.
#[derive(Default)]
struct Trace {
    facts: Facts,
    interaction: Option<String>,
    /// Each span with its facts.
    sights: Vec<Sight>,
}

impl Explainer {
    /// For the section of a `tail_sampling` processor; nothing where something is wrong with it.
    pub fn new(section: &Node) -> Option<Self> {
        let (settings, policies) = settings::read(section).0?;
        Some(Self { settings, policies })
    }

    /// All traces of these batches, in the order of their first spans.
    pub fn explain(&self, batches: &[Batch], now: u64) -> Vec<Explanation> {
        let mut order: Vec<TraceId> = Vec::new();
        let mut traces: HashMap<TraceId, Trace> = HashMap::new();
        for chunk in batches.iter().flat_map(|batch| batch.payload.chunks()) {
            survey(chunk, &self.policies.watch, now, |run| {
                let trace = traces.entry(run.trace_id).or_insert_with(|| {
                    order.push(run.trace_id);
                    Trace::default()
                });
                trace.facts.join(&run.facts);
                let interaction = run.interaction.filter(|_| self.settings.by_interaction());
                trace.interaction = trace.interaction.take().or(interaction.map(str::to_owned));
                trace.sights.extend(Sight::all(&run, &self.policies.watch, now));
            });
        }
        let known = order.iter().filter_map(|id| Some((id, traces.get(id)?))).enumerate();
        let mut explained: Vec<_> =
            known.map(|(at, (id, trace))| self.one(id, trace, at as u64 * APART)).collect();
        follow_interactions(&mut explained);
        explained
    }

    fn one(&self, id: &TraceId, trace: &Trace, now: u64) -> Explanation {
        let subject = Subject::new(*id, trace.interaction.as_deref(), &trace.facts, now);
        let mut answers: HashMap<usize, Answer> = HashMap::new();
        let verdict = self.policies.decide(&subject, |at, answer| {
            answers.insert(at, answer);
        });
        let dropped_by = answers.iter().find(|(_, answer)| **answer == Answer::Dropped).map(|(at, _)| *at);
        let (decision, policy) = match verdict {
            Verdict::Sampled(Kept { policy, .. }) => ("sampled", Some(usize::from(policy))),
            Verdict::NotSampled => ("not_sampled", None),
            Verdict::Dropped => ("dropped", dropped_by),
        };
        let policies = self.policies.list.iter().enumerate().map(|(at, policy)| Said {
            verdict: match answers.get(&at) {
                Some(Answer::Sampled) => "sampled",
                Some(Answer::NotSampled) => "not_sampled",
                Some(Answer::Dropped) => "dropped",
                Some(Answer::Failed) => "failed",
                None => "not_asked",
            },
            ..why::said(&policy.named, &subject, &trace.sights, &self.policies.watch)
        });
        let name = |at: usize| self.policies.list.get(at).map(|policy| policy.named.name.to_string());
        Explanation {
            trace_id: id.iter().map(|byte| format!("{byte:02x}")).collect(),
            interaction: trace.interaction.clone(),
            spans: trace.facts.spans,
            duration_ms: trace.facts.duration_ms(),
            decision,
            policy: policy.and_then(name),
            kept_for: None,
            policies: policies.collect(),
        }
    }
}

/// A trace that no policy wants is kept where another one of its interaction is.
fn follow_interactions(explained: &mut [Explanation]) {
    let kept: HashMap<String, (String, Option<String>)> = explained
        .iter()
        .rev()
        .filter(|one| one.decision == "sampled")
        .filter_map(|one| Some((one.interaction.clone()?, (one.trace_id.clone(), one.policy.clone()))))
        .collect();
    for one in explained.iter_mut().filter(|one| one.decision == "not_sampled") {
        let Some((trace, policy)) = one.interaction.as_ref().and_then(|name| kept.get(name)) else {
            continue;
        };
        one.decision = "sampled";
        one.policy.clone_from(policy);
        one.kept_for = Some(trace.clone());
    }
}

#[cfg(test)]
mod tests;
