//! The section as it is written.

use flow::config::Opaque;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::processors::redaction::rules::{Action, Summary};
use personal::Kind;

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Raw {
    pub(super) allow_all_keys: bool,
    pub(super) allowed_keys: Vec<String>,
    pub(super) ignored_keys: Vec<String>,
    #[serde(rename = "ignored_key_patterns")]
    _ignored_key_patterns: Vec<String>,
    #[serde(rename = "blocked_key_patterns")]
    _blocked_key_patterns: Vec<String>,
    #[serde(rename = "blocked_values")]
    _blocked_values: Vec<String>,
    #[serde(rename = "allowed_values")]
    _allowed_values: Vec<String>,
    pub(super) redact_all_types: bool,
    pub(super) hash_function: Option<HashFunction>,
    pub(super) hmac_key: Opaque,
    pub(super) hmac_key_file: String,
    pub(super) summary: Summary,
    pub(super) url_sanitizer: UrlSanitizer,
    pub(super) db_sanitizer: DbSanitizer,
    #[serde(rename = "skip_conditions")]
    _skip_conditions: IgnoredAny,
    pub(super) detectors: DetectorActions,
    pub(super) country_code: String,
    pub(super) scan: Scan,
    pub(super) rule_counts: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub(super) enum HashFunction {
    #[serde(rename = "md5")]
    Md5,
    #[serde(rename = "sha1")]
    Sha1,
    #[serde(rename = "sha3")]
    Sha3,
    #[serde(rename = "hmac-sha256")]
    HmacSha256,
    #[serde(rename = "hmac-sha512")]
    HmacSha512,
}

/// Which fields are looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Scan {
    /// Every field that holds text.
    #[default]
    All,
    /// Those that the collector looks at.
    Attributes,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct DetectorActions {
    all: Action,
    sip_uri: Option<Action>,
    email: Option<Action>,
    iban: Option<Action>,
    card: Option<Action>,
    phone: Option<Action>,
}

impl DetectorActions {
    pub(super) fn action(&self, kind: Kind) -> Action {
        let own = match kind {
            Kind::SipUri => self.sip_uri,
            Kind::Email => self.email,
            Kind::Iban => self.iban,
            Kind::Card => self.card,
            Kind::Phone => self.phone,
        };
        own.unwrap_or(self.all)
    }

    pub(super) fn hash(&self) -> bool {
        Kind::ALL.into_iter().any(|kind| self.action(kind) == Action::Hash)
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct UrlSanitizer {
    pub(super) enabled: bool,
    pub(super) attributes: Vec<String>,
    pub(super) sanitize_span_name: Option<bool>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct DbSanitizer {
    pub(super) sanitize_span_name: Option<bool>,
    pub(super) allow_fallback_without_system: bool,
    sql: Language,
    redis: Language,
    valkey: Language,
    memcached: Language,
    mongo: Language,
    opensearch: Language,
    es: Language,
}

impl DbSanitizer {
    /// In the order of `Databases::SECTIONS`.
    pub(super) fn languages(&self) -> [&Language; 7] {
        [&self.sql, &self.redis, &self.valkey, &self.memcached, &self.mongo, &self.opensearch, &self.es]
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Language {
    pub(super) enabled: bool,
    pub(super) attributes: Vec<String>,
}
