//! Handshakes and messages between two ends of a real socket.

use futures_util::{SinkExt, StreamExt};
use http::StatusCode;
use opentelemetry::trace::{FutureExt, SpanKind, TraceContextExt};
use opentelemetry::{Context, SpanId};
use opentelemetry_sdk::trace::SpanData;
use throughline_sdk::websocket::{self, Messages};
use throughline_sdk::wire::websocket::subscriptions;
use throughline_sdk::{InInteraction, Interaction, Propagator, ServerLayer, attribute};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::spans::{exporter, text, traced};

type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;
type Accepted = Result<(WebSocketStream<TcpStream>, Context), Error>;

#[expect(clippy::result_large_err, reason = "the type of tungstenite's callback")]
fn check(request: &Request, response: Response) -> Result<Response, ErrorResponse> {
    if request.uri().path() == "/agents" {
        return Ok(response);
    }
    let mut refused = ErrorResponse::new(None);
    *refused.status_mut() = StatusCode::FORBIDDEN;
    Err(refused)
}

/// Both ends of a connection, as the layer accepts it.
async fn connected(layer: ServerLayer, path: &str) -> (Result<Client, Error>, Accepted) {
    exporter();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://agent:secret@{}{path}?phone=5550100", listener.local_addr().unwrap());
    let accepting = tokio::spawn(async move {
        let (stream, peer) = listener.accept().await.unwrap();
        websocket::accept(&layer, stream, Some(peer.ip()), check).await
    });
    let client =
        websocket::connect(url, &Propagator::default(), connect_async).await.map(|(socket, _)| socket);
    (client, accepting.await.unwrap())
}

fn edge(trusted: &str) -> ServerLayer {
    ServerLayer::public_edge(trusted.parse().unwrap())
}

fn of_kind(spans: &[SpanData], kind: SpanKind) -> &SpanData {
    spans.iter().find(|span| span.span_kind == kind).unwrap()
}

#[tokio::test]
async fn a_handshake_carries_the_context() {
    let call = Interaction::new("call");
    let work = connected(edge("127.0.0.0/8"), "/agents").in_interaction(call);
    let ((client, accepted), spans) = traced(work).await;
    let (client_span, server) = (of_kind(&spans, SpanKind::Client), of_kind(&spans, SpanKind::Server));
    assert_eq!(server.parent_span_id, client_span.span_context.span_id());
    assert_eq!(accepted.unwrap().1.span().span_context(), &server.span_context);
    for span in [client_span, server] {
        assert_eq!(text(span, "http.response.status_code").as_deref(), Some("101"));
        assert_eq!(text(span, "interaction.id").as_deref(), Some("call"));
        assert!(!format!("{span:?}").contains("5550100") && !format!("{span:?}").contains("secret"));
    }
    assert!(text(client_span, "url.full").unwrap().ends_with("/agents"));
    client.unwrap();
}

#[tokio::test]
async fn a_stranger_restarts_the_trace() {
    let ((client, accepted), spans) = traced(connected(edge("192.0.2.0/24"), "/agents")).await;
    let [client_span] = &spans[..] else { panic!("{spans:?}") };
    let cx = accepted.unwrap().1;
    let server = spans_of_id(cx.span().span_context().span_id());
    assert_ne!(server.span_context.trace_id(), client_span.span_context.trace_id());
    assert_eq!(server.links[0].span_context.span_id(), client_span.span_context.span_id());
    assert!(text(&server, attribute::RAW).unwrap().contains(&client_span.span_context.span_id().to_string()));
    client.unwrap();
}

#[tokio::test]
async fn a_handshake_that_is_refused_is_an_error_of_the_client() {
    let ((client, accepted), spans) = traced(connected(ServerLayer::internal(), "/elsewhere")).await;
    assert!(client.is_err() && accepted.is_err());
    let (client, server) = (of_kind(&spans, SpanKind::Client), of_kind(&spans, SpanKind::Server));
    assert_eq!(text(client, "error.type").as_deref(), Some("403"));
    assert_eq!(text(server, "http.response.status_code").as_deref(), Some("403"));
    assert_eq!(text(server, "error.type"), None);
}

#[tokio::test]
async fn a_message_carries_the_context_where_the_handshake_lost_it() {
    let (client, accepted) = connected(edge(""), "/agents").await;
    let (mut client, (mut server, connection)) = (client.unwrap(), accepted.unwrap());
    let messages = Messages::internal("agents");
    let sending = messages.send(r#"{"type": "screen-pop"}"#, |text| client.send(text.into()));
    let (sent, producer) = traced(sending.in_interaction(Interaction::new("call"))).await;
    sent.unwrap();
    let received = server.next().await.unwrap().unwrap();
    let here = || async { (Context::current().span().span_context().clone(), Interaction::current()) };
    let processing = messages.process(received.to_text().unwrap(), here());
    let (context, interaction) = processing.with_context(connection).await;
    let [producer] = &producer[..] else { panic!("{producer:?}") };
    let consumer = spans_of_id(context.span_id());
    assert_eq!(interaction, Some(Interaction::new("call")));
    assert_eq!(consumer.parent_span_id, producer.span_context.span_id());
    assert_eq!(consumer.span_context.trace_id(), producer.span_context.trace_id());
    assert_eq!((producer.name.as_ref(), &producer.span_kind), ("send agents", &SpanKind::Producer));
    assert_eq!((consumer.name.as_ref(), &consumer.span_kind), ("process agents", &SpanKind::Consumer));
    assert_eq!(text(&consumer, attribute::DECISION).as_deref(), Some("continue"));
}

#[tokio::test]
async fn the_context_of_a_strangers_message_is_a_link() {
    let messages = Messages::public_edge("public");
    let claimed = r#"{"context":{"traceparent":"00-4bf92f3577f34da6c19e9222d19e89b8-ccbd124dbdfc3439-01","baggage":"interaction.id=x"}}"#;
    exporter();
    let ((), spans) = traced(messages.process(claimed, async {})).await;
    let [consumer] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!(consumer.links[0].span_context.span_id(), SpanId::from_hex("ccbd124dbdfc3439").unwrap());
    assert_eq!(text(consumer, attribute::REASON).as_deref(), Some("the peer is not trusted"));
    assert_eq!(text(consumer, "interaction.id"), None);
}

#[tokio::test]
async fn text_that_is_no_json_goes_as_it_is() {
    let messages = Messages::internal("agents");
    let sending = messages.send("ping", |text| async { Ok::<_, ()>(text) });
    let (sent, spans) = traced(sending).await;
    assert_eq!(sent, Ok("ping".to_owned()));
    assert!(text(&spans[0], attribute::REASON).unwrap().contains("not JSON"));
    let (_, spans) = traced(messages.process("ping", async {})).await;
    assert_eq!(text(&spans[0], attribute::DECISION).as_deref(), Some("new"));
    let (failed, spans) = traced(messages.send("{}", |_| async { Err::<(), _>("closed") })).await;
    assert!(failed.is_err());
    assert_eq!(text(&spans[0], "error.type").as_deref(), Some("_OTHER"));
}

#[tokio::test]
async fn a_subscription_of_the_pages_carries_it_in_its_body() {
    let messages = Messages::internal("notifications")
        .place(subscriptions())
        .propagator("tracecontext".parse().unwrap());
    let body = r#"{"subscriptions": [{"type": "conversation"}]}"#;
    let sending = messages.send(body, |text| async { Ok::<_, ()>(Message::from(text)) });
    let (sent, spans) = traced(sending.in_interaction(Interaction::new("call"))).await;
    let context = &spans[0].span_context;
    let parent = format!("00-{}-{}-01", context.trace_id(), context.span_id());
    let expected = format!(r#"{{"subscriptions": [{{"type": "conversation","traceparent":"{parent}"}}]}}"#);
    assert_eq!(sent.unwrap().to_text().unwrap(), expected);
}

fn spans_of_id(id: SpanId) -> SpanData {
    let spans = exporter().get_finished_spans().unwrap();
    spans.into_iter().find(|span| span.span_context.span_id() == id).unwrap()
}
