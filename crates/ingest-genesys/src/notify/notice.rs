//! What channels and sockets tell the receiver, and how much of it may wait.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::heard::{By, Heard};
use super::link::Gap;
use crate::time::now_ms;

/// Notices that wait for the receiver; what does not fit waits in the sockets.
const WAITING: usize = 1024;
/// Bytes of events that wait.
const BYTES: usize = 64 << 20;

/// What a channel tells of.
#[derive(Debug)]
pub enum Notice {
    /// A frame that is an event, and its room.
    Event(Heard, Room),
    /// A frame that is none.
    Unreadable { bytes: usize, why: String },
    /// Events come in, and those of this time are to be asked for.
    Fill(Gap),
    /// Events do not come in.
    Lost,
    /// The service has taken a channel's whole list, but for what was refused, with the reason that it gave.
    Subscribed { channel: usize, topics: Arc<Vec<String>>, refused: Arc<Vec<(String, String)>>, news: bool },
    /// The socket of a subscription is open, or why it is not.
    Line { subscription: u64, open: Result<(), String> },
    /// Something failed; the channel goes on trying.
    Trouble(Trouble),
}

/// What failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trouble {
    /// A socket; else a request.
    pub socket: bool,
    /// In one word, for a counter.
    pub reason: &'static str,
    /// With what to do.
    pub why: String,
    /// The operator has not been told yet, and has to mend it.
    pub news: bool,
}

/// Given back when what it is for has been dealt with.
#[derive(Debug)]
pub struct Room {
    _held: Option<OwnedSemaphorePermit>,
}

/// The way to the receiver.
#[derive(Clone)]
pub struct Notices {
    to: mpsc::Sender<Notice>,
    room: Arc<Semaphore>,
}

/// The two ends of the way.
pub fn notices() -> (Notices, mpsc::Receiver<Notice>) {
    let (to, notices) = mpsc::channel(WAITING);
    (Notices { to, room: Arc::new(Semaphore::new(BYTES)) }, notices)
}

impl Notices {
    /// Nobody listens when the receiver stops; who tells sees that by [`closed`](Self::closed).
    pub(crate) async fn tell(&self, notice: Notice) {
        self.to.send(notice).await.ok();
    }

    /// An event that came now, as soon as there is room for it.
    pub(crate) async fn event(&self, bytes: Bytes, by: By) {
        let at_ms = now_ms();
        let size = u32::try_from(bytes.len().min(BYTES)).unwrap_or(u32::MAX);
        let room = Room { _held: Arc::clone(&self.room).acquire_many_owned(size).await.ok() };
        self.tell(Notice::Event(Heard { bytes, at_ms, by }, room)).await;
    }

    pub(crate) async fn closed(&self) {
        self.to.closed().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_waits_is_bounded() {
        let (notices, mut waiting) = notices();
        let eighth = Bytes::from(vec![b'x'; BYTES / 8]);
        for _ in 0..8 {
            notices.event(eighth.clone(), By::Channel(0)).await;
        }
        let mut ninth = Box::pin(notices.event(eighth.clone(), By::Channel(0)));
        assert!(futures_util::poll!(&mut ninth).is_pending());
        let first = waiting.recv().await;
        assert!(futures_util::poll!(&mut ninth).is_pending(), "it is not dealt with yet");
        drop(first);
        assert!(futures_util::poll!(&mut ninth).is_ready());
    }

    #[tokio::test]
    async fn one_that_is_larger_than_all_room_has_to_itself() {
        let (notices, mut waiting) = notices();
        notices.event(Bytes::from(vec![b'x'; BYTES + 1]), By::Channel(0)).await;
        let mut other = Box::pin(notices.event(Bytes::from_static(b"x"), By::Channel(0)));
        assert!(futures_util::poll!(&mut other).is_pending());
        drop(waiting.recv().await);
        assert!(futures_util::poll!(&mut other).is_ready());
    }
}
