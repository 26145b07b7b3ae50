//! What a started plan consists of. A reload makes other parts of which some are the same; what is not among them leaves.

use std::sync::Arc;
use std::time::Duration;

use flow::{Consumer, Drain, Exporter, Outlets, Receiver, Signal};
use futures_util::future::join_all;
use tokio::time::{Instant, timeout};

use super::account::Account;
use super::exchange::Unused;
use super::inlet::{Inlet, Pipelines};
use super::sending::Sending;
use super::tail::{Tail, is_same};
use crate::journal::Door;
use crate::plan::Component;

#[derive(Default)]
pub(super) struct Parts {
    pub(super) sources: Vec<Arc<Source>>,
    pub(super) lines: Vec<Line>,
    pub(super) joints: Vec<Arc<Joint>>,
    pub(super) outlets: Vec<Arc<Outlet>>,
    /// The doors and the processors of each pipeline, and between pipelines the connectors; upstream first.
    pub(super) between: Vec<Arc<dyn Consumer>>,
}

/// A receiver, and where it puts batches.
pub(super) struct Source {
    pub(super) component: Component,
    pub(super) receiver: Arc<dyn Receiver>,
    pub(super) inlets: Inlets,
}

/// A connector as the exporter of some pipelines, and where it puts batches.
pub(super) struct Joint {
    pub(super) component: Component,
    pub(super) connecting: Arc<dyn Consumer>,
    pub(super) way: Arc<dyn Consumer>,
    pub(super) inlets: Inlets,
}

/// An exporter with its queue.
pub(super) struct Outlet {
    pub(super) component: Component,
    pub(super) exporter: Arc<dyn Exporter>,
    /// The batcher where `sending_queue.batch` asks for one, else the queue.
    pub(super) first: Arc<dyn Consumer>,
    pub(super) queue: Arc<Sending>,
    pub(super) way: Arc<dyn Consumer>,
}

/// A pipeline.
pub(super) struct Line {
    pub(super) name: String,
    pub(super) account: Arc<Account>,
    pub(super) first: Arc<dyn Consumer>,
    /// In front of the door.
    pub(super) guards: Vec<Stage>,
    pub(super) door: Option<Arc<Door>>,
    pub(super) stages: Vec<Stage>,
    pub(super) tail: Arc<Tail>,
}

/// A processor.
#[derive(Clone)]
pub(super) struct Stage {
    pub(super) component: Component,
    pub(super) processor: Arc<dyn Consumer>,
    /// Counts in front of it.
    pub(super) entry: Arc<dyn Consumer>,
}

/// By signal.
#[derive(Clone, Default)]
pub(super) struct Inlets(pub(super) Vec<(Signal, Arc<Inlet>)>);

impl Inlets {
    pub(super) fn outlets(&self) -> Outlets {
        let mut outlets = Outlets::default();
        for (signal, inlet) in &self.0 {
            outlets.set(*signal, Arc::clone(inlet) as Arc<dyn Consumer>);
        }
        outlets
    }

    /// Whether these are the signals that are fed.
    pub(super) fn are_for(&self, fed: &[(Signal, Pipelines)]) -> bool {
        self.0.iter().map(|(signal, _)| signal).eq(fed.iter().map(|(signal, _)| signal))
    }
}

impl Line {
    /// Whatever holds items of this pipeline, upstream first.
    pub(super) fn buffers(&self) -> Vec<Arc<dyn Consumer>> {
        let processors = |stages: &[Stage]| -> Vec<_> {
            stages.iter().map(|stage| Arc::clone(&stage.processor)).collect()
        };
        let door = self.door.iter().map(|door| Arc::clone(door) as Arc<dyn Consumer>);
        processors(&self.guards).into_iter().chain(door).chain(processors(&self.stages)).collect()
    }
}

impl Parts {
    pub(super) fn line(&self, name: &str) -> Option<&Line> {
        self.lines.iter().find(|line| line.name == name)
    }

    pub(super) fn outlet(&self, id: &str) -> Option<&Arc<Outlet>> {
        self.outlets.iter().find(|outlet| outlet.component.id == id)
    }

    /// What is here and not there.
    pub(super) fn without(&self, others: &Self) -> Leaving {
        let gone = |line: &&Line| others.line(&line.name).is_none();
        let between =
            self.between.iter().filter(|one| !others.between.iter().any(|other| is_same(one, other)));
        Leaving {
            sources: without(&self.sources, &others.sources),
            between: between.cloned().collect(),
            outlets: without(&self.outlets, &others.outlets),
            accounts: self.lines.iter().filter(gone).map(|line| Arc::clone(&line.account)).collect(),
        }
    }
}

fn without<T>(all: &[Arc<T>], others: &[Arc<T>]) -> Vec<Arc<T>> {
    all.iter().filter(|one| !others.iter().any(|other| Arc::ptr_eq(one, other))).cloned().collect()
}

/// Nothing new comes from them after this.
pub(super) async fn shut(sources: &[Arc<Source>], within: Duration) {
    let stopped = join_all(sources.iter().map(|source| source.receiver.stop()));
    if timeout(within, stopped).await.is_err() {
        tracing::warn!("requests are still open: their clients get no answer");
    }
}

/// Parts that stop, in the order in which data flows.
#[derive(Default)]
pub(super) struct Leaving {
    pub(super) sources: Vec<Arc<Source>>,
    pub(super) between: Vec<Arc<dyn Consumer>>,
    pub(super) outlets: Vec<Arc<Outlet>>,
    accounts: Vec<Arc<Account>>,
}

impl Leaving {
    /// Nothing new comes, nobody is on a way that is not used any more, and each passes on what it holds; all within the
    /// one time. Requests and batches on old ways may each take a third of what is left of it.
    pub(super) async fn end(&self, unused: Vec<Unused>, end: Drain) {
        let started = Instant::now();
        let left = || end.within.saturating_sub(started.elapsed());
        shut(&self.sources, left() / 3).await;
        let unused = join_all(unused.into_iter().map(Unused::wait));
        if timeout(left() / 3, unused).await.is_err() {
            tracing::warn!("batches are still on their way through what is not in force any more");
        }
        self.drain(Drain { within: left(), ..end }).await;
    }

    /// Each passes on what it holds. What waits in a journal stays there. Of the time the queues get a half at least.
    async fn drain(&self, end: Drain) {
        let started = Instant::now();
        let left = |of: Duration| Drain { within: of.saturating_sub(started.elapsed()), ..end };
        for consumer in &self.between {
            consumer.drain(left(end.within / 2)).await;
        }
        join_all(self.outlets.iter().map(|outlet| async move {
            outlet.first.drain(left(end.within * 3 / 4)).await;
            outlet.queue.drain(left(end.within)).await;
            outlet.exporter.stop().await;
        }))
        .await;
    }

    /// Pipelines that are not there any more, and have nothing in flight, are not shown.
    pub(super) fn close_accounts(&self) {
        self.accounts.iter().for_each(|account| account.give_to(&[]));
    }
}
