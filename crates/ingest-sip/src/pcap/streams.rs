//! TCP put together, as far as SIP needs it: segments in order, with a few that wait for one before them.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

use bytes::Bytes;
use throughline_sip::{Frame, Frames, Limits, Side};

/// Connections that are followed; for one more, those leave that have been silent longest.
const MOST_STREAMS: usize = 16_384;
/// Segments behind a gap, and their bytes; then the gap is given up.
const MOST_AHEAD: usize = 32;
const MOST_BYTES: usize = 256 << 10;

#[derive(Default)]
pub(super) struct Streams {
    open: HashMap<(SocketAddr, SocketAddr), Stream>,
    segments: u64,
    /// Bytes that were no SIP, or next to a gap.
    pub(super) lost: u64,
}

/// One direction of a connection.
struct Stream {
    /// The number of its first byte.
    first: u32,
    next: u32,
    frames: Frames,
    ahead: BTreeMap<u32, Vec<u8>>,
    heard: u64,
}

/// What TCP says of a segment.
#[derive(Clone, Copy)]
pub(super) struct Control {
    pub(super) sequence: u32,
    pub(super) begins: bool,
    pub(super) ends: bool,
}

impl Streams {
    pub(super) fn push(
        &mut self,
        from: SocketAddr,
        to: SocketAddr,
        control: Control,
        payload: &[u8],
    ) -> Vec<Bytes> {
        let key = (from, to);
        self.segments += 1;
        let first = control.sequence.wrapping_add(u32::from(control.begins));
        // The first segment may come twice.
        if control.begins && self.open.get(&key).is_some_and(|stream| stream.first != first) {
            self.close(key);
        }
        // A capture that starts in the middle of a connection: only from the beginning of a message on.
        if !self.open.contains_key(&key) {
            if !control.begins && !super::looks_like_sip(payload) {
                self.lost += payload.len() as u64;
                return Vec::new();
            }
            if self.open.len() >= MOST_STREAMS {
                self.close_silent();
            }
        }
        let heard = self.segments;
        let stream = self.open.entry(key).or_insert_with(|| Stream::new(first));
        stream.heard = heard;
        let mut out = Vec::new();
        self.lost += stream.add(first, payload, &mut out);
        if control.ends && stream.ahead.is_empty() || stream.is_lost() {
            self.close(key);
        }
        out
    }

    /// Nothing more comes.
    pub(super) fn finish(&mut self) {
        self.lost += self.open.drain().map(|(_, stream)| stream.unread()).sum::<u64>();
    }

    fn close(&mut self, key: (SocketAddr, SocketAddr)) {
        self.lost += self.open.remove(&key).map_or(0, |stream| stream.unread());
    }

    fn close_silent(&mut self) {
        let mut heard: Vec<u64> = self.open.values().map(|stream| stream.heard).collect();
        let quarter = heard.len() / 4;
        let (_, quarter, _) = heard.select_nth_unstable(quarter);
        let silent: Vec<_> =
            self.open.iter().filter(|(_, stream)| stream.heard <= *quarter).map(|(key, _)| *key).collect();
        silent.into_iter().for_each(|key| self.close(key));
    }
}

impl Stream {
    fn new(first: u32) -> Self {
        let frames = Frames::new(Side::Accepted, Limits::DEFAULT);
        Self { first, next: first, frames, ahead: BTreeMap::new(), heard: 0 }
    }

    /// Takes a segment; says how many bytes had to be left out.
    fn add(&mut self, sequence: u32, payload: &[u8], out: &mut Vec<Bytes>) -> u64 {
        // What was sent twice may have been sent longer.
        if !payload.is_empty() && self.ahead.get(&sequence).is_none_or(|known| known.len() < payload.len()) {
            self.ahead.insert(sequence, payload.to_vec());
        }
        self.advance(out);
        let waiting: usize = self.ahead.values().map(Vec::len).sum();
        if self.ahead.len() <= MOST_AHEAD && waiting <= MOST_BYTES {
            return 0;
        }
        self.skip_gap(out)
    }

    fn advance(&mut self, out: &mut Vec<Bytes>) {
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
    }

    /// Goes on behind a gap, where a segment begins with a message.
    fn skip_gap(&mut self, out: &mut Vec<Bytes>) -> u64 {
        let mut lost = self.frames.rest().len() as u64;
        self.frames = Frames::new(Side::Accepted, Limits::DEFAULT);
        while let Some(at) = self.ahead.keys().copied().min_by_key(|at| at.wrapping_sub(self.next)) {
            if self.ahead.get(&at).is_some_and(|bytes| super::looks_like_sip(bytes)) {
                self.next = at;
                self.advance(out);
                break;
            }
            lost += self.ahead.remove(&at).map_or(0, |bytes| bytes.len() as u64);
        }
        lost
    }

    /// Nobody knows any more where a message begins.
    fn is_lost(&mut self) -> bool {
        self.frames.next().is_err()
    }

    fn unread(&self) -> u64 {
        (self.frames.rest().len() + self.ahead.values().map(Vec::len).sum::<usize>()) as u64
    }
}
