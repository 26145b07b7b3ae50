//! A timeline as spans: the conversation, its legs, their stages.

mod carried;
mod frame;
mod root;
mod stages;
mod transfer;
mod outcome;

use throughline_context::{SpanId, TraceId};

use crate::fact::Fact;
use crate::facts::Facts;
use crate::id::{Id, span_id};
use crate::settings::Settings;
use crate::span::Span;
use crate::timeline::{Leg, Timeline};
use flow::Stage;

/// The spans of a conversation as far as it is known: pure, and the same for the same facts in any order.
///
/// The root comes first, then each leg with its stages. What goes on has no end.
pub fn to_spans(conversation: &Id, facts: impl IntoIterator<Item = Fact>, settings: &Settings) -> Vec<Span> {
    let mut all = Facts::default();
    facts.into_iter().for_each(|fact| {
        all.add(fact);
    });
    spans(conversation, &all, None, settings)
}

/// With the context that was already chosen, if one was.
pub(crate) fn spans(
    conversation: &Id,
    facts: &Facts,
    chosen: Option<Context>,
    settings: &Settings,
) -> Vec<Span> {
    let Some(timeline) = Timeline::of(facts) else { return Vec::new() };
    let carried = carried::of(&timeline, &settings.trust);
    let context =
        chosen.or(carried.believed).unwrap_or(Context { trace: conversation.trace(), parent: None });
    let writer = Writer { conversation, context, timeline: &timeline, settings };
    let mut spans = vec![writer.root(&carried)];
    for (nth, leg) in timeline.legs.iter().enumerate() {
        spans.push(writer.leg(leg));
        writer.stages(nth, leg, &mut spans);
        for wrapup in timeline.wrapups.iter().filter(|wrapup| wrapup.leg == nth) {
            spans.push(writer.wrapup(wrapup, leg));
        }
    }
    spans
}

/// The trace of a conversation, and the span of someone else that it continues.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Context {
    pub(crate) trace: TraceId,
    pub(crate) parent: Option<SpanId>,
}

/// What all spans of a conversation are written with.
pub(super) struct Writer<'w> {
    conversation: &'w Id,
    context: Context,
    timeline: &'w Timeline<'w>,
    settings: &'w Settings,
}

impl Writer<'_> {
    fn id(&self, leg: &Leg<'_>, stage: Option<Stage>, ordinal: usize) -> SpanId {
        let of = leg.of;
        span_id(self.conversation, of.participant.as_ref(), of.communication.as_ref(), stage, ordinal)
    }
}
