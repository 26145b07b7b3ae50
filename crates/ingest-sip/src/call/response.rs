//! Responses that pass.

use throughline_sip::{Edit, Message, Method, Name};

use super::Calls;
use super::begin::{agent, believes};
use super::dialog::{Dialog, Place};
use super::headers::{Carriers, Headers, TRACERESPONSE, strip};
use super::record::Call;
use super::request::session_expires;
use super::timeline::{self, Refused, Side, earliest, may_offer};
use crate::hop::Hop;

impl Calls {
    pub(crate) fn pass_response(
        &mut self,
        hop: &Hop<'_>,
        message: &Message,
        dialog: Option<Dialog<'_>>,
        edit: &mut Edit<'_>,
    ) {
        let headers = Headers::of(message);
        let (believed, tells) = (believes(&hop.from), believes(&hop.to));
        let mut clean = true;
        let passes = self.settings.beside || (believed && tells);
        if !passes {
            clean &= strip(message, edit);
        }
        let (Some(dialog), Some(status)) = (dialog, message.status()) else { return };
        let place = self.place(&dialog);
        if (300..400).contains(&status) && !self.settings.beside {
            let of = place
                .map(|place| (&dialog, place))
                .filter(|(dialog, place)| self.is_of_invite(dialog, *place));
            clean &= self.redirect(hop, message, of, edit);
        }
        let Some(place) = place else {
            self.counts.unknown += u64::from(dialog.to_tag.is_some());
            self.counts.unchanged += u64::from(!clean);
            return;
        };
        let begins = self.is_of_invite(&dialog, place);
        let Some(call) = self.table.get_mut(place.key) else { return };
        call.timeline.alive(hop.at);
        if believed && let Some(conversation) = headers.conversation() {
            call.trace.conversation.get_or_insert(conversation);
        }
        if begins {
            clean &= self.of_invite(hop, message, &dialog, place, (status, tells), edit);
        } else {
            self.of_another(hop, &dialog, place, status);
        }
        if begins && (200..300).contains(&status) {
            let seen = headers.carriers();
            let mut sent = if passes { seen } else { headers.kept() };
            if self.restarted(place, tells).is_some() {
                sent.add(Carriers::RESPONSE);
            }
            self.mark(hop, place, &headers, ("INVITE", Some(status)), (seen, sent));
        }
        self.closes(place.key);
        self.counts.unchanged += u64::from(!clean);
    }

    /// Whether it answers the request that began the call.
    fn is_of_invite(&self, dialog: &Dialog<'_>, place: Place) -> bool {
        let began = self.table.get(place.key).map(|call| call.timeline.cseq);
        place.side == Side::Caller
            && dialog.cseq.method == Method::Invite
            && began.is_some_and(|began| dialog.cseq.number <= began)
    }

    /// A response to the request that began the call.
    fn of_invite(
        &mut self,
        hop: &Hop<'_>,
        message: &Message,
        dialog: &Dialog<'_>,
        place: Place,
        (status, tells): (u16, bool),
        edit: &mut Edit<'_>,
    ) -> bool {
        let Some(call) = self.table.get_mut(place.key).filter(|_| status > 100) else { return true };
        let timeline = &mut call.timeline;
        // RFC 6076, section 4.3: a challenge and a redirection are not what the caller waits for.
        if !matches!(status, 300..=399 | 401 | 402 | 407) {
            earliest(&mut timeline.responded, hop.at);
        }
        match status {
            180 => earliest(&mut timeline.ringing, hop.at),
            200..300 => {
                if let Some(branch) = place.callee_tag.and_then(|tag| timeline.branch(tag)) {
                    earliest(&mut branch.answered, hop.at);
                }
                timeline.refresh = session_expires(message).or(timeline.refresh);
                let product = message.first(Name::Server).or_else(|| message.first(Name::UserAgent));
                call.people.server_agent = product.map(agent).or_else(|| call.people.server_agent.take());
            }
            300.. => {
                let (cseq, cause) = (dialog.cseq.number, timeline::cause(message));
                timeline.refuse(Refused { cseq, at: hop.at, status, cause });
            }
            _ => {}
        }
        if self.settings.beside {
            return true;
        }
        match self.restarted(place, tells).filter(|_| status < 300) {
            Some(call) => edit.set(TRACERESPONSE, call.trace.context.traceparent.to_bytes()).is_ok(),
            None => true,
        }
    }

    /// A call that is in another trace than its caller said, who believes us and has to be told.
    fn restarted(&self, place: Place, tells: bool) -> Option<&Call> {
        let call = self.table.get(place.key).filter(|_| tells && !self.settings.beside);
        call.filter(|call| call.trace.decision != "continue")
    }

    /// A response to a request within the dialog, or to a REFER.
    fn of_another(&mut self, hop: &Hop<'_>, dialog: &Dialog<'_>, place: Place, status: u16) {
        let cseq = dialog.cseq.number;
        if status < 200 {
            return;
        }
        let Some(call) = self.table.get_mut(place.key) else { return };
        // RFC 5057, section 5.1: the other side knows of no call, or is gone; nobody has to send a BYE then.
        let is_gone = matches!(status, 408 | 481) && may_offer(dialog.cseq.method);
        let ends = is_gone || dialog.cseq.method == Method::Bye;
        let callee_tag = place.callee_tag.filter(|_| ends);
        if let Some(branch) = callee_tag.and_then(|tag| call.timeline.branch(tag)) {
            earliest(&mut branch.released, hop.at);
        }
        match dialog.cseq.method {
            method if may_offer(method) => {
                if let Some(offer) = call.timeline.offer(place.side, cseq) {
                    offer.status = offer.status.max(status);
                    offer.at = offer.at.min(hop.at);
                }
            }
            Method::Refer => self.referred(hop, place, cseq, status),
            _ => {}
        }
    }
}
