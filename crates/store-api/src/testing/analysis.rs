//! What every store answers about where time goes, against the slow and obvious way.

use std::sync::Arc;

use throughline_context::{SpanId, TraceId};

use super::sample::{NINE, SECOND, Sample};
use crate::analysis::{Analysis, Scope, chain, compare, differs, overview, percentiles, running, stage};
use crate::question::Limits;
use crate::question::Range;
use crate::span::{Link, key};
use crate::stage::Stage;
use crate::store::TraceStore;

const SOUND: &str = "a store that works answers";

/// Runs all; `open` makes an empty store.
pub(crate) async fn analysis(open: impl AsyncFn() -> Arc<dyn TraceStore>) {
    an_overview_counts_what_is_finished(&*open().await).await;
    a_stage_has_its_examples_and_groups(&*open().await).await;
    what_differs_is_found_and_what_does_not_is_not(&*open().await).await;
    a_comparison_tells_what_changed(&*open().await).await;
    transfers_are_counted_and_chains_followed(&*open().await).await;
    a_span_stands_among_its_kind(&*open().await).await;
    a_day_counts_each_span_once(&*open().await).await;
}

async fn put(store: &dyn TraceStore, samples: impl IntoIterator<Item = Sample>) {
    let spans = samples.into_iter().map(Sample::span).collect();
    store.append(spans).await.expect(SOUND);
}

fn hour() -> Scope {
    Scope { range: Range { from: NINE, to: NINE + 3600 * SECOND }, ..Scope::default() }
}

/// A call that starts at a second and waits for a while.
fn queued(n: u8, start: u64, waits: u64) -> Sample {
    Sample::new(n, 1).interaction(&format!("call-{n}")).stage(Stage::Queue).at(start, waits)
}

async fn an_overview_counts_what_is_finished(store: &dyn TraceStore) {
    let talk =
        |n: u8, start| Sample::new(n, 2).interaction(&format!("call-{n}")).stage(Stage::Talk).at(start, 60);
    let crm =
        |n: u8, start, version| Sample::new(n, 3).service("crm").at(start, 1).resource(key::VERSION, version);
    put(
        store,
        [
            queued(1, 0, 10).with(key::REGION, "eu"),
            talk(1, 10),
            crm(1, 1, "7.2"),
            queued(2, 100, 30).with(key::REGION, "eu"),
            talk(2, 130),
            crm(2, 101, "7.3"),
            queued(3, 200, 100).with(key::OUTCOME, "abandoned"),
            queued(4, 300, 2).with(key::OUTCOME, "abandoned"),
            queued(5, 400, 5).with(key::UNFINISHED, true),
            queued(6, 3600, 7),
            queued(7, 500, 9).revision(1),
            queued(7, 500, 1),
        ],
    )
    .await;
    let question = overview::Question { scope: hour(), short_abandon_ns: 5 * SECOND, ..Default::default() };
    let found = store.overview(question, NINE + 1000 * SECOND).await.expect(SOUND);
    let queue = found.stages.iter().find(|line| line.stage == Stage::Queue).expect("it is in the strip");
    assert_eq!((queue.latency.n, queue.latency.max), (5, Some(100 * SECOND)));
    assert_eq!(queue.series.iter().map(|step| step.n).sum::<u64>(), 5);
    assert_eq!(queue.within.map(|within| within.part), Some(3));
    let regions: Vec<_> =
        found.regions.iter().map(|line| (line.region.as_deref(), line.calls, line.n)).collect();
    assert_eq!(regions, [(Some("eu"), 2, 4), (None, 4, 3)]);
    assert_eq!(found.peak.map(|peak| (peak.n, (peak.at_ns - NINE) / SECOND)), Some((2, 500)));
    let calls = found.calls;
    assert_eq!(
        (calls.n, calls.answered, calls.abandoned, calls.short_abandoned, calls.waiting),
        (6, 2, 3, 1, 1)
    );
    assert_eq!((calls.service_level.part, calls.service_level.n), (1, 4));
    assert_eq!(calls.answer_time_ns, Some(20 * SECOND));
    let came = found.stages.iter().map(|line| (line.stage, line.calls)).filter(|(_, calls)| *calls > 0);
    assert_eq!(came.collect::<Vec<_>>(), [(Stage::Queue, 6), (Stage::Talk, 2)]);
    assert_eq!((found.running.n, found.running.stages), (1, vec![(Some(Stage::Queue), 1)]));
    let deploys: Vec<_> =
        found.deploys.iter().map(|of| (of.at_ns - NINE, &*of.before, &*of.version)).collect();
    assert_eq!(deploys, [(101 * SECOND, "7.2", "7.3")]);
    assert!(!found.covered.truncated);
}

async fn a_stage_has_its_examples_and_groups(store: &dyn TraceStore) {
    let wait = |n: u8| {
        let queue = if n <= 80 { "billing" } else { "sales" };
        queued(n, u64::from(n) * 30, u64::from(n)).with(key::QUEUE, queue)
    };
    put(store, (1..=100).rev().map(wait)).await;
    let question = stage::Question {
        scope: hour(),
        stage: Stage::Queue,
        group_by: Some(stage::GroupBy::Queue),
        steps: 60,
        // Between two buckets.
        threshold_ns: Some(20 * SECOND + SECOND / 2),
    };
    let found = store.stage(question.clone()).await.expect(SOUND);
    assert_eq!((found.latency.n, found.latency.max), (100, Some(100 * SECOND)));
    let at: Vec<_> = found.examples.iter().map(|one| one.at).collect();
    assert_eq!(at, ["p50", "p95", "p99", "max"]);
    for (one, rank) in found.examples.iter().zip([50_u64, 95, 99, 100]) {
        // As near as a percentile is told.
        let n = one.duration_ns / SECOND;
        assert!(n.abs_diff(rank) <= u64::from(one.at != "max"), "{one:?}");
        assert_eq!(one.interaction, Some(format!("call-{n}")));
        let told = (one.trace_id, one.span_id, one.start_ns, one.duration_ns);
        assert_eq!(told, (TraceId([n as u8; 16]), SpanId([1; 8]), NINE + n * 30 * SECOND, n * SECOND));
    }
    assert_eq!(found.within.and_then(|within| within.share()), Some(0.2));
    let groups: Vec<_> = found.groups.iter().map(|of| (of.value.as_deref(), of.latency.n)).collect();
    assert_eq!(groups, [(Some("billing"), 80), (Some("sales"), 20)]);
    assert_eq!(found.heat.counts.iter().flatten().sum::<u64>(), 100);
    let steps: Vec<u64> = found.series.iter().map(|step| step.n).collect();
    // As wide as rows are that a store may keep.
    let by_hand = |step: u64| (1..=100u64).filter(|n| n * 30 / 300 == step).count() as u64;
    assert_eq!(steps, (0..12).map(by_hand).collect::<Vec<_>>());
    // A filter on one queue, and one on the interaction.
    let mut sales = question.clone();
    sales.scope.queue = Some("sales".to_owned());
    assert_eq!(store.stage(sales).await.expect(SOUND).latency.n, 20);
    let mut long = question.clone();
    long.scope.calls.min_duration_ns = Some(91 * SECOND);
    assert_eq!(store.stage(long).await.expect(SOUND).latency.n, 10);
    let mut half = question.clone();
    half.scope.range.to = NINE + 1800 * SECOND;
    let found = store.stage(half).await.expect(SOUND);
    assert_eq!((found.latency.n, found.heat.step_ns, found.series.len()), (59, 30 * SECOND, 60));
    // What a limit leaves out is the oldest, where only spans tell.
    let mut few = stage::Question { group_by: Some(stage::GroupBy::Operation), ..question };
    few.scope.spans = 10;
    let found = store.stage(few).await.expect(SOUND);
    let newest = (1..=100).filter(|n| NINE + n * 30 * SECOND >= found.covered.complete_from).count();
    assert!(found.covered.truncated && newest < 100, "{:?}", found.covered);
    assert_eq!(found.latency.n, newest as u64);
}

async fn what_differs_is_found_and_what_does_not_is_not(store: &dyn TraceStore) {
    // Those that wait long have mostly come from one flow, and half of each speak one language.
    let wait = |n: u8| {
        let slow = n.is_multiple_of(4);
        let flow = if slow || n.is_multiple_of(7) { "main" } else { "other" };
        queued(n, u64::from(n), if slow { 100 } else { 10 })
            .with("flow", flow)
            .with("language", if n % 8 < 4 { "de" } else { "fr" })
            .with("unique", i64::from(n))
    };
    let crm = |n: u8| {
        let version = if n.is_multiple_of(4) { "7.3" } else { "7.2" };
        Sample::new(n, 2).service("crm").at(u64::from(n), 1).resource(key::VERSION, version)
    };
    put(store, (1..=240).flat_map(|n| [wait(n), crm(n)])).await;
    let range = Range { from: NINE, to: NINE + 3600 * SECOND };
    let selected = differs::Selected { range, min_ns: 50 * SECOND, max_ns: u64::MAX };
    let question = differs::Question { scope: hour(), stage: Stage::Queue, selected };
    let found = store.differs(question.clone()).await.expect(SOUND);
    assert_eq!((found.inside, found.outside, found.enough), (60, 180, true));
    let sure: Vec<_> = found
        .differences
        .iter()
        .filter(|one| one.significant)
        .map(|one| (one.service.as_deref(), &*one.key, &*one.value, one.inside, one.outside))
        .collect();
    let outside_main = (1..=240u8).filter(|n| n % 4 != 0 && n % 7 == 0).count() as u64;
    assert_eq!(
        sure,
        [
            (Some("crm"), key::VERSION, "7.2", 0, 180),
            (Some("crm"), key::VERSION, "7.3", 60, 0),
            (None, "flow", "main", 60, outside_main),
            (None, "flow", "other", 0, 180 - outside_main),
        ]
    );
    assert_eq!(found.left_out, ["unique"]);
    assert_eq!(found.outside_share, 1.0);
    // Where there is not room for all, the box is looked at, and of the rest a sample.
    let narrow = differs::Question { scope: Scope { spans: 240, ..hour() }, ..question.clone() };
    let found = store.differs(narrow).await.expect(SOUND);
    assert_eq!((found.inside, found.outside_share, found.covered.truncated), (60, 0.25, false));
    assert!((20..90).contains(&found.outside) && found.covered.spans < 300, "{found:?}");
    let version = |of: &differs::Difference| of.significant && of.key == key::VERSION && of.value == "7.3";
    assert!(found.differences.iter().any(version), "{}", found.note());
    // So too where only traces of later are at hand.
    let early = Range { to: NINE + 101 * SECOND, ..range };
    let limits = Limits { traces: 120, ..Limits::default() };
    let box_before = differs::Selected { range: early, ..selected };
    let narrow =
        differs::Question { scope: Scope { limits, ..hour() }, selected: box_before, ..question.clone() };
    let found = store.differs(narrow).await.expect(SOUND);
    let covered = found.covered;
    let outside = (1..=240u64).filter(|n| NINE + n * SECOND >= covered.complete_from).count() as u64;
    assert!(covered.truncated && covered.complete_from > early.to, "{covered:?}");
    assert_eq!((found.inside, found.outside), (25, outside));
    let few = differs::Selected { min_ns: 0, max_ns: 5 * SECOND, ..selected };
    let found = store.differs(differs::Question { selected: few, ..question }).await.expect(SOUND);
    assert!(!found.enough && found.differences.is_empty());
    assert!(found.note().starts_with("not enough data: 0 inside"), "{}", found.note());
}

async fn a_comparison_tells_what_changed(store: &dyn TraceStore) {
    let get = |n: u8, span: u8, version: &str, ms: u64| {
        let at = u64::from(n) * 2;
        let sample = Sample::new(n, span).service("crm").at(at, 0).resource(key::VERSION, version);
        sample.change(|of| {
            of.name = "GET".to_owned();
            of.duration_ns = (ms + u64::from(span % 7)) * 1_000_000;
        })
    };
    for n in 1..=20 {
        put(store, (1..=20).map(|span| get(n, span, "7.2", 200))).await;
        put(store, (1..=20).map(|span| get(n + 100, span, "7.3", 280))).await;
    }
    put(store, [get(101, 99, "7.3", 5).change(|of| of.name = "new".to_owned())]).await;
    put(store, [queued(1, 2, 10), queued(101, 202, 10)]).await;
    let side = |version: &str| Scope { version: Some(version.to_owned()), ..hour() };
    let question = compare::Question { a: side("7.2"), b: side("7.3"), service: None, control_ns: None };
    let found = store.compare(question).await.expect(SOUND);
    assert_eq!((found.a.n, found.b.n), (401, 402));
    assert_eq!(found.verdicts, ["p95 crm GET +39 % (206 -> 286 ms, n = 400 / 400)"]);
    assert_eq!((found.a.covered, found.a.covered.spans), (found.b.covered, 803), "both sides in one look");
    let [queue] = found.stages.as_slice() else { panic!("one stage: {:?}", found.stages) };
    assert_eq!(queue.p95.verdict, compare::Verdict::NotEnough);
    let names: Vec<_> = found.new.iter().map(|(kind, latency)| (kind.to_string(), latency.n)).collect();
    assert_eq!((names, found.gone.len()), (vec![("crm new".to_owned(), 1)], 0));
    // An hour before, at other hours of it: the same change came to both versions.
    let get = |n: u8, span: u8, at: u64, ms: u64| {
        get(n, span, "7.1", ms).change(|of| of.start_ns = NINE - at * SECOND)
    };
    for n in 1..=20 {
        put(store, (101..=120).map(|span| get(n, span, 3600, 200))).await;
        put(store, (101..=120).map(|span| get(n + 100, span, 1800, 280))).await;
    }
    let half = |from: u64, version: &str| {
        let range = Range { from: NINE + from * SECOND, to: NINE + (from + 1800) * SECOND };
        Scope { range, ..side(version) }
    };
    let question = compare::Question {
        a: half(0, "7.2"),
        b: Scope { range: Range { from: NINE + 100 * SECOND, to: NINE + 3600 * SECOND }, ..half(0, "7.3") },
        service: Some("crm".to_owned()),
        control_ns: Some(3600 * SECOND),
    };
    let found = store.compare(question).await.expect(SOUND);
    let control = found.control.map(|(a, b)| (a.n, b.n));
    assert_eq!(control, Some((400, 400)), "of any version");
    let of = found.operations.first().map(|of| (of.p95.verdict, of.verdict()));
    let told = "p95 crm GET +39 % (206 -> 286 ms, n = 400 / 400), control +39 %: as the control";
    assert_eq!(of, Some((compare::Verdict::Unchanged, told.to_owned())));
}

async fn transfers_are_counted_and_chains_followed(store: &dyn TraceStore) {
    let stage = |n: u8, span: u8, stage: Stage, start: u64| {
        Sample::new(n, span).interaction(&format!("call-{n}")).stage(stage).at(start, 10)
    };
    let kind = |sample: Sample, kind: &str| sample.with("genesys_cloud.transfer.type", kind);
    let linked = |sample: Sample, to: u8, kind: &str| {
        let link = Link {
            trace_id: TraceId([to; 16]),
            span_id: SpanId([1; 8]),
            trace_state: String::new(),
            attributes: [("interaction.link.type", kind)].into_iter().collect(),
        };
        sample.change(|span| span.links.push(link))
    };
    put(
        store,
        [
            stage(1, 1, Stage::Queue, 0).with(key::QUEUE, "a"),
            stage(1, 2, Stage::Talk, 10),
            kind(stage(1, 3, Stage::Transfer, 20), "blind"),
            stage(1, 4, Stage::Queue, 30).with(key::QUEUE, "b"),
            stage(1, 5, Stage::Talk, 40),
            kind(stage(1, 6, Stage::Transfer, 50), "consult"),
            stage(1, 7, Stage::Talk, 50).with(key::AGENT, "bob"),
            stage(2, 1, Stage::Queue, 100).with(key::QUEUE, "a"),
            linked(stage(3, 1, Stage::Queue, 200), 1, "transfer"),
            linked(stage(4, 1, Stage::Talk, 300), 3, "conversation"),
            linked(stage(5, 1, Stage::Talk, 300), 3, "subscription"),
        ],
    )
    .await;
    let found = store.transfers(hour()).await.expect(SOUND);
    assert_eq!((found.n, found.transferred, found.repeated), (5, 1, 1));
    let edges: Vec<_> = found
        .edges
        .iter()
        .map(|edge| {
            (edge.from.as_deref(), edge.to.name(), edge.n, edge.blind, edge.consult, edge.added_wait.max)
        })
        .collect();
    let seconds = |seconds| Some(seconds * SECOND);
    assert_eq!(
        edges,
        [(Some("a"), Some("b"), 1, 1, 0, seconds(20)), (Some("b"), Some("bob"), 1, 0, 1, seconds(0))]
    );
    let few = store.transfers(Scope { spans: 2, ..hour() }).await.expect(SOUND);
    assert_eq!((few.n, few.transferred, few.covered.truncated), (5, 1, false));
    assert_eq!((found.chains_from, few.chains_from), (NINE, NINE + 200 * SECOND + 1));
    let ids = |chain: &Vec<crate::Summary>| chain.iter().map(|call| call.id.clone()).collect::<Vec<_>>();
    assert_eq!(found.chains.iter().map(ids).collect::<Vec<_>>(), [["call-1", "call-3", "call-4"]]);
    for id in ["call-1", "call-3", "call-4"] {
        let chain = store.chain(id, hour(), Vec::new()).await.expect(SOUND).expect("it is there");
        let calls: Vec<_> = chain.calls.iter().map(|call| &*call.summary.id).collect();
        assert_eq!(calls, ["call-1", "call-3", "call-4"]);
        let own = chain.calls.iter().find(|call| call.summary.id == id);
        assert_eq!(own.and_then(|own| own.link.as_deref()), None);
    }
    // Where there is not room for all around it, what is near it counts.
    for (spans, others) in [(11, vec!["call-1", "call-3", "call-4"]), (10, vec!["call-1", "call-3"])] {
        let scope = Scope { spans, ..hour() };
        let chain = store.chain("call-3", scope, Vec::new()).await.expect(SOUND).expect("it is there");
        let calls: Vec<_> = chain.calls.iter().map(|call| &*call.summary.id).collect();
        assert_eq!((calls, chain.truncated), (others, spans < 11), "{spans}");
    }
    assert_eq!(store.chain("nobody", hour(), Vec::new()).await.expect(SOUND), None);
    links_by_hand_join(store).await;
    let live = running::Question { now_ns: NINE + 600 * SECOND, most: 2, limits: Limits::default() };
    let live = store.live(live).await.expect(SOUND);
    let ids: Vec<_> = live.calls.iter().map(|call| &*call.id).collect();
    assert_eq!((live.running.n, ids), (0, vec!["call-4", "call-5"]));
}

/// Calls that nothing else joins, through a trace of one, and a trace that no call has.
async fn links_by_hand_join(store: &dyn TraceStore) {
    let (alone, far) = (TraceId([77; 16]), TraceId([78; 16]));
    put(store, [Sample::new(77, 1).at(300, 1), Sample::new(78, 1).at(300, 1)]).await;
    let call = |n: u8| chain::End::Interaction(format!("call-{n}"));
    let link = |id: &str, from, to| chain::ByHand { id: id.to_owned(), ends: [from, to] };
    let links = [
        link("one", chain::End::Trace(TraceId([2; 16])), call(4)),
        link("two", call(2), chain::End::Trace(alone)),
        link("elsewhere", call(5), chain::End::Trace(far)),
        link("gone", call(2), call(99)),
    ];
    for (id, led) in [("call-2", [(1, ""), (3, ""), (4, "one")]), ("call-4", [(1, ""), (2, "one"), (3, "")])]
    {
        let chain = store.chain(id, hour(), links.to_vec()).await.expect(SOUND).expect("it is there");
        let others = chain.calls.iter().filter(|call| call.summary.id != id);
        let found: Vec<_> = others
            .map(|call| (call.summary.id.clone(), call.by_hand.as_deref().unwrap_or_default()))
            .collect();
        assert_eq!(found, led.map(|(n, by_hand)| (format!("call-{n}"), by_hand)), "from {id}");
        assert!(
            chain.calls.iter().all(|call| call.by_hand.is_none() || call.link.as_deref() == Some("manual"))
        );
        assert_eq!(chain.traces, [chain::Joined { trace_id: alone, by_hand: "two".to_owned() }], "from {id}");
    }
}

async fn a_span_stands_among_its_kind(store: &dyn TraceStore) {
    let get =
        |n: u8| Sample::new(n, 2).service("crm").at(60, u64::from(n)).change(|of| of.name = "GET".to_owned());
    put(store, (1..=100).map(|n| queued(n, u64::from(n), 10))).await;
    put(store, (1..=100).map(get)).await;
    put(store, [Sample::new(90, 3).with(key::UNFINISHED, true)]).await;
    let question =
        percentiles::Question { id: "call-90".to_owned(), from: None, to: None, scope: Scope::default() };
    let found = store.percentiles(question).await.expect(SOUND).expect("it is there");
    let badges: Vec<_> = found.spans.iter().map(|badge| (badge.span_id, badge.n)).collect();
    assert_eq!(badges, [(SpanId([2; 8]), 100), (SpanId([1; 8]), 100)]);
    let kinds: Vec<_> = found.kinds.iter().map(|of| (of.kind.clone(), of.histogram.quantile(0.99))).collect();
    let operation = percentiles::Kind::Operation("crm".to_owned(), "GET".to_owned());
    let [(first, Some(p99)), (percentiles::Kind::Stage(Stage::Queue), Some(p99_queue))] = kinds.as_slice()
    else {
        panic!("two kinds: {kinds:?}")
    };
    assert_eq!((first, p99_queue), (&operation, &(10 * SECOND)));
    assert!((98 * SECOND..=101 * SECOND).contains(p99), "{p99}");
    let [crm, queue] = found.spans.as_slice() else { panic!("two badges") };
    assert!((89.0..=91.5).contains(&crm.percentile), "{crm:?}");
    assert_eq!((queue.percentile, queue.kind, crm.kind), (100.0, 1, 0));
}

/// Spans come twice, again, late and over several hours; what a trace says comes in its last span.
async fn a_day_counts_each_span_once(store: &dyn TraceStore) {
    let hour = 3600;
    put(store, [queued(1, hour - 10, 20), queued(2, hour - 5, 30), queued(3, 2 * hour, 5)]).await;
    put(store, [queued(2, hour - 5, 30), queued(4, 0, 7).with(key::UNFINISHED, true)]).await;
    put(store, [queued(4, 0, 40).revision(1), queued(3, hour, 50).revision(2)]).await;
    let told =
        |n: u8, region| Sample::new(n, 2).stage(Stage::Talk).at(3 * hour, 60).with(key::REGION, region);
    put(store, [told(1, "eu")]).await;
    put(store, [told(2, "us"), queued(5, 0, 60).interaction("call-5").with(key::REGION, "eu")]).await;
    let range = Range { from: NINE, to: NINE + 24 * hour * SECOND };
    let scope = Scope { range, ..Scope::default() };
    let question = overview::Question { scope: scope.clone(), ..Default::default() };
    let found = store.overview(question.clone(), range.to).await.expect(SOUND);
    let queue = found.stages.iter().find(|line| line.stage == Stage::Queue).expect("it is in the strip");
    assert_eq!((queue.latency.n, queue.latency.max), (5, Some(60 * SECOND)));
    assert_eq!(queue.latency.mean, Some(40 * SECOND));
    let steps: Vec<u64> = queue.series.iter().map(|step| step.n).collect();
    assert_eq!((steps.len(), found.step_ns), (24, hour * SECOND));
    assert_eq!(steps.get(..4), Some([4, 1, 0, 0].as_slice()));
    let regions: Vec<_> = found.regions.iter().map(|line| (line.region.as_deref(), line.n)).collect();
    assert_eq!(regions, [(Some("eu"), 3), (None, 2), (Some("us"), 2)]);
    let queue = stage::Question {
        scope: scope.clone(),
        stage: Stage::Queue,
        group_by: Some(stage::GroupBy::Region),
        steps: 64,
        threshold_ns: None,
    };
    let found = store.stage(queue).await.expect(SOUND);
    assert_eq!((found.latency.n, found.latency.max), (5, Some(60 * SECOND)));
    let steps: Vec<u64> = found.heat.counts.iter().map(|column| column.iter().sum()).collect();
    assert_eq!((steps.len(), steps.get(..4)), (24, Some([4, 1, 0, 0].as_slice())));
    let groups: Vec<_> = found.groups.iter().map(|of| (of.value.as_deref(), of.latency.n)).collect();
    assert_eq!(groups, [(None, 2), (Some("eu"), 2), (Some("us"), 1)]);
    let longest = found.examples.last().map(|one| (one.at, one.interaction.as_deref(), one.duration_ns));
    assert_eq!(longest, Some(("max", Some("call-5"), 60 * SECOND)));
    let mut eu = question;
    eu.scope.region = Some("eu".to_owned());
    let found = store.overview(eu, range.to).await.expect(SOUND);
    assert_eq!(found.stages.iter().map(|line| line.latency.n).sum::<u64>(), 3);
    let question = percentiles::Question { id: "call-3".to_owned(), from: None, to: None, scope };
    let found = store.percentiles(question).await.expect(SOUND).expect("it is there");
    let badges: Vec<_> = found.spans.iter().map(|badge| (badge.n, badge.percentile)).collect();
    assert_eq!(badges, [(5, 80.0)]);
}
