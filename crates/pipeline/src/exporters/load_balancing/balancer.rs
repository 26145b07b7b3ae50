//! Who gets what: deals batches out to the backends' queues, and moves what a queue gives back.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use flow::config::Node;
use flow::otlp::partition::partition;
use flow::{Batch, BuildError, Consumer, Ctx, Drain, Exporter, Made, Outcome, Refusal};
use futures_util::future::join_all;
use tokio::sync::Mutex as Turn;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::backend::{Backend, Watched};
use super::key::Key;
use super::metrics::Metrics;
use super::rendezvous;
use super::resolver::List;
use super::settings::{self, Settings};
use crate::engine::account::Accounts;
use crate::engine::health::Health;
use crate::engine::sending::lane::{EXHAUSTED, FAILING, Lane, Leftover, SHUTDOWN};
use crate::engine::sending::{Sending, SendingSettings};
use crate::exporters::otlp_grpc;

/// At the stop, for what one backend did not take and another one may.
const LAST_RESORT: Duration = Duration::from_secs(15);

/// What makes the exporter of a backend from its section.
pub(super) type MakeExporter = fn(&Node, &Ctx) -> Made<dyn Exporter>;

pub(super) struct Balancer {
    ctx: Ctx,
    section: Node,
    make: MakeExporter,
    key: Key,
    /// `None` waits for a backend that does not answer.
    failover_after: Option<Duration>,
    block_on_overflow: bool,
    /// What is on the disk is lost after `max_elapsed_time` at every backend; else it is tried on.
    gives_up: bool,
    accounts: Arc<Accounts>,
    health: Arc<Health>,
    metrics: Metrics,
    backends: Mutex<Backends>,
    leftovers: UnboundedSender<Leftover>,
    handed_back: Turn<UnboundedReceiver<Leftover>>,
    /// Those that are gone, until their last attempts have ended.
    leaving: Mutex<JoinSet<()>>,
}

#[derive(Default)]
struct Backends {
    /// By endpoint.
    all: Vec<Arc<Backend>>,
    /// Those that answer; all where none does.
    active: Arc<Active>,
}

/// The backends that spans are dealt out to.
#[derive(Default)]
struct Active {
    backends: Vec<Arc<Backend>>,
    hashes: Vec<u64>,
}

impl Active {
    fn of(backends: Vec<Arc<Backend>>) -> Self {
        Self { hashes: backends.iter().map(|backend| backend.hash).collect(), backends }
    }

    fn has(&self, endpoint: &str) -> bool {
        self.backends.iter().any(|backend| &*backend.endpoint == endpoint)
    }
}

/// How an attempt to deal out a batch ended.
enum Dealt {
    Done,
    /// The backends are not the same any more.
    Outdated,
    Full(Arc<Backend>, Refusal),
}

impl Balancer {
    pub(super) fn new(
        section: &Node,
        settings: &Settings,
        resolver: &str,
        make: MakeExporter,
        ctx: &Ctx,
    ) -> Result<Self, BuildError> {
        let key = settings.key().ok_or_else(|| BuildError::new(&ctx.id, "the settings were not checked"))?;
        let (leftovers, handed_back) = unbounded_channel();
        let sending = SendingSettings::of(&settings::backend(section, "placeholder:4317"));
        Ok(Self {
            ctx: ctx.clone(),
            section: section.clone(),
            make,
            key,
            failover_after: Some(settings.failover_after.get()).filter(|after| !after.is_zero()),
            block_on_overflow: sending.sending_queue.block_on_overflow,
            gives_up: sending.gives_up,
            accounts: ctx.get().unwrap_or_default(),
            health: ctx.get().unwrap_or_default(),
            metrics: Metrics::new(ctx, resolver),
            backends: Mutex::default(),
            leftovers,
            handed_back: Turn::new(handed_back),
            leaving: Mutex::default(),
        })
    }

    /// Takes a whole batch, or refuses it as a whole: a client that repeats it then doubles nothing.
    pub(super) async fn take(&self, batch: &Batch) -> Result<(), Refusal> {
        loop {
            let active = Arc::clone(&self.backends().active);
            if active.backends.is_empty() {
                let why = format!("exporter {} knows no backend yet", self.ctx.id);
                return Err(Refusal::down(why, Duration::from_secs(5)));
            }
            match self.deal(&active, self.pieces(&active, batch.fork())) {
                Dealt::Done => return Ok(()),
                Dealt::Outdated => {}
                Dealt::Full(backend, _) if self.block_on_overflow => backend.queue.room().await,
                Dealt::Full(_, refusal) => return Err(refusal),
            }
        }
    }

    /// Makes the list of backends this one. What waits for those that are not in it goes to the others.
    pub(super) fn install(&self, list: &List) -> Result<(), BuildError> {
        let mut backends = self.backends();
        let is_known = |endpoint: &Arc<str>| backends.all.iter().any(|known| known.endpoint == *endpoint);
        let new: Vec<_> = list.iter().filter(|endpoint| !is_known(endpoint)).collect();
        let opened = new.iter().map(|endpoint| self.open(endpoint)).collect::<Result<Vec<_>, _>>()?;
        let (mut all, gone): (Vec<_>, Vec<_>) =
            backends.all.drain(..).partition(|backend| list.contains(&backend.endpoint));
        if opened.is_empty() && gone.is_empty() {
            backends.all = all;
            return Ok(());
        }
        all.extend(opened);
        all.sort_by(|a, b| a.endpoint.cmp(&b.endpoint));
        let names = |backends: &[Arc<Backend>]| {
            backends.iter().map(|backend| backend.endpoint.to_string()).collect::<Vec<_>>()
        };
        tracing::info!(exporter = %self.ctx.id, backends = ?names(&all), gone = ?names(&gone), "the backends are others");
        self.metrics.backends.set(all.len() as i64);
        self.metrics.updates.inc();
        backends.all = all;
        drop(self.choose_active(&mut backends));
        drop(backends);
        gone.into_iter().for_each(|backend| self.part_from(backend));
        Ok(())
    }

    /// Passes over backends that have not answered for too long, and takes them in again when they do.
    pub(super) fn look_after(&self) {
        while self.leaving().try_join_next().is_some() {}
        let mut backends = self.backends();
        let now = Instant::now();
        // Where nothing is left to try it with, a backend gets its share again: that is the next try.
        for backend in &backends.all {
            if self.is_down(backend, now) && backend.queue.is_idle() {
                backend.watched.forgive();
            }
        }
        let before = self.choose_active(&mut backends);
        let active = Arc::clone(&backends.active);
        drop(backends);
        for backend in before.backends.iter().filter(|backend| !active.has(&backend.endpoint)) {
            let endpoint = &*backend.endpoint;
            tracing::warn!(exporter = %self.ctx.id, endpoint, "a backend does not answer: its spans go to the others");
            backend.queue.recall(FAILING, "the backend does not answer");
        }
    }

    /// Runs until it is dropped.
    pub(super) async fn move_leftovers(self: Arc<Self>) {
        let mut handed_back = self.handed_back.lock().await;
        while let Some(leftover) = handed_back.recv().await {
            self.reroute(leftover);
        }
    }

    /// Empties the queues; what a backend did not take in its last attempt is tried at the others.
    pub(super) async fn end(&self) {
        let all = std::mem::take(&mut *self.backends()).all;
        join_all(all.iter().map(|backend| backend.queue.drain(Drain::default()))).await;
        let mut leaving = std::mem::take(&mut *self.leaving());
        while leaving.join_next().await.is_some() {}
        let deadline = Instant::now() + LAST_RESORT;
        let mut handed_back = self.handed_back.lock().await;
        while let Ok(leftover) = handed_back.try_recv() {
            if timeout_at(deadline, self.last_resort(&leftover, &all)).await != Ok(true) {
                self.lose(leftover);
            }
        }
        join_all(all.iter().map(|backend| backend.watched.stop())).await;
    }

    /// The pieces of a batch, each with the place of its backend among the active ones.
    fn pieces(&self, active: &Active, mut batch: Batch) -> Vec<(usize, Batch)> {
        if active.hashes.len() == 1 {
            return vec![(0, batch)];
        }
        // All spans of a resource have its service.
        let mut last = None;
        let parts = partition(&batch.payload, |resource, scope, span| {
            let at = resource.0.as_ptr();
            match last {
                Some((same, way)) if same == at && self.key == Key::Service => way,
                _ => {
                    let way = rendezvous::choose(&active.hashes, self.key.of(resource, scope, span));
                    last = Some((at, way));
                    way
                }
            }
        });
        if parts.iter().map(|part| part.items).sum::<usize>() != batch.items {
            tracing::error!(exporter = %self.ctx.id, "a batch that cannot be dealt out goes to one backend");
            return vec![(0, batch)];
        }
        batch.ack = std::mem::take(&mut batch.ack).cut(parts.len());
        parts.into_iter().map(|part| (part.key, batch.piece(part.payload, part.items))).collect()
    }

    /// All pieces or none: while the lock is held nobody else puts, so that room that is there stays there.
    fn deal(&self, active: &Arc<Active>, pieces: Vec<(usize, Batch)>) -> Dealt {
        let backends = self.backends();
        if !Arc::ptr_eq(&backends.active, active) {
            return Dealt::Outdated;
        }
        let to = |(way, batch): (usize, Batch)| Some((active.backends.get(way)?, batch));
        let pieces: Vec<_> = pieces.into_iter().filter_map(to).collect();
        for (backend, batch) in &pieces {
            if let Err(refusal) = backend.queue.room_for(batch) {
                return Dealt::Full(Arc::clone(backend), refusal);
            }
        }
        for (backend, batch) in pieces {
            backend.queue.put(batch);
        }
        Dealt::Done
    }

    /// To the backends that have not given it up yet; those that answer go first.
    fn reroute(&self, mut leftover: Leftover) {
        let durable = leftover.batch.ack.is_durable() && !self.gives_up;
        if durable
            && leftover.reason == EXHAUSTED
            && self.backends().all.iter().all(|one| leftover.tried.contains(&one.id))
        {
            leftover.tried.clear();
        }
        let fresh = |from: &[Arc<Backend>]| {
            let fresh = from.iter().filter(|backend| !leftover.tried.contains(&backend.id));
            fresh.cloned().collect::<Vec<_>>()
        };
        let mut to = {
            let backends = self.backends();
            let active = fresh(&backends.active.backends);
            if active.is_empty() { fresh(&backends.all) } else { active }
        };
        if to.is_empty() {
            return self.lose(leftover);
        }
        to.sort_by(|a, b| a.endpoint.cmp(&b.endpoint));
        let to = Active::of(to);
        let Leftover { batch, tried, reason, why } = leftover;
        tracing::info!(exporter = %self.ctx.id, items = batch.items, reason, why, "given to other backends");
        self.metrics.rerouted(reason, batch.items);
        for (way, piece) in self.pieces(&to, batch) {
            if let Some(backend) = to.backends.get(way) {
                backend.queue.put_back(piece, tried.clone());
            }
        }
    }

    /// One attempt at each backend that answers.
    async fn last_resort(&self, leftover: &Leftover, all: &[Arc<Backend>]) -> bool {
        let now = Instant::now();
        let answers = |backend: &&Arc<Backend>| {
            !leftover.tried.contains(&backend.id) && backend.watched.failing_for(now).is_none()
        };
        for backend in all.iter().filter(answers) {
            if backend.watched.export(&leftover.batch).await.is_ok() {
                self.metrics.rerouted(leftover.reason, leftover.batch.items);
                if let Some(account) = self.accounts.get(&leftover.batch.pipeline) {
                    account.exported(&self.ctx.id, leftover.batch.items);
                }
                leftover.batch.ack.settle(&self.ctx.id, Outcome::Exported);
                return true;
            }
        }
        false
    }

    fn lose(&self, leftover: Leftover) {
        let Leftover { batch, reason, why, .. } = leftover;
        if reason == SHUTDOWN && batch.ack.is_durable() {
            tracing::debug!(exporter = %self.ctx.id, items = batch.items, why, "stays on the disk");
            return;
        }
        tracing::error!(exporter = %self.ctx.id, items = batch.items, reason, why, "lost");
        self.metrics.lost(batch.items);
        if let Some(account) = self.accounts.get(&batch.pipeline) {
            account.lost(&self.ctx.id, batch.items, reason);
        }
        batch.ack.settle(&self.ctx.id, Outcome::Lost(reason));
    }

    fn open(&self, endpoint: &Arc<str>) -> Result<Arc<Backend>, BuildError> {
        let lane = Lane { account: Arc::clone(&self.ctx.id), leftovers: self.leftovers.clone() };
        let section = settings::backend(&self.section, endpoint);
        let id = self.id_of(endpoint);
        let exporter = (self.make)(&section, &self.ctx.named(&id))?;
        let settings = SendingSettings::of(&section);
        let around = (Arc::clone(&self.accounts), Arc::clone(&self.health), &self.ctx.telemetry);
        let watched = Watched::new(exporter, self.metrics.of(endpoint));
        let queue = Sending::lane(&id, lane, Arc::clone(&watched) as Arc<dyn Exporter>, settings, around);
        let hash = rendezvous::hash(endpoint.as_bytes());
        Ok(Arc::new(Backend { id, endpoint: Arc::clone(endpoint), hash, queue, watched }))
    }

    /// As in the collector: the type of the exporter, the balancer's name, the endpoint.
    fn id_of(&self, endpoint: &str) -> Arc<str> {
        let name = self.ctx.id.split_once('/').map(|(_, name)| format!("{name}_")).unwrap_or_default();
        Arc::from(format!("{}/{name}{endpoint}", otlp_grpc::FACTORY.name))
    }

    fn part_from(&self, backend: Arc<Backend>) {
        backend.queue.retire();
        let telemetry = self.ctx.telemetry.clone();
        let metrics = self.metrics.clone();
        self.leaving().spawn(async move {
            backend.queue.ended(&telemetry).await;
            backend.watched.stop().await;
            metrics.forget(&backend.endpoint);
        });
    }

    /// Chooses the backends that spans go to; gives back the choice before.
    fn choose_active(&self, backends: &mut Backends) -> Arc<Active> {
        let now = Instant::now();
        let (down, mut up): (Vec<_>, Vec<_>) =
            backends.all.iter().cloned().partition(|backend| self.is_down(backend, now));
        self.metrics.down.set(down.len() as i64);
        if up.is_empty() {
            up = down;
        }
        let before = Arc::clone(&backends.active);
        let same = up.len() == before.backends.len()
            && up.iter().zip(&before.backends).all(|(a, b)| Arc::ptr_eq(a, b));
        if !same {
            backends.active = Arc::new(Active::of(up));
        }
        before
    }

    fn is_down(&self, backend: &Backend, now: Instant) -> bool {
        let failing = backend.watched.failing_for(now);
        self.failover_after.zip(failing).is_some_and(|(after, failing)| failing >= after)
    }

    fn backends(&self) -> MutexGuard<'_, Backends> {
        self.backends.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leaving(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
