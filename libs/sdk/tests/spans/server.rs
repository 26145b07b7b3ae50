//! Whom the layer believes, and what it records.

use std::convert::Infallible;
use std::net::IpAddr;

use http::{Request, Response, StatusCode};
use opentelemetry::global;
use opentelemetry::trace::{SpanKind, Status, TraceContextExt};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use throughline_sdk::{Interaction, ServerLayer, Stamp, attribute, inject};
use tower_layer::Layer;
use tower_service::Service;

const PARENT: &str = "00-4bf92f3577f34da6c19e9222d19e89b8-ccbd124dbdfc3439-01";
const TRACE: &str = "4bf92f3577f34da6c19e9222d19e89b8";
const CONVERSATION: &str = "c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54";

type Body = ();

/// A service that answers with the headers that it would send on.
#[derive(Clone)]
struct Next(StatusCode);

impl Service<Request<Body>> for Next {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        let status = self.0;
        Box::pin(async move {
            tokio::task::yield_now().await;
            let mut response = Response::new(());
            *response.status_mut() = status;
            inject(response.headers_mut());
            if let Some(interaction) = Interaction::current() {
                response.extensions_mut().insert(interaction);
            }
            Ok(response)
        })
    }
}

/// The provider of all tests in this file: the one that is global.
fn exporter() -> InMemorySpanExporter {
    static EXPORTER: std::sync::OnceLock<InMemorySpanExporter> = std::sync::OnceLock::new();
    let made = EXPORTER.get_or_init(|| {
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(Stamp)
            .with_simple_exporter(exporter.clone())
            .build();
        global::set_tracer_provider(provider);
        exporter
    });
    made.clone()
}

async fn serve(layer: ServerLayer, headers: &[(&str, &str)], status: u16) -> (SpanData, Response<Body>) {
    let exporter = exporter();
    let mut request = Request::post("http://crm.example:8080/customers?phone=5550100");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(()).unwrap();
    request.extensions_mut().insert::<IpAddr>("198.51.100.7".parse().unwrap());
    let mut service = layer.layer(Next(StatusCode::from_u16(status).unwrap()));
    let response = service.call(request).await.unwrap();
    let sent = response.headers()["traceparent"].to_str().unwrap();
    let spans = exporter.get_finished_spans().unwrap();
    let own = spans.into_iter().find(|span| sent[36..52] == span.span_context.span_id().to_string());
    (own.unwrap(), response)
}

fn text(span: &SpanData, key: &str) -> Option<String> {
    let found = span.attributes.iter().find(|attribute| attribute.key.as_str() == key);
    found.map(|attribute| attribute.value.as_str().into_owned())
}

fn decided(span: &SpanData) -> [Option<String>; 4] {
    [attribute::DECISION, attribute::SOURCE, attribute::REASON, attribute::RAW].map(|key| text(span, key))
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn edge(trusted: &str) -> ServerLayer {
    ServerLayer::public_edge(trusted.parse().unwrap()).peer_address(|extensions| extensions.get().copied())
}

#[tokio::test]
async fn inside_every_caller_is_believed() {
    let (span, _) = serve(ServerLayer::internal(), &[("traceparent", PARENT)], 200).await;
    assert_eq!(span.span_context.trace_id().to_string(), TRACE);
    assert_eq!(span.parent_span_id.to_string(), "ccbd124dbdfc3439");
    assert!(span.parent_span_is_remote);
    assert_eq!(decided(&span), [some("continue"), some("traceparent"), None, None]);
}

#[tokio::test]
async fn at_an_edge_a_stranger_restarts_the_trace_with_a_link() {
    for layer in [edge("10.0.0.0/8"), ServerLayer::public_edge("0.0.0.0/0".parse().unwrap())] {
        let headers =
            [("traceparent", PARENT), ("baggage", "interaction.id=theirs"), ("x-inin-cnv", CONVERSATION)];
        let (span, response) = serve(layer, &headers, 200).await;
        assert_ne!(span.span_context.trace_id().to_string(), TRACE);
        assert_eq!(span.parent_span_id, opentelemetry::SpanId::INVALID);
        let [link] = &span.links.links[..] else { panic!("{:?}", span.links) };
        assert_eq!(link.span_context.trace_id().to_string(), TRACE);
        assert_eq!(link.span_context.span_id().to_string(), "ccbd124dbdfc3439");
        let reason = some("the peer is not trusted");
        assert_eq!(decided(&span), [some("restart"), some("traceparent"), reason, some(PARENT)]);
        assert_eq!(text(&span, Interaction::ATTRIBUTE), None);
        assert_eq!(response.headers().get("baggage"), None);
    }
}

#[tokio::test]
async fn at_an_edge_a_known_peer_is_believed() {
    let (span, _) = serve(edge("198.51.100.0/24"), &[("traceparent", PARENT)], 200).await;
    assert_eq!(span.span_context.trace_id().to_string(), TRACE);
}

#[tokio::test]
async fn a_header_that_cannot_be_used_is_recorded() {
    for (headers, raw) in [
        (vec![("traceparent", "00-nonsense")], "00-nonsense".to_owned()),
        (vec![("traceparent", PARENT), ("traceparent", PARENT)], format!("{PARENT}, {PARENT}")),
    ] {
        let (span, _) = serve(ServerLayer::internal(), &headers, 200).await;
        let [decision, _, reason, recorded] = decided(&span);
        assert_eq!((decision, recorded), (some("restart"), Some(raw)));
        assert!(reason.unwrap().starts_with("the traceparent cannot be used: "));
    }
}

#[tokio::test]
async fn a_conversation_id_joins_where_the_header_was_lost() {
    let headers = [("traceparent", "00-nonsense"), ("x-inin-cnv", CONVERSATION)];
    let (span, response) = serve(ServerLayer::internal(), &headers, 200).await;
    assert_eq!(span.span_context.trace_id().to_string(), CONVERSATION.replace('-', ""));
    let [decision, source, _, raw] = decided(&span);
    assert_eq!([decision, source, raw], [some("join"), some("conversation-id"), some("00-nonsense")]);
    assert_eq!(text(&span, Interaction::ATTRIBUTE), some(CONVERSATION));
    assert_eq!(response.extensions().get(), Some(&Interaction::new(CONVERSATION)));
}

#[tokio::test]
async fn the_interaction_of_the_baggage_goes_on() {
    let headers = [("traceparent", PARENT), ("baggage", "interaction.id=call-7,tier=gold")];
    let (span, response) = serve(ServerLayer::internal(), &headers, 200).await;
    assert_eq!(text(&span, Interaction::ATTRIBUTE), some("call-7"));
    let sent = response.headers()["baggage"].to_str().unwrap();
    assert_eq!(sent, "interaction.id=call-7,tier=gold");
}

#[tokio::test]
async fn the_previous_trace_is_a_link_and_no_parent() {
    let (span, _) = serve(ServerLayer::internal(), &[("previous-trace-id", PARENT)], 200).await;
    assert_ne!(span.span_context.trace_id().to_string(), TRACE);
    assert_eq!(span.links.links[0].span_context.trace_id().to_string(), TRACE);
    assert_eq!(decided(&span)[..2], [some("restart"), some("previous-trace-id")]);
}

#[tokio::test]
async fn a_span_says_what_http_says() {
    let headers = [("user-agent", "softphone/2")];
    let layer = edge("10.0.0.0/8").route(|_| Some("/customers".to_owned()));
    let (span, _) = serve(layer, &headers, 503).await;
    assert_eq!((span.name.as_ref(), &span.span_kind), ("POST /customers", &SpanKind::Server));
    assert_eq!(span.status, Status::error(""));
    for (key, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/customers"),
        ("http.response.status_code", "503"),
        ("error.type", "503"),
        ("url.path", "/customers"),
        ("url.scheme", "http"),
        ("server.address", "crm.example"),
        ("server.port", "8080"),
        ("network.protocol.version", "1.1"),
        ("network.peer.address", "198.51.100.7"),
        ("user_agent.original", "softphone/2"),
        (attribute::DECISION, "new"),
    ] {
        assert_eq!(text(&span, key), some(value), "{key}");
    }
    assert!(!format!("{span:?}").contains("5550100"), "the query stays out");
}

#[tokio::test]
async fn an_error_of_the_caller_is_none_of_the_server() {
    let (span, _) = serve(ServerLayer::internal(), &[], 404).await;
    assert_eq!((span.status.clone(), text(&span, "error.type")), (Status::Unset, None));
}

#[tokio::test]
async fn a_caller_that_goes_away_is_recorded() {
    let exporter = exporter();
    let mut request = Request::get("/left").body(()).unwrap();
    let parent = "00-00000000000000000000000000000abc-ccbd124dbdfc3439-01";
    request.headers_mut().insert("traceparent", parent.parse().unwrap());
    drop(ServerLayer::internal().layer(Next(StatusCode::OK)).call(request));
    let spans = exporter.get_finished_spans().unwrap();
    let own = |span: &&SpanData| parent.contains(&span.span_context.trace_id().to_string());
    assert_eq!(text(spans.iter().find(own).unwrap(), "error.type"), some("cancelled"));
    assert!(!opentelemetry::Context::current().has_active_span());
}
