//! From spans back to OTLP bytes, the inverse of [`to_spans`](crate::to_spans).

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use flow::otlp::{json, put};
use flow::wire::{put_fixed32, put_fixed64, put_len, put_nested, put_varint_field};
use flow::{Payload, Signal};

use crate::span::{Event, Kind, Link, Scope, Span, Status, StatusCode};
use crate::value::{Attributes, Value};

/// Groups among which one for a span is looked for; those of more are not joined.
const FEW: usize = 256;

/// A `TracesData`, which is also an `ExportTraceServiceRequest`. Spans of one resource and one scope stand together.
pub fn to_otlp<'a>(spans: impl IntoIterator<Item = &'a Arc<Span>>) -> Vec<u8> {
    let mut out = Vec::new();
    for (resource, spans) in grouped(spans, |span| &span.resource) {
        put_nested(&mut out, 1, |out| {
            put_nested(out, 1, |out| attributes(out, 1, resource.attributes()));
            for (of, spans) in grouped(spans, |span| &span.scope) {
                put_nested(out, 2, |out| {
                    put_nested(out, 1, |out| scope(out, of));
                    spans.iter().for_each(|one| put_nested(out, 2, |out| span(out, one)));
                });
            }
        });
    }
    out
}

/// The same as JSON: `{"resourceSpans":[…]}`, without an end of line.
pub fn to_otlp_json<'a>(spans: impl IntoIterator<Item = &'a Arc<Span>>) -> Vec<u8> {
    json::encode(Signal::Traces, &Payload::from(Bytes::from(to_otlp(spans))))
}

/// By what several of them share, in the order of its first span.
fn grouped<'a, T: PartialEq>(
    spans: impl IntoIterator<Item = &'a Arc<Span>>,
    shared: impl Fn(&'a Arc<Span>) -> &'a Arc<T>,
) -> Vec<(&'a Arc<T>, Vec<&'a Arc<Span>>)> {
    let mut groups: Vec<(&Arc<T>, Vec<&Arc<Span>>)> = Vec::new();
    let mut places: HashMap<*const T, usize> = HashMap::new();
    for span in spans {
        let of = shared(span);
        let place = *places.entry(Arc::as_ptr(of)).or_insert_with(|| {
            groups.iter().take(FEW).position(|(known, _)| *known == of).unwrap_or_else(|| {
                groups.push((of, Vec::new()));
                groups.len() - 1
            })
        });
        groups.get_mut(place).into_iter().for_each(|(_, spans)| spans.push(span));
    }
    groups
}

fn scope(out: &mut Vec<u8>, scope: &Scope) {
    text(out, 1, &scope.name);
    text(out, 2, &scope.version);
    attributes(out, 3, &scope.attributes);
}

fn span(out: &mut Vec<u8>, span: &Span) {
    put_len(out, 1, &span.trace_id.0);
    put_len(out, 2, &span.span_id.0);
    text(out, 3, &span.trace_state);
    if let Some(parent) = &span.parent_span_id {
        put_len(out, 4, &parent.0);
    }
    text(out, 5, &span.name);
    count(out, 6, kind(span.kind));
    put_fixed64(out, 7, span.start_ns);
    put_fixed64(out, 8, span.end_ns());
    attributes(out, 9, &span.attributes);
    count(out, 10, span.dropped.attributes);
    span.events.iter().for_each(|one| put_nested(out, 11, |out| event(out, one)));
    count(out, 12, span.dropped.events);
    span.links.iter().for_each(|one| put_nested(out, 13, |out| link(out, one)));
    count(out, 14, span.dropped.links);
    if span.status != Status::default() {
        put_nested(out, 15, |out| status(out, &span.status));
    }
    if span.flags != 0 {
        put_fixed32(out, 16, span.flags);
    }
}

fn status(out: &mut Vec<u8>, status: &Status) {
    text(out, 2, &status.message);
    let code = match status.code {
        StatusCode::Unset => 0,
        StatusCode::Ok => 1,
        StatusCode::Error => 2,
    };
    count(out, 3, code);
}

fn event(out: &mut Vec<u8>, event: &Event) {
    put_fixed64(out, 1, event.time_ns);
    text(out, 2, &event.name);
    attributes(out, 3, &event.attributes);
}

fn link(out: &mut Vec<u8>, link: &Link) {
    put_len(out, 1, &link.trace_id.0);
    put_len(out, 2, &link.span_id.0);
    text(out, 3, &link.trace_state);
    attributes(out, 4, &link.attributes);
}

fn attributes(out: &mut Vec<u8>, number: u32, attributes: &Attributes) {
    attributes.iter().for_each(|(key, of)| put::attribute(out, number, key, |out| value(out, of)));
}

/// An `AnyValue`.
pub fn value(out: &mut Vec<u8>, of: &Value) {
    match of {
        Value::Empty => {}
        Value::String(of) => put::text(of)(out),
        Value::Bool(truth) => put::truth(*truth)(out),
        Value::Int(number) => put::int(*number)(out),
        Value::Double(number) => put::double(*number)(out),
        Value::Array(values) => {
            put_nested(out, 5, |out| values.iter().for_each(|one| put_nested(out, 1, |out| value(out, one))));
        }
        Value::Map(entries) => put_nested(out, 6, |out| attributes(out, 1, entries)),
        Value::Bytes(bytes) => put_len(out, 7, bytes),
    }
}

fn text(out: &mut Vec<u8>, number: u32, text: &str) {
    if !text.is_empty() {
        put_len(out, number, text.as_bytes());
    }
}

fn count(out: &mut Vec<u8>, number: u32, count: u32) {
    if count != 0 {
        put_varint_field(out, number, u64::from(count));
    }
}

/// As OTLP numbers it.
fn kind(kind: Kind) -> u32 {
    match kind {
        Kind::Unspecified => 0,
        Kind::Internal => 1,
        Kind::Server => 2,
        Kind::Client => 3,
        Kind::Producer => 4,
        Kind::Consumer => 5,
    }
}

#[cfg(test)]
mod tests {
    use flow::otlp::{Limits, accept};
    use proptest::prelude::*;

    use super::*;
    use crate::testing::sample::arbitrary_span;
    use crate::to_spans::to_spans;

    proptest! {
        #[test]
        fn what_is_written_reads_back(spans in prop::collection::vec(arbitrary_span(), 0..6)) {
            let written = to_otlp(&spans.iter().cloned().map(Arc::new).collect::<Vec<_>>());
            prop_assert!(accept(Signal::Traces, written.clone().into(), &Limits::default()).is_ok());
            let sorted = |mut spans: Vec<Span>| {
                spans.sort_by_key(|span| format!("{span:?}"));
                spans
            };
            let read = to_spans(&Payload::from(Bytes::from(written))).spans;
            prop_assert_eq!(sorted(read), sorted(spans));
        }
    }
}
