//! What a pipeline or the service names.

use std::collections::BTreeSet;

use flow::config::{Finding, Node, Value, closest};
use flow::{Make, Signal};

use crate::plan::Component;
use crate::plan::components::{CONNECTORS, Components, EXPORTERS, PROCESSORS, RECEIVERS};

/// The id of a component where it is named.
#[derive(Clone, Copy)]
pub(in crate::plan) struct Reference<'a> {
    pub(in crate::plan) id: &'a str,
    pub(in crate::plan) node: &'a Node,
}

/// The ids in a list; one text with commas is a list too.
pub(super) fn read<'a>(block: &'a Node, key: &str, findings: &mut Vec<Finding>) -> Vec<Reference<'a>> {
    let Some(list) = block.get(key) else { return Vec::new() };
    let each = match &list.value {
        Value::List(items) => items,
        Value::Null => return Vec::new(),
        _ => std::slice::from_ref(list),
    };
    let mut found = Vec::new();
    for node in each {
        match &node.value {
            Value::String(text) => {
                let ids = text.split(',').map(str::trim).filter(|id| !id.is_empty());
                found.extend(ids.map(|id| Reference { id, node }));
            }
            _ => findings.push(Finding::error(node, format!("expected an id, found {}", node.described()))),
        }
    }
    found
}

/// A processor that stands twice in a pipeline is an error; other repetitions do nothing.
pub(super) fn twice(referrer: &str, part: &str, references: &[Reference<'_>], findings: &mut Vec<Finding>) {
    let mut seen = BTreeSet::new();
    for Reference { id, node } in references.iter().filter(|reference| !seen.insert(reference.id)) {
        findings.push(match part {
            PROCESSORS => Finding::error(node, format!("{referrer} names processor `{id}` a second time")),
            _ => Finding::advice(node, format!("{referrer} names `{id}` a second time; once is enough")),
        });
    }
}

/// A component that is named must be configured.
pub(super) fn configured(
    referrer: &str,
    section: &'static str,
    Reference { id, node }: Reference<'_>,
    components: &Components,
    findings: &mut Vec<Finding>,
) {
    let connects = [RECEIVERS, EXPORTERS].contains(&section) && components.has(CONNECTORS, id);
    if connects || components.has(section, id) {
        return;
    }
    let kind = section.strip_suffix('s').unwrap_or(section);
    let finding = Finding::error(node, format!("{referrer} names {kind} `{id}`, which is not configured"));
    let ids = components.of(section).map(|key| key.name.as_str());
    findings.push(finding.help(match components.alias(section, id).or_else(|| closest(id, ids)) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("add it to `{section}`, or take it out here"),
    }));
}

/// A component must know the signal of the pipeline.
pub(super) fn takes(
    referrer: &str,
    part: &'static str,
    Reference { id, node }: Reference<'_>,
    signal: Signal,
    components: &Components,
    findings: &mut Vec<Finding>,
) {
    let connector = || components.get(CONNECTORS, id).filter(|_| part != PROCESSORS);
    let Some(component) = components.get(part, id).or_else(connector) else { return };
    let (signals, works) = match (component.factory.make, part) {
        (Make::Connector { gives, .. }, RECEIVERS) => (gives, "give"),
        (Make::Connector { .. }, _) => (component.factory.signals, "take"),
        _ => (component.factory.signals, "work on"),
    };
    if signals.contains(&signal) {
        findings.extend(only_traces(referrer, node, component, signal));
        return;
    }
    let known: Vec<_> = signals.iter().map(|signal| signal.name()).collect();
    let message = format!("{referrer} carries {}, which `{id}` does not {works}", signal.name());
    let verb = works.replacen("work", "works", 1).replacen("give", "gives", 1).replacen("take", "takes", 1);
    let help =
        format!("`{}` {verb} {}; take it out of this pipeline", component.factory.name, known.join(", "));
    findings.push(Finding::error(node, message).help(help));
}

/// Processors that let metrics and logs pass, and would be told what to do with them by these keys.
const ONLY_TRACES: [(&str, [&[&str]; 2]); 2] = [
    ("filter", [&["metrics", "metric_conditions"], &["logs", "log_conditions"]]),
    ("transform", [&["metric_statements"], &["log_statements"]]),
];

/// An error where a processor is told what to do with a signal that it only lets pass.
fn only_traces(referrer: &str, node: &Node, component: &Component, signal: Signal) -> Option<Finding> {
    let (_, [metrics, logs]) = ONLY_TRACES.into_iter().find(|(name, _)| *name == component.factory.name)?;
    let keys = match signal {
        Signal::Traces => return None,
        Signal::Metrics => metrics,
        Signal::Logs => logs,
    };
    let set = |key: &&&str| component.section.get(key).is_some_and(|value| !value.is_null());
    let key = keys.iter().find(set)?;
    let (id, items) = (&component.id, signal.name());
    let message =
        format!("{referrer} carries {items}, and `{id}` cannot do what `{key}` says: it works on traces");
    let help =
        format!("take `{id}` out of this pipeline, or remove `{key}`: without it {items} pass as they are");
    Some(Finding::error(node, message).help(help))
}
