//! What a hop costs: read a context, write it on. Ours and that of `opentelemetry` in the same run, each best of
//! several rounds. Exit code 1 where a limit is missed.
#![expect(clippy::print_stdout, reason = "a bench prints")]
#![expect(clippy::disallowed_types, reason = "nothing here waits, so that no clock is paused")]

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use allocation_counter::measure;
use http::HeaderMap;
use opentelemetry::Context;
use opentelemetry::propagation::{Injector, TextMapPropagator};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use throughline_sdk::wire::w3c::{self, Extraction};
use throughline_sdk::wire::{Setter, SpanId, Traceparent};
use throughline_sdk::{Headers, Propagator};

const ROUNDS: usize = 20;
const HOPS: u32 = 50_000;
const PARENT: &str = "00-4bf92f3577f34da6c19e9222d19e89b8-ccbd124dbdfc3439-01";
/// Nanoseconds of a hop with a well-formed `traceparent`, which allocates nothing.
const LIMIT: f64 = 150.0;

/// Room for one header: what is measured is the reading and the writing, not a container.
struct Buffer([u8; Traceparent::LEN]);

struct Figures {
    nanoseconds: f64,
    allocations: u64,
}

impl Setter for Buffer {
    fn set(&mut self, _: &str, value: &str) {
        if let Ok(value) = value.as_bytes().try_into() {
            self.0 = value;
        }
    }

    fn unset(&mut self, _: &str) {}
}

impl Injector for Buffer {
    fn set(&mut self, name: &str, value: String) {
        Setter::set(self, name, &value);
    }
}

fn main() -> ExitCode {
    let (ours, theirs) = (Propagator::default(), TraceContextPropagator::new());
    let mut buffer = Buffer([0; Traceparent::LEN]);
    println!("{:<58} {:>7} {:>11}", "one hop", "ns", "allocations");

    let plain = request(None);
    let checked = figures("traceparent into a buffer: throughline-context", || {
        if let Extraction::Valid { context, .. } = w3c::extract(&Headers(black_box(&plain))) {
            w3c::inject(&context.child(SpanId([7; 8])), black_box(&mut buffer));
        }
    });
    figures("traceparent into a buffer: opentelemetry", || {
        let cx = theirs.extract_with_context(&Context::new(), &HeaderExtractor(black_box(&plain)));
        theirs.inject_context(&cx, black_box(&mut buffer));
    });
    figures("traceparent into headers: throughline-sdk", || hop(&ours, &plain));
    figures("traceparent into headers: opentelemetry", || hop(&theirs, &plain));
    let state = request(Some("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"));
    figures("traceparent, tracestate into headers: throughline-sdk", || hop(&ours, &state));
    figures("traceparent, tracestate into headers: opentelemetry", || hop(&theirs, &state));

    let is_met = checked.nanoseconds <= LIMIT && checked.allocations == 0;
    println!("limit of the first: {LIMIT} ns, no allocation: {}", if is_met { "pass" } else { "missed" });
    if is_met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A new map for each request that is sent, as in a client.
fn hop(propagator: &impl TextMapPropagator, request: &HeaderMap) {
    let cx = propagator.extract_with_context(&Context::new(), &HeaderExtractor(black_box(request)));
    let mut sent = HeaderMap::with_capacity(4);
    propagator.inject_context(&cx, &mut HeaderInjector(&mut sent));
    black_box(sent);
}

fn figures(name: &str, mut hop: impl FnMut()) -> Figures {
    let allocations = measure(&mut hop).count_total;
    let round = |_| {
        let start = Instant::now();
        (0..HOPS).for_each(|_| hop());
        start.elapsed().as_secs_f64() * 1e9 / f64::from(HOPS)
    };
    let nanoseconds = (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min);
    println!("{name:<58} {nanoseconds:>7.1} {allocations:>11}");
    Figures { nanoseconds, allocations }
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
