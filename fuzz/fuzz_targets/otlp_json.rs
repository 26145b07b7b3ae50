//! Any text: what JSON becomes passes the check or is refused, and nothing panics.
#![no_main]

use flow::Signal;
use flow::otlp::{Limits, accept, json};

libfuzzer_sys::fuzz_target!(|text: &[u8]| {
    for signal in Signal::ALL {
        if let Ok(bytes) = json::decode(signal, text)
            && let Ok(batch) = accept(signal, bytes.into(), &Limits::default())
        {
            json::decode(signal, &json::encode(signal, &batch.payload)).expect("what we write we read");
        }
    }
});
