//! The block `alerts` of the extension `view`.

use std::collections::BTreeMap;

use flow::config::{Finding, GoDuration, Node, Opaque};
use reqwest::Url;
use reqwest::header::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use tls::ClientTls;
use utoipa::ToSchema;

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Between two looks at all rules.
    pub interval: GoDuration,
    /// Alertmanager is told again after so long that an alert still fires.
    pub resend_interval: GoDuration,
    /// Where people open the page: messages link there.
    pub page_url: String,
    /// By name: rules choose among these.
    pub receivers: BTreeMap<String, Receiver>,
}

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Receiver {
    #[serde(rename = "type")]
    pub kind: Kind,
    pub url: String,
    /// A webhook's messages are signed with it.
    pub secret: Opaque,
    pub headers: BTreeMap<String, Opaque>,
    /// For one attempt.
    pub timeout: GoDuration,
    /// Authorities that are believed instead of the system's, as PEM.
    pub ca_file: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    #[default]
    Webhook,
    Alertmanager,
}

const SHORTEST_INTERVAL: u64 = 5_000_000_000;

impl Default for Settings {
    fn default() -> Self {
        let minute = GoDuration::from_secs(60);
        Self {
            interval: minute,
            resend_interval: minute,
            page_url: String::new(),
            receivers: BTreeMap::new(),
        }
    }
}

impl Default for Receiver {
    fn default() -> Self {
        Self {
            kind: Kind::default(),
            url: String::new(),
            secret: Opaque::default(),
            headers: BTreeMap::new(),
            timeout: GoDuration::from_secs(10),
            ca_file: String::new(),
        }
    }
}

impl Settings {
    /// Everything wrong with the block; `section` is its node.
    pub fn check(&self, section: &Node) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (name, given) in [("interval", self.interval), ("resend_interval", self.resend_interval)] {
            if given.nanos() < SHORTEST_INTERVAL {
                let finding = Finding::error(section.get(name).unwrap_or(section), "too short");
                findings.push(finding.help("the store is asked once for each rule: write 5s or more"));
            }
        }
        if !self.page_url.is_empty() && web(&self.page_url).is_none() {
            let at = section.get("page_url").unwrap_or(section);
            let finding = Finding::error(at, "not an address of a page");
            findings.push(finding.help("write it as people open it, as in `https://calls.example.com`"));
        }
        for (name, receiver) in &self.receivers {
            let at = section.at(["receivers", name]).unwrap_or(section);
            findings.extend(receiver.check(at));
        }
        findings
    }
}

impl Receiver {
    fn check(&self, at: &Node) -> Vec<Finding> {
        let mut findings = Vec::new();
        let part = |name: &str| at.get(name).unwrap_or(at).clone();
        if web(&self.url).is_none() {
            let finding = Finding::error(&part("url"), "not an address to send to");
            findings.push(finding.help("write it with http:// or https://, and credentials as `headers`"));
        }
        if self.kind == Kind::Alertmanager && !self.secret.0.is_empty() {
            let finding = Finding::error(&part("secret"), "Alertmanager does not verify signatures");
            findings.push(finding.help("take it away, or write `type: webhook`"));
        }
        if self.timeout.is_zero() {
            findings
                .push(Finding::error(&part("timeout"), "no time for an attempt").help("write 1s or more"));
        }
        for (name, value) in &self.headers {
            if name.parse::<HeaderName>().is_err() || HeaderValue::from_str(&value.0).is_err() {
                let finding =
                    Finding::error(&part("headers"), format!("`{name}` cannot be sent as a header"));
                findings
                    .push(finding.help("names are letters, digits and dashes; values are one line of text"));
            }
        }
        if let Err(error) = ClientTls::trusting(&self.ca_file).client_config() {
            let finding = Finding::error(&part("ca_file"), error.to_string());
            findings.push(finding.help("give a file of certificates in PEM that this process may read"));
        }
        findings
    }
}

/// Without a name and password, which would end up in logs.
fn web(url: &str) -> Option<Url> {
    let url = Url::parse(url).ok()?;
    let plain = url.username().is_empty() && url.password().is_none();
    (plain && matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_that_cannot_be_reached_is_found_at_once() {
        for (text, errors) in [
            ("", 0),
            ("{interval: 30s, page_url: 'https://calls.example.com'}", 0),
            ("interval: 1s", 1),
            ("page_url: calls", 1),
            ("receivers: {hook: {url: 'https://hooks.example.com/x', secret: whsec_AAAA}}", 0),
            ("receivers: {hook: {}}", 1),
            ("receivers: {hook: {url: 'ftp://x'}}", 1),
            ("receivers: {hook: {url: 'https://me:pw@hooks.example.com'}}", 1),
            ("receivers: {hook: {url: 'http://a', timeout: 0s}}", 1),
            ("receivers: {hook: {url: 'http://a', headers: {'a b': x}}}", 1),
            ("receivers: {am: {type: alertmanager, url: 'http://127.0.0.1:9093'}}", 0),
            ("receivers: {am: {type: alertmanager, url: 'http://127.0.0.1:9093', secret: x}}", 1),
            ("receivers: {hook: {url: 'https://a', ca_file: /nowhere/ca.pem}}", 1),
            ("receivers: {am: {type: pager, url: 'http://127.0.0.1:9093'}}", 1),
        ] {
            let node = Node::load("c.yaml", text).unwrap();
            let (settings, mut findings) = node.check::<Settings>();
            findings.extend(settings.map(|settings| settings.check(&node)).unwrap_or_default());
            assert_eq!(findings.len(), errors, "{text}: {findings:?}");
        }
    }
}
