//! Conversations as queue and user topics show them, and as REST answers: the whole state each time.

mod shape;

use shape::{Communication, Conversation, Participant};

use super::Reading;
use super::frame::parse;
use super::problems::{Limits, Path, Problems};
use super::sink::Sink;
use crate::fact::{Measure, Moment, Of, Says, Source, State, What};
use crate::settings::Settings;
use crate::words::Segment;

/// When a state was seen, if it was seen as it happened, and whether the leg can pause.
#[derive(Clone, Copy)]
struct Seen {
    at: Option<u64>,
    pauses: bool,
}

/// How finely the time is kept at which a state was seen.
const SEEN_MS: u64 = 100;

/// The answer of `GET /api/v2/conversations/{id}`.
pub fn rest(bytes: &[u8], settings: &Settings, limits: &Limits, problems: &mut Problems) -> Option<Reading> {
    let conversation = parse(bytes, limits, problems)?;
    read(&conversation, Source::Rest, None, &Path::Root, settings, problems)
}

/// The body of a frame of a queue or a user topic.
pub(super) fn snapshot(
    body: &str,
    received: u64,
    settings: &Settings,
    problems: &mut Problems,
) -> Option<Reading> {
    let conversation = parse(body.as_bytes(), &Limits { bytes: usize::MAX }, problems)?;
    // One frame comes on several topics, a little apart: what it shows is to be one fact.
    let received = received / SEEN_MS * SEEN_MS;
    let path = Path::Field(&Path::Root, "eventBody");
    read(&conversation, Source::Snapshot, Some(received), &path, settings, problems)
}

fn read(
    conversation: &Conversation<'_>,
    source: Source,
    received: Option<u64>,
    path: &Path<'_>,
    settings: &Settings,
    problems: &mut Problems,
) -> Option<Reading> {
    let mut sink = Sink::new(source, settings, problems);
    let Some(id) = sink.get_id(path, "id", &conversation.id) else {
        sink.problems.unreadable(format_args!("{path}.id is missing"));
        return None;
    };
    let start = sink.get_iso(path, "startTime", &conversation.start_time);
    sink.at(Moment::Start, start);
    let end = sink.get_iso(path, "endTime", &conversation.end_time);
    sink.at(Moment::End, end);
    for (nth, one) in sink.get_list(path, "participants", &conversation.participants).iter().enumerate() {
        let Some(one) = sink.get_object(path, "participants", one) else { continue };
        participant(one, received, &Path::Item(path, "participants", nth), &mut sink);
    }
    sink.of = Of::default();
    let newest = sink.facts.iter().filter_map(|fact| match &fact.what {
        What::Seen(..) => None,
        what => what.time(),
    });
    if let (Some(received), Some(newest)) = (received, newest.max()) {
        sink.put(What::Ahead(received as i64 - newest as i64));
    }
    Some(Reading { conversation: id, facts: sink.facts })
}

fn participant(one: &Participant<'_>, received: Option<u64>, path: &Path<'_>, sink: &mut Sink<'_>) {
    let Some(id) = sink.get_id(path, "id", &one.id) else { return };
    sink.of = Of { participant: Some(id), communication: None };
    let purpose = sink.get_text(path, "purpose", &one.purpose);
    sink.word(Says::Purpose, purpose);
    // Only people put others on hold.
    let pauses = !matches!(purpose, Some("customer" | "acd" | "ivr" | "workflow" | "botflow" | "voicemail"));
    let seen = Seen { at: received, pauses };
    for (says, field, leaf) in [
        (Says::Agent, "userId", &one.user_id),
        (Says::Queue, "queueId", &one.queue_id),
        (Says::QueueName, "queueName", &one.queue_name),
        (Says::ConsultedBy, "consultParticipantId", &one.consult_participant_id),
        (Says::Ani, "ani", &one.ani),
        (Says::Dnis, "dnis", &one.dnis),
        (Says::Name, "name", &one.name),
    ] {
        let text = sink.get_text(path, field, leaf);
        sink.text(says, text);
    }
    let monitors = sink.get_text(path, "monitoredParticipantId", &one.monitored_participant_id).is_some();
    let coaches = sink.get_text(path, "coachedParticipantId", &one.coached_participant_id).is_some();
    sink.word(Says::Supervises, (monitors || coaches).then_some("true"));
    for (moment, field, leaf) in [
        (Moment::Start, "startTime", &one.start_time),
        (Moment::Connected, "connectedTime", &one.connected_time),
        (Moment::End, "endTime", &one.end_time),
        (Moment::WrapupStart, "startAcwTime", &one.start_acw_time),
        (Moment::WrapupEnd, "endAcwTime", &one.end_acw_time),
    ] {
        let at = sink.get_iso(path, field, leaf);
        sink.at(moment, at);
    }
    let timeout = sink.get_int(path, "alertingTimeoutMs", &one.alerting_timeout_ms);
    sink.measured(Measure::AlertingTimeoutMs, timeout);
    let skipped = sink.get_bool(path, "wrapupSkipped", &one.wrapup_skipped);
    sink.word(Says::WrapupSkipped, (skipped == Some(true)).then_some("true"));
    if let Some(wrapup) = sink.get_object(path, "wrapup", &one.wrapup) {
        let path = &Path::Field(path, "wrapup");
        let code = sink.get_text(path, "code", &wrapup.code);
        sink.text(Says::WrapupCode, code);
        let notes = sink.get_text(path, "notes", &wrapup.notes);
        sink.text(Says::Notes, notes);
    }
    sink.attributes(path, &one.attributes);
    for (field, media, list) in [
        ("calls", "voice", &one.calls),
        ("callbacks", "callback", &one.callbacks),
        ("chats", "chat", &one.chats),
        ("messages", "message", &one.messages),
        ("emails", "email", &one.emails),
        ("internalMessages", "internalmessage", &one.internal_messages),
        ("videos", "video", &one.videos),
        ("cobrowsesessions", "cobrowse", &one.cobrowsesessions),
        ("screenshares", "screenshare", &one.screenshares),
    ] {
        for (nth, one) in sink.get_list(path, field, list).iter().enumerate() {
            let Some(one) = sink.get_object(path, field, one) else { continue };
            communication(one, media, seen, &Path::Item(path, field, nth), sink);
        }
    }
}

fn communication(one: &Communication<'_>, media: &str, seen: Seen, path: &Path<'_>, sink: &mut Sink<'_>) {
    let Some(id) = sink.get_id(path, "id", &one.id) else { return };
    sink.of.communication = Some(id);
    sink.word(Says::Media, Some(media));
    for (says, field, leaf) in [
        (Says::Direction, "direction", &one.direction),
        (Says::Disconnect, "disconnectType", &one.disconnect_type),
    ] {
        let word = sink.get_text(path, field, leaf);
        sink.word(says, word);
    }
    for (says, field, leaf) in
        [(Says::Provider, "provider", &one.provider), (Says::Peer, "peerId", &one.peer_id)]
    {
        let text = sink.get_text(path, field, leaf);
        sink.text(says, text);
    }
    for (moment, field, leaf) in [
        (Moment::Alerting, "startAlertingTime", &one.start_alerting_time),
        (Moment::Connected, "connectedTime", &one.connected_time),
        (Moment::End, "disconnectedTime", &one.disconnected_time),
        (Moment::HoldStart, "startHoldTime", &one.start_hold_time),
        (Moment::ParkStart, "parkTime", &one.park_time),
    ] {
        let at = sink.get_iso(path, field, leaf);
        sink.at(moment, at);
    }
    state(one, seen, path, sink);
    reasons(one, path, sink);
    for (nth, segment) in sink.get_list(path, "segments", &one.segments).iter().enumerate() {
        let Some(segment) = sink.get_object(path, "segments", segment) else { continue };
        let path = &Path::Item(path, "segments", nth);
        let start = sink.get_iso(path, "startTime", &segment.start_time);
        let end = sink.get_iso(path, "endTime", &segment.end_time);
        let kind = sink.get_text(path, "type", &segment.kind).map(Segment::read);
        sink.segment(kind.unwrap_or(Segment::Interact), start, end);
    }
    if let Some(after) = sink.get_object(path, "afterCallWork", &one.after_call_work) {
        let path = &Path::Field(path, "afterCallWork");
        let state = sink.get_text(path, "state", &after.state);
        let start = sink.get_iso(path, "startTime", &after.start_time);
        let end = sink.get_iso(path, "endTime", &after.end_time);
        sink.of.communication = None;
        sink.at(Moment::WrapupStart, start);
        sink.at(Moment::WrapupEnd, end);
        let skipped = state.is_some_and(|state| state.eq_ignore_ascii_case("skipped"));
        sink.word(Says::WrapupSkipped, skipped.then_some("true"));
    }
}

/// What the state says about how the leg began, and what it is now.
fn state(one: &Communication<'_>, seen: Seen, path: &Path<'_>, sink: &mut Sink<'_>) {
    let initial = sink.get_text(path, "initialState", &one.initial_state);
    let state = sink.get_text(path, "state", &one.state);
    let held = sink.get_bool(path, "held", &one.held) == Some(true);
    for word in [initial, state].into_iter().flatten() {
        match word.to_ascii_lowercase().as_str() {
            "alerting" => sink.word(Says::Began, Some("alerting")),
            "dialing" | "contacting" => sink.word(Says::Began, Some("dialing")),
            _ => {}
        }
    }
    let now = match state.map(str::to_ascii_lowercase).as_deref() {
        Some("alerting" | "offering") => Some(State::Alerting),
        Some("dialing" | "contacting") => Some(State::Dialing),
        _ if !seen.pauses => None,
        Some("parked") => Some(State::Parked),
        Some("connected") if held => Some(State::Held),
        Some("connected") => Some(State::Free),
        _ => None,
    };
    if let Some(now) = now {
        sink.seen(now, seen.at);
    }
}

fn reasons(one: &Communication<'_>, path: &Path<'_>, sink: &mut Sink<'_>) {
    let reasons = sink.get_list(path, "disconnectReasons", &one.disconnect_reasons);
    for (nth, reason) in reasons.iter().enumerate() {
        let Some(reason) = sink.get_object(path, "disconnectReasons", reason) else { continue };
        let path = &Path::Item(path, "disconnectReasons", nth);
        let sip = sink.get_text(path, "type", &reason.kind) == Some("sip");
        if let Some(code) = sink.get_int(path, "code", &reason.code).filter(|_| sip) {
            sink.text(Says::SipStatus, Some(&code.to_string()));
        }
    }
    if let Some(error) = sink.get_object(path, "errorInfo", &one.error_info) {
        let code = sink.get_text(&Path::Field(path, "errorInfo"), "code", &error.code);
        sink.text(Says::ErrorCode, code);
    }
}
