//! The metrics of a session in the analytics record: durations in milliseconds and counts, each when it was known.

use serde_json::{Value, json};

use super::json::Clock;
use super::story::{Disconnect, Leg, Participant, PhaseKind, Purpose, Resolution, Story};

struct Metrics(Vec<(&'static str, u64, u64)>);

impl Metrics {
    fn put(&mut self, name: &'static str, value: u64, at: u64) {
        self.0.push((name, value, at));
    }
}

pub(super) fn all(story: &Story, one: &Participant, leg: &Leg, at: u64, clock: Clock) -> Value {
    let mut metrics = Metrics(Vec::new());
    match one.purpose {
        Purpose::Customer => customer(&mut metrics, leg),
        Purpose::Ivr | Purpose::Workflow => flow(&mut metrics, one, leg),
        Purpose::Acd => queue(&mut metrics, one, leg),
        Purpose::Agent | Purpose::User => agent(&mut metrics, story, one, leg),
        Purpose::Voicemail => ended(&mut metrics, leg, &[("tVoicemail", PhaseKind::Voicemail)]),
        Purpose::External => ended(&mut metrics, leg, &[("tDialing", PhaseKind::Dialing)]),
    }
    let known = metrics.0.into_iter().filter(|(_, _, when)| *when <= at);
    known
        .map(|(name, value, when)| json!({"name": name, "value": value, "emitDate": clock.iso(when)}))
        .collect()
}

/// The time in a phase, once the leg has ended, where there was any.
fn ended(metrics: &mut Metrics, leg: &Leg, of: &[(&'static str, PhaseKind)]) {
    let Some(end) = leg.end else { return };
    for (name, kind) in of {
        let time = leg.time_in(*kind, end.at);
        if time > 0 {
            metrics.put(name, time, end.at);
        }
    }
}

fn customer(metrics: &mut Metrics, leg: &Leg) {
    if let Some(connected) = leg.connected(u64::MAX) {
        metrics.put("nConnected", 1, connected);
        if let Some(end) = leg.end {
            metrics.put("tConnected", end.at - connected, end.at);
        }
    }
    ended(metrics, leg, &[("tDialing", PhaseKind::Dialing)]);
}

fn flow(metrics: &mut Metrics, one: &Participant, leg: &Leg) {
    metrics.put("nFlow", 1, leg.begins());
    let flow = one.flow.as_ref();
    if let Some(outcome) = flow.and_then(|flow| flow.outcome.as_ref()) {
        metrics.put("nFlowOutcome", 1, outcome.at);
        metrics.put("tFlowOutcome", outcome.at - one.begins, outcome.at);
        if !outcome.success {
            metrics.put("nFlowOutcomeFailed", 1, outcome.at);
        }
    }
    let Some(end) = leg.end else { return };
    ended(metrics, leg, &[("tIvr", PhaseKind::Ivr)]);
    let all = end.at - leg.begins();
    metrics.put("tFlow", all, end.at);
    let left = if end.how == Disconnect::Transfer { "tFlowExit" } else { "tFlowDisconnect" };
    metrics.put(left, all, end.at);
}

fn queue(metrics: &mut Metrics, one: &Participant, leg: &Leg) {
    let Some(waits) = leg.connected(u64::MAX) else { return };
    metrics.put("nOffered", 1, waits);
    let Some(end) = leg.end else { return };
    metrics.put("tAcd", end.at - waits, end.at);
    match (&one.answered_by, end.how) {
        (Some(_), _) => {}
        (None, Disconnect::Transfer) => metrics.put("tFlowOut", end.at - waits, end.at),
        (None, _) => metrics.put("tAbandon", end.at - waits, end.at),
    }
}

fn agent(metrics: &mut Metrics, story: &Story, one: &Participant, leg: &Leg) {
    ended(metrics, leg, &[("tContacting", PhaseKind::Contacting), ("tDialing", PhaseKind::Dialing)]);
    let spans: Vec<_> = leg.spans(u64::MAX).collect();
    for (phase, end) in &spans {
        let Some(end) = *end else { continue };
        let lasted = end - phase.from;
        match phase.kind {
            PhaseKind::Alert => metrics.put("tAlert", lasted, end),
            PhaseKind::Interact => metrics.put("tTalk", lasted, end),
            PhaseKind::Hold => metrics.put("tHeld", lasted, end),
            PhaseKind::Park => metrics.put("tPark", lasted, end),
            _ => {}
        }
    }
    if let Some(answered) = leg.connected(u64::MAX) {
        answer(metrics, story, one, answered);
    }
    let Some(end) = leg.end else { return };
    if end.how == Disconnect::NoAnswer {
        metrics.put("nError", 1, end.at);
        metrics.put("tNotResponding", leg.time_in(PhaseKind::Alert, end.at), end.at);
        return;
    }
    ended(metrics, leg, &[("tTalkComplete", PhaseKind::Interact), ("tHeldComplete", PhaseKind::Hold)]);
    transfers(metrics, story, one, end.at, end.how);
    let wrap_up = one.wrap_up.as_ref();
    let after = wrap_up.map_or(0, |wrap_up| wrap_up.to - wrap_up.from);
    let known = end.at + after;
    if after > 0 {
        metrics.put("tAcw", after, known);
    }
    let worked = [PhaseKind::Interact, PhaseKind::Hold, PhaseKind::Contacting, PhaseKind::Dialing];
    let worked: u64 = worked.iter().map(|kind| leg.time_in(*kind, end.at)).sum();
    if worked > 0 {
        metrics.put("tHandle", worked + after, known);
    }
}

/// How long the customer had waited when this agent answered.
fn answer(metrics: &mut Metrics, story: &Story, one: &Participant, answered: u64) {
    let queued =
        story.participants.iter().rfind(|other| other.purpose == Purpose::Acd && other.begins <= one.begins);
    if let Some(waits) = queued.filter(|acd| acd.queue == one.queue).and_then(|acd| acd.connected(answered)) {
        metrics.put("tAnswered", answered - waits, answered);
    }
}

fn transfers(metrics: &mut Metrics, story: &Story, one: &Participant, at: u64, how: Disconnect) {
    match how {
        Disconnect::Transfer => {
            metrics.put("nTransferred", 1, at);
            metrics.put("nBlindTransferred", 1, at);
        }
        Disconnect::ConsultTransfer => {
            metrics.put("nTransferred", 1, at);
            metrics.put("nConsultTransferred", 1, at);
        }
        _ => {}
    }
    let own = |by: &Option<String>| by.is_some() && *by == one.user;
    let consults = story.transfers.iter().filter(|transfer| transfer.attended && own(&transfer.initiator));
    for consult in consults {
        if let Some((when, Resolution::Complete | Resolution::Cancelled)) = consult.resolved {
            metrics.put("nConsult", 1, when);
        }
    }
}
