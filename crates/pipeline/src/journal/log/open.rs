//! Finds out, after an end of whatever kind, what is there.

use std::io;
use std::sync::Arc;

use super::index::{Index, Segment, Shelf, all};
use super::{Cursor, Log, Spare};
use crate::journal::disk::{Disk, DiskFile};
use crate::journal::record::{Decision, HEAD, Kind, Settled, decode_decisions};
use crate::journal::room::Room;
use crate::journal::segment::{Header, Scan};

/// Stands for the end of a segment in which not everything before its end is a record.
const UNKNOWN: u64 = 0;

/// What was found, besides the entries.
#[derive(Default, Debug)]
pub(in crate::journal) struct Recovered {
    /// All that are there still; among them those on entries that are not settled.
    pub(in crate::journal) decisions: Vec<Decision>,
    /// Segments in which something stood that is no record, and records behind it.
    pub(in crate::journal) salvaged: usize,
}

/// What the records of all segments say beside the entries.
#[derive(Default)]
struct Said {
    settled: Vec<(u64, Settled)>,
    decisions: Vec<Decision>,
    /// Places.
    salvaged: Vec<u64>,
}

struct Used<F> {
    header: Header,
    number: u32,
    file: F,
    len: u64,
}

impl<D: Disk> Log<D> {
    /// Segments have `segment` bytes; an entry that is larger has one of its own.
    pub(in crate::journal) fn open(
        mut disk: D,
        segment: u64,
        consumers: Arc<[Arc<str>]>,
        room: Arc<Room>,
    ) -> io::Result<(Self, Recovered)> {
        let (mut used, mut free) = (Vec::new(), Vec::new());
        let mut next_number = 0;
        for (number, file) in disk.open()? {
            next_number = next_number.max(number.saturating_add(1));
            let mut bytes = [0; Header::LEN];
            file.read_at(0, &mut bytes)?;
            let len = file.len()?;
            match Header::decode(&bytes) {
                Some(header) => used.push(Used { header, number, file, len }),
                None => free.push(Spare { number, file: Arc::new(file), len }),
            }
        }
        used.sort_by_key(|used| used.header.place);
        let next_place = used.last().map_or(1, |last| last.header.place + 1);
        let mut index = Index { segments: Default::default(), next: 1 };
        let mut said = Said::default();
        for (used, bounds) in bounded(used) {
            let place = used.header.place;
            let segment = read(used, bounds, index.next, &mut said)?;
            room.take(segment.len);
            index.next = index.next.max(segment.next);
            index.segments.insert(place, segment);
        }
        said.apply(&mut index, &consumers);
        let salvaged = said.salvaged;
        let recovered = Recovered { decisions: said.decisions, salvaged: salvaged.len() };
        let last = index.segments.last_key_value();
        // Something in it only looks like a record: every later look at it has to be as close.
        let end = |(place, segment): (&u64, &Segment<_>)| match salvaged.contains(place) {
            true => Cursor { place: *place, at: UNKNOWN },
            false => Cursor { place: *place, at: segment.end },
        };
        let last = last.map(end).unwrap_or_default();
        let next_id = index.next;
        let mut log = Self {
            disk,
            segment,
            consumers,
            room,
            shelf: Arc::new(Shelf::new(index)),
            pen: None,
            spare: Vec::new(),
            next_number,
            next_place,
            next_id,
            last,
            carried: Vec::new(),
            unsynced: Vec::new(),
            synced: Vec::new(),
        };
        free.into_iter().for_each(|spare| log.keep_or_remove(spare));
        Ok((log, recovered))
    }
}

/// What the segment that came next says of the one before it.
struct Bounds {
    /// Where its records end; nothing where the next one is gone.
    end: Option<u64>,
    /// Its entries have ids below this one.
    ids: u64,
}

fn bounded<F>(used: Vec<Used<F>>) -> Vec<(Used<F>, Bounds)> {
    let next: Vec<_> = used.iter().skip(1).map(|next| next.header).collect();
    let bounds = |used: &Used<F>, next: Option<&Header>| Bounds {
        end: next
            .filter(|next| next.previous == used.header.place && next.previous_end != UNKNOWN)
            .map(|next| next.previous_end),
        ids: next.map_or(u64::MAX, |next| next.first),
    };
    let mut next = next.iter();
    used.into_iter()
        .map(|used| {
            let bounds = bounds(&used, next.next());
            (used, bounds)
        })
        .collect()
}

/// What a client was told is in front of the end. Where nobody says where that is, every record that is whole counts;
/// those of a group that failed are no more than a repetition.
fn read<F: DiskFile>(used: Used<F>, bounds: Bounds, least: u64, said: &mut Said) -> io::Result<Segment<F>> {
    let Used { header, number, file, len } = used;
    let file = Arc::new(file);
    let mut segment = Segment::new(&header, number, Arc::clone(&file), len);
    segment.first = header.first.max(least);
    segment.next = segment.first;
    segment.settled = crate::journal::segment::IdSet::new(segment.first);
    let mut scan = Scan::new(&*file, header.salt, bounds.end.unwrap_or(len), bounds.end.is_none());
    let mut salvaged = false;
    // Ids are missing only where records are.
    let most_missing = len / HEAD as u64;
    while let Some(found) = scan.next()? {
        segment.end = found.end();
        salvaged |= found.after_damage;
        match found.head.kind {
            Kind::Entry if !(segment.next..bounds.ids).contains(&found.head.id) => {}
            Kind::Entry if found.head.id - segment.next > most_missing => {}
            Kind::Entry => {
                for hole in segment.next..found.head.id {
                    segment.settled.insert(hole);
                }
                segment.next = found.head.id + 1;
            }
            // Behind damage it may have been written without the decision that it follows from.
            Kind::Settled if found.after_damage => {}
            Kind::Settled => {
                let settled = scan.body(&found)?.map(Settled::decode);
                said.settled.extend(settled.map(|settled| (header.place, settled)));
            }
            Kind::Decision => {
                segment.decided_before = segment.decided_before.max(found.head.id);
                segment.decision_bytes += u64::from(found.head.len);
                said.decisions.extend(scan.body(&found)?.map(decode_decisions).unwrap_or_default());
            }
        }
    }
    if salvaged {
        said.salvaged.push(header.place);
    }
    // The rest will never be written.
    let needed = segment.end.next_multiple_of(super::BLOCK);
    if bounds.end.is_none() && needed < segment.len && file.cut(needed).is_ok() {
        segment.len = needed;
    }
    Ok(segment)
}

impl Said {
    fn apply<F>(&self, index: &mut Index<F>, consumers: &[Arc<str>]) {
        let all = all(consumers.len());
        for (place, settled) in &self.settled {
            let bits = match &settled.consumer {
                None => all,
                // One that is not configured any more does not count.
                Some(name) => match consumers.iter().position(|consumer| **consumer == **name) {
                    Some(nth) => 1 << nth,
                    None => continue,
                },
            };
            for segment in index.segments.values_mut() {
                for ids in &settled.ids {
                    for id in ids.start.max(segment.first)..ids.end.min(segment.next) {
                        segment.settle(id, bits, all);
                    }
                }
            }
            index.told(&settled.ids, *place);
        }
    }
}
