//! Decisions, and what becomes of spans by them.

use std::sync::Arc;

use super::{Late, Shard, Trace};
use crate::processors::tail_sampling::decisions::{Decided, Decision, Sampled};
use crate::processors::tail_sampling::mark::{Mark, Policy};
use crate::processors::tail_sampling::outbox::Reason;
use crate::processors::tail_sampling::policy::{Kept, Policies, Subject, TraceId, Verdict};
use crate::processors::tail_sampling::survey::Run;

/// A trace of which only unfinished spans are known is not decided before it is so old.
const UNFINISHED: u64 = 3600 * 1_000_000_000;

impl Shard {
    /// The time that a queue entry stands for has come.
    pub(super) fn fall_due(&mut self, due: u64, id: &TraceId, now: u64) {
        let Some(trace) = self.traces.get_mut(id).filter(|trace| trace.due == due) else { return };
        if trace.facts.spans == 0 && now.saturating_sub(trace.arrived) < UNFINISHED {
            trace.due = now.saturating_add(self.rules.wait.max(1));
            self.queues.arrived((trace.due, *id));
            return;
        }
        if trace.undecided {
            let last = trace.interaction.as_deref().map_or(0, |name| self.interactions.last(name));
            let until = last.saturating_add(self.rules.interaction_wait);
            if until > now {
                trace.due = until;
                return self.queues.undecided((until, *id));
            }
            return self.leave_out(id, Reason::SampledOut, now);
        }
        self.decide(id, now);
    }

    /// Asks the policies. What they do not want and belongs to an interaction waits for the rest of that.
    pub(super) fn decide(&mut self, id: &TraceId, now: u64) {
        self.ask(id, now, false);
    }

    fn ask(&mut self, id: &TraceId, now: u64, early: bool) {
        let Some(trace) = self.traces.get_mut(id).filter(|trace| !trace.undecided) else { return };
        let tally = &mut self.tally;
        let subject = Subject { early, ..subject(id, trace, now) };
        let verdict = self.policies.decide(&subject, |policy, answer| tally.told(policy, answer));
        match verdict {
            Verdict::Sampled(kept) => self.keep(id, kept, now),
            Verdict::Dropped => self.leave_out(id, Reason::SampledOut, now),
            Verdict::NotSampled => match &trace.interaction {
                None => self.leave_out(id, Reason::SampledOut, now),
                Some(name) => {
                    trace.undecided = true;
                    trace.due = self.interactions.last(name).saturating_add(self.rules.interaction_wait);
                    self.queues.undecided((trace.due, *id));
                }
            },
        }
    }

    /// Decides, and waits for nothing more.
    pub(super) fn decide_finally(&mut self, id: &TraceId, now: u64) {
        self.decide(id, now);
        self.leave_out(id, Reason::SampledOut, now);
    }

    /// Decides where no span that is still to come could change it.
    pub(super) fn decide_at_ingest(&mut self, id: &TraceId, now: u64) {
        let Some(trace) = self.traces.get(id) else { return };
        if self.policies.is_sure(&subject(id, trace, now)) {
            self.ask(id, now, true);
        }
    }

    /// Keeps a trace, and with it the others of its interaction.
    fn keep(&mut self, id: &TraceId, kept: Kept, now: u64) {
        let late = Late { kept, at: now };
        let interaction = self.traces.get(id).and_then(|trace| trace.interaction.clone());
        self.keep_with(id, late, now);
        if let Some(name) = interaction {
            self.keep_interaction(&name, late, now);
        }
    }

    /// Keeps the traces of an interaction, now and from now on.
    pub(super) fn keep_interaction(&mut self, name: &str, late: Late, now: u64) {
        if self.interactions.kept.get(name).is_some() {
            return;
        }
        let shared: Arc<str> = Arc::from(name);
        self.tell(Decided::Interaction(Arc::clone(&shared)), Some(late.kept));
        for other in self.interactions.traces(name) {
            let Some(trace) = self.traces.get(&other) else { continue };
            if self.policies.drops(&subject(&other, trace, now)) {
                self.leave_out(&other, Reason::SampledOut, now);
            } else {
                self.keep_with(&other, late, now);
            }
        }
        self.interactions.kept.insert(shared, late);
    }

    /// Sends a pending trace out by a decision, and remembers it.
    pub(super) fn keep_with(&mut self, id: &TraceId, late: Late, now: u64) {
        let Some(trace) = self.remove(id, now) else { return };
        self.tell(Decided::Trace(*id), Some(late.kept));
        let mark = mark(&self.policies, &self.rules, late.kept, false);
        let spans = self.pending.send(trace.pieces, &mark, &mut self.outbox);
        self.tally.sampled += 1;
        self.tally.spans_sampled += spans;
        self.sampled.insert(*id, late);
    }

    pub(super) fn leave_out(&mut self, id: &TraceId, reason: Reason, now: u64) {
        let Some(trace) = self.remove(id, now) else { return };
        if reason != Reason::Shutdown {
            self.tell(Decided::Trace(*id), None);
        }
        self.pending.leave_out(trace.pieces, reason, &mut self.outbox);
        self.tally.not_sampled += 1;
        self.left_out.insert(*id, now);
    }

    /// Keeps a trace since its interaction is kept, unless a policy leaves it out.
    pub(super) fn follow(&mut self, run: &Run<'_>, header: u32, origin: u32, late: Late, now: u64) {
        let mut facts = self.facts_of(&run.trace_id);
        facts.join(&run.facts);
        if self.policies.drops(&Subject::new(run.trace_id, run.interaction, &facts, now)) {
            self.leave_out(&run.trace_id, Reason::SampledOut, now);
            return self.pending.refuse(run.facts.spans, origin, Reason::SampledOut, &mut self.outbox);
        }
        self.keep_with(&run.trace_id, late, now);
        self.forward(run, header, origin, late, now);
    }

    /// Sends on what came after the decision to keep.
    pub(super) fn forward(&mut self, run: &Run<'_>, header: u32, origin: u32, late: Late, now: u64) {
        self.tally.late_sampled += u64::from(run.facts.spans);
        self.tally.spans_sampled += u64::from(run.facts.spans);
        self.tally.late_ages.push(now.saturating_sub(late.at));
        self.sampled.insert(run.trace_id, late);
        let mark = mark(&self.policies, &self.rules, late.kept, true);
        self.pending.forward(run, header, origin, &mark, &mut self.outbox);
    }

    fn remove(&mut self, id: &TraceId, now: u64) -> Option<Trace> {
        let trace = self.traces.remove(id)?;
        if let Some(name) = &trace.interaction {
            self.interactions.leave(name, id);
        }
        self.tally.ages.push(now.saturating_sub(trace.arrived));
        Some(trace)
    }

    fn tell(&mut self, subject: Decided, kept: Option<Kept>) {
        if self.whose.journal {
            let name = |kept| Arc::from(self.policies.name(kept));
            let sampled = kept.map(|kept| Sampled { by: name(kept), probability: kept.probability });
            self.decided.push(Decision { subject, sampled });
        }
    }
}

fn subject<'t>(id: &TraceId, trace: &'t Trace, now: u64) -> Subject<'t> {
    Subject::new(*id, trace.interaction.as_deref(), &trace.facts, now)
}

fn mark<'p>(policies: &'p Policies, rules: &super::Rules, kept: Kept, cached: bool) -> Mark<'p> {
    let policy = rules.record_policy.then(|| Policy { name: policies.name(kept), cached });
    Mark { policy, probability: rules.record_threshold.then_some(kept.probability) }
}
