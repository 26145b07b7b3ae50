//! Messages as the service sends them, and as it never should.

use super::*;
use crate::fact::{Moment, Says, What};
use crate::settings::Settings;

const CONVERSATION: &str = "c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54";

fn read_frame(text: &str) -> (Option<Frame>, Problems) {
    let mut problems = Problems::default();
    let read =
        frame(text.as_bytes(), 1_649_247_905_100, &Settings::default(), &Limits::default(), &mut problems);
    (read, problems)
}

fn facts(frame: Option<Frame>) -> Vec<What> {
    frame.unwrap().reading.unwrap().facts.into_iter().map(|fact| fact.what).collect()
}

/// The envelope of EventBridge around the message of a WebSocket: both say the same.
#[test]
fn an_event_bridge_event_is_its_message() {
    let message = format!(
        r#"{{"topicName":"v2.detail.events.conversation.{CONVERSATION}.customer.end","version":"2",
        "eventBody":{{"eventTime":1649237504949,"conversationId":"{CONVERSATION}","participantId":"p","sessionId":"s",
        "mediaType":"VOICE","provider":"Edge","direction":"INBOUND","interactingDurationMs":60000}},
        "metadata":{{"CorrelationId":"7f3c"}}"#
    );
    let (alone, problems) = read_frame(&format!("{message}}}"));
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(alone.as_ref().unwrap().correlation_id.as_deref(), Some("7f3c"));
    let envelope = format!(
        r#"{{"version":"0","id":"x","detail-type":"v2.detail.events.conversation.{{id}}.customer.end",
        "source":"aws.partner/genesys.com/cloud/o/s","region":"us-east-1","resources":[],
        "detail":{message},"timestamp":"2022-04-06T09:30:45.013Z"}}}}"#
    );
    let (inside, problems) = read_frame(&envelope);
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(alone, inside);
    let facts = facts(inside);
    assert!(facts.contains(&What::At(Moment::End, 1_649_237_504_949)), "{facts:?}");
    assert!(facts.contains(&What::Says(Says::Media, crate::Word::Known("voice"))), "{facts:?}");
}

/// The conversation of the reference, as REST answers.
#[test]
fn a_conversation_from_rest() {
    let text = format!(
        r#"{{"id":"{CONVERSATION}","startTime":"2025-04-10T13:31:49.570Z","endTime":"2025-04-10T13:32:40.944Z","participants":[
        {{"id":"p4","purpose":"agent","participantType":"Internal","userId":"u1","queueId":"q1",
          "startTime":"2025-04-10T13:31:58.072Z","connectedTime":"2025-04-10T13:32:02.464Z","endTime":"2025-04-10T13:32:40.942Z",
          "alertingTimeoutMs":8000,"startAcwTime":"2025-04-10T13:32:40.942Z","endAcwTime":"2025-04-10T13:32:40.942Z",
          "calls":[{{"id":"call-4","peerId":"call-1","initialState":"alerting","state":"terminated","disconnectType":"client",
            "startAlertingTime":"2025-04-10T13:31:58.072Z","afterCallWork":{{"state":"skipped"}}}}]}}]}}"#
    );
    let mut problems = Problems::default();
    let settings = Settings::default();
    let reading = rest(text.as_bytes(), &settings, &Limits::default(), &mut problems).unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    let spans = crate::to_spans(&reading.conversation, reading.facts, &settings);
    let names: Vec<_> = spans.iter().map(|span| span.name.as_ref()).collect();
    assert_eq!(names, ["voice conversation", "Agent leg", "Alert agent", "Talk"]);
    assert_eq!(spans[2].end_ms.unwrap() - spans[2].start_ms, 4392);
    assert_eq!(spans[2].attribute("interaction.alert.outcome"), Some("answered"));
}

/// Each wrong field is counted with its path, and the rest is read.
#[test]
fn a_wrong_field_costs_only_itself() {
    let topic = format!("v2.detail.events.conversation.{CONVERSATION}.user.end");
    for (body, wrong) in [
        (r#""eventTime":"now","sessionId":"s""#, "$.eventBody.eventTime is not a whole number"),
        (
            r#""eventTime":-5,"sessionId":"s""#,
            "$.eventBody.eventTime is not a time in milliseconds since 1970",
        ),
        (r#""eventTime":1649237504949,"sessionId":{"a":[1]}"#, "$.eventBody.sessionId is not text"),
        (r#""sessionId":"s","disconnectType":7"#, "$.eventBody.disconnectType is not text"),
        (r#""sessionId":"s","heldDurationMs":1.5"#, "$.eventBody.heldDurationMs is not a whole number"),
    ] {
        let text = format!(
            r#"{{"topicName":"{topic}","eventBody":{{"conversationId":"{CONVERSATION}","participantId":"p","userId":"u",{body}}}}}"#
        );
        let (frame, problems) = read_frame(&text);
        assert_eq!((problems.unreadable, problems.fields, problems.first), (0, 1, vec![wrong.to_owned()]));
        assert!(facts(frame).iter().any(|what| matches!(what, What::Says(Says::Agent, _))), "{body}");
    }
}

#[test]
fn wrong_containers_are_named() {
    let body = format!(
        r#"{{"id":"{CONVERSATION}","participants":[7,{{"id":"p","calls":{{}},"emails":[[]],"wrapup":"x","attributes":[],
        "messages":[{{"id":"m","segments":[{{"startTime":7}}],"held":"no"}}]}}]}}"#
    );
    let mut problems = Problems::default();
    let reading = rest(body.as_bytes(), &Settings::default(), &Limits::default(), &mut problems);
    assert!(reading.is_some());
    expect_test::expect![[r"
        $.participants is not an object
        $.participants[1].wrapup is not an object
        $.participants[1].attributes is not an object
        $.participants[1].calls is not a list
        $.participants[1].messages[0].held is not true or false
        $.participants[1].messages[0].segments[0].startTime is not text
        $.participants[1].emails is not an object"]]
    .assert_eq(&problems.first.join("\n"));
}

#[test]
fn what_is_no_message_is_counted() {
    for text in ["", "[]", "7", "{", "{\"topicName\":7}", "{}", "\u{0}", "null"] {
        let (frame, problems) = read_frame(text);
        assert_eq!((frame, problems.unreadable), (None, 1), "{text}");
    }
    let deep = format!(
        "{{\"topicName\":\"v2.users.u.conversations\",\"eventBody\":{}1{}}}",
        "[".repeat(5000),
        "]".repeat(5000)
    );
    assert_eq!(read_frame(&deep).1.unreadable, 1);
    let mut problems = Problems::default();
    let long = format!("{{\"topicName\":\"{}\"}}", "x".repeat(100));
    assert!(frame(long.as_bytes(), 1, &Settings::default(), &Limits { bytes: 50 }, &mut problems).is_none());
    assert_eq!(problems.first, ["the message cannot be read: 116 bytes are more than 50"]);
}

#[test]
fn control_messages_say_nothing_about_conversations() {
    for text in [
        r#"{"topicName":"channel.metadata","eventBody":{"message":"WebSocket Heartbeat"}}"#,
        r#"{"topicName":"v2.system.socket_closing","eventBody":{}}"#,
        r#"{"topicName":"v2.routing.queues.q.conversations.calls","eventBody":{"id":"x"}}"#,
    ] {
        let (frame, problems) = read_frame(text);
        assert!(problems.is_empty() && frame.unwrap().reading.is_none(), "{text}");
    }
}

#[test]
fn lists_are_read_to_a_limit() {
    let segments = vec![r#"{"segmentStart":"2025-04-10T13:31:58.072Z","segmentType":"hold"}"#; 300].join(",");
    let body = format!(
        r#"{{"conversations":[{{"conversationId":"{CONVERSATION}","participants":[{{"participantId":"p","sessions":[
        {{"sessionId":"s","segments":[{segments}]}}]}}]}},{{"conversationId":""}},3]}}"#
    );
    let mut problems = Problems::default();
    let read = records(body.as_bytes(), &Settings::default(), &Limits::default(), &mut problems);
    assert_eq!(read.len(), 1);
    assert_eq!((problems.beyond, problems.unreadable, problems.fields), (44, 1, 2), "{problems:?}");
    assert_eq!(
        problems.first.first().unwrap(),
        "$.conversations[0].participants[0].sessions[0].segments has 44 members more than are read"
    );
}

/// Personal data is not even kept in memory unless a site asks for it.
#[test]
fn personal_data_is_off_by_default() {
    let body = format!(
        r#"{{"id":"{CONVERSATION}","participants":[{{"id":"p","purpose":"customer","name":"Jane Doe","ani":"tel:+15550101",
        "dnis":"tel:+15550100","connectedTime":"2025-04-10T13:31:58.072Z","wrapup":{{"code":"c","notes":"moved to Leeds"}},
        "attributes":{{"traceparent":"00-4bf92f3577f34da6c19e9222d19e89b8-ccbd124dbdfc3439-01","card":"4711","tier":"gold"}}}}]}}"#
    );
    let read = |settings: &Settings| {
        let mut problems = Problems::default();
        let reading = rest(body.as_bytes(), settings, &Limits::default(), &mut problems).unwrap();
        assert!(problems.is_empty(), "{problems:?}");
        let spans = crate::to_spans(&reading.conversation, reading.facts.clone(), settings);
        (format!("{:?}", reading.facts), format!("{spans:?}"))
    };
    let settings = Settings::default();
    let (facts, spans) = read(&settings);
    for secret in ["Jane", "5550101", "5550100", "Leeds", "4711", "gold"] {
        assert!(!facts.contains(secret) && !spans.contains(secret), "{secret}");
    }
    assert!(spans.contains("4bf92f3577f34da6c19e9222d19e89b8"));
    let (_, spans) = read(&Settings { personal_data: true, attributes: vec!["tier".into()], ..settings });
    for wanted in ["5550101", "5550100", "gold"] {
        assert!(spans.contains(wanted), "{wanted}");
    }
    assert!(!spans.contains("4711"));
}
