//! Keys and defaults of the collector's `servicegraphconnector`, and what can be wrong with them.

use flow::config::{Finding, GoDuration, Node};
use serde::Deserialize;

use crate::connectors::buckets::{self, Unit};
use crate::connectors::distribution::Shape;
use crate::connectors::spanmetrics::{Exemplars, SERIES};
use crate::exporters::unsupported;

#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct Settings {
    latency_histogram_buckets: Option<Vec<GoDuration>>,
    exponential_histogram_max_size: u16,
    pub(super) dimensions: Vec<String>,
    pub(super) store: Store,
    /// 0: points follow every batch.
    pub(super) metrics_flush_interval: GoDuration,
    pub(super) metrics_timestamp_offset: GoDuration,
    /// The first one that a client span has names the other side; none: there are no virtual nodes.
    pub(super) virtual_node_peer_attributes: Vec<String>,
    pub(super) virtual_node_extra_label: bool,
    database_name_attributes: Vec<String>,
    database_name_attribute: String,
    /// Ours, as in `spanmetrics`; 0 is no limit.
    pub(super) aggregation_cardinality_limit: usize,
    pub(super) exemplars: Exemplars,
    cache_loop: GoDuration,
    store_expiration_loop: GoDuration,
    metrics_exporter: String,
}

#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct Store {
    pub(super) ttl: GoDuration,
    pub(super) max_items: usize,
}

impl Default for Store {
    fn default() -> Self {
        Self { ttl: GoDuration::from_secs(2), max_items: 1000 }
    }
}

impl Default for Settings {
    fn default() -> Self {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Self {
            latency_histogram_buckets: None,
            exponential_histogram_max_size: 0,
            dimensions: Vec::new(),
            store: Store::default(),
            metrics_flush_interval: GoDuration::from_secs(60),
            metrics_timestamp_offset: GoDuration::ZERO,
            virtual_node_peer_attributes: names(&["peer.service", "db.name", "db.system"]),
            virtual_node_extra_label: false,
            database_name_attributes: names(&["db.name"]),
            database_name_attribute: String::new(),
            aggregation_cardinality_limit: SERIES,
            exemplars: Exemplars::default(),
            cache_loop: GoDuration::from_secs(60),
            store_expiration_loop: GoDuration::from_secs(2),
            metrics_exporter: String::new(),
        }
    }
}

impl Settings {
    /// In seconds.
    pub(super) fn shape(&self) -> Shape {
        match usize::from(self.exponential_histogram_max_size) {
            0 => buckets::explicit(self.latency_histogram_buckets.as_deref(), Unit::S),
            most => Shape::Exponential(most.max(2)),
        }
    }

    pub(super) fn database_names(&self) -> Vec<&str> {
        match self.database_name_attribute.as_str() {
            "" => self.database_name_attributes.iter().map(String::as_str).collect(),
            deprecated => vec![deprecated],
        }
    }
}

pub(super) fn check(section: &Node) -> Vec<Finding> {
    let (settings, mut findings) = section.check::<Settings>();
    let Some(settings) = settings else { return findings };
    let here = |keys: &[&str]| section.at(keys.iter().copied()).unwrap_or(section);
    if let Some(bounds) = &settings.latency_histogram_buckets {
        findings.extend(buckets::check(here(&["latency_histogram_buckets"]), bounds));
        if settings.exponential_histogram_max_size > 0 {
            let finding = Finding::error(
                here(&["exponential_histogram_max_size"]),
                "`latency_histogram_buckets` is given as well",
            );
            findings.push(finding.help("keep one of the two"));
        }
    }
    if settings.store.max_items == 0 {
        let finding = Finding::error(here(&["store", "max_items"]), "must be positive");
        findings.push(finding.help("1000 is the default"));
    }
    findings.extend(unsupported::idle(section, &["metrics_exporter", "cache_loop", "store_expiration_loop"]));
    findings
}
