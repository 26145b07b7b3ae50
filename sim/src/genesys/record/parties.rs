//! Who of a conversation can do what, as the API asks for it.

use serde_json::{Map, Value};

use super::Record;
use super::conversation;
use super::story::{Participant, PhaseKind, Purpose};
use crate::genesys::scenario::Party;

impl Record {
    fn one(&self, at_ms: u64, id: &str) -> Option<&Participant> {
        self.story.participants.iter().find(|one| one.id == id && one.begins <= at_ms)
    }

    /// The name of an agent who talks to the customer or holds the customer.
    pub(in crate::genesys) fn talking_agent(&self, at_ms: u64, id: &str) -> Option<&str> {
        let one = self.one(at_ms, id)?;
        let phase = one.last()?.phase(at_ms)?;
        let talks = matches!(
            phase.kind,
            PhaseKind::Interact | PhaseKind::Hold | PhaseKind::Park | PhaseKind::Callback
        );
        one.user.as_deref().filter(|_| talks)
    }

    /// The agent whom the customer talks to right now.
    pub(in crate::genesys) fn talks(&self, at_ms: u64) -> Option<&str> {
        let talking = self.story.participants.iter().find(|one| {
            let phase = one.last().and_then(|leg| leg.phase(at_ms));
            one.begins <= at_ms
                && one.user.is_some()
                && phase.is_some_and(|phase| phase.kind == PhaseKind::Interact)
        });
        talking.and_then(|one| one.user.as_deref())
    }

    /// Whether this agent is consulting somebody.
    pub(in crate::genesys) fn consults(&self, at_ms: u64, id: &str) -> bool {
        let held = self.one(at_ms, id).and_then(|one| one.last()?.phase(at_ms));
        let holds = held.is_some_and(|phase| phase.kind == PhaseKind::Hold);
        let asked = |one: &Participant| {
            one.consulted_by.as_deref() == Some(id) && one.begins <= at_ms && one.ended(at_ms).is_none()
        };
        holds && self.story.participants.iter().any(asked)
    }

    /// The participant that this one has asked in last, or is about to.
    pub(in crate::genesys) fn consulted_by(&self, id: &str) -> Option<&str> {
        let asked = self.story.participants.iter().rfind(|one| one.consulted_by.as_deref() == Some(id));
        asked.map(|one| one.id.as_str())
    }

    /// Whom a participant stands for; none if it has left.
    pub(in crate::genesys) fn party(&self, at_ms: u64, id: &str) -> Option<Party> {
        let one = self.one(at_ms, id).filter(|one| one.ended(at_ms).is_none())?;
        Some(match (&one.user, one.purpose) {
            (Some(name), _) => Party::Named(name.clone()),
            (None, Purpose::Customer) => Party::Customer,
            (None, _) => Party::System,
        })
    }

    /// Participant data of the customer as of a time.
    pub(in crate::genesys) fn customer_data(&self, at_ms: u64) -> Map<String, Value> {
        let customer = self.story.participants.get(self.story.anchor);
        customer.map(|one| conversation::attributes(&self.story, one, at_ms)).unwrap_or_default()
    }

    pub(in crate::genesys) fn customer_address(&self) -> &str {
        &self.story.customer
    }

    pub(in crate::genesys) fn has_leg(&self, at_ms: u64, id: &str, leg: &str) -> bool {
        self.one(at_ms, id).is_some_and(|one| one.legs.iter().any(|known| known.id == leg))
    }
}
