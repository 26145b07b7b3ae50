//! One INVITE: from whom it came, to whom it went, and what was answered.

use std::sync::Arc;

use bytes::Bytes;
use throughline_sip::{Limits, Message, Method};

use super::timer::{C, LONG, Repeat};
use super::{Fork, Policy};
use crate::edge::Edge;
use crate::edge::flow::{Flow, Output};
use crate::edge::marks::Branch;
use crate::edge::path::Path;
use crate::edge::request::Request;
use crate::trunk::Trunk;

/// Messages are kept as they were written: what is kept for half a minute has to be small.
pub(super) struct Call {
    /// As it came; nothing once the caller has been answered.
    pub(super) request: Bytes,
    pub(super) from: Flow,
    pub(super) trunk: Option<Arc<Trunk>>,
    pub(super) branch: Branch,
    pub(super) policy: Policy,
    /// Targets that have not been tried, the next one last.
    pub(super) left: Vec<Flow>,
    pub(super) clients: Vec<Client>,
    pub(super) answer: Answer,
    /// Somebody has been told that it rings: no other target is tried after a failure.
    pub(super) rang: bool,
    pub(super) cancelled: bool,
    pub(super) redirects: usize,
    pub(super) best: Option<Box<(Flow, Message)>>,
    /// Refusals that ask for credentials.
    pub(super) challenges: Vec<Message>,
    /// A target has said nothing, or nothing more.
    pub(super) silent: bool,
}

/// What the caller has been told.
pub(super) enum Answer {
    /// Nothing final; the last provisional answer.
    Open(Flow, Bytes),
    /// A refusal, sent again until its ACK comes.
    Refused(Box<Repeat>),
    /// Accepted, or the refusal's ACK has come. What comes late is known until then.
    Ended { until: u64 },
}

/// The INVITE at one target.
pub(super) struct Client {
    pub(super) to: Flow,
    /// As it went out; its ACK and CANCEL are made from it. Nothing once it has accepted.
    pub(super) sent: Bytes,
    pub(super) state: State,
    pub(super) cancel: Option<Box<Repeat>>,
}

pub(super) enum State {
    /// Nothing has been heard.
    Calling(Box<Repeat>),
    /// Something provisional has been heard.
    Proceeding { until: u64 },
    /// The final answer is there.
    Ended,
}

impl Call {
    pub(super) fn is_over(&self) -> bool {
        matches!(self.answer, Answer::Ended { until: 0 })
    }

    pub(super) fn is_due(&self, now: u64) -> bool {
        let answer = match &self.answer {
            Answer::Open(..) => u64::MAX,
            Answer::Refused(repeat) => repeat.due(),
            Answer::Ended { until } => *until,
        };
        let client = |client: &Client| {
            let state = match &client.state {
                State::Calling(repeat) => repeat.due(),
                State::Proceeding { until } => *until,
                State::Ended => u64::MAX,
            };
            state.min(client.cancel.as_ref().map_or(u64::MAX, |cancel| cancel.due()))
        };
        self.clients.iter().map(client).fold(answer, u64::min) <= now
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.answer, Answer::Open(..))
    }

    pub(super) fn pending(&self) -> bool {
        self.clients.iter().any(|client| !matches!(client.state, State::Ended))
    }

    /// The caller is told how it ended: no other target is tried, and what was for that is let go.
    pub(super) fn end(&mut self, answer: Answer) {
        self.answer = answer;
        (self.request, self.best) = (Bytes::new(), None);
        (self.left, self.challenges) = (Vec::new(), Vec::new());
    }
}

impl Edge {
    /// Passes an INVITE on with state. `targets` are in the order in which they are tried.
    pub(in crate::edge) fn begin(
        &mut self,
        request: &Request<'_>,
        branch: Branch,
        policy: Policy,
        mut targets: Vec<Flow>,
        out: &mut Vec<Output>,
    ) {
        let Some((to, trying)) = self.provisional(request) else { return };
        out.push(Output::Send { to, bytes: trying.clone() });
        targets.reverse();
        let mut call = Call {
            // Of a stream it may be a part of something larger.
            request: Bytes::copy_from_slice(request.message.as_bytes()),
            from: request.from,
            trunk: request.trunk.cloned(),
            branch,
            policy,
            left: targets,
            clients: Vec::new(),
            answer: Answer::Open(to, trying),
            rang: false,
            cancelled: false,
            redirects: 0,
            best: None,
            challenges: Vec::new(),
            silent: false,
        };
        self.try_next((request.at, request.message), &mut call, out);
        self.transactions.calls.insert(branch, Box::new(call));
    }

    /// Tries one target more, or all that are left; false where there is none.
    pub(super) fn try_next(
        &mut self,
        request: (u64, &Message),
        call: &mut Call,
        out: &mut Vec<Output>,
    ) -> bool {
        let before = call.clients.len();
        while let Some(to) = call.left.pop() {
            if let Some(client) = self.try_target(request, call, to, out) {
                call.clients.reserve_exact(1);
                call.clients.push(client);
                if call.policy.fork != Fork::Parallel {
                    break;
                }
            }
        }
        call.clients.len() > before
    }

    fn try_target(
        &mut self,
        (now, message): (u64, &Message),
        call: &Call,
        to: Flow,
        out: &mut Vec<Output>,
    ) -> Option<Client> {
        let request =
            Request { at: now, from: call.from, trunk: call.trunk.as_ref(), message, method: Method::Invite };
        let heads = message.check().ok()?;
        let path = Path::of(message, &heads, &self.own, &self.secret)?;
        let branch = call.branch.of_client(call.clients.len());
        let sent = self.forwarded(&request, &heads, &path, branch, to).ok()?;
        let repeat = Repeat::send(now, to, sent.clone(), LONG, call.policy.give_up_after, out);
        Some(Client { to, sent, state: State::Calling(Box::new(repeat)), cancel: None })
    }

    /// An INVITE, ACK or CANCEL of a call that has state already.
    pub(in crate::edge) fn again(&mut self, request: &Request<'_>, branch: Branch, out: &mut Vec<Output>) {
        match request.method {
            Method::Invite => self.with_call(branch, |_, call| match &call.answer {
                Answer::Open(to, bytes) => out.push(Output::Send { to: *to, bytes: bytes.clone() }),
                Answer::Refused(repeat) => repeat.again(out),
                Answer::Ended { .. } => {}
            }),
            Method::Ack => self.with_call(branch, |_, call| {
                if matches!(call.answer, Answer::Refused(_)) {
                    call.end(Answer::Ended { until: request.at + LONG });
                }
            }),
            Method::Cancel => {
                self.answer(request, (200, "OK"), out);
                self.with_call(branch, |edge, call| edge.cancel_call(request.at, call, out));
            }
            _ => {}
        }
    }

    /// Time passes for one call.
    pub(super) fn tick_call(&mut self, now: u64, call: &mut Call, out: &mut Vec<Output>) {
        let over = match &mut call.answer {
            Answer::Open(..) => false,
            Answer::Refused(repeat) => !repeat.tick(now, out),
            Answer::Ended { until } => *until <= now,
        };
        if over {
            call.answer = Answer::Ended { until: 0 };
        }
        let mut silent = Vec::new();
        for (place, client) in call.clients.iter_mut().enumerate() {
            if client.cancel.as_mut().is_some_and(|cancel| !cancel.tick(now, out)) {
                client.cancel = None;
            }
            let is_silent = match &mut client.state {
                State::Calling(repeat) => !repeat.tick(now, out),
                State::Proceeding { until } => *until <= now,
                State::Ended => false,
            };
            if is_silent {
                silent.push(place);
            }
        }
        for place in silent {
            self.silent(now, call, place, out);
        }
    }

    /// A target does not answer, or not any more.
    pub(super) fn silent(&mut self, now: u64, call: &mut Call, place: usize, out: &mut Vec<Output>) {
        let Some(client) = call.clients.get_mut(place) else { return };
        let rang = matches!(client.state, State::Proceeding { .. });
        client.state = State::Ended;
        if rang {
            // It may still ring somewhere.
            super::cancel::cancel(now, client, out);
        }
        self.go_on(now, call, None, out);
    }
}

/// One that was kept.
pub(super) fn read(kept: &Bytes) -> Option<Message> {
    Message::parse(kept.clone(), &Limits::default()).ok()
}

/// Notes that something provisional came.
pub(super) fn proceed(now: u64, client: &mut Client) {
    if !matches!(client.state, State::Ended) {
        client.state = State::Proceeding { until: now + C };
    }
}
