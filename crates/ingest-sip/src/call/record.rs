//! One call, as it is remembered: at most 2 KiB.

use std::net::SocketAddr;
use std::sync::Arc;

use throughline_context::w3c::Context;
use throughline_context::{SpanId, TraceId};

use super::headers::Carriers;
use super::timeline::Timeline;
use crate::hop::Transport;
use crate::trunk::Trunk;

/// Messages of which it is remembered what they carried.
const MOST_MARKS: usize = 8;
/// Bytes of a Call-ID, and of a User-Agent, that are kept.
pub(crate) const LONGEST_CALL_ID: usize = 128;
pub(crate) const LONGEST_AGENT: usize = 48;

#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Rises with each new call.
    pub(crate) number: u64,
    /// Call-ID and tag of the caller, and how many calls had them before: what ids are made from.
    pub(crate) identity: [u8; 16],
    pub(crate) generation: u32,
    pub(crate) call_id: Box<[u8]>,
    pub(crate) trace: Trace,
    pub(crate) people: People,
    /// Nothing once its spans have been written.
    pub(crate) way: Option<Way>,
    pub(crate) timeline: Timeline,
    pub(crate) marks: Vec<Mark>,
    pub(crate) aliases: Vec<u64>,
    /// What [`Call::bytes`] was when it was last counted.
    pub(crate) weight: usize,
    /// The end that it was last noted to have come to.
    pub(crate) closing: Option<u64>,
    /// What was sent of it: its first spans, or all.
    pub(crate) sent: Sent,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Sent {
    Nothing,
    Setup,
    All,
}

/// Where the call stands in its trace.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    /// The trace, with the call's own span as the parent of what follows.
    pub(crate) context: Context,
    pub(crate) parent: Option<SpanId>,
    pub(crate) decision: &'static str,
    pub(crate) source: Option<&'static str>,
    /// Why the trace restarts.
    pub(crate) reason: Option<Box<str>>,
    pub(crate) links: Vec<Link>,
    /// Goes on as `previous-trace-id`.
    pub(crate) previous: Option<TraceId>,
    pub(crate) conversation: Option<[u8; 16]>,
    /// When the message came that this was decided by.
    pub(crate) at: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Link {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    /// `interaction.link.type`.
    pub(crate) kind: &'static str,
    pub(crate) ambiguous: bool,
}

#[derive(Clone, Default, Debug)]
pub(crate) struct People {
    pub(crate) from: Option<Box<str>>,
    pub(crate) to: Option<Box<str>>,
    pub(crate) agent: Option<Box<str>>,
    pub(crate) server_agent: Option<Box<str>>,
    pub(crate) session_id: Option<[u8; 16]>,
}

#[derive(Clone, Debug)]
pub(crate) struct Way {
    pub(crate) from: SocketAddr,
    pub(crate) to: Option<SocketAddr>,
    pub(crate) transport: Transport,
    pub(crate) from_trunk: Option<Arc<Trunk>>,
    pub(crate) to_trunk: Option<Arc<Trunk>>,
}

/// What a message that passed carried when it came and when it went.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Mark {
    pub(crate) at: u64,
    pub(crate) what: &'static str,
    pub(crate) status: Option<u16>,
    pub(crate) from: Option<Arc<Trunk>>,
    pub(crate) to: Option<Arc<Trunk>>,
    pub(crate) seen: Carriers,
    pub(crate) sent: Carriers,
    /// How the trace in the headers that came relates to that of the call.
    pub(crate) fate: Fate,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    Absent,
    Same,
    Other,
}

impl Fate {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Same => "same",
            Self::Other => "other",
        }
    }
}

impl Call {
    /// One of which nothing is known but its trace.
    pub(crate) fn new(identity: [u8; 16], trace: Trace) -> Self {
        Self {
            number: 0,
            identity,
            generation: 0,
            call_id: Box::default(),
            timeline: Timeline { last: trace.at, ..Timeline::default() },
            trace,
            people: People::default(),
            way: None,
            marks: Vec::new(),
            aliases: Vec::new(),
            weight: 0,
            closing: None,
            sent: Sent::Nothing,
        }
    }

    /// Lets go what was for its spans alone, which have been written.
    pub(crate) fn fade(&mut self) {
        (self.call_id, self.people, self.way) = (Box::default(), People::default(), None);
        (self.marks, self.trace.links, self.trace.reason) = (Vec::new(), Vec::new(), None);
    }

    /// Notes a message; one that came before is noted once.
    pub(crate) fn mark(&mut self, mark: Mark) {
        let room = self.marks.len() < MOST_MARKS && self.sent < Sent::All;
        let known = self.marks.iter_mut().find(|known| Mark { at: mark.at, ..(**known).clone() } == mark);
        match known {
            Some(known) => known.at = known.at.min(mark.at),
            None if room => {
                self.marks.reserve_exact(1);
                self.marks.push(mark);
            }
            None => {}
        }
    }

    /// Bytes that it takes, allocations included.
    pub(crate) fn bytes(&self) -> usize {
        let text = |text: &Option<Box<str>>| text.as_ref().map_or(0, |text| text.len());
        let people = &self.people;
        size_of::<Self>()
            + self.call_id.len()
            + [&people.from, &people.to, &people.agent, &people.server_agent]
                .into_iter()
                .map(text)
                .sum::<usize>()
            + text(&self.trace.reason)
            + self.trace.context.tracestate.as_str().len()
            + self.trace.links.capacity() * size_of::<Link>()
            + self.marks.capacity() * size_of::<Mark>()
            + self.aliases.capacity() * size_of::<u64>()
            + self.timeline.bytes()
    }
}

impl Trace {
    pub(crate) fn new(decision: &'static str, context: Context, at: u64) -> Self {
        let parent = Some(context.traceparent.parent_id);
        let links = Vec::new();
        Self {
            context,
            parent,
            decision,
            source: None,
            reason: None,
            links,
            previous: None,
            conversation: None,
            at,
        }
    }

    pub(crate) fn link(&mut self, context: &Context, kind: &'static str, ambiguous: bool) {
        let Context { traceparent, .. } = context;
        let (trace_id, span_id) = (traceparent.trace_id, traceparent.parent_id);
        self.links.push(Link { trace_id, span_id, kind, ambiguous });
    }
}
