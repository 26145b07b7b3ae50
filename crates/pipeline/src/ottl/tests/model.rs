//! A second, naive evaluator on decoded structs, which the one on bytes must agree with.

use std::cmp::Ordering;

use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};
use proptest::prelude::*;

/// What the model computes with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Model {
    Nil,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(String),
    Bytes(Vec<u8>),
    Duration(i64),
    List(Vec<Model>),
    Map(Vec<(String, Model)>),
}

#[derive(Clone, Debug)]
pub(crate) enum Expr {
    Literal(Model),
    /// A path: of the span's or of the resource's attributes, with keys.
    Attribute {
        resource: bool,
        keys: Vec<Key>,
    },
    Name,
    Kind,
    StatusMessage,
    /// `end_time - start_time`
    Took,
    Sum(Box<Expr>, char, Box<Expr>),
    Len(Box<Expr>),
    Int(Box<Expr>),
    Concat(Vec<Expr>),
    Upper(Box<Expr>),
}

#[derive(Clone, Debug)]
pub(crate) enum Key {
    Text(String),
    Index(i64),
}

#[derive(Clone, Debug)]
pub(crate) enum Condition {
    Compare(Expr, &'static str, Expr),
    HasPrefix(Expr, Expr),
    IsString(Expr),
    IsRootSpan,
    Not(Box<Condition>),
    And(Vec<Condition>),
    Or(Vec<Condition>),
}

#[derive(Clone, Debug)]
pub(crate) enum Statement {
    Set { resource: bool, keys: Vec<Key>, value: Expr },
    SetName(Expr),
    Delete(bool, String),
    Keep(bool, Vec<String>),
    Truncate(usize),
    Limit(usize, Vec<String>),
    Merge(&'static str),
}

/// Why there is no result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Without {
    /// It cannot be evaluated; the messages are not compared.
    Failed,
    /// The model does not know.
    Unknown,
}

type Modelled<T> = Result<T, Without>;

pub(crate) struct At<'s> {
    pub(crate) resource: &'s ResourceSpans,
    pub(crate) span: &'s Span,
}

impl Model {
    fn of(value: Option<&AnyValue>) -> Self {
        match value.and_then(|value| value.value.as_ref()) {
            None | Some(Any::StringValueStrindex(_)) => Self::Nil,
            Some(Any::StringValue(text)) => Self::Text(text.clone()),
            Some(Any::BoolValue(value)) => Self::Bool(*value),
            Some(Any::IntValue(number)) => Self::Int(*number),
            Some(Any::DoubleValue(number)) => Self::Double(*number),
            Some(Any::BytesValue(bytes)) => Self::Bytes(bytes.clone()),
            Some(Any::ArrayValue(list)) => {
                Self::List(list.values.iter().map(|value| Self::of(Some(value))).collect())
            }
            Some(Any::KvlistValue(map)) => Self::Map(
                map.values.iter().map(|pair| (pair.key.clone(), Self::of(pair.value.as_ref()))).collect(),
            ),
        }
    }

    fn any(&self) -> Modelled<AnyValue> {
        let value = match self {
            Self::Nil => None,
            Self::Bool(value) => Some(Any::BoolValue(*value)),
            Self::Int(number) => Some(Any::IntValue(*number)),
            Self::Double(number) => Some(Any::DoubleValue(*number)),
            Self::Text(text) => Some(Any::StringValue(text.clone())),
            Self::Bytes(bytes) => Some(Any::BytesValue(bytes.clone())),
            Self::Duration(_) => return Err(Without::Failed),
            Self::List(items) => {
                let values = items.iter().map(Self::any).collect::<Modelled<_>>()?;
                Some(Any::ArrayValue(ArrayValue { values }))
            }
            Self::Map(entries) => {
                let pair = |(key, value): &(String, Self)| {
                    Ok(KeyValue { key: key.clone(), value: Some(value.any()?), key_strindex: 0 })
                };
                let values = entries.iter().map(pair).collect::<Modelled<_>>()?;
                Some(Any::KvlistValue(KeyValueList { values }))
            }
        };
        Ok(AnyValue { value })
    }

    fn text(&self) -> String {
        match self {
            Self::Nil => String::new(),
            Self::Bool(value) => value.to_string(),
            Self::Int(number) => number.to_string(),
            Self::Double(number) => format!("{number:?}"),
            Self::Text(text) => format!("{text:?}"),
            Self::Bytes(bytes) => {
                format!("0x{}", bytes.iter().map(|b| format!("{b:02x}")).collect::<String>())
            }
            Self::Duration(ns) => format!("Duration(\"{ns}ns\")"),
            Self::List(items) => format!("[{}]", items.iter().map(Self::text).collect::<Vec<_>>().join(", ")),
            Self::Map(entries) => {
                let entries: Vec<_> =
                    entries.iter().map(|(key, value)| format!("{key:?}: {}", value.text())).collect();
                format!("{{{}}}", entries.join(", "))
            }
        }
    }

    fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Nil, Self::Nil) => Some(Ordering::Equal),
            (Self::Bool(a), Self::Bool(b)) => a.partial_cmp(b),
            (Self::Int(a), Self::Int(b)) | (Self::Duration(a), Self::Duration(b)) => a.partial_cmp(b),
            (Self::Int(a), Self::Double(b)) => (*a as f64).partial_cmp(b),
            (Self::Double(a), Self::Int(b)) => a.partial_cmp(&(*b as f64)),
            (Self::Double(a), Self::Double(b)) => a.partial_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.partial_cmp(b),
            (Self::Bytes(a), Self::Bytes(b)) => a.partial_cmp(b),
            _ => None,
        }
    }

    fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::List(a), Self::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b)),
            (Self::Map(a), Self::Map(b)) => {
                a.len() == b.len() && a.iter().all(|(k, v)| b.iter().any(|(l, w)| k == l && v.same(w)))
            }
            _ => self.order(other) == Some(Ordering::Equal),
        }
    }
}

impl Expr {
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Literal(Model::Nil) => "nil".into(),
            Self::Literal(model) => model.text(),
            Self::Attribute { resource, keys } => path(*resource, keys),
            Self::Name => "span.name".into(),
            Self::Kind => "span.kind".into(),
            Self::StatusMessage => "span.status.message".into(),
            Self::Took => "(span.end_time - span.start_time)".into(),
            Self::Sum(a, sign, b) => format!("({} {sign} {})", a.text(), b.text()),
            Self::Len(inner) => format!("Len({})", inner.text()),
            Self::Int(inner) => format!("Int({})", inner.text()),
            Self::Concat(parts) => {
                format!("Concat([{}], \"-\")", parts.iter().map(Self::text).collect::<Vec<_>>().join(", "))
            }
            Self::Upper(inner) => format!("ToUpperCase({})", inner.text()),
        }
    }

    fn value(&self, at: &At<'_>) -> Modelled<Model> {
        Ok(match self {
            Self::Literal(model) => model.clone(),
            Self::Attribute { resource, keys } => {
                let attributes =
                    if *resource { resource_attributes(at.resource) } else { &at.span.attributes };
                let all = attributes.iter().map(|p| (p.key.clone(), Model::of(p.value.as_ref()))).collect();
                let mut value = Model::Map(all);
                for key in keys {
                    value = match (value, key) {
                        (Model::Map(entries), Key::Text(key)) => {
                            match entries.into_iter().find(|(known, _)| known == key) {
                                Some((_, value)) => value,
                                None => return Ok(Model::Nil),
                            }
                        }
                        (Model::List(items), Key::Index(index)) => {
                            let index = usize::try_from(*index).map_err(|_| Without::Failed)?;
                            items.into_iter().nth(index).ok_or(Without::Failed)?
                        }
                        _ => return Err(Without::Failed),
                    };
                }
                value
            }
            Self::Name => Model::Text(at.span.name.clone()),
            Self::Kind => Model::Int(at.span.kind.into()),
            Self::StatusMessage => {
                Model::Text(at.span.status.as_ref().map(|s| s.message.clone()).unwrap_or_default())
            }
            Self::Took => Model::Duration(
                (at.span.end_time_unix_nano as i64).wrapping_sub(at.span.start_time_unix_nano as i64),
            ),
            Self::Sum(a, sign, b) => match (a.value(at)?, sign, b.value(at)?) {
                (Model::Int(a), '+', Model::Int(b)) => Model::Int(a.wrapping_add(b)),
                (Model::Int(a), '*', Model::Int(b)) => Model::Int(a.wrapping_mul(b)),
                (Model::Int(_), '/', Model::Int(0)) => return Err(Without::Failed),
                (Model::Int(a), '/', Model::Int(b)) => Model::Int(a.wrapping_div(b)),
                (a @ (Model::Int(_) | Model::Double(_)), sign, b @ (Model::Int(_) | Model::Double(_))) => {
                    let double = |model| match model {
                        Model::Int(number) => number as f64,
                        Model::Double(number) => number,
                        _ => f64::NAN,
                    };
                    let (a, b) = (double(a), double(b));
                    match sign {
                        '+' => Model::Double(a + b),
                        '*' => Model::Double(a * b),
                        _ if b == 0.0 => return Err(Without::Failed),
                        _ => Model::Double(a / b),
                    }
                }
                (Model::Duration(a), '+', Model::Duration(b)) => Model::Duration(a.wrapping_add(b)),
                _ => return Err(Without::Failed),
            },
            Self::Len(inner) => Model::Int(match inner.value(at)? {
                Model::Text(text) => text.len(),
                Model::Bytes(bytes) => bytes.len(),
                Model::List(items) => items.len(),
                Model::Map(entries) => entries.len(),
                _ => return Err(Without::Failed),
            } as i64),
            Self::Int(inner) => match inner.value(at)? {
                Model::Int(number) | Model::Duration(number) => Model::Int(number),
                Model::Double(number) => Model::Int(number as i64),
                Model::Bool(value) => Model::Int(value.into()),
                Model::Text(text) => text.parse().map_or(Model::Nil, Model::Int),
                _ => Model::Nil,
            },
            Self::Concat(parts) => {
                let mut texts = Vec::new();
                for part in parts {
                    texts.push(match part.value(at)? {
                        Model::Nil => "<nil>".into(),
                        Model::Text(text) => text,
                        Model::Bool(value) => value.to_string(),
                        Model::Int(number) => number.to_string(),
                        _ => return Err(Without::Unknown),
                    });
                }
                Model::Text(texts.join("-"))
            }
            Self::Upper(inner) => match inner.value(at)? {
                Model::Text(text) => Model::Text(text.to_uppercase()),
                _ => return Err(Without::Failed),
            },
        })
    }
}

fn resource_attributes(resource: &ResourceSpans) -> &[KeyValue] {
    resource.resource.as_ref().map_or(&[], |resource| &resource.attributes)
}

fn path(resource: bool, keys: &[Key]) -> String {
    let keys: String = keys
        .iter()
        .map(|key| match key {
            Key::Text(text) => format!("[{text:?}]"),
            Key::Index(index) => format!("[{index}]"),
        })
        .collect();
    format!("{}.attributes{keys}", if resource { "resource" } else { "span" })
}

impl Condition {
    pub(crate) fn text(&self) -> String {
        let joined = |all: &[Self], word: &str| {
            format!("({})", all.iter().map(Self::text).collect::<Vec<_>>().join(&format!(" {word} ")))
        };
        match self {
            Self::Compare(a, sign, b) => format!("{} {sign} {}", a.text(), b.text()),
            Self::HasPrefix(a, b) => format!("HasPrefix({}, {})", a.text(), b.text()),
            Self::IsString(a) => format!("IsString({})", a.text()),
            Self::IsRootSpan => "IsRootSpan()".into(),
            Self::Not(inner) => format!("not ({})", inner.text()),
            Self::And(all) => joined(all, "and"),
            Self::Or(all) => joined(all, "or"),
        }
    }

    pub(crate) fn holds(&self, at: &At<'_>) -> Modelled<bool> {
        match self {
            Self::Compare(a, sign, b) => {
                let (a, b) = (a.value(at)?, b.value(at)?);
                let order = a.order(&b);
                Ok(match *sign {
                    "==" => a.same(&b),
                    "!=" => !a.same(&b),
                    "<" => order == Some(Ordering::Less),
                    "<=" => order.is_some_and(Ordering::is_le),
                    ">" => order == Some(Ordering::Greater),
                    _ => order.is_some_and(Ordering::is_ge),
                })
            }
            Self::HasPrefix(a, b) => match (a.value(at)?, b.value(at)?) {
                (Model::Text(a), Model::Text(b)) => Ok(a.starts_with(&b)),
                _ => Err(Without::Failed),
            },
            Self::IsString(a) => Ok(matches!(a.value(at)?, Model::Text(_))),
            Self::IsRootSpan => Ok(at.span.parent_span_id.iter().all(|byte| *byte == 0)),
            Self::Not(inner) => Ok(!inner.holds(at)?),
            Self::And(all) => {
                for one in all {
                    if !one.holds(at)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Or(all) => {
                for one in all {
                    if one.holds(at)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }
}

impl Statement {
    pub(crate) fn text(&self) -> String {
        let quoted =
            |keys: &[String]| keys.iter().map(|key| format!("{key:?}")).collect::<Vec<_>>().join(", ");
        match self {
            Self::Set { resource, keys, value } => {
                format!("set({}, {})", path(*resource, keys), value.text())
            }
            Self::SetName(value) => format!("set(span.name, {})", value.text()),
            Self::Delete(resource, key) => format!("delete_key({}, {key:?})", path(*resource, &[])),
            Self::Keep(resource, keys) => format!("keep_keys({}, [{}])", path(*resource, &[]), quoted(keys)),
            Self::Truncate(len) => format!("truncate_all(span.attributes, {len})"),
            Self::Limit(len, keys) => format!("limit(span.attributes, {len}, [{}])", quoted(keys)),
            Self::Merge(strategy) => {
                format!("merge_maps(span.attributes, resource.attributes, {strategy:?})")
            }
        }
    }

    /// Does the same to decoded structs, or nothing where it fails; false where the model does not know.
    pub(crate) fn run(&self, resource: &mut ResourceSpans, scope: usize, span: usize) -> bool {
        self.try_run(resource, scope, span) != Err(Without::Unknown)
    }

    fn try_run(&self, resource: &mut ResourceSpans, scope: usize, span: usize) -> Modelled<()> {
        let value = |expr: &Expr, resource: &ResourceSpans| {
            expr.value(&At { resource, span: &resource.scope_spans[scope].spans[span] })
        };
        match self {
            Self::Set { resource: of_resource, keys, value: expr } => {
                let new = value(expr, resource)?;
                if new == Model::Nil {
                    return Ok(());
                }
                if keys.is_empty() {
                    let Model::Map(_) = new else { return Err(Without::Failed) };
                }
                let new = new.any()?;
                edit(resource, *of_resource, scope, span, |attributes| {
                    let mut copy = attributes.clone();
                    put(&mut copy, keys, &new)?;
                    *attributes = copy;
                    Ok(())
                })
            }
            Self::SetName(expr) => match value(expr, resource)? {
                Model::Text(text) => {
                    resource.scope_spans[scope].spans[span].name = text;
                    Ok(())
                }
                _ => Err(Without::Failed),
            },
            Self::Delete(of_resource, key) => edit(resource, *of_resource, scope, span, |attributes| {
                attributes.retain(|pair| pair.key != *key);
                Ok(())
            }),
            Self::Keep(of_resource, keys) => edit(resource, *of_resource, scope, span, |attributes| {
                attributes.retain(|pair| keys.contains(&pair.key));
                Ok(())
            }),
            Self::Truncate(len) => edit(resource, false, scope, span, |attributes| {
                for pair in attributes {
                    if let Some(AnyValue { value: Some(Any::StringValue(text)) }) = &mut pair.value {
                        text.truncate(text.floor_char_boundary(*len));
                    }
                }
                Ok(())
            }),
            Self::Limit(len, first) => edit(resource, false, scope, span, |attributes| {
                if attributes.len() <= *len {
                    return Ok(());
                }
                let mut room =
                    len.saturating_sub(attributes.iter().filter(|p| first.contains(&p.key)).count());
                attributes.retain(|pair| {
                    if first.contains(&pair.key) {
                        return true;
                    }
                    let fits = room > 0;
                    room = room.saturating_sub(1);
                    fits
                });
                Ok(())
            }),
            Self::Merge(strategy) => {
                let other = resource_attributes(resource).to_vec();
                edit(resource, false, scope, span, |attributes| {
                    for pair in other {
                        let there = attributes.iter().any(|known| known.key == pair.key);
                        let wanted = match *strategy {
                            "insert" => !there,
                            "update" => there,
                            _ => true,
                        };
                        if wanted {
                            put(attributes, &[Key::Text(pair.key.clone())], &pair.value.unwrap_or_default())?;
                        }
                    }
                    Ok(())
                })
            }
        }
    }
}

fn edit(
    resource: &mut ResourceSpans,
    of_resource: bool,
    scope: usize,
    span: usize,
    change: impl FnOnce(&mut Vec<KeyValue>) -> Modelled<()>,
) -> Modelled<()> {
    if !of_resource {
        return change(&mut resource.scope_spans[scope].spans[span].attributes);
    }
    let mut made = resource.resource.clone().unwrap_or_default();
    change(&mut made.attributes)?;
    if resource.resource.is_some() || !made.attributes.is_empty() {
        resource.resource = Some(made);
    }
    Ok(())
}

/// Every attribute of a key is set; the first says what stands below it.
fn put(attributes: &mut Vec<KeyValue>, keys: &[Key], new: &AnyValue) -> Modelled<()> {
    let Some((first, rest)) = keys.split_first() else {
        let Some(Any::KvlistValue(map)) = &new.value else { return Err(Without::Failed) };
        *attributes = map.values.clone();
        return Ok(());
    };
    let Key::Text(key) = first else { return Err(Without::Failed) };
    let mut value =
        attributes.iter().find(|pair| pair.key == *key).and_then(|p| p.value.clone()).unwrap_or_default();
    put_below(&mut value, rest, new)?;
    let mut found = false;
    for pair in attributes.iter_mut().filter(|pair| pair.key == *key) {
        pair.value = Some(value.clone());
        found = true;
    }
    if !found {
        attributes.push(KeyValue { key: key.clone(), value: Some(value), key_strindex: 0 });
    }
    Ok(())
}

fn put_below(value: &mut AnyValue, keys: &[Key], new: &AnyValue) -> Modelled<()> {
    let Some((first, rest)) = keys.split_first() else {
        *value = new.clone();
        return Ok(());
    };
    match (&mut value.value, first) {
        (Some(Any::KvlistValue(map)), Key::Text(_)) => put(&mut map.values, keys, new),
        (Some(Any::ArrayValue(list)), Key::Index(index)) => {
            let index = usize::try_from(*index).map_err(|_| Without::Failed)?;
            put_below(list.values.get_mut(index).ok_or(Without::Failed)?, rest, new)
        }
        (none @ None, Key::Text(_)) => {
            let mut values = Vec::new();
            put(&mut values, keys, new)?;
            *none = Some(Any::KvlistValue(KeyValueList { values }));
            Ok(())
        }
        (none @ None, Key::Index(0)) => {
            let mut only = AnyValue::default();
            put_below(&mut only, rest, new)?;
            *none = Some(Any::ArrayValue(ArrayValue { values: vec![only] }));
            Ok(())
        }
        _ => Err(Without::Failed),
    }
}

pub(crate) fn key() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "c", "d"]).prop_map(str::to_owned)
}

pub(crate) fn model() -> impl Strategy<Value = Model> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Model::Bool),
        (-3i64..4).prop_map(Model::Int),
        prop::sample::select(vec![-1.5, 0.0, 2.0, 0.25]).prop_map(Model::Double),
        prop::sample::select(vec!["", "a", "ab", "7", "é", "GET /a"])
            .prop_map(|text| Model::Text(text.into())),
        prop::collection::vec(any::<u8>(), 1..3).prop_map(Model::Bytes),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Model::List),
            prop::collection::btree_map(key(), inner, 0..3)
                .prop_map(|map| Model::Map(map.into_iter().collect())),
        ]
    })
}

fn keys() -> impl Strategy<Value = Vec<Key>> {
    let inner = prop_oneof![key().prop_map(Key::Text), (0i64..3).prop_map(Key::Index)];
    (key(), prop::collection::vec(inner, 0..2))
        .prop_map(|(first, rest)| std::iter::once(Key::Text(first)).chain(rest).collect())
}

pub(crate) fn expr() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![
        3 => (any::<bool>(), keys()).prop_map(|(resource, keys)| Expr::Attribute { resource, keys }),
        2 => model().prop_map(Expr::Literal),
        1 => Just(Expr::Literal(Model::Nil)),
        1 => any::<bool>().prop_map(|resource| Expr::Attribute { resource, keys: Vec::new() }),
        1 => Just(Expr::Name),
        1 => Just(Expr::Kind),
        1 => Just(Expr::StatusMessage),
        1 => Just(Expr::Took),
        1 => (0i64..4).prop_map(|ns| Expr::Literal(Model::Duration(ns))),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        let boxed = inner.clone().prop_map(Box::new);
        prop_oneof![
            (boxed.clone(), prop::sample::select(vec!['+', '*', '/']), boxed.clone())
                .prop_map(|(a, sign, b)| Expr::Sum(a, sign, b)),
            boxed.clone().prop_map(Expr::Len),
            boxed.clone().prop_map(Expr::Int),
            boxed.prop_map(Expr::Upper),
            prop::collection::vec(inner, 0..3).prop_map(Expr::Concat),
        ]
    })
}

pub(crate) fn condition() -> impl Strategy<Value = Condition> {
    let leaf = prop_oneof![
        6 => (expr(), prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]), expr())
            .prop_map(|(a, sign, b)| Condition::Compare(a, sign, b)),
        1 => (expr(), expr()).prop_map(|(a, b)| Condition::HasPrefix(a, b)),
        1 => expr().prop_map(Condition::IsString),
        1 => Just(Condition::IsRootSpan),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| Condition::Not(inner.into())),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Condition::And),
            prop::collection::vec(inner, 1..4).prop_map(Condition::Or),
        ]
    })
}

pub(crate) fn statement() -> impl Strategy<Value = Statement> {
    let few = || prop::collection::vec(key(), 0..3);
    prop_oneof![
        5 => (any::<bool>(), keys(), expr()).prop_map(|(resource, keys, value)| Statement::Set { resource, keys, value }),
        1 => (any::<bool>(), expr())
            .prop_map(|(resource, value)| Statement::Set { resource, keys: Vec::new(), value }),
        1 => expr().prop_map(Statement::SetName),
        1 => (any::<bool>(), key()).prop_map(|(resource, key)| Statement::Delete(resource, key)),
        1 => (any::<bool>(), few()).prop_map(|(resource, keys)| Statement::Keep(resource, keys)),
        1 => (0usize..3).prop_map(Statement::Truncate),
        1 => (0usize..4, few()).prop_map(|(len, keys)| Statement::Limit(len, keys)),
        1 => prop::sample::select(vec!["insert", "update", "upsert"]).prop_map(Statement::Merge),
    ]
}

/// Attributes, among them doubled keys.
pub(crate) fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let value = prop_oneof![8 => model(), 1 => Just(Model::Nil)];
    let pair =
        (key(), value).prop_map(|(key, value)| KeyValue { key, value: value.any().ok(), key_strindex: 0 });
    prop::collection::vec(pair, 0..5)
}
