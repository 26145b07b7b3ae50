//! Any steps of calls through an edge that writes contexts. `PROPTEST_CASES` says how many.

mod steps;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use steps::play;

const PARENT: &str = "traceparent: 00-4bf92f3577f34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Headers that mean something, whole and broken.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let known = select(vec![
        PARENT,
        "X-Traceparent: 00-4bf92f3577f34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "traceparent: 00-4bf92f3577f34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n ",
        "tracestate: a=1,\r\n\tb=2",
        "previous-trace-id: 4bf92f3577f34da6a3ce929d0e0e4736",
        "x-inin-cnv: c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54",
        "User-to-User: 00abcd;encoding=hex",
        "Session-ID: ab30317f1a784dc48ff824d0d3715d86;remote=00000000000000000000000000000000",
        "Refer-To: <sip:+4940@192.0.2.1?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>",
        "r: sip:+4940@192.0.2.1",
        "Refer-To: <sip:+4940@192.0.2.1;trace-token=00112233445566778899;x?traceparent=1&y=2>",
        "Refer-To: \"x\" <tel:+4940>",
        "Referred-By: <sip:a@192.0.2.9>",
        "Replaces: call-0;to-tag=callee;from-tag=caller",
        "Contact: <sip:a@192.0.2.1>, \"b\" <sip:b@198.51.100.10;x>;q=0.1, *",
        "Event: refer\r\nContent-Type: message/sipfrag\r\n\r\nSIP/2.0 200 OK",
        "Reason: Q.850;cause=16",
        "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx",
        "Route: <sip:192.0.2.1;lr>",
        "P-Asserted-Identity: <sip:a@b>;traceparent=00-4bf92f3577f34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "Content-Length: 5\r\n\r\nv=0\r\n",
        "Call-ID: call-0",
        "\r\n",
        ":",
    ]);
    let known =
        (known, any::<prop::sample::Index>(), 1..=255_u8, 0..4_u8).prop_map(|(text, at, byte, how)| {
            let mut bytes = text.as_bytes().to_vec();
            let at = at.index(bytes.len());
            match how {
                0 => bytes.insert(at, byte),
                1 => bytes.truncate(at),
                _ => {}
            }
            bytes.extend_from_slice(b"\r\n");
            bytes
        });
    prop_oneof![8 => known, 1 => vec(1..=255_u8, 0..40)]
}

fn steps() -> impl Strategy<Value = Vec<u8>> {
    // The beginning of most calls: without it nothing else is reached.
    let begin = select(vec![
        &b""[..],
        b"\x01\x01",
        b"\x01\x02",
        b"\x01\x02\0\x02\x01",
        b"\x01\x01\0\x02\x01\0\x03\x01r: <sip:+4940@192.0.2.1>",
    ]);
    let step = (0..8_u8, 1..64_u8, vec(piece(), 0..4));
    (any::<u8>(), begin, vec(step, 0..16)).prop_map(|(how, begin, steps)| {
        let mut bytes = vec![how];
        bytes.extend_from_slice(begin);
        for (what, which, pieces) in steps {
            // NUL parts steps, and 8 is what 0 is.
            bytes.extend_from_slice(&[0, if what == 0 { 8 } else { what }, which]);
            bytes.extend(pieces.concat());
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_leaves_is_a_message_and_spans_are_sound(steps in steps()) {
        let outcome = play(&steps);
        prop_assert!(outcome.counts.begun == 0 || outcome.spans > 0);
    }

    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..400)) {
        play(&bytes);
    }
}

/// Guarantees: the steps get as far as a transfer that is followed, and a redirection; else they would prove nothing.
#[test]
fn steps_reach_transfers() {
    let refer = b"\0\x03\x01r: <sip:+4940@192.0.2.1>";
    let transfer = [&b"\0\x01\x01"[..], PARENT.as_bytes(), b"\0\x02\x01", refer, b"\0\x05\x03"].concat();
    for steps in [&transfer[..], b"\0\x01\x01\0\x02\x03\0\x05\x03"] {
        let outcome = play(steps);
        assert_eq!((outcome.counts.begun, outcome.counts.linked), (2, 1), "{outcome:?}");
    }
}
