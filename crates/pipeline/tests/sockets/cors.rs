//! Cross-origin requests of browsers.

use expect_test::{Expect, expect};
use http::{Method, Request};

use crate::client::{Answer, JSON, http, post, request};
use crate::setup::{Server, spans_as_json};

async fn server(cors: &str) -> Server {
    Server::start(&format!("protocols: {{http: {{endpoint: '127.0.0.1:0', cors: {cors}}}}}")).await
}

fn preflight(origin: &str, asks: &str) -> Request<http_body_util::Full<bytes::Bytes>> {
    let headers = [
        ("origin", origin),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", asks),
    ];
    request(Method::OPTIONS, "/v1/traces", &headers, "")
}

fn check(answer: &Answer, expected: Expect) {
    let cors = ["vary", "access-control"];
    let headers =
        answer.headers.iter().filter(|(name, _)| cors.iter().any(|cors| name.as_str().starts_with(cors)));
    let mut lines: Vec<_> =
        headers.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    lines.sort();
    lines.insert(0, answer.status.as_u16().to_string());
    expected.assert_eq(&lines.join("\n"));
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_may_send() {
    let server = server(
        "{allowed_origins: ['https://*.example.com', 'http://localhost:3000'], allowed_headers: [X-Tenant], \
         exposed_headers: [X-Region], max_age: 7200}",
    )
    .await;
    let ask = |origin, asks| http(server.http(), preflight(origin, asks));
    check(
        &ask("https://app.example.com", "content-type, x-tenant").await,
        expect![[r#"
        204
        access-control-allow-credentials: true
        access-control-allow-headers: content-type, x-tenant
        access-control-allow-methods: POST
        access-control-allow-origin: https://app.example.com
        access-control-expose-headers: X-Region
        access-control-max-age: 7200
        vary: Origin"#]],
    );
    check(
        &ask("https://app.example.com", "x-other").await,
        expect![[r#"
        204
        access-control-allow-credentials: true
        access-control-allow-methods: POST
        access-control-allow-origin: https://app.example.com
        access-control-expose-headers: X-Region
        access-control-max-age: 7200
        vary: Origin"#]],
    );
    check(
        &ask("https://example.org", "content-type").await,
        expect![[r#"
        204
        vary: Origin"#]],
    );

    let send = |origin| http(server.http(), post(&[JSON, ("origin", origin)], spans_as_json(1)));
    check(
        &send("http://localhost:3000").await,
        expect![[r#"
        200
        access-control-allow-credentials: true
        access-control-allow-origin: http://localhost:3000
        access-control-expose-headers: X-Region
        vary: Origin"#]],
    );
    check(
        &send("https://example.org").await,
        expect![[r#"
        200
        vary: Origin"#]],
    );
    assert_eq!(server.recorder.items(), 2, "the browser keeps the page from reading the answer, that is all");
}

#[tokio::test]
async fn errors_can_be_read_by_the_page() {
    let server = server("{allowed_origins: ['https://a.example']}").await;
    let answer = http(server.http(), post(&[JSON, ("origin", "https://a.example")], "{")).await;
    check(
        &answer,
        expect![[r#"
        400
        access-control-allow-credentials: true
        access-control-allow-origin: https://a.example
        vary: Origin"#]],
    );
}

#[tokio::test]
async fn everybody_may_send_but_without_credentials() {
    let server = server("{allowed_origins: ['*'], allowed_headers: ['*']}").await;
    check(
        &http(server.http(), preflight("null", "authorization, x-any")).await,
        expect![[r#"
        204
        access-control-allow-credentials: true
        access-control-allow-headers: authorization, x-any
        access-control-allow-methods: POST
        access-control-allow-origin: *
        vary: Origin"#]],
    );
}

#[tokio::test]
async fn without_cors_there_is_nothing_to_ask() {
    let server = Server::start("protocols: {http: {endpoint: '127.0.0.1:0'}}").await;
    check(&http(server.http(), preflight("https://a.example", "content-type")).await, expect!["405"]);
    let answer = http(server.http(), post(&[JSON, ("origin", "https://a.example")], "{}")).await;
    check(&answer, expect!["200"]);
}
