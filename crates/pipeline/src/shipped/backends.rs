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
