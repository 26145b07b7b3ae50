//! Any bytes as a packet of HEP, as a capture, and as messages of calls that pass the edge: nothing panics, and what leaves the
//! edge is a message.
#![no_main]

use ingest_sip::{Beside, CallSettings, Calls, Secret, hep, pcap};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut settings = CallSettings::new(Secret::new(b"fuzz"));
    settings.beside = bytes.first().is_some_and(|byte| byte & 1 == 0);
    let mut calls = Calls::new(settings);
    let mut beside = Beside::new(|_| None);
    if let Ok(packet) = hep::Packet::parse(bytes) {
        assert!(packet.payload.len() <= bytes.len());
    }
    if pcap::read(bytes, |sighting| beside.take(sighting)).is_err() {
        let ends = ([192, 0, 2, 1], 5060).into();
        for (at, text) in (0..).zip(bytes.split(|byte| *byte == 0)) {
            let bytes = text.to_vec().into();
            beside.take(ingest_sip::Sighting { at, from: ends, to: ends, transport: ingest_sip::Transport::Udp, agent: 1, bytes });
        }
    }
    beside.show(&mut calls, None);
    calls.close(u64::MAX);
    while let Some(finished) = calls.finished() {
        let bytes = finished.batch().payload.to_bytes();
        flow::otlp::accept(flow::Signal::Traces, bytes, &flow::otlp::Limits::default()).expect("our own spans are sound");
    }
});
