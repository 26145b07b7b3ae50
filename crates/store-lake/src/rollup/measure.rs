use std::sync::Arc;
use std::time::Instant;

use flow::BoxFuture;
use flow::config::GoDuration;
use store_api::analysis::{Scope, overview, percentiles};
use store_api::door::Settings;
use store_api::part::Part;
use store_api::read::Reader;
use store_api::span::key;
use store_api::store::Look;
use store_api::testing::Sample;
use store_api::testing::sample::{NINE, SECOND};
use store_api::{Analysis, Appended, Limits, Range, Span, Stage, StoreError, TraceStore};

use crate::files::OnDisk;
use crate::lake::Lake;

struct Raw<'a>(&'a Lake);

impl TraceStore for Raw<'_> {
    fn append(&self, _: Vec<Span>) -> BoxFuture<'_, Result<Appended, StoreError>> {
        unimplemented!()
    }
    fn flush(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        unimplemented!()
    }
    fn look(&self, limits: Limits, look: Look) -> BoxFuture<'_, Result<(), StoreError>> {
        let inner = self.0.inner();
        let (list, hot) = (inner.list(), inner.hot());
        let disk = OnDisk { files: &inner.files, list: &list };
        let shelves = hot.flushing.iter().chain([&hot.active]);
        let parts: Vec<&dyn Part> =
            shelves.map(|shelf| shelf.as_ref() as &dyn Part).chain([&disk as &dyn Part]).collect();
        Box::pin(std::future::ready(look(&mut Reader::new(&parts, limits))))
    }
}

const STAGES: [Stage; 6] =
    [Stage::Setup, Stage::Ivr, Stage::Action, Stage::Queue, Stage::Talk, Stage::Wrapup];

fn call(n: u64, start: u64) -> Vec<Span> {
    (0..20u64)
        .map(|i| {
            let at = start + i * 15;
            let mut sample = Sample::new(1, i as u8 + 1).at(at, 0).change(|span| {
                span.trace_id.0[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
                span.duration_ns = 1_000_000 * (1 + (n * 7919 + i * 104_729) % 90_000);
            });
            sample = if i % 3 == 0 {
                sample.stage(STAGES[(i / 3 % 6) as usize])
            } else {
                sample
                    .service(["crm", "ivr", "mw", "sql"][(i % 4) as usize])
                    .change(|span| span.name = format!("op {}", i % 5))
            };
            if i == 0 {
                sample = sample
                    .interaction(&format!("call-{n}"))
                    .with(key::REGION, ["eu", "us", "ap"][(n % 3) as usize]);
            }
            if i == 9 {
                sample = sample.with(key::QUEUE, format!("q{}", n % 20).as_str());
            }
            sample.span()
        })
        .collect()
}

#[tokio::test]
async fn measure() {
    let Ok(hours) = std::env::var("MEASURE_HOURS") else { return };
    let hours: u64 = hours.parse().unwrap();
    let per_hour: u64 = std::env::var("MEASURE_CALLS").unwrap().parse().unwrap();
    let directory = tempfile::tempdir_in("/tmp/roll").unwrap();
    let settings = Settings {
        directory: directory.path().to_owned(),
        flush_interval: GoDuration::from_secs(100_000),
        retention: GoDuration::from_secs(200 * 365 * 24 * 3600),
        memory_limit_mib: 4000,
        ..Settings::default()
    };
    let lake = Lake::open(settings.clone()).await.unwrap();
    let all = hours * per_hour;
    let mut spans: Vec<Span> = (0..all).flat_map(|n| call(n, n * 3600 / per_hour)).collect();
    spans.retain(|span| span.start_ns < NINE + hours * 3600 * SECOND);
    spans.sort_by_key(|span| span.start_ns + span.duration_ns);
    let total = spans.len();
    let began = Instant::now();
    let (mut writing, mut compacting) = (0, 0);
    let mut chunk = Vec::new();
    let mut next = NINE + 30 * SECOND;
    for span in spans {
        let end = span.start_ns + span.duration_ns;
        chunk.push(span);
        if end >= next {
            lake.append(std::mem::take(&mut chunk)).await.unwrap();
            let t = Instant::now();
            lake.flush().await.unwrap();
            writing += t.elapsed().as_millis();
            let t = Instant::now();
            while crate::upkeep::compact(lake.inner(), next).unwrap() {}
            compacting += t.elapsed().as_millis();
            next += 30 * SECOND;
        }
    }
    println!(
        "{total} spans, {:?}; flush {writing} ms, compact {compacting} ms, files {}",
        began.elapsed(),
        lake.file_count()
    );
    let end = NINE + hours * 3600 * SECOND;
    let range = Range { from: end - 3600 * SECOND, to: end };
    let question = |range| overview::Question {
        scope: Scope { range, spans: 10_000_000, ..Scope::default() },
        ..Default::default()
    };
    let ask = async |name: &str, range: Range, raw: bool| {
        let t = Instant::now();
        let found = if raw {
            Raw(&lake).overview(question(range), end).await
        } else {
            lake.overview(question(range), end).await
        }
        .unwrap();
        println!(
            "{name}: {:?} n={} covered {:?}",
            t.elapsed(),
            found.stages.iter().map(|line| line.latency.n).sum::<u64>(),
            found.covered.spans
        );
    };
    ask("1 h raw", range, true).await;
    ask("1 h raw again", range, true).await;
    ask("1 h cold", range, false).await;
    ask("1 h again", range, false).await;
    lake.append(call(all - 1, 3600 * hours - 40)).await.unwrap();
    ask("1 h again, with a hot call", range, false).await;
    let t = Instant::now();
    lake.flush().await.unwrap();
    while crate::upkeep::compact(lake.inner(), end).unwrap() {}
    println!("flush {:?}", t.elapsed());
    ask("1 h after a flush", range, false).await;
    let day = Range { from: NINE, to: end };
    let t = Instant::now();
    while lake.compact(end + 30 * 24 * 3600 * SECOND).await.unwrap() {}
    println!("closing: {:?}", t.elapsed());
    ask("1 h closed", range, false).await;
    ask("1 h closed again", range, false).await;
    ask("all", day, false).await;
    ask("all again", day, false).await;
    drop(lake);
    let lake = Lake::open(settings).await.unwrap();
    for _ in 0..3 {
        let t = Instant::now();
        let scope = Scope { spans: 10_000_000, ..Scope::default() };
        let question = percentiles::Question { id: format!("call-{}", all / 2), from: None, to: None, scope };
        let found = lake.percentiles(question).await.unwrap().unwrap();
        println!("percentiles: {:?} {} spans {:?}", t.elapsed(), found.spans.len(), found.covered.spans);
    }
    for table in crate::tend::stats(directory.path()).unwrap() {
        println!("{table:?} {} B/row", table.bytes / table.rows.max(1));
    }
    drop(Arc::new(lake));
}
