//! TCP put together, as far as SIP needs it: segments in order, with a few that wait for one before them.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

use bytes::Bytes;
use throughline_sip::{Frame, Frames, Limits, Side};

const MOST_STREAMS: usize = 16_384;
/// Segments behind a gap; then the gap is given up.
const MOST_AHEAD: usize = 32;

#[derive(Default)]
pub(super) struct Streams {
    open: HashMap<(SocketAddr, SocketAddr), Stream>,
    pub(super) lost: u64,
}

struct Stream {
    next: u32,
    frames: Frames,
    ahead: BTreeMap<u32, Vec<u8>>,
}

impl Streams {
    pub(super) fn push(
        &mut self,
        from: SocketAddr,
        to: SocketAddr,
        sequence: u32,
        begins: bool,
        payload: &[u8],
    ) -> Vec<Bytes> {
        let key = (from, to);
        if begins {
            self.open.remove(&key);
        }
        let known = self.open.contains_key(&key);
        // A capture that starts in the middle of a connection: only from the beginning of a message on.
        if !known && (self.open.len() >= MOST_STREAMS || !(begins || super::looks_like_sip(payload))) {
            self.lost += payload.len() as u64;
            return Vec::new();
        }
        let first = sequence.wrapping_add(u32::from(begins));
        let stream = self.open.entry(key).or_insert_with(|| Stream {
            next: first,
            frames: Frames::new(Side::Accepted, Limits::DEFAULT),
            ahead: BTreeMap::new(),
        });
        let mut out = Vec::new();
        if !stream.add(first, payload, &mut out) {
            self.lost += stream.frames.rest().len() as u64;
            self.open.remove(&key);
        }
        out
    }
}

impl Stream {
    /// False where nobody knows any more where a message begins.
    fn add(&mut self, sequence: u32, payload: &[u8], out: &mut Vec<Bytes>) -> bool {
        self.ahead.insert(sequence, payload.to_vec());
        loop {
            // A segment that begins at or before what is next, and ends after it.
            let fits = self.ahead.iter().find_map(|(at, bytes)| {
                let known = self.next.wrapping_sub(*at) as usize;
                (known < bytes.len()).then_some((*at, known))
            });
            let Some((at, known)) = fits else { break };
            let bytes = self.ahead.remove(&at).unwrap_or_default();
            let new = bytes.get(known..).unwrap_or_default();
            self.next = self.next.wrapping_add(new.len() as u32);
            self.frames.push(new);
        }
        let next = self.next;
        self.ahead.retain(|at, _| at.wrapping_sub(next) < 1 << 31 && *at != next);
        while let Ok(Some(frame)) = self.frames.next() {
            if let Frame::Message(message) = frame {
                out.push(message.into_inner());
            }
        }
        self.ahead.len() <= MOST_AHEAD && self.frames.next().is_ok()
    }
}
