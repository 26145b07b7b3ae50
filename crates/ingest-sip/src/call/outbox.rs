//! Spans that wait for the pipeline. A call never waits for them.

use std::collections::VecDeque;

use bytes::Bytes;
use flow::{Audience, Batch, Payload, Signal};

use crate::slack;

/// Bytes that are given out at once.
const AT_ONCE: usize = 256 << 10;

/// Spans of calls, to be consumed as one batch.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Finished {
    /// Whole requests (`ExportTraceServiceRequest`), which together are one, and the spans in each.
    parts: Vec<(Bytes, usize)>,
    audience: Audience,
}

impl Finished {
    pub fn spans(&self) -> usize {
        self.parts.iter().map(|(_, spans)| spans).sum()
    }

    /// The batch for the pipeline; the bytes are shared.
    pub fn batch(&self) -> Batch {
        let mut payload = Payload::default();
        self.parts.iter().for_each(|(group, _)| payload.push(group.clone()));
        Batch { audience: self.audience, ..Batch::new(Signal::Traces, payload, self.spans()) }
    }
}

#[derive(Default, Debug)]
pub(crate) struct Outbox {
    most: usize,
    bytes: usize,
    waiting: VecDeque<(Bytes, usize, Audience)>,
    pub(crate) lost: u64,
}

impl Outbox {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, ..Self::default() }
    }

    /// Takes spans in, unless there is no room: then they are lost, and counted.
    pub(crate) fn push(&mut self, group: Vec<u8>, spans: usize, audience: Audience) {
        if spans == 0 {
            return;
        }
        if self.bytes + group.len() > self.most {
            self.lost += spans as u64;
            return;
        }
        self.bytes += group.len();
        self.waiting.push_back((group.into(), spans, audience));
    }

    pub(crate) fn next(&mut self) -> Option<Finished> {
        let (_, _, audience) = *self.waiting.front()?;
        let mut finished = Finished { audience, ..Finished::default() };
        let mut bytes = 0;
        while bytes < AT_ONCE
            && let Some((group, spans, _)) = self.waiting.pop_front_if(|(_, _, own)| *own == audience)
        {
            bytes += group.len();
            finished.parts.push((group, spans));
        }
        self.bytes -= bytes;
        slack::deque(&mut self.waiting);
        Some(finished)
    }

    /// Takes back what the pipeline refused: it goes first, if there is room.
    pub(crate) fn put_back(&mut self, finished: Finished) {
        let bytes: usize = finished.parts.iter().map(|(group, _)| group.len()).sum();
        if self.bytes + bytes > self.most {
            self.lost += finished.spans() as u64;
            return;
        }
        self.bytes += bytes;
        for (group, spans) in finished.parts.into_iter().rev() {
            self.waiting.push_front((group, spans, finished.audience));
        }
    }
}
