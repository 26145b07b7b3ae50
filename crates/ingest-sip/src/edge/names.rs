//! Addresses of hosts that URIs name, and messages that wait for them.

use std::collections::HashMap;
use std::net::IpAddr;

use throughline_sip::Message;

use super::flow::Flow;

/// Hosts that are known or asked for.
const HOSTS: usize = 1024;
/// Messages that wait for one host.
const WAITING: usize = 32;
/// How long an answer is used, in nanoseconds.
const KEPT: u64 = 30_000_000_000;
/// How long an older one still is, while a newer is asked for.
const ASKED: u64 = 10_000_000_000;

#[derive(Default)]
pub(super) struct Names(HashMap<Box<str>, Host>);

enum Host {
    Asked { since: u64, waiting: Vec<(Flow, Message)> },
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
    pub(super) fn find(&mut self, now: u64, host: &str, from: Flow, message: &Message) -> Lookup {
        let full = self.0.len() >= HOSTS;
        match self.0.get_mut(host) {
            Some(Host::Known { ip, until }) if now < *until => ip.map_or(Lookup::Nowhere, Lookup::Found),
            Some(Host::Known { ip: Some(ip), until }) if now < *until + KEPT => {
                *until = now + ASKED;
                Lookup::Stale(*ip)
            }
            Some(Host::Asked { waiting, .. }) if waiting.len() >= WAITING => Lookup::Crowded,
            Some(Host::Asked { waiting, .. }) => {
                waiting.push((from, message.clone()));
                Lookup::Wait { ask: false }
            }
            None if full => Lookup::Crowded,
            Some(Host::Known { .. }) | None => {
                let waiting = vec![(from, message.clone())];
                self.0.insert(host.into(), Host::Asked { since: now, waiting });
                Lookup::Wait { ask: true }
            }
        }
    }

    /// Gives back the messages that waited.
    pub(super) fn resolved(&mut self, now: u64, host: &str, ip: Option<IpAddr>) -> Vec<(Flow, Message)> {
        let known = Host::Known { ip: ip.map(|ip| ip.to_canonical()), until: now + KEPT };
        match self.0.get_mut(host) {
            Some(found) => match std::mem::replace(found, known) {
                Host::Asked { waiting, .. } => waiting,
                Host::Known { .. } => Vec::new(),
            },
            None => Vec::new(),
        }
    }

    pub(super) fn tick(&mut self, now: u64) {
        self.0.retain(|_, host| match host {
            Host::Asked { since, .. } => now < *since + KEPT,
            Host::Known { until, .. } => now < *until + KEPT,
        });
    }
}
