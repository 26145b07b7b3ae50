//! The rules of W3C Trace Context level 2, asked of the running service over sockets.
#![expect(clippy::indexing_slicing, clippy::string_slice, clippy::unwrap_used, reason = "a test may panic")]

mod wire;
mod traceparent;
mod tracestate;
mod calls;

use wire::{Headers, Service};

const TRACE: &str = "12345678901234567890123456789012";
const PARENT: &str = "1234567890123456";

/// What the service sent on for one request with these headers, to one callback.
async fn sent(headers: &[(&str, &str)]) -> Headers {
    let mut all = Service::start().await.ask(headers, 1).await;
    assert_eq!(all.len(), 1);
    all.remove(0)
}

/// The parts of the one `traceparent` that was sent, which has to be well-formed.
fn parts(headers: &Headers) -> (String, String, u8) {
    let values = headers.all("traceparent");
    assert_eq!(values.len(), 1, "{values:?}");
    let parts: Vec<_> = values[0].split('-').collect();
    let [version, trace, span, flags] = parts[..] else { panic!("{values:?}") };
    assert_eq!(version, "00");
    for (digits, length) in [(trace, 32), (span, 16), (flags, 2)] {
        assert_eq!(digits.len(), length, "{values:?}");
        assert!(digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')), "{values:?}");
    }
    assert!(
        trace.bytes().any(|digit| digit != b'0') && span.bytes().any(|digit| digit != b'0'),
        "{values:?}"
    );
    (trace.to_owned(), span.to_owned(), u8::from_str_radix(flags, 16).unwrap())
}
