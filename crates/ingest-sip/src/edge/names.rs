//! Addresses of hosts that URIs name, and messages that wait for them.

use std::collections::HashMap;
use std::net::IpAddr;

use bytes::Bytes;
use throughline_sip::{Limits, Message};

use super::flow::Flow;

/// Messages that wait for one host.
const WAITING: usize = 32;
/// Bytes of all messages that wait.
const BYTES: usize = 1 << 20;
/// How long an answer is used, in nanoseconds.
const KEPT: u64 = 30_000_000_000;
/// How long an older one still is, while a newer is asked for.
const ASKED: u64 = 10_000_000_000;

pub(super) struct Names {
    hosts: HashMap<Box<str>, Host>,
    /// Hosts that may be known or asked for.
    most: usize,
    /// Bytes of messages that wait.
    bytes: usize,
}

enum Host {
    Asked { since: u64, waiting: Vec<(Flow, Bytes)> },
    Known { ip: Option<IpAddr>, until: u64 },
}

/// What to do with a message that goes to a host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Lookup {
    Found(IpAddr),
    /// It is to be asked for again, and nothing has to wait for that.
    Stale(IpAddr),
    /// It is kept, and comes again when the address is there; whether that has to be asked for.
    Wait {
        ask: bool,
    },
    Nowhere,
    Crowded,
}

impl Names {
    pub(super) fn new(most: usize) -> Self {
        Self { hosts: HashMap::new(), most, bytes: 0 }
    }

    pub(super) fn find(&mut self, now: u64, host: &str, from: Flow, message: &Message) -> Lookup {
        let count = self.hosts.len();
        let bytes = message.as_bytes();
        let crowded = self.bytes + bytes.len() > BYTES;
        // Of a stream it may be a part of something larger.
        let kept = || (from, Bytes::copy_from_slice(bytes));
        match self.hosts.get_mut(host) {
            Some(Host::Known { ip, until }) if now < *until => ip.map_or(Lookup::Nowhere, Lookup::Found),
            Some(Host::Known { ip: Some(ip), until }) if now < *until + KEPT => {
                *until = now + ASKED;
                Lookup::Stale(*ip)
            }
            Some(Host::Asked { waiting, .. }) if crowded || waiting.len() >= WAITING => Lookup::Crowded,
            Some(Host::Asked { waiting, .. }) => {
                self.bytes += bytes.len();
                waiting.push(kept());
                Lookup::Wait { ask: false }
            }
            None if self.most == 0 => Lookup::Nowhere,
            None if count >= self.most => Lookup::Crowded,
            Some(Host::Known { .. }) | None if crowded => Lookup::Crowded,
            Some(Host::Known { .. }) | None => {
                self.bytes += bytes.len();
                self.hosts.insert(host.into(), Host::Asked { since: now, waiting: vec![kept()] });
                Lookup::Wait { ask: true }
            }
        }
    }

    /// Gives back the messages that waited.
    pub(super) fn resolved(&mut self, now: u64, host: &str, ip: Option<IpAddr>) -> Vec<(Flow, Message)> {
        let known = Host::Known { ip: ip.map(|ip| ip.to_canonical()), until: now + KEPT };
        let Some(found) = self.hosts.get_mut(host) else { return Vec::new() };
        let Host::Asked { waiting, .. } = std::mem::replace(found, known) else { return Vec::new() };
        self.bytes -= weight(&waiting);
        let read = |(from, bytes)| Some((from, Message::parse(bytes, &Limits::default()).ok()?));
        waiting.into_iter().filter_map(read).collect()
    }

    pub(super) fn tick(&mut self, now: u64) {
        let bytes = &mut self.bytes;
        self.hosts.retain(|_, host| match host {
            Host::Asked { since, waiting } if now >= *since + KEPT => {
                *bytes -= weight(waiting);
                false
            }
            Host::Asked { .. } => true,
            Host::Known { until, .. } => now < *until + KEPT,
        });
    }
}

fn weight(waiting: &[(Flow, Bytes)]) -> usize {
    waiting.iter().map(|(_, bytes)| bytes.len()).sum()
}
