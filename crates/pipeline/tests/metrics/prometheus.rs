//! The configuration and the rules that we ship, with a real Prometheus.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use http::{Request, StatusCode};
use serde_json::Value;
use tempfile::TempDir;

use crate::product::{PATIENCE, Product, configs, failed, fetch, span};

/// A Prometheus that fetches often, killed when dropped.
struct Prometheus {
    address: SocketAddr,
    _child: Killed,
    _dir: TempDir,
}

impl Prometheus {
    async fn start(target: SocketAddr) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let rules = std::fs::read_to_string(format!("{}/alerts/stages.yml", configs())).unwrap();
        // As shipped, but for how long an alert waits before it fires.
        let rules: String = rules
            .lines()
            .map(|line| {
                if line.trim_start().starts_with("for: ") {
                    "        for: 0s\n".to_owned()
                } else {
                    format!("{line}\n")
                }
            })
            .collect();
        std::fs::write(dir.path().join("stages.yml"), rules).unwrap();
        let config = format!(
            "global: {{scrape_interval: 500ms, evaluation_interval: 500ms}}\nrule_files: [stages.yml]\nscrape_configs:\n\
             - {{job_name: interactions, honor_labels: true, static_configs: [{{targets: ['{target}']}}]}}\n"
        );
        std::fs::write(dir.path().join("prometheus.yml"), config).unwrap();
        // Between the choice of a port and its use somebody else may take it.
        for _ in 0..5 {
            if let Some((address, child)) = spawn(dir.path()).await {
                return Self { address, _child: child, _dir: dir };
            }
        }
        panic!("prometheus ends; its own words stand above");
    }

    async fn ask(&self, path: &str) -> Value {
        let (status, text) = fetch(self.address, Request::get(path), Vec::new()).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Names of the alerts that fire, with a label.
    async fn firing(&self, label: &str) -> Vec<String> {
        let answer = self.ask("/api/v1/alerts").await;
        let alerts = answer["data"]["alerts"].as_array().unwrap().iter();
        let firing = alerts.filter(|alert| alert["state"] == "firing").map(|alert| &alert["labels"]);
        let mut names: Vec<_> = firing
            .map(|labels| {
                format!("{} {}", labels["alertname"].as_str().unwrap(), labels[label].as_str().unwrap_or("-"))
            })
            .collect();
        names.sort();
        names
    }
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended by itself.
        if self.0.kill().is_ok() {
            drop(self.0.wait());
        }
    }
}

async fn spawn(dir: &Path) -> Option<(SocketAddr, Killed)> {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut child = Command::new("prometheus")
        .arg(format!("--config.file={}", dir.join("prometheus.yml").display()))
        .arg(format!("--storage.tsdb.path={}", dir.join("data").display()))
        .arg(format!("--web.listen-address={address}"))
        .args(["--enable-feature=exemplar-storage", "--log.level=warn"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .map(Killed)
        .unwrap_or_else(|error| panic!("prometheus: {error}; scripts/setup-test.sh installs it"));
    tokio::time::timeout(PATIENCE, async {
        while !is_ready(address).await {
            if child.0.try_wait().unwrap().is_some() {
                return None;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        Some((address, child))
    })
    .await
    .unwrap()
}

async fn is_ready(address: SocketAddr) -> bool {
    tokio::net::TcpStream::connect(address).await.is_ok()
        && fetch(address, Request::get("/-/ready"), Vec::new()).await.0 == StatusCode::OK
}

/// Runs promtool; panics with what it says where it is not content.
fn promtool(arguments: &[&str], input: Option<&str>) {
    use std::io::Write;
    let mut child = Command::new("promtool")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("promtool: {error}; scripts/setup-test.sh installs it"));
    child.stdin.take().unwrap().write_all(input.unwrap_or_default().as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    // 3 is advice on style: names that others chose.
    assert!(
        done.status.success() || (input.is_some() && done.status.code() == Some(3)),
        "{arguments:?}: {said}"
    );
}

#[test]
fn the_shipped_rules_and_configuration_are_sound() {
    for rules in std::fs::read_dir(format!("{}/alerts", configs())).unwrap() {
        promtool(&["check", "rules", rules.unwrap().path().to_str().unwrap()], None);
    }
    promtool(&["check", "config", &format!("{}/prometheus.yml", configs())], None);
}

/// Scenario: `configs/metrics.yaml` runs; in one region callers wait two minutes in the queue, in another a second, and
/// one service fails every fourth time. Prometheus fetches and evaluates the rules of `configs/alerts`.
/// Guarantees: the alert on the slow stage fires for that region and no other, the error ratio for that service and no
/// other; an exemplar leads to a trace that was sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_stage_fires_its_alert() {
    let mut product = Product::start(
        "metrics.yaml",
        &[
            "receivers.otlp.protocols.grpc.endpoint=127.0.0.1:0",
            "receivers.otlp.protocols.http.endpoint=127.0.0.1:0",
            "exporters.prometheus.endpoint=127.0.0.1:0",
            "extensions.health_check.endpoint=127.0.0.1:0",
            "service.telemetry.metrics.level=none",
            "connectors.spanmetrics.metrics_flush_interval=100ms",
            "connectors.servicegraph.metrics_flush_interval=100ms",
        ],
    )
    .await;
    let prometheus = Prometheus::start(product.address("prometheus")).await;
    let wait = |n, region, ms| {
        span(n, "Wait in queue", ms, &[("interaction.stage", "queue"), ("interaction.region", region)])
    };
    let mut sent = 0;
    let fired = async {
        loop {
            let spans = (0..20).map(|n| match n % 2 {
                0 => wait(sent + n, "eu-west-1", 120_000),
                _ => wait(sent + n, "us-east-1", 1000),
            });
            product.send("genesys-cloud", spans.collect()).await;
            let requests = (0..8).map(|n| span(sent + n, "GET /customers", 20, &[]));
            let crm = requests.enumerate().map(|(nth, span)| if nth % 4 == 0 { failed(span) } else { span });
            product.send("crm", crm.collect()).await;
            sent += 20;
            if prometheus.firing("interaction_region").await.len() >= 2 {
                break;
            }
            // As callers do, now and then.
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    let timely = tokio::time::timeout(PATIENCE, fired).await;
    assert!(timely.is_ok(), "{:#}\n{}", prometheus.ask("/api/v1/rules").await, product.metrics("").await);
    assert_eq!(
        prometheus.firing("interaction_region").await,
        ["ErrorRatioHigh -", "StageQueueSlow eu-west-1"]
    );
    assert_eq!(prometheus.firing("service_name").await, ["ErrorRatioHigh crm", "StageQueueSlow -"]);

    let alerts = prometheus.ask("/api/v1/alerts").await.to_string();
    assert!(
        alerts.contains("p95 of stage queue in eu-west-1 is 2m 0s")
            || alerts.contains("p95 of stage queue in eu-west-1 is 1m 58"),
        "{alerts}"
    );
    let exemplars = prometheus
        .ask("/api/v1/query_exemplars?query=traces_span_metrics_duration_seconds_bucket&start=0&end=4102444800")
        .await;
    let trace = exemplars["data"][0]["exemplars"][0]["labels"]["trace_id"]
        .as_str()
        .unwrap_or_else(|| panic!("{exemplars}"));
    assert!(trace.starts_with("0000000000000007") && trace.len() == 32, "{trace}");

    promtool(&["check", "metrics"], Some(&product.metrics("text/plain").await));
    product.quiet().await;
    product.stop().await;
}
