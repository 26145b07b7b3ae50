//! Personal data that leaves the host unmasked.

use flow::Signal;
use flow::config::{Finding, Node, is_loopback};

use super::{Graph, host};
use crate::plan::Component;
use crate::plan::components::{EXPORTERS, PROCESSORS};
use crate::plan::pipelines::Path;

/// Actions of `attributes` and `resource` after which the old value is gone.
const REMOVING: [&str; 2] = ["delete", "hash"];
const REPLACING: [&str; 2] = ["update", "upsert"];
/// Processors that can take values away in other ways.
const REDACTING: [&str; 3] = ["redaction", "transform", "filter"];
/// Parts of attribute keys that name a person or an account.
const PERSONAL: [&str; 18] = [
    "phone",
    "msisdn",
    "ani",
    "caller_id",
    "email",
    "e_mail",
    "ssn",
    "card",
    "pan",
    "cvv",
    "account",
    "iban",
    "birth",
    "passport",
    "address",
    "surname",
    "first_name",
    "last_name",
];

pub(super) fn add(graph: &Graph<'_>, findings: &mut Vec<Finding>) {
    for path in graph.service.pipelines.iter().filter(|path| path.signal == Signal::Traces) {
        for (exporter, endpoint, target) in graph.part(path, EXPORTERS).filter_map(remote) {
            let masked = graph.part(path, PROCESSORS).any(masks);
            if !masked {
                findings.push(unmasked(path, exporter, endpoint, target));
            }
            findings.extend(brought_in(graph, path, target));
        }
    }
}

fn unmasked(path: &Path<'_>, exporter: &Component, endpoint: &Node, target: &str) -> Finding {
    let message = format!(
        "pipeline `{}` masks no personal data, and `{}` sends its spans to {target}: phone and account numbers go as recorded",
        path.name, exporter.id
    );
    Finding::advice(endpoint, message)
        .help("add `redaction` with `detectors: {all: mask}`, or `attributes` with `upsert`, `hash` or `delete` on keys such as customer.phone.number")
}

/// Personal keys that a processor itself fills from elsewhere, and nothing behind it masks.
fn brought_in(graph: &Graph<'_>, path: &Path<'_>, target: &str) -> Vec<Finding> {
    let mut open: Vec<(&str, &Node)> = Vec::new();
    for action in graph.part(path, PROCESSORS).flat_map(actions) {
        let (Some(key), verb) = (action.get("key").and_then(Node::text), verb(action)) else { continue };
        let filled = action.get("from_attribute").or_else(|| action.get("from_context")).is_some();
        if !filled && (REMOVING.contains(&&*verb) || REPLACING.contains(&&*verb)) {
            open.retain(|(known, _)| *known != key);
        } else if filled && is_personal(key) {
            open.push((key, action));
        }
    }
    let finding = |(key, action): (&str, &Node)| {
        let message = format!("`{key}` looks like personal data, and goes to {target} as it is");
        Finding::advice(action, message).help("leave this action out, or hash the key in a later one")
    };
    open.into_iter().map(finding).collect()
}

fn masks(processor: &Component) -> bool {
    REDACTING.contains(&processor.factory.name)
        || actions(processor).any(|action| {
            let (verb, key) = (verb(action), action.get("key").and_then(Node::text));
            REMOVING.contains(&&*verb) || (REPLACING.contains(&&*verb) && key.is_some_and(is_personal))
        })
}

fn actions(processor: &Component) -> impl Iterator<Item = &Node> {
    let list = match processor.factory.name {
        "attributes" => processor.section.get("actions"),
        "resource" => processor.section.get("attributes"),
        _ => None,
    };
    list.map_or(&[][..], Node::items).iter()
}

fn verb(action: &Node) -> String {
    action.get("action").and_then(Node::text).unwrap_or_default().to_ascii_lowercase()
}

/// The endpoint of an exporter, where that is another host.
fn remote(exporter: &Component) -> Option<(&Component, &Node, &str)> {
    let keys = ["traces_endpoint", "endpoint"];
    let endpoint = keys.into_iter().find_map(|key| exporter.section.get(key))?;
    let target = host(endpoint.text()?);
    let local = is_loopback(target)
        || target.ends_with(".localhost")
        || endpoint.text()?.starts_with("unix:")
        || target.is_empty();
    let target = if endpoint.written.is_some() { "another host" } else { target };
    (!local).then_some((exporter, endpoint, target))
}

/// Whether a step of the key is one of the words: `customer.phone.number`, `callerAni`.
fn is_personal(key: &str) -> bool {
    let mut steps = String::new();
    for c in key.chars() {
        if c.is_ascii_uppercase() {
            steps.push('_');
        }
        steps.push(if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
    }
    PERSONAL.iter().any(|word| format!("_{steps}_").contains(&format!("_{word}_")))
}

#[cfg(test)]
mod tests {
    use super::is_personal;

    #[test]
    fn keys_of_persons() {
        for key in ["customer.phone.number", "callerAni", "card", "customer.email", "ani", "user.first_name"]
        {
            assert!(is_personal(key), "{key}");
        }
        for key in ["animal", "discard", "http.route", "company", "service.name"] {
            assert!(!is_personal(key), "{key}");
        }
    }
}
