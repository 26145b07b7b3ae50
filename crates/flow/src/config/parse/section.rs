//! Blocks and lists as serde reads them, without what was left out.

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess};

use super::context::Context;
use super::error::Wrong;
use super::value::Reader;
use crate::config::node::{Key, Node};

/// The entries of a block.
pub(super) struct Entries<'a> {
    rest: std::slice::Iter<'a, (Key, Node)>,
    value: Option<&'a Node>,
    context: &'a mut Context,
    /// Where other keys than these stand too, and are for somebody else.
    only: Option<&'static [&'static str]>,
}

impl<'a> Entries<'a> {
    pub(super) fn new(
        block: &'a Node,
        context: &'a mut Context,
        only: Option<&'static [&'static str]>,
    ) -> Self {
        Self { rest: block.entries().iter(), value: None, context, only }
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Wrong;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Wrong> {
        let (context, only) = (&*self.context, self.only);
        let wanted = |key: &Key| only.is_none_or(|only| only.contains(&key.name.as_str()));
        let Some((key, value)) = self.rest.find(|(key, value)| wanted(key) && !context.is_left_out(value))
        else {
            return Ok(None);
        };
        self.value = Some(value);
        seed.deserialize(StrDeserializer::new(&key.name)).map(Some).map_err(|wrong: Wrong| wrong.at(value))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Wrong> {
        match self.value.take() {
            Some(value) => seed.deserialize(Reader::new(value, self.context)),
            None => Err(Wrong::reported()),
        }
    }
}

/// The items of a list.
pub(super) struct Items<'a> {
    rest: std::slice::Iter<'a, Node>,
    context: &'a mut Context,
}

impl<'a> Items<'a> {
    pub(super) fn new(list: &'a Node, context: &'a mut Context) -> Self {
        Self { rest: list.items().iter(), context }
    }
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Wrong;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Wrong> {
        let context = &*self.context;
        let Some(item) = self.rest.find(|item| !context.is_left_out(item)) else { return Ok(None) };
        let read = seed.deserialize(Reader::new(item, self.context));
        read.map(Some).map_err(|wrong| match wrong.is_null_at(item) {
            true => Wrong::message("an item of this list has no value").at(item),
            false => wrong,
        })
    }
}

/// One block, given to each part of a tuple in turn.
pub(super) struct Parts<'a> {
    pub(super) block: &'a Node,
    pub(super) left: usize,
    /// A part that is a tuple itself leaves the reckoning to the outer one.
    pub(super) outer: bool,
    pub(super) context: &'a mut Context,
}

impl<'de> SeqAccess<'de> for Parts<'_> {
    type Error = Wrong;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Wrong> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let part = seed.deserialize(Reader::part(self.block, self.context))?;
        if self.left == 0 && self.outer {
            self.context.parts_done(self.block);
        }
        Ok(Some(part))
    }
}
