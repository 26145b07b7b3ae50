//! The span of one event.

use std::hash::{DefaultHasher, Hash, Hasher};

use throughline_context::{SpanId, TraceId, Traceparent};

use super::book::Relation;
use crate::Id;
use crate::fact::{Fact, Of, Says, Source, What};
use crate::read::Frame;
use crate::span::{Kind, Link, Span};
use crate::words::Word;

/// A message that came in by a subscription.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Came<'c> {
    pub(crate) frame: &'c Frame,
    pub(crate) bytes: &'c [u8],
    /// When it was received, and when it was dealt with.
    pub(crate) received_ms: u64,
    pub(crate) done_ms: u64,
    /// The channel by its number; a socket of the subscription's own has none.
    pub(crate) channel: Option<usize>,
    pub(crate) subscription: u64,
}

/// The conversation that an event is about: what its body says, or its topic.
pub(crate) fn conversation(frame: &Frame) -> Option<Id> {
    let read = frame.reading.as_ref().map(|reading| reading.conversation.clone());
    read.or_else(|| {
        let mut parts = frame.topic.split('.');
        parts.find(|part| matches!(*part, "conversation" | "conversations"))?;
        Id::new(parts.next()?).filter(|id| matches!(id, Id::Uuid(_)))
    })
}

/// Who asked, as a piece of knowledge about the conversation.
pub(crate) fn origin_of(origin: &Traceparent) -> Fact {
    let what = What::Says(Says::Origin, Word::text(&origin.to_string()));
    Fact { of: Of::default(), source: Source::Snapshot, what }
}

impl Came<'_> {
    /// The same message by the same subscription has the same id: what comes twice is one.
    pub(crate) fn id(&self, origin: &Traceparent) -> SpanId {
        let mut hasher = DefaultHasher::new();
        (origin.to_bytes(), self.subscription, self.bytes).hash(&mut hasher);
        SpanId(hasher.finish().max(1).to_be_bytes())
    }

    /// In the trace of the span that asked, or in that of the conversation.
    pub(crate) fn span(
        &self,
        (origin, relation): (Traceparent, Relation),
        conversation: &Id,
        of_conversation: TraceId,
    ) -> Span {
        let child = relation == Relation::Child;
        let topic = &self.frame.topic;
        let (template, event) = parts(topic);
        let link = Link { trace_id: origin.trace_id, span_id: origin.parent_id, kind: "subscription" };
        let mut span = Span {
            trace_id: if child { origin.trace_id } else { of_conversation },
            id: self.id(&origin),
            parent: Some(if child { origin.parent_id } else { conversation.root() }),
            remote_parent: true,
            name: format!("process {template}").into(),
            kind: Kind::Consumer,
            stage: None,
            start_ms: self.received_ms,
            end_ms: Some(self.done_ms.max(self.received_ms)),
            attributes: Vec::new(),
            events: Vec::new(),
            links: if child { Vec::new() } else { vec![link] },
            error: None,
        };
        span.word("messaging.system", "genesys_cloud");
        span.word("messaging.operation.name", "process");
        span.word("messaging.operation.type", "process");
        span.text("messaging.destination.name", Some(&Word::text(topic)));
        span.text("messaging.destination.template", Some(&Word::text(&template)));
        let subscription = Word::text(&self.subscription.to_string());
        span.text("messaging.destination.subscription.name", Some(&subscription));
        span.int("messaging.message.body.size", i64::try_from(self.bytes.len()).ok());
        let correlation = self.frame.correlation_id.as_deref().map(Word::text);
        span.text("genesys_cloud.correlation_id", correlation.as_ref());
        span.int("genesys_cloud.channel", self.channel.and_then(|channel| i64::try_from(channel).ok()));
        span.text("genesys_cloud.event.type", Some(&Word::text(event)));
        span.int("genesys_cloud.event.delay_ms", self.delay_ms());
        span.attributes.shrink_to_fit();
        span
    }

    /// How long after its own time a detail event came, by two clocks; the others have no time of their own.
    fn delay_ms(&self) -> Option<i64> {
        let reading = self.frame.reading.as_ref()?;
        let of_detail = reading.facts.iter().filter(|fact| fact.source == Source::Detail);
        let times = of_detail.filter_map(|fact| match fact.what {
            What::At(_, at) => Some(at),
            _ => None,
        });
        i64::try_from(self.received_ms.checked_sub(times.max()?)?).ok()
    }
}

/// The topic with `{id}` in place of each id, and what stands behind the last of them.
fn parts(topic: &str) -> (String, &str) {
    let is_id = |part: &str| part.len() >= 32 && TraceId::from_uuid(part).is_some();
    let template: Vec<&str> = topic.split('.').map(|part| if is_id(part) { "{id}" } else { part }).collect();
    let mut event = topic;
    let mut rest = topic;
    while let Some((part, after)) = rest.split_once('.') {
        rest = after;
        if is_id(part) {
            event = after;
        }
    }
    (template.join("."), event)
}

#[cfg(test)]
mod tests;
