//! Spans as `jaeger.api_v2` models them.

use flow::wire::{put_fixed64, put_len, put_nested, put_varint_field};
use store_api::span::{Event, key};
use store_api::{Span, Value};

use crate::jaeger::answer::{said, written};

/// `Span`.
pub(super) fn span(out: &mut Vec<u8>, span: &Span) {
    put_len(out, 1, &span.trace_id.0);
    put_len(out, 2, &span.span_id.0);
    put_len(out, 3, span.name.as_bytes());
    if let Some(parent) = span.parent_span_id {
        put_nested(out, 4, |out| reference(out, &span.trace_id.0, &parent.0, 0));
    }
    for link in &span.links {
        put_nested(out, 4, |out| reference(out, &link.trace_id.0, &link.span_id.0, 1));
    }
    put_varint_field(out, 5, u64::from(span.flags & 0xff));
    put_nested(out, 6, |out| time(out, span.start_ns));
    put_nested(out, 7, |out| time(out, span.duration_ns));
    span.attributes.iter().for_each(|(key, value)| put_nested(out, 8, |out| tag(out, key, value)));
    said(span).iter().for_each(|(key, value)| put_nested(out, 8, |out| tag(out, key, value)));
    span.events.iter().for_each(|event| put_nested(out, 9, |out| log(out, event)));
    put_nested(out, 10, |out| {
        put_len(out, 1, span.resource.service().as_bytes());
        let others = span.resource.attributes().iter().filter(|(name, _)| *name != key::SERVICE);
        others.for_each(|(key, value)| put_nested(out, 2, |out| tag(out, key, value)));
    });
    if !span.finished() {
        put_len(out, 12, b"the span has not ended yet");
    }
}

/// Seconds and nanoseconds, as `Timestamp` and `Duration` have them.
pub(super) fn time(out: &mut Vec<u8>, ns: u64) {
    put_varint_field(out, 1, ns / 1_000_000_000);
    put_varint_field(out, 2, ns % 1_000_000_000);
}

fn reference(out: &mut Vec<u8>, trace: &[u8], span: &[u8], kind: u64) {
    put_len(out, 1, trace);
    put_len(out, 2, span);
    put_varint_field(out, 3, kind);
}

fn log(out: &mut Vec<u8>, event: &Event) {
    put_nested(out, 1, |out| time(out, event.time_ns));
    if !event.name.is_empty() {
        put_nested(out, 2, |out| tag(out, "event", &event.name.as_str().into()));
    }
    event.attributes.iter().for_each(|(key, value)| put_nested(out, 2, |out| tag(out, key, value)));
}

fn tag(out: &mut Vec<u8>, key: &str, value: &Value) {
    put_len(out, 1, key.as_bytes());
    let mut of = |kind| put_varint_field(out, 2, kind);
    match value {
        Value::Empty => {}
        Value::String(text) => put_len(out, 3, text.as_bytes()),
        Value::Bool(truth) => {
            of(1);
            put_varint_field(out, 4, u64::from(*truth));
        }
        Value::Int(number) => {
            of(2);
            put_varint_field(out, 5, *number as u64);
        }
        Value::Double(number) => {
            of(3);
            put_fixed64(out, 6, number.to_bits());
        }
        Value::Bytes(bytes) => {
            of(4);
            put_len(out, 7, bytes);
        }
        Value::Array(_) | Value::Map(_) => put_len(out, 3, written(value).as_bytes()),
    }
}
