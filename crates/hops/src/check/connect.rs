//! Connections, plain or with TLS.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{Address, Extra};
use crate::outcome::Outcome;
use crate::probe::{Mark, Probe, Protocol};
use crate::seen::QUERY;
use crate::trust::{self, WrongFile};

/// How to check.
#[derive(Clone, Debug)]
pub struct Options {
    pub protocols: Vec<Protocol>,
    /// How often each probe is sent.
    pub rounds: u16,
    /// Of one request.
    pub timeout: Duration,
    /// Marks the run; two runs at once do not mix.
    pub run: u64,
    /// Whose certificates are accepted.
    pub roots: Arc<RootCertStore>,
    /// What the path asks for besides.
    pub extra: Extra,
}

impl Options {
    pub fn new(run: u64) -> Self {
        let protocols = Protocol::HTTP.to_vec();
        Self {
            protocols,
            rounds: 3,
            timeout: Duration::from_secs(5),
            run,
            roots: Arc::new(RootCertStore::empty()),
            extra: Extra::default(),
        }
    }

    /// Accepts what the system accepts, and the certificates of this file.
    pub fn trust(&mut self, file: Option<&Path>) -> Result<(), WrongFile> {
        self.roots = Arc::new(trust::roots(file)?);
        Ok(())
    }
}

pub(super) struct Connector<'a> {
    pub(super) address: &'a Address,
    pub(super) extra: &'a Extra,
    roots: Arc<RootCertStore>,
}

pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

impl<'a> Connector<'a> {
    pub(super) fn new(address: &'a Address, options: &'a Options) -> Self {
        Self { address, extra: &options.extra, roots: Arc::clone(&options.roots) }
    }

    /// A connection of its own for each request, so that nothing of one request touches the next.
    pub(super) async fn open(&self, http2: bool) -> Result<Box<dyn Stream>, Outcome> {
        let Address { host, port, tls, .. } = self.address;
        let unreachable = |error: std::io::Error| Outcome::Unreachable(format!("no connection: {error}"));
        let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        if !tls {
            return Ok(Box::new(stream));
        }
        let mut config = trust::client(Arc::clone(&self.roots), None)
            .map_err(|error| Outcome::Unreachable(error.to_string()))?;
        let wanted: &[u8] = if http2 { b"h2" } else { b"http/1.1" };
        config.alpn_protocols = vec![wanted.to_vec()];
        let name = ServerName::try_from(host.clone())
            .map_err(|_| Outcome::Unreachable(format!("`{host}` is no name for a certificate")))?;
        let connected = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
        let stream = connected.map_err(|error| Outcome::Unreachable(format!("TLS: {error}")))?;
        if http2 && stream.get_ref().1.alpn_protocol() != Some(b"h2") {
            return Err(Outcome::NotSpoken("the TLS handshake did not agree on HTTP/2".to_owned()));
        }
        Ok(Box::new(stream))
    }

    /// The path with the mark in its query.
    pub(super) fn target(&self, probe: &Probe, mark: Mark) -> String {
        // Products route gRPC by service; a path that was asked for is kept.
        let path = match (probe.protocol, self.address.path.as_str()) {
            (Protocol::Grpc, "/") => "/throughline.hops.v1.Echo/Seen",
            (_, path) => path,
        };
        format!("{path}{}{QUERY}{mark}", if path.contains('?') { '&' } else { '?' })
    }
}
