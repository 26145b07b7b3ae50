//! Values as protobuf's `AnyValue` is written in JSON.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value as Json, json};
use store_api::{Attributes, Value};

pub(super) fn key_value(key: &str, of: &Value) -> Json {
    json!({"key": key, "value": value(of)})
}

fn value(of: &Value) -> Json {
    match of {
        Value::Empty => json!({}),
        Value::String(text) => json!({"stringValue": text}),
        Value::Bool(truth) => json!({"boolValue": truth}),
        Value::Int(number) => json!({"intValue": number.to_string()}),
        Value::Double(number) => json!({"doubleValue": double(*number)}),
        Value::Bytes(bytes) => json!({"bytesValue": BASE64_STANDARD.encode(bytes)}),
        Value::Array(values) => {
            json!({"arrayValue": {"values": values.iter().map(value).collect::<Vec<_>>()}})
        }
        Value::Map(entries) => json!({"kvlistValue": {"values": list(entries)}}),
    }
}

fn list(attributes: &Attributes) -> Vec<Json> {
    attributes.iter().map(|(key, value)| key_value(key, value)).collect()
}

/// Those that JSON has no numbers for are words.
pub(super) fn double(number: f64) -> Json {
    match number {
        _ if number.is_nan() => "NaN".into(),
        f64::INFINITY => "Infinity".into(),
        f64::NEG_INFINITY => "-Infinity".into(),
        _ => number.into(),
    }
}
