//! What every store promises of finding traces by their spans.

use std::ops::ControlFlow;

use super::{SOUND, put};
use crate::find::{Condition, Extent, Field, Find, Scope, Spans};
use crate::question::{Limits, Range};
use crate::span::{Status, StatusCode};
use crate::store::{Questions, TraceStore};
use crate::testing::Sample;
use crate::testing::sample::{NINE, SECOND};

/// `trace: the places of its spans`, the newest first.
async fn found(store: &dyn TraceStore, question: Find) -> (Vec<String>, Extent) {
    let taken = store.find(question, Vec::new(), |found, hit| {
        let [trace, ..] = hit.trace_id.0;
        found.push(format!("{trace}: {:?}", hit.matched));
        ControlFlow::Continue(())
    });
    taken.await.expect(SOUND)
}

pub(super) async fn traces_are_found_by_their_spans(store: &dyn TraceStore) {
    let failed = |sample: Sample| {
        sample.change(|span| span.status = Status { code: StatusCode::Error, message: String::new() })
    };
    put(store, [Sample::new(1, 1).service("crm"), Sample::new(1, 2).at(5, 1).with("rows", 3)]).await;
    put(store, [Sample::new(2, 1).at(10, 1), failed(Sample::new(2, 2).at(11, 4).service("crm"))]).await;
    put(store, [Sample::new(3, 1).at(7200, 1).with("rows", 4)]).await;
    put(store, [Sample::new(1, 3).at(6, 1).with("rows", 3)]).await;
    let is = |field, value: crate::value::Value| Spans::Where(Condition::is(field, value));
    let rows = |number: i64| is(Field::Attribute(Scope::Span, "rows".to_owned()), number.into());
    let crm = || is(Field::Service, "crm".into());
    for (spans, wanted) in [
        (Spans::ALL, vec!["3: [0]", "2: [0, 1]", "1: [0, 1, 2]"]),
        (crm(), vec!["2: [1]", "1: [0]"]),
        (is(Field::Service, "nobody".into()), vec![]),
        (rows(3), vec!["1: [1, 2]"]),
        (is(Field::Status, "error".into()), vec!["2: [1]"]),
        (is(Field::TraceDuration, (7 * SECOND as i64).into()), vec!["1: [0, 1, 2]"]),
        (is(Field::TraceId, "02020202020202020202020202020202".into()), vec!["2: [0, 1]"]),
        (Spans::Both(Box::new(crm()), Box::new(rows(3))), vec!["1: [0, 1, 2]"]),
        (Spans::Either(Box::new(rows(4)), Box::new(crm())), vec!["3: [0]", "2: [1]", "1: [0]"]),
    ] {
        let (traces, extent) = found(store, Find { spans: spans.clone(), ..Find::default() }).await;
        assert_eq!(
            (traces, extent.truncated),
            (wanted.into_iter().map(str::to_owned).collect(), false),
            "{spans:?}"
        );
    }
    let range = Range { from: NINE + 5 * SECOND, to: NINE + 11 * SECOND };
    let (traces, _) = found(store, Find { range, ..Find::default() }).await;
    assert_eq!(traces, ["2: [0]", "1: [1, 2]"], "spans that started in the range");
    let (services, _) = store.services(Range::ALL, Limits::default()).await.expect(SOUND);
    assert_eq!(services.0.into_iter().collect::<Vec<_>>(), ["crm", "ivr"]);
    let late = Range { from: NINE + 3600 * SECOND, to: u64::MAX };
    let (services, _) = store.services(late, Limits::default()).await.expect(SOUND);
    assert_eq!(services.0.into_iter().collect::<Vec<_>>(), ["ivr"]);
}

pub(super) async fn a_look_that_is_cut_says_so(store: &dyn TraceStore) {
    put(store, (1..=200).map(|n| Sample::new(n, 1).at(u64::from(n), 1))).await;
    let (traces, extent) = found(store, Find { look_at: 10, ..Find::default() }).await;
    assert!(extent.truncated && (10..200).contains(&traces.len()), "{extent:?}");
    assert!(traces.first().is_some_and(|first| first.starts_with("200:")), "the newest come first");
    let oldest = NINE + (201 - traces.len() as u64) * SECOND;
    assert!(extent.complete_from > oldest - SECOND && extent.complete_from <= oldest, "{extent:?}");
    let few = Limits { traces: 5, ..Limits::default() };
    let (traces, extent) = found(store, Find { limits: few, ..Find::default() }).await;
    assert!(extent.truncated && traces.len() < 200, "{extent:?}");
    let stopped = store.find(Find::default(), 0, |seen, _| {
        *seen += 1;
        if *seen < 3 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    let (seen, extent) = stopped.await.expect(SOUND);
    assert_eq!((seen, extent.truncated), (3, false), "who stops knows it");
}
