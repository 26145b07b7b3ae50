//! Spans are never taken for those of another interaction.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use opentelemetry::trace::{FutureExt, Span as _, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::SdkTracer;
use throughline_sdk::{InInteraction, Interaction};
use tokio::sync::Barrier;

use crate::collector::{Collector, text};

const ID: &str = Interaction::ATTRIBUTE;
const INTERACTIONS: usize = 10_000;

/// One interaction: a span, one below it after others had their turn, one in a task of its own, one in a closure.
async fn work(tracer: Arc<SdkTracer>, id: String, all_began: Arc<Barrier>) {
    let named = |name: &str| format!("{name} {id}");
    let cx = Context::current_with_span(tracer.start(named("root")));
    async {
        all_began.wait().await;
        tokio::task::yield_now().await;
        tracer.start(named("child")).end();
        let (tracer, name) = (Arc::clone(&tracer), named("task"));
        let task = async move {
            tokio::task::yield_now().await;
            tracer.start(name).end();
        };
        tokio::spawn(task.in_scope()).await.unwrap();
    }
    .with_context(cx.clone())
    .await;
    cx.span().end();
    Interaction::new(&id).scope(|| tracer.start(named("closure")).end());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_thousand_at_once_keep_their_ids() {
    let collector = Collector::start().await;
    let guard = collector.sdk().start().unwrap();
    let tracer = Arc::new(guard.provider().tracer("test"));
    let all_began = Arc::new(Barrier::new(INTERACTIONS));
    let tasks: Vec<_> = (0..INTERACTIONS)
        .map(|at| {
            let id = format!("conversation-{at}");
            let work = work(Arc::clone(&tracer), id.clone(), Arc::clone(&all_began));
            tokio::spawn(work.in_interaction(Interaction::new(id)))
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    guard.flush().unwrap();

    let mut spans_of: HashMap<String, Vec<String>> = HashMap::new();
    for (resource, span) in collector.spans() {
        let (name, id) = span.name.split_once(' ').unwrap();
        assert_eq!(text(&span.attributes, ID), Some(id), "{name}");
        assert_eq!(text(&resource, ID), Some(id), "{name}");
        assert_eq!(text(&resource, "service.name"), Some("crm"));
        spans_of.entry(id.to_owned()).or_default().push(name.to_owned());
    }
    assert_eq!(spans_of.len(), INTERACTIONS);
    for (id, mut names) in spans_of {
        names.sort();
        assert_eq!(names, ["child", "closure", "root", "task"], "{id}");
    }
    for request in collector.requests() {
        let ids: Vec<_> =
            request.iter().map(|part| text(&part.resource.as_ref().unwrap().attributes, ID)).collect();
        assert_eq!(
            ids.iter().collect::<HashSet<_>>().len(),
            ids.len(),
            "an interaction has one resource in a request"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_of_no_interaction_stay_with_the_process() {
    let collector = Collector::start().await;
    let guard = collector.sdk().start().unwrap();
    let tracer = guard.provider().tracer("test");
    tracer.start("start-up").end();
    Interaction::new("").scope(|| tracer.start("nobody").end());
    guard.flush().unwrap();
    let spans = collector.spans();
    assert_eq!(spans.len(), 2);
    for (resource, span) in spans {
        assert_eq!((text(&resource, ID), text(&span.attributes, ID)), (None, None));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inner_scope_counts_and_so_does_the_scope_before_the_parent() {
    let collector = Collector::start().await;
    let guard = collector.sdk().start().unwrap();
    let tracer = guard.provider().tracer("test");
    let (outer, inner) = (Interaction::new("outer"), Interaction::new("inner"));
    outer.scope(|| {
        inner.scope(|| tracer.start("inner").end());
        tracer.start("outer").end();
    });
    let parent = outer.on(&Context::new()).with_span(tracer.start("none"));
    tracer.start_with_context("outer", &parent).end();
    inner.scope(|| tracer.start_with_context("inner", &parent).end());
    drop(parent);
    guard.flush().unwrap();
    let mut found = 0;
    for (resource, span) in collector.spans().iter().filter(|(_, span)| span.name != "none") {
        assert_eq!(text(resource, ID), Some(span.name.as_str()));
        found += 1;
    }
    assert_eq!(found, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_ids_set_by_hand_the_last_one_counts() {
    let collector = Collector::start().await;
    let guard = collector.sdk().start().unwrap();
    let tracer = guard.provider().tracer("test");
    Interaction::new("scope").scope(|| {
        let mut span = tracer.start("transferred");
        span.set_attribute(KeyValue::new(ID, "by hand"));
        span.end();
    });
    guard.flush().unwrap();
    let [(resource, span)] = &collector.spans()[..] else { panic!() };
    assert_eq!((text(resource, ID), text(&span.attributes, ID)), (Some("by hand"), Some("by hand")));
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_of_tracing_carry_it_too() {
    use tracing_subscriber::layer::SubscriberExt;

    let collector = Collector::start().await;
    let guard = collector.sdk().start().unwrap();
    let subscriber = tracing_subscriber::registry().with(guard.layer());
    tracing::subscriber::with_default(subscriber, || {
        let request = tracing::info_span!("request");
        request.in_scope(|| {
            Interaction::new("call").scope(|| tracing::info_span!("lookup").in_scope(|| {}));
        });
    });
    guard.flush().unwrap();
    let spans = collector.spans();
    let id_of =
        |name: &str| spans.iter().find(|(_, span)| span.name == name).map(|(resource, _)| text(resource, ID));
    assert_eq!(id_of("request"), Some(None));
    assert_eq!(id_of("lookup"), Some(Some("call")));
    let lookup = spans.iter().find(|(_, span)| span.name == "lookup").unwrap();
    let request = spans.iter().find(|(_, span)| span.name == "request").unwrap();
    assert_eq!(lookup.1.parent_span_id, request.1.span_id);
}
