//! The way to a host: its name, a connection, TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;
use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::{PATIENCE, Report};

const NO_WAY: &str = "open the way out to it in the firewall, or name your proxy in HTTPS_PROXY";
const NO_NAME: &str =
    "check the region, this machine's name server (/etc/resolv.conf), or name your proxy in HTTPS_PROXY";
const NO_TLS: &str = "if a proxy on the way opens TLS, name its certificate with `ca_file`; if a certificate is not valid yet or no more, look at the clock of this machine";

/// Tries the way to a host as requests go it; false where it does not lead there.
pub(super) async fn host(
    url: &Url,
    proxies: &Matcher,
    tls: &Arc<rustls::ClientConfig>,
    report: &mut Report,
) -> bool {
    let name = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let port = url.port_or_known_default().unwrap_or(443);
    let secure = url.scheme() == "https";
    if !secure {
        let found = format!("requests to {name} go without TLS, the secret too: for a simulator alone");
        report.note("TLS", found);
    }
    if let Some((proxy, proxy_port)) = proxy(url.as_str(), proxies) {
        report.note("proxy", format!("requests to {name} go through {proxy}:{proxy_port}"));
        // Behind the proxy only a request can tell; the token is the first.
        return connect(&proxy, proxy_port, report).await.is_some();
    }
    let Some(tcp) = connect(name, port, report).await else { return false };
    !secure || handshake(name, tcp, tls, report).await
}

/// The proxy that the environment names for an address, without its password.
pub(super) fn proxy(address: &str, proxies: &Matcher) -> Option<(String, u16)> {
    let address: Uri = address.parse().ok()?;
    let proxy = proxies.intercept(&address)?;
    let uri = proxy.uri();
    let usual = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    Some((uri.host()?.trim_matches(['[', ']']).to_owned(), uri.port_u16().unwrap_or(usual)))
}

async fn connect(name: &str, port: u16, report: &mut Report) -> Option<TcpStream> {
    let found = in_time(async { Ok(lookup_host((name, port)).await?.collect::<Vec<SocketAddr>>()) }).await;
    let addresses = match found {
        Ok(addresses) => addresses,
        Err(error) => {
            report.fail("DNS", format!("{name} has no address: {error}"), NO_NAME);
            return None;
        }
    };
    let list: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
    report.ok("DNS", format!("{name} is {}", list.join(", ")));
    match in_time(TcpStream::connect(addresses.as_slice())).await {
        Ok(tcp) => {
            report.ok("TCP", format!("{name}:{port} answers"));
            Some(tcp)
        }
        Err(error) => {
            report.fail("TCP", format!("{name}:{port} cannot be connected to: {error}"), NO_WAY);
            None
        }
    }
}

async fn handshake(name: &str, tcp: TcpStream, tls: &Arc<rustls::ClientConfig>, report: &mut Report) -> bool {
    let Ok(server) = ServerName::try_from(name.to_owned()) else {
        report.fail("TLS", format!("{name} is not a name that a certificate can have"), "check the region");
        return false;
    };
    match in_time(TlsConnector::from(Arc::clone(tls)).connect(server, tcp)).await {
        Ok(stream) => {
            let version = stream.get_ref().1.protocol_version().and_then(|version| version.as_str());
            let version = version.unwrap_or("TLS").replace('_', ".").replace("TLSv", "TLS ");
            report.ok("TLS", format!("{name} has a certificate that is believed ({version})"));
            true
        }
        Err(error) => {
            report.fail("TLS", format!("{name}: {error}"), NO_TLS);
            false
        }
    }
}

async fn in_time<T>(what: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let late = || io::Error::new(io::ErrorKind::TimedOut, format!("nothing within {PATIENCE:?}"));
    timeout(PATIENCE, what).await.unwrap_or_else(|_| Err(late()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_named_without_its_password() {
        let proxies = Matcher::builder()
            .https("http://user:s3cret@proxy.example:3128")
            .no("streaming.mypurecloud.ie")
            .build();
        let found = |address| proxy(address, &proxies);
        assert_eq!(found("https://api.mypurecloud.ie/"), Some(("proxy.example".to_owned(), 3128)));
        assert_eq!(found("https://streaming.mypurecloud.ie/"), None);
        assert_eq!(found("http://127.0.0.1:8300/"), None);
    }
}
