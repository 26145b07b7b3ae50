//! Keys and defaults of the collector's `groupbytraceprocessor`, and a limit in bytes.

use flow::config::{Finding, GoDuration, Node};
use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub(super) struct Settings {
    /// How long a trace waits for its spans, from the first one on.
    pub(super) wait_duration: GoDuration,
    /// Traces that may wait.
    pub(super) num_traces: usize,
    /// Megabytes that may wait; the collector has no such key.
    pub(super) limit_mib: usize,
    #[serde(rename = "num_workers")]
    _num_workers: u64,
    discard_orphans: bool,
    store_on_disk: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            wait_duration: GoDuration::from_secs(1),
            num_traces: 1_000_000,
            limit_mib: 512,
            _num_workers: 1,
            discard_orphans: false,
            store_on_disk: false,
        }
    }
}

pub(super) fn check(section: &Node) -> Vec<Finding> {
    let (settings, mut findings) = section.check::<Settings>();
    let Some(settings) = settings else { return findings };
    let at = |key: &str| section.get(key).unwrap_or(section);
    for (key, value) in [("num_traces", settings.num_traces), ("limit_mib", settings.limit_mib)] {
        if value == 0 {
            findings.push(Finding::error(at(key), "there must be room for a trace").help("write 1 or more"));
        }
    }
    if settings.discard_orphans {
        let finding = Finding::error(at("discard_orphans"), "traces without a root span cannot be discarded");
        findings.push(finding.help("remove it; `tail_sampling` decides by what a trace consists of"));
    }
    if settings.store_on_disk {
        findings.push(Finding::error(at("store_on_disk"), "traces wait in memory only").help("remove it"));
    }
    findings
}
