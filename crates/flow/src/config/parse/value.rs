//! One value as serde reads it.

use serde::de::value::{SeqDeserializer, StrDeserializer};
use serde::de::{Deserializer, Visitor};

use super::context::Context;
use super::error::Wrong;
use super::scalar::{boolean, duration, number, text, variant, whole};
use super::section::{Entries, Items, Parts};
use crate::config::duration::DURATION;
use crate::config::kinds::SECTION;
use crate::config::node::{Node, Value};

pub(super) struct Reader<'a> {
    node: &'a Node,
    context: &'a mut Context,
    /// The node is shared by the parts of a tuple.
    part: bool,
    /// A null stands for a block without keys.
    block: bool,
}

impl<'a> Reader<'a> {
    /// A null at the root or behind [`Section`](crate::config::Section) is a block without keys.
    pub(super) fn root(node: &'a Node, context: &'a mut Context) -> Self {
        Self { block: true, ..Self::new(node, context) }
    }

    pub(super) fn new(node: &'a Node, context: &'a mut Context) -> Self {
        Self { node, context, part: false, block: false }
    }

    pub(super) fn part(node: &'a Node, context: &'a mut Context) -> Self {
        Self { part: true, block: true, ..Self::new(node, context) }
    }

    fn must_be_block(&self) -> Result<(), Wrong> {
        match &self.node.value {
            Value::Map(_) => Ok(()),
            Value::Null if self.block => Ok(()),
            _ => Err(Wrong::expected("a block of keys")),
        }
    }

    fn list<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match &self.node.value {
            Value::List(_) => visitor.visit_seq(Items::new(self.node, self.context)),
            Value::String(text) => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                visitor.visit_seq(SeqDeserializer::new(items.map(str::to_owned)))
            }
            _ => Err(Wrong::expected("a list")),
        }
    }

    fn map<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.must_be_block()?;
        visitor.visit_map(Entries::new(self.node, self.context, None))
    }

    fn fields<'de, V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        self.must_be_block()?;
        let node = self.node;
        if self.part {
            self.context.part(node, fields);
        } else {
            self.context.unknown_keys(node, fields);
        }
        let read = visitor.visit_map(Entries::new(node, &mut *self.context, Some(fields)));
        read.map_err(|wrong| match wrong.missing().and_then(|field| node.get(field)) {
            Some(value) if !value.is_null() && self.context.is_left_out(value) => Wrong::reported(),
            _ => wrong,
        })
    }

    fn any<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match &self.node.value {
            Value::Null => Err(Wrong::expected("a value")),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Int(number) => visitor.visit_i64(*number),
            Value::Float(number) => visitor.visit_f64(*number),
            Value::String(text) => visitor.visit_str(text),
            Value::List(_) => self.list(visitor),
            Value::Map(_) => self.map(visitor),
        }
    }

    fn newtype<'de, V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Wrong> {
        match name {
            DURATION => {
                let (nanoseconds, advice) = duration(self.node)?;
                advice.into_iter().for_each(|advice| self.context.advise(advice));
                visitor.visit_u64(nanoseconds)
            }
            SECTION => visitor.visit_newtype_struct(Self { block: true, ..self }),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn tuple<'de, V: Visitor<'de>>(self, parts: usize, visitor: V) -> Result<V::Value, Wrong> {
        match &self.node.value {
            Value::List(_) | Value::String(_) => self.list(visitor),
            _ => {
                self.must_be_block()?;
                visitor.visit_seq(Parts {
                    block: self.node,
                    left: parts,
                    outer: !self.part,
                    context: self.context,
                })
            }
        }
    }
}

/// Ties errors to this value; inner values have tied theirs already.
macro_rules! located {
    ($reader:ident, $read:expr) => {{
        let node = $reader.node;
        $read.map_err(|wrong: Wrong| wrong.at(node))
    }};
}

macro_rules! whole_numbers {
    ($($method:ident $visit:ident $type:ty,)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
            let bounds = (i128::from(<$type>::MIN), i128::from(<$type>::MAX));
            located!(self, whole(self.node, bounds.0, bounds.1).and_then(|number| {
                <$type>::try_from(number).map_err(|_| Wrong::reported()).and_then(|number| visitor.$visit(number))
            }))
        }
    )*};
}

macro_rules! texts {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
            located!(self, text(self.node).and_then(|text| visitor.visit_str(text)))
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Wrong;

    whole_numbers! {
        deserialize_i8 visit_i8 i8,
        deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64,
        deserialize_u8 visit_u8 u8,
        deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64,
    }

    texts! { deserialize_char deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf deserialize_identifier }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        located!(self, self.any(visitor))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        located!(self, boolean(self.node).and_then(|value| visitor.visit_bool(value)))
    }

    #[expect(clippy::cast_possible_truncation, reason = "the field has room for so much and no more")]
    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        located!(self, number(self.node).and_then(|number| visitor.visit_f32(number as f32)))
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        located!(self, number(self.node).and_then(|number| visitor.visit_f64(number)))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        located!(self, visitor.visit_some(self))
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        located!(self, self.must_be_block().and_then(|()| visitor.visit_unit()))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        located!(self, self.newtype(name, visitor))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        located!(self, self.list(visitor))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, parts: usize, visitor: V) -> Result<V::Value, Wrong> {
        located!(self, self.tuple(parts, visitor))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        parts: usize,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        self.deserialize_tuple(parts, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        located!(self, self.map(visitor))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        located!(self, self.fields(fields, visitor))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        located!(
            self,
            variant(self.node, variants).and_then(|name| visitor.visit_enum(StrDeserializer::new(name)))
        )
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_unit()
    }
}
