//! What connections go through: restarts, breaks, load, limits, TLS.

use std::convert::Infallible;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;

use super::*;
use crate::net::tls::certificates::Certificates;

#[tokio::test]
async fn one_connection_lasts() {
    let server = Server::start(taken).await;
    let out = exporter(&server, "endpoint: 'http://@'");
    for _ in 0..3 {
        out.export(&batch()).await.unwrap();
    }
    assert_eq!(server.take().iter().map(|seen| seen.connection).collect::<Vec<_>>(), [0, 0, 0]);
}

#[tokio::test]
async fn a_restarted_server_is_found_again() {
    let first = Server::start(taken).await;
    let out = exporter(&first, "endpoint: 'http://@'");
    out.export(&batch()).await.unwrap();
    let address = first.stop().await;
    let gone = out.export(&batch()).await;
    assert!(matches!(gone, Err(ExportError::Retry { after: None, .. })), "{gone:?}");
    let second = Server::start_at(address, taken).await;
    out.export(&batch()).await.unwrap();
    assert_eq!(second.take().len(), 1);
}

#[tokio::test]
async fn wait_for_ready_waits() {
    let first = Server::start(taken).await;
    let out = exporter(&first, "{endpoint: 'http://@', wait_for_ready: true, timeout: 1m}");
    let address = first.stop().await;
    let export = tokio::spawn(async move { out.export(&batch()).await });
    let second = Server::start_at(address, taken).await;
    export.await.unwrap().unwrap();
    assert_eq!(second.take().len(), 1);
}

#[tokio::test]
async fn whatever_breaks_is_tried_again() {
    let silent = Server::silent().await;
    let out = exporter(&silent, "{endpoint: 'http://@', timeout: 50ms}");
    for _ in 0..2 {
        let result = out.export(&batch()).await;
        assert_eq!(shown(&silent, &result), "retry after None: @: no answer within 50ms");
    }
    let connections: Vec<_> = silent.take().iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [0, 1], "a connection that a call was given up on may be dead");

    let breaking = Server::breaking(1, taken).await;
    let out = exporter(&breaking, "endpoint: 'http://@'");
    let result = out.export(&batch()).await;
    assert!(matches!(result, Err(ExportError::Retry { after: None, .. })), "{result:?}");
    out.export(&batch()).await.unwrap();
}

#[tokio::test]
async fn load_opens_connections() {
    let gate = Arc::new(Semaphore::new(0));
    let server = Server::gated(Arc::clone(&gate), taken).await;
    let out = exporter(&server, "{endpoint: 'http://@', timeout: 1m}");
    let mut calls = JoinSet::new();
    for count in 1..=40 {
        let out = Arc::clone(&out);
        calls.spawn(async move { out.export(&batch()).await });
        server.requests(count).await;
    }
    gate.add_permits(40);
    while let Some(result) = calls.join_next().await {
        result.unwrap().unwrap();
    }
    let seen = server.take();
    let used = (0..5).map(|nth| seen.iter().filter(|seen| seen.connection == nth).count());
    let used: Vec<_> = used.filter(|calls| *calls > 0).collect();
    assert!(used.len() > 1 && used.len() <= 4, "{used:?}");
}

#[tokio::test]
async fn over_tls() {
    let certificates = Certificates::new();
    let plain = Server::start(taken).await;
    let one_way = "{cert_file: $/server.pem, key_file: $/server.key}";
    let one_way = Server::start_tls(&certificates, one_way, taken).await;
    let mutual = "{cert_file: $/server.pem, key_file: $/server.key, client_ca_file: $/ca.pem}";
    let mutual = Server::start_tls(&certificates, mutual, taken).await;
    let named = "{cert_file: $/named.pem, key_file: $/named.key}";
    let named = Server::start_tls(&certificates, named, taken).await;
    let table = [
        (&one_way, "endpoint: '@'\ntls: {ca_file: $/ca.pem}", "sent"),
        (&one_way, "endpoint: 'https://@'\ntls: {insecure: true, ca_file: $/ca.pem}", "sent"),
        (
            &one_way,
            "endpoint: '@'\ntls: {ca_file: $/client.pem}",
            "UnknownIssuer (trust the server's authority",
        ),
        (&one_way, "endpoint: 'http://@'", "retry"),
        (
            &mutual,
            "endpoint: '@'\ntls: {ca_file: $/ca.pem, cert_file: $/client.pem, key_file: $/client.key}",
            "sent",
        ),
        (&mutual, "endpoint: '@'\ntls: {ca_file: $/ca.pem}", "retry"),
        (&named, "endpoint: '@'\ntls: {ca_file: $/ca.pem}", "not valid for name"),
        (&named, "endpoint: '@'\ntls: {ca_file: $/ca.pem, server_name_override: collector.example}", "sent"),
        (&named, "endpoint: '@'\nauthority: 'collector.example:1'\ntls: {ca_file: $/ca.pem}", "sent"),
        (&plain, "endpoint: '@'\ntls: {ca_file: $/ca.pem}", "the server does not speak TLS"),
    ];
    for (server, yaml, expected) in table {
        let out = exporter(server, &certificates.fill(yaml));
        let line = shown(server, &out.export(&batch()).await);
        assert!(line.contains(expected), "{yaml}: {line}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn over_a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("otel.sock");
    let server = Server::start_unix(&path, taken).await;
    let yaml = format!("{{endpoint: 'unix://{}', tls: {{insecure: true}}}}", path.display());
    let out = exporter(&server, &yaml);
    out.export(&batch()).await.unwrap();
    assert_eq!(server.one().uri.authority().unwrap(), "localhost");
}

/// Takes one call at a time on each connection, and after each call asks the client to come back on another one.
async fn retiring(listener: TcpListener) {
    let mut open = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        open.spawn(async move {
            let served = Notify::new();
            let service = service_fn(|_| {
                served.notify_one();
                std::future::ready(Ok::<_, Infallible>(grpc_reply(b"", &[("grpc-status", "0")])))
            });
            let mut server = http2::Builder::new(TokioExecutor::new());
            server.max_concurrent_streams(1);
            let mut connection = std::pin::pin!(server.serve_connection(TokioIo::new(stream), service));
            tokio::select! {
                result = connection.as_mut() => drop(result),
                () = served.notified() => {
                    connection.as_mut().graceful_shutdown();
                    drop(connection.await);
                }
            }
        });
    }
}

#[tokio::test]
async fn a_server_may_retire_its_connections() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(retiring(listener));
    let section = Node::load("c.yaml", &format!("endpoint: http://{address}")).unwrap();
    let out = OtlpGrpc::new(&section.parse().unwrap(), "otlp_grpc".into()).unwrap();
    for _ in 0..20 {
        let (batch, other) = (batch(), batch());
        let (first, second) = tokio::join!(out.export(&batch), out.export(&other));
        first.unwrap();
        second.unwrap();
    }
    server.abort();
}
