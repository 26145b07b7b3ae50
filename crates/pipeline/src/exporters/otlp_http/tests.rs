use bytes::Bytes;
use expect_test::expect;
use flow::{Memory, Payload, Telemetry};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

use super::*;
use crate::auth::Offers;
use crate::exporters::otlp::server::{Reply, Seen, Server, reply};
use crate::extensions::bearertokenauth;
use crate::net::coding;
use crate::net::status::Status;
use crate::net::tls::certificates::Certificates;

fn chunk(name: &str) -> Bytes {
    let span = Span { name: name.into(), trace_id: vec![1; 16], span_id: vec![2; 8], ..Span::default() };
    let scope_spans = vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec().into()
}

fn batch() -> Batch {
    let mut payload = Payload::from(chunk("first"));
    payload.push(chunk("second"));
    Batch::new(Signal::Traces, payload, 2)
}

/// The exporter by its factory, with the server's address for `@`.
fn exporter(server: &Server, yaml: &str) -> Arc<dyn Exporter> {
    let section = Node::load("c.yaml", &yaml.replace('@', &server.address.to_string())).unwrap();
    let Make::Exporter(make) = FACTORY.make else { unreachable!() };
    assert_eq!((FACTORY.check)(&section).iter().map(ToString::to_string).collect::<Vec<_>>(), [""; 0]);
    let ctx = Ctx::new(Arc::new(Memory::default()), Telemetry::default()).named("otlp_http");
    make(&section, &ctx).unwrap()
}

/// With `bearertokenauth` beside it.
fn exporter_with_token(server: &Server, yaml: &str, token: &str) -> Arc<dyn Exporter> {
    let ctx = Ctx::new(Arc::new(Memory::default()), Telemetry::default()).with(Arc::new(Offers::default()));
    let settings = Node::load("c.yaml", token).unwrap();
    let Make::Extension(extension) = bearertokenauth::FACTORY.make else { unreachable!() };
    drop(extension(&settings, &ctx.named("bearertokenauth")).unwrap());
    let section = Node::load("c.yaml", &yaml.replace('@', &server.address.to_string())).unwrap();
    let Make::Exporter(make) = FACTORY.make else { unreachable!() };
    make(&section, &ctx.named("otlp_http")).unwrap()
}

fn taken(_: &Seen) -> Reply {
    reply(200, &[("content-type", "application/x-protobuf")], "")
}

#[tokio::test]
async fn every_compression_arrives() {
    let server = Server::start(taken).await;
    for coding in Coding::ALL {
        let name = if coding == Coding::Identity { "none" } else { coding.name() };
        let out = exporter(&server, &format!("{{endpoint: 'http://@', compression: {name}}}"));
        out.export(&batch()).await.unwrap();
        let seen = server.one();
        assert_eq!(seen.uri.path(), "/v1/traces");
        assert_eq!(seen.header("content-type"), "application/x-protobuf");
        assert_eq!(seen.header("user-agent"), concat!("Throughline/", env!("CARGO_PKG_VERSION")));
        assert_eq!(seen.header("content-length"), seen.body.len().to_string(), "{name}");
        assert_eq!(seen.header("content-encoding"), if name == "none" { "" } else { name });
        let body = coding::decode(coding, seen.body, 10_000).unwrap();
        assert_eq!(body, batch().payload.to_bytes(), "{name}");
    }
}

#[tokio::test]
async fn credentials_of_an_extension_are_shown_and_never_said() {
    let echo = |seen: &Seen| reply(400, &[], format!("no such user: {}", seen.header("x-api-key")));
    let server = Server::start(echo).await;
    let yaml = "{endpoint: 'http://@', headers: {x-api-key: none}, auth: {authenticator: bearertokenauth}}";
    let token = "{header: X-Api-Key, scheme: '', token: very-secret-token}";
    let error = exporter_with_token(&server, yaml, token).export(&batch()).await.unwrap_err().to_string();
    assert_eq!(server.one().header("x-api-key"), "very-secret-token");
    assert!(error.contains("[hidden]") && !error.contains("very-secret"), "{error}");
}

#[tokio::test]
async fn large_payloads_are_packed_elsewhere() {
    let server = Server::start(taken).await;
    let out = exporter(&server, "{endpoint: 'http://@', compression: zstd, compression_params: {level: 3}}");
    let mut large = batch();
    (0..5000).for_each(|nth| large.payload.push(chunk(&format!("span {nth}"))));
    out.export(&large).await.unwrap();
    let body = coding::decode(Coding::Zstd, server.one().body, 10 << 20).unwrap();
    assert_eq!(body, large.payload.to_bytes());
}

#[tokio::test]
async fn json_is_the_same_spans() {
    let server = Server::start(|_| {
        let partial = r#"{"partialSuccess":{"rejectedSpans":"1","errorMessage":"too old"}}"#;
        reply(200, &[("content-type", "application/json")], partial)
    })
    .await;
    let out = exporter(&server, "{endpoint: 'http://@', encoding: json, compression: gzip}");
    let error = out.export(&batch()).await.unwrap_err();
    assert!(matches!(error, ExportError::Partial { rejected: 1, .. }), "{error}");
    let seen = server.one();
    assert_eq!(seen.header("content-type"), "application/json");
    let text = coding::decode(Coding::Gzip, seen.body, 10_000).unwrap();
    assert_eq!(text, flow::otlp::json::encode(Signal::Traces, &batch().payload));
}

#[tokio::test]
async fn an_endpoint_with_the_path_is_used_as_it_is() {
    let server = Server::start(|seen| match seen.uri.path() {
        "/v1/traces" => taken(seen),
        _ => reply(404, &[], "404 page not found"),
    })
    .await;
    let out = exporter(&server, "endpoint: 'http://@/v1/traces'");
    out.export(&batch()).await.unwrap();
    assert_eq!(server.one().uri, "/v1/traces");
    let other = exporter(&server, "traces_endpoint: 'http://@/elsewhere'");
    assert!(other.export(&batch()).await.is_err(), "the server means it");
}

#[tokio::test]
async fn each_signal_has_its_path() {
    let server = Server::start(taken).await;
    let out = exporter(&server, "{endpoint: 'http://@/base', logs_endpoint: 'http://@/l'}");
    for (signal, path) in
        [(Signal::Metrics, "/base/v1/metrics"), (Signal::Logs, "/l"), (Signal::Traces, "/base/v1/traces")]
    {
        out.export(&Batch::new(signal, Payload::default(), 1)).await.unwrap();
        assert_eq!(server.one().uri, path);
    }
    let only = exporter(&server, "traces_endpoint: 'http://@/t'");
    let error = only.export(&Batch::new(Signal::Logs, Payload::default(), 1)).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no endpoint for logs: set `endpoint` or `logs_endpoint`");
}

#[tokio::test]
async fn what_is_too_large_is_sent_in_parts() {
    let server = Server::start(|seen| match seen.body.len() {
        ..=60 => taken(seen),
        _ => reply(413, &[], "too much"),
    })
    .await;
    let out = exporter(&server, "{endpoint: 'http://@', compression: none}");
    assert!(batch().payload.len() > 60);
    out.export(&batch()).await.unwrap();
    let bodies: Vec<_> = server.take().into_iter().map(|seen| seen.body).collect();
    assert_eq!(bodies, [batch().payload.to_bytes(), chunk("first"), chunk("second")]);
    let alone = Batch::new(Signal::Traces, chunk(&"long".repeat(20)).into(), 1);
    let result = out.export(&alone).await;
    assert_eq!(
        shown(&server, &result),
        "permanent: http://@/v1/traces answered 413 Payload Too Large: too much"
    );
}

/// What becomes of the answer, as one line.
fn shown(server: &Server, result: &Result<(), ExportError>) -> String {
    let line = match result {
        Ok(()) => "sent".to_owned(),
        Err(ExportError::Permanent(why)) => format!("permanent: {why}"),
        Err(ExportError::Retry { why, after }) => format!("retry after {after:?}: {why}"),
        Err(ExportError::Partial { rejected, why }) => format!("{rejected} rejected: {why}"),
    };
    line.replace(&server.address.to_string(), "@")
}

/// Status, headers and body of an answer.
type Said = (u16, Vec<(&'static str, &'static str)>, Bytes);

#[tokio::test]
async fn answers_decide() {
    let status = Status { code: 3, message: "no\nspans".into(), retry_after: None };
    let proto = [("content-type", "application/x-protobuf")];
    let html = [("content-type", "text/html")];
    let table: Vec<Said> = vec![
        (200, proto.to_vec(), Bytes::new()),
        (202, vec![], "whatever".into()),
        (204, vec![], Bytes::new()),
        (200, proto.to_vec(), Bytes::from_static(b"\x0a\x0a\x08\x01\x12\x06future")),
        (200, proto.to_vec(), Bytes::from_static(b"\x0a\x02\x08\x02")),
        (200, proto.to_vec(), Bytes::from_static(b"\x0a\x06\x12\x04hmm.")),
        (200, proto.to_vec(), Bytes::from_static(b"\xff\xff\xff")),
        (400, proto.to_vec(), status.to_proto().into()),
        (400, vec![("content-type", "application/json")], status.to_json().into()),
        (401, vec![], "token secret-token is not known".into()),
        (403, html.to_vec(), "<h1>Forbidden</h1>".into()),
        (404, vec![], "404 page not found".into()),
        (408, vec![], Bytes::new()),
        (413, vec![], Bytes::new()),
        (429, vec![("retry-after", "7")], Bytes::new()),
        (500, vec![], Bytes::from(vec![b'x'; 1 << 20])),
        (501, vec![], Bytes::new()),
        (502, html.to_vec(), "<h1>Bad Gateway</h1>".into()),
        (503, vec![("retry-after", "Fri, 31 Dec 1999 23:59:59 GMT")], Bytes::new()),
        (503, vec![("retry-after", "soon")], Bytes::new()),
        (504, vec![], Bytes::new()),
        (307, vec![("location", "https://other.example/v1/traces?key=secret")], Bytes::new()),
    ];
    let mut lines = Vec::new();
    for (code, headers, body) in table {
        let server = Server::start(move |_| reply(code, &headers, body.clone())).await;
        let out = exporter(&server, "{endpoint: 'http://@', headers: {Authorization: Bearer secret-token}}");
        let result = out.export(&batch()).await;
        lines.push(format!("{code} {}", shown(&server, &result)));
        assert!(server.take().iter().all(|seen| seen.header("authorization") == "Bearer secret-token"));
    }
    expect![[r#"
        200 sent
        202 sent
        204 sent
        200 1 rejected: future
        200 permanent: the destination rejected all items: no reason given
        200 sent
        200 sent
        400 permanent: http://@/v1/traces answered 400 Bad Request: no spans
        400 permanent: http://@/v1/traces answered 400 Bad Request: no spans
        401 permanent: http://@/v1/traces answered 401 Unauthorized: token [hidden] is not known
        403 permanent: http://@/v1/traces answered 403 Forbidden: <h1>Forbidden</h1>
        404 permanent: http://@/v1/traces answered 404 Not Found: 404 page not found (is this the path of an OTLP receiver?)
        408 permanent: http://@/v1/traces answered 408 Request Timeout
        413 permanent: http://@/v1/traces answered 413 Payload Too Large
        429 retry after Some(7s): http://@/v1/traces answered 429 Too Many Requests
        500 permanent: http://@/v1/traces answered 500 Internal Server Error: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
        501 permanent: http://@/v1/traces answered 501 Not Implemented
        502 retry after None: http://@/v1/traces answered 502 Bad Gateway: <h1>Bad Gateway</h1>
        503 retry after Some(0ns): http://@/v1/traces answered 503 Service Unavailable
        503 retry after None: http://@/v1/traces answered 503 Service Unavailable
        504 retry after None: http://@/v1/traces answered 504 Gateway Timeout
        307 permanent: http://@/v1/traces answered 307 Temporary Redirect and redirects to `https://other.example/v1/traces`; redirects are not followed, set `traces_endpoint` to the final address"#]].assert_eq(&lines.join("\n"));
}

#[tokio::test]
async fn a_lasting_connection() {
    let server = Server::start(taken).await;
    let out = exporter(&server, "endpoint: 'http://@'");
    for _ in 0..3 {
        out.export(&batch()).await.unwrap();
    }
    assert_eq!(server.take().iter().map(|seen| seen.connection).collect::<Vec<_>>(), [0, 0, 0]);
    let out = exporter(&server, "{endpoint: 'http://@', disable_keep_alives: true, max_conns_per_host: 1}");
    for _ in 0..3 {
        out.export(&batch()).await.unwrap();
    }
    assert_eq!(server.take().iter().map(|seen| seen.connection).collect::<Vec<_>>(), [1, 2, 3]);
}

#[tokio::test]
async fn whatever_breaks_is_tried_again() {
    let silent = Server::silent().await;
    let out = exporter(&silent, "{endpoint: 'http://@', timeout: 50ms}");
    let result = out.export(&batch()).await;
    assert_eq!(shown(&silent, &result), "retry after None: http://@/v1/traces did not answer within 50ms");

    let breaking = Server::breaking(1, taken).await;
    let out = exporter(&breaking, "endpoint: 'http://@'");
    let result = out.export(&batch()).await;
    assert!(matches!(result, Err(ExportError::Retry { after: None, .. })), "{result:?}");
    out.export(&batch()).await.unwrap();

    let gone = Server::start(taken).await;
    let out = exporter(&gone, "endpoint: 'http://127.0.0.1:1'");
    let result = out.export(&batch()).await;
    let line = shown(&gone, &result);
    assert!(line.starts_with("retry after None: http://127.0.0.1:1/v1/traces: "), "{line}");
    assert!(line.contains("Connection refused"), "{line}");
}

#[tokio::test]
async fn over_tls() {
    let certificates = Certificates::new();
    let plain = Server::start(taken).await;
    let one_way =
        Server::start_tls(&certificates, "{cert_file: $/server.pem, key_file: $/server.key}", taken).await;
    let mutual = "{cert_file: $/server.pem, key_file: $/server.key, client_ca_file: $/ca.pem}";
    let mutual = Server::start_tls(&certificates, mutual, taken).await;
    let named = "{cert_file: $/named.pem, key_file: $/named.key}";
    let named = Server::start_tls(&certificates, named, taken).await;
    let table = [
        (&one_way, "tls: {ca_file: $/ca.pem}", "sent HTTP/2.0"),
        (&one_way, "tls: {ca_file: $/ca.pem}\nforce_attempt_http2: false", "sent HTTP/1.1"),
        (
            &one_way,
            "tls: {ca_file: $/client.pem}",
            "invalid peer certificate: UnknownIssuer (trust the server's authority with `tls::ca_file`)",
        ),
        (
            &mutual,
            "tls: {ca_file: $/ca.pem, cert_file: $/client.pem, key_file: $/client.key}",
            "sent HTTP/2.0",
        ),
        (&mutual, "tls: {ca_file: $/ca.pem}", "retry"),
        (&named, "tls: {ca_file: $/ca.pem}", "not valid for name"),
        (&named, "tls: {ca_file: $/ca.pem, server_name_override: collector.example}", "sent HTTP/2.0"),
        (&plain, "tls: {ca_file: $/ca.pem}", "the server does not speak TLS"),
    ];
    for (server, yaml, expected) in table {
        let yaml = format!("endpoint: 'https://@'\n{}", certificates.fill(yaml));
        let out = exporter(server, &yaml);
        let mut line = shown(server, &out.export(&batch()).await);
        if line == "sent" {
            line = format!("sent {:?}", server.one().version);
        }
        assert!(line.contains(expected), "{yaml}: {line}");
    }
}

#[test]
fn wrong_settings_are_found_together() {
    let yaml = "
endpoint: localhost:4318
compression: br
encoding: xml
headers: {\"a b\": c}
auth: {authenticator: oauth2client}
proxy_url: http://proxy:3128
cookies: {enabled: true}
middlewares: [{id: x}]
";
    let found = |yaml: &str| {
        let findings = (FACTORY.check)(&Node::load("c.yaml", yaml).unwrap());
        findings.iter().map(|finding| format!("{finding}\n")).collect::<String>()
    };
    expect![[r#"
        c.yaml:4:11: error: encoding: expected one of `proto`, `json`, found the text `xml`
    "#]]
    .assert_eq(&found(yaml));
    expect![[r#"
        c.yaml:5:18: error: headers::a b: this is not the name of a header
          help: use letters, digits and dashes
        c.yaml:9:14: error: middlewares: middleware extensions are not supported
          help: remove `middlewares`
        c.yaml:7:12: error: proxy_url: sending through a proxy is not supported
          help: give an `endpoint` that can be reached without one
        c.yaml:8:10: advice: cookies: cookies are not kept: each request may reach another server
          help: let the load balancer choose by connection
        c.yaml:3:14: error: compression: `br` is not a known compression
          help: write none or one of gzip, zstd, zlib, deflate, snappy, x-snappy-framed, lz4
        c.yaml:2:11: error: endpoint: it does not begin with http:// or https:// and a host
          help: write scheme, host and port, for example `http://127.0.0.1:4318`
    "#]]
    .assert_eq(&found(&yaml.replace("xml", "json")));
    expect![[r#"
        c.yaml:3:21: error: compression_params: snappy has no levels
    "#]]
    .assert_eq(&found("endpoint: http://h\ncompression: snappy\ncompression_params: {level: 9}"));
    expect![[r#"
        c.yaml:2:18: error: tls::cert_file: `missing.pem` cannot be read: No such file or directory (os error 2)
          help: give the path of a PEM file that this process may read
        c.yaml:2:18: error: tls::cert_file: the key for it is missing
          help: give `cert_file` and `key_file`, or neither
    "#]].assert_eq(&found("endpoint: https://h\ntls: {cert_file: missing.pem}"));
    expect![[r#"
        c.yaml:1:1: error: `endpoint` is required
          help: write for example `endpoint: http://127.0.0.1:4318`
    "#]]
    .assert_eq(&found("{}"));
}
