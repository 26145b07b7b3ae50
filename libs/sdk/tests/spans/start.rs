//! What `builder` refuses, and what the guard does when it goes.

use opentelemetry::trace::{Span as _, Tracer, TracerProvider};

use crate::collector::Collector;

#[tokio::test(flavor = "multi_thread")]
async fn the_guard_sends_what_is_left() {
    let collector = Collector::start().await;
    let guard = collector.sdk().start().unwrap();
    guard.provider().tracer("test").start("last").end();
    assert!(collector.spans().is_empty());
    drop(guard);
    assert_eq!(collector.spans().len(), 1);
}

#[cfg(not(feature = "tls"))]
#[test]
fn https_without_its_feature_is_refused() {
    let refused =
        throughline_sdk::builder().endpoint("https://collector.example/v1/traces").start().unwrap_err();
    let mend = "the endpoint `https://collector.example/v1/traces` wants https: build throughline-sdk with the feature \
                `tls`, or use http";
    assert_eq!(refused.to_string(), mend);
}
