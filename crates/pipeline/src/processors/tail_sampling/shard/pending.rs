//! The spans of pending traces, encoded as they came, with what stands around them.

use flow::Audience;

use crate::processors::tail_sampling::arena::{Arena, Place};
use crate::processors::tail_sampling::facts::Facts;
use crate::processors::tail_sampling::headers::Headers;
use crate::processors::tail_sampling::mark::Mark;
use crate::processors::tail_sampling::outbox::{Origin, Outbox, Parcel, Reason};
use crate::processors::tail_sampling::slab::Slab;
use crate::processors::tail_sampling::survey::{Run, facts};
use crate::processors::tail_sampling::watch::Watch;

#[derive(Debug, Default)]
pub(super) struct Pending {
    arena: Arena,
    pub(super) headers: Headers,
    pieces: Slab<Piece>,
    origins: Slab<(Origin, u32)>,
}

/// The pieces of a trace, in the order of their arrival.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct List {
    ends: Option<(u32, u32)>,
}

/// A run of spans.
#[derive(Clone, Copy, Debug)]
struct Piece {
    place: Place,
    spans: u32,
    header: u32,
    origin: u32,
    /// Its own number where it is the last one.
    next: u32,
}

impl Pending {
    /// Holds an origin open while its runs are taken in.
    pub(super) fn open_origin(&mut self, origin: Origin) -> u32 {
        self.origins.insert((origin, 1))
    }

    pub(super) fn close_origin(&mut self, number: u32) {
        let Some((_, uses)) = self.origins.get_mut(number) else { return };
        *uses -= 1;
        if *uses == 0 {
            self.origins.remove(number);
        }
    }

    /// Adds a run to a trace; says for whom it is.
    pub(super) fn push(&mut self, list: &mut List, run: &Run<'_>, header: u32, origin: u32) -> Audience {
        let audience = match self.origins.get_mut(origin) {
            Some((known, uses)) => {
                *uses += 1;
                known.audience
            }
            None => Audience::All,
        };
        self.headers.again(header);
        let empty = self.arena.nowhere();
        let number =
            self.pieces.insert(Piece { place: empty, spans: run.facts.spans, header, origin, next: 0 });
        let place = self.arena.store(number, run.bytes);
        if let Some(piece) = self.pieces.get_mut(number) {
            (piece.place, piece.next) = (place, number);
        }
        list.ends = Some(match list.ends {
            None => (number, number),
            Some((first, last)) => {
                if let Some(piece) = self.pieces.get_mut(last) {
                    piece.next = number;
                }
                (first, number)
            }
        });
        audience
    }

    /// Sends a trace's spans out, and forgets them. Gives their number.
    pub(super) fn send(&mut self, list: List, mark: &Mark<'_>, outbox: &mut Outbox) -> u64 {
        let pieces: Vec<Piece> = self.walk(list).map(|(_, piece)| piece).collect();
        let mut parcels: Vec<_> = pieces.iter().filter_map(|piece| self.parcel(piece)).collect();
        parcels.sort_by_key(|parcel| parcel.header_number);
        outbox.send(&parcels, mark);
        let spans = pieces.iter().map(|piece| u64::from(piece.spans)).sum();
        self.forget(list);
        spans
    }

    /// Leaves a trace's spans out, and forgets them.
    pub(super) fn leave_out(&mut self, list: List, reason: Reason, outbox: &mut Outbox) {
        for (_, piece) in self.walk(list) {
            if let Some((origin, _)) = self.origins.get(piece.origin) {
                outbox.leave_out(reason, piece.spans, &origin.ack);
            }
        }
        self.forget(list);
    }

    /// Sends a run out that was never pending.
    pub(super) fn forward(
        &self,
        run: &Run<'_>,
        header: u32,
        origin: u32,
        mark: &Mark<'_>,
        outbox: &mut Outbox,
    ) {
        let (Some(around), Some((origin, _))) = (self.headers.get(header), self.origins.get(origin)) else {
            return;
        };
        let spans = run.facts.spans;
        outbox
            .send(&[Parcel { header: around, header_number: header, bytes: run.bytes, spans, origin }], mark);
    }

    /// Leaves a run out that was never pending.
    pub(super) fn refuse(&self, spans: u32, origin: u32, reason: Reason, outbox: &mut Outbox) {
        if let Some((origin, _)) = self.origins.get(origin) {
            outbox.leave_out(reason, spans, &origin.ack);
        }
    }

    /// The facts of a trace, found anew.
    pub(super) fn facts(&self, list: &List, watch: &Watch, now: u64) -> Facts {
        let mut sum = Facts::default();
        for (_, piece) in self.walk(*list) {
            let Some(parcel) = self.parcel(&piece) else { continue };
            if parcel.origin.audience == Audience::All {
                sum.join(&facts(parcel.header.resource(), parcel.header.scope(), parcel.bytes, watch, now));
            }
        }
        sum
    }

    /// Moves pieces out of chunks that are mostly holes.
    pub(super) fn tidy(&mut self) {
        while let Some((chunk, numbers)) = self.arena.to_move() {
            for number in numbers {
                if let Some(piece) = self.pieces.get_mut(number) {
                    piece.place = self.arena.relocate(chunk, number, piece.place);
                }
            }
        }
    }

    pub(super) fn held(&self) -> usize {
        self.arena.held() + self.headers.held() + self.pieces.bytes() + self.origins.bytes()
    }

    pub(super) fn needed(&self) -> usize {
        self.arena.live() + self.headers.held() + self.pieces.len() * size_of::<Option<Piece>>()
    }

    fn parcel(&self, piece: &Piece) -> Option<Parcel<'_>> {
        Some(Parcel {
            header: self.headers.get(piece.header)?,
            header_number: piece.header,
            bytes: self.arena.get(piece.place),
            spans: piece.spans,
            origin: &self.origins.get(piece.origin)?.0,
        })
    }

    fn walk(&self, list: List) -> impl Iterator<Item = (u32, Piece)> {
        let mut next = list.ends.map(|(first, _)| first);
        std::iter::from_fn(move || {
            let number = next?;
            let piece = *self.pieces.get(number)?;
            next = (piece.next != number).then_some(piece.next);
            Some((number, piece))
        })
    }

    fn forget(&mut self, list: List) {
        let numbers: Vec<u32> = self.walk(list).map(|(number, _)| number).collect();
        for number in numbers {
            let Some(piece) = self.pieces.remove(number) else { continue };
            self.arena.free(piece.place);
            self.headers.leave(piece.header);
            self.close_origin(piece.origin);
        }
    }
}
