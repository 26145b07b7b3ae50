//! Secrets that stand in the file.

use flow::config::{Finding, Node};

use super::Graph;
use crate::plan::components::{EXPORTERS, EXTENSIONS, PROCESSORS, RECEIVERS};

/// How keys of secrets end, with `-` for every mark between words.
const ENDINGS: [&str; 17] = [
    "authorization",
    "token",
    "tokens",
    "password",
    "passwd",
    "secret",
    "api-key",
    "apikey",
    "access-key",
    "secret-key",
    "private-key",
    "license-key",
    "insert-key",
    "hmac-key",
    "key-pem",
    "credentials",
    "x-honeycomb-team",
];

pub(super) fn add(graph: &Graph<'_>, findings: &mut Vec<Finding>) {
    for section in [RECEIVERS, PROCESSORS, EXPORTERS, EXTENSIONS] {
        for (_, component) in graph.components.known(section) {
            secrets(&component.section, findings);
        }
    }
}

fn secrets(block: &Node, findings: &mut Vec<Finding>) {
    for (key, node) in block.entries() {
        let name = key.name.to_ascii_lowercase().replace(['_', '.'], "-");
        if ENDINGS.iter().any(|ending| name.ends_with(ending)) {
            let texts = std::iter::once(node).chain(node.items()).filter(|node| in_the_open(node));
            findings.extend(texts.map(|node| found(node, &name)));
        } else if in_the_open(node) && node.text().is_some_and(has_password) {
            findings.push(
                Finding::advice(node, "the password in this URL is written out in the configuration")
                    .help("keep it outside: scheme://user:${env:NAME}@host"),
            );
        }
        secrets(node, findings);
    }
    for item in block.items() {
        secrets(item, findings);
    }
}

fn found(node: &Node, name: &str) -> Finding {
    let text = node.text().unwrap_or_default();
    let scheme = text.split_once(' ').map(|(scheme, _)| scheme);
    let scheme = scheme.filter(|scheme| ["bearer", "basic"].contains(&scheme.to_ascii_lowercase().as_str()));
    let variable: String =
        name.chars().map(|c| if c == '-' { '_' } else { c.to_ascii_uppercase() }).collect();
    let instead =
        format!("{}${{env:{variable}}}", scheme.map(|scheme| format!("{scheme} ")).unwrap_or_default());
    Finding::advice(node, "this secret is written out in the configuration")
        .help(format!("keep it in the environment: \"{instead}\""))
}

/// Text that stands in the file itself and not in a variable.
fn in_the_open(node: &Node) -> bool {
    node.text().is_some_and(|text| !text.is_empty())
        && node.written.is_none()
        && node.items().is_empty()
        && !node.mark.source.starts_with("env:")
}

fn has_password(url: &str) -> bool {
    let authority = url.split_once("://").and_then(|(_, rest)| rest.split('/').next());
    let user = authority.and_then(|authority| authority.rsplit_once('@')).map(|(user, _)| user);
    user.and_then(|user| user.split_once(':')).is_some_and(|(_, password)| !password.is_empty())
}
