//! Connections that break HTTP, or hold on to what they do not need.

use std::net::SocketAddr;
use std::time::Duration;

use expect_test::expect;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, GO_AWAY, HEADERS, PING, RST_STREAM, SETTINGS, WINDOW_UPDATE,
    frame, head, hello, seen,
};
use super::victim::Victim;
use super::{Table, works};
use crate::client::raw;

const POST: &str = "POST /v1/traces HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n";

/// The status line and the body, if there is one.
fn gist(answer: &str) -> String {
    let status = answer.lines().next().unwrap_or("closed without an answer");
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    format!("{status} {body}").trim_end().to_owned()
}

#[tokio::test]
async fn broken_http1() {
    let victim = Victim::start();
    let mut table = Table::new(&victim);
    let lines = |count: usize| (0..count).map(|n| format!("x-{n}: 1\r\n")).collect::<String>();
    for (name, bytes) in [
        ("garbage", "\u{1}\u{2}\u{3}\r\n\r\n".to_owned()),
        ("TLS on a plain port", "\u{16}\u{3}\u{1}\u{0}\u{5}hello\r\n\r\n".to_owned()),
        ("HTTP/9", "POST / HTTP/9.9\r\n\r\n".to_owned()),
        ("a head of 1 MiB", format!("{POST}x: {}\r\n\r\n", "a".repeat(1 << 20))),
        ("a path of 128 KiB", format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "a".repeat(128 << 10))),
        ("10 000 header lines", format!("{POST}{}\r\n", lines(10_000))),
        ("101 header lines", format!("{POST}{}\r\n", lines(101))),
        ("a line without a colon", format!("{POST}nonsense\r\n\r\n")),
        ("two lengths", format!("{POST}content-length: 2\r\ncontent-length: 3\r\n\r\n{{}}")),
        ("negative length", format!("{POST}content-length: -1\r\n\r\n{{}}")),
        ("a length beyond numbers", format!("{POST}content-length: 99999999999999999999\r\n\r\n{{}}")),
        (
            "length and chunks",
            format!(
                "{POST}content-length: 2\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"
            ),
        ),
        ("chunks of an unknown coding", format!("{POST}transfer-encoding: gzip\r\n\r\n{{}}")),
        ("a chunk of negative size", format!("{POST}transfer-encoding: chunked\r\n\r\n-1\r\n{{}}\r\n")),
        (
            "a chunk beyond numbers",
            format!("{POST}transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n{{}}\r\n"),
        ),
        (
            "64 KiB of chunk extensions",
            format!(
                "{POST}transfer-encoding: chunked\r\n\r\n2;{}\r\n{{}}\r\n0\r\n\r\n",
                "a".repeat(64 << 10)
            ),
        ),
        ("1 GiB announced", format!("{POST}content-length: 1073741824\r\n\r\n{{")),
        ("slow head", "POST /v1/traces HT".to_owned()),
        ("slow body", format!("{POST}content-length: 100\r\n\r\n{{")),
    ] {
        table.row(name, &gist(&raw(victim.http, bytes.as_bytes()).await)).await;
    }
    table.check(expect![[r#"
        garbage: HTTP/1.1 400 Bad Request
        TLS on a plain port: HTTP/1.1 400 Bad Request
        HTTP/9: HTTP/1.1 400 Bad Request
        a head of 1 MiB: HTTP/1.1 431 Request Header Fields Too Large
        a path of 128 KiB: HTTP/1.1 431 Request Header Fields Too Large
        10 000 header lines: HTTP/1.1 431 Request Header Fields Too Large
        101 header lines: HTTP/1.1 431 Request Header Fields Too Large
        a line without a colon: HTTP/1.1 400 Bad Request
        two lengths: HTTP/1.1 400 Bad Request
        negative length: HTTP/1.1 400 Bad Request
        a length beyond numbers: HTTP/1.1 400 Bad Request
        length and chunks: HTTP/1.1 200 OK {"partialSuccess":{}}
        chunks of an unknown coding: HTTP/1.1 400 Bad Request
        a chunk of negative size: HTTP/1.1 400 Bad Request {"code":3,"message":"the body broke off"}
        a chunk beyond numbers: HTTP/1.1 400 Bad Request {"code":3,"message":"the body broke off"}
        64 KiB of chunk extensions: HTTP/1.1 400 Bad Request {"code":3,"message":"the body broke off"}
        1 GiB announced: HTTP/1.1 413 Payload Too Large {"code":8,"message":"the body is larger than 20971520 bytes; send smaller batches or raise the limit"}
        slow head: closed without an answer
        slow body: HTTP/1.1 408 Request Timeout {"code":4,"message":"the body did not arrive within 2s; the receiver's `read_timeout` sets this"}
    "#]]);
}

/// Scenario: chunks, for as long as the server reads them.
#[tokio::test]
async fn an_endless_body() {
    let victim = Victim::start();
    works(&victim, "the start").await;
    let before = victim.resident();
    victim.forget_peak();
    let mut table = Table::new(&victim);
    let mut stream = TcpStream::connect(victim.http).await.unwrap();
    stream.write_all(format!("{POST}transfer-encoding: chunked\r\n\r\n").as_bytes()).await.unwrap();
    let (mut reader, mut writer) = stream.split();
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    let mut answer = Vec::new();
    let endless = async { while writer.write_all(chunk.as_bytes()).await.is_ok() {} };
    tokio::select! {
        read = reader.read_to_end(&mut answer) => drop(read),
        () = endless => {}
    }
    table.row("endless chunks", &gist(&String::from_utf8_lossy(&answer))).await;
    table.check(expect![[r#"
        endless chunks: HTTP/1.1 413 Payload Too Large {"code":8,"message":"the body is larger than 20971520 bytes; send smaller batches or raise the limit"}
    "#]]);
    let growth = victim.peak().saturating_sub(before);
    assert!(growth < 80, "{growth} MiB");
}

/// What an HTTP/2 server says to these bytes before it closes, or within a moment: frames and the codes of the last two
/// kinds of refusal.
async fn http2(address: SocketAddr, bytes: Vec<u8>) -> String {
    let (mut reader, mut writer) = TcpStream::connect(address).await.unwrap().into_split();
    let writing = tokio::spawn(async move {
        // The server may close before it has read all.
        drop(writer.write_all(&bytes).await);
        writer
    });
    let mut answer = Vec::new();
    let closed = timeout(Duration::from_secs(60), async {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(read @ 1..) = reader.read(&mut buffer).await {
            answer.extend_from_slice(&buffer[..read]);
            if seen(&answer).iter().any(|(kind, _)| *kind == GO_AWAY) {
                break;
            }
        }
    });
    let closed = closed.await.is_ok();
    drop(writing);
    let frames = seen(&answer);
    let code = |wanted| frames.iter().find(|(kind, _)| *kind == wanted).map(|(_, code)| *code);
    let parts = [
        code(GO_AWAY).map(|code| format!("GOAWAY {code}")),
        code(RST_STREAM).map(|code| format!("RST_STREAM {code}")),
        frames.iter().any(|(kind, _)| *kind == HEADERS).then(|| "an answer".to_owned()),
        (!closed).then(|| "left open".to_owned()),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "closed".to_owned() } else { parts.join(", ") }
}

fn request(stream: u32, flags: u8) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | flags, stream, &head())
}

#[tokio::test]
async fn broken_http2() {
    let victim = Victim::start();
    works(&victim, "the start").await;
    let before = victim.resident();
    victim.forget_peak();
    let mut table = Table::new(&victim);
    let first = |frames: &[Vec<u8>]| [hello(), frames.concat()].concat();
    // For those that break nothing: the server answers what is open, and closes.
    let bye = || frame(GO_AWAY, 0, 0, &[0; 8]);
    let reset = |stream: u32| [request(stream, 0), frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])].concat();
    let streams = |count: u32| (0..count).map(|n| 2 * n + 1);
    for (name, bytes) in [
        ("garbage", b"\x01\x02\x03\x04 this is not HTTP/2 at all, whatever it is".to_vec()),
        ("HTTP/1.1", b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n".to_vec()),
        ("half a preface", b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n".to_vec()),
        ("a frame beyond its limit", first(&[vec![0xff, 0xff, 0xff, DATA, 0, 0, 0, 0, 1]])),
        ("data on stream 0", first(&[frame(DATA, 0, 0, b"x")])),
        ("data on a stream that is not open", first(&[frame(DATA, 0, 7, b"x")])),
        ("headers on an even stream", first(&[request(2, END_STREAM)])),
        ("headers that are no HPACK", first(&[frame(HEADERS, END_HEADERS, 1, &[0xff; 50])])),
        ("settings of 5 bytes", first(&[frame(SETTINGS, 0, 0, &[0; 5])])),
        ("a window beyond 2^31", first(&[frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff])])),
        ("a ping of 7 bytes", first(&[frame(PING, 0, 0, &[0; 7])])),
        ("an unknown frame", first(&[frame(0xfa, 0, 0, b"new"), request(1, END_STREAM), bye()])),
        ("headers without end", {
            let more = frame(CONTINUATION, 0, 1, &[0; 16 << 10]);
            first(&[frame(HEADERS, 0, 1, &head()), more.repeat(10_000)])
        }),
        ("a header of 1 MiB", {
            let value = [vec![0, 1, b'x', 0x7f, 0x81, 0xff, 0x3f], vec![b'a'; 1 << 20]].concat();
            let parts =
                value.chunks(16 << 10).map(|part| frame(CONTINUATION, 0, 1, part)).collect::<Vec<_>>();
            first(&[frame(HEADERS, 0, 1, &head()), parts.concat(), frame(CONTINUATION, END_HEADERS, 1, b"")])
        }),
        ("100 000 streams opened and reset", first(&streams(100_000).map(reset).collect::<Vec<_>>())),
        ("10 000 streams left open", first(&streams(10_000).map(|n| request(n, 0)).collect::<Vec<_>>())),
        ("100 000 pings", first(&[frame(PING, 0, 0, &[1; 8]).repeat(100_000), bye()])),
        ("100 000 settings", first(&[frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 9]).repeat(100_000), bye()])),
        ("100 000 empty data frames", first(&[request(1, 0), frame(DATA, 0, 1, b"").repeat(100_000)])),
        ("answers into a window of 0", {
            let closed = frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
            let calls = streams(5000).map(|n| [request(n, 0), frame(DATA, END_STREAM, n, &[0; 5])].concat());
            [hello(), closed, calls.collect::<Vec<_>>().concat()].concat()
        }),
    ] {
        let grpc = http2(victim.grpc, bytes.clone()).await;
        let http = http2(victim.http, bytes).await;
        table
            .row(name, &if grpc == http { grpc } else { format!("{grpc} (gRPC port); {http} (HTTP port)") })
            .await;
    }
    table.check(expect![[r#"
        garbage: closed
        HTTP/1.1: closed
        half a preface: closed
        a frame beyond its limit: GOAWAY 6
        data on stream 0: GOAWAY 1
        data on a stream that is not open: GOAWAY 1
        headers on an even stream: GOAWAY 1
        headers that are no HPACK: GOAWAY 1
        settings of 5 bytes: GOAWAY 1
        a window beyond 2^31: GOAWAY 3
        a ping of 7 bytes: GOAWAY 1
        an unknown frame: GOAWAY 0, an answer
        headers without end: GOAWAY 11
        a header of 1 MiB: GOAWAY 11
        100 000 streams opened and reset: GOAWAY 11
        10 000 streams left open: GOAWAY 11, RST_STREAM 7
        100 000 pings: GOAWAY 0
        100 000 settings: GOAWAY 0
        100 000 empty data frames: GOAWAY 11
        answers into a window of 0: GOAWAY 11, RST_STREAM 7
    "#]]);
    let growth = victim.peak().saturating_sub(before);
    assert!(growth < 64, "{growth} MiB");
    println!("broken HTTP/2: {before} MiB before, {growth} MiB more at the peak");
}

/// So many connections, if this process may have descriptors for them.
async fn many(wanted: usize, address: SocketAddr, say: &[u8]) -> Vec<TcpStream> {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let files: usize = files.split_whitespace().next().unwrap().parse().unwrap_or(usize::MAX);
    let mut streams = Vec::new();
    for _ in 0..files.saturating_sub(400).min(wanted) {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(say).await.unwrap();
        streams.push(stream);
    }
    streams
}

/// Scenario: thousands of connections at once that say nothing, begin a request, announce a large body and send one byte, or
/// greet in HTTP/2 and fall silent.
/// Guarantees: a good request is answered while all of them are there; memory stays bounded.
#[tokio::test]
async fn many_connections() {
    for (name, wanted, say, limit) in [
        ("nothing", 10_000, Vec::new(), 64),
        ("half a head", 6000, POST.as_bytes().to_vec(), 160),
        ("a large body to come", 6000, format!("{POST}content-length: 20000000\r\n\r\n{{").into_bytes(), 192),
        ("HTTP/2 and no request", 6000, hello(), 160),
    ] {
        let victim = Victim::start();
        works(&victim, "the start").await;
        let before = victim.resident();
        let streams = many(wanted, victim.http, &say).await;
        works(&victim, name).await;
        let growth = victim.peak().saturating_sub(before);
        println!("{} connections, {name}: {before} MiB before, {growth} MiB more at the peak", streams.len());
        assert!(growth < limit, "{name}: {growth} MiB");
        drop(streams);
        works(&victim, name).await;
    }
}

/// Scenario: calls whose first frame never ends.
/// Guarantees: what the connections hold of them is little.
#[tokio::test]
async fn frames_without_end() {
    let victim = Victim::start();
    works(&victim, "the start").await;
    let before = victim.resident();
    victim.forget_peak();
    let mut streams = Vec::new();
    for _ in 0..500 {
        let mut stream = TcpStream::connect(victim.grpc).await.unwrap();
        let most = &frame(DATA, 0, 1, &[0; 64 << 10])[..60_000];
        stream.write_all(&[hello(), request(1, 0), most.to_vec()].concat()).await.unwrap();
        streams.push(stream);
    }
    works(&victim, "frames without end").await;
    let growth = victim.peak().saturating_sub(before);
    println!("{} frames without end: {growth} MiB more at the peak", streams.len());
    assert!(growth < 96, "{growth} MiB");
}

/// Scenario: large batches, sent at a byte now and then by clients that never finish.
/// Guarantees: what is announced costs nothing until it comes.
#[tokio::test]
async fn announcements_cost_nothing() {
    let victim = Victim::start();
    works(&victim, "the start").await;
    let before = victim.resident();
    victim.forget_peak();
    let mut streams = Vec::new();
    for _ in 0..200 {
        let mut stream = TcpStream::connect(victim.http).await.unwrap();
        let part =
            [format!("{POST}content-length: 20000000\r\n\r\n").into_bytes(), vec![b' '; 10_000]].concat();
        stream.write_all(&part).await.unwrap();
        streams.push(stream);
    }
    works(&victim, "announcements").await;
    let growth = victim.peak().saturating_sub(before);
    println!("4 GB announced: {growth} MiB more at the peak");
    assert!(growth < 48, "{growth} MiB");
}
