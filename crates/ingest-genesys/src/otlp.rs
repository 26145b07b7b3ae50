//! Spans as OTLP bytes: one `ResourceSpans` for a conversation.
//!
//! Source: opentelemetry-proto 1.9, `trace.proto`, `common.proto`, `resource.proto`.

use std::borrow::Cow;

use flow::otlp::put::{self, attribute, text};
use flow::wire::{put_fixed32, put_fixed64, put_len, put_nested, put_varint_field};

use crate::id::Id;
use crate::settings::Settings;
use crate::span::{Event, Kind, Link, Span, Value};
use crate::time::ns;

/// Whom spans of conversations are about, and who receives events.
const SERVICE: &str = "genesys-cloud";
const RECEIVER: &str = "throughline";
const SAMPLED: u32 = 1;
/// Whether the parent is remote is known, and it is.
const REMOTE_PARENT: u32 = 0x300;
const ERROR: u64 = 2;

/// Writes an `ExportTraceServiceRequest` with these spans of a conversation, or of none; nothing for no spans.
pub(crate) fn write(
    conversation: Option<&Id>,
    spans: &[Span],
    revision: u64,
    now_ms: u64,
    settings: &Settings,
) -> Vec<u8> {
    let mut out = Vec::new();
    if !spans.is_empty() {
        out.reserve(256 + 512 * spans.len());
        let about = (SERVICE, settings.region.as_deref(), conversation);
        put_group(&mut out, about, spans, |out, span| put_span(out, span, Some(revision), now_ms));
    }
    out
}

/// Adds the span of an event to such a request: it never changes, and has no revision.
pub(crate) fn write_event(out: &mut Vec<u8>, conversation: &Id, span: &Span) {
    let about = (RECEIVER, None, Some(conversation));
    put_group(out, about, std::slice::from_ref(span), |out, span| put_span(out, span, None, span.start_ms));
}

fn put_group(
    out: &mut Vec<u8>,
    (service, region, conversation): (&str, Option<&str>, Option<&Id>),
    spans: &[Span],
    mut put: impl FnMut(&mut Vec<u8>, &Span),
) {
    put_nested(out, 1, |out| {
        put_nested(out, 1, |out| {
            attribute(out, 1, "service.name", text(service));
            if let Some(region) = region {
                attribute(out, 1, "cloud.region", text(region));
            }
            if let Some(conversation) = conversation {
                attribute(out, 1, "interaction.id", text(&conversation.to_string()));
            }
        });
        put_nested(out, 2, |out| {
            put_nested(out, 1, |out| {
                put_len(out, 1, b"throughline/genesys_cloud");
                put_len(out, 2, env!("CARGO_PKG_VERSION").as_bytes());
            });
            for span in spans {
                put_nested(out, 2, |out| put(out, span));
            }
        });
    });
}

fn put_span(out: &mut Vec<u8>, span: &Span, revision: Option<u64>, now_ms: u64) {
    put_len(out, 1, &span.trace_id.0);
    put_len(out, 2, &span.id.0);
    if let Some(parent) = span.parent {
        put_len(out, 4, &parent.0);
    }
    put_len(out, 5, span.name.as_bytes());
    let kind = match span.kind {
        Kind::Internal => 1,
        Kind::Server => 2,
        Kind::Consumer => 5,
    };
    put_varint_field(out, 6, kind);
    put_fixed64(out, 7, ns(span.start_ms));
    put_fixed64(out, 8, ns(span.end_ms.unwrap_or(now_ms).max(span.start_ms)));
    if let Some(stage) = span.stage {
        attribute(out, 9, "interaction.stage", text(stage.name()));
    }
    for (key, value) in &span.attributes {
        attribute(out, 9, key, |out| put_value(out, value));
    }
    if let Some(revision) = revision {
        attribute(out, 9, "throughline.revision", |out| put_value(out, &Value::Int(revision as i64)));
    }
    if span.end_ms.is_none() {
        attribute(out, 9, "throughline.unfinished", |out| put_value(out, &Value::Bool(true)));
    }
    for event in &span.events {
        put_nested(out, 11, |out| put_event(out, event));
    }
    for link in &span.links {
        put_nested(out, 13, |out| put_link(out, link));
    }
    if let Some(error) = &span.error {
        put_nested(out, 15, |out| {
            put_len(out, 2, error.as_bytes());
            put_varint_field(out, 3, ERROR);
        });
    }
    put_fixed32(out, 16, SAMPLED | if span.remote_parent { REMOTE_PARENT } else { 0 });
}

fn put_event(out: &mut Vec<u8>, event: &Event) {
    put_fixed64(out, 1, ns(event.at_ms));
    put_len(out, 2, event.name.as_bytes());
    put_attributes(out, 3, &event.attributes);
}

fn put_link(out: &mut Vec<u8>, link: &Link) {
    put_len(out, 1, &link.trace_id.0);
    put_len(out, 2, &link.span_id.0);
    attribute(out, 4, "interaction.link.type", text(link.kind));
}

fn put_attributes(out: &mut Vec<u8>, number: u32, attributes: &[(Cow<'static, str>, Value)]) {
    for (key, value) in attributes {
        attribute(out, number, key, |out| put_value(out, value));
    }
}

fn put_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Text(word) => text(word)(out),
        Value::Bool(truth) => put::truth(*truth)(out),
        Value::Int(number) => put::int(*number)(out),
        Value::Milli(number) => put::double(*number as f64 / 1000.0)(out),
    }
}
