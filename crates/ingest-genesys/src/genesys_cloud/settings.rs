//! The section of `genesys_cloud`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flow::config::{Finding, GoDuration, Node, Opaque, Section};
use serde::Deserialize;

use crate::platform::{self, Base, Credentials, Proxies};
use crate::subscription::{self, Dialect, Events, Request, Subscribe, Wanted};
use crate::trusted::Trusted;

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Settings {
    /// A region (`eu_west_1`), its domain (`mypurecloud.ie`), or the address of the API.
    pub(super) region: String,
    /// Of an OAuth client of the grant "client credentials".
    pub(super) client_id: String,
    pub(super) client_secret: Opaque,
    /// In place of `client_secret`.
    pub(super) client_secret_file: Option<PathBuf>,
    /// Names or ids of queues; all, where there are none here.
    pub(super) queues: Vec<String>,
    /// Follow users too: calls that reach an agent without a queue are then seen at once.
    pub(super) users: bool,
    /// How often queues and users are asked for.
    pub(super) discover_interval: GoDuration,
    /// How often analytics is asked for what notifications do not tell.
    pub(super) reconcile_interval: GoDuration,
    /// How far analytics may be behind.
    pub(super) analytics_delay: GoDuration,
    /// How far back the first question to analytics goes.
    pub(super) lookback: GoDuration,
    /// How long after its end a span is given to exporters other than `lake`.
    pub(super) settle: GoDuration,
    /// Participant attributes that become attributes of the root span.
    pub(super) attributes: Vec<String>,
    /// Whose `traceparent` in participant data is continued.
    pub(super) trust: Trusted,
    /// Read numbers, addresses and names at all.
    pub(super) personal_data: bool,
    /// How events of conversations are subscribed to that callers ask for.
    pub(super) dialect: Dialect,
    /// What becomes of such events.
    pub(super) events: Events,
    /// Where callers ask.
    pub(super) subscribe: Option<Section<Subscribe>>,
    /// As if it were asked for at the start.
    pub(super) subscriptions: Vec<Request>,
    pub(super) timeout: GoDuration,
    pub(super) checkpoint: CheckpointSettings,
    /// Certificates to accept besides the system's.
    pub(super) ca_file: Option<PathBuf>,
    /// In place of the environment's proxy: `http://user:password@host:port`.
    pub(super) proxy_url: Opaque,
}

/// What outlives the process.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct CheckpointSettings {
    /// Where its file is; without one, with the store of the only `lake` exporter.
    pub(super) directory: Option<PathBuf>,
    /// How often it is written.
    pub(super) interval: GoDuration,
}

impl Default for CheckpointSettings {
    fn default() -> Self {
        Self { directory: None, interval: GoDuration::from_secs(2) }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            region: String::new(),
            client_id: String::new(),
            client_secret: Opaque::default(),
            client_secret_file: None,
            queues: Vec::new(),
            users: true,
            discover_interval: GoDuration::from_secs(15 * 60),
            reconcile_interval: GoDuration::from_secs(60),
            analytics_delay: GoDuration::from_secs(10),
            lookback: GoDuration::from_secs(3600),
            settle: GoDuration::from_secs(2),
            attributes: Vec::new(),
            trust: Trusted::default(),
            personal_data: false,
            dialect: Dialect::default(),
            events: Events::default(),
            subscribe: None,
            subscriptions: Vec::new(),
            timeout: GoDuration::from_secs(30),
            checkpoint: CheckpointSettings::default(),
            ca_file: None,
            proxy_url: Opaque::default(),
        }
    }
}

pub(super) fn check(section: &Node) -> Vec<Finding> {
    let (settings, mut findings) = section.check::<Settings>();
    let Some(settings) = settings else { return findings };
    let at = |key| section.get(key).unwrap_or(section);
    findings.extend(Trusted::check(section));
    findings.extend(subscription::check(section, &settings.wanted()));
    if settings.region.is_empty() {
        let finding = Finding::error(section, "`region` is missing");
        findings
            .push(finding.help("write a region (`eu_west_1`), its domain (`mypurecloud.ie`) or an address"));
    } else if let Err(error) = Base::of(&settings.region) {
        findings.push(Finding::error(at("region"), error.to_string()));
    }
    if settings.client_id.is_empty() {
        findings.push(Finding::error(section, "`client_id` is missing").help(
            "make an OAuth client of the grant `Client Credentials` in Genesys Cloud (Admin, Integrations, OAuth)",
        ));
    }
    if let Err(why) = Proxies::new(&settings.proxy_url.0) {
        findings.push(Finding::error(at("proxy_url"), "it is no proxy").help(why));
    }
    match (settings.client_secret.0.is_empty(), &settings.client_secret_file) {
        (true, None) => findings.push(Finding::error(section, "`client_secret` is missing").help(
            "write `client_secret: ${env:GENESYS_CLIENT_SECRET}`, or name a file with `client_secret_file`",
        )),
        (false, Some(_)) => {
            let both = "`client_secret` and `client_secret_file` are both given";
            findings.push(Finding::error(at("client_secret_file"), both).help("take one of them out"));
        }
        _ => {}
    }
    for (key, interval) in [
        ("discover_interval", settings.discover_interval),
        ("reconcile_interval", settings.reconcile_interval),
        ("timeout", settings.timeout),
    ] {
        if interval.get().as_millis() < 1000 {
            findings.push(Finding::error(at(key), "less than a second"));
        }
    }
    if settings.checkpoint.interval.is_zero() {
        findings.push(Finding::error(at("checkpoint"), "`interval` is zero"));
    }
    if settings.lookback.get().as_secs() > 7 * 24 * 3600 {
        findings.push(Finding::error(at("lookback"), "analytics answers for seven days at most"));
    }
    findings
}

impl Settings {
    /// Reads the file of the secret, if there is one.
    pub(super) fn platform(&self) -> Result<platform::Settings, String> {
        let client_secret = match &self.client_secret_file {
            Some(path) => Opaque(read(path)?),
            None => self.client_secret.clone(),
        };
        let credentials = Credentials { client_id: self.client_id.clone(), client_secret };
        let base = Base::of(&self.region).map_err(|error| error.to_string())?;
        let settings = platform::Settings::new(base, credentials);
        let proxies = Arc::new(Proxies::new(&self.proxy_url.0)?);
        Ok(platform::Settings { timeout: self.timeout.get(), proxies, ..settings })
    }

    /// What it says about subscriptions.
    pub(super) fn wanted(&self) -> Wanted {
        let (subscribe, subscriptions) = (self.subscribe.clone(), self.subscriptions.clone());
        Wanted { dialect: self.dialect, events: self.events, subscribe, subscriptions }
    }

    pub(super) fn conversion(&self, region: &str) -> crate::Settings {
        crate::Settings {
            region: Some(region.replace('_', "-").into()),
            personal_data: self.personal_data,
            trust: self.trust.trust(),
            attributes: self.attributes.iter().map(|name| Arc::from(name.as_str())).collect(),
            settle_ms: u64::try_from(self.settle.get().as_millis()).unwrap_or(u64::MAX),
            ..crate::Settings::default()
        }
    }
}

fn read(path: &Path) -> Result<String, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let secret = text.trim();
    if secret.is_empty() {
        return Err(format!("{} is empty; it has to hold the client secret", path.display()));
    }
    Ok(secret.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_subscriptions_is_checked() {
        for (yaml, expected) in [
            ("subscribe:", None),
            ("subscribe: {endpoint: \"[::1]:7721\", lasts: 5m, limit: 1000}", None),
            ("subscribe: {endpoint: 0.0.0.0:7721}", Some("could ask for events of conversations")),
            ("subscribe: {endpoint: :7721, auth: {bearer: x}}", Some("in the clear")),
            ("subscribe: {endpoint: :7721, auth: {bearer: x}, tls: {cert_file: c, key_file: k}}", None),
            ("subscribe: {auth: {}}", Some("exactly one of")),
            ("subscribe: {lasts: 5s}", Some("less than a minute")),
            ("subscribe: {limit: 1001}", Some("not from 1 to 1000")),
            ("subscribe: {port: 1}", Some("unknown")),
            ("dialect: page", Some("did you mean `pages`?")),
            ("events: links", Some("expected one of")),
            ("subscriptions: [{topics: [v2.users.u.conversations]}]", None),
            ("subscriptions: [{topics: [\"v2.users.*.conversations\"]}]", Some("no wildcards")),
            ("subscriptions: [{conversations: [x]}]", Some("no conversation id")),
            ("subscriptions: [{}]", Some("nothing is asked for")),
            (
                "subscriptions: [{topics: [v2.users.u.conversations], traceparent: 00-x}]",
                Some("a traceparent cannot be used"),
            ),
            ("proxy_url: http://u:p@proxy:3128", None),
            ("proxy_url: socks5://hidden-2@proxy:1080", Some("write `http://host:port`")),
            ("trust: {channels: [voise]}", Some("did you mean `voice`?")),
        ] {
            let whole = format!("region: eu_west_1\nclient_id: c\nclient_secret: \"${{env:S}}\"\n{yaml}\n");
            let findings = check(&Node::load("c.yaml", &whole).unwrap());
            let text: String = findings.iter().map(ToString::to_string).collect();
            assert_eq!(findings.len(), usize::from(expected.is_some()), "{yaml}: {text}");
            assert!(text.contains(expected.unwrap_or("")), "{yaml}: {text}");
        }
    }

    #[test]
    fn the_secrets_of_callers_are_not_printed() {
        let yaml = "subscribe: {auth: {bearer: hidden-1}}";
        let settings: Settings = Node::load("c.yaml", yaml).unwrap().parse().unwrap();
        assert!(!format!("{settings:?}").contains("hidden-"));
    }
}
