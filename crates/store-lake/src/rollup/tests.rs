//! Whatever lies where, what is counted is what looking at every span gives.

use std::collections::BTreeMap;
use std::sync::Arc;

use flow::BoxFuture;
use flow::config::GoDuration;
use proptest::prelude::*;
use store_api::analysis::latency::Latency;
use store_api::analysis::observe::Traced;
use store_api::analysis::rollup::{LEAST_NS, Rollup, Rollups as _, Row, Sum};
use store_api::analysis::{Scope, overview, percentiles, stage};
use store_api::door::Settings;
use store_api::part::{Most, Part};
use store_api::read::Reader;
use store_api::shelf::Shelf;
use store_api::span::key;
use store_api::store::Look;
use store_api::testing::sample::{NINE, SECOND, arbitrary_span};
use store_api::testing::{Model, Sample};
use store_api::{Analysis, Appended, Limits, Range, Span, Stage, StoreError, TraceStore};
use throughline_context::TraceId;

use super::ask::Asked;
use crate::disk::simulated::Simulated;
use crate::disk::{self, Disk};
use crate::lake::{Inner, Lake, now_ns};
use crate::log::Add;
use crate::partition::Partition;
use crate::tables::Table;

const HOUR: u64 = 3600 * SECOND;
const DAY: u64 = 24 * HOUR;
/// Long after the last span has come.
const LATER: u64 = NINE + 100 * DAY;

fn settings(directory: &std::path::Path) -> Settings {
    let long = GoDuration::from_secs(200 * 365 * 24 * 3600);
    Settings {
        directory: directory.to_owned(),
        flush_interval: GoDuration::from_secs(100_000),
        retention: long,
        ..Settings::default()
    }
}

/// Rows in one form, whatever they were made of: how many of which durations, as near as histograms tell.
type Told = BTreeMap<(u64, String), (u64, u128, u64)>;

fn told(rows: &[Row], width: u64) -> Told {
    let mut sum = Sum::new(width);
    rows.iter().for_each(|row| sum.add(row));
    let rows = sum.rows(usize::MAX).into_iter();
    rows.map(|row| {
        let buckets = row.histogram.buckets().filter(|(_, count)| *count > 0);
        let shape = buckets.fold(0, |shape, (at, count)| shape * 31 + count * (at + 1000) as u64);
        ((row.t, format!("{:?}", row.series)), (row.histogram.count(), row.histogram.sum(), shape))
    })
    .collect()
}

fn by_hand(model: &Model, range: Range, width: u64) -> Told {
    told(&counted_by_hand(model, range), width)
}

fn counted_by_hand(model: &Model, range: Range) -> Vec<Row> {
    let spans: Vec<Arc<Span>> = model.spans().into_iter().cloned().map(Arc::new).collect();
    let mut traces: BTreeMap<TraceId, Vec<&Arc<Span>>> = BTreeMap::new();
    spans.iter().for_each(|span| traces.entry(span.trace_id).or_default().push(span));
    let mut rollup = Rollup::new(LEAST_NS, usize::MAX);
    for spans in traces.values() {
        let trace = Traced::of(spans);
        let within = trace.observations().filter(|seen| range.contains(seen.span.start_ns));
        within.for_each(|seen| rollup.add(&seen));
    }
    rollup.rows()
}

/// What the store says of a range that begins and ends with rows.
fn asked(inner: &Inner, range: Range, widest: u64) -> Vec<Row> {
    let list = inner.list();
    let hot = inner.hot();
    let shelves: Vec<&Arc<Shelf>> = hot.flushing.iter().chain([&hot.active]).collect();
    let kept = Asked { inner, list: &list, shelves: &shelves }.rollups(range, widest).unwrap();
    assert_eq!(kept.rest, [], "all of it is counted");
    kept.rows().cloned().collect()
}

fn everything(inner: &Inner, model: &Model) {
    for (range, widest, width) in [
        (Range { from: NINE - 9 * HOUR, to: NINE + 63 * HOUR }, u64::MAX, DAY),
        (Range { from: NINE, to: NINE + 30 * HOUR }, HOUR, HOUR),
        (Range { from: NINE + LEAST_NS, to: NINE + HOUR + 2 * LEAST_NS }, LEAST_NS, LEAST_NS),
    ] {
        assert_eq!(told(&asked(inner, range, widest), width), by_hand(model, range, width), "{range:?}");
    }
}

/// What the tables have is right to the span, also in what cannot be taken out again.
fn exactly(inner: &Inner, model: &Model) {
    let range = Range { from: NINE - 9 * HOUR, to: NINE + 63 * HOUR };
    let rows = |rows: Vec<Row>| -> Vec<_> {
        let rows = rows.into_iter();
        rows.map(|row| (row.t, row.series, row.first_ns, row.histogram, row.exemplars)).collect()
    };
    assert_eq!(rows(asked(inner, range, LEAST_NS)), rows(counted_by_hand(model, range)));
}

/// What is counted is what the spans say that can be read.
pub(crate) fn agrees(inner: &Inner) {
    let list = inner.list();
    let files = crate::files::OnDisk::new(&inner.files, &list);
    let mut traces = files.started(Range::ALL, usize::MAX).unwrap().traces;
    traces.sort_unstable();
    traces.dedup();
    let rows = files.rows(&traces, Most::ALL).unwrap();
    let appended = rows.iter().map(|row| row.span.as_ref().clone()).collect();
    everything(inner, &Model { appended });
}

/// Files of each table.
fn counted(inner: &Inner) -> [usize; 4] {
    let all = Range::ALL;
    Table::COUNTED.map(|table| inner.rollups.made.within(table, all).len())
}

/// Answers from spans alone.
struct Raw<'a>(&'a Lake);

impl TraceStore for Raw<'_> {
    fn append(&self, spans: Vec<Span>) -> BoxFuture<'_, Result<Appended, StoreError>> {
        self.0.append(spans)
    }

    fn flush(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.0.flush()
    }

    fn look(&self, limits: Limits, look: Look) -> BoxFuture<'_, Result<(), StoreError>> {
        self.0.look(limits, Box::new(move |reader| look(&mut Reader::new(reader.parts(), limits))))
    }
}

/// What is exact, percentiles, and greatest durations.
type Answers = Vec<([u64; 2], Vec<Option<u64>>, Option<u64>)>;

async fn answers(store: &dyn TraceStore) -> Answers {
    let range = Range { from: NINE, to: NINE + 30 * HOUR };
    let scope = Scope { range, ..Scope::default() };
    let question = overview::Question { scope: scope.clone(), ..overview::Question::default() };
    let overview = store.overview(question, LATER).await.unwrap();
    assert!(!overview.covered.truncated);
    let of_line = |Latency { n, mean, p50, p95, p99, max, .. }: Latency| {
        ([n, mean.unwrap_or(0)], vec![p50, p95, p99], max)
    };
    let mut answers: Answers = overview.stages.iter().map(|line| of_line(line.latency)).collect();
    let steps = overview.stages.iter().flat_map(|line| &line.series);
    answers.extend(steps.map(|step| ([step.n, 0], vec![step.p50, step.p95], None)));
    let cells = overview.regions.iter().flat_map(|region| &region.cells);
    answers.extend(cells.map(|cell| ([cell.n, 0], vec![cell.p95], None)));
    for (of, by) in [
        (Stage::Queue, stage::GroupBy::Queue),
        (Stage::Talk, stage::GroupBy::Region),
        (Stage::Ivr, stage::GroupBy::Channel),
    ] {
        let (scope, group_by) = (scope.clone(), Some(by));
        let question = stage::Question { scope, stage: of, group_by, steps: 64, threshold_ns: None };
        let stage = store.stage(question).await.unwrap();
        answers.push(of_line(stage.latency));
        answers
            .extend(stage.series.iter().map(|step| ([step.n, 0], vec![step.p50, step.p95, step.p99], None)));
        answers.extend(stage.heat.counts.iter().map(|column| ([column.iter().sum(), 0], Vec::new(), None)));
        answers.extend(stage.groups.iter().map(|group| of_line(group.latency)));
        // The slowest is named, and told as long as it was.
        let longest = stage.examples.last().filter(|one| one.at == "max").map(|one| one.duration_ns);
        answers.push(([stage.examples.len() as u64, 0], Vec::new(), longest));
    }
    let question = percentiles::Question { id: "call-1".to_owned(), from: None, to: None, scope };
    for kind in store.percentiles(question).await.unwrap().into_iter().flat_map(|found| found.kinds) {
        let of = kind.histogram;
        let percentiles = [0.5, 0.95, 0.99].map(|q| of.quantile(q));
        answers.push(([of.count(), of.mean().unwrap_or(0)], percentiles.to_vec(), of.max()));
    }
    answers
}

/// What is asked is answered from what is counted as from every span.
async fn answers_agree(lake: &Lake) {
    let (counted, raw) = (answers(lake).await, answers(&Raw(lake)).await);
    assert_eq!(counted.len(), raw.len());
    let is_near = |told: Option<u64>, exact: Option<u64>, off: f64| {
        assert_eq!(told.is_some(), exact.is_some());
        let (told, exact) = (told.unwrap_or(0) as f64, exact.unwrap_or(0) as f64);
        assert!((told - exact).abs() <= (exact * off).max(1.0), "{told} instead of {exact}");
    };
    for ((sums, percentiles, max), (exact_sums, exact, exact_max)) in counted.into_iter().zip(raw) {
        assert_eq!(sums, exact_sums);
        percentiles.into_iter().zip(exact).for_each(|(told, exact)| is_near(told, exact, 0.011));
        // Where the greatest one was taken out it is told to a bucket.
        is_near(max, exact_max, 0.022);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Append(Vec<Span>),
    Flush,
    Keep,
    Reopen,
}

/// Over two days, some hours and some steps of them.
fn spans() -> impl Strategy<Value = Vec<Span>> {
    let one = (arbitrary_span(), 0u64..2, 0u64..2, 0u64..2).prop_map(|(mut span, day, hour, step)| {
        span.start_ns += day * DAY + hour * HOUR + step * LEAST_NS;
        span
    });
    prop::collection::vec(one, 1..8)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => spans().prop_map(Step::Append),
        3 => Just(Step::Flush),
        2 => Just(Step::Keep),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 1..10)
}

/// On a disk that syncs nothing.
fn open(directory: &std::path::Path) -> Lake {
    let lock = disk::lock(directory).unwrap().unwrap();
    let disk = Disk::on(directory, Arc::new(Simulated::new(directory, 1)));
    Lake::of(Inner::open_on(disk, settings(directory), lock, now_ns()).unwrap())
}

/// One that counts nothing again for an answer.
fn open_much(directory: &std::path::Path) -> Lake {
    let lock = disk::lock(directory).unwrap().unwrap();
    let disk = Disk::on(directory, Arc::new(Simulated::new(directory, 1)));
    let mut inner = Inner::open_on(disk, settings(directory), lock, now_ns()).unwrap();
    inner.rollups.much = 0;
    Lake::of(inner)
}

async fn run(steps: Vec<Step>, open: fn(&std::path::Path) -> Lake) {
    let directory = tempfile::tempdir().unwrap();
    let mut lake = open(directory.path());
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Append(spans) => {
                lake.append(spans.clone()).await.unwrap();
                model.appended.extend(spans);
            }
            Step::Flush => lake.flush().await.unwrap(),
            Step::Keep => while lake.compact(LATER).await.unwrap() {},
            Step::Reopen => {
                lake.flush().await.unwrap();
                drop(lake);
                lake = open(directory.path());
            }
        }
        everything(lake.inner(), &model);
    }
    // What was found out is remembered, and still right.
    everything(lake.inner(), &model);
    answers_agree(&lake).await;
    lake.flush().await.unwrap();
    while lake.compact(LATER).await.unwrap() {}
    everything(lake.inner(), &model);
    exactly(lake.inner(), &model);
    answers_agree(&lake).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn what_is_counted_is_what_every_span_says_whatever_lies_where(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(steps, open));
    }

    #[test]
    fn what_files_add_is_what_every_span_says_as_long_as_the_process_goes_on(mut steps in steps()) {
        steps.retain(|step| !matches!(step, Step::Reopen));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(steps, open_much));
    }
}

/// Scenario: a call comes in three parts, of which the last tells its region, into many more than can be read again; then
/// the process starts anew, and another part comes.
/// Guarantees: no file of spans is read for the answer; what was told before the start stays, and no span is lost by it.
#[tokio::test]
async fn what_files_add_is_there_after_a_start() {
    let directory = tempfile::tempdir().unwrap();
    let lake = open_much(directory.path());
    let mut model = Model::default();
    let part = |span: u8| Sample::new(1, span).stage(Stage::Queue).at(u64::from(span) * 10, 10);
    put(&lake, &mut model, [part(1)]).await;
    put(&lake, &mut model, [part(2).with(key::QUEUE, "billing")]).await;
    put(&lake, &mut model, [part(3).with(key::REGION, "eu"), part(1).revision(1)]).await;
    everything(lake.inner(), &model);
    drop(lake);
    let lake = open_much(directory.path());
    for file in lake.inner().list().values() {
        std::fs::write(file.spans(), "garbled").unwrap();
    }
    everything(lake.inner(), &model);
    put(&lake, &mut model, [part(4)]).await;
    let range = Range { from: NINE, to: NINE + HOUR };
    let counts = |rows: Told| rows.into_iter().map(|((_, series), (n, ..))| (series.contains("billing"), n));
    let told: Vec<_> = counts(told(&asked(lake.inner(), range, HOUR), HOUR)).collect();
    assert_eq!(told, [(false, 1), (true, 3)], "the call that went on is not known of any more");
}

async fn put(lake: &Lake, model: &mut Model, samples: impl IntoIterator<Item = Sample>) {
    let spans: Vec<Span> = samples.into_iter().map(Sample::span).collect();
    model.appended.extend(spans.clone());
    lake.append(spans).await.unwrap();
    lake.flush().await.unwrap();
}

/// Scenario: a call of two hours is counted; then its region, a span that takes the place of another, and one that was
/// late come to files of their own.
/// Guarantees: each time the tables that it changes do not count until they are made again, and the others do; a day is made
/// when its hours are.
#[tokio::test]
async fn what_comes_late_makes_an_hour_count_again() {
    let directory = tempfile::tempdir().unwrap();
    let lake = Lake::open(settings(directory.path())).await.unwrap();
    let mut model = Model::default();
    let queued = |trace: u8, span: u8, at: u64| Sample::new(trace, span).stage(Stage::Queue).at(at, 10);
    put(&lake, &mut model, [queued(1, 1, 10), queued(1, 2, 3700), queued(2, 1, 20), queued(3, 1, 7300)])
        .await;
    assert_eq!(counted(lake.inner()), [0, 0, 0, 0]);
    while lake.compact(LATER).await.unwrap() {}
    assert_eq!(counted(lake.inner()), [3, 3, 3, 1]);
    let fresh = |inner: &Inner| -> Vec<(Table, u64)> {
        let list = inner.list();
        let look = super::correct::Look::new(&inner.rollups, &inner.files, &list, &[]);
        let all = Table::COUNTED.into_iter().flat_map(|table| inner.rollups.made.within(table, Range::ALL));
        let fresh = all.filter(|one| look.counts(one).unwrap());
        fresh.map(|one| (one.table, one.range().from.saturating_sub(NINE) / HOUR)).collect()
    };
    assert_eq!(fresh(lake.inner()).len(), 10);
    for late in [
        queued(1, 3, 20_000).with(key::REGION, "eu"),
        queued(2, 1, 7200 + 50).revision(1),
        queued(2, 1, 30).revision(2),
    ] {
        let before = fresh(lake.inner());
        put(&lake, &mut model, [late]).await;
        let left = fresh(lake.inner());
        assert!(left.len() < before.len() && left.len() > 1, "{left:?} of {before:?}");
        assert!(left.iter().all(|one| before.contains(one)), "{left:?} of {before:?}");
        everything(lake.inner(), &model);
        while lake.compact(LATER).await.unwrap() {}
        assert_eq!(fresh(lake.inner()).len(), counted(lake.inner()).iter().sum::<usize>());
        everything(lake.inner(), &model);
    }
    // Nothing of it is needed, and whoever reads the spans alone finds the same.
    let list = lake.inner().list();
    let parts: [&dyn Part; 1] = [&crate::files::OnDisk::new(&lake.inner().files, &list)];
    assert!(Reader::new(&parts, Limits::default()).trace(TraceId([2; 16])).unwrap().is_some());
}

/// Guarantees: rows stay when their spans have gone, as long as their own retention says, the widest longest.
#[tokio::test]
async fn rows_outlive_their_spans() {
    let directory = tempfile::tempdir().unwrap();
    let days = |days: u64| GoDuration::from_secs(days * 24 * 3600);
    let settings = Settings {
        retention: days(1),
        rollup_5m_retention: days(2),
        rollup_1h_retention: days(3),
        rollup_1d_retention: days(4),
        ..settings(directory.path())
    };
    let lake = Lake::open(settings).await.unwrap();
    let mut model = Model::default();
    // Retention is about the arrival too.
    let now = now_ns();
    let ago = |span: &mut Span| span.start_ns = now - 12 * HOUR;
    put(&lake, &mut model, [Sample::new(1, 1).stage(Stage::Queue).change(ago)]).await;
    while lake.compact(now + DAY / 2 + HOUR).await.unwrap() {}
    let [keys, narrow, hours, _] = counted(lake.inner());
    assert_eq!((keys, narrow, hours), (1, 1, 1));
    let rows = |lake: &Lake| -> u64 {
        let from = now - 14 * HOUR;
        let range = Range { from: from - from % HOUR, to: now - now % HOUR };
        asked(lake.inner(), range, HOUR).iter().map(|row| row.histogram.count()).sum()
    };
    assert_eq!(rows(&lake), 1);
    lake.retain(now + 36 * HOUR).await.unwrap();
    assert_eq!((lake.file_count(), rows(&lake)), (0, 1));
    drop(lake);
    let lake = Lake::open(Settings { retention: days(1), ..self::settings(directory.path()) }).await.unwrap();
    assert_eq!(rows(&lake), 1, "also when it is opened again");
    while lake.compact(now + 8 * DAY).await.unwrap() {}
    assert_eq!(counted(lake.inner()), [1, 0, 1, 1], "and a day is made of what is left");
}

/// Scenario: a call goes over the full hour, and the first of its hours is old enough to go.
/// Guarantees: the other one says of it what it said, as its queue and region were told in the first.
#[tokio::test]
async fn an_hour_stays_what_it_was_when_the_one_before_it_goes() {
    let directory = tempfile::tempdir().unwrap();
    let settings = Settings { retention: GoDuration::from_secs(24 * 3600), ..settings(directory.path()) };
    let lake = Lake::open(settings).await.unwrap();
    let now = now_ns();
    let full = now - now % HOUR + 2 * HOUR;
    let sample = |span: u8, start: u64| Sample::new(1, span).change(move |span| span.start_ns = start);
    let first =
        sample(1, full - 60 * SECOND).stage(Stage::Queue).with(key::QUEUE, "billing").with(key::REGION, "eu");
    let second = sample(2, full + 60 * SECOND).stage(Stage::Hold);
    put(&lake, &mut Model::default(), [first, second]).await;
    while lake.compact(full + 2 * HOUR).await.unwrap() {}
    let range = Range { from: full, to: full + HOUR };
    let before = told(&asked(lake.inner(), range, HOUR), HOUR);
    assert!(
        before.keys().any(|(_, series)| series.contains("billing") && series.contains("eu")),
        "{before:?}"
    );
    lake.retain(full + DAY).await.unwrap();
    assert_eq!(lake.file_count(), 1);
    while lake.compact(full + DAY + HOUR).await.unwrap() {}
    assert_eq!(told(&asked(lake.inner(), range, HOUR), HOUR), before);
}

/// Scenario: spans of forty hours in one flush, twice, and all of them too old in the end.
/// Guarantees: what files of many hours carry is counted together, again when another one comes, and goes with them.
#[tokio::test]
async fn files_of_many_hours_are_counted_together() {
    let directory = tempfile::tempdir().unwrap();
    let settings = Settings { retention: GoDuration::from_secs(3 * 24 * 3600), ..settings(directory.path()) };
    let lake = Lake::open(settings).await.unwrap();
    let now = now_ns();
    // The files of many hours that there are, and those that were counted.
    let mixed = |lake: &Lake| -> (Vec<u64>, Vec<u64>) {
        let list = lake.inner().list();
        let mixed = list.values().filter(|file| file.partition == Partition::Mixed);
        let covers =
            |add: &Add| add.generation()?.0.hour().is_none().then(|| add.made_of().map(|of| of.covers))?;
        let counted = lake.inner().tables.with(Table::AttrKeys, |state| state.adds.values().find_map(covers));
        (mixed.map(|file| file.generation).collect(), counted.flatten().unwrap_or_default())
    };
    for trace in 1..=2 {
        let wild = (1..=40).map(|hours| {
            let span = Sample::new(trace, hours).with("wild", i64::from(hours));
            span.change(|span| span.start_ns = now - u64::from(hours) * HOUR)
        });
        put(&lake, &mut Model::default(), wild).await;
        let (mixed_now, counted) = mixed(&lake);
        assert!(!mixed_now.is_empty() && mixed_now != counted, "{mixed_now:?} {counted:?}");
        while lake.compact(now + HOUR).await.unwrap() {}
        let (mixed_now, counted) = mixed(&lake);
        assert!(!mixed_now.is_empty());
        assert_eq!(mixed_now, counted);
    }
    lake.retain(now + 4 * DAY).await.unwrap();
    while lake.compact(now + 4 * DAY).await.unwrap() {}
    assert_eq!(mixed(&lake), (Vec::new(), Vec::new()));
}
