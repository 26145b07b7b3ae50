//! A span as a test reads it. The programs in `clients/` print the same form.

mod protobuf;
mod json;

use std::collections::BTreeMap;

use serde::Deserialize;
use sim::format::Format;
use sim::sink::{Received, Signal, Sink};

pub type Attributes = BTreeMap<String, Value>;

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Span {
    pub trace_id: String,
    pub span_id: String,
    pub parent_span_id: Option<String>,
    pub name: String,
    pub kind: Kind,
    pub start_ns: String,
    pub end_ns: String,
    pub status: Status,
    pub attributes: Attributes,
    pub resource: Attributes,
    pub scope: String,
    pub events: Vec<Event>,
    pub links: Vec<Link>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Unspecified,
    Internal,
    Server,
    Client,
    Producer,
    Consumer,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Status {
    pub code: Code,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    Unset,
    Ok,
    Error,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Event {
    pub name: String,
    pub time_ns: String,
    pub attributes: Attributes,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Link {
    pub trace_id: String,
    pub span_id: String,
    pub attributes: Attributes,
}

/// An attribute's value; integers are decimal text, so that no JSON reader rounds them.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum Value {
    Empty,
    String(String),
    Int(String),
    Double(f64),
    Bool(bool),
    Bytes(String),
    Array(Vec<Value>),
    Map(Attributes),
}

impl Span {
    /// A text attribute.
    pub fn text(&self, key: &str) -> Option<&str> {
        text(&self.attributes, key)
    }

    /// Which service sent it.
    pub fn service(&self) -> &str {
        text(&self.resource, "service.name").unwrap_or_default()
    }

    /// Whether the other span lies inside this one in time.
    pub fn holds(&self, other: &Span) -> bool {
        let times =
            |span: &Span| Some((span.start_ns.parse::<u64>().ok()?, span.end_ns.parse::<u64>().ok()?));
        match (times(self), times(other)) {
            (Some((start, end)), Some((inner_start, inner_end))) => start <= inner_start && inner_end <= end,
            _ => false,
        }
    }
}

fn text<'a>(attributes: &'a Attributes, key: &str) -> Option<&'a str> {
    match attributes.get(key)? {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// All spans that a sink kept.
pub fn kept(sink: &Sink) -> Vec<Span> {
    spans(sink.received())
}

/// The same, and forgets them.
pub fn taken(sink: &Sink) -> Vec<Span> {
    spans(sink.take())
}

fn spans(received: Vec<Received>) -> Vec<Span> {
    let requests = received.into_iter().filter(|received| received.signal == Signal::Traces);
    requests
        .flat_map(|received| match received.format {
            Format::Json => json::spans(&received.message),
            Format::Protobuf | Format::Grpc => protobuf::spans(&received.message),
        })
        .collect()
}
