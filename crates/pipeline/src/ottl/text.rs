//! Values as text, and texts of hexadecimal digits.

use std::borrow::Cow;

use flow::otlp::attributes::encode_value;
use flow::otlp::view::{Array, Map as KeyValueList, Value as View};
use flow::wire::{fields_of, put_len};

use super::value::{ENTRIES, Map, Value};
use crate::processors::attributes::value::readable;

pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| DIGITS.get(usize::from(value & 15)).map_or('0', |digit| char::from(*digit));
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

/// Any value as text: numbers in decimal, bytes in base64, ids in hexadecimal, lists and maps as JSON. Nil has none.
pub(super) fn text_like(value: Value<'_>) -> Option<Cow<'_, str>> {
    Some(match value {
        Value::Nil => return None,
        Value::Text(text) => text,
        Value::Bool(value) => value.to_string().into(),
        Value::Int(number) => number.to_string().into(),
        Value::Double(number) => readable(View::Double(number)).into_owned().into(),
        Value::Bytes(bytes) => readable(View::Bytes(&bytes)).into_owned().into(),
        Value::TraceId(id) => hex(&id).into(),
        Value::SpanId(id) => hex(&id).into(),
        Value::List(list) => readable(View::Array(Array(&list))).into_owned().into(),
        Value::Map(map) => readable(View::Map(KeyValueList(&entries_of(&map)))).into_owned().into(),
        Value::Time(ns) => super::time::Moment::of(ns).to_string().into(),
        Value::Duration(ns) => super::time::duration_text(ns).into(),
        Value::Records(count) => count.to_string().into(),
    })
}

/// The entries as a `KeyValueList`.
pub(super) fn entries_of<'m>(map: &'m Map<'_>) -> Cow<'m, [u8]> {
    if map.number == ENTRIES {
        return Cow::Borrowed(&map.message);
    }
    let mut out = Vec::new();
    for field in fields_of(&map.message, 0..map.message.len(), map.number) {
        put_len(&mut out, ENTRIES, field.bytes());
    }
    out.into()
}

/// A text as an `AnyValue`.
pub(super) fn encoded(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    encode_value(&View::String(text), &mut out);
    out
}
