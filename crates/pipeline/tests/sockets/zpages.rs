//! The page of a plan that runs.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use expect_test::{Expect, expect};
use flow::config::Node;
use flow::{
    Batch, BoxFuture, Ctx, ExportError, Exporter, Factory, Make, Memory, Registry, Signal, Telemetry,
};
use http::Method;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use pipeline::engine::account::Accounts;
use pipeline::engine::health::Health;
use pipeline::engine::running::Running;
use pipeline::net::addresses::Addresses;
use pipeline::plan::Plan;
use pipeline::{connectors, extensions, processors, receivers};
use prost::Message;
use serde_json::{Value, json};

use crate::client::{Answer, PROTOBUF, http, post, request};

/// Spans whose names begin with `noise` are dropped on purpose.
const PLAN: &str = "
receivers:
  otlp: {protocols: {http: {endpoint: '127.0.0.1:0'}}}
processors:
  memory_limiter: {check_interval: 1s, limit_mib: 4000}
  filter: {traces: {span: ['IsMatch(name, \"^noise\")']}}
  cardinality: {limit: 5, action: hash}
exporters:
  sink/well:
  sink/refusing:
  sink/failing: {retry_on_failure: {initial_interval: 1h, max_interval: 1h, max_elapsed_time: 0s}, sending_queue: {queue_size: 4}}
connectors:
  spanmetrics:
extensions:
  journal: {directory: 'DIRECTORY', max_size_mib: 64}
  zpages: {endpoint: '127.0.0.1:0'}
service:
  extensions: [journal, zpages]
  telemetry: {metrics: {level: none}}
  pipelines:
    traces: {receivers: [otlp], processors: [memory_limiter, filter, cardinality], exporters: [sink/well, sink/refusing, sink/failing, spanmetrics]}
    metrics/calls: {receivers: [spanmetrics], exporters: [sink/well]}
";
/// As a client may send it.
const HOSTILE: &str = "<img src=x onerror=alert(1)>\"'&\u{202e}";

static SINK: Factory = Factory {
    name: "sink",
    aliases: &[],
    signals: &Signal::ALL,
    check: pipeline::engine::sending::check,
    make: Make::Exporter(|_, ctx| Ok(Arc::new(Sink { id: ctx.id.to_string() }))),
};

struct Sink {
    id: String,
}

impl Exporter for Sink {
    fn export<'a>(&'a self, _: &'a Batch) -> BoxFuture<'a, Result<(), ExportError>> {
        Box::pin(std::future::ready(match self.id.as_str() {
            "sink/refusing" => Err(ExportError::Permanent("not these".into())),
            "sink/failing" => Err(ExportError::Retry { why: "<b>refused</b>".into(), after: None }),
            _ => Ok(()),
        }))
    }
}

struct Site {
    ctx: Ctx,
    running: Running,
}

impl Site {
    async fn start(directory: &Path) -> Self {
        let registry = Registry::new([
            receivers::otlp::FACTORY,
            processors::memory_limiter::FACTORY,
            processors::filter::FACTORY,
            processors::cardinality::FACTORY,
            SINK,
            connectors::spanmetrics::FACTORY,
            extensions::journal::FACTORY,
            extensions::zpages::FACTORY,
        ]);
        let telemetry = Telemetry::default();
        let ctx = Ctx::new(Arc::new(Memory::default()), telemetry.clone())
            .with(Arc::new(Addresses::default()))
            .with(Arc::new(Health::default()))
            .with(Arc::new(Accounts::new(telemetry)));
        let yaml = PLAN.replace("DIRECTORY", directory.to_str().unwrap());
        let (plan, findings) = Plan::of(&Node::load("zpages.yaml", &yaml).unwrap(), &registry);
        let running = Running::start(&plan.unwrap_or_else(|| panic!("{findings:?}")), &ctx).await.unwrap();
        Self { ctx, running }
    }

    /// Ten spans, three of them noise, whose one attribute has as many values.
    async fn send(&self) {
        let address = self.ctx.get::<Addresses>().unwrap().of("otlp", "http").unwrap();
        assert_eq!(http(address, post(&[PROTOBUF], spans())).await.status, 200);
    }

    async fn ask(&self, method: Method, path: &str, host: &str) -> Answer {
        let address = self.ctx.get::<Addresses>().unwrap().of("zpages", "http").unwrap();
        http(address, request(method, path, &[("host", host)], "")).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, "localhost").await
    }

    /// What is shown, as soon as it is `ready`.
    async fn json(&self, ready: impl Fn(&Value) -> bool) -> Value {
        let mut value = Value::Null;
        let until_ready = async {
            while !(value.is_object() && ready(&value)) {
                let answer = self.get("/debug/pipelinez.json").await;
                assert_eq!(
                    (answer.status.as_u16(), answer.header("content-type")),
                    (200, "application/json")
                );
                value = serde_json::from_slice(&answer.body).unwrap();
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(30), until_ready).await.is_ok();
        assert!(in_time, "{value:#}");
        value
    }
}

fn spans() -> Vec<u8> {
    let attribute = |nth: usize| KeyValue {
        key: HOSTILE.to_owned(),
        value: Some(AnyValue { value: Some(any_value::Value::StringValue(format!("value {nth}"))) }),
        ..KeyValue::default()
    };
    let span = |nth: usize| Span {
        trace_id: vec![7; 16],
        span_id: (nth as u64 + 1).to_be_bytes().to_vec(),
        name: if nth < 3 { format!("noise {nth}") } else { format!("call {nth}") },
        start_time_unix_nano: 1,
        end_time_unix_nano: 2,
        attributes: vec![attribute(nth)],
        ..Span::default()
    };
    let scope = ScopeSpans { spans: (0..10).map(span).collect(), ..ScopeSpans::default() };
    let resource = ResourceSpans { scope_spans: vec![scope], ..ResourceSpans::default() };
    ExportTraceServiceRequest { resource_spans: vec![resource] }.encode_to_vec()
}

/// All that was sent is where it will stay: with one exporter, lost at another, in flight at a third and in the journal, which counts
/// an entry after it has answered.
fn is_quiet(live: &Value) -> bool {
    let accounts = live["pipelines"][0]["accounts"].as_array().unwrap();
    let numbers: Vec<_> = accounts
        .iter()
        .map(|one| ["exported", "lost", "in_flight", "unaccounted"].map(|term| one[term].as_i64().unwrap()))
        .collect();
    let failing = live["exporters"].as_array().unwrap().iter();
    let failing = failing.filter(|one| !one["why"].is_null()).count();
    let in_journal = live["logs"][0]["entries"] == 1;
    numbers == [[0, 0, 7, 0], [0, 7, 0, 0], [7, 0, 0, 0], [7, 0, 0, 0]] && failing == 1 && in_journal
}

/// Without what differs from run to run.
fn steady(live: &mut Value) {
    for key in ["version", "process_id", "uptime_seconds"] {
        live[key] = json!("…");
    }
    assert_eq!(live["cardinality"][0]["key"], json!(HOSTILE), "JSON has it as it is");
    live["cardinality"][0]["key"] = json!("…");
    live["memory"]["resident_bytes"] = json!("…");
    live["memory"]["held_bytes"] = json!("…");
    live["journals"][0]["used_bytes"] = json!("…");
    live["listeners"].as_array_mut().unwrap().iter_mut().for_each(|one| one["address"] = json!("…"));
    for exporter in live["exporters"].as_array_mut().unwrap() {
        if !exporter["failing_for_seconds"].is_null() {
            exporter["failing_for_seconds"] = json!("…");
        }
    }
}

fn same(value: &Value, expected: Expect) {
    expected.assert_eq(&serde_json::to_string_pretty(value).unwrap());
}

/// Scenario: ten spans reach a pipeline that drops three; of its exporters one takes the rest, one loses it, one waits.
/// Guarantees: page and JSON say so to the item, each reason beside it; a hostile attribute key is text.
#[tokio::test]
async fn the_page_shows_what_runs() {
    let directory = tempfile::tempdir().unwrap();
    let mut site = Site::start(directory.path()).await;
    site.send().await;
    let mut live = site.json(is_quiet).await;
    steady(&mut live);
    same(
        &live,
        expect![[r#"
            {
              "cardinality": [
                {
                  "acted": 2,
                  "action": "hash",
                  "key": "…",
                  "limit": 5,
                  "over": true,
                  "pipeline": "traces",
                  "processor": "cardinality",
                  "values": 7
                }
              ],
              "exporters": [
                {
                  "capacity": 4,
                  "exporter": "sink/failing",
                  "failing_for_seconds": "…",
                  "healthy": true,
                  "on_disk": 0,
                  "queued": 0,
                  "why": "<b>refused</b>"
                },
                {
                  "capacity": 1000,
                  "exporter": "sink/refusing",
                  "failing_for_seconds": null,
                  "healthy": true,
                  "on_disk": 0,
                  "queued": 0,
                  "why": null
                },
                {
                  "capacity": 1000,
                  "exporter": "sink/well",
                  "failing_for_seconds": null,
                  "healthy": true,
                  "on_disk": 0,
                  "queued": 0,
                  "why": null
                }
              ],
              "extensions": [
                "journal",
                "zpages"
              ],
              "journals": [
                {
                  "extension": "journal",
                  "limit_bytes": 67108864,
                  "used_bytes": "…"
                }
              ],
              "left_out": 0,
              "listeners": [
                {
                  "address": "…",
                  "component": "otlp",
                  "serves": "http"
                },
                {
                  "address": "…",
                  "component": "zpages",
                  "serves": "http"
                }
              ],
              "logs": [
                {
                  "entries": 1,
                  "log": "pipelines/traces",
                  "refuses": null
                }
              ],
              "memory": {
                "cap_bytes": 3355443200,
                "held_bytes": "…",
                "limit_bytes": 4194304000,
                "resident_bytes": "…"
              },
              "phase": "running",
              "pipelines": [
                {
                  "accounts": [
                    {
                      "dropped": 3,
                      "dropped_by": {
                        "filtered": 3
                      },
                      "exported": 0,
                      "exporter": "sink/failing",
                      "in_flight": 7,
                      "lost": 0,
                      "lost_by": {},
                      "received": 10,
                      "refused": 0,
                      "unaccounted": 0
                    },
                    {
                      "dropped": 3,
                      "dropped_by": {
                        "filtered": 3
                      },
                      "exported": 0,
                      "exporter": "sink/refusing",
                      "in_flight": 0,
                      "lost": 7,
                      "lost_by": {
                        "rejected": 7
                      },
                      "received": 10,
                      "refused": 0,
                      "unaccounted": 0
                    },
                    {
                      "dropped": 3,
                      "dropped_by": {
                        "filtered": 3
                      },
                      "exported": 7,
                      "exporter": "sink/well",
                      "in_flight": 0,
                      "lost": 0,
                      "lost_by": {},
                      "received": 10,
                      "refused": 0,
                      "unaccounted": 0
                    },
                    {
                      "dropped": 3,
                      "dropped_by": {
                        "filtered": 3
                      },
                      "exported": 7,
                      "exporter": "spanmetrics",
                      "in_flight": 0,
                      "lost": 0,
                      "lost_by": {},
                      "received": 10,
                      "refused": 0,
                      "unaccounted": 0
                    }
                  ],
                  "exporters": [
                    {
                      "exporter": "sink/well",
                      "pipelines": []
                    },
                    {
                      "exporter": "sink/refusing",
                      "pipelines": []
                    },
                    {
                      "exporter": "sink/failing",
                      "pipelines": []
                    },
                    {
                      "exporter": "spanmetrics",
                      "pipelines": [
                        "metrics/calls"
                      ]
                    }
                  ],
                  "items": "spans",
                  "name": "traces",
                  "processors": [
                    {
                      "incoming": 10,
                      "outgoing": 10,
                      "processor": "memory_limiter"
                    },
                    {
                      "incoming": 10,
                      "outgoing": 7,
                      "processor": "filter"
                    },
                    {
                      "incoming": 7,
                      "outgoing": 7,
                      "processor": "cardinality"
                    }
                  ],
                  "received": 10,
                  "receivers": [
                    "otlp"
                  ],
                  "refused": 0
                },
                {
                  "accounts": [
                    {
                      "dropped": 0,
                      "dropped_by": {},
                      "exported": 0,
                      "exporter": "sink/well",
                      "in_flight": 0,
                      "lost": 0,
                      "lost_by": {},
                      "received": 0,
                      "refused": 0,
                      "unaccounted": 0
                    }
                  ],
                  "exporters": [
                    {
                      "exporter": "sink/well",
                      "pipelines": []
                    }
                  ],
                  "items": "metric_points",
                  "name": "metrics/calls",
                  "processors": [],
                  "received": 0,
                  "receivers": [
                    "spanmetrics"
                  ],
                  "refused": 0
                }
              ],
              "process_id": "…",
              "ready": true,
              "sampling": [],
              "uptime_seconds": "…",
              "version": "…"
            }"#]],
    );

    let page = site.get("/debug/pipelinez").await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let html = String::from_utf8(page.body.to_vec()).unwrap();
    let between = |from: &str, to: &str| {
        let (_, rest) = html.split_once(from).unwrap_or_else(|| panic!("no {from} in {html}"));
        rest.split_once(to).unwrap().0.to_owned()
    };
    expect![[r##"
        Pipelines</h1>
        <section class="card" id="p0">
        <h2>traces</h2> <span class="mute">spans</span>
        <ol class="path">
        <li><div class="node in">otlp</div><span class="mute">10 received</span></li>
        <li><div class="node">memory_limiter</div><span class="mute">10 in, 10 out</span></li>
        <li><div class="node">filter</div><span class="mute">10 in, 7 out</span></li>
        <li><div class="node">cardinality</div><span class="mute">7 in, 7 out</span></li>
        <li><div class="node out">sink/well</div><div class="node out">sink/refusing</div><div class="node out">sink/failing</div><div class="node out">spanmetrics <a href="#p1">→ metrics/calls</a></div></li>
        </ol>
        <div class="wide"><table>
        <tr><th>to</th><th class="n">received</th><th class="n">exported</th><th class="n">dropped</th><th class="n">refused</th><th class="n">lost</th><th class="n">in flight</th><th class="n">unaccounted</th><th>reasons</th></tr>
        <tr><td>sink/failing</td><td class="n">10</td><td class="n">0</td><td class="n">3</td><td class="n">0</td><td class="n">0</td><td class="n">7</td><td class="n">0</td><td><div>dropped, filtered: 3</div></td></tr>
        <tr><td>sink/refusing</td><td class="n">10</td><td class="n">0</td><td class="n">3</td><td class="n">0</td><td class="n bad">7</td><td class="n">0</td><td class="n">0</td><td><div>dropped, filtered: 3</div><div>lost, rejected: 7</div></td></tr>
        <tr><td>sink/well</td><td class="n">10</td><td class="n">7</td><td class="n">3</td><td class="n">0</td><td class="n">0</td><td class="n">0</td><td class="n">0</td><td><div>dropped, filtered: 3</div></td></tr>
        <tr><td>spanmetrics</td><td class="n">10</td><td class="n">7</td><td class="n">3</td><td class="n">0</td><td class="n">0</td><td class="n">0</td><td class="n">0</td><td><div>dropped, filtered: 3</div></td></tr>
        </table></div>
        </section>
        <section class="card" id="p1">
        <h2>metrics/calls</h2> <span class="mute">metric points</span>
        <ol class="path">
        <li><div class="node in">spanmetrics</div><span class="mute">0 received</span></li>
        <li><div class="node out">sink/well</div></li>
        </ol>
        <div class="wide"><table>
        <tr><th>to</th><th class="n">received</th><th class="n">exported</th><th class="n">dropped</th><th class="n">refused</th><th class="n">lost</th><th class="n">in flight</th><th class="n">unaccounted</th><th>reasons</th></tr>
        <tr><td>sink/well</td><td class="n">0</td><td class="n">0</td><td class="n">0</td><td class="n">0</td><td class="n">0</td><td class="n">0</td><td class="n">0</td><td></td></tr>
        </table></div>
        </section>
    "##]].assert_eq(&between("<h1 id=\"pipelines\">", "<h1 id=\"exporters\">"));
    expect![[r#"
        Attribute keys with most values</h1>
        <section class="card wide"><table>
        <tr><th>key</th><th>pipeline</th><th>processor</th><th class="n">values, about</th><th class="n">limit</th><th></th><th>action</th><th class="n">attributes changed</th></tr>
        <tr><td class="key">&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;\u{202e}</td><td>traces</td><td>cardinality</td><td class="n bad">7</td><td class="n">5</td><td><meter min="0" max="5" high="4" optimum="0" value="5"></meter></td><td>hash</td><td class="n">2</td></tr>
        </table></section>
    "#]].assert_eq(&between("<h1 id=\"attributes\">", "<h1 id=\"process\">"));
    assert!(html.contains("&lt;b&gt;refused&lt;/b&gt;"), "{html}");
    assert!(!html.contains("<img") && !html.contains("<b>refused") && !html.contains('\u{202e}'), "{html}");
    // Whoever waits for an hour is not waited for.
    site.running.stop().await;
}

#[tokio::test]
async fn the_page_lets_nothing_in() {
    let directory = tempfile::tempdir().unwrap();
    let mut site = Site::start(directory.path()).await;
    for path in ["servicez", "pipelinez", "extensionz", "featurez", "tracez", "pipelinez/", "pipelinez.json"]
    {
        let answer = site.get(&format!("/debug/{path}")).await;
        assert_eq!(answer.status, 200, "{path}");
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert_eq!(
            (answer.header("cache-control"), answer.header("x-frame-options")),
            ("no-store", "DENY"),
            "{path}"
        );
    }
    let reload = async |query: &str| {
        let html = site.get(&format!("/debug/servicez{query}")).await.body;
        let html = String::from_utf8(html.to_vec()).unwrap();
        let seconds = html.split_once("http-equiv=\"refresh\" content=\"").map(|(_, rest)| rest);
        seconds.map(|rest| rest.split_once('"').unwrap().0.to_owned()).unwrap_or_default()
    };
    for (query, seconds) in [
        ("", "10"),
        ("?refresh=5", "5"),
        ("?refresh=0", ""),
        ("?refresh=99999", "3600"),
        ("?refresh=x", "10"),
    ] {
        assert_eq!(reload(query).await, seconds, "{query}");
    }
    assert_eq!(site.get("/debug/pipelinez.xml").await.line().lines().count(), 7);
    for (method, path, host, status) in [
        (Method::GET, "/", "localhost", 404),
        (Method::GET, "/debug/%3Cb%3E", "localhost", 404),
        (Method::POST, "/debug/pipelinez", "localhost", 405),
        (Method::GET, "/debug/pipelinez", "evil.example", 403),
        (Method::GET, "/debug/pipelinez.json", "evil.example", 403),
        (Method::HEAD, "/debug/pipelinez", "127.0.0.1", 200),
    ] {
        assert_eq!(site.ask(method.clone(), path, host).await.status, status, "{method} {path} {host}");
    }
    site.running.stop().await;
}
