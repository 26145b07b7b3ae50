//! What this store takes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flow::Payload;
use flow::config::GoDuration;
use futures_util::StreamExt;
use store_api::door::Settings;
use store_api::span::key;
use store_api::sql::{Format, Limits as SqlLimits, On, Question};
use store_api::to_otlp::to_otlp;
use store_api::to_spans::to_spans;
use store_api::{Filter, Limits, Questions, Recent, TraceStore, Value};
use store_lake::{Lake, tend};
use throughline_context::TraceId;
use tokio::time::Instant;

use crate::spans::{Centre, Mark, NINE};

/// Spans of one request, and requests before a flush, as some seconds of a busy hour bring them.
const REQUEST: usize = 2_000;
const FLUSH: usize = 30_000;
const YEARS: u64 = 200 * 365 * 24 * 3600;
pub(crate) const LATER: u64 = NINE + 365 * 24 * 3600 * 1_000_000_000;

pub(crate) async fn open(directory: &Path) -> Lake {
    let settings = Settings {
        directory: directory.to_owned(),
        retention: GoDuration::from_secs(YEARS),
        flush_interval: GoDuration::from_secs(5),
        ..Settings::default()
    };
    Lake::open(settings).await.unwrap()
}

/// What it costs to take spans in.
pub(crate) struct Ingest {
    pub(crate) wall: Duration,
    /// Of this process, without that of making the spans.
    pub(crate) cpu: Duration,
    pub(crate) compaction_cpu: Duration,
}

/// OTLP to files: decoded, appended, flushed with fsync, and compacted.
pub(crate) async fn ingest(lake: &Lake, centre: &Centre, marks: &[Mark]) -> Ingest {
    let making = cpu();
    for some in marks.chunks(REQUEST) {
        std::hint::black_box(request(centre, some));
    }
    let making = cpu().saturating_sub(making);
    let (began, used) = (Instant::now(), cpu());
    let mut waiting = 0;
    for some in marks.chunks(REQUEST) {
        let spans = to_spans(&request(centre, some)).spans;
        waiting += spans.len();
        lake.append(spans).await.unwrap();
        if waiting >= FLUSH {
            lake.flush().await.unwrap();
            waiting = 0;
        }
    }
    lake.flush().await.unwrap();
    let (wall, taken) = (began.elapsed().saturating_sub(making), cpu().saturating_sub(used));
    let used = cpu();
    while lake.compact(LATER).await.unwrap() {}
    let compaction_cpu = cpu().saturating_sub(used);
    Ingest { wall, cpu: taken.saturating_sub(making), compaction_cpu }
}

fn request(centre: &Centre, marks: &[Mark]) -> Payload {
    let spans: Vec<_> = centre.spans(marks).into_iter().map(Arc::new).collect();
    Payload::from(Bytes::from(to_otlp(&spans)))
}

/// CPU time of this process, in steps of 10 ms.
pub(crate) fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit_once(") ").unwrap().1.split_ascii_whitespace().skip(11).take(2);
    Duration::from_millis(fields.map(|ticks| 10 * ticks.parse::<u64>().unwrap()).sum())
}

/// Bytes on disk: of spans, of interactions, of the sidecars.
pub(crate) fn sizes(directory: &Path) -> [u64; 3] {
    let stats = tend::stats(directory).unwrap();
    let table = |name: &str| stats.iter().find(|table| table.table == name).map_or(0, |table| table.bytes);
    let sidecars = std::fs::read_dir(directory.join("index")).unwrap();
    let sidecars = sidecars.map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    [table("spans"), table("interactions"), sidecars]
}

/// The files of the table of spans.
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let list =
        |path: PathBuf| std::fs::read_dir(path).into_iter().flatten().map(|entry| entry.unwrap().path());
    let days = list(directory.join("spans")).filter(|day| !day.ends_with("_delta_log"));
    let mut files: Vec<PathBuf> = days.flat_map(list).flat_map(list).collect();
    files.sort();
    files
}

/// The middle one and the 95th of a hundred, of several looks. The first question is asked once before, as with the
/// others.
#[derive(Clone, Copy)]
pub(crate) struct Spread {
    /// The one before them.
    pub(crate) first: f64,
    pub(crate) p50: f64,
    pub(crate) p95: f64,
}

pub(crate) fn spread(mut milliseconds: Vec<f64>) -> Spread {
    milliseconds.sort_by(f64::total_cmp);
    if std::env::var_os("EACH").is_some() {
        println!("{milliseconds:.1?}");
    }
    let at =
        |part: f64| milliseconds[((milliseconds.len() as f64 * part) as usize).min(milliseconds.len() - 1)];
    Spread { first: 0.0, p50: at(0.5), p95: at(0.95) }
}

pub(crate) async fn each<Q>(questions: &[Q], ask: impl AsyncFn(&Q)) -> Spread {
    let mut took = Vec::new();
    for question in questions.first().into_iter().chain(questions) {
        let began = Instant::now();
        ask(question).await;
        took.push(began.elapsed().as_secs_f64() * 1e3);
    }
    let rest = took.split_off(1);
    Spread { first: took[0], ..spread(rest) }
}

pub(crate) async fn interactions(lake: &Lake, ids: &[String]) -> Spread {
    let ask = async |id: &String| {
        let found = lake.interaction(id, Limits::default()).await.unwrap().expect("it is there");
        assert!(found.spans.len() > 20 && !found.truncated);
    };
    each(ids, ask).await
}

pub(crate) async fn traces(lake: &Lake, ids: &[TraceId]) -> Spread {
    let ask = async |id: &TraceId| {
        let found = lake.trace(*id, Limits::default()).await.unwrap().expect("it is there");
        assert!(found.spans.len() > 8);
    };
    each(ids, ask).await
}

/// What is typed into the search box.
pub(crate) async fn searches(lake: &Lake, texts: &[String]) -> Spread {
    let ask = async |text: &String| {
        let filter = Filter { q: Some(text.parse().unwrap()), ..Filter::default() };
        let page = lake.recent(Recent { filter, ..Recent::default() }).await.unwrap();
        assert_eq!(page.interactions.len(), 1, "{text}");
    };
    each(texts, ask).await
}

pub(crate) async fn questions(lake: &Lake, texts: &[String]) -> Spread {
    let ask = async |text: &String| {
        let limits = SqlLimits { time: Duration::from_secs(600), ..SqlLimits::default() };
        let question = Question { text: text.clone(), format: Format::Csv, limits, on: On::Either };
        let mut answer = lake.sql(question).await.unwrap().body;
        let mut lines = 0;
        while let Some(chunk) = answer.next().await {
            lines += chunk.unwrap().iter().filter(|byte| **byte == b'\n').count();
        }
        assert!(lines > 1, "{text}: no rows");
    };
    each(texts, ask).await
}

/// From a request until its span is in an answer.
pub(crate) async fn freshness(lake: &Lake, centre: &Centre, marks: &[Mark]) -> Spread {
    let mut took = Vec::new();
    for some in marks.chunks(50).take(20) {
        let request = request(centre, some);
        let began = Instant::now();
        let spans = to_spans(&request).spans;
        let id = spans[0].trace_id;
        lake.append(spans).await.unwrap();
        while lake.trace(id, Limits::default()).await.unwrap().is_none() {}
        took.push(began.elapsed().as_secs_f64() * 1e3);
    }
    spread(took)
}

/// Thirty days of two small files an hour.
pub(crate) async fn month(lake: &Lake, centre: &Centre, calls: u32) -> usize {
    let mut files: Vec<Vec<Mark>> = vec![Vec::new(); 1440];
    for mark in centre.marks(calls) {
        let at = mark.half_hour().min(files.len() - 1);
        files[at].push(mark);
    }
    for some in files {
        lake.append(centre.spans(&some)).await.unwrap();
        lake.flush().await.unwrap();
    }
    lake.file_count()
}

/// The list of interactions where every span has been revised three times, each time in another file.
pub(crate) async fn revised(lake: &Lake, centre: &Centre, calls: u32) -> (usize, Spread) {
    let marks = centre.marks(calls);
    for revision in 0..4_i64 {
        let mut spans = centre.spans(&marks);
        for span in &mut spans {
            let with = std::iter::once((key::REVISION.to_owned(), Value::Int(revision)));
            let all = span.attributes.iter().map(|(key, value)| (key.to_owned(), value.clone())).chain(with);
            span.attributes = all.collect();
        }
        lake.append(spans).await.unwrap();
        lake.flush().await.unwrap();
    }
    let mut took = Vec::new();
    for _ in 0..2 {
        let began = Instant::now();
        let question = Recent { limit: usize::MAX, ..Recent::default() };
        let page = lake.recent(question).await.unwrap();
        took.push(began.elapsed().as_secs_f64() * 1e3);
        assert_eq!(page.interactions.len(), calls as usize);
        assert_eq!(page.interactions.iter().map(|call| call.span_count as usize).sum::<usize>(), marks.len());
    }
    (marks.len(), spread(took))
}
