use expect_test::{Expect, expect};
use flow::Signal;
use flow::config::Node;
use flow::otlp::{Limits, accept, json};

use super::*;

const POLICIES: &str = "
decide_by: interaction
policies:
  - {name: slow, type: latency, latency: {threshold_ms: 2000}}
  - {name: failed, type: status_code, status_code: {status_codes: [ERROR]}}
  - name: payments in Europe
    type: and
    and:
      and_sub_policy:
        - {name: payments, type: string_attribute, string_attribute: {key: http.route, values: [/pay, /refund]}}
        - {name: not tested, type: not, not: {not_sub_policy: {name: test, type: boolean_attribute, boolean_attribute: {key: test, value: true}}}}
  - {name: other services, type: string_attribute, string_attribute: {key: service.name, values: [crm, ivr], invert_match: true}}
  - {name: a few tests, type: and, and: {and_sub_policy: [{name: test, type: boolean_attribute, boolean_attribute: {key: test, value: true}}, {name: few, type: rate_limiting, rate_limiting: {spans_per_second: 1}}]}}
  - {name: probes, type: drop, drop: {drop_sub_policy: [{name: health, type: ottl_condition, ottl_condition: {span: ['name == \"GET /health\"']}}]}}
";

const TRACES: &str = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"crm"}}]},"scopeSpans":[{"spans":[
{"traceId":"00000000000000000000000000000001","spanId":"0000000000000001","name":"POST /pay","startTimeUnixNano":"1000000000","endTimeUnixNano":"1040000000","attributes":[{"key":"http.route","value":{"stringValue":"/pay"}},{"key":"interaction.id","value":{"stringValue":"call-1"}}]},
{"traceId":"00000000000000000000000000000001","spanId":"0000000000000002","name":"SELECT","startTimeUnixNano":"1000000000","endTimeUnixNano":"1010000000","status":{"code":2}},
{"traceId":"00000000000000000000000000000002","spanId":"0000000000000003","name":"GET /health","startTimeUnixNano":"1000000000","endTimeUnixNano":"9000000000"},
{"traceId":"00000000000000000000000000000003","spanId":"0000000000000004","name":"GET /x","startTimeUnixNano":"1000000000","endTimeUnixNano":"1001000000","attributes":[{"key":"interaction.id","value":{"stringValue":"call-1"}}]},
{"traceId":"00000000000000000000000000000004","spanId":"0000000000000005","name":"GET /y","startTimeUnixNano":"1000000000","endTimeUnixNano":"1001000000"}
]}]}]}"#;

fn explained() -> Vec<Explanation> {
    let bytes = json::decode(Signal::Traces, TRACES.as_bytes()).unwrap();
    let batch = accept(Signal::Traces, bytes.into(), &Limits::default()).unwrap();
    let section = Node::load("tail.yaml", POLICIES).unwrap();
    Explainer::new(&section).unwrap().explain(&[batch], 0)
}

fn told(expected: Expect) {
    let texts: Vec<_> = explained().iter().map(ToString::to_string).collect();
    expected.assert_eq(&texts.join("\n"));
}

#[test]
fn every_policy_gives_its_reason() {
    told(expect![[r#"
        trace 00000000000000000000000000000001  2 spans, 40 ms, interaction call-1: SAMPLED by `failed`
          slow                latency            not sampled  40 ms; at least 2000 ms is asked for
          failed              status_code        sampled      the status of `SELECT` of crm is ERROR
          payments in Europe  and                sampled      all of its parts hold
            payments          string_attribute   holds        `http.route` is one of /pay, /refund on `POST /pay` of crm
            not tested        not                holds        `test` does not hold
              test            boolean_attribute  does not     on no span or resource `test` is true
          other services      string_attribute   not sampled  `service.name` is one of crm, ivr on `POST /pay` of crm
          a few tests         and                not sampled  `test` does not hold
            test              boolean_attribute  does not     on no span or resource `test` is true
            few               rate_limiting      holds        2 spans, if there is room for them
          probes              drop               not sampled  `health` does not hold
            health            ottl_condition     does not     on no span or resource name == "GET /health"

        trace 00000000000000000000000000000002  1 span, 8000 ms: DROPPED by `probes`
          slow                latency            not asked    8000 ms; at least 2000 ms is asked for
          failed              status_code        not asked    no span has status ERROR
          payments in Europe  and                not asked    `payments` does not hold
            payments          string_attribute   does not     on no span or resource `http.route` is one of /pay, /refund
            not tested        not                holds        `test` does not hold
              test            boolean_attribute  does not     on no span or resource `test` is true
          other services      string_attribute   not asked    `service.name` is one of crm, ivr on `GET /health` of crm
          a few tests         and                not asked    `test` does not hold
            test              boolean_attribute  does not     on no span or resource `test` is true
            few               rate_limiting      holds        1 span, if there is room for them
          probes              drop               dropped      all of its parts hold
            health            ottl_condition     holds        name == "GET /health" on `GET /health` of crm

        trace 00000000000000000000000000000003  1 span, 1 ms, interaction call-1: SAMPLED by `failed`, with trace 00000000000000000000000000000001 of the same interaction
          slow                latency            not sampled  1 ms; at least 2000 ms is asked for
          failed              status_code        not sampled  no span has status ERROR
          payments in Europe  and                not sampled  `payments` does not hold
            payments          string_attribute   does not     on no span or resource `http.route` is one of /pay, /refund
            not tested        not                holds        `test` does not hold
              test            boolean_attribute  does not     on no span or resource `test` is true
          other services      string_attribute   not sampled  `service.name` is one of crm, ivr on `GET /x` of crm
          a few tests         and                not sampled  `test` does not hold
            test              boolean_attribute  does not     on no span or resource `test` is true
            few               rate_limiting      holds        1 span, if there is room for them
          probes              drop               not sampled  `health` does not hold
            health            ottl_condition     does not     on no span or resource name == "GET /health"

        trace 00000000000000000000000000000004  1 span, 1 ms: NOT SAMPLED, no policy wants it
          slow                latency            not sampled  1 ms; at least 2000 ms is asked for
          failed              status_code        not sampled  no span has status ERROR
          payments in Europe  and                not sampled  `payments` does not hold
            payments          string_attribute   does not     on no span or resource `http.route` is one of /pay, /refund
            not tested        not                holds        `test` does not hold
              test            boolean_attribute  does not     on no span or resource `test` is true
          other services      string_attribute   not sampled  `service.name` is one of crm, ivr on `GET /y` of crm
          a few tests         and                not sampled  `test` does not hold
            test              boolean_attribute  does not     on no span or resource `test` is true
            few               rate_limiting      holds        1 span, if there is room for them
          probes              drop               not sampled  `health` does not hold
            health            ottl_condition     does not     on no span or resource name == "GET /health"
    "#]]);
}

/// The types that the traces above do not show, on one trace.
#[test]
fn every_type_gives_its_reason() {
    const ALL: &str = "
policies:
  - {name: all, type: always_sample}
  - {name: many, type: numeric_attribute, numeric_attribute: {key: items, min_value: 3, max_value: 9}}
  - {name: few, type: numeric_attribute, numeric_attribute: {key: items, max_value: 2}}
  - {name: half, type: probabilistic, probabilistic: {sampling_percentage: 50}}
  - {name: none, type: probabilistic, probabilistic: {sampling_percentage: 0}}
  - {name: bytes, type: bytes_limiting, bytes_limiting: {bytes_per_second: 1000}}
  - {name: two, type: span_count, span_count: {min_spans: 2}}
  - {name: more, type: span_count, span_count: {min_spans: 3, max_spans: 5}}
  - {name: vendor, type: trace_state, trace_state: {key: v, values: [one, two]}}
  - {name: other vendor, type: trace_state, trace_state: {key: w, values: [one]}}
  - {name: flagged, type: trace_flags}
  - {name: thrown, type: ottl_condition, ottl_condition: {span: [], spanevent: ['name == \"exception\"']}}
  - {name: retried, type: ottl_condition, ottl_condition: {spanevent: ['name == \"retry\"']}}
  - {name: unreadable, type: ottl_condition, ottl_condition: {error_mode: propagate, span: ['ParseJSON(name) != nil']}}
  - {name: between, type: latency, latency: {threshold_ms: 10, upper_threshold_ms: 50}}
  - name: shares
    type: composite
    composite:
      max_total_spans_per_second: 100
      composite_sub_policy:
        - {name: big, type: span_count, span_count: {min_spans: 9}}
        - {name: rest, type: always_sample}
      rate_allocation: [{policy: big, percent: 70}, {policy: rest, percent: 30}]
  - name: nothing
    type: composite
    composite:
      max_total_spans_per_second: 100
      composite_sub_policy: [{name: big, type: span_count, span_count: {min_spans: 9}}]
      rate_allocation: [{policy: big, percent: 100}]
";
    const TRACE: &str = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"crm"}}]},"scopeSpans":[{"spans":[
{"traceId":"00000000000000000000000000000001","spanId":"0000000000000001","name":"POST /pay","traceState":"v=two","flags":1,"startTimeUnixNano":"1000000000","endTimeUnixNano":"1040000000","attributes":[{"key":"items","value":{"intValue":"4"}}]},
{"traceId":"00000000000000000000000000000001","spanId":"0000000000000002","name":"SELECT","startTimeUnixNano":"1000000000","endTimeUnixNano":"1010000000","events":[{"name":"exception"}]}
]}]}]}"#;
    let bytes = json::decode(Signal::Traces, TRACE.as_bytes()).unwrap();
    let batch = accept(Signal::Traces, bytes.into(), &Limits::default()).unwrap();
    let section = Node::load("tail.yaml", ALL).unwrap();
    let explained = Explainer::new(&section).unwrap().explain(&[batch], 0);
    expect![[r#"
        trace 00000000000000000000000000000001  2 spans, 40 ms: SAMPLED by `all`
          all           always_sample      sampled      every trace
          many          numeric_attribute  sampled      `items` is from 3 to 9 on `POST /pay` of crm
          few           numeric_attribute  not sampled  on no span or resource `items` is at most 2
          half          probabilistic      not sampled  50% of all ids, and this one is not among them
          none          probabilistic      not sampled  0% of all ids, and this one is not among them
          bytes         bytes_limiting     sampled      154 bytes, if there is room for them
          two           span_count         sampled      2 spans; at least 2 are asked for
          more          span_count         not sampled  2 spans; at least 3, at most 5 are asked for
          vendor        trace_state        sampled      `v` in the tracestate is one of one, two on `POST /pay` of crm
          other vendor  trace_state        not sampled  on no span or resource `w` in the tracestate is one
          flagged       trace_flags        sampled      the sampled flag is set on `POST /pay` of crm
          thrown        ottl_condition     sampled      name == "exception" on `SELECT` of crm
          retried       ottl_condition     not sampled  on no span or resource name == "retry"
          unreadable    ottl_condition     failed       ParseJSON(name) != nil cannot be answered on `POST /pay` of crm
          between       latency            sampled      40 ms; more than 10 ms and at most 50 ms is asked for
          shares        composite          sampled      `rest` wants it, if there is room in its 30 spans a second
            big         span_count         does not     2 spans; at least 9 are asked for
            rest        always_sample      holds        every trace
          nothing       composite          not sampled  none of its parts holds
            big         span_count         does not     2 spans; at least 9 are asked for
    "#]]
    .assert_eq(&explained[0].to_string());
}

#[test]
fn programs_read_the_same() {
    let one = serde_json::to_value(&explained()[1]).unwrap();
    assert_eq!((&one["decision"], &one["policy"]), (&"dropped".into(), &"probes".into()));
    let verdicts: Vec<_> =
        one["policies"].as_array().unwrap().iter().map(|said| said["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["not_asked", "not_asked", "not_asked", "not_asked", "not_asked", "dropped"]);
}
