//! How long questions take over the engine of ClickHouse: `cargo bench -p store-clickhouse`. `CALLS=6000` has 300 000 spans.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "it measures, and says what it found"
)]

#[path = "../tests/clickhouse/shim.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod shim;

use std::sync::Arc;

use store_api::analysis::{Scope, overview, running};
use store_api::span::{Span, key};
use store_api::testing::Sample;
use store_api::testing::sample::{NINE, SECOND};
use store_api::{Analysis, Find, Limits, Questions, Range, Recent, Stage, TraceStore};
use store_clickhouse::ClickHouse;
use throughline_context::TraceId;
use tokio::time::Instant;

const HOUR: Range = Range { from: NINE, to: NINE + 3600 * SECOND };
const BATCH: usize = 8192;

/// A call of five traces with ten spans each.
fn call(n: u32, calls: u32) -> impl Iterator<Item = Span> {
    let begins = u64::from(n) * 3_300 * SECOND / u64::from(calls);
    (0..50_u8).map(move |at| {
        let trace = trace_id(n, at / 10);
        let stages = [Stage::Ivr, Stage::Action, Stage::Queue, Stage::Talk, Stage::Wrapup];
        let sample = Sample::new(1, 1 + at % 10)
            .at(u64::from(at) * 5, 4)
            .service(["ivr", "crm", "router"][usize::from(at % 3)]);
        let sample = if at % 10 == 0 {
            sample.stage(stages[usize::from(at / 10)]).interaction(&id(n))
        } else {
            sample
        };
        let sample = sample
            .with(key::QUEUE, &*format!("queue {}", n % 60))
            .with("http.route", "/v1/customer/{id}")
            .with("caller.hash", &*format!("{:016x}", u64::from(n).wrapping_mul(0x9E37_79B9_7F4A_7C15)))
            .with("turn", i64::from(at))
            .resource("cloud.region", "eu-west-1")
            .resource("host.name", "node-17");
        sample
            .change(|span| {
                span.trace_id = trace;
                span.start_ns += begins + u64::from(n) * 7919;
                span.duration_ns += u64::from(n) * 104_729 % SECOND;
            })
            .span()
    })
}

fn id(n: u32) -> String {
    format!("c41e7d90-5b2a-4f0e-9a6d-{n:012x}")
}

fn trace_id(n: u32, of: u8) -> TraceId {
    let mut trace = [of + 1; 16];
    let spread = n.wrapping_mul(0x9E37_79B9);
    trace
        .iter_mut()
        .zip(spread.to_be_bytes().into_iter().chain(n.to_be_bytes()))
        .for_each(|(to, byte)| *to = byte);
    TraceId(trace)
}

async fn timed<T>(what: &str, times: u32, mut ask: impl AsyncFnMut(u32) -> T) {
    let mut took = Vec::new();
    for n in 0..times {
        let began = Instant::now();
        ask(n).await;
        took.push(began.elapsed().as_secs_f64() * 1e3);
    }
    took.sort_by(f64::total_cmp);
    let at = |part: f64| took[((took.len() - 1) as f64 * part).round() as usize];
    println!("{what:<44} p50 {:>9.1} ms   max {:>9.1} ms   n {times}", at(0.5), at(1.0));
}

#[tokio::main]
async fn main() {
    let calls = std::env::var("CALLS").map_or(6000, |calls| calls.parse().unwrap());
    let shim = shim::Shim::start();
    let settings = shim.settings();
    let store = Arc::new(ClickHouse::new(settings.clone()).unwrap());
    let mut spans: Vec<Span> = (0..calls).flat_map(|n| call(n, calls)).collect();
    spans.sort_by_key(Span::end_ns);
    let count = spans.len();
    let began = Instant::now();
    let mut rest = spans;
    while !rest.is_empty() {
        let later = rest.split_off(BATCH.min(rest.len()));
        store.append(std::mem::replace(&mut rest, later)).await.unwrap();
    }
    println!(
        "{count} spans in batches of {BATCH}, one after the other: {:.0} a second",
        count as f64 / began.elapsed().as_secs_f64()
    );
    let size = "SELECT sum(data_compressed_bytes) / (SELECT count() FROM spans), count() FROM system.parts WHERE active AND database = currentDatabase() AND table =";
    for table in ["spans", "interactions"] {
        println!(
            "{table}: bytes for each span, parts: {}",
            shim.run(&settings, &format!("{size} '{table}'")).trim()
        );
    }
    let limits = Limits::default();
    timed("an interaction of 50 spans", 50, async |n| {
        assert_eq!(store.interaction(&id(n * 7 % calls), limits).await.unwrap().unwrap().spans.len(), 50);
    })
    .await;
    timed("a trace of 10 spans", 50, async |n| {
        assert_eq!(store.trace(trace_id(n * 7 % calls, 2), limits).await.unwrap().unwrap().spans.len(), 10);
    })
    .await;
    let last = Range { from: NINE + 3300 * SECOND, to: NINE + 3600 * SECOND };
    timed("the list, calls of the last minutes", 3, async |_| {
        store.recent(Recent { range: last, ..Recent::default() }).await.unwrap()
    })
    .await;
    timed("the list, all calls of the hour, with facets", 3, async |_| {
        assert_eq!(
            store.recent(Recent { range: HOUR, ..Recent::default() }).await.unwrap().interactions.len(),
            50
        );
    })
    .await;
    timed("live: what runs, of a day", 3, async |_| {
        let question = running::Question { now_ns: HOUR.to, most: 50, limits };
        store.live(question).await.unwrap()
    })
    .await;
    timed("the first 20 traces that a search finds", 3, async |_| {
        let stop = |taken: &mut u32, _: &store_api::find::Hit<'_>| {
            *taken += 1;
            if *taken < 20 { std::ops::ControlFlow::Continue(()) } else { std::ops::ControlFlow::Break(()) }
        };
        store.find(Find { range: HOUR, ..Find::default() }, 0, stop).await.unwrap()
    })
    .await;
    for (what, minutes) in [("the overview of five minutes", 5), ("the overview of the hour", 60)] {
        let range = Range { from: HOUR.to - minutes * 60 * SECOND - 600 * SECOND, to: HOUR.to };
        timed(what, 2, async |_| {
            let scope = Scope { range, ..Scope::default() };
            store.overview(overview::Question { scope, ..Default::default() }, HOUR.to).await.unwrap()
        })
        .await;
    }
}
