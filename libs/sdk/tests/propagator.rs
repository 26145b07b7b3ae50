//! The propagator behind `opentelemetry`'s trait.
#![expect(clippy::string_slice, clippy::unwrap_used, reason = "a test may panic")]

use std::collections::HashMap;

use http::{HeaderMap, HeaderValue};
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{TraceContextExt, Tracer, TracerProvider};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use throughline_sdk::{Interaction, Propagator};

const PARENT: &str = "00-4bf92f3577f34da6c19e9222d19e89b8-ccbd124dbdfc3439-01";

fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn propagator(names: &str) -> Propagator {
    names.parse().unwrap()
}

fn extracted(names: &str, fields: &[(&'static str, &str)]) -> Context {
    propagator(names).extract_with_context(&Context::new(), &HeaderExtractor(&headers(fields)))
}

fn injected(names: &str, cx: &Context) -> HeaderMap {
    let mut headers = HeaderMap::new();
    propagator(names).inject_context(cx, &mut HeaderInjector(&mut headers));
    headers
}

#[test]
fn what_came_goes_on() {
    for state in ["ot=ro", "foo@@bar=1,b=2", "foo@=1", "0a=1"] {
        let cx = extracted("tracecontext", &[("traceparent", PARENT), ("tracestate", state)]);
        assert!(cx.span().span_context().is_remote());
        let sent = injected("tracecontext", &cx);
        assert_eq!(sent["traceparent"], PARENT);
        assert_eq!(sent["tracestate"], state);
    }
}

#[test]
fn a_repeated_traceparent_is_not_followed() {
    let twice = [("traceparent", PARENT), ("traceparent", PARENT)];
    assert!(!extracted("tracecontext", &twice).has_active_span());
    let broken = [("traceparent", "00-nonsense"), ("tracestate", "a=1")];
    assert!(injected("tracecontext", &extracted("tracecontext", &broken)).is_empty());
}

#[test]
fn the_random_flag_outlives_a_trace_that_is_not_sampled() {
    let provider = SdkTracerProvider::builder().with_sampler(Sampler::AlwaysOff).build();
    for (received, expected) in [("01", "00"), ("03", "02"), ("02", "02")] {
        let parent = format!("{}{received}", &PARENT[..53]);
        let cx = extracted("tracecontext", &[("traceparent", &parent)]);
        let span = provider.tracer("test").start_with_context("child", &cx);
        let sent = injected("tracecontext", &cx.with_span(span));
        assert_eq!(sent["traceparent"].to_str().unwrap()[53..], *expected, "{received}");
    }
}

#[test]
fn what_was_kept_of_one_trace_is_not_sent_with_another() {
    let first = extracted("tracecontext", &[("traceparent", PARENT), ("tracestate", "foo@@bar=1")]);
    let provider = SdkTracerProvider::builder().build();
    let root = first.with_remote_span_context(opentelemetry::trace::SpanContext::NONE);
    let span = provider.tracer("test").start_with_context("root", &root);
    assert_eq!(injected("tracecontext", &root.with_span(span)).get("tracestate"), None);
    let again = propagator("tracecontext")
        .extract_with_context(&first, &HeaderExtractor(&headers(&[("traceparent", PARENT)])));
    assert_eq!(injected("tracecontext", &again).get("tracestate"), None);
}

#[test]
fn older_formats_are_read_and_written_where_they_are_asked_for() {
    let b3 = [("b3", "4bf92f3577f34da6c19e9222d19e89b8-ccbd124dbdfc3439-1")];
    assert!(!extracted("tracecontext", &b3).has_active_span());
    let cx = extracted("tracecontext,b3", &b3);
    let sent = injected("b3,tracecontext", &cx);
    assert_eq!((&sent["traceparent"], &sent["b3"]), (&PARENT.parse().unwrap(), &b3[0].1.parse().unwrap()));
    assert_eq!(injected("b3", &cx).get("traceparent"), None);
    assert!(!extracted("none", &[("traceparent", PARENT)]).has_active_span());
    let fields: Vec<_> = propagator("tracecontext,baggage,b3").fields().map(str::to_owned).collect();
    assert_eq!(fields, ["traceparent", "tracestate", "baggage", "b3"]);
    assert!("tracecontext,nonsense".parse::<Propagator>().is_err());
}

#[test]
fn the_interaction_travels_in_the_baggage() {
    let cx = extracted("baggage", &[("baggage", "tier=gold,interaction.id=call%207")]);
    assert_eq!(Interaction::of(&cx), Some(Interaction::new("call 7")));
    assert_eq!(cx.baggage().get("tier").unwrap().as_str(), "gold");
    let sent = injected("baggage", &Interaction::new("other").on(&cx));
    assert_eq!(sent["baggage"], "interaction.id=other,tier=gold");
    assert!(injected("tracecontext", &cx).get("baggage").is_none());
    assert!(injected("baggage", &Context::new()).is_empty());
}

#[test]
fn a_map_is_a_carrier_too() {
    let request = HashMap::from([("traceparent".to_owned(), PARENT.to_owned())]);
    let cx = Propagator::default().extract_with_context(&Context::new(), &request);
    let mut sent: HashMap<String, String> = HashMap::new();
    Propagator::default().inject_context(&cx, &mut sent);
    assert_eq!(sent, request);
}
