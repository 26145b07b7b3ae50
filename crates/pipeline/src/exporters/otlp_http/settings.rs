//! Keys and defaults of the collector's `otlphttpexporter`, and what can be wrong with them.

use flow::Signal;
use flow::config::{Finding, GoDuration, Node};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::endpoint::Endpoints;
use crate::engine::sending::{QueueSettings, RetrySettings};
use crate::exporters::otlp::packing::{Encoding, Packing, check_level, level};
use crate::exporters::otlp::{credentials, headers};
use crate::exporters::unsupported;
use crate::net::coding::Coding;
use crate::net::serve::Auth;
use crate::net::tls::ClientTls;

#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct Settings {
    pub(super) endpoint: String,
    pub(super) traces_endpoint: String,
    pub(super) metrics_endpoint: String,
    pub(super) logs_endpoint: String,
    profiles_endpoint: String,
    /// For one attempt; 0 for no limit.
    pub(super) timeout: GoDuration,
    pub(super) encoding: Encoding,
    pub(super) compression: String,
    pub(super) compression_params: CompressionParams,
    pub(super) headers: headers::Settings,
    pub(super) tls: ClientTls,
    pub(super) max_idle_conns: usize,
    pub(super) max_idle_conns_per_host: usize,
    pub(super) max_conns_per_host: usize,
    pub(super) idle_conn_timeout: GoDuration,
    pub(super) disable_keep_alives: bool,
    pub(super) force_attempt_http2: bool,
    pub(super) http2_read_idle_timeout: GoDuration,
    pub(super) http2_ping_timeout: GoDuration,
    read_buffer_size: usize,
    write_buffer_size: usize,
    proxy_url: String,
    cookies: Cookies,
    pub(super) auth: Option<Auth>,
    middlewares: Vec<IgnoredAny>,
    retry_on_failure: RetrySettings,
    sending_queue: QueueSettings,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CompressionParams {
    pub(super) level: i32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Cookies {
    enabled: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            traces_endpoint: String::new(),
            metrics_endpoint: String::new(),
            logs_endpoint: String::new(),
            profiles_endpoint: String::new(),
            timeout: GoDuration::from_secs(30),
            encoding: Encoding::Proto,
            compression: "gzip".into(),
            compression_params: CompressionParams::default(),
            headers: headers::Settings::new(),
            tls: ClientTls::default(),
            max_idle_conns: 100,
            max_idle_conns_per_host: 0,
            max_conns_per_host: 0,
            idle_conn_timeout: GoDuration::from_secs(90),
            disable_keep_alives: false,
            force_attempt_http2: true,
            http2_read_idle_timeout: GoDuration::from_secs(10),
            http2_ping_timeout: GoDuration::from_secs(15),
            read_buffer_size: 0,
            write_buffer_size: 512 << 10,
            proxy_url: String::new(),
            cookies: Cookies::default(),
            auth: None,
            middlewares: Vec::new(),
            retry_on_failure: RetrySettings::default(),
            sending_queue: QueueSettings::default(),
        }
    }
}

impl Settings {
    pub(super) fn signal_endpoint(&self, signal: Signal) -> (&'static str, &str) {
        match signal {
            Signal::Traces => ("traces_endpoint", &self.traces_endpoint),
            Signal::Metrics => ("metrics_endpoint", &self.metrics_endpoint),
            Signal::Logs => ("logs_endpoint", &self.logs_endpoint),
        }
    }

    pub(super) fn packing(&self) -> Option<Packing> {
        let coding = Coding::from_name(&self.compression)?;
        Some(Packing { encoding: self.encoding, coding, level: level(self.compression_params.level) })
    }
}

/// Everything wrong with a section, and advice on it.
pub(super) fn check(section: &Node) -> Vec<Finding> {
    let (settings, mut findings) = section.check::<Settings>();
    let Some(settings) = settings else { return findings };
    findings.extend(headers::check(section, &settings.headers));
    findings.extend(not_here(section, &settings));
    let at = |key: &str| section.get(key).unwrap_or(section);
    match settings.packing() {
        None => {
            let message = format!("`{}` is not a known compression", settings.compression);
            let known: Vec<_> = Coding::ALL.iter().map(|coding| coding.name()).collect();
            let help = format!("write none or one of {}", known.get(1..).unwrap_or_default().join(", "));
            findings.push(Finding::error(at("compression"), message).help(help));
        }
        Some(packing) => {
            if let Err(wrong) = check_level(packing.coding, settings.compression_params.level) {
                findings.push(Finding::error(at("compression_params"), wrong));
            }
        }
    }
    match Endpoints::new(&settings) {
        Err((key, what, mend)) => findings.push(Finding::error(at(key), what).help(mend)),
        Ok(endpoints) if endpoints.is_secure() => findings.extend(settings.tls.check(at("tls"))),
        Ok(_) => findings.extend(credentials::check(section, false)),
    }
    findings
}

fn not_here(section: &Node, settings: &Settings) -> Vec<Finding> {
    let mut findings = unsupported::extensions(section, settings.middlewares.is_empty());
    findings
        .extend(unsupported::idle(section, &["read_buffer_size", "write_buffer_size", "profiles_endpoint"]));
    if let (false, Some(at)) = (settings.proxy_url.is_empty(), section.get("proxy_url")) {
        let finding = Finding::error(at, "sending through a proxy is not supported");
        findings.push(finding.help("give an `endpoint` that can be reached without one"));
    }
    if let (true, Some(at)) = (settings.cookies.enabled, section.get("cookies")) {
        let advice = Finding::advice(at, "cookies are not kept: each request may reach another server");
        findings.push(advice.help("let the load balancer choose by connection"));
    }
    findings
}
