//! What could not be read, where, and how much is read at all.

use std::fmt::{self, Write as _};

/// How much of one message is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 8 << 20 }
    }
}

/// Members of a list that are read; the rest is counted.
pub(super) const PARTICIPANTS: usize = 256;
pub(super) const COMMUNICATIONS: usize = 64;
pub(super) const SEGMENTS: usize = 256;
pub(super) const SMALL: usize = 64;
pub(super) const CONVERSATIONS: usize = 1000;

/// Problems whose text is kept.
const KEPT: usize = 16;

/// Counts what was left out; the first few with their path.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Problems {
    /// Messages that are not JSON, too long, or not of the expected shape at all.
    pub unreadable: u64,
    /// Fields of the wrong type or with a value that cannot be meant.
    pub fields: u64,
    /// Members of lists beyond the limit.
    pub beyond: u64,
    pub first: Vec<String>,
}

impl Problems {
    pub fn is_empty(&self) -> bool {
        self.unreadable + self.fields + self.beyond == 0
    }

    pub(super) fn unreadable(&mut self, why: fmt::Arguments<'_>) {
        self.unreadable += 1;
        self.keep(format!("the message cannot be read: {why}"));
    }

    pub(super) fn field(&mut self, at: &Path<'_>, name: &str, expected: &str) {
        self.fields += 1;
        if self.first.len() < KEPT {
            self.keep(format!("{at}.{name} is not {expected}"));
        }
    }

    pub(super) fn list(&mut self, at: &Path<'_>, name: &str, beyond: usize) {
        if beyond > 0 {
            self.beyond += beyond as u64;
            self.keep(format!("{at}.{name} has {beyond} members more than are read"));
        }
    }

    fn keep(&mut self, text: String) {
        if self.first.len() < KEPT {
            self.first.push(text);
        }
    }
}

/// Where a value stands, as a JSON path: `$.participants[2].calls[0]`.
#[derive(Clone, Copy)]
pub(super) enum Path<'p> {
    Root,
    Field(&'p Path<'p>, &'static str),
    Item(&'p Path<'p>, &'static str, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_char('$'),
            Self::Field(parent, name) => write!(f, "{parent}.{name}"),
            Self::Item(parent, name, at) => write!(f, "{parent}.{name}[{at}]"),
        }
    }
}
