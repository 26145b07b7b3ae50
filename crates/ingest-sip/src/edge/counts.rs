//! What the edge counts. Plain numbers, since the edge is used by one at a time; the receiver adds them to its metrics.

use throughline_sip::Method;

use crate::hop::Transport;

/// Why a message went nowhere, as the label `reason` of metrics has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// No SIP at all.
    NotSip,
    Malformed,
    TooManyHops,
    Loop,
    Extension,
    Scheme,
    /// The sender belongs to no trunk, and no route is open for it.
    Stranger,
    NoRoute,
    /// No target of the group is healthy.
    NoTarget,
    /// The host of a URI has no address.
    NoAddress,
    /// Too many requests from one address.
    Flood,
    /// A response that answers nothing which went out here.
    StrayResponse,
    /// A change that the message did not take.
    Unwritable,
    /// Too much waits for addresses of hosts.
    Crowded,
}

impl Reason {
    pub const ALL: [Self; 14] = [
        Self::NotSip,
        Self::Malformed,
        Self::TooManyHops,
        Self::Loop,
        Self::Extension,
        Self::Scheme,
        Self::Stranger,
        Self::NoRoute,
        Self::NoTarget,
        Self::NoAddress,
        Self::Flood,
        Self::StrayResponse,
        Self::Unwritable,
        Self::Crowded,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::NotSip => "not_sip",
            Self::Malformed => "malformed",
            Self::TooManyHops => "too_many_hops",
            Self::Loop => "loop",
            Self::Extension => "extension",
            Self::Scheme => "scheme",
            Self::Stranger => "stranger",
            Self::NoRoute => "no_route",
            Self::NoTarget => "no_target",
            Self::NoAddress => "no_address",
            Self::Flood => "flood",
            Self::StrayResponse => "stray_response",
            Self::Unwritable => "unwritable",
            Self::Crowded => "crowded",
        }
    }
}

/// Which way a message went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    In,
    /// Passed on, or sent by the edge itself.
    Out,
}

/// Kinds of messages, as the label `method` has them: methods, then classes of responses.
const KINDS: [&str; 20] = [
    "INVITE",
    "ACK",
    "BYE",
    "CANCEL",
    "OPTIONS",
    "REGISTER",
    "PRACK",
    "UPDATE",
    "REFER",
    "NOTIFY",
    "SUBSCRIBE",
    "PUBLISH",
    "INFO",
    "MESSAGE",
    "other",
    "1xx",
    "2xx",
    "3xx",
    "4xx",
    "5xx",
];

const OTHER: usize = 14;

/// What has happened since it was last asked.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Counts {
    messages: [[[u64; Transport::ALL.len()]; 2]; KINDS.len()],
    refused: [u64; Reason::ALL.len()],
    /// Messages, and turns of the clock, at which the tracing panicked.
    pub faults: u64,
}

impl Counts {
    pub(super) fn request(&mut self, method: Method<'_>, direction: Direction, transport: Transport) {
        let known = KINDS.iter().take(OTHER).position(|kind| kind.as_bytes() == method.as_bytes());
        self.message(known.unwrap_or(OTHER), direction, transport);
    }

    pub(super) fn response(&mut self, status: u16, direction: Direction, transport: Transport) {
        let class = usize::from(status / 100).clamp(1, 5);
        self.message(OTHER + class, direction, transport);
    }

    pub(super) fn refused(&mut self, reason: Reason) {
        if let Some(count) = self.refused.get_mut(reason as usize) {
            *count += 1;
        }
    }

    /// What came and went: kind, direction, transport, how many.
    pub fn messages(&self) -> impl Iterator<Item = (&'static str, Direction, Transport, u64)> + '_ {
        let kinds = KINDS.into_iter().zip(&self.messages);
        kinds.flat_map(|(kind, ways)| {
            [Direction::In, Direction::Out].into_iter().zip(ways).flat_map(move |(way, transports)| {
                let counts = Transport::ALL.into_iter().zip(transports);
                counts
                    .filter(|(_, count)| **count > 0)
                    .map(move |(transport, count)| (kind, way, transport, *count))
            })
        })
    }

    /// What was not passed on.
    pub fn refusals(&self) -> impl Iterator<Item = (Reason, u64)> + '_ {
        Reason::ALL
            .into_iter()
            .zip(&self.refused)
            .map(|(reason, count)| (reason, *count))
            .filter(|(_, count)| *count > 0)
    }

    fn message(&mut self, kind: usize, direction: Direction, transport: Transport) {
        let ways = self.messages.get_mut(kind).and_then(|ways| ways.get_mut(direction as usize));
        let place = Transport::ALL.iter().position(|known| *known == transport).unwrap_or(0);
        if let Some(count) = ways.and_then(|transports| transports.get_mut(place)) {
            *count += 1;
        }
    }
}
