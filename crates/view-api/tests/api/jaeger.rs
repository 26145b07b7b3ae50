//! What Jaeger's UI and Grafana's Jaeger data source ask, in the words they ask it in.

use expect_test::{Expect, expect};
use store_api::testing::Sample;
use throughline_context::TraceId;

use crate::{Site, call};

const ID: &str = "01010101010101010101010101010101";
/// A quarter of an hour around nine, in microseconds and by the calendar.
const MICROSECONDS: &str = "start=1795164600000000&end=1795165500000000";
const CALENDAR: &str =
    "query.startTimeMin=2026-11-20T08:50:00.000000Z&query.startTimeMax=2026-11-20T09:05:00Z";

/// One line for each answer.
async fn lines(site: &Site, paths: &[String], expected: Expect) {
    let mut told = String::new();
    for path in paths {
        let answer = site.get(path).await;
        told += &format!("{path}\n    {} {}\n", answer.status, String::from_utf8_lossy(&answer.body));
    }
    expected.assert_eq(&told);
}

#[tokio::test]
async fn lists_of_both_generations() {
    let site = Site::open().await;
    site.put(call()).await;
    let paths = [
        "/api/services",
        "/api/services/ivr/operations",
        "/api/services/no%20body/operations",
        "/api/operations?service=crm&spanKind=client",
        "/api/operations",
        "/api/dependencies?endTs=1795165500000&lookback=900000",
        "/api/dependencies?endTs=1795165500000&lookback=1000",
        "/api/v3/services",
        "/api/v3/operations?service=crm",
        "/api/v3/operations?service=crm&span_kind=server",
        "/api/v3/operations",
        "/api/v3/dependencies?startTime=2026-11-20T08:50:00Z&endTime=2026-11-20T09:05:00Z",
        "/jaeger/api/services",
        "/jaeger/api/v3/services",
        "/jaeger/api/v3/else",
    ];
    let expected = expect![[r#"
        /api/services
            200 {"data":["crm","ivr"],"total":2,"limit":0,"offset":0,"errors":null}
        /api/services/ivr/operations
            200 {"data":["span 1","span 2","span 3"],"total":3,"limit":0,"offset":0,"errors":null}
        /api/services/no%20body/operations
            200 {"data":[],"total":0,"limit":0,"offset":0,"errors":null}
        /api/operations?service=crm&spanKind=client
            200 {"data":[{"name":"span 4","spanKind":"client"}],"total":1,"limit":0,"offset":0,"errors":null}
        /api/operations
            400 {"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":400,"msg":"parameter 'service' is required; name one of /api/services"}]}
        /api/dependencies?endTs=1795165500000&lookback=900000
            200 {"data":[{"callCount":1,"child":"crm","parent":"ivr"}],"total":1,"limit":0,"offset":0,"errors":null}
        /api/dependencies?endTs=1795165500000&lookback=1000
            200 {"data":[],"total":0,"limit":0,"offset":0,"errors":null}
        /api/v3/services
            200 {"services":["crm","ivr"]}
        /api/v3/operations?service=crm
            200 {"operations":[{"name":"span 4","spanKind":"client"}]}
        /api/v3/operations?service=crm&span_kind=server
            200 {"operations":[]}
        /api/v3/operations
            400 {"error":{"httpCode":400,"message":"parameter service is required; name one of /api/v3/services"}}
        /api/v3/dependencies?startTime=2026-11-20T08:50:00Z&endTime=2026-11-20T09:05:00Z
            200 {"dependencies":[{"callCount":"1","child":"crm","parent":"ivr"}]}
        /jaeger/api/services
            200 {"data":["crm","ivr"],"total":2,"limit":0,"offset":0,"errors":null}
        /jaeger/api/v3/services
            200 {"services":["crm","ivr"]}
        /jaeger/api/v3/else
            404 {"error":{"httpCode":404,"message":"there is nothing at this address; docs/grafana.md has what there is"}}
    "#]];
    lines(&site, &paths.map(str::to_owned), expected).await;
}

#[tokio::test]
async fn a_trace_as_the_ui_reads_it() {
    let site = Site::open().await;
    site.put(call()).await;
    let answer = site.get(&format!("/api/traces/{ID}")).await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    expect![[r#"
        {
          "data": [
            {
              "processes": {
                "p1": {
                  "serviceName": "ivr",
                  "tags": []
                },
                "p2": {
                  "serviceName": "crm",
                  "tags": []
                }
              },
              "spans": [
                {
                  "duration": 20000000,
                  "flags": 1,
                  "logs": [],
                  "operationName": "span 1",
                  "processID": "p1",
                  "references": [],
                  "spanID": "0101010101010101",
                  "startTime": 1795165200000000,
                  "tags": [
                    {
                      "key": "interaction.channel",
                      "type": "string",
                      "value": "voice"
                    },
                    {
                      "key": "interaction.direction",
                      "type": "string",
                      "value": "inbound"
                    },
                    {
                      "key": "interaction.id",
                      "type": "string",
                      "value": "call-1"
                    },
                    {
                      "key": "interaction.stage",
                      "type": "string",
                      "value": "ivr"
                    },
                    {
                      "key": "span.kind",
                      "type": "string",
                      "value": "server"
                    }
                  ],
                  "traceID": "01010101010101010101010101010101",
                  "warnings": null
                },
                {
                  "duration": 1000000,
                  "flags": 1,
                  "logs": [
                    {
                      "fields": [
                        {
                          "key": "event",
                          "type": "string",
                          "value": "retry"
                        },
                        {
                          "key": "ratio",
                          "type": "string",
                          "value": "NaN"
                        },
                        {
                          "key": "raw",
                          "type": "binary",
                          "value": "AQI="
                        }
                      ],
                      "timestamp": 1795165203000000
                    }
                  ],
                  "operationName": "span 4",
                  "processID": "p2",
                  "references": [
                    {
                      "refType": "CHILD_OF",
                      "spanID": "0101010101010101",
                      "traceID": "01010101010101010101010101010101"
                    },
                    {
                      "refType": "FOLLOWS_FROM",
                      "spanID": "0808080808080808",
                      "traceID": "07070707070707070707070707070707"
                    }
                  ],
                  "spanID": "0404040404040404",
                  "startTime": 1795165203000000,
                  "tags": [
                    {
                      "key": "cached",
                      "type": "bool",
                      "value": false
                    },
                    {
                      "key": "db.rows",
                      "type": "int64",
                      "value": 3
                    },
                    {
                      "key": "span.kind",
                      "type": "string",
                      "value": "client"
                    },
                    {
                      "key": "otel.status_code",
                      "type": "string",
                      "value": "ERROR"
                    },
                    {
                      "key": "error",
                      "type": "bool",
                      "value": true
                    },
                    {
                      "key": "otel.status_description",
                      "type": "string",
                      "value": "no row"
                    },
                    {
                      "key": "otel.scope.name",
                      "type": "string",
                      "value": "sql"
                    },
                    {
                      "key": "otel.scope.version",
                      "type": "string",
                      "value": "1"
                    }
                  ],
                  "traceID": "01010101010101010101010101010101",
                  "warnings": null
                },
                {
                  "duration": 60000000,
                  "flags": 1,
                  "logs": [],
                  "operationName": "span 2",
                  "processID": "p1",
                  "references": [],
                  "spanID": "0202020202020202",
                  "startTime": 1795165220000000,
                  "tags": [
                    {
                      "key": "interaction.id",
                      "type": "string",
                      "value": "call-1"
                    },
                    {
                      "key": "interaction.queue.name",
                      "type": "string",
                      "value": "billing"
                    },
                    {
                      "key": "interaction.region",
                      "type": "string",
                      "value": "eu-west"
                    },
                    {
                      "key": "interaction.stage",
                      "type": "string",
                      "value": "queue"
                    },
                    {
                      "key": "span.kind",
                      "type": "string",
                      "value": "server"
                    }
                  ],
                  "traceID": "01010101010101010101010101010101",
                  "warnings": null
                },
                {
                  "duration": 120000000,
                  "flags": 1,
                  "logs": [],
                  "operationName": "span 3",
                  "processID": "p1",
                  "references": [],
                  "spanID": "0303030303030303",
                  "startTime": 1795165280000000,
                  "tags": [
                    {
                      "key": "interaction.agent.id",
                      "type": "string",
                      "value": "ann"
                    },
                    {
                      "key": "interaction.id",
                      "type": "string",
                      "value": "call-1"
                    },
                    {
                      "key": "interaction.outcome",
                      "type": "string",
                      "value": "handled"
                    },
                    {
                      "key": "interaction.stage",
                      "type": "string",
                      "value": "talk"
                    },
                    {
                      "key": "span.kind",
                      "type": "string",
                      "value": "server"
                    }
                  ],
                  "traceID": "01010101010101010101010101010101",
                  "warnings": null
                }
              ],
              "traceID": "01010101010101010101010101010101",
              "warnings": null
            }
          ],
          "errors": null,
          "limit": 0,
          "offset": 0,
          "total": 1
        }"#]]
    .assert_eq(&answer.pretty());
    for same in [
        format!("/api/traces/{}", ID.trim_start_matches('0')),
        format!("/api/traces/{ID}?start=1795164600000&end=1795165500000"),
        format!("/jaeger/api/traces/{ID}"),
        format!("/api/traces?traceID={ID}"),
    ] {
        assert_eq!(site.get(&same).await.body, answer.body, "{same}");
    }
}

#[tokio::test]
async fn an_id_of_64_bits_is_found_in_all_its_spellings() {
    let site = Site::open().await;
    let mut id = [0; 16];
    id[9..].copy_from_slice(&[0xa, 1, 2, 3, 4, 5, 6]);
    site.put([Sample::new(1, 1).change(|span| span.trace_id = TraceId(id))]).await;
    for text in ["000a010203040506", "a010203040506", "A010203040506", "0000000000000000000a010203040506"] {
        for path in
            ["/api/traces", "/api/v3/traces", "/jaeger/api/traces", "/tempo/api/traces", "/api/v2/traces"]
        {
            assert_eq!(site.get(&format!("{path}/{text}")).await.status, 200, "{path} {text}");
        }
    }
}

#[tokio::test]
async fn a_search_finds_traces_by_their_spans() {
    let site = Site::open().await;
    site.put(call()).await;
    site.put([Sample::new(2, 1).at(60, 3).with("http.route", "/a")]).await;
    let tags = |json: &str| format!("tags={}", json.replace('"', "%22"));
    for (query, found) in [
        ("service=ivr".to_owned(), vec![2, 1]),
        ("service=ivr&limit=1".to_owned(), vec![2]),
        ("service=crm&operation=span%204&lookback=1h".to_owned(), vec![1]),
        ("service=ivr&operation=span%204".to_owned(), vec![]),
        (tags(r#"{"error":"true"}"#), vec![1]),
        (tags(r#"{"db.rows":"3","cached":"false","span.kind":"client"}"#), vec![1]),
        (tags(r#"{"db.rows":"4"}"#), vec![]),
        (tags(r#"{"otel.status_code":"ERROR","otel.scope.name":"sql"}"#), vec![1]),
        (tags(r#"{"ratio":"NaN"}"#), vec![1]),
        ("tag=http.route:/a&service=ivr".to_owned(), vec![2]),
        ("minDuration=100s&maxDuration=2m".to_owned(), vec![1]),
        ("maxDuration=900ms".to_owned(), vec![]),
        (String::new(), vec![2, 1]),
    ] {
        let answer = site.get(&format!("/api/traces?{MICROSECONDS}&{query}")).await;
        assert_eq!(answer.status, 200, "{query}");
        let ids: Vec<_> =
            answer.json()["data"].as_array().unwrap().iter().map(|t| t["traceID"].to_string()).collect();
        let found: Vec<_> = found.iter().map(|id| format!("\"{}\"", TraceId([*id; 16]))).collect();
        assert_eq!(ids, found, "{query}");
    }
    let early = site.get("/api/traces?start=1795165210000000&end=1795165250000000&service=ivr").await.json();
    assert_eq!(early["data"].as_array().unwrap().len(), 1, "of the spans of the call, one started then");
}

#[tokio::test]
async fn the_third_generation_searches_and_sums_up() {
    let site = Site::open().await;
    site.put(call()).await;
    let question = format!("query.serviceName=crm&{CALENDAR}&query.searchDepth=20");
    let path = format!("/api/v3/trace-summaries?{question}&query.attributes=%7B%22error%22%3A%22true%22%7D");
    let answer = site.get(&path).await;
    expect![[r#"
        {
          "summaries": [
            {
              "errorSpanCount": 1,
              "maxEndTimeUnixNano": "1795165400000000000",
              "minStartTimeUnixNano": "1795165200000000000",
              "orphanSpanCount": 0,
              "rootOperationName": "span 1",
              "rootServiceName": "ivr",
              "services": [
                {
                  "errorSpanCount": 1,
                  "name": "crm",
                  "spanCount": 1
                },
                {
                  "errorSpanCount": 0,
                  "name": "ivr",
                  "spanCount": 3
                }
              ],
              "spanCount": 4,
              "traceId": "01010101010101010101010101010101"
            }
          ]
        }"#]]
    .assert_eq(&answer.pretty());
    let found = site.get(&format!("/api/v3/traces?{question}")).await;
    let one = site.get(&format!("/api/v3/traces/{ID}")).await;
    assert_eq!(found.body, one.body);
    expect![[r#"
        {
          "result": {
            "resourceSpans": [
              {
                "resource": {
                  "attributes": [
                    {
                      "key": "service.name",
                      "value": {
                        "stringValue": "ivr"
                      }
                    }
                  ]
                },
                "scopeSpans": [
                  {
                    "scope": {},
                    "spans": [
                      {
                        "attributes": [
                          {
                            "key": "interaction.channel",
                            "value": {
                              "stringValue": "voice"
                            }
                          },
                          {
                            "key": "interaction.direction",
                            "value": {
                              "stringValue": "inbound"
                            }
                          },
                          {
                            "key": "interaction.id",
                            "value": {
                              "stringValue": "call-1"
                            }
                          },
                          {
                            "key": "interaction.stage",
                            "value": {
                              "stringValue": "ivr"
                            }
                          }
                        ],
                        "endTimeUnixNano": "1795165220000000000",
                        "flags": 1,
                        "kind": 2,
                        "name": "span 1",
                        "spanId": "0101010101010101",
                        "startTimeUnixNano": "1795165200000000000",
                        "traceId": "01010101010101010101010101010101"
                      },
                      {
                        "attributes": [
                          {
                            "key": "interaction.id",
                            "value": {
                              "stringValue": "call-1"
                            }
                          },
                          {
                            "key": "interaction.queue.name",
                            "value": {
                              "stringValue": "billing"
                            }
                          },
                          {
                            "key": "interaction.region",
                            "value": {
                              "stringValue": "eu-west"
                            }
                          },
                          {
                            "key": "interaction.stage",
                            "value": {
                              "stringValue": "queue"
                            }
                          }
                        ],
                        "endTimeUnixNano": "1795165280000000000",
                        "flags": 1,
                        "kind": 2,
                        "name": "span 2",
                        "spanId": "0202020202020202",
                        "startTimeUnixNano": "1795165220000000000",
                        "traceId": "01010101010101010101010101010101"
                      },
                      {
                        "attributes": [
                          {
                            "key": "interaction.agent.id",
                            "value": {
                              "stringValue": "ann"
                            }
                          },
                          {
                            "key": "interaction.id",
                            "value": {
                              "stringValue": "call-1"
                            }
                          },
                          {
                            "key": "interaction.outcome",
                            "value": {
                              "stringValue": "handled"
                            }
                          },
                          {
                            "key": "interaction.stage",
                            "value": {
                              "stringValue": "talk"
                            }
                          }
                        ],
                        "endTimeUnixNano": "1795165400000000000",
                        "flags": 1,
                        "kind": 2,
                        "name": "span 3",
                        "spanId": "0303030303030303",
                        "startTimeUnixNano": "1795165280000000000",
                        "traceId": "01010101010101010101010101010101"
                      }
                    ]
                  }
                ]
              },
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
                        "kind": 3,
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
                            "spanId": "0808080808080808",
                            "traceId": "07070707070707070707070707070707"
                          }
                        ],
                        "name": "span 4",
                        "parentSpanId": "0101010101010101",
                        "spanId": "0404040404040404",
                        "startTimeUnixNano": "1795165203000000000",
                        "status": {
                          "code": 2,
                          "message": "no row"
                        },
                        "traceId": "01010101010101010101010101010101"
                      }
                    ]
                  }
                ]
              }
            ]
          }
        }"#]]
    .assert_eq(&one.pretty());
}

#[tokio::test]
async fn errors_are_those_of_jaeger() {
    let site = Site::open().await;
    let paths = [
        format!("/api/traces/{ID}"),
        "/api/traces/xyz".to_owned(),
        "/api/traces?tags=error".to_owned(),
        "/api/traces?start=2&end=1".to_owned(),
        format!("/api/traces?traceID={ID}"),
        format!("/api/v3/traces/{ID}"),
        format!("/api/v3/traces?{CALENDAR}"),
        "/api/v3/traces?query.serviceName=crm".to_owned(),
        format!("/api/v3/trace-summaries?{CALENDAR}&query.durationMin=soon"),
        format!("/api/v3/trace-summaries?{CALENDAR}"),
    ];
    let expected = expect![[r#"
        /api/traces/01010101010101010101010101010101
            404 {"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":404,"msg":"trace not found; spans are kept as long as `retention` says"}]}
        /api/traces/xyz
            400 {"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":400,"msg":"`xyz` is no trace id; it has up to 32 hexadecimal digits, not all zero"}]}
        /api/traces?tags=error
            400 {"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":400,"msg":"`tags` is `error`; it is a map in JSON, as in `{\"error\":\"true\"}`"}]}
        /api/traces?start=2&end=1
            400 {"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":400,"msg":"the start is later than the end; exchange them"}]}
        /api/traces?traceID=01010101010101010101010101010101
            200 {"data":[],"total":0,"limit":0,"offset":0,"errors":[{"msg":"trace not found","traceID":"01010101010101010101010101010101"}]}
        /api/v3/traces/01010101010101010101010101010101
            404 {"error":{"httpCode":404,"message":"No traces found; spans are kept as long as `retention` of the `lake` exporter says"}}
        /api/v3/traces?query.startTimeMin=2026-11-20T08:50:00.000000Z&query.startTimeMax=2026-11-20T09:05:00Z
            404 {"error":{"httpCode":404,"message":"No traces found; spans are kept as long as `retention` of the `lake` exporter says"}}
        /api/v3/traces?query.serviceName=crm
            400 {"error":{"httpCode":400,"message":"query.startTimeMin and query.startTimeMax are required; write them as in `2026-11-20T09:00:00Z`"}}
        /api/v3/trace-summaries?query.startTimeMin=2026-11-20T08:50:00.000000Z&query.startTimeMax=2026-11-20T09:05:00Z&query.durationMin=soon
            400 {"error":{"httpCode":400,"message":"`query.durationMin` is `soon`; it is a duration, as in `1.5s` or `200ms`"}}
        /api/v3/trace-summaries?query.startTimeMin=2026-11-20T08:50:00.000000Z&query.startTimeMax=2026-11-20T09:05:00Z
            200 {"summaries":[]}
    "#]];
    lines(&site, &paths, expected).await;
}
