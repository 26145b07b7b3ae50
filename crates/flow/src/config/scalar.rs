//! The type of a plain scalar, as the collector's YAML reader resolves it.

use super::node::Value;

/// The typed value of an unquoted scalar.
///
/// This is YAML's core schema plus what configurations in the field rely on: `0123` is octal, `0b101` is binary, and
/// underscores may stand between digits. `yes`, `no`, `on` and `off` are text.
pub(super) fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Value::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Value::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Value::Float(f64::NEG_INFINITY),
        _ => {}
    }
    if !text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '.')) {
        return Value::String(text.to_owned());
    }
    let plain = text.replace('_', "");
    if let Some(whole) = integer(&plain) {
        return Value::Int(whole);
    }
    match float(&plain) {
        Some(number) => Value::Float(number),
        None => Value::String(text.to_owned()),
    }
}

/// A whole number in base 10, 16 (`0x`), 8 (`0o`, `0`) or 2 (`0b`), with an optional sign.
pub(super) fn integer(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (digits, base) = if let Some(hex) = lower.strip_prefix("0x") {
        (hex, 16)
    } else if let Some(octal) = lower.strip_prefix("0o") {
        (octal, 8)
    } else if let Some(binary) = lower.strip_prefix("0b") {
        (binary, 2)
    } else if let Some(octal) = lower.strip_prefix('0').filter(|rest| !rest.is_empty()) {
        (octal, 8)
    } else {
        (lower.as_str(), 10)
    };
    if !digits.chars().all(|digit| digit.is_digit(base)) {
        return None;
    }
    let size = i128::from_str_radix(digits, base).ok()?;
    i64::try_from(if negative { -size } else { size }).ok()
}

/// A decimal number; the words that Rust also reads (`inf`, `NaN`) are text in YAML.
pub(super) fn float(text: &str) -> Option<f64> {
    let decimal = text.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E'));
    if decimal { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_plain_scalars() {
        let table = [
            ("", Value::Null),
            ("~", Value::Null),
            ("null", Value::Null),
            ("True", Value::Bool(true)),
            ("FALSE", Value::Bool(false)),
            ("yes", Value::String("yes".into())),
            ("on", Value::String("on".into())),
            ("42", Value::Int(42)),
            ("-42", Value::Int(-42)),
            ("+7", Value::Int(7)),
            ("0", Value::Int(0)),
            ("0123", Value::Int(83)),
            ("0o17", Value::Int(15)),
            ("0x10", Value::Int(16)),
            ("-0x10", Value::Int(-16)),
            ("0b101", Value::Int(5)),
            ("1_000", Value::Int(1000)),
            ("089", Value::Float(89.0)),
            ("1.5", Value::Float(1.5)),
            (".5", Value::Float(0.5)),
            ("1e3", Value::Float(1000.0)),
            ("-.inf", Value::Float(f64::NEG_INFINITY)),
            ("18446744073709551615", Value::Float(18_446_744_073_709_551_615.0)),
            ("-9223372036854775808", Value::Int(i64::MIN)),
            ("1s", Value::String("1s".into())),
            ("0.0.0.0:4317", Value::String("0.0.0.0:4317".into())),
            ("inf", Value::String("inf".into())),
            ("-", Value::String("-".into())),
            ("0x", Value::String("0x".into())),
            ("+-1", Value::String("+-1".into())),
            ("2001-12-14", Value::String("2001-12-14".into())),
        ];
        for (text, expected) in table {
            assert_eq!(resolve(text), expected, "{text}");
        }
        assert!(matches!(resolve(".nan"), Value::Float(nan) if nan.is_nan()));
    }
}
