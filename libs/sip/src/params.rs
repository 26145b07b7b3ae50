use std::fmt;

use crate::fault::Malformed;
use crate::scan::{cut, find_unquoted, split_once, trim};

/// Parameters, each with a semicolon before it: those of a header's value, or those of a URI.
///
/// An empty list still knows its place in the message, so that [`Edit::set_param`](crate::Edit::set_param) can add
/// to it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Params<'a> {
    bytes: &'a [u8],
    /// Whether there are quoted strings.
    quotes: bool,
}

/// One parameter.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Param<'a> {
    /// As it is written; case does not count.
    pub name: &'a [u8],
    /// As it is written, with its quotation marks; `None` where there is no equals sign.
    pub value: Option<&'a [u8]>,
    /// The whole parameter, from its semicolon.
    pub raw: &'a [u8],
}

impl<'a> Params<'a> {
    /// Parameters of a value, which may be quoted strings. A quotation mark that stays open would swallow what is
    /// added.
    pub(crate) fn of_value(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let quotes = memchr::memchr(b'"', bytes).is_some();
        if quotes {
            find_unquoted(bytes, |_| false).map_err(|_| Malformed("a quotation mark is not closed"))?;
        }
        Ok(Self { bytes, quotes })
    }

    /// Parameters of a URI, where a quotation mark means nothing.
    pub(crate) const fn of_uri(bytes: &'a [u8]) -> Self {
        Self { bytes, quotes: false }
    }

    /// All of them as they are written, from the first semicolon.
    pub const fn as_bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Parameters in order; empty ones (`;;`) are passed over.
    pub const fn iter(self) -> ParamsIter<'a> {
        ParamsIter { rest: self.bytes, quotes: self.quotes }
    }

    /// The first parameter of this name.
    pub fn get(self, name: impl AsRef<[u8]>) -> Option<Param<'a>> {
        let name = name.as_ref();
        self.iter().find(|param| param.name.eq_ignore_ascii_case(name))
    }

    /// The value of the first parameter of this name, as it is written.
    pub fn value(self, name: impl AsRef<[u8]>) -> Option<&'a [u8]> {
        self.get(name)?.value
    }

    /// Whether there is a parameter of this name, with a value or without.
    pub fn has(self, name: impl AsRef<[u8]>) -> bool {
        self.get(name).is_some()
    }
}

impl<'a> IntoIterator for Params<'a> {
    type Item = Param<'a>;
    type IntoIter = ParamsIter<'a>;

    fn into_iter(self) -> ParamsIter<'a> {
        self.iter()
    }
}

impl fmt::Debug for Params<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl fmt::Debug for Param<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.raw.escape_ascii())
    }
}

/// Parameters one after the other.
#[derive(Clone, Debug)]
pub struct ParamsIter<'a> {
    rest: &'a [u8],
    quotes: bool,
}

impl<'a> Iterator for ParamsIter<'a> {
    type Item = Param<'a>;

    fn next(&mut self) -> Option<Param<'a>> {
        while !self.rest.is_empty() {
            let (_, inside) = cut(self.rest, 1);
            let end = if self.quotes {
                find_unquoted(inside, |byte| byte == b';').ok().flatten()
            } else {
                memchr::memchr(b';', inside)
            };
            let length = end.map_or(self.rest.len(), |end| end + 1);
            let (raw, rest) = cut(self.rest, length);
            self.rest = rest;
            let (_, text) = cut(raw, 1);
            let (name, value) =
                split_once(text, b'=').map_or((text, None), |(name, value)| (name, Some(trim(value))));
            let name = trim(name);
            if !name.is_empty() {
                return Some(Param { name, value, raw });
            }
        }
        None
    }
}
