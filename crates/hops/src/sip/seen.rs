//! What the echo saw of a request, and the body of RFC 3420 that carries it back, by itself or among others.

use throughline_sip::{Limits, Message, unfold};

use super::{VERSION, multipart};
use crate::field::{Field, first, text};
use crate::probe::{MARK, Mark};
use crate::seen::Seen;

pub(super) const FRAGMENT: &str = "message/sipfrag";

/// Of a request, or of the fragment of one; folded values become one line.
pub(super) fn seen<B: AsRef<[u8]>>(request: &Message<B>) -> Option<Seen> {
    Some(Seen {
        protocol: VERSION.to_owned(),
        method: text(request.method().filter(|_| request.status().is_none())?.as_bytes()),
        target: text(request.request_uri()?),
        fields: fields(request),
    })
}

pub(super) fn fields<B: AsRef<[u8]>>(message: &Message<B>) -> Vec<Field> {
    message.headers().map(|header| Field::new(text(header.raw_name), text(&unfold(header.value)))).collect()
}

/// What a fragment in an answer tells; `None` for any other answer, and for the fragment of another request.
pub(super) fn told<B: AsRef<[u8]>>(answer: &Message<B>, method: &str, mark: Mark) -> Option<Seen> {
    let fragment = multipart::find(&unfold(answer.first("Content-Type")?), answer.body(), FRAGMENT)?;
    let seen = seen(&Message::parse(fragment, &Limits::default()).ok()?)?;
    let is_other = first(&seen.fields, MARK).is_some_and(|found| found != mark.to_string());
    (seen.method == method && !is_other).then_some(seen)
}

/// What a hop that builds messages anew may leave of the mark: the user of From, the Call-ID.
pub(super) fn name(mark: Mark) -> String {
    format!("{mark}.p")
}

pub(super) fn is_of(seen: &Seen, mark: Mark) -> bool {
    let name = name(mark);
    let names = |field: &&Field| ["from", "f", "call-id", "i"].iter().any(|known| field.is(known));
    first(&seen.fields, MARK) == Some(&mark.to_string())
        || seen.fields.iter().filter(names).any(|field| field.raw.contains(&name))
}
