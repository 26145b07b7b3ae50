//! The encodings that nearly every field has: tag and length of one byte each. Such fields are taken as a whole;
//! whatever looks otherwise, wrong ones too, takes the long way.

use super::super::schema::What;

/// How many bytes the field takes that `rest` begins with, if it is a sound scalar in its usual encoding.
/// The tag has been looked at.
#[inline]
pub(super) fn scalar(what: What, rest: &[u8]) -> Option<usize> {
    match what {
        What::Varint => matches!(rest, [_, 0..0x80, ..]).then_some(2),
        What::Fixed64 => (rest.len() >= 9).then_some(9),
        What::Fixed32 => (rest.len() >= 5).then_some(5),
        What::TraceId => (short(rest)?.len() == 16).then_some(18),
        What::SpanId => (short(rest)?.len() == 8).then_some(10),
        What::Text => short(rest).filter(|content| is_ascii(content)).map(|content| 2 + content.len()),
        What::Bytes => short(rest).map(|content| 2 + content.len()),
        What::Attribute | What::Message => None,
    }
}

/// How many plain attributes stand one after the other at the beginning, and how many bytes they take.
#[inline]
pub(super) fn attributes(bytes: &[u8]) -> (usize, usize) {
    let (mut count, mut rest) = (0, bytes);
    while let Some(content) = short(rest).filter(|content| is_plain(content)) {
        if rest.first() != bytes.first() {
            break;
        }
        count += 1;
        rest = rest.get(2 + content.len()..).unwrap_or_default();
    }
    (count, bytes.len() - rest.len())
}

/// The content of a length-delimited field.
#[inline]
fn short(rest: &[u8]) -> Option<&[u8]> {
    match rest {
        [_, len @ 0..0x80, rest @ ..] => rest.get(..usize::from(*len)),
        _ => None,
    }
}

/// True for a `KeyValue` of a key and one scalar, each in its shortest encoding, and nothing else.
#[inline]
fn is_plain(attribute: &[u8]) -> bool {
    let [0x0a, len @ 0..0x80, rest @ ..] = attribute else { return false };
    let Some((key, [0x12, len @ 0..0x80, value @ ..])) = rest.split_at_checked(usize::from(*len)) else {
        return false;
    };
    if value.len() != usize::from(*len) {
        return false;
    }
    match value {
        // The lengths and tags are ASCII too.
        [0x0a, len, text @ ..] => text.len() == usize::from(*len) && is_ascii(attribute),
        _ => is_scalar(value) && is_text(key),
    }
}

/// Valid UTF-8; quick where it is short and ASCII.
#[inline]
pub(super) fn is_text(bytes: &[u8]) -> bool {
    bytes.is_ascii() || std::str::from_utf8(bytes).is_ok()
}

/// As the standard library's, without a branch for every eight bytes.
#[inline]
fn is_ascii(bytes: &[u8]) -> bool {
    let Some(last) = bytes.last_chunk::<16>() else { return bytes.is_ascii() };
    let (chunks, _) = bytes.as_chunks::<16>();
    let all = chunks.iter().fold(u128::from_le_bytes(*last), |all, chunk| all | u128::from_le_bytes(*chunk));
    all & u128::from_le_bytes([0x80; 16]) == 0
}

/// An `AnyValue` of one boolean, integer or double.
#[inline]
fn is_scalar(value: &[u8]) -> bool {
    match value {
        [0x10, 0..0x80] => true,
        [0x18, digits @ .., 0..0x80] => digits.len() < 9 && digits.iter().all(|digit| *digit >= 0x80),
        [0x21, double @ ..] => double.len() == 8,
        _ => false,
    }
}
