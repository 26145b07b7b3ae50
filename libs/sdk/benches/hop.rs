//! What a hop costs: read a context, write it on. Ours and that of `opentelemetry` in the same run, each best of
//! several rounds.
#![expect(clippy::print_stdout, reason = "a bench prints")]
#![expect(clippy::disallowed_types, reason = "nothing here waits, so that no clock is paused")]

use std::hint::black_box;
use std::time::Instant;

use allocation_counter::measure;
use http::HeaderMap;
use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use throughline_sdk::wire::w3c::{self, Extraction};
use throughline_sdk::wire::{Setter, SpanId, Traceparent};
use throughline_sdk::{Headers, Propagator};

const ROUNDS: usize = 20;
const HOPS: u32 = 50_000;
const PARENT: &str = "00-4bf92f3577f34da6c19e9222d19e89b8-ccbd124dbdfc3439-01";

/// Room for one header: what is measured is the reading and the writing, not a container.
struct Outgoing([u8; Traceparent::LEN]);

impl Setter for Outgoing {
    fn set(&mut self, _: &str, value: &str) {
        if let Ok(value) = value.as_bytes().try_into() {
            self.0 = value;
        }
    }

    fn unset(&mut self, _: &str) {}
}

fn main() {
    for (name, state) in
        [("traceparent", None), ("traceparent + tracestate", Some("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"))]
    {
        let request = request(state);
        println!("{name}");
        let mut sent = Outgoing([0; Traceparent::LEN]);
        report("throughline-context, from headers into a buffer", || {
            if let Extraction::Valid { context, .. } = w3c::extract(&Headers(black_box(&request))) {
                w3c::inject(&context.child(SpanId([7; 8])), black_box(&mut sent));
            }
        });
        let ours: Propagator = Propagator::default();
        report("throughline-sdk Propagator, headers to headers", || hop(&ours, &request));
        let theirs = TraceContextPropagator::new();
        report("opentelemetry TraceContextPropagator, headers to headers", || hop(&theirs, &request));
    }
}

/// A new map for each request that is sent, as in a client.
fn hop(propagator: &impl TextMapPropagator, request: &HeaderMap) {
    let cx = propagator.extract_with_context(&Context::new(), &HeaderExtractor(black_box(request)));
    let mut sent = HeaderMap::with_capacity(4);
    propagator.inject_context(&cx, &mut HeaderInjector(&mut sent));
    black_box(sent);
}

fn report(name: &str, mut hop: impl FnMut()) {
    let allocations = measure(&mut hop).count_total;
    let round = |_| {
        let start = Instant::now();
        (0..HOPS).for_each(|_| hop());
        start.elapsed().as_secs_f64() * 1e9 / f64::from(HOPS)
    };
    let best = (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min);
    println!("  {name:<58} {best:>7.1} ns {allocations:>3} allocations");
}

fn request(state: Option<&'static str>) -> HeaderMap {
    let fields = [
        ("host", "crm.example.com"),
        ("accept", "*/*"),
        ("content-type", "application/json"),
        ("user-agent", "example"),
        ("traceparent", PARENT),
    ];
    let state = state.map(|state| ("tracestate", state));
    let fields = fields.into_iter().chain(state);
    fields.filter_map(|(name, value)| Some((name.parse().ok()?, value.parse().ok()?))).collect::<HeaderMap>()
}
