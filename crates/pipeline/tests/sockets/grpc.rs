//! OTLP/gRPC: calls, codings, and errors as gRPC has them.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use expect_test::expect;
use flow::{Outlets, Refusal, Signal};
use futures_util::{StreamExt, stream};
use http::{Method, Request};
use http_body_util::StreamBody;
use hyper::body::Frame;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use pipeline::net::coding::{self, Coding};

use crate::client::{EXPORT, Http2, framed, request};
use crate::setup::{BOTH, Recorder, Server, spans};

#[tokio::test]
async fn calls_succeed() {
    let server = Server::start(BOTH).await;
    let mut connection = Http2::open(server.grpc()).await;
    for _ in 0..3 {
        let called = connection.export(&spans(2)).await;
        assert_eq!((called.code, called.trailers_only), (Some(0), false));
        assert_eq!(called.answer.header("content-type"), "application/grpc");
        assert_eq!(&*called.answer.body, [0; 5], "one empty message");
    }
    let empty = connection.export(&[]).await;
    assert_eq!(empty.code, Some(0));
    assert_eq!(server.recorder.items(), 6);
}

#[tokio::test]
async fn every_signal_has_its_service() {
    let server = Server::start(BOTH).await;
    let mut connection = Http2::open(server.grpc()).await;
    let span_or_record = b"\x0a\x04\x12\x02\x12\x00";
    let gauge_with_a_point = b"\x0a\x08\x12\x06\x12\x04\x2a\x02\x0a\x00";
    for (name, signal, message) in [
        ("trace.v1.Trace", Signal::Traces, &span_or_record[..]),
        ("metrics.v1.Metrics", Signal::Metrics, gauge_with_a_point),
        ("logs.v1.Logs", Signal::Logs, span_or_record),
    ] {
        let path = format!("/opentelemetry.proto.collector.{name}Service/Export");
        assert_eq!(connection.call(&path, &[], framed(0, message)).await.code, Some(0), "{path}");
        let taken = server.recorder.taken().pop().unwrap();
        assert_eq!((taken.signal, taken.items, &*taken.bytes), (signal, 1, message));
    }
}

#[tokio::test]
async fn every_coding() {
    let server = Server::start(BOTH).await;
    let mut connection = Http2::open(server.grpc()).await;
    for coding in Coding::ALL {
        let body = coding::encode(coding, &[spans(2000).into()], None).unwrap();
        let flag = u8::from(coding != Coding::Identity);
        let called = connection.call(EXPORT, &[("grpc-encoding", coding.name())], framed(flag, &body)).await;
        assert_eq!(called.code, Some(0), "{coding:?}: {}", called.line());
        assert_eq!(server.recorder.taken().last().unwrap().bytes, spans(2000), "{coding:?}");
    }
    let plain = connection.call(EXPORT, &[("grpc-encoding", "gzip")], framed(0, &spans(1))).await;
    assert_eq!(plain.code, Some(0), "a single message may stay uncompressed");
}

#[tokio::test]
async fn errors_say_what_is_wrong() {
    let server =
        Server::start("protocols: {grpc: {endpoint: '127.0.0.1:0', max_recv_msg_size_mib: 1}}").await;
    let mut connection = Http2::open(server.grpc()).await;
    let bomb = coding::encode(Coding::Gzip, &[vec![0; (1 << 20) + 1].into()], None).unwrap();
    let two = [framed(0, &spans(1)), framed(0, &spans(1))].concat();
    let gzip = ("grpc-encoding", "gzip");
    let mut lines = String::new();
    for (name, path, headers, body) in [
        ("another service", "/grpc.health.v1.Health/Check", vec![], framed(0, b"")),
        (
            "profiles",
            "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export",
            vec![],
            framed(0, b""),
        ),
        ("no message", EXPORT, vec![], vec![]),
        ("half a prefix", EXPORT, vec![], vec![0, 0]),
        ("two messages", EXPORT, vec![], two),
        ("less than announced", EXPORT, vec![], framed(0, &spans(1))[..30].to_vec()),
        ("flag 2", EXPORT, vec![], framed(2, &spans(1))),
        ("compressed, and not how", EXPORT, vec![], framed(1, &spans(1))),
        ("unknown coding", EXPORT, vec![("grpc-encoding", "br")], framed(1, &spans(1))),
        ("not gzip", EXPORT, vec![gzip], framed(1, &spans(1))),
        ("bomb", EXPORT, vec![gzip], framed(1, &bomb)),
        ("too large", EXPORT, vec![], framed(0, &vec![0; (1 << 20) + 1])),
        ("announced too large", EXPORT, vec![], vec![0, 255, 255, 255, 255, 1]),
        ("malformed", EXPORT, vec![], framed(0, b"\x0a\xff")),
        ("not UTF-8 é", EXPORT, vec![], framed(0, b"\x0a\x03\x1a\x01\xff")),
        ("gRPC-Web", EXPORT, vec![("content-type", "application/grpc-web+proto")], framed(0, b"")),
        ("JSON", EXPORT, vec![("content-type", "application/json")], b"{}".to_vec()),
    ] {
        let called = connection.call(path, &headers, body).await;
        lines.push_str(&format!("{name}: {}\n", called.line()));
        if called.code == Some(12) {
            assert_eq!(called.answer.header("grpc-accept-encoding"), "identity,gzip,zstd,snappy,deflate");
        }
    }
    let get =
        connection.send(request(Method::GET, EXPORT, &[("content-type", "application/grpc")], "")).await;
    lines.push_str(&format!("GET: {}\n", get.line()));
    expect![[r#"
        another service: 12 "no pipeline takes /grpc.health.v1.Health/Check"
        profiles: 12 "no pipeline takes /opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export"
        no message: 3 "a request without a message"
        half a prefix: 3 "a request without a message"
        two messages: 3 "more than one message in a request; Export takes one"
        less than announced: 3 "a message of 88 bytes announced, 25 came"
        flag 2: 3 "compressed flag 2; it is 0 or 1"
        compressed, and not how: 13 "a compressed message without a grpc-encoding that says how"
        unknown coding: 12 "grpc-encoding \"br\" is not supported; use gzip, zstd, snappy or identity"
        not gzip: 3 "the gzip body cannot be read: invalid gzip header"
        bomb: 8 "the body is larger than 1048576 bytes once decompressed; send smaller batches or raise the limit"
        too large: 8 "the body is larger than 1048581 bytes; send smaller batches or raise the limit"
        announced too large: 8 "a message of 4294967295 bytes, and 1048576 are allowed; send smaller batches or raise the limit"
        malformed: 3 "ExportTraceServiceRequest.resourceSpans at byte 0: the message ends inside a field"
        not UTF-8 é: 3 "ExportTraceServiceRequest.resourceSpans.schemaUrl at byte 0: not valid UTF-8"
        gRPC-Web: HTTP 415 | 
        JSON: HTTP 415 | 
        GET: 405 | allow: POST | 
    "#]].assert_eq(&lines);
    assert!(server.recorder.taken().is_empty());
    assert_eq!(connection.export(&spans(1)).await.code, Some(0), "the connection is as good as new");
}

#[tokio::test]
async fn refusals_carry_retry_info() {
    let server = Server::start(BOTH).await;
    let mut connection = Http2::open(server.grpc()).await;
    let mut lines = String::new();
    for refusal in [
        Refusal::busy("the queue of \"otlp\" is full – 100 %", Duration::from_millis(2500)),
        Refusal::bug("never"),
    ] {
        *server.recorder.refusal.lock().unwrap() = Some(refusal);
        lines.push_str(&format!("{}\n", connection.export(&spans(1)).await.line()));
    }
    *server.recorder.admission.lock().unwrap() = Some(Refusal::busy("no memory", Duration::from_secs(9)));
    lines.push_str(&format!("{}\n", connection.export(&spans(1)).await.line()));
    expect![[r#"
        14 "the queue of \"otlp\" is full – 100 %" retry after 2.5s
        13 "never"
        14 "no memory" retry after 9s
    "#]]
    .assert_eq(&lines);
}

#[tokio::test]
async fn signals_without_a_pipeline_are_unimplemented() {
    let recorder = Arc::new(Recorder::default());
    let mut outlets = Outlets::default();
    outlets.set(Signal::Logs, Arc::clone(&recorder) as _);
    let server = Server::with(BOTH, recorder, outlets).await.unwrap();
    let called = Http2::open(server.grpc()).await.export(&spans(1)).await;
    expect![[r#"12 "no pipeline takes /opentelemetry.proto.collector.trace.v1.TraceService/Export""#]]
        .assert_eq(&called.line());
}

#[tokio::test]
async fn metadata_travels_where_it_is_asked_for() {
    let server = Server::start("protocols: {grpc: {endpoint: '127.0.0.1:0', include_metadata: true}}").await;
    let headers = [("x-tenant", "blue"), ("authorization", "Bearer secret"), ("x-key-bin", "AAEC")];
    Http2::open(server.grpc()).await.call(EXPORT, &headers, framed(0, &spans(1))).await;
    let client = &server.recorder.taken()[0].client;
    assert_eq!(client.header("x-tenant").collect::<Vec<_>>(), ["blue"]);
    assert_eq!(client.header("authorization").next(), None);
}

#[tokio::test]
async fn many_calls_at_once_on_one_connection() {
    let server = Server::start(BOTH).await;
    let connection = Http2::open(server.grpc()).await;
    let calls = (0..500).map(|_| {
        let mut connection = Http2(connection.0.clone());
        tokio::spawn(async move { connection.export(&spans(20)).await.code })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap(), Some(0));
    }
    assert_eq!(server.recorder.items(), 10_000);
    assert_eq!(server.metric("otelcol_receiver_accepted_spans", &[("transport", "grpc")]), 10_000.0);
}

#[tokio::test]
async fn a_call_ends_at_its_deadline() {
    let server = Server::start(BOTH).await;
    let stream = tokio::net::TcpStream::connect(server.grpc()).await.unwrap();
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let begun = Ok::<_, Infallible>(Frame::data(Bytes::from(framed(0, &spans(9))).slice(..50)));
    let body = StreamBody::new(stream::once(async { begun }).chain(stream::pending()));
    let request = Request::post(format!("http://throughline{EXPORT}"))
        .header("content-type", "application/grpc")
        .header("grpc-timeout", "50m")
        .body(Box::pin(body))
        .unwrap();
    let answer = sender.send_request(request).await.unwrap();
    let header = |name| answer.headers().get(name).unwrap().to_str().unwrap();
    assert_eq!(
        (header("grpc-status"), header("grpc-message")),
        ("4", "the message did not arrive within 50ms")
    );
    assert_eq!(server.ctx.memory.held(), 0);
}
