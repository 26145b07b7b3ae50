//! `configs/reduce.yaml` as it is shipped, but for its ports and the exporter: spans come in by HTTP and are looked at
//! where they would leave.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use flow::{
    Batch, BoxFuture, BuildError, Ctx, ExportError, Exporter, Factory, Make, Memory, Registry, Signal,
    Telemetry,
};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use pipeline::engine::account::Accounts;
use pipeline::engine::running::Running;
use pipeline::net::addresses::Addresses;
use pipeline::plan::{Plan, Sources, World, findings_as_text};
use pipeline::{extensions, processors, receivers};
use prost::Message;

use crate::client::{PROTOBUF, http, post};

static KEPT: Factory = Factory {
    name: "otlp_grpc",
    aliases: &["otlp"],
    signals: &Signal::ALL,
    check: |_| Vec::new(),
    make: Make::Exporter(|_, ctx| {
        Ok(Arc::new(Kept(ctx.get().ok_or_else(|| BuildError::new(&ctx.id, "nowhere to keep"))?)))
    }),
};

type Requests = Mutex<Vec<ExportTraceServiceRequest>>;

struct Kept(Arc<Requests>);

impl Exporter for Kept {
    fn export<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<(), ExportError>> {
        let request = ExportTraceServiceRequest::decode(batch.payload.to_bytes()).unwrap();
        self.0.lock().unwrap().push(request);
        Box::pin(std::future::ready(Ok(())))
    }
}

fn plan() -> Plan {
    let file = |_: &str| {
        let text = include_str!("../../../../configs/reduce.yaml");
        let text = text.replace(":4317", ":0").replace(":4318", ":0").replace(":13133", ":0");
        Ok(text.replace("service:\n", "service:\n  telemetry: {metrics: {level: none}}\n"))
    };
    let registry = Registry::new([
        receivers::otlp::FACTORY,
        processors::memory_limiter::FACTORY,
        processors::batch::FACTORY,
        processors::filter::FACTORY,
        processors::span::FACTORY,
        processors::transform::FACTORY,
        processors::groupbytrace::FACTORY,
        processors::probabilistic_sampler::FACTORY,
        KEPT,
        extensions::health_check::FACTORY,
    ]);
    let sources = Sources { configs: vec!["reduce.yaml".into()], sets: Vec::new() };
    let (plan, findings) = Plan::read(&sources, World { env: &|_| None, file: &file }, &registry);
    plan.unwrap_or_else(|| panic!("{}", findings_as_text(&findings)))
}

fn pair(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.into(), value: Some(AnyValue { value: Some(value) }), key_strindex: 0 }
}

fn text(key: &str, text: &str) -> KeyValue {
    pair(key, Value::StringValue(text.into()))
}

fn get<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a Value> {
    attributes.iter().find(|pair| pair.key == key)?.value.as_ref()?.value.as_ref()
}

/// One of many traces; `nth` is spread over the bits that decide.
fn span(nth: u64, name: &str, attributes: Vec<KeyValue>) -> Span {
    let mut trace_id = vec![1; 8];
    trace_id.extend_from_slice(&nth.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    Span {
        trace_id,
        span_id: (nth + 1).to_be_bytes().to_vec(),
        parent_span_id: vec![9; 8],
        name: name.into(),
        start_time_unix_nano: 1_000_000_000,
        end_time_unix_nano: 1_100_000_000,
        attributes,
        ..Span::default()
    }
}

/// Scenario: probes, polling, spans of calls and 500 other traces, through filter, span, transform, groupbytrace,
/// probabilistic_sampler and batch.
/// Guarantees: what is said in the configuration is done, and every span is accounted for.
#[tokio::test]
async fn fewer_and_tidier_spans() {
    let telemetry = Telemetry::default();
    let kept = Arc::new(Requests::default());
    let ctx = Ctx::new(Arc::new(Memory::default()), telemetry.clone())
        .with(Arc::new(Addresses::default()))
        .with(Arc::new(Accounts::new(telemetry)))
        .with(Arc::clone(&kept));
    let mut running = Running::start(&plan(), &ctx).await.unwrap();
    let address = ctx.get::<Addresses>().unwrap().of("otlp", "http").unwrap();

    let probe = Span { parent_span_id: Vec::new(), ..span(0, "probe", vec![text("url.path", "/healthz")]) };
    let poll = Span { end_time_unix_nano: 1_001_000_000, ..span(1, "queue.poll", Vec::new()) };
    let call = vec![
        text("interaction.id", "c0ffee"),
        text("url.full", "https://crm.example/?access_token=s3cret&page=2"),
        pair("http.response.status_code", Value::IntValue(503)),
    ];
    let name = "GET /api/v2/conversations/11112222-3333-4444-5555-666677778888/participants";
    let calls = (2..12).map(|nth| span(nth, name, call.clone()));
    let others = (12..512).map(|nth| span(nth, "other", Vec::new()));
    let spans: Vec<Span> = [probe, poll].into_iter().chain(calls).chain(others).collect();
    let resource = Resource { attributes: vec![text("cloud.region", "eu-west-2")], ..Resource::default() };
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let around = ResourceSpans { resource: Some(resource), scope_spans, ..ResourceSpans::default() };
    let request = ExportTraceServiceRequest { resource_spans: vec![around] };
    assert_eq!(http(address, post(&[PROTOBUF], request.encode_to_vec())).await.status, 200);
    running.stop().await;

    let kept = std::mem::take(&mut *kept.lock().unwrap());
    let resources: Vec<_> = kept.iter().flat_map(|request| &request.resource_spans).collect();
    let region = Value::StringValue("eu-west-2".into());
    for around in &resources {
        let attributes = &around.resource.as_ref().unwrap().attributes;
        assert_eq!(get(attributes, "interaction.region"), Some(&region));
    }
    let spans: Vec<_> = resources.iter().flat_map(|around| &around.scope_spans[0].spans).collect();
    let (calls, others): (Vec<&Span>, Vec<&Span>) = spans.iter().partition(|span| span.name != "other");
    assert_eq!(calls.len(), 10, "every span of a call is kept");
    for span in &calls {
        assert_eq!(span.name, "GET /api/v2/conversations/{conversation_id}/participants");
        let masked = Value::StringValue("https://crm.example/?access_token=***&page=2".into());
        assert_eq!(get(&span.attributes, "url.full"), Some(&masked));
        let id = Value::StringValue("11112222-3333-4444-5555-666677778888".into());
        assert_eq!(get(&span.attributes, "conversation_id"), Some(&id));
        assert_eq!((span.status.as_ref().unwrap().code, span.trace_state.as_str()), (2, "ot=th:0"));
    }
    assert!((25..=80).contains(&others.len()), "{} of 500 others", others.len());
    assert!(others.iter().all(|span| span.trace_state == "ot=th:e666"), "{:?}", others.first());
    let traces: HashSet<_> = spans.iter().map(|span| &span.trace_id).collect();
    assert_eq!(traces.len(), spans.len());

    let balance = ctx.get::<Accounts>().unwrap().balances().remove(0);
    assert_eq!((balance.received, balance.exported), (512, spans.len() as i64));
    assert_eq!((balance.dropped, balance.lost, balance.in_flight), (512 - balance.exported, 0, 0));
    assert_eq!((balance.difference(), ctx.memory.held()), (0, 0));
}
