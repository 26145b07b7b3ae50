//! Keys and defaults of the collector's `confighttp` server, but for `endpoint`, whose default is each component's own.

use std::collections::BTreeMap;
use std::time::Duration;

use flow::config::{Finding, GoDuration, Node, Opaque, split_port};
use http::{HeaderName, HeaderValue};
use serde::Deserialize;

use crate::net::activity::Patience;
use crate::net::coding::Coding;
use crate::net::tls::ServerTls;

const DEFAULT_BODY: usize = 20 << 20;

/// What everything that listens for HTTP can be told.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct HttpServer {
    pub transport: String,
    pub tls: Option<ServerTls>,
    pub cors: Option<Cors>,
    pub auth: Option<Auth>,
    pub max_request_body_size: usize,
    pub include_metadata: bool,
    pub response_headers: BTreeMap<String, Opaque>,
    pub compression_algorithms: Vec<String>,
    pub read_timeout: GoDuration,
    pub read_header_timeout: GoDuration,
    pub write_timeout: GoDuration,
    pub idle_timeout: GoDuration,
    pub keep_alives_enabled: bool,
    pub middlewares: Vec<Middleware>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Cors {
    pub allowed_origins: Vec<String>,
    pub allowed_headers: Vec<String>,
    pub exposed_headers: Vec<String>,
    /// Seconds that a browser may keep a preflight's answer.
    pub max_age: u64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Auth {
    pub authenticator: String,
    pub request_params: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Middleware {
    pub id: String,
}

impl Default for HttpServer {
    fn default() -> Self {
        Self {
            transport: "tcp".to_owned(),
            tls: None,
            cors: None,
            auth: None,
            max_request_body_size: DEFAULT_BODY,
            include_metadata: false,
            response_headers: BTreeMap::new(),
            compression_algorithms: Coding::ALL
                .iter()
                .map(|coding| if *coding == Coding::Identity { "" } else { coding.name() }.to_owned())
                .collect(),
            read_timeout: GoDuration::ZERO,
            read_header_timeout: GoDuration::ZERO,
            write_timeout: GoDuration::ZERO,
            idle_timeout: GoDuration::ZERO,
            keep_alives_enabled: true,
            middlewares: Vec::new(),
        }
    }
}

impl HttpServer {
    /// Where the collector waits for ever, there is a limit here; a configured one holds.
    pub fn patience(&self) -> Patience {
        let or = |set: GoDuration, default: Duration| if set.is_zero() { default } else { set.get() };
        let default = Patience::default();
        let head = or(self.read_header_timeout, or(self.read_timeout, default.head));
        Patience { first_byte: head, head, idle: or(self.idle_timeout, default.idle), age: None }
    }

    /// Bytes of a body, before and after decompression; 0 stands for the default.
    pub fn body_limit(&self) -> usize {
        if self.max_request_body_size == 0 { DEFAULT_BODY } else { self.max_request_body_size }
    }

    pub fn codings(&self) -> Vec<Coding> {
        self.compression_algorithms.iter().filter_map(|name| Coding::from_name(name)).collect()
    }

    pub(super) fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        let headers = self.response_headers.iter();
        headers.filter_map(|(name, value)| Some((name.parse().ok()?, value.0.parse().ok()?))).collect()
    }

    /// Everything wrong with the keys, and with `endpoint`. `at` is the node that they stand in.
    pub fn check(&self, at: &Node, endpoint: &str) -> Vec<Finding> {
        let mut findings = check_listener(at, endpoint, &self.transport, self.tls.as_ref());
        for (nth, name) in self.compression_algorithms.iter().enumerate() {
            if Coding::from_name(name).is_none() {
                let at =
                    at.get("compression_algorithms").map_or(at, |list| list.items().get(nth).unwrap_or(list));
                let known = Coding::ALL.map(Coding::name).join(", ");
                findings.push(
                    Finding::error(at, format!("unknown compression {name:?}"))
                        .help(format!("one of {known}")),
                );
            }
        }
        for (name, value) in &self.response_headers {
            let bad = name.parse::<HeaderName>().is_err() || value.0.parse::<HeaderValue>().is_err();
            if let (true, Some(at)) = (bad, at.get("response_headers")) {
                findings.push(Finding::error(at, format!("{name:?} is not a valid header")));
            }
        }
        if let (false, Some(at)) = (self.write_timeout.is_zero(), at.get("write_timeout")) {
            findings.push(Finding::advice(at, "answers are small; this has no effect"));
        }
        findings
    }
}

/// What is wrong with where and how something listens.
pub fn check_listener(at: &Node, endpoint: &str, transport: &str, tls: Option<&ServerTls>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if transport != "tcp" {
        let at = at.get("transport").unwrap_or(at);
        let message = format!("transport {transport:?} is not supported");
        findings.push(Finding::error(at, message).help("write `transport: tcp`, or leave it out"));
    }
    if split_port(endpoint).is_none() {
        let at = at.get("endpoint").unwrap_or(at);
        let message = format!("{endpoint:?} is not an address and a port");
        findings.push(Finding::error(at, message).help("write host:port, such as 127.0.0.1:4318"));
    }
    if let (Some(tls), Some(at)) = (tls, at.get("tls")) {
        findings.extend(tls.check(at));
    }
    findings
}
