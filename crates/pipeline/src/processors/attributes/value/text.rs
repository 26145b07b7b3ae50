//! Values as the field's collector writes them as text.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flow::otlp::view::Value;

/// Text, boolean or number as a pattern is matched against it; nothing else has such a text.
pub(in super::super) fn plain(value: Value<'_>) -> Option<Cow<'_, str>> {
    Some(match value {
        Value::String(text) => text.into(),
        Value::Bool(value) => value.to_string().into(),
        Value::Int(number) => number.to_string().into(),
        Value::Double(number) => special(number).map_or_else(|| number.to_string().into(), Into::into),
        _ => return None,
    })
}

/// Any value as text: bytes in base64, lists and maps as JSON.
pub(crate) fn readable(value: Value<'_>) -> Cow<'_, str> {
    match value {
        Value::Empty => "".into(),
        Value::Double(number) => double(number).into(),
        Value::Bytes(bytes) => STANDARD.encode(bytes).into(),
        Value::Array(_) | Value::Map(_) => {
            let mut out = String::new();
            json(value, &mut out);
            out.into()
        }
        value => plain(value).unwrap_or_default(),
    }
}

/// JSON with sorted keys, of which the last of several equal ones counts; safe inside HTML.
fn json(value: Value<'_>, out: &mut String) {
    match value {
        Value::Empty => out.push_str("null"),
        Value::String(text) => quoted(text, out),
        Value::Bytes(bytes) => quoted(&STANDARD.encode(bytes), out),
        Value::Bool(_) | Value::Int(_) | Value::Double(_) => out.push_str(&readable(value)),
        Value::Array(array) => {
            out.push('[');
            for (nth, value) in array.values().enumerate() {
                if nth > 0 {
                    out.push(',');
                }
                json(value, out);
            }
            out.push(']');
        }
        Value::Map(map) => {
            let sorted: BTreeMap<_, _> = map.entries().map(|entry| (entry.key, entry.value)).collect();
            out.push('{');
            for (nth, (key, value)) in sorted.into_iter().enumerate() {
                if nth > 0 {
                    out.push(',');
                }
                quoted(key, out);
                out.push(':');
                json(value, out);
            }
            out.push('}');
        }
    }
}

fn quoted(text: &str, out: &mut String) {
    for c in serde_json::Value::from(text).to_string().chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
}

/// Without an exponent up to 21 digits, as in JSON.
fn double(number: f64) -> String {
    if let Some(word) = special(number) {
        return word.into();
    }
    let size = number.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return number.to_string();
    }
    let text = format!("{number:e}");
    match text.split_once('e') {
        Some((digits, exponent)) if !exponent.starts_with('-') => format!("{digits}e+{exponent}"),
        _ => text,
    }
}

fn special(number: f64) -> Option<&'static str> {
    match number {
        f64::INFINITY => Some("+Inf"),
        f64::NEG_INFINITY => Some("-Inf"),
        number if number.is_nan() => Some("NaN"),
        _ => None,
    }
}
