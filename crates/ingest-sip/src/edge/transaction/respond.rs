//! Answers of targets, and what the caller hears of them (RFC 3261, section 16.7).

use bytes::Bytes;
use throughline_sip::{Builder, Limits, Message, Method, Name};

use super::Fork;
use super::call::{Answer, Call, State, proceed, read};
use super::cancel::{cancel, cancel_pending};
use super::timer::{LONG, Repeat, T2};
use crate::edge::Edge;
use crate::edge::flow::{Flow, Output};
use crate::edge::marks::Branch;
use crate::edge::place::Place;
use crate::edge::request::Request;

/// Contacts of redirects that are tried for one call.
const REDIRECTS: usize = 5;

impl Edge {
    pub(in crate::edge) fn answered(
        &mut self,
        now: u64,
        (branch, place): (Branch, usize),
        from: Flow,
        message: &Message,
        out: &mut Vec<Output>,
    ) {
        let Some(status) = message.status() else { return };
        let cancelling = message.cseq().is_ok_and(|cseq| cseq.method == Method::Cancel);
        self.with_call(branch, |edge, call| {
            let Some(client) = call.clients.get_mut(place) else { return };
            if cancelling {
                client.cancel = client.cancel.take().filter(|_| status < 200);
                return;
            }
            match status {
                ..200 => {
                    proceed(now, client);
                    if call.cancelled || !matches!(call.answer, Answer::Open(..)) {
                        cancel(now, client, out);
                    }
                    if status > 100 && call.is_open() {
                        call.rang = true;
                        edge.provisional_back(now, call, from, message, out);
                    }
                }
                200..300 => {
                    (client.state, client.sent) = (State::Ended, Bytes::new());
                    edge.accepted(now, call, (from, message), out);
                }
                300.. => {
                    acknowledge(client.to, &client.sent, message, out);
                    if !matches!(client.state, State::Ended) {
                        (client.state, client.cancel) = (State::Ended, None);
                        edge.go_on(now, call, Some((from, message)), out);
                    }
                }
            }
        });
    }

    /// Nobody can be reached over this way.
    pub fn unreachable(&mut self, now: u64, flow: &Flow, out: &mut Vec<Output>) {
        let calls: Vec<Branch> = self.transactions.calls.keys().copied().collect();
        for branch in calls {
            self.with_call(branch, |edge, call| {
                let calling = |state: &State| matches!(state, State::Calling(repeat) if repeat.to() == flow);
                while let Some(place) = call.clients.iter().position(|client| calling(&client.state)) {
                    edge.silent(now, call, place, out);
                }
            });
        }
    }

    fn provisional_back(
        &mut self,
        now: u64,
        call: &mut Call,
        from: Flow,
        message: &Message,
        out: &mut Vec<Output>,
    ) {
        if let Some((to, bytes)) = self.backward(now, from, message) {
            call.answer = Answer::Open(to, bytes.clone());
            out.push(Output::Send { to, bytes });
        }
    }

    /// Each 2xx goes to the caller, who ends what is too many (section 13.2.2.4).
    fn accepted(
        &mut self,
        now: u64,
        call: &mut Call,
        (from, message): (Flow, &Message),
        out: &mut Vec<Output>,
    ) {
        if let Some((to, bytes)) = self.backward(now, from, message) {
            out.push(Output::Send { to, bytes });
        }
        if call.is_open() {
            call.end(Answer::Ended { until: now + LONG });
            cancel_pending(now, call, out);
        }
    }

    /// A target has refused, or said nothing: tries another one, or tells the caller.
    pub(super) fn go_on(
        &mut self,
        now: u64,
        call: &mut Call,
        refusal: Option<(Flow, &Message)>,
        out: &mut Vec<Output>,
    ) {
        if !call.is_open() {
            return;
        }
        let status = refusal.and_then(|(_, message)| message.status());
        call.silent |= refusal.is_none();
        if let Some((from, message)) = refusal {
            if matches!(status, Some(401 | 407)) {
                call.challenges.push(message.clone());
            }
            let better = |known: &Message| rank(message.status()) < rank(known.status());
            if call.best.as_ref().is_none_or(|best| better(&best.1)) {
                call.best = Some(Box::new((from, message.clone())));
            }
            if status >= Some(600) {
                call.left.clear();
                cancel_pending(now, call, out);
            }
        }
        let failed = matches!(status, None | Some(503));
        let redirected = refusal.is_some_and(|(_, message)| self.redirect(call, message));
        let next = match call.policy.fork {
            Fork::No => (failed && call.policy.failover && !call.rang) || redirected,
            Fork::Serial | Fork::Parallel => true,
        };
        if (!next || call.cancelled) && call.pending() {
            return;
        }
        let Some(request) = read(&call.request) else { return call.end(Answer::Ended { until: 0 }) };
        let tried = next && !call.cancelled && self.try_next((now, &request), call, out);
        if !tried && !call.pending() {
            self.conclude(now, &request, call, out);
        }
    }

    /// Notes the targets that a 3xx names, as far as they are known here; whether there are any.
    fn redirect(&self, call: &mut Call, message: &Message) -> bool {
        if !matches!(message.status(), Some(300..400)) || !call.policy.redirects || call.cancelled {
            return false;
        }
        let contacts: Vec<Flow> = message
            .addresses(Name::Contact)
            .flatten()
            .filter_map(|contact| {
                let place = Place::of(&contact.uri().ok()?)?;
                let peer = place.address()?;
                let known = self.trunks.find(peer.ip()).is_some() || self.is_target(peer);
                let listener = self.own.outgoing(place.transport, peer.ip(), call.from.listener)?;
                let to = Flow { listener, transport: place.transport, peer, connection: 0 };
                (known && !self.own.is_address(peer)).then_some(to)
            })
            .filter(|to| call.clients.iter().all(|client| client.to != *to))
            .take(REDIRECTS.saturating_sub(call.redirects))
            .collect();
        call.redirects += contacts.len();
        let some = !contacts.is_empty();
        call.left.extend(contacts.into_iter().rev());
        some
    }

    fn conclude(&mut self, now: u64, message: &Message, call: &mut Call, out: &mut Vec<Output>) {
        let request =
            Request { at: now, from: call.from, trunk: call.trunk.as_ref(), message, method: Method::Invite };
        let best = call.best.take().map(|best| *best);
        let status = best.as_ref().and_then(|(_, message)| message.status());
        let written = match (best, status) {
            // A target that says nothing counts as one that has answered 408 (section 16.8).
            (_, None | Some(500..600)) if call.silent && !call.cancelled => {
                self.told(&request, 408, "Request Timeout")
            }
            // It would make the caller avoid this edge, though others of its next hops may be well.
            (_, Some(503)) => self.told(&request, 500, "Server Internal Error"),
            (Some((from, message)), Some(401 | 407)) => {
                self.backward(now, from, &challenged(&message, &call.challenges))
            }
            (Some((from, message)), _) => self.backward(now, from, &message),
            (None, _) => self.told(&request, 487, "Request Terminated"),
        };
        call.end(match written {
            Some((to, bytes)) => Answer::Refused(Box::new(Repeat::send(now, to, bytes, T2, LONG, out))),
            None => Answer::Ended { until: 0 },
        });
    }
}

/// 6xx first, then the lowest class; in it what tells the caller how to ask better, and 503 last; the first that came
/// among equals (section 16.7, step 6).
fn rank(status: Option<u16>) -> (u16, u16) {
    match status.unwrap_or(500) {
        600.. => (0, 0),
        401 | 407 | 415 | 420 | 484 => (4, 0),
        503 => (5, 2),
        status => (status / 100, 1),
    }
}

/// The answer with the challenges of all others, so that the caller can give credentials for all at once (section 16.7,
/// step 7).
fn challenged(best: &Message, all: &[Message]) -> Message {
    let mut edit = best.edit();
    for other in all.iter().filter(|other| other.as_bytes() != best.as_bytes()) {
        for name in [Name::WwwAuthenticate, Name::ProxyAuthenticate] {
            for challenge in other.all(name) {
                if edit.append(name, challenge).is_err() {
                    return best.clone();
                }
            }
        }
    }
    Message::parse(edit.write(), &Limits::default()).unwrap_or_else(|_| best.clone())
}

fn acknowledge(to: Flow, sent: &Bytes, response: &Message, out: &mut Vec<Output>) {
    let builder = read(sent).and_then(|sent| Builder::ack(&sent, response).ok());
    if let Some(bytes) = builder.and_then(|ack| ack.build().ok()) {
        out.push(Output::Send { to, bytes });
    }
}
