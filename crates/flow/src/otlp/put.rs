//! Attributes as receivers write them that make spans of their own.

use crate::wire::{put_fixed64, put_len, put_nested, put_varint_field};

/// A `KeyValue` in this field.
pub fn attribute(out: &mut Vec<u8>, number: u32, key: &str, value: impl FnOnce(&mut Vec<u8>)) {
    put_nested(out, number, |out| {
        put_len(out, 1, key.as_bytes());
        put_nested(out, 2, value);
    });
}

pub fn text(text: &str) -> impl FnOnce(&mut Vec<u8>) {
    move |out| put_len(out, 1, text.as_bytes())
}

pub fn truth(truth: bool) -> impl FnOnce(&mut Vec<u8>) {
    move |out| put_varint_field(out, 2, u64::from(truth))
}

pub fn int(number: i64) -> impl FnOnce(&mut Vec<u8>) {
    move |out| put_varint_field(out, 3, number as u64)
}

pub fn double(number: f64) -> impl FnOnce(&mut Vec<u8>) {
    move |out| put_fixed64(out, 4, number.to_bits())
}
