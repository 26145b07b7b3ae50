//! The section of the extension `view`.

use flow::config::{Finding, Node, is_loopback, split_port};
use serde::Deserialize;

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `host:port` to listen on.
    pub endpoint: String,
    /// The id of a `lake` exporter, or a directory; may be left out where there is only one `lake`.
    pub store: Option<String>,
    /// Answers anybody who can reach a remote endpoint.
    pub allow_unauthenticated: bool,
    /// Names under which browsers may reach the page, besides those of this machine and the endpoint: for a
    /// reverse proxy.
    pub allowed_hosts: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            endpoint: "127.0.0.1:7717".to_owned(),
            store: None,
            allow_unauthenticated: false,
            allowed_hosts: Vec::new(),
        }
    }
}

impl Settings {
    /// The host of the endpoint, without the brackets of an IPv6 address; empty for all interfaces.
    pub(crate) fn host(&self) -> Option<&str> {
        split_port(&self.endpoint).map(|(host, _)| host)
    }

    pub(crate) fn is_loopback(&self) -> bool {
        self.host().is_some_and(is_loopback)
    }
}

pub(crate) fn check(section: &Node) -> Vec<Finding> {
    let (settings, mut findings) = section.check::<Settings>();
    let Some(settings) = settings else { return findings };
    let at = section.get("endpoint").unwrap_or(section);
    if settings.host().is_none() {
        let finding = Finding::error(at, "not an address to listen on");
        findings.push(finding.help("write a host and a port, as in `127.0.0.1:7717`"));
    } else if !settings.is_loopback() && !settings.allow_unauthenticated {
        let message = "everybody who can reach this address could read all interactions";
        let help = "listen on `127.0.0.1:7717` behind a proxy that asks who is there, or write \
                    `allow_unauthenticated: true` where the network is trusted";
        findings.push(Finding::error(at, message).help(help));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_may_ask_unless_told_otherwise() {
        for (text, errors) in [
            ("", 0),
            ("endpoint: 'localhost:80'", 0),
            ("endpoint: '[::1]:7717'", 0),
            ("endpoint: '[::ffff:127.0.0.1]:7717'", 0),
            ("endpoint: '127.1.2.3:0'", 0),
            ("endpoint: '0.0.0.0:7717'", 1),
            ("endpoint: ':7717'", 1),
            ("endpoint: '[::]:7717'", 1),
            ("endpoint: 'localhost.example.com:7717'", 1),
            ("{endpoint: '0.0.0.0:7717', allow_unauthenticated: true}", 0),
            ("endpoint: '127.0.0.1'", 1),
            ("endpoint: '::1:7717'", 1),
            ("endpoint: '127.0.0.1:99999'", 1),
            ("{endpoint: '127.0.0.1:7717', stor: lake}", 1),
        ] {
            let findings = check(&Node::load("c.yaml", text).unwrap());
            assert_eq!(findings.len(), errors, "{text}: {findings:?}");
        }
    }
}
