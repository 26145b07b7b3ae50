//! What a reload cannot bring.

use std::collections::BTreeSet;

use flow::config::Node;

use super::parts::Parts;
use super::sending::SendingSettings;
use crate::plan::{Component, Plan};

/// The names of everything that differs and that only a restart changes.
pub(super) fn needs_restart(old: &Plan, new: &Plan, parts: &Parts) -> Vec<String> {
    let mut names = Vec::new();
    let (was, is) = (&old.telemetry, &new.telemetry);
    for (name, changed) in [
        ("metrics", was.metrics != is.metrics),
        ("logs", was.logs != is.logs),
        ("resource", was.resource != is.resource),
    ] {
        names.extend(changed.then(|| format!("service::telemetry::{name}")));
    }
    // Listeners and exporters hold them.
    let extensions = changed(&old.extensions, &new.extensions);
    names.extend(extensions.iter().map(|id| format!("extensions::{id}")));
    let has_journal = new.extensions.iter().any(|extension| extension.factory.name == "journal");
    names.extend(exporters(old, new, parts, has_journal).into_iter().map(|id| format!("exporters::{id}")));
    if has_journal {
        names.extend(pipelines(old, new).into_iter().map(|name| format!("service::pipelines::{name}")));
    }
    names
}

/// Exporters that keep a queue on the disk, and those that cannot run twice.
fn exporters(old: &Plan, new: &Plan, parts: &Parts, has_journal: bool) -> Vec<String> {
    let stores = |section: &Node| SendingSettings::of(section).sending_queue.storage.is_some();
    let on_disk = |plan: &Plan, id: &str| {
        plan.component("exporters", id).is_some_and(|one| has_journal || stores(&one.section))
    };
    let alone = |id: &str| {
        let outlet = parts.outlet(id).filter(|_| new.component("exporters", id).is_some());
        outlet.is_some_and(|outlet| !outlet.exporter.may_overlap())
    };
    let mut ids = changed(&old.exporters, &new.exporters);
    ids.retain(|id| on_disk(old, id) || on_disk(new, id) || alone(id));
    ids
}

/// Pipelines whose log on the disk would be another one.
fn pipelines(old: &Plan, new: &Plan) -> Vec<String> {
    let names: BTreeSet<_> = old.pipelines.iter().chain(&new.pipelines).map(|one| &one.name).collect();
    let exporters = |plan: &Plan, name: &str| {
        let pipeline = plan.pipelines.iter().find(|pipeline| pipeline.name == *name);
        pipeline.map(|pipeline| pipeline.exporters.clone())
    };
    let differ = names.into_iter().filter(|name| exporters(old, name) != exporters(new, name));
    differ.cloned().collect()
}

/// Those that are new, gone, or configured in another way.
fn changed(old: &[Component], new: &[Component]) -> Vec<String> {
    let ids: BTreeSet<_> = old.iter().chain(new).map(|component| &component.id).collect();
    let same = |id: &str| {
        let (was, is) = (old.iter().find(|one| one.id == id), new.iter().find(|one| one.id == id));
        was.zip(is).is_some_and(|(was, is)| was.is_same(is))
    };
    ids.into_iter().filter(|id| !same(id)).cloned().collect()
}
