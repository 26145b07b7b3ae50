use expect_test::expect;
use flow::Payload;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, EntityRef, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;

use super::*;
use crate::processors::attributes::tests::{Any, findings, pair, shown, through};

mod collector;
mod everywhere;
mod hashes;
mod model;
mod settings;

const KEY: &str = "hmac_key: 0123456789abcdef0123456789abcdef";

fn request(span: Span) -> ExportTraceServiceRequest {
    let scope = InstrumentationScope { name: "crm".into(), version: "1.2.3".into(), ..Default::default() };
    let scope_spans = ScopeSpans { scope: Some(scope), spans: vec![span], ..ScopeSpans::default() };
    let resource = Resource { attributes: vec![pair("service.name", "crm")], ..Resource::default() };
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource),
            scope_spans: vec![scope_spans],
            ..ResourceSpans::default()
        }],
    }
}

fn edited(section: &str, request: &ExportTraceServiceRequest) -> ExportTraceServiceRequest {
    let bytes = request.encode_to_vec();
    let batch = through(&FACTORY, section, Batch::new(Signal::Traces, Payload::from(bytes), 1));
    let bytes = batch.payload.to_bytes();
    let sound = flow::otlp::check(Signal::Traces, &bytes, &Default::default()).expect("sound bytes");
    assert!(!sound.odd);
    ExportTraceServiceRequest::decode(bytes).expect("protobuf")
}

fn only_span(request: &ExportTraceServiceRequest) -> &Span {
    &request.resource_spans[0].scope_spans[0].spans[0]
}

/// The attributes of a span that went through.
fn attributes(section: &str, attributes: Vec<KeyValue>) -> String {
    let request = request(Span { name: "look up".into(), attributes, ..Span::default() });
    shown(&only_span(&edited(section, &request)).attributes)
}
