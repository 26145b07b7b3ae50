//! Questions in SQL, passed on: ClickHouse's own, which may only read, and only so much.

use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::BodyDataStream;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store_api::StoreError;
use store_api::sql::{Answer, Failed, Format, Question};

use crate::client;
use crate::refused::Refused;
use crate::store::Inner;

pub(crate) async fn ask(store: &Inner, question: Question) -> Result<Answer, Failed> {
    let Question { text, format, limits, .. } = question;
    let name = match format {
        Format::Json => "JSONCompact",
        Format::Csv => "CSVWithNames",
        Format::Arrow => "ArrowStream",
        Format::Parquet => "Parquet",
        Format::OtlpJson => {
            let what = "a ClickHouse store answers in json, csv, arrow or parquet".to_owned();
            return Err(Failed::Limit {
                what,
                help: "ask /api/v1/interactions/{id}/otlp for spans as OTLP".to_owned(),
            });
        }
    };
    let seconds = limits.time.as_secs().max(1).to_string();
    let (rows, bytes, scanned) =
        (limits.rows.to_string(), limits.bytes.to_string(), limits.scanned.to_string());
    let parameters = [
        ("database", store.settings.database.as_str()),
        ("default_format", name),
        ("readonly", "1"),
        ("wait_end_of_query", "1"),
        ("max_execution_time", &seconds),
        ("max_result_rows", &rows),
        ("max_result_bytes", &bytes),
        ("max_bytes_to_read", &scanned),
        ("result_overflow_mode", "throw"),
        ("read_overflow_mode", "throw"),
        ("timeout_overflow_mode", "throw"),
        ("output_format_json_quote_64bit_integers", "0"),
        ("output_format_json_escape_forward_slashes", "0"),
    ];
    // The server ends it before; this is for one that does not answer at all.
    let patience = limits.time + store.server.timeout();
    let answer = tokio::time::timeout(patience, store.server.send(&parameters, Bytes::from(text))).await;
    let answer =
        answer.unwrap_or_else(|_| Err(client::Failed::Away(format!("no answer within {patience:?}"))));
    let answer = answer.map_err(|failed| refused(store, failed))?;
    if answer.format.as_deref().is_some_and(|told| told != name) {
        let message = "the statement asks for a FORMAT of its own".to_owned();
        return Err(Failed::Wrong { message, place: None });
    }
    let place = store.server.place();
    let broken = move |error: hyper::Error| {
        Failed::Store(StoreError::Server {
            place: place.clone(),
            why: error.to_string(),
            mend: "; the answer broke off",
        })
    };
    let mut body = BodyDataStream::new(answer.into_body());
    if format != Format::Json {
        return Ok(Answer {
            format,
            worked: None,
            body: Box::pin(body.map(move |chunk| chunk.map_err(&broken))),
        });
    }
    let mut whole = Vec::new();
    while let Some(chunk) = body.next().await {
        whole.extend_from_slice(&chunk.map_err(&broken)?);
    }
    let ours = Bytes::from(rewritten(&whole)?);
    Ok(Answer {
        format,
        worked: None,
        body: Box::pin(futures_util::stream::once(std::future::ready(Ok(ours)))),
    })
}

#[derive(Deserialize)]
struct Theirs<'a> {
    meta: Vec<Named>,
    #[serde(borrow)]
    data: &'a RawValue,
}

#[derive(Serialize)]
struct Ours<'a> {
    columns: Vec<Named>,
    rows: &'a RawValue,
}

#[derive(Deserialize, Serialize)]
struct Named {
    name: String,
    #[serde(rename = "type")]
    kind: String,
}

/// From the server's `JSONCompact` to the words of the API.
fn rewritten(answer: &[u8]) -> Result<Vec<u8>, Failed> {
    let wrong =
        |error: serde_json::Error| Failed::Store(StoreError::Bug(format!("the answer is not JSON: {error}")));
    let Theirs { meta, data } = serde_json::from_slice(answer).map_err(wrong)?;
    serde_json::to_vec(&Ours { columns: meta, rows: data }).map_err(wrong)
}

fn refused(store: &Inner, failed: client::Failed) -> Failed {
    let client::Failed::Refused(refused) = failed else { return Failed::Store(store.server.error(failed)) };
    let Refused { code, text } = refused;
    let narrower = || {
        "ask for less, for example a shorter range or a LIMIT, or raise `max_rows` or `max_seconds`"
            .to_owned()
    };
    match code {
        // READONLY, ACCESS_DENIED
        164 | 497 => Failed::Refused(text),
        // TOO_MANY_ROWS, TIMEOUT_EXCEEDED, MEMORY_LIMIT_EXCEEDED, TOO_MANY_BYTES, TOO_MANY_ROWS_OR_BYTES
        158 | 159 | 241 | 307 | 396 => Failed::Limit { what: text, help: narrower() },
        // No number of its own, or the server's trouble.
        0 | 202 | 209 | 210 | 516 => Failed::Store(Refused { code, text }.into_error(&store.server.place())),
        _ => Failed::Wrong { message: text, place: None },
    }
}
