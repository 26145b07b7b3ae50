//! What goes into each processor and what comes out of it, as the collector counts it.

use std::sync::Arc;

use flow::{Batch, BoxFuture, Consumer, Ctx, Refusal};
use prometheus::IntCounter;

/// Counts items on their way to the next consumer.
pub struct Counted {
    items: IntCounter,
    next: Arc<dyn Consumer>,
}

impl Counted {
    /// In front of a processor.
    pub fn incoming(ctx: &Ctx, processor: &str, next: Arc<dyn Consumer>) -> Arc<dyn Consumer> {
        counted(ctx, "otelcol_processor_incoming_items", processor, next)
    }

    /// Behind a processor.
    pub fn outgoing(ctx: &Ctx, processor: &str, next: Arc<dyn Consumer>) -> Arc<dyn Consumer> {
        counted(ctx, "otelcol_processor_outgoing_items", processor, next)
    }
}

fn counted(ctx: &Ctx, name: &str, processor: &str, next: Arc<dyn Consumer>) -> Arc<dyn Consumer> {
    let labels = ["processor", "otel_signal", "pipeline"];
    let family = ctx.telemetry.counter(name, "As in the OpenTelemetry Collector.", &labels);
    let items = family.with_label_values(&[processor, ctx.signal.name(), &*ctx.pipeline]);
    Arc::new(Counted { items, next })
}

impl Consumer for Counted {
    fn admit(&self, bytes: usize) -> Result<(), Refusal> {
        self.next.admit(bytes)
    }

    fn consume(&self, batch: Batch) -> BoxFuture<'_, Result<(), Refusal>> {
        self.items.inc_by(batch.items as u64);
        self.next.consume(batch)
    }
}
