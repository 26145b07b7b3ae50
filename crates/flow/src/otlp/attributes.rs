//! A list of attributes as it stands in a message, changed by splicing.

use std::ops::Range;

use super::splice::Splice;
use super::view::Value;
use crate::wire::{Field, WireType, fields, fields_within, put_len, put_nested, put_tag, put_varint_field};

/// The attributes of one message while they are edited. Kept between messages so that its buffers are reused.
#[derive(Debug, Default)]
pub struct Attributes {
    entries: Vec<Entry>,
    /// Values and added attributes, encoded.
    fresh: Vec<u8>,
    /// Field number of the list in its message.
    number: u32,
    /// Where the message ends in the source.
    end: usize,
    changed: bool,
}

#[derive(Debug, Clone)]
struct Entry {
    /// The `KeyValue` field in the source; empty for an added one.
    field: Range<usize>,
    key: Place,
    /// The `AnyValue` message.
    value: Place,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Kept,
    Changed,
    Removed,
}

/// A range of the source or of `fresh`.
#[derive(Debug, Clone)]
enum Place {
    Source(Range<usize>),
    Fresh(Range<usize>),
}

impl Attributes {
    /// Reads the list with this field number from the message at `within`.
    pub fn read(&mut self, source: &[u8], within: Range<usize>, number: u32) {
        self.entries.clear();
        self.fresh.clear();
        self.changed = false;
        self.number = number;
        self.end = within.end;
        for field in fields_within(source, within) {
            if field.number == number {
                self.entries.push(entry(source, &field));
            }
        }
    }

    /// Keys in order, without the removed ones; a duplicate key comes as often as it stands there.
    pub fn iter<'s>(&'s self, source: &'s [u8]) -> impl Iterator<Item = (&'s str, Value<'s>)> {
        self.entries
            .iter()
            .filter(|entry| entry.state != State::Removed)
            .map(move |entry| (self.text(source, &entry.key), Value::new(self.bytes(source, &entry.value))))
    }

    pub fn get<'s>(&'s self, source: &'s [u8], key: &str) -> Option<Value<'s>> {
        let entry = self.entries.iter().find(|entry| self.is(source, entry, key))?;
        Some(Value::new(self.bytes(source, &entry.value)))
    }

    pub fn contains(&self, source: &[u8], key: &str) -> bool {
        self.entries.iter().any(|entry| self.is(source, entry, key))
    }

    /// Removes every attribute of this key.
    pub fn remove(&mut self, source: &[u8], key: &str) {
        self.each(source, key, |entry, _| entry.state = State::Removed);
    }

    /// Removes every attribute whose key fits.
    pub fn remove_where(&mut self, source: &[u8], fits: impl Fn(&str) -> bool) {
        for at in 0..self.entries.len() {
            let fitting = self
                .entries
                .get(at)
                .is_some_and(|entry| entry.state != State::Removed && fits(self.text(source, &entry.key)));
            if let Some(entry) = self.entries.get_mut(at).filter(|_| fitting) {
                entry.state = State::Removed;
                self.changed = true;
            }
        }
    }

    /// Sets every attribute of this key to an encoded `AnyValue`; says whether there was one.
    pub fn replace(&mut self, source: &[u8], key: &str, value: &[u8]) -> bool {
        let mut place = None;
        self.each(source, key, |entry, fresh| {
            let range = place.get_or_insert_with(|| put(fresh, value)).clone();
            entry.value = Place::Fresh(range);
            entry.state = State::Changed;
        })
    }

    /// Adds an attribute at the end; the caller knows that there is none of this key.
    pub fn add(&mut self, key: &str, value: &[u8]) {
        let key = Place::Fresh(put(&mut self.fresh, key.as_bytes()));
        let value = Place::Fresh(put(&mut self.fresh, value));
        self.entries.push(Entry { field: 0..0, key, value, state: State::Changed });
        self.changed = true;
    }

    /// Replaces, or adds where the key is not there.
    pub fn set(&mut self, source: &[u8], key: &str, value: &[u8]) {
        if !self.replace(source, key, value) {
            self.add(key, value);
        }
    }

    /// Writes the changes, if there are any, into the message that is being spliced.
    pub fn write(&self, splice: &mut Splice<'_>) {
        if !self.changed {
            return;
        }
        let source = splice.source();
        for entry in &self.entries {
            match (entry.state, entry.field.is_empty()) {
                (State::Kept, _) | (State::Removed, true) => {}
                (State::Removed, false) => splice.remove(entry.field.clone()),
                (State::Changed, false) => {
                    splice.remove(entry.field.clone());
                    splice.insert(entry.field.end, |out| self.put_entry(source, entry, out));
                }
                (State::Changed, true) => splice.insert(self.end, |out| self.put_entry(source, entry, out)),
            }
        }
    }

    /// The list as the fields of a message that does not stand in the source.
    pub fn encode(&self, source: &[u8], out: &mut Vec<u8>) {
        for entry in self.entries.iter().filter(|entry| entry.state != State::Removed) {
            self.put_entry(source, entry, out);
        }
    }

    pub fn changed(&self) -> bool {
        self.changed
    }

    fn put_entry(&self, source: &[u8], entry: &Entry, out: &mut Vec<u8>) {
        put_nested(out, self.number, |out| {
            put_len(out, 1, self.bytes(source, &entry.key));
            put_len(out, 2, self.bytes(source, &entry.value));
        });
    }

    fn each(&mut self, source: &[u8], key: &str, mut change: impl FnMut(&mut Entry, &mut Vec<u8>)) -> bool {
        let mut found = false;
        for at in 0..self.entries.len() {
            let fitting = self.entries.get(at).is_some_and(|entry| self.is(source, entry, key));
            if let Some(entry) = self.entries.get_mut(at).filter(|_| fitting) {
                change(entry, &mut self.fresh);
                found = true;
            }
        }
        self.changed |= found;
        found
    }

    #[inline]
    fn is(&self, source: &[u8], entry: &Entry, key: &str) -> bool {
        entry.state != State::Removed && self.bytes(source, &entry.key) == key.as_bytes()
    }

    fn text<'s>(&'s self, source: &'s [u8], place: &Place) -> &'s str {
        std::str::from_utf8(self.bytes(source, place)).unwrap_or_default()
    }

    #[inline]
    fn bytes<'s>(&'s self, source: &'s [u8], place: &Place) -> &'s [u8] {
        match place {
            Place::Source(range) => source.get(range.clone()),
            Place::Fresh(range) => self.fresh.get(range.clone()),
        }
        .unwrap_or_default()
    }
}

fn entry(source: &[u8], field: &Field<'_>) -> Entry {
    let mut entry = Entry {
        field: field.start..field.end,
        key: Place::Source(0..0),
        value: Place::Source(0..0),
        state: State::Kept,
    };
    for part in fields_within(source, field.inner()) {
        match part.number {
            1 => entry.key = Place::Source(part.inner()),
            2 => entry.value = Place::Source(part.inner()),
            _ => {}
        }
    }
    entry
}

fn put(buffer: &mut Vec<u8>, bytes: &[u8]) -> Range<usize> {
    let start = buffer.len();
    buffer.extend_from_slice(bytes);
    start..buffer.len()
}

/// An owned value, encoded as an `AnyValue` message.
pub fn encode_value(value: &Value<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    match value {
        Value::Empty => {}
        Value::String(text) => put_len(&mut out, 1, text.as_bytes()),
        Value::Bool(value) => put_varint_field(&mut out, 2, u64::from(*value)),
        Value::Int(value) => put_varint_field(&mut out, 3, *value as u64),
        Value::Double(value) => {
            put_tag(&mut out, 4, WireType::Fixed64);
            out.extend_from_slice(&value.to_le_bytes());
        }
        Value::Array(array) => put_len(&mut out, 5, array.0),
        Value::Map(map) => put_len(&mut out, 6, map.0),
        Value::Bytes(bytes) => put_len(&mut out, 7, bytes),
    }
    out
}

/// Splices every span of a chunk: `edit` is called with each span's place, inside the opened messages around it.
pub fn for_each_span<'a>(splice: &mut Splice<'a>, mut edit: impl FnMut(&mut Splice<'a>, SpanPlace<'a>)) {
    let source = splice.source();
    for resource_spans in fields(source).filter(|field| field.number == 1) {
        splice.open(&resource_spans);
        let resource = fields_within(source, resource_spans.inner())
            .find(|field| field.number == 1)
            .map_or(0..0, |field| field.inner());
        for scope_spans in fields_within(source, resource_spans.inner()).filter(|field| field.number == 2) {
            splice.open(&scope_spans);
            for span in fields_within(source, scope_spans.inner()).filter(|field| field.number == 2) {
                splice.open(&span);
                let place = SpanPlace {
                    source,
                    resource: resource.clone(),
                    scope_spans: scope_spans.inner(),
                    span: span.inner(),
                };
                edit(splice, place);
                splice.close();
            }
            splice.close();
        }
        splice.close();
    }
}

/// Where a span and what belongs to it stand in a chunk.
#[derive(Debug)]
pub struct SpanPlace<'a> {
    pub source: &'a [u8],
    pub resource: Range<usize>,
    pub scope_spans: Range<usize>,
    pub span: Range<usize>,
}
