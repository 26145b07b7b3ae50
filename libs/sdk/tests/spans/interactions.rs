//! Which interaction a span belongs to.

use opentelemetry::trace::{Span as _, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use throughline_sdk::{InInteraction, Interaction};
use tracing::Instrument;
use tracing::instrument::WithSubscriber;
use tracing_subscriber::layer::SubscriberExt;

use crate::collector::{Collector, text};

const ID: &str = Interaction::ATTRIBUTE;

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
async fn the_inner_scope_counts_and_an_explicit_parent_before_it() {
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
    inner.scope(|| tracer.start_with_context("outer", &parent).end());
    inner.scope(|| tracer.start_with_context("inner", &Context::new()).end());
    drop(parent);
    guard.flush().unwrap();
    let mut found = 0;
    for (resource, span) in collector.spans().iter().filter(|(_, span)| span.name != "none") {
        assert_eq!(text(resource, ID), Some(span.name.as_str()));
        found += 1;
    }
    assert_eq!(found, 5);
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

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_goes_inside_of_an_instrumented_future() {
    let collector = Collector::start().await;
    let guard = collector.sdk().start().unwrap();
    let call = Interaction::new("call");
    let work = |name: &'static str| async move {
        tokio::task::yield_now().await;
        tracing::info_span!("below", name).in_scope(|| {});
    };
    let inside = work("inside").in_interaction(call.clone()).instrument(tracing::info_span!("around"));
    let subscriber = tracing_subscriber::registry().with(guard.layer());
    async {
        inside.await;
        // A span that is made in the scope, as by `#[instrument]`, needs no such care.
        async { work("made inside").instrument(tracing::info_span!("made inside")).await }
            .in_interaction(call)
            .await;
    }
    .with_subscriber(subscriber)
    .await;
    guard.flush().unwrap();
    let spans = collector.spans();
    let below: Vec<_> = spans.iter().filter(|(_, span)| span.name == "below").collect();
    assert_eq!(below.len(), 2);
    for (resource, span) in spans.iter().filter(|(_, span)| span.name != "around") {
        assert_eq!((text(resource, ID), text(&span.attributes, ID)), (Some("call"), Some("call")));
    }
}
