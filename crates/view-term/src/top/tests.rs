//! What a person sees, and what keys do.

use expect_test::expect;
use jiff::tz::TimeZone;

use super::{Asked, Key, Sort, State, Turn, frame};
use crate::answer::{Ns, Overview, StageTime, Summary};
use crate::paint::Palette;
use crate::testing::START;
use crate::time::SECOND;

fn overview() -> Overview {
    let stage = |stage: &str, n: u64, errors: u64, p95: f64, state: &str, change: Option<f64>| {
        let ns = |seconds: f64| ((seconds * 1e9) as u64).to_string();
        let series: Vec<_> = (0..20u32)
            .map(|at| serde_json::json!({"p95_ns": (at % 7 > 0).then(|| ns(p95 * f64::from(at) / 20.0))}))
            .collect();
        serde_json::json!({
            "stage": stage, "objective_ns": null, "state": state, "series": series,
            "latency": {"n": n, "errors": errors, "p50_ns": ns(p95 / 3.0), "p95_ns": ns(p95), "p99_ns": ns(p95 * 1.5)},
            "before": {"n": n, "change": change, "complete": true},
        })
    };
    let region = |name: Option<&str>, n: u64, p95: u64| {
        serde_json::json!({"region": name, "n": n, "stages": [
            {"stage": "queue", "p95_ns": p95.to_string(), "state": "missed"},
            {"stage": "talk", "p95_ns": null, "state": "none"},
            {"stage": "action", "p95_ns": "842000000", "state": "met"}]})
    };
    serde_json::from_value(serde_json::json!({
        "covers": {"from": START.to_string(), "to": (START + 900 * SECOND).to_string(), "truncated": true, "complete_from": (START + 60 * SECOND).to_string()},
        "stages": [
            stage("ivr", 120, 0, 24.0, "none", Some(0.004)),
            stage("action", 80, 3, 0.842, "met", Some(-0.12)),
            stage("queue", 110, 0, 252.2, "missed", Some(0.384)),
            stage("talk", 90, 1, 640.0, "near", None),
            {"stage": "hold", "objective_ns": null, "state": "none", "series": [],
             "latency": {"n": 0, "errors": 0, "p50_ns": null, "p95_ns": null, "p99_ns": null},
             "before": {"n": 0, "change": null, "complete": true}},
        ],
        "regions": [region(Some("eu-west-1"), 300, 252_200_000_000), region(Some("待ち\u{1b}[2J"), 90, 38_000_000), region(None, 4, 1_000)],
        "running": {"n": 14, "truncated": false, "stages": [{"stage": "queue", "n": 9}, {"stage": "talk", "n": 4}, {"stage": null, "n": 1}]},
    }))
    .unwrap()
}

fn call(id: &str, seconds: u64, running: bool) -> Summary {
    let time =
        |stage: &str, seconds: u64| StageTime { stage: stage.to_owned(), duration_ns: Ns(seconds * SECOND) };
    Summary {
        id: id.to_owned(),
        start_ns: Ns(START),
        duration_ns: Ns(seconds * SECOND),
        channel: None,
        direction: None,
        region: Some("eu-west-1".to_owned()),
        queues: vec!["billing-uk".to_owned()],
        agents: vec![],
        agent_names: [].into(),
        outcome: None,
        running,
        span_count: 3,
        trace_count: 1,
        error_count: 0,
        stages: vec![time("ivr", 12), time("queue", seconds - 12)],
        waited_ns: Ns((seconds - 12) * SECOND),
        worked_ns: Ns(0),
        trace_ids: vec![],
    }
}

fn state() -> State {
    let mut state = State::default();
    let calls = vec![
        call("short", 20, true),
        call("c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54", 400, true),
        call("\u{1b}[31mred\u{202e}", 90, true),
    ];
    assert!(state.answered(&Asked::default(), overview(), calls));
    state
}

fn drawn(state: &State, width: usize, height: Option<usize>) -> String {
    let lines = frame(state, width, height, &TimeZone::UTC);
    assert!(lines.iter().all(|line| line.width() <= width));
    lines.iter().map(|line| line.write(Palette::PLAIN) + "\n").collect()
}

#[test]
fn all_of_it_at_120_cells() {
    expect![[r#"
        throughline top  15 m 00 s to 09:15:00 UTC  complete only from 09:01:00 on
        14 calls run: Queue 9, Talk 4, no stage 1

        STAGE▾          COUNT  ERRORS        P50          P95        P99   CHANGE  P95 SINCE
        IVR               120       0     8.00 s     24.0 s       36.0 s     ±0 %   ▁▂▂▂▃▃ ▄▄▅▅▅▆ ▇▇▇██
        Data Action        80       3     281 ms     842 ms ✓     1.26 s    −12 %   ▁▂▂▂▃▃ ▄▄▅▅▅▆ ▇▇▇██
        Queue             110       0   1 m 24 s   4 m 12 s ✗   6 m 18 s    +38 %   ▁▂▂▂▃▃ ▄▄▅▅▅▆ ▇▇▇██
        Talk               90       1   3 m 33 s  10 m 40 s !  16 m 00 s        –   ▁▂▂▂▃▃ ▄▄▅▅▅▆ ▇▇▇██

        P95 BY REGION      COUNT   DATA ACTION         QUEUE
        eu-west-1            300      842 ms ✓    4 m 12 s ✗
        待ち\u{1b}[2J         90      842 ms ✓       38 ms ✗
        no region              4      842 ms ✓        1 µs ✗

        RUNNING                                         FOR      WAITED  REGION        STAGES
        c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54       6 m 40 s    6 m 28 s  eu-west-1     IVR 12.0 s · Queue 6 m 28 s  billing-uk
        \u{1b}[31mred\u{202e}                      1 m 30 s    1 m 18 s  eu-west-1     IVR 12.0 s · Queue 1 m 18 s  billing-uk
        short                                        20.0 s      8.00 s  eu-west-1     IVR 12.0 s · Queue 8.00 s  billing-uk
    "#]].assert_eq(&drawn(&state(), 120, None));
}

#[test]
fn a_small_screen() {
    let mut state = state();
    state.press(Key::Char('s'));
    state.press(Key::Down);
    state.press(Key::Down);
    expect![[r#"
        throughline top  15 m 00 s to 09:15:00 UTC  complete only from 09:01:…
        14 calls run: Queue 9, Talk 4, no stage 1

        STAGE           COUNT        P50         P95▾   CHANGE  P95 SINCE
        Talk               90   3 m 33 s  10 m 40 s !        –  ▃ ▄▄▅▅▅▆ ▇▇▇██
        Queue             110   1 m 24 s   4 m 12 s ✗    +38 %  ▃ ▄▄▅▅▅▆ ▇▇▇██
        IVR               120     8.00 s     24.0 s       ±0 %  ▃ ▄▄▅▅▅▆ ▇▇▇██
        Data Action        80     281 ms     842 ms ✓    −12 %  ▃ ▄▄▅▅▅▆ ▇▇▇██

        P95 BY REGION      COUNT   DATA ACTION         QUEUE
        eu-west-1            300      842 ms ✓    4 m 12 s ✗
        待ち\u{1b}[2J         90      842 ms ✓       38 ms ✗
        no region              4      842 ms ✓        1 µs ✗

        RUNNING                       FOR      WAITED  REGION        STAGES
        c41e7d90-5b2a-4f0e…      6 m 40 s    6 m 28 s  eu-west-1     IVR 12.0…
        \u{1b}[31mred…           1 m 30 s    1 m 18 s  eu-west-1     IVR 12.0…
        short                      20.0 s      8.00 s  eu-west-1     IVR 12.0…

        q quit   ↑↓ call   Enter show it   ←→ region   s sort (p95)   / searc…
    "#]]
    .assert_eq(&drawn(&state, 70, Some(20)));
    for height in 1..40 {
        assert_eq!(drawn(&state, 61, Some(height)).lines().count(), height);
    }
}

#[test]
fn before_the_first_answer() {
    expect![[r#"
        throughline top
        asking …
    "#]]
    .assert_eq(&drawn(&State::default(), 80, Some(3)));
}

#[test]
fn keys_change_what_is_asked() {
    let mut state = state();
    assert_eq!(state.press(Key::Right), Turn::Ask);
    assert_eq!(state.asked.region.as_deref(), Some("eu-west-1"));
    let mut one_region = overview();
    one_region.regions.truncate(1);
    assert!(!state.answered(&Asked::default(), overview(), vec![]), "an answer to an earlier question");
    assert!(state.answered(&state.asked.clone(), one_region, vec![]));
    assert_eq!(state.press(Key::Left), Turn::Ask);
    assert_eq!(state.asked.region, None);
    assert_eq!(state.press(Key::Left), Turn::Ask);
    assert_eq!(
        state.asked.region.as_deref(),
        Some("待ち\u{1b}[2J"),
        "all regions are still there to go through"
    );
    assert_eq!(state.press(Key::Char('/')), Turn::Draw);
    for c in "hold>30sq".chars() {
        assert_eq!(state.press(Key::Char(c)), Turn::Draw);
    }
    state.press(Key::Backspace);
    assert!(drawn(&state, 100, Some(30)).contains("/hold>30s"));
    assert_eq!(state.press(Key::Enter), Turn::Ask);
    assert_eq!(state.asked.search, "hold>30s");
    assert_eq!(state.press(Key::Escape), Turn::Ask);
    assert_eq!(state.asked, Asked::default());
    assert_eq!(state.press(Key::Escape), Turn::Quit);
    assert_eq!(state.press(Key::Interrupt), Turn::Quit);
    assert_eq!(state.press(Key::Char('q')), Turn::Quit);
}

#[test]
fn a_marked_call_stays_marked_and_is_shown() {
    let mut state = state();
    assert_eq!(state.press(Key::Enter), Turn::Nothing);
    state.press(Key::Down);
    state.press(Key::Down);
    assert_eq!(state.marked.as_deref(), Some("\u{1b}[31mred\u{202e}"));
    state.press(Key::Up);
    let slowest = "c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54".to_owned();
    state.changed(vec![call("new", 900, true), call("short", 21, false)]);
    let ids: Vec<&str> = state.calls.iter().map(|call| call.id.as_str()).collect();
    assert_eq!(ids, ["new", &slowest, "\u{1b}[31mred\u{202e}"]);
    assert_eq!(state.press(Key::Enter), Turn::Show(slowest));
    state.changed(vec![call(state.marked.clone().unwrap().as_str(), 500, false)]);
    assert_eq!(state.press(Key::Enter), Turn::Nothing, "it has ended");
}

#[test]
fn stages_stand_in_any_order() {
    let mut state = state();
    let mut orders = Vec::new();
    for _ in 0..5 {
        let stages: Vec<&str> = state.stages().iter().map(|line| line.stage.as_str()).collect();
        orders.push(format!("{}: {}", state.sort.name(), stages.join(" ")));
        state.press(Key::Char('s'));
    }
    assert_eq!(state.sort, Sort::Call);
    expect![[r"
        call: ivr action queue talk
        p95: talk queue ivr action
        change: queue ivr action talk
        count: ivr queue talk action
        errors: action talk ivr queue"]]
    .assert_eq(&orders.join("\n"));
}
