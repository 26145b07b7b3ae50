//! Writing fields to a buffer.

use super::WireType;

/// Bytes that a varint takes.
#[inline]
pub fn varint_len(value: u64) -> usize {
    (70 - (value | 1).leading_zeros() as usize) / 7
}

#[inline]
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub fn put_tag(out: &mut Vec<u8>, number: u32, kind: WireType) {
    put_varint(out, u64::from(number << 3 | kind as u32));
}

/// Writes a whole length-delimited field.
#[inline]
pub fn put_len(out: &mut Vec<u8>, number: u32, content: &[u8]) {
    put_head(out, number, content.len());
    out.extend_from_slice(content);
}

/// Writes the tag and the length of a length-delimited field.
#[inline]
pub fn put_head(out: &mut Vec<u8>, number: u32, len: usize) {
    match (number, len) {
        (..16, ..0x80) => out.extend_from_slice(&[(number << 3) as u8 | WireType::Len as u8, len as u8]),
        _ => {
            put_tag(out, number, WireType::Len);
            put_varint(out, len as u64);
        }
    }
}

pub fn put_varint_field(out: &mut Vec<u8>, number: u32, value: u64) {
    put_tag(out, number, WireType::Varint);
    put_varint(out, value);
}

pub fn put_fixed64(out: &mut Vec<u8>, number: u32, value: u64) {
    put_tag(out, number, WireType::Fixed64);
    out.extend_from_slice(&value.to_le_bytes());
}

pub fn put_fixed32(out: &mut Vec<u8>, number: u32, value: u32) {
    put_tag(out, number, WireType::Fixed32);
    out.extend_from_slice(&value.to_le_bytes());
}

/// Writes a length-delimited field whose length is known only when `content` has written it.
pub fn put_nested<T>(out: &mut Vec<u8>, number: u32, content: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    put_tag(out, number, WireType::Len);
    let length_at = out.len();
    out.push(0);
    let done = content(out);
    let len = out.len() - length_at - 1;
    set_length(out, length_at, 1, len);
    done
}

/// Rewrites the length that stands at `at` in `width` bytes; moves what follows where the width changes.
/// Returns the new width.
#[inline]
pub fn set_length(out: &mut Vec<u8>, at: usize, width: usize, len: usize) -> usize {
    match (out.get_mut(at..at + width), len) {
        (Some([only]), 0..=0x7f) => *only = len as u8,
        (Some([low, high]), 0x80..=0x3fff) => (*low, *high) = (len as u8 | 0x80, (len >> 7) as u8),
        _ => return any_length(out, at, width, len),
    }
    width
}

#[inline(never)]
fn any_length(out: &mut Vec<u8>, at: usize, width: usize, len: usize) -> usize {
    let mut digits = Vec::with_capacity(10);
    put_varint(&mut digits, len as u64);
    let needed = digits.len();
    out.splice(at..at + width, digits);
    needed
}
