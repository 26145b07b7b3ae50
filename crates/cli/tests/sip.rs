//! `throughline sip read`.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::process::{Command, Output};

use serde_json::Value;

/// A capture of raw IPv4: an INVITE from 192.0.2.1, refused 0.25 s later.
fn capture() -> Vec<u8> {
    let mut file = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 101, 0, 0, 0];
    let rest = "Via: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:+493012345678@a>;tag=1\r\nTo: <sip:alice@b>\r\n\
                Call-ID: c\r\nCSeq: 1 INVITE\r\n\r\n";
    for (micros, from, to, start) in
        [(0_u32, 1, 2, "INVITE sip:alice@b SIP/2.0"), (250_000, 2, 1, "SIP/2.0 486 Busy Here")]
    {
        let text = format!("{start}\r\n{rest}");
        let length = text.len() as u16;
        let mut packet = vec![0x45, 0];
        packet.extend_from_slice(&(length + 28).to_be_bytes());
        packet.extend_from_slice(&[
            0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, from, 192, 0, 2, to, 0x13, 0xc4, 0x13, 0xc4,
        ]);
        packet.extend_from_slice(&(length + 8).to_be_bytes());
        packet.extend_from_slice(&[0, 0]);
        packet.extend_from_slice(text.as_bytes());
        for field in [1_700_000_000, micros, packet.len() as u32, packet.len() as u32] {
            file.extend_from_slice(&field.to_le_bytes());
        }
        file.extend_from_slice(&packet);
    }
    file
}

fn read(bytes: &[u8], flags: &[&str]) -> Output {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("calls.pcap");
    std::fs::write(&path, bytes).unwrap();
    let command =
        Command::new(env!("CARGO_BIN_EXE_throughline")).args(["sip", "read"]).arg(path).args(flags).output();
    command.unwrap()
}

#[test]
fn a_capture_is_a_table_or_json_or_spans() {
    let table = String::from_utf8(read(&capture(), &[]).stdout).unwrap();
    assert!(table.contains("+49********78  ****           busy          486      250.0"), "{table}");
    assert!(table.ends_with("\n1 calls\n"), "{table}");
    let call: Value = serde_json::from_slice(&read(&capture(), &["--json", "--clear"]).stdout).unwrap();
    assert_eq!((&call["to"], &call["outcome"]), (&Value::from("alice"), &Value::from("busy")));
    let spans: Value = serde_json::from_slice(&read(&capture(), &["--otlp"]).stdout).unwrap();
    let spans = spans.pointer("/resourceSpans/0/scopeSpans/0/spans").unwrap().as_array().unwrap();
    assert_eq!(spans.iter().map(|span| &span["name"]).collect::<Vec<_>>(), ["SIP call", "Call setup"]);
}

#[test]
fn a_capture_that_is_cut_is_read_up_to_there() {
    let capture = capture();
    let output = read(&capture[..capture.len() - 1], &["--json", "--clear"]);
    assert_eq!(output.status.code(), Some(0));
    let call: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&call["to"], call["outcome"] == "busy"), (&Value::from("alice"), false));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("cut: the record at byte") && said.contains("read are the 1 before it"), "{said}");
}

#[test]
fn what_is_no_capture_is_said() {
    let output = read(b"x", &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("neither pcap nor pcapng"));
}
