//! What Grafana's Tempo data source and Traces Drilldown ask, in the words they ask it in.

use std::fmt::Write;

use expect_test::expect;
use opentelemetry_proto::tonic::trace::v1::TracesData;
use prost::Message;
use store_api::testing::Sample;

use crate::{Site, call};

const ID: &str = "01010101010101010101010101010101";
/// A quarter of an hour around nine, in seconds.
const SECONDS: &str = "start=1795164600&end=1795165500";

fn encoded(query: &str) -> String {
    query.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' => out.push(char::from(byte)),
            _ => write!(out, "%{byte:02X}").unwrap(),
        }
        out
    })
}

async fn search(site: &Site, query: &str, more: &str) -> crate::client::Answer {
    site.get(&format!("/api/search?q={}&{SECONDS}&limit=20&spss=3{more}", encoded(query))).await
}

#[tokio::test]
async fn a_data_source_is_well() {
    let site = Site::open().await;
    for (path, body) in [("/api/echo", "echo"), ("/tempo/api/echo", "echo"), ("/tempo/ready", "ready")] {
        let answer = site.get(path).await;
        assert_eq!((answer.status, answer.body.as_slice()), (200, body.as_bytes()), "{path}");
    }
    assert_eq!(site.get("/tempo/api/status/buildinfo").await.json()["version"], "2.9.0");
}

#[tokio::test]
async fn a_trace_in_protobuf_is_otlp() {
    let site = Site::open().await;
    site.put(call()).await;
    let accept = [("accept", "application/protobuf")];
    let first = site.get_with(&format!("/api/traces/{ID}?{SECONDS}"), &accept).await;
    assert_eq!((first.status, first.header("content-type")), (200, Some("application/protobuf")));
    let data = TracesData::decode(first.body.as_slice()).unwrap();
    let spans: Vec<_> =
        data.resource_spans.iter().flat_map(|r| &r.scope_spans).flat_map(|s| &s.spans).collect();
    let names: Vec<&str> = spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["span 1", "span 2", "span 3", "span 4"]);
    assert_eq!(spans[3].status.as_ref().unwrap().message, "no row");
    // `TraceByIDResponse` has the same as its first field.
    let second = site.get_with(&format!("/tempo/api/v2/traces/{ID}?{SECONDS}"), &accept).await;
    assert_eq!(second.body[0], 0x0a);
    assert!(second.body.ends_with(&first.body) && second.body.len() <= first.body.len() + 4);
    let missing = site.get_with("/api/v2/traces/ff", &accept).await;
    assert_eq!(missing.status, 404);
    assert_eq!(site.get_with("/api/traces/ff", &accept).await.body, missing.body);
}

#[tokio::test]
async fn a_trace_in_json_is_protobuf_written_in_it() {
    let site = Site::open().await;
    site.put(call()).await;
    let first = site.get(&format!("/tempo/api/traces/{ID}")).await.json();
    let second = site.get(&format!("/api/v2/traces/{ID}")).await;
    assert_eq!(first["batches"], second.json()["trace"]["resourceSpans"]);
    expect![[r#"
        {
          "resource": {
            "attributes": [
              {
                "key": "service.name",
                "value": {
                  "stringValue": "crm"
                }
              }
            ]
          },
          "scopeSpans": [
            {
              "scope": {
                "name": "sql",
                "version": "1"
              },
              "spans": [
                {
                  "attributes": [
                    {
                      "key": "cached",
                      "value": {
                        "boolValue": false
                      }
                    },
                    {
                      "key": "db.rows",
                      "value": {
                        "intValue": "3"
                      }
                    }
                  ],
                  "endTimeUnixNano": "1795165204000000000",
                  "events": [
                    {
                      "attributes": [
                        {
                          "key": "ratio",
                          "value": {
                            "doubleValue": "NaN"
                          }
                        },
                        {
                          "key": "raw",
                          "value": {
                            "bytesValue": "AQI="
                          }
                        }
                      ],
                      "name": "retry",
                      "timeUnixNano": "1795165203000000000"
                    }
                  ],
                  "flags": 1,
                  "kind": "SPAN_KIND_CLIENT",
                  "links": [
                    {
                      "attributes": [
                        {
                          "key": "list",
                          "value": {
                            "arrayValue": {
                              "values": [
                                {
                                  "intValue": "1"
                                },
                                {}
                              ]
                            }
                          }
                        }
                      ],
                      "spanId": "CAgICAgICAg=",
                      "traceId": "BwcHBwcHBwcHBwcHBwcHBw=="
                    }
                  ],
                  "name": "span 4",
                  "parentSpanId": "AQEBAQEBAQE=",
                  "spanId": "BAQEBAQEBAQ=",
                  "startTimeUnixNano": "1795165203000000000",
                  "status": {
                    "code": "STATUS_CODE_ERROR",
                    "message": "no row"
                  },
                  "traceId": "AQEBAQEBAQEBAQEBAQEBAQ=="
                }
              ]
            }
          ]
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&first["batches"][1]).unwrap());
}

#[tokio::test]
async fn a_search_says_what_it_found() {
    let site = Site::open().await;
    site.put(call()).await;
    let answer =
        search(&site, "{ resource.service.name = \"crm\" && status = error } | select(.db.rows)", "").await;
    expect![[r#"
        {
          "metrics": {
            "inspectedTraces": 1
          },
          "traces": [
            {
              "durationMs": 200000,
              "rootServiceName": "ivr",
              "rootTraceName": "span 1",
              "spanSet": {
                "attributes": [],
                "matched": 1,
                "spans": [
                  {
                    "attributes": [
                      {
                        "key": "service.name",
                        "value": {
                          "stringValue": "crm"
                        }
                      },
                      {
                        "key": "status",
                        "value": {
                          "stringValue": "error"
                        }
                      },
                      {
                        "key": "db.rows",
                        "value": {
                          "intValue": "3"
                        }
                      }
                    ],
                    "durationNanos": "1000000000",
                    "name": "span 4",
                    "spanID": "0404040404040404",
                    "startTimeUnixNano": "1795165203000000000"
                  }
                ]
              },
              "spanSets": [
                {
                  "attributes": [],
                  "matched": 1,
                  "spans": [
                    {
                      "attributes": [
                        {
                          "key": "service.name",
                          "value": {
                            "stringValue": "crm"
                          }
                        },
                        {
                          "key": "status",
                          "value": {
                            "stringValue": "error"
                          }
                        },
                        {
                          "key": "db.rows",
                          "value": {
                            "intValue": "3"
                          }
                        }
                      ],
                      "durationNanos": "1000000000",
                      "name": "span 4",
                      "spanID": "0404040404040404",
                      "startTimeUnixNano": "1795165203000000000"
                    }
                  ]
                }
              ],
              "startTimeUnixNano": "1795165200000000000",
              "traceID": "01010101010101010101010101010101"
            }
          ]
        }"#]]
    .assert_eq(&answer.pretty());
    let parts =
        search(&site, "{ .interaction.stage != nil } | by(.interaction.stage) | max(duration) > 30s", "")
            .await;
    let sets = &parts.json()["traces"][0]["spanSets"];
    expect![[r#"
        {
          "attributes": [
            {
              "key": "by(.interaction.stage)",
              "value": {
                "stringValue": "talk"
              }
            },
            {
              "key": "max(duration)",
              "value": {
                "doubleValue": 120000000000.0
              }
            }
          ],
          "matched": 1,
          "spans": [
            {
              "attributes": [
                {
                  "key": "interaction.stage",
                  "value": {
                    "stringValue": "talk"
                  }
                }
              ],
              "durationNanos": "120000000000",
              "name": "span 3",
              "spanID": "0303030303030303",
              "startTimeUnixNano": "1795165280000000000"
            }
          ]
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&sets[1]).unwrap());
    assert_eq!(sets.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn searches_find_what_they_mean() {
    let site = Site::open().await;
    site.put(call()).await;
    site.put([Sample::new(2, 1).at(60, 3).with("http.route", "/a b")]).await;
    let q = |query: &str| format!("q={}", encoded(query));
    for (query, found) in [
        (q("{}"), 2),
        (q("{nestedSetParent<0 && true}"), 2),
        (q("{nestedSetParent<0 && true && status = error}"), 0),
        (q("{ .interaction.stage = \"ivr\" } >> { status = error }"), 1),
        (
            q(
                "({nestedSetParent<0 && true} &>> { status = error }) || ({nestedSetParent<0 && true && status = error}) | select(status, resource.service.name, name, nestedSetParent, nestedSetLeft, nestedSetRight)",
            ),
            1,
        ),
        (q("{ rootServiceName = \"ivr\" && traceDuration > 1m }"), 1),
        (q(ID), 1),
        (format!("tags={}", encoded("service.name=CR name=\"pan 4\"")), 1),
        (format!("tags={}", encoded("http.route=\"/A B\"")), 1),
        ("minDuration=10s&maxDuration=1h".to_owned(), 1),
        ("http.route=/a".to_owned(), 1),
        (String::new(), 2),
        ("limit=1".to_owned(), 1),
    ] {
        let answer = site.get(&format!("/tempo/api/search?{SECONDS}&{query}")).await;
        assert_eq!(answer.status, 200, "{query} {}", String::from_utf8_lossy(&answer.body));
        assert_eq!(answer.json()["traces"].as_array().unwrap().len(), found, "{query}");
    }
    let elsewhere = site.get(&format!("/api/search?{}&start=1795165500&end=1795165600", q("{}"))).await;
    assert_eq!(elsewhere.json()["traces"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn names_and_values_to_choose_from() {
    let site = Site::open().await;
    site.put(call()).await;
    let mut told = String::new();
    for path in [
        "/api/search/tags".to_owned(),
        format!("/api/v2/search/tags?limit=5000&{SECONDS}"),
        "/api/v2/search/tags?scope=resource".to_owned(),
        "/api/v2/search/tags?scope=span&limit=2".to_owned(),
        "/api/v2/search/tags?scope=spam".to_owned(),
        "/api/search/tag/service.name/values".to_owned(),
        "/api/search/tag/status/values".to_owned(),
        format!("/api/v2/search/tag/resource.service.name/values?limit=5000&{SECONDS}"),
        format!("/api/v2/search/tag/resource.service.name/values?q={}", encoded("{ resource.cluster = }")),
        format!("/api/v2/search/tag/resource.service.name/values?q={}", encoded("{ status = error }")),
        "/api/v2/search/tag/span.db.rows/values".to_owned(),
        "/api/v2/search/tag/.cached/values".to_owned(),
        "/api/v2/search/tag/name/values?limit=2".to_owned(),
        "/api/v2/search/tag/status/values".to_owned(),
        "/api/v2/search/tag/duration/values".to_owned(),
        "/api/v2/search/tag/foo/values".to_owned(),
    ] {
        let answer = site.get(&path).await;
        writeln!(told, "{path}\n    {} {}", answer.status, String::from_utf8_lossy(&answer.body)).unwrap();
    }
    expect![[r#"
        /api/search/tags
            200 {"tagNames":["cached","db.rows","duration","interaction.agent.id","interaction.channel","interaction.direction","interaction.id","interaction.outcome","interaction.queue.name","interaction.region","interaction.stage","kind","list","name","ratio","raw","service.name","status"]}
        /api/v2/search/tags?limit=5000&start=1795164600&end=1795165500
            200 {"scopes":[{"name":"event","tags":["ratio","raw"]},{"name":"link","tags":["list"]},{"name":"resource","tags":["service.name"]},{"name":"span","tags":["cached","db.rows","interaction.agent.id","interaction.channel","interaction.direction","interaction.id","interaction.outcome","interaction.queue.name","interaction.region","interaction.stage"]},{"name":"intrinsic","tags":["childCount","duration","event:name","event:timeSinceStart","instrumentation:name","instrumentation:version","kind","link:spanID","link:traceID","name","nestedSetLeft","nestedSetParent","nestedSetRight","rootName","rootService","rootServiceName","span:childCount","span:duration","span:id","span:kind","span:name","span:parentID","span:status","span:statusMessage","status","statusMessage","timeSinceStart","trace:duration","trace:id","trace:rootName","trace:rootService","trace:rootServiceName","traceDuration","traceID","spanID","parentID"]}]}
        /api/v2/search/tags?scope=resource
            200 {"scopes":[{"name":"resource","tags":["service.name"]}]}
        /api/v2/search/tags?scope=span&limit=2
            200 {"scopes":[{"name":"span","tags":["cached","db.rows"]}]}
        /api/v2/search/tags?scope=spam
            400 invalid scope: spam; there are event, instrumentation, link, resource, span, intrinsic
        /api/search/tag/service.name/values
            200 {"tagValues":["crm","ivr"]}
        /api/search/tag/status/values
            200 {"tagValues":["error","ok","unset"]}
        /api/v2/search/tag/resource.service.name/values?limit=5000&start=1795164600&end=1795165500
            200 {"tagValues":[{"type":"string","value":"crm"},{"type":"string","value":"ivr"}]}
        /api/v2/search/tag/resource.service.name/values?q=%7B%20resource.cluster%20%3D%20%7D
            200 {"tagValues":[{"type":"string","value":"crm"},{"type":"string","value":"ivr"}]}
        /api/v2/search/tag/resource.service.name/values?q=%7B%20status%20%3D%20error%20%7D
            200 {"tagValues":[{"type":"string","value":"crm"}]}
        /api/v2/search/tag/span.db.rows/values
            200 {"tagValues":[{"type":"int","value":"3"}]}
        /api/v2/search/tag/.cached/values
            200 {"tagValues":[{"type":"bool","value":"false"}]}
        /api/v2/search/tag/name/values?limit=2
            200 {"tagValues":[{"type":"string","value":"span 1"},{"type":"string","value":"span 4"}]}
        /api/v2/search/tag/status/values
            200 {"tagValues":[{"type":"keyword","value":"error"},{"type":"keyword","value":"ok"},{"type":"keyword","value":"unset"}]}
        /api/v2/search/tag/duration/values
            200 {"tagValues":[]}
        /api/v2/search/tag/foo/values
            400 `foo` is not the name of a tag; write it with its scope, as in `resource.service.name`, `span.http.method` or `.a`
    "#]].assert_eq(&told);
}

#[tokio::test]
async fn numbers_over_time() {
    let site = Site::open().await;
    site.put(call()).await;
    site.put([Sample::new(2, 1).at(60, 3)]).await;
    let mut told = String::new();
    for query in [
        "{nestedSetParent<0 && true} | rate()  with(sample=true)",
        "{} | count_over_time() by(resource.service.name)",
        "{} | quantile_over_time(duration, .5, 1) by(.none)",
        "{} | histogram_over_time(duration)",
        "{} | max_over_time(.db.rows)",
    ] {
        let times = "start=1795165200&end=1795165320&step=1m";
        let answer = site.get(&format!("/api/metrics/query_range?q={}&{times}", encoded(query))).await;
        writeln!(told, "{query}\n    {}", String::from_utf8_lossy(&answer.body)).unwrap();
        let answer = site.get(&format!("/tempo/api/metrics/query?q={}&{times}", encoded(query))).await;
        writeln!(told, "    {}", String::from_utf8_lossy(&answer.body)).unwrap();
    }
    expect![[r#"
        {nestedSetParent<0 && true} | rate()  with(sample=true)
            {"metrics":{"inspectedTraces":2},"series":[{"exemplars":[{"labels":[{"key":"trace:id","value":{"stringValue":"02020202020202020202020202020202"}}],"timestampMs":"1795165260000","value":0.03333333333333333},{"labels":[{"key":"trace:id","value":{"stringValue":"01010101010101010101010101010101"}}],"timestampMs":"1795165200000","value":0.03333333333333333}],"labels":[{"key":"__name__","value":{"stringValue":"rate"}}],"samples":[{"timestampMs":"1795165200000","value":0.03333333333333333},{"timestampMs":"1795165260000","value":0.03333333333333333}]}]}
            {"metrics":{"inspectedTraces":2},"series":[{"labels":[{"key":"__name__","value":{"stringValue":"rate"}}],"value":0.03333333333333333}]}
        {} | count_over_time() by(resource.service.name)
            {"metrics":{"inspectedTraces":2},"series":[{"exemplars":[{"labels":[{"key":"trace:id","value":{"stringValue":"01010101010101010101010101010101"}}],"timestampMs":"1795165203000","value":1.0}],"labels":[{"key":"resource.service.name","value":{"stringValue":"crm"}}],"samples":[{"timestampMs":"1795165200000","value":1.0},{"timestampMs":"1795165260000","value":0.0}]},{"exemplars":[{"labels":[{"key":"trace:id","value":{"stringValue":"02020202020202020202020202020202"}}],"timestampMs":"1795165260000","value":2.0},{"labels":[{"key":"trace:id","value":{"stringValue":"01010101010101010101010101010101"}}],"timestampMs":"1795165200000","value":2.0}],"labels":[{"key":"resource.service.name","value":{"stringValue":"ivr"}}],"samples":[{"timestampMs":"1795165200000","value":2.0},{"timestampMs":"1795165260000","value":2.0}]}]}
            {"metrics":{"inspectedTraces":2},"series":[{"labels":[{"key":"resource.service.name","value":{"stringValue":"crm"}}],"value":1.0},{"labels":[{"key":"resource.service.name","value":{"stringValue":"ivr"}}],"value":4.0}]}
        {} | quantile_over_time(duration, .5, 1) by(.none)
            {"metrics":{"inspectedTraces":2},"series":[{"exemplars":[{"labels":[{"key":"trace:id","value":{"stringValue":"02020202020202020202020202020202"}}],"timestampMs":"1795165260000","value":3.0},{"labels":[{"key":"trace:id","value":{"stringValue":"01010101010101010101010101010101"}}],"timestampMs":"1795165200000","value":20.0}],"labels":[{"key":".none","value":{"stringValue":"nil"}},{"key":"p","value":{"doubleValue":0.5}}],"samples":[{"timestampMs":"1795165200000","value":20.0},{"timestampMs":"1795165260000","value":3.0}]},{"exemplars":[],"labels":[{"key":".none","value":{"stringValue":"nil"}},{"key":"p","value":{"doubleValue":1.0}}],"samples":[{"timestampMs":"1795165200000","value":60.0},{"timestampMs":"1795165260000","value":120.0}]}]}
            {"metrics":{"inspectedTraces":2},"series":[{"labels":[{"key":".none","value":{"stringValue":"nil"}},{"key":"p","value":{"doubleValue":0.5}}],"value":20.0},{"labels":[{"key":".none","value":{"stringValue":"nil"}},{"key":"p","value":{"doubleValue":1.0}}],"value":120.0}]}
        {} | histogram_over_time(duration)
            {"metrics":{"inspectedTraces":2},"series":[{"exemplars":[{"labels":[{"key":"trace:id","value":{"stringValue":"01010101010101010101010101010101"}}],"timestampMs":"1795165203000","value":1.0}],"labels":[{"key":"__bucket","value":{"doubleValue":1.0}}],"samples":[{"timestampMs":"1795165200000","value":1.0},{"timestampMs":"1795165260000","value":0.0}]},{"exemplars":[{"labels":[{"key":"trace:id","value":{"stringValue":"02020202020202020202020202020202"}}],"timestampMs":"1795165260000","value":1.0}],"labels":[{"key":"__bucket","value":{"doubleValue":4.0}}],"samples":[{"timestampMs":"1795165200000","value":0.0},{"timestampMs":"1795165260000","value":1.0}]},{"exemplars":[{"labels":[{"key":"trace:id","value":{"stringValue":"01010101010101010101010101010101"}}],"timestampMs":"1795165200000","value":1.0}],"labels":[{"key":"__bucket","value":{"doubleValue":32.0}}],"samples":[{"timestampMs":"1795165200000","value":1.0},{"timestampMs":"1795165260000","value":0.0}]},{"exemplars":[{"labels":[{"key":"trace:id","value":{"stringValue":"01010101010101010101010101010101"}}],"timestampMs":"1795165220000","value":1.0}],"labels":[{"key":"__bucket","value":{"doubleValue":64.0}}],"samples":[{"timestampMs":"1795165200000","value":1.0},{"timestampMs":"1795165260000","value":0.0}]},{"exemplars":[{"labels":[{"key":"trace:id","value":{"stringValue":"01010101010101010101010101010101"}}],"timestampMs":"1795165280000","value":1.0}],"labels":[{"key":"__bucket","value":{"doubleValue":128.0}}],"samples":[{"timestampMs":"1795165200000","value":0.0},{"timestampMs":"1795165260000","value":1.0}]}]}
            {"metrics":{"inspectedTraces":2},"series":[{"labels":[{"key":"__bucket","value":{"doubleValue":1.0}}],"value":1.0},{"labels":[{"key":"__bucket","value":{"doubleValue":4.0}}],"value":1.0},{"labels":[{"key":"__bucket","value":{"doubleValue":32.0}}],"value":1.0},{"labels":[{"key":"__bucket","value":{"doubleValue":64.0}}],"value":1.0},{"labels":[{"key":"__bucket","value":{"doubleValue":128.0}}],"value":1.0}]}
        {} | max_over_time(.db.rows)
            {"metrics":{"inspectedTraces":2},"series":[{"exemplars":[{"labels":[{"key":"trace:id","value":{"stringValue":"01010101010101010101010101010101"}}],"timestampMs":"1795165203000","value":3.0}],"labels":[{"key":"__name__","value":{"stringValue":"max_over_time"}}],"samples":[{"timestampMs":"1795165200000","value":3.0}]}]}
            {"metrics":{"inspectedTraces":2},"series":[{"labels":[{"key":"__name__","value":{"stringValue":"max_over_time"}}],"value":3.0}]}
    "#]].assert_eq(&told);
}

#[tokio::test]
async fn errors_are_text() {
    let site = Site::open().await;
    let mut told = String::new();
    for path in [
        format!("/api/search?q={}", encoded("{ foo = 1 }")),
        "/api/search?q=%7B%7D&tags=a%3D1".to_owned(),
        "/api/search?q=%7B%7D&start=20&end=10".to_owned(),
        format!("/api/search?q={}", encoded("{} | rate()")),
        "/api/metrics/query_range".to_owned(),
        "/api/metrics/query_range?q=%7B%7D".to_owned(),
        format!(
            "/api/metrics/query_range?q={}&start=1795165200&end=1795265200&step=1s",
            encoded("{} | rate()")
        ),
        format!("/api/metrics/query_range?q={}", encoded("{} | compare({status=error})")),
        "/api/v2/traces/xyz".to_owned(),
        "/tempo/api/v2/else".to_owned(),
    ] {
        let answer = site.get(&path).await;
        writeln!(told, "{path}\n    {} {}", answer.status, String::from_utf8_lossy(&answer.body)).unwrap();
    }
    expect![[r#"
        /api/search?q=%7B%20foo%20%3D%201%20%7D
            400 invalid TraceQL query: nothing is called `foo`, at character 3; attributes are written `.foo`, `span.foo`, `resource.foo`, `event.foo`, `link.foo` or `instrumentation.foo`; besides them there are childCount, duration, event:name, event:timeSinceStart, instrumentation:name, instrumentation:version, kind, link:spanID, link:traceID, name, nestedSetLeft, nestedSetParent, nestedSetRight, rootName, rootService, rootServiceName, span:childCount, span:duration, span:id, span:kind, span:name, span:parentID, span:status, span:statusMessage, status, statusMessage, timeSinceStart, trace:duration, trace:id, trace:rootName, trace:rootService, trace:rootServiceName, traceDuration, traceID, spanID, parentID
        /api/search?q=%7B%7D&tags=a%3D1
            400 can't specify tags and q in the same query; leave one out
        /api/search?q=%7B%7D&start=20&end=10
            400 the start is not before the end; exchange them
        /api/search?q=%7B%7D%20%7C%20rate%28%29
            400 the query asks for numbers over time; Grafana asks /api/metrics/query_range for them
        /api/metrics/query_range
            400 `q` is missing; write it as in `{} | rate()`
        /api/metrics/query_range?q=%7B%7D
            400 the query asks for no numbers over time; end it as in `{} | rate()`; traces are searched for at /api/search
        /api/metrics/query_range?q=%7B%7D%20%7C%20rate%28%29&start=1795165200&end=1795265200&step=1s
            400 100000 steps; an answer has at most 11000: ask for longer steps or a shorter time
        /api/metrics/query_range?q=%7B%7D%20%7C%20compare%28%7Bstatus%3Derror%7D%29
            400 invalid TraceQL query: there is no stage `compare`, at character 6; `{ … }`, count() > 2, avg(duration) > 1s, min(…), max(…), sum(…), by(…), coalesce(), select(…), or rate(), count_over_time(), min_over_time(…), max_over_time(…), avg_over_time(…), sum_over_time(…), quantile_over_time(…, .9), histogram_over_time(…)
        /api/v2/traces/xyz
            400 `xyz` is no trace id; it has up to 32 hexadecimal digits, not all zero
        /tempo/api/v2/else
            404 there is nothing at this address; docs/grafana.md has what there is
    "#]].assert_eq(&told);
}

/// The fields of `tempo.proto` by the field that they stand below; Grafana refuses others.
const FIELDS: [(&str, &[&str]); 12] = [
    ("", &["traces", "metrics", "series", "status", "message"]),
    (
        "traces",
        &[
            "traceID",
            "rootServiceName",
            "rootTraceName",
            "startTimeUnixNano",
            "durationMs",
            "spanSet",
            "spanSets",
            "serviceStats",
        ],
    ),
    ("spanSet", &["spans", "matched", "attributes"]),
    ("spanSets", &["spans", "matched", "attributes"]),
    ("spans", &["spanID", "name", "startTimeUnixNano", "durationNanos", "attributes"]),
    ("attributes", &["key", "value"]),
    ("labels", &["key", "value"]),
    (
        "value",
        &["stringValue", "intValue", "doubleValue", "boolValue", "arrayValue", "kvlistValue", "bytesValue"],
    ),
    ("series", &["labels", "samples", "exemplars", "value"]),
    ("samples", &["timestampMs", "value"]),
    ("exemplars", &["labels", "timestampMs", "value"]),
    (
        "metrics",
        &[
            "inspectedTraces",
            "inspectedBytes",
            "totalBlocks",
            "completedJobs",
            "totalJobs",
            "totalBlockBytes",
        ],
    ),
];

fn no_other_field(value: &serde_json::Value, below: &str) {
    match value {
        serde_json::Value::Array(values) => values.iter().for_each(|value| no_other_field(value, below)),
        serde_json::Value::Object(fields) => {
            let known =
                FIELDS.iter().find(|(name, _)| *name == below).unwrap_or_else(|| panic!("below {below}")).1;
            for (name, value) in fields {
                assert!(known.contains(&name.as_str()), "{name} below {below}");
                no_other_field(value, name);
            }
        }
        _ => {}
    }
}

#[tokio::test]
async fn answers_have_no_field_that_tempo_has_not() {
    let site = Site::open().await;
    site.put(call()).await;
    let stages = "{} | by(name) | count() > 0 | select(.cached, .db.rows, .interaction.stage, event.ratio)";
    no_other_field(&search(&site, stages, "").await.json(), "");
    for query in [
        "{} | rate() by(name)",
        "{} | quantile_over_time(duration, .9)",
        "{} | histogram_over_time(duration)",
    ] {
        for kind in ["query", "query_range"] {
            let path = format!("/api/metrics/{kind}?q={}&{SECONDS}", encoded(query));
            no_other_field(&site.get(&path).await.json(), "");
        }
    }
}
