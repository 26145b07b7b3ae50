//! A span as the conversation gives it, before it is written.

use std::borrow::Cow;

use throughline_context::{SpanId, TraceId};

use crate::words::Word;
use flow::Stage;

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Span {
    pub trace_id: TraceId,
    pub id: SpanId,
    pub parent: Option<SpanId>,
    /// The parent is someone else's.
    pub remote_parent: bool,
    pub name: Cow<'static, str>,
    pub kind: Kind,
    pub stage: Option<Stage>,
    pub start_ms: u64,
    /// Nothing while it goes on.
    pub end_ms: Option<u64>,
    /// Without the stage, the revision and whether it is finished.
    pub attributes: Vec<(Cow<'static, str>, Value)>,
    pub events: Vec<Event>,
    pub links: Vec<Link>,
    /// What went wrong, where something did.
    pub error: Option<Word>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    Internal,
    Server,
    Consumer,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Value {
    Text(Word),
    Int(i64),
    Bool(bool),
    /// A fraction, in thousandths.
    Milli(i64),
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Event {
    pub at_ms: u64,
    pub name: &'static str,
    pub attributes: Vec<(Cow<'static, str>, Value)>,
}

/// To a span of this or another trace.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Link {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    /// `interaction.link.type`.
    pub kind: &'static str,
}

impl Span {
    pub(crate) fn text(&mut self, key: &'static str, value: Option<&Word>) {
        if let Some(value) = value {
            self.attributes.push((key.into(), Value::Text(value.clone())));
        }
    }

    pub(crate) fn word(&mut self, key: &'static str, value: &'static str) {
        self.attributes.push((key.into(), Value::Text(Word::Known(value))));
    }

    pub(crate) fn int(&mut self, key: &'static str, value: Option<i64>) {
        if let Some(value) = value {
            self.attributes.push((key.into(), Value::Int(value)));
        }
    }

    /// The value of an attribute, where it is text.
    pub fn attribute(&self, key: &str) -> Option<&str> {
        self.attributes.iter().find_map(|(name, value)| match value {
            Value::Text(text) if name == key => Some(&**text),
            _ => None,
        })
    }
}
