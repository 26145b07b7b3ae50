//! Random actions against a plain model on decoded spans.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use regex::Regex;
use sha2::Digest;

use super::*;

/// One action: its YAML, and what it does to decoded attributes.
#[derive(Clone, Debug)]
enum Model {
    Put {
        verb: &'static str,
        key: String,
        value: Option<Literal>,
        from: Option<String>,
        default: Option<Literal>,
    },
    Delete {
        key: Option<String>,
        pattern: Option<&'static str>,
    },
    Hash {
        key: Option<String>,
        pattern: Option<&'static str>,
    },
    Extract {
        key: String,
        pattern: &'static str,
    },
    Convert {
        key: String,
        to: &'static str,
    },
}

/// A value as YAML (which is JSON here).
#[derive(Clone, Debug)]
struct Literal(serde_json::Value);

impl Model {
    fn yaml(&self) -> String {
        let mut map = serde_json::Map::new();
        let mut set =
            |key: &str, value: Option<serde_json::Value>| value.map(|value| map.insert(key.into(), value));
        match self {
            Self::Put { verb, key, value, from, default } => {
                set("action", Some((*verb).into()));
                set("key", Some(key.as_str().into()));
                set("value", value.clone().map(|value| value.0));
                set("from_attribute", from.as_deref().map(Into::into));
                set("default_value", default.clone().map(|value| value.0));
            }
            Self::Delete { key, pattern } | Self::Hash { key, pattern } => {
                let verb = if matches!(self, Self::Delete { .. }) { "delete" } else { "hash" };
                set("action", Some(verb.into()));
                set("key", key.as_deref().map(Into::into));
                set("pattern", pattern.map(Into::into));
            }
            Self::Extract { key, pattern } => {
                set("action", Some("extract".into()));
                set("key", Some(key.as_str().into()));
                set("pattern", Some((*pattern).into()));
            }
            Self::Convert { key, to } => {
                set("action", Some("convert".into()));
                set("key", Some(key.as_str().into()));
                set("converted_type", Some((*to).into()));
            }
        }
        serde_json::Value::from(map).to_string()
    }

    fn apply(&self, attributes: &mut Vec<KeyValue>) {
        match self {
            Self::Put { verb, key, value, from, default } => {
                let copied = from.as_ref().and_then(|from| first(attributes, from));
                let value = value.as_ref().map(|value| value.any()).or(copied);
                let Some(value) = value.or(default.as_ref().map(|value| value.any())) else { return };
                let there = first(attributes, key).is_some();
                if (*verb != "insert" || !there) && (*verb != "update" || there) {
                    put(attributes, key, value);
                }
            }
            Self::Delete { key, pattern } => {
                attributes
                    .retain(|attribute| key.as_deref() != Some(&attribute.key) && !fits(*pattern, attribute));
            }
            Self::Hash { key, pattern } => {
                for attribute in attributes.iter_mut() {
                    let twice = [key.as_deref() == Some(&attribute.key), fits(*pattern, attribute)];
                    for _ in twice.into_iter().filter(|hit| *hit) {
                        attribute.value =
                            Some(hashed(attribute.value.clone().unwrap_or_default()).as_str().any());
                    }
                }
            }
            Self::Extract { key, pattern } => {
                let Some(Value::StringValue(text)) = first(attributes, key).and_then(|any| any.value) else {
                    return;
                };
                let pattern = Regex::new(pattern).unwrap();
                let Some(found) = pattern.captures(&text) else { return };
                for name in pattern.capture_names().flatten() {
                    put(attributes, name, found.name(name).map_or("", |part| part.as_str()).any());
                }
            }
            Self::Convert { key, to } => {
                for attribute in attributes.iter_mut().filter(|attribute| attribute.key == *key) {
                    let value = attribute.value.clone().unwrap_or_default();
                    if let Some(converted) = converted(value, to) {
                        attribute.value = Some(AnyValue { value: Some(converted) });
                    }
                }
            }
        }
    }
}

impl Literal {
    fn any(&self) -> AnyValue {
        any_of_json(&self.0)
    }
}

fn any_of_json(value: &serde_json::Value) -> AnyValue {
    match value {
        serde_json::Value::Null => ().any(),
        serde_json::Value::Bool(value) => value.any(),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(whole) => whole.any(),
            None => number.as_f64().unwrap().any(),
        },
        serde_json::Value::String(text) => text.as_str().any(),
        serde_json::Value::Array(values) => values.iter().map(any_of_json).collect::<Vec<_>>().any(),
        serde_json::Value::Object(map) => {
            map.iter().map(|(key, value)| pair(key, any_of_json(value))).collect::<Vec<_>>().any()
        }
    }
}

fn first(attributes: &[KeyValue], key: &str) -> Option<AnyValue> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    Some(found.value.clone().unwrap_or_default())
}

fn put(attributes: &mut Vec<KeyValue>, key: &str, value: AnyValue) {
    if first(attributes, key).is_none() {
        attributes.push(pair(key, value));
        return;
    }
    for attribute in attributes.iter_mut().filter(|attribute| attribute.key == key) {
        attribute.value = Some(value.clone());
    }
}

fn fits(pattern: Option<&str>, attribute: &KeyValue) -> bool {
    pattern.is_some_and(|pattern| Regex::new(pattern).unwrap().is_match(&attribute.key))
}

fn hashed(value: AnyValue) -> String {
    let bytes = match value.value {
        Some(Value::StringValue(text)) => text.into_bytes(),
        Some(Value::BoolValue(value)) => vec![value.into()],
        Some(Value::IntValue(number)) => number.to_le_bytes().into(),
        Some(Value::DoubleValue(number)) => number.to_le_bytes().into(),
        _ => vec![],
    };
    let hex = |byte: u8| format!("{byte:02x}");
    if bytes.is_empty() { String::new() } else { sha2::Sha256::digest(bytes).into_iter().map(hex).collect() }
}

fn converted(value: AnyValue, to: &str) -> Option<Value> {
    let value = value.value;
    Some(match (to, value) {
        ("int", Some(Value::StringValue(text))) => Value::IntValue(text.parse().ok()?),
        ("int", Some(Value::DoubleValue(number))) => Value::IntValue(number as i64),
        ("int", Some(Value::BoolValue(value))) => Value::IntValue(value.into()),
        ("double", Some(Value::StringValue(text))) => Value::DoubleValue(text.parse().ok()?),
        ("double", Some(Value::IntValue(number))) => Value::DoubleValue(number as f64),
        ("double", Some(Value::BoolValue(value))) => Value::DoubleValue(u8::from(value).into()),
        ("string", None) => Value::StringValue(String::new()),
        ("string", Some(Value::BoolValue(value))) => Value::StringValue(value.to_string()),
        ("string", Some(Value::IntValue(number))) => Value::StringValue(number.to_string()),
        ("string", Some(Value::DoubleValue(number))) => Value::StringValue(number.to_string()),
        ("string", Some(Value::ArrayValue(list))) => {
            let texts: Vec<_> =
                list.values.into_iter().map(|value| converted(value, "json").map(text)).collect();
            Value::StringValue(format!("[{}]", texts.into_iter().flatten().collect::<Vec<_>>().join(",")))
        }
        ("json", Some(Value::StringValue(text))) => Value::StringValue(format!("{text:?}")),
        ("json", Some(Value::IntValue(number))) => Value::StringValue(number.to_string()),
        _ => return None,
    })
}

fn text(value: Value) -> String {
    match value {
        Value::StringValue(text) => text,
        _ => String::new(),
    }
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![Just("a".to_owned()), Just("customer.phone.number".to_owned()), "[ab]{1,2}"]
}

fn pattern() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["^a", "b$", "[.]", "x"])
}

fn literal() -> impl Strategy<Value = Literal> {
    let scalar = prop_oneof![
        "[a-c=]{0,4}".prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<bool>().prop_map(Into::into)
    ];
    let halves = (-50_i32..50).prop_map(|half| serde_json::Value::from(f64::from(half) + 0.5));
    let list = vec(prop_oneof!["[a-c]{0,3}".prop_map(Into::into), any::<i32>().prop_map(Into::into)], 0..3)
        .prop_map(serde_json::Value::Array);
    prop_oneof![scalar, halves, list].prop_map(Literal)
}

fn action() -> impl Strategy<Value = Model> {
    let verb = prop::sample::select(vec!["insert", "update", "upsert"]);
    let source = prop_oneof![
        literal().prop_map(|value| (Some(value), None)),
        key().prop_map(|from| (None, Some(from)))
    ];
    let either =
        || prop_oneof![key().prop_map(|key| (Some(key), None)), (of(key()), pattern().prop_map(Some))];
    let extract = prop::sample::select(vec!["(?P<a>[ab])=?(?P<ab>c)?", "(?P<x>.)(?P<b>.)"]);
    let target = prop::sample::select(vec!["int", "double", "string"]);
    prop_oneof![
        (verb, key(), source, of(literal())).prop_map(|(verb, key, (value, from), default)| Model::Put {
            verb,
            key,
            value,
            from,
            default
        }),
        either().prop_map(|(key, pattern)| Model::Delete { key, pattern }),
        either().prop_map(|(key, pattern)| Model::Hash { key, pattern }),
        (key(), extract).prop_map(|(key, pattern)| Model::Extract { key, pattern }),
        (key(), target).prop_map(|(key, to)| Model::Convert { key, to }),
    ]
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let value = prop_oneof![
        literal().prop_map(|value| value.any()),
        "[0-9]{1,3}".prop_map(|text| text.as_str().any()),
        Just(().any())
    ];
    vec((key(), of(value)).prop_map(|(key, value)| KeyValue { key, value, key_strindex: 0 }), 0..6)
}

proptest! {
    #[test]
    fn spans_agree_with_the_model(actions in vec(action(), 1..5), lists in vec(attributes(), 1..4)) {
        let span = |attributes| Span { name: "s".into(), kind: 2, attributes, flags: 1, ..Span::default() };
        let mut whole = request(Span::default());
        whole.resource_spans[0].scope_spans[0].spans = lists.into_iter().map(span).collect();
        let section = format!("actions: [{}]", actions.iter().map(Model::yaml).collect::<Vec<_>>().join(", "));
        let read = edited(&section, &whole, Client::default());
        for span in &mut whole.resource_spans[0].scope_spans[0].spans {
            actions.iter().for_each(|action| action.apply(&mut span.attributes));
        }
        prop_assert_eq!(read, whole, "{}", section);
    }
}
