//! Lists and maps: made of texts, looked into.

use flow::otlp::attributes::encode_value;
use flow::otlp::view::Value as View;
use flow::wire::{put_len, put_nested};
use serde_json::Value as Json;

use super::Converter;
use super::args::{ANY, Args, MAP, TEXT, one, optional};
use crate::ottl::code::Valued;
use crate::ottl::compare::compare;
use crate::ottl::failure::Failure;
use crate::ottl::syntax::Comparison;
use crate::ottl::text::encoded;
use crate::ottl::value::{ENTRIES, Map, Type, Value, elements};
use crate::ottl::write::DEEPEST;

pub(super) const ALL: &[Converter] = &[
    Converter::new("ContainsValue", &[one("target", ANY), one("item", ANY)], Some(Type::Bool), |args| {
        Ok(Value::Bool(position(&args.value(0)?, &args.value(1)?)?.is_some()))
    }),
    Converter::new("Index", &[one("target", ANY), one("value", ANY)], Some(Type::Int), |args| {
        let (target, wanted) = (args.value(0)?, args.value(1)?);
        let found = match (&target, &wanted) {
            (Value::Text(text), Value::Text(wanted)) => text.find(&**wanted),
            (Value::Text(_), other) => return Err(super::args::wrong(1, "text", other)),
            _ => position(&target, &wanted)?,
        };
        Ok(Value::Int(found.map_or(-1, |found| found as i64)))
    }),
    Converter::new("Keys", &[one("target", MAP)], Some(Type::List), |args| {
        let mut out = Vec::new();
        args.map(0)?.entries().for_each(|entry| put_len(&mut out, 1, &encoded(entry.key)));
        Ok(Value::List(out.into()))
    }),
    Converter::new("Values", &[one("target", MAP)], Some(Type::List), |args| {
        let mut out = Vec::new();
        for entry in args.map(0)?.entries() {
            put_nested(&mut out, 1, |out| encode_value(&entry.value, out));
        }
        Ok(Value::List(out.into()))
    }),
    Converter::new("ParseJSON", &[one("target", TEXT)], None, |args| {
        let text = args.text(0)?;
        let parsed: Json = serde_json::from_str(&text).map_err(|_| Failure::new("the text is not JSON"))?;
        if deeper_than(&parsed, DEEPEST) {
            return Err(Failure::new(format!("the text is JSON that nests more than {DEEPEST} levels deep")));
        }
        match parsed {
            Json::Array(items) => Ok(Value::List(json_list(&items).into())),
            Json::Object(entries) => {
                let mut message = Vec::new();
                json_map(&entries, &mut message);
                Ok(Value::Map(Map { message: message.into(), number: ENTRIES }))
            }
            _ => Err(Failure::new("the text is JSON, but neither a list nor a map")),
        }
    }),
    Converter::new(
        "ParseKeyValue",
        &[one("target", TEXT), optional("delimiter", TEXT), optional("pair_delimiter", TEXT)],
        Some(Type::Map),
        parse_key_value,
    ),
];

fn position(list: &Value<'_>, wanted: &Value<'_>) -> Result<Option<usize>, Failure> {
    match list {
        Value::List(list) => {
            Ok(elements(list).position(|item| compare(&Value::of(item), Comparison::Equal, wanted)))
        }
        other => Err(super::args::wrong(0, "a list", other)),
    }
}

fn deeper_than(value: &Json, levels: usize) -> bool {
    match value {
        Json::Array(_) | Json::Object(_) if levels == 0 => true,
        Json::Array(items) => items.iter().any(|item| deeper_than(item, levels - 1)),
        Json::Object(entries) => entries.values().any(|value| deeper_than(value, levels - 1)),
        _ => false,
    }
}

fn json(value: &Json, out: &mut Vec<u8>) {
    match value {
        Json::Null => {}
        Json::Bool(value) => encode_value(&View::Bool(*value), out),
        // As in the collector, every number is a floating-point one.
        Json::Number(number) => encode_value(&View::Double(number.as_f64().unwrap_or_default()), out),
        Json::String(text) => encode_value(&View::String(text), out),
        Json::Array(items) => put_len(out, 5, &json_list(items)),
        Json::Object(entries) => put_nested(out, 6, |out| json_map(entries, out)),
    }
}

fn json_list(items: &[Json]) -> Vec<u8> {
    let mut out = Vec::new();
    for item in items {
        put_nested(&mut out, 1, |out| json(item, out));
    }
    out
}

fn json_map(entries: &serde_json::Map<String, Json>, out: &mut Vec<u8>) {
    for (key, value) in entries {
        put_nested(out, ENTRIES, |out| {
            put_len(out, 1, key.as_bytes());
            put_nested(out, 2, |out| json(value, out));
        });
    }
}

fn parse_key_value<'a>(args: Args<'a, '_>) -> Valued<'a> {
    let text = args.text(0)?;
    let delimiter = if args.has(1) { args.text(1)? } else { "=".into() };
    let between = if args.has(2) { args.text(2)? } else { " ".into() };
    if text.is_empty() || delimiter.is_empty() || between.is_empty() || delimiter == between {
        return Err(Failure::new("there is no text, or no delimiters that can be told apart"));
    }
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    for pair in split_outside_quotes(&text, &between).into_iter().filter(|pair| !pair.trim().is_empty()) {
        let (key, value) =
            pair.split_once(&*delimiter).ok_or_else(|| Failure::new("a pair has no delimiter"))?;
        let (key, value) = (unquoted(key), unquoted(value));
        match pairs.iter_mut().find(|(known, _)| *known == key) {
            Some((_, old)) => *old = value,
            None => pairs.push((key, value)),
        }
    }
    let mut message = Vec::new();
    for (key, value) in pairs {
        put_nested(&mut message, ENTRIES, |out| {
            put_len(out, 1, key.as_bytes());
            put_len(out, 2, &encoded(value));
        });
    }
    Ok(Value::Map(Map { message: message.into(), number: ENTRIES }))
}

/// A quoted part may hold the separator.
fn split_outside_quotes<'t>(text: &'t str, separator: &str) -> Vec<&'t str> {
    let mut parts = Vec::new();
    let (mut start, mut at, mut quote) = (0, 0, None);
    while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
        if quote.is_none() && text.get(at..).is_some_and(|rest| rest.starts_with(separator)) {
            parts.extend(text.get(start..at));
            at += separator.len();
            start = at;
            continue;
        }
        match quote {
            None if matches!(c, '"' | '\'') => quote = Some(c),
            Some(open) if open == c => quote = None,
            _ => {}
        }
        at += c.len_utf8();
    }
    parts.extend(text.get(start..));
    parts
}

fn unquoted(text: &str) -> &str {
    let text = text.trim();
    ['"', '\''].into_iter().find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote)).unwrap_or(text)
}
