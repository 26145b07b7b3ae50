//! Borrowed views over checked OTLP trace bytes. Nothing is copied; anything unsound reads as absent.

use crate::wire::{fields, fields_of};

/// All `ResourceSpans` of one chunk.
pub fn resource_spans(chunk: &[u8]) -> impl Iterator<Item = ResourceSpans<'_>> {
    children(chunk, 1).map(ResourceSpans)
}

/// One `ResourceSpans` message.
#[derive(Clone, Copy, Debug)]
pub struct ResourceSpans<'a>(pub &'a [u8]);

impl<'a> ResourceSpans<'a> {
    pub fn resource(&self) -> Resource<'a> {
        Resource(children(self.0, 1).next().unwrap_or_default())
    }

    pub fn scope_spans(&self) -> impl Iterator<Item = ScopeSpans<'a>> + use<'a> {
        children(self.0, 2).map(ScopeSpans)
    }

    pub fn schema_url(&self) -> &'a str {
        text(self.0, 3)
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Resource<'a>(pub &'a [u8]);

impl<'a> Resource<'a> {
    pub fn attributes(&self) -> impl Iterator<Item = KeyValue<'a>> + use<'a> {
        key_values(self.0, 1)
    }
}

#[derive(Clone, Copy, Debug)]
pub struct ScopeSpans<'a>(pub &'a [u8]);

impl<'a> ScopeSpans<'a> {
    pub fn scope(&self) -> Scope<'a> {
        Scope(children(self.0, 1).next().unwrap_or_default())
    }

    pub fn spans(&self) -> impl Iterator<Item = Span<'a>> + use<'a> {
        children(self.0, 2).map(Span::new)
    }

    pub fn schema_url(&self) -> &'a str {
        text(self.0, 3)
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Scope<'a>(pub &'a [u8]);

impl<'a> Scope<'a> {
    pub fn name(&self) -> &'a str {
        text(self.0, 1)
    }

    pub fn version(&self) -> &'a str {
        text(self.0, 2)
    }

    pub fn attributes(&self) -> impl Iterator<Item = KeyValue<'a>> + use<'a> {
        key_values(self.0, 3)
    }
}

/// Of a span, without a look at the rest of it.
pub fn trace_id(span: &[u8]) -> &[u8] {
    children(span, 1).next().unwrap_or_default()
}

/// One span; the scalars are read once, the lists on demand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Span<'a> {
    pub trace_id: &'a [u8],
    pub span_id: &'a [u8],
    pub parent_span_id: &'a [u8],
    pub trace_state: &'a str,
    pub name: &'a str,
    /// `SpanKind` as OTLP numbers it.
    pub kind: i32,
    pub start_ns: u64,
    pub end_ns: u64,
    pub flags: u32,
    pub dropped_attributes: u32,
    pub dropped_events: u32,
    pub dropped_links: u32,
    /// `StatusCode` as OTLP numbers it: 0 unset, 1 ok, 2 error.
    pub status_code: i32,
    pub status_message: &'a str,
    pub raw: &'a [u8],
}

impl<'a> Span<'a> {
    pub fn new(raw: &'a [u8]) -> Self {
        let mut span = Self { raw, ..Self::default() };
        for field in fields(raw) {
            match field.number {
                1 => span.trace_id = field.bytes(),
                2 => span.span_id = field.bytes(),
                3 => span.trace_state = field.text(),
                4 => span.parent_span_id = field.bytes(),
                5 => span.name = field.text(),
                6 => span.kind = field.int() as i32,
                7 => span.start_ns = field.int(),
                8 => span.end_ns = field.int(),
                10 => span.dropped_attributes = field.int() as u32,
                12 => span.dropped_events = field.int() as u32,
                14 => span.dropped_links = field.int() as u32,
                15 => {
                    span.status_message = text(field.bytes(), 2);
                    span.status_code = int(field.bytes(), 3) as i32;
                }
                16 => span.flags = field.int() as u32,
                _ => {}
            }
        }
        span
    }

    pub fn attributes(&self) -> impl Iterator<Item = KeyValue<'a>> + use<'a> {
        key_values(self.raw, 9)
    }

    pub fn events(&self) -> impl Iterator<Item = Event<'a>> + use<'a> {
        children(self.raw, 11).map(Event)
    }

    pub fn links(&self) -> impl Iterator<Item = Link<'a>> + use<'a> {
        children(self.raw, 13).map(Link)
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Event<'a>(pub &'a [u8]);

impl<'a> Event<'a> {
    pub fn time_ns(&self) -> u64 {
        int(self.0, 1)
    }

    pub fn name(&self) -> &'a str {
        text(self.0, 2)
    }

    pub fn attributes(&self) -> impl Iterator<Item = KeyValue<'a>> + use<'a> {
        key_values(self.0, 3)
    }

    pub fn dropped_attributes(&self) -> u32 {
        int(self.0, 4) as u32
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Link<'a>(pub &'a [u8]);

impl<'a> Link<'a> {
    pub fn trace_id(&self) -> &'a [u8] {
        children(self.0, 1).next().unwrap_or_default()
    }

    pub fn span_id(&self) -> &'a [u8] {
        children(self.0, 2).next().unwrap_or_default()
    }

    pub fn trace_state(&self) -> &'a str {
        text(self.0, 3)
    }

    pub fn attributes(&self) -> impl Iterator<Item = KeyValue<'a>> + use<'a> {
        key_values(self.0, 4)
    }

    pub fn dropped_attributes(&self) -> u32 {
        int(self.0, 5) as u32
    }

    pub fn flags(&self) -> u32 {
        int(self.0, 6) as u32
    }
}

/// One attribute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KeyValue<'a> {
    pub key: &'a str,
    pub value: Value<'a>,
}

impl<'a> KeyValue<'a> {
    pub fn new(raw: &'a [u8]) -> Self {
        let mut attribute = Self { key: "", value: Value::Empty };
        for field in fields(raw) {
            match field.number {
                1 => attribute.key = field.text(),
                2 => attribute.value = Value::new(field.bytes()),
                _ => {}
            }
        }
        attribute
    }
}

/// An `AnyValue`.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub enum Value<'a> {
    #[default]
    Empty,
    String(&'a str),
    Bool(bool),
    Int(i64),
    Double(f64),
    Bytes(&'a [u8]),
    Array(Array<'a>),
    Map(Map<'a>),
}

impl<'a> Value<'a> {
    pub fn new(raw: &'a [u8]) -> Self {
        fields(raw).fold(Self::Empty, |value, field| match field.number {
            1 => Self::String(field.text()),
            2 => Self::Bool(field.int() != 0),
            3 => Self::Int(field.int() as i64),
            4 => Self::Double(f64::from_bits(field.int())),
            5 => Self::Array(Array(field.bytes())),
            6 => Self::Map(Map(field.bytes())),
            7 => Self::Bytes(field.bytes()),
            // A string's index among those of a profile, which a span has not.
            8 => Self::Empty,
            _ => value,
        })
    }

    pub fn as_str(&self) -> Option<&'a str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }
}

/// The bytes of an `ArrayValue`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Array<'a>(pub &'a [u8]);

impl<'a> Array<'a> {
    pub fn values(&self) -> impl Iterator<Item = Value<'a>> + use<'a> {
        children(self.0, 1).map(Value::new)
    }
}

/// The bytes of a `KeyValueList`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Map<'a>(pub &'a [u8]);

impl<'a> Map<'a> {
    pub fn entries(&self) -> impl Iterator<Item = KeyValue<'a>> + use<'a> {
        key_values(self.0, 1)
    }
}

/// The value of a key among the attributes under a field number; the first where there are several. Looks at no other
/// value.
pub fn attribute<'a>(message: &'a [u8], number: u32, key: &str) -> Option<Value<'a>> {
    let key = key.as_bytes();
    attributes(message, number, |own| (own == key).then_some(())).next().map(|((), value)| value)
}

/// Of the attributes in a field of a message those whose keys are chosen; no other value is looked at.
#[inline]
pub fn attributes<'a, T>(
    message: &'a [u8],
    number: u32,
    mut choose: impl FnMut(&'a [u8]) -> Option<T>,
) -> impl Iterator<Item = (T, Value<'a>)> {
    fields_of(message, 0..message.len(), number).filter_map(move |field| {
        let entry = field.bytes();
        let (key, value_from) = match entry {
            // As everybody writes it: the key first, and short.
            [0x0a, len @ 0..=0x7f, rest @ ..] => {
                let len = usize::from(*len);
                (rest.get(..len)?, 2 + len)
            }
            _ => (children(entry, 1).next().unwrap_or_default(), 0),
        };
        let chosen = choose(key)?;
        let value = fields_of(entry, value_from..entry.len(), 2).next();
        Some((chosen, value.map_or(Value::Empty, |value| Value::new(value.bytes()))))
    })
}

pub(super) fn key_values(raw: &[u8], number: u32) -> impl Iterator<Item = KeyValue<'_>> {
    children(raw, number).map(KeyValue::new)
}

/// The contents of all length-delimited fields of this number.
pub(super) fn children(raw: &[u8], number: u32) -> impl Iterator<Item = &[u8]> {
    fields_of(raw, 0..raw.len(), number).map(|field| field.bytes())
}

pub(super) fn text(raw: &[u8], number: u32) -> &str {
    fields(raw).find(|field| field.number == number).map_or("", |field| field.text())
}

pub(super) fn int(raw: &[u8], number: u32) -> u64 {
    fields(raw).find(|field| field.number == number).map_or(0, |field| field.int())
}
