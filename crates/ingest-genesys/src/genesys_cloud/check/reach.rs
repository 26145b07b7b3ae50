//! The way to a host: its name, a connection, TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use http::Uri;
use reqwest::Url;
use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::{PATIENCE, Report};
use crate::platform::{self, Blocked, Io, Proxies, Proxy, plain};

const NO_WAY: &str =
    "open the way out to it in the firewall, or name your proxy with `proxy_url` or HTTPS_PROXY";
const NO_NAME: &str = "check the region, this machine's name server (/etc/resolv.conf), or name your proxy with `proxy_url` or HTTPS_PROXY";
const NO_TLS: &str = "if a proxy on the way opens TLS, name its certificate with `ca_file`; if a certificate is not valid yet or no more, look at the clock of this machine";

/// Tries the way to a host as requests and sockets go it; false where it does not lead there.
pub(super) async fn host(
    url: &Url,
    proxies: &Proxies,
    tls: &Arc<rustls::ClientConfig>,
    report: &mut Report,
) -> bool {
    let name = plain(url.host_str().unwrap_or_default());
    let port = url.port_or_known_default().unwrap_or(443);
    let secure = url.scheme() == "https";
    if !secure {
        let found = format!("requests to {name} go without TLS, the secret too: for a simulator alone");
        report.note("TLS", found);
    }
    let uri: Uri = url.as_str().parse().unwrap_or_default();
    let Some(proxy) = proxies.of(&uri) else {
        let Some(tcp) = connect(&name, port, report).await else { return false };
        return !secure || handshake(&name, Box::new(tcp), tls, report).await;
    };
    report.note("proxy", format!("requests to {name} go through {proxy}"));
    if connect(&proxy.host, proxy.port, report).await.is_none() {
        return false;
    }
    // Requests without TLS are told to the proxy one by one: the token is the first.
    !secure || through((&name, port), &proxy, tls, report).await
}

/// A way through the proxy, and TLS in it.
async fn through(
    (name, port): (&str, u16),
    proxy: &Proxy,
    tls: &Arc<rustls::ClientConfig>,
    report: &mut Report,
) -> bool {
    let late =
        || Blocked { by_proxy: true, why: format!("the proxy {proxy} says nothing within {PATIENCE:?}") };
    let way = timeout(PATIENCE, platform::connect((name, port), Some(proxy), tls)).await;
    match way.unwrap_or_else(|_| Err(late())) {
        Ok(way) => {
            report.ok("proxy", format!("{proxy} opened a way to {name}:{port}"));
            handshake(name, way, tls, report).await
        }
        Err(blocked) => {
            report.fail("proxy", blocked.why, "");
            false
        }
    }
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

async fn handshake(
    name: &str,
    way: Box<dyn Io>,
    tls: &Arc<rustls::ClientConfig>,
    report: &mut Report,
) -> bool {
    let Ok(server) = ServerName::try_from(name.to_owned()) else {
        report.fail("TLS", format!("{name} is not a name that a certificate can have"), "check the region");
        return false;
    };
    match in_time(TlsConnector::from(Arc::clone(tls)).connect(server, way)).await {
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
