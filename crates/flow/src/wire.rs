//! The protobuf wire format: reading fields from borrowed bytes, writing them to a buffer.
//!
//! Source: the Protocol Buffers encoding page ("Message Structure", "Base 128 Varints"). Total on any input.

use std::ops::Range;

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
    bytes: &'a [u8],
    at: usize,
    end: usize,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, end: bytes.len() }
    }

    /// Reads a part of the buffer; offsets stay those of the whole.
    pub fn within(bytes: &'a [u8], range: Range<usize>) -> Self {
        Self { bytes, at: range.start, end: range.end.min(bytes.len()) }
    }

    pub fn at(&self) -> usize {
        self.at
    }

    pub fn is_empty(&self) -> bool {
        self.at >= self.end
    }

    #[inline]
    pub fn varint(&mut self) -> Result<u64, Broken> {
        match self.bytes.get(self.at) {
            Some(&byte) if byte < 0x80 && self.at < self.end => {
                self.at += 1;
                Ok(u64::from(byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, Broken> {
        let mut value = 0;
        for shift in (0..70).step_by(7) {
            if self.at >= self.end {
                return Err(Broken::Truncated);
            }
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
        let tag = u32::try_from(self.varint()?).map_err(|_| Broken::Tag)?;
        match (tag >> 3, WireType::from_tag(tag)) {
            (0, _) | (_, None) => Err(Broken::Tag),
            (number, Some(kind)) => Ok((number, kind)),
        }
    }

    #[inline]
    pub fn skip(&mut self, bytes: usize) -> Result<(), Broken> {
        if self.end - self.at < bytes {
            return Err(Broken::Truncated);
        }
        self.at += bytes;
        Ok(())
    }

    #[inline]
    pub fn len_prefixed(&mut self) -> Result<&'a [u8], Broken> {
        let len = usize::try_from(self.varint()?).map_err(|_| Broken::Truncated)?;
        let start = self.at;
        self.skip(len)?;
        self.bytes.get(start..self.at).ok_or(Broken::Truncated)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Broken> {
        let start = self.at;
        self.skip(N)?;
        self.bytes.get(start..self.at).and_then(|bytes| bytes.try_into().ok()).ok_or(Broken::Truncated)
    }

    /// The next field; groups are not read.
    #[inline]
    pub fn field(&mut self) -> Result<Field<'a>, Broken> {
        let start = self.at;
        let (number, kind) = self.tag()?;
        let content = match kind {
            WireType::Varint => Content::Varint(self.varint()?),
            WireType::Len => Content::Len(self.len_prefixed()?),
            WireType::Fixed64 => Content::Fixed64(u64::from_le_bytes(self.fixed()?)),
            WireType::Fixed32 => Content::Fixed32(u32::from_le_bytes(self.fixed()?)),
            WireType::StartGroup | WireType::EndGroup => return Err(Broken::Tag),
        };
        Ok(Field { number, content, start, end: self.at })
    }
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
pub fn put_len(out: &mut Vec<u8>, number: u32, content: &[u8]) {
    put_tag(out, number, WireType::Len);
    put_varint(out, content.len() as u64);
    out.extend_from_slice(content);
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
pub fn set_length(out: &mut Vec<u8>, at: usize, width: usize, len: usize) -> usize {
    let mut digits = [0; 10];
    let mut value = len as u64;
    let needed = varint_len(value);
    for (nth, digit) in digits.iter_mut().take(needed).enumerate() {
        *digit = value as u8 & 0x7f | if nth + 1 < needed { 0x80 } else { 0 };
        value >>= 7;
    }
    let digits = digits.iter().take(needed).copied();
    if needed == width {
        for (slot, digit) in out.iter_mut().skip(at).zip(digits) {
            *slot = digit;
        }
    } else {
        out.splice(at..at + width, digits);
    }
    needed
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn varints_have_limits() {
        let read = |bytes: &[u8]| Reader::new(bytes).varint();
        assert_eq!(read(&[0x96, 0x01]), Ok(150));
        assert_eq!(read(&[0x80, 0x00]), Ok(0), "overlong is legal");
        assert_eq!(read(&[0x80]), Err(Broken::Truncated));
        assert_eq!(read(&[0xff; 10]), Err(Broken::Varint));
        assert_eq!(read(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]), Ok(u64::MAX));
        assert_eq!(read(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02]), Err(Broken::Varint));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(value: u64, number in 1_u32..1 << 29, content: Vec<u8>) {
            let mut out = Vec::new();
            put_varint_field(&mut out, number, value);
            put_fixed64(&mut out, number, value);
            put_fixed32(&mut out, number, value as u32);
            put_nested(&mut out, number, |out| out.extend_from_slice(&content));
            let read: Vec<_> = fields(&out).map(|field| (field.number, field.content)).collect();
            prop_assert_eq!(read, vec![
                (number, Content::Varint(value)),
                (number, Content::Fixed64(value)),
                (number, Content::Fixed32(value as u32)),
                (number, Content::Len(&content)),
            ]);
            let mut varint = Vec::new();
            put_varint(&mut varint, value);
            prop_assert_eq!(varint.len(), varint_len(value));
        }

        #[test]
        fn a_length_can_grow_and_shrink(old in 0_usize..40_000, new in 0_usize..40_000) {
            let mut out = vec![7];
            put_varint(&mut out, old as u64);
            out.extend_from_slice(b"rest");
            let width = set_length(&mut out, 1, varint_len(old as u64), new);
            let mut reader = Reader::new(&out);
            reader.skip(1).unwrap();
            prop_assert_eq!(reader.varint(), Ok(new as u64));
            prop_assert_eq!(reader.at(), 1 + width);
            prop_assert_eq!(out.get(reader.at()..).unwrap(), b"rest");
        }

        #[test]
        fn any_bytes_end(bytes: Vec<u8>) {
            prop_assert!(fields(&bytes).count() <= bytes.len());
        }
    }
}
