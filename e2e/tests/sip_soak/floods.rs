//! Floods of strangers, forged addresses, loops, and messages that are too large.

use sim::sip::Transport;
use sim::sip::message::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::bed::{Bed, size};
use crate::raw::{Ear, flood, request, socket};

/// Scenario: FLOOD requests of one stranger, half of them no SIP.
/// Guarantees: all but a few are dropped without an answer; others are served meanwhile.
#[tokio::test]
async fn a_flood_of_a_stranger() {
    let count: u64 = size("FLOOD", 20_000);
    let ear = Ear::new(|_| None).await;
    let bed = Bed::start("", &ear.uri()).await;
    let eve = Ear::on(socket([127, 0, 0, 9]).await, |_| None);
    let sender = socket([127, 0, 0, 9]).await;
    let uri = format!("sip:raw@{}", bed.plain);
    let message = |number: u64| match number % 2 {
        0 => vec![b'x'; 1200],
        _ => request("INVITE", &uri, eve.address, number).bytes(),
    };
    tokio::join!(
        flood(&sender, bed.plain, count, message),
        bed.call(Transport::Udp),
        bed.call(Transport::Tcp)
    );
    bed.until("all have come", async || {
        let mut refused = 0;
        for reason in ["flood", "stranger", "not_sip"] {
            refused += bed.refused(reason).await;
        }
        refused >= count
    })
    .await;
    let answered = bed.refused("stranger").await;
    assert!(answered < count / 10, "{answered} were answered");
    assert_eq!(ear.heard(), 0);
    bed.is_quiet("a flood").await;
}

/// Scenario: FLOOD requests of one peer, many times what one address may send.
/// Guarantees: what is over its rate is dropped; other peers are served meanwhile.
#[tokio::test]
async fn a_flood_of_a_peer() {
    let count: u64 = size("FLOOD", 20_000);
    let ear = Ear::new(|_| None).await;
    let bed = Bed::start("trunk_requests_per_second: 200", &ear.uri()).await;
    let eve = socket([127, 0, 0, 2]).await;
    let (own, uri) = (eve.local_addr().unwrap(), format!("sip:raw@{}", bed.plain));
    let message = |number| request("OPTIONS", &uri, own, number).bytes();
    tokio::join!(flood(&eve, bed.plain, count, message), bed.call(Transport::Udp), bed.call(Transport::Tls));
    // What went on may have been lost behind the edge.
    let all = count - count / 1000;
    bed.until("all have come", async || bed.refused("flood").await + ear.heard() >= all).await;
    assert!((100..count / 4).contains(&ear.heard()), "{} went on", ear.heard());
    bed.is_quiet("a flood of a peer").await;
}

/// Guarantees: an answer goes to the address that asked, whatever its Via says; a forged one brings nobody anything.
#[tokio::test]
async fn a_via_that_names_another() {
    let ear = Ear::new(|_| None).await;
    let bed = Bed::start("", &ear.uri()).await;
    let victim = Ear::on(socket([127, 0, 0, 77]).await, |_| None);
    let eve = socket([127, 0, 0, 9]).await;
    let uri = format!("sip:raw@{}", bed.plain);
    for via in ["", ";received=127.0.0.77", ";received=127.0.0.77;rport=9"] {
        let mut message = request("INVITE", &uri, victim.address, 1);
        message.set("Via", format!("SIP/2.0/UDP {};branch=z9hG4bK1{via};rport", victim.address));
        eve.send_to(&message.bytes(), bed.plain).await.unwrap();
        let mut buffer = [0; 2048];
        let length = eve.recv(&mut buffer).await.unwrap();
        let answer = Message::parse(&buffer[..length]).unwrap();
        assert_eq!(answer.status(), Some(403));
    }
    // An answer that nobody asked for, which would go to its second Via.
    let mut stray = Message::answer(&request("INVITE", &uri, victim.address, 1), 200, "OK");
    stray.headers.insert(0, ("Via".to_owned(), format!("SIP/2.0/UDP {};branch=z9hG4bKx", bed.plain)));
    eve.send_to(&stray.bytes(), bed.plain).await.unwrap();
    bed.until("it is dropped", async || bed.refused("stray_response").await == 1).await;
    assert_eq!(victim.heard(), 0);
}

/// Scenario: a next hop that sends each request back as it came; and as a request of its own.
/// Guarantees: the first is a loop, the second ends by Max-Forwards.
#[tokio::test]
async fn requests_that_come_back() {
    let back = |message: &Message| message.method().map(|_| message.bytes());
    let ear = Ear::new(back).await;
    let bed = Bed::start("", &ear.uri()).await;
    let (eve, uri) = (socket([127, 0, 0, 1]).await, format!("sip:raw@{}", bed.plain));
    let own = eve.local_addr().unwrap();
    flood(&eve, bed.plain, 100, |number| request("OPTIONS", &uri, own, number).bytes()).await;
    bed.until("each is a loop", async || bed.refused("loop").await == 100).await;
    assert_eq!(ear.heard(), 200, "each goes there once, and its 482");

    let anew = |message: &Message| {
        let mut message = message.clone();
        message.set("Call-ID", format!("{}x", message.call_id()));
        message.method().is_some().then(|| message.bytes())
    };
    let ear = Ear::new(anew).await;
    let bed = Bed::start("", &ear.uri()).await;
    let uri = format!("sip:raw@{}", bed.plain);
    eve.send_to(&request("OPTIONS", &uri, own, 1).bytes(), bed.plain).await.unwrap();
    bed.until("it ends", async || bed.refused("too_many_hops").await == 1).await;
    assert!((70..=142).contains(&ear.heard()), "{}", ear.heard());
}

/// Scenario: datagrams of 60 KB, and heads of a stream that do not end.
/// Guarantees: what is over the limits is answered with 513 and closed, and takes no memory that stays.
#[tokio::test]
async fn headers_without_end() {
    let count: u64 = size("HUGE", 300);
    let ear = Ear::new(|_| None).await;
    let bed = Bed::start("", &ear.uri()).await;
    let (eve, uri) = (socket([127, 0, 0, 1]).await, format!("sip:raw@{}", bed.plain));
    let own = eve.local_addr().unwrap();
    let huge = |number| request("OPTIONS", &uri, own, number).with("Subject", "x".repeat(60_000));
    flood(&eve, bed.plain, count, |number| huge(number).bytes()).await;
    for number in 0..count {
        let mut stream = TcpStream::connect(bed.plain).await.unwrap();
        let head = huge(number).with("Subject", "y".repeat(20_000)).bytes();
        // It may be hung up on before all is written.
        stream.write_all(&head).await.ok();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok();
        assert!(answer.starts_with("SIP/2.0 513 "), "{answer}");
    }
    bed.is_within(4 << 20);
    bed.call(Transport::Tcp).await;
    bed.is_quiet("huge headers").await;
}
