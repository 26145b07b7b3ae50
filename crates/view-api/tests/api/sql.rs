//! SQL over HTTP, with a store that answers what the question says.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use flow::{BoxFuture, Extension};
use futures_util::{StreamExt, stream};
use store_api::sql::{Answer, Failed, Format, On, Question, Worked};
use store_api::store::Look;
use store_api::{Appended, Limits, Span, StoreDoor, StoreError, TraceStore};
use view_api::{Settings, View};

use crate::client::{self, get, request};

/// `rows N` answers with so many chunks of 64 KiB; others fail as they say.
struct Engine;

impl TraceStore for Engine {
    fn append(&self, _: Vec<Span>) -> BoxFuture<'_, Result<Appended, StoreError>> {
        Box::pin(async { Ok(Appended::default()) })
    }

    fn look(&self, _: Limits, _: Look) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async { Ok(()) })
    }

    fn flush(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async { Ok(()) })
    }

    fn sql(&self, question: Question) -> BoxFuture<'_, Result<Answer, Failed>> {
        Box::pin(async move {
            let limit = || Failed::Limit { what: "too much".to_owned(), help: "ask for less".to_owned() };
            let (verb, count) = question.text.split_once(' ').unwrap_or((&question.text, "0"));
            match verb {
                "wrong" => Err(Failed::Wrong { message: "no such column".to_owned(), place: Some((2, 7)) }),
                "drop" => Err(Failed::Refused("DROP is not answered".to_owned())),
                "limit" => Err(limit()),
                "limits" => Ok(format!("{:?}", question.limits)),
                "unsupported" => Err(Failed::Unsupported),
                _ => Ok(String::new()),
            }
            .map(|text| {
                let count: usize = count.parse().unwrap();
                let chunks = (0..count).map(|_| Ok(Bytes::from(vec![b'x'; 64 << 10])));
                let end = if verb == "breaks" { Err(limit()) } else { Ok(Bytes::from(text)) };
                let body = stream::iter(chunks).chain(stream::iter([end])).boxed();
                let worked = match question.on {
                    On::Either => None,
                    On::Here => Some(Worked::Here),
                    On::Cluster => Some(Worked::Instead("no\nexecutors".to_owned())),
                };
                Answer { format: question.format, worked, body }
            })
        })
    }
}

async fn open() -> View {
    let door = StoreDoor::new(|_| Box::pin(async { Ok(Arc::new(Engine) as Arc<dyn TraceStore>) }));
    let door = Arc::new(door.forgetting());
    let lake = store_api::door::Settings { directory: PathBuf::from("/unused"), ..Default::default() };
    door.configure("lake", lake).unwrap();
    let settings = Settings { endpoint: "127.0.0.1:0".to_owned(), ..Settings::default() };
    let view = View::new("view", settings, door, None);
    view.start().await.unwrap();
    view
}

async fn post(view: &View, kind: &str, body: &str) -> client::Answer {
    let address = view.address().unwrap();
    let head = format!(
        "POST /api/v1/sql HTTP/1.1\r\nconnection: close\r\nhost: {address}\r\ncontent-type: {kind}\r\n"
    );
    request(address, &format!("{head}content-length: {}\r\n\r\n{body}", body.len())).await
}

#[tokio::test]
async fn errors_have_a_status_a_place_and_a_mend() {
    let view = open().await;
    let mut said = String::new();
    for query in [
        "wrong",
        "drop",
        "limit",
        "unsupported",
        "breaks%202",
        "rows&format=xml",
        "rows&max_rows=0",
        "rows&max_files=0",
        "rows&on=mars",
        "rows&q=1",
    ] {
        let answer = get(view.address().unwrap(), &format!("/api/v1/sql?query={query}"), &[]).await;
        said += &format!("{} {}\n", answer.status, answer.json()["error"]);
    }
    expect_test::expect![[r#"
        400 {"code":"bad_request","column":7,"help":"docs/sql.md has the tables and functions; `SHOW COLUMNS FROM spans` lists columns","line":2,"message":"no such column"}
        403 {"code":"forbidden","help":"the store is only read here: write SELECT, WITH, SHOW TABLES, SHOW COLUMNS, DESCRIBE or EXPLAIN","message":"DROP is not answered"}
        422 {"code":"limit","help":"ask for less","message":"too much"}
        501 {"code":"unsupported","help":"SQL comes with the Parquet store: build with `--features lake`","message":"this store has no SQL"}
        422 {"code":"limit","help":"ask for less","message":"too much"}
        400 {"code":"bad_request","help":"the parameters are described at /api/openapi.json","message":"`xml` is no format: write json, csv, arrow, parquet or otlp-json"}
        400 {"code":"bad_request","help":"the parameters are described at /api/openapi.json","message":"`max_rows` is a number from 1 to 100000000"}
        400 {"code":"bad_request","help":"the parameters are described at /api/openapi.json","message":"`max_files` is a number from 1 to 1000000000"}
        400 {"code":"bad_request","help":"the parameters are described at /api/openapi.json","message":"`mars` is no place to work a question out: write either, here or cluster"}
        400 {"code":"bad_request","help":"the parameters are described at /api/openapi.json","message":"q: unknown field `q`, expected one of `query`, `format`, `max_rows`, `max_seconds`, `max_files`, `max_scanned_mib`, `on`"}
    "#]].assert_eq(&said);
}

#[tokio::test]
async fn answers_come_in_their_format_however_long() {
    let view = open().await;
    for format in Format::ALL {
        let path = format!("/api/v1/sql?query=rows%203&format={format}");
        let answer = get(view.address().unwrap(), &path, &[]).await;
        assert_eq!((answer.status, answer.body.len()), (200, 3 * (64 << 10)), "{format}");
        assert_eq!(answer.header("content-type"), Some(format.content_type()));
    }
    let long = post(&view, "application/json", r#"{"query": "rows 40", "format": "csv"}"#).await;
    assert_eq!(long.status, 200);
    assert_eq!(long.header("transfer-encoding"), Some("chunked"));
    assert!(long.body.ends_with(b"\r\n0\r\n\r\n"), "the answer has an end");
    let broken = post(&view, "application/json", r#"{"query": "breaks 40"}"#).await;
    assert!(!broken.body.ends_with(b"0\r\n\r\n"), "what broke off has none");
}

#[tokio::test]
async fn an_answer_says_where_it_was_worked_out() {
    let view = open().await;
    for (on, told) in [
        ("", None),
        ("&on=either", None),
        ("&on=here", Some("here")),
        ("&on=cluster", Some("here; no executors")),
    ] {
        let answer = get(view.address().unwrap(), &format!("/api/v1/sql?query=rows{on}"), &[]).await;
        assert_eq!((answer.status, answer.header("throughline-worked")), (200, told), "{on}");
    }
}

#[tokio::test]
async fn questions_may_raise_some_limits() {
    let view = open().await;
    let answer =
        post(&view, "application/json", r#"{"query": "limits", "max_rows": 7, "max_seconds": 9}"#).await;
    let said = String::from_utf8(answer.body).unwrap();
    assert!(said.contains("rows: 7, ") && said.contains("time: 9s"), "{said}");
    let path = "/api/v1/sql?query=limits&max_files=57000&max_scanned_mib=20480";
    let said = String::from_utf8(get(view.address().unwrap(), path, &[]).await.body).unwrap();
    assert!(said.contains("scanned: 21474836480, files: 57000, "), "{said}");
}

/// A page of another origin can send forms and text without asking, and no JSON.
#[tokio::test]
async fn only_json_is_posted_and_only_to_sql() {
    let view = open().await;
    for kind in ["application/x-www-form-urlencoded", "text/plain"] {
        let answer = post(&view, kind, r#"{"query": "rows 1"}"#).await;
        assert_eq!(
            (answer.status, answer.json()["error"]["code"].as_str()),
            (400, Some("bad_request")),
            "{kind}"
        );
    }
    let address = view.address().unwrap();
    let elsewhere =
        format!("POST /api/v1/interactions HTTP/1.1\r\nconnection: close\r\nhost: {address}\r\n\r\n");
    assert_eq!(request(address, &elsewhere).await.status, 405);
}
