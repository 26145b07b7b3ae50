//! Detail events, `v2.detail.events.conversation.{id}.*`: upper-case words, times in milliseconds since 1970.

use serde_json::{Map, Value, json};

use super::conversation;
use super::json::{Clock, pruned};
use super::org;
use super::story::{Disconnect, End, Leg, Participant, PhaseKind, Purpose, Story};
use crate::genesys::ids::named;
use crate::genesys::scenario::Media;

/// What an event tells, and where it is found in the story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Detail {
    pub(super) at: u64,
    pub(super) kind: Kind,
    participant: usize,
    leg: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    AcdStart,
    AcdEnd,
    Acw,
    Attributes,
    CustomerStart,
    CustomerEnd,
    FlowStart,
    FlowEnd,
    FlowOutcome,
    UserStart,
    UserEnd,
    VoicemailStart,
    VoicemailEnd,
    WrapUp,
}

impl Kind {
    /// The end of the topic.
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::AcdStart => "acd.start",
            Self::AcdEnd => "acd.end",
            Self::Acw => "acw",
            Self::Attributes => "attributes",
            Self::CustomerStart => "customer.start",
            Self::CustomerEnd => "customer.end",
            Self::FlowStart => "flow.start",
            Self::FlowEnd => "flow.end",
            Self::FlowOutcome => "flow.outcome",
            Self::UserStart => "user.start",
            Self::UserEnd => "user.end",
            Self::VoicemailStart => "voicemail.start",
            Self::VoicemailEnd => "voicemail.end",
            Self::WrapUp => "wrapup",
        }
    }
}

/// Every event of the story in the order of time.
pub(super) fn all(story: &Story) -> Vec<Detail> {
    let mut all = Vec::new();
    for (index, one) in story.participants.iter().enumerate() {
        let kinds = match one.purpose {
            Purpose::Customer => Some((Kind::CustomerStart, Kind::CustomerEnd)),
            Purpose::Ivr | Purpose::Workflow => Some((Kind::FlowStart, Kind::FlowEnd)),
            Purpose::Acd => Some((Kind::AcdStart, Kind::AcdEnd)),
            Purpose::Agent | Purpose::User => Some((Kind::UserStart, Kind::UserEnd)),
            Purpose::Voicemail => Some((Kind::VoicemailStart, Kind::VoicemailEnd)),
            // Whether the service tells of them is not known.
            Purpose::External => None,
        };
        let detail = |at, kind, leg| Detail { at, kind, participant: index, leg };
        for (number, leg) in one.legs.iter().enumerate() {
            if let Some((start, end)) = kinds {
                all.push(detail(leg.begins(), start, number));
                all.extend(leg.end.map(|ended| detail(ended.at, end, number)));
            }
        }
        if let Some(outcome) = one.flow.as_ref().and_then(|flow| flow.outcome.as_ref()) {
            all.push(detail(outcome.at, Kind::FlowOutcome, 0));
        }
        if let Some(wrap_up) = &one.wrap_up
            && org::wrap_up_code(&wrap_up.how).is_some()
        {
            all.extend([detail(wrap_up.to, Kind::WrapUp, 0), detail(wrap_up.to, Kind::Acw, 0)]);
        }
        let mut written: Vec<_> =
            story.attributes.iter().filter(|set| set.participant == one.id).map(|set| set.at).collect();
        written.dedup();
        all.extend(written.into_iter().map(|at| detail(at, Kind::Attributes, 0)));
    }
    all.sort_by_key(|detail| detail.at);
    all
}

pub(super) fn body(story: &Story, detail: Detail) -> Value {
    let found =
        story.participants.get(detail.participant).and_then(|one| Some((one, one.legs.get(detail.leg)?)));
    let Some((one, leg)) = found else { return Value::Null };
    let clock = Clock(story.clocks.events);
    if detail.kind == Kind::Attributes {
        return attributes(story, one, detail.at, clock);
    }
    let mut body = base(story, one, leg, detail.at, clock);
    body.extend(own(story, one, leg, detail));
    pruned(Value::Object(body))
}

fn attributes(story: &Story, one: &Participant, at: u64, clock: Clock) -> Value {
    let legs = one.legs.iter().filter(|leg| leg.begins() <= at);
    let communications: Vec<_> =
        legs.map(|leg| json!({"id": leg.id, "mediaType": leg.media.detail()})).collect();
    json!({
        "eventTime": clock.ms(at),
        "conversationId": story.id,
        "participantId": one.id,
        "attributes": conversation::attributes(story, one, at),
        "communications": communications,
        "participantStartTime": clock.ms(one.begins),
    })
}

/// What nearly every event has.
fn base(story: &Story, one: &Participant, leg: &Leg, at: u64, clock: Clock) -> Map<String, Value> {
    let (_, ani, dnis) = conversation::addresses(story, one);
    let written = matches!(leg.media, Media::Email | Media::Message);
    let members = json!({
        "eventTime": clock.ms(at),
        "conversationId": story.id,
        "participantId": one.id,
        "sessionId": leg.id,
        "mediaType": leg.media.detail(),
        "provider": leg.media.provider(),
        "direction": leg.direction.detail(),
        "ani": ani,
        "dnis": dnis,
        "addressFrom": written.then_some(&story.customer),
        "addressTo": written.then_some(&story.dialled),
        "subject": story.subject.as_ref().filter(|_| leg.media == Media::Email),
        "messageType": (leg.media == Media::Message).then_some("WEBMESSAGING"),
    });
    match members {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn own(story: &Story, one: &Participant, leg: &Leg, detail: Detail) -> Map<String, Value> {
    let at = detail.at;
    let queue = one.queue.as_deref().map(org::queue_id);
    let user = one.user.as_deref().map(org::user_id);
    let how = leg.ended(at).map(|end| end.how.detail());
    let interacting = || leg.time_in(PhaseKind::Interact, at);
    let mut members = match detail.kind {
        Kind::Attributes => Value::Null,
        Kind::CustomerStart => json!({}),
        Kind::CustomerEnd => json!({"disconnectType": how, "interactingDurationMs": interacting()}),
        Kind::AcdStart => {
            json!({"queueId": queue, "routingPriority": 0, "requestedRoutingSkillIds": [], "skillExpressionApplied": false})
        }
        Kind::AcdEnd => acd_end(one, leg, queue, at),
        Kind::UserStart => json!({"userId": user, "queueId": queue}),
        Kind::UserEnd => json!({
            "disconnectType": how,
            "userId": user,
            "queueId": queue,
            "interactingDurationMs": interacting(),
            "heldDurationMs": leg.time_in(PhaseKind::Hold, at),
            "alertingDurationMs": leg.time_in(PhaseKind::Alert, at),
            "contactingDurationMs": leg.time_in(PhaseKind::Contacting, at),
            "dialingDurationMs": leg.time_in(PhaseKind::Dialing, at),
            "callbackDurationMs": leg.time_in(PhaseKind::Callback, at),
        }),
        Kind::VoicemailStart => json!({"queueId": queue}),
        Kind::VoicemailEnd => {
            let lasted = leg.time_in(PhaseKind::Voicemail, at);
            json!({"disconnectType": how, "queueId": queue, "voicemailDurationMs": lasted})
        }
        Kind::FlowStart | Kind::FlowEnd | Kind::FlowOutcome => flow(story, one, leg, detail),
        Kind::Acw | Kind::WrapUp => {
            let wrap_up = one.wrap_up.as_ref();
            json!({
                "userId": user.filter(|_| detail.kind == Kind::Acw),
                "queueId": queue,
                "wrapupCode": wrap_up.and_then(|wrap_up| org::wrap_up_code(&wrap_up.how)),
                "wrapupDurationMs": wrap_up.map(|wrap_up| wrap_up.to - wrap_up.from),
            })
        }
    };
    // Neither the wrap-up events nor those of attributes name a division.
    if !matches!(detail.kind, Kind::Acw | Kind::WrapUp)
        && let Value::Object(members) = &mut members
    {
        members.insert("divisionId".to_owned(), org::division_id().into());
    }
    match members {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn acd_end(one: &Participant, leg: &Leg, queue: Option<String>, at: u64) -> Value {
    let answered = one.answered_by.as_deref();
    json!({
        "disconnectType": leg.ended(at).map(|end| end.how.detail()),
        "queueId": queue,
        "acdOutcome": match (answered, leg.end) {
            (Some(_), _) => "ANSWERED",
            (None, Some(End { how: Disconnect::Transfer, .. })) => "FLOW_OUT",
            (None, _) => "ABANDON",
        },
        "answeredUserId": answered.map(org::user_id),
        "requestedRoutings": ["STANDARD"],
        "usedRouting": answered.map(|_| "STANDARD"),
        "requestedRoutingSkillIds": [],
        "routingPriority": 0,
        "connectedDurationMs": leg.time_in(PhaseKind::Wait, at),
    })
}

fn flow(story: &Story, one: &Participant, leg: &Leg, detail: Detail) -> Value {
    let Some(flow) = &one.flow else { return json!({}) };
    let clock = Clock(story.clocks.events);
    let mut body = json!({
        "flowType": story.media.flow_type(story.direction),
        "flowId": org::flow_id(&flow.name),
        "flowVersion": org::FLOW_VERSION,
    });
    let more = match (detail.kind, &flow.outcome) {
        (Kind::FlowEnd, _) => json!({
            "disconnectType": leg.ended(detail.at).map(|end| end.how.detail()),
            "connectedDurationMs": leg.time_in(PhaseKind::Ivr, detail.at),
            "exitReason": flow.exit.map(|exit| exit.reason()),
            "transferType": flow.exit.and_then(|exit| exit.transfer_type()),
        }),
        (Kind::FlowOutcome, Some(outcome)) => {
            let milestone = |(name, at): &(String, u64)| json!({"milestoneId": named("milestone", name), "milestoneTime": clock.ms(*at)});
            json!({
                "flowOutcomeId": named("outcome", &outcome.name),
                "flowOutcomeStartTime": clock.ms(one.begins),
                "flowOutcomeEndTime": clock.ms(outcome.at),
                "flowOutcomeValue": if outcome.success { "SUCCESS" } else { "FAILURE" },
                "flowMilestones": flow.milestones.iter().map(milestone).collect::<Vec<_>>(),
            })
        }
        _ => json!({}),
    };
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
        body.extend(more);
    }
    body
}
