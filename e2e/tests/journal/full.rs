//! A journal that is full: by its own limit, or since the disk is.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use e2e::Product;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use sim::format::Format;
use sim::load::{Connection, Reply, Target};
use sim::sink::Behaviour;

use crate::{Setup, quiet};

/// A span of about 64 KiB.
fn request(n: u64) -> Bytes {
    let span = Span {
        trace_id: vec![9; 16],
        span_id: (n + 1).to_be_bytes().to_vec(),
        name: "statement ".repeat(6_500),
        start_time_unix_nano: 1,
        end_time_unix_nano: 2,
        ..Span::default()
    };
    let scope = ScopeSpans { spans: vec![span], ..ScopeSpans::default() };
    let resource = ResourceSpans { scope_spans: vec![scope], ..ResourceSpans::default() };
    ExportTraceServiceRequest { resource_spans: vec![resource] }.encode_to_vec().into()
}

/// Sends until something is refused, or so many are accepted.
async fn fill(product: &Product, numbers: std::ops::Range<u64>, accepted: &mut BTreeSet<u64>) {
    let target = Target { address: product.http, format: Format::Protobuf, gzip: false };
    let mut connection = Connection::open(&target).await.unwrap();
    for n in numbers {
        match connection.send(request(n)).await {
            Reply::Accepted { rejected: 0 } => accepted.insert(n),
            Reply::Busy { retry_after } => {
                assert!(retry_after.is_some(), "a refusal says when to come back");
                return;
            }
            other => panic!("{other:?}"),
        };
    }
}

/// Scenario: both backends are away until nothing fits any more; SIGKILL, a start with a full journal, more of the same;
/// then the backends are back. With `JOURNAL_DISK`, a directory on a small file system, it is the disk that is full
/// (`make prove`), else the journal has a limit.
/// Guarantees: clients are refused and told when to come back, a start does not need room, what was accepted arrives, and
/// then there is room again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_and_loses_nothing() {
    let mut setup = Setup::new("journal.yaml").await;
    setup.limit_mib = 16;
    if let Some(disk) = std::env::var_os("JOURNAL_DISK") {
        setup.limit_mib = 0;
        setup.directory = tempfile::tempdir_in(disk).unwrap();
    }
    setup.steady.set(Behaviour::refuse());
    setup.flapping.set(Behaviour::refuse());
    let mut accepted = BTreeSet::new();
    let product = setup.start().await;
    fill(&product, 0..10_000, &mut accepted).await;
    let first = accepted.len();
    product.kill().await.unwrap();

    let product = setup.start().await;
    fill(&product, 10_000..20_000, &mut accepted).await;
    println!("{first} spans of 64 KiB accepted until it was full, {} after a kill", accepted.len() - first);
    assert!(first > 50, "{first}");
    setup.steady.set(Behaviour::default());
    setup.flapping.set(Behaviour::default());
    setup.delivered(&product, &accepted).await;
    quiet(&product).await;

    let again = async {
        let mut more = BTreeSet::new();
        while more.len() < 20 {
            fill(&product, 20_000 + more.len() as u64..20_020, &mut more).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let room = tokio::time::timeout(Duration::from_secs(60), again).await;
    room.unwrap_or_else(|_| panic!("there is no room again; it said:\n{}", product.log()));
    product.stop().await.unwrap();
}
