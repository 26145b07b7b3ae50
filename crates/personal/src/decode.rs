//! A text as a person reads it: `%2B` and `\u002b` are a plus sign.

use std::ops::Range;

/// A URL stands in a URL in a URL; nobody goes further.
const MOST_TIMES: usize = 3;

/// The bytes of a text with escapes read, and where each stands in the text.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    bytes: Vec<u8>,
    /// Where each byte begins, and behind the last one where the text ends. Empty where nothing was escaped.
    starts: Vec<usize>,
    before: (Vec<u8>, Vec<usize>),
}

impl Decoder {
    pub(super) fn read(&mut self, text: &[u8]) {
        self.bytes.clear();
        self.starts.clear();
        if !text.iter().any(|byte| matches!(byte, b'%' | b'\\')) {
            return;
        }
        self.bytes.extend_from_slice(text);
        self.starts.extend(0..=text.len());
        for _ in 0..MOST_TIMES {
            if !self.once() {
                break;
            }
        }
    }

    /// Takes the text as it is written; says whether that is a change.
    pub(super) fn forget(&mut self) -> bool {
        !std::mem::take(&mut self.starts).is_empty()
    }

    /// What was read; `text` itself where nothing in it was escaped.
    pub(super) fn bytes<'s>(&'s self, text: &'s [u8]) -> &'s [u8] {
        if self.starts.is_empty() { text } else { &self.bytes }
    }

    /// Where a part of what was read stands in the text.
    pub(super) fn in_text(&self, read: Range<usize>) -> Range<usize> {
        let at = |index: usize| self.starts.get(index).copied().unwrap_or(index);
        at(read.start)..at(read.end)
    }

    /// Reads escapes once; false where there was none.
    fn once(&mut self) -> bool {
        std::mem::swap(&mut self.before.0, &mut self.bytes);
        std::mem::swap(&mut self.before.1, &mut self.starts);
        self.bytes.clear();
        self.starts.clear();
        let (text, starts) = (&self.before.0, &self.before.1);
        let mut at = 0;
        let mut changed = false;
        while let Some(rest @ [first, ..]) = text.get(at..) {
            // In SQL, a percent sign behind a quote is a wildcard.
            let wildcard = *first == b'%' && at > 0 && text.get(at - 1) == Some(&b'\'');
            let (byte, len) = escaped(rest).filter(|_| !wildcard).unwrap_or((*first, 1));
            changed |= len > 1;
            self.bytes.push(byte);
            self.starts.push(starts.get(at).copied().unwrap_or(0));
            at += len;
        }
        self.starts.push(starts.last().copied().unwrap_or(0));
        changed
    }
}

/// The byte that the text begins with, and how long its escape is.
fn escaped(text: &[u8]) -> Option<(u8, usize)> {
    match text {
        // Nobody escapes letters and digits: `LIKE '%4155550100'` means what it says.
        [b'%', high, low, ..] => {
            Some((hex(*high)? << 4 | hex(*low)?, 3)).filter(|(byte, _)| !byte.is_ascii_alphanumeric())
        }
        [b'\\', b'u', b'0', b'0', high, low, ..] if *high < b'8' => Some((hex(*high)? << 4 | hex(*low)?, 6)),
        [b'\\', quoted @ (b'"' | b'\'' | b'/' | b'\\'), ..] => Some((*quoted, 2)),
        [b'\\', b'n' | b'r' | b't', ..] => Some((b'\n', 2)),
        _ => None,
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}
