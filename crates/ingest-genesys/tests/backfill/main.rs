//! `genesys_cloud::backfill` at the simulator: each conversation that ended, each span once, whatever interrupts it.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod front;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header::CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use flow::config::Opaque;
use front::{Answers, Asked, Front};
use ingest_genesys::genesys_cloud::Target;
use ingest_genesys::genesys_cloud::backfill::{Progress, Stopped, Wanted, backfill, moment};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;
use serde_json::{Value, json};
use sim::genesys::scenario::library;
use sim::genesys::serve::{self, Simulator};
use sim::genesys::service::{Options, Traffic};

const CALLS: u64 = 30;

/// Takes so many batches, and then none.
#[derive(Default)]
struct Taken {
    batches: Mutex<Vec<Bytes>>,
    most: AtomicUsize,
    /// Takes one span less of the batch of this number, counted from 1, and says so.
    picky: AtomicUsize,
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

async fn take(State(taken): State<Arc<Taken>>, body: Bytes) -> Response {
    let mut batches = taken.batches.lock().unwrap();
    if batches.len() >= taken.most.load(Ordering::Relaxed) {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let picky = batches.len() + 1 == taken.picky.load(Ordering::Relaxed);
    let mut request = ExportTraceServiceRequest::decode(body).unwrap();
    let mut answer = ExportTraceServiceResponse::default();
    if picky {
        request.resource_spans.first_mut().unwrap().scope_spans.first_mut().unwrap().spans.pop().unwrap();
        let error_message = "the span is too old".to_owned();
        answer.partial_success = Some(ExportTracePartialSuccess { rejected_spans: 1, error_message });
    }
    batches.push(request.encode_to_vec().into());
    ([(CONTENT_TYPE, "application/x-protobuf")], answer.encode_to_vec()).into_response()
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

/// A simulator with a past, what a back-fill of all of it sends, and a front that is asked in its place.
struct Past {
    simulator: Simulator,
    over: u64,
    folder: tempfile::TempDir,
}

impl Past {
    async fn new() -> Self {
        let (simulator, over) = past().await;
        Self { simulator, over, folder: tempfile::tempdir().unwrap() }
    }

    fn wanted(&self, otlp: &str, file: &str) -> Wanted {
        Wanted {
            from_ms: self.over - 25 * 3_600_000,
            to_ms: self.over + 1000,
            otlp: Wanted::endpoint(otlp).unwrap(),
            state: self.folder.path().join(file),
            page: 7,
        }
    }

    async fn run(&self, url: &str, wanted: &Wanted) -> Result<Progress, Stopped> {
        let secret = Opaque("simulated-secret".to_owned());
        let target = Target::client(url, "simulated-client", secret, None).unwrap();
        backfill(&target, wanted, |_| {}).await
    }

    /// A whole run past somebody who answers in the service's place sends the same spans, each once.
    async fn same(&self, name: &str, answers: impl Answers) -> Front {
        let (whole, otlp) = store().await;
        self.run(&self.simulator.base_url(), &self.wanted(&otlp, &format!("{name}-whole"))).await.unwrap();
        let front = Front::start(self.simulator.base_url(), answers).await;
        let (parts, otlp) = store().await;
        let done = self.run(&front.url, &self.wanted(&otlp, name)).await.unwrap();
        assert_eq!((done.conversations, done.rejected, done.left_out), (CALLS, 0, 0), "{name}");
        assert_eq!(parts.spans(), whole.spans(), "{name}");
        assert!(whole.spans().len() as u64 > 3 * CALLS, "{name}");
        front
    }
}

const JOBS: &str = "POST /api/v2/analytics/conversations/details/jobs";
const QUERY: &str = "POST /api/v2/analytics/conversations/details/query";

/// Always the same answer to one request.
struct Always(&'static str, u16, Value);

impl Answers for Always {
    fn instead(&mut self, asked: &Asked) -> Option<(u16, Value)> {
        asked.what.ends_with(self.0).then(|| (self.1, self.2.clone()))
    }
}

#[tokio::test(start_paused = true)]
async fn where_there_is_no_job_the_query_answers() {
    let past = Past::new().await;
    let refused = || json!({"code": "missing.permissions", "message": "no"});
    for (name, answers, jobs) in [
        ("not allowed", Always(JOBS, 403, refused()), 2),
        ("not there", Always(JOBS, 404, json!({})), 2),
        (
            "behind",
            Always("/jobs/availability", 200, json!({"dataAvailabilityDate": "2001-01-01T00:00:00.000Z"})),
            0,
        ),
        ("does not tell", Always("/jobs/availability", 403, refused()), 0),
        ("of another type", Always("/jobs/availability", 200, json!({"dataAvailabilityDate": 7})), 0),
        ("failed", Always("/jobs/ID", 200, json!({"state": "FAILED"})), 2),
        ("expired", Always("/jobs/ID", 200, json!({"state": "EXPIRED"})), 2),
        ("cancelled", Always("/jobs/ID", 200, json!({"state": "CANCELLED"})), 2),
        ("of no known state", Always("/jobs/ID", 200, json!({"state": "RESTING"})), 2),
        ("never done", Always("/jobs/ID", 200, json!({"state": "QUEUED"})), 2),
    ] {
        let front = past.same(name, answers).await;
        assert_eq!(front.asked(JOBS).len(), jobs, "{name}");
        let pages =
            front.asked(QUERY).iter().map(|asked| asked.body["paging"]["pageNumber"].as_u64().unwrap()).max();
        assert!(pages.unwrap() > CALLS / 7, "{name}: page after page");
        assert!(front.asked("/results").is_empty(), "{name}");
    }
}

/// A job's answer is used where there is one, and asked for anew where it is not kept.
#[tokio::test(start_paused = true)]
async fn a_job_that_is_not_kept_is_begun_again() {
    struct Forgets(usize);
    impl Answers for Forgets {
        fn instead(&mut self, asked: &Asked) -> Option<(u16, Value)> {
            let gone = asked.what.ends_with("/jobs/ID") && self.0 == 0;
            self.0 = self.0.saturating_sub(usize::from(asked.what.ends_with("/results")));
            gone.then(|| {
                self.0 = usize::MAX;
                (404, json!({"code": "not.found"}))
            })
        }
    }
    let past = Past::new().await;
    let front = Front::start(past.simulator.base_url(), Forgets(2)).await;
    let (taken, otlp) = store().await;
    let wanted = past.wanted(&otlp, "forgets");
    // The place is known and the job is not.
    taken.most.store(2, Ordering::Relaxed);
    past.run(&front.url, &wanted).await.unwrap_err();
    taken.most.store(usize::MAX, Ordering::Relaxed);
    past.run(&front.url, &wanted).await.unwrap();
    let (whole, otlp) = store().await;
    past.run(&past.simulator.base_url(), &past.wanted(&otlp, "whole")).await.unwrap();
    assert_eq!(taken.spans().keys().collect::<Vec<_>>(), whole.spans().keys().collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_cursor_that_stands_still_ends_it() {
    struct Still;
    impl Answers for Still {
        fn change(&mut self, asked: &Asked, said: &mut Value) {
            if asked.what.ends_with("/results") {
                said["cursor"] = json!("3");
            }
        }
    }
    let past = Past::new().await;
    let front = Front::start(past.simulator.base_url(), Still).await;
    let (_, otlp) = store().await;
    let stopped = past.run(&front.url, &past.wanted(&otlp, "still")).await.unwrap_err();
    assert!(stopped.to_string().contains("the cursor of the next page is that of this one"), "{stopped}");
}

/// The query gives 100 000 conversations of one interval at most: longer ones are cut.
#[tokio::test(start_paused = true)]
async fn a_day_with_more_than_the_query_gives_is_read_in_parts() {
    const HOURS_6: u64 = 6 * 3_600_000;
    struct Busy;
    fn interval(asked: &Asked) -> (u64, u64) {
        let (from, to) = asked.body["interval"].as_str().unwrap().split_once('/').unwrap();
        (moment(from).unwrap(), moment(to).unwrap())
    }
    impl Answers for Busy {
        fn instead(&mut self, asked: &Asked) -> Option<(u16, Value)> {
            asked.what.ends_with(JOBS).then(|| (403, json!({})))
        }

        fn change(&mut self, asked: &Asked, said: &mut Value) {
            if asked.what.ends_with(QUERY) {
                let (from, to) = interval(asked);
                said["totalHits"] = json!(if to - from > HOURS_6 { 100_001 } else { 100_000 });
            }
        }
    }
    let past = Past::new().await;
    let front = past.same("busy", Busy).await;
    let mut at = past.over - 25 * 3_600_000;
    for asked in front.asked(QUERY) {
        let (from, to) = interval(&asked);
        let page = asked.body["paging"]["pageNumber"].as_u64().unwrap();
        assert!(page == 1 || to - from <= HOURS_6, "{asked:?}");
        assert!(from <= at, "nothing lies between: {asked:?}");
        at = if to - from <= HOURS_6 { to } else { at };
    }
    assert_eq!(at, past.over + 1000);
}

/// What is rejected is counted, the rest of it is not sent twice in the same run, and the next run sends it again.
#[tokio::test(start_paused = true)]
async fn what_is_rejected_is_sent_again_by_the_next_run() {
    let past = Past::new().await;
    let (taken, otlp) = store().await;
    let wanted = past.wanted(&otlp, "rejected");
    let url = past.simulator.base_url();
    taken.picky.store(2, Ordering::Relaxed);
    let done = past.run(&url, &wanted).await.unwrap();
    assert_eq!((done.conversations, done.rejected, done.why.as_str()), (CALLS, 1, "the span is too old"));
    let (whole, other) = store().await;
    past.run(&url, &past.wanted(&other, "whole")).await.unwrap();
    let (sent, expected) = (taken.spans(), whole.spans());
    assert_eq!(sent.len() + 1, expected.len());
    assert!(sent.values().all(|count| *count == 1));

    // Stopped in between, it goes on with what was rejected; and where that is rejected again, it says so again.
    let batches = taken.batches.lock().unwrap().len();
    taken.most.store(batches + 1, Ordering::Relaxed);
    past.run(&url, &wanted).await.unwrap_err();
    taken.most.store(usize::MAX, Ordering::Relaxed);
    taken.picky.store(batches + 2, Ordering::Relaxed);
    assert_eq!(past.run(&url, &wanted).await.unwrap().rejected, 1);
    taken.picky.store(0, Ordering::Relaxed);
    assert_eq!(past.run(&url, &wanted).await.unwrap().rejected, 0);
    assert_eq!(taken.spans().keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    let batches = taken.batches.lock().unwrap().len();
    assert_eq!(past.run(&url, &wanted).await.unwrap().conversations, 0);
    assert_eq!(taken.batches.lock().unwrap().len(), batches, "there is nothing left");
}

#[test]
fn moments_are_read() {
    assert_eq!(moment("1970-01-02"), Some(86_400_000));
    assert_eq!(moment("1970-01-02T01:00:00+01:00"), Some(86_400_000));
    assert_eq!(moment("yesterday"), None);
}
