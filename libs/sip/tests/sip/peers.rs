//! The typed views agree with those of a published crate, wherever that one reads the message at all.

use bytes::Bytes;
use ezk_sip_types::header::typed::{CSeq, CallID, FromTo, Via};
use ezk_sip_types::msg::{Line, MessageLine, PullParser};
use ezk_sip_types::{Headers, Name};
use throughline_sip::{Limits, Message, unescape, unfold};

use crate::corpus::{proxied, torture};

struct Peer {
    start: Option<String>,
    headers: Headers,
}

fn peer(bytes: &[u8]) -> Option<Peer> {
    let source = Bytes::copy_from_slice(bytes);
    let mut lines = PullParser::new(&source, 0);
    let first = std::str::from_utf8(lines.next()?.ok()?).ok()?;
    let start = first
        .parse::<MessageLine>()
        .ok()
        .and_then(|line| line.request_method().map(|method| method.to_string()));
    let mut headers = Headers::new();
    for line in lines {
        let (_, line) = Line::parse(&source, std::str::from_utf8(line.ok()?).ok()?).ok()?;
        headers.insert(line.name, line.value);
    }
    Some(Peer { start, headers })
}

#[test]
fn views_agree_with_another_parser() {
    let torture = torture().into_iter();
    let all = torture.chain(proxied().into_iter().map(|(name, bytes)| (name.to_owned(), bytes)));
    let mut compared = 0;
    let mut same = |name: &str, field: &str, ours: Option<&[u8]>, theirs: Option<&str>| {
        let Some(theirs) = theirs else { return };
        compared += 1;
        let ours = ours.map(unfold).unwrap_or_default();
        // The other crate takes the escapes out of parameters.
        let same = *ours == *theirs.as_bytes() || *unescape(&ours) == *theirs.as_bytes();
        assert!(same, "{name}: {field}: {} is not {theirs}", ours.escape_ascii());
    };
    for (name, bytes) in all {
        let (Some(peer), Ok(message)) = (peer(&bytes), Message::parse(&bytes[..], &Limits::default())) else {
            continue;
        };
        // What is refused has no meaning to agree on.
        if message.check().is_err() {
            continue;
        }
        let from: Option<FromTo> = peer.headers.get(Name::FROM).ok();
        let to: Option<FromTo> = peer.headers.get(Name::TO).ok();
        let via: Option<Vec<Via>> = peer.headers.get(Name::VIA).ok();
        let via = via.as_ref().and_then(|vias| vias.first());
        let cseq: Option<CSeq> = peer.headers.get_named().ok();
        let call_id: Option<CallID> = peer.headers.get_named().ok();
        let (our_from, our_to, our_via) =
            (message.from().unwrap(), message.to().unwrap(), message.top_via().unwrap());
        let our_cseq = message.cseq().unwrap();
        let method = message.method().map(|method| method.as_bytes());
        same(&name, "method", method, peer.start.as_deref());
        same(&name, "call-id", message.call_id().ok(), call_id.as_ref().map(|id| &*id.0));
        same(&name, "from tag", our_from.tag(), from.as_ref().and_then(|from| from.tag.as_deref()));
        same(&name, "to tag", our_to.tag(), to.as_ref().and_then(|to| to.tag.as_deref()));
        same(
            &name,
            "branch",
            our_via.branch(),
            via.and_then(|via| via.params.get_val("branch").map(|branch| &**branch)),
        );
        same(&name, "host", Some(our_via.host), via.map(|via| via.sent_by.host.to_string()).as_deref());
        same(&name, "transport", Some(our_via.transport), via.map(|via| &*via.transport));
        let number = our_cseq.number.to_string();
        same(
            &name,
            "cseq",
            Some(number.as_bytes()),
            cseq.as_ref().map(|cseq| cseq.cseq.to_string()).as_deref(),
        );
        same(
            &name,
            "cseq method",
            Some(our_cseq.method.as_bytes()),
            cseq.map(|cseq| cseq.method.to_string()).as_deref(),
        );
    }
    assert!(compared > 350, "{compared}");
}
