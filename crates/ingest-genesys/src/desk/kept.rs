//! What of a desk outlives the process.

use std::collections::HashSet;

use super::{Desk, Held};
use crate::{Conversation, Id};

/// A conversation as it is kept.
#[derive(Debug)]
pub(crate) enum Kept {
    Held(Box<Conversation>),
    /// It was let go of at this time.
    Gone(u64),
    /// Nothing of it is kept any more.
    Nothing,
}

impl Desk {
    /// From now on [`unkept`](Self::unkept) tells what changes.
    pub(crate) fn keep(&mut self) {
        self.unkept.get_or_insert_default();
    }

    /// What has changed since it was last asked. Spans that were taken count as given.
    pub(crate) fn unkept(&mut self) -> Vec<(Id, Kept)> {
        let ids = self.unkept.as_mut().map(std::mem::take).unwrap_or_default();
        let kept = |id: Id| {
            let kept = match (self.held.get(&id), self.gone.get(&id)) {
                (Some(held), _) => Kept::Held(Box::new(held.conversation.clone())),
                (None, Some(at)) => Kept::Gone(*at),
                (None, None) => Kept::Nothing,
            };
            (id, kept)
        };
        ids.into_iter().map(kept).collect()
    }

    /// These were not kept after all.
    pub(crate) fn not_kept(&mut self, ids: HashSet<Id>) {
        if let Some(unkept) = &mut self.unkept {
            unkept.extend(ids);
        }
    }

    /// Puts back what an earlier process kept; the store gets its spans again, since it may not have had the time to
    /// write them down.
    pub(crate) fn restore(&mut self, id: Id, kept: Kept, now_ms: u64) {
        match kept {
            Kept::Held(conversation) => {
                self.fresh.insert(id.clone());
                if !conversation.is_heard() {
                    self.unheard.insert(id.clone(), now_ms);
                }
                self.held.insert(id, Held::new(*conversation, now_ms));
            }
            Kept::Gone(at) => {
                self.gone.insert(id, at);
            }
            Kept::Nothing => {}
        }
    }
}
