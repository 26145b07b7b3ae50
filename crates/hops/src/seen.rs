//! What the echo saw of a request, and the JSON that carries it back.

use serde_json::{Value, json};

use crate::field::{Field, first};
use crate::probe::MARK;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// `HTTP/1.0`, `HTTP/1.1` or `HTTP/2`.
    pub protocol: String,
    pub method: String,
    pub target: String,
    pub fields: Vec<Field>,
}

/// The query that marks a request, for hops that drop headers.
pub(crate) const QUERY: &str = "throughline-probe=";
const VERSION: u64 = 1;
const MAX_FIELDS: usize = 1024;

impl Seen {
    pub fn to_json(&self) -> Value {
        let fields: Vec<_> = self.fields.iter().map(|field| json!([field.name, field.raw])).collect();
        json!({
            "throughline_echo": VERSION,
            "protocol": self.protocol,
            "method": self.method,
            "target": self.target,
            "fields": fields,
        })
    }

    /// `None` for anything that no echo of ours says.
    pub fn from_json(bytes: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(bytes).ok()?;
        let text = |key: &str| value.get(key)?.as_str().map(str::to_owned);
        if value.get("throughline_echo")?.as_u64()? != VERSION {
            return None;
        }
        let field = |pair: &Value| match pair.as_array()?.as_slice() {
            [name, raw] => Some(Field::new(name.as_str()?, raw.as_str()?)),
            _ => None,
        };
        let fields = value.get("fields")?.as_array()?;
        if fields.len() > MAX_FIELDS {
            return None;
        }
        Some(Self {
            protocol: text("protocol")?,
            method: text("method")?,
            target: text("target")?,
            fields: fields.iter().map(field).collect::<Option<_>>()?,
        })
    }

    /// The mark of the request that the echo saw: from the header, else from the query.
    pub fn mark(&self) -> Option<&str> {
        let query = || self.target.split(['?', '&']).find_map(|part| part.strip_prefix(QUERY));
        first(&self.fields, MARK).or_else(query)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_seen_comes_back_as_it_was(
            pairs in proptest::collection::vec(("[!-~]{1,9}", any::<Vec<u8>>()), 0..9),
            target in "[ -~]{0,30}",
        ) {
            let fields = pairs.into_iter().map(|(name, raw)| Field::new(name, crate::field::text(&raw))).collect();
            let seen = Seen { protocol: "HTTP/1.1".into(), method: "GET".into(), target, fields };
            prop_assert_eq!(Seen::from_json(seen.to_json().to_string().as_bytes()), Some(seen));
        }

        #[test]
        fn total(bytes in any::<Vec<u8>>()) {
            prop_assert_eq!(Seen::from_json(&bytes), None);
        }
    }

    #[test]
    fn others_answers_are_not_taken_for_ours() {
        for body in
            ["", "{}", "[1]", r#"{"throughline_echo":2}"#, r#"{"throughline_echo":1,"fields":[["a"]]}"#]
        {
            assert_eq!(Seen::from_json(body.as_bytes()), None, "{body}");
        }
    }
}
