//! What spans of legs and stages have in common.

use throughline_context::SpanId;

use super::{Writer, outcome};
use crate::fact::{Measure, Says};
use crate::span::{Kind, Link, Span, Value};
use crate::timeline::{Leg, Role, Wrapup};
use crate::words::Word;
use flow::Stage;

impl Writer<'_> {
    pub(super) fn span(&self, id: SpanId, parent: SpanId, start: u64, end: Option<u64>) -> Span {
        Span {
            trace_id: self.context.trace,
            id,
            parent: Some(parent),
            remote_parent: false,
            name: "".into(),
            kind: Kind::Internal,
            stage: None,
            start_ms: start,
            end_ms: end.map(|end| end.max(start)),
            attributes: Vec::new(),
            events: Vec::new(),
            links: Vec::new(),
            error: None,
        }
    }

    /// One leg from its start to its end; its stages are its children.
    pub(super) fn leg(&self, leg: &Leg<'_>) -> Span {
        let id = self.id(leg, None, 0);
        let mut span = self.span(id, self.conversation.root(), leg.start, leg.end);
        span.name = leg_name(leg).into();
        span.text("interaction.participant.purpose", leg.says(Says::Purpose));
        self.who(leg, &mut span);
        let of = leg.of;
        for (key, id) in [
            ("genesys_cloud.participant.id", &of.participant),
            ("genesys_cloud.communication.id", &of.communication),
        ] {
            span.text(key, id.as_ref().map(|id| Word::text(&id.to_string())).as_ref());
        }
        for (key, says) in [
            ("genesys_cloud.media_type", Says::Media),
            ("genesys_cloud.direction", Says::Direction),
            ("genesys_cloud.disconnect_type", Says::Disconnect),
            ("genesys_cloud.peer.id", Says::Peer),
            ("genesys_cloud.provider", Says::Provider),
            ("genesys_cloud.message_type", Says::MessageType),
            ("genesys_cloud.sip.response_codes", Says::SipStatus),
            ("sip.call_id", Says::SipCallId),
            ("user.full_name", Says::Name),
        ] {
            let named = says != Says::Name || leg.role == Role::Person;
            span.text(key, leg.says(says).filter(|_| named));
        }
        if leg.role == Role::Queue {
            if leg.end.is_some() {
                span.word("interaction.queue.outcome", outcome::of_queue(self.timeline, leg));
            }
            span.text("genesys_cloud.routing.used", leg.says(Says::UsedRouting));
            span.int("genesys_cloud.routing.priority", leg.measured(Measure::RoutingPriority));
        }
        span.int("genesys_cloud.max_latency_ms", leg.measured(Measure::MaxLatencyMs));
        if let Some(mos) = leg.measured(Measure::MinMos) {
            span.attributes.push(("genesys_cloud.min_mos".into(), Value::Milli(mos)));
        }
        if leg.supervises {
            span.attributes.push(("genesys_cloud.supervision".into(), Value::Bool(true)));
        }
        if leg.says(Says::WrapupSkipped).is_some() {
            span.attributes.push(("genesys_cloud.wrapup.skipped".into(), Value::Bool(true)));
        }
        if let Some(by) = leg.consulted_by.and_then(|by| self.timeline.legs.get(by)) {
            let link = Link { trace_id: self.context.trace, span_id: self.id(by, None, 0), kind: "consult" };
            span.links.push(link);
        }
        let failed = matches!(leg.said(Says::Disconnect), Some("error" | "transport_failure"));
        let code = leg.says(Says::ErrorCode);
        if failed || code.is_some() {
            let kind = code.or(leg.says(Says::Disconnect));
            span.text("error.type", kind);
            span.error = kind.cloned();
        }
        span
    }

    /// A stage of a leg.
    pub(super) fn stage(
        &self,
        leg: &Leg<'_>,
        stage: Stage,
        ordinal: usize,
        (start, end): (u64, Option<u64>),
    ) -> Span {
        let mut span = self.span(self.id(leg, Some(stage), ordinal), self.id(leg, None, 0), start, end);
        self.of_stage(stage, leg, &mut span);
        span
    }

    pub(super) fn wrapup(&self, wrapup: &Wrapup<'_>, leg: &Leg<'_>) -> Span {
        let stage = Some(Stage::Wrapup);
        let id = crate::id::span_id(self.conversation, Some(wrapup.participant), None, stage, wrapup.ordinal);
        let mut span = self.span(id, self.id(leg, None, 0), wrapup.start, wrapup.end);
        self.of_stage(Stage::Wrapup, leg, &mut span);
        span.text("genesys_cloud.wrapup.code", leg.says(Says::WrapupCode));
        span.text("genesys_cloud.wrapup.notes", leg.says(Says::Notes));
        span
    }

    fn of_stage(&self, stage: Stage, leg: &Leg<'_>, span: &mut Span) {
        span.name = title(stage).into();
        // While an agent asks another in, the customer is on hold: that is the wait that counts.
        let aside = leg.consulted_by.is_some() && matches!(stage, Stage::Setup | Stage::Queue | Stage::Alert);
        span.stage = Some(stage).filter(|_| !aside);
        span.text("interaction.channel", self.timeline.channel);
        span.text("interaction.direction", self.timeline.direction);
        span.text("interaction.participant.purpose", leg.says(Says::Purpose));
        self.who(leg, span);
    }

    /// The queue and the agent.
    fn who(&self, leg: &Leg<'_>, span: &mut Span) {
        let id = leg.says(Says::Queue);
        let known = id.and_then(|id| self.settings.directory.queues.get(id.to_ascii_lowercase().as_str()));
        // The directory goes first, so that a queue has one name whatever the source.
        let known = known.map(|name| Word::Other(name.clone()));
        span.text("interaction.queue.name", known.as_ref().or(leg.says(Says::QueueName)).or(id));
        span.text("genesys_cloud.queue.id", id);
        span.text("interaction.agent.id", leg.says(Says::Agent));
    }
}

fn leg_name(leg: &Leg<'_>) -> &'static str {
    match leg.role {
        Role::Customer => "Customer leg",
        Role::Flow => "Flow leg",
        Role::Queue => "Queue leg",
        Role::Person if leg.said(Says::Media) == Some("callback") => "Callback leg",
        Role::Person => "Agent leg",
        Role::External => "External leg",
        Role::Voicemail => "Voicemail leg",
        Role::Other => "Leg",
    }
}

/// The name of a stage's span.
fn title(stage: Stage) -> &'static str {
    match stage {
        Stage::Setup => "Call setup",
        Stage::Ivr => "IVR",
        Stage::Action => "Data Action",
        Stage::Queue => "Wait in queue",
        Stage::Alert => "Alert agent",
        Stage::Talk => "Talk",
        Stage::Hold => "Hold",
        Stage::Park => "Park",
        Stage::Consult => "Consult",
        Stage::Transfer => "Transfer",
        Stage::Voicemail => "Voicemail",
        Stage::Wrapup => "Wrap-up",
    }
}
