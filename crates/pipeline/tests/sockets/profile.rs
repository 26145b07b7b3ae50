//! Profiles of a process that works.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use flate2::write::GzDecoder;
use flow::wire::fields;
use http::Method;
use pipeline::extensions::pprof;
use tokio::task::JoinHandle;

use crate::client::{Answer, http, request};
use crate::extensions::{Started, empty, start};

/// Keeps a thread busy until dropped.
struct Busy {
    done: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<u64>>,
}

impl Busy {
    fn start() -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&done);
        let thread = std::thread::Builder::new().name("busy-one".to_owned());
        let thread = thread.spawn(move || busy_in_a_function_of_ours(&until)).unwrap();
        Self { done, thread: Some(thread) }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        self.thread.take().map(std::thread::JoinHandle::join);
    }
}

#[inline(never)]
fn busy_in_a_function_of_ours(done: &AtomicBool) -> u64 {
    let mut seed = 1_u64;
    let mut kept = Vec::new();
    while !done.load(Ordering::Relaxed) {
        // Asks for memory, too: a signal that comes in between must not.
        kept.push(seed.to_string());
        if kept.len() > 1000 {
            kept.clear();
        }
        for _ in 0..1000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).rotate_left(17);
        }
    }
    seed
}

/// The string table of a profile.
fn strings(answer: &Answer) -> Vec<String> {
    let mut gzip = GzDecoder::new(Vec::new());
    gzip.write_all(&answer.body).unwrap();
    let bytes = gzip.finish().unwrap();
    let strings = fields(&bytes).filter(|field| field.number == 6);
    strings.map(|field| field.text().to_owned()).collect()
}

async fn profile(started: &Started, seconds: u32) -> Answer {
    let path = format!("/debug/pprof/profile?seconds={seconds}");
    http(started.address(), request(Method::GET, &path, &[("host", "localhost")], "")).await
}

/// Asks until it is this one's turn.
async fn taken(started: &Started, seconds: u32) -> Answer {
    loop {
        let answer = profile(started, seconds).await;
        if answer.status != 429 {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A profile of two minutes that has its turn, and what another one is told meanwhile.
async fn long(started: &Arc<Started>) -> (JoinHandle<Answer>, u64) {
    loop {
        let asking = Arc::clone(started);
        let mut long = tokio::spawn(async move { profile(&asking, 120).await });
        tokio::select! {
            // Another one has the turn still.
            answer = &mut long => assert_eq!(answer.unwrap().status, 429),
            after = refused_for_long(started) => return (long, after),
        }
    }
}

/// Asks until it is refused in favour of a long one, and tells the seconds that it is to wait.
async fn refused_for_long(started: &Started) -> u64 {
    loop {
        let answer = profile(started, 1).await;
        if answer.status == 429 {
            let after = answer.header("retry-after").parse().unwrap();
            if after > 2 {
                return after;
            }
        }
    }
}

/// Scenario: profiles of a busy process, by several who ask at once, who go away, and while it stops.
/// Guarantees: a profile names what is busy; there is one at a time; who goes away ends theirs, and so does the stop.
/// One test, since there is one timer.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_profile_names_what_is_busy() {
    let busy = Busy::start();
    let started = Arc::new(start(&pprof::FACTORY, "endpoint: 127.0.0.1:0", empty()).await);

    let first = loop {
        let answer = profile(&started, 1).await;
        assert_eq!(answer.status, 200, "{}", answer.line());
        let strings = strings(&answer);
        if strings.iter().any(|name| name.contains("busy_in_a_function_of_ours")) {
            assert!(strings.iter().any(|name| name == "busy-one"), "{strings:?}");
            // The whole stack, from the start of the thread.
            assert!(strings.iter().any(|name| name.contains("thread_start") || name.contains("thread::")));
            break answer;
        }
    };
    assert_eq!(first.header("content-type"), "application/octet-stream");
    assert_eq!(first.header("content-disposition"), "attachment; filename=\"profile.pb.gz\"");

    // A long one, by somebody who then goes away.
    let (gone, after) = long(&started).await;
    assert!(after <= 120, "{after}");
    gone.abort();
    assert_eq!(taken(&started, 1).await.status, 200, "the turn was given back");

    // A long one, while the process stops.
    let (last, _) = long(&started).await;
    started.extension.stop().await;
    let last = last.await.unwrap();
    assert_eq!(last.status, 200, "{}", last.line());
    assert!(strings(&last).iter().any(|name| name == "nanoseconds"));
    drop(busy);
}
