//! Spans as an indented tree.

use std::fmt::Write as _;

use ingest_genesys::{Span, Value};

/// Attributes that say more than an id.
const SHOWN: &[&str] = &[
    "interaction.outcome",
    "interaction.queue.name",
    "interaction.queue.outcome",
    "interaction.alert.outcome",
    "interaction.participant.purpose",
    "genesys_cloud.media_type",
    "genesys_cloud.disconnect_type",
    "genesys_cloud.flow.name",
    "genesys_cloud.flow.exit_reason",
    "genesys_cloud.consult.outcome",
    "genesys_cloud.transfer.type",
    "genesys_cloud.transfer.destination",
    "genesys_cloud.wrapup.code",
    "genesys_cloud.wrapup.skipped",
    "error.type",
];

/// Each span on a line: name, start since the root's, how long it took, what is known, where it links to.
pub(crate) fn text(spans: &[Span]) -> String {
    let root = spans.first().unwrap();
    let mut out = String::new();
    if let Some(parent) = root.parent {
        writeln!(out, "continues {}-{parent}", root.trace_id).unwrap();
    }
    line(root, 0, root.start_ms, spans, &mut out);
    out
}

fn line(span: &Span, depth: usize, zero_ms: u64, spans: &[Span], out: &mut String) {
    let start = (span.start_ms - zero_ms) as f64 / 1000.0;
    let lasts =
        span.end_ms.map_or("open".to_owned(), |end| format!("{:.3}s", (end - span.start_ms) as f64 / 1000.0));
    let stage = span.stage.map_or(String::new(), |stage| format!(" [{}]", stage.name()));
    write!(out, "{:indent$}{}{stage} +{start:.3}s {lasts}", "", span.name, indent = depth * 2).unwrap();
    for (key, value) in span.attributes.iter().filter(|(key, _)| SHOWN.contains(&key.as_ref())) {
        let key = key.trim_start_matches("interaction.").trim_start_matches("genesys_cloud.");
        match value {
            Value::Text(text) => write!(out, " {key}={}", &**text).unwrap(),
            other => write!(out, " {key}={other:?}").unwrap(),
        }
    }
    for event in &span.events {
        write!(out, " ({} +{:.3}s)", event.name, (event.at_ms - zero_ms) as f64 / 1000.0).unwrap();
    }
    for link in &span.links {
        let to = spans.iter().position(|other| other.id == link.span_id);
        let to = to.map_or("elsewhere".to_owned(), |at| format!("{} #{at}", spans.get(at).unwrap().name));
        write!(out, " -> {to} ({})", link.kind).unwrap();
    }
    out.push('\n');
    let mut children: Vec<&Span> =
        spans.iter().filter(|child| child.parent == Some(span.id) && child.id != span.id).collect();
    children.sort_by_key(|child| child.start_ms);
    for child in children {
        line(child, depth + 1, zero_ms, spans, out);
    }
}
