//! The one full check of a request's bytes: wire types, UTF-8, id lengths, depth, counts.

mod plain;

use std::fmt;

use plain::is_text;

use super::schema::{Kind, Message, Step, What, request};
use crate::batch::Signal;
use crate::wire::{Broken, Reader, WireType};

/// What one request may contain.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Messages inside messages. A map inside a map takes three levels; prost-based peers refuse 100.
    pub depth: usize,
    /// Spans, data points or log records in a request.
    pub items: usize,
    /// Elements of all kinds in a request: attributes, values, events.
    pub elements: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 96, items: 1_000_000, elements: 20_000_000 }
    }
}

/// What the check found out about sound bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sound {
    /// Spans, data points or log records.
    pub items: usize,
    /// Legal, but in an encoding that views and edits do not read.
    pub odd: bool,
}

/// Why a request's bytes cannot be taken, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Malformed {
    /// From the request down to the field.
    pub path: Vec<&'static str>,
    /// Byte offset, within the innermost message.
    pub offset: usize,
    pub reason: Reason,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    Wire(Broken),
    /// The field has this wire type, and its type calls for another.
    WrongType(WireType),
    Utf8,
    IdLength {
        expected: usize,
        found: usize,
    },
    Depth(usize),
    Items(usize),
    Elements(usize),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::write_path(f, self.path.iter().rev())?;
        write!(f, " at byte {}: {}", self.offset, self.reason)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wire(Broken::Truncated) => f.write_str("the message ends inside a field"),
            Self::Wire(Broken::Varint) => f.write_str("a varint of more than 64 bits"),
            Self::Wire(Broken::Tag) => f.write_str("not a protobuf field tag"),
            Self::WrongType(found) => write!(f, "wire type {} does not fit this field", *found as u8),
            Self::Utf8 => f.write_str("not valid UTF-8"),
            Self::IdLength { expected, found } => {
                write!(f, "an id of {found} bytes; it has {expected}, or none")
            }
            Self::Depth(limit) => write!(f, "messages nested deeper than {limit} levels"),
            Self::Items(limit) => write!(f, "more than {limit} items in one request; send smaller batches"),
            Self::Elements(limit) => {
                write!(f, "more than {limit} elements in one request; send smaller batches")
            }
        }
    }
}

impl std::error::Error for Malformed {}

/// Checks a whole request. Agrees with a prost decode on what is legal, within the limits and the id lengths.
pub fn check(signal: Signal, bytes: &[u8], limits: &Limits) -> Result<Sound, Malformed> {
    let mut checker = Checker { limits, sound: Sound::default(), elements: 0 };
    let top = request(signal);
    checker.message(top, bytes, limits.depth).map_err(|mut malformed| {
        malformed.path.push(top.name);
        malformed
    })?;
    Ok(checker.sound)
}

struct Checker<'l> {
    limits: &'l Limits,
    sound: Sound,
    elements: usize,
}

impl Checker<'_> {
    fn message(&mut self, of: &'static Message, bytes: &[u8], depth: usize) -> Result<(), Malformed> {
        self.elements += 1;
        if depth == 0 {
            return Err(bad(0, Reason::Depth(self.limits.depth)));
        }
        if self.elements > self.limits.elements {
            return Err(bad(0, Reason::Elements(self.limits.elements)));
        }
        if of.item {
            self.sound.items += 1;
            if self.sound.items > self.limits.items {
                return Err(bad(0, Reason::Items(self.limits.items)));
            }
        }
        let mut reader = Reader::new(bytes);
        let mut seen = 0_u32;
        while let Some(&tag) = reader.rest().first() {
            match of.step(tag) {
                Some(Step { what: What::Attribute, .. }) if depth > 2 => {
                    let (count, len) = plain::attributes(reader.rest());
                    self.elements += 2 * count;
                    reader.pass(len);
                    if count > 0 {
                        continue;
                    }
                }
                Some(step) => {
                    if let Some(len) = plain::scalar(step.what, reader.rest()) {
                        self.sound.odd |= seen & step.once != 0;
                        seen |= step.once;
                        reader.pass(len);
                        continue;
                    }
                }
                None => {}
            }
            self.field(of, &mut reader, &mut seen, depth)?;
        }
        Ok(())
    }

    /// Any field, in any encoding.
    fn field(
        &mut self,
        of: &'static Message,
        reader: &mut Reader<'_>,
        seen: &mut u32,
        depth: usize,
    ) -> Result<(), Malformed> {
        let at = reader.at();
        let (number, wire) = reader.tag().map_err(|broken| bad(at, Reason::Wire(broken)))?;
        let Some(field) = of.field(number) else {
            return self.unknown(reader, number, wire, depth).map_err(|reason| bad(at, reason));
        };
        self.sound.odd |= *seen & field.once != 0;
        *seen |= field.once;
        match (field.kind, wire) {
            (Kind::Message(inner), WireType::Len) => {
                let content =
                    reader.len_prefixed().map_err(|broken| named(field.name, at, Reason::Wire(broken)))?;
                self.message(inner, content, depth - 1).map_err(|mut malformed| {
                    malformed.path.push(field.name);
                    malformed
                })
            }
            (kind, wire) => {
                scalar(kind, wire, field.repeated, reader).map_err(|reason| named(field.name, at, reason))
            }
        }
    }

    /// Skips a field that this version of OTLP does not have; it travels on as it is.
    fn unknown(
        &mut self,
        reader: &mut Reader<'_>,
        number: u32,
        wire: WireType,
        depth: usize,
    ) -> Result<(), Reason> {
        match wire {
            WireType::StartGroup => {
                self.sound.odd = true;
                let Some(depth) = depth.checked_sub(1).filter(|depth| *depth > 0) else {
                    return Err(Reason::Depth(self.limits.depth));
                };
                loop {
                    match reader.tag().map_err(Reason::Wire)? {
                        (end, WireType::EndGroup) if end == number => return Ok(()),
                        (_, WireType::EndGroup) => return Err(Reason::Wire(Broken::Tag)),
                        (inner, wire) => self.unknown(reader, inner, wire, depth)?,
                    }
                }
            }
            WireType::EndGroup => Err(Reason::Wire(Broken::Tag)),
            wire => skip(reader, wire).map_err(Reason::Wire),
        }
    }
}

fn skip(reader: &mut Reader<'_>, wire: WireType) -> Result<(), Broken> {
    match wire {
        WireType::Varint => reader.varint().map(drop),
        WireType::Fixed64 => reader.skip(8),
        WireType::Fixed32 => reader.skip(4),
        WireType::Len => reader.len_prefixed().map(drop),
        WireType::StartGroup | WireType::EndGroup => Err(Broken::Tag),
    }
}

#[inline]
fn scalar(kind: Kind, wire: WireType, repeated: bool, reader: &mut Reader<'_>) -> Result<(), Reason> {
    match (kind, wire) {
        (Kind::String, WireType::Len) => {
            let text = reader.len_prefixed().map_err(Reason::Wire)?;
            if is_text(text) { Ok(()) } else { Err(Reason::Utf8) }
        }
        (Kind::Bytes, WireType::Len) => reader.len_prefixed().map(drop).map_err(Reason::Wire),
        (Kind::Id(expected), WireType::Len) => {
            let found = reader.len_prefixed().map_err(Reason::Wire)?.len();
            if found == expected || found == 0 { Ok(()) } else { Err(Reason::IdLength { expected, found }) }
        }
        (
            Kind::Bool | Kind::Int32 | Kind::Sint32 | Kind::Int64 | Kind::Uint64 | Kind::Enum(_),
            WireType::Varint,
        ) => reader.varint().map(drop).map_err(Reason::Wire),
        (Kind::Fixed64 | Kind::Sfixed64 | Kind::Double, WireType::Fixed64) => {
            reader.skip(8).map_err(Reason::Wire)
        }
        (Kind::Fixed32, WireType::Fixed32) => reader.skip(4).map_err(Reason::Wire),
        (kind, WireType::Len) if repeated => packed(kind, reader.len_prefixed().map_err(Reason::Wire)?),
        (_, found) => Err(Reason::WrongType(found)),
    }
}

/// Repeated numbers in one length-delimited field.
fn packed(kind: Kind, bytes: &[u8]) -> Result<(), Reason> {
    let mut reader = Reader::new(bytes);
    while !reader.is_empty() {
        match kind {
            Kind::Uint64 => reader.varint().map(drop),
            Kind::Fixed64 | Kind::Double => reader.skip(8),
            _ => return Err(Reason::WrongType(WireType::Len)),
        }
        .map_err(Reason::Wire)?;
    }
    Ok(())
}

fn bad(offset: usize, reason: Reason) -> Malformed {
    Malformed { path: Vec::new(), offset, reason }
}

fn named(field: &'static str, offset: usize, reason: Reason) -> Malformed {
    Malformed { path: vec![field], offset, reason }
}
