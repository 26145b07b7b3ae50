use std::task::Poll;

use bytes::Bytes;
use flow::{Fault, Outcome, Payload, Signal};

use super::*;
use crate::journal::simulated::{Faults, SimDisk};

const KIB: usize = 1 << 10;
const SEGMENT: u64 = 64 << 10;

fn stream(consumers: &[&str], max_age: Duration) -> Arc<Stream> {
    let means = Means {
        room: Arc::new(Room::new(0)),
        memory: Arc::default(),
        telemetry: Telemetry::default(),
        patience: Duration::from_millis(2),
        max_age,
        segment: SEGMENT,
        health: Arc::default(),
    };
    let consumers: Vec<Arc<str>> = consumers.iter().map(|consumer| Arc::from(*consumer)).collect();
    Stream::new("pipelines/traces", &consumers, means)
}

fn opened(disk: &SimDisk, consumers: &[&str]) -> Arc<Stream> {
    let stream = stream(consumers, Duration::ZERO);
    stream.open(disk.clone()).unwrap();
    stream.begin();
    stream
}

/// A batch with a number and so many bytes.
fn batch(number: usize, bytes: usize) -> Batch {
    let mut payload = number.to_le_bytes().to_vec();
    payload.resize(bytes, 7);
    Batch::new(Signal::Traces, Payload::from(Bytes::from(payload)), number)
}

async fn next(stream: &Arc<Stream>) -> Taken {
    let next = tokio::time::timeout(Duration::from_secs(20), stream.next()).await;
    next.expect("nothing comes").expect("it is closed")
}

/// Scenario: far more is put in than memory may hold, before anybody takes.
/// Guarantees: it comes out in order and whole, and memory was never held for all of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_taken_waits_on_the_disk() {
    let disk = SimDisk::new(1, Faults::default());
    let stream = opened(&disk, &["out"]);
    for number in 0..600 {
        let mut batch = batch(number, 32 * KIB);
        batch.hold = stream.means.memory.hold(32 * KIB);
        stream.append(batch).await.unwrap();
        assert!(stream.means.memory.held() <= 10 << 20, "{}", stream.means.memory.held());
    }
    assert!(stream.has_waiting());
    for number in 0..600 {
        let Taken { batch, restored, .. } = next(&stream).await;
        assert_eq!((batch.items, batch.payload.len(), restored), (number, 32 * KIB, false));
        batch.ack.settle("out", Outcome::Exported);
    }
    assert_eq!(stream.means.memory.held(), 0);
    stream.finish().await;
    assert!(disk.used() <= 4 * SEGMENT, "{} bytes for nothing", disk.used());
}

/// Scenario: the disk is full; later it is not.
/// Guarantees: what is not safe is refused, with a time to come back; what was safe comes out, and makes room.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses() {
    let disk = SimDisk::new(2, Faults { room: Some(4 * SEGMENT), ..Faults::default() });
    let stream = opened(&disk, &["out"]);
    let mut safe = 0;
    let refusal = loop {
        match stream.append(batch(safe, 8 * KIB)).await {
            Ok(()) => safe += 1,
            Err(refusal) => break refusal,
        }
    };
    assert!((20..32).contains(&safe), "{safe}");
    let refusing = stream.means.health.readiness().journals;
    assert_eq!(refusing[0].why, refusal.why);
    assert_eq!((refusal.fault, refusal.retry_after.is_some()), (Fault::Busy, true), "{refusal}");
    for number in 0..safe {
        let Taken { batch, .. } = next(&stream).await;
        assert_eq!(batch.items, number);
        batch.ack.settle("out", Outcome::Exported);
    }
    let again = async {
        while stream.append(batch(safe, 8 * KIB)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), again).await.expect("no room again");
    while !stream.means.health.readiness().journals.is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(next(&stream).await.batch.items, safe);
    stream.finish().await;
}

/// Scenario: the disk takes nothing for a while, and then goes on.
/// Guarantees: what may wait for it is bounded; beyond that clients are told to come back, and the health says why. What
/// waited becomes safe and comes out in order, and clients are let in again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_disk_refuses() {
    let disk = SimDisk::new(8, Faults::default());
    let mut means = stream(&["out"], Duration::ZERO).means.clone();
    means.segment = 4 << 20;
    let stream = Stream::new("pipelines/traces", &[Arc::from("out")], means);
    stream.open(disk.clone()).unwrap();
    stream.begin();
    disk.stall();
    let mut waiting = Vec::new();
    let refusal = loop {
        if let Err(refusal) = stream.admit(1 << 20) {
            break refusal;
        }
        let mut append = Box::pin(stream.append(batch(waiting.len(), 1 << 20)));
        let polled = std::future::poll_fn(|context| Poll::Ready(append.as_mut().poll(context))).await;
        assert!(polled.is_pending(), "safe on a disk that takes nothing");
        waiting.push(append);
        // What the writer has in hand, and what waits for it.
        assert!(waiting.len() << 20 <= 2 * MOST_WAITING + (2 << 20), "nothing bounds what waits");
    };
    assert_eq!((refusal.fault, refusal.retry_after), (Fault::Busy, Some(Duration::from_secs(30))));
    assert!(refusal.why.contains("slower than what comes in"), "{refusal}");
    assert_eq!(stream.means.health.readiness().journals[0].why, refusal.why);

    disk.go_on();
    let count = waiting.len();
    for append in waiting {
        append.await.unwrap();
    }
    stream.admit(1 << 20).unwrap();
    for number in 0..count {
        let Taken { batch, .. } = next(&stream).await;
        assert_eq!(batch.items, number);
        batch.ack.settle("out", Outcome::Exported);
    }
    stream.finish().await;
}

/// Scenario: the disk is smaller than a segment.
/// Guarantees: it is used nevertheless, nearly to its end, and again when there is room.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_disk_is_used_to_its_end() {
    let disk = SimDisk::new(7, Faults { room: Some(3 << 20), ..Faults::default() });
    let mut means = stream(&["out"], Duration::ZERO).means.clone();
    means.segment = 64 << 20;
    let stream = Stream::new("pipelines/traces", &[Arc::from("out")], means);
    stream.open(disk.clone()).unwrap();
    stream.begin();
    for round in 0..3 {
        let mut safe = 0;
        while stream.append(batch(safe, 32 * KIB)).await.is_ok() {
            safe += 1;
        }
        assert!(safe * 32 * KIB > 2 << 20, "{safe} in round {round}");
        for number in 0..safe {
            let Taken { batch, .. } = next(&stream).await;
            assert_eq!(batch.items, number);
            batch.ack.settle("out", Outcome::Exported);
        }
        let gone = async {
            while stream.live() > 0 || disk.used() > 1 << 20 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), gone).await.expect("room is not given back");
    }
    stream.finish().await;
}

/// Scenario: a batch is cut and joined with others on its way to two exporters; one of them delivers, and the power goes.
/// Guarantees: the next run brings it for the other exporter alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_exporter_is_remembered() {
    let disk = SimDisk::new(3, Faults::default());
    let stream = opened(&disk, &["a", "b"]);
    for number in 1..=3 {
        stream.append(batch(number, KIB)).await.unwrap();
    }
    let mut joined = next(&stream).await.batch;
    joined.join(next(&stream).await.batch);
    assert!(joined.ack.is_durable());
    let pieces = joined.ack.cut(2);
    pieces.settle("a", Outcome::Exported);
    pieces.settle("b", Outcome::Exported);
    pieces.settle("a", Outcome::Lost("rejected"));
    next(&stream).await.batch.ack.settle("b", Outcome::Dropped);
    stream.finish().await;
    disk.restart();

    let stream = opened(&disk, &["a", "b"]);
    let known = |taken: &Taken| ["a", "b"].map(|exporter| taken.batch.is_known_to(exporter));
    let (first, second, third) = (next(&stream).await, next(&stream).await, next(&stream).await);
    assert_eq!([known(&first), known(&second), known(&third)], [[true, false], [true, false], [false, true]]);
    assert!(first.restored && third.restored);
    [first, second].iter().for_each(|taken| taken.batch.ack.settle("b", Outcome::Exported));
    third.batch.ack.settle("a", Outcome::Exported);
    stream.finish().await;

    let stream = opened(&disk, &["a", "b"]);
    assert_eq!(stream.live(), 0);
    stream.finish().await;
}

/// Scenario: a sampler notes a decision before it drops a span of the trace, and the power goes.
/// Guarantees: the next run has the decision while spans from before it come again; and after that too, as long as there
/// are few later ones, for spans that come late.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn decisions_are_there_when_spans_come_again() {
    let decision =
        Decision { sampler: "tail_sampling".to_owned(), key: vec![9; 16], verdict: b"drop".to_vec() };
    let disk = SimDisk::new(4, Faults::default());
    let stream = opened(&disk, &["out"]);
    stream.append(batch(1, KIB)).await.unwrap();
    stream.append(batch(2, KIB)).await.unwrap();
    stream.decide(vec![decision.clone()]).await.unwrap();
    next(&stream).await.batch.ack.settle("out", Outcome::Dropped);
    stream.finish().await;
    disk.restart();

    let stream = opened(&disk, &["out"]);
    assert_eq!(stream.take_decisions("another"), []);
    assert_eq!(stream.take_decisions("tail_sampling"), std::slice::from_ref(&decision));
    let again = next(&stream).await.batch;
    assert_eq!(again.items, 2);
    again.ack.settle("out", Outcome::Dropped);
    stream.finish().await;

    for run in 0..40 {
        let stream = opened(&disk, &["out"]);
        let known = stream.take_decisions("tail_sampling");
        assert!(known.iter().all(|known| *known == decision) && !known.is_empty(), "{run}: {known:?}");
        // Far more than a segment, so that all of the earlier ones become free.
        for number in 0..6 {
            stream.append(batch(number, 16 * KIB)).await.unwrap();
            next(&stream).await.batch.ack.settle("out", Outcome::Dropped);
        }
        stream.finish().await;
        assert!(disk.used() <= 6 * SEGMENT, "{} bytes for one decision", disk.used());
    }
    // Others take its place.
    let stream = opened(&disk, &["out"]);
    for number in 0..100_u64 {
        let others = (0..100).map(|nth| Decision {
            key: [number.to_le_bytes(), u64::to_le_bytes(nth)].concat(),
            ..decision.clone()
        });
        stream.decide(others.collect()).await.unwrap();
        stream.append(batch(1, 16 * KIB)).await.unwrap();
        next(&stream).await.batch.ack.settle("out", Outcome::Dropped);
    }
    stream.finish().await;
    assert!(disk.used() <= 6 * SEGMENT, "{} bytes for nothing", disk.used());
    let stream = opened(&disk, &["out"]);
    let known = stream.take_decisions("tail_sampling");
    assert!(!known.contains(&decision) && known.len() < 3_000, "{}", known.len());
    assert!(known.iter().any(|known| known.key.starts_with(&99_u64.to_le_bytes())), "the latest are there");
    stream.finish().await;
}

/// Scenario: an entry waits for longer than `max_age`.
/// Guarantees: it is given out as too old.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_old_is_known() {
    let stream = stream(&["out"], Duration::from_millis(1));
    stream.open(SimDisk::new(5, Faults::default())).unwrap();
    stream.append(batch(1, KIB)).await.unwrap();
    let accepted = now_ms();
    while now_ms() < accepted + 2 {
        tokio::task::yield_now().await;
    }
    stream.begin();
    assert!(next(&stream).await.expired);
    stream.finish().await;
}

/// Scenario: an append, a decision and a settlement after the end, and an append before the beginning.
/// Guarantees: nobody waits for ever.
#[tokio::test]
async fn nothing_is_taken_in_before_and_after() {
    let stream = stream(&["out"], Duration::ZERO);
    assert_eq!(stream.append(batch(1, KIB)).await.unwrap_err().fault, Fault::Down);
    stream.open(SimDisk::new(6, Faults::default())).unwrap();
    stream.begin();
    stream.append(batch(1, KIB)).await.unwrap();
    let taken = next(&stream).await;
    stream.finish().await;
    taken.batch.ack.settle("out", Outcome::Exported);
    assert_eq!(stream.append(batch(2, KIB)).await.unwrap_err().fault, Fault::Down);
    assert_eq!(stream.decide(Vec::new()).await.unwrap_err().fault, Fault::Down);
    assert!(stream.next().await.is_none());
}
