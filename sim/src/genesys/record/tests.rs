use std::collections::BTreeSet;
use std::fmt::Write as _;

use expect_test::{Expect, expect, expect_file};
use serde_json::Value;

use super::*;
use crate::genesys::scenario::library;
use crate::genesys::time::parse_iso;

const START: u64 = 1_772_359_200_000;

const MEDIA: [&str; 5] = ["calls", "callbacks", "chats", "messages", "emails"];

fn scenario(name: &str) -> Scenario {
    library().unwrap().into_iter().find(|scenario| scenario.name == name).unwrap()
}

fn record(name: &str) -> Record {
    let scenario = scenario(name);
    let start = scenario.next_start(START);
    Record::new(&scenario, 7, start)
}

/// Every value that stands below a key of this name, anywhere in a body.
fn below<'a>(body: &'a Value, key: &str, found: &mut Vec<&'a Value>) {
    match body {
        Value::Object(members) => {
            for (name, value) in members {
                if name == key {
                    found.push(value);
                }
                below(value, key, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| below(item, key, found)),
        _ => {}
    }
}

fn words(list: &str) -> BTreeSet<&str> {
    list.split_whitespace().collect()
}

const DOTTED_DISCONNECT: &str = "endpoint endpoint.dnd client system timeout transfer transfer.conference transfer.consult transfer.forward \
    transfer.noanswer transfer.notavailable transfer.dnd transport.failure error peer other spam uncallable";
const STATES: &str =
    "alerting dialing contacting offering connected disconnected terminated scheduled parked none";
const PURPOSES: &str = "acd agent api botflow campaign customer dialer external fax group inbound ivr manual outbound station user \
    voicemail voicesurveyflow workflow";

/// The words of conversation events and REST.
const LOWER: &[(&str, &str)] = &[
    (
        "state",
        "alerting dialing contacting offering connected disconnected terminated scheduled parked none \
        skipped pending complete unknown notApplicable canceled failed timeout active Pending Active Complete Canceled Failed Timeout Unknown",
    ),
    ("initialState", STATES),
    ("disconnectType", DOTTED_DISCONNECT),
    ("direction", "inbound outbound"),
    ("purpose", PURPOSES),
    ("recordingState", "none active paused NONE ACTIVE PAUSED"),
    ("transferType", "attended unattended Attended Unattended"),
    ("participantType", "External IVR ACD Internal"),
    ("wrapupPrompt", "mandatory optional agentRequested timeout forcedTimeout"),
    (
        "howEnded",
        "Interact Disconnect IVR Delay Alert Hold Parked Dialing Contacting System Voicemail Callback Scheduled",
    ),
];
const UPPER: &[(&str, &str)] = &[
    ("mediaType", "VOICE CHAT EMAIL CALLBACK MESSAGE"),
    ("direction", "INBOUND OUTBOUND"),
    ("messageType", "WEBMESSAGING"),
    ("acdOutcome", "ABANDON ANSWERED FLOW_OUT"),
    ("usedRouting", "MANUAL PREDICTIVE PREFERRED LAST BULLSEYE STANDARD OTHER CONDITIONAL VIP"),
    ("flowType", "INBOUNDCALL OUTBOUNDCALL INBOUNDEMAIL INBOUNDSHORTMESSAGE INBOUNDCHAT"),
    ("exitReason", "DISCONNECT FLOW_DISCONNECT FLOW_ERROR_DISCONNECT TRANSFER"),
    ("transferType", "ACD USER NUMBER FLOW"),
    ("flowOutcomeValue", "SUCCESS FAILURE"),
    (
        "disconnectType",
        "ENDPOINT CLIENT SYSTEM TRANSFER ERROR PEER OTHER SPAM TIMEOUT TRANSPORT_FAILURE CONFERENCE_TRANSFER \
        CONSULT_TRANSFER FORWARD_TRANSFER NO_ANSWER_TRANSFER NOT_AVAILABLE_TRANSFER UNCALLABLE DND_ENDPOINT DND_TRANSFER",
    ),
];
const CAMEL: &[(&str, &str)] = &[
    (
        "segmentType",
        "alert barging callback coaching contacting converting delay dialing hold interact ivr monitoring parked scheduled \
        screenmonitoring sharing system transmitting unknown uploading voicemail wrapup",
    ),
    ("purpose", PURPOSES),
    ("conversationInitiator", PURPOSES),
    (
        "disconnectType",
        "client conferenceTransfer consultTransfer dndEndpoint dndTransfer endpoint error forwardTransfer inactivity \
        noAnswerTransfer notAvailableTransfer other peer sessionExpired spam system takeover timeout transfer transportFailure uncallable",
    ),
    ("usedRouting", "Bullseye Conditional Direct Last Manual Predictive Preferred Standard Vip"),
    (
        "mediaType",
        "callback chat cobrowse email internalmessage message screenmonitoring screenshare unknown video voice",
    ),
    ("direction", "inbound outbound"),
    ("originatingDirection", "inbound outbound"),
    ("flowType", "INBOUNDCALL INBOUNDCHAT INBOUNDEMAIL INBOUNDSHORTMESSAGE OUTBOUNDCALL"),
    ("entryType", "agent direct dnis flow outbound"),
    (
        "name",
        "nBlindTransferred nConnected nConsult nConsultTransferred nError nFlow nFlowOutcome nFlowOutcomeFailed nOffered nTransferred \
        tAbandon tAcd tAcw tAlert tAnswered tConnected tContacting tDialing tFlow tFlowDisconnect tFlowExit tFlowOut tFlowOutcome tHandle \
        tHeld tHeldComplete tIvr tNotResponding tPark tTalk tTalkComplete tVoicemail",
    ),
];

fn check(what: &str, body: &Value, table: &[(&str, &str)]) {
    for (key, allowed) in table {
        let mut found = Vec::new();
        below(body, key, &mut found);
        for value in found.into_iter().filter_map(Value::as_str) {
            assert!(words(allowed).contains(value), "{what}: {key} {value}");
        }
    }
}

fn is_detail(event: &Event) -> bool {
    event.topic.starts_with("v2.detail.events.")
}

/// Guarantees: every word is one of its dialect's, in every scenario at every time.
#[test]
fn every_word_is_one_of_its_dialect() {
    for scenario in library().unwrap() {
        let record = Record::new(&scenario, 3, START);
        for event in record.events() {
            let what = format!("{} {}", scenario.name, event.topic);
            if event.topic.starts_with("v2.flows.") {
                continue;
            }
            check(&what, &event.body, if is_detail(&event) { UPPER } else { LOWER });
            if !is_detail(&event) {
                continue;
            }
            let conversation = record.conversation(event.at_ms).unwrap();
            check(&what, &conversation, LOWER);
            if let Some(analytics) = record.analytics(event.at_ms) {
                check(&what, &analytics, CAMEL);
            }
        }
    }
}

/// Guarantees: messages are in the order of time, and none comes before what it tells.
#[test]
fn messages_are_in_order_and_never_early() {
    for scenario in library().unwrap() {
        let record = Record::new(&scenario, 11, START);
        let events = record.events();
        assert!(events.is_sorted_by_key(|event| event.at_ms), "{}", scenario.name);
        for event in events {
            let Some(time) = event.body.get("eventTime").and_then(Value::as_u64) else { continue };
            let happened = time.saturating_add_signed(-scenario.clocks.events);
            assert!(
                (happened + 50..happened + 400).contains(&event.at_ms),
                "{} {}",
                scenario.name,
                event.topic
            );
        }
    }
}

/// Guarantees: a snapshot on a topic tells something that the one before it did not.
#[test]
fn no_snapshot_says_what_was_said() {
    for scenario in library().unwrap() {
        let events = Record::new(&scenario, 5, START).events();
        // Topics of one media also come when the other media of a callback changes.
        for (number, event) in
            events.iter().enumerate().filter(|(_, event)| event.topic.ends_with(".conversations"))
        {
            let before = events.iter().take(number).rfind(|before| before.topic == event.topic);
            assert_ne!(
                before.map(|before| &before.body),
                Some(&event.body),
                "{} {}",
                scenario.name,
                event.topic
            );
        }
    }
}

/// Guarantees: all legs but the customer's own name the customer's leg of the same media.
#[test]
fn every_leg_names_the_customers() {
    for scenario in library().unwrap() {
        let record = Record::new(&scenario, 5, START);
        let body = record.conversation(record.last_ms()).unwrap();
        let legs = |purpose: &str| -> Vec<Value> {
            let participants = body["participants"].as_array().unwrap().iter();
            let wanted = participants.filter(|one| purpose.is_empty() || one["purpose"] == purpose);
            let lists =
                wanted.flat_map(|one| MEDIA.map(|list| one[list].as_array().cloned().unwrap_or_default()));
            lists.flatten().collect()
        };
        let anchor = if scenario.name == "internal-call" { "user" } else { "customer" };
        let anchors: Vec<_> = legs(anchor)
            .into_iter()
            .filter(|leg| leg.get("peerId").is_none())
            .map(|leg| leg["id"].clone())
            .collect();
        assert!(!anchors.is_empty(), "{}", scenario.name);
        for leg in legs("").into_iter().filter(|leg| !anchors.contains(&leg["id"])) {
            assert!(anchors.contains(&leg["peerId"]), "{} {leg}", scenario.name);
        }
    }
}

/// Guarantees: everything that begins ends, in every view.
#[test]
fn everything_ends() {
    for scenario in library().unwrap() {
        let record = Record::new(&scenario, 5, START);
        let last = record.last_ms();
        let body = record.conversation(last).unwrap();
        assert_eq!(parse_iso(body["endTime"].as_str().unwrap()), Some(record.end_ms()), "{}", scenario.name);
        let mut states = Vec::new();
        for list in MEDIA {
            below(&body, list, &mut states);
        }
        for leg in states.iter().flat_map(|list| list.as_array().unwrap()) {
            assert!(
                words("disconnected terminated").contains(leg["state"].as_str().unwrap()),
                "{}",
                scenario.name
            );
        }
        let analytics = record.analytics(last.max(START + 3000)).unwrap();
        let mut segments = Vec::new();
        below(&analytics, "segments", &mut segments);
        for segment in segments.iter().flat_map(|list| list.as_array().unwrap()) {
            let times =
                ["segmentStart", "segmentEnd"].map(|key| parse_iso(segment[key].as_str().unwrap()).unwrap());
            assert!(times[0] <= times[1], "{} {segment}", scenario.name);
        }
        let starts = record.events().iter().filter(|event| event.topic.ends_with(".start")).count();
        let ends = record.events().iter().filter(|event| event.topic.ends_with(".end")).count();
        assert_eq!(starts, ends, "{}", scenario.name);
    }
}

/// Guarantees: nobody can tell two runs of the same seed apart, and other seeds give other ids.
#[test]
fn the_seed_decides() {
    for scenario in library().unwrap() {
        let (one, other) = (Record::new(&scenario, 1, START), Record::new(&scenario, 1, START));
        assert_eq!(one.events(), other.events());
        assert_eq!(one.analytics(one.last_ms() + 5000), other.analytics(one.last_ms() + 5000));
        assert_ne!(one.conversation_id(), Record::new(&scenario, 2, START).conversation_id());
    }
}

/// Guarantees: each stage that the product knows is reached by some scenario.
#[test]
fn every_segment_but_a_few_is_reached() {
    let mut reached = BTreeSet::new();
    for scenario in library().unwrap() {
        let record = Record::new(&scenario, 5, START);
        let analytics = record.analytics(record.last_ms() + 5000).unwrap();
        let mut found = Vec::new();
        below(&analytics, "segmentType", &mut found);
        reached.extend(found.iter().map(|value| value.as_str().unwrap().to_owned()));
    }
    let reached: Vec<_> = reached.iter().map(String::as_str).collect();
    assert_eq!(
        reached.join(" "),
        "alert callback contacting delay dialing hold interact ivr parked system voicemail wrapup"
    );
}

/// Guarantees: a snapshot on a topic tells of nobody before a queue or a user takes part, and a call that never
/// reaches a queue is on no topic but the detail events.
#[test]
fn a_queue_hears_only_of_what_reaches_it() {
    let unseen = record("abandoned-in-ivr");
    assert!(unseen.events().iter().all(|event| is_detail(event) || event.topic.starts_with("v2.flows.")));
    let moved = record("blind-transfer-to-queue");
    let technical = format!("v2.routing.queues.{}.conversations", org::queue_id("technical"));
    let first = moved.events().into_iter().find(|event| event.topic == technical).unwrap();
    let purposes: Vec<_> =
        first.body["participants"].as_array().unwrap().iter().map(|one| one["purpose"].clone()).collect();
    assert_eq!(purposes, ["customer", "ivr", "acd", "agent", "acd"]);
}

/// Guarantees: the API can change what was to come, and nothing of what has been.
#[test]
fn an_intervention_leaves_the_past_alone() {
    let (before, mut after) = (record("answered"), record("answered"));
    let at = START + 90_000;
    let steps = [
        What::Transfer(crate::genesys::scenario::Transfer::Queue {
            queue: "technical".to_owned(),
            waits: 4000,
        }),
        What::Disconnects(crate::genesys::scenario::Party::Customer),
    ];
    after.intervene(at, &steps).unwrap();
    let past =
        |record: &Record| record.events().into_iter().filter(|event| event.at_ms <= at).collect::<Vec<_>>();
    assert_eq!(past(&before), past(&after));
    assert!(after.end_ms() < before.end_ms());
    let body = after.conversation(after.last_ms()).unwrap();
    assert_eq!(body["recentTransfers"][1]["transferType"], "Unattended");
    assert!(after.intervene(after.last_ms() + 1, &steps).unwrap_err().contains("nobody talks"));
}

/// One line for each message: seconds since the beginning, topic, and what the participants do.
fn told(name: &str, expected: &Expect) {
    let record = record(name);
    let names = named_places();
    let mut lines = String::new();
    for event in record.events() {
        let topic = event.topic.replace(record.conversation_id(), "{id}");
        let topic = names.iter().fold(topic, |topic, (id, name)| topic.replace(id.as_str(), name));
        if !topic.ends_with(".conversations") && !is_detail(&event) {
            continue;
        }
        let at = (event.at_ms - record.start_ms()) as f64 / 1000.0;
        writeln!(lines, "{at:<8.3} {topic}: {}", gist(&event.body)).unwrap();
    }
    expected.assert_eq(&lines);
}

fn named_places() -> Vec<(String, String)> {
    let queues = ["billing", "technical", "support"].map(|name| (org::queue_id(name), name.to_owned()));
    let users = ["ann", "bob", "cleo", "erin"].map(|name| (org::user_id(name), name.to_owned()));
    queues.into_iter().chain(users).collect()
}

fn gist(body: &Value) -> String {
    if let Some(participants) = body["participants"].as_array() {
        let one = |one: &Value| {
            let call = &one["calls"][0];
            let held = if call["held"] == true { " held" } else { "" };
            let how = call["disconnectType"].as_str().map(|how| format!(" ({how})")).unwrap_or_default();
            let work =
                call["afterCallWork"]["state"].as_str().map(|state| format!(", {state}")).unwrap_or_default();
            format!(
                "{} {}{held}{how}{work}",
                one["purpose"].as_str().unwrap(),
                call["state"].as_str().unwrap_or("-")
            )
        };
        return participants.iter().map(one).collect::<Vec<_>>().join("; ");
    }
    let told = body.as_object().unwrap().iter().filter(|(key, _)| {
        key.ends_with("DurationMs")
            || ["disconnectType", "acdOutcome", "exitReason", "transferType", "attributes"]
                .contains(&key.as_str())
    });
    told.map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ").replace('"', "")
}

#[test]
fn answered_as_it_is_told() {
    told(
        "answered",
        &expect![[r#"
            0.092    v2.detail.events.conversation.{id}.customer.start: 
            0.260    v2.detail.events.conversation.{id}.flow.start: 
            22.301   v2.routing.queues.billing.conversations: customer connected; ivr disconnected (transfer); acd offering
            22.350   v2.routing.queues.billing.conversations: customer connected; ivr disconnected (transfer); acd connected
            22.389   v2.routing.queues.billing.conversations: customer connected; ivr terminated (transfer); acd connected
            22.458   v2.detail.events.conversation.{id}.attributes: attributes={customer.tier:gold}
            22.463   v2.detail.events.conversation.{id}.flow.end: connectedDurationMs=22000 disconnectType=TRANSFER exitReason=TRANSFER transferType=ACD
            22.552   v2.detail.events.conversation.{id}.acd.start: 
            62.388   v2.routing.queues.billing.conversations: customer connected; ivr terminated (transfer); acd connected; agent alerting
            62.415   v2.users.ann.conversations: customer connected; ivr terminated (transfer); acd connected; agent alerting
            62.584   v2.detail.events.conversation.{id}.user.start: 
            66.349   v2.users.ann.conversations: customer connected; ivr terminated (transfer); acd connected; agent connected
            66.375   v2.users.ann.conversations: customer connected; ivr terminated (transfer); acd disconnected (transfer); agent connected
            66.395   v2.routing.queues.billing.conversations: customer connected; ivr terminated (transfer); acd connected; agent connected
            66.395   v2.routing.queues.billing.conversations: customer connected; ivr terminated (transfer); acd disconnected (transfer); agent connected
            66.399   v2.detail.events.conversation.{id}.acd.end: acdOutcome=ANSWERED connectedDurationMs=44043 disconnectType=TRANSFER
            66.433   v2.routing.queues.billing.conversations: customer connected; ivr terminated (transfer); acd terminated (transfer); agent connected
            66.472   v2.users.ann.conversations: customer connected; ivr terminated (transfer); acd terminated (transfer); agent connected
            186.329  v2.routing.queues.billing.conversations: customer disconnected (endpoint); ivr terminated (transfer); acd terminated (transfer); agent connected
            186.402  v2.users.ann.conversations: customer disconnected (endpoint); ivr terminated (transfer); acd terminated (transfer); agent connected
            186.402  v2.users.ann.conversations: customer disconnected (endpoint); ivr terminated (transfer); acd terminated (transfer); agent disconnected (peer), pending
            186.402  v2.users.ann.conversations: customer terminated (endpoint); ivr terminated (transfer); acd terminated (transfer); agent disconnected (peer), pending
            186.415  v2.routing.queues.billing.conversations: customer disconnected (endpoint); ivr terminated (transfer); acd terminated (transfer); agent disconnected (peer), pending
            186.415  v2.routing.queues.billing.conversations: customer terminated (endpoint); ivr terminated (transfer); acd terminated (transfer); agent disconnected (peer), pending
            186.541  v2.detail.events.conversation.{id}.customer.end: disconnectType=ENDPOINT interactingDurationMs=186133
            186.541  v2.detail.events.conversation.{id}.user.end: alertingDurationMs=4000 callbackDurationMs=0 contactingDurationMs=0 dialingDurationMs=0 disconnectType=PEER heldDurationMs=0 interactingDurationMs=120002
            206.379  v2.users.ann.conversations: customer terminated (endpoint); ivr terminated (transfer); acd terminated (transfer); agent disconnected (peer), complete
            206.402  v2.routing.queues.billing.conversations: customer terminated (endpoint); ivr terminated (transfer); acd terminated (transfer); agent disconnected (peer), complete
            206.408  v2.users.ann.conversations: customer terminated (endpoint); ivr terminated (transfer); acd terminated (transfer); agent terminated (peer), complete
            206.439  v2.routing.queues.billing.conversations: customer terminated (endpoint); ivr terminated (transfer); acd terminated (transfer); agent terminated (peer), complete
            206.553  v2.detail.events.conversation.{id}.wrapup: wrapupDurationMs=20000
            206.553  v2.detail.events.conversation.{id}.acw: wrapupDurationMs=20000
        "#]],
    );
}

#[test]
fn consult_as_it_is_told() {
    told(
        "consult-completed",
        &expect![[r#"
            0.092    v2.detail.events.conversation.{id}.customer.start: 
            0.386    v2.detail.events.conversation.{id}.flow.start: 
            18.398   v2.routing.queues.billing.conversations: customer connected; ivr disconnected (transfer); acd offering
            18.403   v2.routing.queues.billing.conversations: customer connected; ivr terminated (transfer); acd offering
            18.456   v2.routing.queues.billing.conversations: customer connected; ivr terminated (transfer); acd connected
            18.576   v2.detail.events.conversation.{id}.flow.end: connectedDurationMs=18000 disconnectType=TRANSFER exitReason=TRANSFER transferType=ACD
            18.584   v2.detail.events.conversation.{id}.acd.start: 
            48.442   v2.routing.queues.billing.conversations: customer connected; ivr terminated (transfer); acd connected; agent alerting
            48.460   v2.users.ann.conversations: customer connected; ivr terminated (transfer); acd connected; agent alerting
            48.666   v2.detail.events.conversation.{id}.user.start: 
            52.487   v2.users.ann.conversations: customer connected; ivr terminated (transfer); acd connected; agent connected
            52.487   v2.users.ann.conversations: customer connected; ivr terminated (transfer); acd disconnected (transfer); agent connected
            52.494   v2.routing.queues.billing.conversations: customer connected; ivr terminated (transfer); acd connected; agent connected
            52.511   v2.users.ann.conversations: customer connected; ivr terminated (transfer); acd terminated (transfer); agent connected
            52.530   v2.routing.queues.billing.conversations: customer connected; ivr terminated (transfer); acd disconnected (transfer); agent connected
            52.534   v2.detail.events.conversation.{id}.acd.end: acdOutcome=ANSWERED connectedDurationMs=34073 disconnectType=TRANSFER
            52.547   v2.routing.queues.billing.conversations: customer connected; ivr terminated (transfer); acd terminated (transfer); agent connected
            102.404  v2.users.ann.conversations: customer connected; ivr terminated (transfer); acd terminated (transfer); agent connected held
            102.405  v2.routing.queues.billing.conversations: customer connected; ivr terminated (transfer); acd terminated (transfer); agent connected held
            102.479  v2.users.cleo.conversations: customer connected; ivr terminated (transfer); acd terminated (transfer); agent connected held; agent alerting
            102.492  v2.users.ann.conversations: customer connected; ivr terminated (transfer); acd terminated (transfer); agent connected held; agent alerting
            102.497  v2.routing.queues.billing.conversations: customer connected; ivr terminated (transfer); acd terminated (transfer); agent connected held; agent alerting
            102.517  v2.detail.events.conversation.{id}.user.start: 
            107.432  v2.users.ann.conversations: customer connected; ivr terminated (transfer); acd terminated (transfer); agent connected held; agent connected
            107.444  v2.users.cleo.conversations: customer connected; ivr terminated (transfer); acd terminated (transfer); agent connected held; agent connected
            107.492  v2.routing.queues.billing.conversations: customer connected; ivr terminated (transfer); acd terminated (transfer); agent connected held; agent connected
            132.484  v2.users.ann.conversations: customer connected; ivr terminated (transfer); acd terminated (transfer); agent disconnected (transfer.consult), pending; agent connected
            132.495  v2.detail.events.conversation.{id}.user.end: alertingDurationMs=4000 callbackDurationMs=0 contactingDurationMs=0 dialingDurationMs=0 disconnectType=CONSULT_TRANSFER heldDurationMs=30025 interactingDurationMs=50000
            132.512  v2.routing.queues.billing.conversations: customer connected; ivr terminated (transfer); acd terminated (transfer); agent disconnected (transfer.consult), pending; agent connected
            132.525  v2.users.cleo.conversations: customer connected; ivr terminated (transfer); acd terminated (transfer); agent disconnected (transfer.consult), pending; agent connected
            142.434  v2.users.ann.conversations: customer connected; ivr terminated (transfer); acd terminated (transfer); agent disconnected (transfer.consult), complete; agent connected
            142.508  v2.users.cleo.conversations: customer connected; ivr terminated (transfer); acd terminated (transfer); agent disconnected (transfer.consult), complete; agent connected
            142.521  v2.routing.queues.billing.conversations: customer connected; ivr terminated (transfer); acd terminated (transfer); agent disconnected (transfer.consult), complete; agent connected
            142.521  v2.detail.events.conversation.{id}.wrapup: wrapupDurationMs=10000
            142.529  v2.routing.queues.billing.conversations: customer connected; ivr terminated (transfer); acd terminated (transfer); agent terminated (transfer.consult), complete; agent connected
            142.532  v2.detail.events.conversation.{id}.acw: wrapupDurationMs=10000
            142.558  v2.users.ann.conversations: customer connected; ivr terminated (transfer); acd terminated (transfer); agent terminated (transfer.consult), complete; agent connected
            142.563  v2.users.cleo.conversations: customer connected; ivr terminated (transfer); acd terminated (transfer); agent terminated (transfer.consult), complete; agent connected
            212.489  v2.users.ann.conversations: customer disconnected (endpoint); ivr terminated (transfer); acd terminated (transfer); agent terminated (transfer.consult), complete; agent connected
            212.502  v2.users.ann.conversations: customer disconnected (endpoint); ivr terminated (transfer); acd terminated (transfer); agent terminated (transfer.consult), complete; agent disconnected (peer), pending
            212.508  v2.routing.queues.billing.conversations: customer disconnected (endpoint); ivr terminated (transfer); acd terminated (transfer); agent terminated (transfer.consult), complete; agent connected
            212.508  v2.routing.queues.billing.conversations: customer disconnected (endpoint); ivr terminated (transfer); acd terminated (transfer); agent terminated (transfer.consult), complete; agent disconnected (peer), pending
            212.508  v2.routing.queues.billing.conversations: customer terminated (endpoint); ivr terminated (transfer); acd terminated (transfer); agent terminated (transfer.consult), complete; agent disconnected (peer), pending
            212.519  v2.users.cleo.conversations: customer disconnected (endpoint); ivr terminated (transfer); acd terminated (transfer); agent terminated (transfer.consult), complete; agent connected
            212.519  v2.users.cleo.conversations: customer disconnected (endpoint); ivr terminated (transfer); acd terminated (transfer); agent terminated (transfer.consult), complete; agent disconnected (peer), pending
            212.533  v2.users.ann.conversations: customer terminated (endpoint); ivr terminated (transfer); acd terminated (transfer); agent terminated (transfer.consult), complete; agent disconnected (peer), pending
            212.547  v2.users.cleo.conversations: customer terminated (endpoint); ivr terminated (transfer); acd terminated (transfer); agent terminated (transfer.consult), complete; agent disconnected (peer), pending
            212.565  v2.detail.events.conversation.{id}.customer.end: disconnectType=ENDPOINT interactingDurationMs=212194
            212.565  v2.detail.events.conversation.{id}.user.end: alertingDurationMs=5000 callbackDurationMs=0 contactingDurationMs=0 dialingDurationMs=0 disconnectType=PEER heldDurationMs=0 interactingDurationMs=105002
            232.449  v2.routing.queues.billing.conversations: customer terminated (endpoint); ivr terminated (transfer); acd terminated (transfer); agent terminated (transfer.consult), complete; agent disconnected (peer), complete
            232.461  v2.detail.events.conversation.{id}.wrapup: wrapupDurationMs=20000
            232.478  v2.users.ann.conversations: customer terminated (endpoint); ivr terminated (transfer); acd terminated (transfer); agent terminated (transfer.consult), complete; agent disconnected (peer), complete
            232.490  v2.routing.queues.billing.conversations: customer terminated (endpoint); ivr terminated (transfer); acd terminated (transfer); agent terminated (transfer.consult), complete; agent terminated (peer), complete
            232.512  v2.users.ann.conversations: customer terminated (endpoint); ivr terminated (transfer); acd terminated (transfer); agent terminated (transfer.consult), complete; agent terminated (peer), complete
            232.512  v2.detail.events.conversation.{id}.acw: wrapupDurationMs=20000
            232.513  v2.users.cleo.conversations: customer terminated (endpoint); ivr terminated (transfer); acd terminated (transfer); agent terminated (transfer.consult), complete; agent disconnected (peer), complete
            232.536  v2.users.cleo.conversations: customer terminated (endpoint); ivr terminated (transfer); acd terminated (transfer); agent terminated (transfer.consult), complete; agent terminated (peer), complete
        "#]],
    );
}

#[test]
fn a_snapshot_in_full() {
    let record = record("wrap-up-skipped");
    let queue = format!("v2.routing.queues.{}.conversations", org::queue_id("billing"));
    let last = record.events().into_iter().rfind(|event| event.topic == queue).unwrap();
    expect_file!["../../../tests/golden/genesys/snapshot.json"]
        .assert_eq(&(serde_json::to_string_pretty(&last.body).unwrap() + "\n"));
}

#[test]
fn a_conversation_of_rest_in_full() {
    let record = record("blind-transfer-to-agent");
    let body = record.conversation(record.start_ms() + 100_000).unwrap();
    expect_file!["../../../tests/golden/genesys/conversation.json"]
        .assert_eq(&(serde_json::to_string_pretty(&body).unwrap() + "\n"));
}

#[test]
fn an_analytics_record_in_full() {
    let record = record("re-offered-three-times");
    let body = record.analytics(record.last_ms() + 5000).unwrap();
    expect_file!["../../../tests/golden/genesys/analytics.json"]
        .assert_eq(&(serde_json::to_string_pretty(&body).unwrap() + "\n"));
}

#[test]
fn detail_events_in_full() {
    let record = record("two-flows");
    let mut lines = String::new();
    for event in record.events().into_iter().filter(is_detail) {
        writeln!(lines, "{}", serde_json::to_string(&event.body).unwrap()).unwrap();
    }
    expect_file!["../../../tests/golden/genesys/details.jsonl"].assert_eq(&lines);
}
