//! Carriers of a call: SIP headers, User-to-User information, the conversation id.

use throughline_context::w3c::{Context, Extraction};
use throughline_context::{Traceparent, genesys, sip, uui};

use crate::{PARENT, headers, parent};

const UUID: &str = "c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54";

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn user_to_user_in_every_form_that_is_about() {
    let (bare, upper) = (hex(PARENT), hex(PARENT).to_uppercase());
    let table: &[(&str, bool)] = &[
        (&format!("00{bare};encoding=hex"), true),
        (&format!("00{bare}"), true),
        (&format!("{bare};encoding=hex;pd=00"), true),
        (&format!("04{upper} ; Encoding=HEX ; purpose=isdn-uui;content=isdn-uui"), true),
        (&format!("{PARENT};encoding=ascii"), true),
        (&format!("00{PARENT};encoding=ascii"), true),
        (&format!("\"{PARENT}\";encoding=ascii"), true),
        (PARENT, true),
        (&format!("56a390f3d2b7310023a2;encoding=hex;purpose=foo, 00{bare};encoding=hex"), true),
        (&format!("\"a,b\\\";{PARENT}\";encoding=ascii"), false),
        ("56a390f3d2b7310023a2;encoding=hex", false),
        (&format!("00{}", bare.replace("2d", "20")), false),
        (&format!("00{bare}0"), false),
        ("", false),
        (",,;;\"", false),
    ];
    for name in ["User-to-User", "user-to-user", "x-User-To-User"] {
        for (value, found) in table {
            let read = uui::extract(&headers(&[("Via", "x"), (name, value)]));
            assert_eq!(read, found.then(parent), "{value}");
        }
    }
}

#[test]
fn user_to_user_values_with_their_parameters() {
    let values = uui::parse(b"56a3;encoding=hex;purpose=foo;content=bar, \"a\\\"b;c,d\\\\\";encoding=ascii");
    assert_eq!((values[0].purpose, values[0].content), (Some("foo"), Some("bar")));
    assert_eq!(values[0].bytes(), [0x56, 0xa3]);
    assert_eq!(values[1].bytes(), b"a\"b;c,d\\");
    assert!(uui::parse(b"\xff").is_empty());
    assert_eq!(uui::parse(&b"00,".repeat(100)).len(), 8);
}

#[test]
fn a_second_user_to_user_is_never_made() {
    let other: Traceparent = "00-12345678901234567890123456789012-1234567890123456-01".parse().unwrap();
    let own = format!("{};encoding=hex", uui::payload(&other));
    let foreign = "56a390f3d2b7310023a2;encoding=hex";
    let two = format!("{own},{foreign}");
    for (before, written) in [
        (&[][..], true),
        (&[("User-to-User", own.as_str())], true),
        (&[("x-User-To-User", &own)], true),
        (&[("User-to-User", foreign)], false),
        (&[("X-User-To-User", foreign)], false),
        (&[("User-to-User", &own), ("User-to-User", foreign)], false),
        (&[("User-to-User", &two)], false),
    ] {
        let mut invite = headers(before);
        assert_eq!(uui::inject(&parent(), &mut invite), written, "{before:?}");
        if written {
            assert_eq!(invite.len(), 1);
            assert_eq!(uui::extract(&invite), Some(parent()));
        } else {
            assert_eq!(invite, headers(before), "what belongs to others stays");
        }
    }
}

#[test]
fn user_to_user_fits_in_128_characters() {
    let payload = uui::payload(&parent());
    assert_eq!(payload, format!("00{}", hex(PARENT)));
    assert!(payload.len() + ";encoding=hex".len() <= 128);
    assert_eq!(uui::uri_header(&parent()), format!("User-to-User={payload}%3Bencoding%3Dhex"));
}

#[test]
fn sip_has_two_names_for_the_same_context() {
    let other = "00-12345678901234567890123456789012-1234567890123456-01";
    let read = |pairs: &[(&str, &str)]| match sip::extract(&headers(pairs)) {
        Extraction::Valid { context, .. } => Ok(context.traceparent.to_string()),
        Extraction::Absent => Err("absent".to_owned()),
        Extraction::Invalid(rejected) => Err(rejected.raw),
    };
    for (pairs, expected) in [
        (&[][..], Err("absent")),
        (&[("traceparent", PARENT)], Ok(PARENT)),
        (&[("X-Traceparent", PARENT)], Ok(PARENT)),
        (&[("x-traceparent", PARENT), ("traceparent", other)], Ok(other)),
        (&[("traceparent", "bad"), ("X-Traceparent", PARENT)], Ok(PARENT)),
        (&[("traceparent", other), ("traceparent", other), ("X-Traceparent", PARENT)], Ok(PARENT)),
        (&[("traceparent", "bad"), ("X-Traceparent", "worse")], Err("bad")),
        (&[("traceparent", "bad")], Err("bad")),
        (&[("X-Traceparent", "worse")], Err("worse")),
    ] {
        assert_eq!(read(pairs), expected.map(str::to_owned).map_err(str::to_owned), "{pairs:?}");
    }
}

#[test]
fn sip_carries_a_short_tracestate_and_no_baggage() {
    let state = format!("a=1,b={},c={}", "v".repeat(200), "w".repeat(100));
    let context = Context { traceparent: parent(), tracestate: state.parse().unwrap() };
    let mut invite = headers(&[("Via", "x"), ("TRACESTATE", "old=1")]);
    sip::inject(&context, &mut invite);
    let short = format!("a=1,c={}", "w".repeat(100));
    let expected = [("Via", "x"), ("traceparent", PARENT), ("X-Traceparent", PARENT), ("tracestate", &short)];
    assert_eq!(invite, headers(&expected));
    sip::inject(&Context::new(parent()), &mut invite);
    assert_eq!(invite, headers(&expected[..3]));
}

#[test]
fn keys_that_find_a_call_again() {
    let local = "ab30317f1a784dc48ff824d0d3715d86";
    let null = "0".repeat(32);
    let value = format!("{local} ; logme ; Remote={null}");
    let keys = headers(&[("i", "call-1"), ("session-id", &value), ("X-ININ-CNV", UUID)]);
    let keys = sip::join_keys(&keys);
    assert_eq!((keys.call_id, keys.conversation_id), (Some("call-1"), Some(UUID)));
    let session = keys.session_id.unwrap();
    assert_eq!((session.local[0], session.remote), (0xab, Some([0; 16])));

    for (name, value) in [
        ("Session-ID", "ab30"),
        ("Session-ID", &format!("{local};remote=1")),
        ("Call-ID", ""),
        ("x-inin-cnv", "not a uuid"),
        ("x-inin-cnv", "00000000-0000-0000-0000-000000000000"),
    ] {
        assert_eq!(sip::join_keys(&headers(&[(name, value)])), sip::JoinKeys::default(), "{name}: {value}");
    }
    let twice = headers(&[("Call-ID", "a"), ("Call-ID", "a")]);
    assert_eq!(sip::join_keys(&twice).call_id, None);
}

#[test]
fn a_conversation_id_that_comes_twice_must_be_the_same() {
    let upper = UUID.to_uppercase();
    for (values, expected) in [
        (&[UUID][..], Some(UUID)),
        (&[UUID, &upper], Some(UUID)),
        (&[UUID, "c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f55"], None),
    ] {
        let pairs: Vec<_> = values.iter().map(|value| ("x-inin-cnv", *value)).collect();
        assert_eq!(genesys::conversation_id(&pairs), expected);
    }
}
