//! A packet of HEP3: chunks, each with a vendor, a type and a length (HEP3 network protocol specification, revision
//! 36).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::hop::Transport;

/// Bytes before the first chunk: the word and the length of the whole.
pub(crate) const HEAD: usize = 6;
const MAGIC: &[u8] = b"HEP3";
/// Chunks that are looked at.
const MOST_CHUNKS: usize = 64;
const SIP: u8 = 1;

/// What a packet says of a message of SIP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Packet<'p> {
    /// Nanoseconds since 1970, by the agent's clock.
    pub at: u64,
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub transport: Transport,
    pub agent: u32,
    pub key: Option<&'p [u8]>,
    pub payload: &'p [u8],
}

/// Why a packet is not read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unreadable {
    #[error("not HEP3; versions 1 and 2 are not read")]
    Version,
    #[error("the lengths do not fit")]
    Length,
    #[error("the addresses, the time or the payload are missing")]
    Incomplete,
    #[error("the payload is not SIP, or compressed")]
    Payload,
}

/// The length that a packet says it has, once its head is there.
pub(crate) fn length(bytes: &[u8]) -> Result<Option<usize>, Unreadable> {
    let Some(head) = bytes.first_chunk::<HEAD>() else { return Ok(None) };
    let [magic @ .., high, low] = head;
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    match (magic == MAGIC, length >= HEAD) {
        (true, true) => Ok(Some(length)),
        (true, false) => Err(Unreadable::Length),
        (false, _) => Err(Unreadable::Version),
    }
}

impl<'p> Packet<'p> {
    /// Reads a whole packet; bytes behind its length are not part of it.
    pub fn parse(bytes: &'p [u8]) -> Result<Self, Unreadable> {
        let length = length(bytes)?.ok_or(Unreadable::Version)?;
        let mut rest = bytes.get(HEAD..length).ok_or(Unreadable::Length)?;
        let mut fields = Fields::default();
        for _ in 0..MOST_CHUNKS {
            let Some((head, _)) = rest.split_first_chunk::<6>() else { break };
            let [vendor_high, vendor_low, type_high, type_low, high, low] = *head;
            let chunk = usize::from(u16::from_be_bytes([high, low]));
            let value = rest.get(6..chunk).ok_or(Unreadable::Length)?;
            rest = rest.get(chunk..).unwrap_or_default();
            if [vendor_high, vendor_low] == [0, 0] {
                fields.read(u16::from_be_bytes([type_high, type_low]), value);
            }
        }
        if !rest.is_empty() {
            return Err(Unreadable::Length);
        }
        fields.packet()
    }
}

#[derive(Default)]
struct Fields<'p> {
    protocol: u8,
    from: Option<IpAddr>,
    to: Option<IpAddr>,
    from_port: u16,
    to_port: u16,
    seconds: Option<u32>,
    micros: u32,
    kind: Option<u8>,
    agent: u32,
    key: Option<&'p [u8]>,
    payload: Option<&'p [u8]>,
}

impl<'p> Fields<'p> {
    fn read(&mut self, kind: u16, value: &'p [u8]) {
        match (kind, value) {
            (2, [protocol]) => self.protocol = *protocol,
            (3, _) => self.from = v4(value).or(self.from),
            (4, _) => self.to = v4(value).or(self.to),
            (5, _) => self.from = v6(value).or(self.from),
            (6, _) => self.to = v6(value).or(self.to),
            (7, [high, low]) => self.from_port = u16::from_be_bytes([*high, *low]),
            (8, [high, low]) => self.to_port = u16::from_be_bytes([*high, *low]),
            (9, _) => self.seconds = number(value),
            (10, _) => self.micros = number(value).unwrap_or_default(),
            (11, [kind]) => self.kind = Some(*kind),
            (12, _) => self.agent = number(value).unwrap_or_default(),
            (14, _) => self.key = Some(value),
            (15, _) => self.payload = Some(value),
            _ => {}
        }
    }

    fn packet(self) -> Result<Packet<'p>, Unreadable> {
        if self.kind.is_some_and(|kind| kind != SIP) {
            return Err(Unreadable::Payload);
        }
        let (Some(from), Some(to), Some(seconds)) = (self.from, self.to, self.seconds) else {
            return Err(Unreadable::Incomplete);
        };
        Ok(Packet {
            at: u64::from(seconds) * 1_000_000_000 + u64::from(self.micros.min(999_999)) * 1000,
            from: SocketAddr::new(from, self.from_port),
            to: SocketAddr::new(to, self.to_port),
            transport: if self.protocol == 6 { Transport::Tcp } else { Transport::Udp },
            agent: self.agent,
            key: self.key,
            payload: self.payload.ok_or(Unreadable::Incomplete)?,
        })
    }
}

fn v4(value: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(value).ok().map(|bytes| Ipv4Addr::from(bytes).into())
}

fn v6(value: &[u8]) -> Option<IpAddr> {
    <[u8; 16]>::try_from(value).ok().map(|bytes| Ipv6Addr::from(bytes).into())
}

fn number(value: &[u8]) -> Option<u32> {
    value.try_into().ok().map(u32::from_be_bytes)
}
