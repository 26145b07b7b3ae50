//! The policy's name and `ot=th`, on request.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;

use super::spans::{Bench, SECOND, With, span};

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
