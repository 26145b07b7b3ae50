//! The typed views agree with those of published crates, wherever those read the message at all.

use bytes::Bytes;
use ezk_sip_types::header::typed::{CSeq, CallID, FromTo, Via};
use ezk_sip_types::msg::{Line, MessageLine, PullParser};
use ezk_sip_types::{Headers, Name};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use rsipstack::sip::prelude::{HasHeaders as _, HeadersExt as _, ToTypedHeader as _};
use rsipstack::sip::{Header, SipMessage};
use throughline_sip::{Limits, Message, unescape, unfold};

use crate::any_bytes::mutated;
use crate::corpus::{proxied, torture};

const FIELDS: [&str; 9] =
    ["method", "call-id", "from tag", "to tag", "branch", "host", "transport", "cseq", "cseq method"];

/// What a parser says of the fields, in their order; nothing where it does not read one.
type Views = [Option<String>; FIELDS.len()];

fn ours(message: &Message<&[u8]>) -> Views {
    let text = |bytes: &[u8]| Some(String::from_utf8_lossy(&unfold(bytes)).into_owned());
    let (from, to, via) = (message.from().unwrap(), message.to().unwrap(), message.top_via().unwrap());
    let cseq = message.cseq().unwrap();
    [
        message.method().and_then(|method| text(method.as_bytes())),
        message.call_id().ok().and_then(text),
        from.tag().and_then(text),
        to.tag().and_then(text),
        via.branch().and_then(text),
        text(via.host),
        text(via.transport),
        Some(cseq.number.to_string()),
        text(cseq.method.as_bytes()),
    ]
}

fn ezk(bytes: &[u8]) -> Option<Views> {
    let source = Bytes::copy_from_slice(bytes);
    let mut lines = PullParser::new(&source, 0);
    let first = std::str::from_utf8(lines.next()?.ok()?).ok()?;
    let start = first.parse::<MessageLine>().ok();
    let mut headers = Headers::new();
    for line in lines {
        let (_, line) = Line::parse(&source, std::str::from_utf8(line.ok()?).ok()?).ok()?;
        headers.insert(line.name, line.value);
    }
    let from: Option<FromTo> = headers.get(Name::FROM).ok();
    let to: Option<FromTo> = headers.get(Name::TO).ok();
    let vias: Option<Vec<Via>> = headers.get(Name::VIA).ok();
    let via = vias.as_ref().and_then(|vias| vias.first());
    let cseq: Option<CSeq> = headers.get_named().ok();
    let call_id: Option<CallID> = headers.get_named().ok();
    Some([
        start.and_then(|line| line.request_method().map(|method| method.to_string())),
        call_id.map(|id| id.0.to_string()),
        from.and_then(|from| from.tag).map(|tag| tag.to_string()),
        to.and_then(|to| to.tag).map(|tag| tag.to_string()),
        via.and_then(|via| via.params.get_val("branch")).map(|branch| branch.to_string()),
        via.map(|via| via.sent_by.host.to_string()),
        via.map(|via| via.transport.to_string()),
        cseq.as_ref().map(|cseq| cseq.cseq.to_string()),
        cseq.map(|cseq| cseq.method.to_string()),
    ])
}

fn rsipstack(bytes: &[u8]) -> Option<Views> {
    let message = SipMessage::try_from(bytes).ok()?;
    let from = message.from_header().ok().and_then(|from| from.typed().ok());
    let to = message.to_header().ok().and_then(|to| to.typed().ok());
    let via = message.top_via_header().ok().and_then(|via| via.typed().ok());
    let cseq = message.cseq_header().ok().and_then(|cseq| cseq.typed().ok());
    let call_id = message.headers().iter().find_map(|header| match header {
        Header::CallId(id) => Some(id.value().to_owned()),
        _ => None,
    });
    Some([
        match &message {
            SipMessage::Request(request) => Some(request.method.to_string()),
            SipMessage::Response(_) => None,
        },
        call_id,
        from.and_then(|from| from.tag().map(|tag| tag.value().to_owned())),
        to.and_then(|to| to.tag().map(|tag| tag.value().to_owned())),
        via.as_ref().and_then(|via| via.branch().map(|branch| branch.value().to_owned())),
        via.as_ref().map(|via| via.sent_by().host.to_string()),
        via.map(|via| via.transport.to_string()),
        cseq.as_ref().map(|cseq| cseq.seq.to_string()),
        cseq.map(|cseq| cseq.method.to_string()),
    ])
}

/// Whether both mean the same; other crates take the escapes out of parameters.
fn same(ours: Option<&str>, theirs: &str) -> bool {
    let ours = ours.unwrap_or_default();
    ours == theirs || *unescape(ours.as_bytes()) == *theirs.as_bytes()
}

#[test]
fn views_agree_with_other_parsers() {
    let torture = torture().into_iter();
    let all = torture.chain(proxied().into_iter().map(|(name, bytes)| (name.to_owned(), bytes)));
    let mut compared = [0; 2];
    for (name, bytes) in all {
        let Ok(message) = Message::parse(&bytes[..], &Limits::default()) else { continue };
        // What is refused has no meaning to agree on.
        if message.check().is_err() {
            continue;
        }
        let ours = ours(&message);
        for ((peer, views), compared) in
            [("ezk", ezk(&bytes)), ("rsipstack", rsipstack(&bytes))].into_iter().zip(&mut compared)
        {
            for ((field, theirs), ours) in FIELDS.iter().zip(views.into_iter().flatten()).zip(&ours) {
                let Some(theirs) = theirs else { continue };
                *compared += 1;
                let same = same(ours.as_deref(), &theirs);
                assert!(same, "{name}: {field}: {ours:?} is not {theirs}, as {peer} has it");
            }
        }
    }
    assert!(compared.iter().all(|compared| *compared > 350), "{compared:?}");
}

/// Each parser has its own way with what is broken; where two agree with each other, ours agrees with them. Most mutated
/// messages are refused by one of the three.
#[test]
fn mutated_messages_mean_what_two_others_say() {
    let (all, mut runner, mut compared) = (mutated(), TestRunner::default(), 0);
    for _ in 0..40_000 {
        let bytes = all.new_tree(&mut runner).unwrap().current();
        // Both others take these for blanks, as Rust does; SIP does not.
        let odd = bytes.iter().any(|byte| matches!(byte, 0x0b | 0x0c));
        if let Ok(message) = Message::parse(&bytes[..], &Limits::default())
            && message.check().is_ok()
            && !odd
            && let (Some(one), Some(two)) = (ezk(&bytes), rsipstack(&bytes))
        {
            for (((field, one), two), ours) in FIELDS.iter().zip(one).zip(two).zip(ours(&message)) {
                if let (Some(one), Some(two)) = (one, two)
                    && one == two
                {
                    compared += 1;
                    let same = same(ours.as_deref(), &one);
                    assert!(same, "{field}: {ours:?} is not {one}: {}", bytes.escape_ascii());
                }
            }
        }
    }
    assert!(compared > 2000, "{compared}");
}
