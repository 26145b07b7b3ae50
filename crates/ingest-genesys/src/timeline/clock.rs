//! Clocks that differ. Each source has one; they are compared at the moments that two sources tell about.
//!
//! The clock of the conversation service counts: what REST and snapshots say. Without it that of analytics, then that of
//! detail events. A source whose clock differs by more than a quarter of a second, in the median, is set right as a whole. The clock
//! of the receiver, which only `Seen` uses, is set right by the smallest lead over the newest time in a snapshot.

use super::track::Track;
use crate::fact::{Source, What};
use crate::facts::Said;

/// Less is the ordinary difference between two parts of the service.
const ORDINARY_MS: i64 = 250;

/// What to add to the times of each source.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clocks {
    analytics: i64,
    detail: i64,
}

impl Clocks {
    pub(super) fn estimate<'t>(tracks: impl Iterator<Item = &'t [Track; 4]>) -> Self {
        let mut analytics = Vec::new();
        let mut detail = Vec::new();
        let mut detail_to_analytics = Vec::new();
        for [of_analytics, rest, snapshot, of_detail] in tracks {
            for service in [rest, snapshot] {
                compare(of_analytics, service, &mut analytics);
                compare(of_detail, service, &mut detail);
            }
            compare(of_detail, of_analytics, &mut detail_to_analytics);
        }
        let analytics = correction(analytics);
        let detail = match correction(detail_to_analytics) + analytics {
            by_analytics if detail.is_empty() => by_analytics,
            _ => correction(detail),
        };
        Self { analytics, detail }
    }

    /// A time by the clock of the conversation service.
    pub(crate) fn right(&self, source: Source, at: u64) -> u64 {
        match source {
            Source::Analytics => moved(at, self.analytics),
            Source::Detail => moved(at, self.detail),
            Source::Rest | Source::Snapshot => at,
        }
    }

    /// Sets all tracks of a leg right.
    pub(super) fn set(&self, tracks: &mut [Track; 4]) {
        for (track, source) in tracks.iter_mut().zip(Source::ALL) {
            track.shift(|at| self.right(source, at));
        }
    }
}

/// What to add to the times at which something was seen.
pub(super) fn receiver(whole: &[Said]) -> i64 {
    let leads = whole.iter().filter_map(|(what, _)| match what {
        What::Ahead(ms) => Some(*ms),
        _ => None,
    });
    leads.min().map_or(0, i64::saturating_neg)
}

/// Differences at the moments that both know.
fn compare(one: &Track, other: &Track, differences: &mut Vec<i64>) {
    for (one, other) in [(one.start, other.start), (one.connected, other.connected), (one.end, other.end)] {
        if let (Some(one), Some(other)) = (one, other) {
            differences.push(other as i64 - one as i64);
        }
    }
}

fn correction(mut differences: Vec<i64>) -> i64 {
    differences.sort_unstable();
    let median = differences.get(differences.len() / 2).copied().unwrap_or(0);
    if median.abs() > ORDINARY_MS { median } else { 0 }
}

pub(super) fn moved(at: u64, by: i64) -> u64 {
    at.saturating_add_signed(by).clamp(1, crate::time::LATEST)
}
