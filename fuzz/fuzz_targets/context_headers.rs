//! Headers of any name with any value: no parser of a context panics, what was read reads the same after writing, and nothing
//! that is written can break a header open.
#![no_main]

#[path = "../../libs/context/tests/context/checks.rs"]
#[expect(dead_code, reason = "shared with the property tests")]
mod checks;

libfuzzer_sys::fuzz_target!(|values: Vec<(u8, Vec<u8>)>| {
    let values: Vec<_> =
        values.into_iter().take(16).map(|(name, value)| (usize::from(name), value)).collect();
    checks::headers(&values);
});
