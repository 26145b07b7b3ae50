//! Span trees of calls without a transfer.

use expect_test::expect;
use flow::Audience;

use crate::play::{Dialog, Stage, party, stranger};
use crate::tree::Spans;

const KEYS: &[&str] = &[
    "sip.outcome",
    "error.type",
    "sip.response.status_code",
    "sip.released_by",
    "sip.session_request_delay_ms",
    "sip.session_disconnect_delay_ms",
    "sip.q850.cause",
];
const HOLD: &str = "\nv=0\nm=audio 4000 RTP/AVP 0\na=sendonly";
const RESUME: &str = "\nv=0\nm=audio 4000 RTP/AVP 0\na=sendrecv";

fn answered(stage: &mut Stage, dialog: &Dialog) {
    let (a, b) = (stranger("192.0.2.1:5060"), party("198.51.100.1:5060", Some("genesys")));
    stage.pass(&a, &b, &dialog.invite(""));
    stage.after(5).pass(&b, &a, &dialog.answer(100, "1 INVITE", ""));
    stage.after(95).pass(&b, &a, &dialog.answer(180, "1 INVITE", ""));
    stage.after(2000).pass(&b, &a, &dialog.answer(200, "1 INVITE", ""));
    stage.after(10).pass(&a, &b, &dialog.by_caller("ACK", 1, ""));
}

/// Scenario: the answer names the conversation, and the call goes on for a while.
/// Guarantees: stores see the call while it goes on, below it what is over; at the end it takes the place of what was shown.
#[test]
fn a_call_that_goes_on_is_shown() {
    let (mut stage, dialog) = (Stage::new(), Dialog::new("running"));
    let (a, b) = (stranger("192.0.2.1:5060"), party("198.51.100.1:5060", Some("genesys")));
    let conversation = "x-inin-cnv: c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54";
    stage.pass(&a, &b, &dialog.invite(""));
    stage.after(95).pass(&b, &a, &dialog.answer(180, "1 INVITE", ""));
    stage.after(2000).pass(&b, &a, &dialog.answer(200, "1 INVITE", conversation));
    stage.after(10).pass(&a, &b, &dialog.by_caller("ACK", 1, ""));
    stage.after(5000).tick();
    let first = stage.calls.finished().unwrap().batch();
    let second = stage.calls.finished().unwrap().batch();
    assert!(stage.calls.finished().is_none());
    assert_eq!((first.audience, second.audience), (Audience::All, Audience::Stores));
    let mut shown = Spans::default();
    shown.add(&first.payload.to_bytes());
    shown.add(&second.payload.to_bytes());
    let keys = &["throughline.revision", "throughline.unfinished"];
    expect![[r#"
        SIP call 0..7105
          - throughline.revision = 1
          - throughline.unfinished = true
          Call setup 0..95
          Ringing 95..2095
    "#]]
    .assert_eq(&shown.tree(keys));
    stage.after(5000).pass(&a, &b, &dialog.by_caller("BYE", 2, ""));
    stage.after(30).pass(&b, &a, &dialog.answer(200, "2 BYE", ""));
    let rest = stage.spans();
    expect![[r#"
        SIP call 0..12135
          - throughline.revision = 2
          Talk 2095..12105
          Release 12105..12135
    "#]]
    .assert_eq(&rest.tree(keys));
    assert_eq!(rest.named("SIP call").span_id, shown.named("SIP call").span_id);
}

/// Scenario: the other side has lost the call, or is gone, as a refresh finds out; nobody sends a BYE.
/// Guarantees: the call is over then, and does not wait for longer; who released it is not known.
#[test]
fn a_call_of_which_the_other_side_knows_nothing() {
    for status in [408, 481] {
        let (mut stage, dialog) = (Stage::new(), Dialog::new("lost"));
        let (a, b) = (stranger("192.0.2.1:5060"), party("198.51.100.1:5060", Some("genesys")));
        answered(&mut stage, &dialog);
        // A CANCEL that came too late, and the end of a subscription, say nothing of the call.
        stage.pass(&b, &a, &dialog.answer(481, "1 CANCEL", ""));
        stage.pass(&b, &a, &dialog.by_callee("NOTIFY", 8, ""));
        stage.pass(&a, &b, &dialog.answer_callee(481, "8 NOTIFY", ""));
        assert_eq!(stage.spans().tree(KEYS), "");
        stage.pass(&a, &b, &dialog.by_caller("UPDATE", 2, ""));
        stage.after(20).pass(&b, &a, &dialog.answer(status, "2 UPDATE", ""));
        let spans = stage.spans();
        let root = spans.named("SIP call");
        assert_eq!(crate::tree::attribute(root, "sip.outcome"), Some("answered"));
        assert_eq!(crate::tree::attribute(root, "sip.released_by"), Some("unknown"));
    }
}

#[test]
fn a_call_with_a_hold() {
    let (mut stage, dialog) = (Stage::new(), Dialog::new("plain"));
    let (a, b) = (stranger("192.0.2.1:5060"), party("198.51.100.1:5060", Some("genesys")));
    answered(&mut stage, &dialog);
    stage.after(5000).pass(&b, &a, &dialog.by_callee("INVITE", 7, HOLD));
    stage.after(20).pass(&a, &b, &dialog.answer_callee(200, "7 INVITE", ""));
    stage.after(3000).pass(&b, &a, &dialog.by_callee("INVITE", 8, RESUME));
    stage.after(20).pass(&a, &b, &dialog.answer_callee(200, "8 INVITE", ""));
    // Refused: nothing changes.
    stage.after(100).pass(&b, &a, &dialog.by_callee("INVITE", 9, HOLD));
    stage.after(20).pass(&a, &b, &dialog.answer_callee(491, "9 INVITE", ""));
    stage.after(1000).pass(&a, &b, &dialog.by_caller("BYE", 2, "Reason: Q.850;cause=16;text=\"x\""));
    stage.after(30).pass(&b, &a, &dialog.answer(200, "2 BYE", ""));
    expect![[r#"
        SIP call 0..11300
          - sip.response.status_code = 200
          - sip.outcome = answered
          - sip.q850.cause = 16
          - sip.released_by = caller
          Call setup 0..100 [setup]
            - sip.session_request_delay_ms = 100
          Ringing 100..2100 [alert]
          Talk 2100..7110 [talk]
          Hold 7110..10130 [hold]
          Talk 10130..11270 [talk]
          Release 11270..11300
            - sip.released_by = caller
            - sip.session_disconnect_delay_ms = 30
    "#]]
    .assert_eq(&stage.spans().tree(KEYS));
    assert_eq!(stage.calls.counts().unchanged, 0);
}

#[test]
fn attempts_that_fail() {
    let mut stage = Stage::new();
    let (a, b) = (stranger("192.0.2.1:5060"), party("198.51.100.1:5060", Some("genesys")));
    for (call_id, status) in [("busy", 486), ("down", 503), ("moved", 302)] {
        let dialog = Dialog::new(call_id);
        stage.pass(&a, &b, &dialog.invite(""));
        stage.after(100).pass(&b, &a, &dialog.answer(status, "1 INVITE", ""));
    }
    let dialog = Dialog::new("cancelled");
    stage.pass(&a, &b, &dialog.invite(""));
    stage.after(100).pass(&b, &a, &dialog.answer(180, "1 INVITE", ""));
    stage.after(900).pass(&a, &b, &dialog.cancel());
    stage.after(10).pass(&b, &a, &dialog.answer(200, "1 CANCEL", ""));
    stage.after(10).pass(&b, &a, &dialog.answer(487, "1 INVITE", ""));
    expect![[r#"
        SIP call 0..100
          - sip.response.status_code = 486
          - sip.outcome = busy
          Call setup 0..100 [setup]
            - sip.session_request_delay_ms = 100
        SIP call 100..200
          - sip.response.status_code = 503
          - sip.outcome = failed
          - error.type = 503
          Call setup 100..200 [setup]
            - sip.session_request_delay_ms = 100
        SIP call 200..300
          - sip.response.status_code = 302
          - sip.outcome = redirected
          Call setup 200..300 [setup]
        SIP call 300..1320
          - sip.response.status_code = 487
          - sip.outcome = cancelled
          Call setup 300..400 [setup]
            - sip.session_request_delay_ms = 100
          Ringing 400..1320 [alert]
    "#]]
    .assert_eq(&stage.spans().tree(KEYS));
}

/// Guarantees: what a gateway says of its network in a final answer is on the call, and by Q.850 alone; a call that is
/// answered after all has the cause of its BYE. The Reason of a CANCEL comes before that of the 487 which it asked for.
#[test]
fn causes_of_calls_that_fail() {
    let mut stage = Stage::new();
    let (a, b) = (stranger("192.0.2.1:5060"), party("198.51.100.1:5060", Some("genesys")));
    for (name, status, reason) in [
        ("congested", 503, "Reason: SIP;cause=503;text=\"x\", q.850 ; cause=34"),
        ("apart", 480, "Reason: SIP;cause=480\nReason: Q.850;cause=19"),
        ("other", 486, "Reason: SIP;cause=600"),
        ("odd", 486, "Reason: Q.850;cause=999"),
        ("moved", 302, "Reason: Q.850;cause=22"),
    ] {
        let dialog = Dialog::new(name);
        stage.pass(&a, &b, &dialog.invite(""));
        stage.after(10).pass(&b, &a, &dialog.answer(status, "1 INVITE", reason));
    }
    let proven = Dialog::new("proven");
    stage.pass(&a, &b, &proven.invite(""));
    stage.after(10).pass(&b, &a, &proven.answer(407, "1 INVITE", "Reason: Q.850;cause=21"));
    stage.after(10).pass(&a, &b, &proven.invite("").replace("1 INVITE", "2 INVITE"));
    stage.after(10).pass(&b, &a, &proven.answer(200, "2 INVITE", ""));
    stage.after(10).pass(&a, &b, &proven.by_caller("BYE", 3, ""));
    stage.after(10).pass(&b, &a, &proven.answer(200, "3 BYE", ""));
    let cancelled = Dialog::new("cancelled");
    stage.pass(&a, &b, &cancelled.invite(""));
    let cancel = format!("{}Reason: Q.850;cause=26\n", cancelled.cancel());
    stage.after(10).pass(&a, &b, &cancel);
    stage.after(10).pass(&b, &a, &cancelled.answer(487, "1 INVITE", "Reason: Q.850;cause=31"));
    let spans = stage.spans();
    let roots = spans.spans.iter().filter(|span| span.name == "SIP call");
    let shown = roots.map(|span| {
        let cause = span.attributes.iter().find(|attribute| attribute.key == "sip.q850.cause");
        let cause = cause.map(crate::tree::shown).unwrap_or_default();
        format!("{} {cause}\n", crate::tree::attribute(span, "sip.call_id").unwrap())
    });
    expect![[r#"
        congested 34
        apart 19
        other 
        odd 
        moved 22
        proven 
        cancelled 26
    "#]]
    .assert_eq(&shown.collect::<String>());
}

#[test]
fn a_call_that_has_to_prove_who_it_is() {
    let (mut stage, dialog) = (Stage::new(), Dialog::new("proof"));
    let (a, b) = (stranger("192.0.2.1:5060"), party("198.51.100.1:5060", Some("genesys")));
    let first = stage.pass(&a, &b, &dialog.invite(""));
    stage.after(50).pass(&b, &a, &dialog.answer(407, "1 INVITE", ""));
    let again = dialog.invite("").replace("1 INVITE", "2 INVITE");
    let second = stage.after(50).pass(&a, &b, &again);
    let parent = |message: &str| crate::play::header(message, "traceparent").unwrap();
    assert_eq!(parent(&first), parent(&second));
    stage.after(100).pass(&b, &a, &dialog.answer(200, "2 INVITE", ""));
    stage.after(1000).pass(&b, &a, &dialog.by_callee("BYE", 1, ""));
    stage.after(10).pass(&a, &b, &dialog.answer_callee(200, "1 BYE", ""));
    expect![[r#"
        SIP call 0..1210
          - sip.response.status_code = 200
          - sip.outcome = answered
          - sip.released_by = callee
          Call setup 0..200 [setup]
            - sip.session_request_delay_ms = 200
          Talk 200..1200 [talk]
          Release 1200..1210
            - sip.released_by = callee
            - sip.session_disconnect_delay_ms = 10
    "#]]
    .assert_eq(&stage.spans().tree(KEYS));
}

#[test]
fn a_fork_that_two_answer() {
    let (mut stage, dialog) = (Stage::new(), Dialog::new("fork"));
    let (a, b) = (stranger("192.0.2.1:5060"), party("198.51.100.1:5060", Some("genesys")));
    stage.pass(&a, &b, &dialog.invite(""));
    let other = |text: String| text.replace("tag=callee", "tag=other");
    stage.after(100).pass(&b, &a, &dialog.answer(180, "1 INVITE", ""));
    stage.after(100).pass(&b, &a, &dialog.answer(200, "1 INVITE", ""));
    stage.after(10).pass(&b, &a, &other(dialog.answer(200, "1 INVITE", "")));
    stage.after(10).pass(&a, &b, &other(dialog.by_caller("BYE", 2, "")));
    stage.after(10).pass(&b, &a, &other(dialog.answer(200, "2 BYE", "")));
    stage.after(5000).pass(&a, &b, &dialog.by_caller("BYE", 3, ""));
    stage.after(10).pass(&b, &a, &dialog.answer(200, "3 BYE", ""));
    expect![[r#"
        SIP call 0..5240
          - sip.outcome = answered
          - sip.answers = 2
          Call setup 0..100 [setup]
          Ringing 100..200 [alert]
          Talk 200..5230 [talk]
          Release 5230..5240
    "#]]
    .assert_eq(&stage.spans().tree(&["sip.answers", "sip.outcome"]));
}

#[test]
fn calls_that_never_end_are_given_up() {
    let mut stage = Stage::new();
    let (a, b) = (stranger("192.0.2.1:5060"), party("198.51.100.1:5060", Some("genesys")));
    stage.pass(&a, &b, &Dialog::new("never-answered").invite(""));
    let talking = Dialog::new("talking");
    stage.pass(&a, &b, &talking.invite(""));
    stage.after(100).pass(&b, &a, &talking.answer(200, "1 INVITE", "Session-Expires: 1800;refresher=uac"));
    assert!(stage.spans().spans.is_empty());
    stage.after(301_000);
    expect![[r#"
        SIP call 0..0
          - sip.outcome = lost
          - sip.released_by = unknown
          - error.type = timeout
          Call setup 0..0 [setup]
    "#]]
    .assert_eq(&stage.spans().tree(KEYS));
    stage.after(1_600_000);
    expect![[r#"
        SIP call 0..100
          - sip.response.status_code = 200
          - sip.outcome = answered
          - sip.released_by = unknown
          Call setup 0..100 [setup]
            - sip.session_request_delay_ms = 100
          Talk 100..100 [talk]
    "#]]
    .assert_eq(&stage.spans().tree(KEYS));
    stage.after(60_000).spans();
    let counts = stage.calls.counts();
    assert_eq!((counts.expired, counts.calls), (2, 0));
}

#[test]
fn a_call_id_that_is_used_again_is_another_call() {
    let (mut stage, dialog) = (Stage::new(), Dialog::new("again"));
    let (a, b) = (stranger("192.0.2.1:5060"), party("198.51.100.1:5060", Some("genesys")));
    let first = stage.pass(&a, &b, &dialog.invite(""));
    stage.after(100).pass(&b, &a, &dialog.answer(200, "1 INVITE", ""));
    stage.after(100).pass(&a, &b, &dialog.by_caller("BYE", 2, ""));
    stage.after(10).pass(&b, &a, &dialog.answer(200, "2 BYE", ""));
    let second = stage.after(100).pass(&a, &b, &dialog.invite("").replace("1 INVITE", "3 INVITE"));
    let parent = |message: &str| crate::play::header(message, "traceparent").unwrap();
    assert_ne!(parent(&first), parent(&second));
    assert_eq!(stage.calls.counts().begun, 2);
}
