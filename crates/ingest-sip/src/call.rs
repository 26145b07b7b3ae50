//! Calls: what every message of them is told of the trace, and what is told of them when they are over.
//!
//! [`Calls`] sees each message that passes, finds or begins its call, writes the context into it, and notes the moment.
//! A call's spans come out of [`Calls::finished`] when it has ended and has settled.

mod secret;
mod settings;
mod headers;
mod token;
mod people;
mod timeline;
mod record;
mod past;
mod table;
mod transfers;
mod dialog;
mod begin;
mod request;
mod response;
mod refer;
mod spans;
mod outbox;
mod summary;

use throughline_sip::{Edit, Heads, Message};

use crate::hop::{End, Hop, Tracing};
use crate::slack;
use dialog::Dialog;
use outbox::Outbox;
use record::{Call, Sent};
use spans::Part;
use table::{Key, Table};
use transfers::Transfers;

pub use outbox::Finished;
pub use secret::Secret;
pub use settings::{Numbers, Settings};
pub use summary::Summary;

const SECOND: u64 = 1_000_000_000;
/// A refresh is not awaited for longer than a day, whatever a message says.
const LONGEST_REFRESH: u32 = 24 * 3600;

/// All calls that pass.
pub struct Calls {
    settings: Settings,
    table: Table,
    transfers: Transfers,
    /// Calls whose end was seen, until they have settled.
    closing: std::collections::VecDeque<(u64, Key, u64)>,
    outbox: Outbox,
    counts: Counts,
}

/// What was counted since the start, and what is there now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    pub calls: usize,
    pub transfers: usize,
    /// Bytes of the calls that are remembered.
    pub bytes: usize,
    pub begun: u64,
    /// Calls that left because there was no room.
    pub evicted: u64,
    /// Calls that never ended.
    pub expired: u64,
    /// Spans that nobody took.
    pub spans_lost: u64,
    /// Calls that followed a transfer: by a word or a header that came back.
    pub linked: u64,
    /// The same by being the only one that could.
    pub guessed: u64,
    /// Calls that could have followed one of several transfers.
    pub ambiguous: u64,
    /// Messages that could not be changed as they should have been.
    pub unchanged: u64,
    /// Messages in a dialog that nobody knows.
    pub unknown: u64,
}

impl Calls {
    pub fn new(settings: Settings) -> Self {
        let lifetime = nanoseconds(settings.token_lifetime);
        Self {
            table: Table::new(settings.calls),
            transfers: Transfers::new(settings.transfers, lifetime),
            closing: std::collections::VecDeque::new(),
            outbox: Outbox::new(settings.buffer),
            counts: Counts::default(),
            settings,
        }
    }

    /// The next spans for the pipeline.
    pub fn finished(&mut self) -> Option<Finished> {
        self.outbox.next()
    }

    /// Takes back what the pipeline refused.
    pub fn put_back(&mut self, finished: Finished) {
        self.outbox.put_back(finished);
    }

    /// From now on each call leaves a summary, for who reads a capture.
    pub fn summarise(&mut self) {
        self.outbox.summaries.get_or_insert_default();
    }

    /// Summaries of calls that have ended, in that order.
    pub fn summaries(&mut self) -> Vec<Summary> {
        self.outbox.summaries.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// A message that was seen beside its path.
    pub fn seen(&mut self, hop: &Hop<'_>, message: &Message) {
        let mut edit = message.edit();
        match message.method() {
            Some(_) => self.pass_request(hop, message, Dialog::of(message), &mut edit),
            None => self.pass_response(hop, message, Dialog::of(message), &mut edit),
        }
    }

    pub fn counts(&self) -> Counts {
        Counts {
            calls: self.table.len(),
            transfers: self.transfers.len(),
            bytes: self.table.bytes(),
            spans_lost: self.outbox.lost,
            ..self.counts
        }
    }

    /// Nothing more comes: the spans of all calls, those that go on included.
    pub fn close(&mut self, now: u64) {
        for key in self.table.all() {
            self.send(key, now);
        }
        self.table.clear();
    }

    /// Adds a call, for which another one may have to leave.
    fn add(&mut self, key: Key, call: Call) {
        self.counts.begun += 1;
        if let Some(gone) = self.table.add(key, call) {
            self.counts.evicted += u64::from(gone.sent < Sent::All);
            self.outbox.rest(&gone, gone.timeline.last, &self.settings);
        }
    }

    /// Notes that a call has come to its end, if it has.
    fn closes(&mut self, key: Key) {
        if let Some(call) = self.table.get_mut(key)
            && call.sent < Sent::All
            && let Some(ended) = call.timeline.ended()
            && call.closing != Some(ended)
        {
            call.closing = Some(ended);
            self.closing.push_back((ended.max(call.timeline.last), key, call.number));
        }
    }

    /// Writes the spans of a call, and lets it go after a while.
    fn send(&mut self, key: Key, now: u64) {
        let Some(call) = self.table.get(key).filter(|call| call.sent < Sent::All) else { return };
        let end = call.timeline.ended().unwrap_or(call.timeline.last);
        self.outbox.rest(call, end, &self.settings);
        self.table.end(key, now);
    }

    /// Calls that have settled, in the order in which they ended.
    fn settle(&mut self, now: u64) {
        let settle = nanoseconds(self.settings.settle);
        slack::deque(&mut self.closing);
        while let Some((ended, key, number)) = self.closing.front().copied()
            && now.saturating_sub(ended) >= settle
        {
            self.closing.pop_front();
            let over = |call: &&Call| call.number == number && call.timeline.ended().is_some();
            if self.table.get(key).filter(over).is_some_and(|call| call.sent < Sent::All) {
                self.send(key, now);
            }
        }
    }

    /// Gives up calls that never end, and sends the beginning of those whose conversation is known.
    fn look_round(&mut self, now: u64) {
        for key in self.table.turn() {
            let Some(call) = self.table.get(key).filter(|call| call.sent < Sent::All) else { continue };
            let timeline = &call.timeline;
            if now.saturating_sub(timeline.last) > self.patience(call) {
                self.counts.expired += u64::from(timeline.ended().is_none());
                self.send(key, now);
            } else if let Some(answered) = timeline.answered()
                && call.sent == Sent::Nothing
                && call.trace.conversation.is_some()
                && now.saturating_sub(answered) >= nanoseconds(self.settings.settle)
            {
                self.outbox.part(call, now, Part::Setup, &self.settings);
                self.outbox.part(call, now, Part::Running, &self.settings);
                if let Some(call) = self.table.get_mut(key) {
                    call.sent = Sent::Setup;
                }
            }
        }
    }

    /// How long a call may say nothing (RFC 4028, section 10; a margin for a refresh that is late).
    fn patience(&self, call: &Call) -> u64 {
        match call.timeline.refresh {
            _ if call.timeline.answered().is_none() => nanoseconds(self.settings.longest_setup),
            Some(seconds) => (u64::from(seconds.min(LONGEST_REFRESH)) + 32) * SECOND,
            None => nanoseconds(self.settings.longest),
        }
    }
}

impl Tracing for Calls {
    fn request(&mut self, hop: &Hop<'_>, message: &Message, heads: &Heads<'_>, edit: &mut Edit<'_>) {
        self.pass_request(hop, message, Some(heads.into()), edit);
    }

    fn response(&mut self, hop: &Hop<'_>, message: &Message, heads: &Heads<'_>, edit: &mut Edit<'_>) {
        self.pass_response(hop, message, Some(heads.into()), edit);
    }

    fn answered(&mut self, at: u64, from: &End<'_>, request: &Message, status: u16) {
        self.answer(at, from, request, status);
    }

    fn tick(&mut self, now: u64) {
        self.settle(now);
        self.look_round(now);
        self.table.forget(now);
        self.transfers.tick(now);
    }
}

impl std::fmt::Debug for Calls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Calls").field("counts", &self.counts()).finish_non_exhaustive()
    }
}

fn nanoseconds(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
