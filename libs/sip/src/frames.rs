use std::error::Error;
use std::fmt;

use bytes::{Buf, Bytes, BytesMut};

use crate::index::{Index, Length, ParseError};
use crate::limits::Limits;
use crate::message::Message;
use crate::scan::cut;

/// Who opened the connection, which decides what line ends between messages mean (RFC 5626, section 3.5.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// The other side did: two line ends are a ping, to be answered by one.
    Accepted,
    /// We did: a line end is a pong.
    Opened,
}

/// What came out of a stream.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every frame is a message, and a box would be an allocation"
)]
pub enum Frame {
    /// A whole message.
    Message(Message<Bytes>),
    /// Answer it with [`PONG`].
    Ping,
    /// The other side is alive.
    Pong,
}

/// What asks the side that accepted a connection whether it is alive.
pub const PING: &[u8] = b"\r\n\r\n";
/// The answer to a [`PING`].
pub const PONG: &[u8] = b"\r\n";

/// Takes a stream apart into messages (RFC 3261, section 18.3).
#[derive(Debug)]
pub struct Frames {
    limits: Limits,
    side: Side,
    buffer: BytesMut,
    /// Bytes at the front in which the end of the head is not.
    scanned: usize,
    /// Of a message whose body has not come yet, and the length of the whole. In a box: an index is a kilobyte, and most
    /// streams wait without one.
    head: Option<Box<(Index, usize)>>,
    broken: Option<Broken>,
}

/// Nobody knows where the next message begins: answer if [`Frames::rest`] is a request, and close the connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Broken {
    /// The head cannot be read, or something is over a limit.
    Parse(ParseError),
    /// Only a datagram ends by itself.
    NoContentLength,
    /// Content-Length is no number, or two that differ.
    ContentLength,
}

impl Frames {
    /// The beginning of a stream.
    pub fn new(side: Side, limits: Limits) -> Self {
        Self { limits, side, buffer: BytesMut::new(), scanned: 0, head: None, broken: None }
    }

    /// Where to read into; bytes are appended.
    pub const fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// Bytes that came.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next message or keep-alive; `None` until more bytes came. An error is said again by each call.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator would end where this waits for more bytes"
    )]
    pub fn next(&mut self) -> Result<Option<Frame>, Broken> {
        if let Some(broken) = self.broken {
            return Err(broken);
        }
        let next = self.read();
        self.broken = next.as_ref().err().copied();
        next
    }

    /// What is not part of a message yet: behind an error, where an answer finds its Vias.
    pub fn rest(&self) -> &[u8] {
        &self.buffer
    }

    fn read(&mut self) -> Result<Option<Frame>, Broken> {
        if self.head.as_ref().is_some_and(|head| head.1 > self.buffer.len()) {
            return Ok(None);
        }
        let (index, total) = match self.head.take() {
            Some(head) => *head,
            None => {
                if let Some(frame) = self.line_ends() {
                    return Ok(Some(frame));
                }
                let Some(end) = self.head_end()? else { return Ok(None) };
                self.index(end)?
            }
        };
        if total > self.buffer.len() {
            self.head = Some(Box::new((index, total)));
            return Ok(None);
        }
        self.scanned = 0;
        Ok(Some(Frame::Message(Message::of(self.buffer.split_to(total).freeze(), index))))
    }

    /// Of a head that ends here, and the length of the whole message.
    fn index(&self, end: usize) -> Result<(Index, usize), Broken> {
        let index = Index::new(cut(&self.buffer, end).0, &self.limits).map_err(Broken::Parse)?;
        let length = match index.length {
            Length::Bytes(length) => length,
            Length::Missing => return Err(Broken::NoContentLength),
            Length::Invalid => return Err(Broken::ContentLength),
        };
        let total = usize::try_from(length).ok().and_then(|length| end.checked_add(length));
        let total = total.filter(|total| *total <= self.limits.message && u32::try_from(*total).is_ok());
        Ok((index, total.ok_or(Broken::Parse(ParseError::MessageTooLong))?))
    }

    /// Takes line ends off the front.
    fn line_ends(&mut self) -> Option<Frame> {
        loop {
            let (length, frame) = match (self.side, &*self.buffer) {
                (Side::Opened, [b'\r', b'\n', ..]) => (2, Some(Frame::Pong)),
                (Side::Accepted, [b'\r', b'\n', b'\r', b'\n', ..]) => (4, Some(Frame::Ping)),
                // A second line end may be on its way.
                (Side::Accepted, [b'\r', b'\n'] | [b'\r', b'\n', b'\r']) => return None,
                (Side::Accepted, [b'\r', b'\n', ..]) => (2, None),
                (_, [b'\n', ..]) => (1, None),
                _ => return None,
            };
            self.buffer.advance(length);
            if frame.is_some() {
                return frame;
            }
        }
    }

    /// The end of the empty line after the headers.
    fn head_end(&mut self) -> Result<Option<usize>, Broken> {
        while let Some(found) = memchr::memchr(b'\n', cut(&self.buffer, self.scanned).1) {
            let line_end = self.scanned + found + 1;
            match cut(&self.buffer, line_end).1 {
                [b'\n', ..] => return Ok(Some(line_end + 1)),
                [b'\r', b'\n', ..] => return Ok(Some(line_end + 2)),
                [] | [b'\r'] => {
                    self.scanned = line_end - 1;
                    return self.within_limits();
                }
                _ => self.scanned = line_end,
            }
        }
        let first_line = self.scanned == 0;
        self.scanned = if first_line { 0 } else { self.buffer.len() };
        if first_line && self.buffer.len() > self.limits.start_line {
            return Err(Broken::Parse(ParseError::StartLineTooLong));
        }
        self.within_limits()
    }

    fn within_limits(&self) -> Result<Option<usize>, Broken> {
        let too_long = self.buffer.len() > self.limits.head;
        if too_long { Err(Broken::Parse(ParseError::HeadTooLong)) } else { Ok(None) }
    }
}

impl Broken {
    /// The response to give before the connection is closed, where the request can still be answered.
    pub const fn status(self) -> Option<u16> {
        match self {
            Self::Parse(error) => error.status(),
            Self::NoContentLength | Self::ContentLength => Some(400),
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parse(error) => error.fmt(f),
            Self::NoContentLength => {
                f.write_str("Content-Length is missing, which a stream cannot be without")
            }
            Self::ContentLength => f.write_str("Content-Length is not one number"),
        }
    }
}

impl Error for Broken {}
