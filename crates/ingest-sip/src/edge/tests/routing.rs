//! Routes, targets, transports, names.

use throughline_sip::Name;

use super::messages::{Ask, recorded, reply};
use super::*;

const CALLER: &str = "198.51.100.5:5060";

fn connection(listener: u16, transport: Transport, peer: &str, connection: u64) -> Flow {
    Flow { listener, transport, peer: peer.parse().unwrap(), connection }
}

#[test]
fn the_first_route_that_fits_decides() {
    for (from, ask, expected) in [
        (CALLER, Ask::default(), Ok("203.0.113.10:5060")),
        (CALLER, Ask { uri: "tel:+4930", ..Ask::default() }, Ok("203.0.113.10:5060")),
        ("203.0.113.9:5060", Ask::default(), Ok("198.51.100.10:5060")),
        ("203.0.113.9:5060", Ask { uri: "sip:4930@edge.example.com", ..Ask::default() }, Err(404)),
        ("192.0.2.200:5060", Ask::default(), Err(403)),
        (
            "192.0.2.200:5060",
            Ask { uri: "sip:x@open.example.com", ..Ask::default() },
            Ok("203.0.113.10:5060"),
        ),
    ] {
        let (to, message) = one(&mut edge(), udp(from), &ask.bytes());
        let found = message.status().map_or(Ok(to.to_string()), Err);
        assert_eq!(found, expected.map(str::to_owned), "{from} {}", ask.uri);
    }
}

#[test]
fn all_requests_of_a_call_go_to_one_target() {
    let mut edge = edge();
    let mut counts = [0; 2];
    for number in 0..100 {
        let call = format!("call-{number}");
        let ask = Ask { call: &call, uri: "sip:pair@x", ..Ask::default() };
        let (to, _) = one(&mut edge, udp(CALLER), &ask.bytes());
        for method in ["INVITE", "CANCEL", "ACK"] {
            assert_eq!(one(&mut edge, udp(CALLER), &Ask { method, ..ask.clone() }.bytes()).0, to);
        }
        counts[usize::from(to == "203.0.113.22:5060".parse().unwrap())] += 1;
    }
    assert!(counts[0] > 25 && counts[1] > 25, "{counts:?}");
}

#[test]
fn targets_that_do_not_answer_get_no_calls() {
    let probing = Probing { interval: 10 * SECOND, timeout: 4 * SECOND, rise: 1, fall: 2 };
    let mut setup = setup();
    setup.groups[2].probing = Some(probing);
    let mut edge = Edge::new(setup, Box::new(Untraced));
    let dead: SocketAddr = "203.0.113.21:5060".parse().unwrap();
    let mut answering = false;
    let rounds = |edge: &mut Edge, from: u64, count: u64, answering: &mut bool| {
        for second in from..from + count {
            let mut out = Vec::new();
            edge.tick(second * SECOND, &mut out);
            for (to, options) in sends(out) {
                assert_eq!(options.method().unwrap().as_bytes(), b"OPTIONS");
                if to.peer != dead || *answering {
                    let mut none = Vec::new();
                    edge.receive(second * SECOND, to, &parse(&reply(&options, 404, "sip:x@y")), &mut none);
                    assert!(none.is_empty());
                }
            }
        }
    };
    rounds(&mut edge, 0, 14, &mut answering);
    assert_eq!(edge.turned(), []);
    rounds(&mut edge, 14, 1, &mut answering);
    assert_eq!(edge.turned(), [("pair".to_owned(), dead, false)]);
    for number in 0..20 {
        let call = format!("call-{number}");
        let ask = Ask { call: &call, uri: "sip:pair@x", ..Ask::default() };
        assert_eq!(one(&mut edge, udp(CALLER), &ask.bytes()).0, "203.0.113.22:5060".parse().unwrap());
    }
    answering = true;
    rounds(&mut edge, 15, 10, &mut answering);
    assert_eq!(edge.turned(), [("pair".to_owned(), dead, true)]);
}

#[test]
fn without_a_healthy_target_the_caller_may_come_again() {
    let mut setup = setup();
    setup.groups[0].targets[0].health = Health::down();
    let mut edge = Edge::new(setup, Box::new(Untraced));
    let (_, answer) = one(&mut edge, udp(CALLER), &Ask::default().bytes());
    assert_eq!((answer.status(), answer.first(Name::RetryAfter)), (Some(503), Some(&b"5"[..])));
}

#[test]
fn large_requests_go_over_tcp_where_the_target_has_it() {
    for (has, size, expected) in [
        (true, 400, Transport::Udp),
        (true, 1000, Transport::Tcp),
        (false, 1000, Transport::Udp),
        (false, 5000, Transport::Udp),
    ] {
        let mut setup = setup();
        setup.groups[0].tcp_when_large = has;
        let mut edge = Edge::new(setup, Box::new(Untraced));
        let body = "x".repeat(size);
        let [(to, message)] =
            pass(&mut edge, udp(CALLER), &Ask { body: &body, ..Ask::default() }.bytes()).try_into().unwrap();
        assert_eq!(to.transport, expected);
        let via = message.top_via().unwrap();
        assert_eq!(via.transport, expected.name().as_bytes());
        assert_eq!(recorded(&message).len(), if expected == Transport::Tcp { 2 } else { 1 });
        assert!(expected == Transport::Tcp || message.as_bytes().len() - size < 900);
    }
}

#[test]
fn a_phone_on_a_websocket_is_reached_over_its_connection() {
    let mut edge = edge();
    let phone = connection(2, Transport::Ws, "198.51.100.8:40000", 77);
    edge.opened(phone);
    let via = "SIP/2.0/WS x.invalid;branch=z9hG4bKa";
    let (to, invite) = one(&mut edge, phone, &Ask { via, ..Ask::default() }.bytes());
    assert_eq!(to, "203.0.113.10:5060".parse().unwrap());
    let routes = recorded(&invite);
    assert!(routes[0].starts_with("<sip:192.0.2.1:5060;lr;tl="), "{routes:?}");
    assert!(routes[1].starts_with("<sip:192.0.2.1:8080;transport=ws;lr;tl="), "{routes:?}");
    let [(to, _)] = pass(&mut edge, udp("203.0.113.10:5060"), &reply(&invite, 200, "sip:b@203.0.113.10"))
        .try_into()
        .unwrap();
    assert_eq!(to, phone);
    let bye = Ask {
        method: "BYE",
        uri: "sip:a@x.invalid;transport=ws",
        via: "SIP/2.0/UDP 203.0.113.10;branch=z9hG4bKb",
        to_tag: Some("fa"),
        more: vec![("Route", routes.join(", "))],
        ..Ask::default()
    };
    let [(to, passed)] = pass(&mut edge, udp("203.0.113.10:5060"), &bye.bytes()).try_into().unwrap();
    assert_eq!((to, passed.first(Name::Route)), (phone, None));
    let ahead: Vec<_> = routes.into_iter().rev().collect();
    let info = Ask { uri: "sip:b@203.0.113.10", via, more: vec![("Route", ahead.join(", "))], ..bye.clone() };
    assert_eq!(one(&mut edge, phone, &info.bytes()).0, "203.0.113.10:5060".parse().unwrap());
    edge.closed(77);
    assert!(
        pass(&mut edge, udp("203.0.113.10:5060"), &bye.bytes()).is_empty(),
        "its name has to be looked up now"
    );
}

/// A Path is for registrars of ours alone, and for those that ask for it.
#[test]
fn a_path_leads_to_the_phone_that_registered() {
    let mut edge = edge();
    let phone = connection(2, Transport::Ws, "198.51.100.8:40000", 77);
    edge.opened(phone);
    let register = |supported: &str, contact: &str| Ask {
        method: "REGISTER",
        uri: "sip:example.com",
        via: "SIP/2.0/WS x.invalid;branch=z9hG4bKa",
        more: vec![("k", supported.to_owned()), ("m", contact.to_owned())],
        ..Ask::default()
    };
    for (from, supported, contact, expected) in [
        (phone, "outbound, path", "<sip:a@x.invalid;transport=ws>;reg-id=1", Some(";ob>")),
        (phone, "Path", "<sip:a@x.invalid;transport=ws>;reg-id=1", Some(">")),
        (phone, "path, outbound", "<sip:a@x.invalid;transport=ws>", Some(">")),
        (phone, "outbound", "<sip:a@x.invalid;transport=ws>;reg-id=1", None),
        (udp(CALLER), "path", "<sip:a@198.51.100.5>", None),
    ] {
        let (_, passed) = one(&mut edge, from, &register(supported, contact).bytes());
        let path = passed.first(Name::Path).map(|path| String::from_utf8_lossy(path).into_owned());
        let expected = expected.map(|end| format!("<sip:192.0.2.1:5060;lr;tl=2.4d.529f741acc231304{end}"));
        assert_eq!(path, expected, "{supported} {contact}");
    }
    let call = |path: &str| Ask {
        uri: "sip:a@x.invalid;transport=ws",
        via: "SIP/2.0/UDP 203.0.113.10;branch=z9hG4bKb",
        more: vec![("Route", path.to_owned())],
        ..Ask::default()
    };
    let path = "<sip:192.0.2.1:5060;lr;tl=2.4d.529f741acc231304;ob>";
    let [(to, invite)] = pass(&mut edge, udp("203.0.113.10:5060"), &call(path).bytes()).try_into().unwrap();
    assert_eq!((to, invite.first(Name::Route)), (phone, None));
    let routes = recorded(&invite);
    assert!(routes[0].starts_with("<sip:192.0.2.1:8080;transport=ws;lr;tl=2.4d."), "{routes:?}");
    assert!(routes[1].starts_with("<sip:192.0.2.1:5060;lr;tl=0.0."), "{routes:?}");
    let forged = path.replace("4d", "4e");
    for (from, path, status) in [("203.0.113.10:5060", forged.as_str(), 430), ("192.0.2.200:5060", path, 403)]
    {
        let (_, answer) = one(&mut edge, udp(from), &call(path).bytes());
        assert_eq!(answer.status(), Some(status), "{from} {path}");
    }
    edge.closed(77);
    assert_eq!(one(&mut edge, udp("203.0.113.10:5060"), &call(path).bytes()).1.status(), Some(430));
}

#[test]
fn responses_outlive_a_connection() {
    let mut edge = edge();
    let caller = connection(1, Transport::Tcp, "198.51.100.8:40000", 5);
    edge.opened(caller);
    let via = "SIP/2.0/TCP 198.51.100.8:5070;rport;branch=z9hG4bKa";
    let (_, invite) = one(&mut edge, caller, &Ask { via, ..Ask::default() }.bytes());
    let ok = reply(&invite, 200, "sip:b@203.0.113.10");
    assert_eq!(pass(&mut edge, udp("203.0.113.10:5060"), &ok)[0].0, caller);
    edge.closed(5);
    let [(to, _)] = pass(&mut edge, udp("203.0.113.10:5060"), &ok).try_into().unwrap();
    assert_eq!(
        to,
        connection(1, Transport::Tcp, "198.51.100.8:5070", 0),
        "where its Via says that it listens"
    );
}

#[test]
fn a_host_is_looked_up_once_and_messages_wait() {
    let mut edge = edge();
    let (_, invite) = one(&mut edge, udp(CALLER), &Ask::default().bytes());
    let bye = Ask {
        method: "BYE",
        uri: "sip:b@Agent.example.com:5070",
        to_tag: Some("tb"),
        more: vec![("Route", recorded(&invite).join(", "))],
        ..Ask::default()
    };
    let (mut out, message) = (Vec::new(), parse(&bye.bytes()));
    for _ in 0..2 {
        edge.receive(SECOND, udp(CALLER), &message, &mut out);
    }
    assert_eq!(out, [Output::Resolve("agent.example.com".into())]);
    out.clear();
    edge.resolved(SECOND, "agent.example.com", "203.0.113.99".parse().ok(), &mut out);
    let sent = sends(std::mem::take(&mut out));
    assert_eq!(sent.len(), 2);
    assert!(sent.iter().all(|(to, _)| to.peer == "203.0.113.99:5070".parse().unwrap()));
    assert_eq!(pass(&mut edge, udp(CALLER), &bye.bytes()).len(), 1, "it is known now");
    edge.tick(40 * SECOND, &mut Vec::new());
    edge.receive(40 * SECOND, udp(CALLER), &message, &mut out);
    edge.receive(40 * SECOND, udp(CALLER), &message, &mut out);
    assert_eq!(out[0], Output::Resolve("agent.example.com".into()), "but not for ever");
    assert_eq!(
        sends(out.split_off(1)).len(),
        2,
        "nothing waits for a newer address, which is asked for once"
    );
    out.clear();
    edge.resolved(40 * SECOND, "agent.example.com", None, &mut out);
    edge.receive(40 * SECOND, udp(CALLER), &message, &mut out);
    assert_eq!(sends(std::mem::take(&mut out))[0].1.status(), Some(503));
    edge.tick(100 * SECOND, &mut out);
    edge.receive(100 * SECOND, udp(CALLER), &message, &mut out);
    assert_eq!(out, [Output::Resolve("agent.example.com".into())], "it was forgotten");
}

#[test]
fn what_waits_for_addresses_is_bounded() {
    let bye = |edge: &mut Edge, host: usize, body: usize| {
        let (_, invite) = one(edge, udp(CALLER), &Ask::default().bytes());
        let (uri, filling) = (format!("sip:b@h{host}.example.com"), "x".repeat(body));
        let route = recorded(&invite).join(", ");
        let more = vec![("Route", route), ("Subject", filling)];
        let bye = Ask { method: "BYE", uri: &uri, to_tag: Some("tb"), more, ..Ask::default() };
        let mut out = Vec::new();
        edge.receive(SECOND, udp(CALLER), &parse(&bye.bytes()), &mut out);
        out
    };
    for (hosts, body) in [(1, 0), (0, 0), (1000, 10_000)] {
        let mut edge = Edge::new(Setup { hosts, ..setup() }, Box::new(Untraced));
        let asked = (0..200).map_while(|host| match bye(&mut edge, host, body).as_slice() {
            [Output::Resolve(host)] => Some(host.clone()),
            [Output::Send { bytes, .. }] => {
                assert_eq!(parse(bytes).status(), Some(503));
                None
            }
            other => panic!("{other:?}"),
        });
        let asked: Vec<_> = asked.collect();
        let (least, most) = if body > 0 { (90, 110) } else { (hosts, hosts) };
        assert!((least..=most).contains(&asked.len()), "{hosts}: {}", asked.len());
        for host in &asked {
            edge.resolved(SECOND, host, None, &mut Vec::new());
        }
        edge.tick(100 * SECOND, &mut Vec::new());
        let again = bye(&mut edge, 500, body);
        assert_eq!(matches!(again.as_slice(), [Output::Resolve(_)]), hosts > 0, "there is room again");
    }
}
