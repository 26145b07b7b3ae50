//! The protobuf wire format: reading fields from borrowed bytes, writing them to a buffer.
//!
//! Source: the Protocol Buffers encoding page ("Message Structure", "Base 128 Varints"). Total on any input.

mod write;

use std::ops::Range;

pub use write::{
    put_fixed32, put_fixed64, put_head, put_len, put_nested, put_tag, put_varint, put_varint_field,
    set_length, varint_len,
};

/// What a field's tag says about the bytes behind it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WireType {
    Varint = 0,
    Fixed64 = 1,
    Len = 2,
    StartGroup = 3,
    EndGroup = 4,
    Fixed32 = 5,
}

impl WireType {
    fn from_tag(tag: u32) -> Option<Self> {
        Some(match tag & 7 {
            0 => Self::Varint,
            1 => Self::Fixed64,
            2 => Self::Len,
            3 => Self::StartGroup,
            4 => Self::EndGroup,
            5 => Self::Fixed32,
            _ => return None,
        })
    }
}

/// A field's content.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Content<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Len(&'a [u8]),
}

/// One field and where it stands in the buffer that is read.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    pub number: u32,
    pub content: Content<'a>,
    /// Offset of the tag.
    pub start: usize,
    /// Offset behind the field.
    pub end: usize,
}

impl<'a> Field<'a> {
    /// The bytes of a length-delimited field, empty for another kind.
    pub fn bytes(&self) -> &'a [u8] {
        match self.content {
            Content::Len(bytes) => bytes,
            _ => &[],
        }
    }

    /// The bytes as text, empty where they are not text.
    pub fn text(&self) -> &'a str {
        std::str::from_utf8(self.bytes()).unwrap_or("")
    }

    /// The number of a varint or fixed field, 0 for another kind.
    pub fn int(&self) -> u64 {
        match self.content {
            Content::Varint(value) | Content::Fixed64(value) => value,
            Content::Fixed32(value) => u64::from(value),
            Content::Len(_) => 0,
        }
    }

    /// Where the content of a length-delimited field stands.
    pub fn inner(&self) -> Range<usize> {
        self.end - self.bytes().len()..self.end
    }
}

/// Why bytes are not protobuf.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Broken {
    /// The bytes end inside a field.
    Truncated,
    /// More than ten bytes, or more than 64 bits.
    Varint,
    /// Field number 0 or above 2^29 - 1, or wire type 6 or 7.
    Tag,
}

/// A place in a buffer, moving forward.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    /// Up to where may be read.
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Reads a part of the buffer; offsets stay those of the whole.
    #[inline]
    pub fn within(bytes: &'a [u8], range: Range<usize>) -> Self {
        Self { bytes: bytes.get(..range.end).unwrap_or(bytes), at: range.start }
    }

    pub fn at(&self) -> usize {
        self.at
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// What is still to be read.
    #[inline]
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Goes on behind bytes of the rest that were read without this reader.
    #[inline]
    pub(crate) fn pass(&mut self, bytes: usize) {
        self.at += bytes;
    }

    #[inline]
    pub fn varint(&mut self) -> Result<u64, Broken> {
        match self.bytes.get(self.at) {
            Some(&byte) if byte < 0x80 => {
                self.at += 1;
                Ok(u64::from(byte))
            }
            _ => self.long_varint(),
        }
    }

    /// A varint that may well be two bytes long.
    #[inline]
    fn length(&mut self) -> Result<u64, Broken> {
        match self.bytes.get(self.at..self.at + 2) {
            Some(&[low @ 0x80..=0xff, high @ 0..=0x7f]) => {
                self.at += 2;
                Ok(u64::from(low & 0x7f) | u64::from(high) << 7)
            }
            _ => self.varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, Broken> {
        let mut value = 0;
        for shift in (0..70).step_by(7) {
            let byte = self.bytes.get(self.at).copied().ok_or(Broken::Truncated)?;
            self.at += 1;
            if shift == 63 && byte > 1 {
                return Err(Broken::Varint);
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Broken::Varint)
    }

    /// A field's number and wire type.
    #[inline]
    pub fn tag(&mut self) -> Result<(u32, WireType), Broken> {
        let tag = u32::try_from(self.length()?).map_err(|_| Broken::Tag)?;
        match (tag >> 3, WireType::from_tag(tag)) {
            (0, _) | (_, None) => Err(Broken::Tag),
            (number, Some(kind)) => Ok((number, kind)),
        }
    }

    #[inline]
    pub fn skip(&mut self, bytes: usize) -> Result<(), Broken> {
        if self.bytes.len().saturating_sub(self.at) < bytes {
            return Err(Broken::Truncated);
        }
        self.at += bytes;
        Ok(())
    }

    #[inline]
    pub fn len_prefixed(&mut self) -> Result<&'a [u8], Broken> {
        let len = usize::try_from(self.length()?).map_err(|_| Broken::Truncated)?;
        let start = self.at;
        self.skip(len)?;
        self.bytes.get(start..self.at).ok_or(Broken::Truncated)
    }

    pub fn fixed64(&mut self) -> Result<u64, Broken> {
        Ok(u64::from_le_bytes(self.fixed()?))
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Broken> {
        let start = self.at;
        self.skip(N)?;
        self.bytes.get(start..self.at).and_then(|bytes| bytes.try_into().ok()).ok_or(Broken::Truncated)
    }

    /// The next field; groups are not read.
    #[inline]
    pub fn field(&mut self) -> Result<Field<'a>, Broken> {
        const FIXED64: u8 = WireType::Fixed64 as u8;
        const LEN: u8 = WireType::Len as u8;
        let start = self.at;
        let (tag, content, end) = match self.rest() {
            [tag @ 8..=0x7f, len @ 0..=0x7f, rest @ ..] if tag & 7 == LEN => {
                let end = start + 2 + usize::from(*len);
                match rest.get(..usize::from(*len)) {
                    Some(bytes) => (tag, Content::Len(bytes), end),
                    None => return self.any_field(start),
                }
            }
            [tag @ 8..=0x7f, rest @ ..] if tag & 7 == FIXED64 => match rest.first_chunk() {
                Some(bytes) => (tag, Content::Fixed64(u64::from_le_bytes(*bytes)), start + 9),
                None => return self.any_field(start),
            },
            _ => return self.any_field(start),
        };
        self.at = end;
        Ok(Field { number: u32::from(tag >> 3), content, start, end })
    }

    fn any_field(&mut self, start: usize) -> Result<Field<'a>, Broken> {
        let (number, kind) = self.tag()?;
        let content = match kind {
            WireType::Varint => Content::Varint(self.varint()?),
            WireType::Len => Content::Len(self.len_prefixed()?),
            WireType::Fixed64 => Content::Fixed64(self.fixed64()?),
            WireType::Fixed32 => Content::Fixed32(u32::from_le_bytes(self.fixed()?)),
            WireType::StartGroup | WireType::EndGroup => return Err(Broken::Tag),
        };
        Ok(Field { number, content, start, end: self.at })
    }
}

/// The length-delimited fields of one number in a part of a buffer, with offsets in the whole buffer.
#[inline]
pub fn fields_of(bytes: &[u8], range: Range<usize>, number: u32) -> FieldsOf<'_> {
    FieldsOf { bytes: bytes.get(..range.end).unwrap_or(bytes), at: range.start, number }
}

/// Skips over all other fields without a look into them. This is where most of the time of an edit goes, so the
/// fields that everybody sends are told apart by their first bytes alone.
#[derive(Clone, Debug)]
pub struct FieldsOf<'a> {
    bytes: &'a [u8],
    at: usize,
    number: u32,
}

impl FieldsOf<'_> {
    /// Passes over fields for as long as `skip` tells how many bytes the one takes that the rest begins with.
    #[inline]
    pub fn pass(&mut self, skip: impl Fn(&[u8]) -> Option<usize>) {
        while let Some(len) = self.bytes.get(self.at..).and_then(&skip) {
            self.at += len;
        }
    }
}

impl<'a> Iterator for FieldsOf<'a> {
    type Item = Field<'a>;

    // A call for each field would cost half as much again.
    #[inline(always)]
    fn next(&mut self) -> Option<Field<'a>> {
        const VARINT: u8 = WireType::Varint as u8;
        const FIXED64: u8 = WireType::Fixed64 as u8;
        const LEN: u8 = WireType::Len as u8;
        const FIXED32: u8 = WireType::Fixed32 as u8;
        loop {
            let start = self.at;
            let (number, inner, end) = match self.bytes.get(start..)? {
                [tag @ 0..=0x7f, len @ 0..=0x7f, ..] if tag & 7 == LEN => {
                    (u32::from(tag >> 3), start + 2, start + 2 + usize::from(*len))
                }
                [tag @ 0..=0x7f, low, high @ 0..=0x7f, ..] if tag & 7 == LEN => {
                    let len = usize::from(*low & 0x7f) | usize::from(*high) << 7;
                    (u32::from(tag >> 3), start + 3, start + 3 + len)
                }
                [tag @ 0..=0x7f, ..] if tag & 7 == FIXED64 => (0, start + 9, start + 9),
                [tag @ 0..=0x7f, 0..=0x7f, ..] if tag & 7 == VARINT => (0, start + 2, start + 2),
                [low @ 0x80..=0xff, 0..=0x7f, ..] if low & 7 == FIXED32 => (0, start + 6, start + 6),
                [] => return None,
                _ => any_field(self.bytes, start)?,
            };
            self.at = end;
            if number == self.number {
                let content = Content::Len(self.bytes.get(inner..end)?);
                return Some(Field { number, content, start, end });
            }
        }
    }
}

/// The number (0 where it is not length-delimited), the start of the content and the end of a field.
#[inline(never)]
fn any_field(bytes: &[u8], at: usize) -> Option<(u32, usize, usize)> {
    let field = Reader { bytes, at }.field().ok()?;
    Some(match field.content {
        Content::Len(content) => (field.number, field.end - content.len(), field.end),
        _ => (0, field.end, field.end),
    })
}

/// The fields of a checked message, in order. Ends early at bytes that are not a field.
#[derive(Clone, Debug)]
pub struct Fields<'a>(Reader<'a>);

pub fn fields(bytes: &[u8]) -> Fields<'_> {
    Fields(Reader::new(bytes))
}

/// The fields in a part of a buffer, with offsets in the whole buffer.
pub fn fields_within(bytes: &[u8], range: Range<usize>) -> Fields<'_> {
    Fields(Reader::within(bytes, range))
}

impl Fields<'_> {
    /// Passes over fields for as long as `skip` tells how many bytes the one takes that the rest begins with.
    #[inline]
    pub fn pass(&mut self, skip: impl Fn(&[u8]) -> Option<usize>) -> &mut Self {
        while let Some(len) = skip(self.0.rest()) {
            self.0.pass(len);
        }
        self
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    #[inline]
    fn next(&mut self) -> Option<Field<'a>> {
        if self.0.is_empty() {
            return None;
        }
        self.0.field().ok()
    }
}

#[cfg(test)]
mod tests;
