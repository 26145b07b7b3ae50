//! The section of `hep`.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use flow::config::{Finding, Node, is_loopback, split_port};
use serde::Deserialize;
use tls::ServerTls;

use crate::call::{self, Numbers, Secret};
use crate::net::Net;

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Settings {
    /// `host:port` for UDP and TCP.
    endpoint: String,
    /// The TCP port speaks TLS.
    pub(super) tls: Option<ServerTls>,
    /// What agents send as their key.
    auth_key: Option<Hidden>,
    /// Networks of peers whose context headers are believed.
    believe: Vec<String>,
    numbers: Numbers,
    /// For pseudonyms of numbers, so that they are the same after a restart.
    number_key: Option<Hidden>,
    /// `cloud.region` of the spans.
    region: String,
}

/// Text that is not printed.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
struct Hidden(String);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            endpoint: "127.0.0.1:9060".to_owned(),
            tls: None,
            auth_key: None,
            believe: Vec::new(),
            numbers: Numbers::default(),
            number_key: None,
            region: String::new(),
        }
    }
}

impl Settings {
    pub(super) fn endpoint(&self) -> String {
        self.endpoint.strip_prefix(':').map_or(self.endpoint.clone(), |port| format!("0.0.0.0:{port}"))
    }

    pub(super) fn key(&self) -> Option<Box<[u8]>> {
        self.auth_key.as_ref().map(|Hidden(key)| key.as_bytes().into())
    }

    pub(super) fn believed(&self) -> Vec<Net> {
        self.believe.iter().filter_map(|text| text.parse().ok()).collect()
    }

    pub(super) fn calls(&self) -> Option<call::Settings> {
        let mut calls = call::Settings::new(Secret::random()?);
        calls.beside = true;
        calls.settle = Duration::from_secs(2);
        calls.service = "sip-probe".to_owned();
        calls.region = (!self.region.is_empty()).then(|| self.region.clone());
        calls.numbers = self.numbers;
        if let Some(Hidden(key)) = &self.number_key {
            calls.number_secret = Secret::new(key.as_bytes());
        }
        Some(calls)
    }
}

pub(super) fn check(section: &Node) -> Vec<Finding> {
    let (settings, mut findings) = section.check::<Settings>();
    let Some(settings) = settings else { return findings };
    let at = |key| section.get(key).unwrap_or(section);
    for text in settings.believe.iter().filter(|text| text.parse::<Net>().is_err()) {
        let finding = Finding::error(at("believe"), format!("`{text}` is not a network"));
        findings
            .push(finding.help("write an address, or one with the bits that count, as in `192.0.2.0/24`"));
    }
    for (key, hidden) in [("auth_key", &settings.auth_key), ("number_key", &settings.number_key)] {
        if section.get(key).is_some() && hidden.as_ref().is_none_or(|Hidden(text)| text.is_empty()) {
            findings.push(Finding::error(at(key), "empty"));
        }
    }
    if let Some(tls) = &settings.tls {
        findings.extend(tls.check(at("tls")));
    }
    if section.get("tls").is_some() && settings.tls.is_none() {
        findings.push(Finding::error(at("tls"), "give `cert_file` and `key_file`"));
    }
    match loopback(&settings.endpoint()) {
        None => {
            let finding = Finding::error(at("endpoint"), "not an address to listen on");
            findings.push(finding.help("write an address and a port, as in `127.0.0.1:9060`"));
        }
        Some(false) if settings.auth_key.is_none() => {
            let why = "everybody who can reach this address could make up calls";
            let finding = Finding::error(at("endpoint"), why);
            findings.push(finding.help("write `auth_key` with the key that the agents send"));
        }
        Some(_) => {}
    }
    findings
}

/// Whether only this machine reaches an address; nothing where it is none.
fn loopback(endpoint: &str) -> Option<bool> {
    let (host, _) = split_port(endpoint)?;
    Some(is_loopback(host)).filter(|here| *here || host.parse::<IpAddr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_section_is_checked() {
        for (yaml, expected) in [
            ("{}", None),
            ("endpoint: localhost:9060", None),
            ("endpoint: 0.0.0.0:9060", Some("everybody who can reach")),
            ("{endpoint: :9060, auth_key: x}", None),
            ("endpoint: 9060", Some("not an address")),
            ("auth_key: \"\"", Some("empty")),
            ("believe: [192.0.2.0/33]", Some("not a network")),
            ("tls: {cert_file: c}", Some("`key_file`")),
            ("numbers: hashed", None),
            ("number: hashed", Some("unknown")),
        ] {
            let findings = check(&Node::load("c.yaml", yaml).unwrap());
            let text: String = findings.iter().map(ToString::to_string).collect();
            assert_eq!(findings.is_empty(), expected.is_none(), "{yaml}: {text}");
            assert!(text.contains(expected.unwrap_or("")), "{yaml}: {text}");
        }
    }

    #[test]
    fn secrets_are_not_printed() {
        let yaml = "{auth_key: secret-1, number_key: secret-2}";
        let settings: Settings = Node::load("c.yaml", yaml).unwrap().parse().unwrap();
        assert!(!format!("{settings:?}").contains("secret-"));
    }
}
