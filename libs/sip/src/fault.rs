use std::error::Error;
use std::fmt;

use crate::name::Name;

/// A value that does not follow its grammar; says what is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Malformed(pub &'static str);

/// Why a header that was asked for is not there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// A message cannot be without it.
    Missing(Name<'static>),
    /// It may stand in a message once, and stands there again.
    Repeated(Name<'static>),
    /// It does not follow its grammar.
    Malformed(Name<'static>, Malformed),
}

impl Fault {
    /// The header.
    pub const fn name(self) -> Name<'static> {
        match self {
            Self::Missing(name) | Self::Repeated(name) | Self::Malformed(name, _) => name,
        }
    }
}

/// A header that may stand in a message once, and stands there again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Repeated;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(name) => write!(f, "{name} is missing"),
            Self::Repeated(name) => write!(f, "{name} stands there more than once"),
            Self::Malformed(name, why) => write!(f, "{name}: {why}"),
        }
    }
}

impl fmt::Display for Repeated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the header stands there more than once")
    }
}

impl Error for Malformed {}
impl Error for Fault {}
impl Error for Repeated {}
