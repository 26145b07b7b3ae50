//! Names and addresses of the edge itself.

use std::net::{IpAddr, SocketAddr};

use throughline_sip::{Uri, Via};

use super::place;
use crate::hop::Transport;

/// One socket that the edge listens on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listener {
    pub transport: Transport,
    pub address: SocketAddr,
    /// Host and port as Via and Record-Route have them.
    pub host: String,
    pub port: u16,
    sent_by: String,
}

impl Listener {
    /// `advertised` is what peers see in place of the address.
    pub fn new(transport: Transport, address: SocketAddr, advertised: Option<(&str, Option<u16>)>) -> Self {
        let host = advertised.map_or_else(|| written(address.ip()), |(host, _)| host.to_owned());
        let port = advertised.and_then(|(_, port)| port).unwrap_or(address.port());
        let sent_by = format!("{host}:{port}");
        Self { transport, address, host, port, sent_by }
    }

    /// `host:port`
    pub fn sent_by(&self) -> &str {
        &self.sent_by
    }

    fn is(&self, host: &[u8], port: u16) -> bool {
        let named = host.eq_ignore_ascii_case(self.host.as_bytes()) && port == self.port;
        named || (port == self.address.port() && place::ip(host) == Some(self.address.ip()))
    }
}

/// All of them.
#[derive(Clone, Default, Debug)]
pub(super) struct Own(Vec<Listener>);

impl Own {
    pub(super) fn new(listeners: Vec<Listener>) -> Self {
        Self(listeners)
    }

    pub(super) fn get(&self, listener: u16) -> Option<&Listener> {
        self.0.get(usize::from(listener))
    }

    pub(super) fn is_uri(&self, uri: &Uri<'_>) -> bool {
        uri.is_sip() && {
            let port = uri.port.unwrap_or_else(|| place::transport(uri).map_or(5060, Transport::usual_port));
            self.is(uri.host, port)
        }
    }

    pub(super) fn is_via(&self, via: &Via<'_>) -> bool {
        let usual = || Transport::read(via.transport).map_or(5060, Transport::usual_port);
        self.is(via.host, via.port.unwrap_or_else(usual))
    }

    pub(super) fn is_address(&self, address: SocketAddr) -> bool {
        self.0.iter().any(|listener| listener.address == address)
    }

    /// The socket to send from: the one that the message came to where that fits, else the first that does. For a
    /// connection that is opened any will do, since answers come back over it.
    pub(super) fn outgoing(&self, transport: Transport, to: IpAddr, came_to: u16) -> Option<u16> {
        let fits = |listener: &Listener| {
            listener.transport == transport && listener.address.is_ipv4() == to.is_ipv4()
        };
        if self.get(came_to).is_some_and(fits) {
            return Some(came_to);
        }
        let same = self.0.iter().position(fits);
        let any = || if transport.is_stream() && !self.0.is_empty() { Some(0) } else { None };
        same.or_else(any)?.try_into().ok()
    }

    fn is(&self, host: &[u8], port: u16) -> bool {
        self.0.iter().any(|listener| listener.is(host, port))
    }
}

fn written(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}
