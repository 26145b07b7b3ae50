//! What holds for any bytes. The fuzz target shares this file.

use std::hint::black_box;

use throughline_sip::{Frame, Frames, Limits, Message, Name, Side, Uri};

const ADDRESSES: [Name<'static>; 5] =
    [Name::Contact, Name::Route, Name::RecordRoute, Name::From, Name::PAssertedIdentity];

/// Reads all there is to read; says whether it is a message.
pub(crate) fn message(bytes: &[u8]) -> bool {
    let limits = Limits { message: 1 << 20, ..Limits::default() };
    let Ok(message) = Message::parse(bytes, &limits) else { return false };
    read(&message);
    intact(bytes);
    // A first line that is folded belongs to no header; `check` refuses it.
    if !message.headers().any(|header| matches!(header.raw, [b' ' | b'\t', ..])) {
        edited(&message);
    }
    streamed(bytes);
    true
}

/// What a check hands out is what the views say.
fn heads(message: &Message<&[u8]>) {
    let Ok(heads) = message.check() else { return };
    assert_eq!((Ok(heads.via), Ok(heads.cseq)), (message.top_via(), message.cseq()));
    assert_eq!((Ok(heads.from), Ok(heads.to)), (message.from(), message.to()));
    assert_eq!(
        (heads.branch, heads.from_tag, heads.to_tag),
        (heads.via.branch(), heads.from.tag(), heads.to.tag())
    );
    assert_eq!((Ok(heads.call_id), Ok(heads.max_forwards)), (message.call_id(), message.max_forwards()));
    assert_eq!(heads.request_uri.map(|uri| uri.raw), message.request_uri());
}

fn read(message: &Message<&[u8]>) {
    heads(message);
    let seen = (message.check(), message.check_strictly(), message.refer_to(), message.referred_by());
    black_box(format!(
        "{message:?} {seen:?} {:?}",
        (message.replaces(), message.session_id(), message.expires())
    ));
    for via in message.vias().flatten() {
        assert!(!via.host.is_empty() && via.params.iter().all(|param| !param.name.is_empty()));
        black_box((via.transaction(), via.rport(), via.wants_rport(), via.received()));
    }
    for name in ADDRESSES {
        for address in message.addresses(name).flatten() {
            if let Ok(uri) = address.uri() {
                assert_eq!(Uri::parse(uri.raw), Ok(uri));
                let _ = uri.headers().map(|(_, value)| throughline_sip::unescape(value).len()).sum::<usize>();
            }
            let _ = address.display.map(throughline_sip::unquote);
        }
    }
    for header in message.headers() {
        assert!(throughline_sip::unfold(header.value).len() <= header.value.len());
    }
}

/// The parts put together are the message, and so is what is written without a change.
pub(crate) fn intact(bytes: &[u8]) {
    let limits = Limits { message: 1 << 20, ..Limits::default() };
    let Ok(message) = Message::parse(bytes, &limits) else { return };
    let whole = message.as_bytes();
    let line = whole.iter().position(|byte| *byte == b'\n').map_or(whole.len(), |end| end + 1);
    let mut parts = whole.get(..line).unwrap_or_default().to_vec();
    message.headers().for_each(|header| parts.extend_from_slice(header.raw));
    let blank = whole.len() - message.body().len() - parts.len();
    assert!(blank <= 2);
    parts.extend_from_slice(whole.get(parts.len()..parts.len() + blank).unwrap_or_default());
    parts.extend_from_slice(message.body());
    assert_eq!(parts, whole);
    assert_eq!(message.edit().write(), whole);
}

/// What was edited is there, and nothing else has changed.
fn edited(message: &Message<&[u8]>) {
    let mut edit = message.edit();
    let top = message.top_via();
    edit.prepend(Name::Via, "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKnew").expect("a line fits anywhere");
    edit.append("X-Traceparent", "00-4bf92f3577f34da6c19e9222d19e89b8-ccbd124dbdfc3439-01")
        .expect("so does this");
    if let Ok(via) = top {
        edit.set_param(via.params, "received", Some(b"192.0.2.77")).expect("the Via is part of the message");
    }
    let hops = edit.set(Name::MaxForwards, "69");
    hops.expect("no edit has touched Max-Forwards");
    let written = edit.write();
    let limits = Limits { message: 2 << 20, head: 2 << 20, start_line: 1 << 20, headers: 1 << 20 };
    let new = Message::parse(&written[..], &limits).expect("it was a message");
    assert_eq!(new.start(), message.start());
    assert_eq!(new.body(), message.body());
    assert_eq!(new.max_forwards(), Ok(Some(69)));
    assert_eq!(new.all("x-traceparent").count(), message.all("x-traceparent").count() + 1);
    assert_eq!(new.all(Name::Via).count(), message.all(Name::Via).count() + 1);
    if top.is_ok() {
        let second = new.vias().nth(1).expect("the old top").expect("which could be read");
        assert_eq!(second.received(), Some(&b"192.0.2.77"[..]));
    }
    let touched =
        |name: Name<'_>| name == Name::Via || name == Name::MaxForwards || name == "X-Traceparent".into();
    let others = |message: &Message<&[u8]>| -> Vec<Vec<u8>> {
        let kept = message.headers().filter(|header| !touched(header.name));
        kept.map(|header| [header.raw_name, b":", header.value].concat()).collect()
    };
    assert_eq!(others(&new), others(message));

    let mut edit = message.edit();
    let vias = message.all(Name::Via).count();
    assert_eq!(edit.remove_first(Name::Via, 1), Ok(vias.min(1)));
    let written = edit.write();
    if let Ok(new) = Message::parse(&written[..], &limits) {
        assert!(new.all(Name::Via).eq(message.all(Name::Via).skip(1)));
    }
}

/// A stream gives the same messages however it is cut.
pub(crate) fn streamed(bytes: &[u8]) {
    let whole = frames(bytes, usize::MAX);
    for size in [1, 7] {
        assert_eq!(frames(bytes, size), whole);
    }
}

fn frames(bytes: &[u8], size: usize) -> Vec<String> {
    let limits = Limits { head: 4 << 10, start_line: 1 << 10, ..Limits::default() };
    let mut frames = Frames::new(Side::Accepted, limits);
    let mut seen = Vec::new();
    for part in bytes.chunks(size.min(bytes.len().max(1))) {
        frames.push(part);
        loop {
            match frames.next() {
                Ok(Some(Frame::Message(message))) => seen.push(message.as_bytes().escape_ascii().to_string()),
                Ok(Some(other)) => seen.push(format!("{other:?}")),
                Ok(None) => break,
                Err(_) => {
                    seen.push("broken".to_owned());
                    return seen;
                }
            }
        }
    }
    seen
}
