//! What the receiver counts besides its conversations.

use flow::Telemetry;
use prometheus::{IntCounter, IntCounterVec, IntGauge};

use crate::notify::Trouble;

pub(super) struct Meters {
    pub(super) gaps: IntCounter,
    pub(super) checkpoints: IntCounter,
    pub(super) failed_checkpoints: IntCounter,
    requests: IntCounterVec,
    sockets: IntCounterVec,
    pub(super) requests_left: IntGauge,
    receiver: String,
}

impl Meters {
    pub(super) fn new(receiver: &str, telemetry: &Telemetry) -> Self {
        let counter =
            |name, help| telemetry.counter(name, help, &["receiver"]).with_label_values(&[receiver]);
        let gauge = |name, help| telemetry.gauge(name, help, &["receiver"]).with_label_values(&[receiver]);
        let by_reason = |name, help| telemetry.counter(name, help, &["receiver", "reason"]);
        Self {
            gaps: counter(
                "throughline_genesys_gaps",
                "Times in which notifications were lost and asked for.",
            ),
            checkpoints: counter("throughline_genesys_checkpoints", "Checkpoints that were written."),
            failed_checkpoints: counter(
                "throughline_genesys_failed_checkpoints",
                "Checkpoints that could not be written; the next one is tried.",
            ),
            requests: by_reason(
                "throughline_genesys_failed_requests",
                "Requests that had no answer that could be used.",
            ),
            sockets: by_reason(
                "throughline_genesys_failed_sockets",
                "Notification sockets that were not opened, or broken by what came over them.",
            ),
            requests_left: gauge("throughline_genesys_requests_left", "Requests left in this minute."),
            receiver: receiver.to_owned(),
        }
    }

    /// A request had no answer that could be used.
    pub(super) fn failed(&self, reason: &str) {
        self.requests.with_label_values(&[self.receiver.as_str(), reason]).inc();
    }

    /// Something failed around a channel.
    pub(super) fn trouble(&self, receiver: &str, trouble: &Trouble) {
        let Trouble { socket, reason, why, news } = trouble;
        match socket {
            true => self.sockets.with_label_values(&[self.receiver.as_str(), *reason]).inc(),
            false => self.failed(reason),
        }
        if *news {
            tracing::error!(receiver, why, "no notifications");
        }
    }
}
