//! Who was asked in by whom, while the customer was with someone.

use super::{Leg, Role, SAME_MS};
use crate::fact::Says;

/// Marks the legs that an agent asked in.
///
/// Snapshots name the participant. Analytics only count consultations of an agent's leg: then everybody who was called
/// while it talked was asked in by it, and whoever came out of a queue that was.
pub(super) fn mark(legs: &mut [Leg<'_>]) {
    let marks: Vec<Option<usize>> = (0..legs.len()).map(|nth| initiator(legs, nth)).collect();
    for (leg, mark) in legs.iter_mut().zip(marks) {
        leg.consulted_by = mark;
    }
}

fn initiator(legs: &[Leg<'_>], nth: usize) -> Option<usize> {
    let leg = legs.get(nth)?;
    if leg.supervises || !matches!(leg.role, Role::Person | Role::External | Role::Queue) {
        return None;
    }
    let named = leg.says(Says::ConsultedBy).is_some();
    let talks = |one: &Leg<'_>| {
        let connected = one.connected.is_some_and(|connected| connected < leg.start);
        // Who leaves as the other one is called hands over: that is a transfer.
        let stays = one.end.is_none_or(|end| end > leg.start + SAME_MS);
        one.role == Role::Person && !one.supervises && connected && stays
    };
    let others = legs.iter().enumerate().filter(|(other, one)| *other != nth && talks(one));
    let asks = others.filter(|(_, one)| named || one.consults);
    // Whoever was connected last: the one asked in may ask in another.
    asks.max_by_key(|(_, one)| (one.connected, one.of)).map(|(other, _)| other)
}
