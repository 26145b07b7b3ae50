//! Keys and defaults of the collector's `spanmetricsconnector`, and what can be wrong with them.

use std::collections::BTreeSet;

use flow::config::{Finding, GoDuration, Node, Section};
use serde::Deserialize;

use crate::connectors::buckets::{self, Unit};
use crate::connectors::distribution::Shape;
use crate::connectors::points::Temporality;
use crate::exporters::unsupported;

/// The collector has no limit unless it is told one.
pub(in crate::connectors) const SERIES: usize = 10_000;

/// What every series has, unless `exclude_dimensions` names it.
pub(super) const OWN: [&str; 4] = ["service.name", "span.name", "span.kind", "status.code"];

/// Attributes of which every call has a value of its own.
const JOIN_KEYS: [&str; 4] = ["interaction.id", "trace.id", "trace_id", "session.id"];

#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct Settings {
    pub(super) namespace: String,
    pub(super) dimensions: Vec<Dimension>,
    pub(super) calls_dimensions: Vec<Dimension>,
    pub(super) exclude_dimensions: Vec<String>,
    pub(super) histogram: Histogram,
    pub(super) exemplars: Exemplars,
    pub(super) events: Events,
    aggregation_temporality: TemporalityName,
    pub(super) metrics_flush_interval: GoDuration,
    pub(super) metrics_expiration: GoDuration,
    pub(super) series_expiration: GoDuration,
    pub(super) resource_metrics_cache_size: usize,
    pub(super) resource_metrics_key_attributes: Vec<String>,
    pub(super) include_instrumentation_scope: Vec<String>,
    /// 0 is no limit.
    pub(super) aggregation_cardinality_limit: usize,
    pub(super) enable_metrics_sampling_method: bool,
    add_resource_attributes: Option<bool>,
    dimensions_cache_size: usize,
    metric_timestamp_cache_size: usize,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Dimension {
    pub(super) name: String,
    pub(super) default: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Histogram {
    pub(super) disable: bool,
    pub(super) unit: Unit,
    explicit: Option<Section<Explicit>>,
    exponential: Option<Section<Exponential>>,
    pub(super) dimensions: Vec<Dimension>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Explicit {
    buckets: Option<Vec<GoDuration>>,
}

#[derive(Debug, Deserialize)]
#[serde(default)]
struct Exponential {
    max_size: u16,
}

impl Default for Exponential {
    fn default() -> Self {
        Self { max_size: 160 }
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default)]
pub(in crate::connectors) struct Exemplars {
    enabled: bool,
    max_per_data_point: usize,
}

impl Default for Exemplars {
    fn default() -> Self {
        Self { enabled: false, max_per_data_point: 5 }
    }
}

impl Exemplars {
    /// Of each point and interval.
    pub(in crate::connectors) fn most(&self) -> usize {
        if self.enabled { self.max_per_data_point } else { 0 }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Events {
    pub(super) enabled: bool,
    pub(super) dimensions: Vec<Dimension>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
enum TemporalityName {
    #[serde(rename = "AGGREGATION_TEMPORALITY_CUMULATIVE")]
    Cumulative,
    #[serde(rename = "AGGREGATION_TEMPORALITY_DELTA")]
    Delta,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            namespace: "traces.span.metrics".to_owned(),
            dimensions: Vec::new(),
            calls_dimensions: Vec::new(),
            exclude_dimensions: Vec::new(),
            histogram: Histogram::default(),
            exemplars: Exemplars::default(),
            events: Events::default(),
            aggregation_temporality: TemporalityName::Cumulative,
            metrics_flush_interval: GoDuration::from_secs(60),
            metrics_expiration: GoDuration::ZERO,
            series_expiration: GoDuration::ZERO,
            resource_metrics_cache_size: 1000,
            resource_metrics_key_attributes: Vec::new(),
            include_instrumentation_scope: Vec::new(),
            aggregation_cardinality_limit: SERIES,
            enable_metrics_sampling_method: false,
            add_resource_attributes: None,
            dimensions_cache_size: 1000,
            metric_timestamp_cache_size: 1000,
        }
    }
}

impl Settings {
    pub(super) fn temporality(&self) -> Temporality {
        match self.aggregation_temporality {
            TemporalityName::Cumulative => Temporality::Cumulative,
            TemporalityName::Delta => Temporality::Delta,
        }
    }

    pub(super) fn shape(&self) -> Shape {
        match (&self.histogram.exponential, &self.histogram.explicit) {
            (Some(exponential), _) => Shape::Exponential(usize::from(exponential.max_size.max(2))),
            (None, Some(explicit)) => buckets::explicit(explicit.buckets.as_deref(), self.histogram.unit),
            (None, None) => buckets::explicit(None, self.histogram.unit),
        }
    }
}

pub(super) fn check(section: &Node) -> Vec<Finding> {
    let (settings, mut findings) = section.check::<Settings>();
    let Some(settings) = settings else { return findings };
    let here = |keys: &[&str]| section.at(keys.iter().copied()).unwrap_or(section);
    if settings.metrics_flush_interval.is_zero() {
        let finding = Finding::error(here(&["metrics_flush_interval"]), "must be longer than 0s");
        findings.push(finding.help("60s is the default"));
    }
    if let (Some(_), Some(_)) = (&settings.histogram.explicit, &settings.histogram.exponential) {
        let finding = Finding::error(here(&["histogram", "exponential"]), "`explicit` is given as well");
        findings.push(finding.help("keep one of the two"));
    }
    let bounds = settings.histogram.explicit.as_ref().and_then(|explicit| explicit.buckets.as_ref());
    findings.extend(
        bounds.and_then(|bounds| buckets::check(here(&["histogram", "explicit", "buckets"]), bounds)),
    );
    if settings.events.enabled && settings.events.dimensions.is_empty() {
        let finding = Finding::error(here(&["events"]), "`enabled` without `dimensions`");
        findings.push(finding.help("name attributes of events, such as exception.type"));
    }
    for list in
        [&["dimensions"][..], &["calls_dimensions"], &["histogram", "dimensions"], &["events", "dimensions"]]
    {
        findings.extend(check_dimensions(section, list));
    }
    if settings.add_resource_attributes == Some(false) {
        let what = "what tells resources apart always stands on their metrics; this has no effect";
        let finding = Finding::advice(here(&["add_resource_attributes"]), what);
        findings.push(finding.help("name the attributes in `resource_metrics_key_attributes`"));
    }
    findings.extend(unsupported::idle(section, &["dimensions_cache_size", "metric_timestamp_cache_size"]));
    findings
}

/// Each name once, also against what all series have.
fn check_dimensions(section: &Node, list: &[&str]) -> Vec<Finding> {
    let names = |list: &[&str]| {
        let items = section.at(list.iter().copied()).map_or(&[][..], Node::items);
        items.iter().filter_map(|item| item.get("name")).filter_map(|node| Some((node, node.text()?)))
    };
    let shared = if list == ["dimensions"] {
        Vec::new()
    } else {
        names(&["dimensions"]).map(|(_, name)| name).collect()
    };
    let mut seen: BTreeSet<&str> = OWN.into_iter().chain(shared).collect();
    let mut findings = Vec::new();
    for (node, name) in names(list) {
        if name.is_empty() {
            findings
                .push(Finding::error(node, "an empty name").help("name an attribute of spans or resources"));
        } else if !seen.insert(name) {
            let finding = Finding::error(node, format!("dimension `{name}` is there already"));
            findings.push(finding.help("take it out here"));
        }
        if JOIN_KEYS.contains(&name) {
            let advice =
                Finding::advice(node, format!("every call has its own `{name}`, and so its own series"));
            findings.push(advice.help("take it out; `exemplars` lead from a series to calls"));
        }
    }
    findings
}
