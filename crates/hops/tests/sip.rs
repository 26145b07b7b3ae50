//! SIP without a hop, and with hops of this test: they strip, keep one name, or take the echo's body out of answers.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::net::SocketAddr;
use std::time::Duration;

use hops::echo::Limits;
use hops::report::{Health, Report};
use hops::sip::{Address, Echo, Kept, Options, check};
use hops::verdict::Demands;
use throughline_sip::{Limits as Sizes, Message, Name};
use tokio::net::UdpSocket;

async fn echo() -> (SocketAddr, Kept) {
    let echo = Echo::bind("127.0.0.1:0".parse().unwrap(), Limits::default()).await.unwrap();
    let (address, kept) = (echo.address().unwrap(), echo.kept());
    tokio::spawn(echo.serve());
    (address, kept)
}

async fn report(hop: &str, options: Options) -> Report {
    let address: Address = hop.parse().unwrap();
    Report::of(&[check(&address, &options, |_, _| {}).await], &Demands::sip())
}

fn quick() -> Options {
    Options { rounds: 1, timeout: Duration::from_secs(20), ..Options::new(7) }
}

/// A proxy of one branch: lines whose names are in `strips` go, and the bodies of answers if it is `deaf`.
async fn hop(to: SocketAddr, strips: &'static [&'static str], deaf: bool) -> SocketAddr {
    let (front, back) =
        (UdpSocket::bind("127.0.0.1:0").await.unwrap(), UdpSocket::bind("127.0.0.1:0").await.unwrap());
    let (address, behind) = (front.local_addr().unwrap(), back.local_addr().unwrap());
    tokio::spawn(async move {
        let mut buffer = vec![0; 65_535];
        loop {
            let (length, from) = front.recv_from(&mut buffer).await.unwrap();
            let request = Message::parse(buffer.get(..length).unwrap(), &Sizes::default()).unwrap();
            let mut edit = request.edit();
            for name in strips {
                edit.remove_all(*name).unwrap();
            }
            edit.prepend(Name::Via, format!("SIP/2.0/UDP {behind};branch=z9hG4bKhop")).unwrap();
            let is_ack = request.method().unwrap().as_bytes() == b"ACK";
            back.send_to(&edit.write(), to).await.unwrap();
            if is_ack {
                continue;
            }
            let length = back.recv(&mut buffer).await.unwrap();
            let answer = Message::parse(buffer.get(..length).unwrap(), &Sizes::default()).unwrap();
            let mut edit = answer.edit();
            edit.remove_first(Name::Via, 1).unwrap();
            if deaf {
                edit.remove_all(Name::ContentType).unwrap();
            }
            front.send_to(&edit.write(), from).await.unwrap();
        }
    });
    address
}

#[tokio::test]
async fn everything_comes_through_without_a_hop() {
    let (echo, _) = echo().await;
    for transport in ["", ";transport=tcp"] {
        let report = report(&format!("sip:{echo}{transport}"), Options::new(7)).await;
        assert_eq!(report.health(), Health::Sound, "{report}");
        let [hop] = report.hops.as_slice() else { panic!("{report}") };
        assert!(hop.findings.is_empty() && hop.not_spoken.is_empty() && hop.suspects.is_empty(), "{report}");
        assert_eq!((hop.requests, hop.longest), (34 * 3, Some(1_000)));
    }
}

#[tokio::test]
async fn a_hop_that_strips_is_found_and_mended() {
    let (echo, _) = echo().await;
    let hop = hop(echo, &["traceparent", "X-Traceparent", "tracestate"], false).await;
    let report = report(&format!("sip:{hop}"), quick()).await;
    assert_eq!(report.health(), Health::Broken, "{report}");
    let errors: Vec<_> =
        report.hops[0].errors().map(|error| (error.header.as_str(), error.verdict.key())).collect();
    assert_eq!(errors, [("traceparent", "stripped"), ("x-traceparent", "stripped")], "{report}");
    // Nobody says who it is: the lines of all.
    for line in ["remove_hf(\"x-traceparent\");", "PJSIP_INHERITABLE_HEADER", "passthru-hdr traceparent"] {
        assert!(report.to_string().contains(line), "{line}: {report}");
    }
}

#[tokio::test]
async fn one_of_two_names_is_enough() {
    let (echo, _) = echo().await;
    let hop = hop(echo, &["traceparent", "tracestate"], false).await;
    let report = report(&format!("sip:{hop}"), quick()).await;
    assert_eq!(report.health(), Health::Sound, "{report}");
    let found = |header: &str, verdict: &str| {
        report.hops[0].findings.iter().any(|f| f.header == header && f.verdict.key() == verdict)
    };
    assert!(found("traceparent", "carried by alias") && found("tracestate", "stripped"), "{report}");
}

#[tokio::test]
async fn answers_without_a_body_are_known_from_an_echo_in_the_same_process() {
    let (echo, kept) = echo().await;
    let address = format!("sip:{}", hop(echo, &["x-throughline-probe"], true).await);
    let without = report(&address, quick()).await;
    assert_eq!(without.health(), Health::Unchecked, "{without}");
    let with = report(&address, Options { kept: Some(kept), ..quick() }).await;
    assert_eq!(with.health(), Health::Sound, "{with}");
    assert!(with.hops[0].findings.is_empty(), "{with}");
}

#[tokio::test]
async fn nobody_there() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let report = report(&format!("sip:{closed};transport=tcp"), quick()).await;
    assert_eq!(report.health(), Health::Unchecked, "{report}");
    assert!(report.to_string().contains("throughline hops echo --sip"), "{report}");
}
