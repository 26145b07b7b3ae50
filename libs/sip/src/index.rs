//! Where the parts of a message are.

use std::error::Error;
use std::fmt;

use crate::limits::Limits;
use crate::name::Known;
use crate::scan::{cut, number, trim};

/// A part of a message.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    pub(crate) fn of(self, bytes: &[u8]) -> &[u8] {
        bytes.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// One header with its folded lines. It ends where the next one begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    pub(crate) start: u32,
    /// The place of the colon; where there is none, that of the line's end.
    pub(crate) colon: u32,
    pub(crate) end: u32,
    pub(crate) known: Option<Known>,
}

/// Lines of a usual message are kept in place.
const INLINE: usize = 32;

#[derive(Clone, Debug)]
pub(crate) struct Lines {
    inline: [Line; INLINE],
    count: usize,
    /// All of them, once there are more than fit in place.
    spilt: Vec<Line>,
    /// Names that there are, and those that there are more than once: most questions are about others.
    names: Names,
    repeated: Names,
}

/// A set of names; all that are not known are one.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Names(u128);

impl Names {
    pub(crate) const fn of(names: &[Known]) -> Self {
        let (mut set, mut rest) = (0, names);
        while let [first, after @ ..] = rest {
            set |= Self::bit(Some(*first));
            rest = after;
        }
        Self(set)
    }

    pub(crate) const fn has(self, known: Option<Known>) -> bool {
        self.0 & Self::bit(known) != 0
    }

    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Says whether it was there.
    pub(crate) const fn add(&mut self, known: Option<Known>) -> bool {
        let before = self.has(known);
        self.0 |= Self::bit(known);
        before
    }

    /// There are fewer than 127.
    const fn bit(known: Option<Known>) -> u128 {
        match known {
            Some(known) => 1 << (known as u8 % 127),
            None => 1 << 127,
        }
    }
}

impl Lines {
    const fn new() -> Self {
        Self {
            inline: [Line { start: 0, colon: 0, end: 0, known: None }; INLINE],
            count: 0,
            spilt: Vec::new(),
            names: Names(0),
            repeated: Names(0),
        }
    }

    fn push(&mut self, line: Line) {
        if self.names.add(line.known) {
            self.repeated.add(line.known);
        }
        if let Some(place) = self.inline.get_mut(self.count) {
            *place = line;
        } else {
            if self.spilt.is_empty() {
                self.spilt.extend_from_slice(&self.inline);
            }
            self.spilt.push(line);
        }
        self.count += 1;
    }

    /// Those among which are all of this name.
    pub(crate) fn with(&self, known: Option<Known>) -> &[Line] {
        if self.names.has(known) { self.as_slice() } else { &[] }
    }

    /// Names that stand on more than one line.
    pub(crate) const fn repeated(&self) -> Names {
        self.repeated
    }

    pub(crate) fn as_slice(&self) -> &[Line] {
        if self.spilt.is_empty() { cut(&self.inline, self.count).0 } else { &self.spilt }
    }
}

/// The first line.
#[derive(Clone, Copy, Debug)]
pub(crate) enum StartLine {
    Request { method: Span, uri: Span, version: Span },
    Status { version: Span, code: u16, reason: Span },
}

/// What the header Content-Length says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Length {
    Missing,
    /// No number, or two that differ.
    Invalid,
    Bytes(u64),
}

#[derive(Clone, Debug)]
pub(crate) struct Index {
    /// Where the start line begins, after empty lines.
    pub(crate) start: u32,
    pub(crate) start_line: StartLine,
    pub(crate) lines: Lines,
    /// Where the empty line begins that ends the headers.
    pub(crate) headers_end: u32,
    pub(crate) body: u32,
    pub(crate) length: Length,
}

/// Why bytes are no SIP message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ParseError {
    /// Nothing but line ends: a keep-alive (RFC 5626, section 4.4.1).
    Empty,
    /// The first line is neither a request line nor a status line.
    NotSip,
    /// More bytes than [`Limits::message`].
    MessageTooLong,
    /// More bytes than [`Limits::head`].
    HeadTooLong,
    /// More bytes than [`Limits::start_line`].
    StartLineTooLong,
    /// More header lines than [`Limits::headers`].
    TooManyHeaders,
}

impl ParseError {
    /// The response to give where a request can still be answered.
    pub const fn status(self) -> Option<u16> {
        match self {
            Self::Empty | Self::NotSip => None,
            Self::StartLineTooLong => Some(414),
            Self::MessageTooLong | Self::HeadTooLong | Self::TooManyHeaders => Some(513),
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "nothing but line ends",
            Self::NotSip => "the first line is neither a SIP request nor a SIP response",
            Self::MessageTooLong => "the message is longer than the limit",
            Self::HeadTooLong => "the headers are longer than the limit",
            Self::StartLineTooLong => "the first line is longer than the limit",
            Self::TooManyHeaders => "there are more headers than the limit",
        })
    }
}

impl Error for ParseError {}

impl Index {
    pub(crate) fn new(bytes: &[u8], limits: &Limits) -> Result<Self, ParseError> {
        let start = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).ok_or(ParseError::Empty)?;
        if start > limits.head {
            return Err(ParseError::HeadTooLong);
        }
        let end = line_end(bytes, start);
        if end - start > limits.start_line {
            return Err(ParseError::StartLineTooLong);
        }
        let start_line = StartLine::read(bytes, start, end).ok_or(ParseError::NotSip)?;
        let mut index = Self {
            start: place(start),
            start_line,
            lines: Lines::new(),
            headers_end: 0,
            body: 0,
            length: Length::Missing,
        };
        index.read_lines(bytes, end, limits)?;
        Ok(index)
    }

    fn read_lines(&mut self, bytes: &[u8], mut at: usize, limits: &Limits) -> Result<(), ParseError> {
        loop {
            if at > limits.head {
                return Err(ParseError::HeadTooLong);
            }
            let rest = cut(bytes, at).1;
            let blank = match rest {
                [] => Some(0),
                [b'\n', ..] => Some(1),
                [b'\r', b'\n', ..] => Some(2),
                _ => None,
            };
            if let Some(blank) = blank {
                (self.headers_end, self.body) = (place(at), place(at + blank));
                return Ok(());
            }
            if self.lines.count >= limits.headers {
                return Err(ParseError::TooManyHeaders);
            }
            let mut end = line_end(bytes, at);
            while matches!(bytes.get(end), Some(b' ' | b'\t')) {
                end = line_end(bytes, end);
            }
            self.read_line(bytes, at, end);
            at = end;
        }
    }

    fn read_line(&mut self, bytes: &[u8], start: usize, end: usize) {
        let line = without_end(bytes.get(start..end).unwrap_or_default());
        // Without a colon it is no header, whatever its name.
        let found = line.iter().position(|byte| *byte == b':');
        let colon = found.unwrap_or(line.len());
        let known = found.and_then(|colon| Known::find(trim_name(cut(line, colon).0)));
        if known == Some(Known::ContentLength) {
            let value = trim(cut(line, colon + 1).1);
            let said = number(value).map_or(Length::Invalid, Length::Bytes);
            self.length =
                if self.length == Length::Missing || self.length == said { said } else { Length::Invalid };
        }
        self.lines.push(Line { start: place(start), colon: place(start + colon), end: place(end), known });
    }
}

impl StartLine {
    fn read(bytes: &[u8], start: usize, end: usize) -> Option<Self> {
        let line = without_end(bytes.get(start..end)?);
        let span = |from: usize, to: usize| Span { start: place(start + from), end: place(start + to) };
        let first = memchr::memchr(b' ', line)?;
        if is_sip(cut(line, first).0) {
            let rest = cut(line, first + 1).1;
            let (digits, reason) = cut(rest, 3);
            let code = number(digits).filter(|code| *code >= 100)?.try_into().ok()?;
            let reason = match reason {
                [] => line.len(),
                [b' ', ..] => line.len() - reason.len() + 1,
                _ => return None,
            };
            return Some(Self::Status { version: span(0, first), code, reason: span(reason, line.len()) });
        }
        let end = line.iter().rposition(|byte| *byte != b' ')? + 1;
        let last = memchr::memrchr(b' ', cut(line, end).0)?;
        let version = line.get(last + 1..end)?;
        if first == 0 || last <= first || !is_sip(version) {
            return None;
        }
        let blanks = |byte: &&u8| **byte == b' ';
        let between = line.get(first + 1..last)?;
        let from = first + 1 + between.iter().take_while(blanks).count();
        let to = last - between.iter().rev().take_while(blanks).count();
        Some(Self::Request {
            method: span(0, first),
            uri: span(from, to.max(from)),
            version: span(last + 1, end),
        })
    }
}

/// `SIP/` and a version, whichever it is.
fn is_sip(version: &[u8]) -> bool {
    let (name, number) = cut(version, 4);
    name.eq_ignore_ascii_case(b"SIP/") && number.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
}

/// A line without its end; folds inside of it stay.
pub(crate) fn without_end(line: &[u8]) -> &[u8] {
    match line {
        [line @ .., b'\r', b'\n'] | [line @ .., b'\n'] => line,
        line => line,
    }
}

/// A header's name without the blanks before its colon.
pub(crate) fn trim_name(name: &[u8]) -> &[u8] {
    cut(name, name.iter().rposition(|byte| !matches!(byte, b' ' | b'\t')).map_or(0, |last| last + 1)).0
}

/// The place after the line's end.
fn line_end(bytes: &[u8], at: usize) -> usize {
    let rest = cut(bytes, at).1;
    at + memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1)
}

/// Messages of more than 4 GiB are refused before.
fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
