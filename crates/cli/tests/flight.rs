//! Arrow Flight SQL asked by ADBC: `tests/flight/ask.py` against the built binary with the Parquet store.
#![cfg(feature = "lake")]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use expect_test::expect;
use serde_json::json;

const PLAN: &str = "
receivers: {otlp: {protocols: {http: {endpoint: 'OTLP'}}}}
exporters: {lake: {directory: 'DIRECTORY', retention: 876000h}}
extensions: {view: {endpoint: 'PAGE', store: lake}}
service:
  extensions: [view]
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], exporters: [lake]}}
";

/// Looks at what was sent, until it is there.
const TRIES: usize = 100_000;
/// 2026-11-20T09:00:00Z
const NINE: u64 = 1_795_165_200_000_000_000;

/// Killed when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn http(to: SocketAddr, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(to).unwrap();
    let length = body.len();
    write!(stream, "{head}host: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn spans() -> String {
    let span = |number: u64, stage: &str| {
        json!({
            "traceId": format!("{number:032x}"), "spanId": format!("{number:016x}"), "name": stage,
            "startTimeUnixNano": NINE.to_string(), "endTimeUnixNano": (NINE + number * 1_000_000_000).to_string(),
            "attributes": [{"key": "interaction.stage", "value": {"stringValue": stage}}],
        })
    };
    let resource = json!({"attributes": [{"key": "interaction.id", "value": {"stringValue": "call"}}]});
    let spans = [span(1, "queue"), span(2, "queue"), span(3, "talk")];
    json!({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}).to_string()
}

/// Scenario: ADBC connects to the address of the page, asks, prepares, looks at the tables, and asks for what it must not have.
/// Guarantees: answers are those of `/api/v1/sql` with the same types, large ones come whole, and what is refused says why.
#[test]
fn adbc_asks_over_flight_sql() {
    let directory = tempfile::tempdir().unwrap();
    let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (otlp, page) = (free(), free());
    let plan = PLAN.replace("OTLP", &otlp.to_string()).replace("PAGE", &page.to_string());
    let config = directory.path().join("c.yaml");
    std::fs::write(&config, plan.replace("DIRECTORY", directory.path().join("data").to_str().unwrap()))
        .unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_throughline"));
    let mut child = command.args(["run", "--config"]).arg(&config).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let _running = Running(child);
    let mut said = String::new();
    while !said.contains("everything is ready") {
        assert!(log.read_line(&mut said).unwrap() > 0, "{said}");
    }
    // What it says later has to go somewhere.
    std::thread::spawn(move || drop(std::io::copy(&mut log, &mut std::io::sink())));
    let answer = http(otlp, "POST /v1/traces HTTP/1.1\r\ncontent-type: application/json\r\n", &spans());
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let mut looks = (0..TRIES).map(|_| http(page, "GET /api/v1/interactions/call HTTP/1.1\r\n", ""));
    assert!(looks.any(|answer| answer.contains("\"span_count\":3")), "the spans do not come");

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/flight");
    let python = folder.join(".venv/bin/python");
    assert!(python.exists(), "{} is missing: run scripts/setup-test.sh", python.display());
    let output =
        Command::new(python).arg(folder.join("ask.py")).arg(format!("grpc://{page}")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    expect![""].assert_eq(&String::from_utf8(output.stdout).unwrap());
}
