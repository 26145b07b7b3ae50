//! Jaeger's gRPC over a real socket, decoded by messages of its own.

use std::net::SocketAddr;

use axum::body::Bytes;
use expect_test::expect;
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Request};
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::trace::v1::TracesData;
use prost::Message;
use store_api::testing::Sample;
use tokio::net::TcpStream;

use crate::{Site, call};

/// A frame for each message, and what the status and its message are.
pub(crate) struct Reply {
    pub(crate) messages: Vec<Bytes>,
    pub(crate) status: String,
    pub(crate) why: String,
    pub(crate) authorization: Option<String>,
    pub(crate) worked: Option<String>,
}

async fn ask(site: &Site, method: &str, question: impl Message) -> Reply {
    let message = question.encode_to_vec();
    let mut framed = vec![0];
    framed.extend_from_slice(&(message.len() as u32).to_be_bytes());
    framed.extend_from_slice(&message);
    send(site, method, framed, "application/grpc").await
}

async fn send(site: &Site, method: &str, body: Vec<u8>, content_type: &str) -> Reply {
    send_to(site.view.address().unwrap(), method, body, content_type, &[]).await
}

pub(crate) async fn send_to(
    address: SocketAddr,
    method: &str,
    body: Vec<u8>,
    content_type: &str,
    headers: &[(&str, &str)],
) -> Reply {
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    let driven = tokio::spawn(connection);
    let request = Request::post(format!("http://{address}/{method}"))
        .header("content-type", content_type)
        .header("te", "trailers");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let request = request.body(Full::new(Bytes::from(body))).unwrap();
    let (head, body) = sender.send_request(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap();
    let of = |headers: &HeaderMap, name| Some(headers.get(name)?.to_str().unwrap().to_owned());
    let none = HeaderMap::new();
    let trailers = body.trailers().unwrap_or(&none);
    let said = |name| of(trailers, name).or_else(|| of(&head.headers, name)).unwrap_or_default();
    let (status, why) = (said("grpc-status"), said("grpc-message"));
    let mut rest = body.to_bytes();
    let mut messages = Vec::new();
    while !rest.is_empty() {
        let prefix = rest.split_to(5);
        assert_eq!(prefix[0], 0);
        messages.push(rest.split_to(u32::from_be_bytes(prefix[1..].try_into().unwrap()) as usize));
    }
    drop(sender);
    driven.abort();
    let authorization = of(&head.headers, "authorization");
    let worked = of(&head.headers, "throughline-worked");
    Reply { messages, status, why, authorization, worked }
}

/// The messages of `query.proto`, `model.proto` and `query_service.proto`, by their field numbers.
mod wire {
    use std::collections::HashMap;

    use prost::Message;

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Empty {}
    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Names {
        #[prost(string, repeated, tag = "1")]
        pub(super) names: Vec<String>,
    }
    #[derive(Clone, PartialEq, Message)]
    pub(super) struct OfService {
        #[prost(string, tag = "1")]
        pub(super) service: String,
        #[prost(string, tag = "2")]
        pub(super) span_kind: String,
    }
    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Operations2 {
        #[prost(string, repeated, tag = "1")]
        pub(super) names: Vec<String>,
        #[prost(message, repeated, tag = "2")]
        pub(super) operations: Vec<OfService>,
    }
    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Operations3 {
        #[prost(message, repeated, tag = "1")]
        pub(super) operations: Vec<OfService>,
    }
    #[derive(Clone, PartialEq, Message)]
    pub(super) struct GetTrace2 {
        #[prost(bytes = "vec", tag = "1")]
        pub(super) trace_id: Vec<u8>,
    }
    #[derive(Clone, PartialEq, Message)]
    pub(super) struct GetTrace3 {
        #[prost(string, tag = "1")]
        pub(super) trace_id: String,
    }
    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Time {
        #[prost(int64, tag = "1")]
        pub(super) seconds: i64,
        #[prost(int32, tag = "2")]
        pub(super) nanos: i32,
    }
    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Query {
        #[prost(string, tag = "1")]
        pub(super) service_name: String,
        #[prost(string, tag = "2")]
        pub(super) operation_name: String,
        #[prost(map = "string, string", tag = "3")]
        pub(super) tags: HashMap<String, String>,
        #[prost(message, optional, tag = "4")]
        pub(super) start_time_min: Option<Time>,
        #[prost(message, optional, tag = "5")]
        pub(super) start_time_max: Option<Time>,
        #[prost(message, optional, tag = "6")]
        pub(super) duration_min: Option<Time>,
        #[prost(message, optional, tag = "7")]
        pub(super) duration_max: Option<Time>,
        #[prost(int32, tag = "8")]
        pub(super) search_depth: i32,
    }
    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Find {
        #[prost(message, optional, tag = "1")]
        pub(super) query: Option<Query>,
    }
    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Between {
        #[prost(message, optional, tag = "1")]
        pub(super) start_time: Option<Time>,
        #[prost(message, optional, tag = "2")]
        pub(super) end_time: Option<Time>,
    }
    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Link {
        #[prost(string, tag = "1")]
        pub(super) parent: String,
        #[prost(string, tag = "2")]
        pub(super) child: String,
        #[prost(uint64, tag = "3")]
        pub(super) call_count: u64,
    }
    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Links {
        #[prost(message, repeated, tag = "1")]
        pub(super) links: Vec<Link>,
    }
    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Chunk {
        #[prost(message, repeated, tag = "1")]
        pub(super) spans: Vec<Span>,
    }
    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Span {
        #[prost(bytes = "vec", tag = "1")]
        pub(super) trace_id: Vec<u8>,
        #[prost(bytes = "vec", tag = "2")]
        pub(super) span_id: Vec<u8>,
        #[prost(string, tag = "3")]
        pub(super) operation_name: String,
        #[prost(message, repeated, tag = "4")]
        pub(super) references: Vec<Reference>,
        #[prost(uint32, tag = "5")]
        pub(super) flags: u32,
        #[prost(message, optional, tag = "6")]
        pub(super) start_time: Option<Time>,
        #[prost(message, optional, tag = "7")]
        pub(super) duration: Option<Time>,
        #[prost(message, repeated, tag = "8")]
        pub(super) tags: Vec<KeyValue>,
        #[prost(message, repeated, tag = "9")]
        pub(super) logs: Vec<Log>,
        #[prost(message, optional, tag = "10")]
        pub(super) process: Option<Process>,
    }
    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Reference {
        #[prost(bytes = "vec", tag = "1")]
        pub(super) trace_id: Vec<u8>,
        #[prost(bytes = "vec", tag = "2")]
        pub(super) span_id: Vec<u8>,
        #[prost(int32, tag = "3")]
        pub(super) ref_type: i32,
    }
    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Log {
        #[prost(message, optional, tag = "1")]
        pub(super) timestamp: Option<Time>,
        #[prost(message, repeated, tag = "2")]
        pub(super) fields: Vec<KeyValue>,
    }
    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Process {
        #[prost(string, tag = "1")]
        pub(super) service_name: String,
        #[prost(message, repeated, tag = "2")]
        pub(super) tags: Vec<KeyValue>,
    }
    #[derive(Clone, PartialEq, Message)]
    pub(super) struct KeyValue {
        #[prost(string, tag = "1")]
        pub(super) key: String,
        #[prost(int32, tag = "2")]
        pub(super) v_type: i32,
        #[prost(string, tag = "3")]
        pub(super) v_str: String,
        #[prost(bool, tag = "4")]
        pub(super) v_bool: bool,
        #[prost(int64, tag = "5")]
        pub(super) v_int64: i64,
        #[prost(double, tag = "6")]
        pub(super) v_float64: f64,
        #[prost(bytes = "vec", tag = "7")]
        pub(super) v_binary: Vec<u8>,
    }
    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Summaries {
        #[prost(message, repeated, tag = "1")]
        pub(super) summaries: Vec<Summary>,
    }
    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Summary {
        #[prost(string, tag = "1")]
        pub(super) trace_id: String,
        #[prost(string, tag = "2")]
        pub(super) root_service_name: String,
        #[prost(string, tag = "3")]
        pub(super) root_operation_name: String,
        #[prost(fixed64, tag = "4")]
        pub(super) min_start_time_unix_nano: u64,
        #[prost(fixed64, tag = "5")]
        pub(super) max_end_time_unix_nano: u64,
        #[prost(int32, tag = "6")]
        pub(super) span_count: i32,
        #[prost(int32, tag = "7")]
        pub(super) error_span_count: i32,
        #[prost(int32, tag = "8")]
        pub(super) orphan_span_count: i32,
        #[prost(message, repeated, tag = "9")]
        pub(super) services: Vec<ServiceSummary>,
    }
    #[derive(Clone, PartialEq, Message)]
    pub(super) struct ServiceSummary {
        #[prost(string, tag = "1")]
        pub(super) name: String,
        #[prost(int32, tag = "2")]
        pub(super) span_count: i32,
        #[prost(int32, tag = "3")]
        pub(super) error_span_count: i32,
    }
}

const V2: &str = "jaeger.api_v2.QueryService";
const V3: &str = "jaeger.api_v3.QueryService";

async fn one<M: Message + Default>(site: &Site, method: &str, question: impl Message) -> M {
    let Reply { messages, status, why, .. } = ask(site, method, question).await;
    assert_eq!((status.as_str(), messages.len()), ("0", 1), "{method}: {why}");
    M::decode(messages[0].clone()).unwrap()
}

fn query() -> wire::Find {
    let time = |seconds| Some(wire::Time { seconds, nanos: 0 });
    let query = wire::Query {
        service_name: "crm".to_owned(),
        operation_name: "span 4".to_owned(),
        tags: [("error".to_owned(), "true".to_owned()), ("db.rows".to_owned(), "3".to_owned())].into(),
        start_time_min: time(1_795_164_600),
        start_time_max: time(1_795_165_500),
        duration_min: Some(wire::Time { seconds: 0, nanos: 500_000_000 }),
        duration_max: time(2),
        search_depth: 20,
    };
    wire::Find { query: Some(query) }
}

#[tokio::test]
async fn both_generations_list() {
    let site = Site::open().await;
    site.put(call()).await;
    for generation in [V2, V3] {
        let services: wire::Names = one(&site, &format!("{generation}/GetServices"), wire::Empty {}).await;
        assert_eq!(services.names, ["crm", "ivr"]);
        let time = |seconds| Some(wire::Time { seconds, nanos: 0 });
        let between = wire::Between { start_time: time(1_795_164_600), end_time: time(1_795_165_500) };
        let links: wire::Links = one(&site, &format!("{generation}/GetDependencies"), between).await;
        let link = wire::Link { parent: "ivr".to_owned(), child: "crm".to_owned(), call_count: 1 };
        assert_eq!(links.links, [link]);
    }
    let of = |kind: &str| wire::OfService { service: "crm".to_owned(), span_kind: kind.to_owned() };
    let named = wire::OfService { service: "span 4".to_owned(), span_kind: "client".to_owned() };
    let second: wire::Operations2 = one(&site, &format!("{V2}/GetOperations"), of("")).await;
    assert_eq!((second.names, second.operations), (vec!["span 4".to_owned()], vec![named.clone()]));
    let third: wire::Operations3 = one(&site, &format!("{V3}/GetOperations"), of("client")).await;
    assert_eq!(third.operations, [named]);
    let third: wire::Operations3 = one(&site, &format!("{V3}/GetOperations"), of("server")).await;
    assert_eq!(third.operations, []);
}

#[tokio::test]
async fn spans_as_the_second_generation_models_them() {
    let site = Site::open().await;
    site.put(call()).await;
    let found: wire::Chunk = one(&site, &format!("{V2}/FindTraces"), query()).await;
    let id = wire::GetTrace2 { trace_id: vec![1; 16] };
    let chunk: wire::Chunk = one(&site, &format!("{V2}/GetTrace"), id).await;
    assert_eq!(format!("{found:?}"), format!("{chunk:?}"), "as text, since NaN is not equal to itself");
    assert_eq!(chunk.spans.len(), 4);
    expect![[r#"
        Span {
            trace_id: [
                1,
                1,
                1,
                1,
                1,
                1,
                1,
                1,
                1,
                1,
                1,
                1,
                1,
                1,
                1,
                1,
            ],
            span_id: [
                4,
                4,
                4,
                4,
                4,
                4,
                4,
                4,
            ],
            operation_name: "span 4",
            references: [
                Reference {
                    trace_id: [
                        1,
                        1,
                        1,
                        1,
                        1,
                        1,
                        1,
                        1,
                        1,
                        1,
                        1,
                        1,
                        1,
                        1,
                        1,
                        1,
                    ],
                    span_id: [
                        1,
                        1,
                        1,
                        1,
                        1,
                        1,
                        1,
                        1,
                    ],
                    ref_type: 0,
                },
                Reference {
                    trace_id: [
                        7,
                        7,
                        7,
                        7,
                        7,
                        7,
                        7,
                        7,
                        7,
                        7,
                        7,
                        7,
                        7,
                        7,
                        7,
                        7,
                    ],
                    span_id: [
                        8,
                        8,
                        8,
                        8,
                        8,
                        8,
                        8,
                        8,
                    ],
                    ref_type: 1,
                },
            ],
            flags: 1,
            start_time: Some(
                Time {
                    seconds: 1795165203,
                    nanos: 0,
                },
            ),
            duration: Some(
                Time {
                    seconds: 1,
                    nanos: 0,
                },
            ),
            tags: [
                KeyValue {
                    key: "cached",
                    v_type: 1,
                    v_str: "",
                    v_bool: false,
                    v_int64: 0,
                    v_float64: 0.0,
                    v_binary: [],
                },
                KeyValue {
                    key: "db.rows",
                    v_type: 2,
                    v_str: "",
                    v_bool: false,
                    v_int64: 3,
                    v_float64: 0.0,
                    v_binary: [],
                },
                KeyValue {
                    key: "span.kind",
                    v_type: 0,
                    v_str: "client",
                    v_bool: false,
                    v_int64: 0,
                    v_float64: 0.0,
                    v_binary: [],
                },
                KeyValue {
                    key: "otel.status_code",
                    v_type: 0,
                    v_str: "ERROR",
                    v_bool: false,
                    v_int64: 0,
                    v_float64: 0.0,
                    v_binary: [],
                },
                KeyValue {
                    key: "error",
                    v_type: 1,
                    v_str: "",
                    v_bool: true,
                    v_int64: 0,
                    v_float64: 0.0,
                    v_binary: [],
                },
                KeyValue {
                    key: "otel.status_description",
                    v_type: 0,
                    v_str: "no row",
                    v_bool: false,
                    v_int64: 0,
                    v_float64: 0.0,
                    v_binary: [],
                },
                KeyValue {
                    key: "otel.scope.name",
                    v_type: 0,
                    v_str: "sql",
                    v_bool: false,
                    v_int64: 0,
                    v_float64: 0.0,
                    v_binary: [],
                },
                KeyValue {
                    key: "otel.scope.version",
                    v_type: 0,
                    v_str: "1",
                    v_bool: false,
                    v_int64: 0,
                    v_float64: 0.0,
                    v_binary: [],
                },
            ],
            logs: [
                Log {
                    timestamp: Some(
                        Time {
                            seconds: 1795165203,
                            nanos: 0,
                        },
                    ),
                    fields: [
                        KeyValue {
                            key: "event",
                            v_type: 0,
                            v_str: "retry",
                            v_bool: false,
                            v_int64: 0,
                            v_float64: 0.0,
                            v_binary: [],
                        },
                        KeyValue {
                            key: "ratio",
                            v_type: 3,
                            v_str: "",
                            v_bool: false,
                            v_int64: 0,
                            v_float64: NaN,
                            v_binary: [],
                        },
                        KeyValue {
                            key: "raw",
                            v_type: 4,
                            v_str: "",
                            v_bool: false,
                            v_int64: 0,
                            v_float64: 0.0,
                            v_binary: [
                                1,
                                2,
                            ],
                        },
                    ],
                },
            ],
            process: Some(
                Process {
                    service_name: "crm",
                    tags: [],
                },
            ),
        }"#]]
    .assert_eq(&format!("{:#?}", chunk.spans[1]));
}

#[tokio::test]
async fn spans_of_the_third_generation_are_otlp() {
    let site = Site::open().await;
    site.put(call()).await;
    let found: TracesData = one(&site, &format!("{V3}/FindTraces"), query()).await;
    let id = wire::GetTrace3 { trace_id: "1010101010101010101010101010101".to_owned() };
    let data: TracesData = one(&site, &format!("{V3}/GetTrace"), id).await;
    assert_eq!(format!("{found:?}"), format!("{data:?}"));
    let spans = data.resource_spans.iter().flat_map(|of| &of.scope_spans).flat_map(|of| &of.spans);
    assert_eq!(
        spans.map(|span| span.name.as_str()).collect::<Vec<_>>(),
        ["span 1", "span 2", "span 3", "span 4"]
    );
    let summaries: wire::Summaries = one(&site, &format!("{V3}/FindTraceSummaries"), query()).await;
    expect![[r#"
        [
            Summary {
                trace_id: "01010101010101010101010101010101",
                root_service_name: "ivr",
                root_operation_name: "span 1",
                min_start_time_unix_nano: 1795165200000000000,
                max_end_time_unix_nano: 1795165400000000000,
                span_count: 4,
                error_span_count: 1,
                orphan_span_count: 0,
                services: [
                    ServiceSummary {
                        name: "crm",
                        span_count: 1,
                        error_span_count: 1,
                    },
                    ServiceSummary {
                        name: "ivr",
                        span_count: 3,
                        error_span_count: 0,
                    },
                ],
            },
        ]"#]]
    .assert_eq(&format!("{:#?}", summaries.summaries));
}

#[tokio::test]
async fn a_large_trace_comes_in_several_messages() {
    let site = Site::open().await;
    let long = "x".repeat(100_000);
    site.put((1..=30).map(|n| Sample::new(1, n).with("text", long.as_str()))).await;
    let reply = ask(&site, &format!("{V2}/GetTrace"), wire::GetTrace2 { trace_id: vec![1; 16] }).await;
    assert!(reply.messages.len() > 2 && reply.messages.iter().all(|message| message.len() < 4 << 20));
    let spans = reply.messages.into_iter().flat_map(|message| wire::Chunk::decode(message).unwrap().spans);
    assert_eq!(spans.count(), 30);
}

#[tokio::test]
async fn what_cannot_be_answered_has_a_status() {
    let site = Site::open().await;
    let id = |id: &str| wire::GetTrace3 { trace_id: id.to_owned() };
    for (method, question, status) in [
        (format!("{V3}/GetTrace"), id("1"), "5"),
        (format!("{V3}/GetTrace"), id("xyz"), "3"),
        (format!("{V2}/ArchiveTrace"), id("1"), "12"),
        (format!("{V2}/GetTrace"), id(""), "3"),
    ] {
        let reply = ask(&site, &method, question).await;
        assert_eq!((reply.status.as_str(), reply.messages.len()), (status, 0), "{method} {}", reply.why);
        assert!(!reply.why.is_empty());
    }
    let method = format!("{V3}/GetServices");
    for (body, content_type, status) in [
        (vec![0; 5], "application/json", "3"),
        (vec![0; 4], "application/grpc", "3"),
        (vec![0, 0, 0, 0, 1], "application/grpc", "3"),
        (vec![0; 6], "application/grpc", "3"),
        (vec![1, 0, 0, 0, 0], "application/grpc", "12"),
        (vec![0, 0, 0, 0, 1, 0xff], "application/grpc+proto", "3"),
        (vec![0; 70_000], "application/grpc", "8"),
        (vec![0; 5], "application/grpc+proto", "0"),
    ] {
        let reply = send(&site, &method, body.clone(), content_type).await;
        assert_eq!(reply.status, status, "{} bytes as {content_type}: {}", body.len(), reply.why);
    }
}

#[tokio::test]
async fn names_of_others_are_no_use_over_http_2_either() {
    let site = Site::open().await;
    let address = site.view.address().unwrap();
    for (host, method, status) in [
        (address.to_string(), "POST", None),
        ("evil.example.com".to_owned(), "POST", Some("7")),
        (address.to_string(), "PUT", Some("12")),
    ] {
        let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
        let driven = tokio::spawn(connection);
        let request = Request::builder().method(method).uri(format!("http://{host}/{V3}/GetServices"));
        let request = request.header("content-type", "application/grpc");
        let answer = sender.send_request(request.body(Full::new(Bytes::from_static(&[0; 5]))).unwrap()).await;
        let head = answer.unwrap();
        // What is answered has its status at the end.
        let told = head.headers().get("grpc-status").map(|status| status.to_str().unwrap());
        assert_eq!((head.status().as_u16(), told), (200, status), "{method} {host}");
        driven.abort();
    }
}
