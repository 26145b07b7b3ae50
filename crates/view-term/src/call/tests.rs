//! What a person sees.

use expect_test::expect;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::{Beside, Options, interaction, trace};
use crate::answer::Ns;
use crate::answer::{Chain, Interaction, Path, Percentiles, Span, StageTime, Summary, Trace};
use crate::paint::{Colour, Ground, Line, Palette};
use crate::testing::{START, Sketch, span};
use crate::text::width;
use crate::time::SECOND;

fn summary() -> Summary {
    let stages = [
        ("ivr", 24.0),
        ("action", 6.5),
        ("queue", 72.0),
        ("alert", 4.0),
        ("talk", 90.0),
        ("transfer", 1.0),
        ("wrapup", 12.0),
    ];
    let ns = |seconds: f64| Ns((seconds * 1e9) as u64);
    Summary {
        id: "c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54".to_owned(),
        start_ns: Ns(START),
        duration_ns: ns(203.0),
        channel: Some("voice".to_owned()),
        direction: Some("inbound".to_owned()),
        region: Some("eu-west-1".to_owned()),
        queues: vec!["billing-uk".to_owned()],
        agents: vec!["agent-a".to_owned()],
        agent_names: [("agent-a".to_owned(), "A. Reed".to_owned())].into(),
        outcome: Some("handled".to_owned()),
        running: false,
        span_count: 15,
        trace_count: 2,
        error_count: 1,
        stages: stages
            .iter()
            .map(|(stage, took)| StageTime { stage: (*stage).to_owned(), duration_ns: ns(*took) })
            .collect(),
        waited_ns: ns(76.0),
        worked_ns: ns(102.0),
        trace_ids: vec!["t".to_owned(), "u".to_owned()],
    }
}

fn call() -> Vec<Span> {
    let queue = "interaction.queue.name";
    let agent =
        |sketch: Sketch| sketch.with("interaction.agent.id", "agent-a").with("user.full_name", "A. Reed");
    [
        span("call", 0.0, 203.0).named("voice inbound"),
        span("setup", 0.0, 0.842)
            .below("call")
            .stage("setup")
            .named("SIP INVITE")
            .service("edge-sbc")
            .kind("server"),
        span("ivr", 0.9, 24.9)
            .below("call")
            .stage("ivr")
            .named("Billing main")
            .with("genesys_cloud.flow.name", "Billing main"),
        span("menu", 1.0, 9.0).below("ivr").named("Menu: language"),
        span("action", 12.0, 18.5).below("ivr").stage("action").named("GetCustomer"),
        span("post", 12.1, 18.4).below("action").kind("client").named("POST /v1/lookup"),
        span("lookup", 12.2, 18.3)
            .below("post")
            .kind("server")
            .service("middleware")
            .named("POST /v1/lookup"),
        span("ask", 12.4, 18.2).below("lookup").kind("client").service("middleware").named("GET /customers"),
        span("crm", 12.5, 18.1).trace("u").kind("server").service("crm-api").named("GET /customers/:id"),
        span("sql", 12.6, 18.0)
            .trace("u")
            .below("crm")
            .kind("client")
            .service("crm-api")
            .with("db.system", "postgresql")
            .named("SELECT customers")
            .failed("canceling statement due to statement timeout"),
        span("queue", 24.9, 96.9)
            .below("call")
            .stage("queue")
            .named("queue billing-uk")
            .with(queue, "billing-uk"),
        agent(span("ring", 96.9, 100.9).below("call").stage("alert").named("alert")),
        agent(span("talk", 100.9, 190.9).below("call").stage("talk").named("talk")),
        agent(span("transfer", 190.0, 191.0).below("call").stage("transfer").named("blind transfer"))
            .linked("t", "talk")
            .linked("9b1fe07a3c5d4e2f8a7b6c5d4e3f2a1b", "01"),
        agent(span("wrapup", 191.0, 203.0).below("call").stage("wrapup").named("wrap-up")),
    ]
    .iter()
    .map(Sketch::span)
    .collect()
}

fn beside() -> Beside {
    fn read<T: serde::de::DeserializeOwned>(text: &str) -> T {
        serde_json::from_str(text).unwrap()
    }
    let path: Path = read(
        r#"{"idle_ns":"0","truncated":false,"shares":[
            {"name":"talk","service":"contact-centre","stage":"talk","n":1,"duration_ns":"90000000000","share":0.47},
            {"name":"queue billing-uk","service":"contact-centre","stage":"queue","n":1,"duration_ns":"72000000000","share":0.38},
            {"name":"SELECT customers","service":"crm-api","stage":null,"n":2,"duration_ns":"5400000000","share":0.03}]}"#,
    );
    let mut chain: Chain = serde_json::from_value(
        serde_json::json!({"calls": [], "duration_ns": "300000000000", "truncated": false}),
    )
    .unwrap();
    let other = Summary { id: "next-call".to_owned(), start_ns: Ns(START + 191 * SECOND), ..summary() };
    for (place, link, interaction) in
        [("this", None, summary()), ("next", Some("transfer".to_owned()), other)]
    {
        chain.calls.push(crate::answer::ChainCall {
            interaction,
            place: place.to_owned(),
            link,
            ambiguous: false,
        });
    }
    let percentiles: Percentiles = read(
        r#"{"spans":[{"trace_id":"u","span_id":"sql","n":400,"percentile":99.2},{"trace_id":"t","span_id":"queue","n":400,"percentile":60.0}]}"#,
    );
    Beside { path: Some(path), chain: Some(chain), percentiles: Some(percentiles) }
}

fn options(width: usize) -> Options {
    Options {
        width,
        zone: TimeZone::UTC,
        now_ns: START + 3600 * SECOND,
        spans: 200,
        wanted: Some("sql".to_owned()),
    }
}

fn text(lines: &[Line], palette: Palette) -> String {
    lines.iter().map(|line| line.write(palette) + "\n").collect()
}

fn drawn(width: usize) -> String {
    let found = Interaction { interaction: summary(), spans: call(), truncated: false };
    text(&interaction(&found, &beside(), &options(width)), Palette::PLAIN)
}

#[test]
fn a_call_at_100_cells() {
    expect![[r#"
        ✓ handled · c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54 · transferred once · ✗ 1 error
        inbound voice · billing-uk · eu-west-1 · 20 Nov 2026 09:00:00.000 UTC

        Total 3 m 23.0 s (on line 3 m 11.0 s)
        Caller waited 1 m 16.0 s (40 %: queue 1 m 12 s, ring 4.00 s)
        Agents worked 1 m 42.0 s (A. Reed 1 m 42 s)    Answered after 1 m 16.0 s
        Complete 93 % (1 rejoined; 15 spans, 2 traces)

        Call chain: 2 calls, 5 m 00.0 s
        ▶ c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54  09:00:00  3 m 23.0 s  billing-uk
          transfer next-call  09:03:11  3 m 23.0 s  billing-uk

        Critical path: what the caller waited for
          47 %    1 m 30 s  ███████████████████                      talk
          38 %    1 m 12 s  ███████████████                          queue billing-uk
           3 %      5.40 s  █                                        SELECT customers · crm-api ×2

        ! Context lost at middleware → crm-api
          Pass traceparent and tracestate on from middleware to crm-api, also through proxies in between;
          then let crm-api continue them.

                                                       0 s +842.0 ms        +18.500 s +1:36.9     +3:10
                                                                               ╌1:12╌╌    1 m 29 s    12.0 s
          Caller                         3 m 11 s      ████ █IVR███████████████░Queue░░░░░█Talk█╱╱████
          IVR Billing main                 24.0 s           █Billing main██████
          └ Data Action contact-cent…      6.50 s                   ████████
          └ HTTP contact-centre            6.30 s                   ████████
          └ CRM middleware                 6.10 s                   ████████
          └ SQL crm-api                    5.40 s                    ██████
          Queue billing-uk               1 m 12 s                              ░Queue░
          Agent A. Reed                  1 m 46 s                                     ░░░░█Talk█╱╱██████████

          voice inbound · contact-cen…   3 m 23 s      ├────────────────────────────╱╱──────────╱╱─────────┤
          ├ SIP INVITE · edge-sbc          842 ms      ████
          ├ Billing main                   24.0 s           ███████████████████
          │ ├ Menu: language               8.00 s            ████
          │ └ GetCustomer                  6.50 s                   ████████
          │   └ POST /v1/lookup            6.30 s                   ████████
          │     └ POST /v1/lookup          6.10 s                   ████████
          │       └ GET /customers         5.80 s                    ██████
        ! │         └ GET /customers/…     5.60 s                    ██████
          │             ! new trace, rejoined after middleware
        ✗ │           └ SELECT custom…     5.40 s  p99               ██████
          │               ✗ canceling statement due to statement timeout
          ├ queue billing-uk             1 m 12 s                              ░░░░░░░
          ├ alert                          4.00 s                                     ░░░░
          ├ talk                         1 m 30 s                                         ██████╱╱███
          ├ blind transfer                 1.00 s                                                 ████
          │   ↪ link to talk at +1:40.9
          │   ↪ link to trace 9b1fe07a3c5d4e2f8a7b6c5d4e3f2a1b
          └ wrap-up                        12.0 s                                                     ██████
    "#]]
    .assert_eq(&drawn(100));
}

#[test]
fn the_same_at_60_cells() {
    expect![[r#"
        ✓ handled · c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54
        transferred once · ✗ 1 error
        inbound voice · billing-uk · eu-west-1
        20 Nov 2026 09:00:00.000 UTC

        Total 3 m 23.0 s (on line 3 m 11.0 s)
        Caller waited 1 m 16.0 s (40 %: queue 1 m 12 s, ring 4.00 s)
        Agents worked 1 m 42.0 s (A. Reed 1 m 42 s)
        Answered after 1 m 16.0 s
        Complete 93 % (1 rejoined; 15 spans, 2 traces)

        Call chain: 2 calls, 5 m 00.0 s
        ▶ c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54  09:00:00  3 m 23.0 …
          transfer next-call  09:03:11  3 m 23.0 s  billing-uk

        Critical path: what the caller waited for
          47 %    1 m 30 s  █████      talk
          38 %    1 m 12 s  ████       queue billing-uk
           3 %      5.40 s  █          SELECT customers · crm-api ×2

        ! Context lost at middleware → crm-api
          Pass traceparent and tracestate on from middleware to
          crm-api, also through proxies in between; then let crm-api
          continue them.

                                      0 s +9.000 s   +1:36.9 +3:10
                                               ╌1:12╌  ╌1:29╌  0:12╌
          Caller             3 m 11 s ███IVR███░░░░░░░░████╱╱██
          IVR Billing ma…      24.0 s   █IVR███
          └ Data Action …      6.50 s      ██
          └ HTTP contact…      6.30 s      ██
          └ CRM middlewa…      6.10 s      ██
          └ SQL crm-api        5.40 s      ██
          Queue billing-…    1 m 12 s          ░░░░░░
          Agent A. Reed      1 m 46 s                ░░████╱╱███████

          voice inbound      3 m 23 s ├────────────╱╱──────╱╱──────┤
          ├ SIP INVITE         842 ms ██
          ├ Billing main       24.0 s   ███████
          │ ├ Menu: langu…     8.00 s   ██
          │ └ GetCustomer      6.50 s      ██
          │   └ POST /v1/…     6.30 s      ██
          │     └ POST /v…     6.10 s      ██
          │       └ GET /…     5.80 s      ██
        ! │         └ GET…     5.60 s      ██
          │             ! new trace, rejoined after middleware
        ✗ │           └ S…     5.40 s      ██
          │               ✗ canceling statement due to statement ti…
          ├ queue billing…   1 m 12 s          ░░░░░░
          ├ alert              4.00 s                ░░
          ├ talk             1 m 30 s                  ████╱╱█
          ├ blind transfer     1.00 s                        ██
          │   ↪ link to talk at +1:40.9
          │   ↪ link to trace 9b1fe07a3c5d4e2f8a7b6c5d4e3f2a1b
          └ wrap-up            12.0 s                          █████
    "#]]
    .assert_eq(&drawn(60));
}

#[test]
fn the_same_at_160_cells() {
    expect![[r#"
        ✓ handled · c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54 · transferred once · ✗ 1 error
        inbound voice · billing-uk · eu-west-1 · 20 Nov 2026 09:00:00.000 UTC

        Total 3 m 23.0 s (on line 3 m 11.0 s)    Caller waited 1 m 16.0 s (40 %: queue 1 m 12 s, ring 4.00 s)    Agents worked 1 m 42.0 s (A. Reed 1 m 42 s)
        Answered after 1 m 16.0 s    Complete 93 % (1 rejoined; 15 spans, 2 traces)

        Call chain: 2 calls, 5 m 00.0 s
        ▶ c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54  09:00:00  3 m 23.0 s  billing-uk
          transfer next-call  09:03:11  3 m 23.0 s  billing-uk

        Critical path: what the caller waited for
          47 %    1 m 30 s  ███████████████████                      talk
          38 %    1 m 12 s  ███████████████                          queue billing-uk
           3 %      5.40 s  █                                        SELECT customers · crm-api ×2

        ! Context lost at middleware → crm-api
          Pass traceparent and tracestate on from middleware to crm-api, also through proxies in between; then let crm-api continue them.

                                                                         0 s      +842.0 ms   +9.000 s                     +18.500 s     +1:36.9          +3:10
                                                                                                    0 s    2      4      6        ╌1:12╌╌         1 m 29 s        12.0 s
          Caller                                           3 m 11 s      █Set-up██ █IVR███████████████████████████████████████████░Queue░░Ring░░░░█Talk█╱╱████████
          IVR Billing main                                   24.0 s                █Billing main 24.0 s███████████████████████████
          └ Data Action contact-centre                       6.50 s                                 █Data Action 6.50 s████
          └ HTTP contact-centre                              6.30 s                                  █POST /v1/lookup██████
          └ CRM middleware                                   6.10 s                                  █POST /v1/lookup██████
          └ SQL crm-api                                      5.40 s                                   █SELECT customers███
          Queue billing-uk                                 1 m 12 s                                                               ░Queue░
          Agent A. Reed                                    1 m 46 s                                                                      ░Ring░░░░█Talk█╱╱██████████████

          voice inbound · contact-centre                   3 m 23 s      ├─────────────────────────────────────────────────────────────╱╱───────────────╱╱─────────────┤
          ├ SIP INVITE · edge-sbc                            842 ms      █████████
          ├ Billing main                                     24.0 s                ███████████████████████████████████████████████
          │ ├ Menu: language                                 8.00 s                  █████████
          │ └ GetCustomer                                    6.50 s                                 ███████████████████████
          │   └ POST /v1/lookup                              6.30 s                                  ██████████████████████
          │     └ POST /v1/lookup · middleware               6.10 s                                  ██████████████████████
          │       └ GET /customers                           5.80 s                                   ████████████████████
        ! │         └ GET /customers/:id · crm-api           5.60 s                                   ████████████████████
          │             ! new trace, rejoined after middleware
        ✗ │           └ SELECT customers                     5.40 s  p99                              ████████████████████
          │               ✗ canceling statement due to statement timeout
          ├ queue billing-uk                               1 m 12 s                                                               ░░░░░░░
          ├ alert                                            4.00 s                                                                      ░░░░░░░░░
          ├ talk                                           1 m 30 s                                                                               ██████╱╱█████
          ├ blind transfer                                   1.00 s                                                                                       ████████
          │   ↪ link to talk at +1:40.9
          │   ↪ link to trace 9b1fe07a3c5d4e2f8a7b6c5d4e3f2a1b
          └ wrap-up                                          12.0 s                                                                                               ██████
    "#]].assert_eq(&drawn(160));
}

#[test]
fn a_call_that_goes_on() {
    let mut spans = call();
    spans.truncate(12);
    for span in &mut spans {
        span.finished = !["call", "ring"].contains(&span.span_id.as_str());
    }
    let summary = Summary { running: true, outcome: None, error_count: 0, ..summary() };
    let found = Interaction { interaction: summary, spans, truncated: true };
    let lines = interaction(&found, &Beside::default(), &options(80));
    expect![[r#"
        ▸ running · c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54
        inbound voice · billing-uk · eu-west-1 · 20 Nov 2026 09:00:00.000 UTC

        Total 3 m 23.0 s (on line 1 m 40.9 s)
        Caller waited 1 m 16.0 s (75 %: queue 1 m 12 s, ring 4.00 s)
        Agents worked 1 m 42.0 s
        Complete 91 % (1 rejoined, still running, cut off; 15 spans, 2 traces)

        ! Context lost at middleware → crm-api
          Pass traceparent and tracestate on from middleware to crm-api, also through
          proxies in between; then let crm-api continue them.

                                            0 s +842.0 ms        +18.500 s  +1:36.9
                                                                     ╌1:12╌╌    1 m 42 s
          Caller                   1 m 41 s ████ █IVR████████████████░Queue░░░░▸
          IVR Billing main           24.0 s      █Billing main███████
          └ Data Action contac…      6.50 s              ████████
          └ HTTP contact-centre      6.30 s               ███████
          └ CRM middleware           6.10 s               ███████
          └ SQL crm-api              5.40 s               ███████
          Queue billing-uk         1 m 12 s                          ░Queue░
          Agent A. Reed              4.00 s                                 ░░░▸

        ▸ voice inbound · conta…   3 m 23 s ├─────────────────────────────╱╱───────────▸
          ├ SIP INVITE · edge-s…     842 ms ████
          ├ Billing main             24.0 s      ████████████████████
          │ ├ Menu: language         8.00 s       ████
          │ └ GetCustomer            6.50 s              ████████
          │   └ POST /v1/lookup      6.30 s               ███████
          │     └ POST /v1/look…     6.10 s               ███████
          │       └ GET /custom…     5.80 s               ███████
        ! │         └ GET /cust…     5.60 s               ███████
          │             ! new trace, rejoined after middleware
        ✗ │           └ SELECT …     5.40 s               ███████
          │               ✗ canceling statement due to statement timeout
          ├ queue billing-uk       1 m 12 s                          ░░░░░░░
        ▸ └ alert                    4.00 s                                 ░░░▸
        There are more spans than an answer holds: `throughline export` has them all.
    "#]]
    .assert_eq(&text(&lines, Palette::PLAIN));
}

#[test]
fn a_trace_without_a_call() {
    let spans: Vec<Span> = call().into_iter().filter(|span| span.trace_id == "u").collect();
    let found = Trace { trace_id: "u".to_owned(), interaction_ids: vec![], spans, truncated: false };
    expect![[r#"
        trace u
        of no interaction: no span of it carries `interaction.id`
        20 Nov 2026 09:00:12.500 UTC · 5.60 s · 2 spans · ✗ 1 failed

                                            0 s
                                            0 s     1       2       3      4       5
          GET /customers/:id         5.60 s ████████████████████████████████████████████
        ✗ └ SELECT customers         5.40 s  ██████████████████████████████████████████
              ✗ canceling statement due to statement timeout
    "#]]
    .assert_eq(&text(&trace(&found, &options(80)), Palette::PLAIN));
    let nothing = Trace {
        trace_id: "u".to_owned(),
        interaction_ids: vec!["a".to_owned()],
        spans: vec![],
        truncated: false,
    };
    expect![[r#"
        trace u
        of a
        1 Jan 1970 00:00:00.000 UTC · 0 s · 0 spans

                                      0 s

    "#]]
    .assert_eq(&text(&trace(&nothing, &options(60)), Palette::PLAIN));
}

/// Colours change nothing but colours.
#[test]
fn without_its_colours_it_is_the_same_text() {
    let found = Interaction { interaction: summary(), spans: call(), truncated: false };
    let lines = interaction(&found, &beside(), &options(100));
    for colour in [Colour::Indexed, Colour::Rgb] {
        let coloured = text(&lines, Palette { colour, ground: Ground::Light });
        let plain: String = coloured
            .split('\u{1b}')
            .enumerate()
            .map(|(at, part)| if at == 0 { part } else { part.split_once('m').unwrap().1 })
            .collect();
        let trimmed: String = plain.lines().map(|line| line.trim_end().to_owned() + "\n").collect();
        assert_eq!(
            trimmed,
            drawn(100)
                .replace('█', " ")
                .lines()
                .map(|line| line.trim_end().to_owned() + "\n")
                .collect::<String>()
        );
        assert!(coloured.len() > plain.len());
    }
}

const HOSTILE: [&str; 9] = [
    "\u{1b}[2J\u{1b}[31m",
    "\u{1b}]0;title\u{7}",
    "right\u{202e}left",
    "zero\u{200b}\u{feff}width",
    "待ち行列の名前はとても長い",
    "line\nbreak\r\ttab",
    "e\u{301}\u{301}\u{301}\u{301}\u{301}",
    "",
    "<script>alert(1)</script>",
];

proptest! {
    /// Any spans, in any relation, at any width: lines keep to their width, and nothing in them steers.
    #[test]
    fn hostile_data_is_drawn(
        spans in prop::collection::vec((0u8..12, 0u8..14, 0u64..400, 0u64..400_000, 0usize..12, 0usize..9, any::<String>(), any::<bool>()), 0..30),
        cells in 60usize..241,
        most in 1usize..40,
    ) {
        let stages = ["ivr", "queue", "talk", "action", "hold", "park", "wrapup", "setup", "nothing"];
        let spans: Vec<Span> = spans.into_iter().map(|(id, parent, start, took, stage, text, any, failed)| {
            let text = HOSTILE.get(text).copied().unwrap_or_default();
            let kind = if failed { "client" } else { "server" };
            let mut sketch = span(&id.to_string(), start as f64, start as f64 + took as f64 / 1000.0)
                .below(&parent.to_string())
                .trace(text)
                .kind(kind)
                .named(&format!("{text}{any}"))
                .service(text)
                .with("interaction.queue.name", text)
                .with("interaction.agent.id", &any)
                .with("genesys_cloud.flow.name", text)
                .linked(text, &any);
            if let Some(stage) = stages.get(stage) {
                sketch = sketch.stage(stage);
            }
            if failed { sketch.failed(text).span() } else { sketch.span() }
        }).collect();
        let hostile = |n: usize| HOSTILE.get(n).copied().unwrap_or_default().to_owned();
        let summary = Summary { id: hostile(0), region: Some(hostile(2)), queues: vec![hostile(4), hostile(5)], outcome: Some(hostile(1)), ..summary() };
        let count = spans.len();
        let found = Interaction { interaction: summary, spans, truncated: false };
        let options = Options { spans: most, ..options(cells) };
        let lines = interaction(&found, &beside(), &options);
        for line in &lines {
            let line = line.write(Palette::PLAIN);
            prop_assert!(width(&line) <= cells, "{} > {cells}: {line:?}", width(&line));
            let steers = |c: char| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c) || c == '\u{200b}';
            prop_assert!(!line.contains(steers), "{:?}", line);
        }
        prop_assert!(lines.len() < 40 + 7 * count.min(most) + 40);
        let trace = trace(&Trace { trace_id: hostile(0), interaction_ids: vec![hostile(2)], spans: found.spans, truncated: true }, &options);
        prop_assert!(trace.iter().all(|line| line.width() <= cells));
    }
}
