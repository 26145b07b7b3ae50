//! What happens when the server is not as it should be.

use std::collections::HashSet;
use std::sync::Arc;

use flow::config::Opaque;
use store_api::testing::Sample;
use store_api::{Limits, Questions, Recent, Span, StoreError, TraceStore};
use store_clickhouse::{ClickHouse, Settings};
use throughline_context::TraceId;

use crate::shim::Shim;

fn batch(n: u8) -> Vec<Span> {
    let call = |span: u8| Sample::new(n, span).interaction(&format!("call-{n}")).at(u64::from(n), 1).span();
    (1..=20).map(call).collect()
}

fn refused(error: StoreError) -> String {
    assert!(error.retry_after().is_some(), "nothing may be lost: {error}");
    error.to_string()
}

/// The rows of a table, whether they count or not.
async fn rows(settings: &Settings, table: &str) -> String {
    let store = ClickHouse::new(settings.clone()).unwrap();
    crate::statements::csv(&store, &format!("SELECT count() AS n FROM {table}"))
        .await
        .replace("\"n\"\n", "")
        .trim()
        .to_owned()
}

/// Scenario: a server is killed and started again while batches come in; each batch is offered again until it is taken, as the
/// pipeline does.
/// Guarantees: every refusal may be offered again, what was acknowledged is there, and each span is there once.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_there_once() {
    let mut shim = Shim::start();
    let settings = shim.settings();
    let store: Arc<dyn TraceStore> = Arc::new(ClickHouse::new(settings.clone()).unwrap());
    let (taken, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let (go_on, gone_on) = tokio::sync::watch::channel(0_u32);
    let senders: Vec<_> = (0..4_u8)
        .map(|sender| {
            let (store, taken, mut gone_on) = (Arc::clone(&store), taken.clone(), gone_on.clone());
            tokio::spawn(async move {
                for n in (sender..100).step_by(4).map(|n| n + 1) {
                    loop {
                        match store.append(batch(n)).await {
                            Ok(_) => break,
                            Err(error) => assert!(error.retry_after().is_some(), "{error}"),
                        }
                        // There is a server again.
                        gone_on.changed().await.ok();
                    }
                    taken.send(n).unwrap();
                }
            })
        })
        .collect();
    drop(taken);
    let mut acknowledged = HashSet::new();
    for round in 1..=3 {
        for _ in 0..15 {
            acknowledged.insert(heard.recv().await.unwrap());
        }
        shim.kill();
        while let Ok(n) = heard.try_recv() {
            acknowledged.insert(n);
        }
        let was = acknowledged.clone();
        shim.start_again();
        let fresh = ClickHouse::new(settings.clone()).unwrap();
        for n in was {
            let found = fresh.trace(TraceId([n; 16]), Limits::default()).await.unwrap();
            assert_eq!(found.map(|trace| trace.spans.len()), Some(20), "{n}");
        }
        go_on.send(round).unwrap();
    }
    // Whoever failed in between waits for a word.
    let words = tokio::spawn(async move {
        loop {
            go_on.send_modify(|round| *round += 1);
            tokio::task::yield_now().await;
        }
    });
    for sender in senders {
        sender.await.unwrap();
    }
    words.abort();
    let page = store.recent(Recent { limit: 1000, ..Recent::default() }).await.unwrap();
    assert_eq!(page.interactions.len(), 100);
    assert!(page.interactions.iter().all(|call| call.span_count == 20));
    assert_eq!(rows(&settings, "spans").await, "2000");
    assert_eq!(rows(&settings, "interactions").await, "100");
}

#[tokio::test]
async fn an_answer_that_is_lost_doubles_nothing() {
    let shim = Shim::start();
    let settings = shim.settings();
    let store = ClickHouse::new(settings.clone()).unwrap();
    store.append(batch(1)).await.unwrap();
    shim.lose_an_answer();
    refused(store.append(batch(2)).await.unwrap_err());
    assert_eq!(
        store.trace(TraceId([2; 16]), Limits::default()).await.unwrap(),
        None,
        "it was not acknowledged"
    );
    store.append(batch(2)).await.unwrap();
    store.append(batch(1)).await.unwrap();
    assert_eq!(rows(&settings, "spans").await, "40");
    assert_eq!(rows(&settings, "interactions").await, "2");
}

#[tokio::test]
async fn errors_name_the_place_and_the_mend() {
    let mut shim = Shim::start();
    let settings = shim.settings();
    let wrong = Settings { password: Opaque("hunter2".to_owned()), ..settings.clone() };
    let wrong = ClickHouse::new(wrong).unwrap();
    let said = refused(wrong.append(batch(1)).await.unwrap_err());
    assert!(
        said.contains(&format!("http://127.0.0.1:{}/: default: Authentication failed", shim.port)),
        "{said}"
    );
    assert!(
        said.ends_with("set `username` and `password` of `clickhouse_store` as the server knows them"),
        "{said}"
    );
    assert!(!said.contains("hunter2") && !format!("{settings:?}").contains(crate::shim::PASSWORD));
    let store = ClickHouse::new(settings.clone()).unwrap();
    store.append(batch(1)).await.unwrap();
    shim.kill();
    let said = refused(store.append(batch(2)).await.unwrap_err());
    assert!(said.contains("is ClickHouse running there, and is this its HTTP interface?"), "{said}");
    let unasked = ClickHouse::new(settings.clone()).unwrap();
    refused(unasked.recent(Recent::default()).await.unwrap_err());
    shim.start_again();
    // A store that was made while the server was away.
    assert_eq!(unasked.recent(Recent::default()).await.unwrap().interactions.len(), 1);
}

/// Guarantees: tables of a later format are neither written nor read; another retention takes effect, and what is older is not
/// seen.
#[tokio::test]
async fn a_later_format_is_left_alone_and_a_retention_is_changed() {
    let shim = Shim::start();
    let settings = shim.settings();
    let store = ClickHouse::new(settings.clone()).unwrap();
    store.append(batch(1)).await.unwrap();
    let shorter = Settings { retention: flow::config::GoDuration::from_secs(3600), ..settings.clone() };
    let shorter = ClickHouse::new(shorter).unwrap();
    assert_eq!(shorter.recent(Recent::default()).await.unwrap().interactions.len(), 1);
    let asked = "SELECT count() AS n FROM system.tables WHERE database = currentDatabase() AND engine_full LIKE '%toIntervalSecond(3600)%'";
    assert_eq!(crate::statements::csv(&shorter, asked).await, "\"n\"\n2\n");
    shim.run(&settings, "INSERT INTO store_format VALUES (2, 3600, now64(9))");
    let later = ClickHouse::new(settings.clone()).unwrap();
    let said = refused(later.append(batch(2)).await.unwrap_err());
    assert!(
        said.contains(
            "they have format 2, and this throughline writes 1; use the throughline that made them"
        ),
        "{said}"
    );
    assert_eq!(rows_as_they_are(&shim, &settings), "20");
}

fn rows_as_they_are(shim: &Shim, settings: &Settings) -> String {
    shim.run(settings, "SELECT count() FROM spans").trim().to_owned()
}
