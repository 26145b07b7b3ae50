//! Attribute values with their OTLP types.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

/// An attribute's value.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Value {
    #[default]
    Empty,
    String(String),
    Bool(bool),
    Int(i64),
    Double(#[serde(with = "double")] f64),
    Bytes(#[serde(with = "hex")] Vec<u8>),
    Array(Vec<Self>),
    Map(Attributes),
}

impl Value {
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// Estimated bytes on the heap.
    pub fn heap(&self) -> usize {
        match self {
            Self::Empty | Self::Bool(_) | Self::Int(_) | Self::Double(_) => 0,
            Self::String(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            Self::Array(values) => values.iter().map(|value| size_of::<Self>() + value.heap()).sum(),
            Self::Map(attributes) => attributes.heap(),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

/// Attributes in the order of their keys, each key once: the first of several with one key counts.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(from = "BTreeMap<String, Value>")]
pub struct Attributes(Vec<(String, Value)>);

const FEW: usize = 32;

impl Attributes {
    pub fn get(&self, key: &str) -> Option<&Value> {
        // Most keys differ in length, which lies beside the next one's; a binary search visits each key's text.
        if self.0.len() <= FEW {
            return self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value);
        }
        let at = self.0.binary_search_by(|(known, _)| known.as_str().cmp(key)).ok()?;
        self.0.get(at).map(|(_, value)| value)
    }

    /// The text under a key; empty text counts as none.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str().filter(|text| !text.is_empty())
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Estimated bytes on the heap.
    pub fn heap(&self) -> usize {
        self.0.iter().map(|(key, value)| size_of::<(String, Value)>() + key.len() + value.heap()).sum()
    }
}

impl<K: Into<String>, V: Into<Value>> FromIterator<(K, V)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut entries: Vec<_> =
            entries.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        // Stable, so that the first of equal keys stays first.
        entries.sort_by(|(a, _): &(String, Value), (b, _)| a.cmp(b));
        entries.dedup_by(|(later, _), (first, _)| later == first);
        Self(entries)
    }
}

impl From<BTreeMap<String, Value>> for Attributes {
    fn from(entries: BTreeMap<String, Value>) -> Self {
        Self(entries.into_iter().collect())
    }
}

impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.iter())
    }
}

/// As text, since JSON has neither NaN nor the infinities, and its readers may round.
mod double {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(number: &f64, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(number)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

mod hex {
    use std::fmt::Write;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        let mut text = String::with_capacity(2 * bytes.len());
        for byte in bytes {
            write!(text, "{byte:02x}").map_err(serde::ser::Error::custom)?;
        }
        to.serialize_str(&text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        let pairs = text.as_bytes().chunks(2).map(|pair| {
            let pair = std::str::from_utf8(pair).map_err(D::Error::custom)?;
            u8::from_str_radix(pair, 16).map_err(D::Error::custom)
        });
        pairs.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equal_keys_counts() {
        let attributes: Attributes = [("b", "1"), ("a", "2"), ("b", "3")].into_iter().collect();
        assert_eq!(attributes.len(), 2);
        assert_eq!(attributes.text("b"), Some("1"));
        assert_eq!(attributes.get("c"), None);
        assert_eq!(attributes.iter().map(|(key, _)| key).collect::<Vec<_>>(), ["a", "b"]);
        for many in [1, FEW, FEW + 1, 100] {
            let attributes: Attributes = (0..many).map(|n| (n.to_string(), n as i64)).collect();
            assert!((0..many).all(|n| attributes.get(&n.to_string()) == Some(&Value::Int(n as i64))));
            assert_eq!(attributes.get("x"), None);
        }
    }

    #[test]
    fn json_text_keeps_type_and_bits() {
        for value in [
            Value::Empty,
            Value::Int(i64::MIN),
            Value::Double(f64::NEG_INFINITY),
            Value::Double(-0.0),
            Value::Double(0.1 + 0.2),
            Value::Double(f64::MIN_POSITIVE / 3.0),
            Value::Bytes(vec![0, 255]),
            Value::Array(vec![Value::Bool(true), Value::Empty]),
            Value::Map([("k", "v")].into_iter().collect()),
        ] {
            let text = serde_json::to_string(&value).unwrap();
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value, "{text}");
        }
        let deep = (0..32).fold(Value::Int(1), |inner, _| Value::Map([("k", inner)].into_iter().collect()));
        let text = serde_json::to_string(&deep).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), deep, "as deep as the door lets through");
        let nan = serde_json::to_string(&Value::Double(f64::NAN)).unwrap();
        assert!(matches!(serde_json::from_str(&nan).unwrap(), Value::Double(number) if number.is_nan()));
    }
}
