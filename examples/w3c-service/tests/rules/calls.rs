//! One request, several calls: one trace, and a parent for each.

use std::collections::HashSet;

use super::wire::Service;
use super::{PARENT, TRACE, parts};

async fn ask(headers: &[(&str, &str)]) -> (HashSet<String>, HashSet<String>) {
    let sent = Service::start().await.ask(headers, 3).await;
    let parts = sent.iter().map(parts).map(|(trace, span, _)| (trace, span));
    parts.unzip()
}

#[tokio::test]
async fn with_a_valid_traceparent() {
    let (traces, parents) = ask(&[("traceparent", &format!("00-{TRACE}-{PARENT}-01"))]).await;
    assert_eq!(traces, HashSet::from([TRACE.to_owned()]));
    assert_eq!(parents.len(), 3);
    assert!(!parents.contains(PARENT));
}

#[tokio::test]
async fn without_a_traceparent() {
    let (traces, parents) = ask(&[]).await;
    assert_eq!((traces.len(), parents.len()), (1, 3));
}

#[tokio::test]
async fn with_an_invalid_traceparent() {
    let zero = "0".repeat(32);
    let (traces, parents) = ask(&[("traceparent", &format!("00-{zero}-{PARENT}-01"))]).await;
    assert!(!traces.contains(&zero));
    assert_eq!((traces.len(), parents.len()), (1, 3));
}
