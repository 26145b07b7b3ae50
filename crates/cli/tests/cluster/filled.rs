//! A store with all that makes answers hard, and questions to it.

use std::path::Path;
use std::time::Duration;

use flow::config::GoDuration;
use futures_util::StreamExt;
use store_api::door::{Cluster, Settings};
use store_api::sql::{Answer, Failed, Format, Limits, On, Question, Worked};
use store_api::testing::Sample;
use store_api::testing::sample::{NINE, SECOND};
use store_api::{Span, Stage, TraceStore};
use store_lake::Lake;

const LATER: u64 = NINE + 100 * 24 * 3600 * SECOND;

/// Calls over two hours, with their interaction in the first.
fn calls(traces: std::ops::RangeInclusive<u8>) -> Vec<Span> {
    let call = |trace: u8| {
        (1..=20_u8).map(move |span| {
            let stage = [Stage::Queue, Stage::Talk, Stage::Action][usize::from(span % 3)];
            let sample = Sample::new(trace, span)
                .at(u64::from(span) * 300, u64::from(span) + u64::from(trace))
                .stage(stage)
                .service(["ivr", "crm"][usize::from(span % 2)])
                .resource("host.name", format!("host-{}", trace % 3).as_str())
                .with("tenant.id", format!("t{}", trace % 7).as_str())
                .with("interaction.queue.name", ["billing", "sales"][usize::from(trace % 2)])
                .with("http.response.status_code", i64::from(span) + 200);
            let sample = if span == 1 { sample.interaction(&format!("call-{trace}")) } else { sample };
            let sample = if span % 9 == 0 { sample.with("rare", "now and then") } else { sample };
            sample.change(|made| {
                let first = Sample::new(trace, 1).span().span_id;
                made.parent_span_id = Some(first).filter(|first| *first != made.span_id);
            })
        })
    };
    traces.flat_map(call).map(Sample::span).collect()
}

/// What came again: half of it as it was, half with more to tell.
fn again(traces: std::ops::RangeInclusive<u8>, revision: i64) -> Vec<Span> {
    let again = |trace: u8| {
        let sample = Sample::new(trace, 3).at(900, 50).stage(Stage::Hold).with("tenant.id", "moved");
        if trace.is_multiple_of(2) { sample.revision(revision).span() } else { sample.span() }
    };
    traces.map(again).collect()
}

/// Compacted files with attributes in columns of their own, files behind them that revise and repeat, and spans in memory that
/// do so too.
pub(crate) async fn fill(lake: &Lake) {
    for flush in 0..6_u8 {
        lake.append(calls(flush * 10 + 1..=flush * 10 + 10)).await.unwrap();
        lake.append(again(flush * 10 + 1..=flush * 10 + 4, 1)).await.unwrap();
        lake.flush().await.unwrap();
    }
    while lake.compact(LATER).await.unwrap() {}
    for flush in 0..3_u8 {
        lake.append(again(flush * 10 + 1..=flush * 10 + 8, 2)).await.unwrap();
        lake.append(calls(flush * 10 + 61..=flush * 10 + 70)).await.unwrap();
        lake.flush().await.unwrap();
    }
    lake.append(again(1..=40, 3)).await.unwrap();
    lake.append(calls(91..=99)).await.unwrap();
}

pub(crate) fn settings(directory: &Path, scheduler: &str, from_spans: u64) -> Settings {
    let cluster = Cluster { from_spans, partitions: 4, ..Cluster::at(scheduler) };
    Settings {
        directory: directory.to_owned(),
        flush_interval: GoDuration::from_secs(100_000),
        cluster: Some(cluster),
        ..Settings::default()
    }
}

async fn read(mut answer: Answer) -> Result<Vec<u8>, Failed> {
    let mut whole = Vec::new();
    while let Some(chunk) = answer.body.next().await {
        whole.extend_from_slice(&chunk?);
    }
    Ok(whole)
}

pub(crate) async fn ask(
    lake: &Lake,
    text: &str,
    on: On,
    limits: Limits,
) -> Result<(String, Option<Worked>), Failed> {
    let question = Question { text: text.to_owned(), format: Format::Csv, limits, on };
    let answer = lake.sql(question).await?;
    let worked = answer.worked.clone();
    Ok((String::from_utf8(read(answer).await?).unwrap(), worked))
}

/// The columns of an answer with their types, as a client of Arrow gets them: the first message.
pub(crate) async fn columns(lake: &Lake, text: &str, on: On) -> Vec<u8> {
    let question = Question { text: text.to_owned(), format: Format::Arrow, limits: patient(), on };
    let mut bytes = read(lake.sql(question).await.unwrap()).await.unwrap();
    let length = u32::from_le_bytes(bytes[4..8].try_into().unwrap());
    bytes.truncate(8 + length as usize);
    bytes
}

pub(crate) fn patient() -> Limits {
    Limits { time: Duration::from_secs(120), ..Limits::default() }
}
