//! What is safe and waits to be taken: the first of it in memory, the rest on the disk alone.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use flow::{Ack, Batch};
use tokio::sync::Notify;

use super::ledger::EntryLedger;
use super::{Stream, Taken};
use crate::journal::entry;
use crate::journal::log::{Cursor, all};

/// Bytes that wait in memory, at most.
const WINDOW: usize = 8 << 20;
/// Bytes that are read back at once.
const PIECE: usize = 1 << 20;
/// Between two attempts to read from a disk that fails.
const AGAIN: Duration = Duration::from_secs(1);

pub(super) struct Ready {
    pub(super) id: u64,
    pub(super) batch: Batch,
    pub(super) accepted: u64,
}

/// An entry that has just become safe.
pub(super) struct New {
    pub(super) ready: Ready,
    pub(super) size: usize,
    /// The place behind it.
    pub(super) end: Cursor,
}

#[derive(Default)]
pub(super) struct Outbox {
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Default)]
struct State {
    ready: VecDeque<(Ready, usize)>,
    bytes: usize,
    /// Behind what is in memory.
    cursor: Cursor,
    /// Behind the last entry that is safe.
    safe: Cursor,
    /// Everything that is safe was read.
    is_level: bool,
    reading: bool,
    /// Whoever takes is ready.
    begun: bool,
    closed: bool,
}

impl Outbox {
    /// New entries in their order.
    pub(super) fn offer(&self, stream: &Arc<Stream>, new: Vec<New>) {
        let Some(last) = new.last().map(|last| last.end) else { return };
        let all = all(stream.consumers.len());
        let mut state = self.state();
        state.safe = last;
        for New { mut ready, size, end } in new {
            if end <= state.cursor || state.closed {
                // Somebody has read it back already.
            } else if state.is_level && state.bytes + size <= WINDOW {
                ready.batch.ack = Ack::new(Arc::new(EntryLedger::new(stream, ready.id, all, size)));
                state.cursor = end;
                state.bytes += size;
                state.ready.push_back((ready, size));
            } else {
                // Read back from the disk in its turn; until then it takes no memory.
                state.is_level = false;
            }
        }
        drop(state);
        self.arrived.notify_waiters();
    }

    /// An earlier run has left what is in front of `end`.
    pub(super) fn open(&self, end: Cursor) {
        self.state().safe = end;
    }

    pub(super) fn begin(&self) {
        self.state().begun = true;
        self.arrived.notify_waiters();
    }

    pub(super) fn has_waiting(&self) -> bool {
        let state = self.state();
        !state.ready.is_empty() || !state.is_level
    }

    pub(super) fn close(&self) {
        let left = {
            let mut state = self.state();
            state.closed = true;
            std::mem::take(&mut state.ready)
        };
        // Their ledgers may have the last word on the stream.
        drop(left);
        self.arrived.notify_waiters();
    }

    pub(super) async fn next(&self, stream: &Arc<Stream>) -> Option<Taken> {
        loop {
            let mut arrived = pin!(self.arrived.notified());
            arrived.as_mut().enable();
            let from = {
                let mut state = self.state();
                if state.closed {
                    return None;
                }
                if let Some((ready, size)) = state.ready.pop_front() {
                    state.bytes -= size;
                    return Some(stream.taken(ready));
                }
                if state.is_level || state.reading || !state.begun {
                    None
                } else {
                    state.reading = true;
                    Some(state.cursor)
                }
            };
            match from {
                Some(from) => self.read_back(stream, from).await,
                None => arrived.await,
            }
        }
    }

    /// Brings the next entries from the disk to memory.
    async fn read_back(&self, stream: &Arc<Stream>, from: Cursor) {
        let mut turn = Turn { outbox: self, done: None };
        let reader = Arc::clone(stream);
        let read = tokio::task::spawn_blocking(move || {
            let opened = reader.opened.get().ok_or_else(|| std::io::Error::other("it is not open"))?;
            opened.back.read(from, PIECE, reader.consumers.len())
        });
        match read.await.map_err(std::io::Error::other).and_then(|read| read) {
            Ok((read, cursor)) => {
                let mut ready = Vec::with_capacity(read.len());
                for entry in read {
                    match entry.body {
                        Some(body) => ready.push(stream.restore(entry.id, entry.pending, &body)),
                        None => stream.damaged(entry.id),
                    }
                }
                turn.done = Some((ready, cursor));
            }
            Err(error) => {
                tracing::error!(log = &*stream.name, %error, "the journal cannot be read, trying again");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The turn to read, which passes on also when the reader is cancelled.
struct Turn<'o> {
    outbox: &'o Outbox,
    done: Option<(Vec<(Ready, usize)>, Cursor)>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.outbox.state();
        state.reading = false;
        if let Some((ready, cursor)) = self.done.take() {
            state.bytes += ready.iter().map(|(_, size)| size).sum::<usize>();
            state.ready.extend(ready);
            state.cursor = cursor;
            state.is_level = cursor >= state.safe;
        }
        drop(state);
        self.outbox.arrived.notify_waiters();
    }
}

impl Stream {
    fn taken(&self, ready: Ready) -> Taken {
        let Ready { id, batch, accepted } = ready;
        let restored = self.opened.get().is_some_and(|opened| id < opened.first);
        Taken { batch, restored, expired: self.is_expired(accepted) }
    }

    fn restore(self: &Arc<Self>, id: u64, pending: u64, body: &bytes::Bytes) -> (Ready, usize) {
        let (mut batch, accepted) = entry::decode(body);
        batch.hold = self.means.memory.hold(batch.payload.len());
        batch.ack = Ack::new(Arc::new(EntryLedger::new(self, id, pending, body.len())));
        let done = self.consumers.iter().enumerate().filter(|(nth, _)| pending >> nth & 1 == 0);
        batch.already = done.map(|(_, consumer)| Arc::clone(consumer)).collect();
        (Ready { id, batch, accepted }, body.len())
    }
}
