//! What must not be logged is not, however much is.

use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use e2e::Run;
use e2e::product::{get, post_with};
use sim::sink::{Behaviour, Options, Sink};

const SPAN: &str = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0102030405060708090a0b0c0d0e0f10",
    "spanId":"0102030405060708","name":"look up","startTimeUnixNano":"1","endTimeUnixNano":"2"}]}]}]}"#;
/// Of `https://issuer.example`, until 2100.
const ID_TOKEN: &str = include_str!("token.txt");

fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

/// Scenario: with all logs that there are, clients show right and wrong passwords, bearer tokens and tokens of a provider;
/// exporters send secrets in headers, to a backend that refuses now and then and to a listener that refuses always.
/// Guarantees: right credentials let in and wrong ones do not; no secret stands in the log, in an answer or among the metrics.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_logged() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/secrets");
    let sink = Sink::start(Options::default().keeping()).await.unwrap();
    sink.set(Behaviour::status(503, None).every(2));
    let [oidc, bearer_http, bearer_grpc] = sim::ports::several().unwrap();
    // The last part of a token is what nobody else can make.
    let (claims, signature) = ID_TOKEN.rsplit_once('.').unwrap();
    let forged: String = signature.chars().rev().collect();
    let secrets = [
        ("PASSWORD", "password-of-anna"),
        ("CLIENT_PASSWORD", "password-of-the-region"),
        ("TOKEN", "token-of-the-collectors"),
        ("WRONG_TOKEN", "token-that-is-wrong"),
        ("HTTP_KEY", "key-in-a-header"),
        ("GRPC_KEY", "key-in-metadata"),
        ("HMAC_KEY", "key-of-pseudonyms-0123456789abcdef"),
    ];
    let run = secrets
        .iter()
        .fold(Run::file(&folder.join("secrets.yaml")), |run, (name, value)| run.env(name, *value));
    let run = run
        .env("RUST_LOG", "trace")
        .env("SINK", sink.address().to_string())
        .env("OIDC", oidc.to_string())
        .env("BEARER_HTTP", bearer_http.to_string())
        .env("BEARER_GRPC", bearer_grpc.to_string())
        .env("ISSUER_KEYS", folder.join("issuer.pem").to_string_lossy());
    let product = run.start().await.unwrap();

    let mut told = String::new();
    for (address, authorization, status) in [
        (product.http, basic("anna", "password-of-anna"), 200),
        (product.http, basic("anna", "guess-of-a-password"), 401),
        (product.http, "Basic guess-that-is-no-base64".to_owned(), 401),
        (product.http, "Bearer guess-of-another-kind".to_owned(), 401),
        (bearer_http, "Bearer token-of-the-collectors".to_owned(), 200),
        (bearer_http, "Bearer guess-of-a-token".to_owned(), 401),
        (oidc, format!("Bearer {ID_TOKEN}"), 200),
        (oidc, format!("Bearer {claims}.{forged}"), 401),
        (oidc, "Bearer guess-that-is-no-token".to_owned(), 401),
    ] {
        let headers = [("Content-Type", "application/json"), ("Authorization", authorization.as_str())];
        let answer = post_with(address, "/v1/traces", &headers, SPAN.as_bytes()).await.unwrap();
        assert_eq!(answer.status, status, "{authorization}: {answer:?}");
        told.push_str(&answer.body);
    }
    for (token, status) in [(ID_TOKEN, 200), ("guess-in-a-query", 401)] {
        let path = format!("/v1/traces?authorization=Bearer%20{token}");
        let headers = [("Content-Type", "application/json")];
        let answer = post_with(oidc, &path, &headers, SPAN.as_bytes()).await.unwrap();
        assert_eq!(answer.status, status, "{answer:?}");
        told.push_str(&answer.body);
    }
    // Three by the first pipeline, which come again by the second one, and one that came there.
    sink.wait_for(3 + 3 + 1, Duration::from_secs(60)).await.unwrap();
    let shown: Vec<String> = sink
        .received()
        .iter()
        .flat_map(|request| {
            request.headers.iter().map(|(_, value)| String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect();
    for sent in ["key-in-a-header", "key-in-metadata", &basic("region", "password-of-the-region")] {
        assert!(shown.iter().any(|value| value == sent), "the backend needs {sent}");
    }
    let wrong = "throughline_exporter_lost_items{exporter=\"otlp_grpc/wrong\",pipeline=\"traces/first\"";
    product.wait_for_metric(wrong, 3.0).await.unwrap();
    told.push_str(&get(product.metrics, "/metrics").await.unwrap().body);
    let log = product.stop().await.unwrap();
    assert!(log.contains("DEBUG"), "there is no detail in the log:\n{log}");

    let own = secrets.iter().map(|(_, value)| (*value).to_owned());
    let shown = [
        basic("anna", "password-of-anna"),
        basic("anna", "guess-of-a-password"),
        basic("region", "password-of-the-region"),
        "guess-".to_owned(),
        signature.to_owned(),
        forged,
    ];
    for secret in own.chain(shown) {
        let secret = secret.strip_prefix("Basic ").unwrap_or(&secret);
        let said = log.lines().chain(told.lines()).find(|line| line.contains(secret));
        assert!(said.is_none(), "{secret} stands in: {}", said.unwrap_or_default());
    }
}
