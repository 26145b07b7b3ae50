//! The sections that configure components.

use crate::engine::sending;
use flow::Registry;
use flow::config::{Finding, Key, Node, Value, closest};

use super::Component;
use super::id;

pub(super) const RECEIVERS: &str = "receivers";
pub(super) const PROCESSORS: &str = "processors";
pub(super) const EXPORTERS: &str = "exporters";
pub(super) const CONNECTORS: &str = "connectors";
pub(super) const EXTENSIONS: &str = "extensions";
const SECTIONS: [&str; 5] = [RECEIVERS, PROCESSORS, EXPORTERS, CONNECTORS, EXTENSIONS];

/// Everything that is configured, used or not.
pub(super) struct Components(Vec<Entry>);

struct Entry {
    section: &'static str,
    key: Key,
    /// Nothing where the id or the type is wrong, which is reported already.
    component: Option<Component>,
}

impl Components {
    /// The keys of a section, right or wrong.
    pub(super) fn of(&self, section: &'static str) -> impl Iterator<Item = &Key> {
        self.0.iter().filter(move |entry| entry.section == section).map(|entry| &entry.key)
    }

    pub(super) fn has(&self, section: &'static str, id: &str) -> bool {
        self.of(section).any(|key| key.name == id)
    }

    /// The components of a section whose type is known.
    pub(super) fn known(&self, section: &'static str) -> impl Iterator<Item = (&Key, &Component)> {
        let entries = self.0.iter().filter(move |entry| entry.section == section);
        entries.filter_map(|entry| Some((&entry.key, entry.component.as_ref()?)))
    }

    pub(super) fn get(&self, section: &'static str, id: &str) -> Option<&Component> {
        self.known(section).find(|(key, _)| key.name == id).map(|(_, component)| component)
    }

    /// The id that is configured where another name of the same type is written.
    pub(super) fn alias(&self, section: &'static str, id: &str) -> Option<&str> {
        let wanted = id::parse(id).ok()?;
        let same = |key: &Key, component: &Component| {
            let names = [component.factory.name].into_iter().chain(component.factory.aliases.iter().copied());
            let id = id::parse(&key.name);
            names.into_iter().any(|name| name == wanted.kind) && id.is_ok_and(|id| id.name == wanted.name)
        };
        self.known(section).find(|(key, component)| same(key, component)).map(|(key, _)| key.name.as_str())
    }

    pub(super) fn take(&mut self, section: &str, id: &str) -> Option<Component> {
        let mut entries = self.0.iter_mut();
        entries.find(|entry| entry.section == section && entry.key.name == id)?.component.take()
    }
}

/// Reads all sections and lets each factory check its own.
pub(super) fn read(root: &Node, registry: &Registry) -> (Components, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut entries = Vec::new();
    let known: Vec<_> = SECTIONS.into_iter().chain(["service"]).collect();
    for (key, block) in root.entries() {
        let Some(section) = SECTIONS.into_iter().find(|section| key.name == *section) else {
            if key.name != "service" {
                findings.push(Finding::unknown_key(key, &key.name, &known));
            }
            continue;
        };
        if !matches!(block.value, Value::Map(_) | Value::Null) {
            let message = format!("expected a block of {section}, found {}", block.described());
            findings.push(Finding::error(block, message));
        }
        for (key, settings) in block.entries() {
            let component =
                component(section, key, settings, registry).map_err(|wrong| findings.push(*wrong));
            let component = component.ok();
            findings.extend(component.iter().flat_map(|component| (component.factory.check)(settings)));
            if section == "exporters" && component.is_some() {
                // Every exporter has a queue, also one that does not know of it.
                findings.extend(sending::check(settings));
            }
            entries.push(Entry { section, key: key.clone(), component });
        }
    }
    (Components(entries), findings)
}

fn component(
    section: &str,
    key: &Key,
    settings: &Node,
    registry: &Registry,
) -> Result<Component, Box<Finding>> {
    let wrong = |message: String| Finding::error_at(key.mark.clone(), settings.path.as_str(), message);
    let id = id::parse(&key.name).map_err(|why| wrong(format!("`{}` is not an id: {why}", key.name)))?;
    let Some(factory) = registry.find(section, id.kind) else {
        let kind = section.strip_suffix('s').unwrap_or(section);
        let unknown = wrong(format!("unknown {kind} `{}`", id.kind));
        return Err(unknown.help(known_types(section, id.kind, registry)).into());
    };
    Ok(Component { id: key.name.clone(), factory: *factory, section: settings.clone() })
}

/// What could have been meant, and what there is.
fn known_types(section: &str, kind: &str, registry: &Registry) -> String {
    let mut names: Vec<_> = registry.in_section(section).map(|factory| factory.name).collect();
    names.sort_unstable();
    let all = match names.as_slice() {
        [] => format!("this program has no {section}"),
        names => format!("the {section} are {}", names.join(", ")),
    };
    let aliases = registry.in_section(section).flat_map(|factory| factory.aliases.iter().copied());
    match closest(kind, names.iter().copied().chain(aliases)) {
        Some(meant) => format!("did you mean `{meant}`? {all}"),
        None => all,
    }
}
