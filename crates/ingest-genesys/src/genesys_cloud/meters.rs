//! What the receiver counts besides its conversations.

use flow::Telemetry;
use prometheus::{IntCounter, IntGauge};

pub(super) struct Meters {
    pub(super) gaps: IntCounter,
    pub(super) failed: IntCounter,
    pub(super) checkpoints: IntCounter,
    pub(super) failed_checkpoints: IntCounter,
    pub(super) requests_left: IntGauge,
}

impl Meters {
    pub(super) fn new(receiver: &str, telemetry: &Telemetry) -> Self {
        let counter =
            |name, help| telemetry.counter(name, help, &["receiver"]).with_label_values(&[receiver]);
        let gauge = |name, help| telemetry.gauge(name, help, &["receiver"]).with_label_values(&[receiver]);
        Self {
            gaps: counter(
                "throughline_genesys_gaps",
                "Times in which notifications were lost and asked for.",
            ),
            failed: counter("throughline_genesys_failed_requests", "Questions that had no answer."),
            checkpoints: counter("throughline_genesys_checkpoints", "Checkpoints that were written."),
            failed_checkpoints: counter(
                "throughline_genesys_failed_checkpoints",
                "Checkpoints that could not be written; the next one is tried.",
            ),
            requests_left: gauge("throughline_genesys_requests_left", "Requests left in this minute."),
        }
    }
}
