//! Edits by splicing: untouched ranges are copied, changed fields and the lengths around them are rewritten.

use std::ops::Range;

use crate::wire::{Field, Reader, fields, set_length};

/// Writes a changed copy of `source`. Edits come in ascending order; messages are opened and closed around them.
#[derive(Debug)]
pub struct Splice<'a> {
    source: &'a [u8],
    out: Vec<u8>,
    /// How much of the source is in `out`, changed or not.
    copied: usize,
    /// How much longer `out` is than the source it stands for.
    growth: isize,
    open: Vec<Open>,
    changed: bool,
}

/// A length-delimited field inside which edits may happen.
#[derive(Debug)]
struct Open {
    /// Of the length, in `out`.
    length_at: usize,
    width: usize,
    len: usize,
    growth: isize,
}

impl<'a> Splice<'a> {
    pub fn new(source: &'a [u8]) -> Self {
        Self { source, out: Vec::new(), copied: 0, growth: 0, open: Vec::new(), changed: false }
    }

    pub fn source(&self) -> &'a [u8] {
        self.source
    }

    /// Enters a length-delimited field of the source.
    #[inline]
    pub fn open(&mut self, field: &Field<'_>) {
        let inner = field.inner();
        let length_from = match self.source.get(field.start) {
            Some(0..=0x7f) => field.start + 1,
            _ => behind_tag(self.source, field),
        };
        self.open.push(Open {
            length_at: length_from.saturating_add_signed(self.growth),
            width: inner.start - length_from,
            len: inner.len(),
            growth: self.growth,
        });
    }

    /// Leaves the field opened last, and mends its length. What is left of it is copied with what follows.
    #[inline]
    pub fn close(&mut self) {
        let Some(open) = self.open.pop() else { return };
        let grown = self.growth - open.growth;
        if grown != 0 {
            let len = open.len.saturating_add_signed(grown);
            let width = set_length(&mut self.out, open.length_at, open.width, len);
            self.growth += width as isize - open.width as isize;
        }
    }

    /// Leaves a range of the source out.
    #[inline]
    pub fn remove(&mut self, range: Range<usize>) {
        self.copy_to(range.start);
        self.copied = range.end;
        self.changed = true;
        self.growth -= range.len() as isize;
    }

    /// Writes new bytes in the place of a range of the source.
    #[inline]
    pub fn replace(&mut self, range: Range<usize>, write: impl FnOnce(&mut Vec<u8>)) {
        let end = range.end;
        self.remove(range);
        self.insert(end, write);
    }

    /// Writes new bytes before offset `at` of the source.
    #[inline]
    pub fn insert<T>(&mut self, at: usize, write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        self.copy_to(at);
        self.changed = true;
        let before = self.out.len();
        let done = write(&mut self.out);
        self.growth += (self.out.len() - before) as isize;
        done
    }

    /// True where an edit has been made.
    pub fn changed(&self) -> bool {
        self.changed
    }

    /// The changed copy, or `None` where nothing was edited.
    pub fn finish(mut self) -> Option<Vec<u8>> {
        if !self.changed() {
            return None;
        }
        self.copy_to(self.source.len());
        Some(self.out)
    }

    #[inline]
    fn copy_to(&mut self, end: usize) {
        if self.out.capacity() == 0 {
            self.out.reserve(self.source.len() + self.source.len() / 8 + 64);
        }
        if end > self.copied {
            self.out.extend_from_slice(self.source.get(self.copied..end).unwrap_or_default());
            self.copied = end;
        }
    }
}

/// A message with another field of this number, in the place of the one that it has or where encoders put it; an empty
/// `field` takes it out.
pub fn with_field(message: &[u8], number: u32, field: &[u8]) -> Vec<u8> {
    let mut splice = Splice::new(message);
    let mut place = message.len()..message.len();
    for other in fields(message) {
        if other.number == number {
            place = other.start..other.end;
            break;
        }
        if other.number > number {
            place = other.start..other.start;
            break;
        }
    }
    splice.replace(place, |out| out.extend_from_slice(field));
    splice.finish().unwrap_or_default()
}

#[inline(never)]
fn behind_tag(source: &[u8], field: &Field<'_>) -> usize {
    let mut reader = Reader::within(source, field.start..field.end);
    reader.varint().map_or(field.start + 1, |_| reader.at())
}
