//! Promises about any facts: order, repetition and split do not matter, and what comes out is sound.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "properties/arbitrary.rs"]
mod arbitrary;
#[path = "scenarios/play.rs"]
#[expect(dead_code, reason = "shared with the scenarios")]
mod play;

use std::collections::BTreeSet;

use ingest_genesys::{Conversation, Fact, Id, Settings, to_spans};
use proptest::prelude::*;

fn id() -> Id {
    Id::new("c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54").unwrap()
}

/// Every span below the root has its parent in the tree, its own id, and does not end before it starts.
fn check_sound(facts: &[Fact]) -> Result<(), TestCaseError> {
    let spans = to_spans(&id(), facts.iter().cloned(), &Settings::default());
    let ids: BTreeSet<_> = spans.iter().map(|span| span.id).collect();
    prop_assert_eq!(ids.len(), spans.len(), "two spans have one id");
    for (nth, span) in spans.iter().enumerate() {
        prop_assert!(span.end_ms.is_none_or(|end| end >= span.start_ms), "{:?}", span);
        let below = span.parent.is_some_and(|parent| ids.contains(&parent) && parent != span.id);
        prop_assert!(nth == 0 || below, "{:?}", span);
        prop_assert!(span.start_ms > 0, "{:?}", span);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_facts_make_sound_spans(facts in arbitrary::facts(60)) {
        check_sound(&facts)?;
    }

    #[test]
    fn order_and_repetition_do_not_matter(
        facts in arbitrary::facts(40),
        order in any::<[u8; 64]>(),
        again in prop::collection::vec(0..40_usize, 0..20),
    ) {
        let settings = Settings::default();
        let straight = to_spans(&id(), facts.iter().cloned(), &settings);
        let mut shuffled: Vec<(u8, Fact)> = order.into_iter().cycle().zip(facts.iter().cloned()).collect();
        shuffled.sort_by_key(|(key, _)| *key);
        let repeated = again.iter().filter_map(|nth| facts.get(*nth).cloned());
        let shuffled = shuffled.into_iter().map(|(_, fact)| fact).chain(repeated);
        prop_assert_eq!(straight, to_spans(&id(), shuffled, &settings));
    }

    /// What is kept comes back as it was; and whatever else stands there does no harm.
    #[test]
    fn what_is_kept_reads_back(
        facts in arbitrary::facts(40),
        at in any::<prop::sample::Index>(),
        bit in 0..8_u8,
        noise in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let mut conversation = Conversation::new(id());
        conversation.apply(facts);
        let settings = Settings::default();
        conversation.spans(1, &settings);
        let kept = conversation.clone().write().unwrap();
        let mut again = Conversation::read(id(), &kept).unwrap();
        prop_assert_eq!((again.revision(), again.trace()), (conversation.revision(), conversation.trace()));
        conversation.spans(u64::MAX, &settings);
        again.spans(u64::MAX, &settings);
        prop_assert_eq!(again.write().unwrap(), conversation.write().unwrap());
        let mut damaged = kept;
        let at = at.index(damaged.len());
        damaged[at] ^= 1_u8 << bit;
        drop(Conversation::read(id(), &damaged));
        drop(Conversation::read(id(), &noise));
    }

    /// Whoever knows more has a higher revision, and whoever knows as much has the same one.
    #[test]
    fn revisions_grow_with_knowledge(facts in arbitrary::facts(40), cut in 0..40_usize) {
        let (first, rest) = facts.split_at(cut.min(facts.len()));
        let mut growing = Conversation::new(id());
        growing.apply(first.iter().cloned());
        let before = growing.revision();
        let learned = growing.apply(rest.iter().cloned());
        let mut whole = Conversation::new(id());
        whole.apply(facts.iter().rev().cloned());
        prop_assert_eq!(growing.revision(), whole.revision());
        prop_assert!(growing.revision() >= before);
        prop_assert_eq!(growing.revision() > before, learned);
    }
}

/// What the scenarios say, in pieces that come from all sources in any order, some of them twice.
#[test]
fn pieces_of_scenarios_can_come_in_any_order() {
    for (nth, scenario) in sim::genesys::scenario::library().unwrap().into_iter().enumerate() {
        let played = play::Played::new(&scenario.name);
        let mut pieces = played.live_facts();
        pieces.extend(played.rest_facts());
        pieces.extend(played.analytics_facts());
        let whole = played.everything();
        // A permutation, as 7919 is a prime that divides no length here; the first third comes twice.
        let length = pieces.len();
        let order = (0..length).map(|at| (at * 7919 + nth * 31) % length);
        let shuffled = order.clone().chain(order.take(length / 3)).filter_map(|at| pieces.get(at).cloned());
        assert!(whole == played.spans(shuffled), "{}", scenario.name);
    }
}
