use std::time::Duration;

use flate2::write::GzEncoder;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use std::io::Write;

use super::*;
use crate::load::{Connection, Reply, Target};

const SOON: Duration = Duration::from_secs(10);

fn request(spans: usize) -> Vec<u8> {
    let scope_spans = vec![ScopeSpans { spans: vec![Span::default(); spans], ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

async fn connect(sink: &Sink, format: Format, gzip: bool) -> Connection {
    Connection::open(&Target { address: sink.address(), format, gzip }).await.unwrap()
}

const ACCEPTED: Reply = Reply::Accepted { rejected: 0 };

/// Every format, plain and gzip, is counted and kept as it was meant.
#[tokio::test]
async fn all_formats_are_counted_and_kept() {
    let sink = Sink::start(Options::default().keeping()).await.unwrap();
    let plain = request(3);
    let json = br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{},{},{}]}]}]}"#;
    let bodies = [
        (Format::Protobuf, false, plain.clone()),
        (Format::Protobuf, true, gzip(&plain)),
        (Format::Json, false, json.to_vec()),
        (Format::Json, true, gzip(json)),
        (Format::Grpc, false, grpc::frame(&plain, false).to_vec()),
        (Format::Grpc, true, grpc::frame(&gzip(&plain), true).to_vec()),
    ];
    let wire_bytes = bodies.iter().map(|(_, _, body)| body.len() as u64).sum::<u64>();
    for (format, gzip, body) in bodies {
        let reply = connect(&sink, format, gzip).await.send(body.into()).await;
        assert_eq!(reply, ACCEPTED, "{format:?}, gzip {gzip}");
    }
    let counts = sink.wait_for(18, SOON).await.unwrap();
    assert_eq!(counts, Counts { requests: 6, spans: 18, wire_bytes, ..Counts::default() });
    for received in sink.received().iter().filter(|received| received.format != Format::Json) {
        assert_eq!(received.message, plain);
        assert_eq!(received.traces().unwrap().encode_to_vec(), plain);
    }
}

#[tokio::test]
async fn a_path_that_is_not_taken_is_refused() {
    let sink = Sink::start(Options::only("/v1/traces/v1/traces")).await.unwrap();
    for format in [Format::Protobuf, Format::Grpc] {
        let body = Bytes::from(request(1));
        let body = if format == Format::Grpc { grpc::frame(&body, false) } else { body };
        let reply = connect(&sink, format, false).await.send(body).await;
        assert!(matches!(&reply, Reply::Refused(reason) if reason.contains("no path")), "{reply:?}");
    }
    assert_eq!(sink.counts(), Counts { misdirected: 2, ..Counts::default() });
}

#[tokio::test]
async fn refusals_say_when_to_come_back() {
    let sink = Sink::start(Options::default()).await.unwrap();
    let wait = Some(Duration::from_secs(7));
    for (format, code) in
        [(Format::Protobuf, 429), (Format::Protobuf, 503), (Format::Grpc, 429), (Format::Grpc, 503)]
    {
        sink.set(Behaviour::status(code, Some(7)));
        let body = if format == Format::Grpc { grpc::frame(&request(1), false) } else { request(1).into() };
        let reply = connect(&sink, format, false).await.send(body).await;
        assert_eq!(reply, Reply::Busy { retry_after: wait }, "{format:?} {code}");
    }
    sink.set(Behaviour::status(400, None));
    let reply = connect(&sink, Format::Protobuf, false).await.send(request(1).into()).await;
    assert!(matches!(reply, Reply::Refused(_)), "{reply:?}");
    assert_eq!(sink.counts(), Counts { refused: 5, ..Counts::default() });
}

#[tokio::test]
async fn every_second_request_is_refused() {
    let sink = Sink::start(Options::default()).await.unwrap();
    sink.set(Behaviour::status(503, None).every(2));
    let mut connection = connect(&sink, Format::Protobuf, false).await;
    let mut accepted = 0;
    for _ in 0..10 {
        accepted += u64::from(connection.send(request(2).into()).await == ACCEPTED);
    }
    assert_eq!(accepted, 5);
    assert_eq!((sink.spans(), sink.counts().refused), (10, 5));
}

#[tokio::test]
async fn a_hanging_request_is_answered_when_the_sink_recovers() {
    let sink = Sink::start(Options { behaviour: Behaviour::hang(), ..Options::default() }).await.unwrap();
    let mut connection = connect(&sink, Format::Protobuf, false).await;
    let mut pending = Box::pin(connection.send(request(1).into()));
    assert!(tokio::time::timeout(Duration::from_millis(50), &mut pending).await.is_err());
    sink.set(Behaviour::default());
    assert_eq!(pending.await, ACCEPTED);
}

#[tokio::test]
async fn a_refusing_sink_has_no_listener_and_comes_back_on_its_port() {
    let sink = Sink::start(Options::default()).await.unwrap();
    let mut connection = connect(&sink, Format::Protobuf, false).await;
    assert_eq!(connection.send(request(1).into()).await, ACCEPTED);
    sink.set(Behaviour::refuse());
    let target = Target { address: sink.address(), format: Format::Protobuf, gzip: false };
    tokio::time::timeout(SOON, async { while Connection::open(&target).await.is_ok() {} }).await.unwrap();
    assert_eq!(connection.send(request(1).into()).await, Reply::Unsent);
    let other = tokio::net::TcpSocket::new_v4().unwrap();
    assert!(other.bind(sink.address()).is_err(), "nobody else gets its port meanwhile");
    sink.set(Behaviour::default());
    let mut again = tokio::time::timeout(SOON, async {
        loop {
            match Connection::open(&target).await {
                Ok(connection) => return connection,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    })
    .await
    .unwrap();
    assert_eq!(again.send(request(1).into()).await, ACCEPTED);
    assert_eq!(sink.spans(), 2);
}

#[tokio::test]
async fn what_is_not_otlp_is_told_so() {
    let sink = Sink::start(Options::default()).await.unwrap();
    let bad = [
        (Format::Protobuf, false, &b"\x0a\x05ab"[..]),
        (Format::Protobuf, true, b"not gzip"),
        (Format::Json, false, b"{"),
        (Format::Grpc, false, b"\0\0\0\0\x09a"),
    ];
    for (format, gzip, body) in bad {
        let reply = connect(&sink, format, gzip).await.send(Bytes::from_static(body)).await;
        assert!(matches!(reply, Reply::Refused(_)), "{format:?}: {reply:?}");
    }
    assert_eq!(sink.counts(), Counts { unreadable: 4, ..Counts::default() });
}

#[tokio::test]
async fn missing_spans_are_named() {
    let sink = Sink::start(Options::default()).await.unwrap();
    let missing = sink.wait_for(1, Duration::from_millis(1)).await.unwrap_err();
    assert!(missing.to_string().starts_with("1 spans were awaited for 1ms"), "{missing}");
}

#[tokio::test]
async fn the_control_endpoint_changes_the_behaviour() {
    let control = Some((Ipv4Addr::LOCALHOST, 0).into());
    let sink = Sink::start(Options { control, ..Options::default() }).await.unwrap();
    let stream = tokio::net::TcpStream::connect(sink.control().unwrap()).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
    tokio::spawn(connection);
    let mut put = async |text: &'static str| {
        let body = http_body_util::Full::new(Bytes::from_static(text.as_bytes()));
        let request = http::Request::put("/").header("host", "sink").body(body).unwrap();
        sender.send_request(request).await.unwrap().status().as_u16()
    };
    assert_eq!(put(r#"{"answer":{"kind":"status","code":503}}"#).await, 200);
    assert_eq!(put(r#"{"answer":{"kind":"nonsense"}}"#).await, 400);
    let reply = connect(&sink, Format::Protobuf, false).await.send(request(1).into()).await;
    assert_eq!(reply, Reply::Busy { retry_after: None });
}
