//! What works, but not as one would wish. Nothing here fails a configuration.

mod batching;
mod sampling;
mod personal;
mod exposure;
mod secrets;
mod endpoints;

use flow::config::Finding;

use super::Component;
use super::components::{CONNECTORS, Components, RECEIVERS};
use super::pipelines::{Path, Service};

pub(super) fn add(components: &Components, service: &Service<'_>, findings: &mut Vec<Finding>) {
    let graph = Graph { components, service };
    batching::add(&graph, findings);
    sampling::add(&graph, findings);
    personal::add(&graph, findings);
    exposure::add(&graph, findings);
    endpoints::add(&graph, findings);
    secrets::add(&graph, findings);
}

/// What the pieces of advice look at.
struct Graph<'a> {
    components: &'a Components,
    service: &'a Service<'a>,
}

impl<'a> Graph<'a> {
    /// The components of a section, each once, that something names.
    fn used(&self, section: &'static str) -> impl Iterator<Item = &'a Component> {
        let named = move |id: &str| self.service.named(section).any(|reference| reference.id == id);
        let known = self.components.known(section);
        known.filter(move |(key, _)| named(&key.name)).map(|(_, component)| component)
    }

    /// Whether nothing but connectors feeds a pipeline: what comes from them has passed another one's door.
    fn only_connected(&self, path: &Path<'_>) -> bool {
        let mut receivers = path.part(RECEIVERS).iter().peekable();
        receivers.peek().is_some() && receivers.all(|reference| self.components.has(CONNECTORS, reference.id))
    }

    /// The components that a pipeline names in one of its parts, in order.
    fn part(&self, path: &'a Path<'a>, section: &'static str) -> impl Iterator<Item = &'a Component> {
        path.part(section).iter().filter_map(move |reference| self.components.get(section, reference.id))
    }
}

/// The host of an endpoint: `https://host:port/path`, `host:port`, `[::1]:port`, `:port`.
fn host(endpoint: &str) -> &str {
    let rest = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest).trim_start_matches('/');
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let address = authority.rsplit_once('@').map_or(authority, |(_, address)| address);
    match address.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, _)) => host,
        None => address.rsplit_once(':').map_or(address, |(host, _)| host),
    }
}

fn is_otlp_http(component: &Component) -> bool {
    ["otlp_http", "otlphttp"].contains(&component.factory.name)
}

#[cfg(test)]
mod tests {
    use super::host;

    #[test]
    fn hosts_of_endpoints() {
        for (endpoint, expected) in [
            ("https://a.example:4318/v1/traces", "a.example"),
            ("http://user:word@a.example", "a.example"),
            ("localhost:4317", "localhost"),
            ("[::1]:4317", "::1"),
            (":4317", ""),
            ("0.0.0.0:4317", "0.0.0.0"),
            ("dns:///a.example:4317", "a.example"),
            ("a.example", "a.example"),
            ("", ""),
        ] {
            assert_eq!(host(endpoint), expected, "{endpoint}");
        }
    }
}
