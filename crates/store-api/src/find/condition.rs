//! What is asked of one span.

use throughline_context::TraceId;

use super::tree::Tree;
use crate::carried::Carried;
use crate::comparison::Test;
use crate::facts::{Facts, Firsts};
use crate::span::{Span, StatusCode};
use crate::value::{Attributes, Value};

/// What must hold for a span.
#[derive(Clone, PartialEq, Debug)]
pub enum Condition {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    /// The span has it at all.
    Has(Field),
    /// One of its values fits.
    Is(Field, Test),
}

/// What a span has, or its trace.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Field {
    Name,
    /// `server`, `client` …
    Kind,
    /// `unset`, `ok` or `error`.
    Status,
    StatusMessage,
    /// Nanoseconds.
    Duration,
    /// Spans directly below.
    Children,
    SpanId,
    ParentId,
    TraceId,
    /// Nanoseconds.
    TraceDuration,
    RootName,
    RootService,
    /// `service.name`, or what stands for it where a process has none.
    Service,
    NestedLeft,
    NestedRight,
    /// Below zero of a span without a parent.
    NestedParent,
    EventName,
    /// Nanoseconds.
    EventSinceStart,
    LinkTrace,
    LinkSpan,
    ScopeName,
    ScopeVersion,
    Attribute(Scope, String),
}

/// Whose attribute.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Scope {
    /// The span's or its resource's.
    Either,
    Span,
    Resource,
    Event,
    Link,
    Instrumentation,
}

impl Condition {
    pub const TRUE: Self = Self::All(Vec::new());

    pub fn is(field: Field, value: impl Into<Value>) -> Self {
        Self::Is(field, Test::Is(value.into()))
    }

    pub fn holds(&self, tree: &Tree, at: usize) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(tree, at)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(tree, at)),
            Self::Not(part) => !part.holds(tree, at),
            Self::Has(field) => field.value(tree, at).is_some(),
            Self::Is(field, test) => field.fits(tree, at, test),
        }
    }

    /// What every span carries for which it holds.
    pub(super) fn must_carry(&self) -> Option<Carried> {
        match self {
            Self::All(parts) => parts.iter().find_map(Self::must_carry),
            Self::Is(Field::Attribute(scope, key), test) => match scope {
                Scope::Either | Scope::Span | Scope::Resource | Scope::Event => Carried::by(key, test),
                Scope::Link | Scope::Instrumentation => None,
            },
            Self::Any(_) | Self::Not(_) | Self::Has(_) | Self::Is(..) => None,
        }
    }

    /// False where what is known of the trace says that it holds for none of its spans.
    pub(super) fn may_hold(&self, trace: TraceId, facts: &Facts) -> bool {
        let total = facts.end_ns.saturating_sub(facts.start_ns) as f64;
        match self {
            Self::All(parts) => parts.iter().all(|part| part.may_hold(trace, facts)),
            Self::Any(parts) => parts.iter().any(|part| part.may_hold(trace, facts)),
            Self::Is(Field::TraceId, test) => test.fits_text(&trace.to_string()),
            Self::Is(Field::TraceDuration, test) => test.fits_number(total) || facts.spans == 0,
            Self::Is(Field::Duration, test) => test.may_fit_below(total),
            Self::Is(Field::Status, test) if facts.errors == 0 => {
                test.fits_text(StatusCode::Ok.name()) || test.fits_text(StatusCode::Unset.name())
            }
            Self::Is(Field::Service | Field::RootService, test) => {
                let services = facts.services.in_order();
                services.len() >= Firsts::MOST
                    || services.iter().any(|name| Firsts::cuts(name) || test.fits_text(name))
            }
            Self::Not(_) | Self::Has(_) | Self::Is(..) => true,
        }
    }
}

impl Field {
    /// The first value that the span has.
    pub fn value(&self, tree: &Tree, at: usize) -> Option<Value> {
        let mut first = None;
        self.each(tree, at, &mut |value| {
            first = Some(value.owned());
            true
        });
        first
    }

    fn fits(&self, tree: &Tree, at: usize, test: &Test) -> bool {
        self.each(tree, at, &mut |value| match value {
            Seen::Text(text) => test.fits_text(text),
            Seen::Number(number) => test.fits_number(number as f64),
            Seen::Value(value) => test.fits(value),
        })
    }

    /// Shows values until one is enough.
    fn each(&self, tree: &Tree, at: usize, see: &mut dyn FnMut(Seen<'_>) -> bool) -> bool {
        let Some(span) = tree.span(at) else { return false };
        let mut text = |text: &str| see(Seen::Text(text));
        match self {
            Self::Name => text(&span.name),
            Self::Kind => text(span.kind.name()),
            Self::Status => text(span.status.code.name()),
            Self::StatusMessage => !span.status.message.is_empty() && text(&span.status.message),
            Self::SpanId => text(&span.span_id.to_string()),
            Self::ParentId => span.parent_span_id.is_some_and(|id| text(&id.to_string())),
            Self::TraceId => text(&span.trace_id.to_string()),
            Self::RootName => tree.root().is_some_and(|root| text(&root.name)),
            Self::RootService => tree.root().is_some_and(|root| text(root.resource.service())),
            Self::Service => text(span.resource.service()),
            Self::ScopeName => !span.scope.name.is_empty() && text(&span.scope.name),
            Self::ScopeVersion => !span.scope.version.is_empty() && text(&span.scope.version),
            Self::EventName => span.events.iter().any(|event| text(&event.name)),
            Self::LinkTrace => span.links.iter().any(|link| text(&link.trace_id.to_string())),
            Self::LinkSpan => span.links.iter().any(|link| text(&link.span_id.to_string())),
            Self::Attribute(scope, key) => {
                scope.of(span).any(|of| of.get(key).is_some_and(|value| see(Seen::Value(value))))
            }
            Self::EventSinceStart => {
                let since = span.events.iter().map(|event| event.time_ns.saturating_sub(span.start_ns));
                since.into_iter().any(|ns| see(Seen::Number(number(ns))))
            }
            Self::Duration => see(Seen::Number(number(span.duration_ns))),
            Self::TraceDuration => see(Seen::Number(number(tree.duration_ns()))),
            Self::Children => see(Seen::Number(i64::from(tree.children(at)))),
            Self::NestedLeft => see(Seen::Number(tree.nested(at).left)),
            Self::NestedRight => see(Seen::Number(tree.nested(at).right)),
            Self::NestedParent => {
                see(Seen::Number(if tree.parent(at).is_none() { -1 } else { tree.nested(at).parent }))
            }
        }
    }
}

impl Scope {
    pub fn name(self) -> &'static str {
        match self {
            Self::Either => "",
            Self::Span => "span",
            Self::Resource => "resource",
            Self::Event => "event",
            Self::Link => "link",
            Self::Instrumentation => "instrumentation",
        }
    }

    /// The sets of attributes that are meant.
    pub fn of(self, span: &Span) -> impl Iterator<Item = &Attributes> {
        let own = matches!(self, Self::Either | Self::Span).then_some(&span.attributes);
        let resource = matches!(self, Self::Either | Self::Resource).then_some(span.resource.attributes());
        let scope = matches!(self, Self::Instrumentation).then_some(&span.scope.attributes);
        let events = span.events.iter().filter(move |_| self == Self::Event).map(|event| &event.attributes);
        let links = span.links.iter().filter(move |_| self == Self::Link).map(|link| &link.attributes);
        own.into_iter().chain(resource).chain(scope).chain(events).chain(links)
    }
}

/// One value.
enum Seen<'a> {
    Text(&'a str),
    Number(i64),
    Value(&'a Value),
}

impl Seen<'_> {
    fn owned(&self) -> Value {
        match *self {
            Self::Text(text) => text.into(),
            Self::Number(number) => number.into(),
            Self::Value(value) => value.clone(),
        }
    }
}

fn number(ns: u64) -> i64 {
    i64::try_from(ns).unwrap_or(i64::MAX)
}
