//! What `tail_sampling` holds for pending spans, by the allocator's own account.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use allocation_counter::measure;
use bytes::Bytes;
use flow::config::Node;
use flow::{Batch, BoxFuture, Consumer, Ctx, Make, Memory, Payload, Refusal, Signal, Telemetry};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use pipeline::processors::tail_sampling::FACTORY;
use prost::Message;

const TRACES: usize = 3_000;
const SPANS_OF_A_TRACE: usize = 20;
const SPANS_OF_A_REQUEST: usize = 100;

const SETTINGS: &str = "
num_shards: 2
policies:
  - {name: slow, type: latency, latency: {threshold_ms: 1000}}
  - {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}
  - {name: tenant, type: string_attribute, string_attribute: {key: tenant, values: [t-0417]}}
";

struct Nobody;

impl Consumer for Nobody {
    fn consume(&self, _: Batch) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

fn text(key: &str, value: String) -> KeyValue {
    let value = Some(AnyValue { value: Some(any_value::Value::StringValue(value)) });
    KeyValue { key: key.into(), value, ..KeyValue::default() }
}

/// About 420 bytes, as the bench has them.
fn span(trace: usize, number: usize) -> Span {
    let id = (trace as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    let attributes = (0..9).map(|n| text(&format!("attribute.{n}"), format!("value {n} of {number:010}")));
    Span {
        trace_id: id.to_be_bytes().to_vec(),
        span_id: (number as u64).to_be_bytes().to_vec(),
        parent_span_id: vec![7; 8],
        name: "GET /customers/{id}".into(),
        start_time_unix_nano: 1_767_225_600_000_000_000,
        end_time_unix_nano: 1_767_225_600_040_000_000,
        attributes: attributes.chain([text("tenant", "t-0082".into())]).collect(),
        ..Span::default()
    }
}

fn request(spans: Vec<Span>) -> Bytes {
    let scope =
        InstrumentationScope { name: "http".into(), version: "1".into(), ..InstrumentationScope::default() };
    let scope_spans = vec![ScopeSpans { scope: Some(scope), spans, ..ScopeSpans::default() }];
    let attributes =
        vec![text("service.name", "contact-center-backend".into()), text("host.name", "a-host".into())];
    let resource = Some(Resource { attributes, ..Resource::default() });
    let resource_spans = vec![ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec().into()
}

/// Bytes that are held for each byte on the wire, when all of these requests are pending.
fn held(order: impl Iterator<Item = (usize, usize)>) -> f64 {
    let spans: Vec<Span> = order.map(|(trace, number)| span(trace, number)).collect();
    let requests: Vec<Bytes> =
        spans.chunks(SPANS_OF_A_REQUEST).map(|spans| request(spans.to_vec())).collect();
    let wire: usize = requests.iter().map(Bytes::len).sum();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _inside = runtime.enter();
    let memory = Arc::new(Memory::default());
    let ctx = Ctx::new(Arc::clone(&memory), Telemetry::default());
    let Make::Processor(make) = FACTORY.make else { panic!("a processor") };
    let tail = make(&Node::load("tail.yaml", SETTINGS).unwrap(), &ctx, Arc::new(Nobody)).unwrap();
    let allocated = measure(|| {
        for bytes in &requests {
            let batch = Batch::new(Signal::Traces, Payload::from(bytes.clone()), SPANS_OF_A_REQUEST);
            runtime.block_on(tail.consume(batch)).unwrap();
        }
    });
    assert_eq!(tail.in_flight(), spans.len() as u64, "all are pending");
    let accounted = memory.held() as f64 / allocated.bytes_current as f64;
    assert!((0.95..1.1).contains(&accounted), "accounted for {accounted:.3} of what is held");
    allocated.bytes_current as f64 / wire as f64
}

/// Scenario: 60 000 spans of 3 000 traces; once a trace's spans come together, once each in a request of its own.
/// Guarantees: what is held is at most 1.3 times what came over the wire, and all of it is accounted for.
#[test]
fn pending_spans_take_little_more_than_on_the_wire() {
    let together = held((0..TRACES * SPANS_OF_A_TRACE).map(|n| (n / SPANS_OF_A_TRACE, n)));
    let scattered = held((0..TRACES * SPANS_OF_A_TRACE).map(|n| (n % TRACES, n)));
    assert!(together <= 1.1, "{together:.3} bytes for each byte");
    assert!(scattered <= 1.3, "{scattered:.3} bytes for each byte");
}
