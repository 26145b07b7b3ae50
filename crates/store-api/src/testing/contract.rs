//! What every store promises.

mod find;

use std::collections::BTreeMap;
use std::sync::Arc;

use throughline_context::{SpanId, TraceId};

use super::model::Model;
use super::sample::{NINE, SECOND, Sample};
use crate::analysis::Analysis;
use crate::answer::{Facets, Page};
use crate::hops::{self, Arrivals};
use crate::question::{Filter, Limits, Range, Recent};
use crate::span::{Kind, Span, Status, StatusCode, key};
use crate::stage::Stage;
use crate::store::{Questions, TraceStore};
use crate::summary::Summary;

const SOUND: &str = "a store that works answers";

/// Runs the whole contract; `open` makes an empty store.
pub async fn contract(open: impl AsyncFn() -> Arc<dyn TraceStore>) {
    a_trace_is_there_at_once_and_only_once(&*open().await).await;
    a_higher_revision_replaces_and_nothing_else_does(&*open().await).await;
    one_span_pulls_its_whole_trace_in(&*open().await).await;
    a_replaced_span_takes_its_trace_along(&*open().await).await;
    a_start_that_a_revision_moved_is_found(&*open().await).await;
    a_summary_says_where_the_time_went(&*open().await).await;
    what_goes_on_grows_until_it_is_finished(&*open().await).await;
    pages_follow_each_other(&*open().await).await;
    a_search_looks_at_some_spans_for_each_page(&*open().await).await;
    a_bare_id_is_found_however_old_it_is(&*open().await).await;
    a_search_that_cannot_look_at_all_spans_says_so(&*open().await).await;
    hand_overs_and_what_goes_on_are_searched_for(&*open().await).await;
    facets_leave_their_own_filter_aside(&*open().await).await;
    limits_cut_and_say_so(&*open().await).await;
    a_lost_context_is_found(&*open().await).await;
    hops_are_those_of_the_newest_spans(&*open().await).await;
    find::traces_are_found_by_their_spans(&*open().await).await;
    find::a_look_that_is_cut_says_so(&*open().await).await;
    super::analysis::analysis(&open).await;
}

/// Every answer of the store is the model's.
pub async fn agree(store: &dyn TraceStore, model: &Model) {
    let limits = Limits::default();
    for id in model.traces() {
        let trace = store.trace(id, limits).await.expect(SOUND).expect("the trace is there");
        assert_eq!(unwrapped(&trace.spans), model.trace(id), "trace {id}");
        assert!(!trace.truncated);
    }
    for id in ["call-1", "call-2", "call-3", "nobody"] {
        let found = store.interaction(id, limits).await.expect(SOUND);
        assert_eq!(found.is_some(), model.interactions().contains(id), "interaction {id}");
        if let Some(found) = found {
            assert_eq!(found.summary, model.summary(id));
            assert_eq!(unwrapped(&found.spans), model.interaction(id));
        }
    }
    for question in questions(model) {
        let (found, _) = all_pages(store, &question).await;
        assert_eq!(found, model.recent(&question), "{question:?}");
    }
}

fn questions(model: &Model) -> Vec<Recent> {
    let some = |text: &str| Some(text.to_owned());
    let trace = model.traces().first().copied();
    let half = NINE + 1800 * SECOND;
    let filters = [
        Filter::default(),
        searched("CR"),
        searched("call-2"),
        trace.map_or_else(Filter::default, |trace| searched(&trace.to_string())),
        searched("stage=queue -errors=0 OR service=cr*"),
        searched("NOT (interaction.queue.name=a OR duration>20m)"),
        searched("interaction.queue.name=A"),
        searched("interaction.queue.name=c -interaction.channel=b OR interaction.region=a"),
        searched("transfers>=1 OR running=true"),
        Filter { stage: Some(Stage::Queue), ..Filter::default() },
        Filter { region: some("a"), channel: some("b"), ..Filter::default() },
        Filter { queue: some("a"), outcome: some("b"), ..Filter::default() },
        Filter { agent: some("a"), service: some("crm"), ..Filter::default() },
        Filter { errors: true, min_duration_ns: Some(1800 * SECOND), ..Filter::default() },
    ];
    let ranges = [Range::ALL, Range { from: half, to: u64::MAX }, Range { from: NINE, to: half + 1 }];
    let limits = [Limits::default(), Limits { traces: 1, ..Limits::default() }];
    let mut questions = Vec::new();
    for filter in filters {
        for range in ranges {
            for limits in limits {
                questions.push(Recent { range, filter: filter.clone(), limit: 2, cursor: None, limits });
            }
        }
    }
    questions
}

fn searched(text: &str) -> Filter {
    let search = text.parse().unwrap_or_else(|wrong| panic!("{text}: {wrong}"));
    Filter { q: Some(search), ..Filter::default() }
}

async fn all_pages(store: &dyn TraceStore, question: &Recent) -> (Vec<Summary>, Facets) {
    let mut question = question.clone();
    let mut found = Vec::new();
    let mut facets = None;
    for _ in 0..1000 {
        let Page { interactions, next, facets: counted, .. } =
            store.recent(question.clone()).await.expect(SOUND);
        assert!(interactions.len() <= question.limit);
        found.extend(interactions);
        facets.get_or_insert(counted);
        question.cursor = next;
        if question.cursor.is_none() {
            return (found, facets.unwrap_or_default());
        }
    }
    panic!("the pages do not come to an end: {question:?}");
}

async fn put(store: &dyn TraceStore, samples: impl IntoIterator<Item = Sample>) {
    let spans = samples.into_iter().map(Sample::span).collect();
    store.append(spans).await.expect(SOUND);
}

fn unwrapped(spans: &[Arc<Span>]) -> Vec<&Span> {
    spans.iter().map(AsRef::as_ref).collect()
}

async fn names(store: &dyn TraceStore, trace: u8) -> Vec<String> {
    let found = store.trace(TraceId([trace; 16]), Limits::default()).await.expect(SOUND);
    found.map(|trace| trace.spans.iter().map(|span| span.name.clone()).collect()).unwrap_or_default()
}

async fn a_trace_is_there_at_once_and_only_once(store: &dyn TraceStore) {
    assert_eq!(store.trace(TraceId([1; 16]), Limits::default()).await.expect(SOUND), None);
    put(store, [Sample::new(1, 2).at(1, 1), Sample::new(1, 1), Sample::new(2, 1)]).await;
    put(store, [Sample::new(1, 1)]).await;
    assert_eq!(names(store, 1).await, ["span 1", "span 2"]);
    // A client and a server that share an id (B3) are two spans, and so are two services.
    let client = Sample::new(1, 1).at(2, 1).change(|span| span.kind = Kind::Client);
    put(store, [client, Sample::new(1, 1).at(3, 1).service("crm")]).await;
    assert_eq!(names(store, 1).await, ["span 1", "span 2", "span 1", "span 1"]);
    assert_eq!(names(store, 2).await, ["span 1"]);
}

async fn a_higher_revision_replaces_and_nothing_else_does(store: &dyn TraceStore) {
    let named = |name: &str, revision| {
        let name = name.to_owned();
        Sample::new(1, 1).revision(revision).change(|span| span.name = name)
    };
    for (sample, stays) in [
        (named("first", 1).with(key::UNFINISHED, true), "first"),
        (named("equal", 1), "first"),
        (named("lower", 0), "first"),
        (named("higher", 2).at(7200, 1), "higher"),
        (named("late", 1), "higher"),
    ] {
        put(store, [sample]).await;
        assert_eq!(names(store, 1).await, [stays]);
    }
    let found = store.trace(TraceId([1; 16]), Limits::default()).await.expect(SOUND).expect("it is there");
    assert!(found.spans.iter().all(|span| span.finished() && span.revision() == 2));
}

async fn one_span_pulls_its_whole_trace_in(store: &dyn TraceStore) {
    put(store, [Sample::new(1, 1), Sample::new(2, 1).resource(key::INTERACTION, "call")]).await;
    put(store, [Sample::new(1, 2).interaction("call").at(9, 1), Sample::new(3, 1).interaction("other")])
        .await;
    let found = store.interaction("call", Limits::default()).await.expect(SOUND).expect("it is there");
    assert_eq!(found.spans.len(), 3);
    assert_eq!(found.summary.trace_ids, [TraceId([1; 16]), TraceId([2; 16])]);
    let trace = store.trace(TraceId([1; 16]), Limits::default()).await.expect(SOUND).expect("it is there");
    assert_eq!(trace.interactions, ["call"]);
    assert_eq!(store.interaction("", Limits::default()).await.expect(SOUND), None);
}

async fn a_replaced_span_takes_its_trace_along(store: &dyn TraceStore) {
    put(store, [Sample::new(1, 1).interaction("old").revision(1), Sample::new(1, 2)]).await;
    put(store, [Sample::new(1, 1).interaction("new").revision(2)]).await;
    assert_eq!(store.interaction("old", Limits::default()).await.expect(SOUND), None);
    let found = store.interaction("new", Limits::default()).await.expect(SOUND).expect("it is there");
    assert_eq!(found.spans.len(), 2);
    let (listed, _) = all_pages(store, &Recent::default()).await;
    assert_eq!(listed.iter().map(|summary| summary.id.as_str()).collect::<Vec<_>>(), ["new"]);
}

async fn a_start_that_a_revision_moved_is_found(store: &dyn TraceStore) {
    put(store, [Sample::new(1, 1).interaction("call").revision(1), Sample::new(1, 2).at(100, 1)]).await;
    put(store, [Sample::new(1, 1).interaction("call").revision(2).at(200, 1)]).await;
    let at = |second| NINE + second * SECOND;
    for (from, to, there) in [(at(50), at(150), true), (NINE, at(50), false), (at(150), u64::MAX, false)] {
        let question = Recent { range: Range { from, to }, ..Recent::default() };
        let (listed, _) = all_pages(store, &question).await;
        assert_eq!(listed.len(), usize::from(there), "{from} to {to}");
    }
}

async fn a_summary_says_where_the_time_went(store: &dyn TraceStore) {
    let call = |span, stage, start, duration| {
        Sample::new(1, span).interaction("call").stage(stage).at(start, duration)
    };
    put(
        store,
        [
            call(1, Stage::Ivr, 0, 20).with(key::CHANNEL, "voice").with(key::DIRECTION, "inbound"),
            call(2, Stage::Queue, 20, 60).with(key::QUEUE, "billing"),
            call(3, Stage::Alert, 80, 5).with(key::AGENT, "ann").with(key::AGENT_NAME, "Ann A"),
            call(4, Stage::Alert, 90, 5).with(key::AGENT, "bob"),
            call(5, Stage::Talk, 95, 200).with(key::OUTCOME, "handled"),
            call(6, Stage::Wrapup, 295, 30),
            Sample::new(2, 1)
                .interaction("call")
                .service("crm")
                .at(5, 1)
                .with("cloud.region", "eu-west-1")
                .change(|span| {
                    span.status = Status { code: StatusCode::Error, message: "no row".to_owned() }
                }),
        ],
    )
    .await;
    let found =
        store.interaction("call", Limits::default()).await.expect(SOUND).expect("it is there").summary;
    let stages: Vec<_> = found.stages.iter().map(|(stage, ns)| format!("{stage} {}", ns / SECOND)).collect();
    assert_eq!(stages, ["ivr 20", "queue 60", "alert 10", "talk 200", "wrapup 30"]);
    assert_eq!((found.waited_ns() / SECOND, found.worked_ns() / SECOND), (70, 230));
    assert_eq!((found.duration_ns() / SECOND, found.span_count, found.error_count), (325, 7, 1));
    assert!(!found.running());
    assert_eq!(
        (found.queues, found.agents),
        (vec!["billing".to_owned()], vec!["ann".to_owned(), "bob".to_owned()])
    );
    assert_eq!(found.names, BTreeMap::from([("ann".to_owned(), "Ann A".to_owned())]));
    assert_eq!(found.services, ["crm", "ivr"]);
    assert_eq!(found.region.as_deref(), Some("eu-west-1"));
    assert_eq!(found.outcome.as_deref(), Some("handled"));
}

async fn what_goes_on_grows_until_it_is_finished(store: &dyn TraceStore) {
    let talk =
        |revision| Sample::new(1, 2).interaction("call").stage(Stage::Talk).at(10, 5).revision(revision);
    put(
        store,
        [Sample::new(1, 1).at(0, 15).with(key::UNFINISHED, true), talk(1).with(key::UNFINISHED, true)],
    )
    .await;
    let summary = async || {
        store.interaction("call", Limits::default()).await.expect(SOUND).expect("it is there").summary
    };
    let seconds = |summary: &Summary| (summary.duration_ns() / SECOND, summary.worked_ns() / SECOND);
    let told = summary().await;
    assert_eq!((told.running(), seconds(&told)), (true, (15, 5)));
    assert_eq!(seconds(&told.clone().as_of(NINE + 40 * SECOND)), (40, 30));
    assert_eq!(seconds(&told.clone().as_of(NINE)), (15, 5), "a clock that is behind takes nothing away");
    assert_eq!(
        told.clone().as_of(NINE + 40 * SECOND).as_of(NINE + 40 * SECOND),
        told.as_of(NINE + 40 * SECOND)
    );
    put(store, [Sample::new(1, 1).at(0, 30).revision(1), talk(2).at(10, 20)]).await;
    let ended = summary().await;
    assert_eq!((ended.running(), seconds(&ended.as_of(u64::MAX))), (false, (30, 20)));
}

async fn pages_follow_each_other(store: &dyn TraceStore) {
    let ids: Vec<String> = (0..25u8).map(|n| format!("call-{n:02}")).collect();
    // Five start at the same moment each.
    let samples =
        ids.iter().zip(1..).map(|(id, n)| Sample::new(n, 1).interaction(id).at(u64::from(n - 1) / 5, 1));
    put(store, samples).await;
    let mut newest_first: Vec<&String> = ids.iter().collect();
    newest_first.sort_by_key(|id| {
        (std::cmp::Reverse(id.get(5..).unwrap_or("").parse::<u32>().unwrap_or(0) / 5), *id)
    });
    for (limit, traces) in [(1, 100), (3, 100), (50, 100), (2, 3), (50, 1)] {
        let limits = Limits { traces, ..Limits::default() };
        let (found, facets) = all_pages(store, &Recent { limit, limits, ..Recent::default() }).await;
        assert_eq!(found.iter().map(|summary| &summary.id).collect::<Vec<_>>(), newest_first);
        if traces == 100 {
            assert_eq!(facets.service.first().map(|count| count.count), Some(25));
        }
    }
}

async fn a_search_looks_at_some_spans_for_each_page(store: &dyn TraceStore) {
    // Three start at the same moment each; one of two is looked for.
    let call = |n: u8| {
        let sample = Sample::new(n, 1).interaction(&format!("call-{n:02}")).at(u64::from(n) / 3, 1);
        sample.with("parity", i64::from(n % 2))
    };
    put(store, (1..=40).map(call)).await;
    let limits = Limits { spans: 1, ..Limits::default() };
    let question = Recent { filter: searched("parity=1"), limits, ..Recent::default() };
    let first = store.recent(question.clone()).await.expect(SOUND);
    assert!(first.truncated && (1..20).contains(&first.interactions.len()));
    let (found, _) = all_pages(store, &question).await;
    let mut ids: Vec<_> = found.iter().map(|summary| summary.id.clone()).collect();
    ids.sort();
    assert_eq!(ids, (1..=40).step_by(2).map(|n| format!("call-{n:02}")).collect::<Vec<_>>());
}

/// One call carries what another one's queue only mentions; there are more traces than are looked at for a page.
async fn a_bare_id_is_found_however_old_it_is(store: &dyn TraceStore) {
    let id = "a84b4c76e66710@pc33";
    let call = |n: u8| {
        let sample = Sample::new(n, n).interaction(&format!("call-{n:02}")).at(u64::from(n) * 60, 5);
        match n {
            2 => sample.with("sip.call_id", id),
            20 => sample.with(key::QUEUE, format!("about {id}").as_str()),
            _ => sample,
        }
    };
    put(store, (1..=40).map(call)).await;
    let limits = Limits { traces: 5, ..Limits::default() };
    let third = SpanId([3; 8]).to_string();
    let (either, without) = (format!("{third} OR {id}"), format!("{third} -{id}"));
    let with = format!("{id} spans=1 -call-20");
    for (text, mut ids) in [
        (id, vec!["call-20", "call-02"]),
        (third.as_str(), vec!["call-03"]),
        (either.as_str(), vec!["call-20", "call-03", "call-02"]),
        (with.as_str(), vec!["call-02"]),
        (without.as_str(), vec!["call-03"]),
        ("a84b4c76e66710@pc34", vec![]),
    ] {
        for limit in [1, 50] {
            let question = Recent { filter: searched(text), limits, limit, ..Recent::default() };
            let (found, _) = all_pages(store, &question).await;
            let mut found: Vec<_> = found.iter().map(|call| call.id.as_str()).collect();
            found.sort_unstable();
            ids.sort_unstable();
            assert_eq!(found, ids, "{text}, {limit} on a page");
        }
    }
}

async fn a_search_that_cannot_look_at_all_spans_says_so(store: &dyn TraceStore) {
    let few = |n: u8| Sample::new(1, n).interaction("few").at(u64::from(n), 1);
    let many = |n: u8| Sample::new(2, n).interaction("many").at(100 + u64::from(n), 1);
    put(store, (1..=4).map(few)).await;
    put(store, (1..=20).map(|n| if n == 20 { many(n).with("k", "v") } else { many(n) })).await;
    let limits = Limits { spans: 5, ..Limits::default() };
    for (text, cut) in [("k=v", true), ("-k=v", true), ("k=v spans<5", false), ("-k=v spans<5", false)] {
        let question = Recent { filter: searched(text), limits, ..Recent::default() };
        let page = store.recent(question).await.expect(SOUND);
        assert_eq!((page.truncated, page.next), (cut, None), "{text}");
    }
}

async fn hand_overs_and_what_goes_on_are_searched_for(store: &dyn TraceStore) {
    let stage = |n: u8, span: u8, stage: Stage| {
        Sample::new(n, span).interaction(&format!("call-{n}")).stage(stage).at(u64::from(span) * 10, 10)
    };
    let queue = |n: u8, span: u8, name: &str| stage(n, span, Stage::Queue).with(key::QUEUE, name);
    put(store, [queue(1, 1, "a"), stage(1, 2, Stage::Talk), stage(1, 3, Stage::Transfer)]).await;
    put(store, [queue(1, 4, "b"), stage(1, 5, Stage::Talk), stage(1, 6, Stage::Transfer)]).await;
    put(store, [queue(1, 7, "c").with(key::UNFINISHED, true)]).await;
    // Overflow is no hand-over; talk before another queue is one, though no span says so.
    put(store, [queue(2, 1, "a"), queue(2, 2, "b"), stage(2, 3, Stage::Talk)]).await;
    put(store, [queue(3, 1, "a"), stage(3, 2, Stage::Talk), queue(3, 3, "b")]).await;
    put(store, [stage(3, 4, Stage::Alert), stage(3, 5, Stage::Alert)]).await;
    put(store, [stage(4, 1, Stage::Talk).with(key::UNFINISHED, true), stage(4, 2, Stage::Alert)]).await;
    for (text, ids) in [
        ("transfers>=2", vec!["call-1"]),
        ("transfers=1", vec!["call-3"]),
        ("transfers=0", vec!["call-2", "call-4"]),
        ("transfers=1..2 running=false", vec!["call-3"]),
        ("running=true", vec!["call-1", "call-4"]),
        ("alerts=0", vec!["call-1", "call-2"]),
        ("alerts=1", vec!["call-4"]),
        ("alerts>=2 transfers=1", vec!["call-3"]),
        ("running!=true -transfers=0", vec!["call-3"]),
    ] {
        let (found, _) = all_pages(store, &Recent { filter: searched(text), ..Recent::default() }).await;
        assert_eq!(found.iter().map(|call| call.id.as_str()).collect::<Vec<_>>(), ids, "{text}");
    }
    let transfers = store.transfers(crate::analysis::Scope::default()).await.expect(SOUND);
    assert_eq!((transfers.transferred, transfers.repeated), (2, 1), "the same are counted");
}

async fn facets_leave_their_own_filter_aside(store: &dyn TraceStore) {
    let call = |n: u8, region: &str, queue: &str| {
        Sample::new(n, 1).interaction(&n.to_string()).with(key::REGION, region).with(key::QUEUE, queue)
    };
    put(store, [call(1, "eu", "a"), call(2, "eu", "b"), call(3, "us", "a"), call(4, "us", "c")]).await;
    let filter = Filter { region: Some("eu".to_owned()), ..Filter::default() };
    let page = store.recent(Recent { filter, ..Recent::default() }).await.expect(SOUND);
    let counts = |counts: &[crate::answer::Count]| {
        counts.iter().map(|count| format!("{} {}", count.value, count.count)).collect::<Vec<_>>()
    };
    assert_eq!(page.interactions.len(), 2);
    assert_eq!(counts(&page.facets.region), ["eu 2", "us 2"]);
    assert_eq!(counts(&page.facets.queue), ["a 1", "b 1"]);
}

async fn limits_cut_and_say_so(store: &dyn TraceStore) {
    put(store, (1..=20).map(|n| Sample::new(1, n).interaction("call").at(u64::from(n), 1))).await;
    let few = Limits { spans: 5, ..Limits::default() };
    let found = store.interaction("call", few).await.expect(SOUND).expect("it is there");
    assert_eq!((found.spans.len(), found.truncated, found.summary.span_count), (5, true, 20));
    let small = Limits { bytes: 1, ..Limits::default() };
    let found = store.trace(TraceId([1; 16]), small).await.expect(SOUND).expect("it is there");
    assert_eq!((found.spans.len(), found.truncated), (0, true));
}

/// Ids of traces run against time.
async fn hops_are_those_of_the_newest_spans(store: &dyn TraceStore) {
    let at = |n: u8| 60 * u64::from(40 - n);
    let call = |n: u8| Sample::new(n, 1).at(at(n), 10).change(|span| span.kind = Kind::Client);
    let answer = |n: u8| {
        let sample = Sample::new(n, 2).service("crm").at(at(n) + 1, 5);
        sample.change(|span| span.parent_span_id = Some(SpanId([1; 8])))
    };
    put(store, (1..=40).flat_map(|n| [call(n), answer(n)])).await;
    for (limits, spans, kept) in [
        (Limits::default(), 100, 40),
        (Limits::default(), 20, 10),
        (Limits { traces: 10, ..Limits::default() }, 100, 10),
    ] {
        let question = hops::Question { spans, limits, ..hops::Question::default() };
        let hops = store.hops(question).await.expect(SOUND);
        let newest = (1..=40).filter(|n| NINE + (at(*n) + 1) * SECOND >= hops.covered.complete_from).count();
        let [edge] = hops.edges.as_slice() else { panic!("one edge: {hops:?}") };
        assert_eq!((edge.arrivals.kept, hops.covered.truncated), (newest as u64, kept < 40), "{spans}");
        assert!((kept..=kept + 10).contains(&newest) && hops.covered.spans <= 100, "{:?}", hops.covered);
    }
}

async fn a_lost_context_is_found(store: &dyn TraceStore) {
    let call = |trace, start| {
        Sample::new(trace, 1)
            .at(start, 10)
            .with("server.address", "crm")
            .change(|span| span.kind = Kind::Client)
    };
    let answer =
        |trace, start| Sample::new(trace, 2).service("crm").at(start, 5).with("server.address", "crm");
    put(store, [call(1, 0), call(3, 7200), call(4, 0)]).await;
    put(store, [answer(1, 1).change(|span| span.parent_span_id = Some(SpanId([1; 8])))]).await;
    put(store, [answer(2, 2).with(hops::key::DECISION, "restart"), answer(5, 7201)]).await;
    let hops = store.hops(hops::Question::default()).await.expect(SOUND);
    let [edge] = hops.edges.as_slice() else { panic!("one edge: {hops:?}") };
    let Arrivals { kept, restarted, absent, .. } = edge.arrivals;
    assert_eq!((edge.caller.as_deref(), edge.callee.as_str()), (Some("ivr"), "crm"));
    assert_eq!((kept, restarted, absent, edge.guessed), (1, 1, 1, 2));
    let range = Range { from: NINE, to: NINE + 3600 * SECOND };
    let hops = store.hops(hops::Question { range, ..hops::Question::default() }).await.expect(SOUND);
    assert_eq!(hops.edges.first().map(|edge| edge.arrivals.requests()), Some(2));
    assert!(!hops.covered.truncated);
}
