//! What kind of value something is, and one kind made of another.

use std::net::IpAddr;

use super::Converter;
use super::args::{ANY, Args, ParamKind, TEXT, one};
use crate::ottl::code::Valued;
use crate::ottl::failure::Failure;
use crate::ottl::path::Context;
use crate::ottl::scene::bytes;
use crate::ottl::value::{Type, Value, elements};

pub(super) const ALL: &[Converter] = &[
    Converter::new("IsString", &[one("target", ANY)], Some(Type::Bool), |args| is(args, Type::Text)),
    Converter::new("IsBool", &[one("target", ANY)], Some(Type::Bool), |args| is(args, Type::Bool)),
    Converter::new("IsInt", &[one("target", ANY)], Some(Type::Bool), |args| is(args, Type::Int)),
    Converter::new("IsDouble", &[one("target", ANY)], Some(Type::Bool), |args| is(args, Type::Double)),
    Converter::new("IsMap", &[one("target", ANY)], Some(Type::Bool), |args| is(args, Type::Map)),
    Converter::new("IsList", &[one("target", ANY)], Some(Type::Bool), |args| is(args, Type::List)),
    Converter::new("IsEmpty", &[one("target", ANY)], Some(Type::Bool), |args| {
        Ok(Value::Bool(match args.value(0)? {
            Value::Nil => true,
            Value::Bool(value) => !value,
            Value::Int(number) | Value::Time(number) | Value::Duration(number) => number == 0,
            Value::Double(number) => number == 0.0,
            Value::Text(text) => text.is_empty(),
            Value::Bytes(bytes) => bytes.is_empty(),
            Value::TraceId(id) => id == [0; 16],
            Value::SpanId(id) => id == [0; 8],
            Value::List(list) => list.is_empty(),
            Value::Map(map) => map.entries().next().is_none(),
            Value::Records(count) => count == 0,
        }))
    }),
    Converter {
        only_in: Some(Context::Span),
        ..Converter::new("IsRootSpan", &[], Some(Type::Bool), |args| {
            Ok(Value::Bool(bytes(args.scene.span, 4).iter().all(|byte| *byte == 0)))
        })
    },
    Converter::new("Bool", &[one("target", ANY)], Some(Type::Bool), |args| {
        Ok(match args.value(0)? {
            Value::Bool(value) => Value::Bool(value),
            Value::Int(number) => Value::Bool(number != 0),
            Value::Double(number) => Value::Bool(number != 0.0),
            Value::Text(text) => match &*text {
                "1" | "t" | "T" | "true" | "TRUE" | "True" => Value::Bool(true),
                "0" | "f" | "F" | "false" | "FALSE" | "False" => Value::Bool(false),
                _ => Value::Nil,
            },
            _ => Value::Nil,
        })
    }),
    Converter::new("Int", &[one("target", ANY)], Some(Type::Int), |args| Ok(int(&args.value(0)?))),
    Converter::new("Double", &[one("target", ANY)], Some(Type::Double), |args| {
        Ok(double(&args.value(0)?).map_or(Value::Nil, Value::Double))
    }),
    Converter::new("String", &[one("target", ANY)], Some(Type::Text), |args| {
        Ok(args.text_like(0)?.map_or(Value::Nil, Value::Text))
    }),
    Converter::new(
        "ParseInt",
        &[one("target", TEXT), one("base", super::args::INT)],
        Some(Type::Int),
        parse_int,
    ),
    Converter::new("Log", &[one("target", ANY)], Some(Type::Double), |args| {
        let value = args.value(0)?;
        match double(&value) {
            Some(number) if number > 0.0 => Ok(Value::Double(number.ln())),
            _ => Err(Failure::new(format!("{} has no logarithm", value.described()))),
        }
    }),
    Converter::new("Len", &[one("target", ANY)], Some(Type::Int), |args| {
        let len = match args.value(0)? {
            Value::Text(text) => text.len(),
            Value::Bytes(bytes) => bytes.len(),
            Value::List(list) => elements(&list).count(),
            Value::Map(map) => map.entries().count(),
            Value::Records(count) => count,
            other => return Err(Failure::new(format!("{} has no length", other.described()))),
        };
        Ok(Value::Int(len as i64))
    }),
    Converter::new("Coalesce", &[one("values", ParamKind::List)], None, |args| {
        for value in args.list(0) {
            let value = value.value(args.scene)?;
            if value != Value::Nil {
                return Ok(value);
            }
        }
        Ok(Value::Nil)
    }),
    Converter::new(
        "IsInCIDR",
        &[one("target", TEXT), one("networks", ParamKind::List)],
        Some(Type::Bool),
        in_cidr,
    ),
    Converter::new("IsValidLuhn", &[one("target", ANY)], Some(Type::Bool), |args| {
        let digits = match args.value(0)? {
            Value::Int(number) => number.to_string(),
            Value::Text(text) => text.into_owned(),
            other => return Err(Failure::new(format!("{} is no identification number", other.described()))),
        };
        Ok(Value::Bool(
            luhn(&digits).ok_or_else(|| Failure::new("an identification number has digits only"))?,
        ))
    }),
];

fn is<'a>(args: Args<'a, '_>, kind: Type) -> Valued<'a> {
    Ok(Value::Bool(args.value(0)?.kind() == Some(kind)))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "cuts off the fraction; what does not fit becomes the largest"
)]
fn int(value: &Value<'_>) -> Value<'static> {
    match value {
        Value::Int(number) | Value::Duration(number) => Value::Int(*number),
        Value::Double(number) => Value::Int(*number as i64),
        Value::Bool(value) => Value::Int(i64::from(*value)),
        Value::Text(text) => text.parse().map_or(Value::Nil, Value::Int),
        _ => Value::Nil,
    }
}

#[expect(clippy::cast_precision_loss, reason = "this is what making a floating-point number means")]
fn double(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Double(number) => Some(*number),
        Value::Int(number) => Some(*number as f64),
        Value::Bool(value) => Some(f64::from(u8::from(*value))),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    }
}

fn parse_int<'a>(args: Args<'a, '_>) -> Valued<'a> {
    let (text, base) = (args.text(0)?, args.int(1)?);
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(&text)),
    };
    let lower = digits.to_ascii_lowercase();
    let prefixed = |prefix| lower.strip_prefix(prefix);
    let (digits, base) = match u32::try_from(base) {
        Ok(0) => {
            let found = prefixed("0x")
                .map(|digits| (digits, 16))
                .or_else(|| prefixed("0b").map(|digits| (digits, 2)));
            let found = found.or_else(|| prefixed("0o").map(|digits| (digits, 8)));
            let found =
                found.or_else(|| prefixed("0").filter(|rest| !rest.is_empty()).map(|digits| (digits, 8)));
            let (digits, base) = found.unwrap_or((&lower, 10));
            (digits.replace('_', ""), base)
        }
        Ok(base @ 2..=36) => (lower.clone(), base),
        _ => return Err(Failure::new(format!("numbers are written to base 2 to 36, not {base}"))),
    };
    let number =
        (!digits.starts_with(['+', '-'])).then(|| i64::from_str_radix(&format!("{sign}{digits}"), base).ok());
    number
        .flatten()
        .map(Value::Int)
        .ok_or_else(|| Failure::new(format!("the text is not a number to base {base}")))
}

fn in_cidr<'a>(args: Args<'a, '_>) -> Valued<'a> {
    let address: IpAddr =
        args.text(0)?.parse().map_err(|_| Failure::new("argument 1 is not an IP address"))?;
    for network in args.texts(1)? {
        let within = within(address, &network);
        if within.ok_or_else(|| Failure::new(format!("`{network}` is not a network such as 10.0.0.0/8")))? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn within(address: IpAddr, network: &str) -> Option<bool> {
    let (base, bits) = network.split_once('/')?;
    let (base, bits): (IpAddr, u32) = (base.parse().ok()?, bits.parse().ok()?);
    Some(match (address, base) {
        (IpAddr::V4(address), IpAddr::V4(base)) => {
            let shift = 32u32.checked_sub(bits)?;
            (u64::from(address.to_bits()) >> shift) == (u64::from(base.to_bits()) >> shift)
        }
        (IpAddr::V6(address), IpAddr::V6(base)) => {
            let shift = 128u32.checked_sub(bits)?;
            shift == 128 || address.to_bits() >> shift == base.to_bits() >> shift
        }
        _ => false,
    })
}

/// Nothing where there is anything but digits.
fn luhn(digits: &str) -> Option<bool> {
    let digits: Option<Vec<u32>> = digits.chars().rev().map(|c| c.to_digit(10)).collect();
    let digits = digits.filter(|digits| !digits.is_empty())?;
    let sum: u32 = digits
        .iter()
        .enumerate()
        .map(|(nth, digit)| match nth % 2 {
            0 => *digit,
            _ => digit * 2 / 10 + digit * 2 % 10,
        })
        .sum();
    Some(sum.is_multiple_of(10))
}
