//! Spans as the applications of a contact centre send them: about 420 bytes and ten attributes each.
//!
//! The same numbers give the same spans, so that two runs compare.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};

use crate::attribute::{attribute, text};
use crate::chance::Chance;

/// The first of January 2026.
pub(super) const START_NS: u64 = 1_767_225_600_000_000_000;
const SLOW_NS: u64 = 10_000_000_000;
/// Where nobody says otherwise.
const SPANS_OF_A_TRACE: usize = 8;

/// This many requests of this many spans, no two alike.
pub fn requests(distinct: usize, spans: usize) -> Vec<ExportTraceServiceRequest> {
    traces(distinct, spans, SPANS_OF_A_TRACE)
}

/// The same with so many spans in each trace.
pub(super) fn traces(
    distinct: usize,
    spans: usize,
    spans_of_a_trace: usize,
) -> Vec<ExportTraceServiceRequest> {
    let mut chance = Chance::new(0x5eed);
    (0..distinct).map(|_| request(&mut chance, spans, spans_of_a_trace)).collect()
}

/// The first trace of a request takes longer than all others.
pub(super) fn slow_first_trace(request: &mut ExportTraceServiceRequest) {
    let scopes = request.resource_spans.iter_mut().flat_map(|resource| &mut resource.scope_spans);
    if let Some(root) = scopes.flat_map(|scope| &mut scope.spans).next() {
        root.end_time_unix_nano += SLOW_NS;
    }
}

/// All traces of a request begin at [`START_NS`].
pub(super) fn begin_together(request: &mut ExportTraceServiceRequest) {
    let scopes = request.resource_spans.iter_mut().flat_map(|resource| &mut resource.scope_spans);
    let spans = scopes.flat_map(|scope| &mut scope.spans);
    let mut late = 0;
    for span in spans {
        if span.parent_span_id.is_empty() {
            late = span.start_time_unix_nano - START_NS;
        }
        span.start_time_unix_nano -= late;
        span.end_time_unix_nano -= late;
    }
}

pub(super) fn interaction_id(span: &Span) -> Option<&str> {
    let id = span.attributes.iter().find(|attribute| attribute.key == "interaction.id")?;
    match id.value.as_ref()?.value.as_ref()? {
        Value::StringValue(id) => Some(id),
        _ => None,
    }
}

fn request(chance: &mut Chance, spans: usize, spans_of_a_trace: usize) -> ExportTraceServiceRequest {
    let mut written = Vec::with_capacity(spans);
    while written.len() < spans {
        let size = spans_of_a_trace.min(spans - written.len());
        write_trace(chance, size, &mut written);
    }
    let resource = Resource {
        attributes: vec![
            text("service.name", "contact-center-backend"),
            text("service.version", "4.12.0-eu-west-1"),
            text("deployment.environment.name", "production"),
            text("telemetry.sdk.language", "nodejs"),
        ],
        ..Resource::default()
    };
    let scope = InstrumentationScope {
        name: "@opentelemetry/instrumentation-http".into(),
        version: "0.205.0".into(),
        ..InstrumentationScope::default()
    };
    let scope_spans = vec![ScopeSpans { scope: Some(scope), spans: written, ..ScopeSpans::default() }];
    let resource_spans =
        vec![ResourceSpans { resource: Some(resource), scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }
}

/// One interaction's work in this service: a root, and calls below it one after the other.
fn write_trace(chance: &mut Chance, size: usize, spans: &mut Vec<Span>) {
    let interaction = Interaction::new(chance);
    let root = chance.id(8);
    let mut at = START_NS + chance.below(86_400_000_000) * 1_000;
    for index in 0..size {
        let took = 2_000_000 + chance.below(80_000_000);
        let work = if index == 0 { ACTION } else { chance.pick(LOOK_UP, &[QUERY, DECISION]) };
        spans.push(Span {
            trace_id: interaction.trace_id.clone(),
            span_id: if index == 0 { root.clone() } else { chance.id(8) },
            parent_span_id: if index == 0 { Vec::new() } else { root.clone() },
            flags: 0x101,
            name: work.name.into(),
            kind: work.kind.into(),
            start_time_unix_nano: at,
            end_time_unix_nano: at + took,
            attributes: interaction.attributes(&work, chance),
            ..Span::default()
        });
        at += took;
    }
}

struct Interaction {
    trace_id: Vec<u8>,
    id: String,
    phone: String,
    campaign: String,
    tenant: &'static str,
}

impl Interaction {
    fn new(chance: &mut Chance) -> Self {
        let (a, b) = (chance.next(), chance.next());
        Self {
            trace_id: chance.id(16),
            id: format!(
                "{:08x}-{:04x}-4{:03x}-9{:03x}-{:012x}",
                a >> 32,
                a as u16,
                a >> 20 & 0xfff,
                b >> 52,
                b & 0xffff_ffff_ffff
            ),
            phone: format!("+1-{:03}-555-{:04}", 200 + chance.below(800), chance.below(10_000)),
            campaign: format!("cmp-{:05}", chance.below(400)),
            tenant: chance.pick("t-0417", &["t-0082", "t-1190", "t-2003"]),
        }
    }

    fn attributes(&self, work: &Work, chance: &mut Chance) -> Vec<KeyValue> {
        let number = chance.pick(200, &[200, 200, 200, 201, 404, 503]);
        let mut attributes = vec![
            text("interaction.id", &self.id),
            text("tenant", self.tenant),
            text("channel", "voice"),
            text("customer.phone.number", &self.phone),
            text("interaction.campaign_id", &self.campaign),
        ];
        attributes.extend(work.texts.iter().map(|(key, value)| text(key, value)));
        attributes.push(attribute(work.number, Value::IntValue(number)));
        attributes
    }
}

#[derive(Clone, Copy)]
struct Work {
    name: &'static str,
    kind: SpanKind,
    texts: [(&'static str, &'static str); 4],
    number: &'static str,
}

const ACTION: Work = Work {
    name: "POST /actions/customer",
    kind: SpanKind::Server,
    texts: [
        ("http.request.method", "POST"),
        ("http.route", "/actions/customer"),
        ("url.scheme", "https"),
        ("server.address", "actions.example"),
    ],
    number: "http.response.status_code",
};

const LOOK_UP: Work = Work {
    name: "GET /customers/{id}",
    kind: SpanKind::Client,
    texts: [
        ("http.request.method", "GET"),
        ("url.template", "/customers/{id}"),
        ("server.address", "crm.example"),
        ("peer.service", "crm"),
    ],
    number: "http.response.status_code",
};

const QUERY: Work = Work {
    name: "SELECT contact_history",
    kind: SpanKind::Client,
    texts: [
        ("db.system.name", "postgresql"),
        ("db.operation.name", "SELECT"),
        ("db.collection.name", "contact_history"),
        ("db.namespace", "crm"),
    ],
    number: "db.response.returned_rows",
};

const DECISION: Work = Work {
    name: "choose treatment",
    kind: SpanKind::Internal,
    texts: [
        ("code.function.name", "choose"),
        ("treatment.rule", "after-transfer"),
        ("treatment.result", "queue"),
        ("thread.name", "main"),
    ],
    number: "candidates",
};

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;

    #[test]
    fn a_span_has_about_420_bytes_and_ten_attributes() {
        for request in requests(64, 100) {
            let size = request.encoded_len() / 100;
            assert!((410..=430).contains(&size), "{size} bytes a span");
            for span in spans_of(&request) {
                assert_eq!(span.attributes.len(), 10);
                for key in ["customer.phone.number", "interaction.campaign_id", "interaction.id"] {
                    assert_eq!(span.attributes.iter().filter(|attribute| attribute.key == key).count(), 1);
                }
            }
        }
    }

    #[test]
    fn requests_are_distinct_repeatable_and_of_the_size_asked_for() {
        for spans in [1, 10, 100] {
            let mut made = requests(64, spans);
            assert_eq!(made, requests(64, spans));
            assert!(made.iter().all(|request| spans_of(request).len() == spans));
            made.dedup();
            assert_eq!(made.len(), 64);
        }
    }

    #[test]
    fn no_two_spans_share_an_id() {
        let made = requests(64, 100);
        let ids: std::collections::HashSet<_> =
            made.iter().flat_map(spans_of).map(|span| (&span.trace_id, &span.span_id)).collect();
        assert_eq!(ids.len(), 6400);
    }

    fn spans_of(request: &ExportTraceServiceRequest) -> &[Span] {
        &request.resource_spans[0].scope_spans[0].spans
    }
}
