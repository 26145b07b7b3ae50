//! A list of attributes as it stands in a message, changed by splicing.

mod keys;

use std::ops::Range;

pub use keys::Keys;

use super::splice::Splice;
use super::view::Value;
use crate::wire::{Field, WireType, fields_of, put_head, put_len, put_tag, put_varint_field, varint_len};

/// The attributes of one message while they are edited. Kept between messages so that its buffers are reused.
#[derive(Debug, Default)]
pub struct Attributes {
    entries: Vec<Entry>,
    /// New keys and values, encoded; first the kept ones.
    fresh: Vec<u8>,
    kept: usize,
    /// A value on its way from a closure to `fresh`.
    written: Vec<u8>,
    /// Field number of the list in its message.
    number: u32,
    /// Where the message ends in the source.
    end: usize,
    changed: bool,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    /// Where the `KeyValue` field stands in the source; the same offset twice for an added one.
    start: usize,
    end: usize,
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

/// Where the bytes of a key or a value stand: in the source, or among the new ones. One of a `put` holds until
/// the next `read`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Place {
    fresh: bool,
    start: usize,
    end: usize,
}

impl Attributes {
    /// Reads the list with this field number from the message at `within`; attributes whose keys are not wanted are
    /// not changed, and nothing below finds them.
    #[inline]
    pub fn read(&mut self, source: &[u8], within: Range<usize>, number: u32, wanted: &Keys) {
        self.entries.clear();
        self.fresh.truncate(self.kept);
        self.changed = false;
        self.number = number;
        self.end = within.end;
        let mut fields = fields_of(source, within, number);
        loop {
            fields.pass(|rest| wanted.passes(number, rest));
            let Some(field) = fields.next() else { break };
            let key = key(source, &field);
            if wanted.contains(source.get(key.clone()).unwrap_or_default()) {
                self.entries.push(entry(source, &field, key));
            }
        }
    }

    /// Keys in order, without the removed ones; a duplicate key comes as often as it stands there.
    pub fn iter<'s>(&'s self, source: &'s [u8]) -> impl Iterator<Item = (&'s str, Value<'s>)> {
        self.entries
            .iter()
            .filter(|entry| entry.state != State::Removed)
            .map(move |entry| (self.text(source, entry.key), self.value(source, entry.value)))
    }

    /// The first value of this key.
    pub fn get<'s>(&'s self, source: &'s [u8], key: &str) -> Option<Value<'s>> {
        Some(self.value(source, self.find(source, key)?))
    }

    pub fn contains(&self, source: &[u8], key: &str) -> bool {
        self.find(source, key).is_some()
    }

    /// Where the first value of this key stands, to be set for another key too.
    #[inline]
    pub fn find(&self, source: &[u8], key: &str) -> Option<Place> {
        self.entries.iter().find(|entry| self.is(source, entry, key)).map(|entry| entry.value)
    }

    pub fn value<'s>(&'s self, source: &'s [u8], place: Place) -> Value<'s> {
        Value::new(self.bytes(source, place))
    }

    /// Takes over an encoded `AnyValue` for every message to come.
    pub fn keep(&mut self, value: &[u8]) -> Place {
        self.fresh.truncate(self.kept);
        let place = self.put(value);
        self.kept = place.end;
        place
    }

    /// Takes over an encoded `AnyValue` for this message.
    #[inline]
    pub fn put(&mut self, value: &[u8]) -> Place {
        let start = self.fresh.len();
        self.fresh.extend_from_slice(value);
        Place { fresh: true, start, end: self.fresh.len() }
    }

    /// Removes every attribute of this key.
    #[inline]
    pub fn remove(&mut self, source: &[u8], key: &str) {
        self.each(source, key, |entry| entry.state = State::Removed);
    }

    /// Removes every attribute whose key fits.
    pub fn remove_where(&mut self, source: &[u8], fits: impl Fn(&str) -> bool) {
        for at in 0..self.entries.len() {
            if let Some(mut entry) = self.fitting(source, at, &fits) {
                entry.state = State::Removed;
                self.change(at, entry);
            }
        }
    }

    /// Sets every attribute of this key; says whether there was one.
    #[inline]
    pub fn replace(&mut self, source: &[u8], key: &str, value: Place) -> bool {
        self.each(source, key, |entry| {
            entry.value = value;
            entry.state = State::Changed;
        })
    }

    /// Adds an attribute at the end; the caller knows that there is none of this key.
    #[inline]
    pub fn add(&mut self, key: &str, value: Place) {
        let key = self.put(key.as_bytes());
        self.entries.push(Entry { start: self.end, end: self.end, key, value, state: State::Changed });
        self.changed = true;
    }

    /// Replaces, or adds where the key is not there.
    #[inline]
    pub fn set(&mut self, source: &[u8], key: &str, value: Place) {
        if !self.replace(source, key, value) {
            self.add(key, value);
        }
    }

    /// Gives every attribute whose key fits the `AnyValue` that `write` writes for its value; none where `write`
    /// says false.
    pub fn rewrite(
        &mut self,
        source: &[u8],
        fits: impl Fn(&str) -> bool,
        mut write: impl FnMut(Value<'_>, &mut Vec<u8>) -> bool,
    ) {
        for at in 0..self.entries.len() {
            let Some(mut entry) = self.fitting(source, at, &fits) else { continue };
            if let Some(value) = self.derive(source, entry.value, &mut write) {
                entry.value = value;
                entry.state = State::Changed;
                self.change(at, entry);
            }
        }
    }

    /// Takes over the `AnyValue` that `write` makes from another one; none where `write` says false.
    pub fn derive(
        &mut self,
        source: &[u8],
        from: Place,
        write: impl FnOnce(Value<'_>, &mut Vec<u8>) -> bool,
    ) -> Option<Place> {
        let mut written = std::mem::take(&mut self.written);
        written.clear();
        let place = write(self.value(source, from), &mut written).then(|| self.put(&written));
        self.written = written;
        place
    }

    /// Writes the changes, if there are any, into the message that is being spliced.
    #[inline]
    pub fn write(&self, splice: &mut Splice<'_>) {
        if !self.changed {
            return;
        }
        let source = splice.source();
        for entry in &self.entries {
            match entry.state {
                State::Kept => {}
                State::Removed => splice.remove(entry.start..entry.end),
                State::Changed => {
                    splice.replace(entry.start..entry.end, |out| self.put_entry(source, entry, out));
                }
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

    #[inline]
    fn put_entry(&self, source: &[u8], entry: &Entry, out: &mut Vec<u8>) {
        let (key, value) = (self.bytes(source, entry.key), self.bytes(source, entry.value));
        put_head(out, self.number, len_of(key) + len_of(value));
        put_len(out, 1, key);
        put_len(out, 2, value);
    }

    #[inline]
    fn each(&mut self, source: &[u8], key: &str, change: impl Fn(&mut Entry)) -> bool {
        let mut found = false;
        for entry in &mut self.entries {
            if entry.state != State::Removed && bytes(source, &self.fresh, entry.key) == key.as_bytes() {
                change(entry);
                found = true;
            }
        }
        self.changed |= found;
        found
    }

    fn fitting(&self, source: &[u8], at: usize, fits: impl Fn(&str) -> bool) -> Option<Entry> {
        let entry = self.entries.get(at).filter(|entry| entry.state != State::Removed)?;
        fits(self.text(source, entry.key)).then_some(*entry)
    }

    #[inline]
    fn change(&mut self, at: usize, to: Entry) {
        if let Some(entry) = self.entries.get_mut(at) {
            *entry = to;
            self.changed = true;
        }
    }

    #[inline]
    fn is(&self, source: &[u8], entry: &Entry, key: &str) -> bool {
        entry.state != State::Removed && self.bytes(source, entry.key) == key.as_bytes()
    }

    fn text<'s>(&'s self, source: &'s [u8], place: Place) -> &'s str {
        std::str::from_utf8(self.bytes(source, place)).unwrap_or_default()
    }

    #[inline]
    fn bytes<'s>(&'s self, source: &'s [u8], place: Place) -> &'s [u8] {
        bytes(source, &self.fresh, place)
    }
}

#[inline]
fn bytes<'s>(source: &'s [u8], fresh: &'s [u8], place: Place) -> &'s [u8] {
    let buffer = if place.fresh { fresh } else { source };
    buffer.get(place.start..place.end).unwrap_or_default()
}

/// Length of a length-delimited field with a number below 16.
#[inline]
fn len_of(content: &[u8]) -> usize {
    1 + varint_len(content.len() as u64) + content.len()
}

fn in_source(range: Range<usize>) -> Place {
    Place { fresh: false, start: range.start, end: range.end }
}

/// Where the key of a `KeyValue` stands; an empty range where it has none.
#[inline]
fn key(source: &[u8], field: &Field<'_>) -> Range<usize> {
    let inner = field.inner();
    match field.bytes() {
        // As everybody writes it: the key first, and short.
        [0x0a, len @ 0..=0x7f, ..] => inner.start + 2..inner.start + 2 + usize::from(*len),
        _ => fields_of(source, inner, 1).next().map_or(field.end..field.end, |key| key.inner()),
    }
}

#[inline]
fn entry(source: &[u8], field: &Field<'_>, key: Range<usize>) -> Entry {
    let value = fields_of(source, field.inner(), 2).next();
    Entry {
        start: field.start,
        end: field.end,
        key: in_source(key),
        value: in_source(value.map_or(field.end..field.end, |value| value.inner())),
        state: State::Kept,
    }
}

/// Writes a value as an `AnyValue` message.
pub fn encode_value(value: &Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Empty => {}
        Value::String(text) => put_len(out, 1, text.as_bytes()),
        Value::Bool(value) => put_varint_field(out, 2, u64::from(*value)),
        Value::Int(value) => put_varint_field(out, 3, *value as u64),
        Value::Double(value) => {
            put_tag(out, 4, WireType::Fixed64);
            out.extend_from_slice(&value.to_le_bytes());
        }
        Value::Array(array) => put_len(out, 5, array.0),
        Value::Map(map) => put_len(out, 6, map.0),
        Value::Bytes(bytes) => put_len(out, 7, bytes),
    }
}
