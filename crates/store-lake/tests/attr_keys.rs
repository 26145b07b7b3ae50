//! Which attributes there are is told alike, wherever the spans lie.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use expect_test::expect;
use flow::config::GoDuration;
use futures_util::StreamExt;
use store_api::attr_keys::AttrKey;
use store_api::door::Settings;
use store_api::sql::{Format, Limits as SqlLimits, On, Question};
use store_api::testing::Sample;
use store_api::testing::sample::{NINE, SECOND};
use store_api::{Limits, Questions, Range, TraceStore};
use store_lake::Lake;

const LATER: u64 = NINE + 100 * 24 * 3600 * SECOND;

async fn open(directory: &Path) -> Lake {
    let settings = Settings {
        directory: directory.to_owned(),
        flush_interval: GoDuration::from_secs(100_000),
        ..Settings::default()
    };
    Lake::open(settings).await.unwrap()
}

/// Of two traces on this day and one on the day before.
async fn put(lake: &Lake, first: u8) {
    let crm = |trace: u8| Sample::new(first + trace, 1).service("crm").with("db.rows", i64::from(trace));
    let yesterday = crm(3).change(|span| span.start_ns -= 24 * 3600 * SECOND).with("db.system", "oracle");
    let today = [crm(1).with("db.system", "postgresql"), crm(2).with("db.system", "postgresql").at(9, 1)];
    lake.append(today.into_iter().chain([yesterday]).map(Sample::span).collect()).await.unwrap();
}

async fn told(lake: &Lake, range: Range) -> String {
    let told = lake.attr_keys(range, Limits::default()).await.unwrap();
    assert!(!told.truncated);
    let line = |one: &AttrKey| {
        let values: Vec<&str> = one.values.iter().map(|(text, _)| text.as_str()).collect();
        let span = (one.last_ns - one.first_ns) / SECOND;
        format!("{} {} {} {} {span}s {}\n", one.level, one.key, one.kind.name(), one.spans, values.join(","))
    };
    told.keys.iter().map(line).collect()
}

async fn csv(lake: &Lake, text: &str) -> String {
    let question =
        Question { text: text.to_owned(), format: Format::Csv, limits: SqlLimits::default(), on: On::Either };
    let mut body = lake.sql(question).await.unwrap_or_else(|failed| panic!("{text}: {failed}")).body;
    let mut bytes = Vec::new();
    while let Some(chunk) = body.next().await {
        bytes.extend(chunk.unwrap());
    }
    String::from_utf8(bytes).unwrap().replace('\r', "")
}

/// Scenario: spans of two days in memory, in files, in memory and in files, in files that were made one, after a restart, and
/// with sidecars that are gone or harmed.
/// Guarantees: the same keys, counts, times and values each time; in SQL by day.
#[tokio::test]
async fn keys_are_told_alike_wherever_their_spans_lie() {
    let directory = tempfile::tempdir().unwrap();
    let mut lake = open(directory.path()).await;
    put(&lake, 0).await;
    put(&lake, 10).await;
    let in_memory = told(&lake, Range::ALL).await;
    expect![[r#"
        span db.rows int 6 86409s 1,2,3
        span db.system string 6 86409s postgresql,oracle
        resource service.name string 6 86409s crm
    "#]]
    .assert_eq(&in_memory);
    lake.flush().await.unwrap();
    assert_eq!(told(&lake, Range::ALL).await, in_memory);

    let sql = "SELECT * FROM attr_keys WHERE level = 'span' AND key LIKE 'db.%' ORDER BY day, key";
    let by_day = csv(&lake, sql).await;
    expect![[r#"
        day,level,key,type,spans,first_seen,last_seen,examples
        2026-11-19,span,db.rows,int,2,2026-11-19T09:00:00Z,2026-11-19T09:00:00Z,"[""3""]"
        2026-11-19,span,db.system,string,2,2026-11-19T09:00:00Z,2026-11-19T09:00:00Z,"[""oracle""]"
        2026-11-20,span,db.rows,int,4,2026-11-20T09:00:00Z,2026-11-20T09:00:09Z,"[""1"",""2""]"
        2026-11-20,span,db.system,string,4,2026-11-20T09:00:00Z,2026-11-20T09:00:09Z,"[""postgresql""]"
    "#]]
    .assert_eq(&by_day);
    let today = Range { from: NINE - 3600 * SECOND, to: u64::MAX };
    expect![[r#"
        span db.rows int 4 9s 1,2
        span db.system string 4 9s postgresql
        resource service.name string 4 9s crm
    "#]]
    .assert_eq(&told(&lake, today).await);

    drop(lake);
    for harmed in [false, true] {
        for entry in std::fs::read_dir(directory.path().join("index")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|kind| kind == "keys") {
                match harmed {
                    true => std::fs::write(path, "no keys").unwrap(),
                    false => std::fs::remove_file(path).unwrap(),
                }
            }
        }
        lake = open(directory.path()).await;
        assert_eq!(told(&lake, Range::ALL).await, in_memory);
        assert_eq!(csv(&lake, sql).await, by_day);
        drop(lake);
    }
    lake = open(directory.path()).await;
    put(&lake, 20).await;
    lake.flush().await.unwrap();
    let twice = told(&lake, Range::ALL).await;
    while lake.compact(LATER).await.unwrap() {}
    assert_eq!(told(&lake, Range::ALL).await, twice);
}
