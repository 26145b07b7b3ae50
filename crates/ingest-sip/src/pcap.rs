//! Captures: SIP messages out of pcap and pcapng files.

mod file;
mod packet;
mod fragments;
mod streams;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use crate::beside::Sighting;
use crate::hop::Transport;
use fragments::Fragments;
use packet::{Segment, Via};
use streams::{Control, Streams};

pub use file::{Frame, Frames, Unreadable};

/// What was read of a capture.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Read {
    pub frames: u64,
    /// Frames without UDP and TCP, or of a link that is not known.
    pub skipped: u64,
    /// Fragments of packets of which others are missing.
    pub fragments: u64,
    /// Bytes of TCP that were no SIP, or behind a gap.
    pub lost: u64,
    /// Where the last record begins, if the file ends within it: whoever captured was stopped, or the disk was full.
    pub cut: Option<usize>,
}

/// Gives every message of SIP in a capture to `to`; one that is cut is read up to there.
pub fn read(bytes: &[u8], mut to: impl FnMut(Sighting)) -> Result<Read, Unreadable> {
    let mut read = Read::default();
    let (mut fragments, mut streams) = (Fragments::default(), Streams::default());
    for frame in Frames::new(bytes)? {
        let frame = match frame {
            Err(Unreadable::Cut(at)) => {
                read.cut = Some(at);
                break;
            }
            frame => frame?,
        };
        read.frames += 1;
        let Some(packet) = packet::packet(&frame) else {
            read.skipped += 1;
            continue;
        };
        let body = match packet.piece {
            None => Cow::Borrowed(packet.body),
            Some(piece) => match fragments.push(frame.at, &packet, piece) {
                Some(whole) => Cow::Owned(whole),
                None => continue,
            },
        };
        let Some(Segment { from, to: receiver, via, payload }) = packet::segment(&packet, &body) else {
            read.skipped += 1;
            continue;
        };
        let mut show = |transport, bytes| {
            to(Sighting { at: frame.at, from, to: receiver, transport, agent: 0, bytes });
        };
        match via {
            Via::Udp if looks_like_sip(payload) => show(Transport::Udp, payload.to_vec().into()),
            Via::Udp => {}
            Via::Tcp { sequence, begins, ends } => {
                let control = Control { sequence, begins, ends };
                for bytes in streams.push(from, receiver, control, payload) {
                    show(Transport::Tcp, bytes);
                }
            }
        }
    }
    fragments.finish();
    streams.finish();
    (read.fragments, read.lost) = (fragments.lost, streams.lost);
    Ok(read)
}

/// Media and names are most of a capture. Empty lines before a message are none of it.
fn looks_like_sip(payload: &[u8]) -> bool {
    let mut lines = payload.split(|byte| matches!(byte, b'\r' | b'\n'));
    let line = lines.find(|line| !line.is_empty()).unwrap_or_default();
    line.starts_with(b"SIP/2.0 ") || line.ends_with(b" SIP/2.0")
}
