//! The forms that an endpoint can have.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use http::uri::Authority;

/// Where to connect to, and whether the address itself says with or without TLS.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Target {
    pub(super) place: Place,
    pub(super) tls: Option<bool>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Place {
    Tcp(Authority),
    Unix(PathBuf),
}

/// What a name stands for, ready to be connected to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// What is wrong with an endpoint, and the mend.
pub(super) type Complaint = (String, String);

impl Target {
    pub(super) fn read(endpoint: &str) -> Result<Self, Complaint> {
        if endpoint.is_empty() {
            return Err(("`endpoint` is required".into(), "write for example `127.0.0.1:4317`".into()));
        }
        for (scheme, tls) in [("http://", Some(false)), ("https://", Some(true))] {
            if let Some(rest) = endpoint.strip_prefix(scheme) {
                let host = rest.strip_suffix('/').unwrap_or(rest);
                return Ok(Self { place: Place::Tcp(host_and_port(host)?), tls });
            }
        }
        if let Some(path) = endpoint.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() {
                return Err(("the path of the socket is missing".into(), "write unix:///path".into()));
            }
            return Ok(Self { place: Place::Unix(path.into()), tls: None });
        }
        let named = ["dns:", "passthrough:"].into_iter().find_map(|scheme| endpoint.strip_prefix(scheme));
        let host = match named {
            None => endpoint,
            Some(rest) => match rest.strip_prefix("//") {
                None => rest,
                Some(rest) => rest.strip_prefix('/').ok_or_else(|| {
                    let mend = "write dns:///host:port; the system's name server is asked";
                    ("a name server cannot be chosen".to_owned(), mend.to_owned())
                })?,
            },
        };
        Ok(Self { place: Place::Tcp(host_and_port(host)?), tls: None })
    }

    /// What calls name as their server where nothing else is set.
    pub(super) fn authority(&self) -> &str {
        match &self.place {
            Place::Tcp(authority) => authority.as_str(),
            Place::Unix(_) => "localhost",
        }
    }

    /// The name that a certificate must bear where nothing else is set.
    pub(super) fn host(&self) -> &str {
        match &self.place {
            Place::Tcp(authority) => authority.host().trim_matches(['[', ']']),
            Place::Unix(_) => "localhost",
        }
    }

    pub(super) async fn resolve(&self) -> io::Result<Vec<Address>> {
        match &self.place {
            Place::Unix(path) => Ok(vec![Address::Unix(path.clone())]),
            Place::Tcp(authority) => {
                let mut addresses = Vec::new();
                for address in tokio::net::lookup_host(authority.as_str()).await?.map(Address::Tcp) {
                    if !addresses.contains(&address) {
                        addresses.push(address);
                    }
                }
                Ok(addresses)
            }
        }
    }
}

fn host_and_port(text: &str) -> Result<Authority, Complaint> {
    let wrong = |what: &str, mend: String| Err((what.to_owned(), mend));
    let example = || "write host and port, for example `127.0.0.1:4317`".to_owned();
    if text.contains('@') {
        return wrong("credentials cannot stand in an endpoint", "send them in `headers`".into());
    }
    if text.contains('/') {
        return wrong("a gRPC endpoint has no path", "write host and port only, or use `otlp_http`".into());
    }
    match text.parse::<Authority>() {
        Ok(authority) if authority.host().is_empty() => wrong("the host is missing", example()),
        Ok(authority) if authority.port_u16().is_none() => {
            wrong("the port is missing", format!("write `{}:4317`", authority.host()))
        }
        Ok(authority) => Ok(authority),
        Err(_) => wrong("it is not a host and a port", example()),
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Tcp(authority) => f.write_str(authority.as_str()),
            Place::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn all_forms_are_read() {
        let table = [
            ("127.0.0.1:4317", "127.0.0.1:4317", None),
            ("collector.example:4317", "collector.example:4317", None),
            ("[::1]:4317", "[::1]:4317", None),
            ("http://h:4317", "h:4317", Some(false)),
            ("https://h:4317/", "h:4317", Some(true)),
            ("dns:///h:4317", "h:4317", None),
            ("dns:h:4317", "h:4317", None),
            ("passthrough:///h:4317", "h:4317", None),
            ("unix:///run/otel.sock", "unix:/run/otel.sock", None),
            ("unix:otel.sock", "unix:otel.sock", None),
        ];
        for (endpoint, shown, tls) in table {
            let target = Target::read(endpoint).unwrap();
            assert_eq!((target.to_string().as_str(), target.tls), (shown, tls), "{endpoint}");
        }
        assert_eq!(Target::read("[::1]:4317").unwrap().host(), "::1");
    }

    #[test]
    fn wrong_forms_are_explained() {
        let table = [
            ("", "`endpoint` is required"),
            ("localhost", "the port is missing"),
            ("https://h", "the port is missing"),
            (":4317", "the host is missing"),
            ("h:99999", "the port is missing"),
            ("http://h:4317/v1/traces", "a gRPC endpoint has no path"),
            ("user:secret@h:4317", "credentials cannot stand in an endpoint"),
            ("dns://8.8.8.8/h:4317", "a name server cannot be chosen"),
            ("a b:4317", "it is not a host and a port"),
            ("unix://", "the path of the socket is missing"),
        ];
        for (endpoint, expected) in table {
            let (what, mend) = Target::read(endpoint).unwrap_err();
            assert_eq!(what, expected, "{endpoint}");
            assert!(!mend.contains("secret"));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_judged(text in "\\PC*|((dns|unix|https?|passthrough):/{0,3})?[a-z\\[\\]:.@/]{0,12}:[0-9]{1,6}") {
            if let Ok(target) = Target::read(&text) {
                prop_assert!(!target.host().is_empty() || target.to_string().starts_with('['));
                prop_assert!(!target.to_string().contains('@') || text.starts_with("unix:"));
            }
        }
    }

    #[tokio::test]
    async fn names_become_addresses() {
        let addresses = Target::read("127.0.0.1:4317").unwrap().resolve().await.unwrap();
        assert_eq!(addresses, [Address::Tcp(([127, 0, 0, 1], 4317).into())]);
    }
}
