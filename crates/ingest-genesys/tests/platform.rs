//! The client of the Platform API against a service that misbehaves.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use flow::config::Opaque;
use http::Method;
use ingest_genesys::platform::{Base, Code, Credentials, Platform, PlatformError, Settings};
use serde_json::{Value, json};

/// What was asked, and what is answered to it, in order; then `{}`.
#[derive(Clone, Default)]
struct Service {
    asked: Arc<Mutex<Vec<String>>>,
    answers: Arc<Mutex<VecDeque<Response<Body>>>>,
    logins: Arc<Mutex<VecDeque<Response<Body>>>>,
}

impl Service {
    async fn start(&self) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(answer).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    async fn platform(&self) -> Platform {
        self.platform_with(|_| {}).await
    }

    async fn platform_with(&self, change: impl FnOnce(&mut Settings)) -> Platform {
        platform(self.start().await, change)
    }

    fn answers(self, answers: impl IntoIterator<Item = Response<Body>>) -> Self {
        self.answers.lock().unwrap().extend(answers);
        self
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn platform(at: SocketAddr, change: impl FnOnce(&mut Settings)) -> Platform {
    let credentials = Credentials { client_id: "client".into(), client_secret: Opaque("s3cret".into()) };
    let mut settings = Settings::new(Base::of(&format!("http://{at}")).unwrap(), credentials);
    change(&mut settings);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let tls = tls.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
    Platform::new(settings, tls).unwrap()
}

async fn answer(State(service): State<Service>, request: Request) -> Response<Body> {
    let token = request.headers()["authorization"].to_str().unwrap().to_owned();
    let line = format!("{} {} {token}", request.method(), request.uri());
    let login = request.uri().path() == "/oauth/token";
    service.asked.lock().unwrap().push(line);
    if login {
        let logins = service.asked().iter().filter(|line| line.contains("/oauth/token")).count();
        let planned = service.logins.lock().unwrap().pop_front();
        let granted = json!({"access_token": format!("token-{logins}"), "expires_in": 3600});
        return planned.unwrap_or_else(|| says(200, &granted));
    }
    let planned = service.answers.lock().unwrap().pop_front();
    planned.unwrap_or_else(|| says(200, &json!({})))
}

fn says(status: u16, body: &Value) -> Response<Body> {
    Response::builder().status(status).body(Body::from(body.to_string())).unwrap()
}

fn with(mut answer: Response<Body>, name: &'static str, value: &str) -> Response<Body> {
    answer.headers_mut().insert(name, value.parse().unwrap());
    answer
}

const BASIC: &str = "Basic Y2xpZW50OnMzY3JldA==";

#[tokio::test]
async fn requests_share_a_token() {
    let service = Service::default().answers([says(200, &json!({"entities": []}))]);
    let platform = service.platform().await;
    let first: Value = platform.get("/api/v2/routing/queues?pageSize=100").await.unwrap();
    let _: Value = platform.get("/api/v2/tokens/me").await.unwrap();
    assert_eq!(first, json!({"entities": []}));
    assert_eq!(
        service.asked(),
        [
            format!("POST /oauth/token {BASIC}"),
            "GET /api/v2/routing/queues?pageSize=100 Bearer token-1".to_owned(),
            "GET /api/v2/tokens/me Bearer token-1".to_owned(),
        ]
    );
}

#[tokio::test]
async fn a_token_that_is_no_longer_believed_is_renewed_once() {
    let revoked = || says(401, &json!({"code": "bad.credentials", "message": "Invalid login credentials."}));
    let service = Service::default().answers([revoked(), says(200, &json!(1)), revoked(), revoked()]);
    let platform = service.platform().await;
    assert_eq!(platform.get::<u8>("/api/v2/a").await.unwrap(), 1);
    let error = platform.get::<u8>("/api/v2/b").await.unwrap_err();
    assert_eq!(error.code(), Some(Code::Token));
    assert!(error.to_string().contains("check `client_id`"), "{error}");
    let tokens: Vec<String> =
        service.asked().iter().map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect();
    let basic = BASIC.trim_start_matches("Basic ");
    assert_eq!(tokens, [basic, "token-1", basic, "token-2", "token-2", basic, "token-3"]);
}

#[tokio::test]
async fn a_short_lived_token_is_fetched_anew() {
    let service = Service::default();
    let short = |name: &str| says(200, &json!({"access_token": name, "expires_in": 0}));
    service.logins.lock().unwrap().extend([short("a"), short("b")]);
    let platform = service.platform().await;
    for _ in 0..2 {
        let _: Value = platform.get("/api/v2/a").await.unwrap();
    }
    assert_eq!(
        service
            .asked()
            .iter()
            .filter(|line| line.ends_with("Bearer a") || line.ends_with("Bearer b"))
            .count(),
        2
    );
}

#[tokio::test]
async fn what_the_service_did_not_do_is_asked_again() {
    let busy = |status| with(says(status, &json!({})), "retry-after", "0");
    let service = Service::default().answers([busy(429), busy(429), says(200, &json!(7))]);
    let platform = service.platform().await;
    let body = json!({"phoneNumber": "+4912"});
    assert_eq!(
        platform.ask::<u8>(Method::POST, "/api/v2/conversations/calls", Some(&body)).await.unwrap(),
        7
    );
    assert_eq!(service.asked().len(), 4);
}

#[tokio::test]
async fn what_it_may_have_done_is_not() {
    let service = Service::default().answers([says(503, &json!({"code": "service.unavailable"}))]);
    let platform = service.platform().await;
    let error = platform.send(Method::POST, "/api/v2/conversations/calls", None).await.unwrap_err();
    assert_eq!((error.code(), error.passes(), service.asked().len()), (Some(Code::Busy), true, 2));
}

#[tokio::test]
async fn trouble_that_passes_is_waited_for_and_trouble_that_stays_is_told() {
    let down = || says(503, &json!({}));
    let service = Service::default().answers([down(), says(200, &json!(1)), down(), down()]);
    let platform = service.platform_with(|settings| settings.attempts = 2).await;
    assert_eq!(platform.get::<u8>("/api/v2/a").await.unwrap(), 1);
    assert!(platform.get::<u8>("/api/v2/a").await.unwrap_err().passes());
    let forbidden = says(403, &json!({"code": "missing.permissions", "message": "[routing:queue:view]"}));
    let service = Service::default().answers([forbidden]);
    let error = service.platform().await.get::<u8>("/api/v2/a").await.unwrap_err();
    assert_eq!((error.code(), error.passes(), service.asked().len()), (Some(Code::Permission), false, 2));
}

#[tokio::test]
async fn the_pace_is_the_one_that_answers_say() {
    let told = with(says(200, &json!(1)), "inin-ratelimit-allowed", "180");
    let told = with(with(told, "inin-ratelimit-count", "40"), "inin-ratelimit-reset", "61");
    let service = Service::default().answers([told]);
    let platform = service.platform().await;
    let _: Value = platform.get("/api/v2/a").await.unwrap();
    assert_eq!(platform.left(), (140, 180));
}

#[tokio::test]
async fn a_hostile_service_gets_nothing_and_breaks_nothing() {
    let endless = || {
        let chunk = Bytes::from(vec![b'x'; 1 << 16]);
        let chunks = futures_util::stream::repeat_with(move || Ok::<_, std::io::Error>(chunk.clone()));
        Response::new(Body::from_stream(chunks))
    };
    let elsewhere = with(says(302, &json!({})), "location", "http://elsewhere.example/");
    let service = Service::default().answers([
        elsewhere,
        endless(),
        says(200, &json!("x")),
        Response::new(Body::from("{\"a\":")),
    ]);
    let platform = service.platform_with(|settings| settings.body_limit = 1 << 20).await;
    let mut errors = Vec::new();
    for _ in 0..4 {
        errors.push(platform.get::<u8>("/api/v2/a?secret=1").await.unwrap_err().to_string());
    }
    expect_test::expect![[r#"
        GET /api/v2/a was redirected to http://elsewhere.example/, which is not followed; set `region` to the address that answers itself
        the answer to GET /api/v2/a is larger than 1048576 bytes and was left; is `region` the right address?
        the answer to GET /api/v2/a cannot be read: a value is of another type than expected (line 1, column 3)
        the answer to GET /api/v2/a cannot be read: a value is of another type than expected (line 1, column 0)"#]]
    .assert_eq(&errors.join("\n"));
}

#[tokio::test]
async fn silence_and_absence_are_told_apart() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let change = |settings: &mut Settings| {
        settings.timeout = Duration::from_millis(200);
        settings.attempts = 1;
    };
    let late = platform(silent.local_addr().unwrap(), change).get::<Value>("/api/v2/a").await.unwrap_err();
    assert!(matches!(late, PlatformError::Late { .. }), "{late}");
    let gone = silent.local_addr().unwrap();
    drop(silent);
    let absent = platform(gone, change).get::<Value>("/api/v2/a").await.unwrap_err();
    assert!(matches!(&absent, PlatformError::Unreachable { host, .. } if host == "127.0.0.1"), "{absent}");
    assert!(late.passes() && absent.passes());
}
