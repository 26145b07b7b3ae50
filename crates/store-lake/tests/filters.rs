//! Filters leave files and rows out, and never an answer, whatever becomes of them on disk.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use flow::config::GoDuration;
use futures_util::StreamExt;
use proptest::prelude::*;
use store_api::attr_keys::Level;
use store_api::door::Settings;
use store_api::sql::{Format, Limits as SqlLimits, On, Question};
use store_api::testing::sample::{NINE, SECOND, arbitrary_span};
use store_api::testing::{Model, Sample, agree};
use store_api::{Attributes, Filter, Limits, Questions, Range, Recent, Span, TraceStore, Value};
use store_lake::Lake;
use throughline_context::SpanId;

const LATER: u64 = NINE + 100 * 24 * 3600 * SECOND;

async fn open(directory: &Path) -> Lake {
    let settings = Settings {
        directory: directory.to_owned(),
        flush_interval: GoDuration::from_secs(100_000),
        ..Settings::default()
    };
    Lake::open(settings).await.unwrap()
}

#[derive(Clone, Debug)]
enum Step {
    Append(Vec<Span>),
    Flush,
    Compact,
    Reopen,
    /// Of the filters some go and some get another byte; the store may be open.
    Harm(Vec<Option<u16>>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let harm = prop_oneof![1 => Just(None), 3 => any::<u16>().prop_map(Some)];
    let step = prop_oneof![
        4 => prop::collection::vec(arbitrary_span(), 0..10).prop_map(Step::Append),
        3 => Just(Step::Flush),
        1 => Just(Step::Compact),
        2 => Just(Step::Reopen),
        2 => prop::collection::vec(harm, 1..6).prop_map(Step::Harm),
    ];
    prop::collection::vec(step, 0..14)
}

fn harm(directory: &Path, harms: &[Option<u16>]) {
    let listing = std::fs::read_dir(directory.join("index")).into_iter().flatten();
    let mut filters: Vec<_> = listing.map(|entry| entry.unwrap().path()).collect();
    filters.sort();
    for (path, harm) in filters.iter().zip(harms.iter().cycle()) {
        // The upkeep may make one again at the same time.
        let Ok(mut bytes) = std::fs::read(path) else { continue };
        match harm {
            Some(at) if !bytes.is_empty() => {
                let at = usize::from(*at) % bytes.len();
                bytes[at] ^= 0x10;
                std::fs::write(path, bytes).unwrap();
            }
            _ => drop(std::fs::remove_file(path)),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn harmed_filters_change_no_answer(steps in steps()) {
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
                    Step::Harm(harms) => harm(directory.path(), &harms),
                }
            }
            agree(&lake, &model).await;
            let told = lake.attr_keys(Range::ALL, Limits::default()).await.unwrap();
            let told: BTreeSet<_> = told.keys.into_iter().map(|one| (one.level, one.key)).collect();
            let carried: BTreeSet<_> = model.appended.iter().flat_map(keys).collect();
            let kept: BTreeSet<_> = model.spans().iter().flat_map(|span| keys(span)).collect();
            assert!(told.is_superset(&kept) && told.is_subset(&carried), "{told:?} of {carried:?}");
        });
    }
}

fn keys(span: &Span) -> impl Iterator<Item = (Level, String)> {
    let of = |level, attributes: &Attributes| -> Vec<(Level, String)> {
        attributes.iter().map(|(key, _)| (level, key.to_owned())).collect()
    };
    let mut all = of(Level::Span, &span.attributes);
    all.extend(of(Level::Resource, span.resource.attributes()));
    all.extend(of(Level::Scope, &span.scope.attributes));
    all.extend(span.events.iter().flat_map(|event| of(Level::Event, &event.attributes)));
    all.extend(span.links.iter().flat_map(|link| of(Level::Link, &link.attributes)));
    all.into_iter()
}

async fn csv(lake: &Lake, text: &str) -> Vec<String> {
    let question =
        Question { text: text.to_owned(), format: Format::Csv, limits: SqlLimits::default(), on: On::Either };
    let mut body = lake.sql(question).await.unwrap_or_else(|failed| panic!("{text}: {failed}")).body;
    let mut bytes = Vec::new();
    while let Some(chunk) = body.next().await {
        bytes.extend(chunk.unwrap());
    }
    let lines = String::from_utf8(bytes).unwrap();
    lines.lines().skip(1).map(unquoted).collect()
}

/// The one cell of a line.
fn unquoted(line: &str) -> String {
    let inner = line.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.map_or_else(|| line.to_owned(), |inner| inner.replace("\"\"", "\""))
}

/// Scenario: an attribute has values of every type, in several files and in memory; texts that differ in their case alone.
/// Guarantees: asked for by what `attr` shows, each is found as often as it is there, in files with filters and in files that
/// have lost them.
#[tokio::test]
async fn attributes_in_sql_are_found_as_often_as_they_are_there() {
    let directory = tempfile::tempdir().unwrap();
    let lake = open(directory.path()).await;
    let values = [
        Value::from("call"),
        "CALL".into(),
        "5".into(),
        Value::Int(5),
        Value::Int(-7),
        Value::Double(5.0),
        Value::Double(0.5),
        Value::Double(1e300),
        true.into(),
        Value::Array(vec!["call".into()]),
        Value::Empty,
    ];
    for (n, value) in (1_u8..).zip(values.iter().chain(&values[..6])) {
        let sample = Sample::new(n, 1).at(u64::from(n), 1);
        let sample = if n % 3 == 0 {
            sample.resource("what", value.clone())
        } else {
            sample.with("what", value.clone())
        };
        lake.append(vec![sample.span()]).await.unwrap();
        if n % 4 == 0 {
            lake.flush().await.unwrap();
        }
    }
    for round in 0..2 {
        let mut shown: BTreeMap<String, u32> = BTreeMap::new();
        for row in csv(&lake, "SELECT attr('what') || ';' || count(*) FROM spans GROUP BY attr('what')").await
        {
            let (text, count) = row.rsplit_once(';').unwrap();
            shown.insert(text.to_owned(), count.parse().unwrap());
        }
        assert!(shown.len() > 8 && shown.values().sum::<u32>() == 17, "{shown:?}");
        for (text, count) in shown {
            let found =
                csv(&lake, &format!("SELECT count(*) FROM spans WHERE attr('what') = '{text}'")).await;
            assert_eq!(found, [count.to_string()], "{text} in round {round}");
        }
        lake.flush().await.unwrap();
        harm(directory.path(), &[None, Some(40)]);
    }
}

/// Scenario: a rare attribute among calls in several files and in memory, one of them on a trace that began an hour after its
/// interaction; ranges and other terms around it.
/// Guarantees: the search box finds the interactions that have it, in any case of its letters, and no others.
#[tokio::test]
async fn a_rare_attribute_leads_to_its_interaction() {
    let directory = tempfile::tempdir().unwrap();
    let lake = open(directory.path()).await;
    for n in 1..=40_u8 {
        let id = format!("call-{n:02}");
        let first = Sample::new(n, n)
            .interaction(&id)
            .at(u64::from(n) * 60, 5)
            .with("order.id", format!("Order-{n:05}").as_str());
        let later = Sample::new(n + 100, n + 100)
            .interaction(&id)
            .at(u64::from(n) * 60 + 3600, 5)
            .with("refund.id", i64::from(n));
        lake.append(vec![first.span(), later.span()]).await.unwrap();
        if n % 10 == 0 && n < 40 {
            lake.flush().await.unwrap();
        }
    }
    let span = SpanId([7; 8]).to_string();
    for (text, found) in [
        ("order.id=ORDER-00007", vec!["call-07"]),
        ("Order-00007", vec!["call-07"]),
        ("Order-00035", vec!["call-35"]),
        ("order-00035", vec![]),
        ("refund.id=12", vec!["call-12"]),
        ("refund.id=12 order.id=order-00012", vec!["call-12"]),
        ("refund.id=12 order.id=order-00013", vec![]),
        ("refund.id=12 OR order.id=order-00013", vec!["call-13", "call-12"]),
        ("order.id=order-00001 -refund.id=1", vec![]),
        ("order.id=order-99999", vec![]),
        ("order-99999", vec![]),
        (span.as_str(), vec!["call-07"]),
    ] {
        for harmed in [false, true] {
            if harmed {
                harm(directory.path(), &[None, Some(300)]);
            }
            let filter = Filter { q: Some(text.parse().unwrap()), ..Filter::default() };
            let page = lake.recent(Recent { filter, ..Recent::default() }).await.unwrap();
            let ids: Vec<&str> = page.interactions.iter().map(|summary| summary.id.as_str()).collect();
            assert_eq!((ids, page.truncated), (found.clone(), false), "{text}");
        }
    }
}

/// Scenario: of twenty calls in files and in memory only five traces are looked at for a page; bare ids of the oldest two,
/// of which one is what another call's queue mentions.
/// Guarantees: their calls are on the first page, and not on a later one again.
#[tokio::test]
async fn a_bare_id_of_an_old_call_is_on_the_first_page() {
    let directory = tempfile::tempdir().unwrap();
    let lake = open(directory.path()).await;
    let id = "a84b4c76e66710@pc33";
    for n in 1..=20_u8 {
        let sample = Sample::new(n, n).interaction(&format!("call-{n:02}")).at(u64::from(n) * 60, 5);
        let sample = match n {
            1 => sample.with("sip.call_id", id),
            9 => sample.with("interaction.queue.name", format!("about {id}").as_str()),
            _ => sample,
        };
        lake.append(vec![sample.span()]).await.unwrap();
        if n % 4 == 0 && n < 20 {
            lake.flush().await.unwrap();
        }
    }
    let limits = Limits { traces: 5, ..Limits::default() };
    let span = SpanId([2; 8]).to_string();
    for harmed in [false, true] {
        if harmed {
            lake.flush().await.unwrap();
            harm(directory.path(), &[None, Some(300)]);
        }
        for (text, first, later) in [(id, "call-01", vec!["call-09"]), (span.as_str(), "call-02", vec![])] {
            let filter = Filter { q: Some(text.parse().unwrap()), ..Filter::default() };
            let mut question = Recent { filter, limits, ..Recent::default() };
            let mut pages = Vec::new();
            loop {
                let page = lake.recent(question.clone()).await.unwrap();
                pages.push(page.interactions.into_iter().map(|call| call.id).collect::<Vec<_>>());
                question.cursor = page.next.map(|cursor| cursor.to_string().parse().unwrap());
                if question.cursor.is_none() {
                    break;
                }
            }
            let rest: Vec<String> = pages.split_off(1).concat();
            assert_eq!(
                (pages.concat(), rest),
                (vec![first.to_owned()], later.iter().map(|id| (*id).to_owned()).collect()),
                "{text}"
            );
        }
    }
}
