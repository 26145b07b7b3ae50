//! What a component is: receivers push batches into consumers, the last consumers feed exporters.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::batch::{Batch, Signal};
use crate::config::Node;
use crate::factory::BuildError;
use crate::refusal::Refusal;

pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Puts another section in force; see [`Consumer::revise`].
pub type Revision = Box<dyn FnOnce() + Send>;

/// Takes batches: a processor, a fan-out, an exporter's queue.
pub trait Consumer: Send + Sync {
    /// Called by the receiver before it reads a body: may `bytes` more come in?
    fn admit(&self, bytes: usize) -> Result<(), Refusal> {
        let _ = bytes;
        Ok(())
    }

    /// Called for each batch. `Ok` means that the batch is in bounded, accounted memory (or further); a refusal
    /// goes back to the client, and the batch counts as never taken.
    fn consume(&self, batch: Batch) -> BoxFuture<'_, Result<(), Refusal>>;

    /// Called last, upstream first, when nothing more comes: pass on what is buffered.
    fn drain(&self, end: Drain) -> BoxFuture<'_, ()> {
        let _ = end;
        Box::pin(std::future::ready(()))
    }

    /// Called at a reload where the section has changed: how to go on with the new one and keep what is held; nothing
    /// where another consumer has to take this one's place. Only when the answer is called anything changes.
    fn revise(self: Arc<Self>, section: &Node) -> Option<Revision> {
        let _ = section;
        None
    }

    /// Items that are inside this consumer now, for the conservation law.
    fn in_flight(&self) -> u64 {
        0
    }
}

/// How a consumer ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Drain {
    /// What nobody has taken after so long is lost, and counted, or stays in the journal.
    pub within: Duration,
    /// The process ends with it, and what lies in a journal comes again in the next run. At a reload it would not.
    pub at_stop: bool,
}

impl Default for Drain {
    fn default() -> Self {
        Self { within: Duration::from_secs(30), at_stop: true }
    }
}

/// Where a receiver puts batches: one consumer for each signal that a pipeline takes from it.
#[derive(Clone, Default)]
pub struct Outlets {
    pub traces: Option<Arc<dyn Consumer>>,
    pub metrics: Option<Arc<dyn Consumer>>,
    pub logs: Option<Arc<dyn Consumer>>,
}

impl Outlets {
    pub fn get(&self, signal: Signal) -> Option<&Arc<dyn Consumer>> {
        match signal {
            Signal::Traces => self.traces.as_ref(),
            Signal::Metrics => self.metrics.as_ref(),
            Signal::Logs => self.logs.as_ref(),
        }
    }

    pub fn set(&mut self, signal: Signal, consumer: Arc<dyn Consumer>) {
        *match signal {
            Signal::Traces => &mut self.traces,
            Signal::Metrics => &mut self.metrics,
            Signal::Logs => &mut self.logs,
        } = Some(consumer);
    }
}

/// Brings telemetry in.
pub trait Receiver: Send + Sync {
    /// Called once, after everything downstream is ready. Binds, spawns its tasks, returns.
    fn start(&self, outlets: Outlets) -> BoxFuture<'_, Result<(), BuildError>>;

    /// Called first at shutdown: takes nothing new, and returns when what was taken is answered.
    fn stop(&self) -> BoxFuture<'_, ()>;
}

/// Takes telemetry out. The pipeline puts a queue and retries around it.
pub trait Exporter: Send + Sync {
    /// Called once before the first batch. An unreachable destination is not an error here.
    fn start(&self) -> BoxFuture<'_, Result<(), BuildError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// Whether a span that comes again with a higher revision replaces the earlier one. Only such exporters get spans
    /// that are not finished.
    fn replaces(&self) -> bool {
        false
    }

    /// Whether `Ok` from `export` leaves the [`Ack`](crate::Ack) of the batch to the exporter, which settles it under
    /// its own id when its destination has the data for good.
    fn settles(&self) -> bool {
        false
    }

    /// Whether [`Exporter::export`] only hands batches on to queues of the exporter's own, which keep the account from
    /// there on. Such an exporter has a queue and retries in front of it only where its section asks for them.
    fn hands_on(&self) -> bool {
        false
    }

    /// Whether another one may run beside this one under the same id for a while, as a reload needs it where the section
    /// has changed. Not where it is alone at an address or in a file.
    fn may_overlap(&self) -> bool {
        true
    }

    /// Called for each batch and for each retry of it.
    fn export<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<(), ExportError>>;

    /// Called last at shutdown: flush and close.
    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// Why one attempt to export failed.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The destination will never take this.
    #[error("{0}")]
    Permanent(String),
    /// The destination may take it later, not before `after` where it said so.
    #[error("{why}")]
    Retry { why: String, after: Option<Duration> },
    /// The destination took the batch except for so many of its items, and will never take those. The rest is
    /// exported: the caller counts `rejected` as lost and the others as sent, and does not send again.
    #[error("{rejected} items rejected: {why}")]
    Partial { rejected: usize, why: String },
}

/// Runs beside the pipelines.
pub trait Extension: Send + Sync {
    fn start(&self) -> BoxFuture<'_, Result<(), BuildError>>;

    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}
