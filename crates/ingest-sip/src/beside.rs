//! Messages that were seen beside their path: sorted by time, copies taken out, clocks of agents compared.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use throughline_sip::{Limits, Message, Start};

use crate::call::Calls;
use crate::hop::{End, Hop, Tracing as _, Transport};
use crate::trunk::Trunk;

/// How long a message waits for earlier ones.
const WINDOW: u64 = 1_000_000_000;
/// Messages that wait, and their bytes; then the oldest go on at once.
const MOST_WAITING: usize = 65_536;
const MOST_BYTES: usize = 64 << 20;
/// How long a message is remembered, so that its copy by another agent is known for one.
const COPIES: u64 = 5_000_000_000;
/// A clock that is further from the time of day is set right at once.
const FAR: u64 = 60_000_000_000;
const MOST_AGENTS: usize = 256;
/// Pairs of copies by which a clock is set right.
const MEASURES: usize = 15;

/// One message, as an agent or a capture has it.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// Nanoseconds since 1970, by the agent's clock.
    pub at: u64,
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub transport: Transport,
    pub agent: u32,
    pub bytes: Bytes,
}

/// Puts sightings in order and shows them to [`Calls`].
pub struct Beside {
    /// How peers are treated: whose contexts are believed.
    trunk: Box<dyn Fn(SocketAddr) -> Option<Arc<Trunk>> + Send>,
    hasher: RandomState,
    waiting: BTreeMap<(u64, u64), (Sighting, Message)>,
    /// Of the messages that wait.
    bytes: usize,
    next: u64,
    /// Copies that were seen, with time and agent.
    seen: HashMap<u64, (u64, u32)>,
    by_age: VecDeque<(u64, u64)>,
    clocks: HashMap<u32, Clock>,
    newest: u64,
    pub copies: u64,
    pub unreadable: u64,
}

/// How far the clock of an agent is ahead.
#[derive(Default)]
struct Clock {
    /// Before any comparison: how far it is from the time of day, where that is far.
    base: i64,
    leads: VecDeque<i64>,
    lead: i64,
}

impl Beside {
    pub fn new(trunk: impl Fn(SocketAddr) -> Option<Arc<Trunk>> + Send + 'static) -> Self {
        Self {
            trunk: Box::new(trunk),
            hasher: RandomState::new(),
            waiting: BTreeMap::new(),
            bytes: 0,
            next: 0,
            seen: HashMap::new(),
            by_age: VecDeque::new(),
            clocks: HashMap::new(),
            newest: 0,
            copies: 0,
            unreadable: 0,
        }
    }

    /// The same for an agent that is heard now. A clock that is minutes wrong would hold its calls back; and whoever floods
    /// must not fill the memory, so that what has no room to wait is shown at once.
    pub fn hear(&mut self, sighting: Sighting, now: u64, calls: &mut Calls) {
        let room = self.clocks.len() < MOST_AGENTS;
        let base = if sighting.at.abs_diff(now) > FAR { difference(sighting.at, now) } else { 0 };
        let set = Clock { base, lead: base, ..Clock::default() };
        match self.clocks.get_mut(&sighting.agent) {
            // What is behind may have waited at the agent; what is ahead, or is right without us, tells of a clock that was set.
            Some(clock) => {
                let at = sighting.at.saturating_add_signed(-clock.lead);
                if at.abs_diff(now) > FAR && (at > now || base == 0) {
                    *clock = set;
                }
            }
            None if room => _ = self.clocks.insert(sighting.agent, set),
            None => {}
        }
        self.take(sighting);
        if self.is_full() {
            self.show(calls, Some(now));
        }
    }

    fn is_full(&self) -> bool {
        self.waiting.len() > MOST_WAITING || self.bytes > MOST_BYTES
    }

    /// Messages that wait, and their bytes.
    pub fn waiting(&self) -> (usize, usize) {
        (self.waiting.len(), self.bytes)
    }

    /// Takes a sighting in. What is no message of SIP is counted.
    pub fn take(&mut self, sighting: Sighting) {
        let Ok(message) = Message::parse(sighting.bytes.clone(), &Limits::DEFAULT) else {
            self.unreadable +=
                u64::from(!sighting.bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n' | 0)));
            return;
        };
        let lead = self.clocks.get(&sighting.agent).map_or(0, |clock| clock.lead);
        let at = sighting.at.saturating_add_signed(-lead);
        if self.is_copy(&sighting, &message, at) {
            self.copies += 1;
            return;
        }
        self.newest = self.newest.max(at);
        self.bytes += sighting.bytes.len();
        self.waiting.insert((at, self.next), (sighting, message));
        self.next += 1;
    }

    /// Shows what has waited long enough; at the end, everything.
    pub fn show(&mut self, calls: &mut Calls, now: Option<u64>) {
        let until = now.map_or(u64::MAX, |now| now.saturating_sub(WINDOW));
        while let Some((&(at, _), _)) = self.waiting.first_key_value()
            && (at <= until || self.is_full())
            && let Some(((at, _), (sighting, message))) = self.waiting.pop_first()
        {
            self.bytes -= sighting.bytes.len();
            let [from, to] = [sighting.from, sighting.to].map(|address| (address, (self.trunk)(address)));
            let end = |(address, trunk): &'_ (SocketAddr, Option<Arc<Trunk>>)| (*address, trunk.clone());
            let ((from, from_trunk), (to, to_trunk)) = (end(&from), end(&to));
            let transport = sighting.transport;
            let hop = Hop {
                at,
                from: End { address: from, transport, trunk: from_trunk.as_ref() },
                to: End { address: to, transport, trunk: to_trunk.as_ref() },
            };
            calls.seen(&hop, &message);
        }
    }

    /// Time passes for calls as well: that of the agents' clocks, for captures are read later.
    pub fn tick(&mut self, calls: &mut Calls, now: u64) {
        self.show(calls, Some(now));
        calls.tick(now.saturating_sub(WINDOW));
        while let Some((at, hash)) = self.by_age.front().copied()
            && now.saturating_sub(at) > COPIES
        {
            self.by_age.pop_front();
            self.seen.remove(&hash);
        }
    }

    /// The newest moment that was seen.
    pub fn newest(&self) -> u64 {
        self.newest
    }

    /// The same message from another agent: the same first line, transaction, ends and body. The same agent never sees
    /// one twice, unless it was sent twice.
    fn is_copy(&mut self, sighting: &Sighting, message: &Message, at: u64) -> bool {
        let branch = message.top_via().ok().and_then(|via| via.branch()).unwrap_or_default();
        let start: &[u8] = match message.start() {
            Start::Request { uri, .. } => uri,
            Start::Status { reason, .. } => reason,
        };
        let what = (message.status(), message.method().map(|method| method.as_bytes()), start);
        let cseq = message.first(throughline_sip::Name::CSeq).unwrap_or_default();
        let call_id = message.call_id().unwrap_or_default();
        let ends = (sighting.from, sighting.to);
        let hash = self.hasher.hash_one((what, branch, cseq, call_id, ends, message.body().len()));
        let known = self.seen.get(&hash).copied();
        match known {
            Some((first, agent)) if agent != sighting.agent => {
                self.compare(sighting, first);
                true
            }
            _ => {
                if self.seen.len() < MOST_WAITING {
                    self.seen.insert(hash, (at, sighting.agent));
                    self.by_age.push_back((at, hash));
                }
                false
            }
        }
    }

    /// One message, two clocks: the median of their differences sets the second right.
    fn compare(&mut self, sighting: &Sighting, first: u64) {
        if self.clocks.len() >= MOST_AGENTS && !self.clocks.contains_key(&sighting.agent) {
            return;
        }
        let clock = self.clocks.entry(sighting.agent).or_default();
        let lead = difference(sighting.at, first);
        if clock.leads.len() >= MEASURES {
            clock.leads.pop_front();
        }
        clock.leads.push_back(lead);
        let mut leads: Vec<_> = clock.leads.iter().copied().collect();
        leads.sort_unstable();
        clock.lead = leads.get(leads.len() / 2).copied().unwrap_or(clock.base);
    }
}

fn difference(one: u64, other: u64) -> i64 {
    let far = |ns: u64| i64::try_from(ns).unwrap_or(i64::MAX);
    if one >= other { far(one - other) } else { -far(other - one) }
}
