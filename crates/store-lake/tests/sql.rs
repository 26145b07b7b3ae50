//! SQL over a store on a real directory.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use expect_test::expect;
use flow::Signal;
use flow::config::GoDuration;
use flow::otlp::{accept, json};
use futures_util::StreamExt;
use proptest::prelude::*;
use serde_json::Value;
use store_api::door::Settings;
use store_api::sql::{Failed, Format, Limits, On, Question};
use store_api::testing::sample::{NINE, SECOND, arbitrary_span};
use store_api::testing::{Model, Sample};
use store_api::to_spans::to_spans;
use store_api::{Span, Stage, TraceStore};
use store_lake::Lake;

const LATER: u64 = NINE + 100 * 24 * 3600 * SECOND;

fn settings(directory: &Path) -> Settings {
    Settings {
        directory: directory.to_owned(),
        flush_interval: GoDuration::from_secs(100_000),
        ..Settings::default()
    }
}

async fn open(directory: &Path) -> Lake {
    Lake::open(settings(directory)).await.unwrap()
}

async fn ask(lake: &Lake, text: &str, format: Format, limits: Limits) -> Result<Vec<u8>, Failed> {
    let mut answer = lake.sql(Question { text: text.to_owned(), format, limits, on: On::Either }).await?;
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.body.next().await {
        bytes.extend(chunk?);
    }
    Ok(bytes)
}

async fn rows(lake: &Lake, text: &str) -> Vec<Vec<Value>> {
    let answer = ask(lake, text, Format::Json, Limits::default()).await;
    let bytes = answer.unwrap_or_else(|failed| panic!("{text}: {failed}"));
    let answer: Value = serde_json::from_slice(&bytes).unwrap();
    let rows = answer["rows"].as_array().unwrap();
    rows.iter().map(|row| row.as_array().unwrap().clone()).collect()
}

async fn csv(lake: &Lake, text: &str) -> String {
    let answer = ask(lake, text, Format::Csv, Limits::default()).await;
    let bytes = answer.unwrap_or_else(|failed| panic!("{text}: {failed}"));
    String::from_utf8(bytes).unwrap().replace('\r', "")
}

async fn failed(lake: &Lake, text: &str, limits: Limits) -> Failed {
    ask(lake, text, Format::Json, limits).await.err().unwrap_or_else(|| panic!("{text} is answered"))
}

async fn put(lake: &Lake, samples: impl IntoIterator<Item = Sample>) {
    lake.append(samples.into_iter().map(Sample::span).collect()).await.unwrap();
}

#[derive(Clone, Debug)]
enum Step {
    Append(Vec<Span>),
    Flush,
    Compact,
    Reopen,
    /// What is found out at one question is remembered for the next.
    Ask,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => prop::collection::vec(arbitrary_span(), 0..10).prop_map(Step::Append),
        2 => Just(Step::Flush),
        1 => Just(Step::Compact),
        1 => Just(Step::Reopen),
        1 => Just(Step::Ask),
    ];
    prop::collection::vec(step, 0..14)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn sql_answers_like_the_model_whatever_lies_where(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
        runtime.block_on(async {
            let directory = tempfile::tempdir().unwrap();
            let mut lake = open(directory.path()).await;
            let mut model = Model::default();
            for step in steps {
                match step {
                    Step::Append(batch) => {
                        model.appended.extend(batch.iter().cloned());
                        lake.append(batch).await.unwrap();
                    }
                    Step::Flush => lake.flush().await.unwrap(),
                    Step::Compact => while lake.compact(LATER * 2).await.unwrap() {},
                    Step::Reopen => {
                        lake.flush().await.unwrap();
                        drop(lake);
                        lake = open(directory.path()).await;
                    }
                    Step::Ask => drop(rows(&lake, "SELECT * FROM spans").await),
                }
            }
            agree(&lake, &model).await;
        });
    }
}

async fn agree(lake: &Lake, model: &Model) {
    let all = model.spans();
    let finished: Vec<&Span> = all.iter().copied().filter(|span| span.finished()).collect();
    let bytes = ask(lake, "SELECT * FROM spans", Format::OtlpJson, Limits::default()).await.unwrap();
    assert_eq!(exported(&bytes).iter().collect::<Vec<_>>(), finished);
    assert_eq!(rows(lake, "SELECT count(*) FROM spans").await, [[Value::from(finished.len())]]);
    let joined = |span: &Span| -> Option<String> {
        let of_trace = all.iter().filter(|other| other.trace_id == span.trace_id);
        of_trace.filter_map(|other| other.interaction()).min().map(Into::into)
    };
    let half = NINE + 1800 * SECOND;
    type Holds<'a> = &'a dyn Fn(&Span) -> bool;
    let trace = |span: &Span| span.trace_id.to_string();
    let second = "02".repeat(16);
    let cases: [(String, Holds<'_>); 9] = [
        (String::new(), &|_| true),
        (" WHERE interaction_id = 'call-1'".to_owned(), &|span| joined(span).as_deref() == Some("call-1")),
        (" WHERE interaction_id IS NULL".to_owned(), &|span| joined(span).is_none()),
        (format!(" WHERE trace_id = '{second}'"), &|span| trace(span) == second),
        (format!(" WHERE trace_id IN ('{second}', 'x') AND kind = 'client'"), &|span| {
            trace(span) == second && span.kind.name() == "client"
        }),
        (format!(" WHERE start_ns >= {half}"), &|span| span.start_ns >= half),
        (format!(" WHERE {half} > start_ns"), &|span| span.start_ns < half),
        (" WHERE start > TIMESTAMP '2026-11-20T09:30:00Z'".to_owned(), &|span| span.start_ns > half),
        (" WHERE start BETWEEN '2026-11-20T09:00:00Z' AND '2026-11-20T09:30:00Z'".to_owned(), &|span| {
            (NINE..=half).contains(&span.start_ns)
        }),
    ];
    for (condition, holds) in cases {
        let text = format!("SELECT trace_id, span_id, kind, service, interaction_id FROM spans{condition}");
        let found: BTreeSet<String> = rows(lake, &text).await.iter().map(|row| format!("{row:?}")).collect();
        let expected = finished.iter().filter(|span| holds(span)).map(|span| {
            let interaction = joined(span).map_or(Value::Null, Value::from);
            let texts = [trace(span), span.span_id.to_string(), span.kind.name().to_owned()];
            let mut row: Vec<Value> = texts.into_iter().map(Value::from).collect();
            row.extend([Value::from(span.resource.service()), interaction]);
            format!("{row:?}")
        });
        assert_eq!(found, expected.collect(), "{text}");
        let counted = rows(lake, &format!("SELECT count(*) FROM spans{condition}")).await;
        assert_eq!(counted, [[Value::from(found.len())]], "{text}");
    }
    summaries(lake, model).await;
}

async fn summaries(lake: &Lake, model: &Model) {
    let text = "SELECT interaction_id, start_ns - 1795165200000000000, duration_ns, spans, errors, outcome, region, queues, trace_ids, waited_ns, \
                worked_ns, running FROM interactions";
    let expected = |ids: BTreeSet<String>| -> BTreeSet<String> {
        let row = |id: &String| {
            let summary = model.summary(id);
            let text = |text: &Option<String>| text.clone().map_or(Value::Null, Value::from);
            let traces: Vec<Value> = summary.trace_ids.iter().map(|trace| trace.to_string().into()).collect();
            let row: Vec<Value> = vec![
                id.as_str().into(),
                (summary.start_ns - NINE).into(),
                summary.duration_ns().into(),
                summary.span_count.into(),
                summary.error_count.into(),
                text(&summary.outcome),
                text(&summary.region),
                summary.queues.clone().into(),
                traces.into(),
                summary.waited_ns().into(),
                summary.worked_ns().into(),
                summary.running().into(),
            ];
            format!("{row:?}")
        };
        ids.iter().map(row).collect()
    };
    let found =
        |rows: Vec<Vec<Value>>| -> BTreeSet<String> { rows.iter().map(|row| format!("{row:?}")).collect() };
    assert_eq!(found(rows(lake, text).await), expected(model.interactions()));
    let one: BTreeSet<String> = model.interactions().into_iter().filter(|id| id == "call-2").collect();
    assert_eq!(found(rows(lake, &format!("{text} WHERE interaction_id = 'call-2'")).await), expected(one));
    let half = NINE + 1800 * SECOND;
    let late: BTreeSet<String> =
        model.interactions().into_iter().filter(|id| model.summary(id).start_ns >= half).collect();
    let since = format!("{text} WHERE start >= '2026-11-20T09:30:00Z'");
    assert_eq!(found(rows(lake, &since).await), expected(late));
    let failed: BTreeSet<String> =
        model.interactions().into_iter().filter(|id| model.summary(id).error_count > 0).collect();
    let searched = text.replace("interactions", "search('errors>0')");
    assert_eq!(found(rows(lake, &searched).await), expected(failed));
}

/// What an endpoint for OTLP makes of an export, in the order of the model.
fn exported(bytes: &[u8]) -> Vec<Span> {
    let mut spans = Vec::new();
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let bytes = json::decode(Signal::Traces, line).unwrap();
        let batch = accept(Signal::Traces, bytes.into(), &flow::otlp::Limits::default()).unwrap();
        spans.extend(to_spans(&batch.payload).spans);
    }
    spans.sort_by(|a, b| (a.start_ns, a.identity()).cmp(&(b.start_ns, b.identity())));
    spans
}

/// Acknowledged is found, finished is what counts, and every row is still there to look at.
#[tokio::test]
async fn a_span_is_there_at_once_and_once() {
    let directory = tempfile::tempdir().unwrap();
    let lake = open(directory.path()).await;
    let running = || Sample::new(1, 1).with("throughline.unfinished", true).interaction("call");
    put(&lake, [running(), Sample::new(1, 2)]).await;
    let count = "SELECT count(*) FROM spans";
    assert_eq!(csv(&lake, count).await, "count(*)\n1\n");
    lake.flush().await.unwrap();
    put(&lake, [Sample::new(1, 1).revision(1), Sample::new(1, 2).at(5, 5)]).await;
    expect![[r#"
        span_id,start,duration_ms,interaction_id
        0101010101010101,2026-11-20T09:00:00Z,1000.0,
        0202020202020202,2026-11-20T09:00:00Z,1000.0,
    "#]]
    .assert_eq(
        &csv(&lake, "SELECT span_id, start, duration_ms, interaction_id FROM spans ORDER BY span_id").await,
    );
    assert_eq!(csv(&lake, &count.replace("spans", "spans_raw")).await, "count(*)\n4\n");
    lake.flush().await.unwrap();
    assert_eq!(csv(&lake, count).await, "count(*)\n2\n");
    assert_eq!(csv(&lake, &count.replace("spans", "spans_raw")).await, "count(*)\n4\n");
}

/// Sixteen files of one interaction each, over as many hours.
async fn sixteen(lake: &Lake) {
    for n in 1..=16 {
        let start = u64::from(n) * 3600;
        let of = |span| Sample::new(n, span).at(start, 1).interaction(&format!("call-{n}"));
        put(lake, (1..=100).map(of)).await;
        lake.flush().await.unwrap();
    }
}

#[tokio::test]
async fn files_that_cannot_have_an_answer_are_left_out() {
    let directory = tempfile::tempdir().unwrap();
    let lake = open(directory.path()).await;
    sixteen(&lake).await;
    let one = Limits { files: 1, ..Limits::default() };
    for (condition, found) in [
        (format!("trace_id = '{}'", "05".repeat(16)), 100),
        ("interaction_id = 'call-5'".to_owned(), 100),
        (format!("trace_id = '{}'", "ff".repeat(16)), 0),
        ("start >= '2026-11-20T14:00:00Z' AND start < '2026-11-20T15:00:00Z'".to_owned(), 100),
        (format!("start_ns = {}", NINE + 5 * 3600 * SECOND), 100),
        ("start > '2030-01-01'".to_owned(), 0),
    ] {
        let text = format!("SELECT count(*) FROM spans WHERE {condition}");
        let bytes =
            ask(&lake, &text, Format::Csv, one).await.unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(String::from_utf8(bytes).unwrap(), format!("count(*)\r\n{found}\r\n"), "{text}");
    }
    let refused = failed(&lake, "SELECT count(*) FROM spans WHERE name = 'x'", one).await;
    assert_eq!(refused.to_string(), "the question reaches into 16 files, and 1 are allowed");
    assert!(refused.help().ends_with(", or allow more with `max_files`"), "{}", refused.help());
}

/// Guarantees: nobody is allowed more files, or bytes of them, than the settings let him have; below, what he asks for.
#[tokio::test]
async fn the_settings_say_what_may_be_allowed() {
    let directory = tempfile::tempdir().unwrap();
    let lake = Lake::open(settings(directory.path())).await.unwrap();
    sixteen(&lake).await;
    drop(lake);
    let all = "SELECT count(name) AS n FROM spans";
    let asked = Limits { files: 1_000_000, ..Limits::default() };
    let usual = || settings(directory.path());
    for (less, why, mend) in [
        (
            Settings { sql_max_files: 4, ..usual() },
            "the question reaches into 16 files, and 4 are allowed",
            "or raise `sql_max_files` in the `lake` section",
        ),
        (
            Settings { sql_max_files: 16, sql_max_scanned_mib: 0, ..usual() },
            "the question reads more than 0 bytes of files",
            "or raise `sql_max_scanned_mib` in the `lake` section",
        ),
    ] {
        let refused = failed(&Lake::open(less).await.unwrap(), all, asked).await;
        assert_eq!(refused.to_string(), why);
        assert!(refused.help().ends_with(mend), "{}", refused.help());
    }
    let more = Settings { sql_max_files: 16, ..usual() };
    let lake = Lake::open(more).await.unwrap();
    assert_eq!(ask(&lake, all, Format::Csv, asked).await.unwrap(), b"n\r\n1600\r\n");
}

#[tokio::test]
async fn each_limit_says_its_name_and_the_mend() {
    let directory = tempfile::tempdir().unwrap();
    let lake = Lake::open(Settings { sql_memory_limit_mib: 1, ..settings(directory.path()) }).await.unwrap();
    sixteen(&lake).await;
    let usual = Limits::default();
    let large = Limits { rows: u64::MAX, bytes: u64::MAX, time: Duration::from_secs(3600), ..usual };
    for (text, limits, said, help) in [
        (
            "SELECT * FROM spans",
            Limits { rows: 99, ..usual },
            "the answer has more than 99 rows",
            "add LIMIT 99",
        ),
        (
            "SELECT * FROM spans",
            Limits { bytes: 2048, ..usual },
            "the answer is larger than 2 KiB",
            "name fewer",
        ),
        (
            "SELECT name FROM spans",
            Limits { scanned: 10, ..usual },
            "the question reads more than 10 bytes of files",
            "bound `start` to a shorter time, name fewer columns, or allow more with `max_scanned_mib`",
        ),
        (
            "SELECT n, count(*) FROM generate_series(1, 10000000) AS a(n) GROUP BY n",
            large,
            "the question needs more memory than all of SQL has, 1 MiB",
            "bound `start` to a shorter time, group by fewer values, or raise `sql_memory_limit_mib`",
        ),
    ] {
        let failed = failed(&lake, text, limits).await;
        assert_eq!(failed.to_string(), said, "{text}");
        assert!(
            matches!(failed, Failed::Limit { .. }) && failed.help().starts_with(help),
            "{}",
            failed.help()
        );
    }
}

#[tokio::test]
async fn what_takes_too_long_is_ended() {
    let directory = tempfile::tempdir().unwrap();
    let lake = open(directory.path()).await;
    let limits = Limits { time: Duration::from_millis(200), ..Limits::default() };
    let failed = failed(&lake, "SELECT sum(n) FROM generate_series(1, 1000000000000) AS a(n)", limits).await;
    assert_eq!(failed.to_string(), "the question took longer than 0.2 seconds");
    assert!(
        matches!(failed, Failed::Limit { .. }) && failed.help().starts_with("bound"),
        "{}",
        failed.help()
    );
}

/// Nothing is left of a question whose answer nobody takes.
#[tokio::test]
async fn who_hangs_up_ends_the_work() {
    let directory = tempfile::tempdir().unwrap();
    let lake = open(directory.path()).await;
    sixteen(&lake).await;
    let limits =
        Limits { rows: u64::MAX, bytes: u64::MAX, time: Duration::from_secs(3600), ..Limits::default() };
    let text = "SELECT s.* FROM spans s, generate_series(1, 1000000000) AS a(n)".to_owned();
    let answer = lake
        .sql(Question { text, format: Format::Csv, limits, on: On::Either })
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    drop(answer);
    // A question keeps the files that it reads: they can go when it has ended.
    while lake.compact(LATER * 2).await.unwrap() {}
    let mut now = LATER * 3;
    lake.retain(now).await.unwrap();
    let left = || {
        std::fs::read_dir(directory.path().join("spans"))
            .unwrap()
            .map(|day| day.unwrap().path())
            .filter(|day| !day.ends_with("_delta_log"))
            .map(|day| {
                let hours = std::fs::read_dir(day).unwrap();
                hours.map(|hour| std::fs::read_dir(hour.unwrap().path()).unwrap().count()).sum::<usize>()
            })
            .sum::<usize>()
    };
    while left() > 0 {
        tokio::task::yield_now().await;
        // What left the table stays for an hour, for other engines.
        now += 2 * 3600 * SECOND;
        lake.retain(now).await.unwrap();
    }
}

/// The first question that meets it fails and says so; the others answer without it.
#[tokio::test]
async fn what_is_damaged_spoils_one_answer() {
    let directory = tempfile::tempdir().unwrap();
    let lake = open(directory.path()).await;
    sixteen(&lake).await;
    let day = directory.path().join("spans/day=2026-11-20/hour=14");
    let file = std::fs::read_dir(&day).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&file).unwrap();
    let half = bytes.len() / 2;
    bytes[4..half].fill(0xff);
    std::fs::write(&file, bytes).unwrap();
    let failed = failed(&lake, "SELECT * FROM spans", Limits::default()).await;
    assert!(
        failed.to_string().contains(" is damaged: ") && failed.to_string().ends_with(": ask again"),
        "{failed}"
    );
    assert_eq!(csv(&lake, "SELECT count(name) AS n FROM spans").await, "n\n1500\n");
}

#[tokio::test]
async fn nothing_but_questions() {
    let directory = tempfile::tempdir().unwrap();
    let lake = open(directory.path()).await;
    put(&lake, [Sample::new(1, 1)]).await;
    for (text, said) in [
        ("SELECT * INTO copied FROM spans", "a question that makes or changes something is not answered"),
        ("DROP TABLE spans", "DROP is not answered"),
        ("COPY spans TO 'x.csv'", "COPY is not answered"),
        ("CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION 'x'", "CREATE is not answered"),
    ] {
        let failed = failed(&lake, text, Limits::default()).await;
        assert!(matches!(failed, Failed::Refused(_)), "{text}: {failed:?}");
        assert_eq!(failed.to_string(), said, "{text}");
    }
    for text in [
        "SELECT * FROM 'x.parquet'",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM read_parquet('x')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM parquet_metadata('x')",
        "WITH gone AS (DELETE FROM spans RETURNING *) SELECT * FROM gone",
    ] {
        let failed = failed(&lake, text, Limits::default()).await;
        assert!(matches!(failed, Failed::Wrong { .. } | Failed::Refused(_)), "{text}: {failed:?}");
    }
    assert_eq!(csv(&lake, "SELECT count(*) FROM spans").await, "count(*)\n1\n");
}

#[tokio::test]
async fn what_is_wrong_is_said_with_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let lake = open(directory.path()).await;
    put(&lake, [Sample::new(1, 1)]).await;
    let mut said = String::new();
    for text in [
        "SELECT * FORM spans",
        "SELECT\n  durations FROM spans",
        "SELECT * FROM span",
        "SELECT nope(1)",
        "SELECT latency_hist(name) FROM spans",
        "SELECT hist_merge(duration_ns) FROM spans",
        "SELECT attr(name, 'k') FROM spans",
        "SELECT 1 / 0",
        "SELECT * FROM search('hold>>')",
        "SELECT CAST('x' AS INT)",
    ] {
        match failed(&lake, text, Limits::default()).await {
            Failed::Wrong { message, place } => said += &format!("{text:?}\n  {place:?} {message}\n"),
            other => panic!("{text}: {other:?}"),
        }
    }
    expect![[r#"
        "SELECT * FORM spans"
          Some((1, 10)) Expected: end of statement, found: FORM
        "SELECT\n  durations FROM spans"
          Some((2, 3)) No field named durations. Did you mean 'spans.duration_ms'?
        "SELECT * FROM span"
          Some((1, 15)) table 'span' not found
        "SELECT nope(1)"
          Some((1, 8)) Invalid function 'nope'.
        "SELECT latency_hist(name) FROM spans"
          None `latency_hist` takes one number, as in latency_hist(duration_ns)
        "SELECT hist_merge(duration_ns) FROM spans"
          None `hist_merge` takes what `latency_hist` gives
        "SELECT attr(name, 'k') FROM spans"
          None Cannot access field at argument 1: type Utf8View is not Struct, Map, or Null
        "SELECT 1 / 0"
          None Divide by zero error
        "SELECT * FROM search('hold>>')"
          None search: `>` is not a duration, at character 6; write it as in `30s`, `200ms` or `1m30s`
        "SELECT CAST('x' AS INT)"
          None Cast error: Cannot cast string 'x' to value of Int32 type
    "#]]
    .assert_eq(&said);
}

#[tokio::test]
async fn attributes_by_their_key_alone() {
    let directory = tempfile::tempdir().unwrap();
    let lake = open(directory.path()).await;
    let of = |span| Sample::new(1, span).stage(Stage::Action).resource("host.name", "h1");
    put(
        &lake,
        [
            of(1).with("http.route", "/customer").with("http.response.status_code", 503),
            of(2).with("cached", true),
        ],
    )
    .await;
    for flushed in [false, true] {
        if flushed {
            lake.flush().await.unwrap();
        }
        let text = "SELECT attr('http.route'), attr(s, 'cached'), attr('host.name'), http_status_code, attr('none') \
                    FROM spans s WHERE attr('host.name') = 'h1' ORDER BY span_id";
        assert_eq!(
            csv(&lake, text).await.lines().skip(1).collect::<Vec<_>>(),
            ["/customer,,h1,503,", ",true,h1,,"]
        );
        let text = "SELECT attr_int['http.response.status_code'] FROM spans WHERE attr_str['http.route'] LIKE '/cust%'";
        assert_eq!(csv(&lake, text).await.lines().nth(1), Some("503"));
    }
}

/// Merged from parts and by itself; over many groups, and as one.
#[tokio::test]
async fn quantiles_of_durations() {
    let directory = tempfile::tempdir().unwrap();
    let lake = open(directory.path()).await;
    for hour in 0..4_u64 {
        let of = |n: u8| {
            Sample::new(n, 1)
                .at(hour * 3600 + u64::from(n), u64::from(n))
                .service(["ivr", "crm"][usize::from(n % 2)])
        };
        put(&lake, (1..=200).map(of)).await;
        lake.flush().await.unwrap();
    }
    let whole = "SELECT hist_quantile(latency_hist(duration_ns), 0.5) / 1e9 FROM spans";
    let merged = "SELECT hist_quantile(hist_merge(h), 0.5) / 1e9 FROM (SELECT service, latency_hist(duration_ns) AS h FROM spans GROUP BY service)";
    for text in [whole, merged] {
        let told = rows(&lake, text).await[0][0].as_f64().unwrap();
        assert!((told - 100.0).abs() <= 1.1, "{text}: {told}");
    }
    let none = "SELECT hist_quantile(latency_hist(duration_ns), 0.5) FROM spans WHERE name = 'nothing'";
    assert_eq!(rows(&lake, none).await, [[Value::Null]]);
    let filtered =
        "SELECT (latency_hist(duration_ns) FILTER (WHERE service = 'ivr'))['count'] FROM spans GROUP BY kind";
    assert_eq!(csv(&lake, filtered).await.lines().nth(1), Some("100"));
}

#[tokio::test]
async fn the_formats_hold_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let lake = open(directory.path()).await;
    put(&lake, [Sample::new(1, 1).with("k", "a \"b\",\nc").interaction("call"), Sample::new(2, 1)]).await;
    let text = "SELECT name, attr_str, start FROM spans ORDER BY trace_id";
    let answer = |format| ask(&lake, text, format, Limits::default());
    expect![[r#"
        {"columns":[{"name":"name","type":"Utf8"},{"name":"attr_str","type":"Map(\"key_value\": non-null Struct(\"key\": non-null Utf8, \"value\": non-null Utf8), unsorted)"},{"name":"start","type":"Timestamp(ns, \"UTC\")"}],"rows":[
        ["span 1",{"interaction.id":"call","k":"a \"b\",\nc"},"2026-11-20T09:00:00Z"],
        ["span 1",{},"2026-11-20T09:00:00Z"]
        ]}
    "#]].assert_eq(&String::from_utf8(answer(Format::Json).await.unwrap()).unwrap());
    let arrow = answer(Format::Arrow).await.unwrap();
    let batches = arrow::ipc::reader::StreamReader::try_new(arrow.as_slice(), None).unwrap();
    assert_eq!(batches.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 2);
    let parquet = bytes::Bytes::from(answer(Format::Parquet).await.unwrap());
    let batches = parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(parquet, 10).unwrap();
    assert_eq!(batches.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 2);
    let wrong = answer(Format::OtlpJson).await.unwrap_err();
    assert_eq!(
        wrong.to_string(),
        "otlp-json wants whole rows of spans, as SELECT * FROM spans gives them: it has no column `trace_id`"
    );
    let none =
        ask(&lake, "SELECT name FROM spans WHERE name = ''", Format::Csv, Limits::default()).await.unwrap();
    assert_eq!(none, b"name\r\n");
}

#[test]
fn a_store_can_be_shared_by_questions() {
    fn shared<T: Send + Sync>(_: &T) {}
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let directory = tempfile::tempdir().unwrap();
        let lake = Arc::new(open(directory.path()).await);
        shared(&lake);
        put(&lake, [Sample::new(1, 1)]).await;
        let ask = |_| rows(&lake, "SELECT count(*) FROM spans");
        assert_eq!(futures_util::future::join_all((0..8).map(ask)).await, vec![[[Value::from(1)]]; 8]);
    });
}

/// Two queues, two hours, a transfer, two who gave up, a slow CRM.
fn day() -> Vec<Sample> {
    let mut samples = Vec::new();
    for n in 0..12_u8 {
        let (hour, id) = (u64::from(n / 6), format!("call-{n}"));
        let begin = hour * 3600 + u64::from(n) * 60;
        let queue = ["billing", "sales"][usize::from(n % 2)];
        let stage = |span, stage, start, duration| {
            Sample::new(n + 1, span)
                .interaction(&id)
                .stage(stage)
                .at(begin + start, duration)
                .with("interaction.queue.name", queue)
        };
        let waited = 5 + u64::from(n) * 6;
        samples.push(stage(1, Stage::Queue, 0, waited).change(|span| span.name = "Wait in queue".to_owned()));
        let action = Sample::new(n + 1, 2).interaction(&id).service("crm").stage(Stage::Action).at(begin, 1);
        let slow = u64::from(n) * 100_000_000;
        let code = if n % 4 == 3 { 503 } else { 200 };
        let action =
            action.with("http.route", "/customer").with("http.response.status_code", code).change(|span| {
                span.duration_ns = 50_000_000 + slow;
                span.name = "POST /customer".to_owned();
                span.status.code = store_api::span::StatusCode::from_otlp(if code == 503 { 2 } else { 0 });
            });
        samples.push(action.resource("cloud.region", "eu-west-1"));
        if n % 5 == 4 {
            samples.push(stage(3, Stage::Alert, waited, 1).with("interaction.outcome", "abandoned"));
            continue;
        }
        let agent = ["ann", "bob"][usize::from(n % 2)];
        let talk = stage(4, Stage::Talk, waited, 100).with("interaction.agent.id", agent);
        samples
            .push(talk.with("interaction.outcome", "handled").change(|span| span.name = "Talk".to_owned()));
        if n % 3 == 0 {
            samples.push(
                stage(5, Stage::Hold, waited + 20, 10 + u64::from(n)).with("interaction.agent.id", agent),
            );
            let experts =
                Sample::new(n + 1, 6).interaction(&id).stage(Stage::Queue).at(begin + waited + 100, 2);
            samples.push(experts.with("interaction.queue.name", "experts"));
        }
    }
    samples
}

/// Each question of the documentation, over what is in memory and over files.
#[tokio::test]
async fn the_questions_of_the_documentation_are_answered() {
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/sql.md")).unwrap();
    let questions: Vec<&str> =
        text.split("```sql\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(questions.len(), 10);
    let directory = tempfile::tempdir().unwrap();
    let lake = open(directory.path()).await;
    put(&lake, day()).await;
    let mut answers = String::new();
    for question in &questions {
        answers += &csv(&lake, question).await;
        answers.push('\n');
    }
    expect_test::expect_file!["golden/questions.txt"].assert_eq(&answers);
    lake.flush().await.unwrap();
    for (question, before) in questions.iter().zip(answers.split("\n\n")) {
        assert_eq!(csv(&lake, question).await.trim_end(), before.trim_end(), "{question}");
    }
}

/// Scenario: a compaction gives attributes columns of their own that most spans have; some are still in memory then, and
/// some come later.
/// Guarantees: a question about an attribute has one answer, wherever it lies, and however it is asked; whole spans come
/// out as they came in, before and after the store is opened again; the column can be named.
#[tokio::test]
async fn an_attribute_is_the_same_in_a_column_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let lake = open(directory.path()).await;
    let call = |n: u64| {
        let sample = Sample::new((n / 10) as u8 + 1, (n % 10) as u8 + 1)
            .at(n, 5)
            .resource("host.name", format!("host-{}", n % 3).as_str());
        let sample = sample
            .interaction(&format!("call-{}", n / 100))
            .with("tenant.id", format!("t{}", n % 7).as_str());
        if n.is_multiple_of(50) {
            sample.with("rare", "once in a while")
        } else {
            sample.with("number", n as i64)
        }
    };
    let some = |from: u64, to: u64| (from..to).map(call).collect::<Vec<_>>();
    put(&lake, some(0, 500)).await;
    lake.flush().await.unwrap();
    put(&lake, some(500, 1000)).await;
    lake.flush().await.unwrap();
    let questions = [
        "SELECT attr('tenant.id') AS t, count(*) FROM spans GROUP BY t ORDER BY t",
        "SELECT attr_str['tenant.id'] AS t, count(*) FROM spans GROUP BY t ORDER BY t",
        "SELECT attr(s, 'host.name') AS h, attr(s.resource_str, 'host.name') = s.resource_str['host.name'], count(*) FROM spans AS s GROUP BY 1, 2 ORDER BY 1",
        "SELECT count(*) FROM spans WHERE attr('rare') IS NOT NULL",
        "SELECT sum(attr_int['number']) FROM spans",
        "SELECT trace_id, span_id FROM spans WHERE attr('tenant.id') = 't3' AND attr('host.name') = 'host-1' ORDER BY 1, 2",
    ];
    let spans = "SELECT * FROM spans ORDER BY trace_id, span_id";
    let whole =
        async |lake: &Lake| exported(&ask(lake, spans, Format::OtlpJson, Limits::default()).await.unwrap());
    let mut before = Vec::new();
    for question in questions {
        before.push(csv(&lake, question).await);
    }
    let all = whole(&lake).await;
    assert_eq!(all.len(), 1000);
    while lake.compact(LATER).await.unwrap() {}
    assert_eq!(lake.file_count(), 1);
    let found = rows(
        &lake,
        "SELECT attr_tenant_id, resource_host_name, attr_str FROM spans WHERE attr('number') = '1'",
    )
    .await;
    assert_eq!(found, [[Value::from("t1"), "host-1".into(), serde_json::json!({})]]);
    for (question, before) in questions.iter().zip(&before) {
        assert_eq!(&csv(&lake, question).await, before, "{question}");
    }
    assert_eq!(whole(&lake).await, all);
    drop(lake);
    let lake = open(directory.path()).await;
    assert_eq!(whole(&lake).await, all);
    put(&lake, some(1000, 1200)).await;
    let counted = csv(
        &lake,
        "SELECT attr_tenant_id, count(*) FROM spans WHERE attr('tenant.id') < 't2' GROUP BY 1 ORDER BY 1",
    )
    .await;
    assert_eq!(counted, "attr_tenant_id,count(*)\nt0,172\nt1,172\n");
    let flushed = async |lake: &Lake| csv(lake, questions[0]).await;
    let hot = flushed(&lake).await;
    lake.flush().await.unwrap();
    assert_eq!(flushed(&lake).await, hot);
}
