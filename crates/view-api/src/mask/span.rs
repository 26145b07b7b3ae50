//! Spans, and what is known of them, with their texts hidden. What has nothing to hide is passed on as it is.

use std::collections::HashMap;
use std::sync::Arc;

use flow::is_join_key;
use personal::{Says, hint};
use store_api::analysis::rollup::Series;
use store_api::attr_keys::Type;
use store_api::facts::Facts;
use store_api::few::FewMap;
use store_api::part::Fragment;
use store_api::span::{Event, Link, Resource, key};
use store_api::{Attributes, Span, Value};

use super::text::Texts;

/// The operator's own names, by which the page groups and filters.
const OWN: [&str; 7] =
    [key::SERVICE, key::STAGE, key::CHANNEL, key::DIRECTION, key::QUEUE, key::REGION, key::OUTCOME];
/// Resources that are remembered.
const RESOURCES: usize = 1024;

#[derive(Default)]
pub(super) struct Spans {
    texts: Texts,
    /// By where they are; each is held, so that its place stays its own.
    resources: HashMap<usize, (Arc<Resource>, Arc<Resource>)>,
}

impl Spans {
    /// The name of a span, of an event, or a message.
    pub(super) fn name(&mut self, text: &str) -> Option<String> {
        self.texts.hidden(text, Says::default)
    }

    pub(super) fn span(&mut self, span: Arc<Span>) -> Arc<Span> {
        let resource = self.resource(&span.resource);
        let name = self.name(&span.name);
        let message = self.name(&span.status.message);
        let trace_state = self.name(&span.trace_state);
        let attributes = self.attributes(&span.attributes);
        let events = self.each(&span.events, Self::event);
        let links = self.each(&span.links, Self::link);
        let same = Arc::ptr_eq(&resource, &span.resource)
            && [&name, &message, &trace_state].iter().all(|text| text.is_none())
            && attributes.is_none()
            && events.is_none()
            && links.is_none();
        if same {
            return span;
        }
        let mut shown = Arc::unwrap_or_clone(span);
        shown.resource = resource;
        put(&mut shown.name, name);
        put(&mut shown.status.message, message);
        put(&mut shown.trace_state, trace_state);
        put(&mut shown.attributes, attributes);
        put(&mut shown.events, events);
        put(&mut shown.links, links);
        Arc::new(shown)
    }

    pub(super) fn fragment(&mut self, fragment: Arc<Fragment>) -> Arc<Fragment> {
        let Facts { agents, names, .. } = &fragment.facts;
        let agents = agents.renamed(|agent| self.name(agent));
        let hides =
            |spans: &mut Self, text: &Arc<str>| spans.name(text).map_or_else(|| Arc::clone(text), Arc::from);
        let shown: FewMap<_, _> =
            names.iter().map(|(agent, name)| (hides(self, agent), hides(self, name))).collect();
        if agents.is_none() && shown == *names {
            return fragment;
        }
        let mut fragment = Arc::unwrap_or_clone(fragment);
        put(&mut fragment.facts.agents, agents);
        fragment.facts.names = shown;
        Arc::new(fragment)
    }

    /// Spans of one series are of one again when their names are hidden: it is added up by who reads it.
    pub(super) fn series(&mut self, series: &mut Series) {
        let operation = series.operation.as_deref().and_then(|text| self.name(text));
        let version =
            series.version.as_deref().and_then(|text| self.texts.hidden(text, || hint(key::VERSION)));
        put(&mut series.operation, operation.map(|text| Some(text.into())));
        put(&mut series.version, version.map(|text| Some(text.into())));
    }

    fn resource(&mut self, resource: &Arc<Resource>) -> Arc<Resource> {
        let place = Arc::as_ptr(resource).addr();
        if let Some((_, shown)) = self.resources.get(&place) {
            return Arc::clone(shown);
        }
        let shown = match self.attributes(resource.attributes()) {
            Some(attributes) => Arc::new(Resource::new(attributes)),
            None => Arc::clone(resource),
        };
        if self.resources.len() >= RESOURCES {
            self.resources.clear();
        }
        self.resources.insert(place, (Arc::clone(resource), Arc::clone(&shown)));
        shown
    }

    fn attributes(&mut self, attributes: &Attributes) -> Option<Attributes> {
        let hidden: Vec<_> = attributes.iter().map(|(key, value)| self.attribute(key, value)).collect();
        hidden.iter().any(Option::is_some).then(|| {
            let whole = attributes.iter().zip(hidden);
            whole.map(|((key, value), hidden)| (key, hidden.unwrap_or_else(|| value.clone()))).collect()
        })
    }

    /// A value of an attribute that is told as text.
    pub(super) fn value_of(&mut self, key: &str, kind: Type, text: &str) -> Option<String> {
        let value = match kind {
            Type::Int => Value::Int(text.parse().ok()?),
            _ => Value::from(text),
        };
        match self.attribute(key, &value)? {
            Value::String(hidden) => Some(hidden),
            _ => None,
        }
    }

    fn attribute(&mut self, key: &str, value: &Value) -> Option<Value> {
        if is_join_key(key) || OWN.contains(&key) {
            return None;
        }
        self.value(key, value)
    }

    fn value(&mut self, key: &str, value: &Value) -> Option<Value> {
        match value {
            Value::String(text) => self.texts.hidden(text, || hint(key)).map(Value::String),
            // Numbers count and measure, unless their key says something else.
            Value::Int(number) if matches!(hint(key), Says::Phone | Says::Card) => {
                self.texts.hidden(&number.to_string(), || hint(key)).map(Value::String)
            }
            Value::Bytes(bytes) => {
                self.texts.hidden(std::str::from_utf8(bytes).ok()?, || hint(key)).map(Value::String)
            }
            Value::Array(values) => {
                let hidden: Vec<_> = values.iter().map(|value| self.value(key, value)).collect();
                hidden.iter().any(Option::is_some).then(|| {
                    let whole = values.iter().zip(hidden);
                    Value::Array(
                        whole.map(|(value, hidden)| hidden.unwrap_or_else(|| value.clone())).collect(),
                    )
                })
            }
            Value::Map(attributes) => self.attributes(attributes).map(Value::Map),
            Value::Empty | Value::Bool(_) | Value::Int(_) | Value::Double(_) => None,
        }
    }

    fn event(&mut self, event: &Event) -> Option<Event> {
        let (name, attributes) = (self.name(&event.name), self.attributes(&event.attributes));
        (name.is_some() || attributes.is_some()).then(|| {
            let mut shown = event.clone();
            put(&mut shown.name, name);
            put(&mut shown.attributes, attributes);
            shown
        })
    }

    fn link(&mut self, link: &Link) -> Option<Link> {
        let attributes = self.attributes(&link.attributes)?;
        Some(Link { attributes, ..link.clone() })
    }

    fn each<T: Clone>(&mut self, all: &[T], hide: fn(&mut Self, &T) -> Option<T>) -> Option<Vec<T>> {
        let hidden: Vec<_> = all.iter().map(|one| hide(self, one)).collect();
        hidden.iter().any(Option::is_some).then(|| {
            all.iter().zip(hidden).map(|(one, hidden)| hidden.unwrap_or_else(|| one.clone())).collect()
        })
    }
}

fn put<T>(place: &mut T, hidden: Option<T>) {
    if let Some(hidden) = hidden {
        *place = hidden;
    }
}
