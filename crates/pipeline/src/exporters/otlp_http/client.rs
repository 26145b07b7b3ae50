//! The HTTP client: connections that are kept, over TCP or TLS.

use std::time::Duration;

use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::endpoint::Endpoints;
use super::settings::Settings;
use crate::exporters::otlp::body::Chunks;
use crate::net::tls::{ClientTls, TlsError};

pub(super) type HttpClient = Client<HttpsConnector<HttpConnector>, Chunks>;

/// Finds out about peers that vanished without a word.
const TCP_KEEPALIVE: Duration = Duration::from_secs(60);
/// For all addresses of a name: one that does not answer leaves time for the next.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A client for these addresses; it connects when it has something to send.
pub(super) fn connect(settings: &Settings, endpoints: &Endpoints) -> Result<HttpClient, TlsError> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(TCP_KEEPALIVE));
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    let tls =
        if endpoints.is_secure() { settings.tls.client_config()? } else { ClientTls::trusting_nobody()? };
    let builder = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
    let builder = match settings.tls.server_name() {
        Some(name) => builder.with_server_name_resolver(FixedServerNameResolver::new(name)),
        None => builder,
    };
    let connector = match settings.force_attempt_http2 {
        true => builder.enable_all_versions().wrap_connector(tcp),
        false => builder.enable_http1().wrap_connector(tcp),
    };
    let mut client = Client::builder(TokioExecutor::new());
    client.timer(TokioTimer::new()).pool_timer(TokioTimer::new());
    client.pool_idle_timeout(non_zero(settings.idle_conn_timeout.get()));
    client.pool_max_idle_per_host(idle_connections(settings));
    if let Some(interval) = non_zero(settings.http2_read_idle_timeout.get()) {
        client.http2_keep_alive_interval(interval);
        client.http2_keep_alive_timeout(
            non_zero(settings.http2_ping_timeout.get()).unwrap_or(Duration::from_secs(15)),
        );
    }
    Ok(client.build(connector))
}

fn non_zero(duration: Duration) -> Option<Duration> {
    Some(duration).filter(|duration| !duration.is_zero())
}

/// 0 is no limit in the settings, and none at all in the client.
fn idle_connections(settings: &Settings) -> usize {
    if settings.disable_keep_alives {
        return 0;
    }
    let limits = [settings.max_idle_conns, settings.max_idle_conns_per_host];
    limits.into_iter().filter(|limit| *limit > 0).min().unwrap_or(usize::MAX)
}
