//! A log: entries that were accepted, until every consumer is done with them.
//!
//! No threads and no clock in here. One writer commits groups; readers look through [`Shelf`].

mod index;
mod open;
mod read;
mod tidy;

use std::io;
use std::sync::Arc;

use super::disk::{Disk, DiskFile};
use super::record::{ALIGN, Decision, Head, Kind, Settled, encode_decisions};
use super::room::Room;
use super::segment::{DATA, Header, random, ranges};

use index::News;
pub(super) use index::{Shelf, all};
pub(super) use read::{Cursor, Read};

/// Free files that are kept for later.
const SPARE: usize = 2;
/// A buffer that grew beyond this is not kept for the next group.
const KEPT: usize = 4 << 20;
/// Where the disk has no room for a whole segment, one of this length is tried at last.
const SMALLEST: u64 = 256 << 10;
/// The latest decisions, up to this part of a segment, are kept though no entry that came before them is left: spans that
/// come late may follow from them.
const REMEMBERED: u64 = 8;
/// Files end at multiples of this.
const BLOCK: u64 = 4096;

pub(super) struct Log<D: Disk> {
    disk: D,
    segment: u64,
    consumers: Arc<[Arc<str>]>,
    room: Arc<Room>,
    shelf: Arc<Shelf<D::File>>,
    pen: Option<Pen<D::File>>,
    spare: Vec<Spare<D::File>>,
    next_number: u32,
    next_place: u64,
    /// The id of the next entry that is put, synced or not.
    next_id: u64,
    /// The segment that was filled last, and the end of what is safe in it.
    last: Cursor,
    /// Segments of which everything that is needed is safe elsewhere.
    carried: Vec<u64>,
    unsynced: Vec<Placed>,
    synced: Vec<Placed>,
}

/// Where records are put.
struct Pen<F> {
    file: Arc<F>,
    place: u64,
    salt: u64,
    /// Where the buffer belongs.
    at: u64,
    buffer: Vec<u8>,
    len: u64,
}

struct Spare<F> {
    number: u32,
    file: Arc<F>,
    len: u64,
}

/// An entry that is ready to be written.
pub(super) struct Body {
    pub(super) parts: Vec<bytes::Bytes>,
    pub(super) len: u32,
    pub(super) crc: u32,
}

/// What is made safe at once.
#[derive(Default)]
pub(super) struct Group<'g> {
    pub(super) entries: Vec<&'g Body>,
    pub(super) settled: Vec<(u64, usize)>,
    pub(super) decisions: Vec<Decision>,
}

/// Where an entry stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Placed {
    pub(super) id: u64,
    /// Behind it.
    pub(super) end: Cursor,
}

/// What became of a group.
pub(super) struct Committed {
    /// The first so many entries are safe.
    pub(super) placed: Vec<Placed>,
    /// Why the others are not, and the decisions neither.
    pub(super) failed: Option<io::Error>,
}

impl Body {
    pub(super) fn new(parts: Vec<bytes::Bytes>) -> Self {
        let mut hasher = crc32fast::Hasher::new();
        parts.iter().for_each(|part| hasher.update(part));
        let len = parts.iter().map(bytes::Bytes::len).sum::<usize>();
        Self { parts, len: u32::try_from(len).unwrap_or(u32::MAX), crc: hasher.finalize() }
    }
}

impl<D: Disk> Log<D> {
    pub(super) fn shelf(&self) -> Arc<Shelf<D::File>> {
        Arc::clone(&self.shelf)
    }

    /// Makes a group safe. What was settled counts at once; that it is on the disk too only spares a repetition.
    /// [`Log::tidy`] is to follow.
    pub(super) fn commit(&mut self, group: &Group<'_>) -> Committed {
        // Of what this group settles nothing becomes free before it is written.
        let (_, needed) = self.empty_segments();
        let news = self.shelf.index().settle(&group.settled, self.consumers.len());
        let told = self.write_told(group, news, &needed);
        let told_end = told.as_ref().map_or(Cursor::MAX, |end| *end);
        let written = told.and_then(|_| self.write_entries(group));
        // A disk that is too full for the entries may have taken what makes room.
        if told_end <= self.last {
            self.carried = needed;
        }
        if written.is_err() {
            self.unsynced.clear();
            self.next_id = self.shelf.index().next;
            self.shelf.index().tell_again();
        }
        Committed { placed: std::mem::take(&mut self.synced), failed: written.err() }
    }

    /// Makes segments free that the last group has emptied. True where another group, be it an empty one, would make
    /// more of them free.
    pub(super) fn tidy(&mut self) -> bool {
        let carried = std::mem::take(&mut self.carried);
        self.free(carried);
        let (free, _) = self.empty_segments();
        self.free(free);
        !self.empty_segments().1.is_empty()
    }

    /// Decisions come first: whoever finds that entries are settled must find why.
    fn write_told(&mut self, group: &Group<'_>, news: News, freed: &[u64]) -> io::Result<Cursor> {
        if !group.decisions.is_empty() {
            self.put_decisions(self.next_id, &group.decisions)?;
        }
        self.carry(freed)?;
        for (consumer, ids) in news {
            let consumer = consumer.and_then(|nth| Some(self.consumers.get(nth)?.to_string()));
            self.put_settled(&Settled { consumer, ids: ranges(ids) })?;
        }
        Ok(self.end())
    }

    fn write_entries(&mut self, group: &Group<'_>) -> io::Result<()> {
        for body in &group.entries {
            let head = Head { kind: Kind::Entry, id: self.next_id, len: body.len, body_crc: body.crc };
            let end = self.put(head, body.parts.iter().map(|part| &**part))?;
            self.unsynced.push(Placed { id: self.next_id, end });
            self.next_id += 1;
        }
        self.sync()
    }

    fn put_settled(&mut self, settled: &Settled) -> io::Result<()> {
        let body = settled.encode();
        let end = self.put(Head::of(Kind::Settled, self.next_id, &body), [&*body])?;
        self.shelf.index().told(&settled.ids, end.place);
        Ok(())
    }

    fn put_decisions(&mut self, before: u64, decisions: &[Decision]) -> io::Result<()> {
        let body = encode_decisions(decisions);
        let end = self.put(Head::of(Kind::Decision, before, &body), [&*body])?;
        self.shelf.index().decided(end.place, before, body.len() as u64);
        Ok(())
    }

    /// Puts a record into the buffer; where its segment has no room, into the next one. Gives where it ends.
    fn put<'b>(&mut self, head: Head, body: impl IntoIterator<Item = &'b [u8]>) -> io::Result<Cursor> {
        if self.pen.as_ref().is_some_and(|pen| pen.end() + head.span() > pen.len) {
            // What the next segment says of this one must be true.
            self.sync()?;
            self.pen = None;
        }
        let pen = match self.pen.take() {
            Some(pen) => pen,
            None => self.next_segment((DATA + head.span()).next_multiple_of(BLOCK))?,
        };
        let pen = self.pen.insert(pen);
        head.put(pen.salt, &mut pen.buffer);
        body.into_iter().for_each(|part| pen.buffer.extend_from_slice(part));
        let whole = pen.buffer.len().next_multiple_of(ALIGN as usize);
        pen.buffer.resize(whole, 0);
        Ok(Cursor { place: pen.place, at: pen.end() })
    }

    /// Begins a segment of at least this length. Its header becomes safe with its first records.
    fn next_segment(&mut self, least: u64) -> io::Result<Pen<D::File>> {
        let Spare { number, file, len } = match self.spare.iter().position(|spare| spare.len >= least) {
            Some(fits) => self.spare.swap_remove(fits),
            None => self.create(least)?,
        };
        let Cursor { place: previous, at: previous_end } = self.last;
        let header =
            Header { place: self.next_place, salt: random(), first: self.next_id, previous, previous_end };
        if let Err(error) = file.write_at(0, &header.encode()) {
            self.keep_or_remove(Spare { number, file, len });
            return Err(error);
        }
        self.next_place += 1;
        self.last = Cursor { place: header.place, at: DATA };
        self.room.take(len);
        self.shelf.index().begin(&header, number, Arc::clone(&file), len);
        Ok(Pen { file, place: header.place, salt: header.salt, at: DATA, buffer: Vec::new(), len })
    }

    /// A new file, on a disk that is nearly full a shorter one.
    fn create(&mut self, least: u64) -> io::Result<Spare<D::File>> {
        let mut len = self.segment.max(least);
        loop {
            match self.disk.create(self.next_number, len) {
                Err(error) if is_full(&error) && len > least.max(SMALLEST) => {
                    len = (len / 2).next_multiple_of(BLOCK).max(least);
                }
                file => {
                    let (number, file) = (self.next_number, Arc::new(file?));
                    self.next_number += 1;
                    return Ok(Spare { number, file, len });
                }
            }
        }
    }

    /// Of what was put.
    fn end(&self) -> Cursor {
        self.pen.as_ref().map_or(self.last, |pen| Cursor { place: pen.place, at: pen.end() })
    }

    fn sync(&mut self) -> io::Result<()> {
        let Some(pen) = self.pen.as_mut().filter(|pen| !pen.buffer.is_empty()) else { return Ok(()) };
        let buffer = std::mem::take(&mut pen.buffer);
        // Where this fails, the next group is written to the same place.
        pen.file.write_at(pen.at, &buffer)?;
        if let Err(error) = pen.file.sync() {
            // Nobody knows what of this is on the disk, and a second try would say that all is well.
            self.pen = None;
            return Err(error);
        }
        pen.at += buffer.len() as u64;
        self.last = Cursor { place: pen.place, at: pen.at };
        if buffer.capacity() <= KEPT {
            pen.buffer = buffer;
            pen.buffer.clear();
        }
        self.shelf.index().written(pen.place, pen.at, self.next_id);
        self.synced.append(&mut self.unsynced);
        Ok(())
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

impl<F: DiskFile> Pen<F> {
    fn end(&self) -> u64 {
        self.at + self.buffer.len() as u64
    }
}

#[cfg(test)]
mod tests;
