//! Sums and products of numbers, times and durations.

use super::code::Valued;
use super::failure::Failure;
use super::syntax::Operator;
use super::value::{Type, Value};

#[expect(clippy::cast_precision_loss, reason = "a floating-point number makes the other operand one")]
pub(super) fn apply<'a>(left: &Value<'_>, operator: Operator, right: &Value<'_>) -> Valued<'a> {
    match (left, right) {
        (Value::Int(a), Value::Int(b)) => whole(*a, operator, *b).map(Value::Int),
        (Value::Int(a), Value::Double(b)) => double(*a as f64, operator, *b).map(Value::Double),
        (Value::Double(a), Value::Int(b)) => double(*a, operator, *b as f64).map(Value::Double),
        (Value::Double(a), Value::Double(b)) => double(*a, operator, *b).map(Value::Double),
        (Value::Time(a), Value::Duration(b)) | (Value::Duration(b), Value::Time(a))
            if operator == Operator::Add =>
        {
            Ok(Value::Time(a.wrapping_add(*b)))
        }
        (Value::Time(a), Value::Duration(b)) if operator == Operator::Subtract => {
            Ok(Value::Time(a.wrapping_sub(*b)))
        }
        (Value::Time(a), Value::Time(b)) if operator == Operator::Subtract => {
            Ok(Value::Duration(a.wrapping_sub(*b)))
        }
        (Value::Duration(a), Value::Duration(b)) if operator == Operator::Add => {
            Ok(Value::Duration(a.wrapping_add(*b)))
        }
        (Value::Duration(a), Value::Duration(b)) if operator == Operator::Subtract => {
            Ok(Value::Duration(a.wrapping_sub(*b)))
        }
        _ => Err(Failure::new(impossible(left.described(), operator, right.described()))),
    }
}

/// The type that two others give.
pub(super) fn kind(left: Type, operator: Operator, right: Type) -> Option<Type> {
    let sum = matches!(operator, Operator::Add | Operator::Subtract);
    Some(match (left, right) {
        (Type::Int, Type::Int) => Type::Int,
        (Type::Int | Type::Double, Type::Int | Type::Double) => Type::Double,
        (Type::Time, Type::Duration) | (Type::Duration, Type::Time) if operator == Operator::Add => {
            Type::Time
        }
        (Type::Time, Type::Duration) if sum => Type::Time,
        (Type::Time, Type::Time) if operator == Operator::Subtract => Type::Duration,
        (Type::Duration, Type::Duration) if sum => Type::Duration,
        _ => return None,
    })
}

pub(super) fn impossible(left: &str, operator: Operator, right: &str) -> String {
    let verb = match operator {
        Operator::Add => "added",
        Operator::Subtract => "subtracted",
        Operator::Multiply => "multiplied",
        Operator::Divide => "divided",
    };
    format!("{left} and {right} cannot be {verb}")
}

fn whole(a: i64, operator: Operator, b: i64) -> Result<i64, Failure> {
    Ok(match operator {
        Operator::Add => a.wrapping_add(b),
        Operator::Subtract => a.wrapping_sub(b),
        Operator::Multiply => a.wrapping_mul(b),
        Operator::Divide if b == 0 => return Err(by_zero()),
        Operator::Divide => a.wrapping_div(b),
    })
}

fn double(a: f64, operator: Operator, b: f64) -> Result<f64, Failure> {
    Ok(match operator {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        Operator::Divide if b == 0.0 => return Err(by_zero()),
        Operator::Divide => a / b,
    })
}

fn by_zero() -> Failure {
    Failure::new("a number cannot be divided by 0")
}
