//! One communication of one participant, from all sources.

use std::collections::BTreeMap;

use super::SAME_MS;
use super::track::{Pause, Track};
use crate::fact::{Measure, Of, Says, Source, What};
use crate::facts::{Facts, Said, says};
use crate::words::Word;

pub(crate) struct Leg<'f> {
    pub(crate) of: &'f Of,
    /// What is said about the communication, and about its participant.
    facts: &'f [Said],
    participant: &'f [Said],
    pub(crate) role: Role,
    pub(crate) start: u64,
    pub(crate) connected: Option<u64>,
    pub(crate) end: Option<u64>,
    /// How it came to be connected, where that took someone's time.
    pub(crate) approach: Option<Approach>,
    pub(crate) pauses: Vec<Pause>,
    /// It listens in and does not talk.
    pub(crate) supervises: bool,
    /// It asked others in.
    pub(crate) consults: bool,
    /// The leg that asked this one in, by its place.
    pub(crate) consulted_by: Option<usize>,
}

/// What a participant is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Role {
    Customer,
    Flow,
    Queue,
    /// An agent or another user.
    Person,
    /// A number outside.
    External,
    Voicemail,
    Other,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Approach {
    Alert,
    Dial,
}

impl<'f> Leg<'f> {
    pub(crate) fn says(&self, which: Says) -> Option<&'f Word> {
        says(self.facts, which).or_else(|| says(self.participant, which))
    }

    pub(crate) fn said(&self, which: Says) -> Option<&'f str> {
        self.says(which).map(|word| &**word)
    }

    /// All that is said about the communication and its participant.
    pub(crate) fn facts(&self) -> impl Iterator<Item = &'f Said> {
        self.facts.iter().chain(self.participant)
    }

    pub(crate) fn measured(&self, measure: Measure) -> Option<i64> {
        let found = self.facts().filter_map(|(what, _)| match what {
            What::Measured(which, number) if *which == measure => Some(*number),
            _ => None,
        });
        match measure {
            Measure::MinMos => found.min(),
            _ => found.max(),
        }
    }

    pub(crate) fn is_open_at(&self, at: u64) -> bool {
        self.start <= at && self.end.is_none_or(|end| end > at)
    }

    /// Talks, or could.
    pub(crate) fn is_connected_at(&self, at: u64) -> bool {
        self.connected.is_some_and(|connected| connected <= at) && self.end.is_none_or(|end| end > at)
    }
}

/// The legs in the order in which they began.
pub(super) fn legs<'f>(
    facts: &'f Facts,
    tracks: &BTreeMap<&'f Of, [Track; 4]>,
    ended: Option<u64>,
) -> Vec<Leg<'f>> {
    let mut legs = Vec::new();
    for (of, said) in facts.legs().filter(|(of, _)| of.participant.is_some()) {
        let whole = Of { participant: of.participant.clone(), communication: None };
        let siblings = tracks
            .range::<Of, _>(&whole..)
            .take_while(|(other, _)| other.participant == of.participant)
            .count();
        // What is said about a participant is about its communications, where it has any.
        if of.communication.is_none() && siblings > 1 {
            continue;
        }
        let Some(tracks_of_leg) = tracks.get(of) else { continue };
        let of_participant = tracks.get(&whole).filter(|_| of.communication.is_some());
        let only = siblings == 1 + usize::from(of_participant.is_some());
        let leg = Leg {
            of,
            facts: said,
            participant: if of.communication.is_some() { facts.of(&whole) } else { &[] },
            role: Role::Other,
            start: 0,
            connected: None,
            end: None,
            approach: None,
            pauses: Vec::new(),
            supervises: false,
            consults: false,
            consulted_by: None,
        };
        legs.extend(complete(leg, tracks_of_leg, of_participant.filter(|_| only), ended));
    }
    if legs.iter().all(|leg| leg.role != Role::Customer) {
        // Called from a desk: the far end is the customer.
        let far = legs.iter_mut().filter(|leg| leg.role == Role::External);
        if let Some(far) = far.min_by_key(|leg| (leg.start, leg.of)) {
            far.role = Role::Customer;
        }
    }
    legs.sort_by_key(|leg| (leg.start, leg.of));
    legs
}

/// Fills in the times; nothing where there is none.
fn complete<'f>(
    mut leg: Leg<'f>,
    tracks: &[Track; 4],
    participant: Option<&[Track; 4]>,
    ended: Option<u64>,
) -> Option<Leg<'f>> {
    let own = || tracks.iter();
    let wider = || participant.into_iter().flatten();
    let [analytics, rest, snapshot, detail] = tracks;
    let started = [analytics.start, rest.start, detail.start, snapshot.start];
    leg.role = role(leg.said(Says::Purpose));
    leg.connected = own().chain(wider()).find_map(|track| track.connected);
    leg.end = own().chain(wider()).find_map(|track| track.end);
    leg.start = (started.into_iter().flatten().next())
        .or_else(|| wider().find_map(|track| track.start))
        .or(snapshot.first_seen())
        .or(leg.connected)
        .or(leg.end)?;
    if leg.end.is_none() {
        leg.end = ended;
    }
    if leg.connected.is_some_and(|connected| leg.end.is_some_and(|end| end < connected)) {
        leg.end = leg.connected;
    }
    leg.start = leg.connected.into_iter().chain(leg.end).fold(leg.start, u64::min);
    leg.supervises = own().any(|track| track.supervised) || leg.says(Says::Supervises).is_some();
    leg.consults = own().any(|track| track.consults);
    leg.approach = approach(&leg, tracks);
    leg.pauses = pauses(&leg, tracks);
    Some(leg)
}

fn role(purpose: Option<&str>) -> Role {
    match purpose {
        Some("customer") => Role::Customer,
        Some("ivr" | "workflow" | "botflow" | "voicesurveyflow") => Role::Flow,
        Some("acd" | "group") => Role::Queue,
        Some("agent" | "user" | "manual" | "station") => Role::Person,
        Some("external") => Role::External,
        Some("voicemail") => Role::Voicemail,
        _ => Role::Other,
    }
}

fn approach(leg: &Leg<'_>, tracks: &[Track; 4]) -> Option<Approach> {
    let any = |is: fn(&Track) -> bool| tracks.iter().any(is);
    let dials = matches!(leg.role, Role::Customer | Role::External);
    match leg.role {
        Role::Person if any(|track| track.alerted) => Some(Approach::Alert),
        Role::Person if any(|track| track.dialled) => Some(Approach::Dial),
        Role::Person if any(|track| track.segments) => None,
        // Live and not said yet.
        Role::Person if leg.connected.is_none() => match leg.said(Says::Direction) {
            Some("outbound") => Some(Approach::Dial),
            _ => Some(Approach::Alert),
        },
        _ if dials && leg.said(Says::Media).is_none_or(|media| media == "voice") => Some(Approach::Dial),
        _ => None,
    }
}

/// Holds and parkings: those of the best source, and of the others what it could not know.
fn pauses(leg: &Leg<'_>, tracks: &[Track; 4]) -> Vec<Pause> {
    let (Some(connected), Role::Person | Role::External) = (leg.connected, leg.role) else {
        return Vec::new();
    };
    let mut pauses: Vec<Pause> = Vec::new();
    for (track, source) in tracks.iter().zip(Source::ALL) {
        let better_knows_until = tracks
            .first()
            .filter(|best| best.segments && source != Source::Analytics)
            .map_or(0, |best| best.until);
        for pause in &track.pauses {
            let same = pauses.iter_mut().find(|known| {
                let within = known.end.is_some_and(|end| (known.start..end).contains(&pause.start));
                known.kind == pause.kind && (within || known.start.abs_diff(pause.start) < SAME_MS)
            });
            match same {
                Some(known) => known.end = known.end.or(pause.end),
                None if pause.start < better_knows_until => {}
                None => pauses.push(*pause),
            }
        }
    }
    pauses.sort_by_key(|pause| (pause.start, pause.kind));
    close(&mut pauses, tracks);
    let mut from = connected;
    for pause in &mut pauses {
        pause.start = pause.start.max(from);
        let end = pause.end.into_iter().chain(leg.end).min();
        pause.end = end.map(|end| end.max(pause.start));
        from = pause.end.unwrap_or(u64::MAX);
    }
    pauses.retain(|pause| pause.start < u64::MAX && pause.end.is_none_or(|end| end > pause.start));
    pauses.retain(|pause| leg.end.is_none_or(|end| pause.start < end));
    pauses
}

/// What nobody tells the end of was over when the leg was seen otherwise, and when the next pause began.
fn close(pauses: &mut [Pause], tracks: &[Track; 4]) {
    let starts: Vec<u64> = pauses.iter().map(|pause| pause.start).collect();
    for pause in pauses.iter_mut().filter(|pause| pause.end.is_none()) {
        let seen = tracks.iter().flat_map(|track| &track.seen);
        let otherwise =
            seen.filter(|(at, state)| *at > pause.start && pause.is_over(*state)).map(|(at, _)| *at);
        let next = starts.iter().copied().filter(|start| *start > pause.start);
        pause.end = otherwise.chain(next).min();
    }
}
