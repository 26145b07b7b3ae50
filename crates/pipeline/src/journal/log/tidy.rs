//! Segments of which nothing is needed any more become free.

use std::io;
use std::sync::Arc;

use super::{Log, SPARE, Spare};
use crate::journal::disk::{Disk, DiskFile};
use crate::journal::record::{Decision, Kind, Settled, decode_decisions};
use crate::journal::segment::{Header, Scan, ranges};

impl<D: Disk> Log<D> {
    /// The places of segments whose entries are all settled, but for the one that is being filled: those in which
    /// nothing stands that is still needed, and the others.
    pub(super) fn empty_segments(&self) -> (Vec<u64>, Vec<u64>) {
        let filling = self.pen.as_ref().map(|pen| pen.place);
        let index = self.shelf.index();
        let oldest = index.oldest();
        let (mut free, mut needed, mut staying) = (Vec::new(), Vec::new(), Vec::new());
        for (place, segment) in &index.segments {
            let empty = segment.live() == 0 && Some(*place) != filling;
            let told_of_others = staying.iter().any(|from| from <= place);
            let decisions = segment.decided_before > oldest
                || segment.decision_bytes > 0 && index.decided_after(*place) < self.remembered();
            match (empty, told_of_others || decisions) {
                (true, false) => free.push(*place),
                (true, true) => needed.push(*place),
                (false, _) => {}
            }
            if free.last() != Some(place) {
                staying.extend(segment.told_from);
            }
        }
        (free, needed)
    }

    /// Bytes.
    fn remembered(&self) -> u64 {
        self.segment / super::REMEMBERED
    }

    /// Writes anew what stands in these segments and is still needed: what is settled in older segments, decisions on
    /// entries that are not settled, and the latest decisions.
    pub(super) fn carry(&mut self, freed: &[u64]) -> io::Result<()> {
        for place in self.untold(freed) {
            self.tell(place)?;
        }
        for place in freed.iter().rev() {
            // That a sampler decides anew is better than that nothing is taken any more.
            let needed = self.needed_decisions(*place).inspect_err(|error| {
                tracing::warn!(%error, "decisions in the journal cannot be read and will be made anew");
            });
            for (before, decisions) in needed.unwrap_or_default() {
                self.put_decisions(before, &decisions)?;
            }
        }
        Ok(())
    }

    /// Makes segments free, oldest first. Where one cannot be marked so, it stays with all that come later, in which may
    /// stand that its entries are settled; the next group tries again.
    pub(super) fn free(&mut self, places: Vec<u64>) {
        let failed = places.into_iter().find_map(|place| self.free_one(place).err());
        if let Some(error) = failed {
            tracing::warn!(%error, "a segment of the journal cannot be marked as free yet");
        }
    }

    fn free_one(&mut self, place: u64) -> io::Result<()> {
        let Some(segment) = self.shelf.index().segments.remove(&place) else { return Ok(()) };
        let marked = segment.file.write_at(0, &[0; Header::LEN]).and_then(|()| segment.file.sync());
        if let Err(error) = marked {
            self.shelf.index().segments.insert(place, segment);
            return Err(error);
        }
        self.room.give(segment.len);
        self.keep_or_remove(Spare {
            number: segment.number,
            file: Arc::clone(&segment.file),
            len: segment.len,
        });
        Ok(())
    }

    pub(super) fn keep_or_remove(&mut self, spare: Spare<D::File>) {
        if self.spare.len() < SPARE && spare.len == self.segment {
            self.spare.push(spare);
        } else if let Err(error) = self.disk.remove(spare.number) {
            tracing::warn!(%error, number = spare.number, "a free segment of the journal cannot be removed");
        }
    }

    /// The places of segments about which something stands in one of these, or was not written at all.
    fn untold(&self, freed: &[u64]) -> Vec<u64> {
        let index = self.shelf.index();
        let needs = index.segments.iter().filter(|(place, segment)| {
            let in_freed = |from: u64| freed.iter().any(|freed| **place < *freed && from <= *freed);
            !freed.contains(place) && (segment.tell_again || segment.told_from.is_some_and(in_freed))
        });
        needs.map(|(place, _)| *place).collect()
    }

    /// Writes what is settled in a segment.
    fn tell(&mut self, place: u64) -> io::Result<()> {
        let mut told = Vec::new();
        if let Some(segment) = self.shelf.index().segments.get_mut(&place) {
            told.push(Settled { consumer: None, ids: segment.settled.ranges() });
            for (nth, consumer) in self.consumers.iter().enumerate() {
                let done =
                    segment.partly.iter().filter(|(_, done)| **done >> nth & 1 != 0).map(|(id, _)| *id);
                told.push(Settled { consumer: Some(consumer.to_string()), ids: ranges(done) });
            }
            (segment.told_from, segment.tell_again) = (None, false);
        }
        told.retain(|settled| !settled.ids.is_empty());
        told.iter().try_for_each(|settled| self.put_settled(settled))
    }

    fn needed_decisions(&self, place: u64) -> io::Result<Vec<(u64, Vec<Decision>)>> {
        let (file, salt, end, oldest, after) = {
            let index = self.shelf.index();
            let Some(segment) = index.segments.get(&place).filter(|segment| segment.decision_bytes > 0)
            else {
                return Ok(Vec::new());
            };
            let after = index.decided_after(place);
            (Arc::clone(&segment.file), segment.salt, segment.end, index.oldest(), after)
        };
        let mut scan = Scan::new(&*file, salt, end, false);
        let mut found_here = Vec::new();
        while let Some(found) = scan.next()? {
            if found.head.kind == Kind::Decision
                && let Some(body) = scan.body(&found)?
            {
                found_here.push((found.head, decode_decisions(body)));
            }
        }
        let mut room = self.remembered().saturating_sub(after);
        let mut needed = Vec::new();
        for (head, decisions) in found_here.into_iter().rev() {
            let is_recent = u64::from(head.len) <= room;
            room -= if is_recent { u64::from(head.len) } else { room };
            if is_recent || head.id > oldest {
                needed.push((head.id, decisions));
            }
        }
        needed.reverse();
        Ok(needed)
    }
}
