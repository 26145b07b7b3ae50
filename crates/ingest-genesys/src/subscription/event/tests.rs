use expect_test::{Expect, expect};

use super::*;
use crate::read::{self, Limits, Problems};
use crate::span::Value;
use crate::{Settings, to_spans};

const ORIGIN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const CONVERSATION: &str = "c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54";
const RECEIVED_MS: u64 = 1_772_442_000_140;

fn detail() -> String {
    format!(
        r#"{{"topicName":"v2.detail.events.conversation.{CONVERSATION}.user.start","version":"2","eventBody":{{
        "eventTime":1772442000000,"conversationId":"{CONVERSATION}","participantId":"3c2d1b54-07a1-4b3c-8d55-6c3a1f1a9d10",
        "sessionId":"a4c9f3c2-11bb-4d0a-b8a7-54ce0b4ab0d7","mediaType":"VOICE","ani":"tel:+15550101"}},
        "metadata":{{"CorrelationId":"3b9b8b0e-6f0a-4a57-a5a9-9a3a1b5d5d0f"}}}}"#
    )
}

fn queue() -> String {
    format!(
        r#"{{"topicName":"v2.routing.queues.7f3b2a10-6c1d-4e8f-9b0a-112233445566.conversations","eventBody":{{"id":"{CONVERSATION}",
        "participants":[{{"id":"3c2d1b54-07a1-4b3c-8d55-6c3a1f1a9d10","purpose":"customer","name":"Ann Caller","attributes":{{}}}}]}}}}"#
    )
}

fn frame(text: &str) -> Frame {
    let (settings, mut problems) = (Settings::default(), Problems::default());
    read::frame(text.as_bytes(), RECEIVED_MS, &settings, &Limits::default(), &mut problems).unwrap()
}

fn span(text: &str, relation: Relation, channel: Option<usize>) -> Span {
    let frame = frame(text);
    let came = Came {
        frame: &frame,
        bytes: text.as_bytes(),
        received_ms: RECEIVED_MS,
        done_ms: RECEIVED_MS + 3,
        channel,
        subscription: 7,
    };
    let conversation = conversation(&frame).unwrap();
    came.span((ORIGIN.parse().unwrap(), relation), &conversation, conversation.trace())
}

fn shown(span: &Span) -> String {
    let mut text = format!(
        "{} {:?} +{} ms\ntrace {} below {}\n",
        span.name,
        span.kind,
        span.end_ms.unwrap() - span.start_ms,
        span.trace_id,
        span.parent.unwrap()
    );
    for link in &span.links {
        text += &format!("-> {}-{} ({})\n", link.trace_id, link.span_id, link.kind);
    }
    for (key, value) in &span.attributes {
        let value = match value {
            Value::Text(text) => text.to_string(),
            other => format!("{other:?}"),
        };
        // It depends on how the test is written.
        if key != "messaging.message.body.size" {
            text += &format!("{key} = {value}\n");
        }
    }
    text
}

/// Nothing of the body but ids, and no id of the channel: who knows it can listen.
#[test]
fn an_event_is_a_span() {
    let check = |span: &Span, expected: Expect| expected.assert_eq(&shown(span));
    check(
        &span(&detail(), Relation::Child, Some(2)),
        expect![[r#"
            process v2.detail.events.conversation.{id}.user.start Consumer +3 ms
            trace 4bf92f3577b34da6a3ce929d0e0e4736 below 00f067aa0ba902b7
            messaging.system = genesys_cloud
            messaging.operation.name = process
            messaging.operation.type = process
            messaging.destination.name = v2.detail.events.conversation.c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54.user.start
            messaging.destination.template = v2.detail.events.conversation.{id}.user.start
            messaging.destination.subscription.name = 7
            genesys_cloud.correlation_id = 3b9b8b0e-6f0a-4a57-a5a9-9a3a1b5d5d0f
            genesys_cloud.channel = Int(2)
            genesys_cloud.event.type = user.start
            genesys_cloud.event.delay_ms = Int(140)
        "#]],
    );
    check(
        &span(&queue(), Relation::Link, Some(0)),
        expect![[r#"
            process v2.routing.queues.{id}.conversations Consumer +3 ms
            trace c41e7d905b2a4f0e9a6d37c2e10b8f54 below c41e7d905b2a4f0e
            -> 4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7 (subscription)
            messaging.system = genesys_cloud
            messaging.operation.name = process
            messaging.operation.type = process
            messaging.destination.name = v2.routing.queues.7f3b2a10-6c1d-4e8f-9b0a-112233445566.conversations
            messaging.destination.template = v2.routing.queues.{id}.conversations
            messaging.destination.subscription.name = 7
            genesys_cloud.channel = Int(0)
            genesys_cloud.event.type = conversations
        "#]],
    );
}

#[test]
fn the_same_message_is_the_same_span() {
    let id = |text: &str, channel| span(text, Relation::Child, channel).id;
    assert_eq!(id(&detail(), Some(2)), id(&detail(), Some(3)));
    assert_ne!(id(&detail(), None), id(&queue(), None));
    assert!(id(&detail(), None).is_valid());
}

#[test]
fn the_conversation_is_in_the_body_or_in_the_topic() {
    let topic = |name: &str| frame(&format!(r#"{{"topicName":"{name}","eventBody":{{}}}}"#));
    for (frame, found) in [
        (frame(&detail()), true),
        (frame(&queue()), true),
        (topic(&format!("v2.conversations.{CONVERSATION}.transcription")), true),
        (topic(&format!("v2.analytics.conversation.{CONVERSATION}.metrics")), true),
        (topic("v2.users.7f3b2a10-6c1d-4e8f-9b0a-112233445566.presence"), false),
        (topic("v2.conversations"), false),
        (topic("v2.conversation.no-uuid.x"), false),
    ] {
        let id = conversation(&frame).map(|id| id.to_string());
        assert_eq!(id.as_deref(), found.then_some(CONVERSATION), "{}", frame.topic);
    }
}

/// What asked is a link of the conversation's root too, and a piece of knowledge like others: the revision grows by it.
#[test]
fn who_asked_is_known_of_the_conversation() {
    let mut facts = frame(&detail()).reading.unwrap().facts;
    facts.push(origin_of(&ORIGIN.parse().unwrap()));
    facts.push(origin_of(&ORIGIN.parse().unwrap()));
    let conversation = Id::new(CONVERSATION).unwrap();
    let spans = to_spans(&conversation, facts, &Settings::default());
    let links: Vec<_> = spans.first().unwrap().links.iter().map(|link| (link.kind, link.span_id)).collect();
    assert_eq!(links, [("subscription", ORIGIN.parse::<Traceparent>().unwrap().parent_id)]);
    assert!(to_spans(&conversation, [origin_of(&ORIGIN.parse().unwrap())], &Settings::default()).is_empty());
}
