//! `throughline genesys`: its exit codes and what it must not print, over the built binary.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use sim::genesys::scenario::library;
use sim::genesys::serve::{Settings, Simulator};
use sim::genesys::service::{Options, Traffic};

/// A simulator that answers while the binary runs.
struct Site {
    simulator: Simulator,
    runtime: tokio::runtime::Runtime,
}

impl Site {
    fn open() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let options = Options::quiet(library().unwrap());
        let simulator = runtime.block_on(Simulator::start(options, Settings::default())).unwrap();
        Self { simulator, runtime }
    }

    fn url(&self) -> String {
        self.simulator.base_url()
    }
}

fn check(arguments: &[&str], secret: Option<&str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_throughline"));
    command.args(["genesys", "check"]).args(arguments).env_remove("GENESYS_CLIENT_SECRET");
    command.envs(secret.map(|secret| ("GENESYS_CLIENT_SECRET", secret)));
    let output = command.output().unwrap();
    if let Some(secret) = secret {
        assert!(!format!("{}{}", said(&output.stdout), said(&output.stderr)).contains(secret));
    }
    output
}

fn said(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_client_by_itself() {
    let site = Site::open();
    let arguments = ["--region", &site.url(), "--client-id", "simulated-client"];
    let good = check(&arguments, Some("simulated-secret"));
    assert_eq!(good.status.code(), Some(0), "{good:?}");
    assert!(said(&good.stdout).contains("\nok    notification socket: "), "{good:?}");
    let wrong = check(&arguments, Some("an-0ther-secret"));
    assert_eq!(wrong.status.code(), Some(1), "{wrong:?}");
    assert!(said(&wrong.stdout).contains("\nFAIL  token: "), "{wrong:?}");
}

#[test]
fn a_configuration_with_its_ports() {
    let site = Site::open();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.yaml");
    let yaml = format!(
        "receivers:\n  genesys_cloud:\n    region: {}\n    client_id: simulated-client\n    client_secret: ${{env:GENESYS_CLIENT_SECRET}}\n  \
         otlp:\n    protocols:\n      grpc:\n        endpoint: {}\n      http:\n        endpoint: 127.0.0.1:0\n\
         exporters:\n  debug:\nservice:\n  telemetry:\n    metrics:\n      level: none\n  \
         pipelines:\n    traces:\n      receivers: [genesys_cloud, otlp]\n      exporters: [debug]\n",
        site.url(),
        taken.local_addr().unwrap()
    );
    std::fs::write(&file, yaml).unwrap();
    let output = check(&["--config", file.to_str().unwrap(), "--json"], Some("simulated-secret"));
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let fails: Vec<&Value> =
        report["checks"].as_array().unwrap().iter().filter(|line| line["verdict"] == "FAIL").collect();
    assert_eq!(fails.len(), 1, "{report}");
    assert_eq!(fails[0]["what"], "port of otlp");
    assert!(fails[0]["found"].as_str().unwrap().contains("is taken by another process"), "{report}");
}

#[test]
fn what_cannot_be_checked_is_told() {
    let client = ["--region", "eu_west_1", "--client-id", "c"];
    for (arguments, code, words) in [
        (&client[..], 2, "set GENESYS_CLIENT_SECRET"),
        (&client[..2], 2, "--client-id"),
        (&[], 2, "--config"),
        (&["--config", "yaml:receivers::otlp:"], 1, ""),
        (&["--config", "nowhere.yaml"], 1, "nowhere.yaml"),
    ] {
        let output = check(arguments, None);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        assert!(said(&output.stderr).contains(words), "{output:?}");
    }
    let unknown = check(&["--region", "eu_west_9", "--client-id", "c"], Some("hush-hush"));
    assert_eq!(unknown.status.code(), Some(2), "{unknown:?}");
}

#[test]
fn a_time_that_cannot_be_filled_is_told() {
    for (from, to, words) in [
        ("2026-02-01", "2026-01-01", "--from has to be before --to"),
        ("2026-01-01", "2099-01-01", "--to is in the future"),
        ("yesterday", "2026-01-01", "2026-01-31T08:00:00Z"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_throughline"))
            .args(["genesys", "backfill", "--from", from, "--to", to])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(said(&output.stderr).contains(words), "{output:?}");
    }
}

/// Answers every request with the same, closes, and keeps what was asked.
fn answering(answer: &str) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (asked, answer) = (Arc::new(Mutex::new(Vec::new())), answer.to_owned());
    let kept = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if stream.read(&mut byte).unwrap() == 0 {
                    break;
                }
                head.extend(byte);
            }
            // Whether anybody listens is asked without a word.
            if head.is_empty() {
                continue;
            }
            let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            stream.read_exact(&mut vec![0; length.unwrap_or(0)]).unwrap();
            kept.lock().unwrap().push(head);
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    (address, asked)
}

#[test]
fn the_proxy_of_the_environment_is_used_and_explained() {
    let (proxy, asked) = answering("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
    let run = |no_proxy: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_throughline"));
        command.args(["genesys", "check", "--region", "https://genesys.invalid", "--client-id", "c"]);
        command.env("GENESYS_CLIENT_SECRET", "hush-hush").env("NO_PROXY", no_proxy).env_remove("no_proxy");
        command.env("HTTPS_PROXY", format!("http://user:hidden@{proxy}")).env_remove("https_proxy");
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let said = said(&output.stdout);
        assert!(!said.contains("hidden") && !said.contains("hush-hush"), "{said}");
        said
    };
    let through = run("");
    assert!(through.contains(&format!("\nFAIL  proxy: the proxy {proxy} answered 407 to CONNECT genesys.invalid:443; it does not take the login")), "{through}");
    let heads = asked.lock().unwrap().clone();
    assert!(
        heads.iter().all(|head| head.contains("proxy-authorization: basic ")) && heads.len() == 1,
        "{heads:?}"
    );
    let past = run("genesys.invalid");
    assert!(past.contains("\nFAIL  DNS: genesys.invalid has no address"), "{past}");
    assert_eq!(asked.lock().unwrap().len(), 1);
}

#[test]
fn spans_that_are_rejected_are_told_and_sent_again() {
    let site = Site::open();
    let traffic = Traffic { concurrent: 3, calls: Some(3), speed: 1000.0, ..Traffic::default() };
    site.simulator.with(|service| service.let_in(traffic));
    // Analytics is a few seconds behind.
    let ended = || site.simulator.with(|service| (service.tally().conversations_ended, service.now()));
    let mut over = None;
    while over.is_none_or(|over| ended().1 < over + 5_000) {
        site.runtime.block_on(async { tokio::time::sleep(Duration::from_millis(50)).await });
        if let (3.., now) = ended() {
            over.get_or_insert(now);
        }
    }
    let partial = r#"{"partialSuccess":{"rejectedSpans":"2","errorMessage":"too old"}}"#;
    let answer = |body: &str| {
        let length = body.len();
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
    };
    let (picky, _) = answering(&answer(partial));
    let folder = tempfile::tempdir().unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    let (from, to) = (sim::genesys::time::iso(now - 3_600_000), sim::genesys::time::iso(now));
    let state = folder.path().join("state.json");
    let fill = |otlp: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_throughline"));
        command.args(["genesys", "backfill", "--region", &site.url(), "--client-id", "simulated-client"]);
        command.args(["--from", &from, "--to", &to, "--otlp", otlp]).arg("--state").arg(&state);
        command.env("GENESYS_CLIENT_SECRET", "simulated-secret").output().unwrap()
    };
    let otlp = format!("http://{picky}");
    for _ in 0..2 {
        let output = fill(&otlp);
        let said = said(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains("3 conversations, ") && said.contains("spans, 2 of them rejected, "), "{said}");
        assert!(
            said.contains(&format!(
                "error: 2 of the spans were rejected by {otlp}/: too old; mend that and start it again"
            )),
            "{said}"
        );
    }
}
