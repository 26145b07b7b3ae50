//! Where the time goes, asked over a real socket.

use std::fmt::Write;
use std::time::Duration;

use expect_test::{Expect, expect};
use flow::Extension;
use serde_json::Value;
use store_api::Stage;
use store_api::span::{Kind, Link, key};
use store_api::testing::Sample;
use throughline_context::{SpanId, TraceId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Site;
use crate::client::get;

const HOUR: &str = "from=2026-11-20T09:00:00Z&to=2026-11-20T10:00:00Z";

/// A call that is handed over to another queue, with a CRM behind its IVR.
fn call(n: u8, start: u64, version: &str) -> Vec<Sample> {
    let stage = |span: u8, stage, at: u64, seconds| {
        let sample = Sample::new(n, span).interaction(&format!("call-{n}")).stage(stage);
        sample.at(start + at, seconds).with(key::REGION, "eu-west").with(key::CHANNEL, "voice")
    };
    vec![
        stage(1, Stage::Ivr, 0, 20),
        stage(2, Stage::Queue, 20, 30).with(key::QUEUE, "billing"),
        stage(3, Stage::Talk, 50, 60).with(key::AGENT, "ann"),
        stage(4, Stage::Transfer, 110, 1).with("genesys_cloud.transfer.type", "blind"),
        stage(5, Stage::Queue, 111, 9).with(key::QUEUE, "loans"),
        stage(6, Stage::Talk, 120, 30).with(key::AGENT, "bob").with(key::OUTCOME, "handled"),
        stage(7, Stage::Wrapup, 150, 10),
        Sample::new(n, 8).service("crm").at(start + 3, 2).resource(key::VERSION, version).change(|span| {
            span.name = "GET /customer".to_owned();
            span.kind = Kind::Client;
            span.parent_span_id = Some(SpanId([1; 8]));
        }),
    ]
}

async fn site() -> Site {
    let site = Site::open().await;
    site.put(call(1, 0, "7.2")).await;
    site.put(call(2, 600, "7.3")).await;
    let link = Link {
        trace_id: TraceId([1; 16]),
        span_id: SpanId([6; 8]),
        trace_state: String::new(),
        attributes: [("interaction.link.type", "transfer")].into_iter().collect(),
    };
    let left = Sample::new(3, 1).interaction("call-3").stage(Stage::Queue).at(1200, 3);
    site.put([left.with(key::OUTCOME, "abandoned").change(|span| span.links.push(link))]).await;
    site
}

/// Each value in a line of its own, as `place: value`; empty steps and the time of the answer are left out.
fn flat(value: &Value) -> String {
    fn walk(place: &str, value: &Value, out: &mut String) {
        match value {
            Value::Object(of) if of.get("n") == Some(&0.into()) && of.contains_key("t_ns") => {}
            Value::Object(of) => of.iter().filter(|(key, _)| *key != "as_of").for_each(|(key, value)| {
                walk(&format!("{place}.{key}"), value, out);
            }),
            Value::Array(of) if of.iter().all(|one| !one.is_object() && !one.is_array()) => {
                writeln!(out, "{place}: {value}").unwrap();
            }
            Value::Array(of) => {
                of.iter().enumerate().for_each(|(at, one)| walk(&format!("{place}[{at}]"), one, out));
            }
            _ => writeln!(out, "{place}: {value}").unwrap(),
        }
    }
    let mut out = String::new();
    walk("", value, &mut out);
    out
}

async fn golden(path: &str, pointer: &str, expected: Expect) {
    let answer = site().await.get(path).await;
    let json = answer.json();
    assert_eq!(answer.status, 200, "{json}");
    expected.assert_eq(&flat(json.pointer(pointer).unwrap()));
}

#[tokio::test]
async fn the_overview_carries_the_strip_the_grid_and_the_calls() {
    let path = format!("/api/v1/overview?{HOUR}");
    golden(
        &path,
        "/covers",
        expect![[r#"
        .complete_from: "1795165200000000000"
        .from: "1795165200000000000"
        .spans: 17
        .to: "1795168800000000000"
        .truncated: false
    "#]],
    )
    .await;
    golden(
        &path,
        "/stages/3",
        expect![[r#"
        .before.change: null
        .before.complete: true
        .before.n: 0
        .before.p95_ns: null
        .calls: 3
        .latency.errors: 0
        .latency.max_ns: "30000000000"
        .latency.mean_ns: "16200000000"
        .latency.n: 5
        .latency.p50_ns: "9067391235"
        .latency.p95_ns: "29845417596"
        .latency.p99_ns: "29845417596"
        .objective_ns: "120000000000"
        .series[0].n: 2
        .series[0].p50_ns: "9067391235"
        .series[0].p95_ns: "29845417596"
        .series[0].t_ns: "1795165200000000000"
        .series[2].n: 2
        .series[2].p50_ns: "9067391235"
        .series[2].p95_ns: "29845417596"
        .series[2].t_ns: "1795165800000000000"
        .series[4].n: 1
        .series[4].p50_ns: "3000000000"
        .series[4].p95_ns: "3000000000"
        .series[4].t_ns: "1795166400000000000"
        .stage: "queue"
        .state: "met"
        .week.change: null
        .week.complete: true
        .week.n: 0
        .week.p95_ns: null
        .within.share.formula: "spans of at most 20 s / all spans"
        .within.share.n: 5
        .within.share.part: 3
        .within.share.value: 0.6
        .within.threshold_ns: "20000000000"
    "#]],
    )
    .await;
    golden(
        &path,
        "/regions/1",
        expect![[r#"
            .calls: 1
            .n: 1
            .region: null
            .stages[0].n: 0
            .stages[0].over: null
            .stages[0].p95_ns: null
            .stages[0].stage: "setup"
            .stages[0].state: "none"
            .stages[1].n: 0
            .stages[1].over: null
            .stages[1].p95_ns: null
            .stages[1].stage: "ivr"
            .stages[1].state: "none"
            .stages[2].n: 0
            .stages[2].over: null
            .stages[2].p95_ns: null
            .stages[2].stage: "action"
            .stages[2].state: "none"
            .stages[3].n: 1
            .stages[3].over: 0.0
            .stages[3].p95_ns: "3000000000"
            .stages[3].stage: "queue"
            .stages[3].state: "met"
            .stages[4].n: 0
            .stages[4].over: null
            .stages[4].p95_ns: null
            .stages[4].stage: "alert"
            .stages[4].state: "none"
            .stages[5].n: 0
            .stages[5].over: null
            .stages[5].p95_ns: null
            .stages[5].stage: "talk"
            .stages[5].state: "none"
            .stages[6].n: 0
            .stages[6].over: null
            .stages[6].p95_ns: null
            .stages[6].stage: "hold"
            .stages[6].state: "none"
            .stages[7].n: 0
            .stages[7].over: null
            .stages[7].p95_ns: null
            .stages[7].stage: "transfer"
            .stages[7].state: "none"
            .stages[8].n: 0
            .stages[8].over: null
            .stages[8].p95_ns: null
            .stages[8].stage: "wrapup"
            .stages[8].state: "none"
        "#]],
    )
    .await;
    golden(
        &path,
        "/calls",
        expect![[r#"
        .abandon_rate.formula: "abandoned after 5 s or more / (answered + abandoned after 5 s or more)"
        .abandon_rate.n: 2
        .abandon_rate.part: 0
        .abandon_rate.value: 0.0
        .abandoned: 1
        .answer_time.formula: "sum of the times from the first queue to the first talk / answered"
        .answer_time.mean_ns: "30000000000"
        .answer_time.n: 2
        .answered: 2
        .elsewhere: 0
        .n: 3
        .offered: 3
        .service_level.share.formula: "answered within 20 s / (answered + abandoned after 5 s or more)"
        .service_level.share.n: 2
        .service_level.share.part: 0
        .service_level.share.value: 0.0
        .service_level.threshold_ns: "20000000000"
        .short_abandon_ns: "5000000000"
        .short_abandoned: 1
        .waiting: 0
    "#]],
    )
    .await;
    golden(
        &path,
        "/deploys",
        expect![[r#"
        [0].at_ns: "1795165803000000000"
        [0].before: "7.2"
        [0].service: "crm"
        [0].version: "7.3"
    "#]],
    )
    .await;
}

#[tokio::test]
async fn one_stage_carries_heat_groups_and_examples() {
    let path = format!("/api/v1/stages/queue?{HOUR}&group_by=queue&steps=6&service_level=10s");
    golden(&path, "", expect![[r#"
        .covers.complete_from: "1795165200000000000"
        .covers.from: "1795165200000000000"
        .covers.spans: 17
        .covers.to: "1795168800000000000"
        .covers.truncated: false
        .deploys[0].at_ns: "1795165803000000000"
        .deploys[0].before: "7.2"
        .deploys[0].service: "crm"
        .deploys[0].version: "7.3"
        .examples[0].at: "p50"
        .examples[0].duration_ns: "9000000000"
        .examples[0].interaction_id: "call-2"
        .examples[0].span_id: "0505050505050505"
        .examples[0].start_ns: "1795165911000000000"
        .examples[0].trace_id: "02020202020202020202020202020202"
        .examples[1].at: "p95"
        .examples[1].duration_ns: "30000000000"
        .examples[1].interaction_id: "call-2"
        .examples[1].span_id: "0202020202020202"
        .examples[1].start_ns: "1795165820000000000"
        .examples[1].trace_id: "02020202020202020202020202020202"
        .examples[2].at: "p99"
        .examples[2].duration_ns: "30000000000"
        .examples[2].interaction_id: "call-2"
        .examples[2].span_id: "0202020202020202"
        .examples[2].start_ns: "1795165820000000000"
        .examples[2].trace_id: "02020202020202020202020202020202"
        .examples[3].at: "max"
        .examples[3].duration_ns: "30000000000"
        .examples[3].interaction_id: "call-2"
        .examples[3].span_id: "0202020202020202"
        .examples[3].start_ns: "1795165820000000000"
        .examples[3].trace_id: "02020202020202020202020202020202"
        .group_by: "queue"
        .groups[0].latency.errors: 0
        .groups[0].latency.max_ns: "30000000000"
        .groups[0].latency.mean_ns: "30000000000"
        .groups[0].latency.n: 2
        .groups[0].latency.p50_ns: "30000000000"
        .groups[0].latency.p95_ns: "30000000000"
        .groups[0].latency.p99_ns: "30000000000"
        .groups[0].other: false
        .groups[0].value: "billing"
        .groups[0].within: 0.0
        .groups[1].latency.errors: 0
        .groups[1].latency.max_ns: "9000000000"
        .groups[1].latency.mean_ns: "9000000000"
        .groups[1].latency.n: 2
        .groups[1].latency.p50_ns: "9000000000"
        .groups[1].latency.p95_ns: "9000000000"
        .groups[1].latency.p99_ns: "9000000000"
        .groups[1].other: false
        .groups[1].value: "loans"
        .groups[1].within: 1.0
        .groups[2].latency.errors: 0
        .groups[2].latency.max_ns: "3000000000"
        .groups[2].latency.mean_ns: "3000000000"
        .groups[2].latency.n: 1
        .groups[2].latency.p50_ns: "3000000000"
        .groups[2].latency.p95_ns: "3000000000"
        .groups[2].latency.p99_ns: "3000000000"
        .groups[2].other: false
        .groups[2].value: null
        .groups[2].within: 1.0
        .heat.bounds_ns: ["2147483648","3037000500","4294967296","6074001000","8589934592","12148002000","17179869184","24296004000","34359738368"]
        .heat.counts[0]: [0,0,0,0,1,0,0,1]
        .heat.counts[1]: [0,0,0,0,1,0,0,1]
        .heat.counts[2]: [1,0,0,0,0,0,0,0]
        .heat.counts[3]: [0,0,0,0,0,0,0,0]
        .heat.counts[4]: [0,0,0,0,0,0,0,0]
        .heat.counts[5]: [0,0,0,0,0,0,0,0]
        .heat.from_ns: "1795165200000000000"
        .heat.step_ns: "600000000000"
        .latency.errors: 0
        .latency.max_ns: "30000000000"
        .latency.mean_ns: "16200000000"
        .latency.n: 5
        .latency.p50_ns: "9067391235"
        .latency.p95_ns: "29845417596"
        .latency.p99_ns: "29845417596"
        .objective_ns: "120000000000"
        .series[0].n: 2
        .series[0].p50_ns: "9067391235"
        .series[0].p95_ns: "29845417596"
        .series[0].p99_ns: "29845417596"
        .series[0].t_ns: "1795165200000000000"
        .series[0].within: 0.5
        .series[1].n: 2
        .series[1].p50_ns: "9067391235"
        .series[1].p95_ns: "29845417596"
        .series[1].p99_ns: "29845417596"
        .series[1].t_ns: "1795165800000000000"
        .series[1].within: 0.5
        .series[2].n: 1
        .series[2].p50_ns: "3000000000"
        .series[2].p95_ns: "3000000000"
        .series[2].p99_ns: "3000000000"
        .series[2].t_ns: "1795166400000000000"
        .series[2].within: 1.0
        .stage: "queue"
        .within.share.formula: "spans of at most 10 s / all spans"
        .within.share.n: 5
        .within.share.part: 3
        .within.share.value: 0.6
        .within.threshold_ns: "10000000000"
    "#]]).await;
}

#[tokio::test]
async fn a_box_with_too_little_in_it_says_so() {
    let path = format!(
        "/api/v1/stages/queue/differs?{HOUR}&box_from=2026-11-20T09:00:00Z&box_to=2026-11-20T09:05:00Z&box_min=10s"
    );
    golden(
        &path,
        "",
        expect![[r#"
            .box.from_ns: "1795165200000000000"
            .box.max_ns: null
            .box.min_ns: "10000000000"
            .box.to_ns: "1795165500000000000"
            .covers.complete_from: "1795165200000000000"
            .covers.from: "1795165200000000000"
            .covers.spans: 17
            .covers.to: "1795168800000000000"
            .covers.truncated: false
            .differences: []
            .enough: false
            .examples[0].at: "p50"
            .examples[0].duration_ns: "30000000000"
            .examples[0].interaction_id: "call-1"
            .examples[0].span_id: "0202020202020202"
            .examples[0].start_ns: "1795165220000000000"
            .examples[0].trace_id: "01010101010101010101010101010101"
            .examples[1].at: "p95"
            .examples[1].duration_ns: "30000000000"
            .examples[1].interaction_id: "call-1"
            .examples[1].span_id: "0202020202020202"
            .examples[1].start_ns: "1795165220000000000"
            .examples[1].trace_id: "01010101010101010101010101010101"
            .examples[2].at: "p99"
            .examples[2].duration_ns: "30000000000"
            .examples[2].interaction_id: "call-1"
            .examples[2].span_id: "0202020202020202"
            .examples[2].start_ns: "1795165220000000000"
            .examples[2].trace_id: "01010101010101010101010101010101"
            .examples[3].at: "max"
            .examples[3].duration_ns: "30000000000"
            .examples[3].interaction_id: "call-1"
            .examples[3].span_id: "0202020202020202"
            .examples[3].start_ns: "1795165220000000000"
            .examples[3].trace_id: "01010101010101010101010101010101"
            .inside: 1
            .left_out: []
            .note: "not enough data: 1 inside and 4 outside the box, 20 of each are needed"
            .outside: 4
            .outside_share: 1.0
            .stage: "queue"
        "#]],
    )
    .await;
}

#[tokio::test]
async fn two_versions_are_compared() {
    let path = "/api/v1/compare?a_from=2026-11-20T09:00:00Z&a_to=2026-11-20T10:00:00Z&a_version=7.2&b_version=7.3&service=crm";
    golden(
        path,
        "",
        expect![[r#"
            .a.covers.complete_from: "1795165200000000000"
            .a.covers.from: "1795165200000000000"
            .a.covers.spans: 16
            .a.covers.to: "1795168800000000000"
            .a.covers.truncated: false
            .a.n: 1
            .a.queue: null
            .a.region: null
            .a.version: "7.2"
            .b.covers.complete_from: "1795165200000000000"
            .b.covers.from: "1795165200000000000"
            .b.covers.spans: 16
            .b.covers.to: "1795168800000000000"
            .b.covers.truncated: false
            .b.n: 1
            .b.queue: null
            .b.region: null
            .b.version: "7.3"
            .control: null
            .gone: []
            .new: []
            .operations[0].a.errors: 0
            .operations[0].a.max_ns: "2000000000"
            .operations[0].a.mean_ns: "2000000000"
            .operations[0].a.n: 1
            .operations[0].a.p50_ns: "2000000000"
            .operations[0].a.p95_ns: "2000000000"
            .operations[0].a.p99_ns: "2000000000"
            .operations[0].b.errors: 0
            .operations[0].b.max_ns: "2000000000"
            .operations[0].b.mean_ns: "2000000000"
            .operations[0].b.n: 1
            .operations[0].b.p50_ns: "2000000000"
            .operations[0].b.p95_ns: "2000000000"
            .operations[0].b.p99_ns: "2000000000"
            .operations[0].examples_a[0].at: "p50"
            .operations[0].examples_a[0].duration_ns: "2000000000"
            .operations[0].examples_a[0].interaction_id: "call-1"
            .operations[0].examples_a[0].span_id: "0808080808080808"
            .operations[0].examples_a[0].start_ns: "1795165203000000000"
            .operations[0].examples_a[0].trace_id: "01010101010101010101010101010101"
            .operations[0].examples_a[1].at: "p95"
            .operations[0].examples_a[1].duration_ns: "2000000000"
            .operations[0].examples_a[1].interaction_id: "call-1"
            .operations[0].examples_a[1].span_id: "0808080808080808"
            .operations[0].examples_a[1].start_ns: "1795165203000000000"
            .operations[0].examples_a[1].trace_id: "01010101010101010101010101010101"
            .operations[0].examples_a[2].at: "p99"
            .operations[0].examples_a[2].duration_ns: "2000000000"
            .operations[0].examples_a[2].interaction_id: "call-1"
            .operations[0].examples_a[2].span_id: "0808080808080808"
            .operations[0].examples_a[2].start_ns: "1795165203000000000"
            .operations[0].examples_a[2].trace_id: "01010101010101010101010101010101"
            .operations[0].examples_a[3].at: "max"
            .operations[0].examples_a[3].duration_ns: "2000000000"
            .operations[0].examples_a[3].interaction_id: "call-1"
            .operations[0].examples_a[3].span_id: "0808080808080808"
            .operations[0].examples_a[3].start_ns: "1795165203000000000"
            .operations[0].examples_a[3].trace_id: "01010101010101010101010101010101"
            .operations[0].examples_b[0].at: "p50"
            .operations[0].examples_b[0].duration_ns: "2000000000"
            .operations[0].examples_b[0].interaction_id: "call-2"
            .operations[0].examples_b[0].span_id: "0808080808080808"
            .operations[0].examples_b[0].start_ns: "1795165803000000000"
            .operations[0].examples_b[0].trace_id: "02020202020202020202020202020202"
            .operations[0].examples_b[1].at: "p95"
            .operations[0].examples_b[1].duration_ns: "2000000000"
            .operations[0].examples_b[1].interaction_id: "call-2"
            .operations[0].examples_b[1].span_id: "0808080808080808"
            .operations[0].examples_b[1].start_ns: "1795165803000000000"
            .operations[0].examples_b[1].trace_id: "02020202020202020202020202020202"
            .operations[0].examples_b[2].at: "p99"
            .operations[0].examples_b[2].duration_ns: "2000000000"
            .operations[0].examples_b[2].interaction_id: "call-2"
            .operations[0].examples_b[2].span_id: "0808080808080808"
            .operations[0].examples_b[2].start_ns: "1795165803000000000"
            .operations[0].examples_b[2].trace_id: "02020202020202020202020202020202"
            .operations[0].examples_b[3].at: "max"
            .operations[0].examples_b[3].duration_ns: "2000000000"
            .operations[0].examples_b[3].interaction_id: "call-2"
            .operations[0].examples_b[3].span_id: "0808080808080808"
            .operations[0].examples_b[3].start_ns: "1795165803000000000"
            .operations[0].examples_b[3].trace_id: "02020202020202020202020202020202"
            .operations[0].operation: "GET /customer"
            .operations[0].p50.change: 0.0
            .operations[0].p50.control: null
            .operations[0].p50.high: null
            .operations[0].p50.low: null
            .operations[0].p50.needed: 20
            .operations[0].p50.verdict: "not_enough"
            .operations[0].p95.change: 0.0
            .operations[0].p95.control: null
            .operations[0].p95.high: null
            .operations[0].p95.low: null
            .operations[0].p95.needed: 200
            .operations[0].p95.verdict: "not_enough"
            .operations[0].p99.change: 0.0
            .operations[0].p99.control: null
            .operations[0].p99.high: null
            .operations[0].p99.low: null
            .operations[0].p99.needed: 1000
            .operations[0].p99.verdict: "not_enough"
            .operations[0].service: "crm"
            .operations[0].stage: null
            .operations[0].verdict: "crm GET /customer: not enough data: 1 of 200"
            .stages: []
            .verdicts: ["not enough data: 1 of 200"]
        "#]],
    )
    .await;
}

#[tokio::test]
async fn transfers_carry_edges_repeats_and_chains() {
    golden(
        &format!("/api/v1/transfers?{HOUR}"),
        "",
        expect![[r#"
            .chains[0].duration_ns: "1203000000000"
            .chains[0].interaction_ids: ["call-1","call-3"]
            .chains[0].start_ns: "1795165200000000000"
            .chains_complete_from: "1795165200000000000"
            .covers.complete_from: "1795165200000000000"
            .covers.from: "1795165200000000000"
            .covers.spans: 33
            .covers.to: "1795168800000000000"
            .covers.truncated: false
            .edges[0].added_wait.errors: 0
            .edges[0].added_wait.max_ns: "10000000000"
            .edges[0].added_wait.mean_ns: "10000000000"
            .edges[0].added_wait.n: 2
            .edges[0].added_wait.p50_ns: "10000000000"
            .edges[0].added_wait.p95_ns: "10000000000"
            .edges[0].added_wait.p99_ns: "10000000000"
            .edges[0].blind: 2
            .edges[0].consult: 0
            .edges[0].example: "call-2"
            .edges[0].from: "billing"
            .edges[0].n: 2
            .edges[0].other: 0
            .edges[0].overflow: 0
            .edges[0].to: "loans"
            .edges[0].to_kind: "queue"
            .n: 3
            .repeated: 0
            .repeats: []
            .transferred: 2
        "#]],
    )
    .await;
}

#[tokio::test]
async fn one_interaction_has_a_path_a_chain_and_percentiles() {
    golden(
        "/api/v1/interactions/call-1/path",
        "",
        expect![[r#"
        .caller_left_ns: "1795165350000000000"
        .end_ns: "1795165350000000000"
        .idle_ns: "0"
        .interaction_id: "call-1"
        .shares[0].duration_ns: "60000000000"
        .shares[0].n: 1
        .shares[0].name: "span 3"
        .shares[0].service: "ivr"
        .shares[0].share: 0.4
        .shares[0].stage: "talk"
        .shares[1].duration_ns: "30000000000"
        .shares[1].n: 1
        .shares[1].name: "span 2"
        .shares[1].service: "ivr"
        .shares[1].share: 0.2
        .shares[1].stage: "queue"
        .shares[2].duration_ns: "30000000000"
        .shares[2].n: 1
        .shares[2].name: "span 6"
        .shares[2].service: "ivr"
        .shares[2].share: 0.2
        .shares[2].stage: "talk"
        .shares[3].duration_ns: "18000000000"
        .shares[3].n: 2
        .shares[3].name: "span 1"
        .shares[3].service: "ivr"
        .shares[3].share: 0.12
        .shares[3].stage: "ivr"
        .shares[4].duration_ns: "9000000000"
        .shares[4].n: 1
        .shares[4].name: "span 5"
        .shares[4].service: "ivr"
        .shares[4].share: 0.06
        .shares[4].stage: "queue"
        .shares[5].duration_ns: "2000000000"
        .shares[5].n: 1
        .shares[5].name: "GET /customer"
        .shares[5].service: "crm"
        .shares[5].share: 0.013333333333333334
        .shares[5].stage: null
        .shares[6].duration_ns: "1000000000"
        .shares[6].n: 1
        .shares[6].name: "span 4"
        .shares[6].service: "ivr"
        .shares[6].share: 0.006666666666666667
        .shares[6].stage: "transfer"
        .start_ns: "1795165200000000000"
        .steps[0].duration_ns: "3000000000"
        .steps[0].name: "span 1"
        .steps[0].service: "ivr"
        .steps[0].span_id: "0101010101010101"
        .steps[0].stage: "ivr"
        .steps[0].start_ns: "1795165200000000000"
        .steps[0].trace_id: "01010101010101010101010101010101"
        .steps[1].duration_ns: "2000000000"
        .steps[1].name: "GET /customer"
        .steps[1].service: "crm"
        .steps[1].span_id: "0808080808080808"
        .steps[1].stage: null
        .steps[1].start_ns: "1795165203000000000"
        .steps[1].trace_id: "01010101010101010101010101010101"
        .steps[2].duration_ns: "15000000000"
        .steps[2].name: "span 1"
        .steps[2].service: "ivr"
        .steps[2].span_id: "0101010101010101"
        .steps[2].stage: "ivr"
        .steps[2].start_ns: "1795165205000000000"
        .steps[2].trace_id: "01010101010101010101010101010101"
        .steps[3].duration_ns: "30000000000"
        .steps[3].name: "span 2"
        .steps[3].service: "ivr"
        .steps[3].span_id: "0202020202020202"
        .steps[3].stage: "queue"
        .steps[3].start_ns: "1795165220000000000"
        .steps[3].trace_id: "01010101010101010101010101010101"
        .steps[4].duration_ns: "60000000000"
        .steps[4].name: "span 3"
        .steps[4].service: "ivr"
        .steps[4].span_id: "0303030303030303"
        .steps[4].stage: "talk"
        .steps[4].start_ns: "1795165250000000000"
        .steps[4].trace_id: "01010101010101010101010101010101"
        .steps[5].duration_ns: "1000000000"
        .steps[5].name: "span 4"
        .steps[5].service: "ivr"
        .steps[5].span_id: "0404040404040404"
        .steps[5].stage: "transfer"
        .steps[5].start_ns: "1795165310000000000"
        .steps[5].trace_id: "01010101010101010101010101010101"
        .steps[6].duration_ns: "9000000000"
        .steps[6].name: "span 5"
        .steps[6].service: "ivr"
        .steps[6].span_id: "0505050505050505"
        .steps[6].stage: "queue"
        .steps[6].start_ns: "1795165311000000000"
        .steps[6].trace_id: "01010101010101010101010101010101"
        .steps[7].duration_ns: "30000000000"
        .steps[7].name: "span 6"
        .steps[7].service: "ivr"
        .steps[7].span_id: "0606060606060606"
        .steps[7].stage: "talk"
        .steps[7].start_ns: "1795165320000000000"
        .steps[7].trace_id: "01010101010101010101010101010101"
        .truncated: false
    "#]],
    )
    .await;
    golden(
        "/api/v1/interactions/call-3/chain",
        "",
        expect![[r#"
            .calls[0].ambiguous: false
            .calls[0].by_hand: null
            .calls[0].interaction.agents: ["ann","bob"]
            .calls[0].interaction.channel: "voice"
            .calls[0].interaction.direction: null
            .calls[0].interaction.duration_ns: "160000000000"
            .calls[0].interaction.end_ns: "1795165360000000000"
            .calls[0].interaction.error_count: 0
            .calls[0].interaction.id: "call-1"
            .calls[0].interaction.outcome: "handled"
            .calls[0].interaction.queues: ["billing","loans"]
            .calls[0].interaction.region: "eu-west"
            .calls[0].interaction.running: false
            .calls[0].interaction.services: ["crm","ivr"]
            .calls[0].interaction.span_count: 8
            .calls[0].interaction.stages[0].duration_ns: "20000000000"
            .calls[0].interaction.stages[0].stage: "ivr"
            .calls[0].interaction.stages[1].duration_ns: "39000000000"
            .calls[0].interaction.stages[1].stage: "queue"
            .calls[0].interaction.stages[2].duration_ns: "90000000000"
            .calls[0].interaction.stages[2].stage: "talk"
            .calls[0].interaction.stages[3].duration_ns: "1000000000"
            .calls[0].interaction.stages[3].stage: "transfer"
            .calls[0].interaction.stages[4].duration_ns: "10000000000"
            .calls[0].interaction.stages[4].stage: "wrapup"
            .calls[0].interaction.start_ns: "1795165200000000000"
            .calls[0].interaction.trace_count: 1
            .calls[0].interaction.trace_ids: ["01010101010101010101010101010101"]
            .calls[0].interaction.waited_ns: "39000000000"
            .calls[0].interaction.worked_ns: "100000000000"
            .calls[0].link: "transfer"
            .calls[0].place: "previous"
            .calls[1].ambiguous: false
            .calls[1].by_hand: null
            .calls[1].interaction.agents: []
            .calls[1].interaction.channel: null
            .calls[1].interaction.direction: null
            .calls[1].interaction.duration_ns: "3000000000"
            .calls[1].interaction.end_ns: "1795166403000000000"
            .calls[1].interaction.error_count: 0
            .calls[1].interaction.id: "call-3"
            .calls[1].interaction.outcome: "abandoned"
            .calls[1].interaction.queues: []
            .calls[1].interaction.region: null
            .calls[1].interaction.running: false
            .calls[1].interaction.services: ["ivr"]
            .calls[1].interaction.span_count: 1
            .calls[1].interaction.stages[0].duration_ns: "3000000000"
            .calls[1].interaction.stages[0].stage: "queue"
            .calls[1].interaction.start_ns: "1795166400000000000"
            .calls[1].interaction.trace_count: 1
            .calls[1].interaction.trace_ids: ["03030303030303030303030303030303"]
            .calls[1].interaction.waited_ns: "3000000000"
            .calls[1].interaction.worked_ns: "0"
            .calls[1].link: null
            .calls[1].place: "this"
            .duration_ns: "1203000000000"
            .interaction_id: "call-3"
            .traces: []
            .truncated: false
        "#]],
    )
    .await;
    golden(
        "/api/v1/interactions/call-3/percentiles",
        "",
        expect![[r#"
            .covers.complete_from: "1795078800000000000"
            .covers.from: "1795078800000000000"
            .covers.spans: 17
            .covers.to: "1795255200000000000"
            .covers.truncated: false
            .interaction_id: "call-3"
            .kinds[0].bounds_ns: ["2971923841","3311872529","3690706839","4112874773","4583333121","5107605667","5691848041","6342919998","7068465955","7877004751","8778029666","9782119886","10901064716","12148001999","13537572377","15086091184","16811740013","18734780191","20877790670","23265933138","25927247443","28892980822","32197954782"]
            .kinds[0].counts: [1,0,0,0,0,0,0,0,0,0,2,0,0,0,0,0,0,0,0,0,0,2]
            .kinds[0].n: 5
            .kinds[0].operation: null
            .kinds[0].p50_ns: "9067391235"
            .kinds[0].p95_ns: "29845417596"
            .kinds[0].p99_ns: "29845417596"
            .kinds[0].service: null
            .kinds[0].stage: "queue"
            .spans[0].kind: 0
            .spans[0].n: 5
            .spans[0].percentile: 20.0
            .spans[0].span_id: "0101010101010101"
            .spans[0].trace_id: "03030303030303030303030303030303"
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_large_interaction_comes_in_outline_and_each_span_by_its_id() {
    golden("/api/v1/interactions/call-1?outline_above=0", "", expect![[r#"
        .interaction.agents: ["ann","bob"]
        .interaction.channel: "voice"
        .interaction.direction: null
        .interaction.duration_ns: "160000000000"
        .interaction.end_ns: "1795165360000000000"
        .interaction.error_count: 0
        .interaction.id: "call-1"
        .interaction.outcome: "handled"
        .interaction.queues: ["billing","loans"]
        .interaction.region: "eu-west"
        .interaction.running: false
        .interaction.services: ["crm","ivr"]
        .interaction.span_count: 8
        .interaction.stages[0].duration_ns: "20000000000"
        .interaction.stages[0].stage: "ivr"
        .interaction.stages[1].duration_ns: "39000000000"
        .interaction.stages[1].stage: "queue"
        .interaction.stages[2].duration_ns: "90000000000"
        .interaction.stages[2].stage: "talk"
        .interaction.stages[3].duration_ns: "1000000000"
        .interaction.stages[3].stage: "transfer"
        .interaction.stages[4].duration_ns: "10000000000"
        .interaction.stages[4].stage: "wrapup"
        .interaction.start_ns: "1795165200000000000"
        .interaction.trace_count: 1
        .interaction.trace_ids: ["01010101010101010101010101010101"]
        .interaction.waited_ns: "39000000000"
        .interaction.worked_ns: "100000000000"
        .missing_parents: 0
        .outline.attributes: [0,0,1,2,0,1,2,2,3,3,4,5,3,0,1,4,6,7,4,0,1,5,0,1,5,2,8,6,4,9,6,0,1,7,0,1]
        .outline.duration: [20000000000,2000000000,30000000000,60000000000,1000000000,9000000000,30000000000,10000000000]
        .outline.errors: []
        .outline.kind: [20,21,20,20,20,20,20,20]
        .outline.links: []
        .outline.missing_parents: []
        .outline.name: [10,11,12,13,14,15,16,17]
        .outline.parent: [-1,0,-1,-1,-1,-1,-1,-1]
        .outline.service: [18,19,18,18,18,18,18,18]
        .outline.span_id: ["0101010101010101","0808080808080808","0202020202020202","0303030303030303","0404040404040404","0505050505050505","0606060606060606","0707070707070707"]
        .outline.stage: [18,-1,22,23,24,22,23,25]
        .outline.start: [0,3000000000,20000000000,50000000000,110000000000,111000000000,120000000000,150000000000]
        .outline.start_ns: "1795165200000000000"
        .outline.strings: ["interaction.channel","voice","interaction.queue.name","billing","interaction.agent.id","ann","genesys_cloud.transfer.type","blind","loans","bob","span 1","GET /customer","span 2","span 3","span 4","span 5","span 6","span 7","ivr","crm","server","client","queue","talk","transfer","wrapup"]
        .outline.trace: [0,0,0,0,0,0,0,0]
        .outline.traces: ["01010101010101010101010101010101"]
        .outline.unfinished: []
        .service_level.end: "answered"
        .service_level.met: false
        .service_level.threshold_ns: "20000000000"
        .service_level.waited_ns: "30000000000"
        .spans: []
        .truncated: false
    "#]]).await;
    let site = site().await;
    let whole = site.get("/api/v1/interactions/call-1?outline_above=8").await.json();
    assert_eq!((&whole["outline"], whole["spans"].as_array().map(Vec::len)), (&Value::Null, Some(8)));
    let span = &whole["spans"][0];
    let id = |key: &str| span[key].as_str().unwrap_or_default().to_owned();
    let path = format!("/api/v1/traces/{}/spans/{}", id("trace_id"), id("span_id"));
    assert_eq!(&site.get(&path).await.json()["spans"][0], span);
    for (path, status) in [
        (format!("/api/v1/traces/{}/spans/00000000000000ff", id("trace_id")), 404),
        (format!("/api/v1/traces/{}/spans/1", id("trace_id")), 400),
        ("/api/v1/interactions/call-1?outline_above=many".to_owned(), 400),
    ] {
        assert_eq!(site.get(&path).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn the_matrix_of_hops() {
    let path = "/api/v1/hops/matrix?from=2026-11-20T09:00:00Z";
    let site = Site::open().await;
    let call =
        |trace| Sample::new(trace, 1).change(|span| span.kind = Kind::Client).with("server.address", "crm");
    let crm = |trace| Sample::new(trace, 2).service("crm").with("server.address", "crm");
    site.put([call(1), call(2), crm(1).change(|span| span.parent_span_id = Some(SpanId([1; 8]))), crm(3)])
        .await;
    expect![[r#"
        .cells[0].guessed: 1
        .cells[0].n: 2
        .cells[0].new_root: 0.5
        .cells[0].receiver: "crm"
        .cells[0].refused: 0.0
        .cells[0].rewritten: 0.0
        .cells[0].sender: "ivr"
        .cells[0].since_ns: null
        .cells[0].state: "some"
        .cells[0].with_parent: 0.5
        .covers.complete_from: "1795165200000000000"
        .covers.from: "1795165200000000000"
        .covers.spans: 4
        .covers.to: "18446744073709551615"
        .covers.truncated: false
        .receivers: ["crm"]
        .senders: ["ivr"]
    "#]]
    .assert_eq(&flat(&site.get(path).await.json()));
}

#[tokio::test]
async fn questions_that_cannot_be_read_say_where_and_how_to_mend_them() {
    let site = Site::open().await;
    let mut all = String::new();
    for path in [
        "/api/v1/overview?from=2&to=1",
        "/api/v1/overview?objectives=queue",
        "/api/v1/overview?service_levels=queues:20s",
        "/api/v1/overview?short_abandon=soon",
        "/api/v1/stages/Queue",
        "/api/v1/stages/queue?group_by=colour",
        "/api/v1/stages/queue?steps=0",
        "/api/v1/stages/queue/differs",
        "/api/v1/stages/queue/differs?box_from=2&box_to=1",
        "/api/v1/compare",
        "/api/v1/compare?b_version=2&control=month",
        "/api/v1/compare?b_version=2&control=week",
        "/api/v1/transfers?q=(hold",
        "/api/v1/interactions/nobody/path",
        "/api/v1/interactions/nobody/chain",
        "/api/v1/interactions/nobody/percentiles",
        "/api/v1/interactions/nobody/path?whole=yes",
    ] {
        let answer = site.get(path).await;
        let error = &answer.json()["error"];
        let text = |key: &str| error[key].as_str().unwrap_or("-").to_owned();
        writeln!(all, "{path}\n  {}: {}\n  {}", answer.status, text("message"), text("help")).unwrap();
    }
    expect![[r#"
        /api/v1/overview?from=2&to=1
          400: `from` is later than `to`
          exchange them
        /api/v1/overview?objectives=queue
          400: `objectives`: `queue` is not a stage with a duration
          write it as in `queue:20s,alert:15s`
        /api/v1/overview?service_levels=queues:20s
          400: `service_levels`: `queues` is not a stage; the stages are setup, ivr, action, queue, alert, talk, hold, park, consult, transfer, voicemail, wrapup
          the parameters are described at /api/openapi.json
        /api/v1/overview?short_abandon=soon
          400: `short_abandon`: a number is missing in the duration
          write it as in `1.5s` or `200ms`
        /api/v1/stages/Queue
          404: `Queue` is not a stage; the stages are setup, ivr, action, queue, alert, talk, hold, park, consult, transfer, voicemail, wrapup
          write one of them in small letters
        /api/v1/stages/queue?group_by=colour
          400: `group_by`: `colour` is none of queue, region, channel, version, agent, operation
          take one of them
        /api/v1/stages/queue?steps=0
          400: `steps` is 0
          ask for 1 to 400 steps
        /api/v1/stages/queue/differs
          400: `box_from` is missing
          the box is `box_from`, `box_to`, `box_min` and `box_max`
        /api/v1/stages/queue/differs?box_from=2&box_to=1
          400: the box is empty
          exchange its sides
        /api/v1/compare
          400: both sides are the same
          give side B its own `b_from` and `b_to`, `b_version`, `b_region` or `b_queue`
        /api/v1/compare?b_version=2&control=month
          400: there is no control `month`
          write `control=week`, or leave it out
        /api/v1/compare?b_version=2&control=week
          400: both sides of the control are the same
          leave `control` out: versions of the same hours have nothing in common that could change
        /api/v1/transfers?q=(hold
          400: `q`: a `(` that is not closed, at character 1
          close it with `)`, or put the text in quotes
        /api/v1/interactions/nobody/path
          404: no span has the `interaction.id` `nobody`
          spans are kept as long as `retention` of the `lake` exporter says; a trace id is asked for at /api/v1/traces
        /api/v1/interactions/nobody/chain
          404: no span has the `interaction.id` `nobody`
          spans are kept as long as `retention` of the `lake` exporter says; a trace id is asked for at /api/v1/traces
        /api/v1/interactions/nobody/percentiles
          404: no span has the `interaction.id` `nobody`
          spans are kept as long as `retention` of the `lake` exporter says; a trace id is asked for at /api/v1/traces
        /api/v1/interactions/nobody/path?whole=yes
          400: `whole`: provided string was not `true` or `false`
          the parameters are described at /api/openapi.json
    "#]].assert_eq(&all);
}

#[tokio::test]
async fn live_begins_at_once_and_ends_when_the_page_stops() {
    let site = Site::open().await;
    let address = site.view.address().unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET /api/v1/live HTTP/1.1\r\nhost: {address}\r\naccept-encoding: gzip\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut told = Vec::new();
    while !String::from_utf8_lossy(&told).contains("event: running") {
        let mut some = [0; 1024];
        let read =
            tokio::time::timeout(Duration::from_secs(20), stream.read(&mut some)).await.unwrap().unwrap();
        assert!(read > 0);
        told.extend(&some[..read]);
    }
    assert!(String::from_utf8_lossy(&told).contains("content-type: text/event-stream"));
    // Other questions are answered while somebody watches.
    assert_eq!(get(address, "/api/v1/interactions", &[]).await.status, 200);
    site.view.stop().await;
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    told.extend(rest);
    assert!(String::from_utf8_lossy(&told).ends_with("0\r\n\r\n"), "the stream ends as it should");
}
