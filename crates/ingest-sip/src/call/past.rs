//! A call that is over: what is left of it until nobody sends its messages again.

use throughline_context::TraceId;
use throughline_context::w3c::Context;

use super::record::{Call, Sent, Trace};
use super::timeline::{Branch, Refused, Timeline};

/// Enough to write the same headers into a message that comes again, and to tell a new call from an old one.
#[derive(Debug)]
pub(crate) struct Past {
    pub(crate) number: u64,
    identity: [u8; 16],
    generation: u32,
    cseq: u32,
    context: Context,
    decision: &'static str,
    previous: Option<TraceId>,
    conversation: Option<[u8; 16]>,
    /// The tag of who answered.
    callee: Option<u64>,
    ended: u64,
}

impl Past {
    /// Nothing where other calls may still be told of this one by more than its dialog.
    pub(crate) fn of(call: &mut Call) -> Option<Self> {
        let Call { timeline, trace, .. } = call;
        let callee = match timeline.branches.as_slice() {
            [] => None,
            [one] => Some(one.tag),
            _ => return None,
        };
        let alone = timeline.refers.is_empty() && call.aliases.is_empty();
        if !alone || timeline.invited.is_none() || timeline.ended().is_none() {
            return None;
        }
        let empty = Context::new(trace.context.traceparent);
        Some(Self {
            number: call.number,
            identity: call.identity,
            generation: call.generation,
            cseq: timeline.cseq,
            ended: timeline.last,
            context: std::mem::replace(&mut trace.context, empty),
            decision: trace.decision,
            previous: trace.previous,
            conversation: trace.conversation,
            callee,
        })
    }

    /// The call again, without what its spans have told.
    pub(crate) fn call(self) -> Call {
        let Self { context, decision, previous, conversation, ended, cseq, .. } = self;
        let (at, released) = (Some(ended), Some(ended));
        let branch = self.callee.map(|tag| Branch { tag, answered: at, bye: None, released });
        let refused = branch.is_none().then_some(Refused { cseq, at: ended, status: 0, cause: None });
        let branches = branch.into_iter().collect();
        let timeline = Timeline { invited: at, cseq, refused, branches, last: ended, ..Timeline::default() };
        let trace = Trace { previous, conversation, ..Trace::new(decision, context, ended) };
        Call {
            number: self.number,
            generation: self.generation,
            timeline,
            sent: Sent::All,
            ..Call::new(self.identity, trace)
        }
    }

    /// Bytes that it takes, allocations included.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + self.context.tracestate.as_str().len()
    }
}
