use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::*;
use crate::genesys::record::org::queue_id;
use crate::genesys::scenario::library;
use crate::genesys::service::{Faults, Traffic};

const START: u64 = 1_772_359_200_000;

struct Visitor {
    simulator: Simulator,
    client: Client<HttpConnector, Full<Bytes>>,
    token: String,
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

impl Visitor {
    async fn visit(options: Options, settings: Settings) -> Self {
        let simulator = Simulator::start(options, settings).await.unwrap();
        let client = Client::builder(TokioExecutor::new()).build_http();
        let mut visitor = Self { simulator, client, token: String::new() };
        let basic = format!("Basic {}", STANDARD.encode("simulated-client:simulated-secret"));
        let request = Request::post(format!("{}/oauth/token", visitor.simulator.base_url()))
            .header(AUTHORIZATION, basic)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::from("grant_type=client_credentials"))
            .unwrap();
        let body =
            visitor.client.request(request).await.unwrap().into_body().collect().await.unwrap().to_bytes();
        let body: Value = serde_json::from_slice(&body).unwrap();
        visitor.token = body["access_token"].as_str().unwrap().to_owned();
        visitor
    }

    async fn ask(&self, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.simulator.base_url()))
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
            .body(Full::from(body.to_string()))
            .unwrap();
        let response = self.client.request(request).await.unwrap();
        let status = response.status();
        assert!(status == 413 || response.headers().contains_key("inin-correlation-id"));
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    /// A channel that is subscribed to the queue billing.
    async fn channel(&self) -> String {
        let (_, channel) = self.ask(Method::POST, "/api/v2/notifications/channels", &Value::Null).await;
        let id = channel["id"].as_str().unwrap();
        let topic = format!("v2.routing.queues.{}.conversations", queue_id("billing"));
        let path = format!("/api/v2/notifications/channels/{id}/subscriptions");
        self.ask(Method::POST, &path, &json!([{"id": topic}])).await;
        channel["connectUri"].as_str().unwrap().to_owned()
    }
}

async fn next(socket: &mut Socket) -> Option<Message> {
    socket.next().await.and_then(Result::ok)
}

fn manual() -> Settings {
    Settings { pace: Pace::Manual { start_ms: START }, ..Settings::default() }
}

fn answered() -> Options {
    let mut options = Options::quiet(library().unwrap());
    options.scenarios.retain(|scenario| scenario.name == "answered");
    options.traffic = Traffic { concurrent: 1, speed: 1.0, ..Traffic::default() };
    options
}

#[tokio::test]
async fn messages_come_when_the_clock_is_moved() {
    let visitor = Visitor::visit(answered(), manual()).await;
    let uri = visitor.channel().await;
    let (mut socket, _) = connect_async(&uri).await.unwrap();
    visitor.simulator.advance(START + 60_000);
    let first: Value = serde_json::from_str(next(&mut socket).await.unwrap().to_text().unwrap()).unwrap();
    assert_eq!(first["topicName"], format!("v2.routing.queues.{}.conversations", queue_id("billing")));
    socket.send(Message::text(r#"{"message":"ping"}"#)).await.unwrap();
    loop {
        let text = next(&mut socket).await.unwrap();
        if text.to_text().unwrap().contains("pong") {
            break;
        }
    }
    let (mut second, _) = connect_async(&uri).await.unwrap();
    assert!(matches!(next(&mut socket).await, Some(Message::Close(_))));
    visitor.simulator.advance(START + 120_000);
    assert!(next(&mut second).await.unwrap().is_text());
}

#[tokio::test]
async fn what_lies_behind_has_happened_at_the_start() {
    let settings = Settings { past: Duration::from_secs(3600), ..manual() };
    let visitor = Visitor::visit(answered(), settings).await;
    visitor.simulator.with(|service| {
        assert_eq!(service.now(), START);
        assert!(service.tally().conversations_ended > 10);
    });
}

#[tokio::test]
async fn a_live_clock_tells_and_beats() {
    let mut options = answered();
    options.traffic.speed = 200.0;
    let settings = Settings { heartbeat: Duration::from_millis(50), ..Settings::default() };
    let visitor = Visitor::visit(options, settings).await;
    let (mut socket, _) = connect_async(&visitor.channel().await).await.unwrap();
    let (mut beats, mut told) = (0, 0);
    while beats == 0 || told == 0 {
        let text = next(&mut socket).await.unwrap();
        match text.to_text().unwrap() {
            r#"{"eventBody":{"message":"WebSocket Heartbeat"},"topicName":"channel.metadata"}"# => beats += 1,
            _ => told += 1,
        }
    }
}

#[tokio::test]
async fn a_dropped_socket_breaks_and_can_be_opened_again() {
    let mut options = answered();
    options.faults = Faults { drop_socket: 1.0, ..Faults::default() };
    let visitor = Visitor::visit(options, manual()).await;
    let uri = visitor.channel().await;
    let (mut socket, _) = connect_async(&uri).await.unwrap();
    visitor.simulator.advance(START + 60_000);
    assert!(!matches!(socket.next().await, Some(Ok(_))), "it ends without a closing");
    let (status, _) = visitor.ask(Method::DELETE, "/sim/faults", &Value::Null).await;
    assert_eq!(status, 200);
    let (mut again, _) = connect_async(&uri).await.unwrap();
    visitor.simulator.advance(START + 120_000);
    assert!(next(&mut again).await.unwrap().is_text());
}

#[tokio::test]
async fn a_huge_frame_is_as_huge_as_asked_for() {
    let mut options = answered();
    options.faults = Faults { huge: 1.0, huge_bytes: 3 << 20, ..Faults::default() };
    let visitor = Visitor::visit(options, manual()).await;
    let (mut socket, _) = connect_async(&visitor.channel().await).await.unwrap();
    visitor.simulator.advance(START + 60_000);
    assert_eq!(next(&mut socket).await.unwrap().len(), 3 << 20);
}

#[tokio::test]
async fn the_pages_socket_refuses_a_bad_token_at_the_handshake() {
    let visitor = Visitor::visit(answered(), manual()).await;
    let uri = format!("ws://{}/api/v2/analytics/conversations/events?ids=", visitor.simulator.address());
    let mut request = uri.as_str().into_client_request().unwrap();
    let refused = connect_async(request.clone()).await.unwrap_err();
    assert!(matches!(refused, WsError::Http(response) if response.status() == 401));
    let bearer = format!("Bearer {}", visitor.token).parse().unwrap();
    request.headers_mut().insert(AUTHORIZATION, bearer);
    let (mut socket, _) = connect_async(request).await.unwrap();
    let said = json!({"subscriptions": [{"type": "conversation", "traceparent": "00-aa"}]}).to_string();
    socket.send(Message::text(said)).await.unwrap();
    socket.send(Message::text(r#"{"message":"ping"}"#)).await.unwrap();
    assert!(next(&mut socket).await.unwrap().to_text().unwrap().contains("pong"));
    visitor.simulator.advance(START + 60_000);
    assert!(next(&mut socket).await.unwrap().to_text().unwrap().contains("v2.detail.events."));
    socket.send(Message::text("nonsense")).await.unwrap();
    loop {
        if let Some(Message::Close(Some(frame))) = next(&mut socket).await {
            assert!(frame.reason.contains("not JSON"));
            break;
        }
    }
}

#[tokio::test]
async fn what_does_not_exist_is_said_so() {
    let visitor = Visitor::visit(answered(), manual()).await;
    let refused =
        connect_async(format!("ws://{}/channels/nothing", visitor.simulator.address())).await.unwrap_err();
    assert!(matches!(refused, WsError::Http(response) if response.status() == 404));
    assert_eq!(visitor.ask(Method::GET, "/api/v2/nothing", &Value::Null).await.0, 404);
    assert_eq!(
        visitor.ask(Method::POST, "/api/v2/conversations/calls", &json!("x".repeat(2 << 20))).await.0,
        413
    );
}

#[tokio::test]
async fn events_are_posted_until_they_are_taken() {
    let receiver = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/events", receiver.local_addr().unwrap());
    let bridge = EventBridge::parse(&url, Some("x-api-key: secret")).unwrap();
    assert!(!format!("{bridge:?}").contains("secret"));
    let (seen, mut posts) = mpsc::channel(100);
    tokio::spawn(async move {
        let mut refused = false;
        while let Ok((stream, _)) = receiver.accept().await {
            let first = !std::mem::replace(&mut refused, true);
            let seen = seen.clone();
            let service = hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
                let seen = seen.clone();
                async move {
                    let key = request.headers().get("x-api-key").cloned();
                    let body = request.into_body().collect().await.unwrap().to_bytes();
                    let status = if first { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
                    seen.send((key, serde_json::from_slice::<Value>(&body).unwrap())).await.unwrap();
                    let mut answer = http::Response::new(Full::<Bytes>::default());
                    *answer.status_mut() = status;
                    // One request for each connection, so that only the first is refused.
                    answer.headers_mut().insert("connection", "close".parse().unwrap());
                    Ok::<_, std::convert::Infallible>(answer)
                }
            });
            tokio::spawn(
                hyper::server::conn::http1::Builder::new()
                    .serve_connection(hyper_util::rt::TokioIo::new(stream), service),
            );
        }
    });
    let settings = Settings { event_bridge: Some(bridge), ..manual() };
    let visitor = Visitor::visit(answered(), settings).await;
    visitor.simulator.advance(START + 20_000);
    let mut ids = Vec::new();
    while ids.len() < 3 {
        let (key, event) = posts.recv().await.unwrap();
        assert_eq!(key.unwrap(), "secret");
        assert!(event["detail-type"].as_str().unwrap().contains("{id}"));
        ids.push(event["id"].to_string());
    }
    ids.sort();
    let all = ids.len();
    ids.dedup();
    assert_eq!(all - ids.len(), 1, "the one that was refused comes again: {ids:?}");
}
