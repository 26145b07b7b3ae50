//! What the receiver counts.

use flow::Telemetry;
use prometheus::{IntCounter, IntGauge};

pub(super) struct Meters {
    pub(super) events: IntCounter,
    pub(super) unreadable: IntCounter,
    pub(super) left_out: IntCounter,
    pub(super) gaps: IntCounter,
    pub(super) failed: IntCounter,
    pub(super) accepted: IntCounter,
    pub(super) refused: IntCounter,
    pub(super) conversations: IntGauge,
    pub(super) requests_left: IntGauge,
}

impl Meters {
    pub(super) fn new(receiver: &str, telemetry: &Telemetry) -> Self {
        let counter =
            |name, help| telemetry.counter(name, help, &["receiver"]).with_label_values(&[receiver]);
        let gauge = |name, help| telemetry.gauge(name, help, &["receiver"]).with_label_values(&[receiver]);
        let spans = |name, help| {
            telemetry
                .counter(name, help, &["receiver", "transport"])
                .with_label_values(&[receiver, "websocket"])
        };
        Self {
            events: counter("throughline_genesys_events", "Notifications about conversations."),
            unreadable: counter("throughline_genesys_unreadable", "Messages that could not be read."),
            left_out: counter("throughline_genesys_left_out", "Parts of messages that were left out."),
            gaps: counter(
                "throughline_genesys_gaps",
                "Times in which notifications were lost and asked for.",
            ),
            failed: counter("throughline_genesys_failed_requests", "Questions that had no answer."),
            accepted: spans("otelcol_receiver_accepted_spans", "Spans that the pipelines took."),
            refused: spans(
                "otelcol_receiver_refused_spans",
                "Spans that the pipelines refused; they are offered again.",
            ),
            conversations: gauge("throughline_genesys_conversations", "Conversations in memory."),
            requests_left: gauge("throughline_genesys_requests_left", "Requests left in this minute."),
        }
    }
}
