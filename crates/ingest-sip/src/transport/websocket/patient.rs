//! How long a peer may take: for a message that has begun, and until the next one begins. The library of WebSockets shows whole
//! messages alone, so the frames are followed below it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// For a message, from its first byte to its last.
const MESSAGE: Duration = Duration::from_secs(30);

pub(in crate::transport) struct Patient<S> {
    stream: S,
    /// After the handshake, which has a time of its own.
    waits: Option<Waits>,
}

struct Waits {
    frames: Frames,
    idle: Duration,
    end: Pin<Box<Sleep>>,
}

impl<S> Patient<S> {
    pub(super) const fn new(stream: S) -> Self {
        Self { stream, waits: None }
    }

    /// From now on frames come; `idle` is what may pass between messages.
    pub(super) fn begin(&mut self, idle: Duration) {
        let end = Box::pin(sleep_until(Instant::now() + idle));
        self.waits = Some(Waits { frames: Frames::default(), idle, end });
    }
}

impl Waits {
    fn heard(&mut self, bytes: &[u8]) {
        let was_between = self.frames.is_between();
        let ended = self.frames.take(bytes);
        let now = Instant::now();
        if self.frames.is_between() {
            self.end.as_mut().reset(now + self.idle);
        } else if was_between || ended {
            self.end.as_mut().reset(now + MESSAGE);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { stream, waits } = &mut *self;
        let known = into.filled().len();
        match (Pin::new(stream).poll_read(context, into), waits) {
            (Poll::Ready(Ok(())), Some(waits)) => {
                waits.heard(into.filled().get(known..).unwrap_or_default());
                Poll::Ready(Ok(()))
            }
            (Poll::Pending, Some(waits)) => {
                ready!(waits.end.as_mut().poll(context));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
            (read, _) => read,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Where in the frames of RFC 6455, section 5.2, the last byte stood.
#[derive(Default)]
struct Frames {
    /// What of a frame's head has come, and how much that is: at most 14 bytes.
    head: [u8; 14],
    length: usize,
    /// Bytes of the payload that are still to come.
    left: u64,
    /// A message has begun whose last frame has not ended.
    open: bool,
}

impl Frames {
    /// No message has begun that has not ended.
    const fn is_between(&self) -> bool {
        !self.open && self.length == 0 && self.left == 0
    }

    /// Whether a message ended in these bytes, or a frame of control outside of one.
    fn take(&mut self, mut bytes: &[u8]) -> bool {
        let mut ended = false;
        while let Some((byte, rest)) = bytes.split_first() {
            if self.left > 0 {
                let step = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                self.left -= step as u64;
                bytes = bytes.get(step..).unwrap_or_default();
            } else {
                if let Some(place) = self.head.get_mut(self.length) {
                    *place = *byte;
                }
                self.length += 1;
                bytes = rest;
                if self.length < self.head_length() {
                    continue;
                }
                self.left = self.payload();
            }
            if self.left == 0 {
                ended |= self.end();
            }
        }
        ended
    }

    const fn head_length(&self) -> usize {
        let [_, second, ..] = self.head;
        if self.length < 2 {
            return 2;
        }
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        mask + match second & 0x7f {
            126 => 4,
            127 => 10,
            _ => 2,
        }
    }

    const fn payload(&self) -> u64 {
        let [_, second, a, b, c, d, e, f, g, h, ..] = self.head;
        match second & 0x7f {
            126 => u16::from_be_bytes([a, b]) as u64,
            127 => u64::from_be_bytes([a, b, c, d, e, f, g, h]),
            short => short as u64,
        }
    }

    /// Of a frame; whether it was the last of what had begun.
    const fn end(&mut self) -> bool {
        let [first, ..] = self.head;
        self.length = 0;
        // A frame of control may stand within a message.
        if first & 0x08 == 0 {
            self.open = first & 0x80 == 0;
        }
        !self.open
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio_tungstenite::tungstenite::protocol::frame::Frame;
    use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

    use super::*;

    /// As a client writes it.
    fn written(mut frame: Frame) -> Vec<u8> {
        frame.header_mut().mask = Some([1, 2, 3, 4]);
        let mut bytes = Vec::new();
        frame.format(&mut bytes).unwrap();
        bytes
    }

    fn part(data: Data, last: bool, length: usize) -> Vec<u8> {
        written(Frame::message(vec![b'a'; length], OpCode::Data(data), last))
    }

    fn text(length: usize) -> Vec<u8> {
        part(Data::Text, true, length)
    }

    fn ping(length: usize) -> Vec<u8> {
        written(Frame::ping(vec![b'a'; length]))
    }

    proptest! {
        /// Wherever the bytes are cut: between messages at their ends alone, and a ping within a message ends nothing.
        #[test]
        fn ends_are_found(
            lengths in prop::collection::vec((0_usize..70_000, any::<bool>(), any::<bool>()), 1..5),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let (mut bytes, mut ends) = (Vec::new(), vec![0]);
            for (length, parted, pinged) in lengths {
                if parted {
                    bytes.extend(part(Data::Text, false, length));
                    if pinged {
                        bytes.extend(ping(length % 125));
                    }
                    bytes.extend(part(Data::Continue, true, length));
                } else {
                    bytes.extend(text(length));
                }
                ends.push(bytes.len());
            }
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).chain(ends.clone()).collect();
            cuts.sort_unstable();
            let (mut frames, mut from) = (Frames::default(), 0);
            for cut in cuts {
                let ended = frames.take(&bytes[from..cut]);
                prop_assert_eq!(frames.is_between(), ends.contains(&cut), "{}", cut);
                prop_assert_eq!(ended, ends.iter().any(|end| from < *end && *end <= cut), "{}", cut);
                from = cut;
            }
        }

        #[test]
        fn any_bytes_are_taken(bytes: Vec<u8>, more: Vec<u8>) {
            let mut frames = Frames::default();
            frames.take(&bytes);
            frames.take(&more);
            prop_assert!(frames.length <= frames.head.len());
        }
    }

    const IDLE: Duration = Duration::from_secs(600);

    /// Seconds until the peer is given up that sends these, each at its second, and nothing more.
    async fn given_up(sends: &[(u64, &[u8])]) -> u64 {
        let (mut near, mut far) = duplex(1 << 20);
        let mut patient = Patient::new(&mut near);
        patient.begin(IDLE);
        let began = Instant::now();
        let send = async {
            for (seconds, bytes) in sends {
                sleep_until(began + Duration::from_secs(*seconds)).await;
                far.write_all(bytes).await.unwrap();
            }
            std::future::pending::<()>().await;
        };
        let read = async {
            let mut buffer = [0; 4096];
            loop {
                match patient.read(&mut buffer).await {
                    Ok(length) => assert_ne!(length, 0),
                    Err(error) => return error.kind(),
                }
            }
        };
        tokio::select! {
            () = send => {}
            kind = read => assert_eq!(kind, io::ErrorKind::TimedOut),
        }
        began.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn half_a_message_waits_as_long_as_over_tcp() {
        let whole = text(100);
        let (half, rest) = whole.split_at(50);
        let both = [rest, half].concat();
        let (first, ping) = (part(Data::Text, false, 9), ping(1));
        for (sends, expected) in [
            (vec![], 600),
            (vec![(100, &*whole)], 700),
            (vec![(100, half)], 130),
            (vec![(100, half), (120, rest)], 720),
            // What drips in has no more time; what follows a message in the same read has.
            (vec![(100, half), (129, &[0])], 130),
            (vec![(100, half), (120, &both)], 150),
            (vec![(100, &first), (120, &ping)], 130),
        ] {
            let sent: Vec<_> = sends.iter().map(|(seconds, bytes)| (seconds, bytes.len())).collect();
            assert_eq!(given_up(&sends).await, expected, "{sent:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_handshake_has_a_time_of_its_own() {
        let (mut near, _far) = duplex(64);
        let mut patient = Patient::new(&mut near);
        let waited = tokio::time::timeout(2 * IDLE, patient.read_u8()).await;
        assert!(waited.is_err(), "{waited:?}");
    }
}
