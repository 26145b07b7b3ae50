//! Signals to the built binary: another configuration, a bad one, the end; and each of them at a bad time.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
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
    fn spawn(config: &Path, more: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_throughline"));
        command.args(["run", "--config"]).arg(config).args(more);
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        Self { child, log }
    }

    fn start(config: &Path, more: &[&str]) -> Self {
        let mut running = Self::spawn(config, more);
        running.says("everything is ready");
        running
    }

    /// The exit code, and what was not read of the log yet.
    fn ended(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.log.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap().code(), rest)
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
    let address = sim::ports::free().unwrap();
    let plan = PLAN.replace("ADDRESS", &address.to_string()).replace("PATH", &out.to_string_lossy());
    std::fs::write(&config, &plan).unwrap();
    let mut running = Running::start(&config, &[]);
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
    assert_eq!(running.ended().0, Some(0));
    assert_eq!(rounds(&out), [("first", 1), ("second", 2), ("third", 0)]);
}

/// How many spans were written in each round.
fn rounds(out: &Path) -> [(&'static str, usize); 3] {
    let written = std::fs::read_to_string(out).unwrap();
    ["first", "second", "third"].map(|round| (round, written.matches(&format!("\"{round}\"")).count()))
}

/// A pipe in place of a configuration file: whoever reads it waits until somebody writes it.
struct Pipe<'p>(&'p Path);

impl<'p> Pipe<'p> {
    fn new(path: &'p Path) -> Self {
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
        Self(path)
    }

    /// Waits until it is being read; the reader goes on when this has been written.
    fn answer(&self, text: &str, meanwhile: impl FnOnce()) {
        let mut pipe = OpenOptions::new().write(true).open(self.0).unwrap();
        meanwhile();
        pipe.write_all(text.as_bytes()).unwrap();
    }
}

/// Scenario: SIGHUP while the process reads its first configuration; then five more while it reads the second one, and
/// another file takes the place of that.
/// Guarantees: the first is honoured after the start, the others after that reload; the last file is in force, the connection
/// stays, and no span is lost.
#[test]
fn signals_at_a_bad_time_wait() {
    let directory = tempfile::tempdir().unwrap();
    let (config, out) = (directory.path().join("c.yaml"), directory.path().join("out.json"));
    let address = sim::ports::free().unwrap();
    let plan = PLAN.replace("ADDRESS", &address.to_string()).replace("PATH", &out.to_string_lossy());
    let pipe = Pipe::new(&config);
    let mut running = Running::spawn(&config, &[]);
    pipe.answer(&plan, || running.signal("-HUP"));
    running.says("everything is ready");
    let mut connection = TcpStream::connect(address).unwrap();
    send(&mut connection, 1);

    let last = directory.path().join("last.yaml");
    std::fs::write(&last, plan.replace("first", "third")).unwrap();
    pipe.answer(&plan.replace("first", "second"), || {
        (0..5).for_each(|_| running.signal("-HUP"));
        std::fs::rename(&last, &config).unwrap();
    });
    running.says("another configuration is in force");
    running.says("another configuration is in force");
    send(&mut connection, 2);
    drop(connection);

    running.signal("-TERM");
    assert_eq!(running.ended().0, Some(0));
    assert_eq!(rounds(&out), [("first", 1), ("second", 0), ("third", 1)]);
}

/// What takes data and cannot deliver it: the destination answers nothing.
fn stuck(directory: &Path, drain_timeout: &str) -> (Running, TcpListener) {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = sim::ports::free().unwrap();
    let config = directory.join("c.yaml");
    let exporter = format!("otlp_http: {{endpoint: 'http://{}'}}", silent.local_addr().unwrap());
    let plan = PLAN.replace("ADDRESS", &address.to_string()).replace("file: {path: 'PATH'}", &exporter);
    std::fs::write(&config, plan.replace("[file]", "[otlp_http]")).unwrap();
    let running = Running::start(&config, &["--drain-timeout", drain_timeout]);
    send(&mut TcpStream::connect(address).unwrap(), 1);
    (running, silent)
}

/// Scenario: the destination does not answer until the time for the end is over; SIGHUP comes meanwhile.
/// Guarantees: the process ends, by itself and not by the signal, and says by exit code and word that a span is lost.
#[test]
fn what_is_lost_at_the_end_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let (mut running, _silent) = stuck(directory.path(), "500ms");
    running.signal("-TERM");
    running.says("stopping");
    running.signal("-HUP");
    let (code, rest) = running.ended();
    assert_eq!(code, Some(3), "{rest}");
    assert!(rest.contains("error: 1 items were accepted and not delivered before the end"), "{rest}");
    assert!(!rest.contains("reading the configuration again"), "{rest}");
}

/// Scenario: the same with an hour of time, and a second SIGTERM.
/// Guarantees: the process ends at once, and its exit code says that not all was sent.
#[test]
fn a_second_signal_ends_it() {
    let directory = tempfile::tempdir().unwrap();
    let (mut running, _silent) = stuck(directory.path(), "1h");
    running.signal("-TERM");
    running.says("stopping");
    running.signal("-TERM");
    let (code, rest) = running.ended();
    assert_eq!(code, Some(3), "{rest}");
    assert!(rest.contains("error: ended before everything was sent"), "{rest}");
}
