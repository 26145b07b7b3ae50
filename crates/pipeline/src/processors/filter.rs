//! `filter`: leaves out spans, span events and whole resources for which a condition holds.

mod settings;

use std::sync::Arc;

use flow::config::Node;
use flow::otlp::revise::{Around, Fate, Sieve, Spare, sift};
use flow::otlp::splice::Splice;
use flow::otlp::view::Event;
use flow::wire::fields_of;
use flow::{Batch, BoxFuture, BuildError, Consumer, Ctx, Factory, Make, Refusal, Signal};
use prometheus::IntCounter;

use super::left_out::LeftOut;
use crate::calendar::now_ns;
use crate::ottl::{Failures, Scene};
use settings::{Rule, Rules};

pub static FACTORY: Factory = Factory {
    name: "filter",
    aliases: &[],
    signals: &Signal::ALL,
    check: settings::check,
    make: Make::Processor(make),
};

/// Field number of the events in a span.
const EVENTS: u32 = 11;

fn make(section: &Node, ctx: &Ctx, next: Arc<dyn Consumer>) -> Result<Arc<dyn Consumer>, BuildError> {
    let rules = settings::rules(section);
    let rules = rules.ok_or_else(|| BuildError::new(&ctx.id, "the settings were not checked"))?;
    let filtered = ctx.telemetry.counter(
        "otelcol_processor_filter_spans_filtered",
        "As in the OpenTelemetry Collector.",
        &["filter"],
    );
    Ok(Arc::new(Processor {
        rules,
        failures: Failures::new(ctx),
        filtered: filtered.with_label_values(&[&*ctx.id]),
        spare: Spare::default(),
        left_out: LeftOut::new(ctx, "filtered", next),
    }))
}

struct Processor {
    rules: Rules,
    failures: Failures,
    filtered: IntCounter,
    spare: Spare,
    left_out: LeftOut,
}

impl Consumer for Processor {
    fn admit(&self, bytes: usize) -> Result<(), Refusal> {
        self.left_out.next().admit(bytes)
    }

    fn consume(&self, mut batch: Batch) -> BoxFuture<'_, Result<(), Refusal>> {
        if batch.signal != Signal::Traces || self.rules.is_empty() {
            return self.left_out.next().consume(batch);
        }
        let mut filter = Filter { processor: self, now: now_ns(), refusal: None };
        let gone = self.spare.with(|revisions| sift(&mut batch, revisions, &mut filter));
        let refusal = filter.refusal;
        Box::pin(async move {
            if let Some(refusal) = refusal {
                return Err(refusal);
            }
            self.left_out.pass_on(batch, gone).await?;
            self.filtered.inc_by(gone as u64);
            Ok(())
        })
    }
}

/// One batch on its way through.
struct Filter<'p> {
    processor: &'p Processor,
    now: u64,
    /// Why the whole batch fails.
    refusal: Option<Refusal>,
}

impl Filter<'_> {
    /// Whether one of the rules holds.
    fn any(&mut self, rules: &[Rule], scene: &Scene<'_>) -> bool {
        rules.iter().any(|rule| match rule.condition.holds(scene) {
            Ok(holds) => holds,
            Err(failure) => {
                let noted = self.processor.failures.note(rule.error_mode, &rule.condition.path, &failure);
                self.refusal = self.refusal.take().or(noted.err());
                false
            }
        })
    }

    fn events(&mut self, rules: &[Rule], scene: &Scene<'_>, span: &[u8]) -> Fate {
        let mut splice = Splice::new(span);
        for (nth, event) in fields_of(span, 0..span.len(), EVENTS).enumerate() {
            if self.any(rules, &scene.event(Event(event.bytes()), nth)) {
                splice.remove(event.start..event.end);
            }
        }
        splice.finish().map_or(Fate::Keep, Fate::Replace)
    }
}

impl Sieve for Filter<'_> {
    fn resource(&mut self, around: &Around<'_>) -> bool {
        let rules = &self.processor.rules.resource;
        rules.is_empty() || !self.any(rules, &Scene::new(self.now).around(around))
    }

    fn scope(&mut self, around: &Around<'_>) -> bool {
        let rules = &self.processor.rules.scope;
        rules.is_empty() || !self.any(rules, &Scene::new(self.now).around(around))
    }

    fn span(&mut self, around: &Around<'_>, span: &[u8]) -> Fate {
        let rules = &self.processor.rules;
        if let Some(kept) = &rules.kept {
            return match kept.matches(around.resource, around.scope, span) {
                true => Fate::Keep,
                false => Fate::Remove,
            };
        }
        let scene = Scene::new(self.now).around(around).span(span);
        if self.any(&rules.span, &scene) {
            return Fate::Remove;
        }
        if rules.event.is_empty() { Fate::Keep } else { self.events(&rules.event, &scene, span) }
    }
}

#[cfg(test)]
mod tests;
