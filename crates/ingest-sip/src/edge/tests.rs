//! Messages through the edge, word for word where the words matter.

mod messages;
mod proxy;
mod routing;
mod abuse;
mod stateful;
mod lossy;
mod properties;

use std::net::SocketAddr;
use std::sync::Arc;

use throughline_sip::{Limits, Message};

use bytes::Bytes;

use super::*;
use crate::hop::{Transport, Untraced};
use crate::trunk::ReferTo;

pub(super) const SECOND: u64 = 1_000_000_000;

/// An edge with UDP on 192.0.2.1:5060, TCP on 192.0.2.1:5062 and WebSocket on 192.0.2.1:8080; the trunks `carrier`
/// (198.51.100.0/24) and `genesys` (203.0.113.0/24), each with targets.
pub(super) fn edge() -> Edge {
    Edge::new(setup(), Box::new(Untraced))
}

pub(super) fn setup() -> Setup {
    let trunk = |name: &str, net: &str| {
        let trunk = Trunk {
            name: name.into(),
            preserve_trace_context: false,
            user_to_user: false,
            p_asserted_identity: false,
            refer_to: ReferTo::Token,
        };
        (Arc::new(trunk), vec![net.parse().unwrap()])
    };
    let group = |name: &str, targets: &[&str]| Group {
        name: name.into(),
        targets: targets.iter().map(|to| Target::new(Transport::Udp, to.parse().unwrap())).collect(),
        probing: None,
        tcp_when_large: false,
        policy: Policy::default(),
    };
    let listener = |transport, address: &str| Listener::new(transport, address.parse().unwrap(), None);
    Setup {
        secret: Secret::new("test"),
        listeners: vec![
            listener(Transport::Udp, "192.0.2.1:5060"),
            listener(Transport::Tcp, "192.0.2.1:5062"),
            listener(Transport::Ws, "192.0.2.1:8080"),
        ],
        trunks: vec![trunk("carrier", "198.51.100.0/24"), trunk("genesys", "203.0.113.0/24")],
        groups: vec![
            group("genesys", &["203.0.113.10:5060"]),
            group("carrier", &["198.51.100.10:5060"]),
            group("pair", &["203.0.113.21:5060", "203.0.113.22:5060"]),
        ],
        routes: vec![
            Route {
                from: vec!["carrier".into()],
                user: Some(Pattern::new("pair*")),
                to: 2,
                ..Route::default()
            },
            Route { from: vec!["carrier".into()], to: 0, ..Route::default() },
            Route { from: vec!["genesys".into()], to: 1, user: Some(Pattern::new("+*")), ..Route::default() },
            Route { strangers: true, host: Some(Pattern::new("open.example.com")), ..Route::default() },
        ],
        stranger_rate: 20,
        trunk_rate: 0,
        transactions: 100,
        hosts: 100,
        server: String::new(),
    }
}

pub(super) fn udp(peer: &str) -> Flow {
    Flow { listener: 0, transport: Transport::Udp, peer: peer.parse().unwrap(), connection: 0 }
}

pub(super) fn parse(text: &[u8]) -> Message {
    Message::parse(Bytes::copy_from_slice(text), &Limits::default()).unwrap()
}

/// What comes out for one message.
pub(super) fn pass(edge: &mut Edge, from: Flow, text: &[u8]) -> Vec<(Flow, Message)> {
    let mut out = Vec::new();
    edge.receive(SECOND, from, &parse(text), &mut out);
    sends(out)
}

pub(super) fn sends(out: Vec<Output>) -> Vec<(Flow, Message)> {
    out.into_iter()
        .filter_map(|output| match output {
            Output::Send { to, bytes } => Some((to, parse(&bytes))),
            Output::Resolve(_) => None,
        })
        .collect()
}

/// The only message that comes out, and where it goes.
pub(super) fn one(edge: &mut Edge, from: Flow, text: &[u8]) -> (SocketAddr, Message) {
    let [(to, message)] = pass(edge, from, text).try_into().unwrap();
    (to.peer, message)
}

pub(super) fn text(message: &Message) -> String {
    String::from_utf8_lossy(message.as_bytes()).replace("\r\n", "\n")
}
