//! Spans as rows of the table `spans`, and back.

use std::collections::HashMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use store_api::part::Row;
use store_api::span::{Dropped, Event, Kind, Link, Resource, Scope, Span, Status, StatusCode, key};
use store_api::{Attributes, Stage, Value};
use throughline_context::SpanId;

use crate::wire::{Rows, Write, Wrong};

/// Writes one row but for its last column, `seq`.
pub(crate) fn write(interaction: &str, span: &Span, to: &mut Vec<u8>) {
    to.text(interaction);
    to.text(&span.trace_id.to_string());
    to.long(signed(span.start_ns));
    to.long(signed(span.duration_ns));
    to.extend_from_slice(&span.span_id.0);
    to.push(u8::from(span.parent_span_id.is_none()));
    if let Some(parent) = span.parent_span_id {
        to.extend_from_slice(&parent.0);
    }
    to.text(&span.name);
    to.text(span.kind.name());
    to.text(span.resource.service());
    to.maybe(span.stage().map(Stage::name));
    to.text(span.status.code.name());
    to.text(&span.status.message);
    to.maybe(span.text(key::QUEUE));
    to.maybe(span.region().map(|(_, region)| region));
    for copied in [key::CHANNEL, key::DIRECTION, key::AGENT, key::OUTCOME] {
        to.maybe(span.text(copied));
    }
    let code = |key| span.attributes.get(key).and_then(Value::as_int);
    let code = code("http.response.status_code").or_else(|| code("http.status_code"));
    to.push(u8::from(code.is_none()));
    code.into_iter().for_each(|code| to.long(code));
    to.long(signed(span.revision()));
    to.push(u8::from(span.finished()));
    to.text(&span.trace_state);
    for count in [span.flags, span.dropped.attributes, span.dropped.events, span.dropped.links] {
        to.extend_from_slice(&count.to_le_bytes());
    }
    attributes(span, to);
    to.text(&span.scope.name);
    to.text(&span.scope.version);
    to.text(&json(&span.scope.attributes));
    to.count(span.events.len());
    for event in &span.events {
        to.long(signed(event.time_ns));
        to.text(&event.name);
        to.text(&json(&event.attributes));
    }
    to.count(span.links.len());
    for link in &span.links {
        to.text(&link.trace_id.to_string());
        to.extend_from_slice(&link.span_id.0);
        to.text(&link.trace_state);
        to.text(&json(&link.attributes));
    }
}

fn attributes(span: &Span, to: &mut Vec<u8>) {
    let own = &span.attributes;
    map(own, Value::as_str, |to, text| to.text(text), to);
    map(own, Value::as_int, |to, number| to.long(number), to);
    let double = |value: &Value| if let Value::Double(number) = value { Some(*number) } else { None };
    map(own, double, |to, number| to.extend_from_slice(&number.to_le_bytes()), to);
    let truth = |value: &Value| if let Value::Bool(truth) = value { Some(*truth) } else { None };
    map(own, truth, |to, truth| to.push(u8::from(truth)), to);
    let rest = |value: &Value| match value {
        Value::String(_) | Value::Int(_) | Value::Double(_) | Value::Bool(_) => None,
        Value::Empty | Value::Bytes(_) | Value::Array(_) | Value::Map(_) => Some(json(value)),
    };
    map(own, rest, |to, text| to.text(&text), to);
    let resource = span.resource.attributes();
    map(resource, Value::as_str, |to, text| to.text(text), to);
    let rest = |value: &Value| if value.as_str().is_some() { None } else { Some(json(value)) };
    map(resource, rest, |to, text| to.text(&text), to);
}

fn map<'a, T>(
    attributes: &'a Attributes,
    pick: impl Fn(&'a Value) -> Option<T>,
    mut write: impl FnMut(&mut Vec<u8>, T),
    to: &mut Vec<u8>,
) {
    let picked: Vec<(&str, T)> =
        attributes.iter().filter_map(|(key, value)| Some((key, pick(value)?))).collect();
    to.count(picked.len());
    for (key, value) in picked {
        to.text(key);
        write(to, value);
    }
}

/// The columns that make a span, in the order in which [`Known::read`] reads them.
pub(crate) const COLUMNS: &str = "trace_id, start_ns, duration_ns, span_id, parent_span_id, name, kind, status, status_message, \
    trace_state, flags, dropped_attributes, dropped_events, dropped_links, attr_str, attr_int, attr_double, attr_bool, attr_json, \
    resource_str, resource_json, scope_name, scope_version, scope_json, events, links, seq";

/// Resources and scopes met so far, so that rows share them in memory as they did when they arrived.
#[derive(Default)]
pub(crate) struct Known {
    resources: HashMap<String, Vec<Arc<Resource>>>,
    scopes: Vec<Arc<Scope>>,
}

/// Compared with each new one; more different ones than this are rare.
const COMPARED: usize = 8;

impl Known {
    pub(crate) fn read(&mut self, from: &mut Rows<'_>) -> Result<Row, Wrong> {
        let trace_id = from.text()?.parse().map_err(|_| "a trace id is garbled")?;
        let (start_ns, duration_ns) = (from.number()?, from.number()?);
        let span_id = SpanId(from.fixed()?);
        let parent_span_id = if from.there()? { Some(SpanId(from.fixed()?)) } else { None };
        let name = from.text()?.to_owned();
        let kind = Kind::from_name(from.text()?);
        let code = StatusCode::from_name(from.text()?);
        let status = Status { code, message: from.text()?.to_owned() };
        let trace_state = from.text()?.to_owned();
        let flags = from.u32()?;
        let dropped = Dropped { attributes: from.u32()?, events: from.u32()?, links: from.u32()? };
        let mut own: Vec<(&str, Value)> = from.list(|from| Ok((from.text()?, from.text()?.into())))?;
        own.extend(from.list(|from| Ok((from.text()?, from.long()?.into())))?);
        own.extend(from.list(|from| Ok((from.text()?, Value::Double(from.double()?))))?);
        own.extend(from.list(|from| Ok((from.text()?, (from.byte()? != 0).into())))?);
        own.extend(from.list(|from| Ok((from.text()?, parsed(from.text()?)?)))?);
        let mut resource: Vec<(&str, Value)> = from.list(|from| Ok((from.text()?, from.text()?.into())))?;
        resource.extend(from.list(|from| Ok((from.text()?, parsed(from.text()?)?)))?);
        let scope = Scope {
            name: from.text()?.to_owned(),
            version: from.text()?.to_owned(),
            attributes: parsed(from.text()?)?,
        };
        let events = from.list(|from| {
            Ok(Event {
                time_ns: from.number()?,
                name: from.text()?.to_owned(),
                attributes: parsed(from.text()?)?,
            })
        })?;
        let links = from.list(|from| {
            Ok(Link {
                // A link to nowhere has the zero id, which does not parse.
                trace_id: from.text()?.parse().unwrap_or_default(),
                span_id: SpanId(from.fixed()?),
                trace_state: from.text()?.to_owned(),
                attributes: parsed(from.text()?)?,
            })
        })?;
        let seq = from.number()?;
        let span = Span {
            trace_id,
            span_id,
            parent_span_id,
            trace_state,
            flags,
            name,
            kind,
            start_ns,
            duration_ns,
            status,
            attributes: own.into_iter().collect(),
            events,
            links,
            resource: self.resource(resource.into_iter().collect()),
            scope: shared(&mut self.scopes, scope),
            dropped,
        };
        Ok(Row { span: Arc::new(span), seq })
    }

    fn resource(&mut self, attributes: Attributes) -> Arc<Resource> {
        let new = Resource::new(attributes);
        let known = match self.resources.get_mut(new.service()) {
            Some(known) => known,
            None => self.resources.entry(new.service().to_owned()).or_default(),
        };
        shared(known, new)
    }
}

/// The equal one of the last few, else this one from now on.
fn shared<T: PartialEq>(known: &mut Vec<Arc<T>>, new: T) -> Arc<T> {
    if let Some(same) = known.iter().find(|known| known.as_ref() == &new) {
        return Arc::clone(same);
    }
    let new = Arc::new(new);
    if known.len() == COMPARED {
        known.remove(0);
    }
    known.push(Arc::clone(&new));
    new
}

/// Times end in 2262 for everybody who counts nanoseconds in 63 bits.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Cannot fail: all keys are text, and all values have a form.
fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn parsed<T: DeserializeOwned>(text: &str) -> Result<T, Wrong> {
    serde_json::from_str(text).map_err(|error| format!("an attribute is not JSON: {error}"))
}
