//! `include` and `exclude`: which spans a processor acts on.

pub(in crate::processors) mod settings;

use std::borrow::Cow;

use flow::otlp::view::{KeyValue, Resource, Scope, Span, Value};
use flow::wire::fields;
use regex::Regex;

use super::value;

/// Acts where `include` matches, if there is one, and `exclude` does not.
#[derive(Default)]
pub(in crate::processors) struct Filter {
    pub(in crate::processors) include: Option<Match>,
    pub(in crate::processors) exclude: Option<Match>,
}

impl Filter {
    /// Whether a processor acts on this span, of which these are the bytes.
    pub(in crate::processors) fn matches(
        &self,
        resource: Resource<'_>,
        scope: Scope<'_>,
        span: &[u8],
    ) -> bool {
        let all = |wanted: &Match| wanted.resource(resource) && wanted.scope(scope) && wanted.span(span);
        self.include.as_ref().is_none_or(all) && !self.exclude.as_ref().is_some_and(all)
    }
}

/// What a span must be like. All that is set must match; within `attributes` and `resources` every entry, within the
/// other lists one of them.
#[derive(Default)]
pub(in crate::processors) struct Match {
    services: Option<Vec<Text>>,
    resources: Vec<Property>,
    libraries: Vec<Library>,
    names: Option<Vec<Text>>,
    kinds: Option<Vec<Text>>,
    attributes: Vec<Property>,
}

pub(super) enum Text {
    Exact(String),
    Pattern(Regex),
}

struct Library {
    name: Text,
    version: Option<Text>,
}

/// An attribute that must be there, with this value if one is given.
pub(super) struct Property {
    key: String,
    value: Option<Wanted>,
}

enum Wanted {
    /// Encoded.
    Same(Vec<u8>),
    Fits(Regex),
}

impl Match {
    pub(in crate::processors) fn resource(&self, resource: Resource<'_>) -> bool {
        if let Some(services) = &self.services {
            let name = resource.attributes().find(|attribute| attribute.key == "service.name");
            // A resource without a service name is of no service.
            let Some(name) = name.map(|name| value::readable(name.value)) else { return false };
            if !any(services, &name) {
                return false;
            }
        }
        self.resources.iter().all(|property| property.is_in(resource.attributes()))
    }

    pub(in crate::processors) fn scope(&self, scope: Scope<'_>) -> bool {
        let fits = |library: &Library| {
            library.name.fits(scope.name())
                && library.version.as_ref().is_none_or(|version| version.fits(scope.version()))
        };
        self.libraries.is_empty() || self.libraries.iter().any(fits)
    }

    pub(in crate::processors) fn span(&self, span: &[u8]) -> bool {
        self.names.as_ref().is_none_or(|names| any(names, name(span)))
            && self.kinds.as_ref().is_none_or(|kinds| any(kinds, kind(span)))
            && self.attributes.iter().all(|property| property.is_in(attributes(span)))
    }
}

impl Text {
    fn fits(&self, text: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == text,
            Self::Pattern(pattern) => pattern.is_match(text),
        }
    }
}

impl Property {
    fn is_in<'a>(&self, mut attributes: impl Iterator<Item = KeyValue<'a>>) -> bool {
        let Some(found) = attributes.find(|attribute| attribute.key == self.key) else { return false };
        match &self.value {
            None => true,
            Some(Wanted::Same(value)) => same(Value::new(value), found.value),
            Some(Wanted::Fits(pattern)) => {
                value::plain(found.value).is_some_and(|text: Cow<'_, str>| pattern.is_match(&text))
            }
        }
    }
}

fn any(texts: &[Text], text: &str) -> bool {
    texts.iter().any(|wanted| wanted.fits(text))
}

/// The names that the collector's configurations use for kinds.
pub(super) const KINDS: [&str; 6] = [
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];

fn kind(span: &[u8]) -> &'static str {
    let number = fields(span).find(|field| field.number == 6).map_or(0, |field| field.int());
    usize::try_from(number).ok().and_then(|number| KINDS.get(number)).copied().unwrap_or_default()
}

fn name(span: &[u8]) -> &str {
    fields(span).find(|field| field.number == 5).map_or("", |field| field.text())
}

fn attributes(span: &[u8]) -> impl Iterator<Item = KeyValue<'_>> {
    Span { raw: span, ..Span::default() }.attributes()
}

/// Equal values; the order of a map's keys does not count.
fn same(a: Value<'_>, b: Value<'_>) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => {
            a.values().count() == b.values().count() && a.values().zip(b.values()).all(|(a, b)| same(a, b))
        }
        (Value::Map(a), Value::Map(b)) => {
            a.entries().count() == b.entries().count()
                && a.entries().all(|a| b.entries().any(|b| a.key == b.key && same(a.value, b.value)))
        }
        (a, b) => a == b,
    }
}
