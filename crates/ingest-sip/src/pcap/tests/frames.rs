//! Files, links and packets.

use std::net::SocketAddr;

pub(super) const START: u64 = 1_700_000_000_123_456_000;

type Wrap = fn(u8, &[u8]) -> Vec<u8>;
type Write = fn(u32, &[Vec<u8>]) -> Vec<u8>;

/// Name, number and head of each link.
pub(super) const LINKS: [(&str, u32, Wrap); 9] = [
    ("Ethernet", 1, |version, packet| [&[0; 12], &kind(version)[..], packet].concat()),
    ("Ethernet with padding", 1, |version, packet| {
        [&[0; 12], &kind(version)[..], packet, &[0xee; 20]].concat()
    }),
    ("VLAN", 1, |version, packet| [&[0; 12], &[0x81, 0, 0, 5][..], &kind(version), packet].concat()),
    ("two VLANs", 1, |version, packet| {
        [&[0; 12], &[0x88, 0xa8, 0, 9, 0x81, 0, 0, 5][..], &kind(version), packet].concat()
    }),
    ("Linux cooked", 113, |version, packet| [&[0; 14], &kind(version)[..], packet].concat()),
    ("Linux cooked v2", 276, |version, packet| [&kind(version)[..], &[0; 18], packet].concat()),
    ("Linux cooked v2 with VLAN", 276, |version, packet| {
        [&[0x81, 0][..], &[0; 18], &[0, 5], &kind(version), packet].concat()
    }),
    ("BSD loopback", 0, |version, packet| [&[if version == 4 { 2 } else { 30 }, 0, 0, 0], packet].concat()),
    ("raw IP", 101, |_, packet| packet.to_vec()),
];

pub(super) const FORMATS: [(&str, Write); 6] = [
    ("pcap", pcap),
    ("pcap, the other byte order", |link, frames| old(link, frames, false, true)),
    ("pcap with nanoseconds", |link, frames| old(link, frames, true, false)),
    ("pcapng", |link, frames| new(link, frames, false, 6)),
    ("pcapng, the other byte order", |link, frames| new(link, frames, true, 6)),
    ("pcapng with nanoseconds", |link, frames| new(link, frames, false, 9)),
];

/// From and to.
pub(super) fn ends(version: u8) -> (SocketAddr, SocketAddr) {
    match version {
        4 => ("192.0.2.1:5060".parse().unwrap(), "192.0.2.2:5080".parse().unwrap()),
        _ => ("[2001:db8::1]:5060".parse().unwrap(), "[2001:db8::2]:5080".parse().unwrap()),
    }
}

pub(super) fn udp(payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len() + 8).unwrap().to_be_bytes();
    [&5060_u16.to_be_bytes()[..], &5080_u16.to_be_bytes(), &length, &[0, 0], payload].concat()
}

/// With twelve bytes of options.
pub(super) fn tcp(sequence: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let ports = [5060_u16.to_be_bytes(), 5080_u16.to_be_bytes()].concat();
    [&ports[..], &sequence.to_be_bytes(), &[0; 4], &[0x80, flags], &[0; 6], &[1; 12], payload].concat()
}

pub(super) fn v4(protocol: u8, body: &[u8]) -> Vec<u8> {
    v4_piece(protocol, 0, 0, body)
}

pub(super) fn v6(next: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    let address = |last: u8| [&[0x20, 1, 0x0d, 0xb8][..], &[0; 11], &[last]].concat();
    [&[0x60, 0, 0, 0][..], &length, &[next, 64], &address(1), &address(2), body].concat()
}

/// Of a UDP packet.
pub(super) fn fragment(version: u8, id: u32, offset: usize, more: bool, body: &[u8]) -> Vec<u8> {
    let units = u16::try_from(offset / 8).unwrap();
    match version {
        4 => v4_piece(17, u16::try_from(id).unwrap(), units | if more { 0x2000 } else { 0 }, body),
        _ => {
            let place = (units << 3 | u16::from(more)).to_be_bytes();
            v6(44, &[&[17, 0][..], &place, &id.to_be_bytes(), body].concat())
        }
    }
}

/// Little-endian, microseconds.
pub(super) fn pcap(link: u32, frames: &[Vec<u8>]) -> Vec<u8> {
    old(link, frames, false, false)
}

fn kind(version: u8) -> [u8; 2] {
    if version == 4 { [0x08, 0] } else { [0x86, 0xdd] }
}

fn v4_piece(protocol: u8, id: u16, place: u16, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 20).unwrap().to_be_bytes();
    let ends = [192, 0, 2, 1, 192, 0, 2, 2];
    let (id, place) = (id.to_be_bytes(), place.to_be_bytes());
    [&[0x45, 0][..], &length, &id, &place, &[64, protocol, 0, 0], &ends, body].concat()
}

fn old(link: u32, frames: &[Vec<u8>], nanos: bool, big: bool) -> Vec<u8> {
    let mut file = Vec::new();
    put(&mut file, big, &[if nanos { 0xa1b2_3c4d } else { 0xa1b2_c3d4 }, 0, 0, 0, 65_535, link]);
    for frame in frames {
        let length = u32::try_from(frame.len()).unwrap();
        let part = u32::try_from(START % 1_000_000_000).unwrap() / if nanos { 1 } else { 1000 };
        put(&mut file, big, &[u32::try_from(START / 1_000_000_000).unwrap(), part, length, length]);
        file.extend_from_slice(frame);
    }
    file
}

/// With an interface whose clock ticks ten to the power of `ticks` times a second.
fn new(link: u32, frames: &[Vec<u8>], big: bool, ticks: u8) -> Vec<u8> {
    let mut file = Vec::new();
    put(&mut file, big, &[0x0a0d_0d0a, 28, 0x1a2b_3c4d, 1, u32::MAX, u32::MAX, 28]);
    let pair = |high: u32, low: u32| if big { high << 16 | low } else { low << 16 | high };
    put(&mut file, big, &[1, 32, pair(link, 0), 65_535, pair(9, 1)]);
    file.extend_from_slice(&[ticks, 0, 0, 0, 0, 0, 0, 0]);
    put(&mut file, big, &[32]);
    let at = START / 10_u64.pow(9 - u32::from(ticks));
    for frame in frames {
        let length = u32::try_from(frame.len()).unwrap();
        let whole = 32 + length.next_multiple_of(4);
        put(&mut file, big, &[6, whole, 0, (at >> 32) as u32, at as u32, length, length]);
        file.extend_from_slice(frame);
        file.resize(file.len() + (length.next_multiple_of(4) - length) as usize, 0);
        put(&mut file, big, &[whole]);
    }
    file
}

fn put(file: &mut Vec<u8>, big: bool, words: &[u32]) {
    for word in words {
        file.extend_from_slice(&if big { word.to_be_bytes() } else { word.to_le_bytes() });
    }
}
