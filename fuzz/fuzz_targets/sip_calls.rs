//! Any bytes as steps of calls through an edge with a believed trunk: what leaves is a message. Any bytes as a packet of HEP,
//! as a capture, and as messages that were seen beside their path: nothing panics, and spans are sound.
#![no_main]

#[path = "../../crates/ingest-sip/tests/through/steps.rs"]
mod steps;

use ingest_sip::{Beside, CallSettings, Calls, Secret, Sighting, Transport, hep, pcap};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let outcome = steps::play(bytes);
    assert!(outcome.counts.begun == 0 || outcome.spans > 0);
    if let Ok(packet) = hep::Packet::parse(bytes) {
        assert!(packet.payload.len() <= bytes.len());
    }
    beside(bytes);
});

fn beside(bytes: &[u8]) {
    let mut settings = CallSettings::new(Secret::new(b"fuzz"));
    settings.beside = true;
    let mut calls = Calls::new(settings);
    let mut beside = Beside::new(|_| None);
    if pcap::read(bytes, |sighting| beside.take(sighting)).is_err() {
        let ends = ([192, 0, 2, 1], 5060).into();
        for (at, text) in (0..).zip(bytes.split(|byte| *byte == 0)) {
            let bytes = text.to_vec().into();
            beside.take(Sighting { at, from: ends, to: ends, transport: Transport::Udp, agent: 1, bytes });
        }
    }
    beside.show(&mut calls, None);
    calls.close(u64::MAX);
    while let Some(finished) = calls.finished() {
        let bytes = finished.batch().payload.to_bytes();
        flow::otlp::accept(flow::Signal::Traces, bytes, &flow::otlp::Limits::default()).expect("our own spans are sound");
    }
}
