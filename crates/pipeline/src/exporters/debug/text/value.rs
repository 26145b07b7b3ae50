//! Names and values as text. What clients send must not forge lines or move the cursor.

use std::fmt;

use flow::otlp::view::{KeyValue, Value};

/// Text on one line.
pub(super) struct Text<'a>(pub(super) &'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.split_inclusive(char::is_control).try_for_each(|part| {
            let plain = part.trim_end_matches(char::is_control);
            f.write_str(plain)?;
            part.chars().skip(plain.chars().count()).try_for_each(|c| write!(f, "{}", c.escape_default()))
        })
    }
}

pub(super) struct Hex<'a>(pub(super) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// ` key=value` for each.
pub(super) fn pairs<'a, I: Iterator<Item = KeyValue<'a>>>(all: impl Fn() -> I) -> impl fmt::Display {
    fmt::from_fn(move |f| all().try_for_each(|one| write!(f, " {}={}", Text(one.key), Plain(one.value))))
}

/// A value as it reads best.
pub(super) struct Plain<'a>(pub(super) Value<'a>);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Value::String(text) => Text(text).fmt(f),
            Value::Empty => Ok(()),
            _ => Json(self.0).fmt(f),
        }
    }
}

/// A value with its type: `Str(text)`, `Int(5)`.
pub(super) struct Typed<'a>(pub(super) Value<'a>);

impl fmt::Display for Typed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.0 {
            Value::Empty => "Empty",
            Value::String(_) => "Str",
            Value::Bool(_) => "Bool",
            Value::Int(_) => "Int",
            Value::Double(_) => "Double",
            Value::Bytes(_) => "Bytes",
            Value::Array(_) => "Slice",
            Value::Map(_) => "Map",
        };
        write!(f, "{kind}({})", Plain(self.0))
    }
}

/// A value inside a list or a map.
struct Json<'a>(Value<'a>);

impl fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = |nth: usize| if nth == 0 { "" } else { "," };
        match &self.0 {
            Value::Empty => f.write_str("null"),
            Value::String(text) => write!(f, "\"{}\"", Text(text)),
            Value::Bool(value) => value.fmt(f),
            Value::Int(value) => value.fmt(f),
            Value::Double(value) => value.fmt(f),
            Value::Bytes(bytes) => Hex(bytes).fmt(f),
            Value::Array(array) => {
                f.write_str("[")?;
                let mut values = array.values().enumerate();
                values.try_for_each(|(nth, value)| write!(f, "{}{}", separator(nth), Self(value)))?;
                f.write_str("]")
            }
            Value::Map(map) => {
                f.write_str("{")?;
                let mut entries = map.entries().enumerate();
                entries.try_for_each(|(nth, entry)| {
                    write!(f, "{}\"{}\":{}", separator(nth), Text(entry.key), Self(entry.value))
                })?;
                f.write_str("}")
            }
        }
    }
}
