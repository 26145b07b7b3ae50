use std::sync::{Mutex, PoisonError};

use flow::config::Node;
use flow::{Client, Memory, Payload, Telemetry};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

use super::*;

mod actions;
mod matching;
mod model;
mod settings;

/// What the next consumer was given.
#[derive(Default)]
pub(in crate::processors) struct Kept(Mutex<Vec<Batch>>);

impl Kept {
    pub(in crate::processors) fn take(&self) -> Option<Batch> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

impl Consumer for Kept {
    fn consume(&self, batch: Batch) -> BoxFuture<'_, Result<(), Refusal>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(batch);
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Sends a batch through the processor that a section describes.
pub(in crate::processors) fn through(factory: &Factory, section: &str, batch: Batch) -> Batch {
    let section = Node::load("c.yaml", section).expect("valid YAML");
    assert_eq!(errors(factory, &section), "");
    let Make::Processor(make) = factory.make else { panic!("not a processor") };
    let ctx = Ctx::new(Arc::new(Memory::default()), Telemetry::default()).named(factory.name);
    let kept = Arc::new(Kept::default());
    let processor = make(&section, &ctx, kept.clone()).expect("a processor");
    futures_util::future::FutureExt::now_or_never(processor.consume(batch))
        .expect("no waiting")
        .expect("taken");
    kept.take().expect("one batch")
}

/// Errors, without advice.
fn errors(factory: &Factory, section: &Node) -> String {
    let findings = (factory.check)(section).into_iter();
    let errors = findings.filter(|finding| finding.severity == flow::config::Severity::Error);
    errors.map(|finding| format!("{finding}\n")).collect()
}

pub(crate) fn findings(factory: &Factory, section: &str) -> String {
    let mut section = Node::load("c.yaml", section).expect("valid YAML");
    section.set_path(format!("processors::{}", factory.name));
    (factory.check)(&section).iter().map(|finding| format!("{finding}\n")).collect()
}

fn edited(section: &str, request: &ExportTraceServiceRequest, client: Client) -> ExportTraceServiceRequest {
    let items = spans(request).count();
    let mut batch = Batch::new(Signal::Traces, Payload::from(request.encode_to_vec()), items);
    batch.client = Arc::new(client);
    let batch = through(&FACTORY, section, batch);
    assert_eq!(batch.items, items);
    let bytes = batch.payload.to_bytes();
    let sound = flow::otlp::check(Signal::Traces, &bytes, &Default::default()).expect("sound bytes");
    assert_eq!((sound.items, sound.odd), (items, false));
    ExportTraceServiceRequest::decode(bytes).expect("protobuf")
}

fn spans(request: &ExportTraceServiceRequest) -> impl Iterator<Item = &Span> {
    request.resource_spans.iter().flat_map(|r| &r.scope_spans).flat_map(|s| &s.spans)
}

fn request(span: Span) -> ExportTraceServiceRequest {
    let scope_spans = vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }];
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }],
    }
}

pub(crate) fn pair(key: &str, value: impl Any) -> KeyValue {
    KeyValue { key: key.into(), value: Some(value.any()), key_strindex: 0 }
}

/// What an attribute can be set to.
pub(crate) trait Any {
    fn any(self) -> AnyValue;
}

macro_rules! any {
    ($($type:ty, $value:ident => $any:expr;)*) => {$(
        impl Any for $type {
            fn any(self) -> AnyValue {
                let $value = self;
                AnyValue { value: $any }
            }
        }
    )*};
}

any! {
    &str, text => Some(Value::StringValue(text.into()));
    bool, value => Some(Value::BoolValue(value));
    i64, number => Some(Value::IntValue(number));
    f64, number => Some(Value::DoubleValue(number));
    Vec<u8>, bytes => Some(Value::BytesValue(bytes));
    Vec<AnyValue>, values => Some(Value::ArrayValue(ArrayValue { values }));
    Vec<KeyValue>, values => Some(Value::KvlistValue(KeyValueList { values }));
    (), _nothing => None;
    AnyValue, any => any.value;
}

/// `a="text" n=5 l=["x"]`, in order.
pub(crate) fn shown(attributes: &[KeyValue]) -> String {
    let pair = |attribute: &KeyValue| format!("{}={}", attribute.key, shown_value(attribute.value.as_ref()));
    attributes.iter().map(pair).collect::<Vec<_>>().join(" ")
}

fn shown_value(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        None => "-".into(),
        Some(Value::StringValue(text)) => format!("{text:?}"),
        Some(Value::BoolValue(value)) => value.to_string(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::DoubleValue(number)) => format!("{number:?}"),
        Some(Value::BytesValue(bytes)) => format!("bytes{bytes:?}"),
        Some(Value::ArrayValue(ArrayValue { values })) => {
            let values: Vec<_> = values.iter().map(|value| shown_value(Some(value))).collect();
            format!("[{}]", values.join(","))
        }
        Some(Value::KvlistValue(map)) => format!("{{{}}}", shown(&map.values)),
        Some(other) => format!("{other:?}"),
    }
}
