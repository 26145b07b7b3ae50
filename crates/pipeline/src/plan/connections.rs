//! Connectors: what joins one pipeline to another.

use std::collections::BTreeSet;

use flow::config::Finding;
use flow::{Make, Signal};

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
    let mut unclear = BTreeSet::new();
    for key in components.of(CONNECTORS) {
        for section in [RECEIVERS, EXPORTERS].into_iter().filter(|section| components.has(section, &key.name))
        {
            unclear.insert(key.name.as_str());
            let message = format!("`{}` is also configured in `{section}`", key.name);
            let path = format!("{CONNECTORS}::{}", key.name);
            let finding = Finding::error_at(key.mark.clone(), path, message);
            findings.push(finding.help("pipelines could mean either: give one of them another name"));
        }
    }
    let clear = components.known(CONNECTORS).filter(|(key, _)| !unclear.contains(key.name.as_str()));
    let joints = Joints { service, connectors: clear.map(|(_, component)| component).collect() };
    for path in &service.pipelines {
        joints.open_ends(path, findings);
    }
    let mut done = BTreeSet::new();
    for path in &service.pipelines {
        joints.circles(path, &mut Vec::new(), &mut done, findings);
    }
}

/// The connectors about which nothing else is wrong.
struct Joints<'a> {
    service: &'a Service<'a>,
    connectors: Vec<&'a Component>,
}

impl<'a> Joints<'a> {
    /// The connectors that a pipeline names in a part.
    fn of(&self, path: &'a Path<'a>, part: &str) -> impl Iterator<Item = (&'a Reference<'a>, &'a Component)> {
        path.part(part).iter().filter_map(|reference| {
            Some((reference, *self.connectors.iter().find(|connector| connector.id == reference.id)?))
        })
    }

    /// Connectors that no pipeline names on the other side.
    fn open_ends(&self, path: &'a Path<'a>, findings: &mut Vec<Finding>) {
        for (side, other, verb) in [(EXPORTERS, RECEIVERS, "gives to"), (RECEIVERS, EXPORTERS, "takes from")]
        {
            for (Reference { id, node }, connector) in self.of(path, side) {
                if self.service.named(other).any(|across| across.id == *id) {
                    continue;
                }
                let signals = if side == EXPORTERS { gives(connector) } else { connector.factory.signals };
                let names: Vec<_> = signals.iter().map(|signal| signal.name()).collect();
                let help = format!("name `{id}` among the {other} of a pipeline for {}", names.join(" or "));
                findings.push(Finding::error(node, format!("`{id}` {verb} no pipeline")).help(help));
            }
        }
    }

    /// Pipelines that feed themselves, each circle once.
    fn circles(
        &self,
        path: &'a Path<'a>,
        way: &mut Vec<(&'a str, &'a str)>,
        done: &mut BTreeSet<&'a str>,
        findings: &mut Vec<Finding>,
    ) {
        if done.contains(path.name) {
            return;
        }
        for (Reference { id, node }, connector) in self.of(path, EXPORTERS) {
            if !connector.factory.signals.contains(&path.signal) {
                continue;
            }
            way.push((path.name, id));
            let takes = |next: &&'a Path<'a>| {
                gives(connector).contains(&next.signal)
                    && next.part(RECEIVERS).iter().any(|given| given.id == *id)
            };
            for next in self.service.pipelines.iter().filter(takes) {
                match way.iter().position(|(name, _)| *name == next.name) {
                    Some(begin) => {
                        let steps = way.iter().skip(begin).map(|(name, id)| format!("{name} -> {id} -> "));
                        let circle = format!("{}{}", steps.collect::<String>(), next.name);
                        let message = format!("data would go round for ever: {circle}");
                        let finding = Finding::error(node, message);
                        findings.push(finding.help("take one of these connectors out of its pipeline"));
                    }
                    None => self.circles(next, way, done, findings),
                }
            }
            way.pop();
        }
        done.insert(path.name);
    }
}

fn gives(connector: &Component) -> &'static [Signal] {
    match connector.factory.make {
        Make::Connector { gives, .. } => gives,
        _ => &[],
    }
}
