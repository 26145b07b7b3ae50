//! SQL, passed on.

use std::time::Duration;

use futures_util::StreamExt;
use store_api::TraceStore;
use store_api::sql::{Failed, Format, Limits, On, Question};
use store_api::testing::Sample;
use store_clickhouse::ClickHouse;

use crate::shim::Shim;

async fn ask(store: &ClickHouse, text: &str, format: Format, limits: Limits) -> Result<Vec<u8>, Failed> {
    let mut body = store.sql(Question { text: text.to_owned(), format, limits, on: On::Either }).await?.body;
    let mut whole = Vec::new();
    while let Some(chunk) = body.next().await {
        whole.extend_from_slice(&chunk?);
    }
    Ok(whole)
}

pub(crate) async fn csv(store: &ClickHouse, text: &str) -> String {
    String::from_utf8(ask(store, text, Format::Csv, Limits::default()).await.unwrap()).unwrap()
}

#[tokio::test]
async fn sql_is_passed_on_and_only_reads() {
    let shim = Shim::start();
    let store = ClickHouse::new(shim.settings()).unwrap();
    let span = |n: u8| {
        Sample::new(n, 1)
            .interaction(&format!("call-{n}"))
            .with("http.route", "/a")
            .at(0, u64::from(n))
            .span()
    };
    store.append((1..=3).map(span).collect()).await.unwrap();
    let text = "SELECT interaction_id, duration_ns, stage, attr_str['http.route'] AS route FROM spans ORDER BY trace_id LIMIT 1";
    let json = ask(&store, text, Format::Json, Limits::default()).await.unwrap();
    assert_eq!(
        String::from_utf8(json).unwrap().split_whitespace().collect::<String>(),
        r#"{"columns":[{"name":"interaction_id","type":"String"},{"name":"duration_ns","type":"Int64"},{"name":"stage","type":"LowCardinality(Nullable(String))"},{"name":"route","type":"String"}],"rows":[["call-1",1000000000,null,"/a"]]}"#
    );
    assert_eq!(csv(&store, "SELECT count() AS n FROM interactions").await, "\"n\"\n3\n");
    for (format, begins) in [(Format::Parquet, &b"PAR1"[..]), (Format::Arrow, &[255, 255, 255, 255][..])] {
        assert!(ask(&store, text, format, Limits::default()).await.unwrap().starts_with(begins));
    }
    for (text, kind) in [
        ("INSERT INTO spans (trace_id) VALUES ('a')", "refused"),
        ("DROP TABLE spans", "refused"),
        ("CREATE TABLE a (b Int8) ENGINE = Memory", "refused"),
        ("SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a String')", "refused"),
        ("SELECT * FROM file('/etc/passwd', 'LineAsString')", "refused"),
        ("SELECT 1 SETTINGS max_execution_time = 0", "refused"),
        ("SET readonly = 0", "refused"),
        ("SELEC 1", "wrong"),
        ("SELECT nothing FROM spans", "wrong"),
        ("SELECT 1 FORMAT JSON", "wrong"),
        ("SELECT number FROM numbers(20000)", "limit"),
        ("SELECT sleepEachRow(0.5) FROM numbers(100) SETTINGS max_block_size = 1", "refused"),
    ] {
        let failed = ask(&store, text, Format::Csv, Limits::default()).await.unwrap_err();
        let told = match failed {
            Failed::Refused(_) => "refused",
            Failed::Wrong { .. } => "wrong",
            Failed::Limit { .. } => "limit",
            Failed::Unsupported | Failed::Store(_) => "store",
        };
        assert_eq!(told, kind, "{text}: {failed}");
    }
    let short = Limits { time: Duration::from_secs(1), ..Limits::default() };
    let failed =
        ask(&store, "SELECT sum(cityHash64(number)) FROM numbers(1000000000000)", Format::Csv, short)
            .await
            .unwrap_err();
    assert!(matches!(failed, Failed::Limit { .. }), "{failed}");
    let failed = ask(&store, "SELECT * FROM spans", Format::OtlpJson, Limits::default()).await.unwrap_err();
    assert!(matches!(failed, Failed::Limit { .. }), "{failed}");
    assert_eq!(csv(&store, "SELECT count() AS n FROM spans").await, "\"n\"\n3\n");
}
