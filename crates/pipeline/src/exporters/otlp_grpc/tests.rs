use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use expect_test::expect;
use flow::{Memory, Payload, Telemetry};

use super::*;
use crate::exporters::otlp::server::{Reply, Seen, Server, grpc_reply, reply};
use crate::net::coding;
use crate::net::status::Status;

mod connections;

/// Two chunks that stand for messages; the exporter looks into neither.
fn batch() -> Batch {
    let mut payload = Payload::from(Bytes::from_static(b"first chunk"));
    payload.push(Bytes::from_static(b"second chunk"));
    Batch::new(Signal::Traces, payload, 5)
}

/// The exporter by its factory, with the server's address for `@`.
fn exporter(server: &Server, yaml: &str) -> Arc<dyn Exporter> {
    let section = Node::load("c.yaml", &yaml.replace('@', &server.address.to_string())).unwrap();
    let Make::Exporter(make) = FACTORY.make else { unreachable!() };
    assert_eq!((FACTORY.check)(&section).iter().map(ToString::to_string).collect::<Vec<_>>(), [""; 0]);
    let ctx = Ctx::new(Arc::new(Memory::default()), Telemetry::default()).named("otlp_grpc");
    make(&section, &ctx).unwrap()
}

fn taken(_: &Seen) -> Reply {
    grpc_reply(b"", &[("grpc-status", "0")])
}

fn shown(server: &Server, result: &Result<(), ExportError>) -> String {
    let line = match result {
        Ok(()) => "sent".to_owned(),
        Err(ExportError::Permanent(why)) => format!("permanent: {why}"),
        Err(ExportError::Retry { why, after }) => format!("retry after {after:?}: {why}"),
        Err(ExportError::Partial { rejected, why }) => format!("{rejected} rejected: {why}"),
    };
    line.replace(&server.address.to_string(), "@")
}

#[tokio::test]
async fn every_compression_arrives() {
    let server = Server::start(taken).await;
    let table = [
        ("none", "", Coding::Identity),
        ("gzip", "gzip", Coding::Gzip),
        ("zstd", "zstd", Coding::Zstd),
        ("snappy", "snappy", Coding::Snappy),
    ];
    for (name, encoding, coding) in table {
        let out =
            exporter(&server, &format!("{{endpoint: 'http://@', compression: {name}, headers: {{A: b}}}}"));
        out.export(&batch()).await.unwrap();
        let seen = server.one();
        assert_eq!(seen.uri.path(), "/opentelemetry.proto.collector.trace.v1.TraceService/Export");
        assert_eq!(seen.uri.authority().unwrap().as_str(), server.address.to_string());
        assert_eq!(seen.header("content-type"), "application/grpc");
        assert_eq!(seen.header("te"), "trailers");
        assert_eq!(seen.header("user-agent"), concat!("Throughline/", env!("CARGO_PKG_VERSION")));
        assert_eq!(seen.header("grpc-timeout"), "5000m");
        assert_eq!(seen.header("a"), "b");
        assert_eq!(seen.header("grpc-encoding"), encoding);
        let (prefix, message) = seen.body.split_at(5);
        assert_eq!(prefix[0] == 1, coding != Coding::Identity);
        assert_eq!(u32::from_be_bytes(prefix[1..].try_into().unwrap()) as usize, message.len());
        if coding == Coding::Snappy {
            assert!(message.starts_with(b"\xff\x06\x00\x00sNaPpY"), "framed, as gRPC libraries have it");
        }
        let message = coding::decode(coding, message.to_vec().into(), 10_000).unwrap();
        assert_eq!(message, batch().payload.to_bytes());
    }
}

#[tokio::test]
async fn each_signal_has_its_method() {
    let server = Server::start(taken).await;
    let out =
        exporter(&server, "{endpoint: '@', tls: {insecure: true}, authority: 'a.example', user_agent: me}");
    for (signal, path) in [
        (Signal::Metrics, "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"),
        (Signal::Logs, "/opentelemetry.proto.collector.logs.v1.LogsService/Export"),
    ] {
        out.export(&Batch::new(signal, Payload::default(), 1)).await.unwrap();
        let seen = server.one();
        assert_eq!((seen.uri.path(), seen.header("user-agent")), (path, "me"));
        assert_eq!(seen.uri.authority().unwrap(), "a.example");
    }
}

#[tokio::test]
async fn statuses_decide() {
    let too_large = [
        (8, "grpc: received message larger than max (5000000 vs. 4194304)"),
        (8, "gRPC message exceeds maximum size 4194304: 5000000"),
        (11, "Error, decoded message length too large: found 5000000 bytes, the limit is: 4194304 bytes"),
        (8, "the body is larger than 4194304 bytes once decompressed"),
        (8, "queue is full"),
    ];
    let codes = (0..=17).map(|code| (code, "because%20of%C2%A0it"));
    let mut lines = Vec::new();
    for (code, message) in codes.chain(too_large) {
        let server = Server::start(move |_| {
            grpc_reply(b"", &[("grpc-status", &code.to_string()), ("grpc-message", message)])
        })
        .await;
        let one = Batch { items: 1, ..batch() };
        let result = exporter(&server, "endpoint: 'http://@'").export(&one).await;
        lines.push(format!("{code} {}", shown(&server, &result)));
    }
    expect![[r#"
        0 sent
        1 retry after None: @ answered Canceled: because of it
        2 permanent: @ answered Unknown: because of it
        3 permanent: @ answered InvalidArgument: because of it
        4 retry after None: @ answered DeadlineExceeded: because of it
        5 permanent: @ answered NotFound: because of it
        6 permanent: @ answered AlreadyExists: because of it
        7 permanent: @ answered PermissionDenied: because of it
        8 retry after None: @ answered ResourceExhausted: because of it
        9 permanent: @ answered FailedPrecondition: because of it
        10 retry after None: @ answered Aborted: because of it
        11 retry after None: @ answered OutOfRange: because of it
        12 permanent: @ answered Unimplemented: because of it (is this the OTLP/gRPC port of a receiver for this signal?)
        13 permanent: @ answered Internal: because of it
        14 retry after None: @ answered Unavailable: because of it
        15 retry after None: @ answered DataLoss: because of it
        16 permanent: @ answered Unauthenticated: because of it
        17 permanent: @ answered Unknown: because of it
        8 permanent: @ answered ResourceExhausted: grpc: received message larger than max (5000000 vs. 4194304)
        8 permanent: @ answered ResourceExhausted: gRPC message exceeds maximum size 4194304: 5000000
        11 permanent: @ answered OutOfRange: Error, decoded message length too large: found 5000000 bytes, the limit is: 4194304 bytes
        8 permanent: @ answered ResourceExhausted: the body is larger than 4194304 bytes once decompressed
        8 retry after None: @ answered ResourceExhausted: queue is full"#]].assert_eq(&lines.join("\n"));
}

#[tokio::test]
async fn what_is_too_large_is_sent_in_parts() {
    let server = Server::start(|seen| match seen.body.len() {
        ..=400 => taken(seen),
        _ => grpc_reply(b"", &[("grpc-status", "8"), ("grpc-message", "received message larger than max")]),
    })
    .await;
    let span = r#"{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708","name":"one"}"#;
    let json = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{}]}}]}}]}}"#, [span; 40].join(","));
    let bytes = flow::otlp::json::decode(Signal::Traces, json.as_bytes()).unwrap();
    let batch = flow::otlp::accept(Signal::Traces, bytes.into(), &flow::otlp::Limits::default()).unwrap();
    let out = exporter(&server, "{endpoint: 'http://@', compression: none}");
    out.export(&batch).await.unwrap();
    let calls = server.take();
    let taken: Vec<_> = calls.iter().filter(|seen| seen.body.len() <= 400).collect();
    let items = |seen: &&Seen| {
        let message = Bytes::copy_from_slice(&seen.body[5..]);
        flow::otlp::accept(Signal::Traces, message, &flow::otlp::Limits::default()).unwrap().items
    };
    assert_eq!(taken.iter().map(items).sum::<usize>(), 40);
    out.export(&batch).await.unwrap();
    assert!(server.take().iter().all(|seen| seen.body.len() <= 400), "what was learnt is kept");
}

/// The status of a refusal with `RetryInfo`, as a server without any message answers: in the headers alone.
fn refusal(code: i32, padded: bool) -> Reply {
    let wait = Some(Duration::from_millis(1500));
    let details = Status { code, message: "the queue is full".into(), retry_after: wait }.to_proto();
    let details = if padded { STANDARD.encode(details) } else { STANDARD_NO_PAD.encode(details) };
    let headers = [
        ("content-type", "application/grpc"),
        ("grpc-status", &code.to_string()),
        ("grpc-status-details-bin", &details),
    ];
    reply(200, &headers, "")
}

#[tokio::test]
async fn retry_info_is_heard() {
    for (code, padded, expected) in [
        (8, true, "retry after Some(1.5s): @ answered ResourceExhausted: the queue is full"),
        (8, false, "retry after Some(1.5s): @ answered ResourceExhausted: the queue is full"),
        (14, false, "retry after Some(1.5s): @ answered Unavailable: the queue is full"),
        (3, false, "permanent: @ answered InvalidArgument: the queue is full"),
    ] {
        let server = Server::start(move |_| refusal(code, padded)).await;
        let result = exporter(&server, "endpoint: 'http://@'").export(&batch()).await;
        assert_eq!(shown(&server, &result), expected);
    }
}

#[tokio::test]
async fn partial_success_is_told() {
    let table: [(&[u8], &str); 4] = [
        (b"\x0a\x0a\x08\x02\x12\x06future", "2 rejected: future"),
        (b"\x0a\x02\x08\x05", "permanent: the destination rejected all items: no reason given"),
        (b"\x0a\x06\x12\x04hmm.", "sent"),
        (b"\xff\xff", "sent"),
    ];
    for (message, expected) in table {
        let server = Server::start(|_| grpc_reply(message, &[("grpc-status", "0")])).await;
        let result = exporter(&server, "endpoint: 'http://@'").export(&batch()).await;
        assert_eq!(shown(&server, &result), expected);
    }
}

#[tokio::test]
async fn others_on_the_way_may_answer() {
    let mut lines = Vec::new();
    for (status, media) in [
        (200, "text/html"),
        (200, "application/grpc"),
        (400, "text/html"),
        (401, "text/html"),
        (403, "application/json"),
        (404, "text/plain"),
        (429, "text/plain"),
        (500, "text/plain"),
        (502, "text/html"),
        (503, "text/html"),
        (504, "text/html"),
    ] {
        let headers = [("content-type", media), ("retry-after", "9")];
        let server = Server::start(move |_| reply(status, &headers, "<h1>secret-token</h1>")).await;
        let out = exporter(&server, "{endpoint: 'http://@', headers: {Authorization: Bearer secret-token}}");
        let result = out.export(&batch()).await;
        lines.push(format!("{status} {media} {}", shown(&server, &result)));
    }
    expect![[r#"
        200 text/html permanent: @ answered Unknown: HTTP status 200 OK, content type `text/html`
        200 application/grpc retry after None: @: the answer ended without a status
        400 text/html permanent: @ answered Internal: HTTP status 400 Bad Request, content type `text/html`
        401 text/html permanent: @ answered Unauthenticated: HTTP status 401 Unauthorized, content type `text/html`
        403 application/json permanent: @ answered PermissionDenied: HTTP status 403 Forbidden, content type `application/json`
        404 text/plain permanent: @ answered Unimplemented: HTTP status 404 Not Found, content type `text/plain` (is this the OTLP/gRPC port of a receiver for this signal?)
        429 text/plain retry after Some(9s): @ answered Unavailable: HTTP status 429 Too Many Requests, content type `text/plain`
        500 text/plain permanent: @ answered Unknown: HTTP status 500 Internal Server Error, content type `text/plain`
        502 text/html retry after Some(9s): @ answered Unavailable: HTTP status 502 Bad Gateway, content type `text/html`
        503 text/html retry after Some(9s): @ answered Unavailable: HTTP status 503 Service Unavailable, content type `text/html`
        504 text/html retry after Some(9s): @ answered Unavailable: HTTP status 504 Gateway Timeout, content type `text/html`"#]].assert_eq(&lines.join("\n"));
}

#[tokio::test]
async fn secrets_are_not_repeated() {
    let server = Server::start(|_| {
        grpc_reply(b"", &[("grpc-status", "16"), ("grpc-message", "token secret-token is not known")])
    })
    .await;
    let out = exporter(&server, "{endpoint: 'http://@', headers: {Authorization: Bearer secret-token}}");
    let result = out.export(&batch()).await;
    assert_eq!(shown(&server, &result), "permanent: @ answered Unauthenticated: token [hidden] is not known");
    assert_eq!(server.one().header("authorization"), "Bearer secret-token");
}

#[test]
fn wrong_settings_are_found_together() {
    let yaml = "
endpoint: http://h:4317/v1/traces
compression: lz4
balancer_name: least
authority: a b
user_agent: \"line\\n\"
headers: {grpc-timeout: 1S}
auth: {authenticator: oauth2client}
keepalive:
";
    let found = |yaml: &str| {
        let findings = (FACTORY.check)(&Node::load("c.yaml", yaml).unwrap());
        findings.iter().map(|finding| format!("{finding}\n")).collect::<String>()
    };
    expect![[r#"
        c.yaml:7:25: error: headers::grpc-timeout: the exporter sets this header itself
          help: leave it out
        c.yaml:3:14: error: compression: `lz4` is not a compression of gRPC
          help: write gzip, snappy, zstd or none
        c.yaml:5:12: error: authority: it has characters that cannot be sent
        c.yaml:6:13: error: user_agent: it has characters that cannot be sent
        c.yaml:4:16: advice: balancer_name: there is no balancer `least`; round_robin is used
          help: write round_robin or pick_first
        c.yaml:2:11: error: endpoint: a gRPC endpoint has no path
          help: write host and port only, or use `otlp_http`
    "#]]
    .assert_eq(&found(yaml));
    expect![[r#"
        c.yaml:2:16: error: tls::ca_file: `missing.pem` cannot be read: No such file or directory (os error 2)
          help: give the path of a PEM file that this process may read
    "#]]
    .assert_eq(&found("endpoint: h:4317\ntls: {ca_file: missing.pem}"));
    expect![[r#"
        c.yaml:2:1: error: timout: unknown key
          help: did you mean `timeout`?
    "#]]
    .assert_eq(&found("endpoint: h_:4317/\ntimout: 5s"));
    assert_eq!(found("endpoint: h:4317\ntls: {insecure: true, cert_file: unused.pem}"), "");
}
