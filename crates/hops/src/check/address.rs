//! Where a path begins.

use std::fmt;
use std::str::FromStr;

use http::Uri;

/// `http://` or `https://` with a host; the port and the path are optional.
#[derive(Clone, Debug)]
pub struct Address {
    pub(super) tls: bool,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) authority: String,
    pub(super) path: String,
}

#[derive(Debug, thiserror::Error)]
pub enum WrongAddress {
    #[error("`{0}` is not a URL; write it as http://host:port/path")]
    NotUrl(String),
    #[error("`{0}` is neither http:// nor https://")]
    Scheme(String),
    #[error("`{0}` holds a user name or a password; the doctor sends none: leave it out")]
    Credentials(String),
}

impl FromStr for Address {
    type Err = WrongAddress;

    fn from_str(text: &str) -> Result<Self, WrongAddress> {
        let uri: Uri = text.parse().map_err(|_| WrongAddress::NotUrl(text.to_owned()))?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(WrongAddress::Scheme(text.to_owned())),
        };
        let authority = uri.authority().ok_or_else(|| WrongAddress::NotUrl(text.to_owned()))?;
        if authority.as_str().contains('@') {
            let safe = text.rsplit_once('@').map_or("", |(_, rest)| rest);
            return Err(WrongAddress::Credentials(safe.to_owned()));
        }
        Ok(Self {
            tls,
            host: authority.host().trim_matches(['[', ']']).to_owned(),
            port: authority.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            authority: authority.to_string(),
            path: uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string),
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", if self.tls { "https" } else { "http" }, self.authority, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let at = |text: &str| text.parse::<Address>().map(|a| (a.to_string(), a.host.clone(), a.port));
        assert_eq!(at("http://a").unwrap(), ("http://a/".into(), "a".into(), 80));
        assert_eq!(
            at("https://[::1]:8443/x?y").unwrap(),
            ("https://[::1]:8443/x?y".into(), "::1".into(), 8443)
        );
        for bad in ["", "a", "/a", "ftp://a", "http://", "http://u:secret@a/"] {
            let error = at(bad).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
