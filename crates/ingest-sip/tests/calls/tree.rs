//! Spans as an indented tree: what a golden text shows.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

use crate::play::START;

#[derive(Default)]
pub(crate) struct Spans {
    pub(crate) spans: Vec<Span>,
    pub(crate) resources: Vec<Vec<KeyValue>>,
}

impl Spans {
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        let limits = flow::otlp::Limits::default();
        flow::otlp::accept(flow::Signal::Traces, bytes.to_vec().into(), &limits).unwrap();
        let request = ExportTraceServiceRequest::decode(bytes).unwrap();
        for group in request.resource_spans {
            self.resources.push(group.resource.unwrap_or_default().attributes);
            self.spans.extend(group.scope_spans.into_iter().flat_map(|scope| scope.spans));
        }
    }

    pub(crate) fn named(&self, name: &str) -> &Span {
        let mut found = self.spans.iter().filter(|span| span.name == name);
        let span = found.next().unwrap_or_else(|| panic!("no span {name}"));
        assert!(found.next().is_none(), "two spans {name}");
        span
    }

    pub(crate) fn with_call_id(&self, id: &str) -> &Span {
        self.spans.iter().find(|span| attribute(span, "sip.call_id") == Some(id)).unwrap()
    }

    /// Names, times in milliseconds since the start, stages; attributes where asked for.
    pub(crate) fn tree(&self, keys: &[&str]) -> String {
        let mut children: BTreeMap<&[u8], Vec<&Span>> = BTreeMap::new();
        let known = |id: &[u8]| self.spans.iter().any(|span| span.span_id == id);
        for span in &self.spans {
            let parent: &[u8] = if known(&span.parent_span_id) { &span.parent_span_id } else { &[] };
            children.entry(parent).or_default().push(span);
        }
        for spans in children.values_mut() {
            spans.sort_by_key(|span| (span.start_time_unix_nano, span.end_time_unix_nano, span.name.clone()));
        }
        let mut out = String::new();
        write(&mut out, &children, &[], 0, keys);
        out
    }
}

fn write(out: &mut String, children: &BTreeMap<&[u8], Vec<&Span>>, of: &[u8], depth: usize, keys: &[&str]) {
    for span in children.get(of).into_iter().flatten() {
        let ms = |ns: u64| (ns.saturating_sub(START)) / 1_000_000;
        let (start, end) = (ms(span.start_time_unix_nano), ms(span.end_time_unix_nano));
        let pad = "  ".repeat(depth);
        let stage =
            attribute(span, "interaction.stage").map(|stage| format!(" [{stage}]")).unwrap_or_default();
        writeln!(out, "{pad}{} {start}..{end}{stage}", span.name).unwrap();
        for attribute in span.attributes.iter().filter(|attribute| keys.contains(&attribute.key.as_str())) {
            writeln!(out, "{pad}  - {} = {}", attribute.key, shown(attribute)).unwrap();
        }
        for link in &span.links {
            let kinds: Vec<_> = link.attributes.iter().map(shown).collect();
            writeln!(out, "{pad}  -> {}", kinds.join(" ")).unwrap();
        }
        write(out, children, &span.span_id, depth + 1, keys);
    }
}

pub(crate) fn attribute<'s>(span: &'s Span, key: &str) -> Option<&'s str> {
    let found = span.attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}

pub(crate) fn shown(attribute: &KeyValue) -> String {
    match attribute.value.as_ref() {
        Some(AnyValue { value: Some(Value::StringValue(text)) }) => text.clone(),
        Some(AnyValue { value: Some(Value::IntValue(number)) }) => number.to_string(),
        Some(AnyValue { value: Some(Value::DoubleValue(number)) }) => number.to_string(),
        Some(AnyValue { value: Some(Value::BoolValue(truth)) }) => truth.to_string(),
        _ => String::new(),
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
