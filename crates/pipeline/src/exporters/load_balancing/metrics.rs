//! What the balancer tells of itself, under the collector's names where it has them.

use std::sync::Arc;

use flow::Ctx;
use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge};

const AS_THERE: &str = "As in the OpenTelemetry Collector.";
const LATENCY: &str = "otelcol_loadbalancer_backend_latency";
const OUTCOME: &str = "otelcol_loadbalancer_backend_outcome";
/// Milliseconds.
const BUCKETS: [f64; 13] =
    [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0, 10_000.0];

#[derive(Clone)]
pub(super) struct Metrics {
    ctx: Ctx,
    pub(super) backends: IntGauge,
    pub(super) down: IntGauge,
    pub(super) updates: IntCounter,
    rerouted: IntCounterVec,
    failed: IntCounter,
}

/// Of one backend.
pub(super) struct Measures {
    pub(super) latency: Histogram,
    pub(super) succeeded: IntCounter,
    pub(super) failed: IntCounter,
}

impl Metrics {
    pub(super) fn new(ctx: &Ctx, resolver: &str) -> Self {
        let telemetry = &ctx.telemetry;
        let labels = ["exporter", "resolver"];
        let values = [&*ctx.id, resolver];
        let down = "Backends that are passed over because they do not answer.";
        let rerouted = "Items that waited for one backend and were given to others.";
        Self {
            backends: telemetry
                .gauge("otelcol_loadbalancer_num_backends", AS_THERE, &labels)
                .with_label_values(&values),
            down: telemetry
                .gauge("throughline_loadbalancer_backends_down", down, &["exporter"])
                .with_label_values(&[&*ctx.id]),
            updates: telemetry
                .counter("otelcol_loadbalancer_num_backend_updates", AS_THERE, &labels)
                .with_label_values(&values),
            rerouted: telemetry.counter(
                "throughline_loadbalancer_rerouted_items",
                rerouted,
                &["exporter", "reason"],
            ),
            failed: telemetry
                .counter("otelcol_exporter_send_failed_spans", AS_THERE, &["exporter"])
                .with_label_values(&[&*ctx.id]),
            ctx: ctx.clone(),
        }
    }

    pub(super) fn rerouted(&self, reason: &str, items: usize) {
        self.rerouted.with_label_values(&[&*self.ctx.id, reason]).inc_by(items as u64);
    }

    pub(super) fn lost(&self, items: usize) {
        self.failed.inc_by(items as u64);
    }

    pub(super) fn of(&self, endpoint: &Arc<str>) -> Measures {
        let outcome =
            |success: &str| self.outcomes().with_label_values(&[&*self.ctx.id, &**endpoint, success]);
        Measures {
            latency: self.latencies().with_label_values(&[&*self.ctx.id, &**endpoint]),
            succeeded: outcome("true"),
            failed: outcome("false"),
        }
    }

    /// A backend that is not there any more has no metrics.
    pub(super) fn forget(&self, endpoint: &str) {
        drop(self.latencies().remove_label_values(&[&*self.ctx.id, endpoint]));
        for success in ["true", "false"] {
            drop(self.outcomes().remove_label_values(&[&*self.ctx.id, endpoint, success]));
        }
    }

    fn outcomes(&self) -> IntCounterVec {
        self.ctx.telemetry.counter(OUTCOME, AS_THERE, &["exporter", "endpoint", "success"])
    }

    fn latencies(&self) -> prometheus::HistogramVec {
        self.ctx.telemetry.histogram(LATENCY, AS_THERE, &["exporter", "endpoint"], &BUCKETS)
    }
}
