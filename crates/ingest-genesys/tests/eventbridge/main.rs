//! The receiver `eventbridge` over real sockets: who is let in, what is answered, and what becomes of events.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod client;
#[path = "../receiver/site.rs"]
#[expect(dead_code, reason = "shared with the other receiver")]
mod site;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use client::{Bridge, event, post};
use flow::{Batch, BoxFuture, Consumer, Ctx, Memory, Refusal, Telemetry};
use ingest_genesys::read::{self, Limits, Problems};
use ingest_genesys::{Desks, Fact, Id, Settings, to_spans};
use serde_json::Value;
use sim::genesys::scenario::{Scenario, library};
use sim::genesys::serve::{self, EventBridge, Pace, Simulator};
use sim::genesys::service::{Options, Service, Traffic};
use site::{Kept, Key, Site, differ, until};
use tokio::sync::mpsc;

/// 2026-03-02T09:00:00Z.
const MORNING_MS: u64 = 1_772_442_000_000;
const HOUR_MS: u64 = 3_600_000;
const API_KEY: &str = "auth: {api_key: {header: X-Api-Key, value: open-sesame}}";

fn ctx() -> Ctx {
    Ctx::new(Arc::new(Memory::default()), Telemetry::default())
}

fn options(calls: u64, concurrent: usize, speed: f64) -> Options {
    let traffic = Traffic { concurrent, calls: Some(calls), speed, ..Traffic::default() };
    Options { traffic, requests_per_minute: 6000, ..Options::quiet(scenarios()) }
}

/// All but those that are about clocks, which the speed turns as well.
fn scenarios() -> Vec<Scenario> {
    let usual = |scenario: &Scenario| !["clock-skew", "crossing-midnight"].contains(&scenario.name.as_str());
    library().unwrap().into_iter().filter(usual).collect()
}

#[tokio::test]
async fn each_way_of_authentication_lets_in_the_right_and_nobody_else() {
    // `user:pass word` in base64.
    let basic = "auth: {basic: {username: user, password: pass word}}";
    let bearer = "auth: {bearer: open-sesame}";
    for (yaml, header, expected) in [
        (basic, "Authorization: Basic dXNlcjpwYXNzIHdvcmQ=", None),
        (basic, "Authorization: basic  dXNlcjpwYXNzIHdvcmQ=", None),
        (basic, "Authorization: Basic dXNlcjpwYXNzIHdvcmR=", Some("Basic realm")),
        (basic, "Authorization: Bearer dXNlcjpwYXNzIHdvcmQ=", Some("Basic realm")),
        (basic, "Authorization: BasicdXNlcjpwYXNzIHdvcmQ=", Some("Basic realm")),
        (basic, "Authorization: Basic", Some("Basic realm")),
        (basic, "X: y", Some("Basic realm")),
        (API_KEY, "x-api-key: open-sesame", None),
        (API_KEY, "x-api-key: open-sesam", Some("ApiKey realm")),
        (API_KEY, "x-api-key: Open-sesame", Some("ApiKey realm")),
        (API_KEY, "x-api-key:", Some("ApiKey realm")),
        (API_KEY, "Authorization: Bearer open-sesame", Some("ApiKey realm")),
        (bearer, "Authorization: Bearer open-sesame", None),
        (bearer, "Authorization: Bearer open-sesame2", Some("Bearer realm")),
        (bearer, "Authorization: open-sesame", Some("Bearer realm")),
        ("{}", "X: y", None),
    ] {
        let bridge = Bridge::open(yaml, &ctx(), Arc::new(Kept::default())).await;
        let answer = bridge.ask(&post(header, &event())).await;
        match expected {
            None => assert!(answer.starts_with("HTTP/1.1 200 "), "{yaml} {header}: {answer}"),
            Some(challenge) => {
                assert!(answer.starts_with("HTTP/1.1 401 "), "{yaml} {header}: {answer}");
                assert!(answer.contains(&format!("www-authenticate: {challenge}")), "{answer}");
                assert!(!answer.contains("sesame"), "{answer}");
            }
        }
        bridge.stop().await;
    }
}

#[tokio::test]
async fn what_is_no_event_is_told_so() {
    let telemetry = Telemetry::default();
    let ctx = Ctx::new(Arc::new(Memory::default()), telemetry.clone());
    let bridge = Bridge::open("{}", &ctx, Arc::new(Kept::default())).await;
    let typed = |text: &str, kind: &str| post("X: y", text).replace("application/json", kind);
    let huge = format!("{}Content-Length: 1048577\r\n\r\n", client::HEAD);
    let chunks =
        format!("{}Transfer-Encoding: chunked\r\n\r\n100001\r\n{}", client::HEAD, "1".repeat(0x10_0001));
    let deep = "[".repeat(5000);
    for (request, expected) in [
        (post("X: y", &event()), 200),
        (typed(&event(), "Application/JSON; charset=utf-8"), 200),
        (typed(&event(), "text/plain"), 415),
        (post("Content-Encoding: gzip", &event()), 415),
        (post("X: y", &event()).replace("POST", "PUT"), 405),
        (huge, 413),
        (chunks, 413),
        (post("X: y", ""), 400),
        (post("X: y", "null"), 400),
        (post("X: y", "[]"), 400),
        (post("X: y", "{}"), 400),
        (post("X: y", &deep), 400),
        (post("X: y", "\u{0}\u{ffff}\"{"), 400),
        (post("X: y", r#"{"detail":{}}"#), 400),
        (post("X: y", r#"{"detail":[],"source":"aws.ec2"}"#), 400),
        (post("X: y", r#"{"detail":{"topicName":5}}"#), 400),
        (post("X: y", r#"{"detail":{"topicName":"v2.of.something.else"}}"#), 200),
        ("\u{1}\u{2}\r\n\r\n".to_owned(), 400),
    ] {
        let answer = bridge.ask(&request).await;
        let about = request.chars().take(300).collect::<String>();
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected} ")), "{about}: {answer}");
    }
    bridge.stop().await;
    let families = telemetry.registry().gather();
    let counted = families.iter().find(|family| family.name() == "throughline_eventbridge_requests").unwrap();
    let of = |status: &str| {
        let one =
            |labels: &[prometheus::proto::LabelPair]| labels.iter().any(|label| label.value() == status);
        counted
            .get_metric()
            .iter()
            .filter(|metric| one(metric.get_label()))
            .map(|m| m.get_counter().get_value())
            .sum::<f64>()
    };
    assert_eq!((of("200"), of("400"), of("413"), of("415")), (3.0, 9.0, 2.0, 2.0));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let bridge = Bridge::open("{}", &ctx(), Arc::new(Kept::default())).await;
    let answer = bridge.ask(&format!("{}Content-Length: 10\r\n\r\n{{", client::HEAD)).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    bridge.stop().await;
}

#[tokio::test]
async fn over_tls() {
    let kept = Arc::new(Kept::default());
    let bridge = Bridge::secure(API_KEY, &ctx(), kept).await;
    let answer = bridge.ask(&post("X-Api-Key: open-sesame", &event())).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let answer = bridge.ask(&post("X-Api-Key: sesame", &event())).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    let clear = bridge.ask_in_the_clear(&post("X-Api-Key: open-sesame", &event())).await;
    assert!(!clear.contains("HTTP/1.1"), "{clear}");
    bridge.stop().await;
}

/// A pipeline that has no room, or does not work.
struct Refuses(Refusal);

impl Consumer for Refuses {
    fn admit(&self, _: usize) -> Result<(), Refusal> {
        Err(self.0.clone())
    }

    fn consume(&self, _: Batch) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(std::future::ready(Err(self.0.clone())))
    }
}

#[tokio::test]
async fn a_pipeline_that_takes_nothing_is_told_to_the_sender() {
    let wait = Duration::from_millis(1500);
    for (refusal, status, after) in [
        (Refusal::busy("full", wait), 429, 2),
        (Refusal::down("down", wait * 2), 503, 3),
        (Refusal::bug("?"), 503, 1),
    ] {
        let bridge = Bridge::open("{}", &ctx(), Arc::new(Refuses(refusal))).await;
        let answer = bridge.ask(&post("X: y", &event())).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert!(answer.contains(&format!("retry-after: {after}\r\n")), "{answer}");
        bridge.stop().await;
    }
}

/// The finished spans of all events of a service, by id.
fn expected(events: &[Value]) -> BTreeMap<Key, String> {
    let (settings, mut problems) = (Settings::default(), Problems::default());
    let mut facts: BTreeMap<Id, Vec<Fact>> = BTreeMap::new();
    for event in events {
        let bytes = event.to_string();
        let frame = read::frame(bytes.as_bytes(), MORNING_MS, &settings, &Limits::default(), &mut problems);
        if let Some(reading) = frame.unwrap().reading {
            facts.entry(reading.conversation).or_default().extend(reading.facts);
        }
    }
    assert!(problems.is_empty(), "{problems:?}");
    let spans = facts.into_iter().flat_map(|(id, facts)| to_spans(&id, facts, &settings));
    let finished = spans.filter(|span| span.end_ms.is_some());
    finished.map(|span| ((span.trace_id.0.to_vec(), span.id.0.to_vec()), span.name.to_string())).collect()
}

/// What the simulator would post.
fn events(options: Options) -> Vec<Value> {
    let (to, mut from) = mpsc::channel(100_000);
    let mut service = Service::new(options, "http://127.0.0.1", MORNING_MS).with_manual_clock();
    service.bridge_to(to);
    service.advance(MORNING_MS + HOUR_MS);
    std::iter::from_fn(|| from.try_recv().ok()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_simulator_posts_becomes_its_spans() {
    let expected = expected(&events(options(40, 20, 1.0)));
    assert!(expected.len() > 400, "{}", expected.len());
    let kept = Arc::new(Kept::default());
    let bridge = Bridge::open(API_KEY, &ctx(), Arc::clone(&kept) as Arc<dyn Consumer>).await;
    let to =
        EventBridge::parse(&format!("http://{}/", bridge.address), Some("x-api-key: open-sesame")).unwrap();
    let settings = serve::Settings {
        pace: Pace::Manual { start_ms: MORNING_MS },
        event_bridge: Some(to),
        ..serve::Settings::default()
    };
    let simulator = Simulator::start(options(40, 20, 1.0), settings).await.unwrap();
    simulator.advance(MORNING_MS + HOUR_MS);
    until("the spans are there", || kept.stored_keys() == expected).await;
    kept.each_once();
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_out_of_order_and_twice_change_nothing() {
    let all = events(options(32, 20, 1.0));
    let expected = expected(&all);
    let kept = Arc::new(Kept::default());
    let bridge = Bridge::open("{}", &ctx(), Arc::clone(&kept) as Arc<dyn Consumer>).await;
    // Every event trades its place with one that is up to 40 places away, and comes again later.
    let mut order: Vec<usize> = (0..all.len()).chain(0..all.len()).collect();
    order.sort_by_key(|nth| nth / 40 * 40 + nth * 17 % 40);
    for nth in order {
        let answer = bridge.ask(&post("X: y", &all.get(nth).unwrap().to_string())).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    bridge.stop().await;
    let stored = kept.stored_keys();
    assert!(stored == expected, "{}", differ(&stored, &expected));
    kept.each_once();
}

/// Notifications, analytics and EventBridge tell of the same conversations at once.
#[tokio::test(flavor = "multi_thread")]
async fn both_paths_tell_of_one_conversation() {
    let ctx = ctx().with(Arc::new(Desks::default()));
    let site = Site::within(options(40, 20, 300.0), ctx.clone()).await;
    let (to, mut from) = mpsc::channel::<Value>(100_000);
    site.simulator.with(|service| service.bridge_to(to));
    let own = Arc::new(Kept::default());
    let bridge = Bridge::open("join: genesys_cloud", &ctx, Arc::clone(&own) as Arc<dyn Consumer>).await;
    let mut posted = 0;
    while site.ended_now() < 40 || !from.is_empty() {
        let mut some = Vec::new();
        let waited = tokio::time::timeout(Duration::from_millis(200), from.recv_many(&mut some, 50)).await;
        // Where nothing came there is nothing to post.
        posted += waited.unwrap_or(0);
        for event in some.iter().rev().chain(&some) {
            let answer = bridge.ask(&post("X: y", &event.to_string())).await;
            assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        }
    }
    assert!(posted > 400, "{posted}");
    site.complete(40).await;
    assert!(own.stored_keys().is_empty(), "the spans go where those of `genesys_cloud` go");
    site.stop().await;
    let answer = bridge.ask(&post("X: y", &event())).await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after: 1"), "{answer}");
    bridge.stop().await;
}
