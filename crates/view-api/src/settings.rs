//! The section of the extension `view`.

use std::collections::BTreeMap;

use flow::config::{Finding, GoDuration, Node, Section, is_loopback, split_port};
use serde::Deserialize;
use store_api::Stage;
use store_api::analysis::Objectives;
use tls::ServerTls;

use crate::auth::settings::Auth;
use crate::auth::{Doors, Role};

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `host:port` to listen on.
    pub endpoint: String,
    /// The id of a `lake` exporter, or a directory; may be left out where there is only one `lake`.
    pub store: Option<String>,
    /// Answers anybody who can reach a remote endpoint.
    pub allow_unauthenticated: bool,
    /// Who may come in. Without it everybody who reaches the endpoint may.
    pub auth: Option<Auth>,
    /// What everybody may without `auth`: `admin` on a loopback address, else `viewer`.
    pub unauthenticated_role: Option<Role>,
    /// Answers hide phone numbers, SIP users, e-mail, cards and IBAN, unless somebody with the role asks otherwise.
    pub display_masking: bool,
    /// Certificate and key of the endpoint.
    pub tls: Option<Section<ServerTls>>,
    /// Names under which browsers may reach the page, besides those of this machine and the endpoint: for a
    /// reverse proxy.
    pub allowed_hosts: Vec<String>,
    /// What p95 of a stage should not exceed, where it is not the usual.
    pub objectives: BTreeMap<Stage, GoDuration>,
    /// The threshold of a stage's service level, where it is not the usual.
    pub service_levels: BTreeMap<Stage, GoDuration>,
    /// How rules are watched, and who can be told.
    pub alerts: ::alerts::Settings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            endpoint: "127.0.0.1:7717".to_owned(),
            store: None,
            allow_unauthenticated: false,
            auth: None,
            unauthenticated_role: None,
            display_masking: true,
            tls: None,
            allowed_hosts: Vec::new(),
            objectives: BTreeMap::new(),
            service_levels: BTreeMap::new(),
            alerts: ::alerts::Settings::default(),
        }
    }
}

impl Settings {
    /// The host of the endpoint, without the brackets of an IPv6 address; empty for all interfaces.
    pub(crate) fn host(&self) -> Option<&str> {
        split_port(&self.endpoint).map(|(host, _)| host)
    }

    pub(crate) fn stages(&self) -> Objectives {
        let ns = |(stage, time): (&Stage, &GoDuration)| {
            (*stage, u64::try_from(time.get().as_nanos()).unwrap_or(u64::MAX))
        };
        let mut stages = Objectives::default();
        stages.p95_ns.extend(self.objectives.iter().map(ns));
        stages.within_ns.extend(self.service_levels.iter().map(ns));
        stages
    }

    pub(crate) fn doors(&self) -> Doors {
        let local = self.is_loopback();
        let otherwise = self.unauthenticated_role.unwrap_or(if local { Role::Admin } else { Role::Viewer });
        Doors::new(self.auth.as_ref(), otherwise, local, self.tls.is_some())
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
    } else if !settings.is_loopback() && !settings.allow_unauthenticated && settings.auth.is_none() {
        let message = "everybody who can reach this address could read all interactions";
        let help = "name who may come in under `auth`, listen on `127.0.0.1:7717` behind a proxy that asks who is there, \
                    or write `allow_unauthenticated: true` where the network is trusted";
        findings.push(Finding::error(at, message).help(help));
    } else if !settings.is_loopback() && settings.auth.is_some() && settings.tls.is_none() {
        let message = "passwords and tokens come without TLS: anyone on the way can read them";
        findings.push(Finding::advice(at, message).help("give `tls` with `cert_file` and `key_file`"));
    }
    if let Some((auth, node)) = settings.auth.as_ref().zip(section.get("auth")) {
        findings.extend(auth.check(node));
        for (key, set) in [
            ("allow_unauthenticated", settings.allow_unauthenticated),
            ("unauthenticated_role", settings.unauthenticated_role.is_some()),
        ] {
            let at = section.get(key).unwrap_or(section);
            let message = format!("`{key}` has no effect, since `auth` is set");
            findings.extend(set.then(|| Finding::advice(at, message).help("remove one of them")));
        }
    }
    if let Some((tls, node)) = settings.tls.as_ref().zip(section.get("tls")) {
        findings.extend(tls.check(node));
    }
    findings.extend(settings.alerts.check(section.get("alerts").unwrap_or(section)));
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
            (
                "{endpoint: '0.0.0.0:7717', auth: {tokens: [{name: t, token: 0123456789abcdef0123456789abcdef}]}}",
                1,
            ),
            ("auth: {tokens: [{name: t, token: 0123456789abcdef0123456789abcdef, role: unmask}]}", 0),
            ("auth: {tokens: [{name: t, token: short}]}", 1),
            ("auth: {users: [{name: ann, password_hash: secret}]}", 1),
            ("auth: {users: [{name: ann, role: root}]}", 1),
            ("auth: {session_idle: 0s}", 2),
            ("{unauthenticated_role: viewer, display_masking: false}", 0),
            ("tls: {cert_file: /nowhere}", 2),
            ("endpoint: '127.0.0.1'", 1),
            ("endpoint: '::1:7717'", 1),
            ("endpoint: '127.0.0.1:99999'", 1),
            ("{endpoint: '127.0.0.1:7717', stor: lake}", 1),
            ("{objectives: {queue: 90s, setup: 800ms}, service_levels: {queue: 30s}}", 0),
            ("objectives: {queues: 90s}", 1),
            ("objectives: {queue: soon}", 1),
        ] {
            let findings = check(&Node::load("c.yaml", text).unwrap());
            assert_eq!(findings.len(), errors, "{text}: {findings:?}");
        }
    }

    #[test]
    fn a_stage_of_the_settings_replaces_the_usual_one() {
        let text = "{objectives: {queue: 90s, talk: 10m}, service_levels: {queue: 30s}}";
        let (settings, _) = Node::load("c.yaml", text).unwrap().check::<Settings>();
        let (stages, usual) = (settings.unwrap().stages(), Objectives::default());
        let second = 1_000_000_000;
        assert_eq!(stages.p95(Stage::Queue), Some(90 * second));
        assert_eq!(stages.p95(Stage::Talk), Some(600 * second));
        assert_eq!(stages.p95(Stage::Action), usual.p95(Stage::Action));
        assert_eq!(stages.threshold(Stage::Queue), Some(30 * second));
    }
}
