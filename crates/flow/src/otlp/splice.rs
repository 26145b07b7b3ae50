//! Edits by splicing: untouched ranges are copied, changed fields and the lengths around them are rewritten.

use std::ops::Range;

use crate::wire::{Field, Reader, set_length};

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
    end: usize,
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
    pub fn open(&mut self, field: &Field<'_>) {
        let inner = field.inner();
        let mut tag = Reader::within(self.source, field.start..field.end);
        let tag_len = tag.varint().map_or(1, |_| tag.at() - field.start);
        let length_from = field.start + tag_len;
        self.open.push(Open {
            length_at: length_from.saturating_add_signed(self.growth),
            width: inner.start - length_from,
            len: inner.len(),
            end: inner.end,
            growth: self.growth,
        });
    }

    /// Leaves the field opened last, and mends its length.
    pub fn close(&mut self) {
        let Some(open) = self.open.pop() else { return };
        let grown = self.growth - open.growth;
        if grown == 0 {
            return;
        }
        self.copy_to(open.end);
        let len = open.len.saturating_add_signed(grown);
        let width = set_length(&mut self.out, open.length_at, open.width, len);
        self.growth += width as isize - open.width as isize;
    }

    /// Leaves a range of the source out.
    pub fn remove(&mut self, range: Range<usize>) {
        self.copy_to(range.start);
        self.copied = range.end;
        self.changed = true;
        self.growth -= range.len() as isize;
    }

    /// Writes new bytes before offset `at` of the source.
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

    fn copy_to(&mut self, end: usize) {
        if self.out.capacity() == 0 {
            self.out.reserve(self.source.len() + self.source.len() / 8 + 64);
        }
        self.out.extend_from_slice(self.source.get(self.copied..end).unwrap_or_default());
        self.copied = end.max(self.copied);
    }
}
