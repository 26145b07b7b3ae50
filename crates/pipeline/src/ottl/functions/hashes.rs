//! Hashes, ids and codings of bytes.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use super::Converter;
use super::args::{ANY, Args, ParamKind, TEXT, one, optional};
use crate::fnv::Fnv;
use crate::ottl::code::Valued;
use crate::ottl::failure::Failure;
use crate::ottl::lexer::bytes;
use crate::ottl::text::hex;
use crate::ottl::value::{Type, Value};

const CODINGS: ParamKind = ParamKind::Word(&["base64", "base64-raw", "base64-url", "base64-raw-url"]);
const ID: ParamKind = ParamKind::Value(&[Type::Bytes, Type::Text]);

pub(super) const ALL: &[Converter] = &[
    Converter::new("MD5", &[one("target", TEXT)], Some(Type::Text), |args| {
        Ok(Value::text(hex(&Md5::digest(args.text(0)?.as_bytes()))))
    }),
    Converter::new("SHA1", &[one("target", TEXT)], Some(Type::Text), |args| {
        Ok(Value::text(hex(&Sha1::digest(args.text(0)?.as_bytes()))))
    }),
    Converter::new("SHA256", &[one("target", TEXT)], Some(Type::Text), |args| {
        Ok(Value::text(hex(&Sha256::digest(args.text(0)?.as_bytes()))))
    }),
    Converter::new("SHA512", &[one("target", TEXT)], Some(Type::Text), |args| {
        Ok(Value::text(hex(&Sha512::digest(args.text(0)?.as_bytes()))))
    }),
    Converter::new("FNV", &[one("target", TEXT)], Some(Type::Int), |args| {
        Ok(Value::Int(Fnv::of(args.text(0)?.as_bytes()).get() as i64))
    }),
    Converter::new("Hex", &[one("target", ANY)], Some(Type::Text), |args| {
        Ok(Value::text(match args.value(0)? {
            Value::Nil => return Ok(Value::Nil),
            Value::Text(text) => hex(text.as_bytes()),
            Value::Bytes(bytes) => hex(&bytes),
            Value::TraceId(id) => hex(&id),
            Value::SpanId(id) => hex(&id),
            Value::Int(number) => hex(&number.to_be_bytes()),
            Value::Double(number) => hex(&number.to_be_bytes()),
            Value::Bool(value) => hex(&[u8::from(value)]),
            other => return Err(Failure::new(format!("{} is not made of bytes", other.described()))),
        }))
    }),
    Converter::new("TraceID", &[one("bytes", ID)], Some(Type::TraceId), |args| id(args).map(Value::TraceId)),
    Converter::new("SpanID", &[one("bytes", ID)], Some(Type::SpanId), |args| id(args).map(Value::SpanId)),
    Converter::new(
        "Base64Encode",
        &[one("value", TEXT), optional("variant", CODINGS)],
        Some(Type::Text),
        |args| {
            let text = args.text(0)?;
            Ok(Value::text(match args.word(1) {
                Some("base64-raw") => STANDARD_NO_PAD.encode(&*text),
                Some("base64-url") => URL_SAFE.encode(&*text),
                Some("base64-raw-url") => URL_SAFE_NO_PAD.encode(&*text),
                _ => STANDARD.encode(&*text),
            }))
        },
    ),
    Converter::new("Base64Decode", &[one("value", TEXT)], Some(Type::Text), |args| {
        decode(&args.text(0)?, None)
    }),
    Converter::new("Decode", &[one("value", TEXT), one("encoding", CODINGS)], Some(Type::Text), |args| {
        decode(&args.text(0)?, args.word(1))
    }),
];

/// From as many bytes, or from a text with two digits for each.
fn id<const N: usize>(args: Args<'_, '_>) -> Result<[u8; N], Failure> {
    let found = match args.value(0)? {
        Value::Bytes(bytes) => bytes.as_ref().try_into().ok(),
        Value::Text(text) => bytes(&text).and_then(|bytes| bytes.try_into().ok()),
        _ => None,
    };
    found.ok_or_else(|| Failure::new(format!("an id has {N} bytes, or {} hexadecimal digits", 2 * N)))
}

fn decode<'a>(text: &str, coding: Option<&str>) -> Valued<'a> {
    let decoded = match coding {
        Some("base64-raw") => STANDARD_NO_PAD.decode(text),
        Some("base64-url") => URL_SAFE.decode(text),
        Some("base64-raw-url") => URL_SAFE_NO_PAD.decode(text),
        _ => STANDARD.decode(text),
    };
    let text = decoded.ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.map(Value::text).ok_or_else(|| Failure::new("the text is not base64 of a text"))
}
