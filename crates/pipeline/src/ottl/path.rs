//! The fields that paths name: where each stands, of what type it is, whether it can be set.

use super::scene::Level;
use super::value::Type;

/// What a list of conditions or statements is evaluated on, the outer ones first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Context {
    Resource,
    Scope,
    Span,
    SpanEvent,
}

impl Context {
    pub const ALL: [Self; 4] = [Self::Resource, Self::Scope, Self::Span, Self::SpanEvent];

    /// As paths begin, and as `context:` says it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Resource => "resource",
            Self::Scope => "scope",
            Self::Span => "span",
            Self::SpanEvent => "spanevent",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        let name = if name == "instrumentation_scope" { "scope" } else { name };
        Self::ALL.into_iter().find(|context| context.name() == name)
    }

    pub(super) fn level(self) -> Level {
        match self {
            Self::Resource => Level::Resource,
            Self::Scope => Level::Scope,
            Self::Span => Level::Span,
            Self::SpanEvent => Level::Event,
        }
    }
}

/// Where a value stands, and how.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    pub(super) level: Level,
    /// Field number in the message of the level.
    pub(super) number: u32,
    pub(super) form: Form,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    Text,
    /// Text that keys look into.
    TraceState,
    TraceId,
    TraceIdText,
    SpanId,
    SpanIdText,
    /// An enum as its number.
    Kind,
    /// `Server`
    KindText,
    /// `SPAN_KIND_SERVER`
    KindOldText,
    /// Nanoseconds as a number.
    Nanos,
    Time,
    Count,
    Flags,
    StatusCode,
    StatusMessage,
    /// Attributes, or the cache.
    Map,
    Records,
    EventIndex,
    SchemaUrl,
}

impl Form {
    pub(super) fn kind(self) -> Type {
        match self {
            Self::Text
            | Self::TraceState
            | Self::TraceIdText
            | Self::SpanIdText
            | Self::KindText
            | Self::KindOldText
            | Self::StatusMessage
            | Self::SchemaUrl => Type::Text,
            Self::TraceId => Type::TraceId,
            Self::SpanId => Type::SpanId,
            Self::Kind | Self::Nanos | Self::Count | Self::Flags | Self::StatusCode | Self::EventIndex => {
                Type::Int
            }
            Self::Time => Type::Time,
            Self::Map => Type::Map,
            Self::Records => Type::Records,
        }
    }

    pub(super) fn can_be_set(self) -> bool {
        !matches!(self, Self::Records | Self::EventIndex | Self::SchemaUrl)
    }
}

/// Name, field number, form.
type Entry = (&'static str, u32, Form);

const RESOURCE: &[Entry] = &[
    ("attributes", 1, Form::Map),
    ("dropped_attributes_count", 2, Form::Count),
    ("schema_url", 3, Form::SchemaUrl),
];
const SCOPE: &[Entry] = &[
    ("name", 1, Form::Text),
    ("version", 2, Form::Text),
    ("attributes", 3, Form::Map),
    ("dropped_attributes_count", 4, Form::Count),
    ("schema_url", 3, Form::SchemaUrl),
];
const SPAN: &[Entry] = &[
    ("trace_id", 1, Form::TraceId),
    ("trace_id.string", 1, Form::TraceIdText),
    ("span_id", 2, Form::SpanId),
    ("span_id.string", 2, Form::SpanIdText),
    ("trace_state", 3, Form::TraceState),
    ("parent_span_id", 4, Form::SpanId),
    ("parent_span_id.string", 4, Form::SpanIdText),
    ("name", 5, Form::Text),
    ("kind", 6, Form::Kind),
    ("kind.string", 6, Form::KindText),
    ("kind.deprecated_string", 6, Form::KindOldText),
    ("start_time", 7, Form::Time),
    ("start_time_unix_nano", 7, Form::Nanos),
    ("end_time", 8, Form::Time),
    ("end_time_unix_nano", 8, Form::Nanos),
    ("attributes", 9, Form::Map),
    ("dropped_attributes_count", 10, Form::Count),
    ("events", 11, Form::Records),
    ("dropped_events_count", 12, Form::Count),
    ("links", 13, Form::Records),
    ("dropped_links_count", 14, Form::Count),
    ("status.code", 15, Form::StatusCode),
    ("status.message", 15, Form::StatusMessage),
    ("flags", 16, Form::Flags),
];
const EVENT: &[Entry] = &[
    ("time", 1, Form::Time),
    ("time_unix_nano", 1, Form::Nanos),
    ("name", 2, Form::Text),
    ("attributes", 3, Form::Map),
    ("dropped_attributes_count", 4, Form::Count),
    ("event_index", 0, Form::EventIndex),
];

/// The field of a context with this name.
pub(super) fn field(context: Context, name: &str) -> Option<Place> {
    if name == "cache" {
        return Some(Place { level: Level::Cache, number: super::value::ENTRIES, form: Form::Map });
    }
    let (_, number, form) = table(context).iter().find(|(known, ..)| *known == name)?;
    Some(Place { level: context.level(), number: *number, form: *form })
}

/// The names of all fields of a context.
pub(super) fn names(context: Context) -> impl Iterator<Item = &'static str> {
    table(context).iter().map(|(name, ..)| *name).chain(["cache"])
}

fn table(context: Context) -> &'static [Entry] {
    match context {
        Context::Resource => RESOURCE,
        Context::Scope => SCOPE,
        Context::Span => SPAN,
        Context::SpanEvent => EVENT,
    }
}

const ENUMS: [(&str, i64); 9] = [
    ("SPAN_KIND_UNSPECIFIED", 0),
    ("SPAN_KIND_INTERNAL", 1),
    ("SPAN_KIND_SERVER", 2),
    ("SPAN_KIND_CLIENT", 3),
    ("SPAN_KIND_PRODUCER", 4),
    ("SPAN_KIND_CONSUMER", 5),
    ("STATUS_CODE_UNSET", 0),
    ("STATUS_CODE_OK", 1),
    ("STATUS_CODE_ERROR", 2),
];

pub(super) fn enum_value(name: &str) -> Option<i64> {
    ENUMS.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}

pub(super) fn enum_names() -> impl Iterator<Item = &'static str> {
    ENUMS.iter().map(|(name, _)| *name)
}

/// Kinds as `kind.string` has them, by number.
pub(super) const KINDS: [&str; 6] = ["Unspecified", "Internal", "Server", "Client", "Producer", "Consumer"];

/// Kinds as `kind.deprecated_string` has them, by number.
pub(super) fn old_kind(number: usize) -> Option<&'static str> {
    ENUMS.get(..KINDS.len())?.get(number).map(|(name, _)| *name)
}
