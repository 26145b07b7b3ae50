//! Keys, defaults and errors of the collector's `redaction`, and our own keys beside them.

mod raw;
mod secret;

use flow::config::{Finding, Node, Severity};
use regex::{Regex, RegexSet};

use super::mask::{Mask, Pseudonym};
use super::rules::{Action, Detectors, KeyRules, Rules};
use super::sanitize::{Databases, Language, Urls};
use crate::processors::attributes::settings::regex;
use personal::Kind;
use raw::{HashFunction, Raw, Scan};

/// What the page and the store join by.
const JOINED_BY: &str = "interaction.id";

/// The rules, where nothing is wrong with the settings, and what is to be said about them.
pub(super) fn read(section: &Node) -> (Option<Rules>, Vec<Finding>) {
    let (raw, mut findings) = section.check::<Raw>();
    let rules = match raw {
        Some(raw) => Some(rules(section, raw, &mut findings)),
        None => {
            // Everything at once.
            for key in ["ignored_key_patterns", "blocked_key_patterns", "allowed_values", "blocked_values"] {
                patterns(section, key, &mut findings);
            }
            conditions(section, &mut findings);
            None
        }
    };
    findings.sort_by(|a, b| a.mark.cmp(&b.mark));
    let sound = findings.iter().all(|finding| finding.severity != Severity::Error);
    (rules.filter(|_| sound), findings)
}

fn rules(section: &Node, raw: Raw, findings: &mut Vec<Finding>) -> Rules {
    let blocked_values = patterns(section, "blocked_values", findings);
    let set = |key, findings: &mut Vec<Finding>| set(&patterns(section, key, findings));
    let ignored_patterns = set("ignored_key_patterns", findings);
    let blocked_patterns = set("blocked_key_patterns", findings);
    let allowed_values = set("allowed_values", findings);
    let key = secret::read(section, &raw, findings);
    let detectors = detectors(section, &raw, key.as_deref(), findings);
    conditions(section, findings);
    let rules = Rules {
        any_blocked: self::set(&blocked_values),
        blocked_values,
        allowed_values,
        mask: mask(section, &raw, key.as_deref(), findings),
        detectors,
        urls: urls(section, &raw, findings),
        databases: databases(section, &raw, findings),
        all_types: raw.redact_all_types,
        everywhere: raw.scan == Scan::All,
        summary: raw.summary,
        rule_counts: raw.rule_counts,
        keys: KeyRules {
            allow_all: raw.allow_all_keys,
            allowed: raw.allowed_keys.iter().cloned().collect(),
            ignored: raw.ignored_keys.iter().cloned().collect(),
            ignored_patterns,
            blocked_patterns,
        },
    };
    allow_list(section, &raw, &rules, findings);
    rules
}

/// The patterns under a key; those that are none are left out.
fn patterns(section: &Node, key: &str, findings: &mut Vec<Finding>) -> Vec<Regex> {
    let Some(list) = section.get(key) else { return Vec::new() };
    let one = list.text().map(|_| list);
    let items = list.items().iter().chain(one);
    items.filter_map(|item| regex(item, item.text()?, findings)).collect()
}

fn set(patterns: &[Regex]) -> RegexSet {
    RegexSet::new(patterns.iter().map(Regex::as_str)).unwrap_or_default()
}

fn mask(section: &Node, raw: &Raw, key: Option<&[u8]>, findings: &mut Vec<Finding>) -> Mask {
    let at = section.get("hash_function").unwrap_or(section);
    let weak = match raw.hash_function {
        None => return Mask::Stars,
        Some(HashFunction::HmacSha256) => return key.and_then(Mask::hmac_sha256).unwrap_or_default(),
        Some(HashFunction::HmacSha512) => return key.and_then(Mask::hmac_sha512).unwrap_or_default(),
        Some(HashFunction::Md5) => Mask::Md5,
        Some(HashFunction::Sha1) => Mask::Sha1,
        Some(HashFunction::Sha3) => Mask::Sha3,
    };
    findings.push(
        Finding::advice(
            at,
            "a hash without a key hides no phone number: all of them can be tried in minutes",
        )
        .help("write `hash_function: hmac-sha256` and `hmac_key: ${env:REDACTION_KEY}`"),
    );
    weak
}

fn detectors(section: &Node, raw: &Raw, key: Option<&[u8]>, findings: &mut Vec<Finding>) -> Detectors {
    let actions = Kind::ALL.map(|kind| raw.detectors.action(kind));
    let code = raw.country_code.trim_start_matches('+');
    if let Some(node) = section.get("country_code").filter(|_| !raw.country_code.is_empty())
        && !((1..=3).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_digit()))
    {
        let finding =
            Finding::error(node, format!("expected a country's calling code, found {}", node.described()));
        findings.push(finding.help("write its digits in quotes: \"1\", \"44\", \"353\""));
    }
    let code = (!code.is_empty()).then(|| code.to_owned());
    let hashes = actions.contains(&Action::Hash);
    let pseudonym = key.filter(|_| hashes).and_then(|key| Pseudonym::new(key, code));
    Detectors { actions, pseudonym }
}

fn conditions(section: &Node, findings: &mut Vec<Finding>) {
    if let Some(node) = section.get("skip_conditions").filter(|node| !node.items().is_empty()) {
        findings.push(
            Finding::error(node, "`skip_conditions` is not supported")
                .help("leave it out, and name what is to stay in `ignored_keys` or `allowed_values`"),
        );
    }
}

fn urls(section: &Node, raw: &Raw, findings: &mut Vec<Finding>) -> Urls {
    let urls = &raw.url_sanitizer;
    let span_name = urls.sanitize_span_name.unwrap_or(true);
    if let Some(node) = section.get("url_sanitizer").filter(|_| urls.enabled && urls.attributes.is_empty()) {
        let message = if span_name { "only names of spans are cleaned" } else { "nothing is cleaned" };
        findings.push(
            Finding::advice(node, format!("no attribute is named here, so {message}"))
                .help("set `attributes: [url.full, url.path, http.url, http.target]`"),
        );
    }
    Urls { enabled: urls.enabled, span_name, attributes: urls.attributes.iter().cloned().collect() }
}

fn databases(section: &Node, raw: &Raw, findings: &mut Vec<Finding>) -> Databases {
    let settings = &raw.db_sanitizer;
    let span_name = settings.sanitize_span_name.unwrap_or(true);
    let languages = settings.languages().map(|language| Language {
        enabled: language.enabled,
        attributes: language.attributes.iter().cloned().collect(),
    });
    for (language, name) in languages.iter().zip(Databases::SECTIONS) {
        let node = section.at(["db_sanitizer", name]);
        if let Some(node) = node.filter(|_| language.enabled && language.attributes.is_empty()) {
            findings.push(
                Finding::advice(
                    node,
                    "no attribute is named here, so statements in attributes stay as they are",
                )
                .help("set `attributes: [db.query.text, db.statement]`"),
            );
        }
    }
    Databases { languages, span_name, without_system: settings.allow_fallback_without_system }
}

/// What keys and rules come to.
fn allow_list(section: &Node, raw: &Raw, rules: &Rules, findings: &mut Vec<Finding>) {
    let at = |key: &str| section.get(key).unwrap_or(section);
    let keeps = |key: &str| rules.keys.ignored.contains(key) || rules.keys.ignored_patterns.is_match(key);
    if raw.allow_all_keys {
        if !raw.allowed_keys.is_empty() {
            let message = "`allowed_keys` has no effect, since `allow_all_keys` is set";
            findings.push(Finding::advice(at("allowed_keys"), message).help("remove one of them"));
        }
        let idle = !rules.patterns_matter()
            && !rules.keys_matter()
            && rules.detectors.kinds().is_empty()
            && !rules.urls.names()
            && !rules.databases.names();
        if idle {
            let message = "nothing is masked: all keys are allowed, and there is no rule for values";
            findings.push(Finding::advice(section, message).help("add `detectors: {all: mask}`"));
        }
    } else if raw.allowed_keys.is_empty() {
        let message = "no key is allowed, so every attribute is removed";
        findings.push(
            Finding::advice(section, message)
                .help("set `allow_all_keys: true`, or list what may stay in `allowed_keys`"),
        );
    } else if !rules.keys.allowed.contains(JOINED_BY) && !keeps(JOINED_BY) {
        let message =
            format!("`{JOINED_BY}` is not allowed, so traces are no longer joined into interactions");
        findings.push(Finding::advice(at("allowed_keys"), message).help(format!("add `{JOINED_BY}`")));
    }
}
