//! The collector's metrics of its `batchprocessor`.

use flow::Telemetry;
use prometheus::{Histogram, IntCounter, IntGauge};

/// As the collector has them.
const ITEMS: [f64; 22] = [
    10., 25., 50., 75., 100., 250., 500., 750., 1000., 2000., 3000., 4000., 5000., 6000., 7000., 8000.,
    9000., 10000., 20000., 30000., 50000., 100_000.,
];
const BYTES: [f64; 11] = [1e3, 2e3, 4e3, 8e3, 16e3, 32e3, 64e3, 128e3, 512e3, 1e6, 4e6];

#[derive(Clone)]
pub(super) struct Metrics {
    pub(super) by_size: IntCounter,
    pub(super) by_time: IntCounter,
    pub(super) items: Histogram,
    pub(super) bytes: Histogram,
    pub(super) combinations: IntGauge,
}

impl Metrics {
    pub(super) fn new(id: &str, telemetry: &Telemetry) -> Self {
        const HELP: &str = "As in the OpenTelemetry Collector.";
        let name = |what: &str| format!("otelcol_processor_batch_{what}");
        let counter = |what| telemetry.counter(&name(what), HELP, &["processor"]).with_label_values(&[id]);
        let histogram = |what, buckets: &[f64]| {
            telemetry.histogram(&name(what), HELP, &["processor"], buckets).with_label_values(&[id])
        };
        Self {
            by_size: counter("batch_size_trigger_send"),
            by_time: counter("timeout_trigger_send"),
            items: histogram("batch_send_size", &ITEMS),
            bytes: histogram("batch_send_size_bytes", &BYTES),
            combinations: telemetry
                .gauge(&name("metadata_cardinality"), HELP, &["processor"])
                .with_label_values(&[id]),
        }
    }
}
