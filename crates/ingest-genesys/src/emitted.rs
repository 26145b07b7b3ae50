//! What was given out, so that each finished span goes out once and only what changed goes out again.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{Deserialize, Serialize};
use throughline_context::{SpanId, TraceId};

use crate::span::Span;

/// When to look again at what is not sure.
const AGAIN_MS: u64 = 1000;

#[derive(Clone, Debug, Default)]
pub(crate) struct Emitted {
    /// In the order of their ids.
    spans: Vec<Given>,
    /// Which they were given out in.
    trace: Option<TraceId>,
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
    /// Everybody has it.
    Finished,
    /// Everybody has it, and it was taken back.
    Withdrawn,
}

/// What outlives the process about a span that was given out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Mark {
    Open,
    Finished,
    Withdrawn,
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
    /// What an earlier process gave out. What it was is not known: each span goes to the store again.
    pub(crate) fn again(trace: Option<TraceId>, marks: impl IntoIterator<Item = (SpanId, Mark)>) -> Self {
        let given = |(id, mark)| {
            let state = match mark {
                Mark::Open => State::Open,
                Mark::Finished => State::Finished,
                Mark::Withdrawn => State::Withdrawn,
            };
            Given { id, content: 0, state }
        };
        let mut spans: Vec<Given> = marks.into_iter().map(given).collect();
        spans.sort_by_key(|given| given.id);
        spans.dedup_by_key(|given| given.id);
        Self { spans, trace }
    }

    pub(crate) fn marks(&self) -> impl Iterator<Item = (SpanId, Mark)> {
        self.spans.iter().map(|given| {
            let mark = match given.state {
                State::Open | State::Due(_) => Mark::Open,
                State::Finished => Mark::Finished,
                State::Withdrawn => Mark::Withdrawn,
            };
            (given.id, mark)
        })
    }

    pub(crate) fn way(&mut self, span: &Span, now_ms: u64, settle_ms: u64, sure: bool) -> Way {
        let mut hasher = DefaultHasher::new();
        span.hash(&mut hasher);
        let content = hasher.finish();
        let now = match span.end_ms.map(|end| end.saturating_add(settle_ms)) {
            None => State::Open,
            Some(due) if due > now_ms => State::Due(due),
            Some(_) if !sure => State::Due(now_ms.saturating_add(AGAIN_MS)),
            Some(_) => State::Finished,
        };
        let place = self.spans.binary_search_by_key(&span.id, |known| known.id);
        if let Err(at) = place {
            self.spans.insert(at, Given { id: span.id, content, state: now });
            return if now == State::Finished { Way::Finished } else { Way::Open };
        }
        let Some(known) = place.ok().and_then(|at| self.spans.get_mut(at)) else { return Way::Stay };
        let changed = std::mem::replace(&mut known.content, content) != content;
        let was = known.state;
        known.state = if matches!(was, State::Open | State::Due(_)) { now } else { State::Finished };
        match (was, now) {
            (State::Open | State::Due(_), State::Finished) => Way::Finished,
            (State::Withdrawn, _) => Way::Open,
            _ if changed => Way::Open,
            _ => Way::Stay,
        }
    }

    /// From now on spans are given out in this trace. Where it was another one, that one, and what the store has there;
    /// nobody else has anything yet.
    pub(crate) fn move_to(&mut self, trace: TraceId) -> Option<(TraceId, Vec<SpanId>)> {
        let before = self.trace.replace(trace).filter(|before| *before != trace)?;
        Some((before, std::mem::take(&mut self.spans).into_iter().map(|given| given.id).collect()))
    }

    /// The spans that were given out and are not among these: better knowledge has taken them back.
    pub(crate) fn retract(&mut self, spans: &[Span]) -> Vec<SpanId> {
        let ids: BTreeSet<SpanId> = spans.iter().map(|span| span.id).collect();
        let mut taken_back = Vec::new();
        self.spans.retain_mut(|known| {
            if ids.contains(&known.id) || known.state == State::Withdrawn {
                return true;
            }
            taken_back.push(known.id);
            let given = std::mem::replace(&mut known.state, State::Withdrawn);
            given == State::Finished
        });
        taken_back
    }

    /// The trace of what was given out last.
    pub(crate) fn trace(&self) -> Option<TraceId> {
        self.trace
    }

    pub(crate) fn any_finished(&self) -> bool {
        self.spans.iter().any(|known| known.state == State::Finished)
    }

    /// Everybody has everything.
    pub(crate) fn all_finished(&self) -> bool {
        self.spans.iter().all(|known| matches!(known.state, State::Finished | State::Withdrawn))
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

#[cfg(test)]
mod tests;
