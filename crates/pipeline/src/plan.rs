//! YAML to checked plan.
//!
//! [`Sources`] are read, merged and expanded to one [`flow::config::Node`]; [`Plan::of`] checks it against the
//! registry and says what the engine has to make. Whatever would fail at start is found here, all of it at once.

mod sources;
mod merge;
mod expand;
mod id;
mod components;
mod pipelines;
mod connections;
mod links;
mod telemetry;
mod advice;
mod report;

use std::collections::BTreeSet;

use flow::config::{Finding, Node, Severity};
use flow::{Factory, Registry, Signal};

pub use connections::Step;
pub use report::{findings_as_json, findings_as_text};
pub use sources::{Sources, World, read_file};
pub use telemetry::{Encoding, Level, Logs, Metrics, OwnTelemetry};

/// What the engine makes and starts. Only what a pipeline or `service.extensions` names is in here.
#[derive(Clone)]
pub struct Plan {
    pub receivers: Vec<Component>,
    pub processors: Vec<Component>,
    pub exporters: Vec<Component>,
    pub connectors: Vec<Component>,
    /// In the order of `service.extensions`, which is the order to start them in.
    pub extensions: Vec<Component>,
    pub pipelines: Vec<Pipeline>,
    pub telemetry: OwnTelemetry,
}

/// One configured component.
#[derive(Clone)]
pub struct Component {
    /// `type[/name]` as it stands in the configuration.
    pub id: String,
    /// Its `name` is the canonical one, whatever deprecated name the id begins with.
    pub factory: Factory,
    pub section: Node,
}

/// One pipeline; components are given by their ids.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pipeline {
    /// `traces`, `traces/2`
    pub name: String,
    pub signal: Signal,
    pub receivers: Vec<String>,
    /// In the order in which data passes them.
    pub processors: Vec<String>,
    pub exporters: Vec<String>,
}

/// What may be shown of a plan: names, and no settings.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Outline {
    pub pipelines: Vec<Pipeline>,
    pub extensions: Vec<String>,
}

impl Plan {
    pub fn outline(&self) -> Outline {
        let extensions = self.extensions.iter().map(|extension| extension.id.clone()).collect();
        Outline { pipelines: self.pipelines.clone(), extensions }
    }

    /// Reads and checks a configuration. There is a plan if and only if no finding is an error.
    pub fn read(sources: &Sources, world: World<'_>, registry: &Registry) -> (Option<Self>, Vec<Finding>) {
        let (root, mut findings) = sources.read(world);
        let plan = root.and_then(|root| {
            let (plan, mut more) = Self::of(&root, registry);
            // A value that could not be expanded is null, which may be wrong in its turn.
            let failed: BTreeSet<_> = findings.iter().map(|found| (&found.mark, &found.path)).collect();
            more.retain(|found| !failed.contains(&(&found.mark, &found.path)));
            findings.extend(more);
            plan
        });
        report::sort(&mut findings);
        let failed = findings.iter().any(|finding| finding.severity == Severity::Error);
        (plan.filter(|_| !failed), findings)
    }

    /// Checks a merged and expanded configuration.
    pub fn of(root: &Node, registry: &Registry) -> (Option<Self>, Vec<Finding>) {
        if root.entries().is_empty() {
            let empty = Finding::error(root, "the configuration is empty");
            return (None, vec![empty.help("it needs receivers, exporters and a service with a pipeline")]);
        }
        let (components, mut findings) = components::read(root, registry);
        let service = pipelines::read(root, &components, &mut findings);
        let telemetry = telemetry::read(root, &mut findings);
        connections::check(&components, &service, &mut findings);
        links::check(&components, &service, &mut findings);
        advice::add(&components, &service, &mut findings);
        report::sort(&mut findings);
        if findings.iter().any(|finding| finding.severity == Severity::Error) {
            return (None, findings);
        }
        let plan = service.plan(components, telemetry);
        (Some(plan), findings)
    }

    /// The component with this id, of one section (`receivers`, ...).
    pub fn component(&self, section: &str, id: &str) -> Option<&Component> {
        let section = match section {
            "receivers" => &self.receivers,
            "processors" => &self.processors,
            "exporters" => &self.exporters,
            "connectors" => &self.connectors,
            "extensions" => &self.extensions,
            _ => return None,
        };
        section.iter().find(|component| component.id == id)
    }
}

impl Component {
    /// Whether this would be made as the other one was.
    pub fn is_same(&self, other: &Self) -> bool {
        self.is_other_of(other) && self.section.sets_the_same(&other.section)
    }

    /// The same id and kind, whatever its settings.
    pub fn is_other_of(&self, other: &Self) -> bool {
        self.id == other.id && self.factory.name == other.factory.name
    }
}

impl std::fmt::Debug for Component {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The section may hold secrets.
        f.debug_struct("Component").field("id", &self.id).field("type", &self.factory.name).finish()
    }
}

#[cfg(test)]
mod tests;
