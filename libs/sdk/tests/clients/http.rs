//! Requests of reqwest, to a server that keeps their headers.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::{HeaderMap, Response, StatusCode};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use opentelemetry::trace::{SpanKind, Status};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use throughline_sdk::{ClientMiddleware, InInteraction, Interaction, UrlTemplate};
use tokio::net::TcpListener;

use crate::spans::{text, traced};

struct Crm {
    port: u16,
    received: Arc<Mutex<Vec<HeaderMap>>>,
}

impl Crm {
    /// Answers with the status that the path names.
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let received: Arc<Mutex<Vec<HeaderMap>>> = Arc::default();
        let kept = Arc::clone(&received);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let kept = Arc::clone(&kept);
                let answer = service_fn(move |request: hyper::Request<Incoming>| {
                    kept.lock().unwrap().push(request.headers().clone());
                    let status: u16 = request.uri().path().trim_matches('/').parse().unwrap();
                    let mut response = Response::new(Empty::<Bytes>::new());
                    *response.status_mut() = StatusCode::from_u16(status).unwrap();
                    async move { Ok::<_, Infallible>(response) }
                });
                let connection = hyper::server::conn::http1::Builder::new();
                tokio::spawn(connection.serve_connection(TokioIo::new(stream), answer));
            }
        });
        Self { port, received }
    }

    fn url(&self, rest: &str) -> String {
        format!("http://agent:secret@127.0.0.1:{}/{rest}", self.port)
    }

    fn last(&self) -> HeaderMap {
        self.received.lock().unwrap().last().unwrap().clone()
    }
}

fn client(middleware: ClientMiddleware) -> ClientWithMiddleware {
    // Built together with crates that use TLS, reqwest asks for a provider; one that is there already is as good.
    rustls::crypto::ring::default_provider().install_default().ok();
    ClientBuilder::new(reqwest::Client::new()).with(middleware).build()
}

#[tokio::test]
async fn a_request_carries_its_own_span_and_the_interaction() {
    let crm = Crm::start().await;
    let url = crm.url("200?phone=5550100#top");
    let call = client(ClientMiddleware::default()).get(url).with_extension(UrlTemplate("/{status}"));
    let (answer, spans) = traced(call.send().in_interaction(Interaction::new("call 7"))).await;
    assert_eq!(answer.unwrap().status(), 200);
    let [span] = &spans[..] else { panic!("{spans:?}") };
    let context = &span.span_context;
    let sent = crm.last();
    assert_eq!(sent["traceparent"], format!("00-{}-{}-01", context.trace_id(), context.span_id()));
    assert_eq!(sent["baggage"], "interaction.id=call%207");
    assert_eq!((span.name.as_ref(), &span.span_kind), ("GET /{status}", &SpanKind::Client));
    for (key, value) in [
        ("http.request.method", "GET".to_owned()),
        ("http.response.status_code", "200".to_owned()),
        ("network.protocol.version", "1.1".to_owned()),
        ("server.address", "127.0.0.1".to_owned()),
        ("server.port", crm.port.to_string()),
        ("url.full", format!("http://127.0.0.1:{}/200", crm.port)),
        ("url.template", "/{status}".to_owned()),
        ("interaction.id", "call 7".to_owned()),
    ] {
        assert_eq!(text(span, key), Some(value), "{key}");
    }
    assert_eq!(span.status, Status::Unset);
}

#[tokio::test]
async fn answers_that_fail_are_errors() {
    let crm = Crm::start().await;
    for status in ["404", "503"] {
        let (_, spans) = traced(client(ClientMiddleware::default()).get(crm.url(status)).send()).await;
        let [span] = &spans[..] else { panic!("{spans:?}") };
        assert_eq!(text(span, "error.type").as_deref(), Some(status));
        assert_eq!(span.status, Status::error(""));
        assert_eq!(span.name, "GET");
    }
}

#[tokio::test]
async fn a_connection_that_fails_is_an_error_without_the_query() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/?phone=5550100", listener.local_addr().unwrap());
    drop(listener);
    let (answer, spans) = traced(client(ClientMiddleware::default()).get(url).send()).await;
    assert!(answer.is_err());
    let [span] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!(text(span, "error.type").as_deref(), Some("connect"));
    let Status::Error { description } = &span.status else { panic!("{:?}", span.status) };
    assert!(description.starts_with("Connection refused"), "{description}");
    assert!(!format!("{span:?}").contains("5550100"));
}

#[tokio::test]
async fn a_request_that_is_dropped_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let waits = async {
        tokio::select! {
            answer = client(ClientMiddleware::default()).get(url).send() => panic!("{answer:?}"),
            connected = listener.accept() => connected.unwrap(),
        }
    };
    let (_, spans) = traced(waits).await;
    let [span] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!(text(span, "error.type").as_deref(), Some("cancelled"));
}

#[tokio::test]
async fn a_client_of_somebody_elses_service_tells_less() {
    let crm = Crm::start().await;
    let middleware = ClientMiddleware::default().propagator("tracecontext".parse().unwrap());
    let call = client(middleware).get(crm.url("200")).send();
    traced(call.in_interaction(Interaction::new("call"))).await.0.unwrap();
    assert!(crm.last().contains_key("traceparent"));
    assert!(!crm.last().contains_key("baggage"));
}
