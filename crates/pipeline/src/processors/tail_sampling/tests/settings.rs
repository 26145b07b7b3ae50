//! What is wrong with a section is found before anything runs: D1, D11.

use expect_test::{Expect, expect};
use flow::config::Node;

use super::super::settings;

fn found(yaml: &str, expected: Expect) {
    let section = Node::load("tail.yaml", yaml).unwrap();
    let findings: Vec<_> = settings::check(&section).iter().map(|one| format!("{one}\n")).collect();
    expected.assert_eq(&findings.concat());
}

#[test]
fn every_policy_of_the_collectors_example_is_taken() {
    found(
        include_str!("example.yaml"),
        expect![[r#"
        tail.yaml:63:9: advice: policies::16::composite::rate_allocation: `s3` has no share and may take what the total leaves; in the collector it gets nothing
          help: give it one: `{policy: s3, percent: 25}`
    "#]],
    );
}

#[test]
fn policies_that_the_collector_finds_out_about_when_it_runs() {
    found(
        "policies:
  - {name: a, type: latancy}
  - {name: a, type: numeric_attribute, numeric_attribute: {key: n}}
  - {name: a, type: always_sample}
  - {type: status_code, status_code: {status_codes: [error]}}
  - {name: c, type: string_attribute, string_attribute: {key: k, values: ['(']  , enabled_regex_matching: true}}
  - {name: d, type: latency}
  - {name: e, type: boolean_attribute, string_attribute: {key: k, values: [v]}}
  - {name: f, type: and, and: {and_sub_policy: []}}
  - {name: g, type: drop, drop: {drop_sub_policy: [{name: h, type: composite}]}}
  - {name: i, type: ottl_condition, ottl_condition: {span: ['nme == \"x\"']}}
  - {name: j, type: string_attribute, string_attribute: {key: '', values: []}}
",
        expect![[r#"
            tail.yaml:2:21: error: policies::0::type: unknown type of policy `latancy`
              help: did you mean `latency`?
            tail.yaml:3:59: error: policies::1::numeric_attribute: `numeric_attribute` needs `min_value` or `max_value`
              help: set at least one of them; 0 counts
            tail.yaml:4:12: error: policies::2::name: there are two policies `a`
              help: names tell policies apart in metrics and explanations
            tail.yaml:5:5: error: policies::3: a policy needs a `name`
              help: it stands in metrics and explanations
            tail.yaml:5:54: error: policies::3::status_code::status_codes::0: expected one of `UNSET`, `OK`, `ERROR`, found the text `error`
            tail.yaml:6:75: error: policies::4::string_attribute::values::0: not a regular expression: unclosed group; found the text `(`
            tail.yaml:7:5: error: policies::5: a policy of type `latency` needs a block `latency`
              help: such as `latency: {threshold_ms: 2000}`
            tail.yaml:8:5: error: policies::6: a policy of type `boolean_attribute` needs a block `boolean_attribute`
              help: such as `boolean_attribute: {key: app.keep, value: true}`
            tail.yaml:8:58: error: policies::6::string_attribute: a policy of type `boolean_attribute` does not use `string_attribute`
              help: remove it, or write `type: string_attribute`
            tail.yaml:9:48: error: policies::7::and::and_sub_policy: `and_sub_policy` has no policy
              help: list at least one
            tail.yaml:10:68: error: policies::8::drop::drop_sub_policy::0::type: unknown type of policy `composite`
              help: the types that can stand here are always_sample, boolean_attribute, bytes_limiting, latency, not, numeric_attribute, ottl_condition, probabilistic, rate_limiting, span_count, status_code, string_attribute, trace_flags, trace_state
            tail.yaml:11:61: error: policies::9::ottl_condition::span::0: there is no path `nme` in the context `span`, at column 1:
                nme == "x"
                ^^^
              help: did you mean `name`? the paths of `span` are trace_id, trace_id.string, span_id, span_id.string, trace_state, parent_span_id, parent_span_id.string, name, kind, kind.string, kind.deprecated_string, start_time, start_time_unix_nano, end_time, end_time_unix_nano, attributes, dropped_attributes_count, events, dropped_events_count, links, dropped_links_count, status.code, status.message, flags, cache; and those of `resource.…`, `scope.…`
            tail.yaml:12:57: error: policies::10::string_attribute: `key` is required
              help: name the attribute to look at
            tail.yaml:12:75: error: policies::10::string_attribute::values: `values` is empty, so no value can be one of them
              help: list at least one
        "#]],
    );
}

#[test]
fn numbers_that_cannot_be_meant() {
    found(
        "tail_storage: file_storage
max_pending_mib: 0
decision_cache: {sampled_cache_size: 0}
policies:
  - {name: a, type: latency, latency: {threshold_ms: 100, upper_threshold_ms: 50}}
  - {name: b, type: latency, latency: {}}
  - {name: c, type: probabilistic, probabilistic: {sampling_percentage: 101}}
  - {name: d, type: span_count, span_count: {min_spans: 5, max_spans: 2}}
  - {name: e, type: rate_limiting, rate_limiting: {}}
  - {name: f, type: numeric_attribute, numeric_attribute: {key: n, min_value: 5, max_value: 2}}
",
        expect![[r#"
            tail.yaml:1:15: error: tail_storage: there are no extensions for tail storage
              help: remove it: pending traces are in memory within `max_pending_mib`, and a journal in front covers them
            tail.yaml:2:18: error: max_pending_mib: pending traces need some memory
              help: 512 is the default
            tail.yaml:3:38: advice: decision_cache::sampled_cache_size: without this cache, spans that come after the decision are decided on their own
              help: remove it: the default is four times `num_traces`
            tail.yaml:5:79: error: policies::0::latency::upper_threshold_ms: nothing is longer than 100 ms and not longer than this
              help: raise it above `threshold_ms`
            tail.yaml:6:39: advice: policies::1::latency: every trace takes 0 ms or more, so this keeps all
              help: set `threshold_ms`
            tail.yaml:7:73: error: policies::2::probabilistic::sampling_percentage: `sampling_percentage` is from 0 to 100
              help: 10 keeps one trace of ten
            tail.yaml:8:45: error: policies::3::span_count: no trace has at least `min_spans` and at most `max_spans`
              help: exchange the two
            tail.yaml:9:51: error: policies::4::rate_limiting: `spans_per_second` is required
              help: with 0, nothing would ever be sampled
            tail.yaml:10:59: error: policies::5::numeric_attribute: no number is at least `min_value` and at most `max_value`
              help: exchange the two
        "#]],
    );
    found(
        "{}",
        expect![[r#"
        tail.yaml:1:1: advice: without a policy nothing is ever sampled
          help: list at least one: `policies: [{name: all, type: always_sample}]`
    "#]],
    );
}

#[test]
fn span_ingest_takes_what_a_later_span_cannot_change() {
    found(
        "sampling_strategy: span-ingest
policies:
  - {name: a, type: latency, latency: {threshold_ms: 100, upper_threshold_ms: 500}}
  - {name: b, type: and, and: {and_sub_policy: [{name: c, type: rate_limiting, rate_limiting: {spans_per_second: 5}}]}}
  - {name: d, type: latency, latency: {threshold_ms: 100}}
",
        expect![[r#"
            tail.yaml:3:5: error: policies::0: policy `a` needs the whole trace, and `sampling_strategy: span-ingest` decides before that
              help: use `sampling_strategy: trace-complete`
            tail.yaml:4:5: error: policies::1: policy `b` needs the whole trace, and `sampling_strategy: span-ingest` decides before that
              help: use `sampling_strategy: trace-complete`
        "#]],
    );
}

/// D9.
#[test]
fn composite_says_where_the_collector_would_decide_otherwise() {
    found(
        "policies:
  - name: c
    type: composite
    composite:
      max_total_spans_per_second: 100
      policy_order: [b, a, d]
      composite_sub_policy:
        - {name: a, type: always_sample}
        - {name: b, type: trace_flags}
      rate_allocation: [{policy: b, percent: 50}]
",
        expect![[r#"
            tail.yaml:6:21: advice: policies::0::composite::policy_order: this order counts here; the collector goes by the order of `composite_sub_policy`
              help: list the sub-policies in the same order, to have it everywhere
            tail.yaml:6:28: error: policies::0::composite::policy_order::2: no sub-policy is named `d`
              help: did you mean `a`?
            tail.yaml:10:24: advice: policies::0::composite::rate_allocation: `a` has no share and may take what the total leaves; in the collector it gets nothing
              help: give it one: `{policy: a, percent: 25}`
        "#]],
    );
}
