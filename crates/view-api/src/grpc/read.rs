//! Protobuf bytes as fields. What is not known is passed over; what is broken is refused.

use flow::wire::{Field, Reader};

use super::Wrong;

/// The fields of a message in which all bytes are fields.
pub(crate) fn fields(bytes: &[u8]) -> Result<Vec<Field<'_>>, Wrong> {
    let mut reader = Reader::new(bytes);
    let mut fields = Vec::new();
    while !reader.is_empty() {
        fields.push(reader.field().map_err(|_| Wrong::invalid("the question is no protobuf message"))?);
    }
    Ok(fields)
}

/// The bytes of the last field of this number.
pub(crate) fn bytes<'a>(fields: &[Field<'a>], number: u32) -> &'a [u8] {
    fields.iter().rev().find(|field| field.number == number).map_or(&[], Field::bytes)
}

pub(crate) fn text<'a>(fields: &[Field<'a>], number: u32) -> &'a str {
    std::str::from_utf8(bytes(fields, number)).unwrap_or_default()
}
