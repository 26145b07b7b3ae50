use flow::config::Node;
use flow::{Payload, Signal};

use super::super::settings::SendingSettings;
use super::*;

const MIB: usize = 1 << 20;

fn queue() -> Queue {
    let section = Node::load("test.yaml", "{}").unwrap();
    let settings = SendingSettings::of(&section).sending_queue;
    Queue::new(&Arc::from("out"), &settings, &Arc::default(), &Telemetry::default())
}

fn entry(bytes: usize) -> Entry {
    let payload = Payload::from(vec![0; bytes]);
    Entry { batch: Batch::new(Signal::Traces, payload, 1), tried: Vec::new(), answer: None }
}

async fn seconds_to_push(queue: &Queue) -> f64 {
    let start = Instant::now();
    queue.push(entry(5 * MIB)).await.unwrap();
    start.elapsed().as_secs_f64()
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_outruns_the_exporter_waits_a_little() {
    let queue = queue();
    for _ in 0..4 {
        assert_eq!(seconds_to_push(&queue).await, 0.0, "nothing has left yet: waiting would not help");
    }
    queue.next().await.unwrap();
    queue.next().await.unwrap();
    assert_eq!(seconds_to_push(&queue).await, 0.0, "the room that was left is taken at once");
    assert_eq!(seconds_to_push(&queue).await, PATIENCE.as_secs_f64(), "then no longer than this");
    let (waited, _) = tokio::join!(seconds_to_push(&queue), async {
        tokio::time::sleep(PATIENCE / 5).await;
        queue.next().await.unwrap();
    });
    assert_eq!(waited, (PATIENCE / 5).as_secs_f64(), "until one has left");
    tokio::time::sleep(STUCK).await;
    assert_eq!(seconds_to_push(&queue).await, 0.0, "an exporter that is stuck holds nobody up");
}

#[tokio::test(start_paused = true)]
async fn a_small_queue_holds_nobody_up() {
    let queue = queue();
    queue.push(entry(MIB)).await.unwrap();
    queue.next().await.unwrap();
    queue.push(entry(5 * MIB)).await.unwrap();
    assert_eq!(seconds_to_push(&queue).await, 0.0);
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_back_at_once_leaves_nobody_waiting() {
    let queue = queue();
    queue.push(entry(1)).await.unwrap();
    assert_eq!(queue.take_all().len(), 1);
    timeout(Duration::from_secs(60), queue.left()).await.unwrap();
}
