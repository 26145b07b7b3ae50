//! Any bytes as messages of Genesys Cloud: no reader panics, and what they read becomes no more spans than it has facts.
#![no_main]

use ingest_genesys::read::{Limits, Problems, frame, records, rest};
use ingest_genesys::{Conversation, Settings, to_spans};

const NOW_MS: u64 = 1_772_442_000_000;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { bytes: 1 << 20 };
    let settings = Settings { personal_data: true, attributes: vec!["a".into()], ..Settings::default() };
    let mut problems = Problems::default();
    let mut readings = records(bytes, &settings, &limits, &mut problems);
    readings.extend(rest(bytes, &settings, &limits, &mut problems));
    readings.extend(frame(bytes, NOW_MS, &settings, &limits, &mut problems).and_then(|frame| frame.reading));
    assert!(problems.first.len() <= 16);
    for reading in readings {
        let count = reading.facts.len();
        let spans = to_spans(&reading.conversation, reading.facts.iter().cloned(), &settings);
        assert!(spans.len() <= 1 + 8 * count, "{} spans of {count} facts", spans.len());
        let mut conversation = Conversation::new(reading.conversation);
        conversation.apply(reading.facts);
        let output = conversation.spans(NOW_MS, &settings);
        assert_eq!(output.finished_spans + output.open_spans, spans.len());
        for bytes in [output.finished, output.open] {
            let taken = flow::otlp::accept(flow::Signal::Traces, bytes.into(), &flow::otlp::Limits::default());
            taken.expect("what we write we take");
        }
    }
});
