//! What a span can be asked for by name.

use store_api::find::{Field, Scope};

use super::Named;

/// What is no attribute, in the order of the names.
pub(crate) const INTRINSICS: [(&str, Field); 36] = [
    ("childCount", Field::Children),
    ("duration", Field::Duration),
    ("event:name", Field::EventName),
    ("event:timeSinceStart", Field::EventSinceStart),
    ("instrumentation:name", Field::ScopeName),
    ("instrumentation:version", Field::ScopeVersion),
    ("kind", Field::Kind),
    ("link:spanID", Field::LinkSpan),
    ("link:traceID", Field::LinkTrace),
    ("name", Field::Name),
    ("nestedSetLeft", Field::NestedLeft),
    ("nestedSetParent", Field::NestedParent),
    ("nestedSetRight", Field::NestedRight),
    ("rootName", Field::RootName),
    ("rootService", Field::RootService),
    ("rootServiceName", Field::RootService),
    ("span:childCount", Field::Children),
    ("span:duration", Field::Duration),
    ("span:id", Field::SpanId),
    ("span:kind", Field::Kind),
    ("span:name", Field::Name),
    ("span:parentID", Field::ParentId),
    ("span:status", Field::Status),
    ("span:statusMessage", Field::StatusMessage),
    ("status", Field::Status),
    ("statusMessage", Field::StatusMessage),
    ("timeSinceStart", Field::EventSinceStart),
    ("trace:duration", Field::TraceDuration),
    ("trace:id", Field::TraceId),
    ("trace:rootName", Field::RootName),
    ("trace:rootService", Field::RootService),
    ("trace:rootServiceName", Field::RootService),
    ("traceDuration", Field::TraceDuration),
    ("traceID", Field::TraceId),
    ("spanID", Field::SpanId),
    ("parentID", Field::ParentId),
];

const SCOPES: [(&str, Scope); 6] = [
    ("span.", Scope::Span),
    ("resource.", Scope::Resource),
    ("event.", Scope::Event),
    ("link.", Scope::Link),
    ("instrumentation.", Scope::Instrumentation),
    (".", Scope::Either),
];

/// The attribute that every process has, or something stands for it.
const SERVICE: &str = "service.name";

pub(super) fn named(text: &str) -> Option<Named> {
    let of = |name: &str, field| Some(Named { text: text.to_owned(), name: name.to_owned(), field });
    if let Some((name, field)) = INTRINSICS.iter().find(|(name, _)| *name == text) {
        return of(name, field.clone());
    }
    let (key, scope) =
        SCOPES.into_iter().find_map(|(prefix, scope)| Some((text.strip_prefix(prefix)?, scope)))?;
    match (key, scope) {
        ("", _) => None,
        (SERVICE, Scope::Resource) => of(key, Field::Service),
        _ => of(key, Field::Attribute(scope, key.to_owned())),
    }
}
