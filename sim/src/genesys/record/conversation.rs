//! A conversation as it stands at a time: the snapshot on queue and user topics, and the answer of REST.

use serde_json::{Map, Value, json};

use super::json::pruned;
use super::org;
use super::story::{
    AfterCall, AfterCallEnd, Disconnect, Leg, Participant, PhaseKind, Purpose, Story, Transferred,
};
use crate::genesys::scenario::Media;
use crate::genesys::time::iso;

/// The two spellings of the same thing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `v2.routing.queues.{id}.conversations` and `v2.users.{id}.conversations`.
    Topic,
    /// `GET /api/v2/conversations/{id}`.
    Rest,
}

const WRAP_UP_TIMEOUT_MS: u64 = 20_000;
/// A leg is `disconnected` first and `terminated` when nothing more can come of it.
const TERMINATED_AFTER_MS: u64 = 40;

pub(super) fn body(story: &Story, at: u64, form: Form) -> Value {
    let rest = form == Form::Rest;
    let participants: Vec<_> = begun(story, at).map(|one| participant(story, one, at, form)).collect();
    let transfers = story.transfers.iter().filter(|transfer| transfer.issued <= at);
    let transfers: Vec<_> = transfers.map(|transfer| transferred(transfer, at, form)).collect();
    let voice = matches!(story.media, Media::Voice | Media::Callback);
    pruned(json!({
        "id": story.id,
        "startTime": rest.then(|| iso(story.start)),
        "endTime": story.end().filter(|end| rest && *end <= at).map(iso),
        "address": voice.then_some(&story.dialled),
        "participants": participants,
        "recentTransfers": (!transfers.is_empty()).then_some(transfers),
        "recordingState": if rest { "NONE" } else { "none" },
        "securePause": false,
        "divisions": divisions(story, at, form),
        "selfUri": rest.then(|| format!("/api/v2/conversations/{}", story.id)),
    }))
}

pub(super) fn begun(story: &Story, at: u64) -> impl Iterator<Item = &Participant> {
    story.participants.iter().filter(move |one| one.begins <= at)
}

pub(super) fn divisions(story: &Story, at: u64, form: Form) -> Value {
    let mut queues: Vec<_> =
        begun(story, at).filter_map(|one| one.queue.as_deref()).map(org::queue_id).collect();
    queues.dedup();
    let entity = |id: String| {
        let uri = (form == Form::Rest).then(|| format!("/api/v2/routing/queues/{id}"));
        json!({"id": id, "selfUri": uri})
    };
    json!([{"division": {"id": org::division_id()}, "entities": queues.into_iter().map(entity).collect::<Vec<_>>()}])
}

/// Everything of it that has been written by `at`; later values replace earlier ones.
pub(super) fn attributes(story: &Story, one: &Participant, at: u64) -> Map<String, Value> {
    let own =
        story.attributes.iter().filter(|attribute| attribute.participant == one.id && attribute.at <= at);
    own.map(|attribute| (attribute.key.clone(), Value::from(attribute.value.as_str()))).collect()
}

fn participant(story: &Story, one: &Participant, at: u64, form: Form) -> Value {
    let rest = form == Form::Rest;
    let wrap_up = one.wrap_up.as_ref().filter(|wrap_up| wrap_up.from <= at);
    let (address, ani, dnis) = addresses(story, one);
    let queue_id = one.queue.as_deref().map(org::queue_id);
    let mut body = json!({
        "id": one.id,
        "startTime": rest.then(|| iso(one.begins)),
        "connectedTime": one.connected(at).map(iso),
        "endTime": one.ended(at).map(iso),
        "name": org::participant_name(one),
        "userId": one.user.as_deref().map(org::user_id),
        "userUri": one.user.as_deref().filter(|_| rest).map(|user| format!("/api/v2/users/{}", org::user_id(user))),
        "queueId": queue_id,
        "queueName": one.queue.as_deref().filter(|_| rest),
        "purpose": one.purpose.lower(),
        "participantType": one.purpose.participant_type().filter(|_| rest),
        "consultParticipantId": one.consulted_by,
        "address": address,
        "ani": ani.filter(|_| rest),
        "dnis": dnis.filter(|_| rest),
        "mediaRoles": ["full"],
        "alertingTimeoutMs": one.alerting_timeout_ms,
        "attributes": attributes(story, one, at),
        "conversationRoutingData":
            queue_id.filter(|_| one.purpose == Purpose::Acd).map(|id| json!({"queue": {"id": id}, "priority": 0, "skills": []})),
    });
    if let Value::Object(members) = &mut body {
        members.extend(wrap_up_members(one, wrap_up, at, form));
        for leg in one.legs.iter().filter(|leg| leg.begins() <= at) {
            let list = members.entry(leg.media.list()).or_insert_with(|| json!([]));
            list.as_array_mut().into_iter().for_each(|list| list.push(self::leg(story, one, leg, at, form)));
        }
    }
    body
}

/// The address of a participant, and for calls who called whom.
pub(super) fn addresses<'a>(
    story: &'a Story,
    one: &'a Participant,
) -> (Option<&'a str>, Option<&'a str>, Option<&'a str>) {
    let voice = matches!(story.media, Media::Voice | Media::Callback);
    let address = one.number.as_deref();
    if !voice {
        return (address, None, None);
    }
    match one.purpose {
        Purpose::External => (address, Some(&story.dialled), address),
        _ if story.direction == crate::genesys::scenario::Direction::Outbound => {
            (address, Some(&story.dialled), Some(&story.customer))
        }
        _ => (address, Some(&story.customer), Some(&story.dialled)),
    }
}

fn wrap_up_members(
    one: &Participant,
    wrap_up: Option<&AfterCall>,
    at: u64,
    form: Form,
) -> Map<String, Value> {
    let required = one.wrap_up_prompt.is_some();
    let skipped = matches!(wrap_up, Some(AfterCall { how: AfterCallEnd::Skipped, .. }));
    let done = wrap_up.filter(|wrap_up| wrap_up.to <= at);
    let members = json!({
        "wrapupRequired": required,
        "wrapupExpected": (form == Form::Topic).then_some(required),
        "wrapupPrompt": one.wrap_up_prompt,
        "wrapupTimeoutMs": required.then_some(WRAP_UP_TIMEOUT_MS),
        "wrapupSkipped": skipped.then_some(true).filter(|_| form == Form::Rest),
        "startAcwTime": wrap_up.map(|wrap_up| iso(wrap_up.from)),
        "endAcwTime": done.map(|wrap_up| iso(wrap_up.to)),
        "wrapup": done.and_then(wrap_up_body),
    });
    match members {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

pub(super) fn wrap_up_body(wrap_up: &AfterCall) -> Option<Value> {
    let code = org::wrap_up_code(&wrap_up.how)?;
    let seconds = (wrap_up.to - wrap_up.from) / 1000;
    Some(json!({"code": code, "durationSeconds": seconds, "endTime": iso(wrap_up.to)}))
}

pub(super) fn after_call_work(one: &Participant, at: u64) -> Option<Value> {
    let wrap_up = one.wrap_up.as_ref()?;
    if wrap_up.from > at {
        return None;
    }
    let state = match wrap_up.how {
        AfterCallEnd::Skipped => "skipped",
        _ if wrap_up.to <= at => "complete",
        _ => "pending",
    };
    Some(
        json!({"state": state, "startTime": iso(wrap_up.from), "endTime": (wrap_up.to <= at).then(|| iso(wrap_up.to))}),
    )
}

/// The state of a leg. Calls, callbacks and chats are terminated at last; emails and messages stay disconnected.
pub(super) fn state(one: &Participant, leg: &Leg, at: u64) -> &'static str {
    if leg.ended(at).is_none() {
        return leg.phase(at).map_or("none", |phase| phase.kind.state(leg.media));
    }
    if terminates(one, leg).is_some_and(|when| when <= at) { "terminated" } else { "disconnected" }
}

/// When nothing more can come of a leg that has ended.
pub(super) fn terminates(one: &Participant, leg: &Leg) -> Option<u64> {
    let ended = leg.end.filter(|_| matches!(leg.media, Media::Voice | Media::Callback | Media::Chat))?;
    Some(one.wrap_up.as_ref().map_or(ended.at, |wrap_up| wrap_up.to) + TERMINATED_AFTER_MS)
}

/// The call that this one is connected to: the customer's, for everybody else.
pub(super) fn peer<'a>(story: &'a Story, leg: &Leg, at: u64) -> Option<&'a str> {
    let anchor = story.anchor_leg(leg.media).filter(|anchor| anchor.id != leg.id && anchor.begins() <= at)?;
    Some(&anchor.id)
}

fn leg(story: &Story, one: &Participant, leg: &Leg, at: u64, form: Form) -> Value {
    let rest = form == Form::Rest;
    let (end, phase) = (leg.ended(at), leg.phase(at));
    let alerting = leg.phases.iter().find(|phase| phase.kind == PhaseKind::Alert);
    let held_since = phase.filter(|phase| phase.kind == PhaseKind::Hold).map(|phase| phase.from);
    let initial = leg.phases.first().map(|phase| phase.kind.state(leg.media));
    let mut body = json!({
        "id": leg.id,
        "state": state(one, leg, at),
        "initialState": initial,
        "direction": leg.direction.lower(),
        "held": held_since.is_some(),
        "startHoldTime": held_since.map(iso),
        "provider": leg.media.provider(),
        "peerId": peer(story, leg, at),
        "connectedTime": leg.connected(at).map(iso),
        "disconnectedTime": end.map(|end| iso(end.at)),
        "disconnectType": end.map(|end| end.how.dotted(leg.media)),
        "startAlertingTime": alerting.filter(|_| rest).map(|phase| iso(phase.from)),
        "segments": rest.then(|| segments(leg, at)),
        "afterCallWork": after_call_work(one, at),
        "afterCallWorkRequired": one.wrap_up_prompt.is_some(),
    });
    let members = match leg.media {
        Media::Voice => voice(story, one, leg, at),
        Media::Callback => json!({
            "callbackNumbers": [story.customer],
            "callbackUserName": org::CUSTOMER_NAME,
            "externalCampaign": false,
            "skipEnabled": false,
            "timeoutSeconds": 0,
        }),
        Media::Chat => {
            json!({"roomId": format!("{}@conference.example.org", story.id), "direction": rest.then(|| leg.direction.lower())})
        }
        Media::Message => json!({
            "type": "webmessaging",
            "toAddress": address(&story.dialled),
            "fromAddress": address(&story.customer),
            "parkTime": parked(leg, at),
        }),
        Media::Email => json!({
            "subject": story.subject,
            "messagesSent": 0,
            "autoGenerated": false,
            "parkTime": parked(leg, at),
        }),
    };
    if let (Value::Object(body), Value::Object(members)) = (&mut body, members) {
        body.extend(members);
    }
    body
}

pub(super) fn parked(leg: &Leg, at: u64) -> Option<String> {
    leg.phase(at).filter(|phase| phase.kind == PhaseKind::Park).map(|phase| iso(phase.from))
}

fn voice(story: &Story, one: &Participant, leg: &Leg, at: u64) -> Value {
    let there = one.number.as_deref().unwrap_or(&story.customer);
    let left_queue =
        one.purpose == Purpose::Acd && leg.ended(at).is_some_and(|end| end.how == Disconnect::Transfer);
    let reasons = match left_queue {
        true => json!([{"type": "sip", "code": 410, "phrase": "Gone"}]),
        false => json!([]),
    };
    json!({
        "recording": false,
        "recordingState": "none",
        "muted": false,
        "confined": false,
        "securePause": false,
        "self": address(&story.dialled),
        "other": address(there),
        "uuiData": story.uui,
        "disconnectReasons": leg.ended(at).map(|_| reasons),
    })
}

fn address(address: &str) -> Value {
    json!({"addressNormalized": address, "addressRaw": address})
}

fn segments(leg: &Leg, at: u64) -> Value {
    let spans: Vec<_> = leg.spans(at).collect();
    let nexts = spans.iter().skip(1).map(|(phase, _)| Some(phase.kind.rest_segment())).chain([None]);
    let one = |((phase, end), next): (&(super::story::Phase, Option<u64>), Option<&'static str>)| {
        let how = end.and(next.or(Some("Disconnect")));
        let disconnect = leg.ended(at).filter(|_| next.is_none()).map(|end| end.how.dotted(leg.media));
        json!({
            "startTime": iso(phase.from),
            "endTime": end.map(iso),
            "type": phase.kind.rest_segment(),
            "howEnded": how,
            "disconnectType": disconnect,
        })
    };
    spans.iter().zip(nexts).map(one).collect()
}

fn transferred(transfer: &Transferred, at: u64, form: Form) -> Value {
    let rest = form == Form::Rest;
    let resolved = transfer.resolved.filter(|(when, _)| *when <= at);
    let state = match (resolved, rest) {
        (Some((_, how)), true) => how.rest(),
        (Some((_, how)), false) => how.dotted(),
        (None, true) => "Pending",
        (None, false) => "pending",
    };
    let kind = match (transfer.attended, rest) {
        (true, true) => "Attended",
        (true, false) => "attended",
        (false, true) => "Unattended",
        (false, false) => "unattended",
    };
    let by = transfer.initiator.as_deref().map(org::user_id);
    json!({
        "id": transfer.id,
        "state": state,
        "dateIssued": iso(transfer.issued),
        "initiator": {"userId": by},
        "modifiedBy": {"id": resolved.and(by.clone())},
        "destination": {"userId": transfer.to_user.as_deref().map(org::user_id), "address": transfer.to_address},
        "transferType": kind,
    })
}
