//! The collector's metrics of its `groupbytraceprocessor`.

use flow::Telemetry;
use prometheus::{IntCounter, IntGauge};

pub(super) struct Metrics {
    pub(super) allowed: IntGauge,
    pub(super) waiting: IntGauge,
    pub(super) evicted: IntCounter,
    pub(super) traces: IntCounter,
    pub(super) spans: IntCounter,
}

impl Metrics {
    pub(super) fn new(telemetry: &Telemetry) -> Self {
        const HELP: &str = "As in the OpenTelemetry Collector.";
        let name = |what: &str| format!("otelcol_processor_groupbytrace_{what}");
        let counter = |what| telemetry.counter(&name(what), HELP, &[]).with_label_values::<&str>(&[]);
        let gauge = |what| telemetry.gauge(&name(what), HELP, &[]).with_label_values::<&str>(&[]);
        Self {
            allowed: gauge("conf_num_traces"),
            waiting: gauge("num_traces_in_memory"),
            evicted: counter("traces_evicted"),
            traces: counter("traces_released"),
            spans: counter("spans_released"),
        }
    }
}
