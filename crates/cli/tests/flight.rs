//! Arrow Flight SQL asked by ADBC: `tests/flight/ask.py` against the built binary with the Parquet store.
#![cfg(feature = "lake")]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use expect_test::expect;
use serde_json::json;

const PLAN: &str = "
receivers: {otlp: {protocols: {http: {endpoint: 'OTLP'}}}}
exporters: {lake: {directory: 'DIRECTORY', retention: 876000h}}
extensions:
  view:
    endpoint: 'PAGE'
    store: lake
    auth:
      users: [{name: ann, role: unmask, password_hash: 'HASH'}]
      tokens: [{name: viewer, role: viewer, token: TOKEN}]
service:
  extensions: [view]
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], exporters: [lake]}}
";

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const PASSWORD: &str = "correct horse";

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

fn hash() -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_throughline"));
    let command = command.arg("hash-password").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{PASSWORD}").unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap().trim().to_owned()
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

/// Scenario: ADBC signs in at the address of the page, asks, prepares, looks at the tables, leaves answers unread, and asks for
/// what it must not have.
/// Guarantees: answers are those of `/api/v1/sql` with the same types, large ones come whole, empty ones have their columns,
/// and what is refused says why.
#[test]
fn adbc_asks_over_flight_sql() {
    let directory = tempfile::tempdir().unwrap();
    let [otlp, page] = sim::ports::several().unwrap();
    let plan = PLAN.replace("OTLP", &otlp.to_string()).replace("PAGE", &page.to_string());
    let plan = plan.replace("TOKEN", TOKEN).replace("HASH", &hash());
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
    let get = format!("GET /api/v1/interactions/call HTTP/1.1\r\nauthorization: Bearer {TOKEN}\r\n");
    let mut looks = (0..TRIES).map(|_| http(page, &get, ""));
    assert!(looks.any(|answer| answer.contains("\"span_count\":3")), "the spans do not come");

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/flight");
    let python = folder.join(".venv/bin/python");
    assert!(python.exists(), "{} is missing: run scripts/setup-test.sh", python.display());
    let asked = [format!("grpc://{page}"), TOKEN.to_owned(), PASSWORD.to_owned()];
    let output = Command::new(python).arg(folder.join("ask.py")).args(asked).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    expect![[r#"
        {
         "stages": [
          {
           "stage": "queue",
           "spans": 2,
           "longest": 2000000000
          },
          {
           "stage": "talk",
           "spans": 1,
           "longest": 3000000000
          }
         ],
         "columns of stages": [
          "stage: string",
          "spans: int64",
          "longest: int64"
         ],
         "rows": 3,
         "names of columns": true,
         "nobody": [
          0,
          [
           "name: string",
           "start: timestamp[ns, tz=UTC]"
          ]
         ],
         "large": [
          9000,
          9000000,
          5
         ],
         "by the other client": [
          {
           "name": "queue"
          },
          {
           "name": "queue"
          },
          {
           "name": "talk"
          }
         ],
         "prepared": [
          [
           [
            "queue"
           ],
           [
            "queue"
           ],
           [
            "talk"
           ]
          ],
          [
           [
            "queue"
           ],
           [
            "queue"
           ],
           [
            "talk"
           ]
          ]
         ],
         "foreseen": [
          "name: string",
          "duration_ms: double"
         ],
         "vendor": "throughline",
         "interactions": [
          "interaction_id: string",
          "start: timestamp[ns, tz=UTC]",
          "start_ns: int64"
         ],
         "types": [
          "TABLE"
         ],
         "tables": [
          {
           "name": "throughline.store.attr_keys",
           "type": "TABLE",
           "columns": [
            "day",
            "level"
           ]
          },
          {
           "name": "throughline.store.interactions",
           "type": "TABLE",
           "columns": [
            "interaction_id",
            "start"
           ]
          },
          {
           "name": "throughline.store.spans",
           "type": "TABLE",
           "columns": [
            "interaction_id",
            "trace_id"
           ]
          },
          {
           "name": "throughline.store.spans_raw",
           "type": "TABLE",
           "columns": [
            "interaction_id",
            "trace_id"
           ]
          }
         ],
         "only": [
          "throughline.store.spans",
          "throughline.store.spans_raw"
         ],
         "none": [],
         "refused": [
          [
           "ProgrammingError",
           "UNAUTHORIZED: [FlightSQL] DROP is not answered; the store is only read here: write SELECT, WITH, SHOW TABLES, SHOW COLUMNS, DESCRIBE or EXPLAIN (PermissionDenied; Prepare)"
          ],
          [
           "ProgrammingError",
           "INVALID_ARGUMENT: [FlightSQL] line 1, column 8: No field named nothing.; docs/sql.md has the tables and functions; `SHOW COLUMNS FROM spans` lists columns (InvalidArgument; Prepare)"
          ],
          [
           "ProgrammingError",
           "INVALID_ARGUMENT: [FlightSQL] Expected: an expression, found: EOF; docs/sql.md has the tables and functions; `SHOW COLUMNS FROM spans` lists columns (InvalidArgument; Prepare)"
          ],
          [
           "InternalError",
           "INTERNAL: [FlightSQL] the answer has more than 10000 rows; add LIMIT 10000, sum up with GROUP BY, or allow more with `max_rows` (ResourceExhausted; DoGet: endpoint 0: remote: [])"
          ],
          [
           "InternalError",
           "INTERNAL: [FlightSQL] the answer has more than 2 rows; add LIMIT 2, sum up with GROUP BY, or allow more with `max_rows` (ResourceExhausted; DoGet: endpoint 0: remote: [])"
          ],
          [
           "ProgrammingError",
           "UNAUTHORIZED: [FlightSQL] this needs the role `unmask`, and viewer has `viewer`; an admin gives roles in the `view` section (PermissionDenied; Prepare)"
          ],
          [
           "ProgrammingError",
           "UNAUTHENTICATED: [FlightSQL] nobody is signed in; sign in on the page, or send `Authorization: Bearer` with a token of the `view` section (Unauthenticated; Prepare)"
          ],
          [
           "ProgrammingError",
           "UNAUTHENTICATED: [FlightSQL] the name or the password is wrong; try again, or ask an admin (Unauthenticated; AuthenticateBasicToken)"
          ]
         ],
         "after that": [
          {
           "spans": 3
          }
         ]
        }"#]].assert_eq(&String::from_utf8(output.stdout).unwrap());
}
