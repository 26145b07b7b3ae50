//! Keys and defaults of the collector's `otlpreceiver`.

use std::time::Duration;

use flow::config::{Finding, GoDuration, Node, Section};
use serde::Deserialize;

use crate::net::activity::Patience;
use crate::net::serve::{Auth, HttpServer, Middleware, check_listener};
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
    /// Answers the stamps of senders that measure how long batches are on their way.
    pub(super) transit: bool,
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

/// The keys of every HTTP server, and those of OTLP.
#[derive(Clone, Default, Debug, Deserialize)]
pub(super) struct Http(pub(super) HttpServer, pub(super) Paths);

#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub(super) struct Paths {
    pub(super) endpoint: String,
    pub(super) traces_url_path: String,
    pub(super) metrics_url_path: String,
    pub(super) logs_url_path: String,
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
            transit: false,
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

impl Default for Paths {
    fn default() -> Self {
        Self {
            endpoint: "localhost:4318".to_owned(),
            traces_url_path: "/v1/traces".to_owned(),
            metrics_url_path: "/v1/metrics".to_owned(),
            logs_url_path: "/v1/logs".to_owned(),
        }
    }
}

impl Grpc {
    pub(super) fn max_message(&self) -> usize {
        if self.max_recv_msg_size_mib == 0 {
            4 << 20
        } else {
            self.max_recv_msg_size_mib.saturating_mul(1 << 20)
        }
    }

    pub(super) fn patience(&self) -> Patience {
        let ServerParameters { max_connection_idle, max_connection_age, max_connection_age_grace, .. } =
            &self.keepalive.server_parameters;
        let set = |duration: &GoDuration| Some(duration.get()).filter(|duration| !duration.is_zero());
        let default = Patience::default();
        Patience {
            idle: set(max_connection_idle).unwrap_or(default.idle),
            age: set(max_connection_age)
                .map(|age| (age, set(max_connection_age_grace).unwrap_or(Duration::MAX))),
            ..default
        }
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
        findings.extend(check_listener(at, &grpc.endpoint, &grpc.transport, grpc.tls.as_ref()));
    }
    if let (Some(http), Some(at)) = (&protocols.http, section.at(["protocols", "http"])) {
        let Http(server, paths) = &**http;
        findings.extend(server.check(at, &paths.endpoint));
        findings.extend(paths.check(at));
    }
    findings
}

impl Paths {
    fn check(&self, at: &Node) -> Vec<Finding> {
        let paths = [
            ("traces_url_path", &self.traces_url_path),
            ("metrics_url_path", &self.metrics_url_path),
            ("logs_url_path", &self.logs_url_path),
        ];
        let bad = |path: &str| {
            let rooted = format!("/{path}");
            path.is_empty() || path.contains(['?', '#', ' ']) || rooted.parse::<http::Uri>().is_err()
        };
        let wrong = paths.into_iter().filter(|(_, path)| bad(path)).map(|(key, path)| {
            let at = at.get(key).unwrap_or(at);
            let message = format!("invalid HTTP URL path: {path:?}");
            Finding::error(at, message).help("write a path such as /v1/traces")
        });
        wrong.collect()
    }
}
