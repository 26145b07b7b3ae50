//! Conversations that analytics alone has told of. It tells no participant data, in which a trace may be that they
//! continue; they are asked for one by one.

use super::Desk;
use crate::{Id, read};

/// How long such a conversation waits for an answer before its spans are given to everybody.
pub(super) const PATIENCE_MS: u64 = 5 * 60_000;

impl Desk {
    /// Some that have ended, so that no event will tell.
    pub(crate) fn unheard(&self, count: usize) -> Vec<Id> {
        let ended = |id: &&Id| self.ended_ms(id).is_some();
        self.unheard.keys().filter(ended).take(count).cloned().collect()
    }

    /// What the service says of one by REST; nothing where it does not know it any more.
    pub(crate) fn looked_up(&mut self, id: &Id, answer: Option<&[u8]>, now_ms: u64) {
        let reading = answer
            .and_then(|bytes| read::rest(bytes, &self.settings, &self.limits, &mut self.problems))
            .filter(|reading| reading.conversation == *id);
        if let Some(reading) = reading {
            self.learn(reading, now_ms);
        }
        self.unheard.remove(id);
        if self.held.contains_key(id) {
            self.fresh.insert(id.clone());
        }
    }

    /// Whether its participant data may still come.
    pub(super) fn is_awaited(&self, id: &Id, now_ms: u64) -> bool {
        let since = self.unheard.get(id).filter(|_| self.settings.trust.believes_any());
        since.is_some_and(|since| now_ms.saturating_sub(*since) < PATIENCE_MS)
    }
}
