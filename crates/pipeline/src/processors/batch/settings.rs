//! Keys and defaults of the collector's `batchprocessor`.

use flow::config::{Finding, GoDuration, Node};
use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How long the first item of a batch waits at most; 0 sends at once.
    pub timeout: GoDuration,
    /// Items at which a batch is sent; 0 for no such limit.
    pub send_batch_size: usize,
    /// Items that a batch has at most; 0 for no such limit.
    pub send_batch_max_size: usize,
    pub metadata_keys: Vec<String>,
    pub metadata_cardinality_limit: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timeout: GoDuration::from_millis(200),
            send_batch_size: 8192,
            send_batch_max_size: 0,
            metadata_keys: Vec::new(),
            metadata_cardinality_limit: 1000,
        }
    }
}

pub(super) fn check(section: &Node) -> Vec<Finding> {
    let (settings, mut findings) = section.check::<Settings>();
    let Some(settings) = settings else { return findings };
    let at = |key: &str| section.get(key).unwrap_or(section);
    let max = settings.send_batch_max_size;
    if max > 0 && max < settings.send_batch_size {
        let finding = Finding::error(at("send_batch_max_size"), "must not be smaller than send_batch_size")
            .help(format!("raise it to {} or more, or set it to 0 for no limit", settings.send_batch_size));
        findings.push(finding);
    }
    let mut seen: Vec<String> = Vec::new();
    for key in settings.metadata_keys.iter().map(|key| key.to_lowercase()) {
        if seen.contains(&key) {
            let message = format!("{key:?} is named twice; letter case does not count in header names");
            findings.push(Finding::error(at("metadata_keys"), message));
        }
        seen.push(key);
    }
    findings
}
