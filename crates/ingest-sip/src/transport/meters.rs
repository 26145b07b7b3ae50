//! Metrics of the receiver.

use std::net::SocketAddr;

use flow::Telemetry;
use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

use crate::edge::{Counts, Direction};

pub(crate) struct Meters {
    messages: IntCounterVec,
    refused: IntCounterVec,
    faults: IntCounter,
    unsent: IntCounterVec,
    targets: IntGaugeVec,
    connections: IntGauge,
    transactions: IntGauge,
    receiver: String,
}

impl Meters {
    pub(crate) fn new(receiver: &str, telemetry: &Telemetry) -> Self {
        let counter = |name, help, labels: &[&str]| telemetry.counter(name, help, labels);
        let gauge = |name, help| telemetry.gauge(name, help, &["receiver"]).with_label_values(&[receiver]);
        Self {
            messages: counter(
                "throughline_sip_messages",
                "SIP messages that came in and went out.",
                &["receiver", "method", "direction", "transport"],
            ),
            refused: counter(
                "throughline_sip_refused",
                "SIP messages that were answered or dropped instead of being passed on.",
                &["receiver", "reason"],
            ),
            faults: counter(
                "throughline_sip_tracing_faults",
                "SIP messages that were passed on although their tracing failed by a fault of its own.",
                &["receiver"],
            )
            .with_label_values(&[receiver]),
            unsent: counter(
                "throughline_sip_unsent",
                "SIP messages that could not be sent.",
                &["receiver", "reason"],
            ),
            targets: telemetry.gauge(
                "throughline_sip_target_up",
                "Whether a target answers: 1 or 0.",
                &["receiver", "next_hop", "target"],
            ),
            connections: gauge("throughline_sip_connections", "Open connections."),
            transactions: gauge("throughline_sip_transactions", "INVITEs of which there is state."),
            receiver: receiver.to_owned(),
        }
    }

    pub(super) fn unsent(&self, reason: &str) {
        self.unsent.with_label_values(&[self.receiver.as_str(), reason]).inc();
    }

    pub(super) fn add(
        &self,
        counts: &Counts,
        targets: &[(String, SocketAddr, bool)],
        (connections, transactions): (usize, usize),
    ) {
        self.connections.set(i64::try_from(connections).unwrap_or(i64::MAX));
        self.transactions.set(i64::try_from(transactions).unwrap_or(i64::MAX));
        let receiver = self.receiver.as_str();
        for (method, direction, transport, count) in counts.messages() {
            let direction = match direction {
                Direction::In => "in",
                Direction::Out => "out",
            };
            let labels = [receiver, method, direction, transport.token()];
            self.messages.with_label_values(&labels).inc_by(count);
        }
        for (reason, count) in counts.refusals() {
            self.refused.with_label_values(&[receiver, reason.name()]).inc_by(count);
        }
        self.faults.inc_by(counts.faults);
        for (group, address, up) in targets {
            let labels = [receiver, group.as_str(), &address.to_string()];
            self.targets.with_label_values(&labels).set(i64::from(*up));
        }
    }
}
