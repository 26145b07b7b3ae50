//! Extensions that components name in their settings: authenticators, storage.

use flow::config::{Finding, Node, closest};

use super::components::{CONNECTORS, Components, EXPORTERS, EXTENSIONS, PROCESSORS, RECEIVERS};
use super::pipelines::Service;

/// Keys that hold the id of an extension, with the key of the block or list that they stand in.
const LINKS: [(&str, &str); 3] =
    [("auth", "authenticator"), ("middlewares", "id"), ("sending_queue", STORAGE)];
const STORAGE: &str = "storage";
const JOURNAL: &str = "journal";
/// The types of extensions that a queue can be stored with.
const STORES: [&str; 1] = ["file_storage"];

pub(super) fn check(components: &Components, service: &Service<'_>, findings: &mut Vec<Finding>) {
    one_journal(components, service, findings);
    for section in [RECEIVERS, PROCESSORS, EXPORTERS, CONNECTORS, EXTENSIONS] {
        for (_, component) in components.known(section) {
            each_link(&component.section, &mut |node, link, id| {
                findings.extend(broken(node, link, id, components, service));
            });
        }
    }
}

/// One journal covers all pipelines.
fn one_journal(components: &Components, service: &Service<'_>, findings: &mut Vec<Finding>) {
    let is_journal = |id: &str| components.get(EXTENSIONS, id).is_some_and(|it| it.factory.name == JOURNAL);
    let mut journals = service.extensions.iter().filter(|reference| is_journal(reference.id));
    if let Some(first) = journals.next() {
        for other in journals.filter(|other| other.id != first.id) {
            let finding = Finding::error(other.node, format!("`{}` is a second journal", other.id));
            findings.push(finding.help(format!("`{}` covers all pipelines; take this one out", first.id)));
        }
    }
}

fn each_link(block: &Node, found: &mut impl FnMut(&Node, &str, &str)) {
    for (key, node) in block.entries() {
        for (_, link) in LINKS.iter().filter(|(outer, _)| key.name == *outer) {
            for place in std::iter::once(node).chain(node.items()) {
                if let Some((node, id)) = place.get(link).and_then(|node| Some((node, node.text()?))) {
                    found(node, link, id);
                }
            }
        }
        each_link(node, found);
    }
    for item in block.items() {
        each_link(item, found);
    }
}

fn broken(
    node: &Node,
    link: &str,
    id: &str,
    components: &Components,
    service: &Service<'_>,
) -> Option<Finding> {
    if !components.has(EXTENSIONS, id) {
        let finding = Finding::error(node, format!("there is no extension `{id}`"));
        let ids = components.of(EXTENSIONS).map(|key| key.name.as_str());
        return Some(finding.help(match closest(id, ids) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "add it to `extensions` and to `service::extensions`".into(),
        }));
    }
    let kind = components.get(EXTENSIONS, id).map(|extension| extension.factory.name);
    if let (STORAGE, Some(kind)) = (link, kind)
        && !STORES.contains(&kind)
    {
        let finding = Finding::error(node, format!("`{id}` is not an extension that stores"));
        return Some(finding.help(format!("name one of the type {}", STORES.join(", "))));
    }
    let named = service.named(EXTENSIONS).any(|reference| reference.id == id);
    let finding = || Finding::error(node, format!("`service::extensions` does not name `{id}`"));
    (!named).then(|| finding().help(format!("add `{id}` to that list: only what it names is started")))
}
