//! What RFC 3261, section 16, asks of every proxy.

use expect_test::expect;
use throughline_sip::Name;

use super::messages::{Ask, recorded, reply};
use super::*;

const CALLER: &str = "198.51.100.5:5060";
const CALLED: &str = "203.0.113.10:5060";

#[test]
fn a_call_goes_through() {
    let mut edge = edge();
    let invite =
        Ask { via: "SIP/2.0/UDP 10.0.0.1:5060;rport;branch=z9hG4bKa", body: "v=0\r\n", ..Ask::default() };
    let (to, invite) = one(&mut edge, udp("198.51.100.5:49152"), &invite.bytes());
    assert_eq!(to, CALLED.parse().unwrap());
    expect![[r#"
        INVITE sip:+4930@edge.example.com SIP/2.0
        Record-Route: <sip:192.0.2.1:5060;lr;tl=0.0.e625cc7da081b886>
        Via: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bKe951fe3b3962b73b536a163287cf29c7;tl=0.0.b17408695df847f5
        Via: SIP/2.0/UDP 10.0.0.1:5060;rport=49152;branch=z9hG4bKa;received=198.51.100.5
        Max-Forwards: 69
        From: <sip:a@198.51.100.5>;tag=fa
        To: <sip:+4930@edge.example.com>
        Call-ID: c1
        CSeq: 1 INVITE
        Content-Length: 5

        v=0
    "#]]
    .assert_eq(&text(&invite));
    let (to, ringing) = one(&mut edge, udp(CALLED), &reply(&invite, 180, "sip:b@203.0.113.10"));
    assert_eq!(to, "198.51.100.5:49152".parse().unwrap(), "the port that it came from");
    expect![[r#"
        SIP/2.0 180 Reason
        Via: SIP/2.0/UDP 10.0.0.1:5060;rport=49152;branch=z9hG4bKa;received=198.51.100.5
        From: <sip:a@198.51.100.5>;tag=fa
        To: <sip:+4930@edge.example.com>;tag=tb
        Call-ID: c1
        CSeq: 1 INVITE
        Record-Route: <sip:192.0.2.1:5060;lr;tl=0.0.e625cc7da081b886>
        Contact: <sip:b@203.0.113.10>
        Content-Length: 0

    "#]]
    .assert_eq(&text(&ringing));
}

#[test]
fn requests_of_a_call_follow_it_both_ways() {
    let mut edge = edge();
    let (_, invite) = one(&mut edge, udp(CALLER), &Ask::default().bytes());
    let route = recorded(&invite).join(", ");
    for method in ["ACK", "INVITE", "UPDATE", "PRACK", "INFO", "REFER", "BYE", "TRANSMOGRIFY"] {
        let ahead = Ask {
            method,
            uri: "sip:b@203.0.113.77:5099",
            via: "SIP/2.0/UDP 198.51.100.5:5060;branch=z9hG4bKb",
            to_tag: Some("tb"),
            more: vec![("Route", route.clone())],
            ..Ask::default()
        };
        let (to, passed) = one(&mut edge, udp(CALLER), &ahead.bytes());
        assert_eq!(to, "203.0.113.77:5099".parse().unwrap(), "{method}");
        assert_eq!(passed.first(Name::Route), None);
        assert_eq!(passed.first(Name::RecordRoute), None, "the call has its routes already");
        let back =
            Ask { uri: "sip:a@198.51.100.5:5071", via: "SIP/2.0/UDP 203.0.113.77;branch=z9hG4bKc", ..ahead };
        let (to, _) = one(&mut edge, udp("203.0.113.77:5060"), &back.bytes());
        assert_eq!(to, "198.51.100.5:5071".parse().unwrap(), "{method}");
    }
}

#[test]
fn a_stranger_may_take_part_in_a_call_that_came_through() {
    let mut edge = edge();
    let (_, invite) = one(&mut edge, udp(CALLER), &Ask::default().bytes());
    let bye = Ask { method: "BYE", uri: "sip:a@198.51.100.5:5071", to_tag: Some("tb"), ..Ask::default() };
    let with = |route: String| Ask { more: vec![("Route", route)], ..bye.clone() };
    let route = recorded(&invite).join(", ");
    let stranger = udp("192.0.2.200:5060");
    assert_eq!(
        one(&mut edge, stranger, &with(route.clone()).bytes()).0,
        "198.51.100.5:5071".parse().unwrap()
    );
    let forged = with(route.replace(";tl=0.0.", ";tl=0.0.0"));
    assert_eq!(one(&mut edge, stranger, &forged.bytes()).1.status(), Some(403));
    let other_call = Ask { call: "c2", ..with(route) };
    assert_eq!(one(&mut edge, stranger, &other_call.bytes()).1.status(), Some(403));
}

#[test]
fn branches_are_those_of_the_transaction() {
    let mut edge = edge();
    let mut branch = |ask: &Ask<'_>| {
        let (to, message) = one(&mut edge, udp(CALLER), &ask.bytes());
        assert_eq!(to, CALLED.parse().unwrap());
        message.top_via().unwrap().branch().unwrap().to_vec()
    };
    let invite = Ask::default();
    let first = branch(&invite);
    assert!(first.starts_with(b"z9hG4bK"));
    assert_eq!(branch(&invite), first, "the same again");
    assert_eq!(branch(&Ask { method: "CANCEL", ..invite.clone() }), first);
    assert_eq!(branch(&Ask { method: "ACK", to_tag: Some("tb"), ..invite.clone() }), first, "of a refusal");
    assert_ne!(branch(&Ask { number: 2, ..invite.clone() }), first);
    assert_ne!(branch(&Ask { call: "c2", ..invite.clone() }), first);
    assert_ne!(branch(&Ask { uri: "sip:+4931@edge.example.com", ..invite.clone() }), first);
    let via = "SIP/2.0/UDP 198.51.100.5:5060;branch=z9hG4bKb";
    assert_ne!(branch(&Ask { via, ..invite.clone() }), first);
    let old = Ask { via: "SIP/2.0/UDP 198.51.100.5:5060", ..invite };
    assert_eq!(branch(&old), branch(&Ask { method: "CANCEL", ..old.clone() }), "before RFC 3261");
}

#[test]
fn what_cannot_be_passed_on_is_answered() {
    let ask = Ask::default();
    for (ask, status, headers) in [
        (Ask { hops: Some(0), ..ask.clone() }, 483, ""),
        (Ask { hops: Some(0), method: "OPTIONS", ..ask.clone() }, 200, ""),
        (
            Ask { more: vec![("Proxy-Require", "a, b".into())], ..ask.clone() },
            420,
            "Unsupported: a\nUnsupported: b\n",
        ),
        (Ask { uri: "urn:service:sos", ..ask.clone() }, 416, ""),
        (Ask { uri: "sips:a@edge.example.com", ..ask.clone() }, 480, ""),
        (Ask { more: vec![("Call-ID", "again".into())], ..ask.clone() }, 400, ""),
        (Ask { uri: "sip:192.0.2.1", method: "OPTIONS", ..ask.clone() }, 200, "Accept: */*\n"),
        (Ask { more: vec![("Route", "<sip:192.0.2.99;lr>".into())], ..ask.clone() }, 403, ""),
    ] {
        let mut edge = edge();
        let (to, answer) = one(&mut edge, udp(CALLER), &ask.bytes());
        assert_eq!((to, answer.status()), (CALLER.parse().unwrap(), Some(status)), "{}", text(&answer));
        assert!(text(&answer).contains(headers), "{}", text(&answer));
        let tag = answer.to().unwrap().tag().unwrap().to_vec();
        let ack = Ask { method: "ACK", to_tag: str::from_utf8(&tag).ok(), ..ask };
        assert!(pass(&mut edge, udp(CALLER), &ack.bytes()).is_empty(), "the ACK ends here");
    }
}

#[test]
fn loops_are_found_and_spirals_are_not() {
    let mut edge = edge();
    let (_, once) = one(&mut edge, udp(CALLER), &Ask::default().bytes());
    let (_, answer) = one(&mut edge, udp(CALLER), once.as_bytes());
    assert_eq!(answer.status(), Some(482));
    let spiral = text(&once).replace("INVITE sip:+4930@", "INVITE sip:+4931@").replace('\n', "\r\n");
    assert_eq!(one(&mut edge, udp(CALLER), spiral.as_bytes()).0, CALLED.parse().unwrap());
}

#[test]
fn strict_routers_on_both_sides() {
    let mut edge = edge();
    let (_, invite) = one(&mut edge, udp(CALLER), &Ask::default().bytes());
    let ours = recorded(&invite).join(", ");
    let bye = Ask { method: "BYE", uri: "sip:b@203.0.113.77", to_tag: Some("tb"), ..Ask::default() };
    let routes = vec![("Route", format!("{ours}, <sip:203.0.113.50>, <sip:203.0.113.51;lr>"))];
    let (to, passed) = one(&mut edge, udp(CALLER), &Ask { more: routes, ..bye.clone() }.bytes());
    assert_eq!(to, "203.0.113.50:5060".parse().unwrap());
    assert_eq!(passed.request_uri(), Some(&b"sip:203.0.113.50"[..]));
    assert_eq!(
        passed.all(Name::Route).collect::<Vec<_>>(),
        [&b"<sip:203.0.113.51;lr>"[..], b"<sip:b@203.0.113.77>"]
    );
    let own = ours.trim_matches(['<', '>']).to_owned();
    let routes = vec![("Route", "<sip:203.0.113.51;lr>, <sip:b@203.0.113.77>".to_owned())];
    let (to, passed) = one(&mut edge, udp(CALLER), &Ask { uri: &own, more: routes, ..bye }.bytes());
    assert_eq!(to, "203.0.113.51:5060".parse().unwrap());
    assert_eq!(passed.request_uri(), Some(&b"sip:b@203.0.113.77"[..]));
    assert_eq!(passed.all(Name::Route).collect::<Vec<_>>(), [b"<sip:203.0.113.51;lr>"]);
}

#[test]
fn responses_that_answer_nothing_go_nowhere() {
    let mut edge = edge();
    let (_, invite) = one(&mut edge, udp(CALLER), &Ask::default().bytes());
    let good = reply(&invite, 200, "sip:b@203.0.113.10");
    let stranger = udp("192.0.2.200:5060");
    assert_eq!(one(&mut edge, stranger, &good).0, CALLER.parse().unwrap(), "our Via proves it");
    let good = String::from_utf8(good).unwrap();
    for (from, to) in [
        (";tl=0.0.", ";tl=0.1."),
        ("branch=z9hG4bKa", "branch=z9hG4bKb"),
        ("Call-ID: c1", "Call-ID: c2"),
        ("CSeq: 1 ", "CSeq: 2 "),
        ("192.0.2.1:5060", "192.0.2.9:5060"),
    ] {
        let forged = good.replace(from, to);
        assert_ne!(forged, good);
        assert!(pass(&mut edge, stranger, forged.as_bytes()).is_empty(), "{from}");
    }
    assert_eq!(edge.counts().refusals().collect::<Vec<_>>(), [(Reason::StrayResponse, 5)]);
    let after_restart = good.replace(";tl=0.0.", ";tl=0.0.0");
    assert_eq!(pass(&mut edge, udp(CALLED), after_restart.as_bytes()).len(), 1, "a trunk is believed");
}

/// RFC 3261, section 20.35.
#[test]
fn answers_of_the_edge_say_who_it_is_as_far_as_it_may() {
    for (server, expected) in [("", None), ("an edge", Some(&b"an edge"[..]))] {
        let mut edge = Edge::new(Setup { server: server.to_owned(), ..setup() }, Box::new(Untraced));
        let ask = Ask { hops: Some(0), ..Ask::default() };
        let (_, answer) = one(&mut edge, udp(CALLER), &ask.bytes());
        assert_eq!((answer.status(), answer.first(Name::Server)), (Some(483), expected));
    }
}
