//! Encoded spans of pending traces, in large chunks of memory.
//!
//! Spans stand in the order of their arrival. As traces leave, holes appear; the chunk with the most is emptied when
//! holes take more than an eighth of the whole, so that what is held stays near to what is needed.

/// Large enough that what is left over at its end does not matter, small enough to be given back soon.
const CHUNK: usize = 128 * 1024;
/// For so many chunks in use the memory of one is kept for those that come next, since pages that the system gives anew
/// cost more than the copy into them.
const IN_USE_FOR_A_SPARE: usize = 16;

#[derive(Debug, Default)]
pub(crate) struct Arena {
    chunks: Vec<Chunk>,
    /// Places in `chunks` without memory.
    vacant: Vec<u32>,
    spare: Vec<Chunk>,
    current: Option<u32>,
    held: usize,
    live: usize,
}

#[derive(Debug, Default)]
struct Chunk {
    data: Vec<u8>,
    live: usize,
    /// Numbers of the pieces that were stored here, those that have left among them.
    pieces: Vec<u32>,
}

/// Where a piece stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    chunk: u32,
    at: u32,
    pub(crate) len: u32,
}

impl Chunk {
    fn new(capacity: usize) -> Self {
        Self { data: Vec::with_capacity(capacity), live: 0, pieces: Vec::new() }
    }

    fn held(&self) -> usize {
        self.data.capacity() + self.pieces.capacity() * size_of::<u32>()
    }
}

impl Arena {
    /// Copies a piece in; its number tells whom to ask when it has to move.
    pub(crate) fn store(&mut self, number: u32, bytes: &[u8]) -> Place {
        let chunk = self.chunk_for(bytes.len());
        self.live += bytes.len();
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let Some(home) = self.chunks.get_mut(chunk as usize) else { return Place { chunk, at: 0, len: 0 } };
        let at = u32::try_from(home.data.len()).unwrap_or(u32::MAX);
        home.data.extend_from_slice(bytes);
        home.live += bytes.len();
        let before = home.pieces.capacity();
        home.pieces.push(number);
        self.held += (home.pieces.capacity() - before) * size_of::<u32>();
        Place { chunk, at, len }
    }

    pub(crate) fn get(&self, place: Place) -> &[u8] {
        let from = place.at as usize;
        let chunk = self.chunks.get(place.chunk as usize);
        chunk.and_then(|chunk| chunk.data.get(from..from + place.len as usize)).unwrap_or_default()
    }

    pub(crate) fn free(&mut self, place: Place) {
        let Some(chunk) = self.chunks.get_mut(place.chunk as usize) else { return };
        chunk.live -= place.len as usize;
        self.live -= place.len as usize;
        if chunk.live == 0 {
            self.give_back(place.chunk);
        }
    }

    /// Where nothing stands.
    pub(crate) fn nowhere(&self) -> Place {
        Place { chunk: u32::MAX, at: 0, len: 0 }
    }

    /// Bytes that are stored.
    pub(crate) fn live(&self) -> usize {
        self.live
    }

    /// Bytes of memory that this takes.
    pub(crate) fn held(&self) -> usize {
        self.held + self.spare.iter().map(Chunk::held).sum::<usize>()
    }

    /// Where holes take too much: the pieces of the chunk with the most holes, to be moved.
    pub(crate) fn to_move(&self) -> Option<(u32, Vec<u32>)> {
        let holes = self.held - self.live;
        if holes < self.live / 8 + 4 * CHUNK {
            return None;
        }
        let emptied = |(_, chunk): &(usize, &Chunk)| chunk.data.capacity() - chunk.live;
        let candidates = self.chunks.iter().enumerate().filter(|(at, chunk)| {
            chunk.live > 0 && chunk.live < chunk.data.capacity() / 4 * 3 && Some(*at as u32) != self.current
        });
        let (at, chunk) = candidates.max_by_key(emptied)?;
        Some((at as u32, chunk.pieces.clone()))
    }

    /// Moves a piece out of a chunk, if it still stands there.
    pub(crate) fn relocate(&mut self, from: u32, number: u32, place: Place) -> Place {
        if place.chunk != from {
            return place;
        }
        let bytes = self.get(place).to_vec();
        let moved = self.store(number, &bytes);
        self.free(place);
        moved
    }

    fn chunk_for(&mut self, len: usize) -> u32 {
        if let Some(current) = self.current
            && let Some(chunk) = self.chunks.get(current as usize)
            && chunk.data.capacity() - chunk.data.len() >= len
        {
            return current;
        }
        let spare = if len <= CHUNK { self.spare.pop() } else { None };
        let fresh = spare.unwrap_or_else(|| Chunk::new(len.max(CHUNK)));
        self.held += fresh.held();
        let at = match self.vacant.pop() {
            Some(at) => at,
            None => {
                self.chunks.push(Chunk::default());
                (self.chunks.len() - 1) as u32
            }
        };
        if let Some(slot) = self.chunks.get_mut(at as usize) {
            *slot = fresh;
        }
        // A piece that fills a chunk of its own does not end the current one.
        if len < CHUNK {
            let before = self.current.replace(at);
            if let Some(before) = before
                && self.chunks.get(before as usize).is_some_and(|chunk| chunk.live == 0)
            {
                self.give_back(before);
            }
        }
        at
    }

    /// The current chunk begins anew, any other one is given back.
    fn give_back(&mut self, at: u32) {
        let Some(chunk) = self.chunks.get_mut(at as usize) else { return };
        chunk.data.clear();
        chunk.pieces.clear();
        if self.current == Some(at) {
            return;
        }
        let chunk = std::mem::take(chunk);
        self.held -= chunk.held();
        self.vacant.push(at);
        if chunk.data.capacity() == CHUNK {
            self.spare.push(chunk);
        }
        self.spare.truncate(self.live / CHUNK / IN_USE_FOR_A_SPARE);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

        /// Scenario: pieces come and go in any order, and are moved whenever there are holes.
        /// Guarantees: each reads as it was stored, what is held is bounded by what is needed, and nothing remains.
        #[test]
        fn pieces_read_as_they_were_stored(steps in prop::collection::vec((1_usize..60_000, any::<u16>()), 1..100)) {
            let mut arena = Arena::default();
            let mut pieces: Vec<Option<(Vec<u8>, Place)>> = Vec::new();
            let mut live = 0;
            for (len, pick) in steps {
                let bytes = vec![pick as u8; len];
                let place = arena.store(pieces.len() as u32, &bytes);
                pieces.push(Some((bytes, place)));
                live += len;
                let at = usize::from(pick) % pieces.len();
                if pick % 3 > 0 && let Some((bytes, place)) = pieces[at].take() {
                    live -= bytes.len();
                    arena.free(place);
                }
                while let Some((chunk, numbers)) = arena.to_move() {
                    for number in numbers {
                        if let Some((_, place)) = &mut pieces[number as usize] {
                            *place = arena.relocate(chunk, number, *place);
                        }
                    }
                }
                prop_assert_eq!(arena.live, live);
                prop_assert!(arena.held <= live / 2 * 3 + 6 * CHUNK, "{} held for {live}", arena.held);
            }
            for (bytes, place) in pieces.into_iter().flatten() {
                prop_assert!(arena.get(place) == &bytes[..]);
                arena.free(place);
            }
            prop_assert_eq!((arena.live, arena.held <= 2 * CHUNK), (0, true));
        }
    }
}
