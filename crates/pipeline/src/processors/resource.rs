//! `resource`: the actions of `attributes` on the attributes of resources, for every signal.

use std::sync::Arc;

use flow::config::{Finding, Node};
use flow::otlp::attributes::Attributes;
use flow::otlp::edit::{edit, edit_resources};
use flow::{Batch, BoxFuture, BuildError, Consumer, Ctx, Factory, Make, Refusal, Signal};

use super::attributes::actions::Actions;
use super::attributes::settings;

pub static FACTORY: Factory =
    Factory { name: "resource", aliases: &[], signals: &Signal::ALL, check, make: Make::Processor(make) };

fn check(section: &Node) -> Vec<Finding> {
    read(section).1
}

fn make(section: &Node, ctx: &Ctx, next: Arc<dyn Consumer>) -> Result<Arc<dyn Consumer>, BuildError> {
    let (actions, _) = read(section);
    let actions = actions.ok_or_else(|| BuildError::new(&ctx.id, "the settings were not checked"))?;
    Ok(Arc::new(Processor { actions, next }))
}

fn read(section: &Node) -> (Option<Actions>, Vec<Finding>) {
    let mut findings = settings::keys::<settings::Resource>(section);
    let actions = settings::actions(section, "attributes", &mut findings);
    findings.sort_by(|a, b| a.mark.cmp(&b.mark));
    (settings::if_sound(actions, &findings), findings)
}

struct Processor {
    actions: Actions,
    next: Arc<dyn Consumer>,
}

impl Consumer for Processor {
    fn admit(&self, bytes: usize) -> Result<(), Refusal> {
        self.next.admit(bytes)
    }

    fn consume(&self, mut batch: Batch) -> BoxFuture<'_, Result<(), Refusal>> {
        let mut attributes = Attributes::default();
        let mut run = self.actions.run(&mut attributes, &batch.client);
        edit(&mut batch, |splice| {
            edit_resources(splice, &mut attributes, |attributes, source| run.apply(attributes, source));
        });
        self.next.consume(batch)
    }
}

#[cfg(test)]
mod tests;
