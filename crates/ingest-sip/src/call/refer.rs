//! Transfers and redirections as they pass.

use throughline_context::w3c::Context;
use throughline_sip::{Edit, Message, Name, NameAddr, unescape};

use super::begin::{believes, replaces_of};
use super::dialog::{Dialog, Place};
use super::record::Call;
use super::request::other;
use super::spans::{side_name, transfer_id};
use super::timeline::{Side, fragment};
use super::token::{Gift, Token, rewrite};
use super::transfers::{Likeness, Pending, Referrer};
use super::{Calls, people};
use crate::hop::Hop;
use crate::trunk::{ReferTo, Trunk};

impl Calls {
    /// A REFER: notes it, and lets the peer have what brings the trace back. False where that could not be written.
    pub(crate) fn refer(
        &mut self,
        hop: &Hop<'_>,
        message: &Message,
        of: Option<(&Dialog<'_>, Place)>,
        edit: &mut Edit<'_>,
    ) -> bool {
        let Ok(Some(address)) = message.refer_to() else { return true };
        let by = self.referrer(message);
        let gift = of.and_then(|(dialog, place)| self.note_refer(hop, dialog, place, &address, by));
        self.give(hop, &[address], gift, edit)
    }

    fn note_refer(
        &mut self,
        hop: &Hop<'_>,
        dialog: &Dialog<'_>,
        place: Place,
        address: &NameAddr<'_>,
        by: Option<Referrer>,
    ) -> Option<(Token, Context)> {
        let replaces = replaces_of(address);
        let hash = replaces.as_ref().map(|[id, to, from]| self.table.hash(&[id, to, from]));
        let likeness = self.likeness_of_referred(hop, dialog, address).filter(|_| hash.is_none());
        let shown = people::shown(address, self.settings.numbers, &self.settings.number_secret);
        let cseq = dialog.cseq.number;
        let call = self.table.get_mut(place.key)?;
        let mut waits = true;
        if let Some(refer) = call.timeline.refer(place.side, cseq) {
            super::timeline::earliest(&mut refer.at, hop.at);
            refer.attended = replaces.is_some();
            refer.target = shown.unwrap_or_default();
            waits = refer.ended().is_none();
        }
        let call = self.table.get(place.key)?;
        let token = self.token(call, place.side, cseq);
        let context = call.trace.context.child(transfer_id(call, place.side, cseq, &self.settings));
        let conversation = call.trace.conversation;
        if waits {
            let (at, context) = (hop.at, context.clone());
            let of = (place.key, Some((place.side, cseq)));
            let replaces = hash;
            self.transfers.add(Pending { token, at, context, conversation, likeness, by, replaces, of });
        }
        Some((token, context))
    }

    /// A 3xx: the caller may try the contacts, with the trace.
    pub(crate) fn redirect(
        &mut self,
        hop: &Hop<'_>,
        message: &Message,
        of: Option<(&Dialog<'_>, Place)>,
        edit: &mut Edit<'_>,
    ) -> bool {
        let gift = of.and_then(|(dialog, place)| self.note_redirection(hop, dialog, place));
        let contacts: Vec<_> = message.addresses(Name::Contact).flatten().collect();
        self.give(hop, &contacts, gift, edit)
    }

    fn note_redirection(
        &mut self,
        hop: &Hop<'_>,
        dialog: &Dialog<'_>,
        place: Place,
    ) -> Option<(Token, Context)> {
        let call = self.table.get(place.key).filter(|_| hop.to.trunk.is_some())?;
        let cseq = dialog.cseq.number.to_be_bytes();
        let token = self.settings.secret.derive("redirection", &[&call.identity, &cseq]);
        let (context, conversation) = (call.trace.context.clone(), call.trace.conversation);
        let (at, likeness, replaces) = (hop.at, None, None);
        let given = context.clone();
        self.transfers.add(Pending {
            token,
            at,
            context,
            conversation,
            likeness,
            by: None,
            replaces,
            of: (place.key, None),
        });
        Some((token, given))
    }

    /// Without a gift, what others left in the addresses is taken out.
    fn give(
        &self,
        hop: &Hop<'_>,
        addresses: &[NameAddr<'_>],
        gift: Option<(Token, Context)>,
        edit: &mut Edit<'_>,
    ) -> bool {
        if self.settings.beside {
            return true;
        }
        // The word tells nobody anything but the edge, so that every trunk may carry it.
        let how = |trunk: &Trunk| match trunk.refer_to {
            ReferTo::Headers if !believes(&hop.to) => ReferTo::Token,
            how => how,
        };
        let gift = gift.as_ref().zip(hop.to.trunk);
        let gift = gift.map(|((token, context), trunk)| Gift { token: *token, how: how(trunk), context });
        let believed = believes(&hop.from) && believes(&hop.to);
        let mut all = true;
        for address in addresses {
            all &= rewrite(address, gift.as_ref(), believed, edit);
        }
        all
    }

    /// The response to a REFER.
    pub(crate) fn referred(&mut self, hop: &Hop<'_>, place: Place, cseq: u32, status: u16) {
        let Some(call) = self.table.get_mut(place.key) else { return };
        if let Some(refer) = call.timeline.refer(place.side, cseq) {
            let new = (hop.at, status);
            refer.status = Some(refer.status.map_or(new, |known| known.min(new)));
        }
        if status >= 300 {
            let token = self.table.get(place.key).map(|call| self.token(call, place.side, cseq));
            token.iter().for_each(|token| self.transfers.close(token, true));
        }
    }

    /// A NOTIFY: what became of a transfer (RFC 3515, section 2.4.4).
    pub(crate) fn notified(&mut self, hop: &Hop<'_>, message: &Message, place: Place) {
        let Some(status) = fragment(message.body()) else { return };
        let Some(call) = self.table.get_mut(place.key) else { return };
        let side = other(place.side);
        let last =
            call.timeline.refers.iter().filter(|refer| refer.side == side).map(|refer| refer.cseq).max();
        let Some(cseq) = event_id(message).or(last) else { return };
        let Some(refer) = call.timeline.refer(side, cseq) else { return };
        let new = (hop.at, status);
        // A final status counts more than any before it, and the first of them most.
        refer.told = Some(match refer.told {
            Some(known) if (known.1 >= 200, new.0) > (status >= 200, known.0) => known,
            Some(known) if known.1 >= 200 && status < 200 => known,
            _ => new,
        });
        if status >= 200 {
            let token = self.table.get(place.key).map(|call| self.token(call, side, cseq));
            token.iter().for_each(|token| self.transfers.close(token, false));
        }
    }

    fn token(&self, call: &Call, side: Side, cseq: u32) -> Token {
        self.settings
            .secret
            .derive("token", &[&call.identity, side_name(side).as_bytes(), &cseq.to_be_bytes()])
    }

    /// The call that the peer will make if it does as it is told.
    fn likeness_of_referred(
        &self,
        hop: &Hop<'_>,
        dialog: &Dialog<'_>,
        address: &NameAddr<'_>,
    ) -> Option<Likeness> {
        let target = self.target(&address.uri().ok()?);
        let user = dialog.to.uri().ok()?.user.map(unescape).unwrap_or_default();
        Some(Likeness { target, peer: hop.to.address.ip(), user: self.table.hash(&[&user]) })
    }
}

/// The number of the REFER in `Event: refer;id=93809824`.
fn event_id(message: &Message) -> Option<u32> {
    let value = message.first(Name::Event)?;
    let text = str::from_utf8(value).ok()?;
    text.split(';').skip(1).find_map(|part| part.trim().strip_prefix("id="))?.parse().ok()
}
