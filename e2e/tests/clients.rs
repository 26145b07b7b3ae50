//! The SDK programs against a sink: what they say they sent is what they sent.
//!
//! Needs what `scripts/setup-clients.sh` installs.

use e2e::{Client, Sent, kept};
use sim::sink::{Options, Sink};

/// Scenario: each SDK sends its known telemetry to a sink.
/// Guarantees: the account that it prints is exact, so that other tests can hold the product to it.
#[tokio::test]
async fn what_an_sdk_says_is_what_came() {
    for client in Client::ALL {
        let sink = Sink::start(Options::default().keeping()).await.unwrap();
        let Sent { mut spans, metrics, logs } =
            client.send(sink.address(), sink.address(), "run-1").await.unwrap();
        let mut came = kept(&sink);
        spans.sort_by(|one, other| one.span_id.cmp(&other.span_id));
        came.sort_by(|one, other| one.span_id.cmp(&other.span_id));
        assert_eq!(came, spans, "{client:?}");
        let counts = sink.counts();
        assert_eq!(
            (counts.metrics, counts.log_records),
            (metrics.len() as u64, logs.len() as u64),
            "{client:?}"
        );
        let whole = if client == Client::NodeGuide { (2, 0, 0) } else { (5, 3, 2) };
        assert_eq!((spans.len(), metrics.len(), logs.len()), whole, "{client:?}");
    }
}

/// Scenario: nobody listens.
/// Guarantees: a client does not call that a success.
#[tokio::test]
async fn a_client_that_could_not_deliver_fails() {
    let nobody = "127.0.0.1:1".parse().unwrap();
    let error = Client::NodeJson.send(nobody, nobody, "run-2").await.unwrap_err().to_string();
    assert!(error.contains("not delivered"), "{error}");
}
