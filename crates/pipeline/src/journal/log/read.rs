//! Reads entries back, in order.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::Shelf;
use crate::journal::disk::DiskFile;
use crate::journal::record::Kind;
use crate::journal::segment::{DATA, Scan};

/// A place in the order of all records.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(in crate::journal) struct Cursor {
    pub(in crate::journal) place: u64,
    pub(in crate::journal) at: u64,
}

impl Cursor {
    pub(super) const MAX: Self = Self { place: u64::MAX, at: u64::MAX };
}

/// An entry that was read back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::journal) struct Read {
    pub(in crate::journal) id: u64,
    /// A bit for each consumer that is not done with it.
    pub(in crate::journal) pending: u64,
    /// Nothing where it is damaged.
    pub(in crate::journal) body: Option<Bytes>,
}

struct Part<F> {
    file: Arc<F>,
    salt: u64,
    place: u64,
    range: Range<u64>,
}

impl<F: DiskFile> Shelf<F> {
    /// Entries that are not settled, from a place on, until so many bytes are together or there are no more; and the
    /// place behind them.
    pub(in crate::journal) fn read(
        &self,
        from: Cursor,
        bytes: usize,
        consumers: usize,
    ) -> io::Result<(Vec<Read>, Cursor)> {
        let (mut read, mut cursor, mut size) = (Vec::new(), from, 0);
        while let Some(part) = self.part(cursor) {
            let before = read.len();
            let mut scan = Scan::from(&*part.file, part.salt, part.range.clone(), false);
            cursor = Cursor { place: part.place, at: part.range.end };
            while let Some(found) = scan.next()? {
                if found.head.kind != Kind::Entry || self.index().is_settled(found.head.id) {
                    continue;
                }
                let pending = self.index().pending(found.head.id, consumers);
                let body = scan.body(&found)?.map(Bytes::copy_from_slice);
                size += found.head.len as usize;
                read.push(Read { id: found.head.id, pending, body });
                if size >= bytes {
                    cursor.at = found.end();
                    break;
                }
            }
            // A file that has become free meanwhile had nothing to read.
            if !self.index().segments.contains_key(&part.place) {
                read.truncate(before);
            }
            if size >= bytes {
                break;
            }
        }
        Ok((read, cursor))
    }

    /// What is next to be read, in one segment.
    fn part(&self, from: Cursor) -> Option<Part<F>> {
        let index = self.index();
        let parts = index.segments.range(from.place..).map(|(place, segment)| {
            let start = if *place == from.place { from.at.max(DATA) } else { DATA };
            Part {
                file: Arc::clone(&segment.file),
                salt: segment.salt,
                place: *place,
                range: start..segment.end,
            }
        });
        parts.into_iter().find(|part| !part.range.is_empty())
    }
}
