use expect_test::expect;
use flow::Payload;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::logs::v1::ResourceLogs;
use opentelemetry_proto::tonic::metrics::v1::ResourceMetrics;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

use super::*;
use crate::processors::attributes::tests::{findings, pair, shown, through};

const SECTION: &str = "attributes:\n\
    - {key: service.name, value: crm, action: insert}\n\
    - {key: env, from_attribute: environment, action: upsert}\n\
    - {key: environment, action: delete}\n";

fn resource() -> Option<Resource> {
    let attributes = vec![pair("environment", "live"), pair("service.name", "ivr")];
    Some(Resource { attributes, dropped_attributes_count: 3, ..Resource::default() })
}

fn edited(signal: Signal, bytes: Vec<u8>) -> bytes::Bytes {
    let batch = through(&FACTORY, SECTION, Batch::new(signal, Payload::from(bytes), 1));
    batch.payload.to_bytes()
}

fn seen(resource: Option<&Resource>) -> String {
    let resource = resource.expect("a resource");
    format!("{} ({} dropped)", shown(&resource.attributes), resource.dropped_attributes_count)
}

#[test]
fn resources_of_every_signal() {
    let expected = "service.name=\"ivr\" env=\"live\" (3 dropped)";
    let request = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: resource(),
            schema_url: "u".into(),
            ..Default::default()
        }],
    };
    let read = ExportTraceServiceRequest::decode(edited(Signal::Traces, request.encode_to_vec())).unwrap();
    assert_eq!(seen(read.resource_spans[0].resource.as_ref()), expected);
    assert_eq!(read.resource_spans[0].schema_url, "u");

    let resource_metrics = vec![ResourceMetrics { resource: resource(), ..Default::default() }];
    let request = ExportMetricsServiceRequest { resource_metrics };
    let read = ExportMetricsServiceRequest::decode(edited(Signal::Metrics, request.encode_to_vec())).unwrap();
    assert_eq!(seen(read.resource_metrics[0].resource.as_ref()), expected);

    let resource_logs = vec![ResourceLogs { resource: resource(), ..Default::default() }];
    let request = ExportLogsServiceRequest { resource_logs };
    let read = ExportLogsServiceRequest::decode(edited(Signal::Logs, request.encode_to_vec())).unwrap();
    assert_eq!(seen(read.resource_logs[0].resource.as_ref()), expected);
}

#[test]
fn a_missing_resource_is_made_where_an_action_adds_to_it() {
    let span = Span { name: "s".into(), attributes: vec![pair("environment", "x")], ..Span::default() };
    let scope_spans = vec![ScopeSpans { spans: vec![span], ..Default::default() }];
    let bare = ResourceSpans { scope_spans, ..Default::default() };
    let full = ResourceSpans { resource: resource(), ..bare.clone() };
    let request = ExportTraceServiceRequest { resource_spans: vec![bare, full] };
    let read = ExportTraceServiceRequest::decode(edited(Signal::Traces, request.encode_to_vec())).unwrap();
    assert_eq!(seen(read.resource_spans[0].resource.as_ref()), "service.name=\"crm\" (0 dropped)");
    assert_eq!(
        read.resource_spans[0].scope_spans, request.resource_spans[0].scope_spans,
        "spans stay as they are"
    );
    let delete = "attributes: [{key: a, action: delete}]";
    let batch =
        through(&FACTORY, delete, Batch::new(Signal::Traces, Payload::from(request.encode_to_vec()), 2));
    assert_eq!(ExportTraceServiceRequest::decode(batch.payload.to_bytes()).unwrap(), request);
}

#[test]
fn errors_have_a_place_and_a_mend() {
    expect![[r#"
        c.yaml:1:1: error: processors::resource::actions: unknown key
          help: the keys here are attributes
    "#]]
    .assert_eq(&findings(&FACTORY, "actions: [{key: a, action: delete}]"));
    expect![[r#"
        c.yaml:1:31: error: processors::resource::attributes::0::action: expected an action, found the text `delet`
          help: did you mean `delete`?
        c.yaml:2:1: error: processors::resource::include: unknown key
          help: the keys here are attributes
    "#]].assert_eq(&findings(&FACTORY, "attributes: [{key: a, action: delet}]\ninclude: {}"));
}
