//! Connections from bind to stop: ports, clients that hang up, limits of time, places.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use expect_test::expect;
use flow::{Outlets, Refusal};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::client::{EXPORT, Http1, Http2, PROTOBUF, framed, http, post, raw};
use crate::setup::{BOTH, Server, spans};

const HEAD: &str = "POST /v1/traces HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-protobuf\r\n";

#[tokio::test]
async fn a_taken_port_is_said_to_be_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    for host in ["127.0.0.1", "localhost"] {
        let section = format!("protocols: {{http: {{endpoint: '{host}:{port}'}}}}");
        let start = Server::with(&section, Arc::default(), Outlets::default()).await;
        let error = start.err().unwrap().to_string().replace(&port.to_string(), "PORT").replace(host, "HOST");
        expect!["otlp: HOST:PORT is taken by another process; stop that one, or set another address"]
            .assert_eq(&error);
    }
}

#[tokio::test]
async fn an_address_of_another_machine_cannot_be_had() {
    let section = "protocols: {grpc: {endpoint: '192.0.2.1:4317'}}";
    let error = Server::with(section, Arc::default(), Outlets::default()).await.err().unwrap().to_string();
    assert!(error.ends_with("; this machine does not have that address"), "{error}");
}

#[tokio::test]
async fn what_was_taken_travels_on_without_its_client() {
    let server = Server::start(BOTH).await;
    let gate = Arc::new(Semaphore::new(0));
    *server.recorder.gate.lock().unwrap() = Some(Arc::clone(&gate));

    let mut client = TcpStream::connect(server.http()).await.unwrap();
    let body = spans(2);
    client.write_all(format!("{HEAD}content-length: {}\r\n\r\n", body.len()).as_bytes()).await.unwrap();
    client.write_all(&body).await.unwrap();
    server.recorder.arrived.notified().await;
    drop(client);

    let mut client = Http2::open(server.grpc()).await;
    let call = tokio::spawn(async move { client.export(&spans(3)).await });
    server.recorder.arrived.notified().await;
    call.abort();

    while server.metric("throughline_receiver_abandoned_requests", &[]) < 2.0 {
        tokio::task::yield_now().await;
    }
    tokio::join!(server.stop(), async { gate.add_permits(2) });
    assert_eq!(server.recorder.items(), 5, "and the stop has waited for them");
    let accepted = |transport| server.metric("otelcol_receiver_accepted_spans", &[("transport", transport)]);
    assert_eq!((accepted("http"), accepted("grpc")), (2.0, 3.0));
}

#[tokio::test]
async fn half_a_body_leaves_nothing_behind() {
    let server = Server::start(BOTH).await;
    let mut client = TcpStream::connect(server.http()).await.unwrap();
    client.write_all(format!("{HEAD}content-length: 100\r\n\r\nhalf").as_bytes()).await.unwrap();
    drop(client);
    let mut good = Http1::open(server.http()).await;
    assert_eq!(good.send(post(&[PROTOBUF], spans(1))).await.status, 200);
    drop(good);
    server.stop().await;
    assert_eq!(server.recorder.items(), 1);
    assert_eq!(server.ctx.memory.held(), 0);
}

#[tokio::test]
async fn a_stop_finishes_open_requests_and_takes_no_new_ones() {
    let server = Server::start(BOTH).await;
    let gate = Arc::new(Semaphore::new(0));
    *server.recorder.gate.lock().unwrap() = Some(Arc::clone(&gate));
    let (http_address, grpc_address) = (server.http(), server.grpc());
    let idle = (Http1::open(http_address).await, Http2::open(grpc_address).await);
    let open = tokio::spawn(http(http_address, post(&[PROTOBUF], spans(1))));
    server.recorder.arrived.notified().await;
    let mut client = Http2::open(grpc_address).await;
    let call = tokio::spawn(async move { client.export(&spans(1)).await });
    server.recorder.arrived.notified().await;

    tokio::join!(server.stop(), async {
        for address in [http_address, grpc_address] {
            while TcpStream::connect(address).await.is_ok() {
                tokio::task::yield_now().await;
            }
        }
        gate.add_permits(2);
    });
    let answer = open.await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.header("connection")), (200, "close"));
    assert_eq!(call.await.unwrap().code, Some(0));
    drop(idle);
}

#[tokio::test]
async fn limits_of_time() {
    let server = Server::start(
        "protocols: {http: {endpoint: '127.0.0.1:0', read_timeout: 100ms, read_header_timeout: 100ms, \
         idle_timeout: 100ms}}",
    )
    .await;
    assert_eq!(raw(server.http(), b"").await, "", "said nothing");
    assert_eq!(raw(server.http(), b"POST /v1/traces HT").await, "", "said half a head");
    let slow = raw(server.http(), format!("{HEAD}content-length: 100\r\n\r\nslow").as_bytes()).await;
    assert!(slow.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{slow}");
    assert!(slow.contains("the body did not arrive within 100ms"), "{slow}");
    let endless = format!("{HEAD}transfer-encoding: chunked\r\n\r\n1\r\na\r\n");
    assert!(raw(server.http(), endless.as_bytes()).await.starts_with("HTTP/1.1 408 "));
    let body = spans(1);
    let idle = [format!("{HEAD}content-length: {}\r\n\r\n", body.len()).into_bytes(), body].concat();
    assert!(raw(server.http(), &idle).await.starts_with("HTTP/1.1 200 "), "and then closed as idle");
}

#[tokio::test]
async fn old_connections_are_asked_to_go() {
    let server = Server::start(
        "protocols: {grpc: {endpoint: '127.0.0.1:0', keepalive: {server_parameters: {max_connection_age: 5s}}}}",
    )
    .await;
    let mut connection = Http2::open(server.grpc()).await;
    assert_eq!(connection.export(&spans(1)).await.code, Some(0));
    while connection.0.ready().await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert_eq!(Http2::open(server.grpc()).await.export(&spans(1)).await.code, Some(0));
}

/// Scenario: a client that sends all of its body before it looks for an answer.
/// Guarantees: it reads the answer, although most of the body is never read.
#[tokio::test]
async fn a_refusal_reaches_those_who_write_first() {
    let server = Server::start(BOTH).await;
    let mut client = TcpStream::connect(server.http()).await.unwrap();
    client.write_all(format!("{HEAD}content-length: {}\r\n\r\n", 64 << 20).as_bytes()).await.unwrap();
    let chunk = vec![0; 1 << 20];
    for _ in 0..64 {
        client.write_all(&chunk).await.unwrap();
    }
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn a_small_refused_body_does_not_cost_the_connection() {
    let server = Server::start(BOTH).await;
    let busy = Refusal::busy("no memory", Duration::from_secs(1));
    let mut connection = Http1::open(server.http()).await;
    *server.recorder.admission.lock().unwrap() = Some(busy);
    assert_eq!(connection.send(post(&[PROTOBUF], spans(500))).await.status, 503);
    *server.recorder.admission.lock().unwrap() = None;
    assert_eq!(connection.send(post(&[PROTOBUF], spans(1))).await.status, 200);
}

#[tokio::test]
async fn a_call_that_is_reset_is_no_error_for_the_others() {
    let server = Server::start(BOTH).await;
    let client = Http2::open(server.grpc()).await;
    for _ in 0..50 {
        let mut doomed = Http2(client.0.clone());
        let body = framed(0, &spans(50));
        let call = tokio::spawn(async move { doomed.call(EXPORT, &[], body).await });
        tokio::task::yield_now().await;
        call.abort();
    }
    let mut client = client;
    assert_eq!(client.export(&spans(1)).await.code, Some(0));
}

#[tokio::test]
async fn nobody_listens_after_the_stop() {
    let server = Server::start(BOTH).await;
    server.stop().await;
    for address in [server.http(), server.grpc()] {
        let refused = TcpStream::connect(address).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    }
}
