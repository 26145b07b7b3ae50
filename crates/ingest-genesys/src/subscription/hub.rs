//! All about subscriptions that the task of the receiver holds: who asked, what came, what is still to be answered.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::asking::{Asking, Reply, Standing, What};
use super::book::{Book, Relation, Subscription};
use super::event::{self, Came};
use super::flood::{Flood, Verdict};
use super::line::Ask;
use super::lines::Lines;
use super::meters::Meters;
use super::settings::{Dialect, Events, Subscribe, Wanted};
use super::wish::{Read, Target, Wish};
use crate::desk::Desk;
use crate::notify::{By, Heard};
use crate::read::Frame;
use crate::{Id, Span, otlp};

/// Between two changes of what channels carry: each is a request with the whole list.
const BREATH: Duration = Duration::from_secs(1);
/// How long a caller waits for the service.
const ANSWER: Duration = Duration::from_secs(4);

pub(crate) struct Hub {
    book: Book,
    flood: Flood,
    dialect: Dialect,
    events: Events,
    lines: Lines,
    meters: Meters,
    /// What each channel carries, and what it was refused.
    carried: BTreeMap<usize, Carried>,
    waiting: Vec<Waiting>,
    /// Spans of events, with their conversations.
    came: Vec<(Id, Relation, Span)>,
    /// When other topics are wanted of the channels.
    want_at: Option<Instant>,
    wanted_at: Option<Instant>,
}

type Carried = (Arc<Vec<String>>, Arc<Vec<(String, String)>>);

/// A caller who waits for the service.
struct Waiting {
    numbers: Vec<u64>,
    /// Of these, what nobody had asked for before.
    new: Vec<u64>,
    warnings: Vec<String>,
    until: Instant,
    answer: oneshot::Sender<Reply>,
}

impl Hub {
    pub(crate) fn new(wanted: &Wanted, lines: Lines, meters: Meters, now_ms: u64) -> Self {
        let subscribe = wanted.subscribe.as_deref().cloned().unwrap_or_else(Subscribe::default);
        let lasts_ms = u64::try_from(subscribe.lasts.get().as_millis()).unwrap_or(u64::MAX);
        let mut hub = Self {
            book: Book::new(subscribe.limit, lasts_ms),
            flood: Flood::new(now_ms),
            dialect: wanted.dialect,
            events: wanted.events,
            lines,
            meters,
            carried: BTreeMap::new(),
            waiting: Vec::new(),
            came: Vec::new(),
            want_at: None,
            wanted_at: None,
        };
        for wish in wanted.at_start() {
            let number = hub.book.always(wish.clone(), hub.on_channels());
            hub.begin(number, &wish);
        }
        hub
    }

    fn on_channels(&self) -> bool {
        self.dialect == Dialect::PublicApi
    }

    /// Opens the socket of a subscription, or lets the channels carry its topics.
    fn begin(&mut self, number: u64, wish: &Wish) {
        match &wish.target {
            Target::Conversations(ids) if !self.on_channels() => {
                let conversations = ids.iter().cloned().collect();
                self.lines.open(Ask { subscription: number, conversations, origin: wish.origin });
            }
            Target::Conversations(_) | Target::Topics(_) => self.change(),
        }
    }

    fn end(&mut self, number: u64) {
        self.book.cancel(number);
        self.lines.close(number);
        self.flood.forget(&[number]);
        self.change();
    }

    /// Changes are gathered, since each is a request of the few that there are in a minute.
    fn change(&mut self) {
        let now = Instant::now();
        let earliest = self.wanted_at.map_or(now, |last| (last + BREATH).max(now));
        self.want_at.get_or_insert(earliest);
    }

    /// When channels have to be told, if they have to be.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.want_at
    }

    /// The topics that channels have to carry for callers.
    pub(crate) fn topics(&self) -> Vec<String> {
        let mut topics: Vec<String> = self.book.topics().map(str::to_owned).collect();
        topics.sort_unstable();
        topics
    }

    /// The channels were told; for these there was no place.
    pub(crate) fn wanted(&mut self, left_out: &[String]) {
        self.want_at = None;
        self.wanted_at = Some(Instant::now());
        // Somebody else may have had the same topic carried already.
        for (channel, (topics, refused)) in &self.carried {
            self.book.placed(*channel, topics.iter().map(String::as_str), refused);
        }
        self.book.left_out(left_out);
        self.answer_waiting(Instant::now());
    }

    /// A channel carries this.
    pub(crate) fn subscribed(&mut self, channel: usize, carried: Carried) {
        self.book.placed(channel, carried.0.iter().map(String::as_str), &carried.1);
        self.carried.insert(channel, carried);
        self.answer_waiting(Instant::now());
    }

    pub(crate) fn line(&mut self, subscription: u64, open: Result<(), String>) {
        self.book.line(subscription, open);
        self.answer_waiting(Instant::now());
    }

    pub(crate) fn asked(&mut self, Asking { what, answer }: Asking, now_ms: u64) {
        let reply = match what {
            What::Subscribe(read) => match self.subscribe(read, now_ms) {
                Ok(waiting) => {
                    self.waiting.push(Waiting { answer, ..waiting });
                    return self.answer_waiting(Instant::now());
                }
                Err(reply) => reply,
            },
            What::List => {
                let all: Vec<Value> = self.book.all().map(|(number, one)| one.shown(number)).collect();
                Reply { status: StatusCode::OK, body: json!({ "subscriptions": all }) }
            }
            What::Cancel(number) => self.cancel(number),
        };
        self.meters.wanted.set(i64::try_from(self.book.size()).unwrap_or(i64::MAX));
        // Who has gone needs no answer.
        answer.send(reply).ok();
    }

    fn subscribe(&mut self, Read { wishes, warnings }: Read, now_ms: u64) -> Result<Waiting, Reply> {
        let (answer, _) = oneshot::channel();
        let until = Instant::now() + ANSWER;
        let mut waiting = Waiting { numbers: Vec::new(), new: Vec::new(), warnings, until, answer };
        for wish in wishes {
            match self.book.ask(wish.clone(), self.on_channels(), now_ms) {
                Ok((number, true)) => {
                    waiting.numbers.push(number);
                    waiting.new.push(number);
                    self.begin(number, &wish);
                }
                Ok((number, false)) => waiting.numbers.push(number),
                Err(full) => {
                    waiting.new.iter().for_each(|number| self.end(*number));
                    let help = "subscriptions to conversations end five minutes after the conversation";
                    return Err(Reply::error(
                        StatusCode::TOO_MANY_REQUESTS,
                        "too_many",
                        &full.to_string(),
                        help,
                    ));
                }
            }
        }
        Ok(waiting)
    }

    fn cancel(&mut self, number: u64) -> Reply {
        match self.book.get(number) {
            Some(one) if one.until_ms < u64::MAX => {
                self.end(number);
                Reply { status: StatusCode::OK, body: json!({ "subscriptions": [] }) }
            }
            Some(_) => {
                let why = "this subscription stands in the configuration";
                Reply::error(StatusCode::CONFLICT, "configured", why, "take it out of `subscriptions` there")
            }
            None => {
                let why = format!("there is no subscription {number}");
                Reply::error(
                    StatusCode::NOT_FOUND,
                    "not_found",
                    &why,
                    "GET /subscriptions lists those there are",
                )
            }
        }
    }

    /// Answers those who need not wait any longer.
    pub(crate) fn answer_waiting(&mut self, now: Instant) {
        for waiting in std::mem::take(&mut self.waiting) {
            let one = |number: &u64| self.book.get(*number).map(|one| (*number, one));
            let all: Vec<(u64, &Subscription)> = waiting.numbers.iter().filter_map(one).collect();
            let standing = |wanted| all.iter().any(|(_, one)| one.standing() == wanted);
            if standing(Standing::Pending) && now < waiting.until {
                self.waiting.push(waiting);
                continue;
            }
            let refused = !standing(Standing::Pending) && !standing(Standing::Subscribed);
            let reply = match all.iter().find_map(|(_, one)| one.refusal()).filter(|_| refused) {
                Some(why) => {
                    let help = "the reason is the service's own; see docs/genesys-cloud.md, Events that somebody asked for";
                    Reply::error(StatusCode::FORBIDDEN, "refused", why, help)
                }
                None if refused => {
                    let why = "the channels of this OAuth client are full";
                    let help =
                        "ask again when conversations have ended; name the queues that matter in `queues`";
                    Reply::error(StatusCode::TOO_MANY_REQUESTS, "no_place", why, help)
                }
                None => {
                    let shown: Vec<Value> = all.iter().map(|(number, one)| one.shown(*number)).collect();
                    let status =
                        if standing(Standing::Pending) { StatusCode::ACCEPTED } else { StatusCode::OK };
                    Reply { status, body: json!({ "subscriptions": shown, "warnings": waiting.warnings }) }
                }
            };
            if refused {
                waiting.new.iter().for_each(|number| self.end(*number));
            }
            waiting.answer.send(reply).ok();
        }
        self.meters.wanted.set(i64::try_from(self.book.size()).unwrap_or(i64::MAX));
    }

    /// An event: who asked for it is added to what it says, and its spans are kept until they are given out.
    pub(crate) fn heard(&mut self, heard: &Heard, frame: &mut Frame, now_ms: u64) {
        if self.events == Events::Off {
            return;
        }
        let Some(conversation) = event::conversation(frame) else { return };
        let channel = match heard.by {
            By::Channel(number) => Some(number),
            By::Line(_) => None,
        };
        let by: Vec<(u64, &Subscription)> = match heard.by {
            By::Channel(number) => self.book.by_topic(number, &frame.topic).collect(),
            By::Line(number) => self.book.get(number).map(|one| (number, one)).into_iter().collect(),
        };
        let mut asked = Vec::new();
        for (subscription, one) in by {
            let Some((origin, relation)) = one.origin().filter(|_| one.wants(&conversation)) else {
                continue;
            };
            asked.push(event::origin_of(&origin));
            if self.events == Events::LinksOnly {
                continue;
            }
            let (received_ms, done_ms) = (heard.at_ms, now_ms);
            let came = Came { frame, bytes: &heard.bytes, received_ms, done_ms, channel, subscription };
            match self.flood.judge(came.id(&origin), &conversation, subscription, now_ms) {
                Verdict::Span => {
                    let span = came.span((origin, relation), &conversation, conversation.trace());
                    self.came.push((conversation.clone(), relation, span));
                    self.meters.spans.inc();
                }
                Verdict::Again => self.meters.repeated.inc(),
                Verdict::TooMany => self.meters.left_out.inc(),
            }
        }
        if let Some(reading) = &mut frame.reading {
            reading.facts.append(&mut asked);
        }
    }

    /// The spans of events since it was last asked, as OTLP bytes, and how many. Those with a link go into the trace of their
    /// conversation as it is known by now.
    pub(crate) fn take(&mut self, desk: &Desk) -> (Vec<u8>, usize) {
        let mut out = Vec::new();
        let count = self.came.len();
        for (conversation, relation, mut span) in self.came.drain(..) {
            if relation == Relation::Link {
                span.trace_id = desk.trace(&conversation).unwrap_or(span.trace_id);
            }
            otlp::write_event(&mut out, &conversation, &span);
        }
        (out, count)
    }

    /// Lets go of what is over.
    pub(crate) fn forget(&mut self, now_ms: u64, desk: &Desk) {
        let gone = self.book.expire(now_ms, |id| desk.ended_ms(id));
        gone.iter().for_each(|number| self.end(*number));
        self.meters.wanted.set(i64::try_from(self.book.size()).unwrap_or(i64::MAX));
    }
}
