//! The promise, on a model of a process.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;

use super::*;

/// A process whose resident set grows by more than what is held, and does not shrink again.
#[derive(Clone, Copy, Debug)]
struct Process {
    /// In percent of the limit.
    base: u64,
    /// Bytes for each 100 held.
    each: u64,
    keeps: bool,
}

#[derive(Clone, Copy, Debug)]
enum Event {
    /// A request, in thousandths of the limit; and how many times its size it has when it is decompressed.
    Request(u64, u64),
    /// So many of the oldest requests have gone out.
    Sent(usize),
    Passes(u64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        20 => (1..32_u64, prop_oneof![4 => Just(1), 1 => 2..5_u64]).prop_map(|(size, times)| Event::Request(size / times, times)),
        3 => (0..8_usize).prop_map(Event::Sent),
        1 => (1..3000_u64).prop_map(Event::Passes),
    ]
}

proptest! {
    /// The promise: at any offered load the resident set stays below the limit plus a tenth; and when all has gone
    /// out, requests are taken again, whatever the allocator has kept.
    #[test]
    fn the_resident_set_stays_within_the_limit(
        process in (5..50_u64, 100..150_u64, any::<bool>()).prop_map(|(base, each, keeps)| Process { base, each, keeps }),
        events in prop::collection::vec(event(), 1..400),
    ) {
        let ctx = ctx();
        let limits = limits();
        let rss = Arc::new(AtomicU64::new(0));
        let seen = Arc::clone(&rss);
        let guard = Guard::new(&ctx, limits, Box::new(move || Some(seen.load(Ordering::Relaxed))));
        let mut now = Instant::now();
        let mut inside = VecDeque::new();
        for event in events {
            match event {
                Event::Request(size, times) => {
                    let size = limits.limit / 1000 * size;
                    if guard.ask(usize::try_from(size).unwrap(), now).is_ok() {
                        inside.push_back(of(&ctx, size * times));
                    }
                }
                Event::Sent(count) => drop(inside.drain(..count.min(inside.len()))),
                Event::Passes(millis) => now += Duration::from_millis(millis),
            }
            let needed = limits.limit / 100 * process.base + ctx.memory.held() / 100 * process.each;
            let kept = if process.keeps { rss.load(Ordering::Relaxed) } else { 0 };
            rss.store(needed.max(kept), Ordering::Relaxed);
            prop_assert!(rss.load(Ordering::Relaxed) <= limits.limit / 10 * 11);
        }
        inside.clear();
        now += limits.check_interval;
        prop_assert!(guard.ask(usize::try_from(limits.limit / 32).unwrap(), now).is_ok());
    }
}
