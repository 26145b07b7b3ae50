//! What a shard counts until its lane writes it into the metrics.

use std::sync::Arc;

use crate::processors::tail_sampling::policy::{Answer, Policies};

#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Of each policy.
    pub(crate) policies: Vec<(Arc<str>, Answers)>,
    pub(crate) new_traces: u64,
    pub(crate) sampled: u64,
    pub(crate) not_sampled: u64,
    pub(crate) spans_sampled: u64,
    pub(crate) too_large: u64,
    /// Decided before their time, since there were too many traces or too many bytes.
    pub(crate) early_by_traces: u64,
    pub(crate) early_by_bytes: u64,
    /// Spans that followed a decision.
    pub(crate) late_sampled: u64,
    pub(crate) late_left_out: u64,
    /// Nanoseconds after the decision, of each late run.
    pub(crate) late_ages: Vec<u64>,
    /// Nanoseconds from the first span to the decision, of each trace.
    pub(crate) ages: Vec<u64>,
}

/// What one policy said, and how often.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Answers {
    pub(crate) sampled: u64,
    pub(crate) not_sampled: u64,
    pub(crate) dropped: u64,
    pub(crate) failed: u64,
}

impl Tally {
    /// Of no policy yet.
    pub(super) fn of(policies: &Policies) -> Self {
        let named = policies.list.iter().map(|policy| (Arc::clone(&policy.named.name), Answers::default()));
        Self { policies: named.collect(), ..Self::default() }
    }

    pub(super) fn told(&mut self, policy: usize, answer: Answer) {
        let Some((_, answers)) = self.policies.get_mut(policy) else { return };
        *match answer {
            Answer::Sampled => &mut answers.sampled,
            Answer::NotSampled => &mut answers.not_sampled,
            Answer::Dropped => &mut answers.dropped,
            Answer::Failed => &mut answers.failed,
        } += 1;
    }

    /// What was counted since the last time.
    pub(crate) fn take(&mut self) -> Self {
        let fresh = self.policies.iter().map(|(name, _)| (Arc::clone(name), Answers::default())).collect();
        std::mem::replace(self, Self { policies: fresh, ..Self::default() })
    }
}
