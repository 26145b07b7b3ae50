//! What becomes of failures while spans pass.

use std::sync::atomic::{AtomicU64, Ordering};

use flow::{Ctx, Refusal};
use prometheus::IntCounter;

use super::failure::{ErrorMode, Failure};

/// Counts the failures of one processor and logs some of them: each time their number has doubled.
pub(crate) struct Failures {
    component: String,
    counter: IntCounter,
    seen: AtomicU64,
}

impl Failures {
    pub(crate) fn new(ctx: &Ctx) -> Self {
        const HELP: &str = "Conditions and statements that could not be evaluated on a span.";
        let family =
            ctx.telemetry.counter("throughline_processor_ottl_failures", HELP, &["processor", "pipeline"]);
        Self {
            component: ctx.id.to_string(),
            counter: family.with_label_values(&[&*ctx.id, &*ctx.pipeline]),
            seen: AtomicU64::new(0),
        }
    }

    /// A refusal where the whole batch is to fail; `path` is where the condition or statement stands.
    pub(crate) fn note(&self, mode: ErrorMode, path: &str, failure: &Failure) -> Result<(), Refusal> {
        self.counter.inc();
        let seen = self.seen.fetch_add(1, Ordering::Relaxed) + 1;
        match mode {
            ErrorMode::Propagate => return Err(Refusal::bug(format!("{path}: {failure}"))),
            ErrorMode::Ignore if seen.is_power_of_two() => {
                tracing::warn!(processor = self.component, path, %failure, failures = seen, "passed over");
            }
            ErrorMode::Ignore | ErrorMode::Silent => {}
        }
        Ok(())
    }
}
