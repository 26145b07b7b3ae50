//! `throughline simulate`: what it says, and its exit codes.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use expect_test::expect;

fn simulate(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_throughline")).arg("simulate").args(arguments).output().unwrap()
}

fn config() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/sampling.yaml").display().to_string()
}

fn trace() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/simulate/trace.json").display().to_string()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn it_says_which_policy_decides_and_why() {
    let output = simulate(&["--config", &config(), &trace()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    expect![[r#"
        trace 4bf92f3577f34da6c19e9222d19e89b8  2 spans, 2340 ms: SAMPLED by `slow-calls`
          critical-paths  string_attribute  not sampled  on no span or resource `http.route` matches ^/payments or ^/identity or ^/actions/customer$
          slow-calls      latency           sampled      2340 ms; at least 2000 ms is asked for

        trace 00000000000000000000000000000002  1 span, 40 ms: SAMPLED by `critical-paths`
          critical-paths  string_attribute  sampled      `http.route` matches ^/payments or ^/identity or ^/actions/customer$ on `POST /payments/{id}` of crm
          slow-calls      latency           not sampled  40 ms; at least 2000 ms is asked for

        trace 00000000000000000000000000000003  1 span, 90 ms: NOT SAMPLED, no policy wants it
          critical-paths  string_attribute  not sampled  on no span or resource `http.route` matches ^/payments or ^/identity or ^/actions/customer$
          slow-calls      latency           not sampled  90 ms; at least 2000 ms is asked for
    "#]].assert_eq(&text(&output.stdout));
}

#[test]
fn programs_get_json_and_an_exit_code() {
    let output = simulate(&["--config", &config(), &trace(), "--json", "--expect", "sampled"]);
    assert_eq!(output.status.code(), Some(1));
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let decisions: Vec<_> = answer["traces"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["decision"].as_str().unwrap(), one["policy"].as_str()))
        .collect();
    let expected =
        [("sampled", Some("slow-calls")), ("sampled", Some("critical-paths")), ("not_sampled", None)];
    assert_eq!(decisions, expected);
    let why = "error: trace 00000000000000000000000000000003 is not_sampled, not sampled\n";
    assert_eq!(text(&output.stderr), why);
}

/// As the exporter `file` writes them.
#[test]
fn one_request_in_each_line_is_read_too() {
    let line = std::fs::read_to_string(trace()).unwrap().replace('\n', " ");
    let other = line.replace("4bf92f35", "4bf92f36");
    let mut child = Command::new(env!("CARGO_BIN_EXE_throughline"))
        .args(["simulate", "--config", &config(), "--json", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(format!("{line}\n\n{other}\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["traces"].as_array().unwrap().len(), 4);
}

#[test]
fn what_is_wrong_is_said_with_exit_code_1() {
    let nowhere = simulate(&["--config", &config(), "no-such-file.json"]);
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(text(&nowhere.stderr).starts_with("error: no-such-file.json: "));
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(br#"{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "12"}]}]}]}"#).unwrap();
    let broken = simulate(&["--config", &config(), &file.path().display().to_string()]);
    assert_eq!(broken.status.code(), Some(1));
    assert!(text(&broken.stderr).contains("traceId"), "{}", text(&broken.stderr));
    let none = simulate(&[&trace()]);
    assert_eq!(none.status.code(), Some(1));
    assert!(text(&none.stderr).contains("has a processor `tail_sampling`"), "{}", text(&none.stderr));
}
