//! `throughline sim sip` as people start it.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::process::Stdio;
use std::time::Duration;

use e2e::product::binary;
use tokio::net::UdpSocket;
use tokio::process::Command;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(120);
const ANYWHERE: [&str; 8] =
    ["--trunk", "127.0.0.2:0", "--outside", "127.0.0.3:0", "--genesys", "127.0.0.1:0", "--seed", "3"];

fn simulator(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary().unwrap());
    command.args(["sim", "sip"]).args(ANYWHERE).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Scenario: ten calls to the trunk itself, each transferred if an agent talks, with copies of all messages.
/// Guarantees: it says where everybody is, all calls end, and it ends with 0 by itself; the copies come.
#[tokio::test]
async fn ten_calls_begin_and_end() {
    let ear = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let hep = ear.local_addr().unwrap().to_string();
    let arguments = ["--calls", "10", "--rate", "20", "--speed", "400", "--transfers", "1", "--hep", &hep];
    let output = timeout(PATIENCE, simulator(&arguments).output()).await.unwrap().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<_> = said.lines().collect();
    assert!(lines[0].starts_with("Genesys Cloud, simulated: http://127.0.0.1:"), "{said}");
    assert!(lines[1].starts_with("Callers 127.0.0.1:") && lines[1].contains("outside 127.0.0.3:"), "{said}");
    let last = lines.last().unwrap();
    assert!(last.starts_with("10 calls begun, 10 ended, 0 given up, "), "{said}");
    assert!(last.contains(" transferred, 0 failed; the trunk: 10 calls, 10 ended, "), "{said}");
    assert!(!last.contains(" 0 transferred"), "{said}");
    let mut packet = [0; 4096];
    let length = ear.try_recv(&mut packet).unwrap();
    assert!(length > 200 && packet.starts_with(b"HEP3"));
}

/// Guarantees: an address that is taken ends it with 1, and with the mend.
#[tokio::test]
async fn a_taken_address_is_named() {
    let taken = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let callers = taken.local_addr().unwrap().to_string();
    let output = timeout(PATIENCE, simulator(&["--callers", &callers]).output()).await.unwrap().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(said.contains("choose others with --callers"), "{said}");
}
