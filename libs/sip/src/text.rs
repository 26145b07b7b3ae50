//! What may be written into a message.

use std::error::Error;
use std::fmt;

use crate::name::Name;
use crate::scan::is_token;

/// Why a change cannot be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum EditError {
    /// The part to be changed does not lie in the headers or the Request-URI of this message.
    Foreign,
    /// The part has been changed already.
    Overlap,
    /// The text would end the line: a line end that is no fold, or a carriage return alone.
    LineBreak,
    /// The text is no token, as a header's name or a method must be.
    NotAToken,
    /// The URI is empty, or holds a blank or another control character.
    NotAUri,
    /// A response has no Request-URI.
    NotARequest,
    /// A status code has three digits.
    NotAStatus,
}

impl fmt::Display for EditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Foreign => "the part does not lie in the head of this message",
            Self::Overlap => "the part has been changed already",
            Self::LineBreak => "the text would break its line",
            Self::NotAToken => "the text is no token",
            Self::NotAUri => "the text is no URI",
            Self::NotARequest => "a response has no Request-URI",
            Self::NotAStatus => "a status code has three digits",
        })
    }
}

impl Error for EditError {}

/// Text that stays in its line: line ends only where a blank follows.
pub(crate) fn in_line(text: &[u8]) -> Result<&[u8], EditError> {
    if memchr::memchr2(b'\r', b'\n', text).is_none() {
        return Ok(text);
    }
    let mut rest = text;
    while let [first, after @ ..] = rest {
        rest = match (first, after) {
            (b'\r', [b'\n', after @ ..]) | (b'\n', after) if matches!(after.first(), Some(b' ' | b'\t')) => {
                after
            }
            (b'\r' | b'\n', _) => return Err(EditError::LineBreak),
            _ => after,
        };
    }
    Ok(text)
}

pub(crate) fn token(text: &[u8]) -> Result<&[u8], EditError> {
    if is_token(text) { Ok(text) } else { Err(EditError::NotAToken) }
}

pub(crate) fn uri(text: &[u8]) -> Result<&[u8], EditError> {
    let fits = !text.is_empty() && text.iter().all(|byte| *byte > b' ' && *byte != 0x7f);
    if fits { Ok(text) } else { Err(EditError::NotAUri) }
}

/// The parts of a header line.
pub(crate) fn header<'a>(name: Name<'a>, value: &'a [u8]) -> Result<[&'a [u8]; 4], EditError> {
    Ok([token(name.as_bytes())?, b": ", in_line(value)?, b"\r\n"])
}
