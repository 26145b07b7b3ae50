//! A message with another value at a place: the bytes that a statement leaves behind.

use flow::otlp::splice::{Splice, with_field};
use flow::otlp::view::Value as View;
use flow::wire::{
    fields, fields_of, put_fixed32, put_fixed64, put_head, put_len, put_nested, put_varint_field, varint_len,
};
use throughline_context::Tracestate;

use super::code::{Key, out_of_bounds};
use super::failure::Failure;
use super::functions::Change;
use super::path::{Form, KINDS, Place, old_kind};
use super::scene::{Scene, bytes, number, text};
use super::text::entries_of;
use super::value::{ENTRIES, Value};

/// Maps and lists inside of each other that an attribute may have: peers read no more than 100 messages inside of
/// each other, and a map takes three.
pub(super) const DEEPEST: usize = 24;

type Written = Result<Option<Vec<u8>>, Failure>;

/// Sets what stands at a place; nothing where that changes nothing.
pub(super) fn set(
    place: Place,
    keys: &[Key<'_>],
    value: &Value<'_>,
    scene: &Scene<'_>,
) -> Result<Option<Change>, Failure> {
    let message = scene.message(place.level);
    let written = match (place.form, keys) {
        (Form::Map, []) => replace_map(message, place.number, value)?,
        (Form::Map, keys) => {
            let mut value = Some(storable(value, keys.len())?);
            edit_entry(message, place.number, keys, &mut |_| Ok(value.take()))?
        }
        (Form::TraceState, [key]) => set_member(message, place.number, key.text()?, value)?,
        (_, []) => Some(with_field(message, place.number, &field(place, value, message)?)),
        _ => return Err(Failure::new("there is no such key")),
    };
    Ok(written.map(|message| Change { level: place.level, message }))
}

/// The value as an `AnyValue`, if it nests no deeper than may be.
pub(super) fn storable(value: &Value<'_>, keys: usize) -> Result<Vec<u8>, Failure> {
    let encoded = value.encoded()?;
    check_depth(&encoded, keys)?;
    Ok(encoded)
}

pub(super) fn check_depth(any: &[u8], keys: usize) -> Result<(), Failure> {
    match deeper_than(View::new(any), DEEPEST.saturating_sub(keys)) {
        true => Err(Failure::new(format!("the value nests more than {DEEPEST} levels deep"))),
        false => Ok(()),
    }
}

fn deeper_than(value: View<'_>, levels: usize) -> bool {
    match value {
        View::Array(_) | View::Map(_) if levels == 0 => true,
        View::Array(list) => list.values().any(|value| deeper_than(value, levels - 1)),
        View::Map(map) => map.entries().any(|entry| deeper_than(entry.value, levels - 1)),
        _ => false,
    }
}

/// What becomes of an entry of a map.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    Keep,
    Remove,
    /// By the `AnyValue` that was written.
    Replace,
}

/// A `KeyValue`; its value is looked for when it is asked for.
#[derive(Clone, Copy)]
pub(super) struct Entry<'m> {
    bytes: &'m [u8],
    pub(super) key: &'m [u8],
    value_from: usize,
}

impl<'m> Entry<'m> {
    fn new(bytes: &'m [u8]) -> Self {
        let (key, value_from) = match bytes {
            // As everybody writes it: the key first, and short.
            [0x0a, len @ 0..=0x7f, rest @ ..] => {
                let key = rest.get(..usize::from(*len)).unwrap_or_default();
                (key, 2 + key.len())
            }
            _ => (self::bytes(bytes, 1), 0),
        };
        Self { bytes, key, value_from }
    }

    pub(super) fn text(&self) -> &'m str {
        str::from_utf8(self.key).unwrap_or_default()
    }

    /// The bytes of the `AnyValue`.
    pub(super) fn value(&self) -> &'m [u8] {
        let value = fields_of(self.bytes, self.value_from..self.bytes.len(), 2).next();
        value.map_or(&[], |value| value.bytes())
    }
}

/// Walks over the entries of a map with `judge`, which is given each of them, and where to write another `AnyValue`.
/// Nothing where all are kept.
pub(super) fn edit_entries(
    message: &[u8],
    number: u32,
    mut judge: impl FnMut(Entry<'_>, &mut Vec<u8>) -> Result<Verdict, Failure>,
) -> Written {
    let (mut out, mut copied, mut value) = (Vec::new(), 0, Vec::new());
    for field in fields_of(message, 0..message.len(), number) {
        let entry = Entry::new(field.bytes());
        value.clear();
        let verdict = judge(entry, &mut value)?;
        if verdict == Verdict::Keep {
            continue;
        }
        if copied == 0 {
            out.reserve(message.len() + value.len());
        }
        out.extend_from_slice(message.get(copied..field.start).unwrap_or_default());
        copied = field.end;
        if verdict == Verdict::Replace {
            put_entry(&mut out, number, entry.key, &value);
        }
    }
    if copied == 0 {
        return Ok(None);
    }
    out.extend_from_slice(message.get(copied..).unwrap_or_default());
    Ok(Some(out))
}

/// Sets every entry of a key, or adds one at the end.
pub(super) fn set_entry(message: &[u8], number: u32, key: &[u8], value: &[u8]) -> Vec<u8> {
    let set = edit_entries(message, number, |entry, out| {
        if entry.key != key {
            return Ok(Verdict::Keep);
        }
        out.extend_from_slice(value);
        Ok(Verdict::Replace)
    });
    set.ok().flatten().unwrap_or_else(|| {
        let mut out = Vec::with_capacity(message.len() + key.len() + value.len() + 16);
        out.extend_from_slice(message);
        put_entry(&mut out, number, key, value);
        out
    })
}

pub(super) fn put_entry(out: &mut Vec<u8>, number: u32, key: &[u8], value: &[u8]) {
    let len = |content: &[u8]| 1 + varint_len(content.len() as u64) + content.len();
    put_head(out, number, len(key) + len(value));
    put_len(out, 1, key);
    put_len(out, 2, value);
}

/// Changes the `AnyValue` under several keys; `None` of `edit` leaves everything as it is. Maps that are missing on
/// the way are made.
pub(super) fn edit_entry(
    message: &[u8],
    number: u32,
    keys: &[Key<'_>],
    edit: &mut dyn FnMut(Option<&[u8]>) -> Written,
) -> Written {
    let Some((key, rest)) = keys.split_first() else { return Ok(None) };
    let key = key.text()?.as_bytes();
    let mut entries = fields_of(message, 0..message.len(), number).map(|field| Entry::new(field.bytes()));
    let current = entries.find(|entry| entry.key == key).map(|entry| entry.value());
    let Some(value) = edit_value(current, rest, edit)? else { return Ok(None) };
    Ok(Some(set_entry(message, number, key, &value)))
}

fn edit_value(
    any: Option<&[u8]>,
    keys: &[Key<'_>],
    edit: &mut dyn FnMut(Option<&[u8]>) -> Written,
) -> Written {
    let Some((key, rest)) = keys.split_first() else { return edit(any) };
    match any.map_or(View::Empty, View::new) {
        View::Map(map) => Ok(edit_entry(map.0, ENTRIES, keys, edit)?.map(|message| wrapped(6, &message))),
        View::Array(list) => {
            let index = key.index()?;
            let element =
                fields_of(list.0, 0..list.0.len(), 1).nth(index).ok_or_else(|| out_of_bounds(index))?;
            let Some(value) = edit_value(Some(element.bytes()), rest, edit)? else { return Ok(None) };
            let mut splice = Splice::new(list.0);
            splice.replace(element.start..element.end, |out| put_len(out, 1, &value));
            Ok(splice.finish().map(|list| wrapped(5, &list)))
        }
        View::Empty => match key {
            Key::Text(_) => Ok(edit_entry(&[], ENTRIES, keys, edit)?.map(|message| wrapped(6, &message))),
            Key::Index(0) => {
                let value = edit_value(None, rest, edit)?;
                Ok(value.map(|value| wrapped(5, &wrapped(1, &value))))
            }
            Key::Index(_) => Err(Failure::new("a list begins with element 0")),
        },
        other => Err(Failure::new(format!("{} has no keys", Value::of(other).described()))),
    }
}

pub(super) fn wrapped(number: u32, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + 6);
    put_len(&mut out, number, content);
    out
}

/// Puts the entries of another map in the place of all that stand under this number.
fn replace_map(message: &[u8], number: u32, value: &Value<'_>) -> Written {
    let Value::Map(map) = value else {
        return Err(Failure::new(format!("a map can be set to a map only, not to {}", value.described())));
    };
    check_depth(&wrapped(6, &entries_of(map)), 0)?;
    let mut out: Vec<u8> = Vec::with_capacity(message.len() + map.message.len());
    for field in fields(message).filter(|field| field.number != number) {
        out.extend_from_slice(message.get(field.start..field.end).unwrap_or_default());
    }
    for entry in fields_of(&map.message, 0..map.message.len(), map.number) {
        put_len(&mut out, number, entry.bytes());
    }
    Ok(Some(out))
}

/// The whole field, with its tag.
fn field(place: Place, value: &Value<'_>, message: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut out = Vec::new();
    let number = place.number;
    match (place.form, value) {
        (Form::Text | Form::TraceState, Value::Text(text)) => put_text(&mut out, number, text),
        (Form::TraceId, Value::TraceId(id)) => put_len(&mut out, number, id),
        (Form::SpanId, Value::SpanId(id)) => put_span_id(&mut out, number, id),
        (Form::TraceIdText, Value::Text(text)) => put_len(&mut out, number, &id::<16>(text)?),
        (Form::SpanIdText, Value::Text(text)) => put_span_id(&mut out, number, &id::<8>(text)?),
        (Form::Kind, Value::Int(kind)) => put_count(&mut out, number, *kind)?,
        (Form::KindText, Value::Text(text)) => put_kind(&mut out, number, text, |n| KINDS.get(n).copied())?,
        (Form::KindOldText, Value::Text(text)) => put_kind(&mut out, number, text, old_kind)?,
        (Form::Nanos, Value::Int(ns)) | (Form::Time, Value::Time(ns)) => {
            let ns = u64::try_from(*ns).map_err(|_| Failure::new("there is no time before 1970"))?;
            put_fixed64(&mut out, number, ns);
        }
        (Form::Count, Value::Int(count)) => put_count(&mut out, number, *count)?,
        (Form::Flags, Value::Int(flags)) => {
            let flags = u32::try_from(*flags).map_err(|_| Failure::new("flags have 32 bits"))?;
            put_fixed32(&mut out, number, flags);
        }
        (Form::StatusCode, Value::Int(code)) => {
            put_status(&mut out, *code, text(bytes(message, number), 2))?;
        }
        (Form::StatusMessage, Value::Text(text)) => {
            put_status(&mut out, self::number(bytes(message, number), 3) as i64, text)?;
        }
        (form, value) => {
            return Err(Failure::new(format!(
                "this takes {}, not {}",
                form.kind().name(),
                value.described()
            )));
        }
    }
    Ok(out)
}

fn put_text(out: &mut Vec<u8>, number: u32, text: &str) {
    if !text.is_empty() {
        put_len(out, number, text.as_bytes());
    }
}

/// A parent of zeros is none.
fn put_span_id(out: &mut Vec<u8>, number: u32, id: &[u8; 8]) {
    const PARENT: u32 = 4;
    if number != PARENT || *id != [0; 8] {
        put_len(out, number, id);
    }
}

fn put_count(out: &mut Vec<u8>, number: u32, count: i64) -> Result<(), Failure> {
    let count = u32::try_from(count).map_err(|_| Failure::new(format!("{count} does not fit here")))?;
    if count > 0 {
        put_varint_field(out, number, count.into());
    }
    Ok(())
}

fn put_kind(
    out: &mut Vec<u8>,
    number: u32,
    text: &str,
    name: impl Fn(usize) -> Option<&'static str>,
) -> Result<(), Failure> {
    let kind = (0..KINDS.len()).find(|kind| name(*kind) == Some(text));
    let kind = kind.ok_or_else(|| Failure::new("there is no such span kind"))?;
    put_count(out, number, kind as i64)
}

/// Field 15 of a span.
pub(super) fn put_status(out: &mut Vec<u8>, code: i64, message: &str) -> Result<(), Failure> {
    put_nested(out, 15, |out| {
        put_text(out, 2, message);
        put_count(out, 3, code)
    })
}

fn id<const N: usize>(text: &str) -> Result<[u8; N], Failure> {
    let bytes = super::lexer::bytes(text).and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| Failure::new(format!("an id has {} hexadecimal digits", 2 * N)))
}

/// A list that cannot be read stays as it is.
fn set_member(message: &[u8], number: u32, key: &str, value: &Value<'_>) -> Written {
    let Value::Text(value) = value else {
        return Err(Failure::new(format!("a member of the trace state is text, not {}", value.described())));
    };
    let Ok(mut state) = text(message, number).parse::<Tracestate>() else { return Ok(None) };
    if state.set(key, value).is_err() {
        return Ok(None);
    }
    Ok(Some(with_field(message, number, &wrapped(number, state.as_str().as_bytes()))))
}
