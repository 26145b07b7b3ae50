//! What can be wrong with the section.

use flow::config::{Finding, Node, closest};
use throughline_sip::Uri;
use tls::ServerTls;

use super::{Settings, Transports};
use crate::edge::{Net, target_of};

pub(crate) fn check(section: &Node) -> Vec<Finding> {
    let (settings, mut findings) = section.check::<Settings>();
    let Some(settings) = settings else { return findings };
    let mut found = Findings { section, found: &mut findings };
    listeners(&settings, &mut found);
    if settings.server.bytes().any(|byte| !matches!(byte, b' '..=b'~')) {
        found.error(&["server"], "not one line of ASCII", "write a name, or \"\" for none");
    }
    trunks(&settings, &mut found);
    next_hops(&settings, &mut found);
    if let Some(tls) = &settings.tls {
        let section = found.node(&["tls"]);
        found.found.extend(tls.check(section));
    }
    routes(&settings, &mut found);
    findings
}

struct Findings<'a> {
    section: &'a Node,
    found: &'a mut Vec<Finding>,
}

impl<'a> Findings<'a> {
    fn error(&mut self, path: &[&str], why: impl Into<String>, help: impl Into<String>) {
        self.found.push(Finding::error(self.node(path), why).help(help));
    }

    fn advice(&mut self, path: &[&str], why: impl Into<String>, help: impl Into<String>) {
        self.found.push(Finding::advice(self.node(path), why).help(help));
    }

    /// The node at a path of keys and places, or as far as there is one.
    fn node(&self, path: &[&str]) -> &'a Node {
        path.iter().fold(self.section, |node, step| {
            let item = || step.parse::<usize>().ok().and_then(|place| node.items().get(place));
            node.get(step).or_else(item).unwrap_or(node)
        })
    }
}

fn listeners(settings: &Settings, found: &mut Findings<'_>) {
    if settings.listen.is_empty() {
        found.error(
            &["listen"],
            "no socket to listen on",
            "write `- {transport: udp, endpoint: 127.0.0.1:5060}`",
        );
    }
    for (place, listen) in settings.listen.iter().enumerate() {
        let place = place.to_string();
        let path = ["listen", &place, "endpoint"];
        let Some(ip) = listen.endpoint.parse().ok().map(|address: std::net::SocketAddr| address.ip()) else {
            found.error(
                &path,
                "not an address to listen on",
                "write an address and a port, as in `127.0.0.1:5060`",
            );
            continue;
        };
        let advertised = !listen.advertise.is_empty() || !settings.advertise.is_empty();
        if ip.is_unspecified() && !advertised {
            let why = "peers have to be told one address, and this is all of them";
            found.error(&path, why, "write one address, or `advertise` with what peers reach the edge by");
        }
        if !ip.is_loopback() && settings.trunks.is_empty() {
            let why = "there are no trunks: everybody who sends here is a stranger";
            found.advice(&path, why, "write `trunks` with the addresses of your carriers and SBCs");
        }
        secured(listen.transport, listen.tls.as_ref(), &place, found);
    }
}

fn secured(transport: Transports, tls: Option<&ServerTls>, place: &str, found: &mut Findings<'_>) {
    let needs = matches!(transport, Transports::Tls | Transports::Wss);
    if let Some(tls) = tls.filter(|_| needs) {
        let section = found.node(&["listen", place, "tls"]);
        found.found.extend(tls.check(section));
    } else if needs {
        found.error(
            &["listen", place, "tls"],
            "this transport needs a certificate",
            "give `cert_file` and `key_file`",
        );
    }
    if !needs && tls.is_some() {
        found.error(
            &["listen", place, "tls"],
            "this transport has no TLS",
            "write `transport: tls` or `wss`",
        );
    }
}

fn trunks(settings: &Settings, found: &mut Findings<'_>) {
    for (name, trunk) in &settings.trunks {
        if trunk.peers.is_empty() {
            let help = "write `peers` with addresses or networks, as in `192.0.2.0/24`";
            found.error(&["trunks", name], "nobody belongs to this trunk", help);
        }
        for (place, peer) in trunk.peers.iter().enumerate() {
            let place = place.to_string();
            let path = ["trunks", name, "peers", &place];
            match peer.parse::<Net>() {
                Ok(net) if net.is_everybody() && trunk.preserve_trace_context => {
                    let why = "everybody could put requests into traces of others";
                    found.advice(&path, why, "name the networks of this trunk");
                }
                Ok(_) => {}
                Err(why) => found.error(&path, why, "names are not looked up: write addresses"),
            }
        }
    }
}

fn next_hops(settings: &Settings, found: &mut Findings<'_>) {
    for (name, next_hop) in &settings.next_hops {
        if next_hop.targets.is_empty() {
            let help = "write `targets: [{uri: \"sip:192.0.2.10:5060\"}]`";
            found.error(&["next_hops", name], "no targets", help);
        }
        for (place, target) in next_hop.targets.iter().enumerate() {
            let place = place.to_string();
            let uri = Uri::parse(target.uri.as_bytes()).ok();
            if uri.as_ref().and_then(target_of).is_none() {
                let help = "write `sip:host:port` or `sip:host;transport=tcp`";
                found.error(
                    &["next_hops", name, "targets", &place, "uri"],
                    "not a SIP URI with a known transport",
                    help,
                );
            }
        }
        if let Some(tls) = &next_hop.tls {
            let section = found.node(&["next_hops", name, "tls"]);
            found.found.extend(tls.check(section));
        }
        let health = next_hop.health.as_ref();
        if health.is_some_and(|health| health.interval.nanos() == 0 || health.timeout.nanos() == 0) {
            found.error(
                &["next_hops", name, "health"],
                "a time of nought",
                "write `interval: 10s` and `timeout: 4s`",
            );
        }
    }
}

fn routes(settings: &Settings, found: &mut Findings<'_>) {
    for (place, route) in settings.routes.iter().enumerate() {
        let place = place.to_string();
        if !settings.next_hops.contains_key(&route.to) {
            let known = closest(&route.to, settings.next_hops.keys().map(String::as_str));
            let help = known
                .map_or("name one of `next_hops`".to_owned(), |known| format!("did you mean `{known}`?"));
            found.error(&["routes", &place, "to"], "there is no next hop of this name", help);
        }
        for name in route.from.iter().filter(|name| !settings.trunks.contains_key(*name)) {
            let known = closest(name, settings.trunks.keys().map(String::as_str));
            let help =
                known.map_or("name one of `trunks`".to_owned(), |known| format!("did you mean `{known}`?"));
            found.error(&["routes", &place, "from"], format!("there is no trunk `{name}`"), help);
        }
        if route.strangers && route.user.is_none() && route.host.is_none() {
            let why = "everybody who reaches the edge can call anything through this route";
            found.advice(&["routes", &place, "strangers"], why, "say which `user` or `host` it is for");
        }
    }
    if settings.routes.is_empty() {
        found.advice(
            &["routes"],
            "there are no routes: no new call goes anywhere",
            "write `routes: [{to: …}]`",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_section_is_checked() {
        let whole =
            "next_hops: {b: {targets: [{uri: \"sip:192.0.2.1\"}]}}\ntrunks: {a: {peers: [192.0.2.0/24]}}\n";
        for (yaml, expected) in [
            ("routes: [{to: b}]", None),
            ("routes: [{from: a, to: b}]", None),
            ("routes: []", Some("no routes")),
            ("routes: [{from: aa, to: b}]", Some("did you mean `a`?")),
            ("routes: [{to: bb}]", Some("did you mean `b`?")),
            ("routes: [{strangers: true, to: b}]", Some("everybody who reaches the edge")),
            ("routes: [{strangers: true, host: example.com, to: b}]", None),
            ("routes: [{to: b}]\nlisten: []", Some("no socket")),
            ("routes: [{to: b}]\nlisten: [{endpoint: 5060}]", Some("not an address")),
            ("routes: [{to: b}]\nlisten: [{endpoint: \"0.0.0.0:5060\"}]", Some("all of them")),
            ("routes: [{to: b}]\nadvertise: sbc\nlisten: [{endpoint: \"0.0.0.0:5060\"}]", None),
            ("routes: [{to: b}]\nlisten: [{transport: tls}]", Some("needs a certificate")),
            (
                "routes: [{to: b}]\nlisten: [{transport: udp, tls: {cert_file: a, key_file: b}}]",
                Some("has no TLS"),
            ),
            ("routes: [{to: b}]\nlisten: [{transport: sctp}]", Some("sctp")),
            ("routes: [{to: b}]\nlimit: 1", Some("unknown key")),
            ("routes: [{to: b}]\nserver: \"\"", None),
            ("routes: [{to: b}]\nserver: \"a\\r\\nb\"", Some("one line")),
        ] {
            let findings = check(&Node::load("c.yaml", &format!("{whole}{yaml}")).unwrap());
            let text: String = findings.iter().map(ToString::to_string).collect();
            assert_eq!(findings.len(), usize::from(expected.is_some()), "{yaml}: {text}");
            assert!(text.contains(expected.unwrap_or("")), "{yaml}: {text}");
        }
    }

    #[test]
    fn trunks_and_targets_are_checked() {
        for (yaml, expected) in [
            ("trunks: {a: {}}", "nobody belongs"),
            ("trunks: {a: {peers: [sbc.example.com]}}", "neither an address nor a network"),
            ("trunks: {a: {peers: [0.0.0.0/0], preserve_trace_context: true}}", "traces of others"),
            ("next_hops: {b: {}}", "no targets"),
            ("next_hops: {b: {targets: [{uri: \"tel:+49\"}]}}", "not a SIP URI"),
            ("next_hops: {b: {targets: [{uri: \"sip:h\"}], health: {interval: 0s}}}", "a time of nought"),
        ] {
            let findings = check(&Node::load("c.yaml", yaml).unwrap());
            let text: Vec<_> = findings.iter().map(ToString::to_string).collect();
            assert!(text.iter().any(|text| text.contains(expected)), "{yaml}: {text:?}");
        }
    }
}
