//! After-call work: a participant's, whichever communication it is told with.

use std::collections::BTreeMap;

use super::track::Track;
use super::{Leg, SAME_MS};
use crate::fact::{Of, Source};
use crate::id::Id;

pub(crate) struct Wrapup<'f> {
    pub(crate) participant: &'f Id,
    /// The leg after which it comes, by its place.
    pub(crate) leg: usize,
    pub(crate) ordinal: usize,
    pub(crate) start: u64,
    pub(crate) end: Option<u64>,
}

/// Those of all participants. One that took no time was none.
pub(super) fn wrapups<'f>(tracks: &BTreeMap<&'f Of, [Track; 4]>, legs: &[Leg<'f>]) -> Vec<Wrapup<'f>> {
    let mut all = Vec::new();
    let mut done: Option<&Id> = None;
    for of in tracks.keys() {
        let Some(participant) = of.participant.as_ref().filter(|id| done != Some(*id)) else { continue };
        done = Some(participant);
        let Some(leg) = legs.iter().rposition(|leg| leg.of.participant.as_ref() == Some(participant)) else {
            continue;
        };
        let whole = Of { participant: Some(participant.clone()), communication: None };
        let own: Vec<&[Track; 4]> = tracks
            .range::<Of, _>(&whole..)
            .take_while(|(of, _)| of.participant.as_ref() == Some(participant))
            .map(|(_, tracks)| tracks)
            .collect();
        let merged = merge(&own).into_iter().filter(|(start, end)| end.is_none_or(|end| end > start + 1));
        let numbered = merged.enumerate();
        all.extend(numbered.map(|(ordinal, (start, end))| Wrapup { participant, leg, ordinal, start, end }));
    }
    all
}

fn merge(own: &[&[Track; 4]]) -> Vec<(u64, Option<u64>)> {
    let mut merged: Vec<(u64, Option<u64>)> = Vec::new();
    let mut best_knows_until = 0;
    for (nth, source) in Source::ALL.into_iter().enumerate() {
        let tracks = own.iter().filter_map(|tracks| tracks.get(nth));
        let mut said: Vec<_> = tracks.flat_map(|track| track.wrapups.iter().copied()).collect();
        said.sort_unstable();
        for (start, end) in said {
            let same = merged.iter_mut().find(|(known, until)| {
                known.abs_diff(start) < SAME_MS || until.is_some_and(|until| (*known..until).contains(&start))
            });
            match same {
                Some((_, until)) => *until = until.or(end),
                None if start < best_knows_until => {}
                None => merged.push((start, end)),
            }
        }
        if source == Source::Analytics {
            best_knows_until = merged.iter().filter_map(|(_, end)| *end).max().unwrap_or(0);
        }
    }
    merged.sort_unstable();
    merged
}
