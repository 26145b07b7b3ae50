//! The service without its sockets: requests are answered and messages go out at the times of a clock that the caller holds.
//!
//! The same seed, the same requests at the same times: the same answers.

mod options;
mod answer;
mod access;
mod rights;
mod topics;
mod channels;
mod faults;
mod centre;
mod actions;
mod traffic;
mod directory;
mod conversations;
mod calls;
mod transfers;
mod phone;
mod analytics;
mod jobs;
mod events;
mod endpoints;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use http::Method;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::ids;
use super::time::iso;
use crate::chance::Chance;
use access::Access;
use answer::put;
use centre::Centre;
use channels::Channels;
use directory::Directory;
use events::Stream;
use jobs::Jobs;

pub use actions::ActionCall;
pub use answer::{Answer, Request};
pub use channels::Frame;
pub use endpoints::ENDPOINTS;
pub use faults::{Faults, Mischief};
pub use options::{Options, Traffic};

/// How many notes on what clients sent are kept.
const MAX_SEEN: usize = 1000;

/// How far a client may move a manual clock at once.
const MAX_STEP_MS: u64 = 86_400_000;

/// Genesys Cloud, as far as this project uses it.
pub struct Service {
    options: Options,
    /// `http://127.0.0.1:8300`, where it can be reached.
    base: String,
    now: u64,
    /// Ids, correlation ids and faults.
    chance: Chance,
    /// Which conversations begin, and when: whatever clients do, these are the same.
    fate: Chance,
    agenda: Agenda,
    access: Access,
    channels: Channels,
    directory: Directory,
    centre: Centre,
    jobs: Jobs,
    faults: Faults,
    tally: Tally,
    seen: VecDeque<Value>,
    /// Endpoints that some request was for.
    used: BTreeSet<&'static str>,
    /// Clients may move the clock.
    manual_clock: bool,
    bridge: Option<mpsc::Sender<Value>>,
    actions: Option<mpsc::Sender<ActionCall>>,
    streams: Vec<Stream>,
    stream_number: u64,
}

/// Counts of what has been done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Tally {
    pub requests: u64,
    pub conversations_begun: u64,
    pub conversations_ended: u64,
    /// Messages that some client had subscribed to, and those of them that went into a socket.
    pub published: u64,
    pub delivered: u64,
    pub bridged: u64,
    pub bridge_full: u64,
    pub faults: u64,
}

/// What is to come, in the order of time.
#[derive(Default)]
struct Agenda {
    due: BTreeMap<(u64, u64), Due>,
    number: u64,
}

enum Due {
    /// The next message of a conversation.
    Notice {
        conversation: String,
    },
    Arrival,
    /// A flow calls its Data Action of this number.
    Action {
        conversation: String,
        number: usize,
    },
    /// A message that a fault holds back.
    Late {
        channel: String,
        text: String,
    },
    /// The end that `socket_closing` announced.
    Close {
        channel: String,
        generation: u64,
    },
}

impl Agenda {
    fn put(&mut self, at: u64, due: Due) {
        self.number += 1;
        self.due.insert((at, self.number), due);
    }

    fn next(&self) -> Option<u64> {
        self.due.first_key_value().map(|((at, _), _)| *at)
    }

    fn take(&mut self, until: u64) -> Option<(u64, Due)> {
        let first = self.due.first_entry().filter(|first| first.key().0 <= until)?;
        let ((at, _), due) = first.remove_entry();
        Some((at, due))
    }
}

impl Service {
    /// `base` is where clients reach it; `now` the time in milliseconds since 1970.
    pub fn new(options: Options, base: &str, now: u64) -> Self {
        let seed = options.seed;
        let mut service = Self {
            base: base.to_owned(),
            now,
            chance: Chance::stream(seed, ids::hash("service")),
            fate: Chance::stream(seed, ids::hash("traffic")),
            agenda: Agenda::default(),
            access: Access::default(),
            channels: Channels::default(),
            directory: Directory::of(&options),
            centre: Centre::default(),
            jobs: Jobs::default(),
            faults: options.faults.clone(),
            tally: Tally::default(),
            seen: VecDeque::new(),
            used: BTreeSet::new(),
            manual_clock: false,
            bridge: None,
            actions: None,
            streams: Vec::new(),
            stream_number: 0,
            options,
        };
        service.begin_traffic();
        service
    }

    /// When there is something to do next, if nobody asks before.
    pub fn next_due(&self) -> Option<u64> {
        self.agenda.next()
    }

    pub fn now(&self) -> u64 {
        self.now
    }

    /// What goes wrong from now on.
    pub fn faults_mut(&mut self) -> &mut Faults {
        &mut self.faults
    }

    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Whether some channel is subscribed to a topic that begins so.
    pub fn carries(&self, topic: &str) -> bool {
        self.channels.begins(topic)
    }

    /// Does what is due until `now`.
    pub fn advance(&mut self, now: u64) {
        while self.advance_some(now, usize::MAX) {}
    }

    /// Moves the clock and leaves what is due to somebody else.
    pub(super) fn look(&mut self, now: u64) {
        self.now = self.now.max(now);
    }

    /// Does at most so much of what is due until `now`; true if more is.
    pub(super) fn advance_some(&mut self, now: u64, most: usize) -> bool {
        for _ in 0..most {
            let Some((at, due)) = self.agenda.take(now) else {
                self.now = self.now.max(now);
                return false;
            };
            self.now = self.now.max(at);
            match due {
                Due::Notice { conversation } => self.tell(&conversation),
                Due::Arrival => self.arrival(),
                Due::Action { conversation, number } => self.act(&conversation, number),
                Due::Late { channel, text } => self.send(&channel, text),
                Due::Close { channel, generation } => self.channels.close(&channel, generation),
            }
        }
        true
    }

    /// Endpoints that requests have been for.
    pub fn used(&self) -> &BTreeSet<&'static str> {
        &self.used
    }

    /// Lets clients move the clock with `POST /sim/clock`.
    pub fn with_manual_clock(mut self) -> Self {
        self.manual_clock = true;
        self
    }

    /// Every message that EventBridge would get goes here as well.
    pub fn bridge_to(&mut self, bridge: mpsc::Sender<Value>) {
        self.bridge = Some(bridge);
    }

    /// Answers one request as of now.
    pub fn answer(&mut self, request: &Request) -> Answer {
        self.tally.requests += 1;
        let correlation = ids::uuid(&mut self.chance);
        let mut answer = self.route(request).unwrap_or_else(|refused| *refused);
        answer.correlate(&correlation);
        answer
    }

    fn route(&mut self, request: &Request) -> Result<Answer, Box<Answer>> {
        let path: Vec<&str> = request.path.split('/').skip(1).collect();
        if let ["sim", rest @ ..] = path.as_slice() {
            return self.control(request, rest);
        }
        let Some(endpoint) = endpoints::of(&request.method, &request.path) else {
            let message = format!("the simulator has no {} {}", request.method, request.path);
            return Err(Answer::not_found(&message));
        };
        self.used.insert(endpoint);
        if path == ["oauth", "token"] {
            return self.grant(request);
        }
        let token = self.access.token(request, self.now)?;
        let limits = self.access.count(&token, self.now, &self.options)?;
        let mischief = self.mischief_of_requests(limits.reset)?;
        let mut answer = self.resource(request, &path, &token).unwrap_or_else(|refused| *refused);
        answer.limits = Some(limits);
        answer.delay_ms = mischief;
        Ok(answer)
    }

    fn resource(&mut self, request: &Request, path: &[&str], token: &str) -> Result<Answer, Box<Answer>> {
        let ["api", "v2", rest @ ..] = path else {
            return Err(Answer::not_found("no such resource"));
        };
        match rest {
            ["tokens", "me"] => self.own_token(request, token),
            ["authorization", "subjects", "me"] => Ok(Answer::ok(self.own_rights(request))),
            ["users", rest @ ..] => self.directory.users(&self.options, request, rest),
            ["routing", "queues", rest @ ..] => self.directory.queues(&self.options, request, rest),
            ["notifications", rest @ ..] => self.notifications(request, rest),
            ["analytics", "conversations", rest @ ..] => self.analytics(request, rest),
            ["conversations", rest @ ..] => self.conversations(request, rest),
            _ => Err(Answer::not_found(&format!("the simulator has no {}", request.path))),
        }
    }

    /// What tests ask of the simulator and not of the service.
    fn control(&mut self, request: &Request, rest: &[&str]) -> Result<Answer, Box<Answer>> {
        match (&request.method, rest) {
            (&Method::GET, ["state"]) => Ok(Answer::ok(json!({
                "now": iso(self.now),
                "tally": self.tally,
                "conversations_live": self.centre.live(),
                "channels": self.channels.len(),
                "sockets": self.channels.sockets(),
            }))),
            (&Method::POST, ["clock"]) if self.manual_clock => {
                let by =
                    request.json()?.get("advance_ms").and_then(Value::as_u64).filter(|by| *by <= MAX_STEP_MS);
                let wrong = || {
                    Answer::error(400, "bad.request", "The body is {\"advance_ms\": 1000}, a day at most.")
                };
                self.advance(self.now + by.ok_or_else(wrong)?);
                Ok(Answer::ok(json!({"now": iso(self.now)})))
            }
            (&Method::GET, ["seen"]) => Ok(Answer::ok(json!(self.seen))),
            (&Method::GET, ["faults"]) => Ok(Answer::ok(json!(self.faults))),
            (&Method::POST, ["faults"]) => self.set_faults(request),
            (&Method::DELETE, ["faults"]) => {
                self.faults = Faults::default();
                Ok(Answer::ok(json!(self.faults)))
            }
            _ => Err(Answer::not_found("the simulator has /sim/state, /sim/seen and /sim/faults")),
        }
    }

    /// Keeps a note of something that a client sent and that the service takes without a word.
    fn note(&mut self, what: &str, mut note: Value) {
        put(&mut note, "what", what);
        put(&mut note, "at", iso(self.now));
        if self.seen.len() == MAX_SEEN {
            self.seen.pop_front();
        }
        self.seen.push_back(note);
    }
}

#[cfg(test)]
mod tests;
