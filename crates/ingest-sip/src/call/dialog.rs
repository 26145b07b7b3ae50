//! Which call a message belongs to, and who sent it.

use throughline_sip::{CSeq, Message, Method, NameAddr};

use super::Calls;
use super::table::Key;
use super::timeline::Side;

/// What every message of a dialog has.
pub(crate) struct Dialog<'m> {
    pub(crate) call_id: &'m [u8],
    pub(crate) from: NameAddr<'m>,
    pub(crate) to: NameAddr<'m>,
    pub(crate) cseq: CSeq<'m>,
}

/// Who of which call sent the request, also for its responses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    pub(crate) key: Key,
    pub(crate) side: Side,
    /// The tag of the branch, hashed.
    pub(crate) callee_tag: Option<u64>,
}

impl<'m> Dialog<'m> {
    pub(crate) fn of(message: &'m Message) -> Option<Self> {
        Some(Self {
            call_id: message.call_id().ok()?,
            from: message.from().ok()?,
            to: message.to().ok()?,
            cseq: message.cseq().ok()?,
        })
    }

    /// The tag of who sent the request: of the caller, where it begins a call.
    pub(crate) fn sender_tag(&self) -> &'m [u8] {
        self.from.tag().unwrap_or_default()
    }

    /// Whether the request may begin a call.
    pub(crate) fn begins(&self) -> bool {
        self.to.tag().is_none() && matches!(self.cseq.method, Method::Invite | Method::Refer)
    }
}

impl Calls {
    pub(crate) fn place(&mut self, dialog: &Dialog<'_>) -> Option<Place> {
        let own = self.table.key(dialog.call_id, dialog.sender_tag());
        let to_tag = dialog.to.tag();
        if self.table.knows(own) {
            let callee_tag = to_tag.map(|tag| self.table.hash(&[tag]));
            return Some(Place { key: own, side: Side::Caller, callee_tag });
        }
        let other = self.table.key(dialog.call_id, to_tag?);
        let callee_tag = Some(self.table.hash(&[dialog.sender_tag()]));
        self.table.knows(other).then_some(Place { key: other, side: Side::Callee, callee_tag })
    }
}
