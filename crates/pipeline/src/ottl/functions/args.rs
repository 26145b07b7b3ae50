//! What a function takes: as its table says it, as it was checked, and as it is read on a scene.

use std::borrow::Cow;

use regex::Regex;

use super::{Converter, Format};
use crate::ottl::code::{Code, Valued};
use crate::ottl::failure::Failure;
use crate::ottl::glob::Glob;
use crate::ottl::path::Place;
use crate::ottl::scene::Scene;
use crate::ottl::text::text_like;
use crate::ottl::value::{Map, Type, Value};

#[derive(Debug)]
pub(in crate::ottl) struct Param {
    pub(in crate::ottl) name: &'static str,
    pub(in crate::ottl) kind: ParamKind,
    pub(in crate::ottl) optional: bool,
}

#[derive(Clone, Copy, Debug)]
pub(in crate::ottl) enum ParamKind {
    /// A value, of one of these types if there are any.
    Value(&'static [Type]),
    /// A list that is written out.
    List,
    /// A regular expression that is written out.
    Pattern,
    /// One with at least one named group.
    NamedGroups,
    /// A pattern of `path/filepath.Match`, written out.
    Glob,
    /// One of these words, in quotes.
    Word(&'static [&'static str]),
    /// A text with one `%s`, written out.
    Format,
    /// A format of Go's `fmt` for the values of the list behind it, written out.
    ValuesFormat,
    /// What a time looks like, written out.
    TimeFormat,
    /// A path that can be set.
    Target,
    /// A path to a map that can be set.
    MapTarget,
    /// A function of one text, without its parentheses.
    Function,
}

pub(super) const fn one(name: &'static str, kind: ParamKind) -> Param {
    Param { name, kind, optional: false }
}

pub(super) const fn optional(name: &'static str, kind: ParamKind) -> Param {
    Param { name, kind, optional: true }
}

pub(super) const ANY: ParamKind = ParamKind::Value(&[]);
pub(super) const TEXT: ParamKind = ParamKind::Value(&[Type::Text]);
pub(super) const INT: ParamKind = ParamKind::Value(&[Type::Int]);
pub(super) const BOOL: ParamKind = ParamKind::Value(&[Type::Bool]);
pub(super) const TIME: ParamKind = ParamKind::Value(&[Type::Time]);
pub(super) const DURATION: ParamKind = ParamKind::Value(&[Type::Duration]);
pub(super) const MAP: ParamKind = ParamKind::Value(&[Type::Map]);

/// A checked argument.
#[derive(Debug)]
pub(in crate::ottl) enum Arg {
    /// An optional one that was not given.
    None,
    Value(Code),
    List(Vec<Code>),
    Pattern(Regex),
    Glob(Glob),
    Word(String),
    Format(Format),
    Target(Target),
    Function(&'static Converter),
}

/// What an editor changes.
#[derive(Debug)]
pub(in crate::ottl) struct Target {
    pub(in crate::ottl) place: Place,
    pub(in crate::ottl) keys: Vec<Code>,
    /// The same as an expression.
    pub(in crate::ottl) code: Code,
}

/// The arguments of one call, with what they are evaluated on.
#[derive(Clone, Copy)]
pub(in crate::ottl) struct Args<'a, 's> {
    pub(in crate::ottl) all: &'a [Arg],
    pub(in crate::ottl) scene: &'s Scene<'a>,
}

impl<'a> Args<'a, '_> {
    fn get(&self, nth: usize) -> &'a Arg {
        self.all.get(nth).unwrap_or(&Arg::None)
    }

    pub(super) fn has(&self, nth: usize) -> bool {
        !matches!(self.get(nth), Arg::None)
    }

    pub(super) fn value(&self, nth: usize) -> Valued<'a> {
        match self.get(nth) {
            Arg::Value(code) => code.value(self.scene),
            _ => Ok(Value::Nil),
        }
    }

    pub(super) fn text(&self, nth: usize) -> Result<Cow<'a, str>, Failure> {
        match self.value(nth)? {
            Value::Text(text) => Ok(text),
            other => Err(wrong(nth, "text", &other)),
        }
    }

    /// Any value as text; nothing for nil.
    pub(super) fn text_like(&self, nth: usize) -> Result<Option<Cow<'a, str>>, Failure> {
        self.value(nth).map(text_like)
    }

    pub(super) fn int(&self, nth: usize) -> Result<i64, Failure> {
        match self.value(nth)? {
            Value::Int(number) => Ok(number),
            other => Err(wrong(nth, "a whole number", &other)),
        }
    }

    /// A number of bytes or elements.
    pub(super) fn size(&self, nth: usize) -> Result<usize, Failure> {
        let number = self.int(nth)?;
        usize::try_from(number)
            .map_err(|_| Failure::new(format!("argument {}: {number} is below 0", nth + 1)))
    }

    pub(super) fn truth(&self, nth: usize) -> Result<bool, Failure> {
        match self.value(nth)? {
            Value::Bool(value) => Ok(value),
            other => Err(wrong(nth, "a boolean", &other)),
        }
    }

    pub(super) fn time(&self, nth: usize) -> Result<i64, Failure> {
        match self.value(nth)? {
            Value::Time(ns) => Ok(ns),
            other => Err(wrong(nth, "a time", &other)),
        }
    }

    pub(super) fn duration(&self, nth: usize) -> Result<i64, Failure> {
        match self.value(nth)? {
            Value::Duration(ns) => Ok(ns),
            other => Err(wrong(nth, "a duration", &other)),
        }
    }

    pub(super) fn map(&self, nth: usize) -> Result<Map<'a>, Failure> {
        match self.value(nth)? {
            Value::Map(map) => Ok(map),
            other => Err(wrong(nth, "a map", &other)),
        }
    }

    pub(super) fn list(&self, nth: usize) -> &'a [Code] {
        match self.get(nth) {
            Arg::List(items) => items,
            _ => &[],
        }
    }

    /// Every item of a list that is written out.
    pub(super) fn texts(&self, nth: usize) -> Result<Vec<Cow<'a, str>>, Failure> {
        let items = self.list(nth).iter().map(|item| match item.value(self.scene)? {
            Value::Text(text) => Ok(text),
            other => Err(Failure::new(format!("the list holds {}, not text", other.described()))),
        });
        items.collect()
    }

    pub(super) fn pattern(&self, nth: usize) -> Result<&'a Regex, Failure> {
        match self.get(nth) {
            Arg::Pattern(pattern) => Ok(pattern),
            _ => Err(unchecked(nth)),
        }
    }

    pub(super) fn glob(&self, nth: usize) -> Result<&'a Glob, Failure> {
        match self.get(nth) {
            Arg::Glob(glob) => Ok(glob),
            _ => Err(unchecked(nth)),
        }
    }

    pub(super) fn word(&self, nth: usize) -> Option<&'a str> {
        match self.get(nth) {
            Arg::Word(word) => Some(word),
            _ => None,
        }
    }

    pub(super) fn format(&self, nth: usize) -> Result<&'a Format, Failure> {
        match self.get(nth) {
            Arg::Format(format) => Ok(format),
            _ => Err(unchecked(nth)),
        }
    }

    pub(super) fn target(&self, nth: usize) -> Result<&'a Target, Failure> {
        match self.get(nth) {
            Arg::Target(target) => Ok(target),
            _ => Err(unchecked(nth)),
        }
    }

    pub(super) fn function(&self, nth: usize) -> Option<&'static Converter> {
        match self.get(nth) {
            Arg::Function(function) => Some(function),
            _ => None,
        }
    }
}

pub(super) fn wrong(nth: usize, wanted: &str, found: &Value<'_>) -> Failure {
    Failure::new(format!("argument {} is {}, not {wanted}", nth + 1, found.described()))
}

/// The check lets no such call through.
fn unchecked(nth: usize) -> Failure {
    Failure::new(format!("argument {} was not checked", nth + 1))
}
