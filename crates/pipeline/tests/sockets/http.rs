//! OTLP/HTTP: every row of the field's behaviour, and the safe differences.

use std::time::Duration;

use expect_test::{Expect, expect};
use flow::{Refusal, Signal};
use http::Method;
use pipeline::net::coding::{self, Coding};

use crate::client::{Http1, Http2, JSON, PROTOBUF, http, post, request};
use crate::setup::{BOTH, Server, spans, spans_as_json};

fn check(actual: &str, expected: Expect) {
    expected.assert_eq(actual);
}

#[tokio::test]
async fn good_requests() {
    let server = Server::start(BOTH).await;
    let mut connection = Http1::open(server.http()).await;
    for (headers, body, expected) in [
        (&[PROTOBUF][..], spans(3), "200 | content-type: application/x-protobuf | "),
        (&[JSON], spans_as_json(3), r#"200 | content-type: application/json | {"partialSuccess":{}}"#),
        (
            &[("content-type", "application/json; charset=utf-8")],
            spans_as_json(3),
            r#"200 | content-type: application/json | {"partialSuccess":{}}"#,
        ),
        (
            &[("content-type", "Application/X-Protobuf")],
            spans(3),
            "200 | content-type: application/x-protobuf | ",
        ),
    ] {
        assert_eq!(connection.send(post(headers, body)).await.line(), expected, "{headers:?}");
    }
    let taken = server.recorder.taken();
    assert_eq!(taken.len(), 4, "one connection carries all of them");
    for batch in taken {
        assert_eq!((batch.signal, batch.items), (Signal::Traces, 3));
        assert_eq!(batch.bytes, spans(3));
    }
}

#[tokio::test]
async fn nothing_to_pass_on() {
    let server = Server::start(BOTH).await;
    for body in [Vec::new(), b"\x0a\x00".to_vec()] {
        assert_eq!(http(server.http(), post(&[PROTOBUF], body)).await.status, 200);
    }
    for body in ["{}", r#"{"resourceSpans":[]}"#, r#"{"resourceSpans":[{"scopeSpans":[{}]}]}"#] {
        assert_eq!(http(server.http(), post(&[JSON], body)).await.status, 200, "{body}");
    }
    assert!(server.recorder.taken().is_empty(), "the pipelines are not bothered");
}

#[tokio::test]
async fn signals_have_their_paths() {
    let server = Server::start(
        "protocols: {http: {endpoint: '127.0.0.1:0', traces_url_path: in/traces, logs_url_path: /logs}}",
    )
    .await;
    let mut seen = Vec::new();
    for path in ["/in/traces", "/v1/metrics", "/logs"] {
        assert_eq!(
            http(server.http(), request(Method::POST, path, &[JSON], "{}")).await.status,
            200,
            "{path}"
        );
        seen.push(path);
    }
    for path in ["/v1/traces", "/", "/v1/metrics/", "//logs"] {
        let answer = http(server.http(), request(Method::POST, path, &[JSON], "{}")).await;
        assert_eq!(answer.line(), "404 | content-type: text/plain | 404 page not found", "{path}");
    }
}

#[tokio::test]
async fn errors_say_what_is_wrong() {
    let server = Server::start(BOTH).await;
    let mut lines = String::new();
    let flawed = |tail: &str| format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{tail}]}}]}}]}}"#);
    for (name, request) in [
        ("GET", request(Method::GET, "/v1/traces", &[], "")),
        ("PUT", request(Method::PUT, "/v1/traces", &[PROTOBUF], "")),
        ("no content type", post(&[], spans(1))),
        ("text", post(&[("content-type", "text/plain")], spans(1))),
        ("profiles", request(Method::POST, "/v1development/profiles", &[PROTOBUF], "")),
        ("protobuf as JSON", post(&[JSON], spans(1))),
        ("JSON as protobuf", post(&[PROTOBUF], spans_as_json(1))),
        ("cut protobuf", post(&[PROTOBUF], spans(1)[..40].to_vec())),
        ("cut JSON", post(&[JSON], spans_as_json(1)[..40].to_vec())),
        ("JSON list", post(&[JSON], "[]")),
        ("two JSON documents", post(&[JSON], "{}{}")),
        ("short id", post(&[JSON], flawed(r#"{"traceId":"abcd"}"#))),
        ("no hex", post(&[JSON], flawed(r#"{"spanId":"xyzzyxyzzyxyzzyx"}"#))),
        ("wrong type", post(&[JSON], flawed(r#"{"name":{"a":1}}"#))),
        ("wrong number", post(&[JSON], flawed(r#"{"startTimeUnixNano":-1}"#))),
        ("br", post(&[PROTOBUF, ("content-encoding", "br")], spans(1))),
        ("two codings", post(&[PROTOBUF, ("content-encoding", "gzip, gzip")], spans(1))),
        ("not gzip", post(&[JSON, ("content-encoding", "gzip")], spans(1))),
        ("cut gzip", {
            let whole = coding::encode(Coding::Gzip, &[spans(9).into()], None).unwrap();
            post(&[PROTOBUF, ("content-encoding", "gzip")], whole.slice(..whole.len() - 9))
        }),
    ] {
        let answer = http(server.http(), request).await;
        lines.push_str(&format!("{name}: {}\n", answer.line()));
    }
    check(
        &lines,
        expect![[r#"
        GET: 405 | content-type: text/plain | allow: POST | 405 method not allowed, supported: [POST]
        PUT: 405 | content-type: text/plain | allow: POST | 405 method not allowed, supported: [POST]
        no content type: 415 | content-type: text/plain | 415 unsupported media type, supported: [application/json, application/x-protobuf]
        text: 415 | content-type: text/plain | 415 unsupported media type, supported: [application/json, application/x-protobuf]
        profiles: 404 | content-type: text/plain | 404 page not found
        protobuf as JSON: 400 | content-type: application/json | {"code":3,"message":"expected value at line 2 column 1"}
        JSON as protobuf: 400 | content-type: application/x-protobuf | protobuf 3 "ExportTraceServiceRequest at byte 0: the message ends inside a field"
        cut protobuf: 400 | content-type: application/x-protobuf | protobuf 3 "ExportTraceServiceRequest.resourceSpans at byte 0: the message ends inside a field"
        cut JSON: 400 | content-type: application/json | {"code":3,"message":"resourceSpans.scopeSpans: EOF while parsing a string at line 1 column 40"}
        JSON list: 400 | content-type: application/json | {"code":3,"message":"invalid type: sequence, expected a JSON object (ExportTraceServiceRequest) at line 1 column 2"}
        two JSON documents: 400 | content-type: application/json | {"code":3,"message":"trailing characters at line 1 column 3"}
        short id: 400 | content-type: application/json | {"code":3,"message":"resourceSpans.scopeSpans.spans.traceId: an id of 4 hexadecimal digits, expected 32 at line 1 column 60"}
        no hex: 400 | content-type: application/json | {"code":3,"message":"resourceSpans.scopeSpans.spans.spanId: an id with other than hexadecimal digits at line 1 column 71"}
        wrong type: 400 | content-type: application/json | {"code":3,"message":"resourceSpans.scopeSpans.spans.name: invalid type: map, expected a string at line 1 column 52"}
        wrong number: 400 | content-type: application/json | {"code":3,"message":"resourceSpans.scopeSpans.spans.startTimeUnixNano: -1 is out of range, expected an unsigned 64-bit integer at line 1 column 66"}
        br: 400 | content-type: application/x-protobuf | protobuf 3 "unsupported Content-Encoding: br"
        two codings: 400 | content-type: application/x-protobuf | protobuf 3 "unsupported Content-Encoding: gzip, gzip"
        not gzip: 400 | content-type: application/json | {"code":3,"message":"the gzip body cannot be read: invalid gzip header"}
        cut gzip: 400 | content-type: application/x-protobuf | protobuf 3 "the gzip body cannot be read: incomplete deflate stream"
    "#]],
    );
    assert!(server.recorder.taken().is_empty());
    let refused = server.metric("throughline_receiver_refused_requests", &[("transport", "http")]);
    assert_eq!(refused, 19.0);
}

#[tokio::test]
async fn unknown_fields_pass() {
    let server = Server::start(BOTH).await;
    let odd = [spans(1), b"\xf2\x07\x03new".to_vec()].concat();
    assert_eq!(http(server.http(), post(&[PROTOBUF], odd.clone())).await.status, 200);
    assert_eq!(server.recorder.taken()[0].bytes, odd, "and travel on");
    let body =
        r#"{"new":[{"deep":[1,2,{}]}],"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"a","x":null}]}]}]}"#;
    assert_eq!(http(server.http(), post(&[JSON], body)).await.status, 200);
    assert_eq!(server.recorder.items(), 2);
}

#[tokio::test]
async fn every_coding() {
    let server = Server::start(BOTH).await;
    for coding in Coding::ALL {
        for body in [spans(2), spans(5000)] {
            let coded = coding::encode(coding, &[body.clone().into()], None).unwrap();
            let answer =
                http(server.http(), post(&[PROTOBUF, ("content-encoding", coding.name())], coded)).await;
            assert_eq!(answer.status, 200, "{coding:?}: {}", answer.line());
            assert_eq!(server.recorder.taken().last().unwrap().bytes, body, "{coding:?}");
        }
    }
    let json = coding::encode(Coding::Gzip, &[spans_as_json(2).into()], None).unwrap();
    assert_eq!(http(server.http(), post(&[JSON, ("content-encoding", "gzip")], json)).await.status, 200);
    assert_eq!(server.recorder.taken().last().unwrap().bytes, spans(2));
}

#[tokio::test]
async fn codings_can_be_narrowed() {
    let server =
        Server::start("protocols: {http: {endpoint: '127.0.0.1:0', compression_algorithms: ['', zstd]}}")
            .await;
    let coded = |coding| coding::encode(coding, &[spans(1).into()], None).unwrap();
    let mut lines = String::new();
    for coding in [Coding::Identity, Coding::Zstd, Coding::Gzip] {
        let request = post(&[PROTOBUF, ("content-encoding", coding.name())], coded(coding));
        lines.push_str(&format!("{}\n", http(server.http(), request).await.line()));
    }
    check(
        &lines,
        expect![[r#"
        200 | content-type: application/x-protobuf | 
        200 | content-type: application/x-protobuf | 
        400 | content-type: application/x-protobuf | protobuf 3 "unsupported Content-Encoding: gzip"
    "#]],
    );
}

#[tokio::test]
async fn too_large() {
    let server =
        Server::start("protocols: {http: {endpoint: '127.0.0.1:0', max_request_body_size: 1000}}").await;
    let mut lines = String::new();
    let large = vec![0; 1001];
    let bomb = coding::encode(Coding::Gzip, &[large.clone().into()], None).unwrap();
    for (name, request) in [
        ("announced", post(&[PROTOBUF], large)),
        ("bomb", post(&[JSON, ("content-encoding", "gzip")], bomb)),
        ("fits", post(&[PROTOBUF], spans(10))),
    ] {
        lines.push_str(&format!("{name}: {}\n", http(server.http(), request).await.line()));
    }
    check(
        &lines,
        expect![[r#"
            announced: 413 | content-type: application/x-protobuf | protobuf 8 "the body is larger than 1000 bytes; send smaller batches or raise the limit"
            bomb: 413 | content-type: application/json | {"code":8,"message":"the body is larger than 1000 bytes once decompressed; send smaller batches or raise the limit"}
            fits: 200 | content-type: application/x-protobuf | 
        "#]],
    );
}

#[tokio::test]
async fn refusals_say_when_to_come_back() {
    let server = Server::start(BOTH).await;
    let mut lines = String::new();
    for (name, refusal) in [
        ("busy", Refusal::busy("the queue is full", Duration::from_millis(2500))),
        ("down", Refusal::down("shutting down", Duration::from_millis(1))),
        ("rejected", Refusal::bug("too many combinations")),
    ] {
        *server.recorder.refusal.lock().unwrap() = Some(refusal);
        for kind in [PROTOBUF, JSON] {
            let body = if kind == JSON { spans_as_json(2) } else { spans(2) };
            lines.push_str(&format!("{name}: {}\n", http(server.http(), post(&[kind], body)).await.line()));
        }
    }
    check(
        &lines,
        expect![[r#"
        busy: 503 | content-type: application/x-protobuf | retry-after: 3 | protobuf 14 "the queue is full" retry after 2.5s
        busy: 503 | content-type: application/json | retry-after: 3 | {"code":14,"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"2.5s"}],"message":"the queue is full"}
        down: 503 | content-type: application/x-protobuf | retry-after: 1 | protobuf 14 "shutting down" retry after 1ms
        down: 503 | content-type: application/json | retry-after: 1 | {"code":14,"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"0.001s"}],"message":"shutting down"}
        rejected: 500 | content-type: application/x-protobuf | protobuf 13 "too many combinations"
        rejected: 500 | content-type: application/json | {"code":13,"message":"too many combinations"}
    "#]],
    );
    let count =
        |what: &str| server.metric(&format!("otelcol_receiver_{what}_spans"), &[("transport", "http")]);
    assert_eq!((count("accepted"), count("refused"), count("failed")), (0.0, 8.0, 4.0));
}

#[tokio::test]
async fn the_limiter_is_asked_before_the_body_is_read() {
    let server = Server::start(BOTH).await;
    let full = Refusal::busy("no memory", Duration::from_secs(3));
    *server.recorder.admission.lock().unwrap() = Some(full);
    let mut stream = tokio::net::TcpStream::connect(server.http()).await.unwrap();
    let head = "POST /v1/traces HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n\
                content-length: 1000000\r\nexpect: 100-continue\r\n\r\n";
    tokio::io::AsyncWriteExt::write_all(&mut stream, head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 12];
    tokio::io::AsyncReadExt::read_exact(&mut stream, &mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 503", "and not 100");
    assert_eq!(server.ctx.memory.held(), 0);
}

#[tokio::test]
async fn metadata_travels_where_it_is_asked_for() {
    let headers = [PROTOBUF, ("x-tenant", "blue"), ("x-tenant", "green"), ("authorization", "Bearer secret")];
    let server = Server::start(BOTH).await;
    http(server.http(), post(&headers, spans(1))).await;
    let client = &server.recorder.taken()[0].client;
    assert!(client.address.is_some_and(|address| address.ip().is_loopback()));
    assert!(client.metadata.is_empty());

    let server = Server::start("protocols: {http: {endpoint: '127.0.0.1:0', include_metadata: true}}").await;
    http(server.http(), post(&headers, spans(1))).await;
    let client = &server.recorder.taken()[0].client;
    assert_eq!(client.header("X-Tenant").collect::<Vec<_>>(), ["blue", "green"]);
    assert_eq!(client.header("authorization").next(), None, "secrets stay at the door");
}

#[tokio::test]
async fn headers_of_the_configuration_are_on_every_answer() {
    let server = Server::start(
        "protocols: {http: {endpoint: '127.0.0.1:0', response_headers: {X-Region: eu, Strict-Transport-Security: max-age=1}}}",
    )
    .await;
    for request in [post(&[PROTOBUF], spans(1)), request(Method::GET, "/nowhere", &[], "")] {
        let answer = http(server.http(), request).await;
        assert_eq!(
            (answer.header("x-region"), answer.header("strict-transport-security")),
            ("eu", "max-age=1")
        );
    }
}

#[tokio::test]
async fn http2_without_tls_on_the_same_port() {
    let server = Server::start(BOTH).await;
    let mut connection = Http2::open(server.http()).await;
    assert_eq!(connection.send(post(&[PROTOBUF], spans(3))).await.status, 200);
    assert_eq!(connection.send(post(&[JSON], spans_as_json(100_000))).await.status, 413);
    assert_eq!(connection.send(post(&[JSON], spans_as_json(2))).await.status, 200);
    assert_eq!(server.recorder.items(), 5);
}

#[tokio::test]
async fn keep_alive_can_be_switched_off() {
    let server =
        Server::start("protocols: {http: {endpoint: '127.0.0.1:0', keep_alives_enabled: false}}").await;
    let answer = http(server.http(), post(&[PROTOBUF], spans(1))).await;
    assert_eq!((answer.status.as_u16(), answer.header("connection")), (200, "close"));
}
