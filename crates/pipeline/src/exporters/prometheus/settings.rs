//! Keys and defaults of the collector's `prometheusexporter`, and what can be wrong with them.

use std::collections::BTreeMap;

use flow::config::{Finding, GoDuration, Node};
use serde::Deserialize;

use crate::engine::sending::{QueueSettings, RetrySettings};
use crate::net::serve::HttpServer;

#[derive(Default, Deserialize)]
pub(super) struct Settings(pub(super) HttpServer, pub(super) Own);

#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct Own {
    pub(super) endpoint: String,
    pub(super) namespace: String,
    pub(super) const_labels: BTreeMap<String, String>,
    pub(super) send_timestamps: bool,
    pub(super) metric_expiration: GoDuration,
    pub(super) enable_open_metrics: bool,
    pub(super) resource_to_telemetry_conversion: Conversion,
    add_metric_suffixes: bool,
    translation_strategy: Option<String>,
    pub(super) without_scope_info: bool,
    /// Ours: points of further series are rejected; 0 is no limit.
    pub(super) series_limit: usize,
    retry_on_failure: RetrySettings,
    sending_queue: QueueSettings,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Conversion {
    pub(super) enabled: bool,
    pub(super) exclude_service_attributes: bool,
}

impl Default for Own {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            namespace: String::new(),
            const_labels: BTreeMap::new(),
            send_timestamps: false,
            metric_expiration: GoDuration::from_secs(300),
            enable_open_metrics: false,
            resource_to_telemetry_conversion: Conversion::default(),
            add_metric_suffixes: true,
            translation_strategy: None,
            without_scope_info: false,
            series_limit: 200_000,
            retry_on_failure: RetrySettings::default(),
            sending_queue: QueueSettings::default(),
        }
    }
}

const WITH: &str = "UnderscoreEscapingWithSuffixes";
const WITHOUT: &str = "UnderscoreEscapingWithoutSuffixes";

impl Own {
    /// Whether names get their unit and `_total`.
    pub(super) fn suffixes(&self) -> bool {
        match &self.translation_strategy {
            Some(strategy) => strategy == WITH,
            None => self.add_metric_suffixes,
        }
    }
}

pub(super) fn check(section: &Node) -> Vec<Finding> {
    let (settings, mut findings) = section.check::<Settings>();
    let Some(Settings(server, own)) = settings else { return findings };
    if own.endpoint.is_empty() {
        let at = section.get("endpoint").unwrap_or(section);
        let missing = Finding::error(at, "`endpoint` is required");
        findings.push(missing.help("write where Prometheus is to fetch from: `endpoint: 127.0.0.1:8889`"));
    } else {
        findings.extend(server.check(section, &own.endpoint));
    }
    if let Some(strategy) = own.translation_strategy.as_deref().filter(|name| ![WITH, WITHOUT].contains(name))
    {
        let at = section.get("translation_strategy").unwrap_or(section);
        let finding = Finding::error(at, format!("`{strategy}` is not supported"));
        findings.push(finding.help(format!("write {WITH} or {WITHOUT}")));
    }
    if own.metric_expiration.is_zero() {
        let at = section.get("metric_expiration").unwrap_or(section);
        findings.push(Finding::error(at, "must be longer than 0s").help("5m is the default"));
    }
    findings
}
