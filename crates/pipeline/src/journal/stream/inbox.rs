//! What waits to be written.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use flow::{Batch, Refusal};
use tokio::sync::oneshot;

use crate::journal::log::Body;
use crate::journal::record::Decision;

/// A group of so many bytes is not waited with.
const LARGE: usize = 1 << 20;
/// Who waits for others looks so often whether any came.
const SLICE: Duration = Duration::from_millis(1);
/// What is settled need not be on the disk at once.
const LEISURE: Duration = Duration::from_millis(100);
/// After a failure somebody has to look whether it is over, though nobody may come any more.
const PROBE: Duration = Duration::from_secs(1);

pub(super) struct Append {
    pub(super) body: Body,
    pub(super) batch: Batch,
    pub(super) accepted: u64,
    pub(super) done: Done,
}

pub(super) type Done = oneshot::Sender<Result<(), Refusal>>;

#[derive(Default)]
pub(super) struct Inbox {
    work: Mutex<Work>,
    bell: Condvar,
}

#[derive(Default)]
pub(super) struct Work {
    pub(super) appends: Vec<Append>,
    /// Entry and consumer.
    pub(super) settled: Vec<(u64, usize)>,
    pub(super) decisions: Vec<Decision>,
    pub(super) decided: Vec<Done>,
    bytes: usize,
    closed: bool,
}

impl Inbox {
    pub(super) fn bytes(&self) -> usize {
        self.work().bytes
    }

    /// Once it is closed, nothing is taken in, and `done` hears nothing.
    pub(super) fn append(&self, append: Append) {
        let mut work = self.work();
        if work.closed {
            return;
        }
        work.bytes += append.body.len as usize;
        let first = !work.is_urgent();
        work.appends.push(append);
        self.ring(work, first);
    }

    pub(super) fn decide(&self, decisions: Vec<Decision>, done: Done) {
        let mut work = self.work();
        if work.closed {
            return;
        }
        let first = !work.is_urgent();
        work.decisions.extend(decisions);
        work.decided.push(done);
        self.ring(work, first);
    }

    pub(super) fn settle(&self, entry: u64, consumer: usize) {
        let mut work = self.work();
        let first = !work.is_urgent() && work.settled.is_empty();
        work.settled.push((entry, consumer));
        self.ring(work, first);
    }

    /// Lets the writer look whether it has to probe.
    pub(super) fn wake(&self) {
        self.ring(self.work(), true);
    }

    pub(super) fn close(&self) {
        let mut work = self.work();
        work.closed = true;
        self.ring(work, true);
    }

    /// The next group, as soon as it is due; nothing once it is closed and empty. With `probe` an empty one after a while.
    pub(super) fn gather(&self, patience: Duration, probe: &AtomicBool) -> Option<Work> {
        let mut work = self.work();
        loop {
            if work.is_urgent() || work.closed {
                break;
            }
            if work.settled.is_empty() && !probe.load(Ordering::Relaxed) {
                work = self.bell.wait(work).unwrap_or_else(PoisonError::into_inner);
            } else {
                let longest = if work.settled.is_empty() { PROBE } else { LEISURE };
                let (woken, waited) =
                    self.bell.wait_timeout(work, longest).unwrap_or_else(PoisonError::into_inner);
                work = woken;
                if waited.timed_out() {
                    break;
                }
            }
        }
        let mut waited = Duration::ZERO;
        let mut known = 0;
        // Where nobody has come for a while, everybody who could come waits for us.
        while waited < patience && work.bytes < LARGE && work.urgent() > known && !work.closed {
            known = work.urgent();
            (work, _) = self.bell.wait_timeout(work, SLICE).unwrap_or_else(PoisonError::into_inner);
            waited += SLICE;
        }
        let closed = work.closed;
        let taken = std::mem::replace(&mut *work, Work { closed, ..Work::default() });
        (!closed || taken.is_urgent() || !taken.settled.is_empty()).then_some(taken)
    }

    fn ring(&self, work: MutexGuard<'_, Work>, first: bool) {
        drop(work);
        if first {
            self.bell.notify_one();
        }
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Work {
    /// Somebody waits.
    fn is_urgent(&self) -> bool {
        self.urgent() > 0
    }

    fn urgent(&self) -> usize {
        self.appends.len() + self.decided.len()
    }
}
