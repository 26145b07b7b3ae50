//! Kinds of values that many settings share.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer};

/// A value that is never printed: a token, an authorization header.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Opaque(pub String);

impl fmt::Debug for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

/// A block that its key alone switches on: with `Option<Section<Grpc>>`, `grpc:` means the same as `grpc: {}`,
/// where for other settings a key without a value keeps the default.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Section<T>(pub T);

/// The name under which [`Node::check`](super::Node::check) recognises a [`Section`].
pub(super) const SECTION: &str = "$throughline::Section";

impl<T> Deref for Section<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Section<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_newtype_struct(SECTION, Block(PhantomData))
    }
}

struct Block<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Block<T> {
    type Value = Section<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a block of keys")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, from: D) -> Result<Section<T>, D::Error> {
        T::deserialize(from).map(Section)
    }
}
