//! Any text as a query: one that can be asked, or what is wrong and where, never a panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Err(wrong) = view_api::traceql::parse(text) {
        assert!((1..=text.chars().count() + 1).contains(&wrong.at));
    }
});
