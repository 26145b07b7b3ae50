//! The section of `eventbridge`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use flow::config::{Finding, GoDuration, Node, Opaque};
use serde::Deserialize;

use super::lock::Lock;

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Settings {
    /// `host:port` to listen on.
    pub(super) endpoint: String,
    pub(super) tls: Option<Tls>,
    pub(super) auth: Option<Auth>,
    /// The receiver `genesys_cloud` whose conversations the events are about; may be left out where there is only one.
    pub(super) join: Option<String>,
    /// `cloud.region` of the spans; this and what follows counts where there is no receiver to join.
    pub(super) region: String,
    /// How long after its end a span is given to exporters other than `lake`.
    pub(super) settle: GoDuration,
    /// Participant attributes that become attributes of the root span.
    pub(super) attributes: Vec<String>,
    /// Read numbers, addresses and names at all.
    pub(super) personal_data: bool,
}

#[derive(Clone, PartialEq, Default, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Tls {
    pub(super) cert_file: PathBuf,
    pub(super) key_file: PathBuf,
}

/// What the connection of the API destination sends: one of these.
#[derive(Clone, PartialEq, Default, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Auth {
    pub(super) basic: Option<Basic>,
    pub(super) api_key: Option<ApiKey>,
    pub(super) bearer: Option<Opaque>,
}

#[derive(Clone, PartialEq, Default, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Basic {
    pub(super) username: String,
    pub(super) password: Opaque,
}

#[derive(Clone, PartialEq, Default, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ApiKey {
    pub(super) header: String,
    pub(super) value: Opaque,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            endpoint: "127.0.0.1:7720".to_owned(),
            tls: None,
            auth: None,
            join: None,
            region: String::new(),
            settle: GoDuration::from_secs(2),
            attributes: Vec::new(),
            personal_data: false,
        }
    }
}

impl Settings {
    pub(super) fn conversion(&self) -> crate::Settings {
        crate::Settings {
            region: (!self.region.is_empty()).then(|| self.region.replace('_', "-").into()),
            personal_data: self.personal_data,
            attributes: self.attributes.iter().map(|name| Arc::from(name.as_str())).collect(),
            settle_ms: u64::try_from(self.settle.get().as_millis()).unwrap_or(u64::MAX),
            ..crate::Settings::default()
        }
    }
}

pub(super) fn check(section: &Node) -> Vec<Finding> {
    let (settings, mut findings) = section.check::<Settings>();
    let Some(settings) = settings else { return findings };
    let at = |key| section.get(key).unwrap_or(section);
    // A key without a value must not mean an open door.
    let asks = section.get("auth").is_some();
    match settings.auth.as_ref().map(Lock::of) {
        Some(Ok(_)) => {}
        Some(Err(why)) => findings.push(Finding::error(at("auth"), why)),
        None if asks => findings.push(Finding::error(at("auth"), super::lock::ONE)),
        None => {}
    }
    let secure = section.get("tls").is_some();
    let Tls { cert_file, key_file } = settings.tls.clone().unwrap_or_default();
    if secure && (cert_file.as_os_str().is_empty() || key_file.as_os_str().is_empty()) {
        findings.push(Finding::error(at("tls"), "give `cert_file` and `key_file`"));
    }
    match host(&settings.endpoint) {
        None => {
            let finding = Finding::error(at("endpoint"), "not an address to listen on");
            findings.push(finding.help("write a host and a port, as in `127.0.0.1:7720`"));
        }
        Some(host) if !is_loopback(host) && !asks => {
            let finding =
                Finding::error(at("endpoint"), "everybody who can reach this address could send events");
            findings.push(finding.help("write `auth` with what the connection of the API destination sends"));
        }
        Some(host) if !is_loopback(host) && !secure => {
            let finding =
                Finding::advice(at("endpoint"), "secrets and events go over the network in the clear");
            findings.push(finding.help("write `tls`, or listen on 127.0.0.1 behind a proxy that speaks TLS"));
        }
        Some(_) => {}
    }
    findings
}

/// The host of an endpoint, without the brackets of an IPv6 address; empty for all interfaces.
fn host(endpoint: &str) -> Option<&str> {
    let (host, port) = endpoint.rsplit_once(':')?;
    port.parse::<u16>().ok()?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    (bare.is_some() || !host.contains(':')).then_some(bare.unwrap_or(host))
}

/// Whether only programs on this machine can mean this host.
fn is_loopback(host: &str) -> bool {
    let bare = host.trim_end_matches('.');
    bare.eq_ignore_ascii_case("localhost")
        || host.parse().is_ok_and(|ip: IpAddr| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_section_is_checked() {
        for (yaml, expected) in [
            ("{}", None),
            ("endpoint: localhost:80", None),
            ("endpoint: 0.0.0.0:7720", Some("everybody who can reach")),
            ("endpoint: :7720", Some("everybody who can reach")),
            ("endpoint: 7720", Some("not an address")),
            ("{endpoint: :7720, auth: {bearer: x}}", Some("in the clear")),
            ("{endpoint: :7720, auth: {bearer: x}, tls: {cert_file: c, key_file: k}}", None),
            ("{endpoint: :7720, auth: {bearer: x}, tls: {cert_file: c}}", Some("`key_file`")),
            ("auth:", Some("exactly one of")),
            ("auth: {}", Some("exactly one of")),
            ("auth: {bearer: \"\"}", Some("empty")),
            ("auth: {bearer: x, basic: {username: a, password: b}}", Some("exactly one of")),
            ("auth: {basic: {username: \"a:b\", password: b}}", Some("colon")),
            ("auth: {api_key: {header: \"x y\", value: b}}", Some("no name of a header")),
            ("auth: {api_key: {value: b}}", Some("no name of a header")),
            ("tls:", Some("`cert_file`")),
            ("tokens: x", Some("unknown")),
        ] {
            let findings = check(&Node::load("c.yaml", yaml).unwrap());
            let text: String = findings.iter().map(ToString::to_string).collect();
            assert_eq!(findings.len(), usize::from(expected.is_some()), "{yaml}: {text}");
            assert!(text.contains(expected.unwrap_or("")), "{yaml}: {text}");
        }
    }

    #[test]
    fn secrets_are_not_printed() {
        let yaml = "auth: {basic: {username: u, password: hidden-1}, api_key: {header: h, value: hidden-2}, bearer: hidden-3}";
        let settings: Settings = Node::load("c.yaml", yaml).unwrap().parse().unwrap();
        assert!(!format!("{settings:?}").contains("hidden-"));
    }
}
