//! One pass over JSON text: checks the grammar (RFC 8259) and notes where the wanted values stand.

use alloc::vec::Vec;
use core::ops::Range;

use super::literal;
use super::path::Step;
use super::{JsonError, JsonProblem};

pub(super) const MAX_BYTES: usize = 1 << 20;
pub(super) const MAX_DEPTH: usize = 64;
pub(super) const MAX_HITS: usize = 1024;

/// What to look for below a value.
#[derive(Clone, Copy)]
pub(super) enum Want<'p> {
    Nothing,
    /// What these steps lead to; the value itself where there are none.
    Steps(&'p [Step]),
    /// Every string that is written as a path from the root.
    References,
}

/// A place in the text to read or to replace.
pub(super) struct Hit<'p> {
    pub(super) range: Range<usize>,
    /// The key in front of it, with its quotes.
    pub(super) name: Option<Range<usize>>,
    pub(super) kind: Kind<'p>,
}

pub(super) enum Kind<'p> {
    /// The value that was looked for.
    Value,
    /// A `null` where an object would have the rest of the path.
    Null { rest: &'p [Step] },
    /// An empty range in an object that lacks the rest of the path; `first` where the object is empty.
    Absent { rest: &'p [Step], first: bool },
}

pub(super) struct Found<'p> {
    pub(super) hits: Vec<Hit<'p>>,
    /// The first value that the path cannot go on from.
    pub(super) mismatch: Option<JsonError>,
}

pub(super) fn scan<'p>(text: &str, want: Want<'p>) -> Result<Found<'p>, JsonError> {
    let found = Found { hits: Vec::new(), mismatch: None };
    let mut scan = Scan { bytes: text.as_bytes(), at: 0, depth: 0, name: None, found };
    if text.len() > MAX_BYTES {
        return Err(JsonError { at: MAX_BYTES, problem: JsonProblem::TooLong });
    }
    scan.space();
    scan.value(want)?;
    scan.space();
    match scan.peek() {
        None => Ok(scan.found),
        Some(_) => Err(scan.syntax("the end of the text")),
    }
}

struct Scan<'t, 'p> {
    bytes: &'t [u8],
    at: usize,
    depth: usize,
    /// The key in front of the next value.
    name: Option<Range<usize>>,
    found: Found<'p>,
}

impl<'p> Scan<'_, 'p> {
    fn value(&mut self, want: Want<'p>) -> Result<(), JsonError> {
        let (start, name) = (self.at, self.name.take());
        let first = self.peek();
        match first {
            Some(b'{') => self.nested(want, Self::object)?,
            Some(b'[') => self.nested(want, Self::array)?,
            Some(b'"') => self.string()?,
            Some(b't') => self.literal(b"true")?,
            Some(b'f') => self.literal(b"false")?,
            Some(b'n') => self.literal(b"null")?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => return Err(self.syntax("a value")),
        }
        let range = start..self.at;
        match (want, first) {
            (Want::Steps([]), _) => self.hit(Hit { range, name, kind: Kind::Value }),
            (Want::References, Some(b'"')) if self.begins_reference(start) => {
                self.hit(Hit { range, name, kind: Kind::Value })
            }
            (Want::Steps(rest), Some(b'n')) if are_keys(rest) => {
                self.hit(Hit { range, name, kind: Kind::Null { rest } })
            }
            (Want::Steps([step, ..]), first) => {
                match (step, first) {
                    (Step::Each | Step::Index(_), Some(b'[')) => {}
                    (Step::Each | Step::Index(_), _) => self.mismatch(start, "an array"),
                    (_, Some(b'{')) => {}
                    _ => self.mismatch(start, "an object"),
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn nested(
        &mut self,
        want: Want<'p>,
        inside: fn(&mut Self, Want<'p>) -> Result<(), JsonError>,
    ) -> Result<(), JsonError> {
        if self.depth == MAX_DEPTH {
            return Err(JsonError { at: self.at, problem: JsonProblem::TooDeep });
        }
        self.depth += 1;
        self.at += 1;
        inside(self, want)?;
        self.depth -= 1;
        Ok(())
    }

    /// Members up to and with the closing brace.
    fn object(&mut self, want: Want<'p>) -> Result<(), JsonError> {
        let (mut end, mut is_found, mut first) = (self.at, false, true);
        self.space();
        while !self.take(b'}') {
            if !first {
                self.expect(b',', "`,` or `}`")?;
                self.space();
            }
            let key = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.syntax("a key"));
            }
            self.string()?;
            let key = key..self.at;
            self.space();
            self.expect(b':', "`:`")?;
            self.space();
            let inner = self.under(want, key.clone());
            is_found |= matches!(inner, Want::Steps(_));
            self.name = Some(key);
            self.value(inner)?;
            (end, first) = (self.at, false);
            self.space();
        }
        match want {
            Want::Steps(rest) if !is_found && are_keys(rest) && !rest.is_empty() => {
                self.hit(Hit { range: end..end, name: None, kind: Kind::Absent { rest, first } })
            }
            // The key is missing and below it the path needs an array, which nobody can make up.
            Want::Steps([Step::Key(_) | Step::Field(_), ..]) if !is_found => {
                self.mismatch(end, "a key with an array below it");
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Elements up to and with the closing bracket.
    fn array(&mut self, want: Want<'p>) -> Result<(), JsonError> {
        let mut count = 0;
        self.space();
        while !self.take(b']') {
            if count > 0 {
                self.expect(b',', "`,` or `]`")?;
                self.space();
            }
            let inner = match want {
                Want::Steps([Step::Each, rest @ ..]) => Want::Steps(rest),
                Want::Steps([Step::Index(wanted), rest @ ..]) if *wanted == count => Want::Steps(rest),
                Want::References => want,
                _ => Want::Nothing,
            };
            self.value(inner)?;
            count += 1;
            self.space();
        }
        if let Want::Steps([Step::Index(wanted), ..]) = want
            && *wanted >= count
        {
            self.mismatch(self.at, "an array with more elements");
        }
        Ok(())
    }

    /// What to look for below a key.
    fn under(&self, want: Want<'p>, key: Range<usize>) -> Want<'p> {
        let is_key = |matches: &dyn Fn(&str) -> bool| {
            let text = self.bytes.get(key.clone()).and_then(|key| str::from_utf8(key).ok());
            text.and_then(literal::string).is_some_and(|text| matches(&text))
        };
        match want {
            Want::Steps([Step::Key(name), rest @ ..]) if is_key(&|key| key == name) => Want::Steps(rest),
            Want::Steps([Step::Field(name), rest @ ..]) if is_key(&|key| key.eq_ignore_ascii_case(name)) => {
                Want::Steps(rest)
            }
            Want::Steps([Step::AnyKey, rest @ ..]) => Want::Steps(rest),
            Want::References => want,
            _ => Want::Nothing,
        }
    }

    fn string(&mut self) -> Result<(), JsonError> {
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    self.at += 1;
                    match self.peek() {
                        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {}
                        Some(b'u') => {
                            let digits = self.bytes.get(self.at + 1..self.at + 5).unwrap_or_default();
                            if digits.len() < 4 || !digits.iter().all(u8::is_ascii_hexdigit) {
                                return Err(self.syntax("four hexadecimal digits behind \\u"));
                            }
                            self.at += 4;
                        }
                        _ => return Err(self.syntax("an escape sequence")),
                    }
                }
                Some(0x20..) => {}
                _ => return Err(self.syntax("the end of a string, with control characters escaped")),
            }
            self.at += 1;
        }
        self.at += 1;
        Ok(())
    }

    fn number(&mut self) -> Result<(), JsonError> {
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _sign = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count == 0 { Err(self.syntax("a digit")) } else { Ok(()) }
    }

    fn literal(&mut self, word: &'static [u8]) -> Result<(), JsonError> {
        let is_there = self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(word));
        if !is_there {
            return Err(self.syntax("a value"));
        }
        self.at += word.len();
        Ok(())
    }

    fn begins_reference(&self, start: usize) -> bool {
        let inside = self.bytes.get(start + 1..).unwrap_or_default();
        inside.starts_with(b"$.") || inside.starts_with(b"$[")
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), JsonError> {
        if self.take(byte) { Ok(()) } else { Err(self.syntax(expected)) }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn hit(&mut self, hit: Hit<'p>) -> Result<(), JsonError> {
        if self.found.hits.len() == MAX_HITS {
            return Err(JsonError { at: hit.range.start, problem: JsonProblem::TooMany });
        }
        self.found.hits.push(hit);
        Ok(())
    }

    fn mismatch(&mut self, at: usize, needed: &'static str) {
        let problem = JsonProblem::Mismatch(needed);
        self.found.mismatch.get_or_insert(JsonError { at, problem });
    }

    fn syntax(&self, expected: &'static str) -> JsonError {
        JsonError { at: self.at, problem: JsonProblem::Syntax(expected) }
    }
}

/// True where the steps can be made up: names alone.
fn are_keys(steps: &[Step]) -> bool {
    steps.iter().all(|step| matches!(step, Step::Key(_) | Step::Field(_)))
}
