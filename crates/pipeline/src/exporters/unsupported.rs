//! Keys of the collector that need what is not here, or have nothing to do here.

use flow::config::{Finding, Node};

/// `middlewares`, which would need extensions that are not there.
pub(super) fn extensions(section: &Node, no_middlewares: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(middlewares) = section.get("middlewares").filter(|_| !no_middlewares) {
        let finding = Finding::error(middlewares, "middleware extensions are not supported");
        findings.push(finding.help("remove `middlewares`"));
    }
    findings
}

/// Advice on keys that change nothing.
pub(crate) fn idle(section: &Node, keys: &[&str]) -> Vec<Finding> {
    let given = keys.iter().filter_map(|key| section.get(key)).filter(|value| !value.is_null());
    given.map(|value| Finding::advice(value, "this has no effect").help("leave it out")).collect()
}
