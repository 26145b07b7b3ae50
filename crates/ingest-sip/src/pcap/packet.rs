//! From a frame to what UDP or TCP carries.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::file::Frame;

/// Headers between IPv6 and its payload, and VLAN tags, that are passed over.
const MOST_HEADERS: usize = 8;

pub(super) struct Segment<'s> {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) via: Via,
    pub(super) payload: &'s [u8],
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Via {
    Udp,
    Tcp { sequence: u32, begins: bool },
}

/// Nothing for other protocols and for fragments.
pub(super) fn segment<'s>(frame: &Frame<'s>) -> Option<Segment<'s>> {
    match frame.link {
        // Ethernet
        1 => ethernet(frame.bytes.get(12..)?),
        // Linux cooked capture, v1 and v2
        113 => ethernet(frame.bytes.get(14..)?),
        276 => ip_of(u16_at(frame.bytes, 0)?, frame.bytes.get(20..)?),
        // BSD loopback: the family is in the byte order of the machine, and IP says its version itself
        0 | 108 => ip(frame.bytes.get(4..)?),
        // Raw IP
        12 | 14 | 101 | 228 | 229 => ip(frame.bytes),
        _ => None,
    }
}

/// From the type on.
fn ethernet(mut bytes: &[u8]) -> Option<Segment<'_>> {
    for _ in 0..MOST_HEADERS {
        let kind = u16_at(bytes, 0)?;
        match kind {
            0x8100 | 0x88a8 | 0x9100 => bytes = bytes.get(4..)?,
            _ => return ip_of(kind, bytes.get(2..)?),
        }
    }
    None
}

fn ip_of(kind: u16, bytes: &[u8]) -> Option<Segment<'_>> {
    matches!(kind, 0x0800 | 0x86dd).then(|| ip(bytes)).flatten()
}

fn ip(bytes: &[u8]) -> Option<Segment<'_>> {
    match bytes.first()? >> 4 {
        4 => {
            let head = usize::from(bytes.first()? & 15) * 4;
            let length = usize::from(u16_at(bytes, 2)?);
            // Later fragments, and first ones that have some.
            if u16_at(bytes, 6)? & 0x3fff != 0 {
                return None;
            }
            let address =
                |at: usize| Some(IpAddr::from(Ipv4Addr::from(*bytes.get(at..)?.first_chunk::<4>()?)));
            let body = bytes.get(head..length.min(bytes.len()))?;
            transport(*bytes.get(9)?, address(12)?, address(16)?, body)
        }
        6 => {
            let length = usize::from(u16_at(bytes, 4)?) + 40;
            let address =
                |at: usize| Some(IpAddr::from(Ipv6Addr::from(*bytes.get(at..)?.first_chunk::<16>()?)));
            let (from, to) = (address(8)?, address(24)?);
            let mut next = *bytes.get(6)?;
            let mut body = bytes.get(40..length.min(bytes.len()))?;
            for _ in 0..MOST_HEADERS {
                match next {
                    // Hop by hop, routing, destination
                    0 | 43 | 60 => {
                        let length = (usize::from(*body.get(1)?) + 1) * 8;
                        (next, body) = (*body.first()?, body.get(length..)?);
                    }
                    _ => return transport(next, from, to, body),
                }
            }
            None
        }
        _ => None,
    }
}

fn transport(protocol: u8, from: IpAddr, to: IpAddr, bytes: &[u8]) -> Option<Segment<'_>> {
    let from = SocketAddr::new(from, u16_at(bytes, 0)?);
    let to = SocketAddr::new(to, u16_at(bytes, 2)?);
    match protocol {
        17 => {
            let length = usize::from(u16_at(bytes, 4)?).max(8);
            Some(Segment { from, to, via: Via::Udp, payload: bytes.get(8..length.min(bytes.len()))? })
        }
        6 => {
            let head = usize::from(*bytes.get(12)? >> 4) * 4;
            let sequence = u32::from_be_bytes(*bytes.get(4..)?.first_chunk::<4>()?);
            let begins = bytes.get(13)? & 2 != 0;
            let via = Via::Tcp { sequence, begins };
            Some(Segment { from, to, via, payload: bytes.get(head.max(20)..)? })
        }
        _ => None,
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk::<2>().map(|pair| u16::from_be_bytes(*pair))
}
