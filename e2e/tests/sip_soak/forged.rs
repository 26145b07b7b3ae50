//! Requests of calls that never were.

use sim::sip::Transport;
use sim::sip::message::Message;

use crate::bed::{Bed, FIRST, size};
use crate::raw::{Ear, flood, request, socket};

/// Scenario: FORGED requests in dialogs that nobody opened, from a stranger and from a peer, with a Route as ours but for
/// the mark.
/// Guarantees: a stranger's go nowhere, a peer's leave nothing behind; calls go on.
#[tokio::test]
async fn dialogs_that_never_were() {
    let count: u64 = size("FORGED", 6_000);
    let ear = Ear::new(|_| None).await;
    let bed = Bed::start("", &ear.uri()).await;
    let uri = format!("sip:raw@{}", ear.address);
    let forged = |own, number: u64| {
        let method = ["BYE", "INVITE", "UPDATE", "REFER"][(number % 4) as usize];
        let mut message = request(method, &uri, own, number);
        message.set("To", format!("<{uri}>;tag=t{number}"));
        message.with("Route", format!("<sip:{};lr;tl=0.0.{number:032x}>", bed.plain)).bytes()
    };
    for ip in [[127, 0, 0, 9], [127, 0, 0, 2]] {
        let eve = socket(ip).await;
        let own = eve.local_addr().unwrap();
        let forgeries = flood(&eve, bed.plain, count, |number| forged(own, number));
        tokio::join!(forgeries, bed.call(Transport::Udp), bed.call(Transport::Tcp));
        if ip[3] == 9 {
            bed.until("all are refused", async || {
                bed.refused("stranger").await + bed.refused("flood").await >= count
            })
            .await;
            assert_eq!(ear.heard(), 0, "a stranger is nobody's relay");
        }
        bed.is_within(1 << 20);
    }
    bed.until("all are known as unknown", async || bed.event("unknown").await >= count).await;
    assert_eq!(bed.event("begun").await, FIRST + 4, "none of them is a call");
    bed.is_quiet("forged dialogs").await;
}

/// Scenario: FORGED responses that nobody asked for, from a stranger, with a Via as ours but for the mark.
/// Guarantees: nobody gets them, nothing is left of them; calls go on.
#[tokio::test]
async fn responses_out_of_nowhere() {
    let count: u64 = size("FORGED", 6_000);
    let ear = Ear::new(|_| None).await;
    let bed = Bed::start("", &ear.uri()).await;
    let victim = Ear::on(socket([127, 0, 0, 77]).await, |_| None);
    let forged = |number: u64| {
        let asked = request("INVITE", &ear.uri(), victim.address, number);
        let mut answer =
            Message::answer(&asked, [100, 180, 200, 302, 404, 603][(number % 6) as usize], "Forged");
        let own = format!("SIP/2.0/UDP {};branch=z9hG4bKtl0.0.{number:032x}", bed.plain);
        answer.headers.insert(0, ("Via".to_owned(), own));
        answer.bytes()
    };
    let eve = socket([127, 0, 0, 9]).await;
    let forgeries = flood(&eve, bed.plain, count, forged);
    tokio::join!(forgeries, bed.call(Transport::Udp), bed.call(Transport::Tls));
    bed.until("all are dropped", async || bed.refused("stray_response").await == count).await;
    assert_eq!((victim.heard(), ear.heard()), (0, 0));
    bed.is_quiet("responses out of nowhere").await;
}
