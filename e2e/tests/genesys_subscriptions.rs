//! A traced caller asks the running product for events of (simulated) Genesys Cloud, and finds them in its trace.
#![expect(clippy::indexing_slicing, reason = "a test may panic")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use e2e::Run;
use e2e::product::{Product, get, post};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method};
use serde_json::{Value, json};
use sim::genesys::record::org::user_id;
use sim::genesys::scenario::library;
use sim::genesys::serve::{Pace, Settings, Simulator};
use sim::genesys::service::{Options, Request};
use tokio::net::TcpListener;

const LOGIN: &str = "Basic c2ltdWxhdGVkLWNsaWVudDpzaW11bGF0ZWQtc2VjcmV0";

struct Site {
    simulator: Simulator,
    product: Product,
    asked_at: std::net::SocketAddr,
    _data: tempfile::TempDir,
}

impl Site {
    /// A simulator whose clock is ten minutes behind and moves when it is told, and the product at it.
    async fn open(dialect: &str) -> Result<Self> {
        let now_ms = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
        let pace = Pace::Manual { start_ms: now_ms - 600_000 };
        let settings = Settings { pace, heartbeat: Duration::from_millis(200), ..Settings::default() };
        let simulator = Simulator::start(Options::quiet(library()?), settings).await?;
        let data = tempfile::tempdir()?;
        let asked_at = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
        let product = Run::genesys(&simulator, data.path())
            .set("receivers.genesys_cloud.dialect", dialect)
            .set("receivers.genesys_cloud.subscribe.endpoint", asked_at)
            .start()
            .await?;
        Ok(Self { simulator, product, asked_at, _data: data })
    }

    fn ask_simulator(&self, path: &str, authorization: &str, body: &str) -> Result<Value> {
        let headers: HeaderMap =
            [(AUTHORIZATION, HeaderValue::from_str(authorization)?)].into_iter().collect();
        let request = Request::of(Method::POST, path, "", headers, body.to_owned().into());
        let answer = self.simulator.with(|service| service.answer(&request));
        ensure!(answer.status == 200, "{answer:?}");
        answer.body.context("a body")
    }

    /// A call of Ann's that has just been placed.
    fn call(&self) -> Result<String> {
        let token = self.ask_simulator("/oauth/token", LOGIN, "grant_type=client_credentials")?;
        let bearer = format!("Bearer {}", token["access_token"].as_str().context("a token")?);
        let path = format!("/api/v2/conversations/calls/user/{}", user_id("ann"));
        let made = self.ask_simulator(&path, &bearer, r#"{"phoneNumber":"+493023125111"}"#)?;
        Ok(made["id"].as_str().context("an id")?.to_owned())
    }

    /// The rest of the call, wrap-up included.
    fn play(&self) {
        let now = self.simulator.with(|service| service.now());
        self.simulator.advance(now + 90_000);
    }

    /// What the Data Action's service sends of itself: the span that asks.
    async fn span_that_asks(&self, trace: &str, span: &str) -> Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
        let span = json!({
            "traceId": trace, "spanId": span, "name": "POST /follow-call", "kind": 2,
            "startTimeUnixNano": now.to_string(), "endTimeUnixNano": (now + 1_000_000).to_string(),
        });
        let resource =
            json!({"attributes": [{"key": "service.name", "value": {"stringValue": "middleware"}}]});
        let body = json!({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]});
        let answer =
            post(self.product.http, "/v1/traces", "application/json", body.to_string().as_bytes()).await?;
        ensure!(answer.status == 200, "{answer:?}");
        Ok(())
    }

    async fn subscribe(&self, body: &Value) -> Result<Value> {
        let body = body.to_string();
        let answer = post(self.asked_at, "/subscriptions", "application/json", body.as_bytes()).await?;
        ensure!(answer.status == 200, "{answer:?}");
        Ok(serde_json::from_str(&answer.body)?)
    }

    /// The spans of a trace, once they fit.
    async fn spans(&self, trace: &str, fits: impl Fn(&[Value]) -> bool) -> Result<Vec<Value>> {
        let list = |page: &Value| page["spans"].as_array().cloned().unwrap_or_default();
        let page =
            self.product.wait_for(&format!("/api/v1/traces/{trace}"), |page| fits(&list(page))).await?;
        Ok(list(&page))
    }
}

fn events(spans: &[Value]) -> Vec<&Value> {
    spans.iter().filter(|span| span["service"] == "throughline").collect()
}

fn attribute<'v>(span: &'v Value, key: &str) -> &'v Value {
    let all = span["attributes"].as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().find(|one| one["key"] == key).map_or(&Value::Null, |one| &one["value"])
}

fn has_event(spans: &[Value], kind: &str) -> bool {
    events(spans).iter().any(|span| attribute(span, "genesys_cloud.event.type") == kind)
}

/// Scenario: the page's case. A service behind a Data Action, in its span, asks for the events of the conversation, by the
/// API as it is documented and in the pages' dialect; the call is answered and wrapped up.
/// Guarantees: each event is a span of kind consumer below the span that asked; the interaction has both traces, and its
/// conversation links to the span that asked.
#[tokio::test(flavor = "multi_thread")]
async fn events_of_a_conversation_are_below_the_span_that_asked_for_them() -> Result<()> {
    for dialect in ["public_api", "pages"] {
        let site = Site::open(dialect).await?;
        let (trace, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        site.span_that_asks(trace, span).await?;
        let call = site.call()?;
        let entry =
            json!({"type": "conversation", "id": call, "traceparent": format!("00-{trace}-{span}-01")});
        let answer = site.subscribe(&json!({"subscriptions": [entry]})).await?;
        assert_eq!(answer["subscriptions"][0]["events_are"], "child", "{answer}");
        site.play();

        let whole = |spans: &[Value]| has_event(spans, "customer.end") && has_event(spans, "acw");
        let spans = site.spans(trace, whole).await?;
        assert!(
            spans.iter().any(|one| one["span_id"] == span && one["service"] == "middleware"),
            "{spans:?}"
        );
        for event in events(&spans) {
            assert_eq!(
                (&event["parent_span_id"], &event["kind"]),
                (&json!(span), &json!("consumer")),
                "{event}"
            );
            assert_eq!(event["stage"], Value::Null);
        }
        let linked = |page: &Value| {
            let spans = page["spans"].as_array().map(Vec::as_slice).unwrap_or_default();
            let root = spans.iter().find(|one| one["name"] == "voice conversation");
            root.is_some_and(|root| root["links"][0]["span_id"] == span && root["finished"] == true)
        };
        let page = site.product.wait_for(&format!("/api/v1/interactions/{call}"), linked).await?;
        let traces = page["interaction"]["trace_ids"].as_array().context("traces")?;
        let own = call.replace('-', "");
        assert!(traces.contains(&json!(trace)) && traces.contains(&json!(own)), "{traces:?}");
        let log = site.product.stop().await?;
        assert!(!log.contains("simulated-secret") && !log.contains(" ERROR "), "{log}");
    }
    Ok(())
}

/// Scenario: a service asks for all events of an agent; two calls come.
/// Guarantees: the events are spans of their own conversations, each with a link to the span that asked, and its trace has none.
#[tokio::test(flavor = "multi_thread")]
async fn events_of_a_topic_are_linked_to_the_span_that_asked_for_them() -> Result<()> {
    let site = Site::open("public_api").await?;
    let (trace, span) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    site.span_that_asks(trace, span).await?;
    let topic = format!("v2.users.{}.conversations", user_id("ann"));
    let answer =
        site.subscribe(&json!({"topics": [topic], "traceparent": format!("00-{trace}-{span}-01")})).await?;
    assert_eq!(answer["subscriptions"][0]["events_are"], "link", "{answer}");
    let calls = [site.call()?, site.call()?];
    site.play();
    for call in &calls {
        let whole = |spans: &[Value]| {
            let root = spans.iter().any(|one| one["name"] == "voice conversation");
            root && has_event(spans, "conversations")
        };
        let spans = site.spans(&call.replace('-', ""), whole).await?;
        let root = spans.iter().find(|one| one["name"] == "voice conversation").context("a root")?;
        for event in events(&spans) {
            assert_eq!(event["parent_span_id"], root["span_id"], "{event}");
            assert_eq!(
                (&event["links"][0]["trace_id"], &event["links"][0]["span_id"]),
                (&json!(trace), &json!(span))
            );
        }
    }
    let asked = site.spans(trace, |spans| !spans.is_empty()).await?;
    assert_eq!(events(&asked).len(), 0, "{asked:?}");
    let metrics = get(site.product.metrics, "/metrics").await?.body;
    assert!(metrics.contains("throughline_genesys_subscriptions{receiver=\"genesys_cloud\"} 1"), "{metrics}");
    site.product.stop().await?;
    Ok(())
}
