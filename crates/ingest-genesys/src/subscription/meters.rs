//! What is counted of subscriptions.

use flow::Telemetry;
use prometheus::{IntCounter, IntGauge};

pub(crate) struct Meters {
    pub(super) wanted: IntGauge,
    pub(super) spans: IntCounter,
    pub(super) repeated: IntCounter,
    pub(super) left_out: IntCounter,
}

impl Meters {
    pub(crate) fn new(receiver: &str, telemetry: &Telemetry) -> Self {
        let events = telemetry.counter(
            "throughline_genesys_subscribed_events",
            "Events that came by a subscription of a traced caller, by what became of them.",
            &["receiver", "outcome"],
        );
        let outcome = |name| events.with_label_values(&[receiver, name]);
        let help = "Conversations and topics that callers ask for.";
        let wanted = telemetry.gauge("throughline_genesys_subscriptions", help, &["receiver"]);
        Self {
            wanted: wanted.with_label_values(&[receiver]),
            spans: outcome("span"),
            repeated: outcome("repeated"),
            left_out: outcome("left_out"),
        }
    }
}
