use std::cell::Cell;

use proptest::prelude::*;

use super::*;
use crate::question::Recent;
use crate::store::Questions;
use crate::testing::sample::arbitrary_span;
use crate::testing::{Model, Sample, agree, contract};

const ROOMY: usize = 1 << 30;

thread_local! {
    static NOW: Cell<u64> = const { Cell::new(0) };
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

#[tokio::test]
async fn keeps_the_contract() {
    contract(async || Arc::new(MemoryStore::new(ROOMY, Duration::from_secs(3600))) as Arc<dyn TraceStore>)
        .await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn answers_like_the_model(batches in prop::collection::vec(prop::collection::vec(arbitrary_span(), 0..12), 0..6)) {
        let store = MemoryStore::new(ROOMY, Duration::from_secs(3600));
        let mut model = Model::default();
        block_on(async {
            for batch in batches {
                model.appended.extend(batch.iter().cloned());
                store.append(batch).await.unwrap();
            }
            agree(&store, &model).await;
        });
    }
}

fn put(store: &MemoryStore, at: u64, samples: impl IntoIterator<Item = Sample>) {
    NOW.set(at);
    block_on(store.append(samples.into_iter().map(Sample::span).collect())).unwrap();
}

fn ids(store: &MemoryStore) -> Vec<String> {
    let page = block_on(store.recent(Recent::default())).unwrap();
    page.interactions.into_iter().map(|summary| summary.id).collect()
}

#[test]
fn forgets_what_was_not_touched_for_long() {
    let store = MemoryStore::with_clock(ROOMY, Duration::from_nanos(100), || NOW.get());
    put(&store, 1000, [Sample::new(1, 1).interaction("running"), Sample::new(3, 1).interaction("over")]);
    put(&store, 1090, [Sample::new(2, 1).interaction("running")]);
    NOW.set(1110);
    assert_eq!(ids(&store), ["running"], "its first trace is old, but it is still running");
    assert_eq!(block_on(store.interaction("running", Limits::default())).unwrap().unwrap().spans.len(), 2);
    NOW.set(1200);
    assert_eq!(ids(&store), Vec::<String>::new());
    assert_eq!(store.shelf().weight(), 0);
}

#[test]
fn stays_within_its_bytes_and_forgets_whole_interactions() {
    let most = 100_000;
    let store = MemoryStore::with_clock(most, Duration::from_secs(3600), || NOW.get());
    for n in 0..200u64 {
        let (trace, id) = (n as u8, format!("call-{n}"));
        let samples = [1, 2, 3].map(|span| Sample::new(trace, span).interaction(&id).at(n, 1));
        put(&store, n, samples);
        assert!(store.shelf().weight() <= most);
    }
    let left = ids(&store);
    assert_eq!(left.first().map(String::as_str), Some("call-199"));
    assert!((2..200).contains(&left.len()));
    for id in left {
        assert_eq!(block_on(store.interaction(&id, Limits::default())).unwrap().unwrap().spans.len(), 3);
    }
}
