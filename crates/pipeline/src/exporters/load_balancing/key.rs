//! What a span is routed by, as a number.

use flow::otlp::view::{KeyValue, ResourceSpans, ScopeSpans, Span, Value, trace_id};

use super::rendezvous;
use crate::fnv::Fnv;
use crate::processors::attributes::readable;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Key {
    TraceId,
    /// `service.name` of the resource; one that has none counts as the empty name.
    Service,
    Attributes(Vec<String>),
}

impl Key {
    pub(super) fn of(&self, resource: ResourceSpans<'_>, scope: ScopeSpans<'_>, span: &[u8]) -> u64 {
        match self {
            Self::TraceId => rendezvous::hash(trace_id(span)),
            Self::Service => {
                let name = find(resource.resource().attributes(), "service.name");
                rendezvous::hash(readable(name.unwrap_or_default()).as_bytes())
            }
            Self::Attributes(names) => {
                let mut hash = Fnv::default();
                let span = Span::new(span);
                for name in names {
                    hash = hash.and(name.as_bytes()).and(b"=");
                    hash = match name.as_str() {
                        "span.name" => hash.and(span.name.as_bytes()),
                        "span.kind" => hash.and(span.kind.to_string().as_bytes()),
                        name => {
                            let found = find(resource.resource().attributes(), name)
                                .or_else(|| find(scope.scope().attributes(), name))
                                .or_else(|| find(span.attributes(), name));
                            hash.and(readable(found.unwrap_or_default()).as_bytes())
                        }
                    }
                    .and(b"|");
                }
                rendezvous::finish(hash)
            }
        }
    }
}

fn find<'a>(mut attributes: impl Iterator<Item = KeyValue<'a>>, name: &str) -> Option<Value<'a>> {
    attributes.find(|attribute| attribute.key == name).map(|attribute| attribute.value)
}
