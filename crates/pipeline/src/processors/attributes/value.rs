//! Values: from YAML, hashed, converted, as text.

mod text;

use flow::config::{Node, Value as Yaml};
use flow::otlp::attributes::encode_value;
use flow::otlp::view::Value;
use flow::wire::{put_head, put_len, put_nested};
use serde::Deserialize;
use sha2::{Digest, Sha256};

pub(super) use text::plain;
pub(crate) use text::readable;

/// Writes a value of the configuration as an `AnyValue`; its type is the one that it has in YAML.
pub(super) fn literal(node: &Node, out: &mut Vec<u8>) {
    match &node.value {
        Yaml::Null => {}
        Yaml::Bool(value) => encode_value(&Value::Bool(*value), out),
        Yaml::Int(number) => encode_value(&Value::Int(*number), out),
        Yaml::Float(number) => encode_value(&Value::Double(*number), out),
        Yaml::String(text) => encode_value(&Value::String(text), out),
        Yaml::List(items) => put_nested(out, 5, |out| {
            for item in items {
                put_nested(out, 1, |out| literal(item, out));
            }
        }),
        Yaml::Map(entries) => put_nested(out, 6, |out| {
            for (key, value) in entries {
                put_nested(out, 1, |out| {
                    put_len(out, 1, key.name.as_bytes());
                    put_nested(out, 2, |out| literal(value, out));
                });
            }
        }),
    }
}

/// SHA-256 in hexadecimal of a text's bytes, a number's eight bytes (little endian), a boolean's one byte; the empty
/// text for everything else.
pub(super) fn hash(value: Value<'_>, out: &mut Vec<u8>) -> bool {
    let digest = match value {
        Value::String(text) if !text.is_empty() => Sha256::digest(text),
        Value::Bool(value) => Sha256::digest([u8::from(value)]),
        Value::Int(number) => Sha256::digest(number.to_le_bytes()),
        Value::Double(number) => Sha256::digest(number.to_le_bytes()),
        _ => {
            encode_value(&Value::String(""), out);
            return true;
        }
    };
    put_head(out, 1, 2 * digest.len());
    out.extend(digest.into_iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
    true
}

fn digit(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'a' - 10 + value }
}

/// What `convert` makes of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Target {
    Int,
    Double,
    String,
}

impl Target {
    /// Writes the converted value; says false where the value cannot be converted, or need not.
    pub(super) fn convert(self, value: Value<'_>, out: &mut Vec<u8>) -> bool {
        let converted = match self {
            Self::Int => whole(value).map(Value::Int),
            Self::Double => number(value).map(Value::Double),
            Self::String if matches!(value, Value::String(_)) => None,
            Self::String => {
                encode_value(&Value::String(&readable(value)), out);
                return true;
            }
        };
        converted.map(|value| encode_value(&value, out)).is_some()
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "cuts off the fraction; what does not fit becomes the largest"
)]
fn whole(value: Value<'_>) -> Option<i64> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Bool(value) => Some(i64::from(value)),
        Value::Double(number) => Some(number as i64),
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "this is what converting to a double means")]
fn number(value: Value<'_>) -> Option<f64> {
    match value {
        // A decimal number that is too large for a double is not read as infinity.
        Value::String(text) => text
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite() || !text.contains(|c: char| c.is_ascii_digit())),
        Value::Bool(value) => Some(f64::from(u8::from(value))),
        Value::Int(number) => Some(number as f64),
        _ => None,
    }
}
