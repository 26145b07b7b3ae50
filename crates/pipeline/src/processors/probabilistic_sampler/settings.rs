//! Keys and errors of the collector's `probabilisticsamplerprocessor`.

use flow::config::{Finding, Node};
use serde::Deserialize;

use super::threshold::LEAST;

#[derive(Deserialize)]
#[serde(default)]
pub(super) struct Settings {
    pub(super) sampling_percentage: f32,
    mode: Option<Mode>,
    pub(super) hash_seed: u32,
    pub(super) fail_closed: bool,
    pub(super) sampling_precision: u32,
    #[serde(rename = "attribute_source")]
    _attribute_source: String,
    #[serde(rename = "from_attribute")]
    _from_attribute: String,
    #[serde(rename = "sampling_priority")]
    _sampling_priority: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, Debug)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mode {
    #[serde(alias = "")]
    HashSeed,
    Proportional,
    Equalizing,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sampling_percentage: 0.0,
            mode: None,
            hash_seed: 0,
            fail_closed: true,
            sampling_precision: 4,
            _attribute_source: String::new(),
            _from_attribute: String::new(),
            _sampling_priority: String::new(),
        }
    }
}

impl Settings {
    pub(super) fn mode(&self) -> Mode {
        self.mode.unwrap_or(Mode::HashSeed)
    }
}

pub(super) fn check(section: &Node) -> Vec<Finding> {
    let (settings, mut findings) = section.check::<Settings>();
    let at = |key: &str| section.get(key).unwrap_or(section);
    for key in ["attribute_source", "from_attribute", "sampling_priority"] {
        if let Some(node) = section.get(key).filter(|node| !node.is_null()) {
            findings.push(
                Finding::advice(node, format!("`{key}` is for logs, and this samples traces"))
                    .help("remove it"),
            );
        }
    }
    let Some(settings) = settings else { return findings };
    let percentage = f64::from(settings.sampling_percentage);
    let node = at("sampling_percentage");
    if !percentage.is_finite() || percentage < 0.0 {
        findings
            .push(Finding::error(node, "a percentage is 0 or more").help("100 and more keep every trace"));
    } else if percentage > 0.0 && percentage / 100.0 < LEAST {
        let message = "this is less than one trace in 2^56, which is the least that can be said";
        findings.push(Finding::error(node, message).help("write 0 to keep none"));
    } else if percentage == 0.0 {
        findings
            .push(Finding::advice(node, "no trace is kept").help("set `sampling_percentage`, such as 10"));
    } else if settings.mode() == Mode::HashSeed
        && super::threshold::of_buckets(settings.sampling_percentage) == super::NONE
    {
        let message = "no trace is kept: `hash_seed` knows percentages down to 0.0062";
        findings.push(Finding::advice(node, message).help("use `mode: proportional` or `mode: equalizing`"));
    }
    if !(1..=14).contains(&settings.sampling_precision) {
        findings
            .push(Finding::error(at("sampling_precision"), "the precision is 1 to 14 hexadecimal digits"));
    }
    if settings.hash_seed != 0 && settings.mode() != Mode::HashSeed {
        let advice = Finding::advice(at("hash_seed"), "this has no effect but in mode `hash_seed`");
        findings.push(advice.help("remove it"));
    }
    findings
}
