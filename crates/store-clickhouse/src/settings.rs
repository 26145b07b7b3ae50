//! The section of the exporter `clickhouse_store`.

use std::fmt;
use std::path::PathBuf;

use flow::config::{Finding, GoDuration, Node, Opaque};
use http::Uri;
use http::uri::Scheme;
use serde::Deserialize;
use serde::de::IgnoredAny;
use tls::ClientTls;

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Of the HTTP interface.
    pub endpoint: String,
    /// Made if it is not there.
    pub database: String,
    pub username: String,
    pub password: Opaque,
    /// For an endpoint with `https`.
    pub tls: ClientTls,
    /// For one request.
    pub timeout: GoDuration,
    /// Spans go when their arrival is longer ago.
    pub retention: GoDuration,
    /// The cluster on which the tables are made, replicated and distributed; empty for one server.
    pub cluster: String,
    /// Where what is kept beside the spans is: checkpoints of connectors, settings, alerts. Default: that of `lake`, with
    /// `-clickhouse` behind it.
    pub directory: PathBuf,
    /// How many replicas have a span before it is acknowledged; 0 for the one that was asked.
    pub insert_quorum: u32,
    /// How far around a range its lists look for the rest of a trace; 0 for everywhere.
    pub look_around: GoDuration,
    /// Read by whoever runs the exporter, as for every exporter.
    pub retry_on_failure: IgnoredAny,
    pub sending_queue: IgnoredAny,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            endpoint: "http://127.0.0.1:8123".to_owned(),
            database: "throughline".to_owned(),
            username: "default".to_owned(),
            password: Opaque::default(),
            tls: ClientTls::default(),
            timeout: GoDuration::from_secs(30),
            retention: GoDuration::from_secs(7 * 24 * 3600),
            cluster: String::new(),
            directory: directory(),
            insert_quorum: 0,
            look_around: GoDuration::from_secs(0),
            retry_on_failure: IgnoredAny,
            sending_queue: IgnoredAny,
        }
    }
}

fn directory() -> PathBuf {
    let mut beside = store_api::door::Settings::default().directory.into_os_string();
    beside.push("-clickhouse");
    beside.into()
}

/// Where the server is. Shown without a query, which may hold a password.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Endpoint(pub(crate) Uri);

impl Endpoint {
    pub(crate) fn of(text: &str) -> Result<Self, &'static str> {
        let uri: Uri = text.parse().map_err(|_| "it is not a URL")?;
        let http = uri.scheme() == Some(&Scheme::HTTP) || uri.scheme() == Some(&Scheme::HTTPS);
        if !http || uri.host().is_none_or(str::is_empty) {
            return Err("it is not a URL of HTTP");
        }
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err("who asks does not stand in the address");
        }
        if uri.query().is_some() {
            return Err("settings do not stand in the address");
        }
        Ok(Self(uri))
    }

    pub(crate) fn is_secure(&self) -> bool {
        self.0.scheme() == Some(&Scheme::HTTPS)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = self.0.authority().map_or("", |authority| authority.as_str());
        write!(f, "{}://{authority}{}", self.0.scheme_str().unwrap_or_default(), self.0.path())
    }
}

/// Names of databases and clusters go into statements as they are, so they are plain.
fn is_name(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        && text.len() <= 64
}

impl Settings {
    pub(crate) fn problems(&self) -> Vec<(&'static str, String, &'static str)> {
        let mut problems = Vec::new();
        if let Err(why) = Endpoint::of(&self.endpoint) {
            let help = "write scheme, host and port of the HTTP interface, for example `http://127.0.0.1:8123`, and the rest under its own key";
            problems.push(("endpoint", why.to_owned(), help));
        }
        for (key, name) in [("database", &self.database), ("cluster", &self.cluster)] {
            if !(is_name(name) || (key == "cluster" && name.is_empty())) {
                let what = format!("`{name}` is not a plain name");
                problems.push((key, what, "take letters, digits and `_`, 64 of them at most"));
            }
        }
        if self.timeout.get().as_secs() < 1 {
            problems.push((
                "timeout",
                "less than a second".to_owned(),
                "an insert is acknowledged when the server has written it",
            ));
        }
        if self.retention.get().as_secs() < 60 {
            problems.push(("retention", "less than a minute".to_owned(), "write for example `168h`"));
        }
        if self.insert_quorum > 0 && self.cluster.is_empty() {
            let help = "set `cluster`, or leave `insert_quorum` out";
            problems.push(("insert_quorum", "one server has no replicas".to_owned(), help));
        }
        problems
    }
}

pub(crate) fn check(section: &Node) -> Vec<Finding> {
    let (settings, mut findings) = section.check::<Settings>();
    let Some(settings) = settings else { return findings };
    let at = |key: &str| section.get(key).unwrap_or(section);
    for (key, what, help) in settings.problems() {
        findings.push(Finding::error(at(key), what).help(help));
    }
    match Endpoint::of(&settings.endpoint) {
        Ok(endpoint) if endpoint.is_secure() => findings.extend(settings.tls.check(at("tls"))),
        Ok(endpoint) if !settings.password.0.is_empty() => {
            let host = endpoint.0.host().unwrap_or_default().trim_matches(['[', ']']);
            if !flow::config::is_loopback(host) {
                let finding =
                    Finding::advice(at("endpoint"), "the password goes over the network in clear text");
                findings.push(finding.help("use https, for example port 8443"));
            }
        }
        _ => {}
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Vec<String> {
        let section = Node::load("c.yaml", text).unwrap();
        check(&section).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn settings_are_checked() {
        assert_eq!(said(""), Vec::<String>::new());
        assert_eq!(
            said("{endpoint: 'https://db:8443', database: calls, password: x, retention: 720h}"),
            Vec::<String>::new()
        );
        for (text, place, what) in [
            ("{endpoint: 'db:9000'}", "endpoint", "not a URL"),
            ("{endpoint: 'tcp://db:9000'}", "endpoint", "not a URL of HTTP"),
            ("{endpoint: 'http://me:pw@db:8123'}", "endpoint", "who asks"),
            ("{endpoint: 'http://db:8123/?password=pw'}", "endpoint", "settings do not stand"),
            ("{endpoint: 'http://db:8123', password: pw}", "endpoint", "clear text"),
            ("{database: 'a; DROP TABLE b'}", "database", "not a plain name"),
            ("{database: ''}", "database", "not a plain name"),
            ("{cluster: \"c' \"}", "cluster", "not a plain name"),
            ("{insert_quorum: 2}", "insert_quorum", "no replicas"),
            ("{timeout: 1ms}", "timeout", "less than a second"),
            ("{retention: 1s}", "retention", "less than a minute"),
            ("{databse: a}", "databse", "unknown key"),
        ] {
            let [only] = said(text).try_into().unwrap_or_else(|all| panic!("{text}: {all:?}"));
            assert!(
                only.contains(&format!(" {place}: {what}")) || (only.contains(place) && only.contains(what)),
                "{text}: {only}"
            );
            assert!(!only.contains("pw"), "{only}");
        }
    }
}
