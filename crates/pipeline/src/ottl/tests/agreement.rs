//! The evaluator on bytes and a naive one on decoded structs say the same of every condition; spliced statements are
//! what the same edits on decoded structs are.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use proptest::prelude::*;

use super::model::{At, Without, attributes, condition, statement};
use super::*;
use crate::processors::tests::{Bench, spans};
use crate::processors::{filter, transform};

fn request() -> impl Strategy<Value = ExportTraceServiceRequest> {
    let span = (attributes(), any::<bool>(), 0u64..4, 0i32..3, prop::sample::select(vec!["", "a", "GET /a"]));
    let span = span.prop_map(|(attributes, root, took, kind, text)| Span {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        parent_span_id: if root { Vec::new() } else { vec![3; 8] },
        name: text.into(),
        kind,
        start_time_unix_nano: 10,
        end_time_unix_nano: 10 + took,
        attributes,
        status: (kind == 2).then(|| Status { message: text.into(), code: 2 }),
        ..Span::default()
    });
    let scope =
        prop::collection::vec(span, 0..3).prop_map(|spans| ScopeSpans { spans, ..ScopeSpans::default() });
    let resource =
        prop::option::of(attributes().prop_map(|attributes| Resource { attributes, ..Resource::default() }));
    let around = (resource, prop::collection::vec(scope, 0..3)).prop_map(|(resource, scope_spans)| {
        ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }
    });
    prop::collection::vec(around, 0..3)
        .prop_map(|resource_spans| ExportTraceServiceRequest { resource_spans })
}

/// Texts that can be nothing but failures are refused; they have no part in this.
fn yaml(key: &str, texts: &[String]) -> String {
    let items: Vec<_> = texts.iter().map(|text| serde_json::Value::from(text.as_str()).to_string()).collect();
    format!(
        "error_mode: silent\n{key}: [{{context: span, {}: [{}]}}]",
        if key == "trace_statements" { "statements" } else { "conditions" },
        items.join(", ")
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn conditions_agree(request in request(), condition in condition()) {
        let text = condition.text();
        let (parsed, wrongs) = Condition::parse(&text, Within::context(Context::Span));
        let Some(parsed) = parsed else {
            // What the check refuses never works.
            prop_assert!(!wrongs.is_empty());
            return Ok(());
        };
        let bytes = request.encode_to_vec();
        for (around, decoded) in flow::otlp::view::resource_spans(&bytes).zip(&request.resource_spans) {
            for (scope, decoded_scope) in around.scope_spans().zip(&decoded.scope_spans) {
                for (span, decoded_span) in scope.spans().zip(&decoded_scope.spans) {
                    let scene = Scene::new(0).resource(around).scope(scope).span(span.raw);
                    let expected = condition.holds(&At { resource: decoded, span: decoded_span });
                    let found = parsed.holds(&scene);
                    prop_assume!(expected != Err(Without::Unknown));
                    prop_assert_eq!(found.as_ref().ok(), expected.as_ref().ok(), "{} {:?}", text, found);
                }
            }
        }
    }

    #[test]
    fn filters_agree(request in request(), conditions in prop::collection::vec(condition(), 1..3)) {
        let within = Within::context(Context::Span);
        let conditions: Vec<_> =
            conditions.into_iter().filter(|one| Condition::parse(&one.text(), within).0.is_some()).collect();
        let texts: Vec<_> = conditions.iter().map(|one| one.text()).collect();
        let bench = Bench::new(&filter::FACTORY, &yaml("trace_conditions", &texts));
        let sent = futures_util::future::FutureExt::now_or_never(bench.send(&request));
        prop_assert!(sent.is_some_and(|sent| sent.is_ok()));
        let out = bench.taken().pop().unwrap_or_default();
        let mut kept = Vec::new();
        for around in &request.resource_spans {
            for span in around.scope_spans.iter().flat_map(|scope| &scope.spans) {
                let at = At { resource: around, span };
                let said: Vec<_> = conditions.iter().map(|one| one.holds(&at)).collect();
                prop_assume!(!said.contains(&Err(Without::Unknown)));
                if !said.contains(&Ok(true)) {
                    kept.push(span);
                }
            }
        }
        prop_assert_eq!(spans(&out).collect::<Vec<_>>(), kept);
        bench.balance();
    }

    #[test]
    fn transforms_agree(request in request(), statements in prop::collection::vec(statement(), 1..5)) {
        let within = Within::context(Context::Span);
        let statements: Vec<_> =
            statements.into_iter().filter(|one| Statement::parse(&one.text(), within).0.is_some()).collect();
        let texts: Vec<_> = statements.iter().map(|one| one.text()).collect();
        let bench = Bench::new(&transform::FACTORY, &yaml("trace_statements", &texts));
        let sent = futures_util::future::FutureExt::now_or_never(bench.send(&request));
        prop_assert!(sent.is_some_and(|sent| sent.is_ok()));
        let out = bench.taken().pop().unwrap_or_default();
        let mut expected = request;
        for around in &mut expected.resource_spans {
            for scope in 0..around.scope_spans.len() {
                for span in 0..around.scope_spans[scope].spans.len() {
                    for statement in &statements {
                        prop_assume!(statement.run(around, scope, span));
                    }
                }
            }
        }
        prop_assert_eq!(bare(out), bare(expected), "{:?}", texts);
        bench.balance();
    }
}

/// A resource without anything is none.
fn bare(mut request: ExportTraceServiceRequest) -> ExportTraceServiceRequest {
    for around in &mut request.resource_spans {
        around.resource = around.resource.take().filter(|resource| *resource != Resource::default());
    }
    request
}
