//! One of several queues of an exporter: what is given up here goes back to the exporter, which may have another place
//! for it. The account is the exporter's, and an item stays in flight on its way from queue to queue.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use flow::{Batch, Exporter, Refusal, Signal, Telemetry};
use tokio::sync::mpsc::UnboundedSender;

use super::queue::Entry;
use super::settings::SendingSettings;
use super::{GivenUp, Sending, Shared};
use crate::engine::account::Accounts;
use crate::engine::health::Health;

/// What a queue knows of the exporter that it belongs to.
pub(crate) struct Lane {
    /// The exporter's id, under which the account is kept.
    pub(crate) account: Arc<str>,
    pub(crate) leftovers: UnboundedSender<Leftover>,
}

/// A batch that a queue could not deliver.
#[derive(Debug)]
pub(crate) struct Leftover {
    pub(crate) batch: Batch,
    /// The queues that have given it up; not those that were taken away from it.
    pub(crate) tried: Vec<Arc<str>>,
    /// As it stands in the account, should it be lost.
    pub(crate) reason: &'static str,
    pub(crate) why: String,
}

/// The reason of what was tried for as long as it may be.
pub(crate) const EXHAUSTED: &str = "retry_exhausted";
/// The reason of what is left when the process stops.
pub(crate) const SHUTDOWN: &str = "shutdown";
/// The reason of what is taken from a queue whose backend is gone.
pub(crate) const REMOVED: &str = "backend_removed";
/// The reason of what is taken from a queue whose backend does not answer.
pub(crate) const FAILING: &str = "backend_failing";

impl Lane {
    pub(super) fn hand_back(&self, id: &Arc<str>, batch: Batch, mut tried: Vec<Arc<str>>, given_up: GivenUp) {
        let GivenUp { reason, why, .. } = given_up;
        if ![REMOVED, FAILING].contains(&reason) {
            tried.push(Arc::clone(id));
        }
        if let Err(unsent) = self.leftovers.send(Leftover { batch, tried, reason, why }) {
            tracing::error!(exporter = %id, items = unsent.0.batch.items, "given up after the exporter has ended");
        }
    }
}

impl Sending {
    /// Starts one of several queues; `id` is its own, in metrics and health.
    pub(crate) fn lane(
        id: &str,
        lane: Lane,
        exporter: Arc<dyn Exporter>,
        settings: SendingSettings,
        around: (Arc<Accounts>, Arc<Health>, &Telemetry),
    ) -> Arc<Self> {
        Self::open((id, Some(lane)), exporter, settings, None, around)
    }

    /// Whether a batch would be taken now; where there is only one who puts, it then will be.
    pub(crate) fn room_for(&self, batch: &Batch) -> Result<(), Refusal> {
        let room = self.shared.queue.room_for(batch);
        if room.is_err() {
            super::count(&self.shared.counts.not_enqueued, batch.signal, batch.items);
        }
        room
    }

    /// Where a full queue is waited for: returns when there may be room.
    pub(crate) async fn room(&self) {
        self.shared.queue.left().await;
    }

    /// Takes a batch in, for which there is room.
    pub(crate) fn put(&self, batch: Batch) {
        self.shared.enqueued(&batch);
        self.put_back(batch, Vec::new());
    }

    /// Takes over a batch that is in flight already, room or not: it was held before, and must not be lost now.
    pub(crate) fn put_back(&self, batch: Batch, tried: Vec<Arc<str>>) {
        if let Err(entry) = self.shared.queue.force(Entry { batch, tried, answer: None }) {
            let reason = if self.shared.retired.load(Ordering::Acquire) { REMOVED } else { SHUTDOWN };
            self.shared.give_up(entry.batch, entry.tried, GivenUp::new(reason, "the queue is closed"));
        }
    }

    /// Hands back what waits, but not what is being sent.
    pub(crate) fn recall(&self, reason: &'static str, why: &str) {
        for entry in self.shared.queue.take_all() {
            self.shared.give_up(entry.batch, entry.tried, GivenUp::new(reason, why));
        }
    }

    /// Takes nothing more and hands back everything but what is being sent; that as well should it fail.
    pub(crate) fn retire(&self) {
        let shared = &self.shared;
        shared.retired.store(true, Ordering::Release);
        shared.closing.store(true, Ordering::Release);
        shared.queue.close();
        self.recall(REMOVED, "the backend is gone");
        shared.close.notify_waiters();
    }

    /// Waits for the attempts that are under way after [`Sending::retire`], and forgets the queue.
    pub(crate) async fn ended(&self, telemetry: &Telemetry) {
        let mut consumers = self.consumers.lock().await;
        while consumers.join_next().await.is_some() {}
        self.shared.forget(telemetry);
    }

    /// Nothing waits and nothing is being sent.
    pub(crate) fn is_idle(&self) -> bool {
        self.shared.busy.load(Ordering::Acquire) == 0 && self.shared.queue.is_empty()
    }
}

impl Shared {
    /// So that metrics and health do not grow with every backend that has ever been.
    pub(super) fn forget(&self, telemetry: &Telemetry) {
        self.health.forget(&self.id);
        let gauges = ["otelcol_exporter_queue_size", "otelcol_exporter_queue_capacity"].map(str::to_owned);
        for name in gauges {
            let family = telemetry.gauge(&name, "As in the OpenTelemetry Collector.", &["exporter"]);
            drop(family.remove_label_values(&[&*self.id]));
        }
        for signal in Signal::ALL {
            for what in ["sent", "send_failed", "enqueue_failed"] {
                let name = format!("otelcol_exporter_{what}_{}", signal.items());
                let family = telemetry.counter(&name, "As in the OpenTelemetry Collector.", &["exporter"]);
                drop(family.remove_label_values(&[&*self.id]));
            }
        }
    }
}
