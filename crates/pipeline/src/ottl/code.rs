//! Checked expressions, and what they give on a scene.

use std::borrow::Cow;

use flow::wire::{fields_of, put_len, put_nested};

use super::compare::compare;
use super::failure::Failure;
use super::functions::{Arg, Args, Converter};
use super::path::Place;
use super::read;
use super::scene::Scene;
use super::syntax::{Comparison, Operator};
use super::value::{ENTRIES, Map, Value, nth};

#[derive(Debug)]
pub(super) enum Code {
    Constant(Value<'static>),
    Path(Place, Vec<Code>),
    Call(&'static Converter, Vec<Arg>, Vec<Code>),
    List(Vec<Code>),
    Map(Vec<(String, Code)>),
    Not(Box<Code>),
    And(Vec<Code>),
    Or(Vec<Code>),
    Compare(Comparison, Box<(Code, Code)>),
    Minus(Box<Code>),
    Math(Box<Code>, Vec<(Operator, Code)>),
}

pub(super) type Valued<'a> = Result<Value<'a>, Failure>;

impl Code {
    pub(super) fn value<'a>(&'a self, scene: &Scene<'a>) -> Valued<'a> {
        Ok(match self {
            Self::Constant(value) => value.borrowed(),
            Self::Path(place, keys) => return path(*place, keys, scene),
            Self::Call(converter, arguments, keys) => {
                return keyed((converter.run)(Args { all: arguments, scene })?, keys, scene);
            }
            Self::List(items) => Value::List(list(items, scene)?.into()),
            Self::Map(entries) => Value::Map(map(entries, scene)?),
            Self::Minus(inner) => match inner.value(scene)? {
                Value::Int(number) => Value::Int(number.wrapping_neg()),
                Value::Double(number) => Value::Double(-number),
                other => {
                    return Err(Failure::new(format!(
                        "a number stands behind `-`, not {}",
                        other.described()
                    )));
                }
            },
            Self::Math(first, rest) => {
                let mut value = first.value(scene)?;
                for (operator, operand) in rest {
                    value = super::math::apply(&value, *operator, &operand.value(scene)?)?;
                }
                value
            }
            Self::Not(_) | Self::And(_) | Self::Or(_) | Self::Compare(..) => Value::Bool(self.truth(scene)?),
        })
    }

    pub(super) fn truth(&self, scene: &Scene<'_>) -> Result<bool, Failure> {
        match self {
            Self::Not(inner) => Ok(!inner.truth(scene)?),
            Self::And(all) => {
                for one in all {
                    if !one.truth(scene)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Or(all) => {
                for one in all {
                    if one.truth(scene)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::Compare(comparison, sides) => {
                Ok(compare(&sides.0.value(scene)?, *comparison, &sides.1.value(scene)?))
            }
            other => match other.value(scene)? {
                Value::Bool(truth) => Ok(truth),
                value => {
                    Err(Failure::new(format!("a condition is true or false, not {}", value.described())))
                }
            },
        }
    }
}

/// A key, as text or as a number.
pub(super) enum Key<'a> {
    Text(Cow<'a, str>),
    Index(i64),
}

impl<'a> Key<'a> {
    pub(super) fn of(code: &'a Code, scene: &Scene<'a>) -> Result<Self, Failure> {
        match code.value(scene)? {
            Value::Text(text) => Ok(Self::Text(text)),
            Value::Int(index) => Ok(Self::Index(index)),
            other => Err(Failure::new(format!("a key is text or a whole number, not {}", other.described()))),
        }
    }

    pub(super) fn text(&self) -> Result<&str, Failure> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Index(_) => Err(Failure::new("the keys of a map are text")),
        }
    }

    pub(super) fn index(&self) -> Result<usize, Failure> {
        match self {
            Self::Text(_) => Err(Failure::new("the elements of a list are told apart by number")),
            Self::Index(index) => usize::try_from(*index).map_err(|_| out_of_bounds(*index)),
        }
    }
}

pub(super) fn out_of_bounds(index: impl std::fmt::Display) -> Failure {
    Failure::new(format!("the list has no element {index}"))
}

fn path<'a>(place: Place, keys: &'a [Code], scene: &Scene<'a>) -> Valued<'a> {
    let Some((first, rest)) = keys.split_first() else { return Ok(read::value(place, scene)) };
    let key = Key::of(first, scene)?;
    match read::keyed(place, key.text()?, scene) {
        Some(value) => keyed(value, rest, scene),
        None => Ok(Value::Nil),
    }
}

/// What stands under the keys of a value.
fn keyed<'a>(mut value: Value<'a>, keys: &'a [Code], scene: &Scene<'a>) -> Valued<'a> {
    for key in keys {
        let key = Key::of(key, scene)?;
        value = match value {
            Value::Map(map) => match map.get(key.text()?) {
                Some(inner) => inner,
                None => return Ok(Value::Nil),
            },
            Value::List(list) => {
                let index = key.index()?;
                nth(list, index).ok_or_else(|| out_of_bounds(index))?
            }
            other => return Err(Failure::new(format!("{} has no keys", other.described()))),
        };
    }
    Ok(value)
}

fn list<'a>(items: &'a [Code], scene: &Scene<'a>) -> Result<Vec<u8>, Failure> {
    let mut out = Vec::new();
    for item in items {
        let item = item.value(scene)?;
        put_nested(&mut out, 1, |out| item.encode(out))?;
    }
    Ok(out)
}

fn map<'a>(entries: &'a [(String, Code)], scene: &Scene<'a>) -> Result<Map<'a>, Failure> {
    let mut message = Vec::new();
    for (key, value) in entries {
        let value = value.value(scene)?;
        put_nested(&mut message, ENTRIES, |out| {
            put_len(out, 1, key.as_bytes());
            put_nested(out, 2, |out| value.encode(out))
        })?;
    }
    Ok(Map { message: message.into(), number: ENTRIES })
}

/// How many messages stand under a field number.
pub(super) fn count(message: &[u8], number: u32) -> usize {
    fields_of(message, 0..message.len(), number).count()
}
