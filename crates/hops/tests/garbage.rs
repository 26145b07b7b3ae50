//! What is neither a hop nor an echo: the doctor and the echo end in time, within limits, and say what it was.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::net::SocketAddr;
use std::time::Duration;

use hops::check::{Address, Extra, Options, check};
use hops::echo::{Echo, Limits};
use hops::probe::Protocol;
use hops::report::{Health, Report};
use hops::verdict::Demands;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Says the same to everybody, over and over if `again`, then hangs or hangs up.
#[derive(Clone, Copy)]
struct Garbage {
    says: &'static [u8],
    again: usize,
    hangs: bool,
}

impl Garbage {
    const fn once(says: &'static [u8]) -> Self {
        Self { says, again: 1, hangs: false }
    }

    async fn listen(self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut buffer = [0; 1024];
                    let _asked = stream.read(&mut buffer).await?;
                    for _ in 0..self.again {
                        stream.write_all(self.says).await?;
                    }
                    if self.hangs {
                        std::future::pending::<()>().await;
                    }
                    stream.shutdown().await
                });
            }
        });
        address
    }
}

async fn report(address: SocketAddr, timeout: Duration) -> Report {
    let mut options = Options { rounds: 1, timeout, ..Options::new(7) };
    let mut extra = Extra::default();
    extra.add("Authorization: Bearer hush").unwrap();
    options.extra = extra;
    assert!(!format!("{options:?}").contains("hush"));
    let address: Address = format!("http://{address}/?token=hush").parse().unwrap();
    Report::of(&[check(&address, &options, |_, _| {}).await], &Demands::default())
}

#[tokio::test]
async fn garbage_is_told_from_an_echo() {
    const LONG: Duration = Duration::from_secs(30);
    const SHORT: Duration = Duration::from_millis(50);
    let hanging = |says, again| Garbage { says, again, hangs: true };
    for (garbage, timeout, why) in [
        (Garbage::once(b""), LONG, "closed before a whole message"),
        (
            Garbage::once(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"),
            LONG,
            "closed before a whole message",
        ),
        (Garbage::once(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), LONG, "not HTTP/1.1"),
        (Garbage::once(b"HTTP/1.1 200 OK\r\n folded: x\r\n\r\n"), LONG, "not HTTP/1.1"),
        (
            Garbage::once(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n"),
            LONG,
            "not HTTP/1.1",
        ),
        (
            Garbage::once(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n"),
            LONG,
            "body is longer than",
        ),
        (Garbage::once(b"HTTP/1.1 200 OK\r\nContent-Length: 10485760\r\n\r\n"), LONG, "body is longer than"),
        (Garbage::once(b"HTTP/1.1 200 OK\r\n\r\n{\"throughline_echo\":1}"), LONG, "not the echo"),
        (
            Garbage::once(b"HTTP/1.1 302 Found\r\nLocation: https://a/?hush\r\n\r\n"),
            LONG,
            "leads on to https://a/;",
        ),
        (Garbage::once(b"HTTP/1.1 401 Unauthorized\r\n\r\n"), LONG, "--header"),
        (Garbage::once(b"HTTP/1.1 503 Busy\r\n\r\n"), LONG, "refused with status 503"),
        (
            Garbage { again: 40_000, ..Garbage::once(b"HTTP/1.1 200 OK\r\nx: yyyyyyyyyyyyyyyy\r\n") },
            LONG,
            "head is longer than",
        ),
        (hanging(b"", 1), SHORT, "no whole answer within 50ms"),
        (hanging(b"HTTP/1.1 100 Continue\r\n\r\n", 1000), SHORT, "no whole answer within 50ms"),
        (hanging(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", 1), SHORT, "no whole answer within 50ms"),
    ] {
        let report = report(garbage.listen().await, timeout).await;
        assert_eq!(report.health(), Health::Unchecked, "{report}");
        let said = report.to_string();
        assert!(said.contains(why), "{why}: {said}");
        assert!(!said.contains("hush") && !report.to_json().to_string().contains("hush"), "{said}");
    }
}

/// Bytes without end: what has been read is bounded, and a body that has no length is cut.
#[tokio::test]
async fn a_body_without_end_is_cut() {
    let says = b"HTTP/1.1 200 OK\r\n\r\nyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy";
    let report =
        report(Garbage { again: 200_000, ..Garbage::once(says) }.listen().await, Duration::from_secs(60))
            .await;
    assert_eq!(report.health(), Health::Unchecked, "{report}");
    assert!(report.to_string().contains("not the echo"), "{report}");
}

/// An answer that belongs to another request is no answer: a cache gives one.
#[tokio::test]
async fn a_cached_answer_is_not_taken_for_the_echos() {
    let says = b"HTTP/1.1 200 OK\r\nAge: 7\r\n\r\n{\"throughline_echo\":1,\"protocol\":\"HTTP/1.1\",\"method\":\"GET\",\"target\":\"/?throughline-probe=other\",\"fields\":[]}";
    let report = report(Garbage::once(says).listen().await, Duration::from_secs(30)).await;
    assert_eq!(report.health(), Health::Unchecked, "{report}");
    assert!(report.to_string().contains("a cache answered (Age: 7)"), "{report}");
}

/// No HTTP/2 and no WebSocket that is one: the plain protocol is checked all the same.
#[tokio::test]
async fn frames_of_nobody() {
    let ends = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
    let websocket = b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xffx";
    for says in [&ends[..], websocket] {
        let report = report(Garbage::once(says).listen().await, Duration::from_secs(30)).await;
        assert_eq!(report.health(), Health::Unchecked, "{report}");
        assert_eq!(report.hops[0].not_spoken.len(), Protocol::HTTP.len(), "{report}");
    }
}

async fn echo(limits: Limits) -> SocketAddr {
    let echo = Echo::bind("127.0.0.1:0".parse().unwrap(), limits).await.unwrap();
    let address = echo.address().unwrap();
    tokio::spawn(echo.serve());
    address
}

/// The beginning of what a client hears who says this.
async fn answer(address: SocketAddr, says: &[u8], length: usize) -> String {
    let mut client = TcpStream::connect(address).await.unwrap();
    // It may have hung up before it had everything: what counts is the answer.
    drop(client.write_all(says).await);
    let mut start = vec![0; length];
    let read = client.read(&mut start).await.unwrap_or(0);
    start.truncate(read);
    String::from_utf8(start).unwrap()
}

/// The echo refuses what is too long or no request, and goes on for others.
#[tokio::test]
async fn the_echo_refuses_what_is_no_request() {
    let address = echo(Limits::default()).await;
    let endless: Vec<u8> =
        b"GET / HTTP/1.1\r\n".iter().copied().chain(std::iter::repeat_n(b'y', 300_000)).collect();
    for says in [
        &b"\r\n\r\nnonsense\r\n\r\n"[..],
        b"GET / HTTP/1.1\r\nname : x\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        &endless,
    ] {
        assert_eq!(answer(address, says, 12).await, "HTTP/1.1 400");
    }
    let report = report(address, Duration::from_secs(30)).await;
    assert_eq!(report.health(), Health::Sound, "{report}");
}

/// Whoever is slow is cut without an answer, and makes room.
#[tokio::test]
async fn the_echo_waits_for_nobody_for_ever() {
    let limits = Limits { time: Duration::from_millis(300), connections: 1, ..Limits::default() };
    let address = echo(limits).await;
    for says in [&b"GET / HT"[..], b"PRI * HT", b""] {
        assert_eq!(answer(address, says, 1).await, "");
    }
    // Greeted, as the protocol has it, and then sent away.
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    let mut heard = [0; 64];
    while client.read(&mut heard).await.is_ok_and(|read| read > 0) {}
    assert_eq!(answer(address, b"GET / HTTP/1.1\r\n\r\n", 12).await, "HTTP/1.1 200");
}
