//! Each type of policy, as the reference's table has it: what it takes and what not.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};

use super::super::facts::Facts;
use super::super::policy::{Answer, Subject, Verdict};
use super::super::survey::survey;
use super::spans::{With, encoded, key_value, policies, span, under};

/// What the policies say of the one trace in these spans: `+` sampled, `-` not, `x` dropped, `!` failed.
fn decided(yaml: &str, resource_spans: Vec<ResourceSpans>) -> (Verdict, String) {
    let (_, by) = policies(yaml);
    let (mut facts, bytes) = (Facts::default(), encoded(resource_spans));
    survey(&bytes, &by.watch, 0, |run| facts.join(&run.facts));
    let mut said = vec!['?'; by.list.len()];
    let subject = Subject::new([1; 16], None, &facts, 0);
    let verdict = by.decide(&subject, |at, answer| {
        said[at] = match answer {
            Answer::Sampled => '+',
            Answer::NotSampled => '-',
            Answer::Dropped => 'x',
            Answer::Failed => '!',
        };
    });
    (verdict, said.into_iter().collect())
}

fn said_of(yaml: &str, spans: Vec<Span>) -> String {
    decided(yaml, vec![under(Vec::new(), spans)]).1
}

/// One policy on several traces.
fn table(policy: &str, cases: Vec<(&str, Vec<Span>, char)>) {
    for (what, spans, expected) in cases {
        let said = said_of(&format!("policies: [{{name: p, {policy}}}]"), spans);
        assert_eq!(said, expected.to_string(), "{policy}: {what}");
    }
}

#[test]
fn always_sample() {
    table("type: always_sample", vec![("any trace", vec![span(1, 1)], '+')]);
}

#[test]
fn latency() {
    let lasting = |ms: u64| vec![span(1, 1).lasting(1_000, 1_000 + ms)];
    table(
        "type: latency, latency: {threshold_ms: 2000}",
        vec![
            ("shorter", lasting(1_999), '-'),
            ("the bound itself", lasting(2_000), '+'),
            (
                "from the first start to the last end",
                vec![span(1, 1).lasting(1_000, 1_010), span(1, 2).lasting(2_990, 3_000)],
                '+',
            ),
            ("in any order", vec![span(1, 2).lasting(2_990, 3_000), span(1, 1).lasting(1_000, 1_010)], '+'),
            (
                "less than a millisecond does not count",
                vec![Span { end_time_unix_nano: 2_999_999_999, ..span(1, 1).lasting(1_000, 0) }],
                '-',
            ),
            (
                "a time that is not set does not count",
                vec![span(1, 1).lasting(0, 1_500), span(1, 2).lasting(1_000, 1_200)],
                '-',
            ),
            ("the end lies before the start", vec![span(1, 1).lasting(9_000, 1_000)], '-'),
        ],
    );
}

/// D16: the collector asks at every prefix of the spans, so that the order of arrival decides.
#[test]
fn latency_with_an_upper_bound_is_that_of_the_whole_trace() {
    let lasting = |ms: u64| vec![span(1, 1).lasting(1_000, 1_000 + ms)];
    let long = [span(1, 1).lasting(1_000, 1_150), span(1, 2).lasting(1_000, 9_000)];
    let reversed: Vec<_> = long.iter().rev().cloned().collect();
    table(
        "type: latency, latency: {threshold_ms: 100, upper_threshold_ms: 200}",
        vec![
            ("the lower bound itself", lasting(100), '-'),
            ("between", lasting(101), '+'),
            ("the upper bound itself", lasting(200), '+'),
            ("longer", lasting(201), '-'),
            ("its first span alone would be between", long.to_vec(), '-'),
            ("the other way round", reversed, '-'),
        ],
    );
}

#[test]
fn numeric_attribute() {
    let number = |value: i64| vec![span(1, 1).int("n", value)];
    table(
        "type: numeric_attribute, numeric_attribute: {key: n, min_value: 50, max_value: 100}",
        vec![
            ("below", number(49), '-'),
            ("the least", number(50), '+'),
            ("the most", number(100), '+'),
            ("above", number(101), '-'),
            ("another key", vec![span(1, 1).int("m", 70)], '-'),
            ("one span of two", vec![span(1, 1), span(1, 2).int("n", 70)], '+'),
            ("a text reads as 0", vec![span(1, 1).text("n", "70")], '-'),
        ],
    );
    table(
        "type: numeric_attribute, numeric_attribute: {key: n, max_value: 100}",
        vec![
            ("one bound", number(-5), '+'),
            ("missing is not 0", vec![span(1, 1)], '-'),
            ("above", number(101), '-'),
        ],
    );
    table(
        "type: numeric_attribute, numeric_attribute: {key: n, min_value: 50, max_value: 100, invert_match: true}",
        vec![
            ("within", number(70), '-'),
            ("outside", number(10), '+'),
            ("missing", vec![span(1, 1)], '+'),
            ("one span within is enough", vec![span(1, 1).int("n", 10), span(1, 2).int("n", 70)], '-'),
        ],
    );
}

/// D1: bounds of 0 cannot be said in the collector, and without any it panics.
#[test]
fn a_bound_of_0_is_a_bound() {
    let number = |value: i64| vec![span(1, 1).int("n", value)];
    table(
        "type: numeric_attribute, numeric_attribute: {key: n, min_value: 0}",
        vec![("0", number(0), '+'), ("less", number(-1), '-'), ("more", number(7), '+')],
    );
    table(
        "type: numeric_attribute, numeric_attribute: {key: n, max_value: 0}",
        vec![("0", number(0), '+'), ("less", number(-1), '+'), ("more", number(7), '-')],
    );
}

#[test]
fn probabilistic() {
    // FNV-1a over the salt and the trace id, as the collector has it.
    let kept = |percentage: &str, salt: &str| {
        let yaml = format!(
            "policies: [{{name: p, type: probabilistic, probabilistic: {{sampling_percentage: {percentage}{salt}}}}}]"
        );
        let (_, by) = policies(&yaml);
        let facts = Facts::default();
        let takes = |n: u32| {
            let mut id = [0; 16];
            id[..4].copy_from_slice(&n.to_be_bytes());
            matches!(by.decide(&Subject::new(id, None, &facts, 0), |_, _| ()), Verdict::Sampled(_))
        };
        (0..10_000).filter(|n| takes(*n)).collect::<Vec<_>>()
    };
    assert_eq!((kept("100", "").len(), kept("0", "").len()), (10_000, 0));
    let tenth = kept("10", "");
    assert!((850..1_150).contains(&tenth.len()), "{}", tenth.len());
    assert_eq!(tenth, kept("10", ""), "equal ids, equal choice");
    assert!(tenth.iter().all(|n| kept("20", "").contains(n)), "more of the same");
    assert_ne!(tenth, kept("10", ", hash_salt: other"));
}

#[test]
fn status_code() {
    let status = |code: i32| vec![span(1, 1).status(1), span(1, 2).status(code)];
    table(
        "type: status_code, status_code: {status_codes: [ERROR]}",
        vec![("any span", status(2), '+'), ("none", status(1), '-'), ("no status", vec![span(1, 1)], '-')],
    );
    table(
        "type: status_code, status_code: {status_codes: [UNSET, OK]}",
        vec![("no status is unset", vec![span(1, 1)], '+'), ("error alone", vec![span(1, 1).status(2)], '-')],
    );
}

#[test]
fn string_attribute() {
    let text = |value: &str| vec![span(1, 1).text("k", value)];
    table(
        "type: string_attribute, string_attribute: {key: k, values: [one, two, '']}",
        vec![
            ("one of them", text("two"), '+'),
            ("a part of one", text("tw"), '-'),
            ("empty never matches", text(""), '-'),
            ("another type reads as empty", vec![span(1, 1).int("k", 1)], '-'),
        ],
    );
    table(
        "type: string_attribute, string_attribute: {key: k, values: ['^/live', 'b+c'], enabled_regex_matching: true, cache_max_size: 10}",
        vec![
            ("anchored", text("/live/x"), '+'),
            ("anywhere", text("abbcd"), '+'),
            ("none", text("x/live"), '-'),
        ],
    );
    table(
        "type: string_attribute, string_attribute: {key: k, values: ['^$'], enabled_regex_matching: true}",
        vec![("an empty one on a span is passed over", text(""), '-')],
    );
    table(
        "type: string_attribute, string_attribute: {key: k, values: [one], invert_match: true}",
        vec![
            ("the value", text("one"), '-'),
            ("another", text("two"), '+'),
            ("missing", vec![span(1, 1)], '+'),
            ("one span is enough", vec![span(1, 1), span(1, 2).text("k", "one")], '-'),
        ],
    );
}

#[test]
fn attributes_of_the_resource_count() {
    let on_resource = |value: Value| vec![under(vec![key_value("k", value)], vec![span(1, 1)])];
    let one = |policy: &str, value: Value| {
        decided(&format!("policies: [{{name: p, {policy}}}]"), on_resource(value)).1
    };
    let text = |text: &str| Value::StringValue(text.into());
    let exact = "type: string_attribute, string_attribute: {key: k, values: [one]}";
    assert_eq!((one(exact, text("one")), one(exact, text("two"))), ("+".into(), "-".into()));
    let empty =
        "type: string_attribute, string_attribute: {key: k, values: ['^$'], enabled_regex_matching: true}";
    assert_eq!(one(empty, text("")), "+", "unlike on a span");
    let number = "type: numeric_attribute, numeric_attribute: {key: k, min_value: 5}";
    assert_eq!(one(number, Value::IntValue(5)), "+");
    let boolean = "type: boolean_attribute, boolean_attribute: {key: k, value: true}";
    assert_eq!(one(boolean, Value::BoolValue(true)), "+");
    let inverted = "type: boolean_attribute, boolean_attribute: {key: k, value: true, invert_match: true}";
    assert_eq!(one(inverted, Value::BoolValue(true)), "-");
}

#[test]
fn boolean_attribute() {
    let boolean = |value: bool| vec![span(1, 1).attribute("k", Value::BoolValue(value))];
    table(
        "type: boolean_attribute, boolean_attribute: {key: k, value: true}",
        vec![
            ("true", boolean(true), '+'),
            ("false", boolean(false), '-'),
            ("missing", vec![span(1, 1)], '-'),
        ],
    );
    table(
        "type: boolean_attribute, boolean_attribute: {key: k}",
        vec![
            ("false by default", boolean(false), '+'),
            ("another type reads as false", vec![span(1, 1).text("k", "true")], '+'),
            ("missing", vec![span(1, 1)], '-'),
        ],
    );
}

#[test]
fn span_count() {
    let spans = |count: u64| (0..count).map(|n| span(1, n)).collect::<Vec<_>>();
    table(
        "type: span_count, span_count: {min_spans: 2, max_spans: 3}",
        vec![("1", spans(1), '-'), ("2", spans(2), '+'), ("3", spans(3), '+'), ("4", spans(4), '-')],
    );
    table(
        "type: span_count, span_count: {min_spans: 2}",
        vec![("1", spans(1), '-'), ("many", spans(50), '+')],
    );
}

#[test]
fn trace_state() {
    let state = |text: &str| vec![Span { trace_state: text.into(), ..span(1, 1) }];
    table(
        "type: trace_state, trace_state: {key: k, values: [one, two]}",
        vec![
            ("a member", state("x=y,k=two"), '+'),
            ("another value", state("k=twofold"), '-'),
            ("another key", state("kk=two"), '-'),
            ("not to be read", state("k=two,k=two"), '-'),
            ("none", vec![span(1, 1)], '-'),
        ],
    );
}

#[test]
fn trace_flags() {
    let flags = |flags: u32| vec![span(1, 1), Span { flags, ..span(1, 2) }];
    table(
        "type: trace_flags",
        vec![
            ("sampled", flags(1), '+'),
            ("with others", flags(0x301), '+'),
            ("not sampled", flags(0x300), '-'),
        ],
    );
}

#[test]
fn ottl_condition() {
    table(
        "type: ottl_condition, ottl_condition: {error_mode: ignore, span: ['attributes[\"a\"] == \"x\"', 'status.code == STATUS_CODE_ERROR'], spanevent: ['name == \"exception\"']}",
        vec![
            ("the first", vec![span(1, 1).text("a", "x")], '+'),
            ("the second", vec![span(1, 1).status(2)], '+'),
            ("an event", vec![span(1, 1), span(1, 2).event("other").event("exception")], '+'),
            ("none", vec![span(1, 1).event("other").text("a", "y")], '-'),
        ],
    );
    let fails =
        "span: ['Int(attributes[\"a\"]) > ParseJSON(attributes[\"b\"])[\"c\"]', 'name == \"span 2\"']";
    let spans = || vec![span(1, 1).text("b", "{")];
    table(
        &format!("type: ottl_condition, ottl_condition: {{error_mode: ignore, {fails}}}"),
        vec![("what fails does not hold", spans(), '-')],
    );
    table(
        &format!("type: ottl_condition, ottl_condition: {{error_mode: propagate, {fails}}}"),
        vec![
            ("what fails fails the policy", spans(), '!'),
            ("but for what holds", [spans(), vec![span(1, 2)]].concat(), '+'),
        ],
    );
}

#[test]
fn and_not_drop() {
    let slow = "{name: slow, type: latency, latency: {threshold_ms: 500}}";
    let here = "{name: here, type: string_attribute, string_attribute: {key: k, values: [here]}}";
    let both = format!("type: and, and: {{and_sub_policy: [{slow}, {here}]}}");
    let (fast, long) = (span(1, 1), span(1, 2).lasting(1_000, 2_000));
    table(
        &both,
        vec![
            ("both, on different spans", vec![fast.clone().text("k", "here"), long.clone()], '+'),
            ("one alone", vec![long.clone()], '-'),
        ],
    );
    table(
        &format!(
            "type: and, and: {{and_sub_policy: [{slow}, {{name: elsewhere, type: not, not: {{not_sub_policy: {here}}}}}]}}"
        ),
        vec![("not here", vec![long.clone()], '+'), ("here", vec![long.clone().text("k", "here")], '-')],
    );
    table(
        &format!("type: not, not: {{not_sub_policy: {here}}}"),
        vec![("not", vec![fast.clone()], '+'), ("there", vec![fast.clone().text("k", "here")], '-')],
    );
    let yaml = format!(
        "policies: [{{name: all, type: always_sample}}, {{name: d, type: drop, drop: {{drop_sub_policy: [{slow}, {here}]}}}}]"
    );
    let drops = |spans| decided(&yaml, vec![under(Vec::new(), spans)]);
    let (verdict, said) = drops(vec![long.clone().text("k", "here")]);
    assert_eq!(
        (verdict, said.as_str()),
        (Verdict::Dropped, "?x"),
        "drop is asked first and beats all others"
    );
    let (verdict, said) = drops(vec![long]);
    assert_eq!(
        (matches!(verdict, Verdict::Sampled(_)), said.as_str()),
        (true, "+-"),
        "all parts have to hold"
    );
}

/// `not` in a `drop`; `and` and `not` in a `composite`, by what each of its parts takes.
#[test]
fn conditions_within_conditions() {
    let here = "{name: here, type: string_attribute, string_attribute: {key: k, values: [here]}}";
    let slow = "{name: slow, type: latency, latency: {threshold_ms: 500}}";
    let elsewhere = format!("{{name: elsewhere, type: not, not: {{not_sub_policy: {here}}}}}");
    let (fast, long) = (span(1, 1), span(1, 2).lasting(1_000, 2_000));
    let here = |span: &Span| span.clone().text("k", "here");

    let drops = format!("{{name: d, type: drop, drop: {{drop_sub_policy: [{slow}, {elsewhere}]}}}}");
    let yaml = format!("policies: [{{name: all, type: always_sample}}, {drops}]");
    for (what, spans, expected) in [
        ("slow and elsewhere", vec![long.clone()], "?x"),
        ("slow and here", vec![here(&long)], "+-"),
        ("fast and elsewhere", vec![fast.clone()], "+-"),
        ("one span slow, another one here", vec![long.clone(), here(&fast)], "+-"),
    ] {
        assert_eq!(said_of(&yaml, spans), expected, "drop: {what}");
    }

    let both = format!("{{name: both, type: and, and: {{and_sub_policy: [{slow}, {elsewhere}]}}}}");
    let quick = format!("{{name: quick, type: not, not: {{not_sub_policy: {slow}}}}}");
    let composite = |parts: &[&str]| {
        format!(
            "type: composite, composite: {{max_total_spans_per_second: 100, composite_sub_policy: [{}]}}",
            parts.join(", ")
        )
    };
    table(
        &composite(&[&both]),
        vec![
            ("slow and elsewhere", vec![long.clone()], '+'),
            ("slow and here", vec![here(&long)], '-'),
            ("fast and elsewhere", vec![fast.clone()], '-'),
        ],
    );
    table(&composite(&[&quick]), vec![("fast", vec![fast.clone()], '+'), ("slow", vec![long.clone()], '-')]);
    table(
        &composite(&[&both, &quick]),
        vec![
            ("the one", vec![long.clone()], '+'),
            ("the other", vec![here(&fast)], '+'),
            ("none", vec![here(&long)], '-'),
        ],
    );
}

/// D15: as the collector's code has it, and not its documentation.
#[test]
fn an_inverted_match_does_not_veto() {
    let inverted = "{name: not here, type: string_attribute, string_attribute: {key: k, values: [here], invert_match: true}}";
    let yaml = format!("policies: [{inverted}, {{name: all, type: always_sample}}]");
    let found = vec![under(Vec::new(), vec![span(1, 1).text("k", "here")])];
    let (verdict, said) = decided(&yaml, found);
    assert!(matches!(verdict, Verdict::Sampled(_)), "{verdict:?}");
    assert_eq!(said, "-+");
}

#[test]
fn the_first_policy_names_the_decision() {
    let yaml = "policies: [{name: slow, type: latency, latency: {threshold_ms: 500}}, {name: a, type: always_sample}, {name: b, type: trace_flags}, {name: c, type: always_sample}]";
    let (_, by) = policies(yaml);
    let facts = Facts::default();
    let Verdict::Sampled(kept) = by.decide(&Subject::new([1; 16], None, &facts, 0), |_, _| ()) else {
        panic!("sampled")
    };
    assert_eq!(by.name(kept), "a");
    assert_eq!(said_of(yaml, vec![span(1, 1)]), "-+-+");
    assert_eq!(said_of(&format!("sample_on_first_match: true\n{yaml}"), vec![span(1, 1)]), "-+??");
    assert_eq!(decided("policies: []", vec![under(Vec::new(), vec![span(1, 1)])]).0, Verdict::NotSampled);
}
