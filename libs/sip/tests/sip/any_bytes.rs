//! Properties over any bytes and over mutated messages.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::checks;
use crate::corpus::{proxied, torture};

/// Bytes that mean something in a message.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = select(vec![
        &b"INVITE sip:a@b SIP/2.0\r\n"[..],
        b"SIP/2.0 200 OK\r\n",
        b"Via: SIP/2.0/UDP a",
        b"v:",
        b"Content-Length: 3",
        b"Max-Forwards",
        b"To",
        b":",
        b";",
        b"=",
        b",",
        b"<sip:",
        b">",
        b"\"",
        b"\\",
        b"\r\n",
        b"\n",
        b"\r",
        b" ",
        b"\t",
        b"@",
        b"%41",
        b"[::1]",
        b"\0",
        b"\xe9",
    ]);
    vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

pub(crate) fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let all: Vec<_> = torture()
        .into_iter()
        .map(|(_, bytes)| bytes)
        .chain(proxied().into_iter().map(|(_, bytes)| bytes))
        .collect();
    let change = (any::<prop::sample::Index>(), 0..4_u8, any::<u8>(), pieces());
    (select(all), vec(change, 1..6)).prop_map(|(mut bytes, changes)| {
        for (at, how, byte, piece) in changes {
            let at = at.index(bytes.len().max(1)).min(bytes.len());
            match how {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, byte),
                2 => drop(bytes.splice(at..at, piece)),
                _ => drop(bytes.drain(at..(at + usize::from(byte)).min(bytes.len()))),
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..300)) {
        checks::message(&bytes);
        checks::streamed(&bytes);
    }

    #[test]
    fn pieces_of_messages(head in select(vec![&b""[..], b"INVITE sip:a@b SIP/2.0\r\n"]), tail in pieces()) {
        let bytes = [head, &tail].concat();
        checks::message(&bytes);
        checks::streamed(&bytes);
    }

    #[test]
    fn mutated_messages(bytes in mutated()) {
        checks::message(&bytes);
    }
}
