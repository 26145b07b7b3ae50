//! Spans of calls: one for what was asked for, and below it one for each request.

use std::time::SystemTime;

use opentelemetry::trace::{Link, Span as _, SpanBuilder, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Array, Context, KeyValue, StringValue, Value, global};

use super::api::{Answer, NoAnswer, Request};
use super::dialect::{Carried, Dialect};
use super::error::CallError;
use crate::conventions::{self, cut};
use crate::span::Open;

/// The host and the port of the service.
pub(super) type Server = (Option<String>, Option<u16>);

/// A request that is over.
pub(super) struct Exchange {
    name: String,
    attributes: Vec<KeyValue>,
    error: Option<String>,
    began: SystemTime,
    ended: SystemTime,
}

/// The span of what was asked for: of kind `client`, since the service's own spans go on below it.
pub(super) struct Operation {
    pub(super) name: &'static str,
    pub(super) dialect: Dialect,
    pub(super) began: SystemTime,
    pub(super) attributes: Vec<KeyValue>,
    pub(super) links: Vec<Link>,
}

impl Operation {
    pub(super) fn open(self, server: Server, parent: &Context) -> Open {
        let mut attributes = self.attributes;
        attributes.push(KeyValue::new("interaction.channel", "voice"));
        attributes.push(KeyValue::new("genesys_cloud.dialect", self.dialect.name()));
        attributes.extend(conventions::server(server.0.as_deref(), server.1));
        let builder = SpanBuilder::from_name(self.name)
            .with_kind(SpanKind::Client)
            .with_start_time(self.began)
            .with_attributes(attributes)
            .with_links(self.links);
        Open::start(builder, parent)
    }
}

impl Exchange {
    pub(super) fn new(
        request: &Request,
        server: Server,
        began: SystemTime,
        answer: &Result<Answer, NoAnswer>,
    ) -> Self {
        let mut attributes = conventions::method(&request.method);
        attributes.extend(conventions::server(server.0.as_deref(), server.1));
        attributes.push(KeyValue::new("url.template", request.template));
        let error = match answer {
            Ok(answer) => {
                attributes.push(KeyValue::new("http.response.status_code", i64::from(answer.status)));
                (answer.status >= 400).then(|| answer.status.to_string())
            }
            Err(_) => Some("_OTHER".to_owned()),
        };
        let name = conventions::name(&request.method, Some(request.template));
        Self { name, attributes, error, began, ended: SystemTime::now() }
    }

    /// Below an operation. The request carried no context itself: the service would not keep it.
    pub(super) fn record(self, operation: &Open) {
        let mut attributes = self.attributes;
        attributes.extend(self.error.clone().map(|error| KeyValue::new("error.type", error)));
        let builder = SpanBuilder::from_name(self.name)
            .with_kind(SpanKind::Client)
            .with_start_time(self.began)
            .with_attributes(attributes);
        let mut span = global::tracer("throughline-sdk").build_with_context(builder, operation.context());
        if self.error.is_some() {
            span.set_status(Status::error(""));
        }
        span.end_with_timestamp(self.ended);
    }
}

/// Writes how it went, and ends the span. Messages of the service stay out of it: they quote numbers.
pub(super) fn close<'a>(mut span: Open, done: Result<&'a [Carried], &'a CallError>) {
    match done {
        Ok(carried) => {
            let held = carried.iter().filter(|carried| carried.state.holds());
            let names: Vec<StringValue> = held.map(|carried| carried.carrier.name().into()).collect();
            span.set(KeyValue::new("genesys_cloud.context.carriers", Value::Array(Array::String(names))));
        }
        Err(error) => span.fail(cut(&error.kind()), ""),
    }
    span.end();
}

/// A link to the trace of a conversation, from a span that stands in another.
pub(super) fn link(conversation: &Context) -> Link {
    let to = conversation.span().span_context().clone();
    Link::new(to, vec![KeyValue::new("interaction.link.type", "conversation")], 0)
}
