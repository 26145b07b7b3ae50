//! What holds for any message.

use proptest::prelude::*;
use throughline_sip::Name;

use super::messages::{Ask, reply};
use super::*;

proptest! {
    #[test]
    fn any_bytes_in_the_place_of_a_message(bytes in proptest::collection::vec(any::<u8>(), 0..400), at in 0_usize..600, cut in 0_usize..80) {
        let mut text = Ask { more: vec![("Route", "<sip:192.0.2.1;lr>, <sip:203.0.113.10;lr>".into())], ..Ask::default() }.bytes();
        let at = at.min(text.len());
        text.splice(at..(at + cut).min(text.len()), bytes);
        let mut edge = edge();
        if let Ok(message) = Message::parse(Bytes::from(text), &Limits::default()) {
            let mut out = Vec::new();
            edge.receive(SECOND, udp("198.51.100.5:5060"), &message, &mut out);
            prop_assert!(out.len() <= 1);
        }
    }

    /// A request that is passed on is what came, but for what a proxy changes; and its response comes back as it was.
    #[test]
    fn a_response_finds_its_way_back(
        call in "[a-z0-9@.]{1,20}", branch in "z9hG4bK[a-z0-9]{1,20}", hops in 1_u32..=255, port in 1024_u16..,
        rport in any::<bool>(), named in any::<bool>(), extra in "[!-~]{1,40}", body in "[ -~]{0,200}",
    ) {
        let mut edge = edge();
        let host = if named { "phone.example.com" } else { "198.51.100.5" };
        let asks = if rport { ";rport" } else { "" };
        let via = format!("SIP/2.0/UDP {host}:5070{asks};branch={branch}");
        let ask = Ask { via: &via, call: &call, hops: Some(hops), more: vec![("X-Extra", extra.clone())], body: &body, ..Ask::default() };
        let from = Flow { peer: SocketAddr::from(([198, 51, 100, 5], port)), ..udp("198.51.100.5:5060") };
        let (_, passed) = one(&mut edge, from, &ask.bytes());
        prop_assert_eq!(passed.max_forwards(), Ok(u8::try_from(hops - 1).ok()));
        prop_assert_eq!(passed.first("X-Extra"), Some(extra.as_bytes()));
        prop_assert_eq!(passed.body(), body.as_bytes());
        prop_assert_eq!(passed.vias().count(), 2);
        let (to, back) = one(&mut edge, udp("203.0.113.10:5060"), &reply(&passed, 200, "sip:b@203.0.113.10"));
        prop_assert_eq!(to, SocketAddr::from(([198, 51, 100, 5], if rport { port } else { 5070 })));
        prop_assert_eq!(back.vias().count(), 1);
        prop_assert_eq!(back.top_via().unwrap().branch(), Some(branch.as_bytes()));
        prop_assert_eq!(back.all(Name::RecordRoute).count(), 1);
    }
}
