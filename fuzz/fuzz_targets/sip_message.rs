//! Any bytes as a SIP message: no view panics, what is not edited stays byte for byte, what is edited reads as edited,
//! and a stream gives the same messages however it is cut.
#![no_main]

#[path = "../../libs/sip/tests/sip/checks.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if !checks::message(bytes) {
        checks::streamed(bytes);
    }
});
