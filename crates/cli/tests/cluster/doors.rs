//! The built binary: `throughline run` with a cluster in its configuration, and `throughline query`.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output};

use store_api::TraceStore;
use store_lake::Lake;

use crate::filled::{fill, settings};
use crate::up::{Process, Up};

pub(crate) fn throughline(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_throughline")).args(arguments).output().unwrap()
}

/// Where an answer of Flight SQL comes from, and its rows.
fn flight(page: SocketAddr, on: &str, text: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/flight");
    let python = folder.join(".venv/bin/python");
    assert!(python.exists(), "{} is missing: run scripts/setup-test.sh", python.display());
    let mut command = Command::new(python);
    let output =
        command.arg(folder.join("place.py")).args([&format!("grpc://{page}"), on, text]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Scenario: a throughline whose configuration names a cluster is asked over HTTP and over Flight SQL; then the scheduler is killed.
/// Guarantees: both go to the cluster, give the same answer with and without it, and say which it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_doors_lead_to_the_cluster() {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("store");
    let mut up = Up::start(&store, 1);
    let lake = Lake::open(settings(&store, &up.address, 1)).await.unwrap();
    fill(&lake).await;
    lake.flush().await.unwrap();
    drop(lake);
    let [otlp, page] = sim::ports::several().unwrap();
    let plan = format!(
        "receivers: {{otlp: {{protocols: {{http: {{endpoint: '{otlp}'}}}}}}}}
exporters: {{lake: {{directory: '{}', retention: 876000h, cluster: {{scheduler: '{}', from_spans: 1, partitions: 2}}}}}}
extensions: {{view: {{endpoint: '{page}', store: lake}}}}
service:
  extensions: [view]
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{traces: {{receivers: [otlp], exporters: [lake]}}}}
",
        store.display(),
        up.address
    );
    let config = directory.path().join("c.yaml");
    std::fs::write(&config, plan).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_throughline"));
    let mut running = Process::of(command.args(["run", "--config"]).arg(&config));
    running.until("everything is ready");

    const COUNT: &str = "SELECT count(*) AS n FROM spans";
    let server = format!("http://{page}");
    let query = |on| throughline(&["query", "--server", &server, "--format", "csv", "--on", on, COUNT]);
    let here = query("here");
    assert!(here.status.success() && here.stderr.is_empty(), "{here:?}");
    for on in ["cluster", "either"] {
        let there = query(on);
        assert!(there.stderr.is_empty(), "{there:?}");
        assert_eq!(there.stdout, here.stdout);
    }
    let told = flight(page, "here", COUNT);
    let rows = told.strip_prefix(r#"[["here"], "#).unwrap();
    assert_eq!(flight(page, "either", COUNT), format!(r#"[["cluster"], {rows}"#));
    assert_eq!(flight(page, "cluster", COUNT), format!(r#"[["cluster"], {rows}"#));

    up.scheduler.kill();
    let gone = format!("the scheduler at {} does not answer: ", up.address);
    let instead = query("cluster");
    let note = String::from_utf8(instead.stderr).unwrap();
    assert!(note.starts_with(&format!("note: worked out here, not on the cluster: {gone}")), "{note}");
    assert_eq!(instead.stdout, here.stdout);
    let told = flight(page, "cluster", COUNT);
    assert!(told.starts_with(&format!(r#"[["here; {gone}"#)) && told.ends_with(rows), "{told}");
}
