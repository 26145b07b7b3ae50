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
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Open,
    /// It has ended; everybody gets it at this time.
    Due(u64),
    Finished,
}

/// Where a span goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    /// To everybody: it is finished, and was not given out as such.
    Finished,
    /// To the store alone: it goes on, may still change, or was given out as finished before.
    Open,
    /// Nowhere: nothing has changed.
    Stay,
}

impl Emitted {
    pub(crate) fn way(&mut self, span: &Span, now_ms: u64, settle_ms: u64) -> Way {
        let mut hasher = DefaultHasher::new();
        span.hash(&mut hasher);
        let content = hasher.finish();
        let now = match span.end_ms.map(|end| end.saturating_add(settle_ms)) {
            None => State::Open,
            Some(due) if due > now_ms => State::Due(due),
            Some(_) => State::Finished,
        };
        let Some(known) = self.spans.iter_mut().find(|known| known.id == span.id) else {
            self.spans.push(Given { id: span.id, content, state: now });
            return if now == State::Finished { Way::Finished } else { Way::Open };
        };
        let changed = std::mem::replace(&mut known.content, content) != content;
        let was = known.state;
        if was != State::Finished {
            known.state = now;
        }
        match (was, now) {
            (State::Open | State::Due(_), State::Finished) => Way::Finished,
            _ if changed => Way::Open,
            _ => Way::Stay,
        }
    }

    /// The spans that were given out and are not among these: better knowledge has taken them back.
    pub(crate) fn retract(&mut self, spans: &[Span]) -> Vec<SpanId> {
        let gone = |known: &Given| spans.iter().all(|span| span.id != known.id);
        self.spans.extract_if(.., |known| gone(known)).map(|known| known.id).collect()
    }

    pub(crate) fn any_finished(&self) -> bool {
        self.spans.iter().any(|known| known.state == State::Finished)
    }

    /// When the next span is due.
    pub(crate) fn due_ms(&self) -> Option<u64> {
        let due = self.spans.iter().filter_map(|known| match known.state {
            State::Due(at) => Some(at),
            _ => None,
        });
        due.min()
    }
}
