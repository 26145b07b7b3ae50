//! What a condition looks at: a span with what stands around it, borrowed from the bytes that travel.

use flow::otlp::revise::Around;
use flow::otlp::view::{Event, ResourceSpans, ScopeSpans};
use flow::wire::{Field, fields, fields_of};

/// One span (or span event, scope, resource) and its surroundings. Levels that a context does not have stay empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scene<'a> {
    /// The messages without their tags and lengths.
    pub resource: &'a [u8],
    pub scope: &'a [u8],
    pub span: &'a [u8],
    pub event: &'a [u8],
    pub event_index: usize,
    /// What has the schemas of resource and scope.
    pub resource_spans: &'a [u8],
    pub scope_spans: &'a [u8],
    /// A `KeyValueList`: what statements have noted for those that follow.
    pub cache: &'a [u8],
    /// Nanoseconds since 1970.
    pub now: u64,
}

/// A message of a scene.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Level {
    Resource,
    Scope,
    Span,
    Event,
    Cache,
}

impl<'a> Scene<'a> {
    pub fn new(now: u64) -> Self {
        Self { now, ..Self::default() }
    }

    /// To be called once for each resource, since what is not there is looked for everywhere.
    #[must_use]
    pub fn resource(self, resource: ResourceSpans<'a>) -> Self {
        Self { resource: resource.resource().0, resource_spans: resource.0, ..self }
    }

    /// To be called once for each scope.
    #[must_use]
    pub fn scope(self, scope: ScopeSpans<'a>) -> Self {
        Self { scope: scope.scope().0, scope_spans: scope.0, ..self }
    }

    /// With resource and scope that were looked up before.
    #[must_use]
    pub fn around(self, around: &Around<'a>) -> Self {
        Self {
            resource: around.resource.0,
            scope: around.scope.0,
            resource_spans: around.resource_spans.0,
            scope_spans: around.scope_spans.0,
            ..self
        }
    }

    /// With the bytes of a span.
    #[must_use]
    pub fn span(self, span: &'a [u8]) -> Self {
        Self { span, ..self }
    }

    #[must_use]
    pub fn event(self, event: Event<'a>, event_index: usize) -> Self {
        Self { event: event.0, event_index, ..self }
    }

    pub(super) fn message(&self, level: Level) -> &'a [u8] {
        match level {
            Level::Resource => self.resource,
            Level::Scope => self.scope,
            Level::Span => self.span,
            Level::Event => self.event,
            Level::Cache => self.cache,
        }
    }
}

/// A field that is not length-delimited.
pub(super) fn number(message: &[u8], number: u32) -> u64 {
    fields(message).find(|field| field.number == number).map_or(0, |field| field.int())
}

pub(super) fn bytes(message: &[u8], number: u32) -> &[u8] {
    fields_of(message, 0..message.len(), number).next().map_or(&[], |field: Field<'_>| field.bytes())
}

pub(super) fn text(message: &[u8], number: u32) -> &str {
    std::str::from_utf8(bytes(message, number)).unwrap_or_default()
}
