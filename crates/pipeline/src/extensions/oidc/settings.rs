//! Keys of the collector's `oidcauthextension`.

use flow::config::{Finding, Node};
use serde::Deserialize;

use super::provider::Provider;

#[derive(Clone, Deserialize)]
#[serde(default)]
pub(super) struct Settings {
    pub(super) attribute: String,
    providers: Vec<One>,
    // One provider without a list, as older configurations have it.
    issuer_url: String,
    audience: String,
    issuer_ca_path: String,
    username_claim: String,
    groups_claim: String,
}

/// A provider.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct One {
    pub(super) issuer_url: String,
    pub(super) audience: String,
    pub(super) ignore_audience: bool,
    pub(super) ignore_issuer: bool,
    pub(super) issuer_ca_path: String,
    pub(super) username_claim: String,
    pub(super) groups_claim: String,
    pub(super) public_keys_file: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            attribute: "authorization".to_owned(),
            providers: Vec::new(),
            issuer_url: String::new(),
            audience: String::new(),
            issuer_ca_path: String::new(),
            username_claim: String::new(),
            groups_claim: String::new(),
        }
    }
}

impl Settings {
    /// The providers, the flat keys as one of them.
    pub(super) fn all(&self) -> Vec<One> {
        let flat = (!self.issuer_url.is_empty()).then(|| One {
            issuer_url: self.issuer_url.clone(),
            audience: self.audience.clone(),
            issuer_ca_path: self.issuer_ca_path.clone(),
            username_claim: self.username_claim.clone(),
            groups_claim: self.groups_claim.clone(),
            ..One::default()
        });
        flat.into_iter().chain(self.providers.iter().cloned()).collect()
    }
}

pub(super) fn check(section: &Node) -> Vec<Finding> {
    let (settings, mut findings) = section.check::<Settings>();
    let Some(settings) = settings else { return findings };
    if settings.attribute.parse::<http::HeaderName>().is_err() {
        let at = section.get("attribute").unwrap_or(section);
        findings.push(Finding::error(at, "this is not the name of a header"));
    }
    let all = settings.all();
    if all.is_empty() {
        let finding = Finding::error(section, "no issuer is named");
        findings.push(finding.help("write `issuer_url: https://...` and `audience`"));
    }
    let flat = usize::from(!settings.issuer_url.is_empty());
    for (nth, one) in all.iter().enumerate() {
        let listed = nth.checked_sub(flat).and_then(|nth| section.get("providers")?.items().get(nth));
        findings.extend(one.check(listed.unwrap_or(section)));
    }
    findings
}

impl One {
    fn check(&self, at: &Node) -> Vec<Finding> {
        let mut findings = Vec::new();
        let node = |key: &str| at.get(key).unwrap_or(at);
        if self.audience.is_empty() && !self.ignore_audience {
            let finding =
                Finding::error(node("audience"), "`audience` is missing: tokens for others would do");
            findings
                .push(finding.help("write the audience of your tokens (`aud`), or `ignore_audience: true`"));
        }
        if self.ignore_audience || self.ignore_issuer {
            let key = if self.ignore_audience { "ignore_audience" } else { "ignore_issuer" };
            findings.push(Finding::advice(node(key), "tokens that were made for others are taken too"));
        }
        match Provider::new(self.clone()) {
            Ok(provider) if provider.is_plain() => findings.push(
                Finding::advice(
                    node("issuer_url"),
                    "keys come without TLS: anyone on the way can make tokens",
                )
                .help("write https://"),
            ),
            Ok(_) => {}
            Err(why) => findings.push(Finding::error(node("issuer_url"), why)),
        }
        findings
    }
}
