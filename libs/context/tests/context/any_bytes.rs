//! No bytes make a parser panic, and what was read reads the same after writing. The fuzz targets run the same
//! checks.

use proptest::prelude::*;

use crate::checks::{self, NAMES, WORDS};

/// Bytes near what parsers look for: their words, and whatever else.
fn near() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(WORDS).prop_map(|word| word.as_bytes().to_vec());
    let piece = prop_oneof![3 => words, 1 => prop::collection::vec(any::<u8>(), 0..6)];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn of_headers(values in prop::collection::vec((0..NAMES.len(), near()), 0..8)) {
        checks::headers(&values);
    }

    #[test]
    fn of_json(path in near(), text in near(), value in any::<String>()) {
        checks::json(&String::from_utf8_lossy(&path), &String::from_utf8_lossy(&text), &value);
    }
}
