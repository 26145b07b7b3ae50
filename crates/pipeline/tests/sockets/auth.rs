//! Who is let in, over real sockets: user names, tokens, an OpenID Connect provider, and how much of each.

mod oidc;

use std::time::Duration;

use expect_test::expect;
use flow::config::Node;
use pipeline::extensions::{basicauth, bearertokenauth, rate_limit};
use tokio::time::Instant;

use crate::client::{EXPORT, Http2, JSON, PROTOBUF, framed, http, post, request};
use crate::setup::{Server, spans, spans_as_json};
use ::tls::certificates::Certificates;

fn guarded(listener: &str) -> String {
    format!(
        "protocols: {{grpc: {{endpoint: '127.0.0.1:0', {listener}}}, http: {{endpoint: '127.0.0.1:0', {listener}}}}}"
    )
}

/// `name:password` as its header.
fn basic(credentials: &str) -> String {
    use base64::Engine;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(credentials))
}

async fn http_line(server: &Server, authorization: &str) -> String {
    let headers = [PROTOBUF, ("authorization", authorization)];
    let headers = if authorization.is_empty() { &headers[..1] } else { &headers[..] };
    let answer = http(server.http(), post(headers, spans(1))).await;
    format!("{} | {}", answer.line(), answer.header("www-authenticate"))
}

async fn grpc_line(server: &Server, authorization: &str) -> String {
    let headers = [("authorization", authorization)];
    let headers = if authorization.is_empty() { &[] } else { &headers[..] };
    let mut client = Http2::open(server.grpc()).await;
    client.call(EXPORT, headers, framed(0, &spans(1))).await.line()
}

#[tokio::test]
async fn users_by_their_passwords() {
    let users = "htpasswd: {inline: \"anna:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\\nben:pass:word\"}";
    let extensions = [(&basicauth::FACTORY, "basicauth/server", users)];
    let server = Server::beside(&extensions, &guarded("auth: {authenticator: basicauth/server}")).await;
    let mut lines = Vec::new();
    for credentials in ["", "anna:wrong", "nobody:password", "anna"] {
        let shown = if credentials.is_empty() { String::new() } else { basic(credentials) };
        lines.push(http_line(&server, &shown).await);
        lines.push(grpc_line(&server, &shown).await);
    }
    lines.push(http_line(&server, "Bearer abc").await);
    lines.push(grpc_line(&server, "Basic ???").await);
    expect![[r#"
        401 | content-type: text/plain; charset=utf-8 | connection: close | no basic auth provided | Basic realm="throughline", charset="UTF-8"
        16 "no basic auth provided"
        401 | content-type: text/plain; charset=utf-8 | connection: close | invalid credentials | Basic realm="throughline", charset="UTF-8"
        16 "invalid credentials"
        401 | content-type: text/plain; charset=utf-8 | connection: close | invalid credentials | Basic realm="throughline", charset="UTF-8"
        16 "invalid credentials"
        401 | content-type: text/plain; charset=utf-8 | connection: close | invalid authorization format | Basic realm="throughline", charset="UTF-8"
        16 "invalid authorization format"
        401 | content-type: text/plain; charset=utf-8 | connection: close | invalid authorization scheme prefix | Basic realm="throughline", charset="UTF-8"
        16 "invalid authorization format""#]]
    .assert_eq(&lines.join("\n"));
    assert_eq!(server.recorder.items(), 0, "nobody came in");
    let denied = [("component", "otlp"), ("reason", "authentication")];
    assert_eq!(server.metric("throughline_listener_turned_away_requests", &denied), 10.0);

    // Twice, since the second time it is remembered.
    for _ in 0..2 {
        assert!(http_line(&server, &basic("anna:password")).await.starts_with("200"));
        assert_eq!(grpc_line(&server, &basic("ben:pass:word")).await, "0 \"\"");
    }
    let said: Vec<_> = server.recorder.taken().iter().map(|taken| taken.client.auth.clone()).collect();
    let user = |name: &str| vec![("username".to_owned(), name.to_owned())];
    assert_eq!(said, [user("anna"), user("ben"), user("anna"), user("ben")]);
}

#[tokio::test]
async fn parameters_stand_in_for_headers() {
    let extensions = [(&bearertokenauth::FACTORY, "bearertokenauth", "token: s3cret")];
    let auth = "protocols: {http: {endpoint: '127.0.0.1:0', auth: {authenticator: bearertokenauth, request_params: [authorization]}}}";
    let server = Server::beside(&extensions, auth).await;
    let path = |query: &str| format!("/v1/traces?{query}");
    let send = async |query: &str| {
        let request = request(http::Method::POST, &path(query), &[JSON], spans_as_json(1));
        http(server.http(), request).await.status.as_u16()
    };
    assert_eq!(send("authorization=Bearer%20s3cret").await, 200);
    assert_eq!(send("authorization=Bearer%20other").await, 401);
    assert_eq!(send("x=y").await, 401);
}

#[tokio::test]
async fn tokens_of_a_file_that_changes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens");
    std::fs::write(&file, "one\ntwo\n").unwrap();
    let settings = format!("filename: {}", file.display());
    let extensions = [(&bearertokenauth::FACTORY, "bearertokenauth", settings.as_str())];
    let server = Server::beside(&extensions, &guarded("auth: {authenticator: bearertokenauth}")).await;
    for shown in ["Bearer one", "Bearer two"] {
        assert!(http_line(&server, shown).await.starts_with("200"), "{shown}");
        assert_eq!(grpc_line(&server, shown).await, "0 \"\"");
    }
    let refused = "401 | content-type: text/plain; charset=utf-8 | connection: close | \
        scheme or token does not match | Bearer realm=\"throughline\"";
    for shown in ["Bearer tw", "Bearer twoo", "bearer one", "one", "Bearer ", "Basic b25lOnR3bw=="] {
        assert_eq!(http_line(&server, shown).await, refused, "{shown}");
    }
    std::fs::write(&file, "three\n").unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while !http_line(&server, "Bearer three").await.starts_with("200") {
        assert!(Instant::now() < deadline, "the new token is not taken");
    }
    assert_eq!(http_line(&server, "Bearer one").await, refused);
}

#[tokio::test]
async fn each_tenant_has_a_limit_of_its_own() {
    let limits = "tenant: metadata.x-tenant\nitems_per_second: 10\nburst: 1h\ntenants: {big: {items_per_second: 1000000}}";
    let extensions = [(&rate_limit::FACTORY, "rate_limit", limits)];
    let server = Server::beside(&extensions, &guarded("middlewares: [{id: rate_limit}]")).await;
    let send = async |tenant: &str, count| {
        let request = post(&[PROTOBUF, ("x-tenant", tenant)], spans(count));
        http(server.http(), request).await
    };
    assert_eq!(send("small", 40_000).await.status, 200, "an hour's worth and 400 s more");
    let refused = send("small", 1).await;
    assert_eq!(refused.status, 503);
    let seconds: u64 = refused.header("retry-after").parse().unwrap();
    assert!((200..=400).contains(&seconds), "{seconds}");
    assert_eq!(refused.body, "the limit of this `x-tenant` is used up");
    assert_eq!(send("other", 1).await.status, 200);
    assert_eq!(send("big", 40_000).await.status, 200);
    assert_eq!(send("big", 1).await.status, 200);
    let mut grpc = Http2::open(server.grpc()).await;
    let called = grpc.call(EXPORT, &[("x-tenant", "small")], framed(0, &spans(1))).await;
    assert_eq!(called.code, Some(14), "UNAVAILABLE");
    assert!(called.details.unwrap().retry_after.is_some(), "RetryInfo");
    assert_eq!(server.metric("throughline_rate_limit_refused_requests", &[("extension", "rate_limit")]), 2.0);
    assert_eq!(server.recorder.items(), 80_002);
}

#[tokio::test]
async fn a_listener_does_not_open_without_its_guard() {
    let yaml = guarded("auth: {authenticator: basicauth/client}");
    let client = "client_auth: {username: a, password: b}";
    let extensions = [(&basicauth::FACTORY, "basicauth/client", client)];
    let error = Server::try_beside(&extensions, &yaml).await.err().unwrap();
    assert_eq!(
        error.to_string(),
        "otlp: extension `basicauth/client` has credentials to show, and knows nobody to let in"
    );
    let error = Server::try_beside(&[], &yaml).await.err().unwrap();
    assert_eq!(error.to_string(), "otlp: extension `basicauth/client` is not among the extensions that run");
}

#[test]
fn what_is_wrong_is_found_beforehand() {
    let files = Certificates::new();
    let found = |factory: &flow::Factory, yaml: &str| {
        let section = Node::load("c.yaml", yaml).unwrap();
        let found = (factory.check)(&section);
        found.iter().map(|finding| files.blank(&finding.to_string())).collect::<Vec<_>>().join("\n")
    };
    let mut text = String::new();
    for (factory, yaml) in [
        (&basicauth::FACTORY, "{}"),
        (&basicauth::FACTORY, "htpasswd: {file: /nowhere/users}"),
        (&basicauth::FACTORY, "htpasswd: {inline: 'anna:$6$salt$secret'}"),
        (&basicauth::FACTORY, "htpasswd: {inline: 'a:b'}\nclient_auth: {username: a, password: b}"),
        (&basicauth::FACTORY, "client_auth: {username: 'a:b', password: secret}"),
        (&bearertokenauth::FACTORY, "scheme: Bearer"),
        (&bearertokenauth::FACTORY, "token: one\ntokens: [two]"),
        (&bearertokenauth::FACTORY, "filename: /nowhere/token"),
        (&bearertokenauth::FACTORY, "header: 'a b'\ntoken: \"secret\\n\\u0001\""),
        (&rate_limit::FACTORY, "tenant: who"),
        (&rate_limit::FACTORY, "items_per_second: 5\nburst: 0s\nmax_tenants: 0"),
        (&pipeline::extensions::oidc::FACTORY, "{}"),
        (&pipeline::extensions::oidc::FACTORY, "issuer_url: ftp://example.com"),
        (
            &pipeline::extensions::oidc::FACTORY,
            "providers: [{issuer_url: 'http://id.example', ignore_audience: true}]",
        ),
        (
            &pipeline::extensions::oidc::FACTORY,
            "issuer_url: https://id.example\naudience: a\nissuer_ca_path: /nowhere/ca.pem",
        ),
    ] {
        text += &found(factory, yaml);
        text += "\n";
    }
    expect![[r#"
        c.yaml:1:1: error: it has neither users nor credentials
          help: write `htpasswd: {file: ...}` for a listener, `client_auth: {username: ..., password: ...}` for an exporter
        c.yaml:1:11: error: htpasswd: `/nowhere/users` cannot be read: No such file or directory (os error 2)
        c.yaml:1:11: error: htpasswd: inline, line 1: this form of password is not supported; make the line with `htpasswd -nB name`
        c.yaml:1:1: error: `htpasswd` is for listeners, `client_auth` for exporters
          help: make two extensions, such as `basicauth/server` and `basicauth/client`
        c.yaml:1:14: error: client_auth: a user name has no colon (RFC 7617, 2)
        c.yaml:1:1: error: there is no token
          help: write `token: ${env:TOKEN}`, or `filename` with one token a line
        c.yaml:2:9: error: tokens: `token` and `tokens` are both set
          help: write them all in `tokens`
        c.yaml:1:11: error: filename: `/nowhere/token` cannot be read: No such file or directory (os error 2)
        c.yaml:1:9: error: header: this is not the name of a header
        c.yaml:2:8: error: token: the credentials have a character that no header can have
        c.yaml:1:9: error: tenant: `who` tells no tenants apart
          help: write client.address, metadata.<header> or auth.<attribute>
        c.yaml:1:1: advice: nothing is limited
          help: set requests_per_second, items_per_second or bytes_per_second
        c.yaml:2:8: error: burst: nothing could ever come in
          help: write 2s
        c.yaml:3:14: error: max_tenants: there is room for nobody
          help: write 10000
        c.yaml:1:1: error: no issuer is named
          help: write `issuer_url: https://...` and `audience`
        c.yaml:1:1: error: `audience` is missing: tokens for others would do
          help: write the audience of your tokens (`aud`), or `ignore_audience: true`
        c.yaml:1:13: error: issuer_url: `ftp://example.com` is not the URL of an issuer; write https://...
        c.yaml:1:64: advice: providers::0::ignore_audience: tokens that were made for others are taken too
        c.yaml:1:26: advice: providers::0::issuer_url: keys come without TLS: anyone on the way can make tokens
          help: write https://
        c.yaml:1:13: error: issuer_url: tls::ca_file: `/nowhere/ca.pem` cannot be read: No such file or directory (os error 2) (give the path of a PEM file that this process may read)
    "#]].assert_eq(&text);
    assert!(!text.contains("secret"));
}
