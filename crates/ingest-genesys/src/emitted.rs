//! What was given out, so that each finished span goes out once and only what changed goes out again.

use std::hash::{DefaultHasher, Hash, Hasher};

use throughline_context::SpanId;

use crate::span::Span;

#[derive(Clone, Debug, Default)]
pub(crate) struct Emitted {
    spans: Vec<Given>,
}

#[derive(Clone, Copy, Debug)]
struct Given {
    id: SpanId,
    content: u64,
    finished: bool,
}

/// Where a span goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    /// To everybody: it is finished for the first time.
    Finished,
    /// To the store alone: it goes on, or was given out as finished before.
    Open,
    /// Nowhere: nothing has changed.
    Stay,
}

impl Emitted {
    pub(crate) fn way(&mut self, span: &Span) -> Way {
        let mut hasher = DefaultHasher::new();
        span.hash(&mut hasher);
        let (content, finished) = (hasher.finish(), span.end_ms.is_some());
        let Some(known) = self.spans.iter_mut().find(|known| known.id == span.id) else {
            self.spans.push(Given { id: span.id, content, finished });
            return if finished { Way::Finished } else { Way::Open };
        };
        if known.content == content {
            return Way::Stay;
        }
        known.content = content;
        let first = finished && !known.finished;
        known.finished |= finished;
        if first { Way::Finished } else { Way::Open }
    }

    /// The spans that were given out and are not among these: better knowledge has taken them back.
    pub(crate) fn retract(&mut self, spans: &[Span]) -> Vec<SpanId> {
        let gone = |known: &Given| spans.iter().all(|span| span.id != known.id);
        let taken: Vec<_> = self.spans.extract_if(.., |known| gone(known)).map(|known| known.id).collect();
        taken
    }

    pub(crate) fn any_finished(&self) -> bool {
        self.spans.iter().any(|known| known.finished)
    }
}
