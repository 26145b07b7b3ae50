//! A real Alertmanager takes what fires, keeps it while it is told again, and ends it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alerts::{Alerts, Kind, Receiver, Settings, Spec};
use serde_json::{Value, json};
use store_api::testing::Sample;
use store_api::{MemoryStore, Stage, TraceStore};
use tempfile::TempDir;
use tokio::time::Instant;

const PATIENCE: Duration = Duration::from_secs(60);
const SECOND: u64 = 1_000_000_000;

struct Alertmanager {
    address: SocketAddr,
    child: Child,
    _directory: TempDir,
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        // It may have ended by itself.
        if self.child.kill().is_ok() {
            drop(self.child.wait());
        }
    }
}

impl Alertmanager {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("alertmanager.yml");
        std::fs::write(&config, "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n").unwrap();
        // Between the choice of a port and its use somebody else may take it.
        for _ in 0..5 {
            let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
            let child = Command::new("prometheus-alertmanager")
                .arg(format!("--config.file={}", config.display()))
                .arg(format!("--storage.path={}", directory.path().display()))
                .arg(format!("--web.listen-address={free}"))
                .arg("--cluster.listen-address=")
                .stdout(Stdio::null())
                .stderr(Stdio::inherit())
                .spawn()
                .expect("scripts/setup-test.sh installs prometheus-alertmanager");
            let mut started = Self { address: free, child, _directory: tempfile::tempdir().unwrap() };
            let began = Instant::now();
            while started.child.try_wait().unwrap().is_none() {
                if started.alerts().await.is_some() {
                    started._directory = directory;
                    return started;
                }
                assert!(began.elapsed() < PATIENCE, "alertmanager does not answer");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        panic!("alertmanager ends; its own words stand above");
    }

    async fn alerts(&self) -> Option<Vec<Value>> {
        let answer = reqwest::get(format!("http://{}/api/v2/alerts", self.address)).await.ok()?;
        serde_json::from_slice(&answer.bytes().await.ok()?).ok()
    }

    /// The alerts once they are as many as that.
    async fn until(&self, count: usize) -> Vec<Value> {
        let began = Instant::now();
        loop {
            let alerts = self.alerts().await.unwrap();
            if alerts.len() == count {
                return alerts;
            }
            assert!(began.elapsed() < PATIENCE, "{alerts:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn now_ns() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap()
}

/// Callers who were answered a moment ago.
fn answered(trace: u8, waited: u64) -> Vec<store_api::Span> {
    let call = |n: u8| {
        Sample::new(trace, n).interaction(&format!("call-{n}")).stage(Stage::Queue).change(|span| {
            span.start_ns = now_ns() - (waited + 1) * SECOND;
            span.duration_ns = waited * SECOND;
        })
    };
    (1..=3).map(|n| call(n).span()).collect()
}

#[tokio::test]
async fn an_alert_comes_stays_and_goes() {
    // reqwest of the test itself; the crate brings its own configuration of TLS.
    drop(rustls::crypto::ring::default_provider().install_default());
    let alertmanager = Alertmanager::start().await;
    let store: Arc<dyn TraceStore> = Arc::new(MemoryStore::new(1 << 24, Duration::from_secs(3600)));
    let receiver = Receiver {
        kind: Kind::Alertmanager,
        url: format!("http://{}", alertmanager.address),
        ..Receiver::default()
    };
    let settings = Settings { receivers: [("am".to_owned(), receiver)].into(), ..Settings::default() };
    let page = "https://calls.example.com".to_owned();
    let alerts = Alerts::open(Arc::clone(&store), None, settings, page).await.unwrap();
    let spec: Spec = serde_json::from_value(json!({
        "name": "Queue p95", "stage": "queue", "measure": "p95", "op": "above", "threshold": 60, "min_count": 2,
        "window": "2m", "severity": "critical", "receivers": ["am"], "links": ["https://wiki.example.com/queue"],
    }))
    .unwrap();
    let id = alerts.create(spec, now_ns()).await.unwrap().rule.id;
    store.append(answered(1, 90)).await.unwrap();
    alerts.look(now_ns()).await;
    assert_eq!(alerts.deliver(now_ns()).await, None);
    let told = alertmanager.until(1).await;
    let labels = json!({"alertname": "Queue p95", "severity": "critical", "stage": "queue", "rule_id": id});
    assert_eq!(told[0]["labels"], labels);
    assert_eq!(told[0]["annotations"]["runbook_url"], "https://wiki.example.com/queue");
    assert_eq!(told[0]["status"]["state"], "active");

    // Told again, it holds for longer, and is the same alert.
    alerts.refresh(now_ns() + 60 * SECOND).await;
    let again = alertmanager.until(1).await;
    assert_eq!(
        (&again[0]["startsAt"], &again[0]["fingerprint"]),
        (&told[0]["startsAt"], &told[0]["fingerprint"])
    );
    assert!(again[0]["endsAt"].as_str() > told[0]["endsAt"].as_str());

    // Another condition ends what fired.
    let changed = alerts.get(&id).await.unwrap().rule.spec;
    alerts.change(&id, Spec { threshold: 600.0, ..changed }, now_ns()).await.unwrap();
    assert_eq!(alerts.deliver(now_ns()).await, None);
    alertmanager.until(0).await;
    alerts.test("am", now_ns()).await.unwrap();
    assert_eq!(alertmanager.until(1).await[0]["labels"]["alertname"], "Throughline test");
}
