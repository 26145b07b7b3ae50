//! What goes to Genesys Cloud, and what comes from there.

use opentelemetry::trace::{FutureExt, SpanKind, TraceContextExt};
use opentelemetry::{Context, SpanId, TraceId};
use opentelemetry_sdk::trace::SpanData;
use serde_json::{Value, json};
use throughline_sdk::genesys::{self, Notification, Subscriptions};
use throughline_sdk::wire::json::JsonError;
use throughline_sdk::wire::{Decision, Traceparent, uui};
use throughline_sdk::{InInteraction, Interaction, attribute};

use crate::spans::{exporter, text, traced};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const CONVERSATION: &str = "c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54";
const QUEUE: &str = "7f3b2a10-6c1d-4e8f-9b0a-112233445566";

/// A body, as one of the functions writes it in a span; with the `traceparent` of that span.
async fn written(write: fn(&str) -> Result<String, JsonError>, body: &str) -> (Value, String) {
    exporter();
    let work = async {
        let cx = Context::current();
        let span = cx.span().span_context().clone();
        (write(body).unwrap(), format!("00-{}-{}-01", span.trace_id(), span.span_id()))
    };
    let ((body, parent), _) = traced(work).await;
    (serde_json::from_str(&body).unwrap(), parent)
}

#[tokio::test]
async fn bodies_carry_the_context_where_the_api_has_room_for_it() {
    let (body, parent) = written(genesys::attributes, r#"{"attributes":{"tier":"gold"}}"#).await;
    assert_eq!(body, json!({"attributes": {"tier": "gold", "traceparent": parent}}));

    let (body, parent) = written(genesys::callback, r#"{"queueId":"q"}"#).await;
    assert_eq!(body, json!({"queueId": "q", "data": {"traceparent": parent}}));

    let (body, parent) =
        written(genesys::custom_headers, r#"{"to":{"participantAddress":"tel:+6598765432"}}"#).await;
    let headers = json!({"traceparent": parent});
    assert_eq!(body, json!({"to": {"participantAddress": "tel:+6598765432", "customHeaders": headers}}));

    let subscribe = r#"{"subscriptions":[{"type":"conversation"},{"type":"user"}]}"#;
    let (body, parent) = written(genesys::subscriptions, subscribe).await;
    assert_eq!(body["subscriptions"][0], json!({"type": "conversation", "traceparent": parent}));
    assert_eq!(body["subscriptions"][1], json!({"type": "user", "traceparent": parent}));
}

#[tokio::test]
async fn an_outbound_call_carries_it_as_attributes_and_as_uui() {
    for before in [r#"{"phoneNumber":"+6598765432"}"#, r#"{"phoneNumber":"+6598765432","uuiData":null}"#] {
        let (body, parent) = written(genesys::outbound_call, before).await;
        let data = uui::payload(&parent.parse::<Traceparent>().unwrap());
        let attributes = json!({"traceparent": parent});
        let expected = json!({"phoneNumber": "+6598765432", "attributes": attributes, "uuiData": data});
        assert_eq!(body, expected);
    }
    let (body, parent) = written(genesys::outbound_call, r#"{"uuiData":"somebody else's"}"#).await;
    assert_eq!(body, json!({"uuiData": "somebody else's", "attributes": {"traceparent": parent}}));
}

#[test]
fn outside_of_any_span_bodies_stay_as_they_are() {
    for write in
        [genesys::attributes, genesys::outbound_call, genesys::custom_headers, genesys::subscriptions]
    {
        assert_eq!(write(r#"{ "a": 1.0 }"#).unwrap(), r#"{ "a": 1.0 }"#);
    }
}

#[test]
fn a_data_action_takes_the_context_from_the_flow() {
    let action = json!({
        "name": "Find customer",
        "config": {"request": {"requestUrlTemplate": "/customers", "headers": {"Accept": "*/*"}}},
        "contract": {"input": {"inputSchema": {"type": "object", "properties": {"phone": {"type": "string"}}}}},
    });
    let written: Value = serde_json::from_str(&genesys::data_action(&action.to_string()).unwrap()).unwrap();
    let headers = &written["config"]["request"]["headers"];
    let expected = json!({
        "Accept": "*/*", "traceparent": "$!{input.traceparent}", "tracestate": "$!{input.tracestate}",
    });
    assert_eq!(headers, &expected);
    let inputs = &written["contract"]["input"]["inputSchema"]["properties"];
    assert_eq!(inputs["traceparent"], json!({"type": "string"}));
    assert_eq!(inputs["phone"], json!({"type": "string"}));
    assert_eq!(genesys::data_action(&written.to_string()).unwrap(), written.to_string());
}

const OTHER: &str = "00000000-5b2a-4f0e-9a6d-37c2e10b8f54";

fn detail(conversation: &str, event: &str) -> String {
    let topic = format!("v2.detail.events.conversation.{conversation}.{event}");
    json!({"topicName": topic, "eventBody": {"conversationId": conversation}}).to_string()
}

/// Below the asking span, or beside it with a link: the rule of the receiver `genesys_cloud`.
#[tokio::test]
async fn events_belong_to_the_span_that_asked_for_them() {
    let exporter = exporter();
    let subscriptions = Subscriptions::default();
    let queue = format!("v2.routing.queues.{QUEUE}.conversations");
    let asking = async {
        let one = subscriptions.conversations("one", [CONVERSATION]);
        assert_eq!(
            (one.len(), one[0].as_str()),
            (16, &*format!("v2.detail.events.conversation.{CONVERSATION}.acd.start"))
        );
        assert_eq!(subscriptions.conversations("two", [CONVERSATION, OTHER]).len(), 32);
        subscriptions.topics("queue", [queue.as_str()]);
        let cx = Context::current();
        let message =
            subscriptions.message("pages", 1, r#"{"subscriptions":[{"type":"conversation"}]}"#).unwrap();
        let span = cx.span().span_context().clone();
        assert!(message.contains(&format!("{}-{}", span.trace_id(), span.span_id())), "{message}");
        span
    };
    let (asked, _) = traced(asking).await;
    let of_queue = snapshot(&json!({}), &json!({}));
    for (channel, text, below) in [
        ("one", detail(CONVERSATION, "acw"), true),
        ("pages", detail(CONVERSATION, "acw"), true),
        ("two", detail(CONVERSATION, "acw"), false),
        ("two", detail(OTHER, "user.start"), false),
        ("queue", of_queue.clone(), false),
    ] {
        let here = async { (Context::current().span().span_context().clone(), Interaction::current()) };
        let (context, interaction) = subscriptions.process(channel, &text, here).await;
        let spans = exporter.get_finished_spans().unwrap();
        let span = spans.iter().find(|span| span.span_context == context).unwrap();
        let of = interaction.unwrap();
        let own = TraceId::from_hex(&of.id().replace('-', "")).unwrap();
        if below {
            assert_eq!(
                (context.trace_id(), span.parent_span_id),
                (asked.trace_id(), asked.span_id()),
                "{channel}"
            );
            assert_eq!(span.links.len(), 0);
        } else {
            assert_eq!(context.trace_id(), own, "{channel}");
            assert_eq!(span.links[0].span_context.span_id(), asked.span_id(), "{channel}");
        }
        assert_eq!(text_of(span, "messaging.system"), "genesys_cloud");
        assert_eq!(span.span_kind, SpanKind::Consumer);
    }
    // What nobody asked for here is processed as it is without.
    for (channel, text) in [("queue", detail(CONVERSATION, "acw")), ("other", of_queue)] {
        let here = async { Context::current().span().span_context().clone() };
        let context = subscriptions.process(channel, &text, here).await;
        let spans = exporter.get_finished_spans().unwrap();
        let span = spans.iter().find(|span| span.span_context == context).unwrap();
        assert_eq!(
            (span.links.len(), text_of(span, attribute::DECISION)),
            (0, "join".to_owned()),
            "{channel}"
        );
    }
    let heartbeat = r#"{"topicName":"channel.metadata","eventBody":{"message":"WebSocket Heartbeat"}}"#;
    let here = async { Context::current().span().span_context().is_valid() };
    assert!(!subscriptions.process("one", heartbeat, here).await, "no span for a heartbeat");
    subscriptions.end("one");
    let here = async { Context::current().span().span_context().trace_id() };
    let trace = subscriptions.process("one", &detail(CONVERSATION, "acw"), here).await;
    assert_ne!(trace, asked.trace_id());
}

fn text_of(span: &SpanData, key: &str) -> String {
    text(span, key).unwrap_or_default()
}

/// The state of a conversation as a queue's topic shows it, with these attributes of two participants.
fn snapshot(first: &Value, second: &Value) -> String {
    let participants = [
        json!({"purpose": "ivr", "attributes": first}),
        json!({"purpose": "customer", "attributes": second}),
    ];
    json!({
        "topicName": format!("v2.routing.queues.{QUEUE}.conversations"),
        "version": "2",
        "eventBody": {"id": CONVERSATION, "participants": participants},
    })
    .to_string()
}

fn found(text: &str) -> (String, String) {
    let notification = Notification::read(text).unwrap();
    assert_eq!(notification.interaction(), Interaction::new(CONVERSATION));
    let decision = notification.decision();
    let parent = match decision {
        Decision::Continue { context, .. } => context.traceparent.parent_id.to_string(),
        Decision::Join { trace_id, .. } => trace_id.to_string(),
        other => panic!("{other:?}"),
    };
    (decision.source().unwrap().name().to_owned(), parent)
}

#[test]
fn a_notification_tells_its_trace() {
    let (none, of_flow, of_customer) =
        (json!({}), json!({"TraceParent": PARENT.replace("b7ad", "0000")}), json!({"traceparent": PARENT}));
    let data = |parent: &str| ("participant-data".to_owned(), parent.to_owned());
    let id = || ("conversation-id".to_owned(), "c41e7d905b2a4f0e9a6d37c2e10b8f54".to_owned());
    assert_eq!(found(&snapshot(&of_flow, &of_customer)), data("b7ad6b7169203331"));
    assert_eq!(found(&snapshot(&of_flow, &none)), data("00006b7169203331"));
    assert_eq!(found(&snapshot(&none, &none)), id());
    assert_eq!(found(&snapshot(&json!({"traceparent": "nonsense"}), &none)), id());
    let detail = |body: Value| {
        json!({"topicName": format!("v2.detail.events.conversation.{CONVERSATION}.attributes"), "eventBody": body})
            .to_string()
    };
    assert_eq!(found(&detail(json!({"conversationId": CONVERSATION}))), id());
    let told = detail(json!({"conversationId": CONVERSATION, "attributes": {"traceparent": PARENT}}));
    assert_eq!(found(&told), data("b7ad6b7169203331"));
}

#[test]
fn what_is_about_no_conversation_is_left_alone() {
    for text in [
        "",
        "{}",
        "not json",
        r#"{"topicName":"channel.metadata","eventBody":{"message":"WebSocket Heartbeat"}}"#,
        r#"{"topicName":"v2.users.1.presence","eventBody":{"id":"1"}}"#,
        r#"{"topicName":"v2.routing.queues.1.conversations","eventBody":{}}"#,
        r#"{"topicName":7,"eventBody":{"id":"1"}}"#,
    ] {
        assert!(Notification::read(text).is_none(), "{text}");
    }
}

#[tokio::test]
async fn a_notification_is_processed_in_its_trace_and_its_interaction() {
    let exporter = exporter();
    let message = snapshot(&json!({}), &json!({"traceparent": PARENT}));
    let notification = Notification::read(&message).unwrap();
    let here = async { (Context::current().span().span_context().clone(), Interaction::current()) };
    let other = Interaction::new("another");
    let (context, interaction) = notification.process(here).in_interaction(other).await;
    assert_eq!(interaction, Some(Interaction::new(CONVERSATION)));
    assert_eq!(context.trace_id(), TraceId::from_hex("0af7651916cd43dd8448eb211c80319c").unwrap());
    let spans = exporter.get_finished_spans().unwrap();
    let span = spans.iter().find(|span| span.span_context == context).unwrap();
    assert_eq!(span.parent_span_id, SpanId::from_hex("b7ad6b7169203331").unwrap());
    assert_eq!(
        (span.name.as_ref(), &span.span_kind),
        ("process v2.routing.queues.{id}.conversations", &SpanKind::Consumer)
    );
    assert_eq!(text(span, "interaction.id").as_deref(), Some(CONVERSATION));
    assert_eq!(text(span, attribute::SOURCE).as_deref(), Some("participant-data"));
}

#[tokio::test]
async fn a_conversation_is_a_context() {
    assert_eq!(genesys::traceparent(CONVERSATION), Traceparent::from_conversation(CONVERSATION));
    assert_eq!(genesys::traceparent("no uuid"), None);
    for (id, joined) in [(CONVERSATION, true), ("no uuid", false)] {
        let cx = genesys::conversation(&Context::new(), id);
        assert_eq!(cx.span().span_context().is_valid(), joined);
        assert_eq!(async { Interaction::current() }.with_context(cx).await, Some(Interaction::new(id)));
    }
}
