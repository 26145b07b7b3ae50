//! `batch`: joins batches until they are large or old enough.
//!
//! What it has taken it keeps until the next consumer takes it: a full queue behind it makes it refuse, not lose.

mod settings;
mod metrics;
mod shard;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use flow::config::Node;
use flow::{
    Already, Audience, Batch, BoxFuture, BuildError, Consumer, Ctx, Drain, Factory, Make, Refusal, Signal,
    Telemetry,
};
use futures_util::future::join_all;

use metrics::Metrics;
pub use settings::Settings;
use shard::Shard;

use crate::engine::account::Accounts;

pub static FACTORY: Factory = Factory {
    name: "batch",
    aliases: &[],
    signals: &Signal::ALL,
    check: settings::check,
    make: Make::Processor(make),
};

fn make(section: &Node, ctx: &Ctx, next: Arc<dyn Consumer>) -> Result<Arc<dyn Consumer>, BuildError> {
    let settings = section.parse().map_err(|_| BuildError::new(&ctx.id, "the settings were not checked"))?;
    let accounts = ctx.get().unwrap_or_default();
    Ok(Arc::new(Batcher::new(&ctx.id, settings, accounts, &ctx.telemetry, next)))
}

/// One shard for each audience and combination of the metadata values that `metadata_keys` names.
pub struct Batcher {
    settings: Arc<Settings>,
    owner: Owner,
    metrics: Metrics,
    next: Arc<dyn Consumer>,
    shards: Mutex<HashMap<Key, Arc<Shard>>>,
}

/// What a shard's batches have in common; beside the metadata the pipeline.
type Key = (Audience, Already, Vec<String>);

/// Whose items these are in the accounts.
#[derive(Clone)]
pub(super) enum Owner {
    /// A pipeline's, on their way to all its exporters.
    Pipeline(Arc<Accounts>),
    /// One exporter's, on their way to its queue.
    Exporter(Arc<Accounts>, Arc<str>),
}

impl Batcher {
    pub fn new(
        id: &str,
        settings: Settings,
        accounts: Arc<Accounts>,
        telemetry: &Telemetry,
        next: Arc<dyn Consumer>,
    ) -> Self {
        let metrics = Metrics::new(id, telemetry);
        Self {
            settings: Arc::new(settings),
            owner: Owner::Pipeline(accounts),
            metrics,
            next,
            shards: Mutex::default(),
        }
    }

    /// For `sending_queue.batch`.
    pub fn before_queue(
        exporter: &str,
        settings: Settings,
        accounts: Arc<Accounts>,
        telemetry: &Telemetry,
        next: Arc<dyn Consumer>,
    ) -> Self {
        let owner = Owner::Exporter(Arc::clone(&accounts), Arc::from(exporter));
        Self { owner, ..Self::new(exporter, settings, accounts, telemetry, next) }
    }

    fn shard(&self, batch: &Batch) -> Result<Arc<Shard>, Refusal> {
        let keys = self.settings.metadata_keys.iter();
        let values = keys.map(|key| batch.client.header(key).collect::<Vec<_>>().join(";"));
        // An exporter's batches come from several pipelines, which are not to be mixed.
        let values: Vec<String> = std::iter::once(batch.pipeline.to_string()).chain(values).collect();
        let key = (batch.audience, Arc::clone(&batch.already), values);
        let mut shards = self.shards.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shard) = shards.get(&key) {
            return Ok(Arc::clone(shard));
        }
        let limit = self.settings.metadata_cardinality_limit;
        if limit > 0 && shards.len() >= limit && !self.settings.metadata_keys.is_empty() {
            return Err(Refusal::bug("too many batcher metadata-value combinations"));
        }
        let shard = Shard::start(&self.settings, self.owner.clone(), self.metrics.clone(), &self.next);
        shards.insert(key, Arc::clone(&shard));
        self.metrics.combinations.set(shards.len() as i64);
        Ok(shard)
    }

    fn all_shards(&self) -> Vec<Arc<Shard>> {
        self.shards.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

impl Consumer for Batcher {
    fn admit(&self, bytes: usize) -> Result<(), Refusal> {
        self.next.admit(bytes)
    }

    fn consume(&self, batch: Batch) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(async move { self.shard(&batch)?.take(batch).await })
    }

    fn drain(&self, end: Drain) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            join_all(self.all_shards().iter().map(|shard| shard.drain(end.within))).await;
        })
    }

    fn in_flight(&self) -> u64 {
        self.all_shards().iter().map(|shard| shard.items()).sum()
    }
}

impl Owner {
    fn took(&self, batch: &Batch) {
        if let Self::Exporter(accounts, exporter) = self
            && let Some(account) = accounts.get(&batch.pipeline)
        {
            account.enqueued(exporter, batch.items);
        }
    }

    fn passed_on(&self, batch: &Batch) {
        if let Self::Exporter(accounts, exporter) = self
            && let Some(account) = accounts.get(&batch.pipeline)
        {
            account.withdrawn(exporter, batch.items);
        }
    }

    fn lost(&self, batch: &Batch, reason: &'static str) {
        match self {
            Self::Pipeline(accounts) => {
                if let Some(account) = accounts.get(&batch.pipeline) {
                    account.lost_for_all(batch, reason);
                }
            }
            Self::Exporter(accounts, exporter) => {
                if let Some(account) = accounts.get(&batch.pipeline) {
                    account.lost(exporter, batch.items, reason);
                }
                batch.ack.settle(exporter, flow::Outcome::Lost(reason));
            }
        }
    }
}

#[cfg(test)]
mod tests;
