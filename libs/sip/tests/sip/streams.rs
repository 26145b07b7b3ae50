//! Messages out of a stream.

use throughline_sip::{Broken, Frame, Frames, Limits, ParseError, Side};

use crate::corpus::{Text, invite};

const LIMITS: Limits = Limits { message: 2000, head: 1000, start_line: 100, headers: 20 };

/// What comes out of a stream that arrives in parts of a size, a word for each frame.
fn read(side: Side, bytes: &[u8], size: usize) -> Vec<String> {
    let mut frames = Frames::new(side, LIMITS);
    let mut seen = Vec::new();
    for part in bytes.chunks(size) {
        frames.push(part);
        loop {
            match frames.next() {
                Ok(Some(Frame::Message(message))) => {
                    seen.push(format!(
                        "{} {}",
                        message.as_bytes().len(),
                        String::from_utf8_lossy(message.body())
                    ));
                }
                Ok(Some(Frame::Ping)) => seen.push("ping".to_owned()),
                Ok(Some(Frame::Pong)) => seen.push("pong".to_owned()),
                Ok(None) => break,
                Err(broken) => {
                    seen.push(broken.to_string());
                    assert_eq!(frames.next().err(), Some(broken));
                    return seen;
                }
            }
        }
    }
    seen
}

#[test]
fn messages_and_keep_alives_however_they_are_cut() {
    let Text(one) = invite("l: 4\r\n", "body");
    let Text(two) = invite("Content-Length: 0\r\nContent-Length: 0\r\n", "");
    let stream = [&one[..], b"\r\n\r\n", b"\r\n", &two, b"\n", &one, b"\r\n\r\n\r\n\r\n"].concat();
    let (first, second) = (format!("{} body", one.len()), format!("{} ", two.len()));
    let expected = [&*first, "ping", &*second, &*first, "ping", "ping"];
    for size in 1..stream.len() {
        assert_eq!(read(Side::Accepted, &stream, size), expected, "{size}");
    }
    let opened = [b"\r\n", &one[..], b"\r\n"].concat();
    for size in 1..opened.len() {
        assert_eq!(read(Side::Opened, &opened, size), ["pong", &*first, "pong"], "{size}");
    }
}

#[test]
fn a_stream_that_is_broken_says_why() {
    let last = |bytes: &[u8]| [1, 64, bytes.len()].map(|size| read(Side::Accepted, bytes, size).pop());
    let all_say =
        |bytes: &[u8], broken: Broken| assert_eq!(last(bytes), [(); 3].map(|()| Some(broken.to_string())));
    all_say(&invite("", "").0, Broken::NoContentLength);
    all_say(&invite("l: -1\r\n", "").0, Broken::ContentLength);
    all_say(&invite("l: 1\r\nl: 2\r\n", "abc").0, Broken::ContentLength);
    all_say(&invite("l: 1900\r\n", "").0, Broken::Parse(ParseError::MessageTooLong));
    all_say(&invite("l: 18446744073709551615\r\n", "").0, Broken::Parse(ParseError::MessageTooLong));
    all_say(&invite(&"X: y\r\n".repeat(14), "").0, Broken::Parse(ParseError::TooManyHeaders));
    all_say(&invite(&format!("X: {}\r\n", "y".repeat(1000)), "").0, Broken::Parse(ParseError::HeadTooLong));
    all_say(&[b'a'; 200], Broken::Parse(ParseError::StartLineTooLong));
    all_say(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", Broken::Parse(ParseError::NotSip));
    assert_eq!(Broken::NoContentLength.status(), Some(400));
    assert_eq!(Broken::Parse(ParseError::HeadTooLong).status(), Some(513));
}

#[test]
fn what_waits_is_kept_within_limits() {
    let mut frames = Frames::new(Side::Accepted, LIMITS);
    let Text(endless) = invite("", "");
    frames.push(&endless[..endless.len() - 2]);
    for _ in 0..1000 {
        frames.push(b"X: y\r\n");
        if frames.next().is_err() {
            break;
        }
    }
    assert!(frames.rest().len() <= LIMITS.head + 8);
    assert!(frames.next().is_err());
}
