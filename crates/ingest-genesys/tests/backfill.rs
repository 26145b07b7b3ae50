//! `genesys_cloud::backfill` at the simulator: each conversation that ended, each span once, whatever interrupts it.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use flow::config::Opaque;
use ingest_genesys::genesys_cloud::Target;
use ingest_genesys::genesys_cloud::backfill::{Stopped, Wanted, backfill, moment};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use sim::genesys::scenario::library;
use sim::genesys::serve::{self, Simulator};
use sim::genesys::service::{Options, Traffic};

const CALLS: u64 = 30;

/// Takes so many batches, and then none.
#[derive(Default)]
struct Taken {
    batches: Mutex<Vec<Bytes>>,
    most: AtomicUsize,
}

impl Taken {
    /// How often each span came, by its trace and its id.
    fn spans(&self) -> BTreeMap<(Vec<u8>, Vec<u8>), usize> {
        let mut spans = BTreeMap::new();
        for batch in self.batches.lock().unwrap().iter() {
            let request = ExportTraceServiceRequest::decode(batch.clone()).unwrap();
            let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
            for span in scopes.flat_map(|scope| scope.spans) {
                *spans.entry((span.trace_id, span.span_id)).or_default() += 1;
            }
        }
        spans
    }
}

async fn take(State(taken): State<Arc<Taken>>, body: Bytes) -> StatusCode {
    let mut batches = taken.batches.lock().unwrap();
    if batches.len() >= taken.most.load(Ordering::Relaxed) {
        return StatusCode::BAD_REQUEST;
    }
    batches.push(body);
    StatusCode::OK
}

async fn store() -> (Arc<Taken>, String) {
    let taken = Arc::new(Taken { most: usize::MAX.into(), ..Taken::default() });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/v1/traces", axum::routing::post(take)).with_state(Arc::clone(&taken));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (taken, format!("http://{address}"))
}

/// A simulator whose conversations have all ended, and are in analytics.
async fn past() -> (Simulator, u64) {
    let usual = |name: &str| !["clock-skew", "crossing-midnight"].contains(&name);
    let mut scenarios = library().unwrap();
    scenarios.retain(|scenario| usual(&scenario.name));
    let traffic = Traffic { concurrent: 10, calls: Some(CALLS), speed: 1000.0, ..Traffic::default() };
    let options = Options { traffic, ..Options::quiet(scenarios) };
    let simulator = Simulator::start(options, serve::Settings::default()).await.unwrap();
    let ended = || simulator.with(|service| (service.tally().conversations_ended, service.now()));
    let waited = tokio::time::timeout(Duration::from_secs(60), async {
        while ended().0 < CALLS {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let over = ended().1;
        // Analytics is a few seconds behind.
        while ended().1 < over + 5_000 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        over
    });
    let over = waited.await.unwrap();
    (simulator, over)
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_on_where_it_stopped() {
    let (simulator, over) = past().await;
    let secret = Opaque("simulated-secret".to_owned());
    let target = Target::client(&simulator.base_url(), "simulated-client", secret, None).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (from_ms, to_ms) = (over - 25 * 3_600_000, over + 1000);
    let wanted = |otlp: &str, file: &str| Wanted {
        from_ms,
        to_ms,
        otlp: Wanted::endpoint(otlp).unwrap(),
        state: folder.path().join(file),
        page: 7,
    };

    let (whole, otlp) = store().await;
    let done = backfill(&target, &wanted(&otlp, "whole.json"), |_| {}).await.unwrap();
    let expected = whole.spans();
    assert_eq!((done.conversations, done.open, done.left_out), (CALLS, 0, 0));
    assert_eq!(expected.len() as u64, done.spans);
    let traces: BTreeSet<_> = expected.keys().map(|(trace, _)| trace).collect();
    assert_eq!(traces.len() as u64, CALLS);
    assert!(expected.values().all(|count| *count == 1), "{expected:?}");

    // The second run takes what the first did not bring home.
    let (parts, otlp) = store().await;
    parts.most.store(2, Ordering::Relaxed);
    let wanted_parts = wanted(&otlp, "parts.json");
    let stopped = backfill(&target, &wanted_parts, |_| {}).await;
    assert!(matches!(stopped, Err(Stopped::Refused(_))), "{stopped:?}");
    parts.most.store(usize::MAX, Ordering::Relaxed);
    let mut pages = 0;
    let rest = backfill(&target, &wanted_parts, |_| pages += 1).await.unwrap();
    assert_eq!(parts.spans(), expected);
    assert!(rest.conversations < CALLS && pages > 0, "{rest:?}");

    // Once more: there is nothing left; and a file is not for something else.
    assert_eq!(backfill(&target, &wanted_parts, |_| {}).await.unwrap().conversations, 0);
    let other = Wanted { to_ms: to_ms + 1, ..wanted_parts };
    assert!(matches!(backfill(&target, &other, |_| {}).await, Err(Stopped::State { .. })));
}

#[test]
fn moments_are_read() {
    assert_eq!(moment("1970-01-02"), Some(86_400_000));
    assert_eq!(moment("1970-01-02T01:00:00+01:00"), Some(86_400_000));
    assert_eq!(moment("yesterday"), None);
}
