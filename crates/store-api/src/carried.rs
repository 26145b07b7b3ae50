//! What an attribute says, as text that can be looked up: what a search asks for exactly, and all that a span has.
//!
//! A part that keeps the terms of its spans can tell where none of them fits, and leaves those out unread.

use std::borrow::Cow;

use throughline_context::SpanId;

use crate::comparison::Test;
use crate::span::Span;
use crate::value::{Attributes, Value};

/// Whole numbers that fractions tell apart.
const EXACT: u64 = 1 << 53;

/// An attribute of a span, its resource or one of its events that says this.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Carried {
    /// Any of them where there is none, and the id of the span.
    pub key: Option<String>,
    /// In small letters, as [`each_term`] shows it.
    pub text: String,
}

impl Carried {
    /// What every value carries that fits; `None` where those differ.
    pub fn by(key: &str, test: &Test) -> Option<Self> {
        let text = match test {
            Test::Like(pattern) => pattern.whole()?.to_owned(),
            Test::Written(text) => text.to_lowercase(),
            Test::Is(Value::String(text)) => text.to_lowercase(),
            Test::Is(Value::Bool(truth)) => truth.to_string(),
            // A fraction of the same value fits too, and is written so up to here. There are two zeros.
            Test::Is(Value::Int(number)) if (1..EXACT).contains(&number.unsigned_abs()) => number.to_string(),
            Test::Is(_) | Test::Within(..) | Test::Fits(_) => return None,
        };
        Some(Self { key: Some(key.to_owned()), text })
    }

    /// The id that a span may have instead.
    pub fn span_id(&self) -> Option<SpanId> {
        let text = self.text.as_bytes();
        let is_id = self.key.is_none() && text.len() == 16 && text.iter().all(u8::is_ascii_hexdigit);
        is_id.then(|| self.text.parse().unwrap_or_default())
    }

    pub fn is_on(&self, span: &Span) -> bool {
        let mut found = self.span_id() == Some(span.span_id);
        sets(span).for_each(|of| match &self.key {
            Some(key) => {
                if let Some(value) = of.get(key) {
                    texts(value, &mut |text| found |= text == self.text);
                }
            }
            None => each_of(of, |_, text| found |= text == self.text),
        });
        found
    }
}

/// Shows each attribute of a span and of its events, but not of its resource, with its value as text in small letters; of
/// lists each element.
pub fn each_term(span: &Span, mut see: impl FnMut(&str, &str)) {
    each_of(&span.attributes, &mut see);
    span.events.iter().for_each(|event| each_of(&event.attributes, &mut see));
}

/// Shows each attribute with its value as text in small letters.
pub fn each_of(attributes: &Attributes, mut see: impl FnMut(&str, &str)) {
    attributes.iter().for_each(|(key, value)| texts(value, &mut |text| see(key, text)));
}

fn sets(span: &Span) -> impl Iterator<Item = &Attributes> {
    let events = span.events.iter().map(|event| &event.attributes);
    [&span.attributes, span.resource.attributes()].into_iter().chain(events)
}

fn texts(value: &Value, see: &mut dyn FnMut(&str)) {
    match value {
        Value::String(text) => see(&lower(text)),
        Value::Int(number) => see(&number.to_string()),
        Value::Double(number) => see(&number.to_string().to_lowercase()),
        Value::Bool(truth) => see(if *truth { "true" } else { "false" }),
        Value::Array(values) => values.iter().for_each(|value| texts(value, see)),
        // No test fits these.
        Value::Empty | Value::Bytes(_) | Value::Map(_) => {}
    }
}

fn lower(text: &str) -> Cow<'_, str> {
    let small = |byte: &u8| byte.is_ascii() && !byte.is_ascii_uppercase();
    if text.as_bytes().iter().all(small) { Cow::Borrowed(text) } else { Cow::Owned(text.to_lowercase()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::comparison::Pattern;
    use crate::testing::Sample;

    fn value() -> impl Strategy<Value = Value> {
        let number = prop_oneof![-3_i64..3, Just(i64::MAX), Just(1 << 53), any::<i64>()];
        let one = prop_oneof![
            "[aAßİ*5]{0,3}".prop_map(|text| Value::from(text.as_str())),
            number.clone().prop_map(Value::Int),
            number.prop_map(|number| Value::Double(number as f64)),
            prop_oneof![Just(-0.0), Just(0.5), Just(f64::NAN), Just(1e300)].prop_map(Value::Double),
            any::<bool>().prop_map(Value::Bool),
            Just(Value::Empty),
        ];
        one.prop_recursive(2, 6, 3, |inner| prop::collection::vec(inner, 0..3).prop_map(Value::Array))
    }

    fn test() -> impl Strategy<Value = Test> {
        let text = "[aAßİ*5]{0,3}|-?[0-3]|true|nan|0\\.5";
        prop_oneof![
            text.prop_map(|text| Test::Like(Pattern::of(&text))),
            text.prop_map(Test::Written),
            value().prop_map(Test::Is),
        ]
    }

    proptest! {
        #[test]
        fn whatever_fits_is_carried(test in test(), value in value()) {
            let span = Sample::new(1, 1).with("key", value.clone()).span();
            if let Some(carried) = Carried::by("key", &test) {
                prop_assert!(!test.fits(&value) || carried.is_on(&span), "{:?}", carried);
                let any = Carried { key: None, ..carried.clone() };
                prop_assert!(!test.fits(&value) || any.is_on(&span));
                let mut shown = false;
                each_term(&span, |key, text| shown |= key == "key" && text == carried.text);
                prop_assert_eq!(shown, carried.is_on(&span));
            }
        }
    }

    #[test]
    fn the_id_of_a_span_counts_where_no_key_is_asked_for() {
        let span = Sample::new(1, 0xab).span();
        let carried = |key: Option<&str>, text: &str| {
            Carried { key: key.map(str::to_owned), text: text.to_owned() }.is_on(&span)
        };
        assert!(carried(None, &span.span_id.to_string()));
        assert!(!carried(None, "abababababababac") && !carried(None, "abababab"));
        assert!(!carried(Some("key"), &span.span_id.to_string()));
        assert!(Carried { key: None, text: "0".repeat(16) }.is_on(&Sample::new(1, 0).span()));
    }

    #[test]
    fn the_resource_and_events_count() {
        let carried = |text: &str| Carried { key: Some("service.name".to_owned()), text: text.to_owned() };
        let span = Sample::new(1, 1).service("CRM").span();
        assert!(carried("crm").is_on(&span));
        assert!(!carried("cr").is_on(&span));
    }
}
