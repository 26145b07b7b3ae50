//! Where a path begins.

use std::fmt;
use std::str::FromStr;

use http::Uri;

/// `http://` or `https://` with a host; the port and the path are optional.
#[derive(Clone)]
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
    #[error("the URL of `{0}` holds a user name or a password: leave it out, and use --header")]
    Credentials(String),
}

impl FromStr for Address {
    type Err = WrongAddress;

    fn from_str(text: &str) -> Result<Self, WrongAddress> {
        let safe = || text.rsplit('@').next().unwrap_or_default().to_owned();
        let uri: Uri = text.parse().map_err(|_| WrongAddress::NotUrl(safe()))?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(WrongAddress::Scheme(safe())),
        };
        let authority = uri.authority().ok_or_else(|| WrongAddress::NotUrl(safe()))?;
        if authority.as_str().contains('@') {
            return Err(WrongAddress::Credentials(safe()));
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

/// Without the query, which may hold a secret.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, query) = self.path.split_once('?').map_or((&*self.path, ""), |(path, _)| (path, "?..."));
        write!(f, "{}://{}{path}{query}", if self.tls { "https" } else { "http" }, self.authority)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
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
            ("https://[::1]:8443/x?...".into(), "::1".into(), 8443)
        );
        for bad in
            ["", "a", "/a", "ftp://a", "http://", "http://u:secret@a/", "http://u:secret@", "x://u:secret@a"]
        {
            let error = at(bad).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
