//! A message that is an event, and how it came.

use bytes::Bytes;

/// What a channel, or a socket for conversations that somebody asked for, has heard.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Heard {
    /// As it came.
    pub bytes: Bytes,
    /// By the clock of this machine.
    pub at_ms: u64,
    pub by: By,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// A channel, by its number.
    Channel(usize),
    /// The socket of a subscription, by the subscription's number.
    Line(u64),
}
