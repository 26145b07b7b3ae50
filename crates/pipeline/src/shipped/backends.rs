//! What each backend is sent, as its vendor's page asks for it; the page stands in the configuration.

use super::*;
use crate::exporters::otlp::server::{Seen, Server, grpc_reply, reply};
use crate::net::coding::{self, Coding};

const SPAN: &str = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"crm"}}]},
    "scopeSpans":[{"spans":[{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708","name":"look up",
    "startTimeUnixNano":"1","endTimeUnixNano":"2","attributes":[
    {"key":"customer.phone.number","value":{"stringValue":"+44 20 7946 0000"}},
    {"key":"interaction.campaign_id","value":{"stringValue":"spring"}}]}]}]}]}"#;

struct Vendor {
    file: &'static str,
    /// As it stands in the file; the sink takes its place.
    host: &'static str,
    env: &'static [(&'static str, &'static str)],
    path: &'static str,
    headers: &'static [(&'static str, &'static str)],
    /// Header that names the compression.
    coding: (&'static str, &'static str),
}

const VENDORS: [Vendor; 5] = [
    Vendor {
        file: "datadog",
        host: "https://otlp.${env:DD_SITE:-datadoghq.com}",
        env: &[("DD_API_KEY", "key-of-datadog")],
        path: "/v1/traces",
        headers: &[
            ("content-type", "application/x-protobuf"),
            ("dd-api-key", "key-of-datadog"),
            ("dd-protocol", "otlp"),
            ("dd-otlp-source", "datadog"),
        ],
        coding: ("content-encoding", "gzip"),
    },
    Vendor {
        file: "newrelic",
        host: "https://otlp.nr-data.net",
        env: &[("NEW_RELIC_LICENSE_KEY", "licence-of-new-relic")],
        path: "/v1/traces",
        headers: &[("content-type", "application/x-protobuf"), ("api-key", "licence-of-new-relic")],
        coding: ("content-encoding", "gzip"),
    },
    Vendor {
        file: "splunk",
        host: "https://ingest.${env:SPLUNK_REALM:-us0}.signalfx.com",
        env: &[("SPLUNK_ACCESS_TOKEN", "token-of-splunk")],
        path: "/v2/trace/otlp",
        headers: &[("content-type", "application/x-protobuf"), ("x-sf-token", "token-of-splunk")],
        coding: ("content-encoding", "gzip"),
    },
    Vendor {
        file: "jaeger",
        host: "http://127.0.0.1:14317",
        env: &[],
        path: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        headers: &[("content-type", "application/grpc"), ("te", "trailers")],
        coding: ("grpc-encoding", "gzip"),
    },
    Vendor {
        file: "grafana-cloud",
        host: "https://otlp-gateway-prod-eu-west-2.grafana.net",
        env: &[("GRAFANA_CLOUD_INSTANCE_ID", "123456"), ("GRAFANA_CLOUD_TOKEN", "token-of-grafana")],
        path: "/otlp/v1/traces",
        // 123456:token-of-grafana
        headers: &[
            ("content-type", "application/x-protobuf"),
            ("authorization", "Basic MTIzNDU2OnRva2VuLW9mLWdyYWZhbmE="),
        ],
        coding: ("content-encoding", "gzip"),
    },
];

#[test]
fn the_files_are_sound_as_they_are() {
    for vendor in VENDORS {
        let name = format!("backends/{}.yaml", vendor.file);
        let plan = plan(&name, &[], vendor.env, &|text| {
            assert!(text.contains(vendor.host), "{name}");
            text
        });
        let outline = plan.unwrap_or_else(|findings| panic!("{name}: {findings}")).to_string();
        assert!(outline.contains("otlp -> memory_limiter -> attributes -> batch ->"), "{name}: {outline}");
    }
}

/// Guarantees: `backends/` has no file that no test here knows.
#[test]
fn each_file_is_of_a_backend_that_is_tested() {
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../configs/backends")).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    let mut known: Vec<_> = VENDORS.iter().map(|vendor| format!("{}.yaml", vendor.file)).collect();
    known.push("prometheus.yaml".to_owned());
    known.sort();
    assert_eq!(files, known);
}

/// Guarantees: Prometheus finds what it asks for, at its path and in its format, without what the guide masks.
#[tokio::test]
async fn prometheus_finds_the_spans_as_metrics() {
    let name = "backends/prometheus.yaml";
    let outline =
        plan(name, &[], &[], &|text| text).unwrap_or_else(|findings| panic!("{findings}")).to_string();
    assert!(outline.contains("otlp -> memory_limiter -> attributes -> batch -> spanmetrics"), "{outline}");
    let sets = [
        "processors.batch.timeout=10ms",
        "connectors.spanmetrics.metrics_flush_interval=10ms",
        // What is masked must be masked in labels too.
        "connectors.spanmetrics.dimensions=[{name: customer.phone.number}, {name: interaction.campaign_id}]",
    ];
    let sets: Vec<_> = ANYWHERE.into_iter().chain(sets).collect();
    let env = [("PROMETHEUS_ENDPOINT", "127.0.0.1:0")];
    let plan = lenient(name, &sets, &env, &|text| text).unwrap_or_else(|findings| panic!("{findings}"));
    let ctx = context();
    let mut running = Running::start(&plan, &ctx).await.unwrap();
    let addresses = ctx.get::<Addresses>().unwrap();
    send(addresses.of("otlp", "grpc").unwrap(), &[SPAN]).await;
    let scraped = addresses.of("prometheus", "http").unwrap();
    let counted = async {
        loop {
            let answer = scrape(scraped, "/metrics", TEXT).await;
            if answer.2.contains("traces_span_metrics_calls_total{") {
                break answer;
            }
            tokio::task::yield_now().await;
        }
    };
    let (status, kind, text) = tokio::time::timeout(Duration::from_secs(60), counted).await.unwrap();
    assert_eq!((status, kind.as_str()), (200, "text/plain; version=0.0.4; charset=utf-8"));
    let sample = text.lines().find(|line| line.starts_with("traces_span_metrics_calls_total{")).unwrap();
    let (labels, value) = sample.rsplit_once(' ').unwrap();
    assert_eq!(value, "1", "{sample}");
    for label in [r#"job="crm""#, r#"span_name="look up""#, r#"customer_phone_number="***-***-**""#] {
        assert!(labels.contains(label), "{label}: {sample}");
    }
    assert!(!text.contains("7946") && !text.contains("spring"), "{text}");
    assert!(text.contains("# TYPE traces_span_metrics_duration_seconds histogram"), "{text}");

    let (_, kind, text) = scrape(scraped, "/metrics", "application/openmetrics-text;version=1.0.0").await;
    assert_eq!(kind, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(text.contains(r#"# {trace_id="0102030405060708090a0b0c0d0e0f10""#), "{text}");
    assert_eq!(scrape(scraped, "/", TEXT).await.0, 404);
    running.stop().await;
    let balances = ctx.get::<Accounts>().unwrap().balances();
    let traces = balances.iter().find(|balance| &*balance.pipeline == "traces").unwrap();
    assert_eq!((traces.exported, traces.difference()), (1, 0));
}

/// What a Prometheus without exemplars asks for.
const TEXT: &str = "text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

/// Status, type and text of an answer.
async fn scrape(from: std::net::SocketAddr, path: &str, accept: &str) -> (u16, String, String) {
    use http_body_util::{BodyExt, Empty};
    use hyper_util::rt::TokioIo;
    let stream = tokio::net::TcpStream::connect(from).await.unwrap();
    let (mut client, connection) =
        hyper::client::conn::http1::handshake::<_, Empty<bytes::Bytes>>(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::get(path).header("host", from.to_string()).header("accept", accept);
    let answer = client.send_request(request.body(Empty::new()).unwrap()).await.unwrap();
    let status = answer.status().as_u16();
    let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, kind, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn each_backend_is_sent_what_it_asks_for() {
    for vendor in VENDORS {
        let server = Server::start(|seen: &Seen| match seen.header("content-type") {
            "application/grpc" => grpc_reply(b"", &[("grpc-status", "0")]),
            _ => reply(200, &[("content-type", "application/x-protobuf")], ""),
        })
        .await;
        let sink = format!("http://{}", server.address);
        let name = format!("backends/{}.yaml", vendor.file);
        // The credentials go without TLS to a sink on this host, of which `validate` would rightly warn.
        let plan = plan_without_advice(&name, vendor.env, &|text| text.replace(vendor.host, &sink));
        let ctx = context();
        let mut running = Running::start(&plan, &ctx).await.unwrap();
        send(ctx.get::<Addresses>().unwrap().of("otlp", "grpc").unwrap(), &[SPAN]).await;
        server.requests(1).await;
        let seen = server.one();
        assert_eq!((seen.uri.path(), seen.uri.query()), (vendor.path, None), "{name}");
        for (header, value) in vendor.headers {
            assert_eq!(seen.header(header), *value, "{name}: {header}");
        }
        assert_eq!(seen.header(vendor.coding.0), vendor.coding.1, "{name}");
        let body = if vendor.coding.0 == "grpc-encoding" { seen.body.slice(5..) } else { seen.body };
        let body = coding::decode(Coding::Gzip, body, 1 << 20).unwrap();
        let text = flow::otlp::json::encode(Signal::Traces, &body.into());
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("look up") && text.contains("***-***-**"), "{name}: {text}");
        assert!(!text.contains("7946") && !text.contains("spring"), "{name}: {text}");
        running.stop().await;
        let balance = ctx.get::<Accounts>().unwrap().balances().remove(0);
        assert_eq!((balance.exported, balance.difference()), (1, 0), "{name}");
    }
}

fn plan_without_advice(name: &str, env: &[(&str, &str)], edit: &dyn Fn(String) -> String) -> Plan {
    let short = "processors.batch.timeout=10ms";
    let sets: Vec<_> = ANYWHERE.into_iter().chain([short]).collect();
    lenient(name, &sets, env, edit).unwrap_or_else(|findings| panic!("{name}: {findings}"))
}
