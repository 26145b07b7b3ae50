//! Requests that are well-formed HTTP, and bad in what they carry.

use std::io::Write as _;

use bytes::Bytes;
use expect_test::expect;
use flow::wire::{put_len, put_nested, put_varint_field};
use http::Request;
use http_body_util::Full;
use pipeline::net::coding::{self, Coding};

use super::victim::Victim;
use super::{Table, works};
use crate::client::{EXPORT, Http2, JSON, PROTOBUF, framed, http, post};
use crate::setup::{spans, spans_as_json};

/// A request whose one span is written by `fill`.
fn span(fill: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    put_nested(&mut out, 1, |resource| put_nested(resource, 2, |scope| put_nested(scope, 2, fill)));
    out
}

fn span_as_json(fields: &str) -> String {
    format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{{fields}}}]}}]}}]}}"#)
}

/// Lists in lists, in an attribute of a span.
fn nested(depth: usize) -> Vec<u8> {
    let mut value = Vec::new();
    put_len(&mut value, 1, b"deep");
    for _ in 0..depth {
        let mut list = Vec::new();
        put_nested(&mut list, 5, |array| put_len(array, 1, &value));
        value = list;
    }
    span(|span| {
        put_nested(span, 9, |attribute| {
            put_len(attribute, 1, b"key");
            put_len(attribute, 2, &value);
        });
    })
}

fn nested_as_json(depth: usize) -> String {
    let value = [r#"{"arrayValue":{"values":["#.repeat(depth), "{}".to_owned(), "]}}".repeat(depth)].concat();
    span_as_json(&format!(r#""attributes":[{{"key":"a","value":{value}}}]"#))
}

fn bomb(coding: Coding, mebibytes: usize) -> Bytes {
    let zeros = vec![0; 1 << 20];
    match coding {
        Coding::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            (0..mebibytes).for_each(|_| encoder.write_all(&zeros).unwrap());
            encoder.finish().unwrap().into()
        }
        coding => coding::encode(coding, &vec![Bytes::from(zeros); mebibytes], None).unwrap(),
    }
}

fn coded(coding: Coding, body: Bytes) -> Request<Full<Bytes>> {
    post(&[JSON, ("content-encoding", coding.name())], body)
}

#[tokio::test]
async fn bad_protobuf() {
    let victim = Victim::start();
    let mut table = Table::new(&victim);
    let sound = spans(2);
    let mut grpc = Http2::open(victim.grpc).await;
    for (name, body) in [
        ("truncated", sound[..sound.len() - 3].to_vec()),
        ("wrong type", span(|span| put_varint_field(span, 5, 7))),
        ("text that is none", span(|span| put_len(span, 5, b"\xc3\x28"))),
        ("trace id of 15 bytes", span(|span| put_len(span, 1, &[1; 15]))),
        ("span id of 17 bytes", span(|span| put_len(span, 2, &[1; 17]))),
        ("10 000 nested values", nested(10_000)),
        ("10 000 nested groups", span(|span| span.extend([0xa3, 0x06].repeat(10_000)))),
        ("endless varint", span(|span| span.extend([0x28].into_iter().chain([0xff; 30])))),
        ("overlong length", span(|span| span.extend([0x2a, 0xff, 0xff, 0xff, 0xff, 0x7f]))),
        ("negative length", span(|span| span.extend([[0x2a].as_slice(), &[0xff; 9], &[0x01]].concat()))),
        ("field number 0", span(|span| span.extend([0x02, 0x00]))),
        ("end without a group", span(|span| span.extend([0xa4, 0x06]))),
        ("garbage", (0..2000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect()),
    ] {
        let answer = http(victim.http, post(&[PROTOBUF], body.clone())).await;
        table.row(name, &answer.line()).await;
        let called = grpc.export(&body).await;
        assert_eq!(called.code, Some(3), "{name}: {}", called.line());
        let status = pipeline::net::status::Status::from_proto(&answer.body);
        assert_eq!(called.message, status.message, "{name}: the same by gRPC");
    }
    table.check(expect![[r#"
        truncated: 400 | content-type: application/x-protobuf | protobuf 3 "ExportTraceServiceRequest.resourceSpans at byte 0: the message ends inside a field"
        wrong type: 400 | content-type: application/x-protobuf | protobuf 3 "ExportTraceServiceRequest.resourceSpans.scopeSpans.spans.name at byte 0: wire type 0 does not fit this field"
        text that is none: 400 | content-type: application/x-protobuf | protobuf 3 "ExportTraceServiceRequest.resourceSpans.scopeSpans.spans.name at byte 0: not valid UTF-8"
        trace id of 15 bytes: 400 | content-type: application/x-protobuf | protobuf 3 "ExportTraceServiceRequest.resourceSpans.scopeSpans.spans.traceId at byte 0: an id of 15 bytes; it has 16, or none"
        span id of 17 bytes: 400 | content-type: application/x-protobuf | protobuf 3 "ExportTraceServiceRequest.resourceSpans.scopeSpans.spans.spanId at byte 0: an id of 17 bytes; it has 8, or none"
        10 000 nested values: 400 | content-type: application/x-protobuf | protobuf 3 "ExportTraceServiceRequest.resourceSpans.scopeSpans.spans.attributes.value.arrayValue.values.arrayValue.values.….values.arrayValue at byte 0: messages nested deeper than 96 levels"
        10 000 nested groups: 400 | content-type: application/x-protobuf | protobuf 3 "ExportTraceServiceRequest.resourceSpans.scopeSpans.spans at byte 0: messages nested deeper than 96 levels"
        endless varint: 400 | content-type: application/x-protobuf | protobuf 3 "ExportTraceServiceRequest.resourceSpans.scopeSpans.spans.name at byte 0: wire type 0 does not fit this field"
        overlong length: 400 | content-type: application/x-protobuf | protobuf 3 "ExportTraceServiceRequest.resourceSpans.scopeSpans.spans.name at byte 0: the message ends inside a field"
        negative length: 400 | content-type: application/x-protobuf | protobuf 3 "ExportTraceServiceRequest.resourceSpans.scopeSpans.spans.name at byte 0: the message ends inside a field"
        field number 0: 400 | content-type: application/x-protobuf | protobuf 3 "ExportTraceServiceRequest.resourceSpans.scopeSpans.spans at byte 0: not a protobuf field tag"
        end without a group: 400 | content-type: application/x-protobuf | protobuf 3 "ExportTraceServiceRequest.resourceSpans.scopeSpans.spans at byte 0: not a protobuf field tag"
        garbage: 400 | content-type: application/x-protobuf | protobuf 3 "ExportTraceServiceRequest at byte 0: not a protobuf field tag"
    "#]]);
}

#[tokio::test]
async fn bad_json() {
    let victim = Victim::start();
    let mut table = Table::new(&victim);
    let long = "x".repeat(1 << 20);
    for (name, body) in [
        ("truncated", String::from_utf8(spans_as_json(1)[..100].to_vec()).unwrap()),
        ("wrong type", span_as_json(r#""name":{"a":1}"#)),
        ("trace id of 30 digits", span_as_json(r#""traceId":"0102030405060708090a0b0c0d0e0f""#)),
        ("span id that is no number", span_as_json(r#""spanId":"0x0102030405060z""#)),
        ("10 000 nested values", nested_as_json(10_000)),
        (
            "10 000 nested lists in an unknown field",
            format!(r#"{{"x":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000)),
        ),
        (
            "10 000 nested objects in an unknown field",
            [r#"{"x":"#.repeat(10_000), "1".to_owned(), "}".repeat(10_000)].concat(),
        ),
        ("number without end", span_as_json(&format!(r#""kind":{}"#, "9".repeat(100_000)))),
        ("time before 1970", span_as_json(r#""startTimeUnixNano":"-5""#)),
        ("enum without meaning", span_as_json(r#""kind":"SPAN_KIND_NEW""#)),
        ("a mebibyte instead of a list", format!(r#"{{"resourceSpans":"{long}"}}"#)),
        ("a mebibyte instead of an enum", span_as_json(&format!(r#""kind":"{long}""#))),
        ("half a surrogate pair", span_as_json(r#""name":"\ud800""#)),
        ("null", "null".to_owned()),
        ("nothing", String::new()),
    ] {
        let answer = http(victim.http, post(&[JSON], body)).await;
        assert!(answer.body.len() < 2000, "{name}: {} bytes", answer.body.len());
        let mut line = answer.line();
        if line.len() > 300 {
            line.replace_range(
                line.floor_char_boundary(150)..line.floor_char_boundary(line.len() - 60),
                " [...] ",
            );
        }
        table.row(name, &line).await;
    }
    table.check(expect![[r#"
        truncated: 400 | content-type: application/json | {"code":3,"message":"resourceSpans.scopeSpans.spans.spanId: EOF while parsing a string at line 1 column 100"}
        wrong type: 400 | content-type: application/json | {"code":3,"message":"resourceSpans.scopeSpans.spans.name: invalid type: map, expected a string at line 1 column 52"}
        trace id of 30 digits: 400 | content-type: application/json | {"code":3,"message":"resourceSpans.scopeSpans.spans.traceId: an id of 30 hexadecimal digits, expected 32 at line 1 column 86"}
        span id that is no number: 400 | content-type: application/json | {"code":3,"message":"resourceSpans.scopeSpans.spans.spanId: an id with other than hexadecimal digits at line 1 column 71"}
        10 000 nested values: 400 | content-type: application/json | {"code":3,"message":"resourceSpans.scopeSpans.spans.attributes.value.arrayValue.values.arrayValue.values.arrayValue.….values.arrayValue: recursion limit exceeded at line 1 column 1067"}
        10 000 nested lists in an unknown field: 200 | content-type: application/json | {"partialSuccess":{}}
        10 000 nested objects in an unknown field: 200 | content-type: application/json | {"partialSuccess":{}}
        number without end: 400 | content-type: application/json | {"code":3,"message":"resourceSpans.scopeSpans.spans.kind: number out of range at line 1 column 100051"}
        time before 1970: 400 | content-type: application/json | {"code":3,"message":"resourceSpans.scopeSpans.spans.startTimeUnixNano: -5 is out of range, expected an unsigned 64-bit integer at line 1 column 68"}
        enum without meaning: 400 | content-type: application/json | {"code":3,"message":"resourceSpans.scopeSpans.spans.kind: unknown enum value \"SPAN_KIND_NEW\" at line 1 column 66"}
        a mebibyte instead of a list: 400 | content-type: application/json | {"code":3,"message":"resourceSpans: invalid type: string \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx [...] xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…"}
        a mebibyte instead of an enum: 400 | content-type: application/json | {"code":3,"message":"resourceSpans.scopeSpans.spans.kind: unknown enum value \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx [...] xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…"}
        half a surrogate pair: 400 | content-type: application/json | {"code":3,"message":"resourceSpans.scopeSpans.spans.name: unexpected end of hex escape at line 1 column 59"}
        null: 200 | content-type: application/json | {"partialSuccess":{}}
        nothing: 400 | content-type: application/json | {"code":3,"message":"EOF while parsing a value at line 1 column 0"}
    "#]]);
}

#[tokio::test]
async fn bombs() {
    let victim = Victim::start();
    works(&victim, "the start").await;
    let before = victim.resident();
    victim.forget_peak();
    let mut table = Table::new(&victim);
    let gzip = bomb(Coding::Gzip, 1024);
    table.row("1 GiB gzip bomb", &http(victim.http, coded(Coding::Gzip, gzip.clone())).await.line()).await;
    for coding in [Coding::Zstd, Coding::Deflate, Coding::Snappy, Coding::SnappyFramed, Coding::Lz4] {
        let answer = http(victim.http, coded(coding, bomb(coding, 64))).await;
        table.row(&format!("64 MiB {} bomb", coding.name()), &answer.line()).await;
    }
    let mut grpc = Http2::open(victim.grpc).await;
    let called = grpc.call(EXPORT, &[("grpc-encoding", "gzip")], framed(1, &gzip)).await;
    table.row("1 GiB gzip bomb by gRPC", &called.line()).await;
    // The last four bytes say how much will come out.
    let liar = [&gzip[..gzip.len() - 4], &[9, 0, 0, 0]].concat();
    let answer = http(victim.http, coded(Coding::Gzip, liar.clone().into())).await;
    table.row("1 GiB gzip bomb that says 9 bytes", &answer.line()).await;
    let answer = http(victim.http, coded(Coding::Gzip, [&spans(1)[..], &[9, 0, 0, 0]].concat().into())).await;
    table.row("no gzip at all", &answer.line()).await;
    table.check(expect![[r#"
        1 GiB gzip bomb: 413 | content-type: application/json | {"code":8,"message":"the body is larger than 20971520 bytes once decompressed; send smaller batches or raise the limit"}
        64 MiB zstd bomb: 413 | content-type: application/json | {"code":8,"message":"the body is larger than 20971520 bytes once decompressed; send smaller batches or raise the limit"}
        64 MiB deflate bomb: 413 | content-type: application/json | {"code":8,"message":"the body is larger than 20971520 bytes once decompressed; send smaller batches or raise the limit"}
        64 MiB snappy bomb: 413 | content-type: application/json | {"code":8,"message":"the body is larger than 20971520 bytes once decompressed; send smaller batches or raise the limit"}
        64 MiB x-snappy-framed bomb: 413 | content-type: application/json | {"code":8,"message":"the body is larger than 20971520 bytes once decompressed; send smaller batches or raise the limit"}
        64 MiB lz4 bomb: 413 | content-type: application/json | {"code":8,"message":"the body is larger than 20971520 bytes once decompressed; send smaller batches or raise the limit"}
        1 GiB gzip bomb by gRPC: 8 "the body is larger than 4194304 bytes once decompressed; send smaller batches or raise the limit"
        1 GiB gzip bomb that says 9 bytes: 413 | content-type: application/json | {"code":8,"message":"the body is larger than 20971520 bytes once decompressed; send smaller batches or raise the limit"}
        no gzip at all: 400 | content-type: application/json | {"code":3,"message":"the gzip body cannot be read: invalid gzip header"}
    "#]]);

    let bombs = (0..100).map(|_| tokio::spawn(http(victim.http, coded(Coding::Gzip, liar.clone().into()))));
    for bomb in bombs.collect::<Vec<_>>() {
        assert_eq!(bomb.await.unwrap().status, 413);
    }
    works(&victim, "a hundred bombs at once").await;
    // The bombs themselves are 1 MiB each; of what comes out there is never more than 20 MiB for each core.
    let growth = victim.peak().saturating_sub(before);
    assert!(growth < 320, "{growth} MiB");
    println!("bombs: {before} MiB before, {growth} MiB more at the peak");
}

#[tokio::test]
async fn much_from_little() {
    let victim = Victim::start();
    works(&victim, "the start").await;
    let before = victim.resident();
    victim.forget_peak();
    let mut table = Table::new(&victim);
    let most = (20 << 20) - 100;
    let list = |item: &str| format!(r#"{{"resourceSpans":[{}{{}}]}}"#, item.repeat(most / item.len()));
    for (name, headers, body) in [
        ("7 million empty resources", JSON, list("{},").into_bytes()),
        ("10 million empty resources", PROTOBUF, [0x0a, 0x00].repeat(most / 2)),
        ("2 million spans in 4 MiB", PROTOBUF, {
            let spans = [0x12, 0x00].repeat(2 << 20);
            let mut out = Vec::new();
            put_nested(&mut out, 1, |resource| put_len(resource, 2, &spans));
            out
        }),
        (
            "a text of 20 MiB",
            JSON,
            span_as_json(&format!(r#""name":"{}""#, "a".repeat(most - 100))).into_bytes(),
        ),
        (
            "escapes",
            JSON,
            span_as_json(&format!(r#""name":"{}""#, r"\u0001".repeat(most / 6 - 100))).into_bytes(),
        ),
    ] {
        table.row(name, &http(victim.http, post(&[headers], body)).await.line()).await;
    }
    table.check(expect![[r#"
        7 million empty resources: 200 | content-type: application/json | {"partialSuccess":{}}
        10 million empty resources: 200 | content-type: application/x-protobuf | 
        2 million spans in 4 MiB: 400 | content-type: application/x-protobuf | protobuf 3 "ExportTraceServiceRequest.resourceSpans.scopeSpans.spans at byte 0: more than 1000000 items in one request; send smaller batches"
        a text of 20 MiB: 200 | content-type: application/json | {"partialSuccess":{}}
        escapes: 200 | content-type: application/json | {"partialSuccess":{}}
    "#]]);
    let growth = victim.peak().saturating_sub(before);
    assert!(growth < 160, "{growth} MiB");
    println!("much from little: {before} MiB before, {growth} MiB more at the peak");
}
