//! Detail events: what happened to one session, in milliseconds since 1970.

use serde::Deserialize;

use super::Reading;
use super::frame::parse;
use super::json::{Leaf, List, Object, Pairs};
use super::problems::{Limits, Path, Problems, SMALL};
use super::sink::Sink;
use crate::fact::{FlowEvent, Lasted, Measure, Moment, Of, Says, Source};
use crate::settings::Settings;
use crate::words;

/// The body of `v2.detail.events.conversation.{id}.<name>`.
pub(super) fn event(name: &str, body: &str, settings: &Settings, problems: &mut Problems) -> Option<Reading> {
    let event: Event<'_> = parse(body.as_bytes(), &Limits { bytes: usize::MAX }, problems)?;
    let root = Path::Root;
    let path = &Path::Field(&root, "eventBody");
    let mut sink = Sink::new(Source::Detail, settings, problems);
    let Some(conversation) = sink.get_id(path, "conversationId", &event.conversation_id) else {
        sink.problems.unreadable(format_args!("{path}.conversationId is missing"));
        return None;
    };
    let at = sink.get_epoch(path, "eventTime", &event.event_time);
    let participant = sink.get_id(path, "participantId", &event.participant_id);
    let communication = sink.get_id(path, "sessionId", &event.session_id);
    sink.of = Of { participant, communication: None };
    if name == "outbound" {
        sink.of = Of::default();
        let campaign = sink.get_text(path, "outboundCampaignId", &event.outbound_campaign_id);
        sink.text(Says::Campaign, campaign);
    }
    if sink.of.participant.is_some() {
        of_participant(name, at, &event, path, &mut sink);
        sink.of.communication = communication;
        if sink.of.communication.is_some() {
            of_session(name, at, &event, path, &mut sink);
        }
    }
    Some(Reading { conversation, facts: sink.facts })
}

fn of_participant(name: &str, at: Option<u64>, event: &Event<'_>, path: &Path<'_>, sink: &mut Sink<'_>) {
    sink.attributes(path, &event.attributes);
    let agent = sink.get_text(path, "userId", &event.user_id);
    let queue = sink.get_text(path, "queueId", &event.queue_id);
    let in_queue = in_queue_flow(event);
    let purpose = match name.split('.').next() {
        Some("customer") => Some("customer"),
        Some("acd") => Some("acd"),
        Some("voicemail") => Some("voicemail"),
        Some("flow") if !in_queue => Some("ivr"),
        Some("user") if queue.is_some() => Some("agent"),
        Some("user") => Some("user"),
        _ => None,
    };
    sink.word(Says::Purpose, purpose);
    sink.text(Says::Agent, agent);
    sink.text(Says::Queue, queue);
    if matches!(name, "acw" | "wrapup") {
        let lasted = sink.get_int(path, "wrapupDurationMs", &event.wrapup_duration_ms).unwrap_or(0);
        let lasted = u64::try_from(lasted).unwrap_or(0);
        sink.at(Moment::WrapupStart, at.map(|at| at.saturating_sub(lasted).max(1)));
        sink.at(Moment::WrapupEnd, at);
        let code = sink.get_text(path, "wrapupCode", &event.wrapup_code);
        sink.text(Says::WrapupCode, code);
        let notes = sink.get_text(path, "wrapupNotes", &event.wrapup_notes);
        sink.text(Says::Notes, notes);
    }
    let ani = sink.get_text(path, "ani", &event.ani);
    sink.text(Says::Ani, ani);
    let dnis = sink.get_text(path, "dnis", &event.dnis);
    sink.text(Says::Dnis, dnis);
    let subject = sink.get_text(path, "subject", &event.subject);
    sink.text(Says::Subject, subject);
}

fn of_session(name: &str, at: Option<u64>, event: &Event<'_>, path: &Path<'_>, sink: &mut Sink<'_>) {
    for (says, field, leaf) in [
        (Says::Media, "mediaType", &event.media_type),
        (Says::Direction, "direction", &event.direction),
        (Says::MessageType, "messageType", &event.message_type),
        (Says::FlowType, "flowType", &event.flow_type),
        (Says::FlowExit, "exitReason", &event.exit_reason),
        (Says::FlowTransfer, "transferType", &event.transfer_type),
        (Says::AcdOutcome, "acdOutcome", &event.acd_outcome),
        (Says::UsedRouting, "usedRouting", &event.used_routing),
    ] {
        let word = sink.get_text(path, field, leaf);
        sink.word(says, word);
    }
    for (says, field, leaf) in [
        (Says::Provider, "provider", &event.provider),
        (Says::FlowId, "flowId", &event.flow_id),
        (Says::FlowVersion, "flowVersion", &event.flow_version),
    ] {
        let text = sink.get_text(path, field, leaf);
        sink.text(says, text);
    }
    let priority = sink.get_int(path, "routingPriority", &event.routing_priority);
    sink.measured(Measure::RoutingPriority, priority);
    // The flow that plays to those who wait is no leg of its own.
    let own = !(name.starts_with("flow.") && in_queue_flow(event));
    match name {
        "customer.start" | "user.start" | "acd.start" | "flow.start" | "voicemail.start" if own => {
            sink.at(Moment::Start, at);
        }
        "customer.end" | "user.end" | "acd.end" | "flow.end" | "voicemail.end" if own => {
            sink.at(Moment::End, at);
            let how = sink.get_text(path, "disconnectType", &event.disconnect_type);
            sink.word(Says::Disconnect, how);
            durations(event, path, sink);
        }
        "flow.outcome" => outcome(at, event, path, sink),
        _ => {}
    }
}

fn durations(event: &Event<'_>, path: &Path<'_>, sink: &mut Sink<'_>) {
    let mut get = |field, leaf| sink.get_int(path, field, leaf);
    let alerting = get("alertingDurationMs", &event.alerting_duration_ms);
    let contacting = get("contactingDurationMs", &event.contacting_duration_ms);
    let dialing = get("dialingDurationMs", &event.dialing_duration_ms);
    let held = get("heldDurationMs", &event.held_duration_ms);
    let interacting = get("interactingDurationMs", &event.interacting_duration_ms)
        .or_else(|| get("callbackDurationMs", &event.callback_duration_ms));
    let connected = get("connectedDurationMs", &event.connected_duration_ms)
        .or_else(|| get("voicemailDurationMs", &event.voicemail_duration_ms));
    sink.lasted(Lasted::Alerting, alerting.filter(|ms| *ms > 0));
    let dialing = contacting.unwrap_or(0).saturating_add(dialing.unwrap_or(0));
    sink.lasted(Lasted::Dialing, Some(dialing).filter(|ms| *ms > 0));
    sink.lasted(Lasted::Held, held.filter(|ms| *ms > 0));
    sink.lasted(Lasted::Interacting, interacting.filter(|ms| *ms > 0));
    sink.lasted(Lasted::Connected, connected);
}

fn outcome(at: Option<u64>, event: &Event<'_>, path: &Path<'_>, sink: &mut Sink<'_>) {
    let ended = sink.get_epoch(path, "flowOutcomeEndTime", &event.flow_outcome_end_time).or(at);
    let id = sink.get_text(path, "flowOutcomeId", &event.flow_outcome_id);
    if let (Some(at), Some(id)) = (ended, id) {
        let value = sink.get_text(path, "flowOutcomeValue", &event.flow_outcome_value).map(words::plain);
        sink.flow(FlowEvent { at, milestone: false, id: words::Word::text(id), value });
    }
    let milestones = sink.get_list(path, "flowMilestones", &event.flow_milestones);
    for (nth, milestone) in milestones.iter().enumerate() {
        let Some(milestone) = sink.get_object(path, "flowMilestones", milestone) else { continue };
        let path = &Path::Item(path, "flowMilestones", nth);
        let at = sink.get_epoch(path, "milestoneTime", &milestone.milestone_time);
        let id = sink.get_text(path, "milestoneId", &milestone.milestone_id);
        if let (Some(at), Some(id)) = (at, id) {
            sink.flow(FlowEvent { at, milestone: true, id: words::Word::text(id), value: None });
        }
    }
}

fn in_queue_flow(event: &Event<'_>) -> bool {
    matches!(&event.flow_type, Leaf::Text(kind) if kind.to_ascii_uppercase().starts_with("INQUEUE"))
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Event<'a> {
    #[serde(borrow)]
    event_time: Leaf<'a>,
    conversation_id: Leaf<'a>,
    participant_id: Leaf<'a>,
    session_id: Leaf<'a>,
    media_type: Leaf<'a>,
    provider: Leaf<'a>,
    direction: Leaf<'a>,
    ani: Leaf<'a>,
    dnis: Leaf<'a>,
    subject: Leaf<'a>,
    message_type: Leaf<'a>,
    disconnect_type: Leaf<'a>,
    queue_id: Leaf<'a>,
    user_id: Leaf<'a>,
    routing_priority: Leaf<'a>,
    acd_outcome: Leaf<'a>,
    used_routing: Leaf<'a>,
    flow_type: Leaf<'a>,
    flow_id: Leaf<'a>,
    flow_version: Leaf<'a>,
    exit_reason: Leaf<'a>,
    transfer_type: Leaf<'a>,
    flow_outcome_id: Leaf<'a>,
    flow_outcome_end_time: Leaf<'a>,
    flow_outcome_value: Leaf<'a>,
    flow_milestones: List<Object<Milestone<'a>>, SMALL>,
    outbound_campaign_id: Leaf<'a>,
    attributes: Pairs<'a, 1024>,
    wrapup_code: Leaf<'a>,
    wrapup_notes: Leaf<'a>,
    wrapup_duration_ms: Leaf<'a>,
    connected_duration_ms: Leaf<'a>,
    interacting_duration_ms: Leaf<'a>,
    held_duration_ms: Leaf<'a>,
    alerting_duration_ms: Leaf<'a>,
    contacting_duration_ms: Leaf<'a>,
    dialing_duration_ms: Leaf<'a>,
    callback_duration_ms: Leaf<'a>,
    voicemail_duration_ms: Leaf<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Milestone<'a> {
    #[serde(borrow)]
    milestone_id: Leaf<'a>,
    milestone_time: Leaf<'a>,
}
