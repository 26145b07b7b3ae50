//! From the section to what the edge is made with. The section has been checked.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use flow::config::GoDuration;
use rustls::pki_types::ServerName;
use throughline_sip::Uri;
use tls::ClientTls;
use tokio_rustls::TlsConnector;

use super::{Forks, HealthSettings, NextHop, OnFailure, Redirects, Settings, TargetSettings};
use crate::call;
use crate::edge::{Fork, Group, Net, Pattern, Policy, Probing, Route, Secret, Target, target_of};
use crate::transport::{connector, resolved};
use crate::trunk::Trunk;

pub(crate) fn secret(settings: &Settings) -> Result<Secret, String> {
    match settings.secret.0.as_str() {
        "" => Secret::random().map_err(str::to_owned),
        text => Ok(Secret::new(text)),
    }
}

/// How calls are watched.
pub(crate) fn calls(settings: &Settings) -> Result<call::Settings, String> {
    let secret = match settings.secret.0.as_str() {
        "" => call::Secret::random().ok_or("no random bytes")?,
        text => call::Secret::new(text.as_bytes()),
    };
    let mut calls = call::Settings::new(secret);
    calls.numbers = settings.numbers;
    calls.calls = settings.limits.calls;
    calls.longest = settings.limits.longest_call.get();
    calls.longest_setup = settings.limits.longest_setup.get();
    calls.region = (!settings.region.is_empty()).then(|| settings.region.clone());
    if !settings.number_key.0.is_empty() {
        calls.number_secret = call::Secret::new(settings.number_key.0.as_bytes());
    }
    Ok(calls)
}

/// Host and port of `advertise`: of the socket, else that of all sockets, whose port is each socket's own.
pub(crate) fn advertised<'a>(all: &'a str, own: &'a str) -> Option<(&'a str, Option<u16>)> {
    let text = if own.is_empty() { all } else { own };
    let split = text.rsplit_once(':').filter(|(host, _)| !host.contains(':') || host.ends_with(']'));
    let port = split.and_then(|(host, port)| Some((host, Some(port.parse().ok()?))));
    (!text.is_empty()).then(|| port.unwrap_or((text, None)))
}

pub(crate) fn trunks(settings: &Settings) -> Vec<(Arc<Trunk>, Vec<Net>)> {
    let trunks = settings.trunks.iter().map(|(name, trunk)| {
        let nets = trunk.peers.iter().filter_map(|peer| peer.parse().ok()).collect();
        let trunk = Trunk {
            name: name.as_str().into(),
            preserve_trace_context: trunk.preserve_trace_context,
            user_to_user: trunk.user_to_user,
            p_asserted_identity: trunk.p_asserted_identity,
            refer_to: trunk.refer_to.into(),
        };
        (Arc::new(trunk), nets)
    });
    trunks.collect()
}

/// How targets are connected to over TLS.
pub(crate) type Secured = HashMap<SocketAddr, SecuredBy>;

pub(crate) struct SecuredBy {
    /// What the certificate has to be for.
    pub(crate) name: ServerName<'static>,
    /// Where the next hop has a `tls` of its own.
    pub(crate) connector: Option<TlsConnector>,
}

/// In the order of their names.
pub(crate) async fn groups(settings: &Settings) -> Result<(Vec<Group>, Secured), String> {
    let (mut groups, mut names) = (Vec::new(), Secured::new());
    for (name, next_hop) in &settings.next_hops {
        let mut targets = Vec::new();
        let connector = next_hop.tls.as_ref().map(connector).transpose()?;
        let named = next_hop.tls.as_ref().and_then(ClientTls::server_name);
        for target in &next_hop.targets {
            let (target, host) = at(target).await?;
            if let Some(name) = named.clone().or_else(|| ServerName::try_from(host).ok()) {
                names.insert(target.address, SecuredBy { name, connector: connector.clone() });
            }
            targets.push(target);
        }
        let probing = next_hop.health.as_ref().map(probing);
        let (name, policy) = (name.clone(), policy(next_hop));
        groups.push(Group { name, targets, probing, tcp_when_large: next_hop.tcp_when_large, policy });
    }
    Ok((groups, names))
}

pub(crate) fn routes(settings: &Settings) -> Vec<Route> {
    let names: Vec<&String> = settings.next_hops.keys().collect();
    let routes = settings.routes.iter().filter_map(|route| {
        Some(Route {
            from: route.from.iter().map(|name| name.as_str().into()).collect(),
            strangers: route.strangers,
            methods: route.methods.clone(),
            user: route.user.as_deref().map(Pattern::new),
            host: route.host.as_deref().map(Pattern::new),
            to: names.iter().position(|name| **name == route.to)?,
        })
    });
    routes.collect()
}

async fn at(settings: &TargetSettings) -> Result<(Target, String), String> {
    let wrong = || format!("{}: not a SIP URI with a known transport", settings.uri);
    let uri = Uri::parse(settings.uri.as_bytes()).map_err(|_| wrong())?;
    let (host, port, transport) = target_of(&uri).ok_or_else(wrong)?;
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let ip = match bare.parse() {
        Ok(ip) => ip,
        Err(_) => resolved(bare).await.ok_or_else(|| format!("{bare}: this host has no address"))?,
    };
    let (weight, priority) = (settings.weight, settings.priority);
    let target = Target { weight, priority, ..Target::new(transport, SocketAddr::new(ip, port)) };
    Ok((target, bare.to_owned()))
}

fn policy(next_hop: &NextHop) -> Policy {
    Policy {
        failover: next_hop.on_failure == OnFailure::Next,
        redirects: next_hop.redirects == Redirects::Follow,
        fork: match next_hop.fork {
            Forks::No => Fork::No,
            Forks::Serial => Fork::Serial,
            Forks::Parallel => Fork::Parallel,
        },
        give_up_after: next_hop.give_up_after.nanos(),
    }
}

fn probing(health: &HealthSettings) -> Probing {
    let nanos = |duration: GoDuration| duration.nanos();
    let (interval, timeout) = (nanos(health.interval), nanos(health.timeout));
    Probing { interval, timeout, rise: health.rise.max(1), fall: health.fall.max(1) }
}
