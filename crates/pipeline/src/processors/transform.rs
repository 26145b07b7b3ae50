//! `transform`: runs statements over resources, scopes, spans and span events, and splices once.

mod settings;
mod record;

use std::sync::Arc;

use flow::config::Node;
use flow::otlp::edit::edit;
use flow::otlp::revise::{Revisions, Spare};
use flow::otlp::splice::Splice;
use flow::wire::fields_of;
use flow::{Batch, BoxFuture, BuildError, Consumer, Ctx, Factory, Make, Refusal, Signal};

use crate::calendar::now_ns;
use crate::ottl::{Context, Failures};
use record::{Record, Resource};
use settings::Group;

pub static FACTORY: Factory = Factory {
    name: "transform",
    aliases: &[],
    signals: &Signal::ALL,
    check: settings::check,
    make: Make::Processor(make),
};

fn make(section: &Node, ctx: &Ctx, next: Arc<dyn Consumer>) -> Result<Arc<dyn Consumer>, BuildError> {
    let groups = settings::groups(section);
    let groups = groups.ok_or_else(|| BuildError::new(&ctx.id, "the settings were not checked"))?;
    Ok(Arc::new(Processor { groups, failures: Failures::new(ctx), spare: Spare::default(), next }))
}

struct Processor {
    groups: Vec<Group>,
    failures: Failures,
    spare: Spare,
    next: Arc<dyn Consumer>,
}

impl Consumer for Processor {
    fn admit(&self, bytes: usize) -> Result<(), Refusal> {
        self.next.admit(bytes)
    }

    fn consume(&self, mut batch: Batch) -> BoxFuture<'_, Result<(), Refusal>> {
        if batch.signal != Signal::Traces || self.groups.is_empty() {
            return self.next.consume(batch);
        }
        let mut run = Run { processor: self, now: now_ns(), refusal: None };
        self.spare.with(|revisions| edit(&mut batch, |splice| run.chunk(splice, revisions)));
        match run.refusal {
            Some(refusal) => Box::pin(std::future::ready(Err(refusal))),
            None => self.next.consume(batch),
        }
    }
}

/// One batch on its way through.
struct Run<'p> {
    processor: &'p Processor,
    now: u64,
    /// Why the whole batch fails.
    refusal: Option<Refusal>,
}

impl Run<'_> {
    fn chunk(&mut self, splice: &mut Splice<'_>, revisions: &mut Revisions) {
        let source = splice.source();
        for around in fields_of(source, 0..source.len(), 1) {
            let mut resource = Resource::new(source, around);
            for group in &self.processor.groups {
                self.group(group, &mut resource);
            }
            resource.revise(revisions);
        }
        revisions.write(splice);
    }

    /// Runs a group over all that is of its context, before the next group sees any of it.
    fn group(&mut self, group: &Group, resource: &mut Resource<'_>) {
        if group.context == Context::Resource {
            self.record(group, &mut resource.record(self.now));
            return;
        }
        for nth_scope in 0..resource.scopes() {
            if group.context == Context::Scope {
                self.record(group, &mut resource.scope_record(nth_scope, self.now));
                continue;
            }
            for nth_span in 0..resource.spans(nth_scope) {
                let mut record = resource.span_record(nth_scope, nth_span, self.now);
                if group.context == Context::Span {
                    self.record(group, &mut record);
                    continue;
                }
                for nth_event in 0..record.events() {
                    record.look_at(nth_event);
                    self.record(group, &mut record);
                }
            }
        }
    }

    fn record(&mut self, group: &Group, record: &mut Record<'_, '_>) {
        if !self.meant(group, record) {
            return;
        }
        for statement in &group.statements {
            match statement.apply(&record.scene()) {
                Ok(None) => {}
                Ok(Some(change)) => record.take(change),
                Err(failure) => {
                    let noted = self.processor.failures.note(group.error_mode, &statement.path, &failure);
                    self.refusal = self.refusal.take().or(noted.err());
                }
            }
        }
    }

    /// Whether one of the group's conditions holds, if it has any.
    fn meant(&mut self, group: &Group, record: &Record<'_, '_>) -> bool {
        let holds = group.conditions.iter().any(|condition| match condition.holds(&record.scene()) {
            Ok(holds) => holds,
            Err(failure) => {
                let noted = self.processor.failures.note(group.error_mode, &condition.path, &failure);
                self.refusal = self.refusal.take().or(noted.err());
                false
            }
        });
        holds || group.conditions.is_empty()
    }
}

#[cfg(test)]
mod tests;
