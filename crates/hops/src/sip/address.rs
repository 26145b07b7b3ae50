//! Where a path begins.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use throughline_sip::Uri;

/// `sip:host`, with a port, and with `;transport=tcp` where datagrams are not wanted.
#[derive(Clone, Debug)]
pub struct Address {
    pub(super) stream: bool,
    host: String,
    port: u16,
}

#[derive(Debug, thiserror::Error)]
pub enum WrongAddress {
    #[error("`{0}` is no SIP address; write it as sip:host:port, or sip:host:port;transport=tcp")]
    NotSip(String),
    #[error("`{0}` asks for TLS: the doctor speaks UDP and TCP; give the address of a listener for those")]
    Tls(String),
    #[error("`{0}` asks for a transport that the doctor does not speak: udp and tcp are known")]
    Transport(String),
}

impl FromStr for Address {
    type Err = WrongAddress;

    fn from_str(text: &str) -> Result<Self, WrongAddress> {
        let wrong = || WrongAddress::NotSip(text.to_owned());
        let uri = Uri::parse(text.as_bytes()).map_err(|_| wrong())?;
        if uri.is_sips() {
            return Err(WrongAddress::Tls(text.to_owned()));
        }
        let host = std::str::from_utf8(uri.host).ok().filter(|host| !host.is_empty());
        let host = host.filter(|_| uri.is_sip() && uri.user.is_none()).ok_or_else(wrong)?;
        let transport = uri.params.value("transport").unwrap_or(b"udp").to_ascii_lowercase();
        let stream = match transport.as_slice() {
            b"udp" => false,
            b"tcp" => true,
            _ => return Err(WrongAddress::Transport(text.to_owned())),
        };
        Ok(Self { stream, host: host.to_owned(), port: uri.port.unwrap_or(5060) })
    }
}

impl Address {
    pub(super) async fn resolve(&self) -> std::io::Result<SocketAddr> {
        let host = self.host.trim_matches(['[', ']']);
        let mut found = tokio::net::lookup_host((host, self.port)).await?;
        found.next().ok_or_else(|| std::io::Error::other(format!("{host} has no address")))
    }
}

/// As it can be written again, and as a request URI.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sip:{}:{}{}", self.host, self.port, if self.stream { ";transport=tcp" } else { "" })
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
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), read);
        }
        for wrong in
            ["", "10.0.0.5", "http://a", "sips:a", "sip:a;transport=ws", "sip:user@a", "sip:", "tel:+49"]
        {
            assert!(wrong.parse::<Address>().is_err(), "{wrong}");
        }
    }
}
