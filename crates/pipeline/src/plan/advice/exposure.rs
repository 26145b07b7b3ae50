//! Doors that are open to the network and ask nobody who they are.

use flow::config::{Finding, Node};

use super::{Graph, host};
use crate::plan::components::{EXPORTERS, EXTENSIONS, RECEIVERS};

/// Asked by orchestrators from outside of the host, and tells nothing worth hiding.
const PUBLIC: &str = "health_check";

pub(super) fn add(graph: &Graph<'_>, findings: &mut Vec<Finding>) {
    for component in graph.used(RECEIVERS) {
        doors(&component.section, "takes data from anybody", findings);
    }
    for component in graph.used(EXTENSIONS).filter(|component| component.factory.name != PUBLIC) {
        doors(&component.section, "answers anybody", findings);
    }
    // Other exporters have endpoints of others.
    for component in graph.used(EXPORTERS).filter(|component| component.factory.name == "prometheus") {
        doors(&component.section, "shows the metrics to anybody", findings);
    }
}

fn doors(block: &Node, does: &str, findings: &mut Vec<Finding>) {
    let open = block.get("endpoint").filter(|node| node.text().is_some_and(everywhere));
    let guarded = block.get("auth").is_some_and(|auth| !auth.is_null())
        || block.at(["tls", "client_ca_file"]).is_some_and(|file| !file.is_null());
    if let Some(endpoint) = open.filter(|_| !guarded) {
        let port = endpoint.text().and_then(|text| text.rsplit_once(':')).map_or("", |(_, port)| port);
        findings.push(
            Finding::advice(endpoint, format!("this listens on all interfaces and {does}")).help(format!(
                "name one interface (127.0.0.1:{port}), or set `auth` or `tls::client_ca_file`"
            )),
        );
    }
    for (_, node) in block.entries() {
        doors(node, does, findings);
    }
}

fn everywhere(endpoint: &str) -> bool {
    let host = host(endpoint);
    let unspecified = host.parse().is_ok_and(|address: std::net::IpAddr| address.is_unspecified());
    !endpoint.starts_with("unix:") && (unspecified || (host.is_empty() && endpoint.starts_with(':')))
}
