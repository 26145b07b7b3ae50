use proptest::prelude::*;

use super::*;
use crate::outcome::Answer;

const MARK: Mark = Mark { run: 0x1122_3344_5566_7788, probe: 2, round: 0 };

fn probe(protocol: Protocol, name: &str) -> Probe {
    Probe::all(&[protocol]).into_iter().find(|probe| probe.name == name).unwrap()
}

fn echoed(fields: Vec<Field>) -> Outcome {
    let seen = Seen { protocol: "HTTP/1.1".into(), method: "GET".into(), target: "/".into(), fields };
    Outcome::Echoed(Answer { status: 200, native: true, ..Answer::default() }, seen)
}

/// Lines as the echo saw them; `{trace}` and `{parent}` as in the probes.
fn verdict(name: &str, header: &str, lines: &[&str]) -> Verdict {
    let probe = probe(Protocol::Http1, name);
    let line = |line: &&str| {
        let (name, raw) = line.split_once(':').unwrap();
        let ids = MARK.traceparent();
        let raw =
            raw.replace("{trace}", &ids.trace_id.to_string()).replace("{parent}", &ids.parent_id.to_string());
        Field::new(name, raw)
    };
    let verdicts = classify(&probe, MARK, &echoed(lines.iter().map(line).collect()));
    verdicts.into_iter().find(|(found, _)| found == header).unwrap().1
}

const SENT: &str = "traceparent: 00-{trace}-{parent}-01";

#[test]
fn traceparents() {
    use Verdict::*;
    let other = "11111111111111111111111111111111";
    for (lines, expected) in [
        (vec![SENT], Passed),
        (vec!["traceparent:00-{trace}-{parent}-01  "], Passed),
        (vec![], Stripped),
        (vec!["Traceparent: 00-{trace}-{parent}-01"], Altered(How::Case)),
        (vec!["traceparent: 00-{trace}-2222222222222222-01"], Reparented),
        (vec!["traceparent: 00-{trace}-2222222222222222-00"], Altered(How::Sampled)),
        (vec!["traceparent: 00-{trace}-{parent}-00"], Altered(How::Sampled)),
        (vec!["traceparent: 00-{trace}-{parent}-03"], Altered(How::Flags)),
        (vec![&*format!("traceparent: 00-{other}-2222222222222222-01")], Restarted),
        (vec![SENT, SENT], Duplicated),
        (vec![SENT, &*format!("traceparent: 00-{other}-2222222222222222-01")], Duplicated),
        (vec!["traceparent: 00-{trace}-{parent}-01, 00-{trace}-{parent}-01"], Duplicated),
        (vec!["traceparent: nonsense"], Altered(How::Value)),
    ] {
        assert_eq!(verdict("plain", "traceparent", &lines), expected, "{lines:?}");
    }
}

#[test]
fn tracestates() {
    use Verdict::*;
    for (lines, expected) in [
        (vec!["tracestate: throughline=probe,ot=th:0"], Passed),
        (vec!["tracestate: throughline=probe", "tracestate: ot=th:0"], Passed),
        (vec!["tracestate:"], Stripped),
        (vec!["tracestate: ot=th:0,throughline=probe"], Altered(How::Reordered)),
        (vec!["tracestate: throughline=probe"], Altered(How::Cut)),
        (vec!["tracestate: x=1,throughline=probe,ot=th:0"], Altered(How::MembersAdded)),
        (vec!["tracestate: x=1"], Altered(How::Value)),
        (vec!["tracestate: throughline=probe,ot=th:0", "tracestate: throughline=probe,ot=th:0"], Duplicated),
    ] {
        assert_eq!(verdict("plain", "tracestate", &lines), expected, "{lines:?}");
    }
    let merged = ["tracestate: throughline=probe, ot=th:0"];
    assert_eq!(verdict("two tracestate headers", "tracestate", &merged), Altered(How::Merged));
    let one = ["tracestate: ot=th:0"];
    assert_eq!(verdict("two tracestate headers", "tracestate", &one), Altered(How::Cut));
}

#[test]
fn two_traceparents() {
    let other = Mark { run: !MARK.run, ..MARK }.traceparent().trace_id;
    let merged = format!("traceparent: 00-{{trace}}-{{parent}}-01, 00-{other}-{{parent}}-01");
    let name = "two traceparent headers";
    assert_eq!(verdict(name, "traceparent", &[&merged]), Verdict::Altered(How::Merged));
    assert_eq!(verdict(name, "traceparent", &[SENT]), Verdict::Altered(How::Cut));
}

#[test]
fn what_is_not_the_echo_is_a_refusal() {
    let plain = probe(Protocol::Http1, "plain");
    let foreign = Outcome::Foreign(Answer { status: 431, ..Answer::default() });
    assert_eq!(classify(&plain, MARK, &foreign), [(REQUEST.to_owned(), Verdict::Refused(Some(431)))]);
    assert_eq!(
        classify(&plain, MARK, &Outcome::Cut(String::new())),
        [(REQUEST.to_owned(), Verdict::Refused(None))]
    );
}

#[test]
fn every_probe_that_comes_as_it_was_sent_has_passed() {
    for probe in Probe::all(&Protocol::HTTP) {
        for (header, verdict) in classify(&probe, MARK, &echoed(probe.fields(MARK))) {
            assert_eq!(verdict, Verdict::Passed, "{} {header}", probe.name);
        }
    }
}

proptest! {
    /// Whatever an echo says there is one verdict for each header sent, and only what came unchanged has passed.
    #[test]
    fn total(
        at in 0..200_usize,
        lines in proptest::collection::vec(("(?i)traceparent|tracestate|baggage|b3|x", "[ -~]{0,80}"), 0..6),
    ) {
        let all = Probe::all(&Protocol::HTTP);
        let probe = &all[at % all.len()];
        let fields: Vec<_> = lines.into_iter().map(|(name, raw)| Field::new(name, raw)).collect();
        for (header, verdict) in classify(probe, MARK, &echoed(fields.clone())) {
            if !fields.iter().any(|field| field.is(&header)) {
                prop_assert_eq!(verdict, Verdict::Stripped);
            }
        }
    }
}
