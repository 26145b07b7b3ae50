//! One conversation while it is open: what is known about it, and what was given out.

mod saved;

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
    /// How often a process took over that may not know what the one before knew last.
    restarts: u64,
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
            restarts: 0,
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

    /// The conversation as an earlier process knew it.
    pub fn read(id: Id, bytes: &[u8]) -> Result<Self, String> {
        let saved::Parts { facts, emitted, context, restarts } = saved::read(bytes)?;
        Ok(Self { facts, emitted, context, restarts, changed: true, ..Self::new(id) })
    }

    /// What [`read`](Self::read) makes the same conversation of, its id aside.
    pub fn write(self) -> Result<Vec<u8>, String> {
        let Self { facts, emitted, context, restarts, .. } = self;
        saved::write(saved::Parts { facts, emitted, context, restarts })
    }

    /// The trace, once it cannot change any more: from when the first finished span was given out.
    pub fn trace(&self) -> Option<(TraceId, Option<SpanId>)> {
        self.context.map(|context| (context.trace, context.parent))
    }

    /// The trace as far as was known when spans were last asked for.
    pub fn last_trace(&self) -> Option<TraceId> {
        self.emitted.trace()
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

    /// Somebody else than analytics has told of it: its participant data are known.
    pub fn is_heard(&self) -> bool {
        self.facts.is_heard()
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
        self.facts.revision(self.restarts)
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
        self.restarts = self.restarts.max(settings.restarts_since(root.start_ms));
        let (trace, root_parent) = (root.trace_id, root.parent);
        let revision = self.revision();
        let left =
            self.emitted.move_to(trace).map(|(before, ids)| left(before, &ids, root)).unwrap_or_default();
        let taken_back = self.emitted.retract(&spans);
        let taken_back: Vec<Span> = taken_back.into_iter().map(|id| superseded(id, root)).collect();
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
        let write = |id, spans: &[Span]| otlp::write(id, spans, revision, now_ms, settings);
        let open_spans = open.len() + left.len();
        // Requests one behind the other are one request.
        let open = [write(Some(&self.id), &open), write(None, &left)].concat();
        let finished_spans = finished.len();
        Output { finished: write(Some(&self.id), &finished), finished_spans, open, open_spans }
    }
}

/// What stands in a trace that the conversation has left: its participant data named another one. It belongs to no
/// interaction.
fn left(before: TraceId, ids: &[SpanId], root: &Span) -> Vec<Span> {
    let one = |id: &SpanId| {
        let span = superseded(*id, root);
        let is_root = *id == root.id;
        Span {
            trace_id: before,
            // The kind is part of what makes two spans the same.
            kind: if is_root { root.kind } else { span.kind },
            parent: span.parent.filter(|_| !is_root),
            ..span
        }
    };
    ids.iter().map(one).collect()
}

/// What stands in the place of a span that better knowledge has taken back: it has no stage and takes no time.
fn superseded(id: SpanId, root: &Span) -> Span {
    Span {
        trace_id: root.trace_id,
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
