//! Scalars as the types that settings have.

use super::error::Wrong;
use crate::config::duration::GoDuration;
use crate::config::finding::{Finding, closest};
use crate::config::node::{Node, Value};
use crate::config::scalar;

pub(super) fn text(node: &Node) -> Result<&str, Wrong> {
    node.text().ok_or_else(|| Wrong::expected("text"))
}

pub(super) fn boolean(node: &Node) -> Result<bool, Wrong> {
    match (&node.value, node.text()) {
        (Value::Bool(value), _) => Ok(*value),
        (Value::String(_), Some("true" | "True" | "TRUE")) => Ok(true),
        (Value::String(_), Some("false" | "False" | "FALSE")) => Ok(false),
        _ => Err(Wrong::expected("true or false")),
    }
}

/// A whole number within bounds; quoted ones and those like `512.0` too.
pub(super) fn whole(node: &Node, least: i128, most: i128) -> Result<i128, Wrong> {
    const U64: i128 = u64::MAX as i128;
    const I64: i128 = i64::MIN as i128;
    let number = match &node.value {
        Value::Int(number) => Some(i128::from(*number)),
        Value::String(text) => scalar::integer(text).map(i128::from),
        Value::Float(number) => exact(*number, node.text()),
        _ => None,
    };
    number.filter(|number| (least..=most).contains(number)).ok_or_else(|| {
        Wrong::expected(match (least, most) {
            (0, U64) => "a whole number, 0 or more".to_owned(),
            (I64, _) => "a whole number".to_owned(),
            _ => format!("a whole number from {least} to {most}"),
        })
    })
}

/// Digits that are too large for `i64` are read as a float; their text is exact.
fn exact(number: f64, text: Option<&str>) -> Option<i128> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let digits = text.and_then(|text| text.parse().ok());
    #[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53")]
    digits.or_else(|| (number.fract() == 0.0 && number.abs() < EXACT).then_some(number as i128))
}

pub(super) fn number(node: &Node) -> Result<f64, Wrong> {
    let number = match &node.value {
        #[expect(clippy::cast_precision_loss, reason = "a setting that is a ratio or a percentage")]
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        Value::String(text) => scalar::float(text),
        _ => None,
    };
    number.ok_or_else(|| Wrong::expected("a number"))
}

/// Nanoseconds, and advice where they were written as a bare number.
pub(super) fn duration(node: &Node) -> Result<(u64, Option<Finding>), Wrong> {
    const WHAT: &str = "a duration such as `1s` or `200ms`";
    match &node.value {
        Value::Int(bare) => {
            let nanoseconds = u64::try_from(*bare)
                .map_err(|_| Wrong::helped(WHAT, "a duration cannot be negative here"))?;
            let advice = (nanoseconds > 0).then(|| {
                Finding::advice(node, format!("a bare number is nanoseconds: `{bare}` is {bare} ns"))
                    .help(format!("write the unit: `{bare}s` if seconds are meant"))
            });
            Ok((nanoseconds, advice))
        }
        Value::String(text) => match GoDuration::read(text) {
            Ok(read) => Ok((read.nanos(), None)),
            Err(why) => Err(Wrong::helped(WHAT, why)),
        },
        _ => Err(Wrong::expected(WHAT)),
    }
}

/// One of the names of an enum.
pub(super) fn variant<'a>(node: &'a Node, known: &'static [&'static str]) -> Result<&'a str, Wrong> {
    let text = node.text().filter(|text| known.contains(text));
    text.ok_or_else(|| {
        let names: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
        let what = format!("one of {}", names.join(", "));
        match node.text().and_then(|text| closest(text, known.iter().copied())) {
            Some(meant) => Wrong::helped(what, format!("did you mean `{meant}`?")),
            None => Wrong::expected(what),
        }
    })
}
