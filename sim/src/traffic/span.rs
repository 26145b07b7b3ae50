//! A call's spans, as OTLP has them.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, SpanKind};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use throughline_context::{SpanId, TraceId};

use super::script::{Script, Step};
use crate::attribute::{attribute, text};

/// Sampled, and the trace id is random (W3C Trace Context level 2).
const FLAGS: u32 = 0x03;

/// Spans that ended together, of one call.
pub(super) struct Finished {
    pub(super) region: &'static str,
    pub(super) spans: Vec<Span>,
}

/// What every span has.
pub(super) struct Frame {
    pub(super) trace_id: TraceId,
    pub(super) id: SpanId,
    pub(super) parent: SpanId,
    pub(super) start_ns: u64,
    pub(super) end_ns: u64,
}

impl Frame {
    pub(super) fn span(self, name: &str, kind: SpanKind, attributes: Vec<KeyValue>) -> Span {
        let parent = if self.parent.is_valid() { self.parent.0.to_vec() } else { Vec::new() };
        Span {
            trace_id: self.trace_id.0.to_vec(),
            span_id: self.id.0.to_vec(),
            parent_span_id: parent,
            flags: FLAGS,
            name: name.to_owned(),
            kind: kind.into(),
            start_time_unix_nano: self.start_ns,
            end_time_unix_nano: self.end_ns,
            attributes,
            ..Span::default()
        }
    }
}

/// What the spans of a call share.
fn call_attributes(script: &Script) -> Vec<KeyValue> {
    vec![
        text("interaction.id", &script.conversation),
        text("interaction.channel", "voice"),
        text("interaction.direction", script.direction.word()),
    ]
}

/// The span of the whole call.
pub(super) fn root(script: &Script, start_ns: u64, end_ns: u64, outcome: &str) -> Span {
    let mut attributes = call_attributes(script);
    attributes.push(text("interaction.outcome", outcome));
    attributes.push(text("customer.phone.number", &script.phone));
    attributes.extend(script.campaign.map(|campaign| text("interaction.campaign_id", campaign)));
    let parent = SpanId::default();
    let name = format!("{} call", script.direction.word());
    Frame { trace_id: script.trace_id, id: script.root_id, parent, start_ns, end_ns }.span(
        &name,
        SpanKind::Server,
        attributes,
    )
}

/// The span of one stage, below the call's.
pub(super) fn stage(
    script: &Script,
    step: &Step,
    queue: Option<&str>,
    id: SpanId,
    (start_ns, end_ns): (u64, u64),
) -> Span {
    let mut attributes = call_attributes(script);
    attributes.push(text("interaction.stage", step.stage.word()));
    attributes.push(text("interaction.participant.purpose", step.stage.purpose()));
    attributes.extend(queue.map(|queue| text("interaction.queue.name", queue)));
    attributes.extend(step.agent.as_deref().map(|agent| text("interaction.agent.id", agent)));
    if step.missed {
        attributes.push(attribute("interaction.alert.answered", Value::BoolValue(false)));
    }
    let frame = Frame { trace_id: script.trace_id, id, parent: script.root_id, start_ns, end_ns };
    frame.span(step.stage.title(), SpanKind::Internal, attributes)
}

/// The attributes of a Data Action, before it is known how it went.
pub(super) fn action_attributes(script: &Script) -> Vec<KeyValue> {
    let mut attributes = call_attributes(script);
    attributes.push(text("interaction.stage", "action"));
    attributes
}

pub(super) fn event(time_ns: u64, name: &str, attributes: Vec<KeyValue>) -> Event {
    Event { time_unix_nano: time_ns, name: name.to_owned(), attributes, ..Event::default() }
}

/// One request for spans of many calls: a resource for each region.
pub(super) fn request(
    finished: impl IntoIterator<Item = Finished>,
    time_scale: f64,
) -> ExportTraceServiceRequest {
    let mut regions: Vec<Finished> = Vec::new();
    for Finished { region, spans } in finished {
        match regions.iter_mut().find(|known| known.region == region) {
            Some(known) => known.spans.extend(spans),
            None => regions.push(Finished { region, spans }),
        }
    }
    let resource_spans = regions.into_iter().map(|finished| resource_spans(finished, time_scale)).collect();
    ExportTraceServiceRequest { resource_spans }
}

fn resource_spans(finished: Finished, time_scale: f64) -> ResourceSpans {
    let attributes = vec![
        text("service.name", "genesys-cloud-sim"),
        text("service.version", env!("CARGO_PKG_VERSION")),
        text("cloud.region", finished.region),
        attribute("simulation.time_scale", Value::DoubleValue(time_scale)),
    ];
    let scope = InstrumentationScope {
        name: "throughline-sim".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        ..InstrumentationScope::default()
    };
    ResourceSpans {
        resource: Some(Resource { attributes, ..Resource::default() }),
        scope_spans: vec![ScopeSpans { scope: Some(scope), spans: finished.spans, ..ScopeSpans::default() }],
        ..ResourceSpans::default()
    }
}
