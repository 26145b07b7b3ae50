//! A batch as text. Line for line like the collector's, so that what greps the one greps the other.

mod value;
mod span;

use std::fmt::{self, Formatter};

use flow::otlp::view::{ResourceSpans, resource_spans};
use flow::wire::fields;
use flow::{Batch, Signal};

use super::settings::Verbosity;
use span::detailed;
use value::{Hex, Text, pairs};

/// The text of a batch, each line ended.
pub(super) fn of(batch: &Batch, verbosity: Verbosity) -> String {
    fmt::from_fn(|out| write(out, batch, verbosity)).to_string()
}

fn write(out: &mut Formatter<'_>, batch: &Batch, verbosity: Verbosity) -> fmt::Result {
    counts(out, batch)?;
    let mut resources = batch.payload.chunks().iter().flat_map(|chunk| resource_spans(chunk)).enumerate();
    match (batch.signal, verbosity) {
        (_, Verbosity::Basic) | (Signal::Metrics | Signal::Logs, Verbosity::Normal) => Ok(()),
        (Signal::Traces, Verbosity::Normal) => resources.try_for_each(|(nth, one)| normal(out, nth, &one)),
        (Signal::Traces, Verbosity::Detailed) => {
            resources.try_for_each(|(nth, one)| detailed(out, nth, &one))
        }
        (Signal::Metrics | Signal::Logs, Verbosity::Detailed) => {
            let json = flow::otlp::json::encode(batch.signal, &batch.payload);
            writeln!(out, "{}", String::from_utf8_lossy(&json))
        }
    }
}

/// A line for each span: name, ids, attributes.
fn normal(out: &mut Formatter<'_>, nth: usize, resource: &ResourceSpans<'_>) -> fmt::Result {
    write!(out, "ResourceTraces #{nth}")?;
    writeln!(out, "{}{}", Schema(resource.schema_url()), pairs(|| resource.resource().attributes()))?;
    for (nth, scope_spans) in resource.scope_spans().enumerate() {
        let scope = scope_spans.scope();
        write!(out, "ScopeTraces #{nth} {}", Text(scope.name()))?;
        if !scope.version().is_empty() {
            write!(out, "@{}", Text(scope.version()))?;
        }
        writeln!(out, "{}{}", Schema(scope_spans.schema_url()), pairs(|| scope.attributes()))?;
        for span in scope_spans.spans() {
            let (trace_id, span_id) = (Hex(span.trace_id), Hex(span.span_id));
            writeln!(out, "{} {trace_id} {span_id}{}", Text(span.name), pairs(|| span.attributes()))?;
        }
    }
    Ok(())
}

/// The schema, where there is one.
struct Schema<'a>(&'a str);

impl fmt::Display for Schema<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, " [{}]", Text(self.0)) }
    }
}

fn counts(out: &mut Formatter<'_>, batch: &Batch) -> fmt::Result {
    let chunks = || batch.payload.chunks().iter();
    let resources: usize = chunks().map(|chunk| count(chunk, &[1])).sum();
    let items = batch.items;
    match batch.signal {
        Signal::Traces => writeln!(out, "Traces {{\"resource spans\": {resources}, \"spans\": {items}}}"),
        Signal::Metrics => {
            let metrics: usize = chunks().map(|chunk| count(chunk, &[1, 2, 2])).sum();
            writeln!(
                out,
                "Metrics {{\"resource metrics\": {resources}, \"metrics\": {metrics}, \"data points\": {items}}}"
            )
        }
        Signal::Logs => writeln!(out, "Logs {{\"resource logs\": {resources}, \"log records\": {items}}}"),
    }
}

/// The messages at the end of a path of field numbers.
fn count(message: &[u8], path: &[u32]) -> usize {
    let Some((number, rest)) = path.split_first() else { return 1 };
    fields(message).filter(|field| field.number == *number).map(|field| count(field.bytes(), rest)).sum()
}
