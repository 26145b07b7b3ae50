//! TLS on both ports, and clients that have to show a certificate.

use std::net::SocketAddr;
use std::sync::Arc;

use flow::config::Node;
use pipeline::net::tls::ClientTls;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::client::{Http1, Http2, PROTOBUF, post};
use crate::setup::{Server, spans};
use ::tls::certificates::Certificates;

async fn server(files: &Certificates, tls: &str) -> Server {
    let both = format!(
        "protocols: {{grpc: {{endpoint: '127.0.0.1:0', tls: {tls}}}, http: {{endpoint: '127.0.0.1:0', tls: {tls}}}}}"
    );
    Server::start(&files.fill(&both)).await
}

async fn connect(
    files: &Certificates,
    yaml: &str,
    protocol: &str,
    address: SocketAddr,
) -> std::io::Result<TlsStream<TcpStream>> {
    let tls: ClientTls = Node::load("tls.yaml", &files.fill(yaml)).unwrap().parse().unwrap();
    let mut config = tls.client_config().unwrap();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

const SERVER: &str = "{cert_file: $/server.pem, key_file: $/server.key}";
const MUTUAL: &str = "{cert_file: $/server.pem, key_file: $/server.key, client_ca_file: $/ca.pem}";
const KNOWN: &str = "{ca_file: $/ca.pem, cert_file: $/client.pem, key_file: $/client.key}";
const ANONYMOUS: &str = "{ca_file: $/ca.pem}";

#[tokio::test]
async fn both_ports_speak_tls() {
    let files = Certificates::new();
    for (serving, connecting) in [(SERVER, ANONYMOUS), (MUTUAL, KNOWN)] {
        let server = server(&files, serving).await;
        let stream = connect(&files, connecting, "http/1.1", server.http()).await.unwrap();
        let mut http1 = Http1::over(stream).await;
        assert_eq!(http1.send(post(&[PROTOBUF], spans(1))).await.status, 200);
        let stream = connect(&files, connecting, "h2", server.http()).await.unwrap();
        let mut http2 = Http2::over(stream).await;
        assert_eq!(http2.send(post(&[PROTOBUF], spans(10_000))).await.status, 200);
        let stream = connect(&files, connecting, "h2", server.grpc()).await.unwrap();
        let mut grpc = Http2::over(stream).await;
        assert_eq!(grpc.export(&spans(100)).await.code, Some(0));
        assert_eq!(server.recorder.items(), 10_101);
        server.stop().await;
    }
}

/// Scenario: certificates and the clients' authority are replaced while the listener runs, first by files that do not fit
/// together.
/// Guarantees: new connections see the new ones; those that are open stay.
#[tokio::test]
async fn certificates_are_renewed() {
    let (files, next) = (Certificates::new(), Certificates::new());
    let mutual = "{cert_file: $/server.pem, key_file: $/server.key, client_ca_file: $/ca.pem, reload_interval: 1ms, reload_client_ca_file: true}";
    let server = server(&files, mutual).await;
    let stream = connect(&files, KNOWN, "http/1.1", server.http()).await.unwrap();
    let mut open = Http1::over(stream).await;
    assert_eq!(open.send(post(&[PROTOBUF], spans(1))).await.status, 200);

    std::fs::copy(next.path("server.key"), files.path("server.key")).unwrap();
    assert!(connect(&next, KNOWN, "http/1.1", server.http()).await.is_err(), "half of it is there");
    for name in ["server.pem", "ca.pem"] {
        std::fs::copy(next.path(name), files.path(name)).unwrap();
    }
    for address in [server.http(), server.grpc()] {
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
        loop {
            if let Ok(stream) = connect(&next, KNOWN, "h2", address).await {
                let mut client = Http2::over(stream).await;
                if address == server.grpc() {
                    assert_eq!(client.export(&spans(1)).await.code, Some(0));
                }
                break;
            }
            assert!(tokio::time::Instant::now() < deadline, "the old certificate is still in use");
        }
    }
    assert_eq!(open.send(post(&[PROTOBUF], spans(1))).await.status, 200, "its connection was made before");
    server.stop().await;
}

#[tokio::test]
async fn strangers_stay_outside() {
    let files = Certificates::new();
    let server = server(&files, MUTUAL).await;
    for address in [server.http(), server.grpc()] {
        // In TLS 1.3 the client learns of it with the first bytes that it reads.
        let refused = match connect(&files, ANONYMOUS, "h2", address).await {
            Err(error) => error,
            Ok(mut stream) => tokio::io::AsyncReadExt::read_u8(&mut stream).await.unwrap_err(),
        };
        assert!(refused.to_string().contains("CertificateRequired"), "{refused}");
        assert!(connect(&files, KNOWN, "gopher", address).await.is_err(), "no protocol in common");
    }
    let plain = crate::client::raw(server.http(), b"GET / HTTP/1.1\r\n\r\n").await;
    assert!(!plain.contains("HTTP/1.1"), "{plain:?}");
    assert!(server.recorder.taken().is_empty());
}
