//! Calls that are seen beside their path: by agents and in captures.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flow::config::Node;
use flow::{Batch, BoxFuture, Consumer, Ctx, Memory, Outlets, Receiver, Refusal, Signal, Telemetry};
use ingest_sip::hep::{Hep, Packet};
use ingest_sip::{Beside, CallSettings, Calls, Secret, Sighting, Transport, pcap};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Notify;

const START: u64 = 1_700_000_000_000_000_000;
const MS: u64 = 1_000_000;

/// The messages of a call with their times, and whether the callee sent them.
fn call() -> Vec<(u64, bool, String)> {
    let message = |start: &str, cseq: &str, to: &str| {
        format!(
            "{start}\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK{}\r\nFrom: <sip:+493012345678@a>;tag=1\r\nTo: <sip:b@b>{to}\r\n\
             Call-ID: seen\r\nCSeq: {cseq}\r\nContent-Length: 0\r\n\r\n",
            cseq.replace(' ', "")
        )
    };
    vec![
        (0, false, message("INVITE sip:b@b SIP/2.0", "1 INVITE", "")),
        (100, true, message("SIP/2.0 180 Ringing", "1 INVITE", ";tag=2")),
        (900, true, message("SIP/2.0 200 OK", "1 INVITE", ";tag=2")),
        (910, false, message("ACK sip:b@b SIP/2.0", "1 ACK", ";tag=2")),
        (5000, false, message("BYE sip:b@b SIP/2.0", "2 BYE", ";tag=2")),
        (5010, true, message("SIP/2.0 200 OK", "2 BYE", ";tag=2")),
    ]
}

fn ends(by_callee: bool) -> (SocketAddr, SocketAddr) {
    let (a, b) = ("192.0.2.1:5060".parse().unwrap(), "192.0.2.2:5060".parse().unwrap());
    if by_callee { (b, a) } else { (a, b) }
}

fn hep(
    at: u64,
    (from, to): (SocketAddr, SocketAddr),
    agent: u32,
    key: Option<&str>,
    payload: &str,
) -> Vec<u8> {
    let mut chunks = Vec::new();
    let mut put = |kind: u16, value: &[u8]| {
        chunks.extend_from_slice(&[0, 0]);
        chunks.extend_from_slice(&kind.to_be_bytes());
        chunks.extend_from_slice(&(value.len() as u16 + 6).to_be_bytes());
        chunks.extend_from_slice(value);
    };
    let ip = |address: SocketAddr| match address.ip() {
        std::net::IpAddr::V4(ip) => ip.octets(),
        std::net::IpAddr::V6(_) => [0; 4],
    };
    put(1, &[2]);
    put(2, &[17]);
    put(3, &ip(from));
    put(4, &ip(to));
    put(7, &from.port().to_be_bytes());
    put(8, &to.port().to_be_bytes());
    put(9, &((at / 1_000_000_000) as u32).to_be_bytes());
    put(10, &((at % 1_000_000_000 / 1000) as u32).to_be_bytes());
    put(11, &[1]);
    put(12, &agent.to_be_bytes());
    if let Some(key) = key {
        put(14, key.as_bytes());
    }
    put(15, payload.as_bytes());
    let mut packet = b"HEP3".to_vec();
    packet.extend_from_slice(&(chunks.len() as u16 + 6).to_be_bytes());
    packet.extend_from_slice(&chunks);
    packet
}

fn sighting(at: u64, by_callee: bool, text: &str, agent: u32) -> Sighting {
    let (from, to) = ends(by_callee);
    let bytes = text.as_bytes().to_vec().into();
    Sighting { at, from, to, transport: Transport::Udp, agent, bytes }
}

fn calls() -> Calls {
    let mut settings = CallSettings::new(Secret::new(b"k"));
    settings.beside = true;
    settings.settle = Duration::from_secs(2);
    let mut calls = Calls::new(settings);
    calls.summarise();
    calls
}

fn shown(mut beside: Beside, mut calls: Calls) -> String {
    beside.show(&mut calls, None);
    calls.close(START + 60_000 * MS);
    let lines = calls.summaries().into_iter().map(|call| {
        format!(
            "{} {} {:?} {:?} {:?}",
            call.call_id, call.outcome, call.request_delay_ms, call.answer_ms, call.talk_ms
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

const EXPECTED: &str = "seen answered Some(100.0) Some(900.0) Some(4100.0)";

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Two agents see every message, their packets come in any order, and the clock of one is wrong, as a message before
    /// has shown.
    #[test]
    fn copies_and_order_change_nothing(
        order in Just((0..12).collect::<Vec<usize>>()).prop_shuffle(),
        skew in -50_000..50_000_i64,
    ) {
        let script = call();
        let (mut beside, calls) = (Beside::new(|_| None), calls());
        let mut see = |agent: usize, ms: u64, by_callee: bool, text: &str| {
            let skew = skew * MS as i64 * i64::from(agent == 1);
            beside.take(sighting((START + ms * MS).saturating_add_signed(skew), by_callee, text, agent as u32));
        };
        let first = call()[0].2.replace("INVITE", "OPTIONS");
        (0..2).for_each(|agent| see(agent, 0, false, &first));
        for at in order {
            let (ms, by_callee, text) = script.get(at / 2).unwrap();
            see(at % 2, *ms, *by_callee, text);
        }
        prop_assert_eq!(beside.copies, 7);
        prop_assert_eq!(shown(beside, calls), EXPECTED);
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300), at in 0..200_usize, byte in any::<u8>()) {
        prop_assert!(Packet::parse(&bytes).is_err());
        let mut packet = hep(START, ends(false), 7, Some("k"), "OPTIONS sip:a SIP/2.0\r\n\r\n");
        if let Some(place) = packet.get_mut(at) {
            *place = byte;
        }
        if let Ok(packet) = Packet::parse(&packet) {
            prop_assert!(packet.payload.len() < 300);
        }
        for head in [&b"\xd4\xc3\xb2\xa1"[..], b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a"] {
            let file = [head, &bytes].concat();
            if let Ok(read) = pcap::read(&file, |_| {}) {
                // A frame has a head of at least 16 bytes.
                prop_assert!(read.frames as usize * 16 <= bytes.len());
            }
        }
    }
}

#[test]
fn the_clock_of_another_agent_is_set_right() {
    let (mut beside, calls) = (Beside::new(|_| None), calls());
    let lead = 3_000 * MS;
    // Both see the set-up; only the agent whose clock is ahead sees the end.
    for (ms, by_callee, text) in call() {
        let mut see = |agent: u32, at: u64| beside.take(sighting(at, by_callee, &text, agent));
        if ms < 5000 {
            see(1, START + ms * MS);
        }
        see(2, START + ms * MS + lead);
    }
    assert_eq!(beside.copies, 4);
    assert_eq!(shown(beside, calls), EXPECTED);
}

/// What is told of calls whose agent's clock is `lead` ms ahead, and from the fourth message on `then` ms, when they are heard
/// as they happen; when each began, after the start; and how long messages had to wait.
fn heard(lead: i64, then: i64) -> (String, Vec<i64>) {
    let (mut beside, mut calls) = (Beside::new(|_| None), calls());
    for (at, (ms, by_callee, text)) in call().into_iter().enumerate() {
        let now = START + ms * MS;
        let lead = if at < 3 { lead } else { then };
        beside.hear(
            sighting(now.saturating_add_signed(lead * MS as i64), by_callee, &text, 7),
            now,
            &mut calls,
        );
        beside.tick(&mut calls, now + 1_000 * MS);
    }
    // Nothing waits for a time that is not there yet: the call is over, and told of once it has settled.
    beside.tick(&mut calls, START + 10_000 * MS);
    let told = calls.summaries();
    let began = told.iter().map(|call| (call.start_ns as i64 - START as i64) / MS as i64).collect();
    let lines = told.iter().map(|call| format!("{} {:?} {:?}", call.outcome, call.answer_ms, call.talk_ms));
    (lines.collect::<Vec<_>>().join("\n"), began)
}

const TOLD: &str = "answered Some(900.0) Some(4100.0)";

/// Guarantees: a clock that is more than a minute wrong holds no call back, and its calls stand where they were; one that
/// is less wrong is left alone, for nothing tells a clock from a network.
#[test]
fn a_clock_that_is_minutes_wrong_is_set_right() {
    for (lead, began) in
        [(0, 0), (61_000, 0), (3_600_000, 0), (-61_000, 0), (-86_400_000, 0), (-59_000, -59_000)]
    {
        assert_eq!(heard(lead, lead), (TOLD.to_owned(), vec![began]), "{lead} ms");
    }
}

/// Guarantees: a clock that is set while a call goes on, right or wrong, changes nothing of it.
#[test]
fn a_clock_that_is_set_during_a_call_is_followed() {
    for (lead, then) in [(600_000, 0), (-600_000, 0), (0, 600_000), (-600_000, 600_000), (600_000, 1_200_000)]
    {
        assert_eq!(heard(lead, then), (TOLD.to_owned(), vec![0]), "{lead} ms, then {then} ms");
    }
}

/// Scenario: an agent sends what it saw minutes ago, in one go, and then what happens now.
/// Guarantees: its clock is right, and what it saw stands where it was.
#[test]
fn what_waited_at_its_agent_is_told_as_it_was() {
    let (mut beside, mut calls) = (Beside::new(|_| None), calls());
    let now = START + 600_000 * MS;
    beside.hear(sighting(now, false, "OPTIONS sip:b SIP/2.0\r\nCall-ID: now\r\n\r\n", 7), now, &mut calls);
    for (ms, by_callee, text) in call() {
        beside.hear(sighting(START + ms * MS, by_callee, &text, 7), now, &mut calls);
    }
    beside.tick(&mut calls, now);
    let told = calls.summaries();
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].start_ns, told[0].talk_ms), (START, Some(4100.0)));
}

/// An Ethernet frame with IPv4 and UDP.
fn udp(from: SocketAddr, to: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let ip = |address: SocketAddr| match address.ip() {
        std::net::IpAddr::V4(ip) => ip.octets(),
        std::net::IpAddr::V6(_) => [0; 4],
    };
    let mut frame = vec![0; 12];
    // A VLAN tag, then IPv4.
    frame.extend_from_slice(&[0x81, 0, 0, 5, 0x08, 0, 0x45, 0]);
    frame.extend_from_slice(&(payload.len() as u16 + 28).to_be_bytes());
    frame.extend_from_slice(&[0, 0, 0, 0, 64, 17, 0, 0]);
    frame.extend_from_slice(&ip(from));
    frame.extend_from_slice(&ip(to));
    frame.extend_from_slice(&from.port().to_be_bytes());
    frame.extend_from_slice(&to.port().to_be_bytes());
    frame.extend_from_slice(&(payload.len() as u16 + 8).to_be_bytes());
    frame.extend_from_slice(&[0, 0]);
    frame.extend_from_slice(payload);
    frame
}

#[test]
fn a_capture_is_read_in_both_formats_and_cut_ones_are_an_error() {
    let frames: Vec<_> = call()
        .into_iter()
        .map(|(ms, by_callee, text)| {
            let (from, to) = ends(by_callee);
            (START + ms * MS, udp(from, to, text.as_bytes()))
        })
        .collect();
    let mut old = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0];
    // Byte order mark, no options; an Ethernet interface.
    let mut new = vec![0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0];
    new.extend_from_slice(&[0xff; 8]);
    new.extend_from_slice(&[28, 0, 0, 0, 1, 0, 0, 0, 20, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0]);
    for (at, frame) in &frames {
        let length = frame.len() as u32;
        for field in [(at / 1_000_000_000) as u32, (at % 1_000_000_000 / 1000) as u32, length, length] {
            old.extend_from_slice(&field.to_le_bytes());
        }
        old.extend_from_slice(frame);
        let padded = length.next_multiple_of(4);
        let micros = at / 1000;
        for field in [6, 32 + padded, 0, (micros >> 32) as u32, micros as u32, length, length] {
            new.extend_from_slice(&field.to_le_bytes());
        }
        new.extend_from_slice(frame);
        new.resize(new.len() + (padded - length) as usize, 0);
        new.extend_from_slice(&(32 + padded).to_le_bytes());
    }
    for file in [&old, &new] {
        let (mut beside, calls) = (Beside::new(|_| None), calls());
        let read = pcap::read(file, |sighting| beside.take(sighting)).unwrap();
        assert_eq!((read.frames, read.skipped), (6, 0));
        assert_eq!(shown(beside, calls), EXPECTED);
        // The last record begins where five are whole; with its bytes gone too there is nothing to warn of.
        let whole = pcap::read(file.get(..file.len() - 3).unwrap(), |_| {}).unwrap();
        assert_eq!(whole.frames, 5);
        let last = whole.cut.unwrap();
        for end in last..file.len() {
            let read = pcap::read(file.get(..end).unwrap(), |_| {}).unwrap();
            assert_eq!((read.frames, read.cut), (5, Some(last).filter(|_| end > last)), "{end}");
        }
        let mut damaged = file.clone();
        let length = if file == &old { last + 8 } else { last + 4 };
        damaged.splice(length..length + 4, [0xff; 4]);
        assert!(pcap::read(&damaged, |_| {}).unwrap_err().to_string().contains("damaged"));
    }
    assert!(pcap::read(b"neither", |_| {}).is_err());
}

/// A pipeline that refuses the first batch.
#[derive(Default)]
struct Sink {
    spans: Mutex<Vec<usize>>,
    refused: Mutex<bool>,
    heard: Notify,
}

impl Consumer for Sink {
    fn consume(&self, batch: Batch) -> BoxFuture<'_, Result<(), Refusal>> {
        let first = !std::mem::replace(&mut *self.refused.lock().unwrap(), true);
        if first {
            return Box::pin(std::future::ready(Err(Refusal::busy("later", Duration::ZERO))));
        }
        assert_eq!(batch.signal, Signal::Traces);
        self.spans.lock().unwrap().push(batch.items);
        self.heard.notify_one();
        Box::pin(std::future::ready(Ok(())))
    }
}

/// A receiver that is started with this section, and where its spans go.
async fn start(section: &str) -> (Hep, Ctx, Arc<Sink>) {
    let section = Node::load("c.yaml", section).unwrap();
    let findings = (ingest_sip::hep::IN.check)(&section);
    assert!(findings.is_empty(), "{findings:?}");
    let ctx = Ctx::new(Arc::new(Memory::default()), Telemetry::default()).named("hep");
    let receiver = Hep::new(&section, &ctx).unwrap();
    let sink = Arc::new(Sink::default());
    let mut outlets = Outlets::default();
    outlets.set(Signal::Traces, Arc::clone(&sink) as Arc<dyn Consumer>);
    receiver.start(outlets).await.unwrap();
    (receiver, ctx, sink)
}

/// Packets of the call, which ended half a minute ago, so that it has settled at once.
fn packets(key: &str, name: &str) -> Vec<Vec<u8>> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let start = since.as_nanos() as u64 - 30_000 * MS;
    let script = call().into_iter();
    let packet = |(ms, by_callee, text): (u64, bool, String)| {
        hep(start + ms * MS, ends(by_callee), 1, Some(key), &text.replace("seen", name))
    };
    script.map(packet).collect()
}

/// Until so many were taken and so many refused, and the call's spans are there. The first attempt was refused.
async fn settled(ctx: &Ctx, sink: &Sink, expected: (u64, u64)) {
    let packets = ctx.telemetry.counter("throughline_hep_packets", "", &["receiver", "result"]);
    let count = |result: &str| packets.with_label_values(&["hep", result]).get();
    while (count("taken"), count("refused")) != expected {
        tokio::task::yield_now().await;
    }
    while sink.spans.lock().unwrap().is_empty() {
        sink.heard.notified().await;
    }
}

/// Whoever floods fills no memory: what has no room to wait is shown at once, in order.
#[test]
fn a_flood_waits_within_its_limits() {
    let (mut beside, mut calls) = (Beside::new(|_| None), calls());
    let (from, to) = ends(false);
    for (count, body) in [(70_000_u64, 0), (1_500, 60_000)] {
        for nth in 0..count {
            let text = format!(
                "MESSAGE sip:b@c SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK{body}x{nth}\r\nFrom: <sip:a@b>;tag=1\r\n\
                 To: <sip:b@c>\r\nCall-ID: {nth}\r\nCSeq: 1 MESSAGE\r\nContent-Length: {body}\r\n\r\n{}",
                "x".repeat(body)
            );
            let sighting = Sighting {
                at: START + nth,
                from,
                to,
                transport: Transport::Udp,
                agent: 1,
                bytes: text.into(),
            };
            beside.hear(sighting, START, &mut calls);
            let (messages, bytes) = beside.waiting();
            assert!(messages <= 65_536 && bytes <= 64 << 20, "{messages} {bytes}");
        }
        assert!(beside.waiting().0 > 1_000);
    }
    beside.show(&mut calls, None);
    assert_eq!(beside.waiting(), (0, 0));
}

#[tokio::test]
async fn packets_of_udp_and_tcp_become_spans_and_wrong_keys_do_not() {
    let (receiver, ctx, sink) = start("{endpoint: 127.0.0.1:0, auth_key: right}").await;
    let address = receiver.address().unwrap();
    let udp = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut tcp = tokio::net::TcpStream::connect(address).await.unwrap();
    for (at, (right, forged)) in packets("right", "seen").iter().zip(packets("wrong", "forged")).enumerate() {
        udp.send_to(&forged, address).await.unwrap();
        match at % 2 {
            0 => _ = udp.send_to(right, address).await.unwrap(),
            _ => tcp.write_all(right).await.unwrap(),
        }
    }
    tcp.shutdown().await.unwrap();
    settled(&ctx, &sink, (6, 6)).await;
    receiver.stop().await;
    let spans: usize = sink.spans.lock().unwrap().iter().sum();
    assert!(spans >= 3, "{spans}");
}

/// Scenario: an agent sends its packets over TLS, cut anywhere; another one does not believe the certificate, and a third
/// speaks plain TCP to the same port.
/// Guarantees: what the first sends becomes spans; of the others nothing is read.
#[tokio::test]
async fn packets_over_tls_become_spans() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let (cert, key) = (cert.display(), key.display());
    let section =
        format!("{{endpoint: 127.0.0.1:0, auth_key: right, tls: {{cert_file: {cert}, key_file: {key}}}}}");
    let (receiver, ctx, sink) = start(&section).await;
    let address = receiver.address().unwrap();

    let mut roots = rustls::RootCertStore::empty();
    assert!(connect(address, roots.clone()).await.is_err(), "nobody vouches for it");
    let mut plain = tokio::net::TcpStream::connect(address).await.unwrap();
    plain.write_all(&packets("right", "plain").concat()).await.unwrap();
    let closed = plain.read_to_end(&mut Vec::new()).await;
    assert!(closed.is_ok() || closed.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset));

    roots.add(made.cert.der().clone()).unwrap();
    let mut agent = connect(address, roots).await.unwrap();
    let bytes = [packets("right", "seen").concat(), packets("wrong", "forged").concat()].concat();
    for piece in bytes.chunks(1000) {
        agent.write_all(piece).await.unwrap();
        agent.flush().await.unwrap();
    }
    settled(&ctx, &sink, (6, 6)).await;
    receiver.stop().await;
    let spans: usize = sink.spans.lock().unwrap().iter().sum();
    assert!(spans >= 3, "{spans}");
}

async fn connect(
    to: SocketAddr,
    roots: rustls::RootCertStore,
) -> std::io::Result<tokio_rustls::client::TlsStream<tokio::net::TcpStream>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = versions.unwrap().with_root_certificates(roots).with_no_client_auth();
    let stream = tokio::net::TcpStream::connect(to).await?;
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), stream).await
}
