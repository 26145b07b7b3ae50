//! Alerts over REST, and a rule that fires.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::routing::post;
use expect_test::expect;
use flow::config::GoDuration;
use serde_json::{Value, json};
use store_api::Stage;
use store_api::testing::Sample;
use store_api::testing::sample::SECOND;
use tokio::sync::mpsc;
use view_api::Settings;

use crate::Site;
use crate::client::{Answer, request};

const PATIENCE: Duration = Duration::from_secs(60);

/// Passes on what it is told.
async fn hook() -> (SocketAddr, mpsc::UnboundedReceiver<Value>) {
    let (told, hears) = mpsc::unbounded_channel();
    let hear = move |body: String| {
        told.send(serde_json::from_str(&body).unwrap()).unwrap();
        std::future::ready(())
    };
    let router = Router::new().route("/hook", post(hear));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (address, hears)
}

fn settings(hook: SocketAddr) -> Settings {
    let receiver = alerts::Receiver { url: format!("http://{hook}/hook"), ..alerts::Receiver::default() };
    let alerts = alerts::Settings {
        interval: GoDuration::from_millis(20),
        receivers: [("on-call".to_owned(), receiver)].into(),
        ..alerts::Settings::default()
    };
    Settings { alerts, ..Settings::default() }
}

impl Site {
    async fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.send_with(method, path, body, "content-type: application/json\r\n").await
    }

    async fn send_with(&self, method: &str, path: &str, body: &Value, headers: &str) -> Answer {
        let (address, body) = (self.view.address().unwrap(), body.to_string());
        let head = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}");
        request(address, &format!("{head}content-length: {}\r\n\r\n{body}", body.len())).await
    }
}

fn rule() -> Value {
    json!({
        "name": "Queue p95 in eu-west", "stage": "queue", "measure": "p95", "op": "above", "threshold": 60,
        "where": {"region": "eu-west"}, "min_count": 2, "window": "5m", "receivers": ["on-call"],
    })
}

/// Callers of a region who were answered a second ago.
fn answered(trace: u8, region: &str, waited: u64) -> [Sample; 2] {
    let now = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap();
    [1, 2].map(|n| {
        let call = Sample::new(trace, n).interaction(&format!("call-{trace}")).stage(Stage::Queue);
        call.with("interaction.region", region).change(|span| {
            span.start_ns = now - (waited + 1) * SECOND;
            span.duration_ns = waited * SECOND;
        })
    })
}

#[tokio::test]
async fn a_rule_fires_and_somebody_is_told() {
    let (address, mut hears) = hook().await;
    let site = Site::with(settings(address), None).await;
    let made = site.send("POST", "/api/v1/alerts", &rule()).await;
    assert_eq!(made.status, 201, "{}", made.pretty());
    let id = made.json()["rule"]["id"].as_str().unwrap().to_owned();
    site.put(answered(1, "us-east", 90)).await;
    site.put(answered(2, "eu-west", 90)).await;
    let told = tokio::time::timeout(PATIENCE, hears.recv()).await.unwrap().unwrap();
    assert_eq!((&told["status"], &told["rule"]["id"], &told["n"]), (&json!("firing"), &json!(id), &json!(2)));
    let page = format!("http://{}/interactions/call-2", site.view.address().unwrap());
    assert_eq!(told["page"]["examples"], json!([page]));

    let list = site.get("/api/v1/alerts").await.json();
    assert_eq!(
        (&list["firing"], &list["kept"], &list["rules"][0]["rule"]["id"]),
        (&json!(1), &json!(false), &json!(id))
    );
    assert_eq!(list["rules"][0]["standing"]["phase"], "firing");
    let past = site.get(&format!("/api/v1/alerts/{id}")).await.json();
    assert_eq!(past["past"].as_array().unwrap().last().unwrap()["outcome"], "fired");

    let mut other = rule();
    other["threshold"] = json!(100);
    assert_eq!(site.send("PUT", &format!("/api/v1/alerts/{id}"), &other).await.status, 200);
    let told = tokio::time::timeout(PATIENCE, hears.recv()).await.unwrap().unwrap();
    assert_eq!((&told["status"], &told["reason"]), (&json!("resolved"), &json!("was changed")));
    assert_eq!(site.send("POST", "/api/v1/alerts/receivers/on-call/test", &json!(null)).await.status, 204);
    let told = tokio::time::timeout(PATIENCE, hears.recv()).await.unwrap().unwrap();
    assert_eq!(told["status"], "test");
    assert_eq!(site.send("DELETE", &format!("/api/v1/alerts/{id}"), &json!(null)).await.status, 204);
    assert_eq!(site.get(&format!("/api/v1/alerts/{id}")).await.status, 404);
}

#[tokio::test]
async fn a_preview_says_what_would_have_been() {
    let (address, _hears) = hook().await;
    let site = Site::with(settings(address), None).await;
    site.put(answered(1, "eu-west", 90)).await;
    let preview = site.send("POST", "/api/v1/alerts/preview", &rule()).await;
    assert_eq!(preview.status, 200, "{}", preview.pretty());
    let preview = preview.json();
    assert_eq!((&preview["fired"], &preview["episodes"][0]["to_ns"]), (&json!(1), &Value::Null));
    assert_eq!((preview["looks"].as_u64(), preview["series"].as_array().unwrap().len()), (Some(2016), 336));
    assert_eq!(preview["examples"][3]["interaction_id"], "call-1");
    assert_eq!(site.get("/api/v1/alerts").await.json()["rules"], json!([]), "nothing is kept");
}

#[tokio::test]
async fn what_cannot_be_a_rule_and_who_may_not_make_one() {
    let (address, _hears) = hook().await;
    let site = Site::with(settings(address), None).await;
    let mut all = String::new();
    let mut tell = |what: &str, answer: Answer| {
        let body = if answer.body.is_empty() { Value::Null } else { answer.json() };
        let error = &body["error"];
        let text = |key: &str| error[key].as_str().unwrap_or("-").to_owned();
        all += &format!(
            "{what}\n  {} {}: {}\n  {}\n",
            answer.status,
            text("code"),
            text("message"),
            text("help")
        );
    };
    let with = |key: &str, value: Value| {
        let mut rule = rule();
        rule[key] = value;
        rule
    };
    for (what, body) in [
        ("no rule", json!({})),
        ("an unknown field", with("treshold", json!(1))),
        ("an unknown measure", with("measure", json!("p42"))),
        ("a window that is no duration", with("window", json!("soon"))),
        ("a window that is too long", with("window", json!("48h"))),
        ("an unknown receiver", with("receivers", json!(["pager"]))),
        ("a search that cannot be read", with("where", json!({"q": "(hold>30s"}))),
    ] {
        tell(what, site.send("POST", "/api/v1/alerts", &body).await);
    }
    tell("not JSON", site.send_with("POST", "/api/v1/alerts", &rule(), "content-type: text/plain\r\n").await);
    let foreign = "content-type: application/json\r\norigin: https://evil.example.com\r\n";
    for (method, path) in
        [("POST", "/api/v1/alerts"), ("PUT", "/api/v1/alerts/1"), ("DELETE", "/api/v1/alerts/1")]
    {
        tell(&format!("{method} from elsewhere"), site.send_with(method, path, &rule(), foreign).await);
    }
    tell("PUT nobody", site.send("PUT", "/api/v1/alerts/1", &rule()).await);
    tell("DELETE nobody", site.send("DELETE", "/api/v1/alerts/1", &json!(null)).await);
    tell("test nobody", site.send("POST", "/api/v1/alerts/receivers/x/test", &json!(null)).await);
    tell("DELETE a call", site.send("DELETE", "/api/v1/interactions/1", &json!(null)).await);
    let far = "/api/v1/alerts/preview?from=2026-01-01T00:00:00Z&to=2026-11-20T00:00:00Z";
    tell("preview of a year", site.send("POST", far, &rule()).await);
    expect![[r#"
        no rule
          400 bad_request: missing field `name` at line 1 column 2
          send a rule as JSON with `Content-Type: application/json`; its fields are described at /api/openapi.json
        an unknown field
          400 bad_request: treshold: unknown field `treshold`, expected one of `name`, `stage`, `measure`, `within`, `op`, `threshold`, `where`, `window`, `for`, `keep_firing_for`, `min_count`, `severity`, `receivers`, `note`, `links`, `enabled` at line 1 column 139
          send a rule as JSON with `Content-Type: application/json`; its fields are described at /api/openapi.json
        an unknown measure
          400 bad_request: measure: unknown variant `p42`, expected one of `p50`, `p95`, `p99`, `service_level`, `failures`, `count` at line 1 column 16
          send a rule as JSON with `Content-Type: application/json`; its fields are described at /api/openapi.json
        a window that is no duration
          400 bad_request: window: a number is missing in the duration at line 1 column 173
          send a rule as JSON with `Content-Type: application/json`; its fields are described at /api/openapi.json
        a window that is too long
          400 bad_request: `window` is too short or too long
          write 1m to 24h
        an unknown receiver
          400 bad_request: `receivers` names `pager`, which is not configured
          receivers are in the section `view` of the configuration, below `alerts`
        a search that cannot be read
          400 bad_request: `where` has a `q` that cannot be read: a `(` that is not closed, at character 1
          close it with `)`, or put the text in quotes
        not JSON
          400 bad_request: Expected request with `Content-Type: application/json`
          send a rule as JSON with `Content-Type: application/json`; its fields are described at /api/openapi.json
        POST from elsewhere
          403 forbidden: pages of another origin may not ask
          ask from the page itself, or without a browser
        PUT from elsewhere
          403 forbidden: pages of another origin may not ask
          ask from the page itself, or without a browser
        DELETE from elsewhere
          403 forbidden: pages of another origin may not ask
          ask from the page itself, or without a browser
        PUT nobody
          404 not_found: there is no rule `1`
          the rules are at /api/v1/alerts
        DELETE nobody
          404 not_found: there is no rule `1`
          the rules are at /api/v1/alerts
        test nobody
          404 not_found: there is no receiver `x`
          receivers are in the section `view` of the configuration, below `alerts`
        DELETE a call
          405 method_not_allowed: this method is not allowed here
          the methods of each address are described at /api/openapi.json
        preview of a year
          400 bad_request: the range is empty, or longer than 31 days
          ask for up to 31 days
    "#]].assert_eq(&all);
}

#[tokio::test]
async fn the_status_tells_what_is_kept_and_what_runs() {
    let site = Site::open().await;
    let status = site.get("/api/v1/status").await.json();
    assert_eq!((&status["process"], &status["store"]["disk_bytes"]), (&Value::Null, &Value::Null));
    assert_eq!(status["store"]["retention_ns"], "604800000000000");
    let clocks = site.get("/api/v1/status/clocks").await.json();
    assert_eq!(clocks["pairs"], json!([]));
}
