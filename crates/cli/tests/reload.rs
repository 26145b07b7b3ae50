//! Signals to the built binary: another configuration, a bad one, the end.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

const PLAN: &str = "
receivers: {otlp: {protocols: {http: {endpoint: 'ADDRESS'}}}}
processors:
  batch: {timeout: 1h}
  attributes: {actions: [{key: round, value: first, action: upsert}]}
exporters: {file: {path: 'PATH'}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], processors: [attributes, batch], exporters: [file]}}
";

/// One that is running; killed when dropped.
struct Running {
    child: Child,
    log: BufReader<ChildStderr>,
}

impl Running {
    fn start(config: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_throughline"));
        command.args(["run", "--config"]).arg(config).stdin(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let mut running = Self { child, log };
        running.says("everything is ready");
        running
    }

    /// Reads the log up to a line with this in it.
    fn says(&mut self, text: &str) {
        let mut read = String::new();
        while !read.contains(text) {
            let before = read.len();
            self.log.read_line(&mut read).unwrap();
            assert!(read.len() > before, "it ended without {text:?}:\n{read}");
        }
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Sends one span on a connection that stays open.
fn send(connection: &mut TcpStream, id: u8) {
    let body = format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"{id:032x}","spanId":"{id:016x}","name":"a"}}]}}]}}]}}"#
    );
    let length = body.len();
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    connection.write_all(format!("{head}{body}").as_bytes()).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"}}") {
        let mut byte = [0];
        connection.read_exact(&mut byte).unwrap();
        answer.extend(byte);
    }
    assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&answer));
}

/// Scenario: a client sends a span, the configuration changes, it sends another one on the same connection; then the file is
/// wrong; then the process is asked to end.
/// Guarantees: SIGHUP puts the new configuration in force and refuses the wrong one by what is wrong in it, the connection
/// stays, the spans of both times are there with the values of theirs, and the exit code says so.
#[test]
fn sighup_exchanges_what_has_changed() {
    let directory = tempfile::tempdir().unwrap();
    let (config, out) = (directory.path().join("c.yaml"), directory.path().join("out.json"));
    let address: SocketAddr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let plan = PLAN.replace("ADDRESS", &address.to_string()).replace("PATH", &out.to_string_lossy());
    std::fs::write(&config, &plan).unwrap();
    let mut running = Running::start(&config);
    let mut connection = TcpStream::connect(address).unwrap();
    send(&mut connection, 1);

    std::fs::write(&config, plan.replace("first", "second")).unwrap();
    running.signal("-HUP");
    running.says("another configuration is in force");
    send(&mut connection, 2);

    std::fs::write(&config, plan.replace("exporters: [file]", "exporters: [flie]")).unwrap();
    running.signal("-HUP");
    running.says("did you mean `file`?");
    running.says("the earlier configuration stays in force");
    send(&mut connection, 3);
    drop(connection);

    running.signal("-TERM");
    assert_eq!(running.child.wait().unwrap().code(), Some(0));
    let written = std::fs::read_to_string(&out).unwrap();
    let count = |text: &str| written.matches(text).count();
    assert_eq!((count("\"first\""), count("\"second\"")), (1, 2), "{written}");
}
