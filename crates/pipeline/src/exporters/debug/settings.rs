//! Keys and defaults of the collector's `debugexporter`.

use flow::config::{Finding, Node};
use serde::Deserialize;

use crate::engine::sending::{QueueSettings, RetrySettings};

#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct Settings {
    pub(super) verbosity: Verbosity,
    /// Batches shown in each second before sampling begins.
    pub(super) sampling_initial: u64,
    /// Then one of so many is shown; 0 shows none.
    pub(super) sampling_thereafter: u64,
    pub(super) use_internal_logger: bool,
    pub(super) output_paths: Vec<String>,
    retry_on_failure: RetrySettings,
    sending_queue: QueueSettings,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verbosity {
    /// How much arrived.
    #[default]
    Basic,
    /// A line for each span.
    Normal,
    /// Everything.
    Detailed,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            verbosity: Verbosity::Basic,
            sampling_initial: 2,
            sampling_thereafter: 1,
            use_internal_logger: true,
            output_paths: vec!["stdout".into()],
            retry_on_failure: RetrySettings::default(),
            sending_queue: QueueSettings::default(),
        }
    }
}

pub(super) fn check(section: &Node) -> Vec<Finding> {
    let (settings, mut findings) = section.check::<Settings>();
    let Some(settings) = settings else { return findings };
    let paths = section.get("output_paths").filter(|paths| !paths.is_null());
    if let (true, Some(paths)) = (settings.use_internal_logger, paths) {
        let advice = Finding::advice(paths, "not used: the text goes into this process's log");
        findings.push(advice.help("set `use_internal_logger: false` as well"));
    }
    findings
}
