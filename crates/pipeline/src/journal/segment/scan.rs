//! Reads the records of a segment in order, and goes on behind what is damaged.

use std::io;

use crate::journal::disk::DiskFile;
use crate::journal::record::{ALIGN, HEAD, Head};

use super::DATA;

/// Read at once, at least.
const WINDOW: usize = 64 << 10;

/// One record and where it stands.
#[derive(Clone, Copy, Debug)]
pub(in crate::journal) struct Found {
    pub(in crate::journal) head: Head,
    pub(in crate::journal) at: u64,
    /// Something that was no record stood somewhere before it.
    pub(in crate::journal) after_damage: bool,
}

impl Found {
    pub(in crate::journal) fn end(&self) -> u64 {
        self.at + self.head.span()
    }
}

pub(in crate::journal) struct Scan<'f, F> {
    file: &'f F,
    salt: u64,
    at: u64,
    end: u64,
    /// Whether bodies are to be checked; those that were synced are checked when they are read.
    verify: bool,
    damaged: bool,
    window: Vec<u8>,
    window_at: u64,
}

impl<'f, F: DiskFile> Scan<'f, F> {
    /// Over the records before `end`.
    pub(in crate::journal) fn new(file: &'f F, salt: u64, end: u64, verify: bool) -> Self {
        Self::from(file, salt, DATA..end, verify)
    }

    pub(in crate::journal) fn from(file: &'f F, salt: u64, part: std::ops::Range<u64>, verify: bool) -> Self {
        let (window, window_at) = (Vec::new(), part.start);
        Self { file, salt, at: part.start, end: part.end, verify, damaged: false, window, window_at }
    }

    /// The next record; nothing where there is none any more.
    pub(in crate::journal) fn next(&mut self) -> io::Result<Option<Found>> {
        while self.at + HEAD as u64 <= self.end {
            let at = self.at;
            if let Some(head) = self.head()? {
                self.at += head.span();
                return Ok(Some(Found { head, at, after_damage: self.damaged }));
            }
            self.pass_over_zeros()?;
            self.damaged = true;
        }
        Ok(None)
    }

    /// Where no record begins, none begins in the zeros that a file is made of either: a head is not zero at its start.
    fn pass_over_zeros(&mut self) -> io::Result<()> {
        self.at += ALIGN;
        while self.at < self.end {
            let len = usize::try_from(self.end - self.at).unwrap_or(WINDOW).min(WINDOW);
            let Some(bytes) = self.bytes(self.at, len)? else { return Ok(()) };
            let words = bytes.as_chunks::<{ ALIGN as usize }>().0;
            let zeros = words.iter().take_while(|word| **word == [0; ALIGN as usize]).count();
            let more = !words.is_empty() && zeros == words.len();
            self.at += zeros as u64 * ALIGN;
            if !more {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The body of a record; nothing where its checksum does not fit.
    pub(in crate::journal) fn body(&mut self, found: &Found) -> io::Result<Option<&[u8]>> {
        let body = self.bytes(found.at + HEAD as u64, found.head.len as usize)?;
        Ok(body.filter(|body| crc32fast::hash(body) == found.head.body_crc))
    }

    fn head(&mut self) -> io::Result<Option<Head>> {
        let (at, salt, end) = (self.at, self.salt, self.end);
        let head = self.bytes(at, HEAD)?.and_then(|bytes| Head::read(bytes.first_chunk()?, salt));
        let Some(head) = head.filter(|head| at + HEAD as u64 + u64::from(head.len) <= end) else {
            return Ok(None);
        };
        let whole = !self.verify || self.body(&Found { head, at, after_damage: false })?.is_some();
        Ok(Some(head).filter(|_| whole))
    }

    /// Nothing where the file is shorter.
    fn bytes(&mut self, at: u64, len: usize) -> io::Result<Option<&[u8]>> {
        let known = |scan: &Self| {
            let start = usize::try_from(at.checked_sub(scan.window_at)?).ok()?;
            let end = start.checked_add(len)?;
            (end <= scan.window.len()).then_some(start..end)
        };
        if known(self).is_none() {
            self.window.resize(len.max(WINDOW), 0);
            let read = self.file.read_at(at, &mut self.window)?;
            self.window.truncate(read);
            self.window_at = at;
        }
        Ok(known(self).and_then(|range| self.window.get(range)))
    }
}
