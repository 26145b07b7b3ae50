//! Messages that are broken in every way.

use std::net::SocketAddr;

use e2e::product::root;
use sim::sip::Transport;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::bed::{Bed, size};
use crate::raw::{Ear, flood, request, socket};

/// Messages over one connection: most of them break it.
const TOGETHER: u64 = 4;

/// Scenario: MUTATED messages, of which hosts that they name are not looked up: the torture messages of RFC 4475, and requests of calls, with bytes changed, cut out,
/// doubled and taken from each other; by UDP from a peer and a stranger, by TCP and by TLS without its handshake.
/// Guarantees: the product lives, what was left of them goes, calls go on.
pub(crate) async fn torture_and_mutations() {
    let (count, seed): (u64, u64) = (size("MUTATED", 4_000), size("MUTATED_SEED", 1));
    let ear = Ear::new(|_| None).await;
    let bed = Bed::start("longest_call: 8s, longest_setup: 6s, hosts: 0", &ear.uri()).await;
    let corpus = corpus(&bed, &ear);
    for ip in [[127, 0, 0, 2], [127, 0, 0, 9]] {
        let eve = socket(ip).await;
        let message = |number| mutated(&corpus, seed + number).unwrap_or_default();
        tokio::join!(
            flood(&eve, bed.plain, count, message),
            bed.call(Transport::Udp),
            bed.call(Transport::Tcp)
        );
    }
    for number in 0..count / TOGETHER / 2 {
        let to = if number % 8 == 0 { bed.tls } else { bed.plain };
        let Ok(mut stream) = TcpStream::connect(to).await else { continue };
        for message in 0..TOGETHER {
            let bytes = mutated(&corpus, seed + count + number * TOGETHER + message).unwrap_or_default();
            // The other side may have hung up.
            stream.write_all(&bytes).await.ok();
        }
    }
    for transport in [Transport::Udp, Transport::Tcp, Transport::Tls] {
        bed.call(transport).await;
    }
    let (unreadable, malformed) = (bed.refused("not_sip").await, bed.refused("malformed").await);
    assert!(unreadable > count / 20 && malformed > count / 20, "{unreadable} {malformed}");
    bed.settles("torture and mutations").await;
}

/// The torture messages, and requests that belong to calls here.
fn corpus(bed: &Bed, ear: &Ear) -> Vec<Vec<u8>> {
    let folder = root().join("libs/sip/tests/torture");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "sip"));
    files.sort();
    assert_eq!(files.len(), 49);
    let mut corpus: Vec<_> = files.iter().map(|path| std::fs::read(path).unwrap()).collect();
    let own = SocketAddr::from(([127, 0, 0, 2], 9));
    for (number, method) in
        (0..).zip(["INVITE", "ACK", "CANCEL", "BYE", "REFER", "NOTIFY", "UPDATE", "OPTIONS"])
    {
        let plain = request(method, &format!("sip:raw@{}", bed.plain), own, number);
        let traced = plain
            .clone()
            .with("traceparent", "00-4bf92f3577f34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
            .with("tracestate", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE")
            .with("Refer-To", format!("<sip:raw2@{}?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>", bed.plain));
        let mut inside = traced.clone();
        inside.set("To", format!("<sip:raw@{}>;tag=t{number}", ear.address));
        let routed = inside
            .clone()
            .with("Route", format!("<sip:{};lr;tl=0.0.0>, <sip:{};lr>", bed.plain, ear.address));
        corpus.extend([plain, traced, inside, routed].map(|message| message.bytes()));
    }
    corpus
}

/// SplitMix64.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ *state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

/// One of the corpus as it is, or after up to four changes; the same for the same seed.
fn mutated(corpus: &[Vec<u8>], seed: u64) -> Option<Vec<u8>> {
    let mut state = seed;
    let mut below = move |bound: usize| (random(&mut state) % bound.max(1) as u64) as usize;
    let mut bytes = corpus.get(below(corpus.len()))?.clone();
    for _ in 0..below(5) {
        let from = below(bytes.len());
        let to = (from + 1 + below(64)).min(bytes.len());
        match below(5) {
            0 => *bytes.get_mut(from)? = *b"\0\r\n\t :;,<>\"%@\x7f\xff\xc3".get(below(16))?,
            1 => _ = bytes.drain(from..to),
            2 => {
                let again = bytes.get(from..to)?.repeat(1 + below(20));
                bytes.splice(to..to, again);
            }
            3 => {
                let other = corpus.get(below(corpus.len()))?;
                let start = below(other.len());
                let piece = other.get(start..(start + below(200)).min(other.len()))?.to_vec();
                bytes.splice(from..from, piece);
            }
            _ => bytes.truncate(from),
        }
    }
    Some(bytes)
}
