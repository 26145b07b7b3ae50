//! What is told of messages: what each carried hop by hop, and nothing that is private.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use expect_test::expect;
use ingest_sip::{CallSettings, Numbers};
use opentelemetry_proto::tonic::trace::v1::Span;

use crate::play::{Dialog, MS, START, Stage, header, party, settings, stranger};
use crate::tree::{Spans, shown};

const PARENT: &str = "traceparent: 00-4bf92f3577f34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const CONVERSATION: &str = "x-inin-cnv: c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54";
const SESSION: &str = "Session-ID: ab30317f1a784dc48ff824d0d3715d86;remote=00000000000000000000000000000000";

/// The events of a span: when, and all that they say.
fn events(span: &Span) -> String {
    let mut out = String::new();
    for event in &span.events {
        let said: Vec<_> = event.attributes.iter().map(|one| format!("{}={}", one.key, shown(one))).collect();
        writeln!(out, "{} {} {}", (event.time_unix_nano - START) / MS, event.name, said.join(" ")).unwrap();
    }
    out
}

/// Scenario: a stranger's call with a forged context; the platform answers with its conversation.
/// Guarantees: each of the messages is noted once, with what came and what went.
#[test]
fn what_a_strangers_call_carried() {
    let (mut stage, dialog) = (Stage::new(), Dialog::new("strange"));
    let (a, b) = (stranger("192.0.2.1:5060"), party("198.51.100.1:5060", Some("genesys")));
    let invite = dialog.invite(&format!("{PARENT}\n{CONVERSATION}\n{SESSION}"));
    stage.pass(&a, &b, &invite);
    stage.after(500).pass(&a, &b, &invite);
    stage.after(10).pass(&b, &a, &dialog.answer(180, "1 INVITE", ""));
    let answer = dialog.answer(200, "1 INVITE", &format!("{CONVERSATION}\n{SESSION}\nUser-to-User: 00ab"));
    stage.after(500).pass(&b, &a, &answer);
    stage.after(1).pass(&b, &a, &answer);
    stage.after(10).pass(&a, &b, &dialog.by_caller("BYE", 2, ""));
    stage.after(10).pass(&b, &a, &dialog.answer(200, "2 BYE", ""));
    expect![[r#"
        0 sip.context sip.request.method=INVITE sip.trunk.to=genesys sip.context.seen=traceparent,x-inin-cnv,session-id sip.context.sent=traceparent,x-traceparent,session-id sip.context.trace=other
        1010 sip.context sip.request.method=INVITE sip.response.status_code=200 sip.trunk.from=genesys sip.context.seen=user-to-user,x-inin-cnv,session-id sip.context.sent=user-to-user,session-id sip.context.trace=absent
    "#]]
    .assert_eq(&events(stage.spans().named("SIP call")));
}

/// Scenario: a believed call is transferred; its caller's trunk is told which trace it is in, since it had none.
#[test]
fn what_a_transferred_call_carried() {
    let (mut stage, dialog) = (Stage::new(), Dialog::new("talk"));
    let (a, b) = (party("192.0.2.1:5060", Some("sbc")), party("198.51.100.1:5060", Some("genesys")));
    let b = b.with(|trunk| trunk.user_to_user = true);
    stage.pass(&a, &b, &dialog.invite("previous-trace-id: 4bf92f3577f34da6a3ce929d0e0e4736"));
    let answer = stage.after(100).pass(&b, &a, &dialog.answer(200, "1 INVITE", CONVERSATION));
    assert!(header(&answer, "traceresponse").is_some());
    let refer = dialog.by_callee("REFER", 5, "Refer-To: <sip:sales@edge.example>");
    let refer = stage.after(1000).pass(&b, &a, &refer);
    let uri = header(&refer, "Refer-To").unwrap().trim_matches(['<', '>']).to_owned();
    let third = Dialog { target: uri.clone(), callee: uri, ..Dialog::new("follow") };
    let c = party("203.0.113.1:5060", Some("third"));
    stage.after(10).pass(&a, &c, &third.invite("tracestate: a=1"));
    stage.after(10).pass(
        &c,
        &a,
        &third.answer(
            200,
            "1 INVITE",
            "traceresponse: 00-00000000000000000000000000000001-0000000000000001-01",
        ),
    );
    // Who is in the trace that it asked for is told nothing.
    let aware = Dialog::new("aware");
    stage.after(10).pass(&a, &b, &aware.invite(&format!("{PARENT}\ntracestate: a=1\nX-Traceparent: x")));
    stage.after(10).pass(&b, &a, &aware.answer(200, "1 INVITE", ""));
    stage.calls.close(stage.now);
    let spans = stage.drain();
    let all = ["talk", "follow", "aware"].map(|id| format!("{id}\n{}", events(spans.with_call_id(id))));
    expect![[r#"
        talk
        0 sip.context sip.request.method=INVITE sip.trunk.from=sbc sip.trunk.to=genesys sip.context.seen=previous-trace-id sip.context.sent=traceparent,x-traceparent,user-to-user,previous-trace-id sip.context.trace=absent
        100 sip.context sip.request.method=INVITE sip.response.status_code=200 sip.trunk.from=genesys sip.trunk.to=sbc sip.context.seen=x-inin-cnv sip.context.sent=x-inin-cnv,traceresponse sip.context.trace=absent
        1100 sip.context sip.request.method=REFER sip.trunk.from=genesys sip.trunk.to=sbc sip.context.seen= sip.context.sent=traceparent,x-traceparent sip.context.trace=absent
        follow
        1110 sip.context sip.request.method=INVITE sip.trunk.from=sbc sip.trunk.to=third sip.context.seen=tracestate,trace-token sip.context.sent=traceparent,x-traceparent sip.context.trace=absent
        1120 sip.context sip.request.method=INVITE sip.response.status_code=200 sip.trunk.from=third sip.trunk.to=sbc sip.context.seen=traceresponse sip.context.sent=traceresponse sip.context.trace=absent
        aware
        1130 sip.context sip.request.method=INVITE sip.trunk.from=sbc sip.trunk.to=genesys sip.context.seen=traceparent,x-traceparent,tracestate sip.context.sent=traceparent,x-traceparent,tracestate,user-to-user sip.context.trace=same
        1140 sip.context sip.request.method=INVITE sip.response.status_code=200 sip.trunk.from=genesys sip.trunk.to=sbc sip.context.seen= sip.context.sent= sip.context.trace=absent
    "#]]
    .assert_eq(&all.concat());
}

/// A message that says everything about people that SIP can say.
const PRIVATE: &str = "P-Asserted-Identity: \"Ada Private\" <tel:+493012345678>\n\
     Contact: \"Ada Private\" <sip:+493012345678@192.0.2.1>\n\
     Diversion: <sip:+492219876543@carrier.example>\n\
     Subject: confidential\n\
     Referred-By: \"Bob Private\" <sip:+498912345678@edge.example>\n\
     Reason: Q.850;cause=16;text=\"confidential\"\n\
     User-Agent: Phone/1.0\n\
     Server: Phone/2.0\n\
     previous-trace-id: 4bf92f3577f34da6a3ce929d0e0e4736";
/// What must not leave: the numbers of the script without their masked ends, names, what bodies and messages say.
const PRIVATE_WORDS: [&str; 9] = [
    "3012345678",
    "8912345678",
    "2219876543",
    "40123456",
    "Private",
    "confidential",
    "10.9.8.7",
    "SIP/2.0",
    "v=0",
];
const SDP: &str = "\n\nv=0\no=ada 1 1 IN IP4 10.9.8.7\ns=confidential\nm=audio 4000 RTP/AVP 0\na=sendonly";

/// Calls in which everything happens of which spans tell, with numbers wherever messages can have them.
fn everything(settings: CallSettings) -> Vec<Vec<u8>> {
    let mut stage = Stage::with(settings);
    let (a, b) = (stranger("192.0.2.1:5060"), party("198.51.100.1:5060", Some("genesys")));
    let sbc = party("192.0.2.2:5060", Some("sbc"));
    for status in [302, 404, 486, 487, 503] {
        let dialog = Dialog::new(&format!("fails-{status}"));
        stage.pass(&a, &b, &dialog.invite(&format!("{PRIVATE}{SDP}")));
        stage.after(10).pass(&a, &b, &format!("{}{PRIVATE}\n", dialog.cancel()));
        stage.after(10).pass(&b, &a, &dialog.answer(status, "1 INVITE", PRIVATE));
    }
    for (caller, to) in [
        (&a, "<sip:+4940123456@edge.example>"),
        (&sbc, "\"Eve Private\" <sip:+4940123456@edge.example?Replaces=x%3Bto-tag%3Dy%3Bfrom-tag%3Dz>"),
    ] {
        let dialog = Dialog::new(&format!("talk-{}", caller.address.ip()));
        stage.pass(caller, &b, &dialog.invite(&format!("{PRIVATE}\n{SESSION}\n{PARENT}{SDP}")));
        stage.after(10).pass(&b, caller, &dialog.answer(180, "1 INVITE", PRIVATE));
        for tag in ["callee", "other"] {
            let answer = dialog.answer(200, "1 INVITE", &format!("{CONVERSATION}\n{PRIVATE}{SDP}"));
            stage.after(10).pass(&b, caller, &answer.replace("tag=callee", &format!("tag={tag}")));
        }
        // Some spans are shown while the call goes on.
        stage.after(5000).tick();
        stage.after(10).pass(&b, caller, &dialog.by_callee("INVITE", 3, &format!("{PRIVATE}{SDP}")));
        stage.after(10).pass(caller, &b, &dialog.answer_callee(200, "3 INVITE", PRIVATE));
        let refer = stage.after(10).pass(
            &b,
            caller,
            &dialog.by_callee("REFER", 5, &format!("Refer-To: {to}\n{PRIVATE}")),
        );
        stage.after(10).pass(caller, &b, &dialog.answer_callee(202, "5 REFER", ""));
        let uri = header(&refer, "Refer-To").unwrap();
        let uri = uri.split(['<', '>']).nth(1).unwrap().split('?').next().unwrap().to_owned();
        let follow = Dialog {
            target: uri.clone(),
            callee: uri,
            ..Dialog::new(&format!("follow-{}", caller.address.ip()))
        };
        stage.after(10).pass(caller, &b, &follow.invite(&format!("{PRIVATE}{SDP}")));
        let told = format!("Event: refer\n{PRIVATE}\n\nSIP/2.0 200 OK");
        stage.after(10).pass(caller, &b, &dialog.by_caller("NOTIFY", 9, &told));
        let refer = dialog.by_callee("REFER", 6, &format!("Refer-To: {to}\n{PRIVATE}"));
        stage.after(10).pass(&b, caller, &refer);
        stage.after(10).pass(caller, &b, &dialog.answer_callee(603, "6 REFER", PRIVATE));
        for (tag, cseq) in [("callee", 7), ("other", 8)] {
            let other = |text: String| text.replace("tag=callee", &format!("tag={tag}"));
            stage.after(10).pass(&b, caller, &other(dialog.by_callee("BYE", cseq, PRIVATE)));
            stage.after(10).pass(caller, &b, &other(dialog.answer_callee(200, &format!("{cseq} BYE"), "")));
        }
    }
    // Two transfers that nothing tells apart.
    for name in ["one", "two"] {
        let dialog = Dialog::new(name);
        stage.pass(&a, &b, &dialog.invite(PRIVATE));
        stage.after(10).pass(&b, &a, &dialog.answer(200, "1 INVITE", ""));
        let refer = format!("Refer-To: <sip:+4940123456@edge.example>\n{PRIVATE}");
        stage.after(10).pass(&b, &a, &dialog.by_callee("REFER", 5, &refer));
    }
    let uri = "sip:+4940123456@edge.example".to_owned();
    let follow = Dialog { target: uri.clone(), callee: uri, ..Dialog::new("either") };
    stage.after(10).pass(&a, &b, &follow.invite(PRIVATE));
    stage.after(10_000).tick();
    stage.calls.close(stage.now);
    std::iter::from_fn(|| stage.calls.finished())
        .map(|spans| spans.batch().payload.to_bytes().to_vec())
        .collect()
}

/// Guarantees: these are all attributes that there are, so that a new one is looked at here; of numbers, names and
/// messages nothing leaves, masked and as pseudonyms.
#[test]
fn nothing_private_is_told() {
    let mut keys = BTreeSet::new();
    for numbers in [Numbers::Masked, Numbers::Hashed] {
        let batches = everything(CallSettings { numbers, region: Some("eu".into()), ..settings() });
        for bytes in &batches {
            let text = String::from_utf8_lossy(bytes);
            for private in PRIVATE_WORDS {
                assert!(!text.contains(private), "{private} in {text}");
            }
        }
        let mut spans = Spans::default();
        batches.iter().for_each(|bytes| spans.add(bytes));
        let of_spans = spans.spans.iter().flat_map(|span| {
            let events = span.events.iter().flat_map(|event| &event.attributes);
            let links = span.links.iter().flat_map(|link| &link.attributes);
            span.attributes.iter().chain(events).chain(links)
        });
        keys.extend(of_spans.chain(spans.resources.iter().flatten()).map(|attribute| attribute.key.clone()));
    }
    let keys: String = keys.into_iter().map(|key| key + "\n").collect();
    expect![[r#"
        client.address
        cloud.region
        error.type
        genesys_cloud.conversation.id
        interaction.channel
        interaction.id
        interaction.link.type
        interaction.stage
        network.protocol.name
        network.transport
        server.address
        server.port
        service.name
        sip.answers
        sip.call_id
        sip.context.seen
        sip.context.sent
        sip.context.trace
        sip.from.user
        sip.outcome
        sip.phase
        sip.q850.cause
        sip.released_by
        sip.request.method
        sip.response.status_code
        sip.server.user_agent
        sip.session_disconnect_delay_ms
        sip.session_duration_ms
        sip.session_id
        sip.session_request_delay_ms
        sip.to.user
        sip.transfer.by
        sip.transfer.duration_ms
        sip.transfer.outcome
        sip.transfer.status_code
        sip.transfer.target
        sip.transfer.type
        sip.trunk.from
        sip.trunk.to
        throughline.context.decision
        throughline.context.reason
        throughline.context.source
        throughline.link.ambiguous
        throughline.revision
        throughline.unfinished
        user_agent.original
    "#]]
    .assert_eq(&keys);
}
