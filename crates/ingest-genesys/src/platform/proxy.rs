//! The proxy on the way to the service: the configured one, else that of the environment.

mod tunnel;

use std::fmt;
use std::sync::Arc;

use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::ClientBuilder;
use tokio::net::TcpStream;

use super::base::Base;

pub(super) use tunnel::refused;
pub(crate) use tunnel::{Blocked, Io, tls_over};

/// Which way addresses are reached.
pub struct Proxies {
    matcher: Matcher,
    /// Everything goes through it.
    configured: Option<reqwest::Proxy>,
}

/// One proxy.
#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The way to it is TLS too.
    secure: bool,
    login: Option<HeaderValue>,
}

impl Default for Proxies {
    /// Those of the environment.
    fn default() -> Self {
        Self { matcher: Matcher::from_system(), configured: None }
    }
}

impl Proxies {
    /// `proxy_url` of a section: `http://user:password@host:port`. Nothing means the environment: HTTPS_PROXY,
    /// HTTP_PROXY, ALL_PROXY and NO_PROXY.
    pub fn new(proxy_url: &str) -> Result<Self, String> {
        if proxy_url.is_empty() {
            return Ok(Self::default());
        }
        let wrong =
            || "write `http://host:port`, with `user:password@` before the host where it wants a login";
        let uri: Uri = proxy_url.parse().map_err(|_| wrong())?;
        let known = matches!(uri.scheme_str(), Some("http" | "https"));
        if !known || uri.host().is_none_or(str::is_empty) {
            return Err(wrong().to_owned());
        }
        let configured = Some(reqwest::Proxy::all(proxy_url).map_err(|_| wrong())?);
        Ok(Self { matcher: Matcher::builder().all(proxy_url).build(), configured })
    }

    /// Sends a client's requests the same way.
    pub(super) fn on(&self, client: ClientBuilder, base: &Base) -> ClientBuilder {
        match &self.configured {
            Some(proxy) => client.proxy(proxy.clone()),
            // What runs on this machine is not reached through another one.
            None if is_here(base.api.host_str().unwrap_or_default()) => client.no_proxy(),
            None => client,
        }
    }

    /// The one for an address of any of `http`, `https`, `ws` and `wss`.
    pub(crate) fn of(&self, address: &Uri) -> Option<Proxy> {
        let host = address.host()?;
        if self.configured.is_none() && is_here(host) {
            return None;
        }
        let secure = matches!(address.scheme_str(), Some("https" | "wss"));
        let asked = format!("{}://{host}/", if secure { "https" } else { "http" });
        let found = self.matcher.intercept(&asked.parse().ok()?)?;
        let (uri, login) = (found.uri(), found.basic_auth().cloned());
        let secure = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        Some(Proxy { host: plain(uri.host()?), port, secure, login })
    }
}

/// Logins are not printed.
impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxies").field("configured", &self.configured.is_some()).finish_non_exhaustive()
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// A connection to a host, through its proxy where there is one.
pub(crate) async fn connect(
    (host, port): (&str, u16),
    proxy: Option<&Proxy>,
    tls: &Arc<rustls::ClientConfig>,
) -> Result<Box<dyn Io>, Blocked> {
    let at = proxy.map_or((host, port), |proxy| (proxy.host.as_str(), proxy.port));
    let tcp = TcpStream::connect(at).await.map_err(|error| Blocked::unreachable(at.0, proxy, &error))?;
    tcp.set_nodelay(true).map_err(|error| Blocked::unreachable(at.0, proxy, &error))?;
    let Some(proxy) = proxy else { return Ok(Box::new(tcp)) };
    let stream: Box<dyn Io> = match proxy.secure {
        true => tls_over(Box::new(tcp), &proxy.host, tls)
            .await
            .map_err(|error| Blocked::unreachable(at.0, Some(proxy), &error))?,
        false => Box::new(tcp),
    };
    tunnel::open(stream, proxy, host, port).await
}

/// A host of an address, without the brackets of IPv6.
pub(crate) fn plain(host: &str) -> String {
    host.trim_matches(['[', ']']).to_owned()
}

fn is_here(host: &str) -> bool {
    flow::config::is_loopback(host.trim_matches(['[', ']']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(proxies: &Proxies, address: &str) -> Option<String> {
        proxies.of(&address.parse().unwrap()).map(|proxy| proxy.to_string())
    }

    #[test]
    fn a_configured_proxy_is_for_everything() {
        let proxies = Proxies::new("http://user:s3cret@proxy.example:3128").unwrap();
        for address in
            ["https://api.mypurecloud.ie/", "wss://streaming.mypurecloud.ie/c", "ws://127.0.0.1:8300/c"]
        {
            assert_eq!(found(&proxies, address).as_deref(), Some("proxy.example:3128"), "{address}");
        }
        assert!(!format!("{proxies:?}").contains("s3cret"), "{proxies:?}");
        assert_eq!(found(&Proxies::new("https://[::1]").unwrap(), "https://a/").as_deref(), Some("::1:443"));
    }

    #[test]
    fn the_environment_names_what_goes_past_it() {
        let matcher =
            Matcher::builder().https("http://proxy.example:3128").no("streaming.mypurecloud.ie").build();
        let proxies = Proxies { matcher, configured: None };
        for (address, expected) in [
            ("https://api.mypurecloud.ie/", Some("proxy.example:3128")),
            ("wss://api.mypurecloud.ie:8443/x", Some("proxy.example:3128")),
            ("wss://streaming.mypurecloud.ie/c", None),
            ("ws://api.mypurecloud.ie/", None),
            ("https://127.0.0.1:8300/", None),
            ("wss://[::1]:8300/", None),
            ("wss://localhost/", None),
        ] {
            assert_eq!(found(&proxies, address).as_deref(), expected, "{address}");
        }
    }

    #[test]
    fn what_is_no_proxy_is_refused() {
        for text in ["proxy.example:3128", "socks5://proxy.example", "http://", "/", "http://a b"] {
            assert!(Proxies::new(text).unwrap_err().starts_with("write `http://host:port`"), "{text}");
        }
    }
}
