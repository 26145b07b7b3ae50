//! New calls.

use opentelemetry::trace::{SpanId, SpanKind, Status};
use throughline_sdk::genesys::calls::{Carried, Dialect, Identity, OutboundCall};
use throughline_sdk::wire::{Traceparent, uui};
use throughline_sdk::{InInteraction, Interaction};

use crate::site::{Site, ann, bob, participant, to};
use crate::spans::{text, traced};

fn lines(carried: &[Carried]) -> Vec<String> {
    carried.iter().map(ToString::to_string).collect()
}

/// Guarantees: the call is in the trace of its span, which is in that of the caller, and the result says how.
#[tokio::test]
async fn a_call_carries_the_context_in_attributes_and_uui_data() {
    let site = Site::open().await;
    let call = to("tel:+493023125111").user(ann()).attribute("tier", "gold");
    let (placed, spans) = traced(site.calls(Dialect::PublicApi).place(&call)).await;
    let placed = placed.unwrap();
    let parent = placed.traceparent.unwrap();
    assert_eq!(
        lines(&placed.carried),
        [
            "attributes: the context is written",
            "uuiData: the context is written",
            "customHeaders: the dialect has no place for it",
        ]
    );
    site.wait(15_000);
    let conversation = site.conversation(&placed.conversation).await;
    let customer = participant(&conversation, "customer");
    assert_eq!(customer["attributes"]["traceparent"], parent.to_string());
    assert_eq!(customer["attributes"]["tier"], "gold");
    assert_eq!(customer["calls"][0]["uuiData"], uui::payload(&parent));

    let [exchange, span] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!(
        (span.name.as_ref(), &span.span_kind, &span.status),
        ("Place call", &SpanKind::Client, &Status::Unset)
    );
    assert_eq!(span.span_context.span_id(), SpanId::from_bytes(parent.parent_id.0));
    assert_eq!(span.span_context.trace_id().to_bytes(), parent.trace_id.0);
    let port = site.simulator.address().port().to_string();
    for (key, value) in [
        ("interaction.id", placed.conversation.as_str()),
        ("interaction.channel", "voice"),
        ("interaction.direction", "outbound"),
        ("genesys_cloud.conversation.id", &placed.conversation),
        ("genesys_cloud.dialect", "public_api"),
        ("genesys_cloud.context.carriers", r#"["attributes","uuiData"]"#),
        ("server.address", "127.0.0.1"),
        ("server.port", &port),
    ] {
        assert_eq!(text(span, key).as_deref(), Some(value), "{key}");
    }
    assert_eq!(exchange.name, "POST /api/v2/conversations/calls/user/{userId}");
    assert_eq!(
        (&exchange.span_kind, exchange.parent_span_id),
        (&SpanKind::Client, span.span_context.span_id())
    );
    for (key, value) in [
        ("http.request.method", "POST"),
        ("http.response.status_code", "200"),
        ("url.template", "/api/v2/conversations/calls/user/{userId}"),
    ] {
        assert_eq!(text(exchange, key).as_deref(), Some(value), "{key}");
    }
    assert!(!format!("{spans:?}").contains("493023125111"), "numbers are personal data");
}

#[tokio::test]
async fn the_dialect_of_the_pages_carries_it_in_headers_and_afterwards_in_attributes() {
    let site = Site::open().await;
    let call = to("+6598765432").from("tel:+6512345678".parse().unwrap()).header("x-campaign", "7");
    let (placed, spans) = traced(site.calls(Dialect::Pages).place(&call)).await;
    let placed = placed.unwrap();
    let parent = placed.traceparent.unwrap().to_string();
    assert_eq!(
        lines(&placed.carried),
        [
            "attributes: the context is written",
            "uuiData: the dialect has no place for it",
            "customHeaders: the context is written",
        ]
    );
    let seen = site.seen().await;
    assert_eq!(seen[0]["dialect"], "pages");
    assert_eq!(seen[0]["customHeaders"], serde_json::json!({"traceparent": parent, "x-campaign": "7"}));
    site.wait(15_000);
    let conversation = site.conversation(&placed.conversation).await;
    let told = conversation["participants"].as_array().unwrap().iter();
    assert_eq!(told.filter(|one| one["attributes"]["traceparent"] == parent.as_str()).count(), 1);
    let names: Vec<&str> = spans.iter().map(|span| span.name.as_ref()).collect();
    assert_eq!(
        names,
        [
            "POST /api/v2/conversations/calls",
            "GET /api/v2/conversations/{conversationId}",
            "PATCH /api/v2/conversations/{conversationId}/participants/{participantId}/attributes",
            "Place call",
        ]
    );
}

/// Guarantees: a call that was placed is reported as placed, whatever happens behind it.
#[tokio::test]
async fn attributes_that_cannot_be_written_afterwards_are_reported() {
    let site = Site::with(|options| options.denied = vec!["conversation:communication:view".into()]).await;
    let call = to("+6598765432").from("tel:+6512345678".parse().unwrap());
    let (placed, _) = traced(site.calls(Dialect::Pages).place(&call)).await;
    let carried = lines(&placed.unwrap().carried);
    assert!(carried[0].starts_with("attributes: could not be written: GET /api/v2/conversations/{conversationId} was refused with 403"), "{carried:?}");
    assert_eq!(carried[2], "customHeaders: the context is written");
}

#[tokio::test]
async fn what_the_caller_has_put_there_stays() {
    let site = Site::open().await;
    let call = to("tel:+493023125111").user(ann()).uui_data("00-mine").attribute("TraceParent", "mine");
    let (placed, _) = traced(site.calls(Dialect::PublicApi).place(&call)).await;
    let placed = placed.unwrap();
    let taken = "holds something of yours, which stays; no context";
    assert_eq!(lines(&placed.carried)[..2], [format!("attributes: {taken}"), format!("uuiData: {taken}")]);
    site.wait(15_000);
    let conversation = site.conversation(&placed.conversation).await;
    let customer = participant(&conversation, "customer");
    assert_eq!(customer["attributes"], serde_json::json!({"TraceParent": "mine"}));
    assert_eq!(customer["calls"][0]["uuiData"], "00-mine");
}

#[tokio::test]
async fn a_call_of_an_interaction_stays_in_it() {
    let site = Site::open().await;
    let call = to("tel:+493023125111").user(bob());
    let calls = site.calls(Dialect::PublicApi);
    let (placed, spans) = traced(calls.place(&call).in_interaction(Interaction::new("campaign 7"))).await;
    let span = spans.last().unwrap();
    assert_eq!(text(span, "interaction.id").as_deref(), Some("campaign 7"));
    assert_eq!(text(span, "genesys_cloud.conversation.id"), Some(placed.unwrap().conversation));
}

#[tokio::test]
async fn a_user_calls_without_being_named() {
    let site = Site::with(|options| options.user = Some("ann".into())).await;
    let calls = site.as_identity(Dialect::PublicApi, Identity::User);
    let (placed, _) = traced(calls.place(&to("sip:agent.7@example.org"))).await;
    assert!(Traceparent::from_conversation(&placed.unwrap().conversation).is_some());
}

/// Guarantees: what the dialect or the token cannot do is said before anything is sent.
#[tokio::test]
async fn what_cannot_be_asked_is_not_asked() {
    let site = Site::open().await;
    let from = |call: OutboundCall| call.from("tel:+6512345678".parse().unwrap());
    let call = || to("tel:+6598765432");
    let before = site.requests();
    let mut said = Vec::new();
    for (dialect, call) in [
        (Dialect::PublicApi, call()),
        (Dialect::PublicApi, call().user("../../oauth")),
        (Dialect::PublicApi, call().user(ann()).from_queue("a queue")),
        (Dialect::PublicApi, call().user(ann()).header("x-a", "b")),
        (Dialect::Pages, call()),
        (Dialect::Pages, from(call()).user(ann())),
        (Dialect::Pages, from(call()).from_queue("q")),
        (Dialect::Pages, from(call()).uui_data("x")),
    ] {
        let (placed, spans) = traced(site.calls(dialect).place(&call)).await;
        let error = placed.unwrap_err();
        assert_eq!((error.kind().as_str(), spans.len()), ("unsuitable", 0));
        said.push(format!("{error}\n  {}\n", error.mend()));
    }
    assert_eq!(site.requests(), before);
    expect_test::expect![[r#"
        POST /api/v2/conversations/calls needs the token of a user, and this token is one of client credentials
          name the user on whose behalf the call is made (POST /api/v2/conversations/calls/user/{userId}), or bring a token that the user got by the authorization code grant
        `../../oauth` is no id of a user: ids have letters, digits and dashes, 64 at most
          give the id as the API shows it
        `a queue` is no id of a queue: ids have letters, digits and dashes, 64 at most
          give the id as the API shows it
        the dialect public_api has no customHeaders
          use attributes or uuiData, or declare the dialect pages
        the dialect pages needs from.participantAddress, the address of the caller
          give the address of the caller
        the dialect pages has no userId
          leave it out, or declare the dialect public_api
        the dialect pages has no callFromQueueId
          leave it out, or declare the dialect public_api
        the dialect pages has no uuiData
          leave it out, or declare the dialect public_api
    "#]].assert_eq(&said.concat());
}
