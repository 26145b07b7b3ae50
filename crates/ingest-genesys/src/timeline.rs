//! What all sources together say, on one clock: the legs of a conversation in the order in which they began.

mod track;
mod clock;
mod leg;
mod consult;
mod wrapup;

use std::collections::BTreeMap;

pub(crate) use clock::Clocks;
pub(crate) use leg::{Approach, Leg, Role};
pub(crate) use track::PauseKind;
pub(crate) use wrapup::Wrapup;

use crate::fact::{Moment, Of, Says, Source, What};
use crate::facts::{Facts, Said, says};
use crate::words::Word;
use track::Track;

/// Two sources mean the same thing when they say that it began less than this apart.
pub(crate) const SAME_MS: u64 = 2500;

pub(crate) struct Timeline<'f> {
    pub(crate) start: u64,
    pub(crate) end: Option<u64>,
    pub(crate) legs: Vec<Leg<'f>>,
    pub(crate) wrapups: Vec<Wrapup<'f>>,
    /// About the conversation as a whole.
    pub(crate) facts: &'f [Said],
    pub(crate) clocks: Clocks,
    /// `interaction.channel`.
    pub(crate) channel: Option<&'f Word>,
    /// `interaction.direction`.
    pub(crate) direction: Option<&'f Word>,
}

impl<'f> Timeline<'f> {
    /// Nothing where no fact has a time.
    pub(crate) fn of(facts: &'f Facts) -> Option<Self> {
        let whole = facts.of(&Of::default());
        let receiver = clock::receiver(whole);
        let mut tracks: BTreeMap<&Of, [Track; 4]> = facts
            .legs()
            .map(|(of, facts)| (of, Source::ALL.map(|source| Track::of(facts, source, receiver))))
            .collect();
        let clocks = Clocks::estimate(tracks.values());
        for tracks in tracks.values_mut() {
            clocks.set(tracks);
        }
        let said_end = moment(whole, &clocks, Moment::End);
        let mut legs = leg::legs(facts, &tracks, said_end);
        let said_start = moment(whole, &clocks, Moment::Start);
        let first = legs.iter().map(|leg| leg.start).min();
        let start = said_start.into_iter().chain(first).min()?;
        consult::mark(&mut legs);
        let wrapups = wrapup::wrapups(&tracks, &legs);
        let end = said_end.or_else(|| all_ended(&legs)).map(|end| end.max(start));
        let (channel, direction) = (channel(&legs), direction(&legs, whole));
        Some(Self { start, end, legs, wrapups, facts: whole, clocks, channel, direction })
    }

    pub(crate) fn customer(&self) -> Option<&Leg<'f>> {
        self.legs.iter().find(|leg| leg.role == Role::Customer)
    }
}

/// `interaction.channel`: a callback stays one when it is called.
fn channel<'f>(legs: &[Leg<'f>]) -> Option<&'f Word> {
    let media = |leg: &Leg<'f>| leg.says(Says::Media);
    let callback = legs.iter().filter_map(media).find(|media| &***media == "callback");
    let customer = legs.iter().find(|leg| leg.role == Role::Customer).and_then(media);
    callback.or(customer).or_else(|| legs.iter().find_map(media))
}

/// `interaction.direction`: that of the customer's first leg, else of the first one.
fn direction<'f>(legs: &[Leg<'f>], whole: &'f [Said]) -> Option<&'f Word> {
    let said = |leg: &Leg<'f>| leg.says(Says::Direction);
    let customer = legs.iter().find(|leg| leg.role == Role::Customer).and_then(said);
    customer.or_else(|| legs.iter().find_map(said)).or_else(|| says(whole, Says::Direction))
}

/// A moment of the conversation: what the best informed source says.
fn moment(facts: &[Said], clocks: &Clocks, moment: Moment) -> Option<u64> {
    let said = facts.iter().filter_map(|(what, source)| match what {
        What::At(which, at) if *which == moment => Some((*source, *at)),
        _ => None,
    });
    let best = match moment {
        Moment::End => said.min_by_key(|(source, at)| (*source, u64::MAX - at)),
        _ => said.min(),
    };
    best.map(|(source, at)| clocks.right(source, at))
}

/// When the customer and everybody else has left; a call among colleagues has no customer.
fn all_ended(legs: &[Leg<'_>]) -> Option<u64> {
    let internal = || legs.len() > 1 && legs.iter().all(|leg| leg.role == Role::Person);
    legs.iter().find(|leg| leg.role == Role::Customer || internal())?;
    legs.iter().map(|leg| leg.end).try_fold(0, |last, end| end.map(|end| last.max(end)))
}
