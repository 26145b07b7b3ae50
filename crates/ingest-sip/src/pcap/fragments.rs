//! Packets of IP put together from their fragments.

use std::collections::HashMap;
use std::net::IpAddr;

use super::packet::{Packet, Piece};

/// Packets that are not whole yet; for one more, those leave that have waited longest.
const MOST_PACKETS: usize = 1024;
const MOST_PIECES: usize = 128;
/// A packet of IP is no longer.
const LONGEST: usize = 65_535;
/// The rest of a packet is waited for so long (RFC 8200, section 4.5), by the clock of the capture.
const PATIENCE: u64 = 60_000_000_000;

#[derive(Default)]
pub(super) struct Fragments {
    waiting: HashMap<Key, Waiting>,
    /// Fragments of packets that did not become whole.
    pub(super) lost: u64,
}

type Key = (IpAddr, IpAddr, u8, u32);

struct Waiting {
    since: u64,
    /// In the order of their places, none over another.
    pieces: Vec<(usize, Vec<u8>)>,
    length: Option<usize>,
}

impl Fragments {
    /// Takes a piece; gives the body of the packet when it is whole.
    pub(super) fn push(&mut self, at: u64, packet: &Packet<'_>, piece: Piece) -> Option<Vec<u8>> {
        let key = (packet.from, packet.to, packet.protocol, piece.id);
        if self.waiting.get(&key).is_some_and(|waiting| at.saturating_sub(waiting.since) > PATIENCE) {
            self.forget(&key);
        }
        if !self.waiting.contains_key(&key) && self.waiting.len() >= MOST_PACKETS {
            self.clear_half();
        }
        let waiting =
            self.waiting.entry(key).or_insert(Waiting { since: at, pieces: Vec::new(), length: None });
        if !waiting.add(piece, packet.body) {
            self.lost += 1;
            self.forget(&key);
            return None;
        }
        waiting.is_whole().then(|| self.waiting.remove(&key).map(Waiting::join)).flatten()
    }

    /// Nothing more comes.
    pub(super) fn finish(&mut self) {
        let left: usize = self.waiting.drain().map(|(_, waiting)| waiting.pieces.len()).sum();
        self.lost += left as u64;
    }

    fn forget(&mut self, key: &Key) {
        self.lost += self.waiting.remove(key).map_or(0, |waiting| waiting.pieces.len() as u64);
    }

    fn clear_half(&mut self) {
        let mut times: Vec<u64> = self.waiting.values().map(|waiting| waiting.since).collect();
        let middle = times.len() / 2;
        let (_, middle, _) = times.select_nth_unstable(middle);
        let old: Vec<Key> = self
            .waiting
            .iter()
            .filter(|(_, waiting)| waiting.since <= *middle)
            .map(|(key, _)| *key)
            .collect();
        old.iter().for_each(|key| self.forget(key));
    }
}

impl Waiting {
    /// False where pieces contradict each other (RFC 5722) or make no packet.
    fn add(&mut self, piece: Piece, body: &[u8]) -> bool {
        let end = piece.offset + body.len();
        if !piece.more && self.length.replace(end).is_some_and(|known| known != end) {
            return false;
        }
        let place = self.pieces.partition_point(|(offset, _)| *offset < piece.offset);
        if self.pieces.get(place).is_some_and(|(offset, known)| *offset == piece.offset && known == body) {
            // It came twice.
            return true;
        }
        let before = place.checked_sub(1).and_then(|place| self.pieces.get(place));
        let clear = before.is_none_or(|(offset, known)| offset + known.len() <= piece.offset)
            && self.pieces.get(place).is_none_or(|(offset, _)| end <= *offset);
        if !clear || body.is_empty() || end > LONGEST || self.pieces.len() >= MOST_PIECES {
            return false;
        }
        self.pieces.insert(place, (piece.offset, body.to_vec()));
        true
    }

    fn is_whole(&self) -> bool {
        let end =
            self.pieces.iter().try_fold(0, |end, (offset, body)| (*offset == end).then(|| end + body.len()));
        end.is_some() && end == self.length
    }

    fn join(self) -> Vec<u8> {
        self.pieces.into_iter().flat_map(|(_, body)| body).collect()
    }
}
