//! Where a path begins.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use rustls::pki_types::ServerName;
use throughline_sip::Uri;

/// `sip:host`, with a port, and with `;transport=tcp` or `tls` where datagrams are not wanted; `sips:host` is the latter.
#[derive(Clone, Debug)]
pub struct Address {
    pub(super) transport: Transport,
    host: String,
    port: u16,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Transport {
    Udp,
    Tcp,
    Tls,
}

#[derive(Debug, thiserror::Error)]
pub enum WrongAddress {
    #[error("`{0}` is no SIP address; write it as sip:host:port, or sip:host:port;transport=tcp")]
    NotSip(String),
    #[error("`{0}` asks for a transport that the doctor does not speak: udp, tcp and tls are known")]
    Transport(String),
}

impl FromStr for Address {
    type Err = WrongAddress;

    fn from_str(text: &str) -> Result<Self, WrongAddress> {
        let wrong = || WrongAddress::NotSip(text.to_owned());
        let uri = Uri::parse(text.as_bytes()).map_err(|_| wrong())?;
        let host = std::str::from_utf8(uri.host).ok().filter(|host| !host.is_empty());
        let is_sip = uri.is_sip() || uri.is_sips();
        let host = host.filter(|_| is_sip && uri.user.is_none()).ok_or_else(wrong)?;
        let named = uri.params.value("transport").map(<[u8]>::to_ascii_lowercase);
        let transport = match (named.as_deref(), uri.is_sips()) {
            // The `tcp` of a sips URI is what TLS runs over.
            (Some(b"tls"), _) | (None | Some(b"tcp"), true) => Transport::Tls,
            (None | Some(b"udp"), false) => Transport::Udp,
            (Some(b"tcp"), false) => Transport::Tcp,
            _ => return Err(WrongAddress::Transport(text.to_owned())),
        };
        let usual = if transport == Transport::Tls { 5061 } else { 5060 };
        Ok(Self { transport, host: host.to_owned(), port: uri.port.unwrap_or(usual) })
    }
}

impl Transport {
    /// In a Via.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
        }
    }

    /// In a URI.
    pub(super) fn param(self) -> &'static str {
        match self {
            Self::Udp => "",
            Self::Tcp => ";transport=tcp",
            Self::Tls => ";transport=tls",
        }
    }
}

impl Address {
    pub(super) async fn resolve(&self) -> std::io::Result<SocketAddr> {
        let host = self.bare();
        let mut found = tokio::net::lookup_host((host, self.port)).await?;
        found.next().ok_or_else(|| std::io::Error::other(format!("{host} has no address")))
    }

    /// Whose certificate is expected.
    pub(super) fn certified(&self) -> std::io::Result<ServerName<'static>> {
        let wrong = |_| std::io::Error::other(format!("`{}` is no name for a certificate", self.host));
        ServerName::try_from(self.bare().to_owned()).map_err(wrong)
    }

    fn bare(&self) -> &str {
        self.host.trim_matches(['[', ']'])
    }
}

/// As it can be written again, and as a request URI.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sip:{}:{}{}", self.host, self.port, self.transport.param())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, read) in [
            ("sip:sbc.example", "sip:sbc.example:5060"),
            ("sip:[::1]:5070", "sip:[::1]:5070"),
            ("sip:10.0.0.5:5062;transport=TCP", "sip:10.0.0.5:5062;transport=tcp"),
            ("sip:sbc.example;transport=tls", "sip:sbc.example:5061;transport=tls"),
            ("sips:10.0.0.5:5062", "sip:10.0.0.5:5062;transport=tls"),
            ("sips:sbc.example;transport=tcp", "sip:sbc.example:5061;transport=tls"),
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), read);
        }
        for wrong in [
            "",
            "10.0.0.5",
            "http://a",
            "sips:a;transport=udp",
            "sip:a;transport=ws",
            "sip:user@a",
            "sip:",
            "tel:+49",
        ] {
            assert!(wrong.parse::<Address>().is_err(), "{wrong}");
        }
    }
}
