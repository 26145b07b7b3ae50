//! `cardinality`: how many distinct values each attribute key has, and an end to it where they are too many.

mod sketch;
mod settings;
mod keys;
mod walk;
mod report;

use std::sync::Arc;

use flow::config::{Finding, Node};
use flow::otlp::edit::edit;
use flow::{Batch, BoxFuture, BuildError, Consumer, Ctx, Factory, Make, Refusal, Signal};
use tokio::time::Instant;

use keys::Keys;
use report::Metrics;
use walk::Walk;

pub use report::{Guards, Offender};
pub use settings::Action;

pub static FACTORY: Factory = Factory {
    name: "cardinality",
    aliases: &[],
    signals: &[Signal::Traces],
    check,
    make: Make::Processor(make),
};

fn check(section: &Node) -> Vec<Finding> {
    settings::read(section).1
}

fn make(section: &Node, ctx: &Ctx, next: Arc<dyn Consumer>) -> Result<Arc<dyn Consumer>, BuildError> {
    let (settings, _) = settings::read(section);
    let settings = settings.ok_or_else(|| BuildError::new(&ctx.id, "the settings were not checked"))?;
    let keys = Arc::new(Keys::new(settings, Instant::now()));
    if let Some(guards) = ctx.get::<Guards>() {
        guards.add(ctx, &keys);
    }
    Ok(Arc::new(Guard { keys, metrics: Metrics::new(ctx), next }))
}

struct Guard {
    keys: Arc<Keys>,
    metrics: Metrics,
    next: Arc<dyn Consumer>,
}

impl Guard {
    fn edit(&self, batch: &mut Batch) {
        let now = Instant::now();
        self.keys.turn(now);
        let mut walk = Walk::new(&self.keys);
        edit(batch, |splice| walk.chunk(splice));
        self.metrics.add(&walk);
        self.metrics.tell(&self.keys, now);
    }
}

impl Consumer for Guard {
    fn admit(&self, bytes: usize) -> Result<(), Refusal> {
        self.next.admit(bytes)
    }

    fn consume(&self, mut batch: Batch) -> BoxFuture<'_, Result<(), Refusal>> {
        self.edit(&mut batch);
        self.next.consume(batch)
    }
}

#[cfg(test)]
mod tests;
