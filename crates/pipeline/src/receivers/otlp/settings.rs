//! Keys and defaults of the collector's `otlpreceiver`.

use std::collections::BTreeMap;

use flow::config::{Finding, GoDuration, Node, Section};
use serde::Deserialize;

use crate::net::coding::Coding;
use crate::net::tls::ServerTls;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Settings {
    pub(super) protocols: Protocols,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Protocols {
    pub(super) grpc: Option<Section<Grpc>>,
    pub(super) http: Option<Section<Http>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Grpc {
    pub(super) endpoint: String,
    pub(super) transport: String,
    pub(super) tls: Option<ServerTls>,
    /// 0 for gRPC's own 4 MiB.
    pub(super) max_recv_msg_size_mib: usize,
    /// 0 for no limit of ours.
    pub(super) max_concurrent_streams: u32,
    pub(super) read_buffer_size: usize,
    pub(super) write_buffer_size: usize,
    pub(super) keepalive: Keepalive,
    pub(super) auth: Option<Auth>,
    pub(super) include_metadata: bool,
    pub(super) middlewares: Vec<Middleware>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Keepalive {
    pub(super) server_parameters: ServerParameters,
    pub(super) enforcement_policy: EnforcementPolicy,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ServerParameters {
    pub(super) max_connection_idle: GoDuration,
    pub(super) max_connection_age: GoDuration,
    pub(super) max_connection_age_grace: GoDuration,
    pub(super) time: GoDuration,
    pub(super) timeout: GoDuration,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct EnforcementPolicy {
    pub(super) min_time: GoDuration,
    pub(super) permit_without_stream: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Http {
    pub(super) endpoint: String,
    pub(super) transport: String,
    pub(super) traces_url_path: String,
    pub(super) metrics_url_path: String,
    pub(super) logs_url_path: String,
    pub(super) tls: Option<ServerTls>,
    pub(super) cors: Option<Cors>,
    pub(super) auth: Option<Auth>,
    pub(super) max_request_body_size: usize,
    pub(super) include_metadata: bool,
    pub(super) response_headers: BTreeMap<String, String>,
    pub(super) compression_algorithms: Vec<String>,
    pub(super) read_timeout: GoDuration,
    pub(super) read_header_timeout: GoDuration,
    pub(super) write_timeout: GoDuration,
    pub(super) idle_timeout: GoDuration,
    pub(super) keep_alives_enabled: bool,
    pub(super) middlewares: Vec<Middleware>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Cors {
    pub(super) allowed_origins: Vec<String>,
    pub(super) allowed_headers: Vec<String>,
    pub(super) exposed_headers: Vec<String>,
    /// Seconds that a browser may keep a preflight's answer.
    pub(super) max_age: u64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Auth {
    pub(super) authenticator: String,
    pub(super) request_params: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Middleware {
    pub(super) id: String,
}

impl Default for Grpc {
    fn default() -> Self {
        Self {
            endpoint: "localhost:4317".to_owned(),
            transport: "tcp".to_owned(),
            tls: None,
            max_recv_msg_size_mib: 0,
            max_concurrent_streams: 0,
            read_buffer_size: 524_288,
            write_buffer_size: 0,
            keepalive: Keepalive::default(),
            auth: None,
            include_metadata: false,
            middlewares: Vec::new(),
        }
    }
}

impl Default for ServerParameters {
    fn default() -> Self {
        Self {
            max_connection_idle: GoDuration::ZERO,
            max_connection_age: GoDuration::ZERO,
            max_connection_age_grace: GoDuration::ZERO,
            time: GoDuration::from_secs(7200),
            timeout: GoDuration::from_secs(20),
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self {
            endpoint: "localhost:4318".to_owned(),
            transport: "tcp".to_owned(),
            traces_url_path: "/v1/traces".to_owned(),
            metrics_url_path: "/v1/metrics".to_owned(),
            logs_url_path: "/v1/logs".to_owned(),
            tls: None,
            cors: None,
            auth: None,
            max_request_body_size: 20 << 20,
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

impl Grpc {
    pub(super) fn max_message(&self) -> usize {
        if self.max_recv_msg_size_mib == 0 { 4 << 20 } else { self.max_recv_msg_size_mib << 20 }
    }
}

pub(super) fn check(section: &Node) -> Vec<Finding> {
    let (settings, mut findings) = section.check::<Settings>();
    let Some(Settings { protocols }) = settings else { return findings };
    if protocols.grpc.is_none() && protocols.http.is_none() {
        let at = section.get("protocols").unwrap_or(section);
        let finding = Finding::error(at, "must specify at least one protocol when using the OTLP receiver")
            .help("write `protocols: {grpc: {}, http: {}}`");
        findings.push(finding);
    }
    if let (Some(grpc), Some(at)) = (&protocols.grpc, section.at(["protocols", "grpc"])) {
        endpoint(at, &grpc.endpoint, &grpc.transport, &mut findings);
        refused(at, grpc.auth.is_some(), !grpc.middlewares.is_empty(), &mut findings);
        if let (Some(tls), Some(at)) = (&grpc.tls, at.get("tls")) {
            findings.extend(tls.check(at));
        }
    }
    if let (Some(http), Some(at)) = (&protocols.http, section.at(["protocols", "http"])) {
        endpoint(at, &http.endpoint, &http.transport, &mut findings);
        refused(at, http.auth.is_some(), !http.middlewares.is_empty(), &mut findings);
        if let (Some(tls), Some(at)) = (&http.tls, at.get("tls")) {
            findings.extend(tls.check(at));
        }
        check_http(at, http, &mut findings);
    }
    findings
}

fn check_http(at: &Node, http: &Http, findings: &mut Vec<Finding>) {
    for (key, path) in [
        ("traces_url_path", &http.traces_url_path),
        ("metrics_url_path", &http.metrics_url_path),
        ("logs_url_path", &http.logs_url_path),
    ] {
        let bad = path.is_empty() || path.contains(['?', '#', ' ']) || path.parse::<http::Uri>().is_err();
        if let (true, Some(at)) = (bad, at.get(key)) {
            let message = format!("invalid HTTP URL path: {path:?}");
            findings.push(Finding::error(at, message).help("write a path such as /v1/traces"));
        }
    }
    for (nth, name) in http.compression_algorithms.iter().enumerate() {
        if Coding::from_name(name).is_none() {
            let at =
                at.get("compression_algorithms").map_or(at, |list| list.items().get(nth).unwrap_or(list));
            let known = Coding::ALL.map(Coding::name).join(", ");
            findings.push(
                Finding::error(at, format!("unknown compression {name:?}")).help(format!("one of {known}")),
            );
        }
    }
    for (name, value) in &http.response_headers {
        let bad = name.parse::<http::HeaderName>().is_err() || value.parse::<http::HeaderValue>().is_err();
        if let (true, Some(at)) = (bad, at.get("response_headers")) {
            findings.push(Finding::error(at, format!("{name:?} is not a valid header")));
        }
    }
}

fn endpoint(at: &Node, endpoint: &str, transport: &str, findings: &mut Vec<Finding>) {
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
}

/// A listener must not run open where its configuration asks for protection that is not there.
fn refused(at: &Node, auth: bool, middlewares: bool, findings: &mut Vec<Finding>) {
    for (key, present) in [("auth", auth), ("middlewares", middlewares)] {
        if let (true, Some(at)) = (present, at.get(key)) {
            let finding = Finding::error(at, "not supported yet; the listener would be open without it")
                .help("put an authenticating proxy in front, or remove the key and listen on 127.0.0.1");
            findings.push(finding);
        }
    }
}

/// `host:port`; an empty host means every address, as in Go.
pub(super) fn split_port(endpoint: &str) -> Option<(&str, u16)> {
    let (host, port) = endpoint.rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    Some((if host.is_empty() { "::" } else { host }, port.parse().ok()?))
}
