//! `redaction`: takes personal data out of spans, wherever text is in them, by splicing.

mod mask;
mod sanitize;
mod rules;
mod settings;
mod texts;
mod shape;
mod audit;
mod walk;

use std::sync::Arc;

use flow::config::{Finding, Node};
use flow::otlp::edit::edit;
use flow::{Batch, BoxFuture, BuildError, Consumer, Ctx, Factory, Make, Refusal, Signal};

use audit::Counters;
use rules::Rules;
use walk::Walk;

pub static FACTORY: Factory = Factory {
    name: "redaction",
    aliases: &[],
    signals: &[Signal::Traces],
    check,
    make: Make::Processor(make),
};

fn check(section: &Node) -> Vec<Finding> {
    settings::read(section).1
}

fn make(section: &Node, ctx: &Ctx, next: Arc<dyn Consumer>) -> Result<Arc<dyn Consumer>, BuildError> {
    let (rules, _) = settings::read(section);
    let rules = rules.ok_or_else(|| BuildError::new(&ctx.id, "the settings were not checked"))?;
    Ok(Arc::new(Processor { counters: Counters::new(ctx, &rules), rules, next }))
}

struct Processor {
    rules: Rules,
    counters: Counters,
    next: Arc<dyn Consumer>,
}

impl Processor {
    fn edit(&self, batch: &mut Batch) {
        let mut walk = Walk::new(&self.rules, &self.counters.names);
        edit(batch, |splice| walk.chunk(splice));
        self.counters.add(walk.counts());
    }
}

impl Consumer for Processor {
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
