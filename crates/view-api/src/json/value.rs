//! Attribute values as plain JSON.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Serialize, Serializer};
use store_api::Value;

pub(crate) struct Plain<'a>(pub(crate) &'a Value);

pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Empty => "empty",
        Value::String(_) => "string",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::Double(_) => "double",
        Value::Bytes(_) => "bytes",
        Value::Array(_) => "array",
        Value::Map(_) => "map",
    }
}

impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Empty => to.serialize_none(),
            Value::String(text) => to.serialize_str(text),
            Value::Bool(truth) => to.serialize_bool(*truth),
            Value::Int(number) => to.collect_str(number),
            Value::Double(number) if number.is_nan() => to.serialize_str("NaN"),
            Value::Double(number) if number.is_infinite() => {
                to.serialize_str(if *number > 0.0 { "Infinity" } else { "-Infinity" })
            }
            Value::Double(number) => to.serialize_f64(*number),
            Value::Bytes(bytes) => to.serialize_str(&BASE64_STANDARD.encode(bytes)),
            Value::Array(values) => to.collect_seq(values.iter().map(Plain)),
            Value::Map(entries) => to.collect_map(entries.iter().map(|(key, value)| (key, Plain(value)))),
        }
    }
}
