//! Everything about the spans of a resource.

use std::fmt::{self, Formatter};

use flow::otlp::view::{Event, KeyValue, Link, ResourceSpans, Span};

use super::value::{Hex, Text, Typed};
use crate::calendar::Moment;

pub(super) fn detailed(out: &mut Formatter<'_>, nth: usize, resource: &ResourceSpans<'_>) -> fmt::Result {
    writeln!(out, "ResourceSpans #{nth}")?;
    writeln!(out, "Resource SchemaURL: {}", Text(resource.schema_url()))?;
    attributes(out, "Resource attributes:", resource.resource().attributes())?;
    for (nth, scope_spans) in resource.scope_spans().enumerate() {
        let scope = scope_spans.scope();
        writeln!(out, "ScopeSpans #{nth}")?;
        writeln!(out, "ScopeSpans SchemaURL: {}", Text(scope_spans.schema_url()))?;
        writeln!(out, "InstrumentationScope {} {}", Text(scope.name()), Text(scope.version()))?;
        attributes(out, "InstrumentationScope attributes:", scope.attributes())?;
        for (nth, one) in scope_spans.spans().enumerate() {
            writeln!(out, "Span #{nth}")?;
            span(out, &one)?;
        }
    }
    Ok(())
}

fn span(out: &mut Formatter<'_>, span: &Span<'_>) -> fmt::Result {
    let mut line = |name: &str, value: &dyn fmt::Display| writeln!(out, "    {name:<15}: {value}");
    line("Trace ID", &Hex(span.trace_id))?;
    line("Parent ID", &Hex(span.parent_span_id))?;
    line("ID", &Hex(span.span_id))?;
    line("Name", &Text(span.name))?;
    line("Kind", &kind(span.kind))?;
    if !span.trace_state.is_empty() {
        line("TraceState", &Text(span.trace_state))?;
    }
    line("Start time", &Moment::from_ns(span.start_ns))?;
    line("End time", &Moment::from_ns(span.end_ns))?;
    line("Status code", &status(span.status_code))?;
    line("Status message", &Text(span.status_message))?;
    for (what, dropped) in [
        ("Attributes", span.dropped_attributes),
        ("Events", span.dropped_events),
        ("Links", span.dropped_links),
    ] {
        if dropped > 0 {
            writeln!(out, "    Dropped{what}Count: {dropped}")?;
        }
    }
    attributes(out, "Attributes:", span.attributes())?;
    list(out, "Events:", span.events(), event)?;
    list(out, "Links:", span.links(), link)
}

fn event(out: &mut Formatter<'_>, nth: usize, event: &Event<'_>) -> fmt::Result {
    writeln!(out, "SpanEvent #{nth}")?;
    writeln!(out, "     -> Name: {}", Text(event.name()))?;
    writeln!(out, "     -> Timestamp: {}", Moment::from_ns(event.time_ns()))?;
    writeln!(out, "     -> DroppedAttributesCount: {}", event.dropped_attributes())?;
    inner_attributes(out, event.attributes())
}

fn link(out: &mut Formatter<'_>, nth: usize, link: &Link<'_>) -> fmt::Result {
    writeln!(out, "SpanLink #{nth}")?;
    writeln!(out, "     -> Trace ID: {}", Hex(link.trace_id()))?;
    writeln!(out, "     -> ID: {}", Hex(link.span_id()))?;
    writeln!(out, "     -> TraceState: {}", Text(link.trace_state()))?;
    writeln!(out, "     -> DroppedAttributesCount: {}", link.dropped_attributes())?;
    inner_attributes(out, link.attributes())
}

fn inner_attributes<'a>(out: &mut Formatter<'_>, all: impl Iterator<Item = KeyValue<'a>>) -> fmt::Result {
    list(out, "     -> Attributes::", all, |out, _, one| {
        writeln!(out, "          -> {}: {}", Text(one.key), Typed(one.value))
    })
}

fn attributes<'a>(
    out: &mut Formatter<'_>,
    title: &str,
    all: impl Iterator<Item = KeyValue<'a>>,
) -> fmt::Result {
    list(out, title, all, |out, _, one| writeln!(out, "     -> {}: {}", Text(one.key), Typed(one.value)))
}

/// The title only where something follows.
fn list<T>(
    out: &mut Formatter<'_>,
    title: &str,
    all: impl Iterator<Item = T>,
    write: impl Fn(&mut Formatter<'_>, usize, &T) -> fmt::Result,
) -> fmt::Result {
    all.enumerate().try_for_each(|(nth, one)| {
        if nth == 0 {
            writeln!(out, "{title}")?;
        }
        write(out, nth, &one)
    })
}

fn kind(kind: i32) -> &'static str {
    match kind {
        1 => "Internal",
        2 => "Server",
        3 => "Client",
        4 => "Producer",
        5 => "Consumer",
        _ => "Unspecified",
    }
}

fn status(code: i32) -> &'static str {
    match code {
        1 => "Ok",
        2 => "Error",
        _ => "Unset",
    }
}
