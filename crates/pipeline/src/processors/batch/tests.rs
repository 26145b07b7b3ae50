use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use flow::config::GoDuration;
use flow::wire::put_nested;
use flow::{Client, Payload};

use super::*;

/// A next consumer that refuses while told to.
#[derive(Default)]
struct Taker {
    full: AtomicBool,
    broken: AtomicBool,
    taken: Mutex<Vec<usize>>,
}

impl Taker {
    fn sizes(&self) -> Vec<usize> {
        self.taken.lock().unwrap().clone()
    }
}

impl Consumer for Taker {
    fn consume(&self, batch: Batch) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(async move {
            if self.full.load(Ordering::Relaxed) {
                return Err(Refusal::busy("full", Duration::from_secs(3)));
            }
            if self.broken.load(Ordering::Relaxed) {
                return Err(Refusal::bug("no"));
            }
            let sound =
                flow::otlp::check(Signal::Traces, &batch.payload.to_bytes(), &Default::default()).unwrap();
            assert_eq!(sound.items, batch.items);
            self.taken.lock().unwrap().push(batch.items);
            Ok(())
        })
    }
}

fn spans(count: usize) -> Batch {
    let mut bytes = Vec::new();
    put_nested(&mut bytes, 1, |out| {
        put_nested(out, 2, |out| (0..count).for_each(|_| put_nested(out, 2, |_| ())));
    });
    let mut batch = Batch::new(Signal::Traces, Payload::from(bytes), count);
    batch.pipeline = Arc::from("traces");
    batch
}

fn batcher(settings: Settings) -> (Arc<Taker>, Batcher, Arc<Accounts>) {
    let taker = Arc::new(Taker::default());
    let accounts = Arc::new(Accounts::default());
    accounts.open("traces", &[Arc::from("out")]);
    let batcher = Batcher::new(
        "batch",
        settings,
        Arc::clone(&accounts),
        &Telemetry::default(),
        Arc::clone(&taker) as Arc<dyn Consumer>,
    );
    (taker, batcher, accounts)
}

fn sized(size: usize, max: usize) -> Settings {
    let timeout = GoDuration::from_secs(1);
    Settings { timeout, send_batch_size: size, send_batch_max_size: max, ..Settings::default() }
}

#[tokio::test(start_paused = true)]
async fn size_and_time_send() {
    let (taker, batcher, _) = batcher(sized(10, 0));
    for _ in 0..3 {
        batcher.consume(spans(4)).await.unwrap();
    }
    assert_eq!(taker.sizes(), [12], "at the size, whole, as the collector does without a maximum");
    batcher.consume(spans(3)).await.unwrap();
    assert_eq!(batcher.in_flight(), 3);
    tokio::time::sleep(Duration::from_millis(999)).await;
    assert_eq!(taker.sizes(), [12]);
    tokio::time::sleep(Duration::from_millis(2)).await;
    assert_eq!(taker.sizes(), [12, 3]);
    assert_eq!(batcher.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn no_batch_is_larger_than_the_maximum() {
    let (taker, batcher, _) = batcher(sized(5, 5));
    batcher.consume(spans(12)).await.unwrap();
    assert_eq!(taker.sizes(), [5, 5], "the rest grows on");
    batcher.consume(spans(3)).await.unwrap();
    assert_eq!(taker.sizes(), [5, 5, 5]);
    batcher.consume(spans(1)).await.unwrap();
    batcher.drain(Drain::default()).await;
    assert_eq!(taker.sizes(), [5, 5, 5, 1]);
}

#[tokio::test(start_paused = true)]
async fn without_a_timeout_nothing_waits() {
    let (taker, batcher, _) = batcher(Settings { timeout: GoDuration::ZERO, ..sized(100, 4) });
    batcher.consume(spans(9)).await.unwrap();
    assert_eq!(taker.sizes(), [4, 4, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_behind_it_becomes_back_pressure_not_loss() {
    let (taker, batcher, _) = batcher(sized(1, 0));
    taker.full.store(true, Ordering::Relaxed);
    let mut taken = 0;
    let refusal = loop {
        match batcher.consume(spans(1)).await {
            Ok(()) => taken += 1,
            Err(refusal) => break refusal,
        }
    };
    assert_eq!((taken, refusal.retry_after), (4, Some(Duration::from_secs(3))));
    assert_eq!(batcher.in_flight(), 4);
    taker.full.store(false, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(taker.sizes(), [1; 4]);
    batcher.consume(spans(1)).await.unwrap();
    assert_eq!((taker.sizes().len(), batcher.in_flight()), (5, 0));
}

#[tokio::test(start_paused = true)]
async fn what_will_never_be_taken_is_counted() {
    let (taker, batcher, accounts) = batcher(sized(1, 0));
    taker.broken.store(true, Ordering::Relaxed);
    accounts.get("traces").unwrap().received(2);
    batcher.consume(spans(2)).await.unwrap();
    let balance = accounts.balances().remove(0);
    assert_eq!((balance.lost, balance.difference()), (2, 0));
    taker.full.store(true, Ordering::Relaxed);
    accounts.get("traces").unwrap().received(3);
    batcher.consume(spans(3)).await.unwrap();
    batcher.drain(Drain::default()).await;
    let balance = accounts.balances().remove(0);
    assert_eq!((balance.lost, balance.difference()), (5, 0), "at shutdown");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_for_all_is_kept_apart() {
    let (taker, batcher, _) = batcher(sized(10, 0));
    let open = || Batch { audience: Audience::Stores, ..spans(6) };
    for batch in [spans(5), open(), spans(4), open()] {
        batcher.consume(batch).await.unwrap();
    }
    assert_eq!(taker.sizes(), [12]);
    batcher.consume(spans(1)).await.unwrap();
    assert_eq!(taker.sizes(), [12, 10]);
}

#[tokio::test(start_paused = true)]
async fn clients_are_kept_apart_by_metadata() {
    let settings =
        Settings { metadata_keys: vec!["tenant".into()], metadata_cardinality_limit: 2, ..sized(10, 0) };
    let (taker, batcher, _) = batcher(settings);
    let of = |tenant: &str| {
        let metadata = vec![("Tenant".to_owned(), tenant.to_owned())];
        Batch { client: Arc::new(Client { metadata, ..Client::default() }), ..spans(6) }
    };
    batcher.consume(of("a")).await.unwrap();
    batcher.consume(of("b")).await.unwrap();
    assert!(taker.sizes().is_empty());
    batcher.consume(of("a")).await.unwrap();
    assert_eq!(taker.sizes(), [12]);
    assert_eq!(
        batcher.consume(of("c")).await.unwrap_err().why,
        "too many batcher metadata-value combinations"
    );
    assert_eq!(batcher.in_flight(), 6);
}

#[test]
fn wrong_settings_are_named() {
    let section =
        Node::load("c.yaml", "send_batch_size: 10\nsend_batch_max_size: 5\nmetadata_keys: [a, A]").unwrap();
    let found: Vec<_> = settings::check(&section).iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "c.yaml:2:22: error: send_batch_max_size: must not be smaller than send_batch_size\n  help: raise it to 10 or more, or set it to 0 for no limit",
            "c.yaml:3:16: error: metadata_keys: \"a\" is named twice; letter case does not count in header names",
        ]
    );
}
