//! A hop with a well-formed `traceparent` allocates nothing, from headers of the `http` crate; through the trait of
//! `opentelemetry`, which needs a `String` for each header, no more than its own propagator does.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use allocation_counter::measure;
use http::HeaderMap;
use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use throughline_sdk::wire::{Decision, Setter, SpanId, Traceparent, Trust, w3c};
use throughline_sdk::{Headers, Propagator};

const PARENT: &str = "00-4bf92f3577f34da6c19e9222d19e89b8-ccbd124dbdfc3439-01";

/// Room for one header.
struct Buffer([u8; Traceparent::LEN]);

impl Setter for Buffer {
    fn set(&mut self, name: &str, value: &str) {
        assert_eq!(name, w3c::TRACEPARENT);
        self.0.copy_from_slice(value.as_bytes());
    }

    fn unset(&mut self, _: &str) {}
}

fn request() -> HeaderMap {
    let fields = [("host", "crm.example.com"), ("user-agent", "example"), ("traceparent", PARENT)];
    fields
        .into_iter()
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
        .collect::<HeaderMap>()
}

#[test]
fn a_hop_allocates_nothing() {
    let (request, propagator) = (request(), Propagator::default());
    let mut buffer = Buffer([0; Traceparent::LEN]);
    let info = measure(|| {
        let decision = propagator.find(&Headers(&request)).decide(Trust::Trusted);
        let Decision::Continue { context, .. } = decision else { panic!() };
        w3c::inject(&context.child(SpanId([7; 8])), &mut buffer);
    });
    assert_eq!(info.count_total, 0);
    assert_eq!(&buffer.0, b"00-4bf92f3577f34da6c19e9222d19e89b8-0707070707070707-01");
}

#[test]
fn a_hop_through_the_trait_allocates_no_more_than_theirs() {
    fn count(propagator: &impl TextMapPropagator, request: &HeaderMap) -> u64 {
        let mut sent = HeaderMap::with_capacity(4);
        let info = measure(|| {
            let cx = propagator.extract_with_context(&Context::new(), &HeaderExtractor(request));
            propagator.inject_context(&cx, &mut HeaderInjector(&mut sent));
        });
        assert_eq!(sent["traceparent"], PARENT);
        info.count_total
    }
    let request = request();
    let (ours, theirs) =
        (count(&Propagator::default(), &request), count(&TraceContextPropagator::new(), &request));
    assert!(ours <= theirs && theirs > 0, "{ours} {theirs}");
}
