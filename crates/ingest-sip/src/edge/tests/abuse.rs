//! Senders that mean no good, or do not know better.

use super::messages::{Ask, recorded, reply};
use super::*;

#[test]
fn a_flood_of_strangers_harms_nobody_else() {
    let mut edge = edge();
    let flood = Ask::default().bytes();
    let answers: usize = (0..10_000).map(|_| pass(&mut edge, udp("192.0.2.200:5060"), &flood).len()).sum();
    assert_eq!(answers, 40);
    assert_eq!(pass(&mut edge, udp("198.51.100.5:5060"), &flood).len(), 1);
    let refused: Vec<_> = edge.counts().refusals().collect();
    assert_eq!(refused, [(Reason::Stranger, 40), (Reason::Flood, 9_960)]);
}

#[test]
fn a_forged_via_leads_answers_nowhere_else() {
    let mut edge = edge();
    for via in
        ["SIP/2.0/UDP 203.0.113.66:5060;branch=z9hG4bKa", "SIP/2.0/UDP victim.example.com;branch=z9hG4bKa"]
    {
        let (_, invite) = one(&mut edge, udp("198.51.100.5:5060"), &Ask { via, ..Ask::default() }.bytes());
        let (to, _) = one(&mut edge, udp("203.0.113.10:5060"), &reply(&invite, 200, "sip:b@203.0.113.10"));
        assert_eq!(to.ip(), "198.51.100.5".parse::<IpAddr>().unwrap());
    }
    let forged = "SIP/2.0/UDP 198.51.100.5;received=203.0.113.66;branch=z9hG4bKa";
    let (_, invite) =
        one(&mut edge, udp("198.51.100.5:5060"), &Ask { via: forged, ..Ask::default() }.bytes());
    let (to, _) = one(&mut edge, udp("203.0.113.10:5060"), &reply(&invite, 200, "sip:b@203.0.113.10"));
    assert_eq!(to, "198.51.100.5:5060".parse().unwrap());
}

#[test]
fn the_edge_never_sends_to_itself() {
    for uri in ["sip:b@192.0.2.1", "sip:b@192.0.2.1:5062;transport=tcp", "sip:b@192.0.2.1:8080;transport=ws"]
    {
        let mut edge = edge();
        let (_, invite) = one(&mut edge, udp("198.51.100.5:5060"), &Ask::default().bytes());
        let route = recorded(&invite).join(", ");
        let bye =
            Ask { method: "BYE", uri, to_tag: Some("tb"), more: vec![("Route", route)], ..Ask::default() };
        assert_eq!(one(&mut edge, udp("198.51.100.5:5060"), &bye.bytes()).1.status(), Some(404), "{uri}");
    }
}

/// The messages of RFC 4475, as they are and under names that the edge believes in.
#[test]
fn torture_gives_a_message_or_an_answer_or_nothing() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../libs/sip/tests/torture");
    let mut edge = edge();
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "sip") {
            continue;
        }
        count += 1;
        let bytes = std::fs::read(&path).unwrap();
        for from in ["198.51.100.5:5060", "203.0.113.10:5060", "192.0.2.200:5060"] {
            let Ok(message) = Message::parse(Bytes::copy_from_slice(&bytes), &Limits::default()) else {
                continue;
            };
            let mut out = Vec::new();
            edge.receive(count * SECOND, udp(from), &message, &mut out);
            // An answer repeats the Vias as they came, whatever they are.
            for (_, sent) in sends(out).into_iter().filter(|(_, sent)| sent.status() != Some(400)) {
                assert_eq!(sent.check().map(drop), Ok(()), "{}: {}", path.display(), text(&sent));
            }
        }
        assert_eq!(pass(&mut edge, udp("198.51.100.5:5060"), &Ask::default().bytes()).len(), 1);
    }
    assert_eq!(count, 49);
}
