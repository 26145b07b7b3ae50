//! `service::telemetry`: what this process tells about itself.

use std::collections::BTreeMap;

use flow::config::{Finding, Node, Section, closest};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// Settings of the process's own logs and metrics.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OwnTelemetry {
    pub metrics: Metrics,
    pub logs: Logs,
    /// Attributes to add to `service.name` and the like.
    pub resource: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Metrics {
    pub level: Level,
    /// Where Prometheus may pull from, as `host:port`; empty where `level` is none.
    pub addresses: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    None,
    Basic,
    Normal,
    Detailed,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Logs {
    pub level: tracing::Level,
    pub encoding: Encoding,
    /// `stdout`, `stderr` or file paths.
    pub output_paths: Vec<String>,
    /// Fields to put on each record.
    pub initial_fields: BTreeMap<String, String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encoding {
    Console,
    Json,
}

impl Default for Metrics {
    fn default() -> Self {
        Self { level: Level::Normal, addresses: vec![Prometheus::default().address()] }
    }
}

impl Default for Logs {
    fn default() -> Self {
        Self {
            level: tracing::Level::INFO,
            encoding: Encoding::Console,
            output_paths: vec!["stderr".to_owned()],
            initial_fields: BTreeMap::new(),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Block {
    metrics: MetricsBlock,
    logs: LogsBlock,
    traces: Option<Section<IgnoredAny>>,
    resource: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct MetricsBlock {
    level: Option<String>,
    readers: Option<Vec<Reader>>,
    /// Deprecated in the collector, and still in many files.
    address: Option<String>,
    views: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Reader {
    pull: Option<Section<Pull>>,
    periodic: Option<Section<IgnoredAny>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Pull {
    exporter: PullExporter,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PullExporter {
    prometheus: Section<Prometheus>,
}

#[derive(Deserialize)]
#[serde(default)]
struct Prometheus {
    host: String,
    port: u16,
    without_scope_info: bool,
    without_units: bool,
    without_type_suffix: bool,
    with_resource_constant_labels: Option<IgnoredAny>,
    translation_strategy: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct LogsBlock {
    level: Option<String>,
    encoding: Option<String>,
    output_paths: Option<Vec<String>>,
    initial_fields: BTreeMap<String, String>,
    error_output_paths: Option<IgnoredAny>,
    development: bool,
    disable_caller: bool,
    disable_stacktrace: bool,
    sampling: Option<Section<IgnoredAny>>,
    processors: Option<IgnoredAny>,
}

impl Default for Prometheus {
    fn default() -> Self {
        Self {
            host: "localhost".to_owned(),
            port: 8888,
            without_scope_info: true,
            without_units: true,
            without_type_suffix: true,
            with_resource_constant_labels: None,
            translation_strategy: None,
        }
    }
}

impl Prometheus {
    fn address(&self) -> String {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        if host.contains(':') { format!("[{host}]:{}", self.port) } else { format!("{host}:{}", self.port) }
    }
}

pub(super) fn read(root: &Node, findings: &mut Vec<Finding>) -> OwnTelemetry {
    let Some(node) = root.at(["service", "telemetry"]) else { return OwnTelemetry::default() };
    let (block, found) = node.check::<Block>();
    findings.extend(found);
    let Some(block) = block else { return OwnTelemetry::default() };
    if let Some(traces) = node.get("traces").filter(|_| block.traces.is_some()) {
        findings.push(Finding::advice(
            traces,
            "this program records no spans of its own work; this has no effect",
        ));
    }
    OwnTelemetry {
        metrics: metrics(node, block.metrics, findings),
        logs: logs(node, block.logs, findings),
        resource: block.resource,
    }
}

fn metrics(node: &Node, block: MetricsBlock, findings: &mut Vec<Finding>) -> Metrics {
    const LEVELS: &[(&str, Level)] = &[
        ("none", Level::None),
        ("basic", Level::Basic),
        ("normal", Level::Normal),
        ("detailed", Level::Detailed),
    ];
    let at = |key| node.at(["metrics", key]);
    let mut metrics = Metrics::default();
    if let Some(level) = word(at("level"), block.level, LEVELS, findings) {
        metrics.level = level;
    }
    if let Some(views) = at("views").filter(|_| block.views.is_some()) {
        findings
            .push(Finding::advice(views, "views of the own metrics are not supported; this has no effect"));
    }
    if let Some(readers) = block.readers {
        let nodes = at("readers").map_or(&[][..], Node::items);
        for (reader, node) in readers.iter().zip(nodes).filter(|(reader, _)| reader.periodic.is_some()) {
            let what = if reader.pull.is_some() { "`periodic`" } else { "this reader" };
            let message = format!("own metrics are served, not sent: {what} has no effect");
            findings.push(Finding::advice(node, message).help("pull them from a `prometheus` reader"));
        }
        let pulls = readers.into_iter().filter_map(|reader| reader.pull);
        metrics.addresses = pulls.map(|pull| pull.0.exporter.prometheus.address()).collect();
    } else if let Some((address, node)) = block.address.zip(at("address")) {
        findings.push(
            Finding::advice(node, "`address` is deprecated")
                .help("write readers: [{pull: {exporter: {prometheus: {host: ..., port: ...}}}}]"),
        );
        metrics.addresses = vec![address];
    }
    if metrics.level == Level::None {
        metrics.addresses.clear();
    }
    metrics
}

fn logs(node: &Node, block: LogsBlock, findings: &mut Vec<Finding>) -> Logs {
    const LEVELS: &[(&str, tracing::Level)] = &[
        ("debug", tracing::Level::DEBUG),
        ("info", tracing::Level::INFO),
        ("warn", tracing::Level::WARN),
        ("error", tracing::Level::ERROR),
        ("dpanic", tracing::Level::ERROR),
        ("panic", tracing::Level::ERROR),
        ("fatal", tracing::Level::ERROR),
    ];
    const ENCODINGS: &[(&str, Encoding)] = &[("console", Encoding::Console), ("json", Encoding::Json)];
    let default = Logs::default();
    let at = |key| node.at(["logs", key]);
    Logs {
        level: word(at("level"), block.level, LEVELS, findings).unwrap_or(default.level),
        encoding: word(at("encoding"), block.encoding, ENCODINGS, findings).unwrap_or(default.encoding),
        output_paths: block.output_paths.unwrap_or(default.output_paths),
        initial_fields: block.initial_fields,
    }
}

/// One of a few words, in any case of letters.
fn word<T: Copy>(
    node: Option<&Node>,
    text: Option<String>,
    known: &[(&str, T)],
    findings: &mut Vec<Finding>,
) -> Option<T> {
    let (node, text) = node.zip(text)?;
    let text = text.to_ascii_lowercase();
    let found = known.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
    if found.is_none() {
        let names: Vec<_> = known.iter().map(|(name, _)| format!("`{name}`")).collect();
        let message = format!("expected one of {}, found {}", names.join(", "), node.described());
        let help = closest(&text, known.iter().map(|(name, _)| *name));
        let help = help.map(|meant| format!("did you mean `{meant}`?"));
        findings.push(Finding { help, ..Finding::error(node, message) });
    }
    found
}
