//! Spans of calls as OTLP bytes.

use std::borrow::Cow;

use flow::Stage;
use flow::otlp::put::{attribute, double, int, text, truth};
use flow::wire::{put_fixed32, put_fixed64, put_len, put_nested, put_varint_field};
use throughline_context::w3c::Context;
use throughline_context::{SpanId, Traceparent};

use super::super::record::{Call, Link, Mark};
use super::super::settings::Settings;
use super::uuid;

const SERVER: u64 = 2;
const INTERNAL: u64 = 1;
const ERROR: u64 = 2;
/// Whether the parent is remote is known, and it is.
const REMOTE_PARENT: u32 = 0x300;

#[derive(Clone, Debug)]
pub(crate) struct Span<'c> {
    pub(crate) name: &'static str,
    pub(crate) id: SpanId,
    pub(crate) parent: Option<SpanId>,
    pub(crate) server: bool,
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) stage: Option<Stage>,
    pub(crate) attributes: Vec<(&'static str, Value<'c>)>,
    pub(crate) links: &'c [Link],
    pub(crate) marks: Vec<&'c Mark>,
    /// `error.type`
    pub(crate) error: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) enum Value<'c> {
    Text(Cow<'c, str>),
    Int(i64),
    Double(f64),
    Truth(bool),
}

impl<'c> Span<'c> {
    pub(crate) fn new(name: &'static str, id: SpanId, parent: Option<SpanId>, start: u64, end: u64) -> Self {
        let end = end.max(start);
        let (attributes, links, marks) = (Vec::new(), &[] as &[Link], Vec::new());
        Self {
            name,
            id,
            parent,
            server: false,
            start,
            end,
            stage: None,
            attributes,
            links,
            marks,
            error: None,
        }
    }

    pub(crate) fn push(&mut self, key: &'static str, value: Option<Value<'c>>) {
        self.attributes.extend(value.map(|value| (key, value)));
    }

    pub(crate) fn text(&mut self, key: &'static str, value: Option<impl Into<Cow<'c, str>>>) {
        self.push(key, value.map(|value| Value::Text(value.into())));
    }
}

/// One `ExportTraceServiceRequest` with these spans of a call.
pub(crate) fn group(call: &Call, spans: &[Span<'_>], settings: &Settings) -> Vec<u8> {
    let mut out = Vec::with_capacity(256 + 256 * spans.len());
    let trace = &call.trace;
    // A trace that somebody else began has its interaction already.
    let begun_here = !matches!(trace.decision, "continue");
    let of_trace = begun_here.then_some(trace.context.traceparent.trace_id.0);
    put_nested(&mut out, 1, |out| {
        put_nested(out, 1, |out| {
            attribute(out, 1, "service.name", text(&settings.service));
            if let Some(region) = &settings.region {
                attribute(out, 1, "cloud.region", text(region));
            }
            if let Some(id) = trace.conversation.or(of_trace) {
                attribute(out, 1, "interaction.id", text(&uuid(id)));
            }
        });
        put_nested(out, 2, |out| {
            put_nested(out, 1, |out| {
                put_len(out, 1, b"throughline/sip");
                put_len(out, 2, env!("CARGO_PKG_VERSION").as_bytes());
            });
            for span in spans {
                put_nested(out, 2, |out| put_span(out, &trace.context, span));
            }
        });
    });
    out
}

fn put_span(out: &mut Vec<u8>, context: &Context, span: &Span<'_>) {
    put_len(out, 1, &context.traceparent.trace_id.0);
    put_len(out, 2, &span.id.0);
    if span.server && !context.tracestate.is_empty() {
        put_len(out, 3, context.tracestate.as_str().as_bytes());
    }
    if let Some(parent) = span.parent {
        put_len(out, 4, &parent.0);
    }
    put_len(out, 5, span.name.as_bytes());
    put_varint_field(out, 6, if span.server { SERVER } else { INTERNAL });
    put_fixed64(out, 7, span.start);
    put_fixed64(out, 8, span.end);
    attribute(out, 9, "interaction.channel", text("voice"));
    if let Some(stage) = span.stage {
        attribute(out, 9, "interaction.stage", text(stage.name()));
    }
    for (key, value) in &span.attributes {
        match value {
            Value::Text(value) => attribute(out, 9, key, text(value)),
            Value::Int(value) => attribute(out, 9, key, int(*value)),
            Value::Double(value) => attribute(out, 9, key, double(*value)),
            Value::Truth(value) => attribute(out, 9, key, truth(*value)),
        }
    }
    if let Some(error) = &span.error {
        attribute(out, 9, "error.type", text(error));
    }
    for mark in &span.marks {
        put_nested(out, 11, |out| put_mark(out, mark));
    }
    for link in span.links {
        put_nested(out, 13, |out| put_link(out, link));
    }
    if span.error.is_some() {
        put_nested(out, 15, |out| put_varint_field(out, 3, ERROR));
    }
    let remote = if span.server && span.parent.is_some() { REMOTE_PARENT } else { 0 };
    put_fixed32(out, 16, u32::from(context.traceparent.flags & Traceparent::SAMPLED) | remote);
}

fn put_mark(out: &mut Vec<u8>, mark: &Mark) {
    put_fixed64(out, 1, mark.at);
    put_len(out, 2, b"sip.context");
    attribute(out, 3, "sip.request.method", text(mark.what));
    if let Some(status) = mark.status {
        attribute(out, 3, "sip.response.status_code", int(status.into()));
    }
    for (key, trunk) in [("sip.trunk.from", &mark.from), ("sip.trunk.to", &mark.to)] {
        if let Some(trunk) = trunk {
            attribute(out, 3, key, text(&trunk.name));
        }
    }
    for (key, carriers) in [("sip.context.seen", mark.seen), ("sip.context.sent", mark.sent)] {
        let names: Vec<_> = carriers.names().collect();
        attribute(out, 3, key, text(&names.join(",")));
    }
    attribute(out, 3, "sip.context.trace", text(mark.fate.name()));
}

fn put_link(out: &mut Vec<u8>, link: &Link) {
    put_len(out, 1, &link.trace_id.0);
    if link.span_id.is_valid() {
        put_len(out, 2, &link.span_id.0);
    }
    attribute(out, 4, "interaction.link.type", text(link.kind));
    if link.ambiguous {
        attribute(out, 4, "throughline.link.ambiguous", truth(true));
    }
}
