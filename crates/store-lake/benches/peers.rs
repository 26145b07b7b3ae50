//! One hour of a contact centre in this store, in DuckDB and in ClickHouse, on the same spans and in one run; and thirty days
//! in 1 440 small files. Prints what docs/performance.md shows, and ends with status 1 where a limit of it is missed.
//!
//! ```sh
//! cargo bench -p store-lake --bench peers          # after scripts/setup-test.sh, which installs the others
//! CALLS=4000 MONTH_CALLS=0 cargo bench …           # smaller, and without the thirty days; CALLS=0 without the hour
//! ```
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench tells its figures, and fails by panicking"
)]

#[path = "peers/spans.rs"]
mod spans;
#[path = "peers/raw.rs"]
mod raw;
#[path = "peers/ours.rs"]
mod ours;
#[path = "peers/rollups.rs"]
mod rollups;
#[path = "peers/pages.rs"]
mod pages;
#[path = "peers/table.rs"]
mod table;
#[path = "peers/limits.rs"]
mod limits;

use std::path::Path;
use std::process::{Command, ExitCode};

use serde_json::{Value, json};
use store_api::{Range, TraceStore};
use throughline_context::TraceId;
use tokio::time::Instant;

use limits::Limits;
use ours::Spread;
use spans::{Centre, NINE};
use table::Line;

const HOUR: u64 = 3600 * 1_000_000_000;

fn number(name: &str, otherwise: u32) -> u32 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let (calls, looks) = (number("CALLS", 40_000), number("LOOKS", 200));
    println!("load average {}", std::fs::read_to_string("/proc/loadavg").unwrap().trim());
    let folder = tempfile::tempdir().unwrap();
    let mut limits = Limits::default();
    if calls > 0 {
        hour(folder.path(), calls, looks, &mut limits).await;
    }
    revised(folder.path(), number("REVISED_CALLS", 910)).await;
    match number("MONTH_CALLS", 20_000) {
        0 => {}
        calls => month(folder.path(), calls, looks, &mut limits).await,
    }
    let met = limits.show();
    println!("load average {}", std::fs::read_to_string("/proc/loadavg").unwrap().trim());
    if met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn hour(folder: &Path, calls: u32, looks: u32, limits: &mut Limits) {
    let centre = Centre::new(7, 1);
    let marks = centre.marks(calls);
    let store = folder.join("store");
    let lake = ours::open(&store).await;
    let cost = ours::ingest(&lake, &centre, &marks).await;
    let count = marks.len() as f64;
    let [spans, interactions, sidecars] = ours::sizes(&store);
    println!(
        "{} spans of {calls} calls, {} files; bytes a span: {:.1} in all, {:.1} spans, {:.1} interactions, {:.1} sidecars",
        marks.len(),
        lake.file_count(),
        (spans + interactions + sidecars) as f64 / count,
        spans as f64 / count,
        interactions as f64 / count,
        sidecars as f64 / count
    );
    let rate = |cpu: std::time::Duration| count / cpu.as_secs_f64();
    println!(
        "taken in with fsync: {:.0} spans a second of one core, {:.0} with compaction; {:.0} in all",
        rate(cost.cpu),
        rate(cost.cpu + cost.compaction_cpu),
        count / cost.wall.as_secs_f64()
    );
    limits.at_least("spans a second of one core, with fsync", rate(cost.cpu), 25_000.0);
    // Spread over the hour, and not those that another question is about.
    let some = |first: u32| (0..looks).map(move |n| (first + n * (calls / looks).max(1)) % calls);
    let ids: Vec<String> = some(0).map(|call| centre.call(call).id).collect();
    let traces: Vec<TraceId> = some(1).map(|call| centre.trace_id(call, 1)).collect();
    let callers: Vec<String> = some(2).take(25).map(|call| centre.call(call).caller).collect();
    let interaction = ours::interactions(&lake, &ids).await;
    let trace = ours::traces(&lake, &traces).await;
    let typed: Vec<String> = callers.iter().map(|caller| format!("caller.hash={caller}")).collect();
    let needle = ours::searches(&lake, &typed).await;
    let asked: Vec<String> = callers
        .iter()
        .map(|caller| format!("SELECT * FROM spans WHERE attr('caller.hash') = '{caller}'"))
        .collect();
    let needle_sql = ours::questions(&lake, &asked).await;
    let quarter = HOUR / 4;
    let asked = format!(
        "SELECT * FROM spans WHERE attr_llm_model = '{MODEL}' AND status = 'error' AND start_ns BETWEEN {} AND {}",
        NINE + quarter,
        NINE + 2 * quarter
    );
    let common = ours::questions(&lake, &vec![asked; 10]).await;
    let quantiles: Vec<String> = (0..10).map(|_| PERCENTILES.to_owned()).collect();
    let Spread { first, .. } = ours::questions(&lake, &quantiles[..1]).await;
    // As with the others, of what was asked before; the first of them is asked twice.
    let used = ours::cpu();
    let raw_percentiles = Spread { first, ..ours::questions(&lake, &quantiles).await };
    let percentiles_cpu = (ours::cpu() - used).as_secs_f64() * 1e3 / (quantiles.len() + 1) as f64;
    println!("percentiles by stage, queue and region from rollups");
    rollups::show(&lake, &centre, &marks, "the hour", Range { from: NINE, to: NINE + HOUR }, limits).await;
    pages::show(&lake, "the hour", Range { from: NINE, to: NINE + HOUR }, 500.0, limits).await;
    let fresh = ours::freshness(&lake, &Centre::new(8, 1), &Centre::new(8, 1).marks(40)).await;
    lake.flush().await.unwrap();
    println!(
        "search box, one attribute: p50 {:.1} ms, p95 {:.1} ms; fresh after {:.1} ms (p95)",
        needle.p50, needle.p95, fresh.p95
    );

    let raw = folder.join("raw.parquet");
    write_raw(&raw, &centre, &marks);
    let questions = folder.join("questions.json");
    let asked = json!({
        "interaction": ids, "needle": callers, "trace": traces.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "files": ours::files(&store), "model": MODEL, "from": NINE + quarter, "to": NINE + 2 * quarter,
    });
    std::fs::write(&questions, asked.to_string()).unwrap();
    let peers = peers(&raw, &questions, folder);
    println!("{}", peers["versions"]);
    let ours = [
        ("interaction", interaction),
        ("trace", trace),
        ("needle", needle_sql),
        ("common", common),
        ("percentiles", raw_percentiles),
    ];
    let lines: Vec<Line> = ours.into_iter().map(|(what, spread)| Line { what, spread }).collect();
    let engines = &peers["engines"];
    table::show(spans as f64 / count, &lines, percentiles_cpu, engines, count);
    let bytes = spans as f64 / count;
    limits.at_most("bytes a span, table `spans`", bytes, 36.0);
    for (engine, limit) in [("clickhouse, otel", 0.45), ("duckdb", 0.72), ("clickhouse, our order", 1.05)] {
        let theirs = engines[engine]["bytes"].as_f64().unwrap();
        limits.at_most(format!("the same beside {engine}"), spans as f64 / theirs, limit);
    }
    for (what, spread, engine, limit) in [
        ("interaction", interaction, "clickhouse, otel", 1.0 / 20.0),
        ("trace", trace, "clickhouse, otel", 1.0 / 8.0),
        ("trace", trace, "duckdb over ours", 1.0),
        ("needle", needle_sql, "duckdb", 1.0),
        ("common", common, "duckdb over ours", 1.2),
    ] {
        let theirs = engines[engine][what][0].as_f64().unwrap();
        limits.at_most(format!("{what}, p50 beside {engine}"), spread.p50 / theirs, limit);
    }
    for (what, spread, limit) in [("interaction", interaction, [2.0, 8.0]), ("trace", trace, [3.0, 10.0])] {
        limits.at_most(format!("{what}, ms p50"), spread.p50, limit[0]);
        limits.at_most(format!("{what}, ms p95"), spread.p95, limit[1]);
    }
    limits.at_most("an attribute that one call has, in SQL, ms p95", needle_sql.p95, 25.0);
    let duck = engines["duckdb"]["percentiles"][2].as_f64().unwrap();
    limits.at_most("CPU of raw percentiles beside DuckDB", percentiles_cpu / duck, 1.3);
    limits.at_most("a new span in an answer, ms p95", fresh.p95, 1000.0);
}

/// A value that many spans have.
const MODEL: &str = "model-s";

const PERCENTILES: &str = "SELECT queue, service, hist_quantile(latency_hist(duration_ns), 0.5), hist_quantile(latency_hist(duration_ns), 0.95), \
    hist_quantile(latency_hist(duration_ns), 0.99) FROM spans GROUP BY queue, service";

fn write_raw(path: &Path, centre: &Centre, marks: &[spans::Mark]) {
    let mut raw = raw::Raw::default();
    for some in marks.chunks(100_000) {
        raw.write(path, &centre.spans(some));
    }
    raw.finish();
}

fn peers(raw: &Path, questions: &Path, folder: &Path) -> Value {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = package.join("tests/engines/.venv/bin/python");
    assert!(python.exists(), "run scripts/setup-test.sh: it installs the others");
    let mut command = Command::new(python);
    command.arg(package.join("benches/peers/peers.py")).arg(raw).arg(questions).arg(folder);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

async fn revised(folder: &Path, calls: u32) {
    let lake = ours::open(&folder.join("revised")).await;
    let (spans, took) = ours::revised(&lake, &Centre::new(5, 1), calls).await;
    println!(
        "list of {calls} calls, {spans} spans, each in four revisions in {} files: {:.0} ms",
        lake.file_count(),
        took.p50
    );
}

async fn month(folder: &Path, calls: u32, looks: u32, limits: &mut Limits) {
    let centre = Centre::new(9, 30 * 24);
    let store = folder.join("month");
    let lake = ours::open(&store).await;
    let files = ours::month(&lake, &centre, calls).await;
    drop(lake);
    let began = Instant::now();
    let lake = ours::open(&store).await;
    println!("{files} files over 30 days: open in {:.0} ms", began.elapsed().as_secs_f64() * 1e3);
    let some = |first: u32| (0..looks).map(move |n| (first + n * (calls / looks).max(1)) % calls);
    let ids: Vec<String> = some(0).map(|call| centre.call(call).id).collect();
    let traces: Vec<TraceId> = some(1).map(|call| centre.trace_id(call, 1)).collect();
    let tell =
        |what: &str, spread: Spread| println!("  {what}: p50 {:.1} ms, p95 {:.1} ms", spread.p50, spread.p95);
    let mut within = |what: &str, spread: Spread, limit: f64| {
        tell(what, spread);
        limits.at_most(format!("30 days: {what}, ms p95"), spread.p95, limit);
    };
    within("trace, first look", ours::traces(&lake, &traces).await, 300.0);
    within("trace", ours::traces(&lake, &traces).await, 50.0);
    tell("interaction, first look", ours::interactions(&lake, &ids).await);
    within("interaction", ours::interactions(&lake, &ids).await, 50.0);
    let callers = some(2).take(25).map(|call| format!("caller.hash={}", centre.call(call).caller));
    tell("search box, one attribute", ours::searches(&lake, &callers.collect::<Vec<_>>()).await);
    let plans: Vec<String> = traces
        .iter()
        .take(10)
        .map(|id| format!("EXPLAIN SELECT * FROM spans WHERE trace_id = '{id}'"))
        .collect();
    tell("plan of a question in SQL about a trace", ours::questions(&lake, &plans).await);

    let began = Instant::now();
    while lake.compact(ours::LATER).await.unwrap() {}
    let took = began.elapsed().as_secs_f64();
    drop(lake);
    let lake = ours::open(&store).await;
    println!("compacted and counted in {took:.1} s; percentiles by stage, queue and region from rollups");
    let marks = centre.marks(calls);
    for (what, begin, hours) in
        [("1 h", 240, 1), ("6 h", 245, 6), ("1 d", 255, 24), ("1 w", 255, 7 * 24), ("3 w", 39, 21 * 24)]
    {
        let from = NINE + begin * HOUR;
        let range = Range { from, to: from + hours * HOUR };
        rollups::show(&lake, &centre, &marks, what, range, limits).await;
    }
    for (what, hours, limit) in [("24 h", 24, 500.0), ("30 d", 30 * 24, 2000.0)] {
        let to = NINE + 30 * 24 * HOUR;
        pages::show(&lake, what, Range { from: to - hours * HOUR, to }, limit, limits).await;
    }
}
