//! The analytics record as it stands at a time: camel-case words, ISO times, lists in no order.

use serde_json::{Value, json};

use super::conversation;
use super::json::{Clock, pruned};
use super::metrics;
use super::org;
use super::story::{Leg, Participant, PhaseKind, Purpose, Story};
use crate::chance::Chance;
use crate::genesys::ids::{hash, named};
use crate::genesys::scenario::Media;

/// How long after its beginning a conversation can be found.
pub(super) const LAG_MS: u64 = 3000;

/// Without the participants' attributes, as the query and the look-up by id have it.
pub(super) fn body(story: &Story, at: u64, with_attributes: bool) -> Value {
    let clock = Clock(story.clocks.analytics);
    let begun = conversation::begun(story, at);
    let mut participants: Vec<_> =
        begun.map(|one| participant(story, one, at, clock, with_attributes)).collect();
    shuffle(&mut participants, story.seed);
    let end = story.end().filter(|end| *end <= at);
    let mos = end.filter(|_| story.media == Media::Voice).map(|_| mos(story, &story.id));
    pruned(json!({
        "conversationId": story.id,
        "conversationStart": clock.iso(story.start),
        "conversationEnd": end.map(|end| clock.iso(end)),
        "originatingDirection": story.direction.lower(),
        "conversationInitiator": story.participants.first().map(|first| first.purpose.lower()),
        "customerParticipation": story.participants.iter().any(|one| one.purpose == Purpose::Customer && one.connected(at).is_some()),
        "divisionIds": [org::division_id()],
        "conferenceStart": story.participants.iter().filter_map(|one| one.conference).find(|from| *from <= at).map(|from| clock.iso(from)),
        "mediaStatsMinConversationMos": mos,
        "participants": participants,
    }))
}

fn participant(story: &Story, one: &Participant, at: u64, clock: Clock, with_attributes: bool) -> Value {
    let legs = one.legs.iter().filter(|leg| leg.begins() <= at);
    let attributes = with_attributes.then(|| conversation::attributes(story, one, at));
    json!({
        "participantId": one.id,
        "participantName": org::participant_name(one),
        "purpose": one.purpose.lower(),
        "userId": one.user.as_deref().map(org::user_id),
        "attributes": attributes,
        "sessions": legs.map(|leg| session(story, one, leg, at, clock)).collect::<Vec<_>>(),
    })
}

fn session(story: &Story, one: &Participant, leg: &Leg, at: u64, clock: Clock) -> Value {
    let (_, ani, dnis) = conversation::addresses(story, one);
    let voice = leg.media == Media::Voice;
    let answered = one.answered_by.as_deref().filter(|_| leg.ended(at).is_some());
    let skipped =
        one.wrap_up.as_ref().is_some_and(|wrap_up| wrap_up.from <= at && wrap_up.to == wrap_up.from);
    let written = matches!(leg.media, Media::Email | Media::Message);
    let acd = one.purpose == Purpose::Acd;
    let mut segments = segments(one, leg, at, clock);
    shuffle(&mut segments, story.seed ^ hash(&leg.id));
    json!({
        "sessionId": leg.id,
        "mediaType": leg.media.analytics(),
        "direction": leg.direction.lower(),
        "ani": ani,
        "dnis": dnis,
        "sessionDnis": dnis,
        "addressFrom": written.then_some(&story.customer),
        "addressTo": written.then_some(&story.dialled),
        "messageType": (leg.media == Media::Message).then_some("webmessaging"),
        "provider": leg.media.provider(),
        "peerId": conversation::peer(story, leg, at),
        "protocolCallId": leg.sip_call_id,
        "edgeId": voice.then(|| named("edge", "one")),
        "remote": voice.then_some(&story.customer).filter(|_| one.purpose != Purpose::Customer),
        "requestedRoutings": acd.then_some(["Standard"]),
        "usedRouting": answered.map(|_| "Standard"),
        "selectedAgentId": answered.map(org::user_id),
        "acwSkipped": skipped.then_some(true),
        "callbackNumbers": (leg.media == Media::Callback).then_some([&story.customer]),
        "flow": flow(story, one, at, clock),
        "mediaEndpointStats": endpoint(story, one, leg, at, clock),
        "metrics": metrics::all(story, one, leg, at, clock),
        "segments": segments,
    })
}

/// The phases of a leg, and the wrap-up with the first leg of an agent.
fn segments(one: &Participant, leg: &Leg, at: u64, clock: Clock) -> Vec<Value> {
    let queue = one.queue.as_deref().map(org::queue_id);
    let left_queue = one.purpose == Purpose::Acd && one.answered_by.is_some();
    let conference =
        |from: u64, kind| kind == PhaseKind::Interact && one.conference.is_some_and(|since| since <= from);
    let mut all: Vec<_> = leg
        .spans(at)
        .map(|(phase, end)| {
            let last = leg.ended(at).filter(|ended| Some(ended.at) == end);
            json!({
                "segmentStart": clock.iso(phase.from),
                "segmentEnd": end.map(|end| clock.iso(end)),
                "segmentType": phase.kind.segment(),
                "queueId": queue,
                "disconnectType": last.map(|end| end.how.analytics()),
                "sipResponseCodes": last.filter(|_| left_queue).map(|_| [410]),
                "conference": conference(phase.from, phase.kind),
            })
        })
        .collect();
    let first = one.legs.first().is_some_and(|first| first.id == leg.id);
    if let Some(wrap_up) =
        one.wrap_up.as_ref().filter(|wrap_up| first && wrap_up.from <= at && wrap_up.to > wrap_up.from)
    {
        let done = wrap_up.to <= at;
        all.push(json!({
            "segmentStart": clock.iso(wrap_up.from),
            "segmentEnd": done.then(|| clock.iso(wrap_up.to)),
            "segmentType": "wrapup",
            "queueId": queue,
            "wrapUpCode": org::wrap_up_code(&wrap_up.how).filter(|_| done),
            "conference": false,
        }));
    }
    all
}

fn flow(story: &Story, one: &Participant, at: u64, clock: Clock) -> Option<Value> {
    let flow = one.flow.as_ref()?;
    let exit = flow.exit.filter(|_| one.ended(at).is_some());
    let outcome = flow.outcome.as_ref().filter(|outcome| outcome.at <= at);
    let earlier = story.participants.iter().any(|other| other.flow.is_some() && other.begins < one.begins);
    Some(json!({
        "flowId": org::flow_id(&flow.name),
        "flowName": flow.name,
        "flowType": story.media.flow_type(story.direction),
        "flowVersion": org::FLOW_VERSION,
        "entryType": if earlier { "flow" } else { "dnis" },
        "entryReason": story.dialled,
        "exitReason": exit.map(|exit| exit.reason()),
        "transferType": exit.and_then(|exit| exit.transfer_type()),
        "startingLanguage": "en-us",
        "endingLanguage": exit.map(|_| "en-us"),
        "outcomes": outcome.map(|outcome| json!([{
            "flowOutcomeId": named("outcome", &outcome.name),
            "flowOutcome": outcome.name,
            "flowOutcomeStartTimestamp": clock.iso(one.begins),
            "flowOutcomeEndTimestamp": clock.iso(outcome.at),
            "flowOutcomeValue": if outcome.success { "SUCCESS" } else { "FAILURE" },
        }])),
    }))
}

/// How well an agent's call sounded, once it is over.
fn endpoint(story: &Story, one: &Participant, leg: &Leg, at: u64, clock: Clock) -> Option<Value> {
    let ended = leg.ended(at).filter(|_| leg.media == Media::Voice && one.purpose == Purpose::Agent)?;
    let talked = leg.time_in(PhaseKind::Interact, at);
    (talked > 0).then(|| {
        json!([{
            "codecs": ["audio/opus"],
            "minMos": mos(story, &leg.id),
            "minRFactor": 85.5,
            "maxLatencyMs": 20 + hash(&leg.id) % 60,
            "receivedPackets": talked / 20,
            "discardedPackets": 0,
            "eventTime": clock.iso(ended.at),
        }])
    })
}

/// Between 4.10 and 4.89.
fn mos(story: &Story, of: &str) -> f64 {
    (410 + (story.seed ^ hash(of)) % 80) as f64 / 100.0
}

fn shuffle(values: &mut [Value], seed: u64) {
    let mut chance = Chance::new(seed);
    for left in (1..values.len()).rev() {
        values.swap(left, chance.below(left as u64 + 1) as usize);
    }
}
