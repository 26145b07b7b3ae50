//! Keys, defaults and errors.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use flow::config::{Finding, GoDuration, Node, Severity};
use serde::{Deserialize, Serialize};

use flow::is_join_key;

/// What happens to an attribute whose key has too many values.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It stays, and is told.
    #[default]
    Report,
    /// It is removed.
    Drop,
    /// Its value becomes one of a few.
    Hash,
}

impl Action {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::Drop => "drop",
            Self::Hash => "hash",
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
struct Raw {
    limit: u64,
    action: Action,
    buckets: u32,
    window: GoDuration,
    keys: BTreeMap<String, OfKey>,
    exempt_keys: Vec<String>,
    overflow_attribute: String,
    max_keys: usize,
    top: usize,
}

impl Default for Raw {
    fn default() -> Self {
        Self {
            limit: 10_000,
            action: Action::Report,
            buckets: 64,
            window: GoDuration::from_secs(3600),
            keys: BTreeMap::new(),
            exempt_keys: Vec::new(),
            overflow_attribute: "cardinality.overflow".into(),
            max_keys: 1000,
            top: 20,
        }
    }
}

#[derive(Clone, Copy, Default, Debug, Deserialize)]
#[serde(default)]
struct OfKey {
    limit: Option<u64>,
    action: Option<Action>,
    buckets: Option<u32>,
}

/// What applies to one key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Limit {
    /// Distinct values in a window; 0 for any number.
    pub(super) values: u64,
    pub(super) action: Action,
    pub(super) buckets: u32,
}

pub(super) struct Settings {
    default: Limit,
    keys: BTreeMap<String, Limit>,
    exempt: HashSet<String>,
    pub(super) window: Duration,
    /// Empty for none.
    pub(super) marker: String,
    pub(super) max_keys: usize,
    pub(super) top: usize,
}

impl Settings {
    /// What applies to this key; nothing where it is exempt.
    pub(super) fn limit(&self, key: &str) -> Option<Limit> {
        let exempt = is_join_key(key) || self.exempt.contains(key) || key == self.marker;
        let limit = self.keys.get(key).copied().unwrap_or(self.default);
        (!exempt && limit.values > 0).then_some(limit)
    }

    /// What happens to attributes of keys for which there is no room.
    pub(super) fn default_action(&self) -> Action {
        self.default.action
    }
}

/// The settings, where nothing is wrong with them, and what is to be said about them.
pub(super) fn read(section: &Node) -> (Option<Settings>, Vec<Finding>) {
    let (raw, mut findings) = section.check::<Raw>();
    let settings = raw.map(|raw| settings(section, raw, &mut findings));
    findings.sort_by(|a, b| a.mark.cmp(&b.mark));
    let sound = findings.iter().all(|finding| finding.severity != Severity::Error);
    (settings.filter(|_| sound), findings)
}

fn settings(section: &Node, raw: Raw, findings: &mut Vec<Finding>) -> Settings {
    let default = Limit { values: raw.limit, action: raw.action, buckets: raw.buckets };
    let keys = raw.keys.iter().map(|(key, own)| {
        let limit = Limit {
            values: own.limit.unwrap_or(default.values),
            action: own.action.unwrap_or(default.action),
            buckets: own.buckets.unwrap_or(default.buckets),
        };
        (key.clone(), limit)
    });
    let settings = Settings {
        default,
        keys: keys.collect(),
        exempt: raw.exempt_keys.iter().cloned().collect(),
        window: raw.window.get(),
        marker: raw.overflow_attribute,
        max_keys: raw.max_keys,
        top: raw.top,
    };
    errors(section, &settings, findings);
    advice(section, &settings, &raw.exempt_keys, findings);
    settings
}

fn errors(section: &Node, settings: &Settings, findings: &mut Vec<Finding>) {
    const SHORTEST: Duration = Duration::from_secs(1);
    const MOST_KEYS: usize = 100_000;
    let at = |path: &[&str]| section.at(path.iter().copied()).unwrap_or(section);
    let mut error = |node: &Node, message: String, help: &str| {
        findings.push(Finding::error(node, message).help(help));
    };
    if settings.window < SHORTEST {
        error(at(&["window"]), "`window` must be a second or more".into(), "`1h` is usual");
    }
    if !(1..=MOST_KEYS).contains(&settings.max_keys) {
        let message = format!("`max_keys` is from 1 to {MOST_KEYS}");
        error(at(&["max_keys"]), message, "1000 is plenty: semantic conventions have a few hundred");
    }
    let of_keys = settings.keys.iter().map(|(key, limit)| (Some(key.as_str()), limit));
    for (key, limit) in std::iter::once((None, &settings.default)).chain(of_keys) {
        let node = key.map_or_else(|| at(&["buckets"]), |key| at(&["keys", key]));
        if limit.action == Action::Hash && !(2..=65_536).contains(&limit.buckets) {
            error(node, "`buckets` is from 2 to 65536".into(), "64 is usual");
        }
    }
}

fn advice(section: &Node, settings: &Settings, exempt: &[String], findings: &mut Vec<Finding>) {
    for key in settings.keys.keys() {
        let why = match () {
            () if is_join_key(key) => "what belongs together is joined by it",
            () if exempt.contains(key) => "it stands in `exempt_keys`",
            () => continue,
        };
        let node = section.at(["keys", key]).unwrap_or(section);
        let finding = Finding::advice(node, format!("`{key}` is not limited, since {why}"));
        findings.push(finding.help("remove it here"));
    }
    let mib = super::keys::bytes(settings.max_keys) >> 20;
    if mib > 64 {
        let node = section.get("max_keys").unwrap_or(section);
        let finding = Finding::advice(node, format!("so many keys take up to {mib} MiB"));
        findings.push(finding.help("1000 keys take 5 MiB"));
    }
}
