//! The texts, of hops that are acted: golden.

use expect_test::{expect, expect_file};
use hops::field::Field;
use hops::finding::{Case, Finding, Path, Trial};
use hops::mend::mends;
use hops::outcome::{Answer, Outcome};
use hops::probe::{About, Mark, Probe, Protocol};
use hops::report::{Health, Report};
use hops::seen::Seen;
use hops::verdict::{Demands, Severity, Verdict};

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
    Path { address: "http://hop.example/".into(), trials, itself: None }
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
    let report = Report::of(&[path("nginx/1.22.1", nginx)], &Demands::default());
    assert_eq!(report.health(), Health::Sound);
    expect_file!["golden/notes.txt"].assert_eq(&report.to_string());
}

#[test]
fn what_breaks_tracing_at_an_unknown_product() {
    let report = Report::of(&[path("acme", stripping)], &Demands::default());
    assert_eq!(report.health(), Health::Broken);
    expect_file!["golden/stripped.txt"].assert_eq(&report.to_string());
    let json = serde_json::to_string_pretty(&report.to_json()).unwrap();
    expect_file!["golden/stripped.json"].assert_eq(&json);
}

/// What was asked for by name has to be spoken; otherwise it is only said.
#[test]
fn a_protocol_that_is_not_spoken() {
    let mut mute = path("", Ok);
    for trial in &mut mute.trials {
        trial.probe.protocol = Protocol::Grpc;
        for (_, outcome) in &mut trial.outcomes {
            *outcome = Outcome::NotSpoken("HTTP/2 is not spoken here".to_owned());
        }
    }
    let mut both = path("", Ok);
    both.trials.append(&mut mute.trials);
    assert_eq!(Report::of(std::slice::from_ref(&both), &Demands::default()).health(), Health::Sound);
    let demands = Demands { protocols: vec![Protocol::Grpc], ..Demands::default() };
    let report = Report::of(&[both], &demands);
    assert_eq!(report.health(), Health::Unchecked);
    let text = report.to_string();
    assert_eq!(text.lines().next(), Some("NOT CHECKED: no gRPC: HTTP/2 is not spoken here."));
}

/// A path that comes to life after it was given up has not been checked.
#[test]
fn nothing_sent_is_not_sound() {
    let mut late = path("", Ok);
    for trial in late.trials.iter_mut().skip(1) {
        trial.outcomes.clear();
    }
    late.trials[0].outcomes[0].1 = Outcome::Unreachable("no connection".to_owned());
    let report = Report::of(&[late], &Demands::default());
    assert_eq!(report.health(), Health::Unchecked, "{report}");
    assert_eq!(report.hops[0].unreached.as_deref(), Some("no connection"));
}

/// A hop that restarts refuses once; one that loses a header once is broken for one of so many calls.
#[test]
fn once_is_told_from_always() {
    for (once, health) in [
        (Outcome::Foreign(Answer { status: 502, ..Answer::default() }), Health::Sound),
        (path("", stripping).trials[1].outcomes[0].1.clone(), Health::Broken),
    ] {
        let mut path = path("", Ok);
        path.trials[1].outcomes[0].1 = once;
        let report = Report::of(&[path], &Demands::default());
        assert_eq!(report.health(), health, "{report}");
        assert!(report.hops[0].findings[0].flaps());
        assert!(report.to_string().contains("plain (1 of 3 times)"), "{report}");
    }
}

/// A hop that refuses 8 kB is worth knowing; whoever asks for 8 kB gets an error, and the same mend.
#[test]
fn the_size_that_has_to_pass() {
    let refusing: Act = |fields| match fields.iter().any(|field| field.raw.len() > 8_190) {
        true => Err(431),
        false => Ok(fields),
    };
    let paths = [path("Apache", refusing)];
    let demands = Demands { size: 8_192, ..Demands::default() };
    for (demands, health) in [(Demands::default(), Health::Sound), (demands, Health::Broken)] {
        let report = Report::of(&paths, &demands);
        assert_eq!(report.health(), health);
        let [mend] = &report.hops[0].mends[..] else { panic!("{report}") };
        assert_eq!(mend.put_in[0], "LimitRequestFieldSize 98304");
        assert_eq!(report.hops[0].longest, Some(8_000));
    }
}

#[test]
fn nothing_to_say() {
    let report = Report::of(&[path("", Ok)], &Demands::default());
    assert_eq!(report.health(), Health::Sound);
    expect![[r#"
        SOUND: nothing on the path breaks tracing.

        Hop 1: http://hop.example/ to the echo (102 requests)
          product      none that the doctor knows
          passed       b3, baggage, otel-trace-id, previous-trace-id, trace.parent, trace_parent, traceparent, tracestate, uber-trace-id, x-amzn-trace-id, x-b3-sampled, x-b3-spanid, x-b3-traceid, x-correlation-id, x-datadog-parent-id, x-datadog-sampling-priority, x-datadog-trace-id, x-inin-cnv, x-request-id, x-traceparent
          longest      a tracestate of 64000 bytes, from here to the echo
    "#]]
    .assert_eq(&report.to_string());
}

#[test]
fn an_inner_hop_answers_for_itself() {
    let report = Report::of(&[path("", stripping), path("", stripping), path("", Ok)], &Demands::default());
    let counts: Vec<_> = report.hops.iter().map(|hop| hop.findings.len()).collect();
    assert_eq!(counts[0], 0);
    assert!(counts[1] > 0);
    assert_eq!(counts[2], 0);
}

/// Each product that the doctor knows, by what it says or writes, and its lines.
#[test]
fn products() {
    for (server, names, product) in [
        ("nginx", "", "NGINX"),
        ("openresty/1.25", "", "NGINX"),
        ("envoy", "", "Envoy"),
        ("", "x-envoy-expected-rq-timeout-ms", "Envoy"),
        ("awselb/2.0", "", "AWS ALB"),
        ("", "x-amzn-trace-id", "AWS ALB"),
        ("Apache/2.4.62 (Debian)", "", "Apache"),
        ("", "X-Forwarded-Server", "Apache"),
        ("", "X-Forwarded-Server X-Real-Ip", "Traefik"),
        ("Caddy", "", "Caddy"),
        ("", "X-Varnish", "Varnish"),
    ] {
        let mut path = path(server, stripping);
        for (_, outcome) in path.trials.iter_mut().flat_map(|trial| &mut trial.outcomes) {
            if let Outcome::Echoed(_, seen) = outcome {
                seen.fields.extend(names.split_whitespace().map(|name| Field::new(name, " 1")));
            }
        }
        let report = Report::of(&[path], &Demands::default());
        let suspects: Vec<_> = report.hops[0].suspects.iter().map(|s| s.product.name()).collect();
        assert_eq!(suspects, [product], "{server} {names}");
        assert!(!report.hops[0].mends.is_empty(), "{report}");
        assert!(report.hops[0].mends.iter().all(|mend| mend.product.name() == product), "{report}");
    }
}

/// Everything that can be printed as a mend.
#[test]
fn every_mend() {
    let finding = |header: &str, verdict, about, protocol| Finding {
        severity: Severity::Error,
        header: header.to_owned(),
        verdict,
        cases: vec![Case { number: 1, name: "", protocol, about, times: 1, of: 1 }],
    };
    let http = Protocol::Http1;
    let findings = [
        finding("traceparent", Verdict::Stripped, About::Context, http),
        finding("tracestate", Verdict::Stripped, About::Context, http),
        finding("request", Verdict::Refused(Some(431)), About::Size(8_000), http),
        finding("traceparent", Verdict::Restarted, About::Context, http),
        finding("traceparent", Verdict::Duplicated, About::Context, http),
        finding("trace_parent", Verdict::Stripped, About::Alias, http),
        finding("request", Verdict::Downgraded, About::Context, Protocol::WebSocket),
        finding("request", Verdict::Downgraded, About::Context, Protocol::Grpc),
    ];
    let text: Vec<_> = mends(&findings, &[]).iter().map(ToString::to_string).collect();
    expect_file!["golden/mends.txt"].assert_eq(&text.join("\n"));
}
