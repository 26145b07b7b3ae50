//! The traces that wait, oldest first.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use flow::otlp::partition::{Part, partition};
use flow::otlp::view::trace_id;
use flow::{Already, Audience, Batch, Consumer, Refusal};
use tokio::sync::{Mutex as AsyncMutex, Notify};
use tokio::time::{Instant, timeout_at};

use super::metrics::Metrics;
use super::settings::Settings;
use crate::engine::account::Accounts;

/// What a waiting trace takes beside its spans, about.
const OVERHEAD: usize = 512;
/// Traces that are due together travel together, up to about so many spans.
const TOGETHER: usize = 8192;
const AGAIN: Duration = Duration::from_millis(50);

pub(super) struct Table {
    settings: Settings,
    accounts: Arc<Accounts>,
    metrics: Metrics,
    next: Arc<dyn Consumer>,
    state: Mutex<State>,
    /// Spans here, whether waiting or on their way to the next consumer.
    items: AtomicU64,
    /// Held while traces are handed on, so that they keep their order.
    handing_on: AsyncMutex<()>,
    wake: Notify,
    started: AtomicBool,
    draining: AtomicBool,
}

type Key = (Audience, Already, Box<[u8]>);

#[derive(Default)]
struct State {
    traces: HashMap<Key, Batch>,
    /// When each of them is due. All wait equally long, so the first to come is the first to go.
    order: VecDeque<(Key, Instant)>,
    bytes: usize,
    refused: Option<Refused>,
}

/// Released, and refused by the next consumer.
struct Refused {
    batch: Batch,
    traces: u64,
    refusal: Refusal,
}

/// What the timer does next.
enum Next {
    Idle,
    At(Instant),
    Again,
}

impl Table {
    pub(super) fn new(
        settings: Settings,
        accounts: Arc<Accounts>,
        metrics: Metrics,
        next: Arc<dyn Consumer>,
    ) -> Self {
        metrics.allowed.set(i64::try_from(settings.num_traces).unwrap_or(i64::MAX));
        Self {
            settings,
            accounts,
            metrics,
            next,
            state: Mutex::default(),
            items: AtomicU64::new(0),
            handing_on: AsyncMutex::default(),
            wake: Notify::new(),
            started: AtomicBool::new(false),
            draining: AtomicBool::new(false),
        }
    }

    pub(super) fn next_consumer(&self) -> &dyn Consumer {
        &*self.next
    }

    pub(super) fn items(&self) -> u64 {
        self.items.load(Ordering::Relaxed)
    }

    /// Starts the timer, once.
    pub(super) fn start(self: &Arc<Self>) {
        if !self.started.swap(true, Ordering::Relaxed) {
            tokio::spawn(run(Arc::clone(self)));
        }
    }

    /// Takes spans. Where there is no room any more the caller's task hands on the oldest traces; where those are
    /// refused, so are these. Not to be cancelled half-way: the receiver runs it in a task of its own.
    pub(super) async fn take(&self, mut batch: Batch) -> Result<(), Refusal> {
        let parts = partition(&batch.payload, |_, _, span| trace_id(span));
        if parts.is_empty() {
            return self.next.consume(batch).await;
        }
        let full = {
            let mut state = self.lock();
            if let Some(refused) = state.refused.as_ref().filter(|_| self.is_full(&state)) {
                return Err(refused.refusal.clone());
            }
            self.items.fetch_add(batch.items as u64, Ordering::Relaxed);
            let due = Instant::now() + self.settings.wait_duration.get();
            if state.order.is_empty() {
                self.wake.notify_one();
            }
            batch.ack = std::mem::take(&mut batch.ack).cut(parts.len());
            self.add(&mut state, &batch, parts, due);
            self.is_full(&state)
        };
        if full {
            self.hand_on().await;
        }
        Ok(())
    }

    fn add(&self, state: &mut State, batch: &Batch, parts: Vec<Part<&[u8]>>, due: Instant) {
        for Part { key, payload, items } in parts {
            let key = (batch.audience, Arc::clone(&batch.already), key.into());
            state.bytes += payload.len();
            let part = batch.piece(payload, items);
            if let Some(trace) = state.traces.get_mut(&key) {
                trace.join(part);
                continue;
            }
            state.bytes += OVERHEAD;
            state.order.push_back((key.clone(), due));
            state.traces.insert(key, part);
        }
        self.metrics.waiting.set(state.traces.len() as i64);
    }

    fn is_full(&self, state: &State) -> bool {
        state.bytes > self.settings.limit_mib << 20 || state.traces.len() > self.settings.num_traces
    }

    /// Hands on everything, as long as the next consumer takes it; what is left after `patience` is lost, or stays in
    /// the journal.
    pub(super) async fn drain(&self, patience: Duration) {
        self.draining.store(true, Ordering::Release);
        self.wake.notify_one();
        let started = Instant::now();
        loop {
            self.hand_on().await;
            if self.lock().refused.is_none() || started.elapsed() >= patience {
                break;
            }
            tokio::time::sleep(AGAIN).await;
        }
        let left: Vec<Batch> = {
            let mut state = self.lock();
            state.order.clear();
            state.bytes = 0;
            let refused = state.refused.take().map(|refused| refused.batch);
            refused.into_iter().chain(state.traces.drain().map(|(_, batch)| batch)).collect()
        };
        for batch in left.iter().filter(|batch| !batch.ack.is_durable()) {
            self.lost(batch, "shutdown");
        }
    }

    /// Gives the traces that are due to the next consumer, oldest first, until it refuses.
    async fn hand_on(&self) {
        let _order = self.handing_on.lock().await;
        loop {
            let Some((batch, traces)) = self.due() else { return };
            match self.next.consume(batch.fork()).await {
                Ok(()) => {
                    self.items.fetch_sub(batch.items as u64, Ordering::Relaxed);
                    self.metrics.traces.inc_by(traces);
                    self.metrics.spans.inc_by(batch.items as u64);
                }
                Err(refusal) if refusal.retryable() => {
                    self.lock().refused = Some(Refused { batch, traces, refusal });
                    self.wake.notify_one();
                    return;
                }
                Err(refusal) => {
                    tracing::error!(items = batch.items, %refusal, "lost behind groupbytrace");
                    self.lost(&batch, "refused");
                }
            }
        }
    }

    /// What is to go now, and how many traces that is; those of one client travel together. What was refused goes
    /// first.
    fn due(&self) -> Option<(Batch, u64)> {
        let mut state = self.lock();
        if let Some(refused) = state.refused.take() {
            return Some((refused.batch, refused.traces));
        }
        let now = Instant::now();
        let all = self.draining.load(Ordering::Acquire);
        let mut together: Option<Batch> = None;
        let (mut traces, mut early) = (0, 0);
        while let Some((key, due)) = state.order.front() {
            let evicted = *due > now;
            if evicted && !all && !self.is_full(&state) {
                break;
            }
            let Some(trace) = state.traces.get(key) else {
                state.order.pop_front();
                continue;
            };
            let fits = together.as_ref().is_none_or(|batch| {
                let same = batch.audience == trace.audience
                    && batch.already == trace.already
                    && batch.client == trace.client;
                same && batch.items + trace.items <= TOGETHER
            });
            if !fits {
                break;
            }
            let Some((key, _)) = state.order.pop_front() else { break };
            let Some(trace) = state.traces.remove(&key) else { break };
            state.bytes = state.bytes.saturating_sub(trace.payload.len() + OVERHEAD);
            traces += 1;
            early += u64::from(evicted && !all);
            match &mut together {
                Some(batch) => batch.join(trace),
                None => together = Some(trace),
            }
        }
        self.metrics.evicted.inc_by(early);
        self.metrics.waiting.set(state.traces.len() as i64);
        together.map(|batch| (batch, traces))
    }

    fn lost(&self, batch: &Batch, reason: &'static str) {
        self.items.fetch_sub(batch.items as u64, Ordering::Relaxed);
        if let Some(account) = self.accounts.get(&batch.pipeline) {
            account.lost_for_all(batch, reason);
        }
    }

    fn next(&self) -> Next {
        let state = self.lock();
        match state.order.front() {
            _ if state.refused.is_some() => Next::Again,
            Some((_, due)) => Next::At(*due),
            None => Next::Idle,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends what is due, and tries again what was refused.
async fn run(table: Arc<Table>) {
    while !table.draining.load(Ordering::Acquire) {
        let woken = table.wake.notified();
        match table.next() {
            Next::Idle => woken.await,
            Next::At(due) => drop(timeout_at(due, woken).await),
            Next::Again => tokio::time::sleep(AGAIN).await,
        }
        if !table.draining.load(Ordering::Acquire) {
            table.hand_on().await;
        }
    }
}
