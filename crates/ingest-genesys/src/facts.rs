//! A set of facts about one conversation. Union is the only change, so order, repetition and split do not matter.

use std::collections::BTreeMap;

use crate::fact::{Fact, Moment, Of, Says, Source, What};
use crate::words::Word;

/// Legs and facts of a leg that are kept: of more, the first ones in the order of their ids and of [`What`]. A set cut
/// so is the same whatever came first.
const LEGS: usize = 256;
const FACTS: usize = 512;

/// What a source says about a leg.
pub(crate) type Said = (What, Source);

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Facts {
    legs: BTreeMap<Of, Vec<Said>>,
    count: u64,
    newest_ms: u64,
}

impl Facts {
    /// False if nothing was new.
    pub(crate) fn add(&mut self, fact: Fact) -> bool {
        let time = fact.what.time().unwrap_or(0);
        let said = (fact.what, fact.source);
        let facts = match self.legs.get_mut(&fact.of) {
            Some(facts) => facts,
            None => {
                if !self.make_room(&fact.of) {
                    return false;
                }
                self.legs.entry(fact.of).or_default()
            }
        };
        let Err(at) = facts.binary_search(&said) else { return false };
        if at >= FACTS {
            return false;
        }
        facts.insert(at, said);
        self.count += 1;
        if facts.len() > FACTS {
            facts.truncate(FACTS);
            self.count -= 1;
        }
        self.newest_ms = self.newest_ms.max(time);
        true
    }

    /// False if there are enough legs, all of them before this one.
    fn make_room(&mut self, of: &Of) -> bool {
        if self.legs.len() < LEGS {
            return true;
        }
        match self.legs.last_entry() {
            Some(last) if last.key() > of => {
                self.count -= last.remove().len() as u64;
                true
            }
            _ => false,
        }
    }

    /// Grows with every fact that is added: who knows more has the higher one, and who knows as much has the same.
    ///
    /// From the top: whether the end of the conversation is known by REST (1) or by analytics (2); how often whoever
    /// knows it was started again in the meantime, which may have cost it what it knew last; the newest second that
    /// anything is known about; how many facts there are. It stays below 2^53, so that JSON keeps it.
    pub(crate) fn revision(&self, restarts: u64) -> u64 {
        let ended = match self.ended_by() {
            Some(Source::Analytics) => 2,
            Some(_) => 1,
            None => 0,
        };
        let seconds = (self.newest_ms / 1000).min((1 << 32) - 1);
        ended << 51 | restarts.min((1 << 4) - 1) << 47 | seconds << 15 | self.count.min((1 << 15) - 1)
    }

    /// The best informed source that knows that the conversation has ended.
    pub(crate) fn ended_by(&self) -> Option<Source> {
        let ends =
            self.of(&Of::default()).iter().filter(|(what, _)| matches!(what, What::At(Moment::End, _)));
        ends.map(|(_, source)| *source).min()
    }

    /// Somebody else than analytics has told of it.
    pub(crate) fn is_heard(&self) -> bool {
        self.legs.values().flatten().any(|(_, source)| *source != Source::Analytics)
    }

    /// All of it, for [`again`](Self::again).
    pub(crate) fn into_parts(self) -> (Vec<(Of, Vec<Said>)>, u64) {
        (self.legs.into_iter().collect(), self.newest_ms)
    }

    pub(crate) fn again(legs: Vec<(Of, Vec<Said>)>, newest_ms: u64) -> Self {
        let mut facts = Self::default();
        for (of, said) in legs {
            for (what, source) in said {
                facts.add(Fact { of: of.clone(), source, what });
            }
        }
        facts.newest_ms = facts.newest_ms.max(newest_ms);
        facts.shrink();
        facts
    }

    pub(crate) fn of(&self, of: &Of) -> &[Said] {
        self.legs.get(of).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn legs(&self) -> impl Iterator<Item = (&Of, &[Said])> {
        self.legs.iter().map(|(of, facts)| (of, facts.as_slice()))
    }

    /// Gives back memory that was taken in advance.
    pub(crate) fn shrink(&mut self) {
        self.legs.values_mut().for_each(Vec::shrink_to_fit);
    }
}

/// What the best informed source says; of several sayings the first one.
pub(crate) fn says(facts: &[Said], says: Says) -> Option<&Word> {
    let mut best: Option<(Source, &Word)> = None;
    for (what, source) in facts {
        if let What::Says(which, word) = what
            && *which == says
            && best.is_none_or(|(known, _)| *source < known)
        {
            best = Some((*source, word));
        }
    }
    best.map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Id;

    fn fact(participant: u32, at: u64) -> Fact {
        let of = Of { participant: Id::new(&format!("{participant:05}")), communication: None };
        Fact { of, source: Source::Detail, what: What::At(Moment::Start, at) }
    }

    fn all(facts: impl IntoIterator<Item = Fact>) -> Facts {
        let mut all = Facts::default();
        facts.into_iter().for_each(|fact| {
            all.add(fact);
        });
        all
    }

    #[test]
    fn a_flood_is_cut_to_the_same_set_from_either_end() {
        let many_legs: Vec<_> = (0..400).map(|nth| fact(nth, 1)).collect();
        let forward = all(many_legs.iter().cloned());
        assert_eq!(forward.legs, all(many_legs.into_iter().rev()).legs);
        assert_eq!(forward.legs.len(), LEGS);
        let many_facts: Vec<_> = (1..1000).map(|at| fact(0, at)).collect();
        let forward = all(many_facts.iter().cloned());
        let backward = all(many_facts.into_iter().rev());
        assert_eq!(forward.legs, backward.legs);
        assert_eq!((forward.count, backward.count), (FACTS as u64, FACTS as u64));
    }

    #[test]
    fn a_revision_fits_into_json() {
        let mut facts = all([fact(1, crate::time::LATEST)]);
        let end = What::At(Moment::End, crate::time::LATEST);
        let before = facts.revision(0);
        let again = facts.revision(u64::MAX);
        facts.add(Fact { of: Of::default(), source: Source::Rest, what: end.clone() });
        let rest = facts.revision(0);
        facts.add(Fact { of: Of::default(), source: Source::Analytics, what: end });
        let all = facts.revision(0);
        assert!(before < again && again < rest && rest < all && facts.revision(u64::MAX) < 1 << 53);
    }
}
