//! What one source says about one leg.

use super::clock::moved;
use crate::fact::{Lasted, Moment, Says, Source, State, What};
use crate::facts::Said;
use crate::words::Segment;

/// Times by the clock of the source. Default where it says nothing.
#[derive(Clone, Default, Debug)]
pub(crate) struct Track {
    pub(super) start: Option<u64>,
    pub(super) connected: Option<u64>,
    pub(super) end: Option<u64>,
    /// What it was seen to be, and when, by the right clock.
    pub(super) seen: Vec<(u64, State)>,
    pub(super) pauses: Vec<Pause>,
    pub(super) wrapups: Vec<(u64, Option<u64>)>,
    /// It lists segments, so that what it does not list was not.
    pub(super) segments: bool,
    pub(super) alerted: bool,
    pub(super) dialled: bool,
    pub(super) supervised: bool,
    pub(super) consults: bool,
    /// Until when it can know.
    pub(super) until: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Pause {
    pub(crate) kind: PauseKind,
    pub(crate) start: u64,
    pub(crate) end: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum PauseKind {
    Hold,
    Park,
}

impl Pause {
    /// True of a state in which it is over.
    pub(super) fn is_over(&self, state: State) -> bool {
        match self.kind {
            PauseKind::Hold => matches!(state, State::Free | State::Parked),
            PauseKind::Park => matches!(state, State::Free | State::Held),
        }
    }
}

impl Source {
    pub(super) const ALL: [Self; 4] = [Self::Analytics, Self::Rest, Self::Snapshot, Self::Detail];
}

impl Track {
    /// `receiver` is added to the times at which something was seen.
    pub(super) fn of(facts: &[Said], source: Source, receiver: i64) -> Self {
        let mut track = Self::default();
        let mut segments: Vec<(Segment, u64, Option<u64>)> = Vec::new();
        let mut durations = [None; 5];
        let mut wrapup_ends = Vec::new();
        for what in facts.iter().filter(|(_, of)| *of == source).map(|(what, _)| what) {
            track.until = track.until.max(what.time().unwrap_or(0));
            match what {
                What::At(moment, at) => track.moment(*moment, *at, &mut wrapup_ends),
                What::Seen(state, at) => track.seen.push((moved(*at, receiver), *state)),
                What::Lasted(what, ms) => {
                    if let Some(duration) = durations.get_mut(*what as usize) {
                        *duration = Some(*ms);
                    }
                }
                // Facts are sorted: an open segment stands before the same one with an end.
                What::Segment { kind, start, end } => match segments.last_mut() {
                    Some((last, begun, until)) if (*last, *begun) == (*kind, *start) => *until = *end,
                    _ => segments.push((*kind, *start, *end)),
                },
                What::Says(Says::Began, word) => {
                    track.alerted |= &**word == "alerting";
                    track.dialled |= &**word == "dialing";
                }
                _ => {}
            }
        }
        segments.sort_by_key(|(kind, start, end)| (*start, end.unwrap_or(u64::MAX), *kind));
        track.take_segments(&segments);
        track.take_seen();
        track.take_durations(durations);
        track.pair_wrapups(wrapup_ends);
        track
    }

    fn moment(&mut self, moment: Moment, at: u64, wrapup_ends: &mut Vec<u64>) {
        let first = |known: &mut Option<u64>| *known = Some(known.map_or(at, |known| known.min(at)));
        match moment {
            Moment::Start => first(&mut self.start),
            Moment::Alerting => {
                first(&mut self.start);
                self.alerted = true;
            }
            Moment::Connected => first(&mut self.connected),
            Moment::End => self.end = self.end.max(Some(at)),
            Moment::HoldStart => self.pauses.push(Pause { kind: PauseKind::Hold, start: at, end: None }),
            Moment::ParkStart => self.pauses.push(Pause { kind: PauseKind::Park, start: at, end: None }),
            Moment::WrapupStart => self.wrapups.push((at, None)),
            Moment::WrapupEnd => wrapup_ends.push(at),
            Moment::Consult => self.consults = true,
        }
    }

    fn take_segments(&mut self, segments: &[(Segment, u64, Option<u64>)]) {
        let own = || segments.iter().filter(|(kind, ..)| *kind != Segment::Wrapup);
        self.segments = own().next().is_some();
        if let Some((_, start, _)) = own().next() {
            self.start = Some(self.start.map_or(*start, |known| known.min(*start)));
        }
        if let Some((_, start, _)) = own().find(|(kind, ..)| !kind.approaches()) {
            self.connected = Some(*start);
        }
        for (kind, start, end) in segments {
            match kind {
                Segment::Alert => self.alerted = true,
                Segment::Contacting | Segment::Dialing => self.dialled = true,
                Segment::Supervision => self.supervised = true,
                Segment::Wrapup => self.wrapups.push((*start, *end)),
                Segment::Hold => self.pause(PauseKind::Hold, *start, *end),
                Segment::Parked => self.pause(PauseKind::Park, *start, *end),
                _ => {}
            }
        }
    }

    /// The end of a pause may be known where its start is known already.
    fn pause(&mut self, kind: PauseKind, start: u64, end: Option<u64>) {
        match self.pauses.iter_mut().find(|known| known.kind == kind && known.start.abs_diff(start) < 50) {
            Some(known) => *known = Pause { kind, start, end },
            None => self.pauses.push(Pause { kind, start, end }),
        }
    }

    /// Pauses without a time of their own begin when they are seen.
    fn take_seen(&mut self) {
        self.seen.sort_unstable();
        for (kind, state) in [(PauseKind::Hold, State::Held), (PauseKind::Park, State::Parked)] {
            if self.pauses.iter().any(|pause| pause.kind == kind) {
                continue;
            }
            let mut within = false;
            for (at, now) in &self.seen {
                if *now == state && !within {
                    self.pauses.push(Pause { kind, start: *at, end: None });
                }
                within = *now == state;
            }
        }
    }

    /// When it was first seen before it was connected.
    pub(super) fn first_seen(&self) -> Option<u64> {
        let before = self.seen.iter().find(|(_, state)| matches!(state, State::Alerting | State::Dialing));
        before.map(|(at, _)| *at)
    }

    /// Detail events tell durations when a leg ends.
    fn take_durations(&mut self, durations: [Option<u64>; 5]) {
        let get = |what: Lasted| durations.get(what as usize).copied().flatten();
        self.alerted |= get(Lasted::Alerting).is_some();
        self.dialled |= get(Lasted::Dialing).is_some();
        let Some(end) = self.end else { return };
        let talked = get(Lasted::Interacting).map(|ms| ms + get(Lasted::Held).unwrap_or(0));
        let connected = get(Lasted::Connected).or(talked);
        if self.connected.is_none() {
            self.connected = connected.map(|ms| end.saturating_sub(ms).max(1));
        }
        if self.start.is_none() {
            let before = get(Lasted::Alerting).unwrap_or(0) + get(Lasted::Dialing).unwrap_or(0);
            let begun = connected.unwrap_or(0) + before;
            self.start = (begun > 0).then(|| end.saturating_sub(begun).max(1));
        }
    }

    /// Starts and ends that came as moments of their own.
    fn pair_wrapups(&mut self, mut ends: Vec<u64>) {
        ends.sort_unstable();
        self.wrapups.sort_unstable_by_key(|(start, end)| (*start, end.is_none(), *end));
        self.wrapups.dedup_by_key(|(start, _)| *start);
        let starts: Vec<u64> = self.wrapups.iter().map(|(start, _)| *start).collect();
        for (start, end) in self.wrapups.iter_mut().filter(|(_, end)| end.is_none()) {
            let next = starts.iter().find(|next| **next > *start).copied().unwrap_or(u64::MAX);
            *end = ends.iter().find(|end| (*start..=next).contains(end)).copied();
        }
    }

    /// Moves all times but those at which something was seen.
    pub(super) fn shift(&mut self, right: impl Fn(u64) -> u64) {
        let pauses = self.pauses.iter_mut().flat_map(|pause| [Some(&mut pause.start), pause.end.as_mut()]);
        let wrapups = self.wrapups.iter_mut().flat_map(|(start, end)| [Some(start), end.as_mut()]);
        let own = [self.start.as_mut(), self.connected.as_mut(), self.end.as_mut(), Some(&mut self.until)];
        pauses.chain(wrapups).chain(own).flatten().for_each(|at| *at = right(*at));
    }
}
