//! What a log tells about itself.

use std::time::Duration;

use flow::Telemetry;
use prometheus::{Histogram, IntCounter, IntGauge};

pub(super) struct Metrics {
    written: IntCounter,
    failed: IntCounter,
    restored: IntCounter,
    salvaged: IntCounter,
    pub(super) damaged: IntCounter,
    pub(super) forgotten: IntCounter,
    entries: IntGauge,
    seconds: Histogram,
}

impl Metrics {
    pub(super) fn new(name: &str, telemetry: &Telemetry) -> Self {
        let counter = |metric: &str, help: &str| {
            telemetry
                .counter(&format!("throughline_journal_{metric}"), help, &["log"])
                .with_label_values(&[name])
        };
        let buckets = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2.0];
        let seconds = telemetry.histogram(
            "throughline_journal_commit_seconds",
            "From the first byte that is written of a group until all of it is safe.",
            &["log"],
            &buckets,
        );
        Self {
            written: counter("written_bytes", "Bytes of entries that were made safe."),
            failed: counter(
                "failed_groups",
                "Groups that the disk did not take; their senders were refused.",
            ),
            restored: counter("restored_entries", "Entries of earlier runs that were found at the start."),
            salvaged: counter(
                "salvaged_segments",
                "Segments with damage, in which records behind it were found.",
            ),
            damaged: counter(
                "damaged_entries",
                "Entries that were safe and could not be read: they are lost.",
            ),
            forgotten: counter(
                "forgotten_entries",
                "Entries that nobody settles in this run; the next one brings them again.",
            ),
            entries: telemetry
                .gauge("throughline_journal_entries", "Entries that are not settled.", &["log"])
                .with_label_values(&[name]),
            seconds: seconds.with_label_values(&[name]),
        }
    }

    pub(super) fn opened(&self, entries: u64, salvaged: usize) {
        self.restored.inc_by(entries);
        self.salvaged.inc_by(salvaged as u64);
        self.live(entries);
    }

    pub(super) fn committed(&self, bytes: u64, took: Duration, failed: bool) {
        if failed {
            self.failed.inc();
            return;
        }
        self.written.inc_by(bytes);
        self.seconds.observe(took.as_secs_f64());
    }

    pub(super) fn live(&self, entries: u64) {
        self.entries.set(i64::try_from(entries).unwrap_or(i64::MAX));
    }
}
