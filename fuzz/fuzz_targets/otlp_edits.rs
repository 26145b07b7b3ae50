//! Any bytes that the door takes: edits by splicing are what the same edits are on prost's decode.
#![no_main]

#[path = "../../crates/flow/tests/bytes/agreement.rs"]
#[expect(dead_code, reason = "shared with the property tests")]
mod agreement;
#[path = "../../crates/flow/tests/bytes/arbitrary.rs"]
#[expect(dead_code, reason = "shared with the property tests")]
mod arbitrary;
#[path = "../../crates/flow/tests/bytes/views.rs"]
mod views;
#[path = "../../crates/flow/tests/bytes/metric_views.rs"]
#[expect(dead_code, reason = "shared with the property tests")]
mod metric_views;

use arbitrary::{Edit, string};

libfuzzer_sys::fuzz_target!(|input: (Vec<(u8, u8)>, Vec<u8>)| {
    let (edits, bytes) = input;
    let edits: Vec<_> = edits.into_iter().take(8).map(edit).collect();
    agreement::on_edits(&bytes, &edits);
});

/// Keys are short, so that the fuzzer finds them.
fn edit((kind, which): (u8, u8)) -> Edit {
    let key = |bits: u8| ["", "a", "b", "ab"].get(usize::from(bits & 3)).copied().unwrap_or_default().to_owned();
    match kind % 5 {
        0 => Edit::Set(key(which), string(&"x".repeat(usize::from(which)))),
        1 => Edit::Copy(key(which), key(which >> 2)),
        2 => Edit::Remove(key(which)),
        3 => Edit::RemoveWhere(key(which)),
        _ => Edit::Rewrite(key(which)),
    }
}
