//! What an INVITE costs: parse, typed views, and the changes that a proxy makes.
//!
//! `cargo bench -p throughline-sip`; the best of several rounds, and a published crate's parse and views beside it.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench tells its figures")]

use std::hint::black_box;
use std::time::SystemTime;

use bytes::Bytes;
use ezk_sip_types::header::typed::{CSeq, CallID, FromTo, Via};
use ezk_sip_types::msg::{Line, MessageLine, PullParser};
use ezk_sip_types::{Headers, Name as TheirName};
use throughline_sip::{Limits, Message, Name};

const INVITE: &[u8] = include_bytes!("../tests/invite.sip");
const ROUNDS: u32 = 9;
const EACH: u32 = 20_000;

fn main() {
    println!("an INVITE of {} bytes, best of {ROUNDS} rounds of {EACH}", INVITE.len());
    let limits = Limits::default();
    let parse = || Message::parse(black_box(INVITE), &limits).unwrap();
    tell("parse", || drop(black_box(parse())));
    tell("parse, check", || _ = parse().check().unwrap());
    tell("parse, Via, From, To, CSeq, Call-ID", || views(&parse()));
    let mut out = Vec::with_capacity(2048);
    tell("parse, Via, From, To, CSeq, Call-ID, write", || {
        let message = parse();
        views(&message);
        out.clear();
        message.edit().write_to(&mut out);
        black_box(&out);
    });
    tell("the same with a proxy's seven changes", || {
        let message = parse();
        views(&message);
        out.clear();
        pass(&message, &mut out);
        black_box(&out);
    });
    tell("ezk-sip-types: parse, Via, From, To, CSeq, Call-ID", || {
        black_box(other(black_box(INVITE))).unwrap()
    });
}

fn tell(what: &str, mut run: impl FnMut()) {
    let round = |_| {
        let began = SystemTime::now();
        (0..EACH).for_each(|_| run());
        began.elapsed().unwrap().as_secs_f64() / f64::from(EACH)
    };
    let best = (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min);
    println!("{:8.3} us  {what}", best * 1e6);
}

fn views(message: &Message<&[u8]>) {
    black_box((message.top_via().unwrap(), message.from().unwrap(), message.to().unwrap()));
    black_box((message.cseq().unwrap(), message.call_id().unwrap()));
}

fn pass(message: &Message<&[u8]>, out: &mut Vec<u8>) {
    let via = message.top_via().unwrap();
    let mut edit = message.edit();
    edit.set_request_uri("sip:+493012345678@192.0.2.30:5060").unwrap();
    edit.set_param(via.params, "received", Some(b"203.0.113.7")).unwrap();
    edit.set_param(via.params, "rport", Some(b"49152")).unwrap();
    edit.prepend(Name::Via, "SIP/2.0/UDP 192.0.2.20;branch=z9hG4bK2f9d1c").unwrap();
    edit.prepend(Name::RecordRoute, "<sip:192.0.2.20;lr>").unwrap();
    edit.set(Name::MaxForwards, "67").unwrap();
    edit.set("X-Traceparent", "00-4bf92f3577f34da6c19e9222d19e89b8-0707070707070707-01").unwrap();
    edit.write_to(out);
}

fn other(bytes: &[u8]) -> Option<()> {
    let source = Bytes::copy_from_slice(bytes);
    let mut lines = PullParser::new(&source, 0);
    let first: MessageLine = std::str::from_utf8(lines.next()?.ok()?).ok()?.parse().ok()?;
    black_box(first);
    let mut headers = Headers::new();
    for line in lines {
        let (_, line) = Line::parse(&source, std::str::from_utf8(line.ok()?).ok()?).ok()?;
        headers.insert(line.name, line.value);
    }
    black_box((headers.get::<Vec<Via>>(TheirName::VIA).ok()?, headers.get::<FromTo>(TheirName::FROM).ok()?));
    black_box((headers.get::<FromTo>(TheirName::TO).ok()?, headers.get_named::<CSeq>().ok()?));
    black_box(headers.get_named::<CallID>().ok()?);
    Some(())
}
