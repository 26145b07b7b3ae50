//! The texts, of hops that are acted: golden.

use expect_test::{expect, expect_file};
use hops::field::Field;
use hops::finding::{Path, Trial};
use hops::outcome::{Answer, Outcome};
use hops::probe::{Mark, Probe, Protocol};
use hops::report::{Health, Report};
use hops::seen::Seen;

/// What the echo behind a hop sees of these lines; a status where the hop refuses.
type Act = fn(Vec<Field>) -> Result<Vec<Field>, u16>;

fn path(server: &str, act: Act) -> Path {
    let trial = |probe: Probe| {
        let outcomes = (0..3).map(|round| {
            let mark = Mark { run: 7, probe: probe.number, round };
            let fields = vec![Field::new("Server", format!(" {server}"))];
            let answer = Answer { status: 200, native: true, fields, page: String::new() };
            let outcome = match act(probe.fields(mark)) {
                Ok(fields) => {
                    let (protocol, method, target) = ("HTTP/1.1".into(), probe.method.into(), "/".into());
                    Outcome::Echoed(answer, Seen { protocol, method, target, fields })
                }
                Err(status) => Outcome::Foreign(Answer { status, ..answer }),
            };
            (mark, outcome)
        });
        Trial { outcomes: outcomes.collect(), probe }
    };
    let trials = Probe::all(&[Protocol::Http1]).into_iter().map(trial).collect();
    Path { address: "http://hop.example/".into(), trials }
}

fn nginx(fields: Vec<Field>) -> Result<Vec<Field>, u16> {
    if fields.iter().any(|field| field.raw.len() > 8_100) {
        return Err(400);
    }
    Ok(fields.into_iter().filter(|field| !field.name.contains(['_', '.'])).collect())
}

fn stripping(fields: Vec<Field>) -> Result<Vec<Field>, u16> {
    let kept = |field: &Field| !field.is("traceparent") && !field.is("tracestate");
    Ok(fields.into_iter().filter(kept).collect())
}

#[test]
fn what_is_only_worth_knowing() {
    let report = Report::of(&[path("nginx/1.22.1", nginx)], false);
    assert_eq!(report.health(), Health::Sound);
    expect_file!["golden/notes.txt"].assert_eq(&report.to_string());
}

#[test]
fn what_breaks_tracing_at_an_unknown_product() {
    let report = Report::of(&[path("acme", stripping)], false);
    assert_eq!(report.health(), Health::Broken);
    expect_file!["golden/stripped.txt"].assert_eq(&report.to_string());
    let json = serde_json::to_string_pretty(&report.to_json()).unwrap();
    expect_file!["golden/stripped.json"].assert_eq(&json);
}

#[test]
fn nothing_to_say() {
    let report = Report::of(&[path("", Ok)], true);
    assert_eq!(report.health(), Health::Sound);
    expect![[r#"
        http://hop.example/ (93 requests)
          hop: no product that the doctor knows
          Everything came through as it was sent.
          longest tracestate that came through: 64000 bytes

        Nothing breaks tracing."#]]
    .assert_eq(&report.to_string());
}

#[test]
fn an_inner_hop_answers_for_itself() {
    let report = Report::of(&[path("", stripping), path("", stripping), path("", Ok)], false);
    let counts: Vec<_> = report.hops.iter().map(|hop| hop.findings.len()).collect();
    assert_eq!(counts[0], 0);
    assert!(counts[1] > 0);
    assert_eq!(counts[2], 0);
}
