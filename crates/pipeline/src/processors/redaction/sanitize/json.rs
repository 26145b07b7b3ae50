//! JSON documents without values: every value that is no object and no list becomes `"?"`.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};

/// Writes the document without values, or what it was if it is not JSON. Several may stand one after the other.
pub(super) fn sanitize(text: &str, out: &mut String) {
    let mut documents = serde_json::Deserializer::from_str(text);
    let mut first = true;
    while documents.end().is_err() {
        if !first {
            out.push('\n');
        }
        first = false;
        if Shape(out).deserialize(&mut documents).is_err() {
            out.clear();
            out.push_str(text);
            return;
        }
    }
}

/// Writes the shape of a value.
struct Shape<'o>(&'o mut String);

impl<'de> DeserializeSeed<'de> for Shape<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

macro_rules! scalars {
    ($($method:ident: $type:ty)*) => {$(
        fn $method<E>(self, _: $type) -> Result<(), E> {
            self.0.push_str("\"?\"");
            Ok(())
        }
    )*};
}

impl<'de> Visitor<'de> for Shape<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    scalars! { visit_bool: bool visit_i64: i64 visit_u64: u64 visit_f64: f64 visit_str: &str }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.push_str("\"?\"");
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.0.push('[');
        let mut first = true;
        loop {
            let before = self.0.len();
            if !first {
                self.0.push(',');
            }
            if items.next_element_seed(Shape(self.0))?.is_none() {
                self.0.truncate(before);
                break;
            }
            first = false;
        }
        self.0.push(']');
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        self.0.push('{');
        let mut first = true;
        while let Some(key) = entries.next_key::<String>()? {
            if !first {
                self.0.push(',');
            }
            first = false;
            self.0.push_str(&serde_json::Value::from(key).to_string());
            self.0.push(':');
            entries.next_value_seed(Shape(self.0))?;
        }
        self.0.push('}');
        Ok(())
    }
}
