//! Requests in a few words, and a shard that they are sent to.

use std::sync::Arc;

use flow::config::{Node, Severity};
use flow::{Ack, Audience, Memory};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;

use super::super::outbox::Origin;
use super::super::policy::Policies;
use super::super::settings;
use super::super::shard::{Rules, Shard, Shared, Whose};
use super::super::survey::survey;

pub(super) const MS: u64 = 1_000_000;
pub(super) const SECOND: u64 = 1_000 * MS;

/// A span of trace `trace`, not a root, 10 ms long.
pub(super) fn span(trace: u8, number: u64) -> Span {
    Span {
        trace_id: vec![trace; 16],
        span_id: number.to_be_bytes().to_vec(),
        parent_span_id: vec![9; 8],
        name: format!("span {number}"),
        start_time_unix_nano: SECOND,
        end_time_unix_nano: SECOND + 10 * MS,
        ..Span::default()
    }
}

pub(super) trait With: Sized {
    fn root(self) -> Self;
    fn lasting(self, start_ms: u64, end_ms: u64) -> Self;
    fn status(self, code: i32) -> Self;
    fn attribute(self, key: &str, value: Value) -> Self;
    fn text(self, key: &str, value: &str) -> Self {
        self.attribute(key, Value::StringValue(value.into()))
    }
    fn int(self, key: &str, value: i64) -> Self {
        self.attribute(key, Value::IntValue(value))
    }
    fn event(self, name: &str) -> Self;
}

impl With for Span {
    fn root(self) -> Self {
        Self { parent_span_id: Vec::new(), ..self }
    }

    fn lasting(self, start_ms: u64, end_ms: u64) -> Self {
        Self { start_time_unix_nano: start_ms * MS, end_time_unix_nano: end_ms * MS, ..self }
    }

    fn status(self, code: i32) -> Self {
        Self { status: Some(Status { code, message: String::new() }), ..self }
    }

    fn attribute(mut self, key: &str, value: Value) -> Self {
        self.attributes.push(key_value(key, value));
        self
    }

    fn event(mut self, name: &str) -> Self {
        self.events.push(Event { name: name.into(), ..Event::default() });
        self
    }
}

pub(super) fn key_value(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.into(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

/// All under one resource and scope.
pub(super) fn under(resource: Vec<KeyValue>, spans: Vec<Span>) -> ResourceSpans {
    let scope = Some(InstrumentationScope { name: "scope".into(), ..InstrumentationScope::default() });
    let scope_spans = vec![ScopeSpans { scope, spans, schema_url: "scope schema".into() }];
    let resource = Some(Resource { attributes: resource, ..Resource::default() });
    ResourceSpans { resource, scope_spans, schema_url: "resource schema".into() }
}

pub(super) fn encoded(resource_spans: Vec<ResourceSpans>) -> Vec<u8> {
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

pub(super) fn request(spans: Vec<Span>) -> Vec<u8> {
    encoded(vec![under(vec![key_value("service.name", Value::StringValue("crm".into()))], spans)])
}

pub(super) fn policies(yaml: &str) -> (Rules, Arc<Policies>) {
    let section = Node::load("tail.yaml", yaml).unwrap();
    let (read, findings) = settings::read(&section);
    let errors: Vec<_> = findings.iter().filter(|one| one.severity == Severity::Error).collect();
    let (settings, policies) = read.unwrap_or_else(|| panic!("{errors:#?}"));
    (settings.rules(1), Arc::new(policies))
}

/// A shard with a clock that the test moves.
pub(super) struct Bench {
    pub(super) shard: Shard,
    pub(super) by: Arc<Policies>,
    pub(super) rules: Rules,
    pub(super) memory: Arc<Memory>,
    pub(super) now: u64,
    /// What came out, in order: the requests' bytes.
    pub(super) out: Vec<Vec<u8>>,
    /// Spans left out, by reason.
    pub(super) left_out: Vec<(&'static str, usize)>,
}

impl Bench {
    pub(super) fn new(yaml: &str) -> Self {
        let (rules, by) = policies(yaml);
        let memory = Arc::new(Memory::default());
        let whose =
            Whose { pipeline: "traces".into(), memory: Arc::clone(&memory), journal: false, started: 0 };
        let shard = Shard::new(whose, rules.clone(), Arc::clone(&by));
        Self { shard, by, rules, memory, now: 0, out: Vec::new(), left_out: Vec::new() }
    }

    /// With rules changed beyond what settings allow.
    pub(super) fn ruled(mut self, change: impl FnOnce(&mut Rules)) -> Self {
        change(&mut self.rules);
        self.shard.reload(self.rules.clone(), Arc::clone(&self.by), 0);
        self
    }

    pub(super) fn send(&mut self, spans: Vec<Span>) {
        self.send_bytes(&request(spans), Audience::All);
    }

    pub(super) fn send_bytes(&mut self, bytes: &[u8], audience: Audience) {
        let mut runs = Vec::new();
        survey(bytes, &self.by.watch, self.now, |run| runs.push(run));
        let shared = Shared { by: Arc::clone(&self.by), headers: Vec::new() };
        let origin =
            Origin { ack: Ack::default(), client: Arc::default(), audience, already: Arc::default() };
        self.shard.take(&runs, &shared, origin, self.now);
        self.collect();
    }

    /// Lets time pass, and decides.
    pub(super) fn wait(&mut self, nanoseconds: u64) {
        self.now += nanoseconds;
        while self.shard.tick(self.now, 1) {}
        self.collect();
    }

    pub(super) fn finish(&mut self) {
        self.shard.finish(self.now, true);
        self.collect();
    }

    fn collect(&mut self) {
        while let Some(batch) = self.shard.outbox().next() {
            let bytes = batch.payload.to_bytes();
            let sound = flow::otlp::check(flow::Signal::Traces, &bytes, &Default::default()).unwrap();
            assert_eq!(sound.items, batch.items);
            self.out.push(bytes.to_vec());
        }
        for left in self.shard.outbox().take_left_out() {
            self.left_out.push((left.reason.name(), left.spans));
        }
    }

    /// The names of the spans that came out since the last time.
    pub(super) fn names(&mut self) -> Vec<String> {
        self.spans().into_iter().map(|span| span.name).collect()
    }

    pub(super) fn spans(&mut self) -> Vec<Span> {
        let decoded = self.decoded().into_iter().flat_map(|request| request.resource_spans);
        decoded.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
    }

    pub(super) fn decoded(&mut self) -> Vec<ExportTraceServiceRequest> {
        let out = std::mem::take(&mut self.out);
        out.iter().map(|bytes| ExportTraceServiceRequest::decode(&bytes[..]).unwrap()).collect()
    }

    /// Spans that were left out since the last time.
    pub(super) fn gone(&mut self) -> usize {
        std::mem::take(&mut self.left_out).iter().map(|(_, spans)| spans).sum()
    }
}
