//! Spans are never taken for those of another interaction, however many one process serves at once.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use opentelemetry::Context;
use opentelemetry::trace::{FutureExt, Span as _, TraceContextExt, Tracer, TracerProvider};
use opentelemetry_sdk::trace::{SdkTracer, Span};
use throughline_sdk::{InInteraction, Interaction};
use tokio::sync::Barrier;
use tokio::task::yield_now;
use tracing::instrument::WithSubscriber;
use tracing::{Dispatch, Instrument, dispatcher};
use tracing_subscriber::layer::SubscriberExt;

use crate::collector::{Collector, text};

const ID: &str = Interaction::ATTRIBUTE;
const INTERACTIONS: usize = 10_000;

/// What each interaction leaves behind: the kinds of its spans.
const SPANS: [&str; 15] = [
    "after others",
    "blocking",
    "closure",
    "loser",
    "nested task",
    "parcel",
    "root",
    "select",
    "task",
    "thread of all",
    "traced",
    "traced below",
    "traced in task",
    "traced parcel",
    "traced parcel, entered",
];

/// Spans that one interaction begins and another one ends, in its own scope.
type Parcel = (Span, [tracing::Span; 2]);

struct World {
    tracer: SdkTracer,
    all_began: Barrier,
    parcel: Mutex<Option<Parcel>>,
    /// Work of all interactions, for one thread.
    jobs: std::sync::mpsc::Sender<Box<dyn FnOnce() + Send>>,
}

/// One interaction, which gives way to others at each step.
async fn work(world: Arc<World>, id: Arc<str>) {
    let named = |name: &str| format!("{name}/{id}");
    let start = |name: &str| world.tracer.start(named(name));
    let cx = Context::current_with_span(start("root"));
    async {
        world.all_began.wait().await;
        yield_now().await;
        start("after others").end();
        tasks(&world, &id).await;
        threads(&world, &id).await;
        selected(&world, &id).await;
        let traced = async {
            yield_now().await;
            tracing::info_span!("traced below", expected = &*id).in_scope(|| {});
        };
        traced.instrument(tracing::info_span!("traced", expected = &*id)).await;
        let lazy = tracing::info_span!("traced parcel", expected = &*id);
        let entered = tracing::info_span!("traced parcel, entered", expected = &*id);
        let parcel = (start("parcel"), [lazy, entered]);
        let of_another = world.parcel.lock().unwrap().replace(parcel);
        yield_now().await;
        of_another.into_iter().for_each(open);
    }
    .with_context(cx.clone())
    .await;
    cx.span().end();
    Interaction::new(&id).scope(|| start("closure").end());
}

fn open((mut span, [lazy, entered]): Parcel) {
    span.end();
    entered.in_scope(|| {});
    drop(lazy);
}

/// A task of its own, and one inside of that.
async fn tasks(world: &Arc<World>, id: &Arc<str>) {
    let (world, id) = (Arc::clone(world), Arc::clone(id));
    let task = async move {
        yield_now().await;
        world.tracer.start(format!("task/{id}")).end();
        let nested = async move {
            yield_now().await;
            world.tracer.start(format!("nested task/{id}")).end();
            let span = tracing::info_span!("traced in task", expected = &*id);
            async { yield_now().await }.instrument(span).await;
        };
        tokio::spawn(nested.in_scope().with_current_subscriber()).await.unwrap();
    };
    tokio::spawn(task.in_scope().with_current_subscriber()).await.unwrap();
}

/// Threads carry the context as `opentelemetry` carries it.
async fn threads(world: &Arc<World>, id: &Arc<str>) {
    let (tracer, name, cx) = (world.tracer.clone(), format!("blocking/{id}"), Context::current());
    let blocking = move || {
        let _guard = cx.attach();
        tracer.start(name).end();
    };
    tokio::task::spawn_blocking(blocking).await.unwrap();
    let (done, is_done) = tokio::sync::oneshot::channel();
    let (tracer, name, cx) = (world.tracer.clone(), format!("thread of all/{id}"), Context::current());
    let job = move || {
        let _guard = cx.attach();
        tracer.start(name).end();
        done.send(()).unwrap();
    };
    world.jobs.send(Box::new(job)).unwrap();
    is_done.await.unwrap();
}

/// Of two branches the second is dropped in the middle of its work, and its span ends so.
async fn selected(world: &World, id: &str) {
    let winner = async {
        let mut span = world.tracer.start(format!("select/{id}"));
        yield_now().await;
        span.end();
    };
    let loser = async {
        let _span = world.tracer.start(format!("loser/{id}"));
        std::future::pending::<()>().await;
    };
    tokio::select! {
        biased;
        () = loser => {}
        () = winner => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_thousand_at_once_keep_their_ids() {
    let collector = Collector::start().await;
    let guard = collector.sdk().start().unwrap();
    let traced = Dispatch::new(tracing_subscriber::registry().with(guard.layer()));
    let (jobs, to_do) = std::sync::mpsc::channel::<Box<dyn FnOnce() + Send>>();
    let thread = std::thread::spawn(move || to_do.into_iter().for_each(|job| job()));
    let world = Arc::new(World {
        tracer: guard.provider().tracer("test"),
        all_began: Barrier::new(INTERACTIONS),
        parcel: Mutex::default(),
        jobs,
    });
    let begin = |at| {
        let id: Arc<str> = format!("conversation-{at}").into();
        let work = work(Arc::clone(&world), Arc::clone(&id)).in_interaction(Interaction::new(id));
        tokio::spawn(work.with_subscriber(traced.clone()))
    };
    let tasks: Vec<_> = (0..INTERACTIONS).map(begin).collect();
    for task in tasks {
        task.await.unwrap();
    }
    let last = world.parcel.lock().unwrap().take();
    dispatcher::with_default(&traced, || last.into_iter().for_each(open));
    drop(world);
    thread.join().unwrap();
    // The SDK waits for 5 seconds, which a busy machine may not take for so many.
    assert!((0..24).any(|_| guard.flush().is_ok()), "the collector takes no more");
    check(&collector);
}

fn check(collector: &Collector) {
    let mut spans_of: HashMap<String, Vec<String>> = HashMap::new();
    for (resource, span) in collector.spans() {
        let (kind, id) = span.name.split_once('/').unwrap_or_else(|| {
            let expected = text(&span.attributes, "expected").unwrap();
            (span.name.as_str(), expected)
        });
        assert_eq!(text(&span.attributes, ID), Some(id), "{kind}");
        assert_eq!(text(&resource, ID), Some(id), "{kind}");
        assert_eq!(text(&resource, "service.name"), Some("crm"));
        spans_of.entry(id.to_owned()).or_default().push(kind.to_owned());
    }
    assert_eq!(spans_of.len(), INTERACTIONS);
    for (id, mut kinds) in spans_of {
        kinds.sort();
        assert_eq!(kinds, SPANS, "{id}");
    }
    for request in collector.requests() {
        let ids: Vec<_> =
            request.iter().map(|part| text(&part.resource.as_ref().unwrap().attributes, ID)).collect();
        let apart: HashSet<_> = ids.iter().collect();
        assert_eq!(apart.len(), ids.len(), "an interaction has one resource in a request");
    }
}
