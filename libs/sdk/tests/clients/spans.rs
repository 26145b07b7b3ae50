//! The spans of this process.

use std::sync::OnceLock;

use opentelemetry::trace::{FutureExt, TraceContextExt, Tracer};
use opentelemetry::{Context, TraceId, global};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use throughline_sdk::Stamp;

/// Runs work below a span of its own, and gives the spans of that trace, the span itself aside.
pub(crate) async fn traced<T>(work: impl Future<Output = T>) -> (T, Vec<SpanData>) {
    let exporter = exporter();
    let cx = Context::current_with_span(global::tracer("test").start("test"));
    let trace = cx.span().span_context().trace_id();
    let value = work.with_context(cx.clone()).await;
    drop(cx);
    (value, spans_of(&exporter, trace))
}

pub(crate) fn exporter() -> InMemorySpanExporter {
    static EXPORTER: OnceLock<InMemorySpanExporter> = OnceLock::new();
    let made = EXPORTER.get_or_init(|| {
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(Stamp)
            .with_simple_exporter(exporter.clone())
            .build();
        global::set_tracer_provider(provider);
        exporter
    });
    made.clone()
}

/// The attribute as text.
pub(crate) fn text(span: &SpanData, key: &str) -> Option<String> {
    let mut found = span.attributes.iter().filter(|attribute| attribute.key.as_str() == key);
    let value = found.next().map(|attribute| attribute.value.to_string());
    assert!(found.next().is_none() || key == "error.type", "{key} comes twice");
    value
}

fn spans_of(exporter: &InMemorySpanExporter, trace: TraceId) -> Vec<SpanData> {
    let spans = exporter.get_finished_spans().unwrap().into_iter();
    spans.filter(|span| span.span_context.trace_id() == trace && span.name != "test").collect()
}
