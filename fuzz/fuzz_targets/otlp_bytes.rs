//! Any bytes: the door, the views and the JSON agree with prost's decode of the same bytes.
#![no_main]

#[path = "../../crates/flow/tests/bytes/arbitrary.rs"]
#[expect(dead_code, reason = "shared with the property tests")]
mod arbitrary;
#[path = "../../crates/flow/tests/bytes/agreement.rs"]
#[expect(dead_code, reason = "shared with the property tests")]
mod agreement;
#[path = "../../crates/flow/tests/bytes/views.rs"]
mod views;
#[path = "../../crates/flow/tests/bytes/metric_views.rs"]
mod metric_views;

use flow::Signal;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for signal in Signal::ALL {
        agreement::on_bytes(signal, bytes);
    }
    metric_views::walk(bytes);
});
