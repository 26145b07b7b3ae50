//! From a frame to what IP carries, and from there to what UDP or TCP carries.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::file::Frame;

/// Headers between IPv6 and its payload, and VLAN tags, that are passed over.
const MOST_HEADERS: usize = 8;

/// A packet of IP, whole or a piece of one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Packet<'p> {
    pub(super) from: IpAddr,
    pub(super) to: IpAddr,
    /// What `body` begins with.
    pub(super) protocol: u8,
    pub(super) piece: Option<Piece>,
    pub(super) body: &'p [u8],
}

/// Where in its packet a fragment belongs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Piece {
    pub(super) id: u32,
    pub(super) offset: usize,
    pub(super) more: bool,
}

pub(super) struct Segment<'s> {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) via: Via,
    pub(super) payload: &'s [u8],
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Via {
    Udp,
    Tcp { sequence: u32, begins: bool, ends: bool },
}

/// Nothing for other protocols.
pub(super) fn packet<'p>(frame: &Frame<'p>) -> Option<Packet<'p>> {
    match frame.link {
        // Ethernet
        1 => ethernet(frame.bytes.get(12..)?),
        // Linux cooked capture, v1 and v2
        113 => ethernet(frame.bytes.get(14..)?),
        276 => tagged(u16_at(frame.bytes, 0)?, frame.bytes.get(20..)?),
        // BSD loopback: the family is in the byte order of the machine, and IP says its version itself
        0 | 108 => ip(frame.bytes.get(4..)?),
        // Raw IP
        12 | 14 | 101 | 228 | 229 => ip(frame.bytes),
        _ => None,
    }
}

/// From the type on.
fn ethernet(bytes: &[u8]) -> Option<Packet<'_>> {
    tagged(u16_at(bytes, 0)?, bytes.get(2..)?)
}

/// What follows a type, which may be that of VLAN tags.
fn tagged(mut kind: u16, mut bytes: &[u8]) -> Option<Packet<'_>> {
    for _ in 0..MOST_HEADERS {
        match kind {
            0x8100 | 0x88a8 | 0x9100 => (kind, bytes) = (u16_at(bytes, 2)?, bytes.get(4..)?),
            0x0800 | 0x86dd => return ip(bytes),
            _ => return None,
        }
    }
    None
}

fn ip(bytes: &[u8]) -> Option<Packet<'_>> {
    match bytes.first()? >> 4 {
        4 => v4(bytes),
        6 => v6(bytes),
        _ => None,
    }
}

fn v4(bytes: &[u8]) -> Option<Packet<'_>> {
    let head = usize::from(bytes.first()? & 15) * 4;
    let address = |at: usize| Some(IpAddr::from(Ipv4Addr::from(*bytes.get(at..)?.first_chunk::<4>()?)));
    let length = length(u16_at(bytes, 2)?, 0, bytes);
    let place = u16_at(bytes, 6)?;
    let (offset, more) = (usize::from(place & 0x1fff) * 8, place & 0x2000 != 0);
    let id = u32::from(u16_at(bytes, 4)?);
    Some(Packet {
        from: address(12)?,
        to: address(16)?,
        protocol: *bytes.get(9)?,
        piece: (more || offset > 0).then_some(Piece { id, offset, more }),
        body: bytes.get(head.max(20)..length)?,
    })
}

fn v6(bytes: &[u8]) -> Option<Packet<'_>> {
    let address = |at: usize| Some(IpAddr::from(Ipv6Addr::from(*bytes.get(at..)?.first_chunk::<16>()?)));
    let length = length(u16_at(bytes, 4)?, 40, bytes);
    let (from, to) = (address(8)?, address(24)?);
    let (protocol, body) = past_headers(*bytes.get(6)?, bytes.get(40..length)?)?;
    let whole = Packet { from, to, protocol, piece: None, body };
    if protocol != FRAGMENT {
        return Some(whole);
    }
    let place = u16_at(body, 2)?;
    let id = u32::from_be_bytes(*body.get(4..)?.first_chunk::<4>()?);
    let (offset, more) = (usize::from(place & 0xfff8), place & 1 != 0);
    let piece = (more || offset > 0).then_some(Piece { id, offset, more });
    Some(Packet { protocol: *body.first()?, piece, body: body.get(8..)?, ..whole })
}

const FRAGMENT: u8 = 44;

/// Where a packet ends; one that the network card was to take apart says nought.
fn length(said: u16, head: usize, bytes: &[u8]) -> usize {
    match said {
        0 => bytes.len(),
        said => (usize::from(said) + head).min(bytes.len()),
    }
}

/// Passes over the headers of IPv6 that say nothing here.
fn past_headers(mut next: u8, mut body: &[u8]) -> Option<(u8, &[u8])> {
    for _ in 0..MOST_HEADERS {
        let unit = match next {
            // Hop by hop, routing, destination
            0 | 43 | 60 => 8,
            // Authentication
            51 => 4,
            _ => return Some((next, body)),
        };
        let length = usize::from(*body.get(1)?) * unit + 8;
        (next, body) = (*body.first()?, body.get(length..)?);
    }
    None
}

/// What a whole packet carries; nothing for other protocols.
pub(super) fn segment<'s>(packet: &Packet<'_>, body: &'s [u8]) -> Option<Segment<'s>> {
    let (protocol, bytes) = match packet.from {
        IpAddr::V4(_) => (packet.protocol, body),
        IpAddr::V6(_) => past_headers(packet.protocol, body)?,
    };
    let from = SocketAddr::new(packet.from, u16_at(bytes, 0)?);
    let to = SocketAddr::new(packet.to, u16_at(bytes, 2)?);
    match protocol {
        17 => {
            let length = usize::from(u16_at(bytes, 4)?).max(8);
            Some(Segment { from, to, via: Via::Udp, payload: bytes.get(8..length.min(bytes.len()))? })
        }
        6 => {
            let head = usize::from(*bytes.get(12)? >> 4) * 4;
            let sequence = u32::from_be_bytes(*bytes.get(4..)?.first_chunk::<4>()?);
            let flags = bytes.get(13)?;
            let via = Via::Tcp { sequence, begins: flags & 2 != 0, ends: flags & 5 != 0 };
            Some(Segment { from, to, via, payload: bytes.get(head.max(20)..)? })
        }
        _ => None,
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk::<2>().map(|pair| u16::from_be_bytes(*pair))
}
