//! One conversation while it is open: what is known about it, and what was given out.

use throughline_context::{SpanId, TraceId};

use crate::emitted::{Emitted, Way};
use crate::fact::{Fact, Source};
use crate::facts::Facts;
use crate::id::Id;
use crate::otlp;
use crate::settings::Settings;
use crate::span::{Kind, Span, Value};
use crate::spans::{Context, spans};

/// The state of a conversation. Facts come in, in any order and as often as they like; spans go out when they are asked for.
#[derive(Clone, Debug)]
pub struct Conversation {
    id: Id,
    facts: Facts,
    emitted: Emitted,
    context: Option<Context>,
    /// The trace of the spans that were given out last.
    trace: Option<TraceId>,
    changed: bool,
    began_ms: Option<u64>,
    ended_ms: Option<u64>,
}

/// OTLP bytes, each a whole `ExportTraceServiceRequest` or nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Output {
    /// Spans that are finished and were never given out as such: for every exporter.
    pub finished: Vec<u8>,
    pub finished_spans: usize,
    /// Spans that go on or ended just now, and new revisions of spans that were given out before: for the store alone.
    pub open: Vec<u8>,
    pub open_spans: usize,
}

impl Conversation {
    pub fn new(id: Id) -> Self {
        let facts = Facts::default();
        Self {
            id,
            facts,
            emitted: Emitted::default(),
            context: None,
            trace: None,
            changed: false,
            began_ms: None,
            ended_ms: None,
        }
    }

    pub fn id(&self) -> &Id {
        &self.id
    }

    /// Learns. True if any of it was new.
    pub fn apply(&mut self, facts: impl IntoIterator<Item = Fact>) -> bool {
        let mut new = false;
        for fact in facts {
            new |= self.facts.add(fact);
        }
        if new {
            self.facts.shrink();
        }
        self.changed |= new;
        new
    }

    /// Chooses the trace for good, as an earlier process did, or participant data that came with the first event.
    pub fn continue_trace(&mut self, trace: TraceId, parent: Option<SpanId>) {
        self.context = Some(Context { trace, parent });
    }

    /// The trace, once it cannot change any more: from when the first finished span was given out.
    pub fn trace(&self) -> Option<(TraceId, Option<SpanId>)> {
        self.context.map(|context| (context.trace, context.parent))
    }

    /// The trace as far as was known when spans were last asked for.
    pub fn last_trace(&self) -> Option<TraceId> {
        self.trace
    }

    /// When the conversation began, as far as was known when spans were last asked for.
    pub fn began_ms(&self) -> Option<u64> {
        self.began_ms
    }

    /// When the conversation ended, if that was known when spans were last asked for.
    pub fn ended_ms(&self) -> Option<u64> {
        self.ended_ms
    }

    /// The best informed source that has told the end of the whole conversation: analytics has the last word.
    pub fn ended_by(&self) -> Option<Source> {
        self.facts.ended_by()
    }

    /// It has ended, and everybody has all its spans: nothing is lost with it.
    pub fn is_settled(&self) -> bool {
        self.ended_ms.is_some() && !self.changed && self.emitted.all_finished()
    }

    /// When to ask for spans again although nothing was learned: a span that has ended is due then for everybody.
    pub fn due_ms(&self) -> Option<u64> {
        self.emitted.due_ms()
    }

    /// What all spans carry as `throughline.revision`.
    pub fn revision(&self) -> u64 {
        self.facts.revision()
    }

    /// What has changed since it was last asked, as of `now_ms`.
    pub fn spans(&mut self, now_ms: u64, settings: &Settings) -> Output {
        self.spans_for(now_ms, settings, true)
    }

    /// The same; unless they are `sure`, finished spans wait until they are: the store gets them, nobody else.
    pub fn spans_for(&mut self, now_ms: u64, settings: &Settings, sure: bool) -> Output {
        let due = self.due_ms().is_some_and(|due| due <= now_ms);
        if !std::mem::take(&mut self.changed) && !due {
            return Output::default();
        }
        let spans = spans(&self.id, &self.facts, self.context, settings);
        let Some(root) = spans.first() else { return Output::default() };
        self.began_ms = Some(root.start_ms);
        self.ended_ms = root.end_ms;
        let (trace, root_parent) = (root.trace_id, root.parent);
        // A context that came after the first spans of the store: they go over to its trace.
        let mut taken_back: Vec<Span> = match self.trace.replace(trace).filter(|before| *before != trace) {
            Some(before) => self.emitted.forget().map(|id| superseded(before, id, root)).collect(),
            None => Vec::new(),
        };
        let retracted = self.emitted.retract(&spans);
        taken_back.extend(retracted.into_iter().map(|id| superseded(trace, id, root)));
        let mut finished = Vec::new();
        let mut open = taken_back;
        for span in spans {
            match self.emitted.way(&span, now_ms, settings.settle_ms, sure) {
                Way::Finished => finished.push(span),
                Way::Open => open.push(span),
                Way::Stay => {}
            }
        }
        if self.emitted.any_finished() {
            self.context = Some(Context { trace, parent: root_parent });
        }
        let write = |spans: &[Span]| otlp::write(&self.id, spans, self.facts.revision(), now_ms, settings);
        Output {
            finished: write(&finished),
            finished_spans: finished.len(),
            open: write(&open),
            open_spans: open.len(),
        }
    }
}

/// What stands in the place of a span that better knowledge has taken back: it has no stage and takes no time.
fn superseded(trace: TraceId, id: SpanId, root: &Span) -> Span {
    Span {
        trace_id: trace,
        id,
        parent: Some(root.id),
        remote_parent: false,
        name: "Superseded".into(),
        // The kind is part of what makes two spans the same.
        kind: if id == root.id { Kind::Server } else { Kind::Internal },
        stage: None,
        start_ms: root.start_ms,
        end_ms: Some(root.start_ms),
        attributes: vec![("throughline.superseded".into(), Value::Bool(true))],
        events: Vec::new(),
        links: Vec::new(),
        error: None,
    }
}
