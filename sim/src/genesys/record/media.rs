//! The flattened snapshot on `....conversations.calls` and its siblings: one object for a participant and its leg.

use serde_json::{Value, json};

use super::conversation::{self, Form};
use super::json::pruned;
use super::org;
use super::story::{AfterCallEnd, Leg, Participant, PhaseKind, Purpose, Story};
use crate::genesys::scenario::Media;
use crate::genesys::time::iso;

pub(super) fn body(story: &Story, at: u64, media: Media, form: Form) -> Value {
    let topic = form == Form::Topic;
    let with_leg = |one: &Participant| {
        let leg = one.legs.iter().find(|leg| leg.media == media && leg.begins() <= at)?;
        Some(participant(story, one, leg, at, form))
    };
    let participants: Vec<_> = conversation::begun(story, at).filter_map(with_leg).collect();
    let voice = media == Media::Voice;
    pruned(json!({
        "id": story.id,
        "participants": participants,
        "otherMediaUris": [],
        "address": voice.then_some(&story.dialled).filter(|_| topic),
        "divisions": conversation::divisions(story, at, form),
        "recordingState": voice.then_some("none"),
        "securePause": voice.then_some(false),
    }))
}

fn participant(story: &Story, one: &Participant, leg: &Leg, at: u64, form: Form) -> Value {
    let topic = form == Form::Topic;
    let (address, ani, dnis) = conversation::addresses(story, one);
    let (end, phase) = (leg.ended(at), leg.phase(at));
    let held_since = phase.filter(|phase| phase.kind == PhaseKind::Hold).map(|phase| phase.from);
    let wrap_up = one.wrap_up.as_ref().filter(|wrap_up| wrap_up.from <= at);
    let done = wrap_up.filter(|wrap_up| wrap_up.to <= at);
    let queue = one.queue.as_deref().map(org::queue_id);
    // On topics a reference is an id and nothing else.
    let reference = |id: String, kind: &str| json!({"id": id, "selfUri": (!topic).then(|| format!("/api/v2/{kind}/{id}"))});
    let voice = leg.media == Media::Voice;
    let skipped = wrap_up.is_some_and(|wrap_up| matches!(wrap_up.how, AfterCallEnd::Skipped));
    let initial = leg.phases.first().map(|phase| phase.kind.state(leg.media));
    json!({
        "id": one.id,
        "name": org::participant_name(one),
        "address": address,
        "startTime": iso(leg.begins()),
        "connectedTime": leg.connected(at).map(iso),
        "endTime": end.map(|end| iso(end.at)),
        "startHoldTime": held_since.map(iso),
        "purpose": one.purpose.lower(),
        "state": conversation::state(one, leg, at),
        "initialState": initial.filter(|_| topic),
        "direction": leg.direction.lower(),
        "disconnectType": end.map(|end| end.how.dotted(leg.media)),
        "held": held_since.is_some(),
        "wrapupRequired": one.wrap_up_prompt.is_some(),
        "wrapupSkipped": skipped.then_some(true),
        "user": one.user.as_deref().map(|user| reference(org::user_id(user), "users")),
        "queue": queue.clone().map(|id| reference(id, "routing/queues")),
        "attributes": conversation::attributes(story, one, at),
        "alertingTimeoutMs": one.alerting_timeout_ms,
        "provider": leg.media.provider(),
        "peer": conversation::peer(story, leg, at),
        "conversationRoutingData": queue.filter(|_| one.purpose == Purpose::Acd)
            .map(|id| json!({"queue": reference(id, "routing/queues"), "priority": 0, "skills": []})),
        "wrapup": done.and_then(conversation::wrap_up_body),
        "startAcwTime": wrap_up.map(|wrap_up| iso(wrap_up.from)),
        "endAcwTime": done.map(|wrap_up| iso(wrap_up.to)),
        "parkTime": conversation::parked(leg, at),
        "mediaRoles": ["full"],
        "consultParticipantId": one.consulted_by.as_ref().filter(|_| voice),
        "ani": ani.filter(|_| voice),
        "dnis": dnis.filter(|_| voice),
        "muted": voice.then_some(false),
        "recordingState": voice.then_some("none"),
        "callbackNumbers": (leg.media == Media::Callback).then_some([&story.customer]),
    })
}
