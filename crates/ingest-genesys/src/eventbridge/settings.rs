//! The section of `eventbridge`.

use std::sync::Arc;

use flow::config::{Finding, GoDuration, Node};
use serde::Deserialize;

use crate::door::{self, Auth, Tls};
use crate::trusted::Trusted;

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Settings {
    /// `host:port` to listen on.
    pub(super) endpoint: String,
    pub(super) tls: Option<Tls>,
    /// What the connection of the API destination sends.
    pub(super) auth: Option<Auth>,
    /// The receiver `genesys_cloud` whose conversations the events are about; may be left out where there is only one.
    pub(super) join: Option<String>,
    /// `cloud.region` of the spans; this and what follows counts where there is no receiver to join.
    pub(super) region: String,
    /// How long after its end a span is given to exporters other than `lake`.
    pub(super) settle: GoDuration,
    /// Participant attributes that become attributes of the root span.
    pub(super) attributes: Vec<String>,
    /// Whose `traceparent` in participant data is continued.
    pub(super) trust: Trusted,
    /// Read numbers, addresses and names at all.
    pub(super) personal_data: bool,
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
            trust: Trusted::default(),
            personal_data: false,
        }
    }
}

impl Settings {
    pub(super) fn conversion(&self) -> crate::Settings {
        crate::Settings {
            region: (!self.region.is_empty()).then(|| self.region.replace('_', "-").into()),
            personal_data: self.personal_data,
            trust: self.trust.trust(),
            attributes: self.attributes.iter().map(|name| Arc::from(name.as_str())).collect(),
            settle_ms: u64::try_from(self.settle.get().as_millis()).unwrap_or(u64::MAX),
            ..crate::Settings::default()
        }
    }
}

pub(super) fn check(section: &Node) -> Vec<Finding> {
    let (settings, mut findings) = section.check::<Settings>();
    let Some(settings) = settings else { return findings };
    findings.extend(Trusted::check(section));
    let (tls, auth) = (settings.tls.as_ref(), settings.auth.as_ref());
    let words = ("send events", "127.0.0.1:7720", "what the connection of the API destination sends");
    findings.extend(door::check(section, &settings.endpoint, (tls, auth), words));
    findings
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
            ("trust: {channels: [chat]}", None),
            ("trust: {channels: [chats]}", Some("did you mean `chat`?")),
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
