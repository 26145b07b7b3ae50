//! What is counted of the conversations of one receiver.

use flow::Telemetry;
use prometheus::{IntCounter, IntGauge};

pub(crate) struct Meters {
    pub(crate) events: IntCounter,
    pub(crate) unreadable: IntCounter,
    pub(super) left_out: IntCounter,
    pub(super) accepted: IntCounter,
    pub(super) refused: IntCounter,
    pub(super) conversations: IntGauge,
}

impl Meters {
    pub(crate) fn new(receiver: &str, transport: &str, telemetry: &Telemetry) -> Self {
        let counter =
            |name, help| telemetry.counter(name, help, &["receiver"]).with_label_values(&[receiver]);
        let gauge = |name, help| telemetry.gauge(name, help, &["receiver"]).with_label_values(&[receiver]);
        let spans = |name, help| {
            telemetry
                .counter(name, help, &["receiver", "transport"])
                .with_label_values(&[receiver, transport])
        };
        Self {
            events: counter("throughline_genesys_events", "Notifications about conversations."),
            unreadable: counter("throughline_genesys_unreadable", "Messages that could not be read."),
            left_out: counter("throughline_genesys_left_out", "Parts of messages that were left out."),
            accepted: spans("otelcol_receiver_accepted_spans", "Spans that the pipelines took."),
            refused: spans(
                "otelcol_receiver_refused_spans",
                "Spans that the pipelines refused; they are offered again.",
            ),
            conversations: gauge("throughline_genesys_conversations", "Conversations in memory."),
        }
    }
}
