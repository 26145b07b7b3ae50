//! Any path in any text: reading and splicing JSON never panics, and writing twice is writing once.
#![no_main]

#[path = "../../libs/context/tests/context/checks.rs"]
#[expect(dead_code, reason = "shared with the property tests")]
mod checks;

libfuzzer_sys::fuzz_target!(|input: (String, String, String)| {
    let (path, text, value) = input;
    checks::json(&path, &text, &value);
});
