//! The server of the tests: `server.py`, with the engine that `scripts/setup-test.sh` installs.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use flow::config::{GoDuration, Opaque};
use store_api::TraceStore;
use store_clickhouse::{ClickHouse, Settings};
use tempfile::TempDir;

pub(crate) struct Shim {
    child: Child,
    pub(crate) port: u16,
    directory: TempDir,
    databases: AtomicU32,
}

pub(crate) const PASSWORD: &str = "s3cret' \\ü";

impl Shim {
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (child, port) = run(directory.path(), 0);
        Self { child, port, directory, databases: AtomicU32::new(0) }
    }

    /// As a power cut does, but for what the system has not written.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn start_again(&mut self) {
        (self.child, self.port) = run(self.directory.path(), self.port);
    }

    /// The next insert happens, and its answer does not arrive.
    pub(crate) fn lose_an_answer(&self) {
        self.post("/lose", "");
    }

    /// What somebody else does in the database.
    pub(crate) fn run(&self, settings: &Settings, statement: &str) -> String {
        self.post(&format!("/?database={}", settings.database), statement)
    }

    fn post(&self, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let length = body.len();
        write!(stream, "POST {path} HTTP/1.1\r\nHost: a\r\nX-ClickHouse-User: default\r\nX-ClickHouse-Key: ")
            .unwrap();
        write!(stream, "{PASSWORD}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
        body.to_owned()
    }

    /// Of a database that nobody has used.
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            endpoint: format!("http://127.0.0.1:{}", self.port),
            database: format!("calls_{}", self.databases.fetch_add(1, Ordering::Relaxed)),
            password: Opaque(PASSWORD.to_owned()),
            timeout: GoDuration::from_secs(60),
            ..Settings::default()
        }
    }

    pub(crate) fn store(&self) -> Arc<dyn TraceStore> {
        Arc::new(ClickHouse::new(self.settings()).unwrap())
    }
}

impl Drop for Shim {
    fn drop(&mut self) {
        self.child.kill().and_then(|()| self.child.wait()).map_or_else(|error| eprintln!("{error}"), drop);
    }
}

fn run(directory: &Path, port: u16) -> (Child, u16) {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = crates.join("../store-lake/tests/engines/.venv/bin/python");
    assert!(python.exists(), "run scripts/setup-test.sh: it installs the engine of ClickHouse");
    let mut command = Command::new(python);
    command.arg(crates.join("tests/clickhouse/server.py")).arg(directory).arg(port.to_string());
    command.env("SHIM_PASSWORD", PASSWORD).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let port = line.trim().parse().unwrap_or_else(|_| panic!("the server did not start: {line:?}"));
    (child, port)
}
