//! What a span costs in the processors that look at spans: nanoseconds of CPU, best of several rounds.
#![expect(clippy::print_stdout, clippy::expect_used, reason = "a bench prints, and may panic")]
#![expect(clippy::disallowed_types, reason = "nothing here waits, so that no clock is paused")]

use std::sync::Arc;
use std::time::Instant;

use flow::config::Node;
use flow::{Batch, BoxFuture, Consumer, Ctx, Factory, Make, Memory, Payload, Refusal, Signal, Telemetry};
use futures_util::FutureExt;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use pipeline::processors::{attributes, filter, probabilistic_sampler, span, transform};
use prost::Message;

const SPANS: u64 = 2000;
const ROUNDS: usize = 40;

const CASES: [(&str, &Factory, &str); 11] = [
    (
        "attributes: two actions",
        &attributes::FACTORY,
        "actions: [{key: customer.phone.number, value: '***', action: upsert}, {key: campaign, action: delete}]",
    ),
    (
        "filter: one condition on an attribute, nothing goes",
        &filter::FACTORY,
        "traces: {span: ['attributes[\"url.path\"] == \"/healthz\"']}",
    ),
    (
        "filter: three conditions, nothing goes",
        &filter::FACTORY,
        "traces: {span: ['attributes[\"url.path\"] == \"/healthz\"', 'end_time - start_time < Duration(\"1ms\")', 'kind == SPAN_KIND_CLIENT and status.code == STATUS_CODE_ERROR']}",
    ),
    (
        "filter: a pattern, nothing goes",
        &filter::FACTORY,
        "traces: {span: ['IsMatch(name, \"^GET /health\")']}",
    ),
    ("filter: every other span goes", &filter::FACTORY, "traces: {span: ['attributes[\"parity\"] == 0']}"),
    (
        "transform: one statement that does not apply",
        &transform::FACTORY,
        "trace_statements: ['set(span.name, \"x\") where span.kind == SPAN_KIND_CLIENT']",
    ),
    (
        "transform: one attribute is set",
        &transform::FACTORY,
        "trace_statements: ['set(span.attributes[\"a\"], 1)']",
    ),
    (
        "transform: two like the actions of attributes",
        &transform::FACTORY,
        "trace_statements: ['set(span.attributes[\"customer.phone.number\"], \"***\")', 'delete_key(span.attributes, \"campaign\")']",
    ),
    (
        "transform: the documented example",
        &transform::FACTORY,
        "trace_statements: ['keep_matching_keys(span.attributes, \"^(http|url|customer)\")', 'replace_pattern(span.attributes[\"url.full\"], \"token=[^&]*\", \"token=***\")', 'limit(span.attributes, 100, [])', 'truncate_all(span.attributes, 4096)']",
    ),
    (
        "span: a name is taken apart",
        &span::FACTORY,
        "name: {to_attributes: {rules: ['^GET /api/(?P<id>[0-9]+)']}}",
    ),
    (
        "probabilistic_sampler: half of the traces",
        &probabilistic_sampler::FACTORY,
        "{sampling_percentage: 50, mode: equalizing}",
    ),
];

struct Nobody;

impl Consumer for Nobody {
    fn consume(&self, _: Batch) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

fn main() {
    let bytes = request().encode_to_vec();
    println!("{} spans of {} bytes", SPANS, bytes.len() as u64 / SPANS);
    println!("{:<54} {:>9}", "per span", "ns");
    for (what, factory, section) in CASES {
        let section = Node::load("bench.yaml", section).expect("YAML");
        let Make::Processor(make) = factory.make else { continue };
        let ctx = Ctx::new(Arc::new(Memory::default()), Telemetry::default()).named(factory.name);
        let processor = make(&section, &ctx, Arc::new(Nobody)).expect("a processor");
        let mut best = f64::INFINITY;
        for _ in 0..ROUNDS {
            let batch = Batch::new(Signal::Traces, Payload::from(bytes.clone()), SPANS as usize);
            let started = Instant::now();
            processor.consume(batch).now_or_never().expect("no waiting").expect("taken");
            best = best.min(started.elapsed().as_nanos() as f64 / SPANS as f64);
        }
        println!("{what:<54} {best:>9.0}");
    }
}

fn request() -> ExportTraceServiceRequest {
    let pair = |key: &str, value: Value| KeyValue {
        key: key.into(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    };
    let text = |key: &str, text: &str| pair(key, Value::StringValue(text.into()));
    let span = |nth: u64| Span {
        trace_id: [nth.wrapping_mul(0x9e37_79b9_7f4a_7c15), nth]
            .iter()
            .flat_map(|half| half.to_be_bytes())
            .collect(),
        span_id: (nth + 1).to_be_bytes().to_vec(),
        parent_span_id: vec![9; 8],
        name: format!("GET /api/{nth}/participants"),
        kind: 2,
        start_time_unix_nano: 1_700_000_000_000_000_000,
        end_time_unix_nano: 1_700_000_000_100_000_000,
        attributes: vec![
            text("http.request.method", "GET"),
            text("url.full", "https://crm.example/api/customers/4711?token=s3cret&expand=address"),
            text("url.path", "/api/customers/4711"),
            text("server.address", "crm.example"),
            pair("http.response.status_code", Value::IntValue(200)),
            text("network.protocol.version", "1.1"),
            text("user_agent.original", "contact-center-backend/3.2 (linux; x86_64)"),
            text("customer.phone.number", "+49 30 901820"),
            text("campaign", "spring"),
            pair("parity", Value::IntValue((nth % 2) as i64)),
            text(
                "db.query.text",
                "SELECT * FROM customers WHERE id = $1 AND region = $2 ORDER BY name LIMIT 50",
            ),
            text("interaction.stage", "action"),
        ],
        ..Span::default()
    };
    let resource = Resource {
        attributes: vec![text("service.name", "crm"), text("cloud.region", "eu-west-2")],
        ..Resource::default()
    };
    let around = |from: u64| ResourceSpans {
        resource: Some(resource.clone()),
        scope_spans: vec![ScopeSpans {
            spans: (from..from + 100).map(span).collect(),
            ..ScopeSpans::default()
        }],
        ..ResourceSpans::default()
    };
    ExportTraceServiceRequest { resource_spans: (0..SPANS / 100).map(|nth| around(nth * 100)).collect() }
}
