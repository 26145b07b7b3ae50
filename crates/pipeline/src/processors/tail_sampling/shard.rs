//! The traces of one share of all trace ids: holds spans, decides, remembers. No I/O, no clock: time is an argument.

mod tally;
mod queues;
mod interactions;
mod pending;
mod decide;

use std::collections::HashMap;
use std::sync::Arc;

use flow::{Audience, Hold, Memory};

use self::interactions::Interactions;
use self::pending::Pending;
use self::queues::Queues;
pub(crate) use self::tally::Tally;
use super::cache::Cache;
use super::decisions::{Decided, Decision, Sampled};
use super::facts::Facts;
use super::headers::Header;
use super::outbox::{Origin, Outbox, Reason};
use super::policy::{Kept, Policies, TraceId};
use super::survey::{self, Run};

/// What a shard goes by, beside the policies. Times in nanoseconds.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) wait: u64,
    /// 0 for no difference.
    pub(crate) wait_after_root: u64,
    /// How long a trace that no policy wants waits for another one of its interaction, from the last span of that.
    pub(crate) interaction_wait: u64,
    /// Decide by interaction.
    pub(crate) by_interaction: bool,
    /// Decide as spans come in.
    pub(crate) at_ingest: bool,
    /// Pending traces; 0 for no limit.
    pub(crate) most_traces: usize,
    /// Bytes for pending traces.
    pub(crate) most_bytes: usize,
    /// Of one trace; 0 for no limit.
    pub(crate) most_trace_bytes: u64,
    pub(crate) sampled_cache: usize,
    pub(crate) left_out_cache: usize,
    pub(crate) record_policy: bool,
    pub(crate) record_threshold: bool,
    pub(crate) decide_at_shutdown: bool,
}

/// Where it stands.
#[derive(Clone)]
pub(crate) struct Whose {
    pub(crate) pipeline: Arc<str>,
    pub(crate) memory: Arc<Memory>,
    /// A journal is in front: pending spans come again after any end, and decisions are to be noted there.
    pub(crate) journal: bool,
    /// When it started, in nanoseconds since 1970.
    pub(crate) started: u64,
}

pub(crate) struct Shard {
    whose: Whose,
    rules: Rules,
    policies: Arc<Policies>,
    traces: HashMap<TraceId, Trace>,
    pending: Pending,
    queues: Queues,
    sampled: Cache<TraceId, Late>,
    /// With the time of the decision.
    left_out: Cache<TraceId, u64>,
    interactions: Interactions,
    /// To be noted before they are followed.
    decided: Vec<Decision>,
    outbox: Outbox,
    tally: Tally,
    hold: Hold,
}

/// What the runs of one request have in common.
pub(crate) struct Shared {
    /// The policies that looked at them.
    pub(crate) by: Arc<Policies>,
    /// By their numbers; those that are not here are made when they are needed.
    pub(crate) headers: Vec<Header>,
}

/// A decision to keep, for what comes later.
#[derive(Clone, Copy, Debug)]
pub(super) struct Late {
    kept: Kept,
    at: u64,
}

/// A trace that waits.
#[derive(Debug)]
struct Trace {
    facts: Facts,
    pieces: pending::List,
    arrived: u64,
    due: u64,
    interaction: Option<Arc<str>>,
    /// No policy wants it; another trace of its interaction may still keep it.
    undecided: bool,
}

impl Shard {
    pub(crate) fn new(whose: Whose, rules: Rules, policies: Arc<Policies>) -> Self {
        let (sampled, left_out) = (Cache::new(rules.sampled_cache), Cache::new(rules.left_out_cache));
        let interactions = Interactions::new(rules.sampled_cache);
        Self {
            traces: HashMap::new(),
            pending: Pending::default(),
            queues: Queues::default(),
            sampled,
            left_out,
            interactions,
            decided: Vec::new(),
            outbox: Outbox::new(Arc::clone(&whose.memory), Arc::clone(&whose.pipeline)),
            tally: Tally::of(&policies),
            hold: whose.memory.hold(0),
            whose,
            rules,
            policies,
        }
    }

    /// Makes room for so many traces at once.
    pub(crate) fn expect(&mut self, traces: usize) {
        self.traces.reserve(traces);
    }

    /// Takes in runs of one request. The origin's `Ack` is settled once for each run.
    pub(crate) fn take(&mut self, runs: &[Run<'_>], shared: &Shared, origin: Origin, now: u64) {
        let stale = !Arc::ptr_eq(&shared.by, &self.policies);
        let origin = self.pending.open_origin(origin);
        let mut header: Option<(u32, u32)> = None;
        for run in runs {
            let number = match header {
                Some((known, number)) if known == run.header => number,
                _ => {
                    let around = shared.headers.get(run.header as usize).cloned();
                    let around = around.unwrap_or_else(|| Header::of(run.resource, run.scope));
                    let number = self.pending.headers.enter(around);
                    if let Some((_, before)) = header.replace((run.header, number)) {
                        self.pending.headers.leave(before);
                    }
                    number
                }
            };
            if stale {
                let facts = survey::facts(
                    run.resource.0,
                    run.scope.0,
                    run.bytes,
                    &self.policies.watch,
                    self.whose.started + now,
                );
                self.take_run(&Run { facts, ..*run }, number, origin, now);
            } else {
                self.take_run(run, number, origin, now);
            }
        }
        if let Some((_, number)) = header {
            self.pending.headers.leave(number);
        }
        self.pending.close_origin(origin);
        self.make_room(now);
        self.hold.resize(self.held());
    }

    /// Decides what is due, at most so many traces; false where nothing more is due now.
    pub(crate) fn tick(&mut self, now: u64, most: usize) -> bool {
        for _ in 0..most {
            let Some((due, id)) = self.queues.pop(now) else {
                self.tidy();
                return false;
            };
            self.fall_due(due, &id, now);
        }
        self.tidy();
        true
    }

    /// Decides everything that is pending; at the stop of the process it is left out where the configuration says so, and
    /// what a journal has stays there undecided: its traces may go on in the next run.
    pub(crate) fn finish(&mut self, now: u64, at_stop: bool) {
        if at_stop && self.whose.journal && self.rules.decide_at_shutdown {
            return self.forget();
        }
        // Those that no policy wants wait for the others of their interaction, which may come behind them.
        for last in [false, true] {
            let mut ids: Vec<_> = self.traces.iter().map(|(id, trace)| (trace.arrived, *id)).collect();
            ids.sort_unstable();
            for (_, id) in ids {
                if at_stop && !self.rules.decide_at_shutdown {
                    self.leave_out(&id, Reason::Shutdown, now);
                } else if last {
                    self.decide_finally(&id, now);
                } else {
                    self.decide(&id, now);
                }
            }
        }
        self.tidy();
    }

    /// Lets go of what is pending; nobody is told.
    fn forget(&mut self) {
        self.traces = HashMap::new();
        self.pending = Pending::default();
        self.queues = Queues::default();
        self.interactions = Interactions::new(self.rules.sampled_cache);
        self.hold.resize(self.held());
    }

    /// Goes on with other rules. Facts of pending spans are found anew; nothing is decided or lost by it.
    pub(crate) fn reload(&mut self, rules: Rules, policies: Arc<Policies>, now: u64) {
        let names: Vec<_> = self.policies.list.iter().map(|policy| Arc::clone(&policy.named.name)).collect();
        let renumber = |late: &mut Late| {
            let name = names.get(usize::from(late.kept.policy));
            late.kept.policy = name.map_or(Kept::UNKNOWN, |name| policies.position(name));
        };
        self.sampled.resize(rules.sampled_cache);
        self.left_out.resize(rules.left_out_cache);
        self.interactions.kept.resize(rules.sampled_cache);
        self.sampled.values_mut().for_each(renumber);
        self.interactions.kept.values_mut().for_each(renumber);
        for trace in self.traces.values_mut() {
            trace.facts = self.pending.facts(&trace.pieces, &policies.watch, self.whose.started + now);
        }
        self.tally.policies = Tally::of(&policies).policies;
        (self.rules, self.policies) = (rules, policies);
        self.queue_anew(now);
        self.make_room(now);
    }

    /// Every pending trace waits as if it had come under the present rules.
    fn queue_anew(&mut self, now: u64) {
        self.queues = Queues::default();
        let mut traces: Vec<_> = self.traces.iter_mut().collect();
        traces.sort_unstable_by_key(|(id, trace)| (trace.arrived, **id));
        for (id, trace) in traces {
            if trace.undecided {
                self.queues.undecided((trace.due, *id));
                continue;
            }
            trace.due = trace.arrived.saturating_add(self.rules.wait);
            self.queues.arrived((trace.due, *id));
            let root_due = now.saturating_add(self.rules.wait_after_root);
            if trace.facts.root && self.rules.wait_after_root > 0 && root_due < trace.due {
                trace.due = root_due;
                self.queues.root((root_due, *id));
            }
        }
    }

    /// So many decisions that were made in earlier runs are to be remembered, however small the caches are.
    pub(crate) fn make_room_for(&mut self, decisions: usize) {
        self.sampled.widen(decisions);
        self.left_out.widen(decisions);
        self.interactions.kept.widen(decisions);
    }

    /// Takes over a decision of an earlier run.
    pub(crate) fn remember(&mut self, decision: &Decision) {
        let kept = decision.sampled.as_ref().map(|Sampled { by, probability }| Late {
            kept: Kept { policy: self.policies.position(by), probability: *probability },
            at: 0,
        });
        match (&decision.subject, kept) {
            (Decided::Trace(id), Some(late)) => self.sampled.insert(*id, late),
            (Decided::Trace(id), None) => self.left_out.insert(*id, 0),
            (Decided::Interaction(id), Some(late)) => self.interactions.kept.insert(Arc::clone(id), late),
            (Decided::Interaction(_), None) => {}
        }
    }

    /// What was decided since somebody asked.
    pub(crate) fn take_decided(&mut self) -> Vec<Decision> {
        std::mem::take(&mut self.decided)
    }

    /// Decisions that could not be noted.
    pub(crate) fn put_back_decided(&mut self, decided: Vec<Decision>) {
        self.decided.splice(0..0, decided);
    }

    pub(crate) fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }

    pub(crate) fn tally(&mut self) -> &mut Tally {
        &mut self.tally
    }

    /// When the next trace is due.
    pub(crate) fn next_due(&self) -> Option<u64> {
        self.queues.next_due()
    }

    /// Traces that are pending.
    pub(crate) fn traces(&self) -> usize {
        self.traces.len()
    }

    /// One trace more would have another one decided before its time.
    pub(crate) fn is_full(&self) -> bool {
        self.over_traces(1) || self.needed() >= self.rules.most_bytes
    }

    /// Bytes of memory that pending traces and remembered decisions take.
    pub(crate) fn held(&self) -> usize {
        let tables = self.traces.capacity() * (size_of::<(TraceId, Trace)>() + 1) + self.queues.bytes();
        let caches = self.sampled.bytes() + self.left_out.bytes() + self.interactions.bytes();
        self.pending.held() + tables + caches
    }

    /// What pending traces cannot do without; unlike `held` it shrinks with each one that leaves.
    fn needed(&self) -> usize {
        self.pending.needed() + self.traces.len() * size_of::<(TraceId, Trace)>()
    }

    /// Whether `more` traces are too many.
    fn over_traces(&self, more: usize) -> bool {
        let most = self.rules.most_traces;
        most > 0 && self.traces.len() + more > most
    }

    fn take_run(&mut self, run: &Run<'_>, header: u32, origin: u32, now: u64) {
        let id = &run.trace_id;
        let interaction = run.interaction.filter(|_| self.rules.by_interaction);
        if let Some(late) = self.sampled.get(id) {
            if let Some(name) = interaction {
                self.keep_interaction(name, late, now);
            }
            return self.forward(run, header, origin, late, now);
        }
        if let Some(late) = interaction.and_then(|name| self.interactions.kept.get(name)) {
            return self.follow(run, header, origin, late, now);
        }
        if let Some(at) = self.left_out.get(id) {
            self.tally.late_left_out += u64::from(run.facts.spans);
            self.tally.late_ages.push(now.saturating_sub(at));
            return self.pending.refuse(run.facts.spans, origin, Reason::SampledOut, &mut self.outbox);
        }
        self.add(run, interaction, header, origin, now);
        if self.rules.most_trace_bytes > 0 && self.facts_of(id).bytes > self.rules.most_trace_bytes {
            self.tally.too_large += 1;
            self.leave_out(id, Reason::TooLarge, now);
        } else if self.rules.at_ingest {
            self.decide_at_ingest(id, now);
        }
    }

    fn facts_of(&self, id: &TraceId) -> Facts {
        self.traces.get(id).map(|trace| trace.facts).unwrap_or_default()
    }

    fn add(&mut self, run: &Run<'_>, interaction: Option<&str>, header: u32, origin: u32, now: u64) {
        let id = run.trace_id;
        let due = now.saturating_add(self.rules.wait);
        let trace = self.traces.entry(id).or_insert_with(|| {
            self.tally.new_traces += 1;
            self.queues.arrived((due, id));
            Trace::new(now, due)
        });
        let audience = self.pending.push(&mut trace.pieces, run, header, origin);
        // What is not finished tells little, and comes again.
        if audience == Audience::All {
            trace.facts.join(&run.facts);
            let root_due = now.saturating_add(self.rules.wait_after_root);
            if run.facts.root && self.rules.wait_after_root > 0 && root_due < trace.due {
                trace.due = root_due;
                self.queues.root((root_due, id));
            }
        }
        if trace.undecided {
            trace.undecided = false;
            trace.due = due;
            self.queues.arrived((due, id));
        }
        match (&trace.interaction, interaction) {
            (Some(known), _) => self.interactions.heard(known, now),
            (None, Some(name)) => trace.interaction = Some(self.interactions.join(name, id, now)),
            (None, None) => {}
        }
    }

    /// Nothing is lost where there is too much: what has waited longest is decided before its time.
    fn make_room(&mut self, now: u64) {
        loop {
            let by_traces = self.over_traces(0);
            if !by_traces && self.needed() <= self.rules.most_bytes {
                return;
            }
            let Some((due, id)) = self.queues.pop_first() else { return };
            if self.traces.get(&id).is_none_or(|trace| trace.due != due) {
                continue;
            }
            let counter =
                if by_traces { &mut self.tally.early_by_traces } else { &mut self.tally.early_by_bytes };
            *counter += 1;
            self.decide_finally(&id, now);
        }
    }

    /// Moves spans together and counts what is held.
    fn tidy(&mut self) {
        self.pending.tidy();
        self.hold.resize(self.held());
    }
}

impl Trace {
    fn new(now: u64, due: u64) -> Self {
        Self {
            facts: Facts::default(),
            pieces: pending::List::default(),
            arrived: now,
            due,
            interaction: None,
            undecided: false,
        }
    }
}
