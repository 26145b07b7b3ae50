//! A span as the store keeps it, and what its attributes mean to us.

use std::borrow::Cow;
use std::sync::Arc;

use throughline_context::{SpanId, TraceId};

use crate::region;
use crate::stage::Stage;
use crate::value::{Attributes, Value};

/// Attributes with a meaning of their own.
pub mod key {
    /// Joins traces into an interaction. Text or an integer, on the span or its resource, at most
    /// [`MAX_ID`](super::MAX_ID) bytes; the span's own goes before its resource's.
    pub const INTERACTION: &str = "interaction.id";
    pub const STAGE: &str = "interaction.stage";
    pub const CHANNEL: &str = "interaction.channel";
    pub const DIRECTION: &str = "interaction.direction";
    pub const QUEUE: &str = "interaction.queue.name";
    pub const REGION: &str = "interaction.region";
    pub const AGENT: &str = "interaction.agent.id";
    /// A name for the agent on the same span, where somebody allowed names at all.
    pub const AGENT_NAME: &str = "user.full_name";
    pub const OUTCOME: &str = "interaction.outcome";
    /// Integer; a span replaces an earlier one of the same identity only with a higher one. Absent means 0.
    pub const REVISION: &str = "throughline.revision";
    /// Boolean; true on a span that is still running. A later revision without it finishes the span.
    pub const UNFINISHED: &str = "throughline.unfinished";
    pub const SERVICE: &str = "service.name";
    pub const VERSION: &str = "service.version";
}

/// Longest `interaction.id` that joins traces, in bytes.
pub const MAX_ID: usize = 256;

/// One span. Equal to another in the eyes of the store when both have one [`Identity`].
#[derive(Clone, PartialEq, Debug)]
pub struct Span {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    pub parent_span_id: Option<SpanId>,
    pub trace_state: String,
    pub flags: u32,
    pub name: String,
    pub kind: Kind,
    pub start_ns: u64,
    pub duration_ns: u64,
    pub status: Status,
    pub attributes: Attributes,
    pub events: Vec<Event>,
    pub links: Vec<Link>,
    pub resource: Arc<Resource>,
    pub scope: Arc<Scope>,
    pub dropped: Dropped,
}

/// `SpanKind`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub enum Kind {
    #[default]
    Unspecified,
    Internal,
    Server,
    Client,
    Producer,
    Consumer,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Status {
    pub code: StatusCode,
    pub message: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum StatusCode {
    #[default]
    Unset,
    Ok,
    Error,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Event {
    pub time_ns: u64,
    pub name: String,
    pub attributes: Attributes,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Link {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    pub trace_state: String,
    pub attributes: Attributes,
}

/// What the spans of one process share.
#[derive(Clone, PartialEq, Debug)]
pub struct Resource {
    service: String,
    region: Option<(region::Source, String)>,
    attributes: Attributes,
}

/// The library that made the span.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Scope {
    pub name: String,
    pub version: String,
    pub attributes: Attributes,
}

/// How many of each the SDK left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Dropped {
    pub attributes: u32,
    pub events: u32,
    pub links: u32,
}

/// What makes two spans the same: a client and a server may share one span id (B3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Identity<'a> {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    pub kind: Kind,
    pub service: &'a str,
}

impl Span {
    pub fn identity(&self) -> Identity<'_> {
        Identity {
            trace_id: self.trace_id,
            span_id: self.span_id,
            kind: self.kind,
            service: self.resource.service(),
        }
    }

    pub fn end_ns(&self) -> u64 {
        self.start_ns.saturating_add(self.duration_ns)
    }

    /// The attribute of the span, else of its resource.
    pub fn attribute(&self, key: &str) -> Option<&Value> {
        self.attributes.get(key).or_else(|| self.resource.attributes.get(key))
    }

    /// The text of the attribute of the span, else of its resource; empty text counts as none.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.attributes.text(key).or_else(|| self.resource.attributes.text(key))
    }

    /// The interaction that this span pulls its trace into.
    pub fn interaction(&self) -> Option<Cow<'_, str>> {
        let usable = |value: &'_ Value| match value {
            Value::String(text) => (1..=MAX_ID).contains(&text.len()),
            Value::Int(_) => true,
            _ => false,
        };
        let of = |attributes: &'_ Attributes| attributes.get(key::INTERACTION).is_some_and(usable);
        let attributes = if of(&self.attributes) { &self.attributes } else { &self.resource.attributes };
        match attributes.get(key::INTERACTION).filter(|value| usable(value))? {
            Value::String(text) => Some(Cow::Borrowed(text)),
            Value::Int(number) => Some(Cow::Owned(number.to_string())),
            _ => None,
        }
    }

    pub fn stage(&self) -> Option<Stage> {
        self.attributes.text(key::STAGE)?.parse().ok()
    }

    /// Of the span and its resource, the more telling; of equals, the span.
    pub fn region(&self) -> Option<(region::Source, &str)> {
        let own = region::of(&self.attributes);
        let resource = self.resource.region.as_ref().map(|(source, region)| (*source, region.as_str()));
        match (own, resource) {
            (Some(own), Some(resource)) if resource.0 < own.0 => Some(resource),
            (own, resource) => own.or(resource),
        }
    }

    pub fn revision(&self) -> u64 {
        self.attributes
            .get(key::REVISION)
            .and_then(Value::as_int)
            .map_or(0, |number| number.max(0).unsigned_abs())
    }

    pub fn finished(&self) -> bool {
        self.attributes.get(key::UNFINISHED) != Some(&Value::Bool(true))
    }

    /// Estimated bytes in memory; the resource and the scope are shared and not counted.
    pub fn weight(&self) -> usize {
        let events: usize = self
            .events
            .iter()
            .map(|event| size_of::<Event>() + event.name.len() + event.attributes.heap())
            .sum();
        let links: usize = self
            .links
            .iter()
            .map(|link| size_of::<Link>() + link.trace_state.len() + link.attributes.heap())
            .sum();
        let texts = self.name.len() + self.trace_state.len() + self.status.message.len();
        size_of::<Self>() + texts + self.attributes.heap() + events + links
    }
}

impl Resource {
    pub fn new(attributes: Attributes) -> Self {
        let service = attributes.text(key::SERVICE).unwrap_or("unknown_service").to_owned();
        let region = region::of(&attributes).map(|(source, region)| (source, region.to_owned()));
        Self { service, region, attributes }
    }

    /// `service.name`, or what the specification says for a process without one.
    pub fn service(&self) -> &str {
        &self.service
    }

    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }
}

impl Kind {
    pub const ALL: [Self; 6] =
        [Self::Unspecified, Self::Internal, Self::Server, Self::Client, Self::Producer, Self::Consumer];

    pub fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Internal => "internal",
            Self::Server => "server",
            Self::Client => "client",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }

    pub fn from_name(name: &str) -> Self {
        Self::ALL.into_iter().find(|kind| kind.name() == name).unwrap_or_default()
    }

    /// As OTLP numbers it.
    pub fn from_otlp(number: i32) -> Self {
        match number {
            1 => Self::Internal,
            2 => Self::Server,
            3 => Self::Client,
            4 => Self::Producer,
            5 => Self::Consumer,
            _ => Self::Unspecified,
        }
    }
}

impl StatusCode {
    pub fn name(self) -> &'static str {
        match self {
            Self::Unset => "unset",
            Self::Ok => "ok",
            Self::Error => "error",
        }
    }

    pub fn from_name(name: &str) -> Self {
        match name {
            "ok" => Self::Ok,
            "error" => Self::Error,
            _ => Self::Unset,
        }
    }

    /// As OTLP numbers it.
    pub fn from_otlp(number: i32) -> Self {
        match number {
            1 => Self::Ok,
            2 => Self::Error,
            _ => Self::Unset,
        }
    }
}
