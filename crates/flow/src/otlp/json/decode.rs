//! JSON text to protobuf bytes in one pass, led by the message tables.

use std::cell::RefCell;
use std::fmt;

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::batch::Signal;
use crate::otlp::schema::{Field, Kind, Message, request};
use crate::refusal::Refusal;
use crate::wire::{WireType, put_nested, put_tag, put_varint};

/// The request as protobuf bytes. What comes out still has to pass the check, as any other bytes.
pub fn decode(signal: Signal, json: &[u8]) -> Result<Vec<u8>, Refusal> {
    let path = Path::default();
    let mut out = Vec::with_capacity(json.len() / 2);
    // Checked as a whole, which is cheaper than string by string.
    let json = std::str::from_utf8(json)
        .map_err(|error| Refusal::caller(format!("not valid UTF-8 at byte {}", error.valid_up_to())))?;
    let mut text = serde_json::Deserializer::from_str(json);
    let read = MessageSeed { of: request(signal), out: &mut out, path: &path }
        .deserialize(&mut text)
        .and_then(|_| text.end());
    read.map_err(|error| Refusal::caller(format!("{path}{error}")))?;
    Ok(out)
}

/// Where in the document the reader is.
#[derive(Default)]
struct Path(RefCell<Vec<&'static str>>);

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.0.borrow();
        crate::otlp::write_path(f, parts.iter())?;
        if parts.is_empty() { Ok(()) } else { f.write_str(": ") }
    }
}

/// Reads an object; says whether there was one, since `null` stands for an absent message.
struct MessageSeed<'o> {
    of: &'static Message,
    out: &'o mut Vec<u8>,
    path: &'o Path,
}

impl<'de> DeserializeSeed<'de> for MessageSeed<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<bool, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for MessageSeed<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a JSON object ({})", self.of.name)
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        while let Some(field) = map.next_key_seed(KeySeed(self.of))? {
            let Some(field) = field else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            self.path.0.borrow_mut().push(field.name);
            map.next_value_seed(FieldSeed { field, out: self.out, path: self.path })?;
            self.path.0.borrow_mut().pop();
        }
        Ok(true)
    }
}

/// Finds the field that a key names, without copying the key.
struct KeySeed(&'static Message);

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Option<&'static Field>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_identifier(self)
    }
}

impl Visitor<'_> for KeySeed {
    type Value = Option<&'static Field>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.named(name))
    }
}

/// A field's value: one element, or a list of them.
struct FieldSeed<'o> {
    field: &'static Field,
    out: &'o mut Vec<u8>,
    path: &'o Path,
}

impl<'de> DeserializeSeed<'de> for FieldSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        if self.field.repeated {
            from.deserialize_any(self)
        } else {
            ElementSeed { field: self.field, tagged: true, out: self.out, path: self.path }.deserialize(from)
        }
    }
}

impl<'de> Visitor<'de> for FieldSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Self { field, out, path } = self;
        match field.kind {
            Kind::Message(_) | Kind::String | Kind::Bytes | Kind::Id(_) => {
                while list.next_element_seed(ElementSeed { field, tagged: true, out, path })?.is_some() {}
                Ok(())
            }
            _ => put_nested(out, field.number, |out| {
                while list.next_element_seed(ElementSeed { field, tagged: false, out, path })?.is_some() {}
                Ok(())
            }),
        }
    }
}

/// One value of a field, written with its tag or, in a packed list, without.
struct ElementSeed<'o> {
    field: &'static Field,
    tagged: bool,
    out: &'o mut Vec<u8>,
    path: &'o Path,
}

impl<'de> DeserializeSeed<'de> for ElementSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        match self.field.kind {
            Kind::Message(of) => {
                let path = self.path;
                let before = self.out.len();
                let read = put_nested(self.out, self.field.number, |out| {
                    MessageSeed { of, out, path }.deserialize(from)
                });
                if !read? {
                    self.out.truncate(before);
                }
                Ok(())
            }
            _ => from.deserialize_any(self),
        }
    }
}

impl ElementSeed<'_> {
    fn tag(&mut self, wire: WireType) {
        if self.tagged {
            put_tag(self.out, self.field.number, wire);
        }
    }

    fn integer<E: Error>(mut self, value: i128) -> Result<(), E> {
        let wrong = |limits: &str| E::custom(format!("{value} is out of range, expected {limits}"));
        match self.field.kind {
            Kind::Int32 => {
                let value = u32::try_from(value).or_else(|_| i32::try_from(value).map(|value| value as u32));
                let value = value.map_err(|_| wrong("32 bits"))?;
                self.tag(WireType::Varint);
                put_varint(self.out, u64::from(value));
            }
            Kind::Sint32 => {
                let value = i32::try_from(value).map_err(|_| wrong("32 bits"))?;
                self.tag(WireType::Varint);
                put_varint(self.out, u64::from((value << 1 ^ value >> 31) as u32));
            }
            Kind::Enum(_) => {
                let value = i32::try_from(value).map_err(|_| wrong("32 bits"))?;
                self.tag(WireType::Varint);
                put_varint(self.out, i64::from(value) as u64);
            }
            Kind::Int64 => {
                let value = i64::try_from(value).map_err(|_| wrong("a signed 64-bit integer"))?;
                self.tag(WireType::Varint);
                put_varint(self.out, value as u64);
            }
            Kind::Uint64 => {
                let value = u64::try_from(value).map_err(|_| wrong("an unsigned 64-bit integer"))?;
                self.tag(WireType::Varint);
                put_varint(self.out, value);
            }
            Kind::Fixed32 => {
                let value = u32::try_from(value).map_err(|_| wrong("32 bits"))?;
                self.tag(WireType::Fixed32);
                self.out.extend_from_slice(&value.to_le_bytes());
            }
            Kind::Fixed64 => {
                let value = u64::try_from(value).map_err(|_| wrong("an unsigned 64-bit integer"))?;
                self.tag(WireType::Fixed64);
                self.out.extend_from_slice(&value.to_le_bytes());
            }
            Kind::Sfixed64 => {
                let value = i64::try_from(value).map_err(|_| wrong("a signed 64-bit integer"))?;
                self.tag(WireType::Fixed64);
                self.out.extend_from_slice(&value.to_le_bytes());
            }
            Kind::Double => return self.double(value as f64),
            _ => return Err(E::custom(format!("found a number, expected {}", self.field.kind))),
        }
        Ok(())
    }

    fn double<E: Error>(mut self, value: f64) -> Result<(), E> {
        match self.field.kind {
            Kind::Double => {
                self.tag(WireType::Fixed64);
                self.out.extend_from_slice(&value.to_le_bytes());
                Ok(())
            }
            // JSON writers that know one kind of number write 5.0 for 5.
            _ if value.fract() == 0.0 && value.abs() < 9e15 => self.integer(value as i128),
            kind => Err(E::custom(format!("found a fraction, expected {kind}"))),
        }
    }

    fn text<E: Error>(mut self, text: &str) -> Result<(), E> {
        let content: &[u8] = match self.field.kind {
            Kind::String => text.as_bytes(),
            Kind::Bytes => {
                let bytes = base64(text).ok_or_else(|| E::custom("not valid base64"))?;
                self.tag(WireType::Len);
                put_varint(self.out, bytes.len() as u64);
                self.out.extend_from_slice(&bytes);
                return Ok(());
            }
            Kind::Id(len) => return self.id(text, len),
            Kind::Enum(names) => {
                let known = names.iter().find(|(name, _)| *name == text).map(|(_, value)| i128::from(*value));
                let value = known.or_else(|| text.parse().ok());
                return self.integer(value.ok_or_else(|| E::custom(format!("unknown enum value {text:?}")))?);
            }
            Kind::Double => return self.double(text.parse().map_err(|_| E::custom("not a number"))?),
            Kind::Bool | Kind::Message(_) => {
                return Err(E::custom(format!("found text, expected {}", self.field.kind)));
            }
            _ => return self.integer(text.parse::<i128>().map_err(|_| E::custom("not a decimal integer"))?),
        };
        self.tag(WireType::Len);
        put_varint(self.out, content.len() as u64);
        self.out.extend_from_slice(content);
        Ok(())
    }

    fn id<E: Error>(mut self, text: &str, len: usize) -> Result<(), E> {
        if text.is_empty() {
            return Ok(());
        }
        if text.len() != 2 * len {
            return Err(E::custom(format!(
                "an id of {} hexadecimal digits, expected {}",
                text.len(),
                2 * len
            )));
        }
        self.tag(WireType::Len);
        put_varint(self.out, len as u64);
        for pair in text.as_bytes().chunks_exact(2) {
            let byte = pair.iter().try_fold(0, |byte, digit| Some(byte << 4 | hex_digit(*digit)?));
            self.out.push(byte.ok_or_else(|| E::custom("an id with other than hexadecimal digits"))?);
        }
        Ok(())
    }
}

impl<'de> Visitor<'de> for ElementSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.field.kind)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(mut self, value: bool) -> Result<(), E> {
        match self.field.kind {
            Kind::Bool => {
                self.tag(WireType::Varint);
                self.out.push(u8::from(value));
                Ok(())
            }
            kind => Err(E::custom(format!("found a boolean, expected {kind}"))),
        }
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.integer(i128::from(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.integer(i128::from(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.double(value)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.text(text)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::String => "a string",
            Self::Bytes => "base64 text",
            Self::Id(_) => "an id in hexadecimal",
            Self::Bool => "true or false",
            Self::Double => "a number",
            Self::Enum(_) => "an enum value",
            Self::Message(_) => "an object",
            _ => "an integer",
        })
    }
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

fn base64(text: &str) -> Option<Vec<u8>> {
    const CONFIG: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&STANDARD, CONFIG)
        .decode(text)
        .or_else(|_| GeneralPurpose::new(&URL_SAFE, CONFIG).decode(text))
        .ok()
}
