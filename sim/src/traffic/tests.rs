use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Mutex;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::*;
use crate::sink::{Behaviour, Options, Sink};

/// The other side of the Data Actions: answers at once, and keeps the headers that came.
struct Middleware {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<(String, HeaderMap)>>>,
    _serving: JoinSet<()>,
}

impl Middleware {
    async fn answering(status: u16, body: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Mutex<Vec<_>>>::default();
        let mut serving = JoinSet::new();
        let kept = seen.clone();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let kept = kept.clone();
                let service = service_fn(move |request: Request<Incoming>| {
                    kept.lock().unwrap().push((request.uri().path().to_owned(), request.headers().clone()));
                    let answer = Response::builder().status(status).body(Full::new(Bytes::from(body)));
                    async { Ok::<_, Infallible>(answer.unwrap()) }
                });
                let connection = hyper::server::conn::http1::Builder::new();
                connections.spawn(connection.serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { address, seen, _serving: serving }
    }
}

const FOUND: &str = r#"{"customer_id": 5, "queue": "deliveries"}"#;

async fn sink(behaviour: Behaviour) -> Sink {
    Sink::start(Options { behaviour, ..Options::default().keeping() }).await.unwrap()
}

fn fast(sink: &Sink, middleware: &Middleware, calls: u64) -> Traffic {
    let day = Day {
        calls_per_minute: 60_000.0,
        calls: Some(calls),
        at_once: 100,
        time_scale: 2000.0,
        ..Day::quiet(7)
    };
    Traffic { otlp: sink.address(), data_actions: middleware.address, day }
}

fn spans(sink: &Sink) -> Vec<Span> {
    let requests = sink.received().into_iter().flat_map(|received| received.traces().unwrap().resource_spans);
    requests.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
}

fn attribute<'a>(span: &'a Span, key: &str) -> Option<&'a str> {
    let attribute = span.attributes.iter().find(|attribute| attribute.key == key)?;
    match attribute.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}

async fn all(traffic: &Traffic) -> Tally {
    run(traffic, std::future::pending(), |_| {}).await
}

#[tokio::test]
async fn each_call_arrives_whole_once_and_nested() {
    let middleware = Middleware::answering(200, FOUND).await;
    let sink = sink(Behaviour::default()).await;
    let tally = all(&fast(&sink, &middleware, 60)).await;

    assert_eq!((tally.calls_started, tally.calls_ended), (60, 60));
    assert_eq!((tally.spans_accepted, tally.spans_refused, tally.spans_lost), (tally.spans_made, 0, 0));
    let spans = spans(&sink);
    assert_eq!(spans.len() as u64, tally.spans_made);
    let by_id: BTreeMap<_, _> = spans.iter().map(|span| ((&span.trace_id, &span.span_id), span)).collect();
    assert_eq!(by_id.len(), spans.len(), "a span was sent twice");
    for span in &spans {
        assert!(span.start_time_unix_nano <= span.end_time_unix_nano);
        if span.parent_span_id.is_empty() {
            assert_eq!(span.span_id, span.trace_id[..8]);
            continue;
        }
        let parent = by_id[&(&span.trace_id, &span.parent_span_id)];
        assert!(
            parent.start_time_unix_nano <= span.start_time_unix_nano,
            "{} starts before its parent",
            span.name
        );
        assert!(parent.end_time_unix_nano >= span.end_time_unix_nano, "{} ends after its parent", span.name);
    }
    let expected: Vec<_> = (0..60).map(|number| script(7, number)).collect();
    for script in expected {
        let root = by_id[&(&script.trace_id.0.to_vec(), &script.root_id.0.to_vec())];
        assert_eq!(attribute(root, "interaction.outcome"), Some(script.outcome.word()));
        assert_eq!(attribute(root, "interaction.id"), Some(script.conversation.as_str()));
        let stages = spans.iter().filter(|span| {
            span.trace_id == script.trace_id.0
                && !matches!(attribute(span, "interaction.stage"), None | Some("action"))
        });
        assert_eq!(stages.count(), script.steps.len());
    }
}

#[tokio::test]
async fn data_actions_carry_the_context_of_their_span() {
    let middleware = Middleware::answering(200, FOUND).await;
    let sink = sink(Behaviour::default()).await;
    let tally = all(&fast(&sink, &middleware, 40)).await;

    let spans = spans(&sink);
    let actions: Vec<_> =
        spans.iter().filter(|span| attribute(span, "interaction.stage") == Some("action")).collect();
    let sent: BTreeSet<_> = actions
        .iter()
        .map(|span| {
            let trace_id = throughline_context::TraceId::from_otlp(&span.trace_id).unwrap();
            let span_id = throughline_context::SpanId::from_otlp(&span.span_id).unwrap();
            let conversation = attribute(span, "interaction.id").unwrap();
            (format!("00-{trace_id}-{span_id}-03"), format!("interaction.id={conversation}"))
        })
        .collect();
    let seen: BTreeSet<_> = middleware
        .seen
        .lock()
        .unwrap()
        .iter()
        .map(|(_, headers)| {
            let header = |name: &str| headers[name].to_str().unwrap().to_owned();
            (header("traceparent"), header("baggage"))
        })
        .collect();
    assert_eq!(sent, seen);
    assert_eq!(sent.len() as u64, tally.actions);
    let paths: BTreeSet<_> = middleware.seen.lock().unwrap().iter().map(|(path, _)| path.clone()).collect();
    assert_eq!(paths, BTreeSet::from(["/v2/lookup".to_owned(), "/v2/schedule".to_owned()]));
    let queues: BTreeSet<_> =
        spans.iter().filter_map(|span| attribute(span, "interaction.queue.name")).collect();
    assert!(
        queues.contains("deliveries") && !queues.contains("service"),
        "the look-up's queue was not used: {queues:?}"
    );
}

#[tokio::test]
async fn a_failed_look_up_is_an_error_and_sends_the_caller_to_the_fallback() {
    let middleware = Middleware::answering(502, r#"{"error": {"message": "the CRM answered 500"}}"#).await;
    let sink = sink(Behaviour::default()).await;
    let tally = all(&fast(&sink, &middleware, 40)).await;

    assert!(tally.actions > 0);
    assert_eq!(tally.actions_failed, tally.actions);
    let spans = spans(&sink);
    let failed: Vec<_> = spans.iter().filter(|span| attribute(span, "error.type") == Some("502")).collect();
    assert_eq!(failed.len() as u64, tally.actions);
    assert!(failed.iter().all(|span| span.status.as_ref().unwrap().message == "the CRM answered 500"));
    let queues: BTreeSet<_> =
        spans.iter().filter_map(|span| attribute(span, "interaction.queue.name")).collect();
    assert!(queues.contains("service") && !queues.contains("deliveries"), "{queues:?}");
}

#[tokio::test]
async fn a_receiver_that_is_busy_for_a_while_costs_nothing() {
    let middleware = Middleware::answering(200, FOUND).await;
    let sink = sink(Behaviour::status(503, Some(0))).await;
    let traffic = fast(&sink, &middleware, 10);
    let recovery = async {
        sink.wait_until(Duration::from_secs(10), |counts| counts.refused > 1).await.unwrap();
        sink.set(Behaviour::default());
    };
    let (tally, ()) = tokio::join!(all(&traffic), recovery);

    assert!(tally.retries > 0);
    assert_eq!((tally.spans_accepted, tally.spans_refused, tally.spans_lost), (tally.spans_made, 0, 0));
    assert_eq!(spans(&sink).len() as u64, tally.spans_made);
    assert_eq!(tally.trouble, None);
}

#[tokio::test]
async fn what_is_refused_is_counted_and_not_sent_again() {
    let middleware = Middleware::answering(200, FOUND).await;
    let sink = sink(Behaviour::status(400, None)).await;
    let tally = all(&fast(&sink, &middleware, 10)).await;

    assert_eq!((tally.spans_accepted, tally.spans_refused, tally.spans_lost), (0, tally.spans_made, 0));
    assert_eq!(tally.retries, 0);
    assert!(tally.first_refusal.unwrap().starts_with("HTTP 400"));
}

#[tokio::test]
async fn stopping_cuts_callers_off_and_still_ends_their_spans() {
    let middleware = Middleware::answering(200, FOUND).await;
    let sink = sink(Behaviour::default()).await;
    let (stop, stopped) = oneshot::channel();
    let mut traffic = fast(&sink, &middleware, 0);
    traffic.day = Day { calls: None, time_scale: 1.0, at_once: 12, ..traffic.day };
    let mut stop = Some(stop);
    let tally = run(&traffic, async { stopped.await.unwrap() }, |tally| {
        if tally.calls_started == 12
            && let Some(stop) = stop.take()
        {
            stop.send(()).unwrap();
        }
    })
    .await;

    assert_eq!((tally.calls_started, tally.calls_ended), (12, 12));
    let spans = spans(&sink);
    assert_eq!(spans.len() as u64, tally.spans_made);
    let roots: Vec<_> = spans.iter().filter(|span| span.parent_span_id.is_empty()).collect();
    assert_eq!(roots.len(), 12);
    assert!(roots.iter().any(|root| attribute(root, "interaction.outcome") == Some("disconnected")));
}
