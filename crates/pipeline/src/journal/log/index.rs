//! What is known of the segments without reading them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Cursor;
use crate::journal::segment::{DATA, Header, IdSet};

/// The index, shared by the writer and the readers.
pub(in crate::journal) struct Shelf<F>(Mutex<Index<F>>);

pub(in crate::journal) struct Index<F> {
    /// By place.
    pub(super) segments: BTreeMap<u64, Segment<F>>,
    /// The id of the next entry, after those that are safe.
    pub(in crate::journal) next: u64,
}

pub(super) struct Segment<F> {
    pub(super) file: Arc<F>,
    pub(super) number: u32,
    pub(super) len: u64,
    pub(super) salt: u64,
    /// Of what is safe.
    pub(super) end: u64,
    pub(super) first: u64,
    pub(super) next: u64,
    /// Entries that all consumers are done with.
    pub(super) settled: IdSet,
    /// Entries that some consumers are done with, as a bit for each of them.
    pub(super) partly: BTreeMap<u64, u64>,
    /// The first segment in which stands what is settled here; before that one nothing does.
    pub(super) told_from: Option<u64>,
    /// What was told did not reach the disk.
    pub(super) tell_again: bool,
    /// The latest decision in it is about entries before this one.
    pub(super) decided_before: u64,
    /// Of its decisions.
    pub(super) decision_bytes: u64,
}

/// Ids that one consumer (or all: `None`) became done with.
pub(super) type News = Vec<(Option<usize>, Vec<u64>)>;

impl<F> Shelf<F> {
    pub(super) fn new(index: Index<F>) -> Self {
        Self(Mutex::new(index))
    }

    pub(in crate::journal) fn index(&self) -> MutexGuard<'_, Index<F>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F> Segment<F> {
    pub(super) fn new(header: &Header, number: u32, file: Arc<F>, len: u64) -> Self {
        Self {
            file,
            number,
            len,
            salt: header.salt,
            end: DATA,
            first: header.first,
            next: header.first,
            settled: IdSet::new(header.first),
            partly: BTreeMap::new(),
            told_from: None,
            tell_again: false,
            decided_before: 0,
            decision_bytes: 0,
        }
    }

    pub(super) fn live(&self) -> u64 {
        (self.next - self.first).saturating_sub(self.settled.len())
    }

    pub(super) fn settle(&mut self, id: u64, consumers: u64, all: u64) -> Option<Done> {
        if !(self.first..self.next).contains(&id) || self.settled.contains(id) {
            return None;
        }
        let done = self.partly.entry(id).or_insert(0);
        *done |= consumers;
        if *done & all == all {
            self.partly.remove(&id);
            self.settled.insert(id);
            return Some(Done::Wholly);
        }
        Some(Done::Partly)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Done {
    Wholly,
    Partly,
}

/// A bit for each of so many consumers.
pub(in crate::journal) fn all(consumers: usize) -> u64 {
    u64::MAX.checked_shr(64_u32.saturating_sub(u32::try_from(consumers).unwrap_or(64))).unwrap_or(0)
}

impl<F> Index<F> {
    pub(super) fn begin(&mut self, header: &Header, number: u32, file: Arc<F>, len: u64) {
        self.segments.insert(header.place, Segment::new(header, number, file, len));
    }

    pub(super) fn written(&mut self, place: u64, end: u64, next: u64) {
        self.next = next;
        if let Some(segment) = self.segments.get_mut(&place) {
            segment.end = end;
            segment.next = next;
        }
    }

    /// Notes who is done with what; gives what is new, each id once.
    pub(super) fn settle(&mut self, settled: &[(u64, usize)], consumers: usize) -> News {
        let mut wholly = Vec::new();
        let mut partly = vec![Vec::new(); consumers];
        for (id, consumer) in settled {
            let Some(segment) = self.of_mut(*id) else { continue };
            match segment.settle(*id, 1 << consumer, all(consumers)) {
                Some(Done::Wholly) => wholly.push(*id),
                Some(Done::Partly) => partly.get_mut(*consumer).into_iter().for_each(|ids| ids.push(*id)),
                None => {}
            }
        }
        for ids in &mut partly {
            ids.retain(|id| !self.is_settled(*id));
        }
        let partly = partly.into_iter().enumerate().map(|(nth, ids)| (Some(nth), ids));
        let mut news: News = std::iter::once((None, wholly)).chain(partly).collect();
        news.retain(|(_, ids)| !ids.is_empty());
        news.iter_mut().for_each(|(_, ids)| ids.sort_unstable());
        news
    }

    pub(super) fn is_settled(&self, id: u64) -> bool {
        self.of(id).is_none_or(|segment| segment.settled.contains(id))
    }

    /// The consumers that are not done with an entry.
    pub(super) fn pending(&self, id: u64, consumers: usize) -> u64 {
        let done = self.of(id).and_then(|segment| segment.partly.get(&id)).copied().unwrap_or(0);
        all(consumers) & !done
    }

    /// The segment at `place` tells that these are settled.
    pub(super) fn told(&mut self, ids: &[Range<u64>], place: u64) {
        for segment in self.segments.values_mut() {
            let about = |ids: &Range<u64>| ids.start < segment.next && segment.first < ids.end;
            if ids.iter().any(about) {
                segment.told_from.get_or_insert(place);
            }
        }
    }

    pub(super) fn decided(&mut self, place: u64, before: u64, bytes: u64) {
        if let Some(segment) = self.segments.get_mut(&place) {
            segment.decision_bytes += bytes;
            segment.decided_before = segment.decided_before.max(before);
        }
    }

    /// Something did not reach the disk; what is settled is told once more, and until then every segment may be the one
    /// that tells it.
    pub(super) fn tell_again(&mut self) {
        for segment in self.segments.values_mut() {
            segment.tell_again = segment.settled.len() > 0 || !segment.partly.is_empty();
            segment.told_from = segment.tell_again.then_some(0);
        }
    }

    /// Bytes of decisions behind this segment.
    pub(super) fn decided_after(&self, place: u64) -> u64 {
        self.segments.range(place + 1..).map(|(_, segment)| segment.decision_bytes).sum()
    }

    /// The first entry that may come again after a power cut, or the next one.
    pub(super) fn oldest(&self) -> u64 {
        let mut may_come = self.segments.values().filter_map(|segment| match segment.tell_again {
            true => Some(segment.first),
            false => (segment.live() > 0).then(|| segment.settled.first_gap()),
        });
        may_come.next().unwrap_or(self.next)
    }

    /// Behind the last record that is safe.
    pub(in crate::journal) fn end(&self) -> Cursor {
        let last = self.segments.last_key_value();
        last.map(|(place, segment)| Cursor { place: *place, at: segment.end }).unwrap_or_default()
    }

    /// Entries that are not settled.
    pub(in crate::journal) fn live(&self) -> u64 {
        self.segments.values().map(Segment::live).sum()
    }

    fn of(&self, id: u64) -> Option<&Segment<F>> {
        self.segments.values().rev().find(|segment| segment.first <= id && id < segment.next)
    }

    fn of_mut(&mut self, id: u64) -> Option<&mut Segment<F>> {
        self.segments.values_mut().rev().find(|segment| segment.first <= id && id < segment.next)
    }
}
