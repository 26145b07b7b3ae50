//! Protobuf bytes to JSON text, led by the message tables.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::batch::{Payload, Signal};
use crate::otlp::schema::{Field, Kind, Message, request};
use crate::wire::{Content, Reader, fields};

/// The request as one line of OTLP/JSON. Default values are left out, as protobuf leaves them out.
pub fn encode(signal: Signal, payload: &Payload) -> Vec<u8> {
    let bytes = payload.to_bytes();
    let mut out = Vec::with_capacity(bytes.len() * 3);
    message(request(signal), &bytes, &mut out);
    out
}

fn message(of: &'static Message, raw: &[u8], out: &mut Vec<u8>) {
    out.push(b'{');
    let present = fields(raw).fold(0_u32, |seen, field| seen | 1_u32.checked_shl(field.number).unwrap_or(0));
    let mut first = true;
    for field in (1..17).filter(|number| present & 1 << number != 0).filter_map(|number| of.field(number)) {
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        text(field.name, out);
        out.push(b':');
        if field.repeated { list(field, raw, out) } else { single(field, raw, out) }
    }
    out.push(b'}');
}

fn single(field: &'static Field, raw: &[u8], out: &mut Vec<u8>) {
    match fields(raw).filter(|read| read.number == field.number).last() {
        Some(read) => element(field.kind, read.content, out),
        None => out.extend_from_slice(b"null"),
    }
}

fn list(field: &'static Field, raw: &[u8], out: &mut Vec<u8>) {
    out.push(b'[');
    let mut first = true;
    let mut put = |content: Content<'_>, out: &mut Vec<u8>| {
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        element(field.kind, content, out);
    };
    for read in fields(raw).filter(|read| read.number == field.number) {
        match (field.kind, read.content) {
            (Kind::Uint64 | Kind::Fixed64 | Kind::Double, Content::Len(packed)) => {
                let mut reader = Reader::new(packed);
                while let Some(content) = next_packed(field.kind, packed, &mut reader) {
                    put(content, out);
                }
            }
            (_, content) => put(content, out),
        }
    }
    out.push(b']');
}

fn next_packed(kind: Kind, packed: &[u8], reader: &mut Reader<'_>) -> Option<Content<'static>> {
    if reader.is_empty() {
        return None;
    }
    if let Kind::Uint64 = kind {
        return reader.varint().ok().map(Content::Varint);
    }
    let at = reader.at();
    reader.skip(8).ok()?;
    let bytes = packed.get(at..at + 8)?.try_into().ok()?;
    Some(Content::Fixed64(u64::from_le_bytes(bytes)))
}

fn element(kind: Kind, content: Content<'_>, out: &mut Vec<u8>) {
    match (kind, content) {
        (Kind::Message(of), Content::Len(raw)) => message(of, raw, out),
        (Kind::String, Content::Len(raw)) => text(&String::from_utf8_lossy(raw), out),
        (Kind::Bytes, Content::Len(raw)) => text(&STANDARD.encode(raw), out),
        (Kind::Id(_), Content::Len(raw)) => {
            out.push(b'"');
            for byte in raw {
                out.extend_from_slice(format!("{byte:02x}").as_bytes());
            }
            out.push(b'"');
        }
        (Kind::Bool, Content::Varint(value)) => {
            out.extend_from_slice(if value == 0 { b"false" } else { b"true" })
        }
        (Kind::Int32, Content::Varint(value)) => number(value as u32, out),
        (Kind::Sint32, Content::Varint(value)) => {
            number((value as u32 >> 1) as i32 ^ -((value & 1) as i32), out)
        }
        (Kind::Enum(_), Content::Varint(value)) => number(value as i32, out),
        (Kind::Int64, Content::Varint(value)) => quoted(value as i64, out),
        (Kind::Uint64, Content::Varint(value)) | (Kind::Fixed64, Content::Fixed64(value)) => {
            quoted(value, out)
        }
        (Kind::Sfixed64, Content::Fixed64(value)) => quoted(value as i64, out),
        (Kind::Fixed32, Content::Fixed32(value)) => number(value, out),
        (Kind::Double, Content::Fixed64(bits)) => double(f64::from_bits(bits), out),
        _ => out.extend_from_slice(b"null"),
    }
}

fn number(value: impl ToString, out: &mut Vec<u8>) {
    out.extend_from_slice(value.to_string().as_bytes());
}

fn quoted(value: impl ToString, out: &mut Vec<u8>) {
    out.push(b'"');
    number(value, out);
    out.push(b'"');
}

fn double(value: f64, out: &mut Vec<u8>) {
    if value.is_finite() {
        number(value, out);
    } else if value.is_nan() {
        out.extend_from_slice(b"\"NaN\"");
    } else {
        out.extend_from_slice(if value > 0.0 { b"\"Infinity\"" } else { b"\"-Infinity\"" });
    }
}

fn text(text: &str, out: &mut Vec<u8>) {
    // Writing to a vector and escaping a string cannot fail.
    if serde_json::to_writer(&mut *out, text).is_err() {
        out.extend_from_slice(b"\"\"");
    }
}
