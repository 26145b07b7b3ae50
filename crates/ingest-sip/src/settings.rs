//! The section of `sip`.

mod check;
mod compile;

use std::collections::BTreeMap;

use flow::config::{GoDuration, Opaque};
use serde::Deserialize;
use tls::{ClientTls, ServerTls};

use crate::call::Numbers;
use crate::hop::Transport;
use crate::trunk::ReferTo;
pub(crate) use check::check;
pub(crate) use compile::{Secured, advertised, calls, groups, routes, secret, trunks};

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Sockets. The first of a transport is the one that calls go out of where none fits better.
    pub(crate) listen: Vec<Listen>,
    /// `host` or `host:port` in Via and Record-Route, where peers reach the edge by another name than its address.
    pub(crate) advertise: String,
    /// `Server` in answers of the edge itself; none where it is empty (RFC 3261, section 20.35).
    pub(crate) server: String,
    /// What marks are made with, in place of a key that a restart forgets.
    pub(crate) secret: Opaque,
    pub(crate) trunks: BTreeMap<String, TrunkSettings>,
    pub(crate) next_hops: BTreeMap<String, NextHop>,
    /// The first that fits decides where a new call goes.
    pub(crate) routes: Vec<RouteSettings>,
    pub(crate) limits: LimitSettings,
    /// How numbers look on spans.
    pub(crate) numbers: Numbers,
    /// For pseudonyms of numbers, so that they are the same after a restart and beside other edges.
    pub(crate) number_key: Opaque,
    /// `cloud.region` of the spans.
    pub(crate) region: String,
    /// For connections that the edge opens.
    pub(crate) tls: Option<ClientTls>,
    /// A connection over which nothing comes is closed.
    pub(crate) idle_timeout: GoDuration,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Listen {
    pub(crate) transport: Transports,
    pub(crate) endpoint: String,
    pub(crate) tls: Option<ServerTls>,
    /// In place of the one for all.
    pub(crate) advertise: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Transports {
    #[default]
    Udp,
    Tcp,
    Tls,
    Ws,
    Wss,
}

#[derive(Clone, PartialEq, Default, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TrunkSettings {
    /// Addresses and networks.
    pub(crate) peers: Vec<String>,
    pub(crate) preserve_trace_context: bool,
    pub(crate) user_to_user: bool,
    pub(crate) p_asserted_identity: bool,
    pub(crate) refer_to: ReferTos,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ReferTos {
    #[default]
    Token,
    Headers,
    Nothing,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NextHop {
    pub(crate) targets: Vec<TargetSettings>,
    /// In place of the one for all.
    pub(crate) tls: Option<ClientTls>,
    pub(crate) health: Option<HealthSettings>,
    /// Large requests go over TCP, as the standard asks; the targets must listen there too.
    pub(crate) tcp_when_large: bool,
    pub(crate) on_failure: OnFailure,
    pub(crate) redirects: Redirects,
    pub(crate) fork: Forks,
    /// How long a target may take to answer anything, where one of these three asks for state.
    pub(crate) give_up_after: GoDuration,
}

/// Where a target answers 503, does not answer, or cannot be reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OnFailure {
    #[default]
    Stay,
    Next,
}

/// Where a target answers 3xx.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Redirects {
    #[default]
    Pass,
    Follow,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Forks {
    #[default]
    No,
    Serial,
    Parallel,
}

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TargetSettings {
    /// `sip:host:port;transport=tcp`
    pub(crate) uri: String,
    pub(crate) weight: u32,
    /// Lower ones first.
    pub(crate) priority: u32,
}

#[derive(Clone, Copy, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HealthSettings {
    pub(crate) interval: GoDuration,
    pub(crate) timeout: GoDuration,
    pub(crate) rise: u32,
    pub(crate) fall: u32,
}

#[derive(Clone, PartialEq, Default, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RouteSettings {
    /// Names of trunks.
    pub(crate) from: Vec<String>,
    pub(crate) strangers: bool,
    pub(crate) methods: Vec<String>,
    pub(crate) user: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) to: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LimitSettings {
    /// Requests a second from one address that belongs to no trunk.
    pub(crate) stranger_requests_per_second: u32,
    pub(crate) trunk_requests_per_second: u32,
    /// INVITEs with state at once; further ones are passed on without.
    pub(crate) transactions: usize,
    /// Hosts that Routes and contacts name, known or looked up at once; with nought they have to be addresses.
    pub(crate) hosts: usize,
    /// Calls that are watched at once; for a further one the oldest leaves with the spans it has.
    pub(crate) calls: usize,
    /// A call that says nothing for so long is given up, unless its parties agreed on a Session-Expires.
    pub(crate) longest_call: GoDuration,
    /// The same before it is answered.
    pub(crate) longest_setup: GoDuration,
    pub(crate) connections: usize,
    pub(crate) connections_per_address: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: vec![Listen::default()],
            advertise: String::new(),
            server: "Throughline".to_owned(),
            secret: Opaque::default(),
            trunks: BTreeMap::new(),
            next_hops: BTreeMap::new(),
            routes: Vec::new(),
            limits: LimitSettings::default(),
            numbers: Numbers::default(),
            number_key: Opaque::default(),
            region: String::new(),
            tls: None,
            idle_timeout: GoDuration::from_secs(600),
        }
    }
}

impl Default for Listen {
    fn default() -> Self {
        let endpoint = "127.0.0.1:5060".to_owned();
        Self { transport: Transports::Udp, endpoint, tls: None, advertise: String::new() }
    }
}

impl Default for NextHop {
    fn default() -> Self {
        Self {
            targets: Vec::new(),
            tls: None,
            health: None,
            tcp_when_large: false,
            on_failure: OnFailure::default(),
            redirects: Redirects::default(),
            fork: Forks::default(),
            give_up_after: GoDuration::from_secs(4),
        }
    }
}

impl Default for TargetSettings {
    fn default() -> Self {
        Self { uri: String::new(), weight: 1, priority: 0 }
    }
}

impl Default for HealthSettings {
    fn default() -> Self {
        let (interval, timeout) = (GoDuration::from_secs(10), GoDuration::from_secs(4));
        Self { interval, timeout, rise: 1, fall: 2 }
    }
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            stranger_requests_per_second: 20,
            trunk_requests_per_second: 0,
            transactions: 10_000,
            hosts: 1024,
            calls: 100_000,
            longest_call: GoDuration::from_secs(4 * 3600),
            longest_setup: GoDuration::from_secs(300),
            connections: 4096,
            connections_per_address: 256,
        }
    }
}

impl From<Transports> for Transport {
    fn from(transport: Transports) -> Self {
        match transport {
            Transports::Udp => Self::Udp,
            Transports::Tcp => Self::Tcp,
            Transports::Tls => Self::Tls,
            Transports::Ws => Self::Ws,
            Transports::Wss => Self::Wss,
        }
    }
}

impl From<ReferTos> for ReferTo {
    fn from(refer_to: ReferTos) -> Self {
        match refer_to {
            ReferTos::Token => Self::Token,
            ReferTos::Headers => Self::Headers,
            ReferTos::Nothing => Self::Nothing,
        }
    }
}
