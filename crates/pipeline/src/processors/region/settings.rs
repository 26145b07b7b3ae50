//! Keys of `region`.

use flow::config::{Finding, Node};
use serde::Deserialize;

use crate::transit::is_region;

#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct Settings {
    /// Empty: no region is written.
    pub(super) name: String,
    /// The guide's habit: `service.version` ends in the region.
    pub(super) version_suffix: bool,
    pub(super) transit: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { name: String::new(), version_suffix: true, transit: false }
    }
}

pub(super) fn check(section: &Node) -> Vec<Finding> {
    let (settings, mut findings) = section.check::<Settings>();
    let Some(settings) = settings else { return findings };
    let at = section.get("name").unwrap_or(section);
    if settings.name.is_empty() && !settings.transit {
        let finding = Finding::error(at, "there is nothing to write onto the spans");
        findings
            .push(finding.help("set `name` to this region's name, or `transit: true` where batches arrive"));
    } else if !settings.name.is_empty() && !is_region(&settings.name) {
        let finding = Finding::error(at, "this is not the name of a region");
        findings.push(finding.help("write for example eu-west-2: letters, digits, dashes, dots; 64 at most"));
    }
    findings
}
