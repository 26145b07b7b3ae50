//! The `service` section: which components work together.

mod references;

use std::collections::BTreeSet;

use flow::Signal;
use flow::config::{Finding, Key, Node, Value, closest};

use super::components::{CONNECTORS, Components, EXPORTERS, EXTENSIONS, PROCESSORS, RECEIVERS};
use super::telemetry::OwnTelemetry;
use super::{Pipeline, Plan, id};
pub(super) use references::Reference;

/// The graph that `service` describes. What is wrong with it is in the findings.
pub(super) struct Service<'a> {
    pub(super) extensions: Vec<Reference<'a>>,
    pub(super) pipelines: Vec<Path<'a>>,
}

/// One pipeline with the places of its references.
pub(super) struct Path<'a> {
    pub(super) name: &'a str,
    pub(super) node: &'a Node,
    pub(super) signal: Signal,
    /// In the order of [`PARTS`].
    parts: [Vec<Reference<'a>>; 3],
}

const PARTS: [&str; 3] = [RECEIVERS, PROCESSORS, EXPORTERS];

pub(super) fn read<'a>(root: &'a Node, components: &Components, findings: &mut Vec<Finding>) -> Service<'a> {
    for section in [RECEIVERS, EXPORTERS] {
        if components.of(section).next().is_none() {
            let place = root.get(section).unwrap_or(root);
            findings.push(Finding::error(place, format!("no {section} are configured")));
        }
    }
    let Some(service) = root.get("service") else {
        let missing = Finding::error(root, "there is no `service` section");
        findings.push(missing.help("it names the pipelines and what they are made of"));
        return Service { extensions: Vec::new(), pipelines: Vec::new() };
    };
    if !only_keys(service, &[EXTENSIONS, "pipelines", "telemetry"], findings) {
        return Service { extensions: Vec::new(), pipelines: Vec::new() };
    }
    let extensions = references::read(service, EXTENSIONS, findings);
    references::twice("the service", EXTENSIONS, &extensions, findings);
    for reference in &extensions {
        references::configured("the service", EXTENSIONS, *reference, components, findings);
    }
    let blocks = service.get("pipelines");
    if blocks.is_none_or(|blocks| blocks.entries().is_empty()) {
        findings.push(Finding::error(blocks.unwrap_or(service), "there must be at least one pipeline"));
    }
    let blocks = blocks.map_or(&[][..], Node::entries);
    let pipelines = blocks.iter().filter_map(|(key, node)| pipeline(key, node, components, findings));
    let service = Service { extensions, pipelines: pipelines.collect() };
    if !service.pipelines.is_empty() {
        service.advise_on_unused(components, findings);
    }
    service
}

fn pipeline<'a>(
    key: &'a Key,
    node: &'a Node,
    components: &Components,
    findings: &mut Vec<Finding>,
) -> Option<Path<'a>> {
    let signal = match signal(key, node) {
        Ok(signal) => signal,
        Err(wrong) => {
            findings.push(*wrong);
            return None;
        }
    };
    if !only_keys(node, &PARTS, findings) {
        return None;
    }
    let referrer = format!("pipeline `{}`", key.name);
    let parts = PARTS.map(|part| {
        let references = references::read(node, part, findings);
        references::twice(&referrer, part, &references, findings);
        for reference in &references {
            references::configured(&referrer, part, *reference, components, findings);
            references::takes(&referrer, part, *reference, signal, components, findings);
        }
        if references.is_empty() && part != PROCESSORS {
            let place = node.get(part).unwrap_or(node);
            findings.push(Finding::error(place, format!("{referrer} has no {part}")));
        }
        references
    });
    Some(Path { name: &key.name, node, signal, parts })
}

fn signal(key: &Key, node: &Node) -> Result<Signal, Box<Finding>> {
    let wrong = |message: String| Finding::error_at(key.mark.clone(), node.path.as_str(), message);
    let id = id::parse(&key.name)
        .map_err(|why| wrong(format!("`{}` is not a name of a pipeline: {why}", key.name)))?;
    if let Some(signal) = Signal::ALL.into_iter().find(|signal| signal.name() == id.kind) {
        return Ok(signal);
    }
    let help = match closest(id.kind, Signal::ALL.map(Signal::name)) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => "the name of a pipeline begins with traces, metrics or logs".into(),
    };
    Err(wrong(format!("there are no pipelines for `{}`", id.kind)).help(help).into())
}

/// Reports keys that are not known; false where this is no block at all.
fn only_keys(block: &Node, known: &[&'static str], findings: &mut Vec<Finding>) -> bool {
    let is_block = matches!(block.value, Value::Map(_) | Value::Null);
    if !is_block {
        findings
            .push(Finding::error(block, format!("expected a block of keys, found {}", block.described())));
    }
    for (key, node) in block.entries().iter().filter(|(key, _)| !known.contains(&key.name.as_str())) {
        findings.push(Finding::unknown_key(key, &node.path, known));
    }
    is_block
}

impl<'a> Service<'a> {
    /// What the service and its pipelines name of a section; connectors stand where exporters do.
    pub(super) fn named(&self, section: &'static str) -> impl Iterator<Item = &Reference<'a>> {
        let part = if section == CONNECTORS { EXPORTERS } else { section };
        let extensions = self.extensions.iter().filter(move |_| section == EXTENSIONS);
        extensions.chain(self.pipelines.iter().flat_map(move |path| path.part(part)))
    }

    fn advise_on_unused(&self, components: &Components, findings: &mut Vec<Finding>) {
        for section in [RECEIVERS, PROCESSORS, EXPORTERS, CONNECTORS, EXTENSIONS] {
            let mut used: BTreeSet<_> = self.named(section).map(|reference| reference.id).collect();
            if section == CONNECTORS {
                used.extend(self.named(RECEIVERS).map(|reference| reference.id));
            }
            for (key, component) in components.known(section).filter(|(key, _)| !used.contains(&*key.name)) {
                let (by, list) = match section {
                    EXTENSIONS => ("`service::extensions` does not name it", "that list"),
                    _ => ("no pipeline names it", "a pipeline"),
                };
                let advice = Finding::advice(&component.section, format!("configured, but {by}"));
                let advice = advice.help(format!("add `{}` to {list}, or take it out here", key.name));
                findings.push(Finding { mark: key.mark.clone(), ..advice });
            }
        }
    }

    /// The plan for a service without errors.
    pub(super) fn plan(&self, mut components: Components, telemetry: OwnTelemetry) -> Plan {
        let mut used = |section: &'static str| {
            let mut named: Vec<_> = self.named(section).map(|reference| reference.id).collect();
            dedup(&mut named);
            named.into_iter().filter_map(|id| components.take(section, id)).collect()
        };
        let pipelines = self.pipelines.iter().map(Path::plan).collect();
        Plan {
            receivers: used(RECEIVERS),
            processors: used(PROCESSORS),
            exporters: used(EXPORTERS),
            connectors: used(CONNECTORS),
            extensions: used(EXTENSIONS),
            pipelines,
            telemetry,
        }
    }
}

impl<'a> Path<'a> {
    pub(super) fn part(&self, section: &str) -> &[Reference<'a>] {
        let parts = PARTS.into_iter().zip(&self.parts);
        parts.filter(|(name, _)| *name == section).map(|(_, part)| &**part).next().unwrap_or_default()
    }

    fn plan(&self) -> Pipeline {
        let [receivers, processors, exporters] = PARTS.map(|part| {
            let mut ids: Vec<_> = self.part(part).iter().map(|reference| reference.id.to_owned()).collect();
            dedup(&mut ids);
            ids
        });
        Pipeline { name: self.name.to_owned(), signal: self.signal, receivers, processors, exporters }
    }
}

/// Keeps the first of equals, and the order.
fn dedup<T: Ord + Clone>(items: &mut Vec<T>) {
    let mut seen = BTreeSet::new();
    items.retain(|item| seen.insert(item.clone()));
}
