//! Calls that come in.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Call, Failed, Heard, SDP};
use crate::sip::agent::Desk;
use crate::sip::message::Message;
use crate::sip::text::{param, uri, user};

/// A call that has not been answered.
pub struct Incoming {
    call: Call,
    from: SocketAddr,
}

impl Call {
    pub(in crate::sip) fn incoming(desk: &Arc<Desk>, invite: Message, from: SocketAddr) -> Incoming {
        let to = invite.get("To").unwrap_or_default();
        let target = invite.values("Contact").first().map_or_else(|| invite.uri(), |contact| uri(contact));
        let call = Self {
            told: desk.enter(invite.call_id()),
            call_id: invite.call_id().to_owned(),
            local: format!("{to};tag={}", desk.random()),
            remote: invite.get("From").unwrap_or_default().to_owned(),
            target: target.to_owned(),
            routes: invite.values("Record-Route").into_iter().map(str::to_owned).collect(),
            way: from,
            contact: desk.contact(user(invite.uri())),
            sequence: 0,
            answers: Default::default(),
            unacknowledged: None,
            acknowledged: None,
            requests: Default::default(),
            over: false,
            opening: invite,
            desk: desk.clone(),
        };
        Incoming { call, from }
    }
}

impl Incoming {
    pub fn invite(&self) -> &Message {
        &self.call.opening
    }

    pub fn call_id(&self) -> &str {
        &self.call.call_id
    }

    /// A provisional answer: 100, 180.
    pub async fn tell(&mut self, status: u16, reason: &str) {
        let answer = self.answer_with(status, reason, &[]);
        let invite = self.call.opening.clone();
        self.call.answer(&invite, answer, self.from).await;
    }

    /// Rings; false if the caller gave up, who has been told then.
    pub async fn ring(&mut self, lasting: Duration) -> bool {
        let until = Instant::now() + lasting;
        while let Some(heard) = self.call.pump(until).await {
            let Heard::Request(request, from) = heard else { continue };
            if request.method() == Some("INVITE") {
                // Before there was any answer to send again.
                continue;
            }
            let ok = Message::answer(&request, 200, "OK");
            self.call.answer(&request, ok, from).await;
            if request.method() == Some("CANCEL") {
                self.refuse(487, "Request Terminated").await;
                return false;
            }
        }
        true
    }

    /// A final answer that is no success; the call is over once it is acknowledged.
    pub async fn refuse(&mut self, status: u16, reason: &str) {
        self.refuse_with(status, reason, &[]).await;
    }

    pub async fn redirect(&mut self, to: &str) {
        self.refuse_with(302, "Moved Temporarily", &[("Contact".to_owned(), format!("<{to}>"))]).await;
    }

    /// Answers the call; gives it back when the caller has acknowledged.
    pub async fn answer(mut self, headers: &[(String, String)]) -> Result<Call, Failed> {
        let contact = format!("<{}>", self.call.contact);
        let answer = self.answer_with(200, "OK", headers).with("Contact", contact);
        let answer = answer.with_body("application/sdp", SDP);
        let invite = self.call.opening.clone();
        self.call.answer(&invite, answer, self.from).await;
        let end = Instant::now() + self.call.desk.settings.resend_after * super::TIMES;
        if self.call.desk.wire.reliable() {
            return Ok(self.call);
        }
        while self.call.unacknowledged.is_some() {
            match self.call.pump(end).await {
                Some(Heard::Request(request, from)) => self.call.serve(request, from).await,
                Some(_) => {}
                None => return Err(Failed::TimedOut("200 OK")),
            }
        }
        Ok(self.call)
    }

    /// The Call-ID of the call that this one takes the place of, if that is one of the same agent.
    pub fn takes_the_place(&self) -> bool {
        let replaces = self.call.opening.get("Replaces").and_then(|value| value.split(';').next());
        replaces.is_some_and(|call_id| self.call.desk.replace(call_id))
    }

    /// Copies of this call's messages carry the conversation.
    pub(in crate::sip) fn is_of(&self, conversation: &str) {
        if let Some(watch) = &self.call.desk.wire.watch {
            watch.remember(&self.call.call_id, conversation);
        }
    }

    async fn refuse_with(&mut self, status: u16, reason: &str, headers: &[(String, String)]) {
        let answer = self.answer_with(status, reason, headers);
        let invite = self.call.opening.clone();
        self.call.answer(&invite, answer, self.from).await;
        let until = Instant::now() + self.call.desk.settings.resend_after * super::LINGER;
        while self.call.unacknowledged.is_some() && self.call.pump(until).await.is_some() {}
    }

    fn answer_with(&self, status: u16, reason: &str, headers: &[(String, String)]) -> Message {
        let mut answer = Message::answer(&self.call.opening, status, reason).with_all(headers);
        if status > 100 && param(answer.get("To").unwrap_or_default(), "tag").is_none() {
            answer.set("To", self.call.local.clone());
        }
        answer
    }
}
