//! `throughline hops`: its exit codes, over the built binary.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

const BINARY: &str = env!("CARGO_BIN_EXE_throughline");

/// An echo on a free port; killed when dropped.
struct Echo {
    child: Child,
    url: String,
}

impl Echo {
    fn start() -> Self {
        let mut command = Command::new(BINARY);
        command.args(["hops", "echo", "--listen", "127.0.0.1:0"]).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.split([' ', ';']).find(|word| word.starts_with("http://")).unwrap().to_owned();
        Self { child, url }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn check(arguments: &[&str]) -> Output {
    Command::new(BINARY).args(["hops", "check"]).args(arguments).output().unwrap()
}

#[test]
fn a_path_without_a_hop_is_sound() {
    let echo = Echo::start();
    let output = check(&[&echo.url, "--json", "--rounds", "1"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["health"], "sound");
    assert_eq!(report["hops"][0]["findings"], serde_json::json!([]));
    assert_eq!(report["hops"][0]["not_checked"], serde_json::json!([]));
    let output = check(&[&echo.url, "--protocol", "http1,grpc"]);
    assert!(String::from_utf8(output.stdout).unwrap().ends_with("Nothing breaks tracing.\n"));
}

#[test]
fn what_cannot_be_checked_and_what_is_no_address() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let output = check(&[&url, "--rounds", "1"]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(String::from_utf8(output.stdout).unwrap().contains("The echo was not reached: no connection"));
    for wrong in ["ftp://a/", "http://user:secret@a/"] {
        let output = check(&[wrong]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
}
