//! What stands around every exporter: a bounded queue, consumers, retries with backoff, and the account.
//!
//! Keys and defaults are the collector's `exporterhelper`. The timeout of one attempt is the exporter's own.

mod settings;
mod queue;
mod disk;
mod retry;
pub(crate) mod lane;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use flow::config::GoDuration;
use flow::{Batch, BoxFuture, Consumer, Drain, ExportError, Exporter, Outcome, Refusal, Signal, Telemetry};
use prometheus::IntCounter;
use tokio::sync::{Mutex, Notify, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::account::Accounts;
use super::health::Health;
use crate::journal::Taken;
pub use disk::QueueOnDisk;
use lane::Lane;
use queue::{Entry, Queue};
use retry::Backoff;
pub use settings::{QueueSettings, RetrySettings, SendingSettings, Sizer, check};

/// Bytes that a queue has in memory at most, where it may put more on the disk.
const IN_MEMORY: usize = 16 << 20;

/// A consumer that feeds one exporter.
pub struct Sending {
    shared: Arc<Shared>,
    consumers: Mutex<JoinSet<()>>,
}

struct Shared {
    id: Arc<str>,
    /// Whose account is kept: the exporter itself, or the one that has several queues.
    account: Arc<str>,
    /// Set for one of several queues.
    lane: Option<Lane>,
    exporter: Arc<dyn Exporter>,
    settings: SendingSettings,
    queue: Queue,
    disk: Option<QueueOnDisk>,
    /// Consumers with a batch in their hands.
    busy: AtomicUsize,
    closing: AtomicBool,
    /// Nothing more is to be tried here.
    retired: AtomicBool,
    close: Notify,
    /// No more time: what is in hand is given up, too.
    over: watch::Sender<bool>,
    accounts: Arc<Accounts>,
    health: Arc<Health>,
    counts: Counts,
}

/// The collector's counters, one of each signal.
struct Counts {
    sent: [IntCounter; 3],
    failed: [IntCounter; 3],
    not_enqueued: [IntCounter; 3],
}

/// Why a batch was given up, as `reason` of the lost items.
struct GivenUp {
    reason: &'static str,
    why: String,
    retryable: bool,
    /// Not before, as the destination said.
    after: Option<Duration>,
}

/// For a client that waits and was not told when to come back.
const COME_BACK: Duration = Duration::from_secs(5);

impl Sending {
    /// Starts the consumers.
    pub fn start(
        id: &str,
        exporter: Arc<dyn Exporter>,
        settings: SendingSettings,
        disk: Option<QueueOnDisk>,
        around: (Arc<Accounts>, Arc<Health>, &Telemetry),
    ) -> Arc<Self> {
        Self::open((id, None), exporter, settings, disk, around)
    }

    fn open(
        (id, lane): (&str, Option<Lane>),
        exporter: Arc<dyn Exporter>,
        mut settings: SendingSettings,
        disk: Option<QueueOnDisk>,
        (accounts, health, telemetry): (Arc<Accounts>, Arc<Health>, &Telemetry),
    ) -> Arc<Self> {
        let id: Arc<str> = Arc::from(id);
        if disk.is_some() {
            // Without a queue an exporter would hold up those beside it; and what is on the disk can wait.
            settings.sending_queue.enabled = true;
            if !settings.gives_up {
                settings.retry_on_failure.max_elapsed_time = GoDuration::ZERO;
            }
        }
        let account = lane.as_ref().map_or_else(|| Arc::clone(&id), |lane| Arc::clone(&lane.account));
        let queue = Queue::new(&id, &settings.sending_queue, &health, telemetry);
        let counts = Counts::new(&id, telemetry);
        let consumers = if settings.sending_queue.enabled { settings.sending_queue.num_consumers } else { 0 };
        let shared = Arc::new(Shared {
            id,
            account,
            lane,
            exporter,
            settings,
            queue,
            disk,
            busy: AtomicUsize::new(0),
            closing: AtomicBool::new(false),
            retired: AtomicBool::new(false),
            close: Notify::new(),
            over: watch::Sender::default(),
            accounts,
            health,
            counts,
        });
        let mut tasks = JoinSet::new();
        for _ in 0..consumers {
            tasks.spawn(Arc::clone(&shared).run());
        }
        Arc::new(Self { shared, consumers: Mutex::new(tasks) })
    }

    /// Begins with what an earlier run left on the disk; once the exporter has started.
    pub fn begin(&self) {
        self.shared.disk.iter().for_each(QueueOnDisk::begin);
    }

    /// Tells metrics and health again, after another queue of the same exporter has ended.
    pub(super) fn tell(&self) {
        self.shared.queue.tell();
    }

    /// Takes it out of metrics and health, for it has ended.
    pub(super) fn forget(&self, telemetry: &Telemetry) {
        self.shared.forget(telemetry);
    }
}

impl Consumer for Sending {
    fn consume(&self, batch: Batch) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(async move {
            let shared = &self.shared;
            let queue = &shared.settings.sending_queue;
            if !queue.enabled {
                shared.enqueued(&batch);
                return shared.deliver_now(&batch).await;
            }
            if let Some(disk) = shared.disk.as_ref().filter(|disk| disk.may_take(&batch)) {
                return shared.keep(disk, batch).await;
            }
            let (answer, result) = if queue.wait_for_result {
                let (sender, receiver) = oneshot::channel();
                (Some(sender), Some(receiver))
            } else {
                (None, None)
            };
            shared.enqueue(Entry { batch, tried: Vec::new(), answer }).await?;
            match result {
                Some(result) => result.await.unwrap_or_else(|_| Err(shared.shutting_down())),
                None => Ok(()),
            }
        })
    }

    /// Lets the consumers empty the queue with one attempt for each batch; what then remains is counted as lost, or stays
    /// on the disk.
    fn drain(&self, end: Drain) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.shared.closing.store(true, Ordering::Release);
            self.shared.close.notify_waiters();
            self.shared.queue.close();
            self.shared.disk.iter().for_each(QueueOnDisk::close);
            let mut consumers = self.consumers.lock().await;
            let emptied = async { while consumers.join_next().await.is_some() {} };
            if tokio::time::timeout(end.within, emptied).await.is_err() {
                self.shared.over.send_replace(true);
                while consumers.join_next().await.is_some() {}
            }
            for entry in self.shared.queue.take_all() {
                self.shared.give_up(
                    entry.batch,
                    entry.tried,
                    GivenUp::new(lane::SHUTDOWN, "the process stops"),
                );
            }
        })
    }
}

impl Shared {
    async fn run(self: Arc<Self>) {
        let mut over = self.over.subscribe();
        while let Some(Entry { batch, tried, answer }) = self.next().await {
            self.busy.fetch_add(1, Ordering::AcqRel);
            match answer {
                Some(answer) => {
                    let result = tokio::select! {
                        result = self.deliver_now(&batch) => result,
                        _ = over.wait_for(|over| *over) => {
                            self.withdraw(&batch.pipeline, batch.items);
                            Err(self.shutting_down())
                        }
                    };
                    // The client may have gone; the result is in the account either way.
                    drop(answer.send(result));
                }
                None => {
                    let delivered = tokio::select! {
                        delivered = self.deliver(&batch) => delivered,
                        _ = over.wait_for(|over| *over) => {
                            Err(GivenUp::new(lane::SHUTDOWN, "no answer in the time that was left"))
                        }
                    };
                    if let Err(given_up) = delivered {
                        self.give_up(batch, tried, given_up);
                    }
                }
            }
            self.busy.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// What is in memory came before what is on the disk.
    async fn next(&self) -> Option<Entry> {
        let Some(disk) = &self.disk else { return self.queue.next().await };
        loop {
            let taken = tokio::select! {
                biased;
                Some(entry) = self.queue.next() => return Some(entry),
                Some(taken) = disk.next() => taken,
                else => return None,
            };
            let Taken { batch, restored, expired } = taken;
            self.tell_size(disk);
            if let (true, Some(account)) = (restored, self.accounts.get(&batch.pipeline)) {
                account.restored(&self.id, batch.items);
            }
            if !expired {
                return Some(Entry { batch, tried: Vec::new(), answer: None });
            }
            self.lose(&batch, &GivenUp::new("expired", "it is older than `max_age`"));
        }
    }

    /// Into memory while there is room, else to the disk; there it is safe, and whoever kept it before is done with it.
    async fn keep(&self, disk: &QueueOnDisk, batch: Batch) -> Result<(), Refusal> {
        self.enqueued(&batch);
        let mut batch = batch;
        if !disk.is_for(&batch) {
            match self.queue.offer(Entry { batch, tried: Vec::new(), answer: None }, IN_MEMORY) {
                Ok(()) => return Ok(()),
                Err(back) => batch = back.0.batch,
            }
        }
        let (ack, pipeline) = (std::mem::take(&mut batch.ack), Arc::clone(&batch.pipeline));
        let (signal, items) = (batch.signal, batch.items);
        let kept = disk.put(&self.id, batch).await;
        self.tell_size(disk);
        match &kept {
            Ok(()) => ack.settle(&self.id, Outcome::Exported),
            Err(refusal) => {
                self.withdraw(&pipeline, items);
                count(&self.counts.not_enqueued, signal, items);
                tracing::debug!(exporter = %self.id, items, %refusal, "not queued");
            }
        }
        kept
    }

    fn tell_size(&self, disk: &QueueOnDisk) {
        if disk.keeps_all() {
            self.queue.on_disk(disk.size());
        }
    }

    async fn enqueue(&self, entry: Entry) -> Result<(), Refusal> {
        let (signal, items) = (entry.batch.signal, entry.batch.items);
        // Before the push: a consumer may be done with it before this task goes on.
        self.enqueued(&entry.batch);
        let pipeline = Arc::clone(&entry.batch.pipeline);
        let pushed = self.queue.push(entry).await;
        if let Err(refusal) = &pushed {
            self.withdraw(&pipeline, items);
            count(&self.counts.not_enqueued, signal, items);
            tracing::debug!(exporter = %self.id, items, %refusal, "not queued");
        }
        pushed
    }

    /// Delivers while the client waits: a failure is the client's to know, not a loss.
    async fn deliver_now(&self, batch: &Batch) -> Result<(), Refusal> {
        self.deliver(batch).await.map_err(|given_up| {
            self.withdraw(&batch.pipeline, batch.items);
            if given_up.retryable {
                Refusal::down(given_up.why, given_up.after.unwrap_or(COME_BACK))
            } else {
                Refusal::bug(given_up.why)
            }
        })
    }

    async fn deliver(&self, batch: &Batch) -> Result<(), GivenUp> {
        let started = Instant::now();
        let mut backoff = Backoff::new(&self.settings.retry_on_failure);
        loop {
            let last = self.closing.load(Ordering::Acquire);
            let error = match self.exporter.export(batch).await {
                Ok(()) => {
                    self.delivered(batch, 0);
                    return Ok(());
                }
                Err(error) => error,
            };
            let (why, after) = match error {
                ExportError::Retry { why, after } => (why, after),
                ExportError::Permanent(why) => {
                    return Err(GivenUp { retryable: false, ..GivenUp::new("rejected", why) });
                }
                ExportError::Partial { rejected, why } => {
                    tracing::error!(exporter = %self.id, rejected, why, "lost in part");
                    self.delivered(batch, rejected.min(batch.items));
                    return Ok(());
                }
            };
            if last {
                let retired = self.retired.load(Ordering::Acquire);
                return Err(GivenUp::new(if retired { lane::REMOVED } else { lane::SHUTDOWN }, why));
            }
            self.health.failed(&self.id, &why);
            let Some(delay) = backoff.next(started.elapsed(), after) else {
                let reason = if backoff.enabled() { lane::EXHAUSTED } else { "retry_disabled" };
                return Err(GivenUp { after, ..GivenUp::new(reason, why) });
            };
            tracing::info!(exporter = %self.id, items = batch.items, why, ?delay, "export failed, will retry");
            let closed = self.close.notified();
            if !self.closing.load(Ordering::Acquire) {
                tokio::select! { () = tokio::time::sleep(delay) => {}, () = closed => {} }
            }
            if self.retired.load(Ordering::Acquire) {
                return Err(GivenUp::new(lane::REMOVED, why));
            }
        }
    }

    fn delivered(&self, batch: &Batch, rejected: usize) {
        if self.exporter.hands_on() {
            return self.withdraw(&batch.pipeline, batch.items);
        }
        count(&self.counts.sent, batch.signal, batch.items - rejected);
        count(&self.counts.failed, batch.signal, rejected);
        self.health.succeeded(&self.id);
        if let Some(account) = self.accounts.get(&batch.pipeline) {
            account.exported(&self.account, batch.items - rejected);
            if rejected > 0 {
                account.lost(&self.account, rejected, "rejected");
            }
        }
        if !self.exporter.settles() {
            batch.ack.settle(&self.account, Outcome::Exported);
        }
    }

    fn give_up(&self, batch: Batch, tried: Vec<Arc<str>>, given_up: GivenUp) {
        match &self.lane {
            Some(lane) if given_up.retryable => lane.hand_back(&self.id, batch, tried, given_up),
            _ => self.lose(&batch, &given_up),
        }
    }

    fn lose(&self, batch: &Batch, given_up: &GivenUp) {
        let GivenUp { reason, why, .. } = given_up;
        if *reason == lane::SHUTDOWN && batch.ack.is_durable() {
            tracing::debug!(exporter = %self.id, items = batch.items, why, "stays on the disk");
            return;
        }
        tracing::error!(exporter = %self.id, items = batch.items, reason, why, "lost");
        count(&self.counts.failed, batch.signal, batch.items);
        if let Some(account) = self.accounts.get(&batch.pipeline) {
            account.lost(&self.account, batch.items, reason);
        }
        batch.ack.settle(&self.account, Outcome::Lost(reason));
    }

    fn enqueued(&self, batch: &Batch) {
        if let Some(account) = self.accounts.get(&batch.pipeline) {
            account.enqueued(&self.account, batch.items);
        }
    }

    fn withdraw(&self, pipeline: &str, items: usize) {
        if let Some(account) = self.accounts.get(pipeline) {
            account.withdrawn(&self.account, items);
        }
    }

    fn shutting_down(&self) -> Refusal {
        Refusal::down(format!("exporter {} is shutting down", self.id), COME_BACK)
    }
}

impl GivenUp {
    fn new(reason: &'static str, why: impl Into<String>) -> Self {
        Self { reason, why: why.into(), retryable: true, after: None }
    }
}

impl Counts {
    fn new(id: &str, telemetry: &Telemetry) -> Self {
        let each = |what: &str| {
            Signal::ALL.map(|signal| {
                let name = format!("otelcol_exporter_{what}_{}", signal.items());
                telemetry
                    .counter(&name, "As in the OpenTelemetry Collector.", &["exporter"])
                    .with_label_values(&[id])
            })
        };
        Self { sent: each("sent"), failed: each("send_failed"), not_enqueued: each("enqueue_failed") }
    }
}

fn count(counters: &[IntCounter; 3], signal: Signal, items: usize) {
    if let Some(counter) = counters.get(signal as usize) {
        counter.inc_by(items as u64);
    }
}

#[cfg(test)]
mod tests;
