//! Any text under any key: no detector panics, and findings stand in order between characters of the text.
#![no_main]

use personal::{Kinds, Scanner, hint, normal_form};

libfuzzer_sys::fuzz_target!(|input: (&str, &str)| {
    let (key, text) = input;
    let mut scanner = Scanner::default();
    let found = scanner.scan(Kinds::ALL, text, hint(key)).to_vec();
    let mut until = 0;
    for found in &found {
        assert!(found.range.start >= until && found.range.end > found.range.start);
        assert!(text.get(found.range.clone()).is_some(), "not between characters");
        normal_form(found.kind, scanner.said(text, found), Some("44"));
        until = found.range.end;
    }
});
