//! The stages of one leg, one after another.

use super::{Writer, outcome, transfer};
use crate::fact::{FlowEvent, Says, What};
use crate::settings::Directory;
use crate::span::{Event, Span, Value};
use crate::timeline::{Approach, Leg, PauseKind, Role, SAME_MS};
use crate::words::Word;
use flow::Stage;

/// A wait between two alerts that is shorter is how long the queue took to offer again.
const OFFER_MS: u64 = 500;
/// A rest of talk shorter than this, before or after something else, is how long the service took to notice.
const REST_MS: u64 = 1000;

impl Writer<'_> {
    pub(super) fn stages(&self, nth: usize, leg: &Leg<'_>, spans: &mut Vec<Span>) {
        self.approach(leg, spans);
        let Some(connected) = leg.connected else {
            // A queue or a flow that was left before it had begun.
            if matches!(leg.role, Role::Queue | Role::Flow) {
                self.whole(leg, leg.start, spans);
            }
            return;
        };
        match leg.role {
            Role::Queue | Role::Flow | Role::Voicemail => self.whole(leg, connected, spans),
            Role::Person | Role::External if !leg.supervises => {
                if leg.said(Says::Media) != Some("callback") {
                    self.talk(leg, connected, spans);
                }
                if let Some(transfer) = transfer::of(self.timeline, nth) {
                    spans.push(self.transfer(leg, &transfer));
                }
            }
            _ => {}
        }
    }

    /// Before it was connected.
    fn approach(&self, leg: &Leg<'_>, spans: &mut Vec<Span>) {
        let Some(approach) = leg.approach else { return };
        let until = leg.connected.or(leg.end);
        match approach {
            Approach::Dial => {
                let until = if leg.role == Role::Person { self.called(leg).or(until) } else { until };
                spans.push(self.stage(leg, Stage::Setup, 0, (leg.start, until)));
            }
            Approach::Alert => {
                let mut span = self.stage(leg, Stage::Alert, 0, (leg.start, until));
                if until.is_some() {
                    span.word("interaction.alert.outcome", outcome::of_alert(leg));
                }
                spans.push(span);
            }
        }
    }

    /// When the one is called whom a person dials: from then on that leg's own set-up or alert counts.
    fn called(&self, caller: &Leg<'_>) -> Option<u64> {
        let until = caller.connected.or(caller.end).unwrap_or(u64::MAX);
        let called = self.timeline.legs.iter().filter(|leg| {
            let party = matches!(leg.role, Role::Customer | Role::External | Role::Person);
            let rings = leg.approach.is_some() && leg.of != caller.of;
            party && rings && leg.start + SAME_MS >= caller.start && leg.start < until
        });
        called.map(|leg| leg.start.max(caller.start)).min()
    }

    /// A leg that is of one kind from `from` on.
    fn whole(&self, leg: &Leg<'_>, from: u64, spans: &mut Vec<Span>) {
        match leg.role {
            Role::Queue => self.queue(leg, from, spans),
            Role::Flow => spans.push(self.flow(leg, (from, leg.end))),
            _ => spans.push(self.stage(leg, Stage::Voicemail, 0, (from, leg.end))),
        }
    }

    /// The wait in a queue, cut by the alerts of those to whom it offers the conversation.
    fn queue(&self, queue: &Leg<'_>, from: u64, spans: &mut Vec<Span>) {
        let offered = self.timeline.legs.iter().filter(|leg| {
            let alerted = leg.role == Role::Person && leg.approach == Some(Approach::Alert);
            alerted && leg.start + SAME_MS >= from && queue.end.is_none_or(|end| leg.start < end)
        });
        let mut ordinal = 0;
        let mut wait = |start: u64, end: Option<u64>, spans: &mut Vec<Span>| {
            // There is a first one, however short.
            if ordinal == 0 || end.is_none_or(|end| end >= start + OFFER_MS) {
                spans.push(self.stage(queue, Stage::Queue, ordinal, (start, end)));
                ordinal += 1;
            }
        };
        let mut from = Some(from);
        for leg in offered {
            let Some(begun) = from else { break };
            wait(begun, Some(leg.start.max(begun)), spans);
            let taken = leg.connected.is_some();
            from = leg.end.filter(|_| !taken).map(|end| end.max(begun));
        }
        if let Some(from) = from.filter(|from| queue.end.is_none_or(|end| end >= *from)) {
            wait(from, queue.end, spans);
        }
    }

    fn flow(&self, leg: &Leg<'_>, times: (u64, Option<u64>)) -> Span {
        let mut span = self.stage(leg, Stage::Ivr, 0, times);
        let Directory { flows, .. } = &self.settings.directory;
        let id = leg.says(Says::FlowId);
        let known = id.and_then(|id| flows.get(id.to_ascii_lowercase().as_str()));
        let known = known.map(|name| Word::Other(name.clone()));
        span.text("genesys_cloud.flow.name", known.as_ref().or(leg.says(Says::FlowName)));
        for (key, says) in [
            ("genesys_cloud.flow.id", Says::FlowId),
            ("genesys_cloud.flow.type", Says::FlowType),
            ("genesys_cloud.flow.version", Says::FlowVersion),
            ("genesys_cloud.flow.exit_reason", Says::FlowExit),
            ("genesys_cloud.flow.transfer_type", Says::FlowTransfer),
        ] {
            span.text(key, leg.says(says));
        }
        span.events = self.flow_events(leg);
        span
    }

    /// Outcomes and milestones. Two sources tell the same one, each as of its own time.
    fn flow_events(&self, leg: &Leg<'_>) -> Vec<Event> {
        let mut told: Vec<(u64, &FlowEvent)> = Vec::new();
        for (what, source) in leg.facts() {
            let What::Flow(event) = what else { continue };
            let at = self.timeline.clocks.right(*source, event.at);
            let same = told.iter_mut().find(|(known_at, known)| {
                let alike =
                    (known.milestone, &known.id, &known.value) == (event.milestone, &event.id, &event.value);
                alike && known_at.abs_diff(at) < SAME_MS
            });
            match same {
                Some((known, _)) => *known = at.min(*known),
                None => told.push((at, event)),
            }
        }
        told.sort_unstable();
        let event = |(at_ms, event): (u64, &FlowEvent)| {
            let (name, key) = match event.milestone {
                true => ("genesys_cloud.flow.milestone", "genesys_cloud.flow.milestone.id"),
                false => ("genesys_cloud.flow.outcome", "genesys_cloud.flow.outcome.id"),
            };
            let mut attributes = vec![(key.into(), Value::Text(event.id.clone()))];
            if let Some(value) = &event.value {
                attributes.push(("genesys_cloud.flow.outcome.value".into(), Value::Text(value.clone())));
            }
            Event { at_ms, name, attributes }
        };
        told.into_iter().map(event).collect()
    }

    /// Talk, cut by consultation, holds and parkings.
    fn talk(&self, leg: &Leg<'_>, connected: u64, spans: &mut Vec<Span>) {
        // Nothing once something goes on.
        let mut from = Some(connected);
        let mut cut = false;
        let (mut talks, mut holds, mut parks) = (0, 0, 0);
        let consult_end = self.consult_end(leg, connected);
        if let Some(end) = consult_end {
            let mut span = self.stage(leg, Stage::Consult, 0, (connected, end));
            if let Some(end) = end {
                span.word("genesys_cloud.consult.outcome", outcome::of_consult(self.timeline, leg, end));
            }
            spans.push(span);
            (from, cut) = (end, true);
        }
        let mut talk = |start: u64, end: Option<u64>, cut: bool, spans: &mut Vec<Span>| {
            if end.is_none_or(|end| !cut || end >= start + REST_MS) {
                spans.push(self.stage(leg, Stage::Talk, talks, (start, end)));
                talks += 1;
            }
        };
        let consulted_until = from;
        let left = |end: Option<u64>| end.is_none_or(|end| consulted_until.is_none_or(|until| end > until));
        for pause in leg.pauses.iter().filter(|pause| left(pause.end)) {
            let Some(begun) = from else { break };
            let start = pause.start.max(begun);
            talk(begun, Some(start), true, spans);
            let (stage, ordinal) = match pause.kind {
                PauseKind::Hold => (Stage::Hold, &mut holds),
                PauseKind::Park => (Stage::Park, &mut parks),
            };
            spans.push(self.stage(leg, stage, *ordinal, (start, pause.end)));
            *ordinal += 1;
            (from, cut) = (pause.end, true);
        }
        if let Some(from) = from {
            talk(from, leg.end, cut, spans);
        }
    }

    /// Where a consultation ends that begins when this leg is connected; nothing where there is none.
    ///
    /// It ends when one of the two leaves, or when the customer comes back from hold and all talk.
    fn consult_end(&self, leg: &Leg<'_>, connected: u64) -> Option<Option<u64>> {
        let by = self.timeline.legs.get(leg.consulted_by?)?;
        let begun = connected + REST_MS;
        let holds = || by.pauses.iter().filter(|pause| pause.kind == PauseKind::Hold && pause.start <= begun);
        let held = holds().find(|pause| pause.end.is_none_or(|end| end > begun));
        if held.is_none() && holds().any(|pause| pause.end.is_some_and(|end| end > leg.start)) {
            // The customer was brought back as this leg was connected: all talk from the beginning.
            return None;
        }
        let ends = [leg.end, by.end, held.and_then(|pause| pause.end)];
        let mut end = ends.into_iter().flatten().min();
        // The last moments belong to it.
        if let (Some(until), Some(last)) = (end, leg.end)
            && last < until + 2 * REST_MS
        {
            end = Some(last);
        }
        end.is_none_or(|end| end >= begun).then_some(end)
    }
}
