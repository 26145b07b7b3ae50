//! Connectors: what joins one pipeline to another.

use std::collections::BTreeSet;

use flow::Make;
use flow::config::Finding;

use super::components::{CONNECTORS, Components, EXPORTERS, RECEIVERS};
use super::pipelines::{Path, Reference, Service};
use super::{Component, Pipeline, Plan};

/// What the engine has to make next.
pub enum Step<'p> {
    Pipeline(&'p Pipeline),
    Connector(&'p Component),
}

impl Plan {
    /// Pipelines and connectors in an order in which everything comes after what it gives to.
    pub fn downstream_first(&self) -> Vec<Step<'_>> {
        let mut order = Order { plan: self, seen: BTreeSet::new(), steps: Vec::new() };
        for pipeline in &self.pipelines {
            order.pipeline(pipeline);
        }
        order.steps
    }
}

struct Order<'p> {
    plan: &'p Plan,
    seen: BTreeSet<(&'static str, &'p str)>,
    steps: Vec<Step<'p>>,
}

impl<'p> Order<'p> {
    fn pipeline(&mut self, pipeline: &'p Pipeline) {
        if !self.seen.insert(("pipelines", &pipeline.name)) {
            return;
        }
        let plan = self.plan;
        for connector in pipeline.exporters.iter().filter_map(|id| plan.component(CONNECTORS, id)) {
            if self.seen.insert((CONNECTORS, &connector.id)) {
                for next in plan.pipelines.iter().filter(|next| next.receivers.contains(&connector.id)) {
                    self.pipeline(next);
                }
                self.steps.push(Step::Connector(connector));
            }
        }
        self.steps.push(Step::Pipeline(pipeline));
    }
}

pub(super) fn check(components: &Components, service: &Service<'_>, findings: &mut Vec<Finding>) {
    for key in components.of(CONNECTORS) {
        for section in [RECEIVERS, EXPORTERS] {
            if components.has(section, &key.name) {
                let message = format!("`{}` is also configured in `{section}`", key.name);
                let path = format!("{CONNECTORS}::{}", key.name);
                let finding = Finding::error_at(key.mark.clone(), path, message);
                findings.push(finding.help("pipelines could mean either: give one of them another name"));
            }
        }
    }
    for path in &service.pipelines {
        findings.extend(ends(components, service, path, EXPORTERS, RECEIVERS));
        findings.extend(ends(components, service, path, RECEIVERS, EXPORTERS));
    }
    circles(components, service, findings);
}

/// Connectors that no pipeline names on the other side.
fn ends<'a>(
    components: &'a Components,
    service: &'a Service<'a>,
    path: &'a Path<'a>,
    side: &'static str,
    other: &'static str,
) -> impl Iterator<Item = Finding> {
    let connectors = path.part(side).iter().filter(|reference| components.has(CONNECTORS, reference.id));
    let alone =
        connectors.filter(move |reference| service.named(other).all(|across| across.id != reference.id));
    alone.map(move |Reference { id, node }| match side {
        EXPORTERS => Finding::error(node, format!("`{id}` gives to no pipeline"))
            .help(format!("name `{id}` among the receivers of {}", another(components, id, side))),
        _ => Finding::error(node, format!("`{id}` takes from no pipeline"))
            .help(format!("name `{id}` among the exporters of {}", another(components, id, side))),
    })
}

/// What kind of pipeline the other side of a connector is.
fn another(components: &Components, id: &str, side: &str) -> String {
    let Some(component) = components.get(CONNECTORS, id) else { return "another pipeline".to_owned() };
    let signals = match component.factory.make {
        Make::Connector { gives, .. } if side == EXPORTERS => gives,
        _ => component.factory.signals,
    };
    let names: Vec<_> = signals.iter().map(|signal| signal.name()).collect();
    format!("a pipeline for {}", names.join(" or "))
}

/// Pipelines that feed themselves, each circle once.
fn circles(components: &Components, service: &Service<'_>, findings: &mut Vec<Finding>) {
    let mut done = BTreeSet::new();
    for path in &service.pipelines {
        let mut way = Vec::new();
        walk(components, service, path, &mut way, &mut done, findings);
    }
}

fn walk<'a>(
    components: &Components,
    service: &'a Service<'a>,
    path: &'a Path<'a>,
    way: &mut Vec<(&'a str, &'a str)>,
    done: &mut BTreeSet<&'a str>,
    findings: &mut Vec<Finding>,
) {
    if done.contains(path.name) {
        return;
    }
    for reference in path.part(EXPORTERS).iter().filter(|reference| components.has(CONNECTORS, reference.id))
    {
        way.push((path.name, reference.id));
        let takes = |next: &&'a Path<'a>| next.part(RECEIVERS).iter().any(|given| given.id == reference.id);
        for next in service.pipelines.iter().filter(takes) {
            match way.iter().position(|(name, _)| *name == next.name) {
                Some(begin) => {
                    let steps = way.iter().skip(begin).map(|(name, id)| format!("{name} -> {id} -> "));
                    let circle = format!("{}{}", steps.collect::<String>(), next.name);
                    let finding =
                        Finding::error(reference.node, format!("data would go round for ever: {circle}"));
                    findings.push(finding.help("take one of these connectors out of its pipeline"));
                }
                None => walk(components, service, next, way, done, findings),
            }
        }
        way.pop();
    }
    done.insert(path.name);
}
