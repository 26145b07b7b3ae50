//! Callers ask the receiver for events of conversations, over real sockets, and the simulator plays the conversations.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod site;

use serde_json::{Value, json};
use sim::genesys::service::{Faults, Mischief, Options};
use site::{Seen, Site};

/// The span that asks, and that of a Data Action elsewhere.
const A: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const B: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn ids(traceparent: &str) -> (&str, &str) {
    let mut parts = traceparent.split('-').skip(1);
    (parts.next().unwrap(), parts.next().unwrap())
}

/// The events of a call that is placed by its agent and answered.
const CALL: [&str; 7] =
    ["user.start", "customer.start", "user.end", "customer.end", "acw", "wrapup", "attributes"];

fn options() -> Options {
    Options::quiet(sim::genesys::scenario::library().unwrap())
}

fn kinds(spans: &[Seen]) -> Vec<&str> {
    let mut kinds: Vec<&str> = spans.iter().map(|span| span.text("genesys_cloud.event.type")).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

/// Scenario: a Data Action asks for the events of its conversation, in its header; the call goes its way.
/// Guarantees: the answer says what was subscribed to; each event is one span below the span that asked, whatever
/// heartbeats come; the conversation links to the span that asked.
#[tokio::test(flavor = "multi_thread")]
async fn events_of_one_conversation_are_children_of_the_span_that_asked() {
    let faults = Faults { duplicate: 0.5, ..Faults::default() };
    let site = Site::open(Options { faults, ..options() }, "").await;
    let call = site.call().await;
    let body = json!({"conversations": [call]});
    let (status, answer) = site.ask(&[("traceparent", A)], &body).await;
    assert_eq!(status, 200, "{answer}");
    let one = &answer["subscriptions"][0];
    assert_eq!(
        (&one["state"], &one["events_are"], &one["traceparent"]),
        (&json!("subscribed"), &json!("child"), &json!(A))
    );
    assert_eq!((one["topics"].as_array().unwrap().len(), &one["conversations"]), (16, &json!([call])));

    site.play(90_000);
    let (trace, parent) = ids(A);
    let finished = |spans: &[Seen]| kinds(spans).contains(&"acw") && kinds(spans).contains(&"customer.end");
    let events = site.events(&call, finished).await;
    for event in &events {
        assert_eq!((event.trace.as_str(), event.parent.as_str()), (trace, parent), "{event:?}");
        assert_eq!((event.service.as_str(), event.kind), ("throughline", 5));
        assert!(event.name.starts_with("process v2.detail.events.conversation.{id}."), "{event:?}");
        assert_eq!(event.links, [] as [(String, String, String); 0]);
        assert!(CALL.contains(&event.text("genesys_cloud.event.type")), "{event:?}");
        assert_eq!(event.text("messaging.system"), "genesys_cloud");
    }
    let mut each: Vec<_> = events.iter().map(|event| &event.id).collect();
    each.sort_unstable();
    each.dedup();
    assert_eq!(each.len(), events.len(), "what comes twice is one");

    let root = site.root(&call, |root| !root.links.is_empty()).await;
    assert_eq!(root.trace, call.replace('-', ""));
    assert_eq!(root.links, [(trace.to_owned(), parent.to_owned(), "subscription".to_owned())]);
    site.stop().await;
}

/// Scenario: middleware asks for two conversations at once, and another service for all of an agent's.
/// Guarantees: their events are spans of the conversations, below the conversation's own span, with a link.
#[tokio::test(flavor = "multi_thread")]
async fn events_of_more_than_one_conversation_are_linked() {
    let site = Site::open(options(), "users: false\n").await;
    let (one, two) = (site.call().await, site.call().await);
    let entry = |id: &str| json!({"type": "conversation", "id": id, "traceparent": A});
    let (status, answer) = site.ask(&[], &json!({"subscriptions": [entry(&one), entry(&two)]})).await;
    assert_eq!((status, &answer["subscriptions"][0]["events_are"]), (200, &json!("link")), "{answer}");
    let topic = format!("v2.users.{}.conversations", sim::genesys::record::org::user_id("ann"));
    let (status, answer) = site.ask(&[("traceparent", B)], &json!({"topics": [topic]})).await;
    assert_eq!((status, &answer["subscriptions"][0]["topics"]), (200, &json!([topic])), "{answer}");

    site.play(90_000);
    for call in [&one, &two] {
        let both = |spans: &[Seen]| {
            let kinds = kinds(spans);
            kinds.contains(&"acw") && kinds.contains(&"conversations")
        };
        let events = site.events(call, both).await;
        let root = site.root(call, |root| root.links.len() == 2).await;
        for event in &events {
            let of_topic = event.text("genesys_cloud.event.type") == "conversations";
            let (trace, span) = ids(if of_topic { B } else { A });
            assert_eq!((&event.trace, &event.parent), (&root.trace, &root.id), "{event:?}");
            assert_eq!(event.links, [(trace.to_owned(), span.to_owned(), "subscription".to_owned())]);
        }
    }
    site.stop().await;
}

/// Scenario: a conversation that carries its own context is asked for together with another one.
/// Guarantees: its linked events are in the trace that it continues.
#[tokio::test(flavor = "multi_thread")]
async fn linked_events_are_in_the_trace_of_their_conversation() {
    let site = Site::open(options(), "").await;
    let (one, two) = (site.call_with(json!({"traceparent": B})).await, site.call().await);
    let (status, _) = site.ask(&[("traceparent", A)], &json!({"conversations": [one, two]})).await;
    assert_eq!(status, 200);
    site.play(90_000);
    let events = site.events(&one, |spans| kinds(spans).contains(&"customer.end")).await;
    let root = site.root(&one, |root| !root.links.is_empty()).await;
    assert_eq!((root.trace.as_str(), root.parent.as_str()), ids(B));
    let last = events.iter().find(|event| event.text("genesys_cloud.event.type") == "customer.end").unwrap();
    assert_eq!((&last.trace, &last.parent), (&root.trace, &root.id));
    site.stop().await;
}

/// Guarantees: without a context, or with one that is not kept, there are no spans of events; `links_only` and `off` do as
/// they say.
#[tokio::test(flavor = "multi_thread")]
async fn no_more_spans_than_somebody_wants() {
    for (yaml, parent, links) in [
        ("", "", 0),
        ("", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", 0),
        ("events: links_only\n", A, 1),
        ("events: off\n", A, 0),
    ] {
        let site = Site::open(options(), yaml).await;
        let call = site.call().await;
        let (status, answer) = site.ask(&[], &json!({"conversations": [call], "traceparent": parent})).await;
        assert_eq!(status, 200, "{answer}");
        site.play(90_000);
        let root = site.root(&call, |root| root.finished()).await;
        assert_eq!(root.links.len(), links, "{yaml} {parent}");
        site.stop().await;
        assert_eq!(site.all_events(), [] as [Seen; 0], "{yaml} {parent}");
    }
}

/// Scenario: the pages' WebSocket, cut in the middle of the call.
/// Guarantees: the handshake carries the token and no context, the first message carries the context, each time; events
/// are spans as they are on channels.
#[tokio::test(flavor = "multi_thread")]
async fn the_pages_dialect_carries_the_context_in_its_first_message() {
    let site = Site::open(options(), "dialect: pages\n").await;
    let call = site.call().await;
    let body = json!({"subscriptions": [{"type": "conversation", "id": call, "traceparent": A}]});
    let (status, answer) = site.ask(&[("traceparent", B)], &body).await;
    assert_eq!((status, &answer["subscriptions"][0]["state"]), (200, &json!("subscribed")), "{answer}");
    assert_eq!(answer["subscriptions"][0]["topics"], json!([]));
    // The answer says that the message is on its way.
    site.subscribed(1).await;
    site.play(20_000);
    site.events(&call, |spans| kinds(spans).contains(&"customer.start")).await;
    site.make(Mischief::DropSockets);
    site.subscribed(2).await;
    site.play(70_000);
    let events = site.events(&call, |spans| kinds(spans).contains(&"customer.end")).await;
    let (trace, parent) = ids(A);
    assert!(events.iter().all(|event| (event.trace.as_str(), event.parent.as_str()) == (trace, parent)));
    for note in site.seen() {
        match note["what"].as_str().unwrap() {
            "handshake" => {
                assert_eq!(note["ids"], json!([call]));
                let names: Vec<&str> = note["ignored_headers"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|name| name.as_str().unwrap())
                    .collect();
                assert!(!names.contains(&"traceparent"), "{names:?}");
            }
            "subscriptions" => {
                assert_eq!(note["subscriptions"], json!([{"type": "conversation", "traceparent": A}]));
            }
            _ => {}
        }
    }
    site.stop().await;
}

/// Scenario: the token was revoked a moment ago; then the service refuses every handshake.
/// Guarantees: a new token is fetched for the first, and the second is explained to who asked.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_handshake_is_mended_or_explained() {
    let site = Site::open(options(), "dialect: pages\n").await;
    let (one, two) = (site.call().await, site.call().await);
    site.make(Mischief::RevokeTokens);
    let (status, answer) = site.ask(&[("traceparent", A)], &json!({"conversations": [one]})).await;
    assert_eq!(status, 200, "{answer}");
    site.fail(Faults { refuse_handshakes: 1.0, ..Faults::default() });
    let (status, answer) = site.ask(&[("traceparent", A)], &json!({"conversations": [two]})).await;
    let why = answer["error"]["message"].as_str().unwrap_or_default();
    assert_eq!(status, 403, "{answer}");
    for part in [
        "401 bad.credentials",
        "OAuth client simulated-client",
        "to 127.0.0.1",
        "a traceparent has no part in this",
    ] {
        assert!(why.contains(part), "{part}: {why}");
    }
    // Nobody goes on trying for who was refused.
    let (_, list) = site.get("/subscriptions", "").await;
    let list: Vec<&Value> =
        list["subscriptions"].as_array().unwrap().iter().map(|one| &one["conversations"][0]).collect();
    assert_eq!(list, [&json!(one)]);
    site.stop().await;
}

/// Guarantees: who may not, asks for too much, or for nothing that is there, is told why.
#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_be_served_is_told_why() {
    let denied = vec!["analytics:conversationDetail:view".to_owned()];
    let yaml = "users: false\nsubscribe: {endpoint: \"127.0.0.1:0\", limit: 2, auth: {bearer: let-me-in}}\n";
    let site = Site::open(Options { denied, ..options() }, yaml).await;
    let calls = [site.call().await, site.call().await, site.call().await];
    let auth = ("authorization", "Bearer let-me-in");
    let (status, answer) = site.ask(&[], &json!({"conversations": [calls[0]]})).await;
    assert_eq!((status, &answer["error"]["code"]), (401, &json!("unauthorized")), "{answer}");
    let (status, answer) = site.ask(&[auth], &json!({"conversations": [calls[0]]})).await;
    assert_eq!(status, 403, "{answer}");
    assert!(
        answer["error"]["message"].as_str().unwrap().contains("analytics:conversationDetail:view"),
        "{answer}"
    );
    let (status, answer) = site.ask(&[auth], &json!({"conversations": calls})).await;
    assert_eq!((status, &answer["error"]["code"]), (429, &json!("too_many")), "{answer}");
    let (status, answer) = site.ask(&[auth], &json!({"conversation": calls[0]})).await;
    assert_eq!((status, &answer["error"]["code"]), (400, &json!("bad_request")), "{answer}");

    let queue = format!("v2.routing.queues.{}.conversations", sim::genesys::record::org::queue_id("billing"));
    let (status, answer) = site.ask(&[auth, ("traceparent", A)], &json!({"topics": [queue]})).await;
    assert_eq!(status, 200, "somebody follows it already: {answer}");
    let number = answer["subscriptions"][0]["id"].as_str().unwrap();
    let header = "Authorization: Bearer let-me-in\r\n";
    assert_eq!(site.send("DELETE", &format!("/subscriptions/{number}"), header).await.0, 200);
    assert_eq!(site.send("DELETE", &format!("/subscriptions/{number}"), header).await.0, 404);
    assert_eq!(site.send("PUT", "/subscriptions", header).await.0, 405);
    assert_eq!(site.get("/subscriptions", header).await, (200, json!({"subscriptions": []})));
    site.stop().await;
}

/// Guarantees: a page in a browser gets in neither by a form nor by a name of its own that leads here.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_in_a_browser_cannot_ask() {
    let site = Site::open(options(), "").await;
    let body = r#"{"topics":["v2.users.x.conversations"]}"#;
    let asked = |host: &str, kind: &str| {
        let length = body.len();
        format!(
            "POST /subscriptions HTTP/1.1\r\nHost: {host}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
    };
    for (host, kind, status) in [
        ("localhost:7721", "application/json", 200),
        ("[::1]:7721", "application/json; charset=utf-8", 200),
        ("evil.example", "application/json", 403),
        ("127.0.0.1.evil.example:7721", "application/json", 403),
        ("127.0.0.1", "text/plain", 415),
    ] {
        assert_eq!(site.raw(&asked(host, kind)).await.0, status, "{host} {kind}");
    }
    site.stop().await;
}

/// Guarantees: what stands in the configuration is subscribed to from the start, and nobody takes it away.
#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_can_stand_in_the_configuration() {
    let topic = format!("v2.users.{}.conversations", sim::genesys::record::org::user_id("ann"));
    let yaml = format!("users: false\nsubscriptions:\n  - topics: [{topic}]\n    traceparent: {A}\n");
    let site = Site::open(options(), &yaml).await;
    site.carried(&topic).await;
    let call = site.call().await;
    site.play(90_000);
    let events = site.events(&call, |spans| !spans.is_empty()).await;
    assert_eq!(events[0].links[0].0, ids(A).0);
    let (_, list) = site.get("/subscriptions", "").await;
    let one = &list["subscriptions"][0];
    assert_eq!((&one["topics"], &one["until"]), (&json!([topic]), &Value::Null));
    assert_eq!(site.send("DELETE", "/subscriptions/1", "").await.0, 409);
    site.stop().await;
}

/// Scenario: 65 callers ask at the same time, each for its own conversation: more topics than one channel takes.
/// Guarantees: every caller is answered, gets the events of its conversation to the last one, and nobody else's.
#[tokio::test(flavor = "multi_thread")]
async fn many_callers_get_each_its_own_events() {
    let site = Site::open(Options { requests_per_minute: 6000, ..options() }, "").await;
    let mut calls = Vec::new();
    for _ in 0..65 {
        calls.push(site.call().await);
    }
    let origin = |nth: usize| format!("00-{:032x}-{:016x}-01", nth + 1, nth + 1000);
    let bodies: Vec<Value> = calls.iter().map(|call| json!({"conversations": [call]})).collect();
    let origins: Vec<String> = (0..calls.len()).map(origin).collect();
    let headers: Vec<_> = origins.iter().map(|origin| [("traceparent", origin.as_str())]).collect();
    let asked = headers.iter().zip(&bodies).map(|(headers, body)| site.ask(headers, body));
    for (status, answer) in futures_util::future::join_all(asked).await {
        assert_eq!((status, &answer["subscriptions"][0]["state"]), (200, &json!("subscribed")), "{answer}");
    }
    // Six events each: fewer than may become spans at once.
    site.play(90_000);
    for (call, origin) in calls.iter().zip(&origins) {
        let finished =
            |spans: &[Seen]| kinds(spans).contains(&"acw") && kinds(spans).contains(&"customer.end");
        let events = site.events(call, finished).await;
        let (trace, parent) = ids(origin);
        assert!(events.iter().all(|event| (event.trace.as_str(), event.parent.as_str()) == (trace, parent)));
    }
    site.stop().await;
}
