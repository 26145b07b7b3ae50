//! Limits, and that order does not matter.

use ingest_sip::Tracing as _;
use proptest::prelude::*;

use crate::play::{Dialog, MS, Party, Stage, party, settings, stranger};

const KEYS: &[&str] = &[
    "sip.outcome",
    "error.type",
    "sip.response.status_code",
    "sip.released_by",
    "sip.transfer.outcome",
    "sip.transfer.duration_ms",
    "sip.session_request_delay_ms",
    "sip.answers",
    "sip.q850.cause",
];

/// A call with a hold, a fork and a transfer: who, when, what.
fn script() -> Vec<(bool, u64, String)> {
    let dialog = Dialog::new("any-order");
    let sdp = |direction: &str| format!("\nv=0\nm=audio 4000 RTP/AVP 0\na={direction}");
    let sipfrag = |status: &str| format!("Event: refer;id=5\n\nSIP/2.0 {status}");
    let other = |text: String| text.replace("tag=callee", "tag=other");
    vec![
        (true, 100, dialog.answer(180, "1 INVITE", "")),
        (true, 1000, dialog.answer(200, "1 INVITE", "")),
        (true, 1010, other(dialog.answer(200, "1 INVITE", ""))),
        (false, 1020, dialog.by_caller("ACK", 1, "")),
        (false, 1030, other(dialog.by_caller("BYE", 2, "Reason: Q.850;cause=26"))),
        (true, 1040, other(dialog.answer(200, "2 BYE", ""))),
        (true, 2000, dialog.by_callee("INVITE", 3, &sdp("sendonly"))),
        (false, 2010, dialog.answer_callee(200, "3 INVITE", "")),
        (true, 3000, dialog.by_callee("INVITE", 4, &sdp("sendrecv"))),
        (false, 3010, dialog.answer_callee(200, "4 INVITE", "")),
        (true, 4000, dialog.by_callee("REFER", 5, "Refer-To: <sip:+4940123456@edge.example>")),
        (false, 4010, dialog.answer_callee(202, "5 REFER", "")),
        (false, 4020, dialog.by_caller("NOTIFY", 6, &sipfrag("100 Trying"))),
        (false, 4500, dialog.by_caller("NOTIFY", 7, &sipfrag("200 OK"))),
        (true, 4600, dialog.by_callee("BYE", 8, "Reason: Q.850;cause=16")),
        (false, 4610, dialog.answer_callee(200, "8 BYE", "")),
    ]
}

fn ends() -> (Party, Party) {
    (stranger("192.0.2.1:5060"), party("198.51.100.1:5060", Some("genesys")))
}

/// The tree of the script, with messages in this order and these copies.
fn played(order: &[usize]) -> String {
    let (a, b) = ends();
    let mut stage = Stage::new();
    stage.pass(&a, &b, &Dialog::new("any-order").invite(""));
    let (start, script) = (stage.now, script());
    for at in order {
        let (from_callee, ms, text) = script.get(*at).unwrap();
        stage.now = start + ms * MS;
        let (from, to) = if *from_callee { (&b, &a) } else { (&a, &b) };
        stage.pass(from, to, text);
    }
    stage.now = start + 10_000 * MS;
    stage.spans().tree(KEYS)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_and_any_copies_give_the_same_spans(
        order in Just((0..16).collect::<Vec<usize>>()).prop_shuffle(),
        copies in prop::collection::vec(0..16_usize, 0..12),
    ) {
        let usual = played(&(0..16).collect::<Vec<_>>());
        let shuffled: Vec<_> = order.into_iter().chain(copies).collect();
        prop_assert_eq!(played(&shuffled), usual);
    }

    #[test]
    fn any_bytes_in_a_header_are_survived(value in "[ -~]{0,80}", name in prop::sample::select(vec![
        "traceparent", "tracestate", "Refer-To", "Replaces", "User-to-User", "Contact", "Event", "Session-Expires",
        "Session-ID", "P-Asserted-Identity", "Reason", "To", "From",
    ])) {
        let (a, b) = ends();
        let mut stage = Stage::new();
        let dialog = Dialog::new("bytes");
        for method in ["INVITE", "REFER", "NOTIFY", "BYE"] {
            stage.pass(&a, &b, &dialog.invite(&format!("{name}: {value}")).replace("INVITE", method));
            stage.pass(&b, &a, &dialog.by_callee(method, 3, &format!("{name}: {value}")));
            stage.pass(&b, &a, &dialog.answer(302, &format!("1 {method}"), &format!("{name}: {value}")));
        }
        stage.calls.close(stage.now);
        while let Some(finished) = stage.calls.finished() {
            let bytes = finished.batch().payload.to_bytes();
            let sound = flow::otlp::accept(flow::Signal::Traces, bytes, &flow::otlp::Limits::default());
            prop_assert_eq!(sound.unwrap().items, finished.spans());
        }
    }
}

#[test]
fn a_live_call_takes_at_most_two_kibibytes() {
    let (a, b) = ends();
    let mut stage = Stage::new();
    let parent =
        "traceparent: 00-4bf92f3577f34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\ntracestate: vendor=0123456789";
    let a = Party { trunk: b.trunk.clone(), ..a };
    for at in 0..200 {
        let dialog = Dialog::new(&format!("a84b4c76e66710-{at}@192.0.2.4"));
        let agent = "User-Agent: Session Border Controller 7.40A.500.010 with a long name";
        stage.pass(&a, &b, &dialog.invite(&format!("{parent}\n{agent}\nSession-ID: {at:032x}")));
        for (from_callee, ms, text) in script().into_iter().take(14) {
            let text = text.replace("any-order", &dialog.call_id);
            let (from, to) = if from_callee { (&b, &a) } else { (&a, &b) };
            stage.now += ms;
            stage.pass(from, to, &text);
        }
    }
    let counts = stage.calls.counts();
    assert_eq!(counts.calls, 200);
    println!("{} bytes for a call with a hold and a transfer", counts.bytes / counts.calls);
    assert!(counts.bytes / counts.calls <= 2048, "{} bytes", counts.bytes / counts.calls);
}

#[test]
fn the_oldest_leave_and_are_counted() {
    let (a, b) = ends();
    let mut stage = Stage::with(ingest_sip::CallSettings { calls: 10, transfers: 5, ..settings() });
    for at in 0..1000 {
        let dialog = Dialog::new(&format!("forged-{at}"));
        stage.pass(&a, &b, &dialog.invite(""));
        stage.pass(&b, &a, &dialog.by_callee("REFER", 5, "Refer-To: <sip:x@edge.example>"));
    }
    let counts = stage.calls.counts();
    assert_eq!((counts.calls, counts.transfers, counts.evicted), (10, 5, 990));
    // After their time nothing is left.
    stage.after(400_000).tick();
    stage.after(40_000).tick();
    let counts = stage.calls.counts();
    assert_eq!((counts.calls, counts.transfers, counts.bytes), (0, 0, 0));
}

#[test]
fn spans_that_nobody_takes_are_dropped_and_counted_and_calls_go_on() {
    let (a, b) = ends();
    let mut stage = Stage::with(ingest_sip::CallSettings { buffer: 20_000, ..settings() });
    let mut sent = 0;
    for at in 0..500 {
        let dialog = Dialog::new(&format!("call-{at}"));
        let invite = stage.pass(&a, &b, &dialog.invite(""));
        sent += usize::from(crate::play::header(&invite, "traceparent").is_some());
        stage.after(10).pass(&b, &a, &dialog.answer(486, "1 INVITE", ""));
    }
    stage.after(3000).tick();
    assert_eq!(sent, 500);
    let finished = stage.calls.finished().unwrap();
    let spans = finished.spans();
    // The pipeline refuses; what it refused is not lost and comes again.
    stage.calls.put_back(finished.clone());
    assert_eq!(stage.calls.finished(), Some(finished));
    assert_eq!(stage.calls.counts().spans_lost + spans as u64, 1000);
    assert_eq!(stage.calls.finished(), None);
}

#[test]
fn what_the_edge_answers_itself_is_a_call_too() {
    let (a, _) = ends();
    let mut stage = Stage::new();
    let text = crate::play::wire(&Dialog::new("loop").invite(""));
    let limits = throughline_sip::Limits::DEFAULT;
    let request = throughline_sip::Message::parse(bytes::Bytes::from(text), &limits).unwrap();
    stage.calls.answered(stage.now, &a.end(), &request, 483);
    let spans = stage.spans();
    let root = spans.named("SIP call");
    assert_eq!(crate::tree::attribute(root, "error.type"), Some("483"));
    assert_eq!(crate::tree::attribute(root, "server.address"), None);
}
