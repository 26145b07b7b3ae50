//! Which call a message belongs to, and who sent it.

use throughline_sip::{CSeq, Heads, Message, Method, NameAddr};

use super::Calls;
use super::table::Key;
use super::timeline::Side;

/// What every message of a dialog has.
pub(crate) struct Dialog<'m> {
    pub(crate) call_id: &'m [u8],
    pub(crate) from: NameAddr<'m>,
    pub(crate) to: NameAddr<'m>,
    pub(crate) cseq: CSeq<'m>,
    /// Of who sent the request: of the caller, where it begins a call.
    pub(crate) from_tag: &'m [u8],
    pub(crate) to_tag: Option<&'m [u8]>,
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
        let (call_id, cseq) = (message.call_id().ok()?, message.cseq().ok()?);
        let (from, to) = (message.from().ok()?, message.to().ok()?);
        Some(Self { call_id, from, to, cseq, from_tag: from.tag().unwrap_or_default(), to_tag: to.tag() })
    }

    /// Whether the request may begin a call.
    pub(crate) fn begins(&self) -> bool {
        self.to_tag.is_none() && matches!(self.cseq.method, Method::Invite | Method::Refer)
    }
}

impl<'m> From<&Heads<'m>> for Dialog<'m> {
    fn from(heads: &Heads<'m>) -> Self {
        let Heads { call_id, from, to, cseq, from_tag, to_tag, .. } = *heads;
        Self { call_id, from, to, cseq, from_tag: from_tag.unwrap_or_default(), to_tag }
    }
}

impl Calls {
    pub(crate) fn place(&mut self, dialog: &Dialog<'_>) -> Option<Place> {
        let own = self.table.key(dialog.call_id, dialog.from_tag);
        if self.table.knows(own) {
            let callee_tag = dialog.to_tag.map(|tag| self.table.hash(&[tag]));
            return Some(Place { key: own, side: Side::Caller, callee_tag });
        }
        let other = self.table.key(dialog.call_id, dialog.to_tag?);
        let callee_tag = Some(self.table.hash(&[dialog.from_tag]));
        self.table.knows(other).then_some(Place { key: other, side: Side::Callee, callee_tag })
    }
}
