//! The policy's name and `ot=th`, on request.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;

use super::super::facts::Facts;
use super::super::policy::{Subject, Verdict};
use super::spans::{Bench, SECOND, With, policies, span};

const MARKED: &str = "
decision_wait: 5s
record_policy: true
record_threshold: true
policies:
  - {name: half, type: probabilistic, probabilistic: {sampling_percentage: 50}}
  - {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}
  - {name: some, type: rate_limiting, rate_limiting: {spans_per_second: 1000}}
";

fn scope_attributes(request: &ExportTraceServiceRequest) -> Vec<String> {
    let scope = request.resource_spans[0].scope_spans[0].scope.clone().unwrap();
    assert_eq!(scope.name, "scope");
    scope
        .attributes
        .iter()
        .map(|one| format!("{} {:?}", one.key, one.value.clone().unwrap().value.unwrap()))
        .collect()
}

fn states(requests: &[ExportTraceServiceRequest]) -> Vec<&str> {
    let scopes = requests.iter().flat_map(|request| &request.resource_spans).flat_map(|r| &r.scope_spans);
    scopes.flat_map(|scope| &scope.spans).map(|span| span.trace_state.as_str()).collect()
}

#[test]
fn the_policy_stands_on_the_scope() {
    let mut bench = Bench::new(
        &MARKED
            .replace("half, type: probabilistic", "half, type: always_sample")
            .replace(", probabilistic: {sampling_percentage: 50}", ""),
    );
    bench.send(vec![span(1, 1)]);
    bench.wait(5 * SECOND);
    assert_eq!(scope_attributes(&bench.decoded()[0]), [r#"tailsampling.policy StringValue("half")"#]);
    bench.send(vec![span(1, 2)]);
    assert_eq!(
        scope_attributes(&bench.decoded()[0]),
        [r#"tailsampling.policy StringValue("half")"#, "tailsampling.cached_decision BoolValue(true)"]
    );
}

/// Guarantees: a span kept by chance says for how many it stands; one that is kept for sure stands for itself; where
/// nobody can tell, nothing is claimed.
#[test]
fn the_threshold_stands_in_the_tracestate() {
    let only = |policies: &str| {
        Bench::new(&format!("record_threshold: true\ndecision_wait: 5s\npolicies: [{policies}]"))
    };
    let half = "{name: half, type: probabilistic, probabilistic: {sampling_percentage: 50}}";
    let errors = "{name: errors, type: status_code, status_code: {status_codes: [ERROR]}}";
    let rate = "{name: some, type: rate_limiting, rate_limiting: {spans_per_second: 1000}}";
    let spans = |trace: u8| {
        vec![
            span(trace, 1),
            Span { trace_state: "ot=th:8;rv:12345678901234,x=y".into(), ..span(trace, 2) },
            Span { trace_state: "ot=ro".into(), ..span(trace, 3) },
        ]
    };
    let mut bench = only(half);
    (0..=9).for_each(|trace| bench.send(spans(trace)));
    bench.wait(5 * SECOND);
    let out = bench.decoded();
    assert_eq!(&states(&out)[..3], ["ot=th:8", "ot=th:c;rv:12345678901234,x=y", "ot=th:8"]);
    let mut bench = only(&format!("{half}, {errors}"));
    bench.send(spans(1).into_iter().map(|span| span.status(2)).collect());
    bench.wait(5 * SECOND);
    assert_eq!(states(&bench.decoded()), ["", "ot=th:8;rv:12345678901234,x=y", "ot=ro"]);
    let mut bench = only(rate);
    bench.send(spans(1));
    bench.wait(5 * SECOND);
    assert_eq!(states(&bench.decoded()), ["", "ot=rv:12345678901234,x=y", "ot=ro"]);
}

/// Scenario: ten thousand traces with the same spans, by policies that overlap in one way or another.
/// Guarantees: what a kept trace claims is the share that is kept; where that cannot be said exactly, nothing is claimed.
#[test]
fn what_is_claimed_is_what_is_kept() {
    let names = std::cell::Cell::new(0);
    let share = |percentage: u32, salt: &str| {
        let name = names.replace(names.get() + 1);
        format!(
            "{{name: share {name}, type: probabilistic, probabilistic: {{sampling_percentage: {percentage}, hash_salt: '{salt}'}}}}"
        )
    };
    let errors = "{name: errors, type: status_code, status_code: {status_codes: [ERROR]}}".to_owned();
    let rate = "{name: rate, type: rate_limiting, rate_limiting: {spans_per_second: 1000}}".to_owned();
    let sub = |kind: &str, parts: &[String]| {
        format!("{{name: {kind}, type: {kind}, {kind}: {{{kind}_sub_policy: [{}]}}}}", parts.join(", "))
    };
    let not = |part: String| format!("{{name: not, type: not, not: {{not_sub_policy: {part}}}}}");
    let either = |parts: &[String]| parts.join(", ");
    let all = "{name: all, type: always_sample}".to_owned();
    for (policies_are, fails, claimed) in [
        (either(&[share(50, "a"), share(50, "a")]), false, Some(0.5)),
        (either(&[share(50, "a"), share(50, "b")]), false, None),
        (either(&[share(20, "a"), share(50, "a")]), false, Some(0.5)),
        (sub("and", &[share(50, "a"), share(20, "a")]), false, Some(0.2)),
        (sub("and", &[share(50, "a"), share(20, "b")]), false, None),
        (sub("and", &[share(50, "a"), share(100, "b")]), false, Some(0.5)),
        (not(share(20, "a")), false, Some(0.8)),
        (sub("and", &[share(50, "a"), not(share(20, "a"))]), false, Some(0.3)),
        (either(&[share(50, "a"), not(share(20, "a"))]), false, Some(1.0)),
        (either(&[share(20, "a"), sub("and", &[share(80, "a"), not(share(50, "a"))])]), false, None),
        (either(&[share(50, "a"), errors.clone()]), false, Some(0.5)),
        (either(&[share(50, "a"), errors.clone()]), true, Some(1.0)),
        // Had the one not kept it, the other could have.
        (either(&[share(50, "a"), sub("and", &[errors.clone(), share(50, "b")])]), false, Some(0.5)),
        (either(&[share(50, "a"), sub("and", &[errors.clone(), share(50, "b")])]), true, None),
        (either(&[share(50, "a"), rate.clone()]), false, None),
        (either(&[share(50, "a"), sub("and", &[rate.clone(), errors.clone()])]), false, Some(0.5)),
        // What a drop leaves.
        (either(&[all.clone(), sub("drop", &[share(30, "a")])]), false, Some(0.7)),
        (either(&[all.clone(), sub("drop", &[share(30, "a"), errors.clone()])]), false, Some(1.0)),
        (either(&[share(50, "a"), sub("drop", &[share(30, "a")])]), false, Some(0.2)),
        (either(&[share(50, "a"), sub("drop", &[share(30, "b")])]), false, None),
    ] {
        let (_, by) = policies(&format!("record_threshold: true\npolicies: [{policies_are}]"));
        let facts = Facts { statuses: 1 << if fails { 2 } else { 0 }, spans: 1, ..Facts::default() };
        let mut kept = 0_u32;
        for n in 0..10_000_u32 {
            let mut id = [0; 16];
            id[..4].copy_from_slice(&n.to_be_bytes());
            if let Verdict::Sampled(by) = by.decide(&Subject::new(id, None, &facts, 0), |_, _| ()) {
                kept += 1;
                let same = match (by.probability, claimed) {
                    (Some(one), Some(other)) => (one - other).abs() < 1e-9,
                    (one, other) => one == other,
                };
                assert!(same, "{policies_are}: {:?} instead of {claimed:?}", by.probability);
            }
        }
        let share = f64::from(kept) / 10_000.0;
        assert!(
            kept > 0 && claimed.is_none_or(|claimed| (share - claimed).abs() < 0.02),
            "{policies_are}: {share}"
        );
    }
}

/// Scenario: a trace is kept by chance before all of it is there; a call is kept by chance by one of its traces.
/// Guarantees: what comes later could have kept it as well, so nothing is claimed, unless chance alone decides.
#[test]
fn what_may_still_come_is_not_claimed() {
    let half = "{name: half, type: probabilistic, probabilistic: {sampling_percentage: 50}}";
    let errors = "{name: errors, type: status_code, status_code: {status_codes: [ERROR]}}";
    let drops = "{name: few, type: drop, drop: {drop_sub_policy: [{name: few, type: probabilistic, probabilistic: {sampling_percentage: 1, hash_salt: few}}]}}";
    let early = "sampling_strategy: span-ingest";
    let joined = "decide_by: interaction";
    let upstream = |trace: u8| Span { trace_state: "ot=th:8".into(), ..span(trace, 1) };
    for (how, policies, status, after) in [
        (early, half.to_owned(), 0, "ot=th:c"),
        (early, format!("{half}, {errors}"), 0, ""),
        (early, format!("{half}, {errors}"), 2, "ot=th:8"),
        (joined, half.to_owned(), 0, "ot=th:c"),
        (joined, format!("{half}, {errors}"), 0, ""),
        (joined, format!("{half}, {errors}"), 2, "ot=th:8"),
        (joined, format!("{half}, {drops}"), 0, ""),
    ] {
        let mut bench =
            Bench::new(&format!("record_threshold: true\ndecision_wait: 5s\n{how}\npolicies: [{policies}]"));
        for call in 0..20 {
            bench.send(vec![upstream(call).text("interaction.id", &format!("call {call}")).status(status)]);
        }
        bench.wait(5 * SECOND);
        let out = bench.decoded();
        let states = states(&out);
        assert!(
            !states.is_empty() && states.iter().all(|state| *state == after),
            "{how} {policies}: {states:?}"
        );
    }
}
