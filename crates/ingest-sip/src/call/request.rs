//! Requests that pass.

use throughline_sip::{Edit, Message, Method, Name};

use super::begin::believes;
use super::dialog::{Dialog, Place};
use super::headers::{Carriers, Headers, Injection, strip};
use super::record::{Fate, Mark, Sent};
use super::timeline::{self, Bye, Refused, Side, earliest};
use super::token::{self, Token};
use super::{Calls, spans};
use crate::hop::{End, Hop};

impl Calls {
    pub(crate) fn pass_request(
        &mut self,
        hop: &Hop<'_>,
        message: &Message,
        dialog: Option<Dialog<'_>>,
        edit: &mut Edit<'_>,
    ) {
        let to = dialog.as_ref().map(|dialog| dialog.to.uri);
        let (token, mut clean) = token::take(message, to, edit);
        let headers = Headers::of(message);
        let place = dialog.as_ref().and_then(|dialog| self.note(hop, message, dialog, &headers, token));
        if message.method() == Some(Method::Refer) {
            clean &= self.refer(hop, message, dialog.as_ref().zip(place), edit);
        }
        let sent = if self.settings.beside {
            Some(headers.carriers())
        } else {
            self.change(hop, message, dialog.as_ref().zip(place), &headers, edit)
        };
        if let (Some(dialog), Some(place)) = (&dialog, place) {
            let what = match dialog.cseq.method {
                Method::Invite if dialog.begins() => Some("INVITE"),
                Method::Refer => Some("REFER"),
                _ => None,
            };
            if let Some(what) = what {
                let mut seen = headers.carriers();
                if token.is_some() {
                    seen.add(Carriers::TOKEN);
                }
                self.mark(hop, place, &headers, (what, None), (seen, sent.unwrap_or_default()));
            }
            self.closes(place.key);
        }
        clean &= sent.is_some();
        self.counts.unchanged += u64::from(!clean);
    }

    /// The edge answered a request itself.
    pub(crate) fn answer(&mut self, at: u64, from: &End<'_>, request: &Message, status: u16) {
        let Some(dialog) = Dialog::of(request).filter(|dialog| dialog.cseq.method == Method::Invite) else {
            return;
        };
        let hop = Hop { at, from: *from, to: *from };
        let headers = Headers::of(request);
        let Some(place) = self.note(&hop, request, &dialog, &headers, token::peek(request)) else { return };
        if let Some(call) = self.table.get_mut(place.key).filter(|_| dialog.begins() && status >= 200) {
            earliest(&mut call.timeline.responded, at);
            call.timeline.refuse(Refused { cseq: dialog.cseq.number, at, status, cause: None });
            call.way.iter_mut().for_each(|way| way.to = None);
        }
        self.closes(place.key);
    }

    /// Takes out what strangers must not see, and puts the context in for those who asked for it.
    fn change(
        &self,
        hop: &Hop<'_>,
        message: &Message,
        of: Option<(&Dialog<'_>, Place)>,
        headers: &Headers<'_>,
        edit: &mut Edit<'_>,
    ) -> Option<Carriers> {
        let (believed, tells) = (believes(&hop.from), believes(&hop.to));
        let call = of.and_then(|(dialog, place)| Some((dialog, place, self.table.get(place.key)?)));
        let (Some((dialog, place, call)), Some(trunk)) = (call, hop.to.trunk.filter(|_| tells)) else {
            let passes = believed && tells;
            return if passes {
                Some(headers.carriers())
            } else {
                strip(message, edit).then(|| headers.kept())
            };
        };
        let of_transfer = (dialog.cseq.method == Method::Refer)
            .then(|| spans::transfer_id(call, place.side, dialog.cseq.number, &self.settings))
            .map(|id| call.trace.context.child(id));
        let previous = call.trace.previous.filter(|_| dialog.begins()).map(|id| id.to_string());
        let injection = Injection {
            context: of_transfer.as_ref().unwrap_or(&call.trace.context),
            previous: previous.as_deref(),
            trunk,
            believed,
        };
        injection.write(message, headers, edit)
    }

    /// Finds or begins the call, and notes the moment.
    fn note(
        &mut self,
        hop: &Hop<'_>,
        message: &Message,
        dialog: &Dialog<'_>,
        headers: &Headers<'_>,
        token: Option<Token>,
    ) -> Option<Place> {
        if dialog.begins() {
            self.find_or_begin(hop, message, dialog, headers, token);
        }
        let Some(place) = self.place(dialog) else {
            self.counts.unknown += u64::from(dialog.to_tag.is_some());
            return None;
        };
        let call = self.table.get_mut(place.key)?;
        let timeline = &mut call.timeline;
        timeline.alive(hop.at);
        if let Some(seconds) = session_expires(message) {
            timeline.refresh = Some(seconds);
        }
        let cseq = dialog.cseq.number;
        match dialog.cseq.method {
            Method::Invite if dialog.to_tag.is_none() => {
                earliest(&mut timeline.invited, hop.at);
                timeline.cseq = timeline.cseq.max(cseq);
            }
            method if timeline::may_offer(method) => {
                if let Some(offer) = timeline.offer(place.side, cseq) {
                    offer.at = offer.at.min(hop.at);
                    offer.holds = offer.holds.or(timeline::holds(message.body()));
                }
            }
            Method::Cancel => {
                earliest(&mut timeline.cancelled, hop.at);
                timeline.cancel_cause = timeline.cancel_cause.or(timeline::cause(message));
            }
            Method::Bye => {
                if let Some(branch) = place.callee_tag.and_then(|tag| timeline.branch(tag)) {
                    let new = Bye { at: hop.at, side: place.side, cause: timeline::cause(message) };
                    branch.bye = Some(branch.bye.map_or(new, |known| known.min(new)));
                }
            }
            Method::Notify => self.notified(hop, message, place),
            _ => {}
        }
        Some(place)
    }

    fn find_or_begin(
        &mut self,
        hop: &Hop<'_>,
        message: &Message,
        dialog: &Dialog<'_>,
        headers: &Headers<'_>,
        token: Option<Token>,
    ) {
        let key = self.table.key(dialog.call_id, dialog.from_tag);
        let mut generation = 0;
        if self.table.knows(key)
            && let Some(known) = self.table.get(key)
        {
            let timeline = &known.timeline;
            let again = dialog.cseq.number > timeline.cseq
                && timeline.invited.is_some()
                && timeline.ended().is_some()
                && (timeline.answered().is_some() || known.sent == Sent::All);
            let earlier = self.settings.beside && hop.at < known.trace.at && known.sent == Sent::Nothing;
            match (again, earlier) {
                (false, false) => return,
                (false, true) => return self.decide_again(hop, message, dialog, headers, key),
                (true, _) => generation = known.generation + 1,
            }
            self.send(key, hop.at);
            self.table.remove(key);
        }
        let call = self.begin(hop, message, dialog, headers, token, generation);
        self.add(key, call);
        self.name(key);
    }

    /// A copy of the request that was sent before the one that was seen first.
    fn decide_again(
        &mut self,
        hop: &Hop<'_>,
        message: &Message,
        dialog: &Dialog<'_>,
        headers: &Headers<'_>,
        key: super::table::Key,
    ) {
        let generation = self.table.get(key).map_or(0, |call| call.generation);
        let earlier = self.begin(hop, message, dialog, headers, token::peek(message), generation);
        if let Some(call) = self.table.get_mut(key) {
            let conversation = earlier.trace.conversation.or(call.trace.conversation);
            (call.trace, call.way) = (earlier.trace, earlier.way);
            call.trace.conversation = conversation;
        }
    }

    /// Notes what a message carried before and after.
    pub(crate) fn mark(
        &mut self,
        hop: &Hop<'_>,
        place: Place,
        headers: &Headers<'_>,
        (what, status): (&'static str, Option<u16>),
        (seen, sent): (Carriers, Carriers),
    ) {
        let Some(call) = self.table.get_mut(place.key) else { return };
        let fate = match headers.traceparent() {
            None => Fate::Absent,
            Some(parent) if parent.trace_id == call.trace.context.traceparent.trace_id => Fate::Same,
            Some(_) => Fate::Other,
        };
        let (from, to) = (hop.from.trunk.cloned(), hop.to.trunk.cloned());
        call.mark(Mark { at: hop.at, what, status, from, to, seen, sent, fate });
    }
}

pub(crate) const fn other(side: Side) -> Side {
    match side {
        Side::Caller => Side::Callee,
        Side::Callee => Side::Caller,
    }
}

/// RFC 4028: seconds until the session is over unless somebody says that it goes on.
pub(crate) fn session_expires(message: &Message) -> Option<u32> {
    let value = message.get(Name::SessionExpires).ok()??;
    str::from_utf8(value).ok()?.split(';').next()?.trim().parse().ok()
}
