//! Rules at work with a store, a state file and receivers over real sockets; time is an argument.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alerts::{Alerts, Outcome, Phase, Receiver, Settings, Spec};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::{Value, json};
use store_api::state::StateFile;
use store_api::testing::Sample;
use store_api::testing::sample::{NINE, SECOND};
use store_api::{MemoryStore, Stage, TraceStore};
use tempfile::TempDir;

const MINUTE: u64 = 60 * SECOND;

/// Keeps what it is told; answers as it was told before, then always with 200.
#[derive(Clone, Default)]
struct Hook {
    heard: Arc<Mutex<Vec<(HeaderMap, Value)>>>,
    answers: Arc<Mutex<VecDeque<StatusCode>>>,
}

impl Hook {
    async fn open() -> (Self, SocketAddr) {
        let hook = Self::default();
        let router = Router::new().route("/{*any}", post(Self::hear)).with_state(hook.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (hook, address)
    }

    async fn hear(State(hook): State<Self>, headers: HeaderMap, body: String) -> StatusCode {
        hook.heard.lock().unwrap().push((headers, serde_json::from_str(&body).unwrap()));
        hook.answers.lock().unwrap().pop_front().unwrap_or(StatusCode::OK)
    }

    /// `firing 2`: what was told, and of how many spans.
    fn told(&self) -> Vec<String> {
        let heard = self.heard.lock().unwrap();
        heard.iter().map(|(_, body)| format!("{} {}", body["status"].as_str().unwrap(), body["n"])).collect()
    }
}

struct Bench {
    store: Arc<dyn TraceStore>,
    directory: TempDir,
    settings: Settings,
}

impl Bench {
    fn new(receivers: impl IntoIterator<Item = (&'static str, Receiver)>) -> Self {
        let receivers = receivers.into_iter().map(|(name, receiver)| (name.to_owned(), receiver)).collect();
        Self {
            store: Arc::new(MemoryStore::new(1 << 24, Duration::from_secs(1 << 30))),
            directory: tempfile::tempdir().unwrap(),
            settings: Settings { receivers, ..Settings::default() },
        }
    }

    /// As a new process would.
    async fn open(&self) -> Arc<Alerts> {
        let state = Arc::new(StateFile::open(self.directory.path()).unwrap());
        let page = "https://calls.example.com".to_owned();
        Alerts::open(Arc::clone(&self.store), Some(state), self.settings.clone(), page).await.unwrap()
    }

    /// Callers who were answered at a minute after nine, after so many seconds.
    async fn answered(&self, minute: u64, waits: &[u64]) {
        let call = |(n, waited): (usize, &u64)| {
            Sample::new(minute as u8 + 1, n as u8 + 1)
                .interaction(&format!("call-{minute}-{n}"))
                .stage(Stage::Queue)
                .change(|span| {
                    span.start_ns = NINE + minute * MINUTE - waited * SECOND;
                    span.duration_ns = waited * SECOND;
                })
                .span()
        };
        self.store.append(waits.iter().enumerate().map(call).collect()).await.unwrap();
    }
}

fn webhook(address: SocketAddr) -> Receiver {
    Receiver {
        url: format!("http://{address}/hook?token=1"),
        secret: flow::config::Opaque("whsec_c2VjcmV0".to_owned()),
        ..Receiver::default()
    }
}

fn spec(changes: Value) -> Spec {
    let mut spec = json!({
        "name": "Queue p95", "stage": "queue", "measure": "p95", "op": "above", "threshold": 60,
        "min_count": 2, "window": "2m", "receivers": ["hook"],
    });
    spec.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    serde_json::from_value(spec).unwrap()
}

/// The time a little after a minute.
fn at(minute: u64) -> u64 {
    NINE + minute * MINUTE + SECOND
}

#[tokio::test]
async fn a_restart_tells_nobody_twice_and_forgets_nothing() {
    let (hook, address) = Hook::open().await;
    let bench = Bench::new([("hook", webhook(address))]);
    bench.answered(0, &[90, 90, 90]).await;
    let alerts = bench.open().await;
    let rule = alerts.create(spec(json!({"for": "1m"})), at(0)).await.unwrap().rule;
    alerts.look(at(0)).await;
    assert_eq!(alerts.get(&rule.id).await.unwrap().standing.phase, Phase::Pending);
    drop(alerts);

    let alerts = bench.open().await;
    bench.answered(1, &[90, 90]).await;
    alerts.look(at(1)).await;
    assert_eq!(alerts.get(&rule.id).await.unwrap().standing.phase, Phase::Firing);
    drop(alerts);

    let alerts = bench.open().await;
    assert_eq!(alerts.deliver(at(1)).await, None);
    assert_eq!(hook.told(), ["firing 5"]);
    drop(alerts);

    let alerts = bench.open().await;
    alerts.look(at(2)).await;
    assert_eq!(alerts.deliver(at(2)).await, None);
    assert_eq!(hook.told().len(), 1, "it still fires, and that is known");
    // Two callers are enough, one is not: it goes on.
    bench.answered(4, &[1]).await;
    alerts.look(at(4)).await;
    assert!(!alerts.get(&rule.id).await.unwrap().standing.enough);
    bench.answered(5, &[1]).await;
    alerts.look(at(5)).await;
    alerts.deliver(at(5)).await;
    assert_eq!(hook.told(), ["firing 5", "resolved 2"]);
    let outcomes: Vec<_> =
        bench_past(&alerts, &rule.id).await.into_iter().map(|(outcome, _)| outcome).collect();
    let all = [Outcome::Fired, Outcome::Delivered, Outcome::Resolved, Outcome::Delivered];
    assert_eq!(outcomes, all);
    let heard = hook.heard.lock().unwrap();
    let (headers, body) = &heard[0];
    assert_eq!(headers["webhook-id"], body["id"].as_str().unwrap());
    assert!(headers["webhook-signature"].to_str().unwrap().starts_with("v1,"));
    assert_eq!(body["page"]["examples"][0], "https://calls.example.com/interactions/call-1-1");
    assert_ne!(heard[0].0["webhook-id"], heard[1].0["webhook-id"]);
}

/// What happened, the oldest first, and why.
async fn bench_past(alerts: &Alerts, id: &str) -> Vec<(Outcome, Option<String>)> {
    let past = alerts.get(id).await.unwrap().past;
    past.into_iter().rev().map(|past| (past.outcome, past.why)).collect()
}

#[tokio::test]
async fn what_a_receiver_does_not_take_is_offered_again_in_order_and_not_for_ever() {
    let (hook, address) = Hook::open().await;
    let bench = Bench::new([("hook", webhook(address))]);
    hook.answers.lock().unwrap().extend([StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS]);
    bench.answered(0, &[90, 90]).await;
    let alerts = bench.open().await;
    let rule = alerts.create(spec(json!({})), at(0)).await.unwrap().rule;
    alerts.look(at(0)).await;
    assert_eq!(alerts.deliver(at(0)).await, Some(at(0) + 5 * SECOND));
    assert_eq!(alerts.receivers().await[0].error.as_deref(), Some("it answered 503 Service Unavailable"));
    bench.answered(3, &[1, 1]).await;
    alerts.look(at(3)).await;
    assert_eq!(alerts.deliver(at(0) + 6 * SECOND).await, Some(at(0) + 16 * SECOND));
    assert_eq!(alerts.deliver(at(0) + 7 * SECOND).await, Some(at(0) + 16 * SECOND), "not before its time");
    assert_eq!(alerts.deliver(at(4)).await, None);
    assert_eq!(hook.told(), ["firing 2", "firing 2", "firing 2", "resolved 2"]);
    let ids: Vec<_> =
        hook.heard.lock().unwrap().iter().map(|(headers, _)| headers["webhook-id"].clone()).collect();
    assert!(ids[0] == ids[1] && ids[1] == ids[2], "one message, however often it is sent");

    hook.answers.lock().unwrap().push_back(StatusCode::GONE);
    bench.answered(6, &[90, 90]).await;
    alerts.look(at(6)).await;
    assert_eq!(alerts.deliver(at(6)).await, None, "who says no is not asked again");
    let last = bench_past(&alerts, &rule.id).await.pop().unwrap();
    assert_eq!(last, (Outcome::Undelivered, Some("hook: it answered 410 Gone".to_owned())));

    // It fires: whoever deletes it ends that.
    alerts.delete(&rule.id, at(7)).await.unwrap();
    alerts.deliver(at(7)).await;
    let heard = hook.heard.lock().unwrap();
    let (_, body) = heard.last().unwrap();
    assert_eq!((&body["status"], &body["reason"]), (&json!("resolved"), &json!("was deleted")));
}

#[tokio::test]
async fn a_receiver_that_is_away_holds_up_nobody_else() {
    let (hook, address) = Hook::open().await;
    // Nobody listens there.
    let away = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let bench = Bench::new([("hook", webhook(address)), ("away", webhook(away))]);
    bench.answered(0, &[90, 90]).await;
    let alerts = bench.open().await;
    alerts.create(spec(json!({"receivers": ["away", "hook"]})), at(0)).await.unwrap();
    alerts.look(at(0)).await;
    assert_eq!(alerts.deliver(at(0)).await, Some(at(0) + 5 * SECOND));
    assert_eq!(hook.told(), ["firing 2"]);
    let receivers = alerts.receivers().await;
    let away = receivers.iter().find(|receiver| receiver.name == "away").unwrap();
    assert_eq!(away.waiting, 1);
    assert!(
        away.error.as_ref().is_some_and(|error| error.contains("refused") && !error.contains("token")),
        "{away:?}"
    );
    // A day later it is too late.
    assert_eq!(alerts.deliver(at(0) + 25 * 60 * MINUTE).await, None);
    assert!(alerts.test("away", at(1)).await.is_err() && alerts.test("nobody", at(1)).await.is_err());
    alerts.test("hook", at(1)).await.unwrap();
    assert_eq!(hook.told(), ["firing 2", "test 0"]);
}

#[tokio::test]
async fn another_condition_begins_anew_and_another_name_does_not() {
    let (hook, address) = Hook::open().await;
    let bench = Bench::new([("hook", webhook(address))]);
    bench.answered(0, &[90, 90]).await;
    let alerts = bench.open().await;
    let id = alerts.create(spec(json!({})), at(0)).await.unwrap().rule.id;
    alerts.look(at(0)).await;
    let renamed =
        alerts.change(&id, spec(json!({"name": "Slow", "severity": "critical"})), at(1)).await.unwrap();
    assert_eq!(renamed.standing.phase, Phase::Firing);
    let other = alerts.change(&id, spec(json!({"threshold": 100})), at(1)).await.unwrap();
    assert_eq!(other.standing.phase, Phase::Inactive);
    alerts.look(at(1)).await;
    alerts.deliver(at(1)).await;
    assert_eq!(hook.told(), ["firing 2", "resolved 2"]);
    let off = alerts.change(&id, spec(json!({"enabled": false})), at(1)).await.unwrap();
    assert_eq!(off.standing, alerts::Standing::default());
    alerts.look(at(1)).await;
    assert_eq!(
        alerts.get(&id).await.unwrap().standing.evaluated_ns,
        0,
        "a rule that is off is not evaluated"
    );
    assert!(alerts.change("nobody", spec(json!({})), at(1)).await.is_err());
    assert!(alerts.create(spec(json!({"receivers": ["pager"]})), at(1)).await.is_err());
}
