//! `tail_sampling`: holds the spans of each trace until policies can tell whether it is worth keeping.
//!
//! A request is read once, outside of any lock, into runs of one trace and facts about them (`survey`); a shard of the
//! trace ids keeps the encoded spans and the facts (`shard`), and decides from the facts alone (`policy`). What is kept
//! leaves as it came in. Nothing is lost because there is too much: what has waited longest is decided early.

mod settings;
mod watch;
mod facts;
mod survey;
mod policy;
mod slab;
mod arena;
mod headers;
mod cache;
mod shard;
mod mark;
mod outbox;
mod lane;
mod metrics;
mod decisions;
pub mod explain;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Once, PoisonError, RwLock};
use std::time::Duration;

use flow::config::Node;
use flow::{Batch, BoxFuture, BuildError, Consumer, Ctx, Drain, Factory, Make, Refusal, Revision, Signal};
use futures_util::future::join_all;
use tokio::time::Instant;

use crate::calendar::now_ns;
use crate::journal::Journals;
use decisions::{Decided, Decision};
use headers::Header;
use lane::{Lane, Surroundings};
use metrics::Metrics;
use outbox::Origin;
use policy::{Policies, TraceId};
use shard::{Shard, Shared, Whose};
use survey::{Run, survey};

pub static FACTORY: Factory = Factory {
    name: "tail_sampling",
    aliases: &[],
    signals: &[Signal::Traces],
    check: settings::check,
    make: Make::Processor(make),
};

/// How long a client waits for room at most, before it is told to come back.
const PATIENCE: Duration = Duration::from_secs(5);

fn make(section: &Node, ctx: &Ctx, next: Arc<dyn Consumer>) -> Result<Arc<dyn Consumer>, BuildError> {
    let (settings, _) = settings::read(section);
    let (settings, policies) =
        settings.ok_or_else(|| BuildError::new(&ctx.id, "the settings were not checked"))?;
    Ok(Arc::new(TailSampling::new(ctx, &settings, policies, next)))
}

/// So often a request that finds a lane taken looks again, before it stands still for it.
const TRIES: usize = 64;

/// The processor of one pipeline.
pub struct TailSampling {
    policies: RwLock<Arc<Policies>>,
    /// What only another processor in its place changes.
    fixed: settings::Fixed,
    around: Arc<Surroundings>,
    lanes: Vec<Arc<Lane>>,
    /// Decisions of earlier runs were asked for.
    restored: Once,
}

impl TailSampling {
    fn new(ctx: &Ctx, settings: &settings::Settings, policies: Policies, next: Arc<dyn Consumer>) -> Self {
        let policies = Arc::new(policies);
        let shards = settings.shards();
        let rules = settings.rules(shards);
        let journals = ctx.get::<Journals>();
        let journal = journals.and_then(|journals| journals.decisions(&ctx.pipeline, &ctx.id));
        let around = Arc::new(Surroundings {
            pipeline: Arc::clone(&ctx.pipeline),
            started: Instant::now(),
            accounts: ctx.get().unwrap_or_default(),
            metrics: Metrics::new(ctx, &policies),
            next,
            journal,
            most_waiting: (rules.most_bytes / 8).max(1 << 20),
            block_on_overflow: settings.block_on_overflow,
            spans: AtomicU64::new(0),
        });
        let whose = Whose {
            pipeline: Arc::clone(&ctx.pipeline),
            memory: Arc::clone(&ctx.memory),
            journal: around.journal.is_some(),
            started: now_ns(),
        };
        let lane = |_| {
            let mut shard = Shard::new(whose.clone(), rules.clone(), Arc::clone(&policies));
            shard.expect(settings.expected(shards));
            Lane::start(shard, Arc::clone(&around))
        };
        let fixed = settings.fixed();
        let lanes = (0..shards).map(lane).collect();
        Self { policies: RwLock::new(policies), fixed, around, lanes, restored: Once::new() }
    }

    /// Goes on with other settings. Pending traces are decided by the new policies; nothing is lost.
    fn reload(&self, settings: &settings::Settings, policies: Policies) {
        let policies = Arc::new(policies);
        *self.policies.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&policies);
        let rules = settings.rules(self.lanes.len());
        self.lanes.iter().for_each(|lane| lane.reload(rules.clone(), &policies));
    }

    /// What earlier runs decided, told to the lanes; once the journal is open, and before the first span.
    fn restore(&self) {
        let Some(journal) = &self.around.journal else { return };
        let earlier = journal.take();
        let earlier: Vec<_> =
            earlier.iter().filter_map(|(key, verdict)| Decision::decode(key, verdict)).collect();
        let shards = self.lanes.len();
        for (at, lane) in self.lanes.iter().enumerate() {
            let of: Vec<_> = earlier.iter().filter(|one| belongs(&one.subject, at, shards)).collect();
            lane.remember(&of);
        }
    }

    async fn take(&self, mut batch: Batch) -> Result<(), Refusal> {
        self.restored.call_once(|| self.restore());
        let by = Arc::clone(&self.policies.read().unwrap_or_else(PoisonError::into_inner));
        let mut shared = Shared { by, headers: Vec::new() };
        let chunks = batch.payload.chunks().to_vec();
        let mut shares: Vec<Vec<Run<'_>>> = self.lanes.iter().map(|_| Vec::new()).collect();
        let now = now_ns();
        for chunk in &chunks {
            let mut last = None;
            survey(chunk, &shared.by.watch, now, |run| {
                if last.replace(run.header) != Some(run.header) {
                    shared.headers.push(Header::of(run.resource, run.scope));
                }
                let header = (shared.headers.len() - 1) as u32;
                if let Some(share) = shares.get_mut(shard_of(&run.trace_id, self.lanes.len())) {
                    share.push(Run { header, ..run });
                }
            });
        }
        let deadline = Instant::now() + PATIENCE;
        for (lane, _) in self.lanes.iter().zip(&shares).filter(|(_, runs)| !runs.is_empty()) {
            lane.admit(deadline).await?;
        }
        let runs = shares.iter().map(Vec::len).sum();
        let ack = std::mem::take(&mut batch.ack).cut(runs);
        self.around.spans.fetch_add(batch.items as u64, Ordering::Relaxed);
        let origin = || Origin {
            ack: ack.clone(),
            client: Arc::clone(&batch.client),
            audience: batch.audience,
            already: Arc::clone(&batch.already),
        };
        let mut rest: Vec<_> = self.lanes.iter().zip(&shares).filter(|(_, runs)| !runs.is_empty()).collect();
        // Where others have a lane, there are other lanes and other tasks to go on with.
        rest.retain(|(lane, runs)| !lane.try_take(runs, &shared, origin));
        let _wanted: Vec<_> = rest.iter().map(|(lane, _)| lane.want()).collect();
        for _ in 0..TRIES {
            if rest.is_empty() {
                return Ok(());
            }
            tokio::task::yield_now().await;
            rest.retain(|(lane, runs)| !lane.try_take(runs, &shared, origin));
        }
        for (lane, runs) in rest {
            lane.take(runs, &shared, origin());
        }
        Ok(())
    }
}

impl Consumer for TailSampling {
    fn admit(&self, bytes: usize) -> Result<(), Refusal> {
        self.around.next.admit(bytes)
    }

    fn consume(&self, batch: Batch) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(self.take(batch))
    }

    fn drain(&self, end: Drain) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            join_all(self.lanes.iter().map(|lane| lane.drain(end))).await;
        })
    }

    fn revise(self: Arc<Self>, section: &Node) -> Option<Revision> {
        let (settings, policies) = settings::read(section).0?;
        (settings.fixed() == self.fixed)
            .then(|| Box::new(move || self.reload(&settings, policies)) as Revision)
    }

    fn in_flight(&self) -> u64 {
        self.around.spans.load(Ordering::Relaxed)
    }
}

/// Which of so many shards a trace belongs to.
fn shard_of(id: &TraceId, shards: usize) -> usize {
    // Ids that were made from a clock and a counter differ in few bits.
    let mixed = u128::from_le_bytes(*id).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    ((mixed >> 64) as u64 >> 32) as usize % shards.max(1)
}

fn belongs(subject: &Decided, shard: usize, shards: usize) -> bool {
    match subject {
        Decided::Trace(id) => shard_of(id, shards) == shard,
        Decided::Interaction(_) => true,
    }
}

#[cfg(test)]
mod tests;
