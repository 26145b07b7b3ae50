//! The SDKs of Genesys Cloud, unmodified, cannot tell the simulator from the service.
//!
//! Needs what `scripts/setup-clients.sh` installs.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use sim::genesys::record::Record;
use sim::genesys::scenario::library;
use sim::genesys::serve::{Pace, Settings, Simulator};
use sim::genesys::service::{ENDPOINTS, Options};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

const START: u64 = 1_772_359_200_000;
const WITHIN: Duration = Duration::from_secs(300);

fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../e2e/clients")
}

async fn simulator() -> Simulator {
    let options = Options { requests_per_minute: 100_000, ..Options::quiet(library().unwrap()) };
    let settings = Settings { pace: Pace::Manual { start_ms: START }, ..Settings::default() };
    Simulator::start(options, settings).await.unwrap()
}

/// Runs a program against the simulator; fails if it is not installed, is too slow, or finds something wrong.
async fn drive(simulator: &Simulator, folder: &str, program: &str, script: &str, input: String) -> Output {
    let folder = clients().join(folder);
    let installed =
        ["node_modules/.installed", ".venv/.installed"].iter().any(|mark| folder.join(mark).exists());
    assert!(installed, "{}: run scripts/setup-clients.sh", folder.display());
    let mut child = Command::new(if program == "node" { program.into() } else { folder.join(program) })
        .args([script, &simulator.base_url()])
        .current_dir(&folder)
        .env("NO_PROXY", "127.0.0.1")
        .env("no_proxy", "127.0.0.1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let write = async move {
        // A program that fails early does not read to the end; its own words say why.
        stdin.write_all(input.as_bytes()).await.ok();
    };
    let (output, ()) =
        timeout(WITHIN, async { tokio::join!(child.wait_with_output(), write) }).await.unwrap();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn used(simulator: &Simulator) -> BTreeSet<&'static str> {
    simulator.with(|service| service.used().clone())
}

/// Every message of every scenario, and the answers of REST and analytics while and after it goes on.
fn messages() -> (String, usize) {
    let mut lines = Vec::new();
    for scenario in library().unwrap() {
        let record = Record::new(&scenario, 1, START);
        let mut last_of_users = std::collections::BTreeMap::new();
        for event in record.events() {
            let line = json!({"topic": event.topic, "body": event.body});
            match event.topic.starts_with("v2.users.") {
                // The same bodies as those of the queues, in models of other names.
                true => drop(last_of_users.insert(event.topic.clone(), line)),
                false => lines.push(line),
            }
        }
        lines.extend(last_of_users.into_values());
        let (start, last) = (record.start_ms(), record.last_ms() + 5000);
        for part in 0..=12 {
            let at = start + (last - start) * part / 12;
            let body =
                |model: &str, body: Option<Value>| body.map(|body| json!({"model": model, "body": body}));
            lines.extend(body("Conversation", record.conversation(at)));
            lines.extend(body("AnalyticsConversationWithoutAttributes", record.analytics(at)));
            lines.extend(body("AnalyticsConversation", record.analytics_with_attributes(at)));
        }
    }
    let count = lines.len();
    (lines.into_iter().map(|line| format!("{line}\n")).collect(), count)
}

/// Guarantees: the Python SDK's models know every field and every value, in all messages and all answers.
#[tokio::test]
async fn the_python_sdk_drives_every_endpoint() {
    let simulator = simulator().await;
    let (input, count) = messages();
    let output = drive(&simulator, "genesys-python", ".venv/bin/python", "drive.py", input).await;
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["messages"], count);
    assert!(said["models"].as_object().unwrap().len() > 40, "{said}");
    assert_eq!(used(&simulator), ENDPOINTS.iter().copied().collect());
}

/// Guarantees: the JavaScript SDK takes every answer.
#[tokio::test]
async fn the_javascript_sdk_drives_every_endpoint() {
    let simulator = simulator().await;
    drive(&simulator, "genesys-node", "node", "drive.mjs", String::new()).await;
    assert_eq!(used(&simulator), ENDPOINTS.iter().copied().collect());
}
