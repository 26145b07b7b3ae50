//! Policies as they are asked: what they make of the facts about a trace.

mod condition;
mod limits;
mod odds;

use std::sync::Arc;

pub(crate) use condition::{Condition, Share};
pub(crate) use limits::{Bucket, Composite, Part};

use sha2::{Digest, Sha256};

use super::facts::Facts;
use super::watch::Watch;

pub(crate) type TraceId = [u8; 16];

/// All policies, in the order of the configuration.
pub(crate) struct Policies {
    pub(crate) list: Vec<Policy>,
    pub(crate) watch: Watch,
    pub(crate) sample_on_first_match: bool,
}

#[derive(Debug)]
pub(crate) struct Policy {
    pub(crate) named: Named,
    /// Its condition leaves a trace out, whatever the others say.
    pub(crate) drops: bool,
}

#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) name: Arc<str>,
    /// The `type` of the configuration.
    pub(crate) kind: &'static str,
    pub(crate) condition: Condition,
}

/// What is to be decided.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    /// What a choice by chance goes by.
    pub(crate) chosen_by: TraceId,
    pub(crate) facts: &'a Facts,
    /// Nanoseconds since the start.
    pub(crate) now: u64,
    /// More of its spans may come before it would have to be decided.
    pub(crate) early: bool,
    /// Other traces follow its decision, or it theirs.
    pub(crate) joined: bool,
}

impl<'a> Subject<'a> {
    /// A choice by chance goes by the interaction, where there is one.
    pub(crate) fn new(id: TraceId, interaction: Option<&str>, facts: &'a Facts, now: u64) -> Self {
        let chosen_by = interaction.map_or(id, |name| {
            // The collector's hash is good for ids that are random to begin with; a name is not.
            Sha256::digest(name).first_chunk().copied().unwrap_or(id)
        });
        Self { chosen_by, facts, now, early: false, joined: interaction.is_some() }
    }
}

/// A condition could not be answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Failed;

/// What became of a trace.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Verdict {
    Sampled(Kept),
    /// No policy wants it.
    NotSampled,
    /// A policy of type `drop` left it out.
    Dropped,
}

/// Why a trace is kept.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Kept {
    /// Position in the list; [`Kept::UNKNOWN`] for a decision of an earlier configuration.
    pub(crate) policy: u16,
    /// The share of such traces that is kept, where that is known.
    pub(crate) probability: Option<f64>,
}

impl Kept {
    pub(crate) const UNKNOWN: u16 = u16::MAX;
}

/// One policy's own answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Answer {
    Sampled,
    NotSampled,
    Dropped,
    Failed,
}

impl Policies {
    /// Decides on a complete trace; `told` hears what each policy said, those that were not asked say nothing.
    pub(crate) fn decide(&self, subject: &Subject<'_>, mut told: impl FnMut(usize, Answer)) -> Verdict {
        for (at, policy) in self.list.iter().enumerate().filter(|(_, policy)| policy.drops) {
            let answer = match policy.named.condition.holds(subject, true) {
                Ok(Some(true)) => Answer::Dropped,
                Ok(_) => Answer::NotSampled,
                Err(Failed) => Answer::Failed,
            };
            told(at, answer);
            if answer == Answer::Dropped {
                return Verdict::Dropped;
            }
        }
        let mut first = None;
        for (at, policy) in self.list.iter().enumerate().filter(|(_, policy)| !policy.drops) {
            let answer = match policy.named.condition.holds(subject, true) {
                Ok(Some(true)) => Answer::Sampled,
                Ok(_) => Answer::NotSampled,
                Err(Failed) => Answer::Failed,
            };
            told(at, answer);
            if answer == Answer::Sampled {
                first = first.or(Some(at as u16));
                if self.sample_on_first_match {
                    break;
                }
            }
        }
        let kept = |policy| Kept { policy, probability: self.probability(subject) };
        first.map_or(Verdict::NotSampled, |policy| Verdict::Sampled(kept(policy)))
    }

    /// Whether the spans that are still to come cannot change the decision; for policies that do not need the whole trace.
    pub(crate) fn is_sure(&self, subject: &Subject<'_>) -> bool {
        let mut may_drop = false;
        for policy in self.list.iter().filter(|policy| policy.drops) {
            match policy.named.condition.holds(subject, false) {
                Ok(Some(true)) => return true,
                Ok(None) => may_drop = true,
                Ok(Some(false)) | Err(Failed) => {}
            }
        }
        let wants = |policy: &Policy| policy.named.condition.holds(subject, false) == Ok(Some(true));
        !may_drop && self.list.iter().any(|policy| !policy.drops && wants(policy))
    }

    /// Whether a policy of type `drop` leaves out what is known of a trace that something else keeps.
    pub(crate) fn drops(&self, subject: &Subject<'_>) -> bool {
        let drops = |policy: &Policy| policy.named.condition.holds(subject, true) == Ok(Some(true));
        self.list.iter().filter(|policy| policy.drops).any(drops)
    }

    pub(crate) fn name(&self, kept: Kept) -> &str {
        self.list.get(usize::from(kept.policy)).map_or("", |policy| &policy.named.name)
    }

    /// The position of a policy, for a decision that names it.
    pub(crate) fn position(&self, name: &str) -> u16 {
        let at = self.list.iter().position(|policy| &*policy.named.name == name);
        at.map_or(Kept::UNKNOWN, |at| at as u16)
    }
}
