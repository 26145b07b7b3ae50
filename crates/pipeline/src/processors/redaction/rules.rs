//! The checked settings, in the form in which they run.

use std::collections::HashSet;

use regex::{Regex, RegexSet};

use super::mask::{Mask, Pseudonym};
use super::sanitize::{Databases, Urls};
use flow::is_join_key;
use personal::{Kind, Kinds, Says};

#[derive(Default)]
pub(super) struct Rules {
    pub(super) keys: KeyRules,
    pub(super) allowed_values: RegexSet,
    pub(super) blocked_values: Vec<Regex>,
    /// The same, to find out at once that none matches.
    pub(super) any_blocked: RegexSet,
    pub(super) mask: Mask,
    pub(super) detectors: Detectors,
    pub(super) urls: Urls,
    pub(super) databases: Databases,
    /// Numbers and booleans are looked at as text.
    pub(super) all_types: bool,
    /// Not the attributes alone that the collector looks at.
    pub(super) everywhere: bool,
    pub(super) summary: Summary,
    pub(super) rule_counts: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Default, Debug, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Summary {
    #[default]
    Silent,
    Info,
    Debug,
}

/// What happens to what a detector finds.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Action {
    #[default]
    Leave,
    Mask,
    Hash,
    Drop,
}

#[derive(Default)]
pub(super) struct Detectors {
    pub(super) actions: [Action; 5],
    pub(super) pseudonym: Option<Pseudonym>,
}

impl Detectors {
    pub(super) fn action(&self, kind: Kind) -> Action {
        self.actions.get(kind as usize).copied().unwrap_or_default()
    }

    pub(super) fn kinds(&self) -> Kinds {
        let on = Kind::ALL.into_iter().filter(|kind| self.action(*kind) != Action::Leave);
        on.fold(Kinds::default(), Kinds::with)
    }
}

/// Where a finding is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Rule {
    Detector(Kind),
    BlockedKey,
    NotAllowed,
    Url,
    Database,
    BlockedValue(usize),
}

impl Rule {
    const BEFORE_VALUES: usize = 9;

    pub(super) fn index(self) -> usize {
        match self {
            Self::Detector(kind) => kind as usize,
            Self::BlockedKey => 5,
            Self::NotAllowed => 6,
            Self::Url => 7,
            Self::Database => 8,
            Self::BlockedValue(index) => Self::BEFORE_VALUES + index,
        }
    }

    /// As metrics and attributes call the rules, by index.
    pub(super) fn names(values: usize) -> Vec<String> {
        let fixed = ["blocked_key_patterns", "allowed_keys", "url_sanitizer", "db_sanitizer"];
        let values = (0..values).map(|index| format!("blocked_values.{index}"));
        Kind::ALL.iter().map(|kind| kind.name()).chain(fixed).map(str::to_owned).chain(values).collect()
    }
}

/// What becomes of an attribute by its key alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    Ignored,
    Removed,
    /// Its value is looked at first: an allowed one stays.
    Masked,
    Scanned,
}

/// What a key says about its value. The same for every attribute of this key, so it is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verdict {
    pub(super) fate: Fate,
    /// The same for a map inside a value, whose keys need not be allowed.
    pub(super) inside: Fate,
    pub(super) says: Says,
    pub(super) kinds: Kinds,
    pub(super) url: bool,
    pub(super) database: bool,
}

#[derive(Default)]
pub(super) struct KeyRules {
    pub(super) allow_all: bool,
    pub(super) allowed: HashSet<String>,
    pub(super) ignored: HashSet<String>,
    pub(super) ignored_patterns: RegexSet,
    pub(super) blocked_patterns: RegexSet,
}

impl KeyRules {
    fn matter(&self) -> bool {
        !self.allow_all
            || !self.ignored.is_empty()
            || !self.ignored_patterns.is_empty()
            || !self.blocked_patterns.is_empty()
    }
}

impl Rules {
    /// Whether the key decides anything about a value that no detector can find anything in.
    pub(super) fn keys_matter(&self) -> bool {
        self.keys.matter() || self.urls.matter() || self.databases.matter()
    }

    /// Whether patterns look at every value.
    pub(super) fn patterns_matter(&self) -> bool {
        !self.blocked_values.is_empty()
            || (!self.allowed_values.is_empty() && self.summary != Summary::Silent)
    }

    /// Whether anything is told in attributes.
    pub(super) fn tells(&self) -> bool {
        self.summary != Summary::Silent || self.rule_counts
    }

    pub(super) fn verdict(&self, key: &str) -> Verdict {
        let keys = &self.keys;
        let ignored = keys.ignored.contains(key) || keys.ignored_patterns.is_match(key);
        let inside = match () {
            () if ignored => Fate::Ignored,
            () if keys.blocked_patterns.is_match(key) => Fate::Masked,
            () => Fate::Scanned,
        };
        let allowed = keys.allow_all || keys.allowed.contains(key) || super::audit::is_ours(key);
        let fate = if ignored || allowed { inside } else { Fate::Removed };
        let joins = is_join_key(key);
        Verdict {
            fate,
            inside,
            says: personal::hint(key),
            kinds: if joins { Kinds::default() } else { self.detectors.kinds() },
            url: self.urls.has(key),
            database: self.databases.has(key),
        }
    }
}
