use expect_test::{Expect, expect};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::Event;

use super::*;
use crate::processors::attributes::tests::{pair, shown};
use crate::processors::tests::{Bench, findings, of_service, span, spans, through};

fn request() -> ExportTraceServiceRequest {
    let event =
        |name: &str| Event { name: name.into(), attributes: vec![pair("k", "v")], ..Event::default() };
    let first = Span {
        attributes: vec![pair("http.url", "https://u:p@crm.example/api/7?token=s3"), pair("n", 5i64)],
        events: vec![event("one"), event("two")],
        ..span("GET /api/7")
    };
    let second = Span { attributes: vec![pair("n", 1i64)], kind: 2, ..span("second") };
    ExportTraceServiceRequest {
        resource_spans: vec![of_service("ivr", vec![first, second]), of_service("crm", vec![span("third")])],
    }
}

/// A configuration does what the same edit does on decoded structs.
#[track_caller]
fn does(section: &str, edit: impl FnOnce(&mut ExportTraceServiceRequest)) {
    let mut expected = request();
    edit(&mut expected);
    assert_eq!(through(&FACTORY, section, &request()), expected, "{section}");
}

fn each_span(request: &mut ExportTraceServiceRequest, edit: impl FnMut(&mut Span)) {
    let scopes = request.resource_spans.iter_mut().flat_map(|around| &mut around.scope_spans);
    scopes.flat_map(|scope| &mut scope.spans).for_each(edit);
}

#[test]
fn both_forms() {
    let third = |request: &mut ExportTraceServiceRequest| {
        request.resource_spans[1].scope_spans[0].spans[0].name = "x".into()
    };
    does(
        "trace_statements: ['set(span.name, \"x\") where resource.attributes[\"service.name\"] == \"crm\"']",
        third,
    );
    does(
        "trace_statements: [{context: span, statements: ['set(name, \"x\") where resource.attributes[\"service.name\"] == \"crm\"']}]",
        third,
    );
    does(
        "trace_statements: [{conditions: ['span.name == \"never\"', 'resource.attributes[\"service.name\"] == \"crm\"'], statements: ['set(span.name, \"x\")']}]",
        third,
    );
    does("trace_statements: []", |_| {});
    does("", |_| {});
}

#[test]
fn what_the_statements_before_have_done_is_seen() {
    does(
        "trace_statements:\n\
         - set(span.attributes[\"copy\"], span.name)\n\
         - replace_pattern(span.attributes[\"copy\"], \"[0-9]+\", \"{id}\")\n\
         - set(span.name, span.attributes[\"copy\"])\n\
         - delete_key(span.attributes, \"copy\")\n",
        |request| request.resource_spans[0].scope_spans[0].spans[0].name = "GET /api/{id}".into(),
    );
}

/// A span can change its resource, which stands before it; the next group sees that.
#[test]
fn inner_contexts_reach_outer_messages() {
    let section = "trace_statements:\n\
         - context: span\n\
         \x20 statements:\n\
         \x20 - set(resource.attributes[\"spans\"], Int(Coalesce([resource.attributes[\"spans\"], 0])) + 1)\n\
         \x20 - set(scope.name, \"seen\")\n\
         - context: resource\n\
         \x20 statements: ['set(attributes[\"several\"], true) where attributes[\"spans\"] > 1']\n";
    does(section, |request| {
        for (around, count) in request.resource_spans.iter_mut().zip([2i64, 1]) {
            let attributes = &mut around.resource.as_mut().unwrap().attributes;
            attributes.push(pair("spans", count));
            if count > 1 {
                attributes.push(pair("several", true));
            }
            around.scope_spans[0].scope =
                Some(InstrumentationScope { name: "seen".into(), ..InstrumentationScope::default() });
        }
    });
}

#[test]
fn a_resource_comes_into_being() {
    let mut bare = request();
    bare.resource_spans[0].resource = None;
    bare.resource_spans[0].scope_spans.clear();
    let out = through(&FACTORY, "trace_statements: ['set(resource.attributes[\"a\"], 1)']", &bare);
    assert_eq!(shown(&out.resource_spans[0].resource.as_ref().unwrap().attributes), "a=1");
    let out = through(&FACTORY, "trace_statements: ['delete_key(resource.attributes, \"a\")']", &bare);
    assert_eq!(out, bare);
}

#[test]
fn events() {
    does(
        "trace_statements:\n\
         - set(spanevent.name, Concat([spanevent.name, spanevent.event_index], \"-\"))\n\
         - set(spanevent.attributes[\"of\"], span.name)\n\
         - set(span.attributes[\"last\"], spanevent.name)\n",
        |request| {
            let span = &mut request.resource_spans[0].scope_spans[0].spans[0];
            for (event, name) in span.events.iter_mut().zip(["one-0", "two-1"]) {
                event.name = name.into();
                event.attributes.push(pair("of", "GET /api/7"));
            }
            span.attributes.push(pair("last", "two-1"));
        },
    );
}

/// What is noted in the cache is there for the statements that follow on the same span, and gone on the next.
#[test]
fn the_cache() {
    does(
        "trace_statements:\n\
         - set(span.attributes[\"before\"], span.cache[\"x\"])\n\
         - set(span.cache, ExtractPatterns(span.name, \"^(?P<verb>[A-Z]+) \"))\n\
         - set(span.cache[\"n\"][\"m\"], span.attributes[\"n\"])\n\
         - set(span.attributes[\"verb\"], span.cache[\"verb\"])\n\
         - set(span.attributes[\"m\"], span.cache[\"n\"][\"m\"])\n\
         - set(span.cache[\"x\"], true)\n",
        |request| {
            each_span(request, |span| {
                let n = span.attributes.iter().find(|pair| pair.key == "n").cloned();
                if span.name.starts_with("GET") {
                    span.attributes.push(pair("verb", "GET"));
                }
                span.attributes.extend(n.map(|n| KeyValue { key: "m".into(), ..n }));
            });
        },
    );
}

/// The examples of the collector's documentation that are about traces.
#[test]
fn the_documented_example() {
    does(
        "error_mode: ignore\n\
         trace_statements:\n\
         - keep_keys(span.attributes, [\"http.url\", \"service.name\"])\n\
         - replace_pattern(span.attributes[\"http.url\"], \"token\\\\=[^\\\\s]*(\\\\s?)\", \"token=***\")\n\
         - limit(span.attributes, 100, [])\n\
         - truncate_all(span.attributes, 4096)\n\
         - set(span.status.code, STATUS_CODE_ERROR) where IsMatch(span.attributes[\"http.url\"], \"/api/\")\n",
        |request| {
            each_span(request, |span| {
                span.attributes.retain(|pair| pair.key == "http.url");
                if !span.attributes.is_empty() {
                    span.attributes = vec![pair("http.url", "https://u:p@crm.example/api/7?token=***")];
                    span.status = Some(opentelemetry_proto::tonic::trace::v1::Status {
                        code: 2,
                        message: String::new(),
                    });
                }
            });
        },
    );
}

#[tokio::test]
async fn failures() {
    let section = |mode: &str| {
        format!(
            "error_mode: {mode}\ntrace_statements:\n- set(span.attributes[\"sum\"], span.attributes[\"n\"] + 1)\n- set(span.name, \"x\")\n"
        )
    };
    let bench = Bench::new(&FACTORY, &section("ignore"));
    bench.send(&request()).await.unwrap();
    let out = bench.taken().remove(0);
    let shown: Vec<_> = spans(&out).map(|span| shown(&span.attributes)).collect();
    assert!(spans(&out).all(|span| span.name == "x"), "the next statement goes on");
    assert_eq!(shown[1..], ["n=1 sum=2", ""]);
    assert_eq!(bench.counted("throughline_processor_ottl_failures", &["transform"]), 1);
    let bench = Bench::new(&FACTORY, &section("propagate"));
    let refusal = bench.send(&request()).await.err().unwrap();
    assert_eq!(refusal.why, "trace_statements::0: nil and a whole number cannot be added");
    assert_eq!(bench.balance().refused, 3);
}

/// Bytes that no statement changes are not copied.
#[tokio::test]
async fn untouched_bytes_stay_where_they_are() {
    let bench =
        Bench::new(&FACTORY, "trace_statements: ['set(span.name, \"x\") where span.name == \"nothing\"']");
    let (batch, _) = bench.batch(&request());
    let before = batch.payload.chunks()[0].as_ptr();
    bench.processor.consume(batch).await.unwrap();
    assert_eq!(bench.out.batches.lock().unwrap()[0].payload.chunks()[0].as_ptr(), before);
}

fn report(section: &str, expected: Expect) {
    expected.assert_eq(&findings(&FACTORY, section));
}

#[test]
fn what_is_wrong_with_the_settings() {
    report(
        "trace_statements: ['set(name, \"x\")', 'sett(span.name, \"x\")', 'set(span.nme, \"x\"']",
        expect![[r#"
            c.yaml:1:20: error: processors::transform::trace_statements::0: it is not said whose `name` this is, at column 5:
                set(name, "x")
                    ^^^^
              help: begin the path with its context, such as `span.name`, or set `context`
            c.yaml:1:38: error: processors::transform::trace_statements::1: there is no editor `sett`, at column 1:
                sett(span.name, "x")
                ^^^^
              help: did you mean `set`? the editors are set, append, delete_key, delete_matching_keys, keep_keys, keep_matching_keys, limit, merge_maps, flatten, delete_index, truncate_all, stringify_all, replace_pattern, replace_match, replace_all_patterns, replace_all_matches
            c.yaml:1:62: error: processors::transform::trace_statements::2: expected `)`, or what goes on behind `set(span.nme,`, found the end, at column 18:
                set(span.nme, "x"
                                 ^
        "#]],
    );
    report(
        "trace_statements: [{context: resource, statements: ['set(span.name, \"x\")']}]",
        expect![[r#"
        c.yaml:1:53: error: processors::transform::trace_statements::0::statements::0: the context `resource` has no `span`, at column 5:
            set(span.name, "x")
                ^^^^^^^^^
          help: paths here begin with resource
    "#]],
    );
    report(
        "trace_statements: [{context: span}, {statements: []}, {statement: []}]",
        expect![[r#"
        c.yaml:1:20: error: processors::transform::trace_statements::0: `statements` is required
        c.yaml:1:56: error: processors::transform::trace_statements::2::statement: unknown key
          help: did you mean `statements`?
    "#]],
    );
    report(
        "trace_statements: [{context: span, conditions: ['nme == \"x\"'], statements: ['set(name, 5)']}]",
        expect![[r#"
            c.yaml:1:49: error: processors::transform::trace_statements::0::conditions::0: there is no path `nme` in the context `span`, at column 1:
                nme == "x"
                ^^^
              help: did you mean `name`? the paths of `span` are trace_id, trace_id.string, span_id, span_id.string, trace_state, parent_span_id, parent_span_id.string, name, kind, kind.string, kind.deprecated_string, start_time, start_time_unix_nano, end_time, end_time_unix_nano, attributes, dropped_attributes_count, events, dropped_events_count, links, dropped_links_count, status.code, status.message, flags, cache; and those of `resource.…`, `scope.…`
            c.yaml:1:77: error: processors::transform::trace_statements::0::statements::0: this field takes text, not a whole number, at column 11:
                set(name, 5)
                          ^
        "#]],
    );
    report(
        "metric_statements: ['set(metric.name, \"x\")']\nflatten_data: true",
        expect![[r#"
        c.yaml:1:1: advice: processors::transform: nothing is changed, since there is no statement
          help: such as `trace_statements: ['set(span.attributes["key"], "value")']`
        c.yaml:1:20: advice: processors::transform::metric_statements: this has no effect: `transform` works on traces
          help: remove it
        c.yaml:2:15: advice: processors::transform::flatten_data: this has no effect: `transform` works on traces
          help: remove it
    "#]],
    );
    report(
        "trace_statements:\n- |\n  set(span.name, \"x\")\n    where span.kynd == 1\n",
        expect![[r#"
        c.yaml:3:3: error: processors::transform::trace_statements::0: there is no path `span.kynd` in the context `span`, at line 2, column 9:
              where span.kynd == 1
                    ^^^^^^^^^
          help: did you mean `kind`? the paths of `span` are trace_id, trace_id.string, span_id, span_id.string, trace_state, parent_span_id, parent_span_id.string, name, kind, kind.string, kind.deprecated_string, start_time, start_time_unix_nano, end_time, end_time_unix_nano, attributes, dropped_attributes_count, events, dropped_events_count, links, dropped_links_count, status.code, status.message, flags, cache; and those of `resource.…`, `scope.…`
    "#]],
    );
}
