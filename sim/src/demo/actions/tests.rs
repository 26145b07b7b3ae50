use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use expect_test::expect;
use http::Response;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Map;
use tokio::net::TcpListener;

use super::*;

const CONVERSATION: &str = "7d0f2c1e-58a4-4b7e-9c31-2f4b6a8d0e12";

fn call(name: &str, data: &[(&str, &str)]) -> ActionCall {
    ActionCall {
        conversation_id: CONVERSATION.to_owned(),
        name: name.to_owned(),
        at_ms: 0,
        takes_ms: 1000,
        customer: "tel:+442079460005".to_owned(),
        data: data.iter().map(|(key, value)| ((*key).to_owned(), (*value).into())).collect::<Map<_, _>>(),
    }
}

async fn shown(call: &ActionCall) -> String {
    let service = SocketAddr::from(([127, 0, 0, 1], 3000));
    let Some(request) = request(call, service) else { return "none".to_owned() };
    let (head, body) = request.into_parts();
    let headers: BTreeMap<_, _> = head.headers.iter().map(|(name, value)| (name.as_str(), value)).collect();
    let headers: String =
        headers.iter().map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap())).collect();
    let body = body.collect().await.unwrap().to_bytes();
    format!("{} {}\n{headers}\n{}", head.method, head.uri, String::from_utf8_lossy(&body))
}

#[tokio::test]
async fn without_a_context_the_flow_builds_it_from_the_conversation() {
    expect![[r#"
        POST http://127.0.0.1:3000/v2/lookup
        content-type: application/json
        traceparent: 00-7d0f2c1e58a44b7e9c312f4b6a8d0e12-7d0f2c1e58a44b7e-01
        x-conversation-id: 7d0f2c1e-58a4-4b7e-9c31-2f4b6a8d0e12

        {"phone":"+442079460005"}"#]]
    .assert_eq(&shown(&call("Look up customer", &[])).await);
}

#[tokio::test]
async fn a_context_of_participant_data_goes_first() {
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let data = [("traceparent", traceparent), ("tracestate", "ot=th:0"), (CUSTOMER, "5")];
    expect![[r#"
        POST http://127.0.0.1:3000/v2/schedule
        content-type: application/json
        traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
        tracestate: ot=th:0
        x-conversation-id: 7d0f2c1e-58a4-4b7e-9c31-2f4b6a8d0e12

        {"customer_id":5,"slot":"42d14:00"}"#]]
    .assert_eq(&shown(&call("Book technician", &data)).await);
}

#[tokio::test]
async fn nobody_is_booked_for_whom_the_flow_does_not_know() {
    assert_eq!(shown(&call("Book technician", &[])).await, "none");
    assert_eq!(shown(&call("Something else", &[])).await, "none");
}

/// The other side: answers all the same, and keeps the paths that came.
async fn service(status: u16, body: &'static str) -> (SocketAddr, Arc<Mutex<Vec<String>>>, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, seen) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<_>>>::default());
    let (mut serving, kept) = (JoinSet::new(), seen.clone());
    serving.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let kept = kept.clone();
            let answers = service_fn(move |request: Request<Incoming>| {
                kept.lock().unwrap().push(request.uri().path().to_owned());
                let answer = Response::builder().status(status).body(Full::new(Bytes::from(body)));
                async { answer }
            });
            let connection = hyper::server::conn::http1::Builder::new();
            connections.spawn(connection.serve_connection(TokioIo::new(stream), answers));
        }
    });
    (address, seen, serving)
}

#[tokio::test]
async fn what_a_look_up_tells_is_learned() {
    let (address, seen, _serving) =
        service(200, r#"{"customer_id": 5, "segment": "business", "queue": "business"}"#).await;
    let (told, calls) = mpsc::channel(4);
    let mut actions = Actions::of(calls, address);
    told.send(call("Something else", &[])).await.unwrap();
    told.send(call("Look up customer", &[])).await.unwrap();
    let answered = actions.next().await;
    let learned = vec![(CUSTOMER, "5".to_owned()), (SEGMENT, "business".to_owned())];
    assert_eq!(answered, Answered { conversation: CONVERSATION.to_owned(), succeeded: true, learned });
    assert_eq!(*seen.lock().unwrap(), ["/v2/lookup"]);
    assert_eq!((actions.called, actions.failed), (1, 0));
}

#[tokio::test]
async fn a_refusal_and_a_service_that_is_gone_are_counted() {
    let (address, _seen, serving) = service(404, r#"{"error": {"code": "customer_not_found"}}"#).await;
    let (told, calls) = mpsc::channel(4);
    let mut actions = Actions::of(calls, address);
    told.send(call("Look up customer", &[])).await.unwrap();
    let refused = actions.next().await;
    assert_eq!((refused.succeeded, refused.learned.len(), actions.failed), (false, 0, 1));
    drop(serving);
    told.send(call("Look up customer", &[])).await.unwrap();
    actions.next().await;
    assert_eq!((actions.called, actions.failed), (2, 2));
}
