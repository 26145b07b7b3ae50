//! `throughline hops`: its exit codes and what it must not print, over the built binary.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
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

fn first_line(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned()
}

/// A hop in a few lines: drops the context from every request, and passes the rest on.
fn stripping(echo: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let echo = echo.trim_start_matches("http://").trim_end_matches('/').to_owned();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let next = TcpStream::connect(&echo).unwrap();
            std::thread::spawn(move || pass(&client.unwrap(), &next));
        }
    });
    url
}

fn pass(mut client: &TcpStream, mut next: &TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(client);
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        reader.read_line(&mut line)?;
        let lower = line.to_ascii_lowercase();
        if !["traceparent:", "tracestate:"].iter().any(|name| lower.starts_with(name)) {
            next.write_all(line.as_bytes())?;
        }
    }
    next.write_all(reader.buffer())?;
    std::io::copy(&mut next, &mut client).map(drop)
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
    let output = check(&[&echo.url, "--protocol", "http1,grpc", "--header", "Authorization: Bearer hush"]);
    assert_eq!(first_line(&output), "SOUND: nothing on the path breaks tracing.");
    assert!(!format!("{output:?}").contains("hush"));
}

#[test]
fn a_broken_hop_is_named_and_fails_the_build() {
    let echo = Echo::start();
    let hop = stripping(&echo.url);
    let output = check(&[&hop, &echo.url, "--protocol", "http1", "--rounds", "1"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let expected =
        format!("BROKEN at hop 1, {hop} (unknown product): traceparent stripped, tracestate stripped.");
    assert_eq!(first_line(&output), expected);
}

#[test]
fn what_cannot_be_checked_is_neither_sound_nor_broken() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let output = check(&[&url, "--rounds", "1"]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let start = "NOT CHECKED: the echo was not reached: no connection";
    assert!(first_line(&output).starts_with(start), "{output:?}");
}

#[test]
fn a_wrong_command_line_is_refused_without_its_secrets() {
    for wrong in [
        &["ftp://a/"][..],
        &["http://user:hush@a/"],
        &["http://user:hush@"],
        &["http://a/", "--header", "hush"],
        &["http://a/", "--header", "traceparent: hush"],
        &["http://a/", "--header", "@/no/such/file"],
        &["http://a/", "--ca", "/no/such/file"],
        &["http://a/", "--protocol", "http3"],
        &["http://a/", "--rounds", "0"],
        &[],
    ] {
        let output = check(wrong);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(!format!("{output:?}").contains("hush"), "{output:?}");
    }
}

#[test]
fn every_command_has_an_example() {
    for command in [&["hops", "--help"][..], &["hops", "check", "--help"], &["hops", "echo", "--help"]] {
        let output = Command::new(BINARY).args(command).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (_, example) = text.split_once("Example:\n").unwrap();
        assert!(example.trim_start().starts_with("throughline hops "), "{text}");
    }
}
