//! What messages carry when they leave, and whom the edge believes.

use crate::play::{Dialog, Stage, header, party, stranger};
use crate::tree::{attribute, hex};

const TRACE: &str = "4bf92f3577f34da6a3ce929d0e0e4736";
const PARENT: &str = "traceparent: 00-4bf92f3577f34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const CONVERSATION: &str = "x-inin-cnv: c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54";

#[test]
fn a_believed_trace_goes_on_under_both_names() {
    let (mut stage, dialog) = (Stage::new(), Dialog::new("on"));
    let (a, b) = (party("192.0.2.1:5060", Some("sbc")), party("198.51.100.1:5060", Some("genesys")));
    let invite = dialog.invite(&format!("{PARENT}\ntracestate: vendor=1"));
    let sent = stage.pass(&a, &b, &invite);
    let parent = header(&sent, "traceparent").unwrap();
    assert!(parent.starts_with(&format!("00-{TRACE}-")) && !parent.contains("00f067aa0ba902b7"), "{parent}");
    assert_eq!(header(&sent, "X-Traceparent").as_deref(), Some(&*parent));
    assert_eq!(header(&sent, "tracestate").as_deref(), Some("vendor=1"));
    assert_eq!(header(&sent, "User-to-User"), None);
    assert_eq!(stage.after(500).pass(&a, &b, &invite), sent, "a retransmission leaves with the same bytes");
    stage.pass(&b, &a, &dialog.answer(200, "1 INVITE", ""));
    for method in ["INVITE", "UPDATE", "INFO", "PRACK", "BYE"] {
        let sent = stage.pass(&a, &b, &dialog.by_caller(method, 2, ""));
        assert_eq!(header(&sent, "traceparent").as_deref(), Some(&*parent), "{method}");
        let back = stage.pass(&b, &a, &dialog.by_callee(method, 2, ""));
        assert_eq!(header(&back, "traceparent").as_deref(), Some(&*parent), "{method} back");
    }
    stage.pass(&b, &a, &dialog.answer(200, "2 BYE", ""));
    let spans = stage.spans();
    let root = spans.named("SIP call");
    assert_eq!(
        (hex(&root.trace_id).as_str(), hex(&root.parent_span_id).as_str()),
        (TRACE, "00f067aa0ba902b7")
    );
    assert!(parent.contains(&hex(&root.span_id)));
    assert_eq!(attribute(root, "throughline.context.decision"), Some("continue"));
    assert_eq!(attribute(root, "sip.from.user"), Some("+49********78"));
    assert!(spans.resources.iter().flatten().all(|attribute| attribute.key != "interaction.id"));
}

/// Not more than 256 characters leave (docs/specs/propagation-sip.md, section 3), and those all.
#[test]
fn a_tracestate_is_cut_above_256_characters_by_whole_members() {
    let member = |key: &str, length: usize| format!("{key}={}", "v".repeat(length - key.len() - 1));
    let three = |last: usize| [member("a", 100), member("b", 100), member("c", last)].join(",");
    let two = three(54);
    for (state, expected) in [
        (member("a", 256), Some(member("a", 256))),
        (member("a", 257), None),
        (three(54), Some(two.clone())),
        (three(55), Some([member("a", 100), member("b", 100)].join(","))),
        (format!("{},{}", member("long", 200), member("b", 100)), Some(member("b", 100))),
        (
            format!("{},{}", member("long", 200), member("b", 55)),
            Some(format!("{},{}", member("long", 200), member("b", 55))),
        ),
        (format!("{},{}", member("long", 200), member("b", 56)), Some(member("b", 56))),
    ] {
        let (mut stage, dialog) = (Stage::new(), Dialog::new("state"));
        let (a, b) = (party("192.0.2.1:5060", Some("sbc")), party("198.51.100.1:5060", Some("genesys")));
        let sent = stage.pass(&a, &b, &dialog.invite(&format!("{PARENT}\ntracestate: {state}")));
        assert_eq!(header(&sent, "tracestate"), expected, "{} characters", state.len());
    }
}

#[test]
fn strangers_are_not_believed_and_not_told() {
    let (mut stage, dialog) = (Stage::new(), Dialog::new("strange"));
    let (a, b) = (stranger("192.0.2.1:5060"), party("198.51.100.1:5060", Some("genesys")));
    let forged = format!(
        "{PARENT}\nX-Traceparent: x\n{CONVERSATION}\nprevious-trace-id: {TRACE}\notel-trace-id: {TRACE}"
    );
    let sent = stage.pass(&a, &b, &dialog.invite(&forged));
    let parent = header(&sent, "traceparent").unwrap();
    assert!(!parent.contains(TRACE), "{parent}");
    assert_eq!(header(&sent, "X-Traceparent").as_deref(), Some(&*parent));
    for name in ["x-inin-cnv", "previous-trace-id", "otel-trace-id"] {
        assert_eq!(header(&sent, name), None, "{name}");
    }
    let back =
        stage.pass(&b, &a, &dialog.answer(200, "1 INVITE", &format!("{CONVERSATION}\ntraceresponse: x")));
    assert!(header(&back, "x-inin-cnv").is_none() && header(&back, "traceresponse").is_none(), "{back}");
    let to_stranger = stage.pass(&b, &a, &dialog.by_callee("BYE", 2, &format!("{PARENT}\n{CONVERSATION}")));
    for name in ["traceparent", "X-Traceparent", "tracestate", "x-inin-cnv"] {
        assert_eq!(header(&to_stranger, name), None, "{name}");
    }
    stage.pass(&a, &b, &dialog.answer_callee(200, "2 BYE", ""));
    let spans = stage.spans();
    let root = spans.named("SIP call");
    assert_eq!(attribute(root, "throughline.context.decision"), Some("restart"));
    assert_eq!(attribute(root, "throughline.context.reason"), Some("the peer is not trusted"));
    assert_eq!(hex(&root.links[0].trace_id), TRACE);
    // The platform's 200 told the conversation.
    let id = spans.resources[0].iter().find(|attribute| attribute.key == "interaction.id").unwrap();
    assert_eq!(crate::tree::shown(id), "c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54");
    assert!(spans.spans.iter().all(|span| attribute(span, "interaction.stage").is_none()));
    assert_eq!(stage.calls.counts().unchanged, 0);
}

const TOLD_FOR_USERS: &str = "User-to-User: 0030302d34626639326633353737663334646136613363653932396430653065343733362d303066303637616130626139303262372d3031;encoding=hex";

/// docs/specs/propagation-sip.md, section 5.1: nothing of a stranger reaches a believed peer, nothing reaches a stranger.
#[test]
fn nothing_passes_between_strangers_and_believed_peers() {
    let (a, b) = (stranger("192.0.2.1:5060"), party("198.51.100.1:5060", Some("genesys")));
    let users = b.clone().with(|trunk| trunk.user_to_user = true);
    let all = format!(
        "{PARENT}\nX-Traceparent: 00-{TRACE}-00f067aa0ba902b7-01\ntracestate: v={TRACE}\ntraceresponse: {TRACE}\n\
         previous-trace-id: {TRACE}\notel-trace-id: {TRACE}\n{CONVERSATION}\n{TOLD_FOR_USERS}\n\
         P-Asserted-Identity: <sip:+49301234@a.example;traceparent=00-{TRACE}-00f067aa0ba902b7-01;user=phone>;\
         traceparent=00-{TRACE}-00f067aa0ba902b7-01"
    );
    let hex = "34626639326633353737663334646136613363653932396430653065343733";
    for (from, to) in [(&a, &b), (&a, &users), (&b, &a), (&a, &stranger("192.0.2.9:5060"))] {
        let (mut stage, dialog) = (Stage::new(), Dialog::new("between"));
        for message in [dialog.invite(&all), dialog.by_caller("INFO", 2, &all)] {
            let sent = stage.pass(from, to, &message);
            for told in [TRACE, hex, "c41e7d90", "00f067aa0ba902b7"] {
                assert!(!sent.contains(told), "{told} in {sent}");
            }
            let identity = header(&sent, "P-Asserted-Identity").unwrap();
            assert_eq!(identity, "<sip:+49301234@a.example;user=phone>");
        }
        let back = stage.pass(to, from, &dialog.answer(200, "1 INVITE", &all));
        assert!(!back.contains(TRACE) && !back.contains(hex) && !back.contains("c41e7d90"), "{back}");
        assert_eq!(stage.calls.counts().unchanged, 0);
    }
    // Data of others for users is theirs.
    let other = "User-to-User: 00abcd;encoding=hex";
    let sent = Stage::new().pass(&a, &users, &Dialog::new("theirs").invite(other));
    assert_eq!(header(&sent, "User-to-User").as_deref(), Some("00abcd;encoding=hex"));
}

/// Nor what is embedded in the addresses to which a peer is sent, whether the call is known or not.
#[test]
fn addresses_tell_strangers_nothing() {
    let (a, b) = (stranger("192.0.2.1:5060"), party("198.51.100.1:5060", Some("genesys")));
    let sbc = party("192.0.2.2:5060", Some("sbc"));
    let user_to_user =
        TOLD_FOR_USERS.replace(": ", "=").replace(';', "%3B").replace("encoding=", "encoding%3D");
    let ours = format!(
        "traceparent=00-{TRACE}-00f067aa0ba902b7-01&x-inin-cnv=c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54&{user_to_user}&\
         previous-trace-id={TRACE}&otel-trace-id={TRACE}"
    );
    let uri = format!("sip:sales@a.example;trace-token=00112233445566778899?Subject=x&{ours}");
    for known in [true, false] {
        for (from, to, kept) in [(&b, &a, false), (&a, &b, false), (&sbc, &b, true)] {
            let (mut stage, dialog) = (Stage::new(), Dialog::new("embedded"));
            if known {
                stage.pass(from, to, &dialog.invite(""));
                stage.pass(to, from, &dialog.answer(200, "1 INVITE", ""));
            }
            let refer = dialog.by_caller("REFER", 2, &format!("Refer-To: <{uri}>"));
            let referred = header(&stage.pass(from, to, &refer), "Refer-To").unwrap();
            let moved = stage.pass(from, to, &dialog.answer(302, "1 INVITE", &format!("Contact: <{uri}>")));
            let moved = header(&moved, "Contact").unwrap();
            for sent in [referred, moved] {
                assert!(sent.starts_with("<sip:sales@a.example") && sent.contains("?Subject=x"), "{sent}");
                assert!(!sent.contains("00112233445566778899") && !sent.contains("traceparent"), "{sent}");
                assert_eq!(sent.contains("x-inin-cnv"), kept, "{sent}");
                assert_eq!(sent.contains(TRACE), kept, "{sent}");
                assert_eq!(sent.contains("User-to-User"), kept, "{sent}");
            }
        }
    }
}

#[test]
fn a_conversation_in_the_invite_is_the_trace() {
    let (mut stage, dialog) = (Stage::new(), Dialog::new("cnv"));
    let (a, b) = (party("198.51.100.1:5060", Some("genesys")), party("192.0.2.1:5060", Some("sbc")));
    let sent = stage.pass(&a, &b, &dialog.invite(CONVERSATION));
    assert!(header(&sent, "traceparent").unwrap().starts_with("00-c41e7d905b2a4f0e9a6d37c2e10b8f54-"));
    assert!(header(&sent, "x-inin-cnv").is_some());
    // Nobody asked for it, so that it is told which trace its request is in.
    let back = stage.pass(&b, &a, &dialog.answer(200, "1 INVITE", ""));
    assert_eq!(header(&back, "traceresponse"), header(&sent, "traceparent"));
}

#[test]
fn user_to_user_is_written_once_and_never_beside_another() {
    let (a, plain) = (stranger("192.0.2.1:5060"), party("198.51.100.1:5060", Some("genesys")));
    let b = plain.with(|trunk| trunk.user_to_user = true);
    for (name, more, ours) in [("none", "", true), ("theirs", "User-to-User: 00abcd;encoding=hex", false)] {
        let (mut stage, dialog) = (Stage::new(), Dialog::new(name));
        let sent = stage.pass(&a, &b, &dialog.invite(more));
        let value = header(&sent, "User-to-User").unwrap();
        assert_eq!(value.starts_with("0030302d"), ours, "{value}");
    }
    // Ours goes no further.
    let (mut stage, dialog) = (Stage::new(), Dialog::new("out"));
    let uui = "User-to-User: 0030302d34626639326633353737663334646136633139653932323264313965383962382d636362643132346462646663333433392d3031;encoding=hex";
    assert_eq!(header(&stage.pass(&b, &a, &dialog.invite(uui)), "User-to-User"), None);
    let trusted = party("192.0.2.2:5060", Some("sbc"));
    let sent = stage.pass(&b, &trusted, &Dialog::new("in").invite(uui));
    assert!(header(&sent, "traceparent").unwrap().starts_with("00-4bf92f3577f34da6c19e9222d19e89b8-"));
}

/// Guarantees: both forms are read, and the trace id alone is written, into what begins the call and nothing else.
#[test]
fn a_previous_trace_is_linked_and_passed_on() {
    let whole = format!("00-{TRACE}-00f067aa0ba902b7-01");
    for came in [TRACE, &whole] {
        let (mut stage, dialog) = (Stage::new(), Dialog::new("previous"));
        let (a, b) = (party("192.0.2.1:5060", Some("sbc")), party("198.51.100.1:5060", Some("genesys")));
        let sent = stage.pass(&a, &b, &dialog.invite(&format!("previous-trace-id: {came}")));
        assert_eq!(header(&sent, "previous-trace-id").as_deref(), Some(TRACE));
        assert!(!header(&sent, "traceparent").unwrap().contains(TRACE));
        stage.pass(&b, &a, &dialog.answer(200, "1 INVITE", ""));
        let bye = stage.pass(&a, &b, &dialog.by_caller("BYE", 2, ""));
        assert_eq!(header(&bye, "previous-trace-id"), None);
        stage.pass(&b, &a, &dialog.answer(200, "2 BYE", ""));
        let spans = stage.spans();
        assert_eq!(hex(&spans.named("SIP call").links[0].trace_id), TRACE);
    }
}

#[test]
fn a_traceparent_in_the_asserted_identity_is_read_where_the_trunk_says_so() {
    let pai = "P-Asserted-Identity: <sip:a@example.com>;traceparent=00-4bf92f3577f34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for reads in [true, false] {
        let mut stage = Stage::new();
        let a = party("192.0.2.1:5060", Some("sbc")).with(|trunk| trunk.p_asserted_identity = reads);
        let b = party("198.51.100.1:5060", Some("genesys"));
        let sent = stage.pass(&a, &b, &Dialog::new("pai").invite(pai));
        assert_eq!(header(&sent, "traceparent").unwrap().contains(TRACE), reads);
    }
}

#[test]
fn a_session_id_joins_legs_across_a_switch_that_strips_all_else() {
    let mut stage = Stage::new();
    let (a, b) = (party("192.0.2.1:5060", Some("sbc")), party("198.51.100.1:5060", Some("genesys")));
    let session = "Session-ID: ab30317f1a784dc48ff824d0d3715d86;remote=00000000000000000000000000000000";
    let first = stage.pass(&a, &b, &Dialog::new("one").invite(&format!("{PARENT}\n{session}")));
    let second = stage.pass(&a, &b, &Dialog::new("two").invite(session));
    let trace = |message: &str| header(message, "traceparent").unwrap().split('-').nth(1).unwrap().to_owned();
    assert_eq!(trace(&first), trace(&second));
}
