//! Keys, defaults and errors of the collector's `memorylimiterprocessor`.

use flow::config::{Finding, GoDuration, Node};
use serde::Deserialize;

use super::state::Limits;

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Settings {
    check_interval: GoDuration,
    limit_mib: u32,
    spike_limit_mib: u32,
    limit_percentage: u32,
    spike_limit_percentage: u32,
    #[serde(rename = "min_gc_interval_when_soft_limited")]
    _min_soft: GoDuration,
    #[serde(rename = "min_gc_interval_when_hard_limited")]
    _min_hard: GoDuration,
    #[serde(rename = "max_gc_interval_when_soft_limited")]
    _max_soft: GoDuration,
    #[serde(rename = "max_gc_interval_when_hard_limited")]
    _max_hard: GoDuration,
}

const COLLECTION: [&str; 4] = [
    "min_gc_interval_when_soft_limited",
    "min_gc_interval_when_hard_limited",
    "max_gc_interval_when_soft_limited",
    "max_gc_interval_when_hard_limited",
];
/// What the process needs for itself, roughly.
const SMALL_MIB: u32 = 32;

impl Settings {
    /// The limits in bytes; a percentage is one of `total`.
    pub(super) fn limits(&self, total: impl FnOnce() -> Option<u64>) -> Result<Limits, &'static str> {
        let (limit, spike) = if self.limit_mib > 0 {
            (u64::from(self.limit_mib) << 20, u64::from(self.spike_limit_mib) << 20)
        } else {
            let total = total().ok_or("the memory of this host cannot be read; set `limit_mib`")?;
            let part = |percentage: u32| total / 100 * u64::from(percentage);
            (part(self.limit_percentage), part(self.spike_limit_percentage))
        };
        let spike = if spike == 0 { limit / 5 } else { spike };
        Ok(Limits { limit, soft: limit.saturating_sub(spike), check_interval: self.check_interval.get() })
    }
}

pub(super) fn check(section: &Node) -> Vec<Finding> {
    let (settings, mut findings) = section.check::<Settings>();
    for key in COLLECTION {
        if let Some(node) = section.get(key) {
            let advice =
                Finding::advice(node, format!("`{key}` has no effect: there is no garbage to collect"));
            findings.push(advice.help("remove it"));
        }
    }
    if let Some(settings) = settings {
        errors(section, settings, &mut findings);
        without_effect(section, settings, &mut findings);
    }
    findings.sort_by(|a, b| a.mark.cmp(&b.mark));
    findings
}

fn errors(section: &Node, settings: Settings, findings: &mut Vec<Finding>) {
    let at = |key: &str| section.get(key).unwrap_or(section);
    let mut error = |key: &str, message: String, help: &str| {
        findings.push(Finding::error(at(key), message).help(help));
    };
    if settings.check_interval.is_zero() {
        error(
            "check_interval",
            "`check_interval` must be greater than zero".into(),
            "set `check_interval: 1s`",
        );
    }
    if settings.limit_mib == 0 && settings.limit_percentage == 0 {
        let message = "`limit_mib` or `limit_percentage` must be greater than zero";
        error("limit_mib", message.into(), "set `limit_mib` to what this process may take, such as 512");
    }
    for key in ["limit_percentage", "spike_limit_percentage"] {
        let value = if key == "limit_percentage" {
            settings.limit_percentage
        } else {
            settings.spike_limit_percentage
        };
        if value > 100 {
            error(key, format!("`{key}` is a percentage, from 1 to 100"), "75 is usual, with a spike of 20");
        }
    }
    let pairs = [
        ("limit_mib", settings.limit_mib, "spike_limit_mib", settings.spike_limit_mib),
        (
            "limit_percentage",
            settings.limit_percentage,
            "spike_limit_percentage",
            settings.spike_limit_percentage,
        ),
    ];
    for (key, limit, spike_key, spike) in pairs {
        if limit > 0 && spike >= limit {
            let message = format!("`{spike_key}` must be smaller than `{key}`");
            error(spike_key, message, "it is the room kept for surges: a fifth of the limit is usual");
        }
    }
}

/// What the collector passes over without a word.
fn without_effect(section: &Node, settings: Settings, findings: &mut Vec<Finding>) {
    let by_size = settings.limit_mib > 0;
    let idle = if by_size {
        ["limit_percentage", "spike_limit_percentage"]
    } else {
        ["spike_limit_mib", "limit_mib"]
    };
    let chosen = if by_size { "limit_mib" } else { "limit_percentage" };
    if settings.limit_mib > 0 || settings.limit_percentage > 0 {
        for (key, node) in idle.into_iter().filter_map(|key| Some((key, section.get(key)?))) {
            let advice = Finding::advice(node, format!("`{key}` has no effect, since `{chosen}` is set"));
            findings.push(advice.help("remove it"));
        }
    }
    if (1..SMALL_MIB).contains(&settings.limit_mib) {
        let node = section.get("limit_mib").unwrap_or(section);
        let message = "little is left for telemetry, since the process itself takes about 15 MiB";
        findings.push(Finding::advice(node, message).help(format!("set {SMALL_MIB} or more")));
    }
}
