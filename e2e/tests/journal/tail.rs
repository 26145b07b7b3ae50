//! Kills with tail sampling: what was accepted and is wanted arrives, and what was decided stays so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use e2e::Product;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use sim::format::Format;
use sim::load::{Connection, Reply, Target};
use tokio::task::JoinSet;

use crate::{CLIENTS, Chance, Setup, number, quiet};

/// Traces of a request.
const TRACES: u64 = 10;
/// Spans of a trace; the first half comes with one request, the second half with another one.
const EACH: u64 = 4;

/// Every other trace is to be kept.
fn is_wanted(span: u64) -> bool {
    (span / EACH).is_multiple_of(2)
}

/// Which spans of each of some traces.
fn spans(first: u64, half: u64) -> impl Iterator<Item = u64> {
    let within = half * EACH / 2..(half + 1) * EACH / 2;
    (first..first + TRACES).flat_map(move |trace| within.clone().map(move |nth| trace * EACH + nth))
}

/// What a policy looks for stands in the first half alone: the second half by itself would be left out.
fn request(first: u64, half: u64) -> Bytes {
    let keep = |n: u64| KeyValue {
        key: "keep".to_owned(),
        value: Some(AnyValue {
            value: Some(Value::StringValue(if is_wanted(n) { "yes" } else { "no" }.to_owned())),
        }),
        ..KeyValue::default()
    };
    let span = |n: u64| Span {
        trace_id: u128::from(n / EACH + 1).to_be_bytes().to_vec(),
        span_id: (n + 1).to_be_bytes().to_vec(),
        name: "queue".to_owned(),
        start_time_unix_nano: 1,
        end_time_unix_nano: 2,
        attributes: if n.is_multiple_of(EACH) { vec![keep(n)] } else { Vec::new() },
        ..Span::default()
    };
    let scope = ScopeSpans { spans: spans(first, half).map(span).collect(), ..ScopeSpans::default() };
    let resource = ResourceSpans { scope_spans: vec![scope], ..ResourceSpans::default() };
    ExportTraceServiceRequest { resource_spans: vec![resource] }.encode_to_vec().into()
}

/// Sends for as long as the clients live; now and then the second half comes when the first one has been decided.
fn load(setup: &Setup, product: &Product, seed: u64) -> JoinSet<()> {
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let target = Target { address: product.http, format: Format::Protobuf, gzip: false };
        let (next, accepted) = (Arc::clone(&setup.next), Arc::clone(&setup.accepted));
        let mut chance = Chance(seed * CLIENTS as u64 + client as u64);
        clients.spawn(async move {
            let Ok(mut connection) = Connection::open(&target).await else { return };
            loop {
                let first = next.fetch_add(TRACES, Ordering::Relaxed);
                for half in 0..2 {
                    loop {
                        match connection.send(request(first, half)).await {
                            Reply::Accepted { rejected: 0 } => break,
                            Reply::Busy { .. } => tokio::time::sleep(Duration::from_millis(20)).await,
                            _ => return,
                        }
                    }
                    accepted.lock().unwrap().extend(spans(first, half));
                    let pause = if chance.below(8) == 0 { 330 + chance.below(300) } else { 2 };
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                }
            }
        });
    }
    clients
}

/// Scenario: SIGKILL at random moments under load, with tail sampling and a batch, while one backend answers, hangs,
/// refuses and is not there by turns. Traces come in two halves, of which the first one tells whether they are wanted.
/// Guarantees: every accepted span of a wanted trace arrives at both backends, also where the halves were parted by a
/// decision or by a kill; no span of any other trace ever does; what comes twice was not settled at a kill; in the end
/// nothing is unaccounted for, and a restart repeats nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_kill_loses_a_span_that_a_policy_keeps() {
    let setup = Setup::new("tail.yaml").await;
    let kills = number("JOURNAL_KILLS", 20);
    let mut chance = Chance(number("JOURNAL_SEED", 2));
    for kill in 0..kills {
        let product = setup.start().await;
        let mut clients = load(&setup, &product, chance.below(1 << 20));
        setup.flap(&mut chance);
        tokio::time::sleep(Duration::from_millis(100 + chance.below(900))).await;
        if kill == kills / 2 {
            clients.shutdown().await;
            setup.settle(&product, is_wanted).await;
        }
        product.kill().await.unwrap();
        clients.shutdown().await;
        println!(
            "tail kill {kill}: {} spans accepted so far, {} at the steady backend, {} at the flapping one",
            setup.accepted().len(),
            setup.steady.spans(),
            setup.flapping.spans()
        );
    }
    setup.flapping.set(sim::sink::Behaviour::default());
    let product = setup.start().await;
    let accepted = setup.accepted();
    let wanted: BTreeSet<u64> = accepted.iter().copied().filter(|span| is_wanted(*span)).collect();
    let came = setup.delivered(&product, &wanted).await;
    quiet(&product).await;
    product.stop().await.unwrap();

    let doubled = setup.repeated();
    println!(
        "{kills} kills with tail_sampling, {} spans accepted, {} of them wanted and at both backends; {} came twice at the steady backend, {} at the flapping one",
        accepted.len(),
        wanted.len(),
        doubled[0],
        doubled[1]
    );
    assert!(accepted.len() as u64 > kills * TRACES * EACH, "there was load");
    let unwanted = |came: &BTreeMap<u64, usize>| came.keys().filter(|span| !is_wanted(**span)).count();
    assert_eq!(came.each_ref().map(unwanted), [0, 0], "left out stays left out");
    setup.nothing_comes_again().await;
}
