//! Texts: parts of them, joined ones, and whether they fit.

use std::borrow::Cow;

use flow::wire::{put_len, put_nested};

use super::Converter;
use super::args::{ANY, Args, BOOL, INT, ParamKind, TEXT, one, optional};
use crate::ottl::code::Valued;
use crate::ottl::failure::Failure;
use crate::ottl::text::{encoded, text_like};
use crate::ottl::value::{ENTRIES, Map, Type, Value};

pub(super) const ALL: &[Converter] = &[
    Converter::new(
        "IsMatch",
        &[one("target", ANY), one("pattern", ParamKind::Pattern)],
        Some(Type::Bool),
        |args| {
            let pattern = args.pattern(1)?;
            Ok(Value::Bool(args.text_like(0)?.is_some_and(|text| pattern.is_match(&text))))
        },
    ),
    Converter::new("HasPrefix", &[one("value", TEXT), one("prefix", TEXT)], Some(Type::Bool), |args| {
        Ok(Value::Bool(args.text(0)?.starts_with(&*args.text(1)?)))
    }),
    Converter::new("HasSuffix", &[one("value", TEXT), one("suffix", TEXT)], Some(Type::Bool), |args| {
        Ok(Value::Bool(args.text(0)?.ends_with(&*args.text(1)?)))
    }),
    Converter::new(
        "Concat",
        &[one("values", ParamKind::List), one("delimiter", TEXT)],
        Some(Type::Text),
        |args| {
            let delimiter = args.text(1)?;
            let mut joined = String::new();
            for (nth, value) in args.list(0).iter().enumerate() {
                if nth > 0 {
                    joined.push_str(&delimiter);
                }
                match value.value(args.scene)? {
                    // As the collector writes it.
                    Value::Nil => joined.push_str("<nil>"),
                    value => joined.push_str(&text_like(value).unwrap_or_default()),
                }
            }
            Ok(Value::text(joined))
        },
    ),
    Converter::new(
        "Format",
        &[one("format", ParamKind::ValuesFormat), one("values", ParamKind::List)],
        Some(Type::Text),
        |args| {
            let values = args.list(1).iter().map(|value| value.value(args.scene));
            args.format(0)?.write(values).map(Value::text)
        },
    ),
    Converter::new("Split", &[one("target", TEXT), one("delimiter", TEXT)], Some(Type::List), |args| {
        let (text, delimiter) = (args.text(0)?, args.text(1)?);
        let mut out = Vec::new();
        let mut put = |part: &str| put_len(&mut out, 1, &encoded(part));
        if delimiter.is_empty() {
            text.chars().for_each(|c| put(c.encode_utf8(&mut [0; 4])));
        } else {
            text.split(&*delimiter).for_each(put);
        }
        Ok(Value::List(out.into()))
    }),
    Converter::new(
        "Substring",
        &[one("target", TEXT), one("start", INT), one("length", INT), optional("utf8_safe", BOOL)],
        Some(Type::Text),
        substring,
    ),
    Converter::new("Trim", &[one("target", TEXT), optional("replacement", TEXT)], Some(Type::Text), |args| {
        let cut = if args.has(1) { args.text(1)? } else { " ".into() };
        Ok(part(args.text(0)?, |text| text.trim_matches(|c| cut.contains(c))))
    }),
    Converter::new("TrimPrefix", &[one("value", TEXT), one("prefix", TEXT)], Some(Type::Text), |args| {
        let prefix = args.text(1)?;
        Ok(part(args.text(0)?, |text| text.strip_prefix(&*prefix).unwrap_or(text)))
    }),
    Converter::new("TrimSuffix", &[one("value", TEXT), one("suffix", TEXT)], Some(Type::Text), |args| {
        let suffix = args.text(1)?;
        Ok(part(args.text(0)?, |text| text.strip_suffix(&*suffix).unwrap_or(text)))
    }),
    Converter::new("ToLowerCase", &[one("target", TEXT)], Some(Type::Text), |args| {
        Ok(Value::text(args.text(0)?.to_lowercase()))
    }),
    Converter::new("ToUpperCase", &[one("target", TEXT)], Some(Type::Text), |args| {
        Ok(Value::text(args.text(0)?.to_uppercase()))
    }),
    Converter::new("ToSnakeCase", &[one("target", TEXT)], Some(Type::Text), |args| {
        Ok(Value::text(snake(&args.text(0)?)))
    }),
    Converter::new("ToCamelCase", &[one("target", TEXT)], Some(Type::Text), |args| {
        Ok(Value::text(camel(&args.text(0)?)))
    }),
    Converter::new(
        "ConvertCase",
        &[one("target", TEXT), one("to_case", ParamKind::Word(&["lower", "upper", "snake", "camel"]))],
        Some(Type::Text),
        |args| {
            let text = args.text(0)?;
            Ok(Value::text(match args.word(1) {
                Some("lower") => text.to_lowercase(),
                Some("upper") => text.to_uppercase(),
                Some("snake") => snake(&text),
                _ => camel(&text),
            }))
        },
    ),
    Converter::new(
        "ExtractPatterns",
        &[one("target", TEXT), one("pattern", ParamKind::NamedGroups)],
        Some(Type::Map),
        extract_patterns,
    ),
];

/// A part of a text, without a copy where the text is borrowed.
fn part<'a>(text: Cow<'a, str>, part: impl for<'t> Fn(&'t str) -> &'t str) -> Value<'a> {
    Value::Text(match text {
        Cow::Borrowed(text) => Cow::Borrowed(part(text)),
        Cow::Owned(text) => Cow::Owned(part(&text).to_owned()),
    })
}

fn substring<'a>(args: Args<'a, '_>) -> Valued<'a> {
    let (text, start, len) = (args.text(0)?, args.size(1)?, args.size(2)?);
    let end = start.checked_add(len).filter(|end| *end <= text.len());
    let Some(end) = end else {
        return Err(Failure::new(format!("the text has {} bytes, fewer than {start} and {len}", text.len())));
    };
    let safe = args.has(3) && args.truth(3)?;
    let (start, end) =
        if safe { (text.ceil_char_boundary(start), text.floor_char_boundary(end)) } else { (start, end) };
    let cut = Failure::new("the bytes begin or end within a character; a fourth argument `true` avoids that");
    let found = match text {
        Cow::Borrowed(text) => text.get(start..end.max(start)).map(Cow::Borrowed),
        Cow::Owned(text) => text.get(start..end.max(start)).map(|part| Cow::Owned(part.to_owned())),
    };
    found.map(Value::Text).ok_or(cut)
}

fn extract_patterns<'a>(args: Args<'a, '_>) -> Valued<'a> {
    let (text, pattern) = (args.text(0)?, args.pattern(1)?);
    let mut message = Vec::new();
    if let Some(found) = pattern.captures(&text) {
        for name in pattern.capture_names().flatten() {
            let part = found.name(name).map_or("", |part| part.as_str());
            put_nested(&mut message, ENTRIES, |out| {
                put_len(out, 1, name.as_bytes());
                put_len(out, 2, &encoded(part));
            });
        }
    }
    Ok(Value::Map(Map { message: message.into(), number: ENTRIES }))
}

/// `httpStatusCode` to `http_status_code`.
fn snake(text: &str) -> String {
    let mut out = String::new();
    let chars: Vec<char> = text.trim().chars().collect();
    for (nth, c) in chars.iter().enumerate() {
        let before = nth.checked_sub(1).and_then(|before| chars.get(before));
        let after = chars.get(nth + 1);
        if matches!(c, ' ' | '-' | '.' | '_') {
            out.push('_');
            continue;
        }
        let begins = match before {
            None => false,
            Some(before) if c.is_uppercase() => {
                before.is_lowercase()
                    || before.is_numeric()
                    || after.is_some_and(|after| after.is_lowercase())
            }
            Some(before) => {
                before.is_numeric() != c.is_numeric() && before.is_alphanumeric() && c.is_numeric()
            }
        };
        if begins && !out.ends_with('_') {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}

/// `http_status` to `HttpStatus`.
fn camel(text: &str) -> String {
    let mut out = String::new();
    let mut begins = true;
    for c in text.trim().chars() {
        if matches!(c, ' ' | '-' | '.' | '_') {
            begins = true;
        } else if begins {
            out.extend(c.to_uppercase());
            begins = false;
        } else {
            out.push(c);
            begins = c.is_numeric();
        }
    }
    out
}
