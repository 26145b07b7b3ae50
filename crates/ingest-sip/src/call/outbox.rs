//! Spans that wait for the pipeline. A call never waits for them.

use std::collections::VecDeque;

use bytes::Bytes;
use flow::{Audience, Batch, Payload, Signal};

use super::record::{Call, Sent};
use super::settings::Settings;
use super::spans::{self, Part};
use super::summary::Summary;
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
    /// Of calls that are over, where somebody asked for them.
    pub(crate) summaries: Option<Vec<Summary>>,
}

impl Outbox {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, ..Self::default() }
    }

    /// Writes what has not been written of a call that is over.
    pub(crate) fn rest(&mut self, call: &Call, end: u64, settings: &Settings) {
        let part = match call.sent {
            Sent::All => return,
            Sent::Setup => Part::Rest,
            Sent::Nothing => Part::All,
        };
        self.summaries.iter_mut().for_each(|summaries| summaries.push(Summary::of(call, end)));
        self.part(call, end, part, settings);
    }

    /// Writes a part of a call.
    pub(crate) fn part(&mut self, call: &Call, end: u64, part: Part, settings: &Settings) {
        let spans = spans::of(call, end, part, settings);
        let audience = if part == Part::Running { Audience::Stores } else { Audience::All };
        self.push(spans::group(call, &spans, settings), spans.len(), audience);
    }

    /// Takes spans in, unless there is no room: then they are lost, and counted.
    fn push(&mut self, group: Vec<u8>, spans: usize, audience: Audience) {
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
