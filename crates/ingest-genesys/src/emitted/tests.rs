use throughline_context::TraceId;

use super::*;
use crate::span::Kind;

const SETTLE_MS: u64 = 2000;

fn span(id: u8, end_ms: Option<u64>) -> Span {
    Span {
        trace_id: TraceId([7; 16]),
        id: SpanId([id; 8]),
        parent: None,
        remote_parent: false,
        name: "Talk".into(),
        kind: Kind::Internal,
        stage: None,
        start_ms: 1000,
        end_ms,
        attributes: Vec::new(),
        events: Vec::new(),
        links: Vec::new(),
        error: None,
    }
}

#[test]
fn a_span_is_given_to_everybody_once_and_when_it_has_settled() {
    let mut emitted = Emitted::default();
    let mut way = |span: &Span, now| emitted.way(span, now, SETTLE_MS, true);
    assert_eq!(way(&span(1, None), 3000), Way::Open);
    assert_eq!(way(&span(1, None), 4000), Way::Stay, "time alone changes nothing");
    assert_eq!(way(&span(1, Some(5000)), 5000), Way::Open);
    assert_eq!(way(&span(1, Some(5000)), 6999), Way::Stay);
    assert_eq!(way(&span(1, Some(5000)), 7000), Way::Finished);
    assert_eq!(way(&span(1, Some(5000)), 8000), Way::Stay);
    assert_eq!(way(&span(1, Some(5100)), 9000), Way::Open, "a correction is for the store");
    assert_eq!(way(&span(1, None), 9000), Way::Open);
    assert_eq!(way(&span(1, Some(9000)), 99_000), Way::Open);
}

#[test]
fn what_is_taken_back_is_taken_back_once_and_never_given_to_everybody_again() {
    let mut emitted = Emitted::default();
    let [kept, given, open] = [span(1, Some(2000)), span(2, Some(2000)), span(3, None)];
    for one in [&kept, &given, &open] {
        emitted.way(one, 9000, SETTLE_MS, true);
    }
    assert!(!emitted.all_finished());
    assert_eq!(emitted.retract(std::slice::from_ref(&kept)), [given.id, open.id]);
    assert!(emitted.all_finished());
    assert_eq!(emitted.retract(std::slice::from_ref(&kept)), []);
    assert_eq!(emitted.way(&given, 9000, SETTLE_MS, true), Way::Open);
    assert_eq!(emitted.way(&given, 9000, SETTLE_MS, true), Way::Stay);
    let ended = span(3, Some(3000));
    assert_eq!(emitted.way(&ended, 9000, SETTLE_MS, true), Way::Finished, "nobody else had seen it");
}

#[test]
fn what_has_ended_is_due_when_it_has_settled() {
    let mut emitted = Emitted::default();
    emitted.way(&span(1, Some(5000)), 5000, SETTLE_MS, true);
    emitted.way(&span(2, Some(4000)), 5000, SETTLE_MS, true);
    emitted.way(&span(3, None), 5000, SETTLE_MS, true);
    assert_eq!(emitted.due_ms(), Some(6000));
}

#[test]
fn what_is_not_sure_waits_however_long_ago_it_ended() {
    let mut emitted = Emitted::default();
    assert_eq!(emitted.way(&span(1, Some(1000)), 90_000, SETTLE_MS, false), Way::Open);
    assert_eq!(emitted.due_ms(), Some(91_000));
    assert_eq!(emitted.way(&span(1, Some(1000)), 91_000, SETTLE_MS, false), Way::Stay);
    assert_eq!(emitted.way(&span(1, Some(1000)), 92_000, SETTLE_MS, true), Way::Finished);
    // What everybody has stays so.
    assert_eq!(emitted.way(&span(1, Some(1000)), 93_000, SETTLE_MS, false), Way::Stay);
    assert_eq!(emitted.due_ms(), None);
}
