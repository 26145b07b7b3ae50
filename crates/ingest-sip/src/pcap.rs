//! Captures: SIP messages out of pcap and pcapng files.

mod file;
mod packet;
mod streams;

use crate::beside::Sighting;
use crate::hop::Transport;
use packet::{Segment, Via};
use streams::Streams;

pub use file::{Frame, Frames, Unreadable};

/// What was read of a capture.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Read {
    pub frames: u64,
    /// Frames without IP, in pieces, or of a link that is not known.
    pub skipped: u64,
    /// Bytes of TCP that were no SIP, or behind a gap.
    pub lost: u64,
}

/// Gives every message of SIP in a capture to `to`.
pub fn read(bytes: &[u8], mut to: impl FnMut(Sighting)) -> Result<Read, Unreadable> {
    let mut read = Read::default();
    let mut streams = Streams::default();
    for frame in Frames::new(bytes)? {
        let frame = frame?;
        read.frames += 1;
        let Some(Segment { from, to: receiver, via, payload }) = packet::segment(&frame) else {
            read.skipped += 1;
            continue;
        };
        let (at, agent) = (frame.at, 0);
        match via {
            Via::Udp if looks_like_sip(payload) => {
                let bytes = payload.to_vec().into();
                to(Sighting { at, from, to: receiver, transport: Transport::Udp, agent, bytes });
            }
            Via::Udp => {}
            Via::Tcp { sequence, begins } => {
                for bytes in streams.push(from, receiver, sequence, begins, payload) {
                    to(Sighting { at, from, to: receiver, transport: Transport::Tcp, agent, bytes });
                }
            }
        }
    }
    read.lost = streams.lost;
    Ok(read)
}

/// Media and names are most of a capture.
fn looks_like_sip(payload: &[u8]) -> bool {
    let line = payload.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    line.starts_with(b"SIP/2.0 ") || line.ends_with(b" SIP/2.0")
}
