//! A bounded queue whose refusals say when to come back.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use flow::{Batch, Refusal, Telemetry};
use prometheus::IntGauge;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout};

use super::settings::QueueSettings;
use crate::engine::health::Health;

/// A queue of more bytes than this, which is being emptied, lets each sender wait for one entry to leave before one
/// enters. Senders that are only a little too quick then cost time instead of memory.
const UNHURRIED: usize = 8 << 20;
/// The longest such wait: a slow exporter is not to hold up those beside it.
const PATIENCE: Duration = Duration::from_millis(5);
/// A queue that nothing has left for so long is not being emptied, and waiting does not help.
const STUCK: Duration = Duration::from_millis(100);

pub(super) struct Entry {
    pub(super) batch: Batch,
    /// The queues that have given it up.
    pub(super) tried: Vec<Arc<str>>,
    /// Told the result where the client waits for it.
    pub(super) answer: Option<oneshot::Sender<Result<(), Refusal>>>,
}

pub(super) struct Queue {
    id: Arc<str>,
    settings: QueueSettings,
    state: Mutex<State>,
    arrived: Notify,
    room: Notify,
    size: IntGauge,
    capacity: IntGauge,
    health: Arc<Health>,
}

#[derive(Default)]
struct State {
    entries: VecDeque<Entry>,
    /// In the sizer's unit.
    size: usize,
    bytes: usize,
    closed: bool,
    drain: Drain,
}

/// How fast the queue empties, for the time of a refusal.
#[derive(Default)]
struct Drain {
    last: Option<Instant>,
    /// Smoothed seconds between two entries taken.
    interval: f64,
}

impl Queue {
    pub(super) fn new(
        id: &Arc<str>,
        settings: &QueueSettings,
        health: &Arc<Health>,
        telemetry: &Telemetry,
    ) -> Self {
        let gauge = |name: &str| {
            telemetry
                .gauge(name, "As in the OpenTelemetry Collector.", &["exporter"])
                .with_label_values(&[id])
        };
        let capacity = gauge("otelcol_exporter_queue_capacity");
        capacity.set(settings.queue_size as i64);
        health.queue(id, 0, settings.queue_size);
        Self {
            id: Arc::clone(id),
            settings: settings.clone(),
            state: Mutex::default(),
            arrived: Notify::new(),
            room: Notify::new(),
            capacity,
            size: gauge("otelcol_exporter_queue_size"),
            health: Arc::clone(health),
        }
    }

    /// Puts an entry in, waits for room where `block_on_overflow` says so, else refuses.
    pub(super) async fn push(&self, entry: Entry) -> Result<(), Refusal> {
        let mut entry = entry;
        let left = self.room.notified();
        if self.lock().is_outrun() {
            drop(timeout(PATIENCE, left).await);
        }
        loop {
            let room = self.room.notified();
            match self.offer(entry, usize::MAX) {
                Ok(()) => return Ok(()),
                Err(refused) => {
                    let (back, refusal) = *refused;
                    if !self.settings.block_on_overflow || refusal.fault == flow::Fault::Down {
                        return Err(refusal);
                    }
                    entry = back;
                }
            }
            room.await;
        }
    }

    /// The oldest entry; waits for one, `None` once closed and empty.
    pub(super) async fn next(&self) -> Option<Entry> {
        loop {
            let arrived = self.arrived.notified();
            {
                let mut state = self.lock();
                if let Some(entry) = state.entries.pop_front() {
                    state.size -= self.settings.weight(&entry.batch);
                    state.bytes -= entry.batch.payload.len();
                    state.drain.taken();
                    self.size.set(state.size as i64);
                    self.health.queue(&self.id, state.size, self.settings.queue_size);
                    drop(state);
                    self.room.notify_one();
                    return Some(entry);
                }
                if state.closed {
                    return None;
                }
            }
            arrived.await;
        }
    }

    /// Takes no more entries; wakes everybody who waits.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_waiters();
        self.room.notify_waiters();
    }

    /// So much lies on the disk, and nothing in memory.
    pub(super) fn on_disk(&self, size: usize) {
        self.size.set(size as i64);
        self.health.queue(&self.id, size, self.settings.queue_size);
    }

    pub(super) fn tell(&self) {
        let state = self.lock();
        self.size.set(state.size as i64);
        self.capacity.set(self.settings.queue_size as i64);
        self.health.queue(&self.id, state.size, self.settings.queue_size);
    }

    pub(super) fn take_all(&self) -> Vec<Entry> {
        let mut state = self.lock();
        (state.size, state.bytes) = (0, 0);
        self.size.set(0);
        let taken = state.entries.drain(..).collect();
        self.health.queue(&self.id, 0, self.settings.queue_size);
        drop(state);
        self.room.notify_waiters();
        taken
    }

    /// Puts an entry in whether there is room or not; gives it back once closed.
    pub(super) fn force(&self, entry: Entry) -> Result<(), Box<Entry>> {
        let state = self.lock();
        if state.closed {
            return Err(Box::new(entry));
        }
        self.enter(state, entry);
        Ok(())
    }

    /// Whether a batch would be taken now.
    pub(super) fn room_for(&self, batch: &Batch) -> Result<(), Refusal> {
        self.room_in(&self.lock(), batch, usize::MAX)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().entries.is_empty()
    }

    /// Returns when an entry has left, or will never leave.
    pub(super) async fn left(&self) {
        let left = self.room.notified();
        // What was taken from it all at once leaves nothing behind to wait for.
        let will_leave = {
            let state = self.lock();
            !state.closed && !state.entries.is_empty()
        };
        if will_leave {
            left.await;
        }
    }

    /// Puts an entry in, or gives it back. With it, no more than so many bytes may be in here.
    pub(super) fn offer(&self, entry: Entry, bytes: usize) -> Result<(), Box<(Entry, Refusal)>> {
        let state = self.lock();
        match self.room_in(&state, &entry.batch, bytes) {
            Ok(()) => self.enter(state, entry),
            Err(refusal) => return Err(Box::new((entry, refusal))),
        }
        Ok(())
    }

    fn room_in(&self, state: &State, batch: &Batch, bytes: usize) -> Result<(), Refusal> {
        if state.closed {
            let why = format!("exporter {} is shutting down", self.id);
            return Err(Refusal::down(why, Duration::from_secs(5)));
        }
        // One that is larger than the whole queue still gets in when the queue is empty.
        let full = state.size + self.settings.weight(batch) > self.settings.queue_size
            || state.bytes.saturating_add(batch.payload.len()) > bytes;
        if full && state.size > 0 {
            let why = format!("the sending queue of exporter {} is full", self.id);
            return Err(Refusal::busy(why, state.drain.retry_after(state.entries.len())));
        }
        Ok(())
    }

    fn enter(&self, mut state: std::sync::MutexGuard<'_, State>, entry: Entry) {
        state.size += self.settings.weight(&entry.batch);
        state.bytes += entry.batch.payload.len();
        state.entries.push_back(entry);
        self.size.set(state.size as i64);
        self.health.queue(&self.id, state.size, self.settings.queue_size);
        drop(state);
        self.arrived.notify_one();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_outrun(&self) -> bool {
        self.bytes > UNHURRIED && self.drain.last.is_some_and(|last| last.elapsed() < STUCK)
    }
}

impl Drain {
    fn taken(&mut self) {
        let now = Instant::now();
        if let Some(last) = self.last {
            self.interval = self.interval * 0.9 + (now - last).as_secs_f64() * 0.1;
        }
        self.last = Some(now);
    }

    /// When a tenth of the queue will have gone, between 1 and 30 seconds.
    fn retry_after(&self, waiting: usize) -> Duration {
        let since = self.last.map_or(0.0, |last| last.elapsed().as_secs_f64());
        let seconds = self.interval.max(since) * (waiting as f64 / 10.0).max(1.0);
        Duration::from_secs_f64(seconds.clamp(1.0, 30.0).ceil())
    }
}

#[cfg(test)]
mod tests;
