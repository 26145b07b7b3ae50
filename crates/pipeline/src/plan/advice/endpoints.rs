//! `otlphttp` endpoints that already hold a signal's path.

use flow::config::Finding;

use super::{Graph, is_otlp_http};
use crate::plan::components::EXPORTERS;

const PATHS: [(&str, &str); 3] =
    [("/v1/traces", "traces_endpoint"), ("/v1/metrics", "metrics_endpoint"), ("/v1/logs", "logs_endpoint")];

pub(super) fn add(graph: &Graph<'_>, findings: &mut Vec<Finding>) {
    for exporter in graph.used(EXPORTERS).filter(|component| is_otlp_http(component)) {
        let Some(endpoint) = exporter.section.get("endpoint") else { continue };
        let text = endpoint.text().unwrap_or_default().trim_end_matches('/');
        for (path, key) in PATHS.into_iter().filter(|(path, _)| text.ends_with(path)) {
            let message =
                format!("`endpoint` already ends in {path}: it is used as it is, and nothing is added");
            let help = format!("write `{key}` for a whole URL; the collector would send to {path}{path}");
            findings.push(Finding::advice(endpoint, message).help(help));
        }
    }
}
