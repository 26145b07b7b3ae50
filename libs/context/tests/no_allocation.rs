//! Reading and writing a well-formed `traceparent` allocates nothing.

use allocation_counter::measure;
use throughline_context::w3c::{self, Extraction};
use throughline_context::{Found, Setter, SpanId, Traceparent, Trust};

const PARENT: &str = "00-4bf92f3577f34da6c19e9222d19e89b8-ccbd124dbdfc3439-01";

const REQUEST: [(&str, &str); 6] = [
    ("host", "crm.example.com"),
    ("accept", "*/*"),
    ("Content-Type", "application/json"),
    ("TraceParent", PARENT),
    ("ININ-Correlation-Id", "6e1c1c6e-0d3b-4a0b-9d8e-0d1c2b3a4f5e"),
    ("user-agent", "example"),
];

/// A request to be sent, with room for one header.
struct Outgoing([u8; Traceparent::LEN]);

impl Setter for Outgoing {
    fn set(&mut self, _: &str, value: &str) {
        self.0.copy_from_slice(value.as_bytes());
    }

    fn unset(&mut self, _: &str) {}
}

#[test]
fn extract_and_inject() {
    let mut outgoing = Outgoing([0; Traceparent::LEN]);
    let info = measure(|| {
        let Extraction::Valid { context, .. } = w3c::extract(&REQUEST) else { panic!() };
        w3c::inject(&context.child(SpanId([7; 8])), &mut outgoing);
    });
    assert_eq!(info.count_total, 0);
    assert_eq!(&outgoing.0, b"00-4bf92f3577f34da6c19e9222d19e89b8-0707070707070707-01");
}

#[test]
fn decide() {
    let info = measure(|| {
        let decision = Found::read(&REQUEST, &[]).decide(Trust::Trusted);
        assert!(matches!(decision, throughline_context::Decision::Continue { .. }));
    });
    assert_eq!(info.count_total, 0);
}

#[test]
fn parse_and_print() {
    let info = measure(|| {
        let parent: Traceparent = PARENT.parse().unwrap();
        assert_eq!(&parent.to_bytes(), PARENT.as_bytes());
        assert!("00-nonsense".parse::<Traceparent>().is_err());
    });
    assert_eq!(info.count_total, 0);
}

#[test]
fn the_counter_counts() {
    assert_eq!(measure(|| drop(std::hint::black_box(vec![1_u8]))).count_total, 1);
}
