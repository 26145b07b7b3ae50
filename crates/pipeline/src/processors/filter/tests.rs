use expect_test::{Expect, expect};
use flow::Outcome;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::Event;

use super::*;
use crate::processors::attributes::tests::pair;
use crate::processors::tests::{Bench, findings, names, of_service, span, through};

fn request() -> ExportTraceServiceRequest {
    let event = |name: &str| Event { name: name.into(), ..Event::default() };
    let health = Span { attributes: vec![pair("url.path", "/healthz")], ..span("health") };
    let slow = Span { end_time_unix_nano: 9_000_000_000, ..span("slow") };
    let noisy = Span { events: vec![event("debug"), event("exception"), event("debug")], ..span("noisy") };
    ExportTraceServiceRequest {
        resource_spans: vec![
            of_service("ivr", vec![health.clone(), slow, noisy]),
            of_service("crm", vec![health]),
            of_service("db", vec![span("query")]),
        ],
    }
}

#[test]
fn what_is_left() {
    let all = "ivr: health, slow, noisy | crm: health | db: query";
    let table = [
        ("", all),
        (
            "trace_conditions: ['span.attributes[\"url.path\"] == \"/healthz\"']",
            "ivr: slow, noisy | db: query",
        ),
        ("traces: {span: ['attributes[\"url.path\"] == \"/healthz\"']}", "ivr: slow, noisy | db: query"),
        ("traces: {span: ['name == \"slow\"', 'name == \"query\"']}", "ivr: health, noisy | crm: health"),
        ("traces: {resource: ['attributes[\"service.name\"] == \"ivr\"']}", "crm: health | db: query"),
        ("trace_conditions: ['resource.attributes[\"service.name\"] == \"ivr\"']", "crm: health | db: query"),
        ("trace_conditions: ['span.end_time - span.start_time < Duration(\"2s\")']", "ivr: slow"),
        ("trace_conditions: ['scope.name == \"\"']", ""),
        ("trace_conditions: ['spanevent.name == \"debug\"']", all),
        (
            "trace_conditions: [{context: span, conditions: ['name == \"slow\"']}, {conditions: ['resource.attributes[\"service.name\"] == \"db\"']}]",
            "ivr: health, noisy | crm: health",
        ),
        ("spans: {include: {match_type: strict, services: [ivr]}}", "ivr: health, slow, noisy"),
        ("spans: {exclude: {match_type: regexp, span_names: ['^[hq]']}}", "ivr: slow, noisy"),
        (
            "spans: {include: {match_type: strict, services: [ivr, db]}, exclude: {match_type: strict, span_names: [slow]}}",
            "ivr: health, noisy | db: query",
        ),
    ];
    for (section, left) in table {
        assert_eq!(names(&through(&FACTORY, section, &request())), left, "{section}");
    }
}

#[test]
fn events_go_without_their_span() {
    let out = through(&FACTORY, "traces: {spanevent: ['name == \"debug\" or event_index > 2']}", &request());
    let mut expected = request();
    expected.resource_spans[0].scope_spans[0].spans[2].events.retain(|event| event.name != "debug");
    assert_eq!(out, expected);
}

/// A condition that fails on a span does not hold; `propagate` fails all of it.
#[tokio::test]
async fn failures() {
    let section = |mode: &str| {
        format!("error_mode: {mode}\ntraces: {{span: ['HasPrefix(attributes[\"url.path\"], \"/health\")']}}")
    };
    for mode in ["ignore", "silent"] {
        let bench = Bench::new(&FACTORY, &section(mode));
        bench.send(&request()).await.unwrap();
        assert_eq!(names(&bench.taken()[0]), "ivr: slow, noisy | db: query", "{mode}");
        assert_eq!(bench.counted("throughline_processor_ottl_failures", &["filter", "traces"]), 3);
        assert_eq!((bench.balance().exported, bench.balance().dropped), (3, 2));
    }
    let bench = Bench::new(&FACTORY, &section("propagate"));
    let refusal = bench.send(&request()).await.err().unwrap();
    assert_eq!(refusal.why, "traces::span::0: argument 1 is nil, not text");
    assert!(!refusal.retryable() && bench.taken().is_empty());
    assert_eq!((bench.balance().refused, bench.balance().dropped), (5, 0));
}

#[tokio::test]
async fn the_account_closes() {
    let bench = Bench::new(&FACTORY, "traces: {span: ['name == \"health\"']}");
    let heard = bench.send(&request()).await.unwrap();
    assert_eq!(*heard.0.lock().unwrap(), [Outcome::Exported]);
    let only_health =
        ExportTraceServiceRequest { resource_spans: vec![of_service("ivr", vec![span("health")])] };
    let heard = bench.send(&only_health).await.unwrap();
    assert_eq!(*heard.0.lock().unwrap(), [Outcome::Dropped], "a ledger hears that nothing is left");
    let empty = ExportTraceServiceRequest { resource_spans: vec![of_service("ivr", Vec::new())] };
    bench.send(&empty).await.unwrap();
    assert_eq!(bench.taken().len(), 2, "what was empty before goes on");
    let balance = bench.balance();
    assert_eq!((balance.received, balance.exported, balance.dropped), (6, 3, 3));
    assert_eq!(bench.counted("otelcol_processor_filter_spans_filtered", &["filter"]), 3);
    assert_eq!(bench.counted("throughline_pipeline_dropped_items", &["traces", "filtered"]), 3);

    *bench.out.refusal.lock().unwrap() = Some(Refusal::bug("full"));
    assert!(bench.send(&request()).await.is_err());
    let balance = bench.balance();
    assert_eq!((balance.refused, balance.dropped), (5, 3), "what goes back was not left out");
}

/// Other signals pass, and bytes of which nothing goes are not copied.
#[tokio::test]
async fn untouched_bytes_stay_where_they_are() {
    let bench = Bench::new(&FACTORY, "traces: {span: ['name == \"nothing\"']}");
    for signal in [Signal::Traces, Signal::Logs] {
        let (mut batch, _) = bench.batch(&request());
        batch.signal = signal;
        let before = batch.payload.chunks()[0].as_ptr();
        bench.processor.consume(batch).await.unwrap();
        let out = bench.out.batches.lock().unwrap().pop().unwrap();
        assert_eq!((out.payload.chunks()[0].as_ptr(), out.items), (before, 5));
    }
}

fn report(section: &str, expected: Expect) {
    expected.assert_eq(&findings(&FACTORY, section));
}

#[test]
fn what_is_wrong_with_the_settings() {
    report(
        "",
        expect![[r#"
        c.yaml:1:1: advice: processors::filter: nothing is left out, since there is no condition
          help: such as `trace_conditions: ['span.attributes["url.path"] == "/healthz"']`
    "#]],
    );
    report(
        "trace_condition: []",
        expect![[r#"
        c.yaml:1:1: error: processors::filter::trace_condition: unknown key
          help: did you mean `trace_conditions`?
        c.yaml:1:1: advice: processors::filter: nothing is left out, since there is no condition
          help: such as `trace_conditions: ['span.attributes["url.path"] == "/healthz"']`
    "#]],
    );
    report(
        "error_mode: loud\ntrace_conditions: ['span.name == \"x\"']",
        expect![[r#"
        c.yaml:1:13: error: processors::filter::error_mode: expected one of `ignore`, `silent`, `propagate`, found the text `loud`
    "#]],
    );
    report(
        "trace_conditions: 'span.name == \"x\"'",
        expect![[r#"
        c.yaml:1:19: error: processors::filter::trace_conditions: expected a list, found the text `span.name == "x"`
    "#]],
    );
    report(
        "trace_conditions: ['name == \"x\"', 5, '']",
        expect![[r#"
        c.yaml:1:20: error: processors::filter::trace_conditions::0: it is not said whose `name` this is, at column 1:
            name == "x"
            ^^^^
          help: begin the path with its context, such as `span.name`, or set `context`
        c.yaml:1:35: error: processors::filter::trace_conditions::1: a whole number is not a condition, at column 1:
            5
            ^
          help: a condition is a comparison, `true`, `false`, or a function that says yes or no
        c.yaml:1:38: error: processors::filter::trace_conditions::2: expected a condition, found the text ``
    "#]],
    );
    report(
        "trace_conditions: ['true']",
        expect![[r#"
        c.yaml:1:19: error: processors::filter::trace_conditions: nothing here says what this is about
          help: begin paths with resource, scope, span or spanevent, such as `span.attributes["key"]`, or set `context`
    "#]],
    );
    report(
        "trace_conditions: ['IsRootSpan()', {conditions: ['span.name == \"x\"']}]",
        expect![[r#"
        c.yaml:1:19: error: processors::filter::trace_conditions: texts and blocks stand in one list
          help: write all of them as texts, or all of them as blocks
    "#]],
    );
    report(
        "trace_conditions: [{context: spn, conditions: []}, {conditions: ['nme == 1'], statements: []}]",
        expect![[r#"
            c.yaml:1:30: error: processors::filter::trace_conditions::0::context: expected one of `resource`, `scope`, `span`, `spanevent`, found the text `spn`
              help: did you mean `span`?
            c.yaml:1:52: error: processors::filter::trace_conditions::1: nothing here says what this is about
              help: begin paths with resource, scope, span or spanevent, such as `span.attributes["key"]`, or set `context`
            c.yaml:1:91: error: processors::filter::trace_conditions::1::statements: there are no statements here, only conditions
        "#]],
    );
    report(
        "traces: {span: ['name == '], metric: []}\nspans: {}",
        expect![[r#"
        c.yaml:2:8: error: processors::filter::spans: `traces` and `spans` stand beside each other
          help: say all of it in `trace_conditions`, without `spans`
    "#]],
    );
    report(
        "traces: {span: 'name == 1', spanevent: [{}]}",
        expect![[r#"
        c.yaml:1:16: error: processors::filter::traces::span: expected a list, found the text `name == 1`
        c.yaml:1:41: error: processors::filter::traces::spanevent::0: expected a condition, found a block of keys
    "#]],
    );
    report(
        "spans: {include: {services: [a]}}",
        expect![[r#"
        c.yaml:1:18: error: processors::filter::spans::include: `match_type` is required
          help: it is `strict` or `regexp`
    "#]],
    );
    report(
        "metrics: {metric: ['x']}\ntraces: {span: ['IsMatch(name, \"(\")']}",
        expect![[r#"
        c.yaml:1:10: advice: processors::filter::metrics: this has no effect: `filter` works on traces
          help: remove it
        c.yaml:2:17: error: processors::filter::traces::span::0: not a regular expression: unclosed group, at column 15:
            IsMatch(name, "(")
                          ^^^
    "#]],
    );
}
