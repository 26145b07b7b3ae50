//! One growing batch, and those that wait for the next consumer.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use flow::{Batch, Consumer, Refusal};
use tokio::sync::{Mutex as AsyncMutex, Notify};
use tokio::time::Instant;

use super::Owner;
use super::metrics::Metrics;
use super::settings::Settings;

/// Batches that may wait while the next consumer refuses; with more, this one refuses too.
const WAITING: usize = 4;

pub(super) struct Shard {
    settings: Arc<Settings>,
    owner: Owner,
    metrics: Metrics,
    next: Arc<dyn Consumer>,
    state: Mutex<State>,
    /// Items here, whether growing, waiting or on their way to the next consumer.
    items: AtomicU64,
    /// Held while batches are handed on, so that they keep their order.
    handing_on: AsyncMutex<()>,
    wake: Notify,
    draining: AtomicBool,
}

#[derive(Default)]
struct State {
    growing: Option<Batch>,
    since: Option<Instant>,
    waiting: VecDeque<Batch>,
    /// The next consumer's last answer, while batches wait for it.
    refusal: Option<Refusal>,
}

impl State {
    fn grow(&mut self, batch: Batch) {
        self.growing = Some(batch);
        self.since = Some(Instant::now());
    }
}

/// What the timer does next.
enum Next {
    Idle,
    At(Instant),
    Retry(Duration),
}

impl Shard {
    pub(super) fn start(
        settings: &Arc<Settings>,
        owner: Owner,
        metrics: Metrics,
        next: &Arc<dyn Consumer>,
    ) -> Arc<Self> {
        let shard = Arc::new(Self {
            settings: Arc::clone(settings),
            owner,
            metrics,
            next: Arc::clone(next),
            state: Mutex::default(),
            items: AtomicU64::new(0),
            handing_on: AsyncMutex::default(),
            wake: Notify::new(),
            draining: AtomicBool::new(false),
        });
        tokio::spawn(run(Arc::clone(&shard)));
        shard
    }

    pub(super) fn items(&self) -> u64 {
        self.items.load(Ordering::Relaxed)
    }

    /// Takes a batch; the caller's task hands on what has become large enough. Not to be cancelled half-way: the
    /// receiver runs it in a task of its own.
    pub(super) async fn take(&self, batch: Batch) -> Result<(), Refusal> {
        let ready = {
            let mut state = self.lock();
            if let (Some(refusal), true) = (&state.refusal, state.waiting.len() >= WAITING) {
                return Err(refusal.clone());
            }
            self.items.fetch_add(batch.items as u64, Ordering::Relaxed);
            self.owner.took(&batch);
            let first = state.growing.is_none();
            match &mut state.growing {
                Some(growing) => growing.join(batch),
                None => state.grow(batch),
            }
            let size = self.settings.send_batch_size;
            let grown = state.growing.as_ref().map_or(0, |growing| growing.items);
            let at_once = self.settings.timeout.is_zero();
            let ready = at_once || size > 0 && grown >= size;
            if ready {
                self.metrics.by_size.inc();
                self.cut(&mut state, !at_once);
            }
            if state.growing.is_some() && (first || ready) {
                self.wake.notify_one();
            }
            ready
        };
        if ready {
            self.hand_on().await;
        }
        Ok(())
    }

    /// Hands everything on, as long as the next consumer takes it; what is left after `deadline` is lost, or stays in the
    /// journal for the next run.
    pub(super) async fn drain(&self, deadline: Duration) {
        self.draining.store(true, Ordering::Release);
        self.cut(&mut self.lock(), false);
        let started = Instant::now();
        loop {
            self.hand_on().await;
            if self.lock().waiting.is_empty() || started.elapsed() >= deadline {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let left: Vec<_> = self.lock().waiting.drain(..).collect();
        for batch in left.iter().filter(|batch| !batch.ack.is_durable()) {
            self.lost(batch, "shutdown");
        }
        self.wake.notify_one();
    }

    /// Moves the growing batch to those that wait, in pieces no larger than allowed. A last piece that is not large
    /// enough yet may grow on.
    fn cut(&self, state: &mut State, rest_grows: bool) {
        let Some(mut batch) = state.growing.take() else { return };
        state.since = None;
        let max = self.settings.send_batch_max_size;
        if max == 0 || batch.items <= max {
            state.waiting.push_back(batch);
            return;
        }
        let pieces = flow::otlp::split::split(batch.signal, &batch.payload, max);
        batch.ack = std::mem::take(&mut batch.ack).cut(pieces.len());
        for (payload, items) in pieces {
            let piece = batch.piece(payload, items);
            if rest_grows && items < self.settings.send_batch_size.min(max) {
                state.grow(piece);
            } else {
                state.waiting.push_back(piece);
            }
        }
    }

    /// Gives the waiting batches to the next consumer, oldest first, until it refuses.
    async fn hand_on(&self) {
        let _order = self.handing_on.lock().await;
        loop {
            let Some(batch) = self.lock().waiting.pop_front() else { return };
            match self.next.consume(batch.fork()).await {
                Ok(()) => {
                    self.items.fetch_sub(batch.items as u64, Ordering::Relaxed);
                    self.owner.passed_on(&batch);
                    self.metrics.items.observe(batch.items as f64);
                    self.metrics.bytes.observe(batch.payload.len() as f64);
                    self.lock().refusal = None;
                }
                Err(refusal) if refusal.retryable() => {
                    let mut state = self.lock();
                    state.waiting.push_front(batch);
                    state.refusal = Some(refusal);
                    drop(state);
                    self.wake.notify_one();
                    return;
                }
                Err(refusal) => {
                    tracing::error!(items = batch.items, %refusal, "lost behind batch");
                    self.lost(&batch, "refused");
                }
            }
        }
    }

    fn lost(&self, batch: &Batch, reason: &'static str) {
        self.items.fetch_sub(batch.items as u64, Ordering::Relaxed);
        self.owner.lost(batch, reason);
    }

    fn next(&self) -> Next {
        let state = self.lock();
        if !state.waiting.is_empty() && state.refusal.is_some() {
            return Next::Retry(Duration::from_millis(50));
        }
        match state.since {
            Some(since) => Next::At(since + self.settings.timeout.get()),
            None => Next::Idle,
        }
    }

    async fn tick(&self) {
        {
            let mut state = self.lock();
            let due = state.since.is_some_and(|since| since.elapsed() >= self.settings.timeout.get());
            if due {
                self.metrics.by_time.inc();
                self.cut(&mut state, false);
            }
        }
        self.hand_on().await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends what is old enough, and tries again what was refused.
async fn run(shard: Arc<Shard>) {
    while !shard.draining.load(Ordering::Acquire) {
        match shard.next() {
            Next::Idle => shard.wake.notified().await,
            Next::At(when) => {
                tokio::time::sleep_until(when).await;
                shard.tick().await;
            }
            Next::Retry(delay) => {
                tokio::time::sleep(delay).await;
                shard.tick().await;
            }
        }
    }
}
