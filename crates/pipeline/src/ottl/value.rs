//! What an expression gives: borrowed wherever nothing new was made. Lists and maps are OTLP bytes, as they travel.

use std::borrow::Cow;

use flow::otlp::attributes::encode_value;
use flow::otlp::view::{Array, KeyValue, Map as KeyValueList, Value as View, attribute};
use flow::wire::{fields_of, put_len, put_nested};

use super::failure::Failure;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Nil,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
    TraceId([u8; 16]),
    SpanId([u8; 8]),
    /// Nanoseconds since 1970.
    Time(i64),
    /// Nanoseconds.
    Duration(i64),
    /// The bytes of an `ArrayValue`.
    List(Cow<'a, [u8]>),
    Map(Map<'a>),
    /// Events or links: how many there are is all that can be asked.
    Records(usize),
}

/// The `KeyValue`s that stand under one field number of a message: a span's attributes as well as a `KeyValueList`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Map<'a> {
    pub(super) message: Cow<'a, [u8]>,
    pub(super) number: u32,
}

/// Field number of the entries of a `KeyValueList`.
pub(super) const ENTRIES: u32 = 1;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Type {
    Bool,
    Int,
    Double,
    Text,
    Bytes,
    TraceId,
    SpanId,
    Time,
    Duration,
    List,
    Map,
    Records,
}

impl Type {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Bool => "a boolean",
            Self::Int => "a whole number",
            Self::Double => "a floating-point number",
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::TraceId => "a trace id",
            Self::SpanId => "a span id",
            Self::Time => "a time",
            Self::Duration => "a duration",
            Self::List => "a list",
            Self::Map => "a map",
            Self::Records => "a list of events or links",
        }
    }
}

impl<'a> Value<'a> {
    pub(super) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn of(view: View<'a>) -> Self {
        match view {
            View::Empty => Self::Nil,
            View::String(text) => Self::Text(text.into()),
            View::Bool(value) => Self::Bool(value),
            View::Int(number) => Self::Int(number),
            View::Double(number) => Self::Double(number),
            View::Bytes(bytes) => Self::Bytes(bytes.into()),
            View::Array(array) => Self::List(array.0.into()),
            View::Map(map) => Self::Map(Map { message: map.0.into(), number: ENTRIES }),
        }
    }

    pub(super) fn kind(&self) -> Option<Type> {
        Some(match self {
            Self::Nil => return None,
            Self::Bool(_) => Type::Bool,
            Self::Int(_) => Type::Int,
            Self::Double(_) => Type::Double,
            Self::Text(_) => Type::Text,
            Self::Bytes(_) => Type::Bytes,
            Self::TraceId(_) => Type::TraceId,
            Self::SpanId(_) => Type::SpanId,
            Self::Time(_) => Type::Time,
            Self::Duration(_) => Type::Duration,
            Self::List(_) => Type::List,
            Self::Map(_) => Type::Map,
            Self::Records(_) => Type::Records,
        })
    }

    /// For messages.
    pub(super) fn described(&self) -> &'static str {
        self.kind().map_or("nil", Type::name)
    }

    /// The same value, without a copy of what it owns.
    pub(super) fn borrowed(&self) -> Value<'_> {
        match self {
            Self::Nil => Value::Nil,
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(number) => Value::Int(*number),
            Self::Double(number) => Value::Double(*number),
            Self::Text(text) => Value::Text(Cow::Borrowed(text)),
            Self::Bytes(bytes) => Value::Bytes(Cow::Borrowed(bytes)),
            Self::TraceId(id) => Value::TraceId(*id),
            Self::SpanId(id) => Value::SpanId(*id),
            Self::Time(ns) => Value::Time(*ns),
            Self::Duration(ns) => Value::Duration(*ns),
            Self::List(bytes) => Value::List(Cow::Borrowed(bytes)),
            Self::Map(map) => Value::Map(Map { message: Cow::Borrowed(&map.message), number: map.number }),
            Self::Records(count) => Value::Records(*count),
        }
    }

    pub(super) fn into_owned(self) -> Value<'static> {
        match self {
            Self::Text(text) => Value::Text(text.into_owned().into()),
            Self::Bytes(bytes) => Value::Bytes(bytes.into_owned().into()),
            Self::List(list) => Value::List(list.into_owned().into()),
            Self::Map(map) => {
                Value::Map(Map { message: map.message.into_owned().into(), number: map.number })
            }
            Self::Nil => Value::Nil,
            Self::Bool(value) => Value::Bool(value),
            Self::Int(number) => Value::Int(number),
            Self::Double(number) => Value::Double(number),
            Self::TraceId(id) => Value::TraceId(id),
            Self::SpanId(id) => Value::SpanId(id),
            Self::Time(ns) => Value::Time(ns),
            Self::Duration(ns) => Value::Duration(ns),
            Self::Records(count) => Value::Records(count),
        }
    }

    /// Writes it as an `AnyValue`.
    pub(super) fn encode(&self, out: &mut Vec<u8>) -> Result<(), Failure> {
        match self {
            Self::Nil => {}
            Self::Bool(value) => encode_value(&View::Bool(*value), out),
            Self::Int(number) => encode_value(&View::Int(*number), out),
            Self::Double(number) => encode_value(&View::Double(*number), out),
            Self::Text(text) => encode_value(&View::String(text), out),
            Self::Bytes(bytes) => encode_value(&View::Bytes(bytes), out),
            Self::List(list) => encode_value(&View::Array(Array(list)), out),
            Self::Map(Map { message, number: ENTRIES }) => {
                encode_value(&View::Map(KeyValueList(message)), out)
            }
            Self::Map(map) => put_nested(out, 6, |out| {
                for field in fields_of(&map.message, 0..map.message.len(), map.number) {
                    put_len(out, ENTRIES, field.bytes());
                }
            }),
            Self::TraceId(_) | Self::SpanId(_) | Self::Time(_) | Self::Duration(_) | Self::Records(_) => {
                return Err(Failure::new(format!(
                    "{} cannot be the value of an attribute",
                    self.described()
                )));
            }
        }
        Ok(())
    }

    pub(super) fn encoded(&self) -> Result<Vec<u8>, Failure> {
        let mut out = Vec::new();
        self.encode(&mut out)?;
        Ok(out)
    }
}

impl<'a> Map<'a> {
    pub(super) fn get(self, key: &str) -> Option<Value<'a>> {
        match self.message {
            Cow::Borrowed(message) => attribute(message, self.number, key).map(Value::of),
            Cow::Owned(message) => {
                attribute(&message, self.number, key).map(|value| Value::of(value).into_owned())
            }
        }
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = KeyValue<'_>> {
        entries(&self.message, self.number)
    }
}

pub(super) fn entries(message: &[u8], number: u32) -> impl Iterator<Item = KeyValue<'_>> {
    fields_of(message, 0..message.len(), number).map(|field| KeyValue::new(field.bytes()))
}

/// The elements of an `ArrayValue`.
pub(super) fn elements(list: &[u8]) -> impl Iterator<Item = View<'_>> {
    Array(list).values()
}

/// One element of an `ArrayValue`.
pub(super) fn nth(list: Cow<'_, [u8]>, index: usize) -> Option<Value<'_>> {
    match list {
        Cow::Borrowed(list) => elements(list).nth(index).map(Value::of),
        Cow::Owned(list) => elements(&list).nth(index).map(|value| Value::of(value).into_owned()),
    }
}
