//! Where a URI leads.

use std::net::{IpAddr, SocketAddr};

use throughline_sip::Uri;

use crate::hop::Transport;

/// Where a SIP URI leads, before its host is looked up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place<'a> {
    pub(super) host: &'a [u8],
    pub(super) port: u16,
    pub(super) transport: Transport,
}

impl<'a> Place<'a> {
    /// Nothing where the scheme is not of SIP or the transport is not known. The rest of RFC 3263 (NAPTR, SRV) is not
    /// asked: next hops of calls are configured, and contacts have addresses.
    pub(super) fn of(uri: &Uri<'a>) -> Option<Self> {
        let transport = transport(uri)?;
        let host = uri.params.value("maddr").unwrap_or(uri.host);
        Some(Self { host, port: uri.port.unwrap_or_else(|| transport.usual_port()), transport })
    }

    pub(super) fn address(&self) -> Option<SocketAddr> {
        ip(self.host).map(|ip| SocketAddr::new(ip, self.port))
    }
}

pub(super) fn transport(uri: &Uri<'_>) -> Option<Transport> {
    if !uri.is_sip() {
        return None;
    }
    let said = uri.params.value("transport").map(Transport::read);
    match (said, uri.is_sips()) {
        (None, false) => Some(Transport::Udp),
        (None | Some(Some(Transport::Udp | Transport::Tcp | Transport::Tls)), true) => Some(Transport::Tls),
        (Some(Some(Transport::Ws)), true) => Some(Transport::Wss),
        (Some(said), _) => said,
    }
}

/// An address as a URI or a Via has it: IPv6 in brackets.
pub(super) fn ip(host: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(host).ok()?;
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    bare.unwrap_or(text).parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_lead_somewhere() {
        for (uri, expected) in [
            ("sip:192.0.2.1", Some(("192.0.2.1", 5060, Transport::Udp))),
            ("sip:a@192.0.2.1:5070;transport=TCP", Some(("192.0.2.1", 5070, Transport::Tcp))),
            ("sips:a@192.0.2.1", Some(("192.0.2.1", 5061, Transport::Tls))),
            ("sips:a@h;transport=tcp", Some(("h", 5061, Transport::Tls))),
            ("sips:a@h;transport=ws", Some(("h", 443, Transport::Wss))),
            ("sip:a@h;transport=tls", Some(("h", 5061, Transport::Tls))),
            ("sip:a@h;transport=ws", Some(("h", 80, Transport::Ws))),
            ("sip:a@h;maddr=192.0.2.2", Some(("192.0.2.2", 5060, Transport::Udp))),
            ("sip:a@h;transport=sctp", None),
            ("tel:+49", None),
        ] {
            let uri = Uri::parse(uri.as_bytes()).unwrap();
            let place = Place::of(&uri);
            let expected =
                expected.map(|(host, port, transport)| Place { host: host.as_bytes(), port, transport });
            assert_eq!(place, expected, "{uri:?}");
        }
        assert_eq!(ip(b"[2001:db8::1]"), "2001:db8::1".parse().ok());
        assert_eq!(ip(b"[::ffff:192.0.2.1]"), "192.0.2.1".parse().ok());
        assert_eq!(ip(b"example.com"), None);
    }
}
