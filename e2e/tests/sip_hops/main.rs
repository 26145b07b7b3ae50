//! `throughline hops check sip` through real hops. Needs what `scripts/setup-test.sh` installs.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod mends;

use std::net::SocketAddr;
use std::process::{Output, Stdio};
use std::time::Duration;

use e2e::product::binary;
use serde_json::Value;
use sim::ports;
use sim::sip::peers::kamailio::Role;
use sim::sip::peers::{Edge, Kamailio};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(120);

fn throughline(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary().unwrap());
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.kill_on_drop(true);
    command
}

async fn output(arguments: &[&str]) -> Output {
    timeout(PATIENCE, throughline(arguments).output()).await.unwrap().unwrap()
}

/// The exit status and the report, with an echo in the same process.
async fn check(hop: SocketAddr, echo: &str, more: &[&str]) -> (i32, Value) {
    check_at(&format!("sip:{hop}"), echo, more).await
}

async fn check_at(address: &str, echo: &str, more: &[&str]) -> (i32, Value) {
    let mut arguments = vec!["hops", "check", "sip", address, "--echo", echo, "--rounds", "1", "--json"];
    arguments.extend(more);
    let output = output(&arguments).await;
    let report = serde_json::from_slice(&output.stdout);
    (
        output.status.code().unwrap(),
        report.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr))),
    )
}

/// Severity, header and verdict of what was found.
fn found(report: &Value) -> Vec<String> {
    let findings = report.pointer("/hops/0/findings").unwrap().as_array().unwrap();
    let word = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    findings.iter().map(|f| ["severity", "header", "verdict"].map(|key| word(f, key)).join(" ")).collect()
}

/// Guarantees: a proxy that does nothing to headers is sound, and known by what it says when it is asked itself.
#[tokio::test]
async fn kamailio_keeps_what_it_is_sent() {
    let kamailio = Kamailio::start(&Role::Plain).await.unwrap();
    let (status, report) = check(kamailio.address, "127.0.0.1:0", &[]).await;
    assert_eq!((status, found(&report)), (0, Vec::new()), "{report:#}");
    assert_eq!(report["hops"][0]["suspects"][0]["product"], "Kamailio", "{report:#}");
    assert_eq!(report["hops"][0]["longest_tracestate"], 1000, "{report:#}");
}

/// Guarantees: what a stripping proxy loses is named, with the proxy and the line to take out; the echo is another process.
#[tokio::test]
async fn kamailio_that_strips_is_named_with_its_mend() {
    let kamailio = Kamailio::start(&Role::Strips).await.unwrap();
    let mut echo = throughline(&["hops", "echo", "--sip", "127.0.0.1:0"]).spawn().unwrap();
    let mut said = BufReader::new(echo.stderr.take().unwrap()).lines();
    let said = timeout(PATIENCE, said.next_line()).await.unwrap().unwrap().unwrap();
    let address = said.strip_prefix("echo on sip:").unwrap().split(',').next().unwrap().to_owned();
    let (hop, to) = (format!("sip:{}", kamailio.address), format!("sip:echo@{address}"));
    let output = output(&["hops", "check", "sip", &hop, "--to", &to, "--rounds", "1"]).await;
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let verdict = format!("BROKEN at {hop} (Kamailio): traceparent stripped, x-traceparent stripped.");
    assert!(said.starts_with(&verdict), "{said}");
    for line in ["remove_hf(\"traceparent\");", "remove_hf(\"x-traceparent\");", "remove_hf_re(\"...\");"] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(!said.contains("FreeSWITCH"), "{said}");
}

/// Ours in the path, before an echo at that address.
async fn edge(echo: SocketAddr, trunk: &str) -> Edge {
    let address = ports::free().unwrap();
    let configuration = format!(
        "receivers:
  sip:
    listen: [{{transport: udp, endpoint: {address}}}]
    trunks:
      both: {{peers: [127.0.0.1]{trunk}}}
    next_hops:
      echo:
        targets: [{{uri: \"sip:{echo}\"}}]
    routes: [{{from: both, to: echo}}]
exporters:
  debug:
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    traces: {{receivers: [sip], exporters: [debug]}}
"
    );
    Edge::start(&binary().unwrap(), &configuration, &[], address).await.unwrap()
}

/// Guarantees: our edge takes part in calls with a span of its own where the trunk keeps contexts, and is told to where it does not.
#[tokio::test]
async fn our_edge_by_what_is_agreed_with_the_trunk() {
    let echo = ports::free().unwrap();
    let keeps = edge(echo, ", preserve_trace_context: true").await;
    let (status, report) = check(keeps.address, &echo.to_string(), &["--protocol", "invite"]).await;
    let findings = found(&report);
    assert_eq!(status, 0, "{report:#}\n{}", keeps.said());
    assert!(findings.contains(&"note traceparent re-parented".to_owned()), "{findings:?}");
    assert_eq!(report["hops"][0]["longest_tracestate"], 256, "as the specification has it: {report:#}");

    let strips = edge(echo, "").await;
    let (status, report) = check(strips.address, &echo.to_string(), &["--protocol", "invite"]).await;
    let findings = found(&report);
    assert_eq!(status, 1, "{report:#}\n{}", strips.said());
    assert!(findings.contains(&"error traceparent stripped".to_owned()), "{findings:?}");
}
