//! A shard with a clock and a next consumer: takes runs in, and a task that decides and hands on.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use flow::{Batch, Consumer, Drain, Refusal};
use tokio::sync::{Mutex as AsyncMutex, Notify};
use tokio::time::Instant;

use super::decisions::Decision;
use super::metrics::Metrics;
use super::outbox::{LeftOut, Origin};
use super::policy::Policies;
use super::shard::{Rules, Shard, Shared};
use super::survey::Run;
use crate::engine::account::Accounts;
use crate::journal::Decisions;

/// Decisions are made together, not more often than this.
const BETWEEN: Duration = Duration::from_millis(50);
/// So many, before others may have the shard; so many times, before what was decided is handed on.
const AT_ONCE: usize = 8;
const TIMES: usize = 32;

/// What all lanes of a processor share.
pub(super) struct Surroundings {
    pub(super) pipeline: Arc<str>,
    pub(super) started: Instant,
    pub(super) accounts: Arc<Accounts>,
    pub(super) metrics: Metrics,
    pub(super) next: Arc<dyn Consumer>,
    /// Where decisions are noted before they are followed.
    pub(super) journal: Option<Decisions>,
    /// Bytes that may wait for the next consumer, of one lane.
    pub(super) most_waiting: usize,
    /// Where there is no room, clients wait; otherwise traces are decided early.
    pub(super) block_on_overflow: bool,
    /// Spans inside, pending or on their way out.
    pub(super) spans: AtomicU64,
}

/// What a lane hands on next.
struct Due {
    decided: Vec<Decision>,
    left_out: Vec<LeftOut>,
    batch: Option<Batch>,
}

pub(super) struct Lane {
    around: Arc<Surroundings>,
    shard: Mutex<Shard>,
    /// The next consumer's last answer, while batches wait for it.
    refusal: Mutex<Option<Refusal>>,
    /// Held while batches are handed on, so that they keep their order.
    handing_on: AsyncMutex<()>,
    /// Tasks that found the shard taken, and will look again.
    wanted: AtomicUsize,
    wake: Notify,
    room: Notify,
    draining: AtomicBool,
    /// There was room when somebody had the shard last.
    roomy: AtomicBool,
    /// Traces and bytes that the metrics were told of.
    told: [AtomicI64; 2],
}

/// Somebody waits for the shard, as long as this lives.
pub(super) struct Wanted<'l>(&'l Lane);

impl Drop for Wanted<'_> {
    fn drop(&mut self) {
        self.0.wanted.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Lane {
    pub(super) fn start(shard: Shard, around: Arc<Surroundings>) -> Arc<Self> {
        let lane = Arc::new(Self {
            around,
            shard: Mutex::new(shard),
            refusal: Mutex::default(),
            handing_on: AsyncMutex::default(),
            wanted: AtomicUsize::new(0),
            wake: Notify::new(),
            room: Notify::new(),
            draining: AtomicBool::new(false),
            roomy: AtomicBool::new(true),
            told: Default::default(),
        });
        tokio::spawn(run(Arc::clone(&lane)));
        lane
    }

    /// Waits until there is room, or gives up.
    pub(super) async fn admit(&self, deadline: Instant) -> Result<(), Refusal> {
        loop {
            let notified = self.room.notified();
            let Some(why) = self.no_room() else { return Ok(()) };
            if tokio::time::timeout_at(deadline, notified).await.is_err() {
                return Err(self.busy(why));
            }
        }
    }

    /// Takes runs of one request in.
    pub(super) fn take(&self, runs: &[Run<'_>], shared: &Shared, origin: Origin) {
        self.take_into(self.shard(), runs, shared, origin);
    }

    /// Whoever has the shard is to let others have it, too.
    pub(super) fn want(&self) -> Wanted<'_> {
        self.wanted.fetch_add(1, Ordering::Relaxed);
        Wanted(self)
    }

    /// The same, unless somebody else has the shard.
    pub(super) fn try_take(
        &self,
        runs: &[Run<'_>],
        shared: &Shared,
        origin: impl FnOnce() -> Origin,
    ) -> bool {
        let shard = match self.shard.try_lock() {
            Ok(shard) => shard,
            Err(TryLockError::Poisoned(shard)) => shard.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        self.take_into(shard, runs, shared, origin());
        true
    }

    fn take_into(&self, mut shard: MutexGuard<'_, Shard>, runs: &[Run<'_>], shared: &Shared, origin: Origin) {
        let before = shard.next_due();
        shard.take(runs, shared, origin, self.now());
        self.tell(&mut shard);
        let sooner = shard.next_due() < before || before.is_none() || !shard.outbox().is_empty();
        drop(shard);
        if sooner {
            self.wake.notify_one();
        }
    }

    /// Decides what is pending and hands everything on; what is left when it ends is lost, or stays in
    /// the journal.
    pub(super) async fn drain(&self, end: Drain) {
        self.draining.store(true, Ordering::Release);
        self.wake.notify_one();
        let started = Instant::now();
        self.shard().finish(self.now(), end.at_stop);
        loop {
            self.hand_on().await;
            if self.shard().outbox().is_empty() {
                return;
            }
            if started.elapsed() >= end.within {
                break;
            }
            tokio::time::sleep(BETWEEN).await;
        }
        while let Some(batch) = self.due().batch {
            if !batch.ack.is_durable() {
                self.lost(&batch, "shutdown");
            }
        }
    }

    /// Takes over decisions of earlier runs.
    pub(super) fn remember(&self, decisions: &[&Decision]) {
        let mut shard = self.shard();
        shard.make_room_for(decisions.len());
        decisions.iter().for_each(|decision| shard.remember(decision));
    }

    /// Goes on with other policies.
    pub(super) fn reload(&self, rules: Rules, policies: &Arc<Policies>) {
        self.shard().reload(rules, Arc::clone(policies), self.now());
        self.wake.notify_one();
    }

    fn shard(&self) -> MutexGuard<'_, Shard> {
        self.shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.around.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// What there is no room for, if so.
    fn no_room(&self) -> Option<&'static str> {
        if self.roomy.load(Ordering::Relaxed) {
            return None;
        }
        self.filled(&mut self.shard())
    }

    fn filled(&self, shard: &mut Shard) -> Option<&'static str> {
        let (waiting, most) = (shard.outbox().bytes(), self.around.most_waiting);
        let full = shard.is_full();
        if waiting > 2 * most || (waiting > most && full) {
            return Some("what comes next takes no data");
        }
        (full && self.around.block_on_overflow).then_some("as many traces are pending as may be")
    }

    fn busy(&self, why: &str) -> Refusal {
        if let Some(refusal) = &*self.refusal.lock().unwrap_or_else(PoisonError::into_inner) {
            return refusal.clone();
        }
        let next = self.shard().next_due().unwrap_or_default().saturating_sub(self.now());
        let seconds = next.div_ceil(1_000_000_000).clamp(1, 60);
        Refusal::busy(format!("{why}; repeat the request in {seconds} s"), Duration::from_secs(seconds))
    }

    /// Decides what is due, as long as it is taken.
    async fn tick(&self) {
        let started = Instant::now();
        loop {
            let mut more = true;
            for _ in 0..TIMES {
                more = self.decide_some();
                if !more {
                    break;
                }
                // Whoever takes the shard again at once leaves nothing to those who look whether it is free.
                if self.wanted.load(Ordering::Relaxed) > 0 {
                    tokio::task::yield_now().await;
                }
            }
            self.hand_on().await;
            if !more {
                break;
            }
        }
        self.around.metrics.ticked(started.elapsed());
    }

    /// Whether there is more to decide.
    fn decide_some(&self) -> bool {
        let mut shard = self.shard();
        shard.outbox().bytes() <= self.around.most_waiting && shard.tick(self.now(), AT_ONCE)
    }

    /// Gives batches to the next consumer until it refuses, and settles what is left out.
    async fn hand_on(&self) {
        self.hand_on_in_order().await;
        self.room.notify_waiters();
    }

    async fn hand_on_in_order(&self) {
        let _order = self.handing_on.lock().await;
        loop {
            let Due { decided, left_out, batch } = self.due();
            if let Err(refusal) = self.note(&decided).await {
                let mut shard = self.shard();
                shard.put_back_decided(decided);
                shard.outbox().put_back_left_out(left_out);
                batch.into_iter().for_each(|batch| shard.outbox().put_back(batch));
                drop(shard);
                return self.refused(Some(refusal));
            }
            self.settle(&left_out);
            let Some(batch) = batch else { return };
            match self.around.next.consume(batch.fork()).await {
                Ok(()) => {
                    self.gone(batch.items);
                    self.refused(None);
                }
                Err(refusal) if refusal.retryable() => {
                    self.shard().outbox().put_back(batch);
                    return self.refused(Some(refusal));
                }
                Err(refusal) => {
                    tracing::error!(items = batch.items, %refusal, "lost behind tail_sampling");
                    self.lost(&batch, "refused");
                }
            }
        }
    }

    /// What is to go, and the decisions that it follows from, which have to be known together.
    fn due(&self) -> Due {
        let mut shard = self.shard();
        self.tell(&mut shard);
        self.around.metrics.add(&shard.tally().take());
        let (decided, left_out) = (shard.take_decided(), shard.outbox().take_left_out());
        Due { decided, left_out, batch: shard.outbox().next() }
    }

    async fn note(&self, decided: &[Decision]) -> Result<(), Refusal> {
        match &self.around.journal {
            Some(journal) if !decided.is_empty() => journal.note(decided.iter().map(Decision::encode)).await,
            _ => Ok(()),
        }
    }

    fn refused(&self, refusal: Option<Refusal>) {
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = refusal;
    }

    /// Tells accounts and clients' ledgers of what was left out.
    fn settle(&self, left_out: &[LeftOut]) {
        for left in left_out {
            if let Some(account) = self.around.accounts.get(&self.around.pipeline) {
                account.dropped_for_all(&left.acks, left.spans, left.reason.name());
            }
            self.gone(left.spans);
        }
    }

    /// Tells metrics and clients how it stands.
    fn tell(&self, shard: &mut Shard) {
        self.roomy.store(self.filled(shard).is_none(), Ordering::Relaxed);
        let [traces, bytes] = &self.told;
        let more = |told: &AtomicI64, now: usize| now as i64 - told.swap(now as i64, Ordering::Relaxed);
        self.around.metrics.pending(more(traces, shard.traces()), more(bytes, shard.held()));
    }

    fn lost(&self, batch: &Batch, reason: &'static str) {
        if let Some(account) = self.around.accounts.get(&self.around.pipeline) {
            account.lost_for_all(batch, reason);
        }
        self.gone(batch.items);
    }

    fn gone(&self, spans: usize) {
        self.around.spans.fetch_sub(spans as u64, Ordering::Relaxed);
    }

    /// When there is something to do again.
    fn next(&self) -> Option<Instant> {
        let mut shard = self.shard();
        let soon = Instant::now() + BETWEEN;
        if !shard.outbox().is_empty() {
            return Some(soon);
        }
        let due = self.around.started + Duration::from_nanos(shard.next_due()?);
        Some(due.max(soon))
    }
}

/// Decides and hands on until the lane is drained.
async fn run(lane: Arc<Lane>) {
    while !lane.draining.load(Ordering::Acquire) {
        match lane.next() {
            None => lane.wake.notified().await,
            Some(when) => {
                tokio::select! {
                    () = tokio::time::sleep_until(when) => lane.tick().await,
                    () = lane.wake.notified() => tokio::time::sleep(BETWEEN).await,
                }
            }
        }
    }
}
