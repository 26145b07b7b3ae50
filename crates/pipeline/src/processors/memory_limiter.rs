//! `memory_limiter`: refuses data while the process holds as much as it may.
//!
//! Asked before a request's body is read, and again when the batch is there. It counts the bytes that are held, which
//! it knows at every moment, and looks at the resident set, which it does not, often enough that the one keeps the
//! other within the limit.

mod settings;
mod state;
pub(crate) mod system;
mod guard;

use std::sync::Arc;

use flow::config::Node;
use flow::{Batch, BoxFuture, BuildError, Consumer, Ctx, Factory, Make, Refusal, Signal};
use prometheus::IntCounter;
use tokio::time::Instant;

use guard::Guard;
use settings::Settings;

pub static FACTORY: Factory = Factory {
    name: "memory_limiter",
    aliases: &[],
    signals: &Signal::ALL,
    check: settings::check,
    make: Make::Processor(make),
};

fn make(section: &Node, ctx: &Ctx, next: Arc<dyn Consumer>) -> Result<Arc<dyn Consumer>, BuildError> {
    let settings: Settings =
        section.parse().map_err(|_| BuildError::new(&ctx.id, "the settings were not checked"))?;
    let limits = settings.limits(system::total_memory).map_err(|why| BuildError::new(&ctx.id, why))?;
    let guard = Guard::new(ctx, limits, Box::new(system::resident_set));
    Ok(Arc::new(Limiter { guard, counts: Counts::new(ctx), next }))
}

struct Limiter {
    guard: Guard,
    counts: Counts,
    next: Arc<dyn Consumer>,
}

impl Consumer for Limiter {
    fn admit(&self, bytes: usize) -> Result<(), Refusal> {
        self.guard.ask(bytes, Instant::now()).inspect_err(|_| self.counts.requests.inc())?;
        self.next.admit(bytes)
    }

    fn consume(&self, batch: Batch) -> BoxFuture<'_, Result<(), Refusal>> {
        // What the receiver has accounted for is among the held bytes already.
        let unknown = (batch.payload.len() as u64).saturating_sub(batch.hold.bytes());
        let asked = self.guard.ask(usize::try_from(unknown).unwrap_or(usize::MAX), Instant::now());
        let counters = if asked.is_ok() { &self.counts.accepted } else { &self.counts.refused };
        counters.iter().for_each(|counter| counter.inc_by(batch.items as u64));
        match asked {
            Ok(()) => self.next.consume(batch),
            Err(refusal) => Box::pin(std::future::ready(Err(refusal))),
        }
    }
}

struct Counts {
    /// Under the present name and under the one that most dashboards have.
    accepted: [IntCounter; 2],
    refused: [IntCounter; 2],
    requests: IntCounter,
}

impl Counts {
    fn new(ctx: &Ctx) -> Self {
        let one = |name: &str, help: &str| {
            ctx.telemetry.counter(name, help, &["processor"]).with_label_values(&[&*ctx.id])
        };
        let both = |what: &str| {
            let items = ctx.signal.items();
            [
                format!("otelcol_processor_memory_limiter_{what}_{items}"),
                format!("otelcol_processor_{what}_{items}"),
            ]
            .map(|name| one(&name, "As in the OpenTelemetry Collector."))
        };
        Self {
            accepted: both("accepted"),
            refused: both("refused"),
            requests: one(
                "throughline_memory_limiter_refused_requests",
                "Requests turned away before their body was read, so that nobody knows how many items are in them.",
            ),
        }
    }
}

#[cfg(test)]
mod tests;
