//! The functions of the language: editors change a message, converters give a value.

mod args;
mod kinds;
mod texts;
mod hashes;
mod times;
mod collections;
mod format;
pub(super) mod editors;

pub(super) use args::{Arg, Args, Param, ParamKind, Target};
pub(crate) use editors::Change;
pub(super) use editors::Editor;
pub(super) use format::Format;

use super::code::Valued;
use super::path::Context;
use super::value::Type;

/// A function that gives a value and changes nothing.
#[derive(Debug)]
pub(super) struct Converter {
    pub(super) name: &'static str,
    pub(super) params: &'static [Param],
    /// What it gives, where that is always the same (or nil).
    pub(super) gives: Option<Type>,
    /// The only context that it can be asked in.
    pub(super) only_in: Option<Context>,
    pub(super) run: for<'a, 's> fn(Args<'a, 's>) -> Valued<'a>,
}

impl Converter {
    const fn new(
        name: &'static str,
        params: &'static [Param],
        gives: Option<Type>,
        run: for<'a, 's> fn(Args<'a, 's>) -> Valued<'a>,
    ) -> Self {
        Self { name, params, gives, only_in: None, run }
    }
}

pub(super) fn converters() -> impl Iterator<Item = &'static Converter> {
    [kinds::ALL, texts::ALL, hashes::ALL, times::ALL, collections::ALL].into_iter().flatten()
}

pub(super) fn editors() -> impl Iterator<Item = &'static Editor> {
    editors::ALL.iter()
}
