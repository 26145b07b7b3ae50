//! A log with a thread that writes it: batches go in, are safe, come out in order, and go when all are done with them.

mod inbox;
mod outbox;
mod ledger;
mod metrics;
mod writer;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use flow::{Batch, Memory, Refusal, Telemetry};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::disk::{Disk, DiskFile};
use super::entry;
use super::log::{Cursor, Log, Read, Shelf};
use super::record::Decision;
use super::room::Room;
use crate::engine::health::Health;
use inbox::{Append, Inbox};
use metrics::Metrics;
use outbox::Outbox;

/// Bytes that may wait to be written; with more the disk is too slow.
const MOST_WAITING: usize = 32 << 20;

/// What a stream is made with.
#[derive(Clone)]
pub(crate) struct Means {
    pub(crate) room: Arc<Room>,
    pub(crate) memory: Arc<Memory>,
    pub(crate) telemetry: Telemetry,
    /// How long an entry waits, at most, for others to be synced with it.
    pub(crate) patience: Duration,
    /// After so long an entry is given up; zero is never.
    pub(crate) max_age: Duration,
    pub(crate) segment: u64,
    pub(crate) health: Arc<Health>,
}

pub(crate) struct Stream {
    /// `pipelines/traces`, `exporters/otlp`
    pub(crate) name: Arc<str>,
    consumers: Arc<[Arc<str>]>,
    means: Means,
    metrics: Metrics,
    inbox: Inbox,
    outbox: Outbox,
    opened: OnceLock<Opened>,
    closing: AtomicBool,
    /// It takes nothing at the moment, and `/readyz` says so.
    refusing: AtomicBool,
}

/// What is known once the log is open.
struct Opened {
    back: Box<dyn Back>,
    /// The id of the first entry of this run.
    first: u64,
    /// Decisions of earlier runs.
    decisions: Mutex<Vec<Decision>>,
    writer: Mutex<Option<std::thread::JoinHandle<()>>>,
}

/// Reads entries back.
trait Back: Send + Sync {
    fn read(&self, from: Cursor, bytes: usize, consumers: usize) -> io::Result<(Vec<Read>, Cursor)>;
    fn live(&self) -> u64;
}

impl<F: DiskFile> Back for Arc<Shelf<F>> {
    fn read(&self, from: Cursor, bytes: usize, consumers: usize) -> io::Result<(Vec<Read>, Cursor)> {
        Shelf::read(self, from, bytes, consumers)
    }

    fn live(&self) -> u64 {
        self.index().live()
    }
}

/// A batch on its way out.
pub(crate) struct Taken {
    /// Its `Ack` is the stream's.
    pub(crate) batch: Batch,
    /// It was accepted by an earlier run of this process.
    pub(crate) restored: bool,
    /// It has waited for longer than it may.
    pub(crate) expired: bool,
}

impl Stream {
    /// Everybody in `consumers`, 64 at most, has to settle an entry.
    pub(crate) fn new(name: &str, consumers: &[Arc<str>], means: Means) -> Arc<Self> {
        Arc::new(Self {
            name: Arc::from(name),
            consumers: consumers.into(),
            metrics: Metrics::new(name, &means.telemetry),
            inbox: Inbox::default(),
            outbox: Outbox::default(),
            opened: OnceLock::new(),
            closing: AtomicBool::new(false),
            refusing: AtomicBool::new(false),
            means,
        })
    }

    /// Finds out what an earlier run left, and starts the writer. Blocks.
    pub(super) fn open<D: Disk>(self: &Arc<Self>, disk: D) -> io::Result<()> {
        let consumers = Arc::clone(&self.consumers);
        let (log, recovered) = Log::open(disk, self.means.segment, consumers, Arc::clone(&self.means.room))?;
        let shelf = log.shelf();
        let first = shelf.index().next;
        let live = shelf.index().live();
        if live > 0 || recovered.salvaged > 0 {
            let (log, salvaged) = (&*self.name, recovered.salvaged);
            tracing::info!(log, entries = live, salvaged, "the journal holds what an earlier run accepted");
        }
        self.metrics.opened(live, recovered.salvaged);
        self.outbox.open(shelf.index().end());
        let stream = Arc::clone(self);
        let thread = std::thread::Builder::new().name("journal".to_owned());
        let writer = thread.spawn(move || writer::run(&stream, log))?;
        let opened = Opened {
            back: Box::new(shelf),
            first,
            decisions: Mutex::new(recovered.decisions),
            writer: Mutex::new(Some(writer)),
        };
        self.opened.set(opened).map_err(|_| io::Error::other("it is open already"))
    }

    /// Is there room for so many bytes more?
    pub(crate) fn admit(&self, bytes: usize) -> Result<(), Refusal> {
        self.room_for(bytes).inspect_err(|refusal| self.report(Some(refusal)))
    }

    fn room_for(&self, bytes: usize) -> Result<(), Refusal> {
        let now = Instant::now();
        self.means.room.ask(bytes as u64, now)?;
        let waiting = self.inbox.bytes();
        if waiting > MOST_WAITING {
            let after = self.means.room.retry_after(waiting as u64, now);
            return Err(Refusal::busy("the journal's disk is slower than what comes in", after));
        }
        Ok(())
    }

    /// Says whether it takes data, where that has changed.
    fn report(&self, refusal: Option<&Refusal>) {
        if refusal.is_none() && !self.refusing.load(Ordering::Relaxed) {
            return;
        }
        self.means.health.journal(&self.name, refusal.map(|refusal| refusal.why.as_str()));
        if !self.refusing.swap(refusal.is_some(), Ordering::Relaxed) {
            // Whether that is over has to be seen also when nobody comes any more.
            self.inbox.wake();
        }
    }

    /// When so many bytes will have gone.
    pub(crate) fn retry_after(&self, bytes: usize) -> Duration {
        self.means.room.retry_after(bytes as u64, Instant::now())
    }

    /// Puts a batch in; when it returns `Ok`, the batch is safe. Asks nobody whether there is room.
    pub(crate) async fn append(&self, batch: Batch) -> Result<(), Refusal> {
        if self.opened.get().is_none() || self.closing.load(Ordering::Acquire) {
            return Err(self.closed());
        }
        let accepted = now_ms();
        let (done, answer) = oneshot::channel();
        let body = entry::encode(&batch, accepted);
        self.inbox.append(Append { body, batch, accepted, done });
        answer.await.unwrap_or_else(|_| Err(self.closed()))
    }

    /// Notes decisions; when it returns `Ok`, they are safe, and every entry that is settled after that is settled after
    /// them in the log too.
    pub(super) async fn decide(&self, decisions: Vec<Decision>) -> Result<(), Refusal> {
        if self.opened.get().is_none() {
            return Err(self.closed());
        }
        let (done, answer) = oneshot::channel();
        self.inbox.decide(decisions, done);
        answer.await.unwrap_or_else(|_| Err(self.closed()))
    }

    /// Takes what a sampler decided in earlier runs on spans that come again.
    pub(super) fn take_decisions(&self, sampler: &str) -> Vec<Decision> {
        let Some(opened) = self.opened.get() else { return Vec::new() };
        let mut all = opened.decisions.lock().unwrap_or_else(PoisonError::into_inner);
        let (own, others) = all.drain(..).partition(|decision| decision.sampler == sampler);
        *all = others;
        own
    }

    /// Whoever takes is ready; before that nothing is given.
    pub(crate) fn begin(&self) {
        self.outbox.begin();
    }

    /// The next batch; nothing once nothing is to be read any more.
    pub(crate) async fn next(self: &Arc<Self>) -> Option<Taken> {
        self.outbox.next(self).await
    }

    /// Whether entries wait that nobody has taken.
    pub(crate) fn has_waiting(&self) -> bool {
        self.outbox.has_waiting()
    }

    /// Entries that are not settled.
    pub(crate) fn live(&self) -> u64 {
        self.opened.get().map_or(0, |opened| opened.back.live())
    }

    /// Takes nothing more in, gives nothing more out; what is there stays for the next run. What is out can still be
    /// settled.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::Release);
        self.outbox.close();
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// Writes what was settled, and ends the writer.
    pub(crate) async fn finish(&self) {
        self.close();
        self.inbox.close();
        let Some(opened) = self.opened.get() else { return };
        let writer = opened.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            drop(tokio::task::spawn_blocking(move || writer.join()).await);
        }
    }

    fn closed(&self) -> Refusal {
        Refusal::down("the journal is closed; the process stops", Duration::from_secs(5))
    }

    fn is_expired(&self, accepted: u64) -> bool {
        let age = self.means.max_age;
        !age.is_zero() && u128::from(now_ms().saturating_sub(accepted)) > age.as_millis()
    }

    /// An entry that cannot be read: all are done with it.
    fn damaged(&self, id: u64) {
        tracing::error!(log = &*self.name, id, "an entry of the journal is damaged on the disk and lost");
        self.metrics.damaged.inc();
        for consumer in 0..self.consumers.len() {
            self.inbox.settle(id, consumer);
        }
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
