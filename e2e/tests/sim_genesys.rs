//! `throughline sim genesys` as people start it.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use e2e::product::{binary, get, post};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);

fn simulator(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary().unwrap());
    command.args(["sim", "genesys"]).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Scenario: started with 50 conversations, asked for its state, told to fail, and ended by SIGTERM.
/// Guarantees: it says where it is and how to log in, its conversations live, faults are taken, and it ends with 0.
#[tokio::test]
async fn it_says_where_it_is_and_does_what_it_is_told() {
    let arguments =
        ["--listen", "127.0.0.1:0", "--concurrent", "50", "--speed", "20x", "--fault", "duplicate=0.5"];
    let mut child = simulator(&arguments).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
    let rest = first.strip_prefix("Genesys Cloud, simulated: http://").unwrap();
    let (address, login) = rest.split_once("   ").unwrap();
    assert_eq!(login, "client id simulated-client, secret simulated-secret");
    let address: SocketAddr = address.parse().unwrap();

    let state: Value = serde_json::from_str(&get(address, "/sim/state").await.unwrap().body).unwrap();
    assert_eq!(state["conversations_live"], 50);
    let faults: Value = serde_json::from_str(&get(address, "/sim/faults").await.unwrap().body).unwrap();
    assert_eq!(faults["duplicate"], 0.5);
    let told = post(address, "/sim/faults", "application/json", br#"{"status_503": 1}"#).await.unwrap();
    assert_eq!(told.status, 200);
    assert_eq!(get(address, "/api/v2/tokens/me").await.unwrap().status, 401);

    let killed = Command::new("kill").arg(child.id().unwrap().to_string()).status().await.unwrap();
    assert!(killed.success());
    assert!(timeout(PATIENCE, child.wait()).await.unwrap().unwrap().success());
}

/// Guarantees: a wrong scenario ends it with 1, and with the file, the line and the mend.
#[tokio::test]
async fn a_wrong_scenario_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.yaml");
    std::fs::write(&file, "# Nothing works.\nsteps:\n  - arrives\n  - quue billing for 40s\n").unwrap();
    let file = file.to_str().unwrap();
    let output = simulator(&["--scenario", file]).output().await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("{file}:4: `quue billing for 40s` is no step; ")), "{said}");
}
