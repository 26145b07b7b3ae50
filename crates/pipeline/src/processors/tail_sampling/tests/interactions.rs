//! `decide_by: interaction`: all traces of a call share one decision.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;

use flow::Audience;

use super::spans::{Bench, SECOND, With, encoded, key_value, span, under};

const BY_CALL: &str = "
decision_wait: 5s
decide_by: interaction
interaction_wait: 60s
policies:
  - {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}
  - {name: probes, type: drop, drop: {drop_sub_policy: [{name: probe, type: boolean_attribute, boolean_attribute: {key: probe, value: true}}]}}
";

fn of_call(span: Span) -> Span {
    span.text("interaction.id", "call-1")
}

#[test]
fn a_trace_that_is_kept_keeps_the_others() {
    let mut bench = Bench::new(BY_CALL);
    bench.send(vec![of_call(span(1, 1)), span(1, 2), span(9, 9)]);
    bench.wait(20 * SECOND);
    assert_eq!((bench.names().len(), bench.gone()), (0, 1), "undecided ones wait, others do not");
    bench.send(vec![of_call(span(2, 3).status(2)), of_call(span(3, 4))]);
    bench.wait(5 * SECOND);
    let mut names = bench.names();
    names.sort();
    assert_eq!(names, ["span 1", "span 2", "span 3", "span 4"]);
    bench.wait(100 * SECOND);
    bench.send(vec![of_call(span(4, 5)), span(2, 6)]);
    assert_eq!(bench.names(), ["span 5", "span 6"], "late traces follow at once");
}

#[test]
fn the_id_may_stand_on_the_resource_or_come_later() {
    let mut bench = Bench::new(BY_CALL);
    let resource = || vec![key_value("interaction.id", Value::StringValue("call-1".into()))];
    bench.send_bytes(&encoded(vec![under(resource(), vec![span(1, 1)])]), Audience::All);
    bench.send(vec![span(2, 2).status(2)]);
    bench.send(vec![of_call(span(2, 3))]);
    bench.wait(5 * SECOND);
    assert_eq!(bench.names().len(), 3);
}

#[test]
fn a_trace_that_was_kept_before_its_call_was_known_keeps_the_call() {
    let mut bench = Bench::new(BY_CALL);
    bench.send(vec![span(1, 1).status(2)]);
    bench.wait(5 * SECOND);
    bench.send(vec![of_call(span(2, 2))]);
    bench.wait(20 * SECOND);
    assert_eq!(bench.names(), ["span 1"]);
    bench.send(vec![of_call(span(1, 3))]);
    let mut names = bench.names();
    names.sort();
    assert_eq!(names, ["span 2", "span 3"]);
}

#[test]
fn undecided_ones_go_when_the_call_is_silent() {
    let mut bench = Bench::new(BY_CALL);
    bench.send(vec![of_call(span(1, 1))]);
    bench.wait(50 * SECOND);
    bench.send(vec![of_call(span(2, 2))]);
    bench.wait(59 * SECOND);
    assert_eq!(bench.gone(), 0, "the call was heard of since");
    bench.wait(SECOND);
    assert_eq!((bench.gone(), bench.shard.traces()), (2, 0));
    bench.send(vec![of_call(span(3, 3).status(2)), of_call(span(1, 4))]);
    bench.wait(5 * SECOND);
    assert_eq!((bench.names(), bench.gone()), (vec!["span 3".to_owned()], 1));
    bench.send(vec![of_call(span(1, 5))]);
    assert_eq!(bench.names(), ["span 5"], "from now on the call is kept");
}

#[test]
fn a_span_that_comes_later_is_asked_too() {
    let mut bench = Bench::new(BY_CALL);
    bench.send(vec![of_call(span(1, 1))]);
    bench.wait(10 * SECOND);
    bench.send(vec![span(1, 2).status(2)]);
    bench.wait(5 * SECOND);
    assert_eq!(bench.names().len(), 2);
}

#[test]
fn what_a_policy_drops_is_not_kept_for_others() {
    let mut bench = Bench::new(BY_CALL);
    let probe = |trace, number| of_call(span(trace, number)).attribute("probe", Value::BoolValue(true));
    bench.send(vec![probe(1, 1), of_call(span(2, 2))]);
    bench.send(vec![of_call(span(3, 3).status(2))]);
    bench.wait(5 * SECOND);
    let names = bench.names();
    assert_eq!((names.contains(&"span 1".to_owned()), names.len(), bench.gone()), (false, 2, 1));
    bench.send(vec![probe(4, 4)]);
    assert_eq!((bench.names().len(), bench.gone()), (0, 1));
}

#[test]
fn where_there_is_no_room_undecided_ones_go_first() {
    let mut bench = Bench::new(&format!("num_traces: 3\n{BY_CALL}"));
    bench.send(vec![of_call(span(1, 1))]);
    bench.wait(10 * SECOND);
    bench.send(vec![of_call(span(2, 2)), span(3, 3), span(4, 4)]);
    assert_eq!((bench.gone(), bench.shard.traces()), (1, 3));
    assert_eq!(bench.shard.tally().take().early_by_traces, 1);
}

#[test]
fn shutdown_keeps_calls_whole() {
    let mut bench = Bench::new(BY_CALL);
    bench.send(vec![of_call(span(1, 1)), of_call(span(2, 2)), span(3, 3)]);
    bench.send(vec![of_call(span(4, 4).status(2))]);
    bench.finish();
    assert_eq!((bench.names().len(), bench.gone(), bench.shard.traces()), (3, 1, 0));
}

/// Guarantees: a choice by chance is one for the whole call.
#[test]
fn chance_goes_by_the_call() {
    let yaml = "decide_by: interaction\npolicies: [{name: half, type: probabilistic, probabilistic: {sampling_percentage: 50}}]";
    let mut kept = 0;
    for call in 0..40 {
        let mut bench = Bench::new(yaml);
        bench.send(
            (1..=5).map(|n| span(n, u64::from(n)).text("interaction.id", &format!("call {call}"))).collect(),
        );
        bench.finish();
        let out = bench.names().len();
        assert!(out == 0 || out == 5, "{out}");
        kept += usize::from(out == 5);
    }
    assert!((8..32).contains(&kept), "{kept}");
}
