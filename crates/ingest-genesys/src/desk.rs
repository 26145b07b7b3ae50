//! All conversations that are open, or ended a short while ago.

mod desks;
mod kept;
mod unheard;
mod meters;
mod underway;
mod outgoing;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use throughline_context::TraceId;

use crate::read::{self, Frame, Limits, Problems, Reading};
use crate::{Conversation, Id, Output, Settings};

pub use desks::Desks;
pub(crate) use desks::{Told, way};
pub(crate) use kept::Kept;
pub(crate) use meters::Meters;
pub(crate) use outgoing::Outgoing;
pub(crate) use underway::Underway;

/// How long a conversation stays after its end: what comes in late is still joined to it.
const LINGER_MS: u64 = 10 * 60_000;
/// How long one stays of which nothing is heard.
const SILENT_MS: u64 = 24 * 3_600_000;
/// How long it is known of a conversation that it was here, so that its spans are not given out again.
const GONE_MS: u64 = 48 * 3_600_000;
/// How long after its end a conversation waits for what was lost.
const UNSURE_MS: u64 = 5 * 60_000;
/// Bytes of spans that are taken at once.
const MOST: usize = 1 << 20;

pub(crate) struct Desk {
    pub(crate) settings: Settings,
    limits: Limits,
    held: HashMap<Id, Held>,
    /// Something is new about these.
    fresh: HashSet<Id>,
    /// When to look again at which, though nothing is new.
    due: BTreeSet<(u64, Id)>,
    gone: HashMap<Id, u64>,
    /// Analytics alone has told of these, since when.
    unheard: BTreeMap<Id, u64>,
    /// What of this has changed since it was last kept; none where nobody keeps it.
    unkept: Option<HashSet<Id>>,
    /// Since when events come in: before that, nothing was waited for.
    since_ms: u64,
    /// Events were lost and not yet asked for: what seems finished may not be.
    pub(crate) unsure: bool,
    problems: Problems,
}

struct Held {
    conversation: Conversation,
    heard_ms: u64,
    /// When something new was heard.
    news_ms: u64,
}

impl Desk {
    pub(crate) fn new(settings: Settings, now_ms: u64) -> Self {
        Self {
            settings,
            limits: Limits::default(),
            held: HashMap::new(),
            fresh: HashSet::new(),
            due: BTreeSet::new(),
            gone: HashMap::new(),
            unheard: BTreeMap::new(),
            unkept: None,
            since_ms: now_ms,
            unsure: true,
            problems: Problems::default(),
        }
    }

    /// A frame of a channel, or what EventBridge makes of it; false where it is neither.
    pub(crate) fn event(&mut self, bytes: &[u8], now_ms: u64) -> bool {
        let frame = self.read(bytes, now_ms);
        let is_event = frame.is_some();
        if let Some(reading) = frame.and_then(|frame| frame.reading) {
            self.learn(reading, now_ms);
        }
        is_event
    }

    /// What a frame says; nothing is learned of it yet.
    pub(crate) fn read(&mut self, bytes: &[u8], received_ms: u64) -> Option<Frame> {
        read::frame(bytes, received_ms, &self.settings, &self.limits, &mut self.problems)
    }

    /// The same from another receiver, which is told when it is done.
    pub(crate) fn told(&mut self, told: Told, now_ms: u64) {
        let is_event = self.event(&told.bytes, now_ms);
        if told.heard.send(is_event).is_err() {
            tracing::debug!("whoever brought an event did not wait");
        }
    }

    /// A page of analytics.
    pub(crate) fn records(&mut self, bytes: &[u8], now_ms: u64) {
        let readings = read::records(bytes, &self.settings, &self.limits, &mut self.problems);
        readings.into_iter().for_each(|reading| self.learn(reading, now_ms));
    }

    pub(crate) fn learn(&mut self, reading: Reading, now_ms: u64) {
        let Reading { conversation: id, facts } = reading;
        if self.gone.contains_key(&id) {
            return;
        }
        let first = !self.held.contains_key(&id);
        let held =
            self.held.entry(id.clone()).or_insert_with(|| Held::new(Conversation::new(id.clone()), now_ms));
        held.heard_ms = now_ms;
        if held.conversation.apply(facts) {
            held.news_ms = now_ms;
            note(&mut self.unkept, &id);
            if held.conversation.is_heard() {
                self.unheard.remove(&id);
            } else if first {
                self.unheard.insert(id.clone(), now_ms);
            }
            self.fresh.insert(id);
        }
    }

    /// The spans of what is new or due, some of them where there are many; the rest comes with the next call.
    pub(crate) fn take(&mut self, now_ms: u64) -> Output {
        while self.due.first().is_some_and(|(at, _)| *at <= now_ms) {
            self.fresh.extend(self.due.pop_first().map(|(_, id)| id));
        }
        let mut output = Output::default();
        let ids: Vec<Id> = self.fresh.iter().cloned().collect();
        for id in ids {
            self.fresh.remove(&id);
            let awaited = self.is_awaited(&id, now_ms);
            let Some(held) = self.held.get_mut(&id) else { continue };
            let end = held.conversation.ended_ms().map(|end| end.max(self.since_ms));
            let old = end.is_some_and(|end| now_ms.saturating_sub(end) >= UNSURE_MS);
            // News that is late is late for all that happened at that time.
            let quiet = now_ms.saturating_sub(held.news_ms) >= self.settings.settle_ms;
            let sure = !awaited && (old || (quiet && !self.unsure));
            let mut spans = held.conversation.spans_for(now_ms, &self.settings, sure);
            output.finished.append(&mut spans.finished);
            output.open.append(&mut spans.open);
            output.finished_spans += spans.finished_spans;
            output.open_spans += spans.open_spans;
            if spans.finished_spans + spans.open_spans > 0 {
                note(&mut self.unkept, &id);
            }
            if let Some(at) = held.conversation.due_ms() {
                self.due.insert((at, id));
            }
            if output.finished.len() + output.open.len() >= MOST {
                break;
            }
        }
        output
    }

    /// Lets go of what ended long enough ago.
    pub(crate) fn forget(&mut self, now_ms: u64) {
        let (held, fresh, gone, unkept) = (&mut self.held, &self.fresh, &mut self.gone, &mut self.unkept);
        let unheard = &mut self.unheard;
        held.retain(|id, held| {
            let quiet = now_ms.saturating_sub(held.heard_ms);
            let ended =
                held.conversation.ended_ms().is_some_and(|end| now_ms.saturating_sub(end) >= LINGER_MS);
            let over = ended && held.conversation.due_ms().is_none() && !fresh.contains(id);
            let stays = !over && quiet < SILENT_MS;
            if !stays {
                unheard.remove(id);
                gone.insert(id.clone(), now_ms);
                note(unkept, id);
            }
            stays
        });
        gone.retain(|id, at| {
            let stays = now_ms.saturating_sub(*at) < GONE_MS;
            if !stays {
                note(unkept, id);
            }
            stays
        });
    }

    /// The conversations that go on, as far as is known.
    pub(crate) fn open(&self) -> Vec<Id> {
        let open = |(_, held): &(&Id, &Held)| held.conversation.ended_ms().is_none();
        self.held.iter().filter(open).map(|(id, _)| id.clone()).collect()
    }

    /// When a conversation ended, if it is here and has.
    pub(crate) fn ended_ms(&self, id: &Id) -> Option<u64> {
        self.held.get(id)?.conversation.ended_ms()
    }

    /// The trace of a conversation as far as is known.
    pub(crate) fn trace(&self, id: &Id) -> Option<TraceId> {
        self.held.get(id)?.conversation.last_trace()
    }

    pub(crate) fn len(&self) -> usize {
        self.held.len()
    }

    /// True where `take` has something to give.
    pub(crate) fn waits(&self) -> bool {
        !self.fresh.is_empty()
    }

    /// What could not be read since it was last asked.
    pub(crate) fn problems(&mut self) -> Problems {
        std::mem::take(&mut self.problems)
    }
}

impl Held {
    fn new(conversation: Conversation, now_ms: u64) -> Self {
        Self { conversation, heard_ms: now_ms, news_ms: now_ms }
    }
}

fn note(unkept: &mut Option<HashSet<Id>>, id: &Id) {
    if let Some(unkept) = unkept {
        unkept.insert(id.clone());
    }
}
