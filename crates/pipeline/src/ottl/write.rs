//! A message with another value at a place: the bytes that a statement leaves behind.

use flow::otlp::attributes::{Attributes, Keys};
use flow::otlp::splice::{Splice, with_field};
use flow::otlp::view::Value as View;
use flow::wire::{fields, fields_of, put_fixed32, put_fixed64, put_len, put_nested, put_varint_field};
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
            let value = storable(value, keys.len())?;
            edit_entry(message, place.number, keys, &mut |_| Ok(Some(value.clone())))?
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

/// Changes the `AnyValue` under several keys; `None` of `edit` leaves everything as it is. Maps that are missing on
/// the way are made.
pub(super) fn edit_entry(
    message: &[u8],
    number: u32,
    keys: &[Key<'_>],
    edit: &mut dyn FnMut(Option<&[u8]>) -> Written,
) -> Written {
    let Some((key, rest)) = keys.split_first() else { return Ok(None) };
    let key = key.text()?;
    let mut attributes = Attributes::default();
    attributes.read(message, 0..message.len(), number, &Keys::of([key]));
    let current = any_value(message, number, key);
    let Some(value) = edit_value(current, rest, edit)? else { return Ok(None) };
    let place = attributes.put(&value);
    attributes.set(message, key, place);
    let mut splice = Splice::new(message);
    attributes.write(&mut splice);
    Ok(splice.finish())
}

/// The bytes of the `AnyValue` of a key.
fn any_value<'a>(message: &'a [u8], number: u32, key: &str) -> Option<&'a [u8]> {
    let mut entries = fields_of(message, 0..message.len(), number).map(|field| field.bytes());
    entries.find(|entry| bytes(entry, 1) == key.as_bytes()).map(|entry| bytes(entry, 2))
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
