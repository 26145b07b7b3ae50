//! What a hostile service does.

use crate::service::{Act, frame, ok, text};

type Named = (&'static str, Act);

/// To requests. Each is no answer.
pub(crate) fn of_requests(elsewhere: &str) -> Vec<Named> {
    let head = |status: &str, more: &str| format!("HTTP/1.1 {status}\r\n{more}\r\n").into_bytes();
    let says = |status: &str, more: &str| Act::Says(head(status, more));
    let chunk = [b"10000\r\n".as_slice(), &[b' '; 1 << 16], b"\r\n"].concat();
    let header = format!("X-Flood: {}\r\n", "x".repeat(1000)).into_bytes();
    let zeros = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xed, 0xc1, 1, 1, 0, 0];
    let html = "<!DOCTYPE html><html><title>Please log in</title></html>";
    vec![
        ("malformed JSON", Act::Says(ok(b"{\"a\": "))),
        ("no JSON", Act::Says(ok(b"access_token=1"))),
        ("wrong types", Act::Says(ok(WRONG.as_bytes()))),
        ("nested 100 000 deep", Act::Says(ok(format!("{{\"entities\":{}", "[".repeat(100_000)).as_bytes()))),
        ("not UTF-8", Act::Says(ok(b"{\"entities\": [{\"id\": \"\xff\xfe\"}], \"access_token\": \"\xff\", \"id\": \"\xff\", \"conversations\": [{\"conversationId\": \"\xff\"}]}"))),
        ("a body that is cut", says("200 OK", "Content-Length: 1000\r\n")),
        ("a body without end", Act::Pours(head("200 OK", "Transfer-Encoding: chunked\r\n"), chunk)),
        ("a body that drips", Act::Drips(head("200 OK", "Content-Length: 100000\r\n"), b" ".to_vec())),
        ("a head that drips", Act::Drips(b"HTTP/1.1 200 OK\r\n".to_vec(), b"X: x\r\n".to_vec())),
        ("a head without end", Act::Pours(b"HTTP/1.1 200 OK\r\n".to_vec(), header)),
        ("1xx without end", Act::Drips(Vec::new(), head("103 Early Hints", ""))),
        ("silence", Act::Holds(Vec::new())),
        ("the end at once", Act::Says(Vec::new())),
        ("no HTTP", Act::Says(b"\x00\x01\x02SSH-2.0\r\n\r\n".to_vec())),
        ("a redirect to itself", says("302 Found", "Location: /\r\nContent-Length: 0\r\n")),
        ("a redirect elsewhere", says("307 Temporary Redirect", &format!("Location: {elsewhere}\r\nContent-Length: 0\r\n"))),
        ("a compressed bomb", Act::Says([head("200 OK", "Content-Encoding: gzip\r\nContent-Length: 16\r\n"), zeros].concat())),
        ("a web page", Act::Says([head("200 OK", &format!("Content-Type: text/html\r\nContent-Length: {}\r\n", html.len())), html.into()].concat())),
        ("401", says("401 Unauthorized", "Content-Length: 0\r\n")),
        ("403", says("403 Forbidden", "Content-Length: 0\r\n")),
        ("418", says("418 Teapot", "Content-Length: 0\r\n")),
    ]
}

/// Every field of every answer, of another type.
const WRONG: &str = r#"{"access_token": [7], "expires_in": {}, "entities": {"id": 1}, "id": 7, "connectUri": [], "conversations": "none"}"#;

/// Answers that are odd, and answers all the same.
pub(crate) fn odd(body: &str) -> Vec<Named> {
    let with = |head: String| Act::Says([head.as_bytes(), body.as_bytes()].concat());
    let length = body.len();
    let hints = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1000);
    vec![
        ("HTTP/1.0", with("HTTP/1.0 200 OK\r\n\r\n".to_owned())),
        (
            "as text",
            with(format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\r\n")),
        ),
        (
            "a thousand 1xx before",
            with(format!("{hints}HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n")),
        ),
    ]
}

/// To handshakes.
pub(crate) fn of_handshakes(elsewhere: &str) -> Vec<Named> {
    let says = |status: &str, more: &str| Act::Says(format!("HTTP/1.1 {status}\r\n{more}\r\n").into_bytes());
    let empty = "Content-Length: 0\r\n";
    let other =
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n";
    vec![
        ("200", says("200 OK", empty)),
        ("302", says("302 Found", &format!("Location: {elsewhere}\r\n{empty}"))),
        ("401", says("401 Unauthorized", empty)),
        ("403", says("403 Forbidden", empty)),
        ("500", says("500 Internal Server Error", empty)),
        ("another key", says("101 Switching Protocols", other)),
        ("an extension nobody asked for", Act::Upgraded(Box::new(Act::Says(frame(0xc1, b"\x00\x00"))))),
        (
            "a head without end",
            Act::Pours(b"HTTP/1.1 101 x\r\n".to_vec(), format!("X: {}\r\n", "x".repeat(1000)).into()),
        ),
        ("a head that drips", Act::Drips(b"HTTP/1.1 101 x\r\n".to_vec(), b"X: x\r\n".to_vec())),
        ("silence", Act::Holds(Vec::new())),
        ("the end at once", Act::Says(Vec::new())),
    ]
}

/// Over sockets.
pub(crate) fn of_sockets() -> Vec<Named> {
    let then = |act| Act::Upgraded(Box::new(act));
    let says = |bytes: Vec<u8>| then(Act::Says(bytes));
    let holds = |bytes: Vec<u8>| then(Act::Holds(bytes));
    let block = vec![b'x'; 1 << 16];
    let huge = [vec![0x81, 127], (50_u64 << 20).to_be_bytes().to_vec()].concat();
    let topic = format!("{{\"topicName\": \"{}\", \"eventBody\": {{}}}}", "t".repeat(1 << 20));
    let deep =
        format!("{{\"topicName\": \"v2.users.u.conversations\", \"eventBody\": {}}}", "[".repeat(100_000));
    let wrong = r#"{"topicName": "v2.users.u.conversations", "eventBody": {"id": "c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54", "participants": {"id": 7}}}"#;
    vec![
        ("a frame of 50 MB", then(Act::Pours(huge, block))),
        ("50 MB in fragments", then(Act::Pours(frame(0x01, b"{"), frame(0x00, &[b' '; 1024])))),
        ("not UTF-8", says(text(b"{\"topicName\": \"\xff\"}"))),
        ("malformed JSON", holds(text(b"{\"topicName\": "))),
        ("no JSON", holds(text(b"hello"))),
        ("nested 100 000 deep", holds(text(deep.as_bytes()))),
        ("wrong types", holds(text(wrong.as_bytes()))),
        ("a topic of 1 MB, and silence", holds(text(topic.as_bytes()))),
        ("a masked frame", says(vec![0x81, 0x81, 1, 2, 3, 4, 5])),
        ("a reserved opcode", says(frame(0x83, b"x"))),
        ("a long ping", says(frame(0x89, &[b'x'; 200]))),
        ("a fragment of nothing", says(frame(0x80, b"x"))),
        ("an ill close", says(frame(0x88, &[3]))),
        ("pings, and nobody takes the pongs", then(Act::Floods(frame(0x89, &[b'x'; 125]).repeat(512), 800))),
        ("a close with a strange code", says(frame(0x88, &4999_u16.to_be_bytes()))),
    ]
}
