//! The API over a real socket, with the store in memory.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod client;
mod grpc;
mod hops;
mod jaeger;
mod tempo;
mod analysis;
mod attributes;
mod alerts;
mod sql;
mod flight;
mod links;
mod masking;
mod roles;
mod sign_in;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use client::{Answer, get, request, send};
use expect_test::expect;
use flow::Extension;
use store_api::span::{Dropped, Event, Kind, Link, Scope, Status, StatusCode, key};
use store_api::testing::Sample;
use store_api::testing::sample::{NINE, SECOND};
use store_api::{Stage, StoreDoor, TraceStore, Value};
use throughline_context::{SpanId, TraceId};
use view_api::{File, Page, Settings, View};

struct Site {
    view: View,
    store: Arc<dyn TraceStore>,
}

impl Site {
    async fn open() -> Self {
        Self::with(Settings::default(), None).await
    }

    async fn with(settings: Settings, page: Option<Arc<Page>>) -> Self {
        let door = Arc::new(StoreDoor::new(store_api::door::open_memory).forgetting());
        let lake = store_api::door::Settings { directory: PathBuf::from("/unused"), ..Default::default() };
        door.configure("lake", lake.clone()).unwrap();
        let store = door.open(&lake).await.unwrap();
        let settings = Settings { endpoint: "127.0.0.1:0".to_owned(), ..settings };
        let view = View::new("view", settings, door, page);
        view.start().await.unwrap();
        Self { view, store }
    }

    /// As somebody of a role, by a token of [`tokens`].
    async fn send_as(&self, role: &str, method: &str, path: &str, body: &str) -> Answer {
        let token = format!("Bearer {}", token_of(role));
        send(self.view.address().unwrap(), method, path, &[("authorization", &token)], body).await
    }

    async fn put(&self, samples: impl IntoIterator<Item = Sample>) {
        self.store.append(samples.into_iter().map(Sample::span).collect()).await.unwrap();
    }

    async fn get(&self, path: &str) -> Answer {
        get(self.view.address().unwrap(), path, &[]).await
    }

    async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        get(self.view.address().unwrap(), path, headers).await
    }
}

fn token_of(role: &str) -> String {
    format!("{role}-0123456789abcdef0123456789abcdef")
}

/// A program of each role, and the users of a configuration.
fn guarded(users: &str) -> Settings {
    let tokens = ["viewer", "unmask", "admin"]
        .map(|role| format!("{{name: {role}-program, token: {}, role: {role}}}", token_of(role)));
    let text = format!("auth: {{users: [{users}], tokens: [{}]}}", tokens.join(", "));
    flow::config::Node::load("c.yaml", &text).unwrap().parse().unwrap()
}

/// A call through an IVR, a queue and an agent, with a CRM behind the IVR.
fn call() -> Vec<Sample> {
    let stage = |span, stage, start, duration| {
        Sample::new(1, span).interaction("call-1").stage(stage).at(start, duration)
    };
    vec![
        stage(1, Stage::Ivr, 0, 20).with(key::CHANNEL, "voice").with(key::DIRECTION, "inbound"),
        stage(2, Stage::Queue, 20, 60).with(key::QUEUE, "billing").with(key::REGION, "eu-west"),
        stage(3, Stage::Talk, 80, 120).with(key::AGENT, "ann").with(key::OUTCOME, "handled"),
        Sample::new(1, 4).service("crm").at(3, 1).with("db.rows", 3).with("cached", false).change(|span| {
            span.parent_span_id = Some(SpanId([1; 8]));
            span.kind = Kind::Client;
            span.status = Status { code: StatusCode::Error, message: "no row".to_owned() };
            span.scope =
                Arc::new(Scope { name: "sql".to_owned(), version: "1".to_owned(), ..Scope::default() });
            span.events = vec![Event {
                time_ns: NINE + 3 * SECOND,
                name: "retry".to_owned(),
                attributes: [("ratio", Value::Double(f64::NAN)), ("raw", Value::Bytes(vec![1, 2]))]
                    .into_iter()
                    .collect(),
            }];
            span.links = vec![Link {
                trace_id: TraceId([7; 16]),
                span_id: SpanId([8; 8]),
                trace_state: String::new(),
                attributes: [("list", Value::Array(vec![Value::Int(1), Value::Empty]))].into_iter().collect(),
            }];
            span.dropped = Dropped::default();
        }),
    ]
}

#[tokio::test]
async fn the_list() {
    let site = Site::open().await;
    site.put(call()).await;
    let answer = site.get("/api/v1/interactions?limit=10&region=").await;
    expect![[r#"
        {
          "facets": {
            "channel": [
              {
                "count": 1,
                "value": "voice"
              }
            ],
            "outcome": [
              {
                "count": 1,
                "value": "handled"
              }
            ],
            "queue": [
              {
                "count": 1,
                "value": "billing"
              }
            ],
            "region": [
              {
                "count": 1,
                "value": "eu-west"
              }
            ],
            "service": [
              {
                "count": 1,
                "value": "crm"
              },
              {
                "count": 1,
                "value": "ivr"
              }
            ]
          },
          "interactions": [
            {
              "agent_names": {},
              "agents": [
                "ann"
              ],
              "channel": "voice",
              "direction": "inbound",
              "duration_ns": "200000000000",
              "end_ns": "1795165400000000000",
              "error_count": 1,
              "id": "call-1",
              "outcome": "handled",
              "queues": [
                "billing"
              ],
              "region": "eu-west",
              "running": false,
              "services": [
                "crm",
                "ivr"
              ],
              "span_count": 4,
              "stages": [
                {
                  "duration_ns": "20000000000",
                  "stage": "ivr"
                },
                {
                  "duration_ns": "60000000000",
                  "stage": "queue"
                },
                {
                  "duration_ns": "120000000000",
                  "stage": "talk"
                }
              ],
              "start_ns": "1795165200000000000",
              "trace_count": 1,
              "trace_ids": [
                "01010101010101010101010101010101"
              ],
              "waited_ns": "60000000000",
              "worked_ns": "120000000000"
            }
          ],
          "next_cursor": null,
          "truncated": false
        }"#]]
    .assert_eq(&answer.pretty());
}

#[tokio::test]
async fn the_list_as_a_table() {
    let site = Site::open().await;
    site.put(call()).await;
    let answer = site.get("/api/v1/interactions?format=csv").await;
    assert_eq!(answer.header("content-type"), Some("text/csv; charset=utf-8"));
    assert_eq!(answer.header("content-disposition"), Some("attachment; filename=\"interactions.csv\""));
    assert_eq!(answer.header("throughline-next-cursor"), None);
    let table = String::from_utf8(answer.body).unwrap().replace('\r', "");
    expect![[r#"
        id,start,duration_s,running,direction,channel,region,queues,agents,outcome,waited_s,worked_s,spans,errors,services,setup_s,ivr_s,action_s,queue_s,alert_s,talk_s,hold_s,park_s,consult_s,transfer_s,voicemail_s,wrapup_s
        call-1,2026-11-20T09:00:00.000Z,200.000,false,inbound,voice,eu-west,billing,ann,handled,60.000,120.000,4,1,crm; ivr,,20.000,,60.000,,120.000,,,,,,
    "#]].assert_eq(&table);

    site.put([Sample::new(2, 1).interaction("call-2").at(300, 1)]).await;
    let first = site.get("/api/v1/interactions?format=csv&limit=1").await;
    let next = first.header("throughline-next-cursor").unwrap();
    let rest = site.get(&format!("/api/v1/interactions?format=csv&cursor={next}")).await;
    assert_eq!(String::from_utf8(rest.body).unwrap().replace('\r', ""), table);
    for (asked, wrong) in
        [("format=xml", "`format` is `xml`"), ("format=csv&limit=10001", "`limit` is 10001")]
    {
        let answer = site.get(&format!("/api/v1/interactions?{asked}")).await;
        assert_eq!((answer.status, answer.json()["error"]["message"].as_str()), (400, Some(wrong)));
    }
}

#[tokio::test]
async fn one_interaction() {
    let site = Site::open().await;
    site.put(call()).await;
    let answer = site.get("/api/v1/interactions/call-1").await.json();
    assert_eq!(answer["interaction"]["span_count"], 4);
    assert_eq!(answer["spans"].as_array().unwrap().len(), 4);
    assert_eq!(answer["truncated"], false);
    let crm = &answer["spans"][1];
    expect![[r#"
        {
          "attributes": [
            {
              "key": "cached",
              "type": "bool",
              "value": false
            },
            {
              "key": "db.rows",
              "type": "int",
              "value": "3"
            }
          ],
          "duration_ns": "1000000000",
          "events": [
            {
              "attributes": [
                {
                  "key": "ratio",
                  "type": "double",
                  "value": "NaN"
                },
                {
                  "key": "raw",
                  "type": "bytes",
                  "value": "AQI="
                }
              ],
              "name": "retry",
              "time_ns": "1795165203000000000"
            }
          ],
          "finished": true,
          "kind": "client",
          "links": [
            {
              "attributes": [
                {
                  "key": "list",
                  "type": "array",
                  "value": [
                    "1",
                    null
                  ]
                }
              ],
              "span_id": "0808080808080808",
              "trace_id": "07070707070707070707070707070707"
            }
          ],
          "name": "span 4",
          "parent_span_id": "0101010101010101",
          "resource": [
            {
              "key": "service.name",
              "type": "string",
              "value": "crm"
            }
          ],
          "revision": 0,
          "scope": {
            "name": "sql",
            "version": "1"
          },
          "service": "crm",
          "span_id": "0404040404040404",
          "stage": null,
          "start_ns": "1795165203000000000",
          "status": {
            "code": "error",
            "message": "no row"
          },
          "trace_id": "01010101010101010101010101010101"
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(crm).unwrap());
    let ivr = &answer["spans"][0];
    assert_eq!((ivr["stage"].as_str(), &ivr["parent_span_id"]), (Some("ivr"), &serde_json::Value::Null));
}

#[tokio::test]
async fn one_trace_under_the_id_in_either_case() {
    let site = Site::open().await;
    site.put(call()).await;
    site.put([Sample::new(0xab, 1).interaction("a/b c").with(key::UNFINISHED, true).revision(3)]).await;
    let answer = site.get(&format!("/api/v1/traces/{}", "AB".repeat(16))).await.json();
    assert_eq!(answer["trace_id"], "ab".repeat(16));
    assert_eq!(answer["interaction_ids"], serde_json::json!(["a/b c"]));
    assert_eq!(
        (&answer["spans"][0]["revision"], &answer["spans"][0]["finished"]),
        (&3.into(), &false.into())
    );
    let by_id = site.get("/api/v1/interactions/a%2Fb%20c").await.json();
    assert_eq!(by_id["interaction"]["id"], "a/b c");
}

#[tokio::test]
async fn filters_and_pages() {
    let site = Site::open().await;
    for n in 1..=9u8 {
        let region = if n % 2 == 0 { "eu" } else { "us" };
        let sample = Sample::new(n, 1).interaction(&format!("call-{n}")).at(u64::from(n), u64::from(n));
        site.put([sample.with(key::REGION, region)]).await;
    }
    let ids = async |query: &str| {
        let answer = site.get(&format!("/api/v1/interactions?{query}")).await.json();
        let found = answer["interactions"].as_array().unwrap().iter();
        let ids: Vec<_> = found.map(|found| found["id"].as_str().unwrap().to_owned()).collect();
        (ids.join(" "), answer["next_cursor"].as_str().map(str::to_owned))
    };
    for (query, expected) in [
        ("region=eu", "call-8 call-6 call-4 call-2"),
        ("min_duration=7s500ms", "call-9 call-8"),
        ("min_duration=9000000000", "call-9"),
        ("min_duration=&errors=false&q=+", "call-9 call-8 call-7 call-6 call-5 call-4 call-3 call-2 call-1"),
        ("from=2026-11-20T09:00:08Z", "call-9 call-8"),
        ("to=2026-11-20T10:00:03%2B01:00", "call-2 call-1"),
        ("from=1795165202000000000&to=1795165204000000000", "call-3 call-2"),
        ("q=call-5", "call-5"),
        ("q=06060606060606060606060606060606", "call-6"),
        ("q=nothing", ""),
        ("errors=true", ""),
        ("stage=queue", ""),
    ] {
        assert_eq!(ids(query).await.0, expected, "{query}");
    }
    let (first, cursor) = ids("limit=4").await;
    assert_eq!(first, "call-9 call-8 call-7 call-6");
    let (second, cursor) = ids(&format!("limit=4&cursor={}", cursor.unwrap())).await;
    assert_eq!(second, "call-5 call-4 call-3 call-2");
    let (third, cursor) = ids(&format!("limit=4&cursor={}", cursor.unwrap())).await;
    assert_eq!((third.as_str(), cursor), ("call-1", None));
}

#[tokio::test]
async fn errors_say_what_to_do() {
    let site = Site::open().await;
    let mut all = String::new();
    for path in [
        "/api/v1/interactions?regoin=eu",
        "/api/v1/interactions?from=yesterday",
        "/api/v1/interactions?from=2&to=1",
        "/api/v1/interactions?stage=Queue",
        "/api/v1/interactions?limit=0",
        "/api/v1/interactions?min_duration=5x",
        "/api/v1/interactions?cursor=x",
        "/api/v1/interactions?errors=1",
        "/api/v1/interactions/nobody",
        "/api/v1/traces/xyz",
        "/api/v1/traces/0af7651916cd43dd8448eb211c80319c",
        "/api/v2/interactions",
        "/api",
        "/",
    ] {
        let answer = site.get(path).await;
        let error = &answer.json()["error"];
        let text = |key: &str| error[key].as_str().unwrap_or("-").to_owned();
        all += &format!(
            "{path}\n  {} {}: {}\n  {}\n",
            answer.status,
            text("code"),
            text("message"),
            text("help")
        );
    }
    expect![[r#"
        /api/v1/interactions?regoin=eu
          400 bad_request: regoin: unknown field `regoin`, expected one of `from`, `to`, `q`, `stage`, `region`, `queue`, `channel`, `outcome`, `agent`, `service`, `min_duration`, `errors`, `limit`, `cursor`, `format`
          the parameters are described at /api/openapi.json
        /api/v1/interactions?from=yesterday
          400 bad_request: `from` is not a time: `yesterday`
          write a time as in `2026-11-20T09:00:00Z` or in nanoseconds since 1970; a `+` in a URL is `%2B`
        /api/v1/interactions?from=2&to=1
          400 bad_request: `from` is later than `to`
          exchange them
        /api/v1/interactions?stage=Queue
          400 bad_request: `stage`: `Queue` is not a stage; the stages are setup, ivr, action, queue, alert, talk, hold, park, consult, transfer, voicemail, wrapup
          the parameters are described at /api/openapi.json
        /api/v1/interactions?limit=0
          400 bad_request: `limit` is 0
          ask for 1 to 500 interactions, and for more with `cursor`
        /api/v1/interactions?min_duration=5x
          400 bad_request: `min_duration`: the units of a duration are ns, us, ms, s, m and h
          write it as in `1.5s` or `200ms`
        /api/v1/interactions?cursor=x
          400 bad_request: `cursor`: not a cursor; pass on the `next_cursor` of the page before as it came
          the parameters are described at /api/openapi.json
        /api/v1/interactions?errors=1
          400 bad_request: `errors`: provided string was not `true` or `false`
          the parameters are described at /api/openapi.json
        /api/v1/interactions/nobody
          404 not_found: no span has the `interaction.id` `nobody`
          spans are kept as long as `retention` of the `lake` exporter says; a trace id is asked for at /api/v1/traces
        /api/v1/traces/xyz
          400 bad_request: `xyz`: a trace id is 32 lower-case hexadecimal digits, not all zero
          copy the id as a trace context has it
        /api/v1/traces/0af7651916cd43dd8448eb211c80319c
          404 not_found: no span of the trace 0af7651916cd43dd8448eb211c80319c is kept
          spans are kept as long as `retention` of the `lake` exporter says
        /api/v2/interactions
          404 not_found: there is nothing at this address
          the addresses are described at /api/openapi.json
        /api
          404 not_found: there is nothing at this address
          the addresses are described at /api/openapi.json
        /
          404 not_found: this binary was built without the page
          the API is under /api/v1 and described at /api/openapi.json
    "#]].assert_eq(&all);
}

#[tokio::test]
async fn only_our_own_pages_may_ask_and_only_ask() {
    let site = Site::open().await;
    let path = "/api/v1/interactions";
    assert_eq!(site.get_with(path, &[("host", "evil.example.com")]).await.status, 403);
    assert_eq!(site.get_with(path, &[("origin", "http://evil.example.com")]).await.status, 403);
    assert_eq!(site.get_with(path, &[("origin", "null")]).await.status, 403);
    assert_eq!(site.get_with(path, &[("origin", "http://localhost:5173")]).await.status, 200);
    let address = site.view.address().unwrap();
    let posted = request(
        address,
        &format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"),
    )
    .await;
    assert_eq!((posted.status, posted.json()["error"]["code"].as_str()), (405, Some("method_not_allowed")));
    for path in [path, "/", "/api/v1/traces/x"] {
        let answer = site.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'self';") && policy.contains("frame-ancestors 'none'"));
        assert!(!policy.contains("unsafe"));
    }
}

#[tokio::test]
async fn large_answers_are_packed_for_those_who_can_unpack() {
    let site = Site::open().await;
    site.put((1..=50).map(|n| Sample::new(1, n).interaction("call-1"))).await;
    let path = "/api/v1/interactions/call-1";
    let plain = site.get(path).await;
    let packed = site.get_with(path, &[("accept-encoding", "br, gzip")]).await;
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert!(packed.body.len() * 4 < plain.body.len());
    assert_eq!(packed.unpacked(), plain.body);
    let refused = site.get_with(path, &[("accept-encoding", "gzip;q=0")]).await;
    assert_eq!(refused.header("content-encoding"), None);
    let head = request(
        site.view.address().unwrap(),
        &format!("HEAD {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"),
    )
    .await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), Some(plain.body.len().to_string().as_str()));
}

fn file(path: &str) -> Option<File> {
    let file = |bytes: &'static [u8], content_type, etag: &str, immutable| File {
        bytes: bytes.into(),
        content_type,
        etag: etag.to_owned(),
        immutable,
    };
    match path {
        "/assets/a1.js" => Some(file(b"let a", "text/javascript; charset=utf-8", "\"a1\"", true)),
        "/index.html" => Some(file(b"<html>", "text/html; charset=utf-8", "\"1\"", false)),
        _ => None,
    }
}

#[tokio::test]
async fn the_page_and_its_files() {
    let page = Page { file, index: || file("/index.html").unwrap() };
    let site = Site::with(Settings::default(), Some(Arc::new(page))).await;
    for path in ["/", "/index.html", "/interactions/a.b?tab=2", "/anything/../else"] {
        let answer = site.get(path).await;
        assert_eq!((answer.status, answer.body.as_slice()), (200, b"<html>".as_slice()), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    }
    let script = site.get("/assets/a1.js").await;
    assert_eq!(script.header("cache-control"), Some("public, max-age=31536000, immutable"));
    for (tag, status) in
        [("\"a1\"", 304), ("W/\"a1\"", 304), ("\"x\", \"a1\"", 304), ("*", 304), ("\"x\"", 200)]
    {
        let answer = site.get_with("/assets/a1.js", &[("if-none-match", tag)]).await;
        assert_eq!((answer.status, answer.header("etag")), (status, Some("\"a1\"")), "{tag}");
        assert_eq!(answer.body.is_empty(), status == 304);
    }
    assert_eq!(site.get("/assets/gone.js").await.status, 404);
    assert_eq!(site.get("/api/v1/nothing").await.json()["error"]["code"], "not_found");
}

#[tokio::test]
async fn what_goes_on_is_told_until_now() {
    let site = Site::open().await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let began = u64::try_from(now.as_nanos()).unwrap() - 30 * SECOND;
    let talk = Sample::new(1, 1).interaction("call-9").stage(Stage::Talk).with(key::UNFINISHED, true).change(
        |span| {
            span.start_ns = began;
            span.duration_ns = SECOND;
        },
    );
    site.put([talk.with(key::AGENT, "059fd892").with(key::AGENT_NAME, "Ann")]).await;
    let ns = |value: &serde_json::Value| value.as_str().unwrap().parse::<u64>().unwrap();
    let answer = site.get("/api/v1/interactions/call-9").await.json();
    let listed = site.get("/api/v1/interactions?q=ann").await.json();
    for call in [&answer["interaction"], &listed["interactions"][0]] {
        assert_eq!(
            (&call["running"], &call["agent_names"]),
            (&true.into(), &serde_json::json!({"059fd892": "Ann"}))
        );
        assert!(
            ns(&call["worked_ns"]) >= 30 * SECOND && ns(&call["worked_ns"]) == ns(&call["duration_ns"]),
            "{call}"
        );
    }
    assert_eq!(answer["spans"][0]["finished"], false);
    assert!(ns(&answer["spans"][0]["duration_ns"]) >= 30 * SECOND);
}

#[tokio::test]
async fn the_description_is_served() {
    let site = Site::open().await;
    let answer = site.get("/api/openapi.json").await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(String::from_utf8(answer.body).unwrap(), view_api::document());
}

#[tokio::test]
async fn a_taken_port_is_named_with_the_mend() {
    let site = Site::open().await;
    let endpoint = site.view.address().unwrap().to_string();
    let settings = Settings { endpoint: endpoint.clone(), ..Settings::default() };
    let door = Arc::new(StoreDoor::new(store_api::door::open_memory).forgetting());
    door.configure("lake", store_api::door::Settings::default()).unwrap();
    let error = View::new("view/2", settings, door, None).start().await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("view/2: cannot listen on {endpoint}:")), "{error}");
    assert!(error.contains("another program listens there"), "{error}");
}

#[tokio::test]
async fn stops_and_frees_its_port() {
    let site = Site::open().await;
    let address = site.view.address().unwrap();
    assert_eq!(site.get("/api/v1/interactions").await.status, 200);
    site.view.stop().await;
    assert_eq!(site.view.address(), None);
    tokio::net::TcpListener::bind(address).await.unwrap();
}
