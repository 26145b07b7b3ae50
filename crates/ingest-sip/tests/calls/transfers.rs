//! Transfers: the call that follows is in the trace of the call that was transferred, or in none that is wrong.

use expect_test::expect;
use ingest_sip::ReferTo;

use crate::play::{Dialog, Party, Stage, header, party, stranger};
use crate::tree::{attribute, hex};

const TARGET: &str = "sip:sales@edge.example";

struct Scene {
    stage: Stage,
    caller: Party,
    agent: Party,
    third: Party,
}

/// A caller and an agent behind trunks that keep the trace.
fn scene() -> Scene {
    Scene {
        stage: Stage::new(),
        caller: party("192.0.2.1:5060", Some("sbc")),
        agent: party("198.51.100.1:5060", Some("genesys")),
        third: party("203.0.113.1:5060", Some("third")),
    }
}

impl Scene {
    /// A call from the caller to the agent that has been answered; its trace.
    fn talk(&mut self, dialog: &Dialog) -> String {
        let invite = self.stage.pass(&self.caller, &self.agent, &dialog.invite(""));
        self.stage.after(100).pass(&self.agent, &self.caller, &dialog.answer(200, "1 INVITE", ""));
        self.stage.after(10).pass(&self.caller, &self.agent, &dialog.by_caller("ACK", 1, ""));
        trace(&invite)
    }

    /// The agent transfers the caller; the REFER as the caller gets it.
    fn refer(&mut self, dialog: &Dialog, to: &str) -> String {
        let refer =
            dialog.by_callee("REFER", 5, &format!("Refer-To: {to}\nReferred-By: <{}>", dialog.callee));
        let sent = self.stage.after(1000).pass(&self.agent, &self.caller, &refer);
        self.stage.after(10).pass(&self.caller, &self.agent, &dialog.answer_callee(202, "5 REFER", ""));
        sent
    }

    /// What the caller makes of it: the third party's INVITE.
    fn follow(&mut self, call_id: &str, uri: &str, more: &str) -> String {
        let dialog = Dialog { target: uri.into(), callee: uri.into(), ..Dialog::new(call_id) };
        self.stage.after(20).pass(&self.caller, &self.third, &dialog.invite(more))
    }

    fn told(&mut self, dialog: &Dialog, status: &str) {
        let more = format!("Event: refer\nContent-Type: message/sipfrag\n\nSIP/2.0 {status}");
        self.stage.after(500).pass(&self.caller, &self.agent, &dialog.by_caller("NOTIFY", 9, &more));
    }

    fn bye(&mut self, dialog: &Dialog) {
        self.stage.after(10).pass(&self.agent, &self.caller, &dialog.by_callee("BYE", 6, ""));
        self.stage.after(10).pass(&self.caller, &self.agent, &dialog.answer_callee(200, "6 BYE", ""));
    }
}

fn trace(message: &str) -> String {
    header(message, "traceparent").unwrap().split('-').nth(1).unwrap().to_owned()
}

fn refer_to(message: &str) -> String {
    let value = header(message, "Refer-To").unwrap();
    value.trim_matches(['<', '>']).to_owned()
}

#[test]
fn a_blind_transfer_with_four_kinds_of_transferee() {
    let embedded = |uri: &str| {
        let headers = uri.split_once('?').map(|(_, headers)| headers.replace('=', ": ").replace('&', "\n"));
        headers.unwrap_or_default()
    };
    for kind in ["naive", "copies Referred-By", "copies headers", "aware"] {
        let mut scene = scene();
        if kind == "copies headers" {
            scene.caller = scene.caller.with(|trunk| trunk.refer_to = ReferTo::Headers);
        }
        let dialog = Dialog::new("talk");
        let first = scene.talk(&dialog);
        let refer = scene.refer(&dialog, &format!("<{TARGET}>"));
        let uri = refer_to(&refer);
        let (plain, headers) = uri.split_once('?').map_or((uri.as_str(), ""), |(plain, _)| (plain, "h"));
        assert_eq!(headers.is_empty(), kind != "copies headers");
        let more = match kind {
            "copies Referred-By" => "Referred-By: <sip:+498912345678@edge.example>".to_owned(),
            "copies headers" => embedded(&uri),
            "aware" => format!("traceparent: {}", header(&refer, "traceparent").unwrap()),
            _ => String::new(),
        };
        // Who is aware need not use the URI as it is.
        let uri = if matches!(kind, "aware" | "copies headers") { TARGET } else { plain };
        let sent = scene.follow("follow", uri, &more);
        assert_eq!(trace(&sent), first, "{kind}");
        assert!(!sent.contains("trace-token"), "{kind}: {sent}");
        scene.told(&dialog, "200 OK");
        scene.bye(&dialog);
        let spans = scene.stage.spans();
        let transfer = spans.named("Transfer");
        scene.stage.after(300_000);
        let rest = scene.stage.spans();
        let followed = rest.with_call_id("follow");
        assert_eq!(followed.parent_span_id, transfer.span_id, "{kind}");
        assert_eq!(attribute(followed, "throughline.context.decision"), Some("continue"), "{kind}");
        assert_eq!(attribute(transfer, "sip.transfer.outcome"), Some("accepted"), "{kind}");
        assert_eq!(scene.stage.calls.counts().linked, 1, "{kind}");
    }
}

#[test]
fn the_tree_of_a_blind_transfer() {
    let mut scene = scene();
    let dialog = Dialog::new("talk");
    scene.talk(&dialog);
    let refer = scene.refer(&dialog, &format!("<{TARGET}>"));
    let uri = refer_to(&refer);
    scene.follow("follow", &uri, "");
    let third = Dialog { target: TARGET.into(), callee: uri, ..Dialog::new("follow") };
    scene.stage.after(300).pass(&scene.third, &scene.caller, &third.answer(200, "1 INVITE", ""));
    scene.told(&dialog, "200 OK");
    scene.bye(&dialog);
    scene.stage.after(4000).pass(&scene.caller, &scene.third, &third.by_caller("BYE", 2, ""));
    scene.stage.after(10).pass(&scene.third, &scene.caller, &third.answer(200, "2 BYE", ""));
    let keys = [
        "sip.call_id",
        "sip.transfer.type",
        "sip.transfer.outcome",
        "sip.transfer.by",
        "throughline.context.source",
    ];
    expect![[r#"
        SIP call 0..1960
          - sip.call_id = talk
          Call setup 0..100 [setup]
          Talk 100..1110 [talk]
          Transfer 1110..1140 [transfer]
            - sip.transfer.type = blind
            - sip.transfer.by = callee
            - sip.transfer.outcome = accepted
            SIP call 1140..5970
              - sip.call_id = follow
              - throughline.context.source = trace-token
              -> transfer
              Call setup 1140..1440 [setup]
              Talk 1440..5960 [talk]
              Release 5960..5970
          Release 1950..1960
    "#]]
    .assert_eq(&scene.stage.spans().tree(&keys));
}

#[test]
fn a_token_is_used_once_and_comes_from_anybody() {
    let mut scene = scene();
    let dialog = Dialog::new("talk");
    let first = scene.talk(&dialog);
    let refer = scene.refer(&dialog, &format!("<{TARGET}>"));
    let uri = refer_to(&refer);
    // The same REFER again: the same bytes.
    let again =
        dialog.by_callee("REFER", 5, &format!("Refer-To: <{TARGET}>\nReferred-By: <{}>", dialog.callee));
    assert_eq!(scene.stage.pass(&scene.agent, &scene.caller, &again), refer);
    scene.caller = stranger("192.0.2.77:5060");
    assert_eq!(trace(&scene.follow("one", &uri, "")), first);
    assert_ne!(trace(&scene.follow("two", &uri, "")), first);
    let forged = format!("{TARGET};trace-token=00112233445566778899");
    assert_ne!(trace(&scene.follow("three", &forged, "")), first);
}

#[test]
fn a_token_is_not_given_to_strangers_nor_taken_after_its_time() {
    let mut scene = scene();
    let dialog = Dialog::new("talk");
    let first = scene.talk(&dialog);
    let refer = scene.refer(&dialog, &format!("<{TARGET}>"));
    scene.stage.after(61_000);
    assert_ne!(trace(&scene.follow("late", &refer_to(&refer), "")), first);
    scene.caller = stranger("192.0.2.1:5060");
    let other = Dialog::new("other");
    scene.talk(&other);
    let forged =
        format!("<{TARGET}?traceparent=00-4bf92f3577f34da6a3ce929d0e0e4736-00f067aa0ba902b7-01&x=1>");
    let refer = scene.refer(&other, &forged);
    assert_eq!(refer_to(&refer), format!("{TARGET}?x=1"));
}

#[test]
fn an_attended_transfer_is_the_customers_trace_and_links_the_consultation() {
    let mut scene = scene();
    let (dialog, consult) =
        (Dialog::new("talk"), Dialog { caller: "sip:agent@edge.example".into(), ..Dialog::new("consult") });
    let first = scene.talk(&dialog);
    let second = {
        let invite = scene.stage.pass(&scene.agent, &scene.third, &consult.invite(""));
        scene.stage.after(100).pass(&scene.third, &scene.agent, &consult.answer(200, "1 INVITE", ""));
        trace(&invite)
    };
    assert_ne!(first, second);
    let to = format!("<{TARGET}?Replaces=consult%3Bto-tag%3Dcallee%3Bfrom-tag%3Dcaller>");
    let refer = scene.refer(&dialog, &to);
    assert!(
        refer_to(&refer).contains(";trace-token=") && refer_to(&refer).contains("?Replaces=consult"),
        "{refer}"
    );
    // Nothing came back but what the method needs.
    let sent = scene.follow("follow", TARGET, "Replaces: consult;to-tag=callee;from-tag=caller");
    assert_eq!(trace(&sent), first);
    scene.bye(&dialog);
    scene.stage.after(300_001).tick();
    let spans = scene.stage.spans();
    let links = |id: &str| {
        let span = spans.with_call_id(id);
        let link = |link: &opentelemetry_proto::tonic::trace::v1::span::Link| {
            (hex(&link.trace_id), crate::tree::shown(&link.attributes[0]))
        };
        span.links.iter().map(link).collect::<Vec<_>>()
    };
    assert_eq!(links("follow"), [(first, "transfer".to_owned()), (second, "consult".to_owned())]);
    assert_eq!(attribute(spans.with_call_id("follow"), "throughline.context.source"), Some("replaces"));
}

#[test]
fn a_call_that_replaces_a_dialog_without_a_refer_joins_it() {
    let mut scene = scene();
    let first = scene.talk(&Dialog::new("talk"));
    let sent = scene.follow("pickup", TARGET, "Replaces: talk;to-tag=callee;from-tag=caller");
    assert_eq!(trace(&sent), first);
}

/// Scenario: the caller's trunk is known, and gets no context; it would even take headers embedded in URIs.
/// Guarantees: a transfer and a redirection bring their traces back by the word alone.
#[test]
fn a_trunk_without_contexts_carries_the_word() {
    let without = |trunk: &mut ingest_sip::Trunk| {
        (trunk.preserve_trace_context, trunk.refer_to) = (false, ReferTo::Headers);
    };
    let mut scene = scene();
    scene.caller = scene.caller.with(without);
    let dialog = Dialog::new("talk");
    let first = scene.talk(&dialog);
    let refer = scene.refer(&dialog, &format!("<{TARGET}>"));
    let uri = refer_to(&refer);
    assert!(
        uri.contains(";trace-token=") && !uri.contains('?') && header(&refer, "traceparent").is_none(),
        "{refer}"
    );
    assert_eq!(trace(&scene.follow("follow", &uri, "")), first);

    let dialog = Dialog::new("moved");
    let sent = scene.stage.pass(&scene.caller, &scene.agent, &dialog.invite(""));
    let moved = dialog.answer(302, "1 INVITE", &format!("Contact: <{TARGET}>"));
    let moved = scene.stage.after(10).pass(&scene.agent, &scene.caller, &moved);
    let contact = header(&moved, "Contact").unwrap();
    let uri = contact.trim_matches(['<', '>']);
    assert!(uri.contains(";trace-token="), "{moved}");
    assert_eq!(trace(&scene.follow("again", uri, "")), trace(&sent));
    assert_eq!(scene.stage.calls.counts().linked, 2);
}

#[test]
fn a_redirection_brings_the_token_back() {
    let mut scene = scene();
    let dialog = Dialog::new("moved");
    let invite = scene.stage.pass(&scene.caller, &scene.agent, &dialog.invite(""));
    let moved =
        dialog.answer(302, "1 INVITE", "Contact: <sip:a@edge.example>;q=0.5, sip:b@edge.example;q=0.1");
    let sent = scene.stage.after(50).pass(&scene.agent, &scene.caller, &moved);
    let contacts = header(&sent, "Contact").unwrap();
    assert_eq!(contacts.matches(";trace-token=").count(), 2, "{contacts}");
    assert!(contacts.contains(">;q=0.5, <sip:b@edge.example;trace-token="), "{contacts}");
    let uri = contacts.split(['<', '>']).nth(1).unwrap().to_owned();
    assert_eq!(trace(&scene.follow("elsewhere", &uri, "")), trace(&invite));
}

#[test]
fn without_a_token_only_a_single_transfer_is_guessed() {
    let mut scene = scene();
    let (one, two) = (Dialog::new("one"), Dialog::new("two"));
    let first = scene.talk(&one);
    scene.refer(&one, &format!("<{TARGET}>"));
    assert_eq!(trace(&scene.follow("follow-one", TARGET, "")), first);
    scene.told(&one, "200 OK");
    // It is over, so that the next is the only one again.
    let second = scene.talk(&two);
    scene.refer(&two, &format!("<{TARGET}>"));
    assert_eq!(trace(&scene.follow("follow-two", TARGET, "")), second);
    // That one is not known to be over: now there are two.
    let three = Dialog::new("three");
    let third = scene.talk(&three);
    scene.refer(&three, &format!("<{TARGET}>"));
    let lost = trace(&scene.follow("follow-three", TARGET, ""));
    assert!(![&first, &second, &third].contains(&&lost));
    let counts = scene.stage.calls.counts();
    assert_eq!((counts.guessed, counts.ambiguous), (2, 1));
    scene.stage.after(300_001).tick();
    let spans = scene.stage.spans();
    let links = &spans.with_call_id("follow-three").links;
    let ambiguous = |link: &opentelemetry_proto::tonic::trace::v1::span::Link| {
        link.attributes.iter().any(|attribute| attribute.key == "throughline.link.ambiguous")
    };
    assert!(links.len() == 2 && links.iter().all(ambiguous));
    let guess = spans.with_call_id("follow-two");
    assert_eq!(attribute(guess, "throughline.context.source"), Some("transfer-guess"));
}

/// Scenario: agents send callers with one number and address to one target at the same time, and nothing comes back but
/// Referred-By.
/// Guarantees: it tells a transfer from others only where it is certainly that one's; where it is somebody else's, even
/// the only transfer is not it.
#[test]
fn referred_by_tells_transfers_apart_and_never_makes_one() {
    const ANA: &str = "<sip:ana@pbx.example>";
    const BEN: &str = "<sip:ben@pbx.example>";
    let both = [Some(ANA), Some(BEN)];
    for (what, referred, comes, expected) in [
        ("one's", &both[..], Some(ANA), Some(0)),
        ("the other's", &both, Some("\"Ben\" <sip:%62en@PBX.example;x>"), Some(1)),
        ("nobody's", &both, None, None),
        ("somebody else's", &both, Some("<sip:eve@pbx.example>"), None),
        ("of another host", &both, Some("<sip:ana@hidden.example>"), None),
        ("one agent's twice", &[Some(ANA), Some(ANA)], Some(ANA), None),
        ("an agent's at two hosts", &[Some(ANA), Some("<sip:ana@other.example>")], Some(ANA), None),
        ("beside one that does not say", &[Some(ANA), None], Some(ANA), None),
        (
            "of several that are hidden",
            &[Some("<sip:anonymous@anonymous.invalid>"), Some(BEN)],
            Some("<sip:anonymous@anonymous.invalid>"),
            None,
        ),
        ("the only one's", &both[..1], Some(ANA), Some(0)),
        ("the only one's, of another host", &both[..1], Some("<sip:ana@hidden.example>"), Some(0)),
        ("not the only one's", &both[..1], Some(BEN), None),
        ("the only one, which does not say", &[None], Some(ANA), Some(0)),
    ] {
        let mut scene = scene();
        let mut traces = Vec::new();
        for (at, by) in referred.iter().enumerate() {
            let dialog = Dialog::new(&format!("talk-{at}"));
            traces.push(scene.talk(&dialog));
            let by = by.map(|by| format!("\nReferred-By: {by}")).unwrap_or_default();
            let refer = dialog.by_callee("REFER", 5, &format!("Refer-To: <{TARGET}>{by}"));
            scene.stage.pass(&scene.agent, &scene.caller, &refer);
            scene.stage.pass(&scene.caller, &scene.agent, &dialog.answer_callee(202, "5 REFER", ""));
        }
        let more = comes.map(|by| format!("Referred-By: {by}")).unwrap_or_default();
        let got = trace(&scene.follow("follow", TARGET, &more));
        assert_eq!(traces.iter().position(|trace| *trace == got), expected, "{what}");
        let counts = scene.stage.calls.counts();
        let guessed = u64::from(expected.is_some());
        assert_eq!((counts.guessed, counts.ambiguous), (guessed, 1 - guessed), "{what}");
    }
}

/// Guarantees: once a call could have followed several, none of those is told apart any more.
#[test]
fn referred_by_does_not_mend_what_was_ambiguous() {
    let mut scene = scene();
    let mut traces = Vec::new();
    for name in ["ana", "ben"] {
        let dialog = Dialog { callee: format!("sip:{name}@pbx.example"), ..Dialog::new(name) };
        traces.push(scene.talk(&dialog));
        scene.refer(&dialog, &format!("<{TARGET}>"));
    }
    let either = trace(&scene.follow("either", TARGET, ""));
    let late = trace(&scene.follow("late", TARGET, "Referred-By: <sip:ana@pbx.example>"));
    assert!(!traces.contains(&either) && !traces.contains(&late));
    assert_eq!(scene.stage.calls.counts().ambiguous, 2);
}

#[test]
fn a_transfer_that_is_refused_is_nobodys() {
    let mut scene = scene();
    let dialog = Dialog::new("talk");
    let first = scene.talk(&dialog);
    let refer = dialog.by_callee("REFER", 5, &format!("Refer-To: <{TARGET}>"));
    scene.stage.pass(&scene.agent, &scene.caller, &refer);
    scene.stage.after(10).pass(&scene.caller, &scene.agent, &dialog.answer_callee(603, "5 REFER", ""));
    assert_ne!(trace(&scene.follow("follow", TARGET, "")), first);
    scene.bye(&dialog);
    let spans = scene.stage.spans();
    assert_eq!(attribute(spans.named("Transfer"), "sip.transfer.outcome"), Some("failed"));
}

#[test]
fn a_refer_out_of_a_dialog_is_a_trace_of_its_own() {
    let mut scene = scene();
    let refer = Dialog::new("refer").invite("Refer-To: <sip:sales@edge.example>");
    let refer = refer.replace("INVITE", "REFER");
    let sent = scene.stage.pass(&scene.agent, &scene.caller, &refer);
    let follow = scene.follow("follow", &refer_to(&sent), "");
    assert_eq!(trace(&sent), trace(&follow));
}

/// Whatever comes back of 1 000 transfers with the same caller and target at the same time: no call is ever in the
/// trace of another one.
#[test]
fn a_thousand_concurrent_transfers_are_never_mixed_up() {
    for keeps_every in [1, 2, 3, 1000] {
        let mut scene = scene();
        let mut open = Vec::new();
        for at in 0..1000 {
            let dialog = Dialog::new(&format!("talk-{at}"));
            let trace = scene.talk(&dialog);
            let refer = scene.refer(&dialog, &format!("<{TARGET}>"));
            open.push((at, trace, refer_to(&refer)));
            scene.stage.now -= 1100 * crate::play::MS;
        }
        // In another order than they were asked for.
        open.sort_by_key(|(at, ..)| (at * 7919) % 1000);
        let (mut right, mut wrong) = (0, 0);
        let traces: std::collections::HashSet<_> = open.iter().map(|(_, trace, _)| trace.clone()).collect();
        for (at, first, uri) in &open {
            let keeps = at % keeps_every == 0;
            let sent = scene.follow(&format!("follow-{at}"), if keeps { uri } else { TARGET }, "");
            scene.stage.now -= 20 * crate::play::MS;
            let got = trace(&sent);
            right += usize::from(got == *first);
            wrong += usize::from(got != *first && traces.contains(&got));
            assert!(!keeps || got == *first);
        }
        assert_eq!(wrong, 0);
        assert!(right >= 1000_usize.div_ceil(keeps_every), "{right} of 1000 at {keeps_every}");
    }
}
