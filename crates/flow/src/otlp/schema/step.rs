//! How the check takes fields in their usual encoding.

use super::Field;
use super::Kind::{
    self, Bool, Bytes, Double, Enum, Fixed32, Fixed64, Id, Int32, Int64, Sfixed64, Sint32, String, Uint64,
};
use crate::wire::WireType;

/// A field whose tag is one byte.
#[derive(Clone, Copy, Debug)]
pub(in crate::otlp) struct Step {
    /// As it is written; [`Self::NONE`] where there is no such field.
    pub tag: u8,
    pub what: What,
    /// As in [`Field::once`].
    pub once: u32,
}

impl Step {
    /// No tag of one byte.
    pub(super) const NONE: u8 = 0xff;
}

#[derive(Clone, Copy, Debug)]
pub(in crate::otlp) enum What {
    Varint,
    Fixed64,
    Fixed32,
    Text,
    Bytes,
    TraceId,
    SpanId,
    Attribute,
    Message,
}

impl Field {
    pub(super) const fn step(&self) -> Step {
        let (what, wire) = match self.kind {
            _ if self.attributes => (What::Attribute, WireType::Len),
            String => (What::Text, WireType::Len),
            Bytes => (What::Bytes, WireType::Len),
            Id(16) => (What::TraceId, WireType::Len),
            Id(_) => (What::SpanId, WireType::Len),
            Kind::Message(_) => (What::Message, WireType::Len),
            Fixed32 => (What::Fixed32, WireType::Fixed32),
            Fixed64 | Sfixed64 | Double => (What::Fixed64, WireType::Fixed64),
            Bool | Int32 | Sint32 | Int64 | Uint64 | Enum(_) => (What::Varint, WireType::Varint),
        };
        Step { tag: (self.number << 3) as u8 | wire as u8, what, once: self.once }
    }
}
