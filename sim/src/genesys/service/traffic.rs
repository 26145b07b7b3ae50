//! Conversations that begin by themselves.

use super::{Due, Service};
use crate::chance::Chance;
use crate::genesys::ids;
use crate::genesys::record::Record;
use crate::genesys::scenario::{Party, Scenario, What};
use crate::genesys::service::Traffic;

/// The first of many concurrent conversations are spread over this time.
const RAMP_MS: u64 = 10_000;

impl Service {
    /// Conversations begin by themselves from now on, where none did before.
    pub fn let_in(&mut self, traffic: Traffic) {
        self.options.traffic = traffic;
        self.begin_traffic();
    }

    /// No more conversations begin by themselves, and those that go on are cut off.
    pub fn close(&mut self) {
        self.options.traffic =
            Traffic { calls: Some(0), speed: self.options.traffic.speed, ..Traffic::default() };
        let now = self.now;
        for id in self.centre.going_on(now) {
            let off = |record: &mut Record, now| record.intervene(now, &[What::Disconnects(Party::System)]);
            // One that cannot be cut off ends by itself.
            self.change(&id, off).ok();
        }
    }

    /// How many conversations have something left to tell.
    pub fn live(&self) -> usize {
        self.centre.live()
    }

    pub(super) fn begin_traffic(&mut self) {
        let traffic = self.options.traffic;
        if self.options.scenarios.is_empty() {
            return;
        }
        for _ in 0..traffic.concurrent.max(traffic.at_first).min(self.options.max_live) {
            let spread = (RAMP_MS as f64 / traffic.speed) as u64;
            let at = self.now + self.fate.below(spread.max(1));
            self.begin_one(at);
        }
        if traffic.calls_per_minute > 0.0 {
            self.next_arrival();
        }
    }

    fn next_arrival(&mut self) {
        let wait = self.fate.next_arrival(self.options.traffic.calls_per_minute);
        // Never at the same moment: the day has to go on.
        self.agenda.put(self.now + (wait.as_millis() as u64).max(1), Due::Arrival);
    }

    pub(super) fn arrival(&mut self) {
        if self.begin_one(self.now) {
            self.next_arrival();
        }
    }

    /// One ended: another begins, where so many are to live.
    pub(super) fn replace_ended(&mut self) {
        if self.options.traffic.concurrent > 0 {
            self.begin_one(self.now);
        }
    }

    /// False when no more are to come.
    fn begin_one(&mut self, at: u64) -> bool {
        let number = self.tally.conversations_begun;
        if self.options.traffic.calls.is_some_and(|calls| number >= calls) {
            return false;
        }
        let total = self.options.scenarios.iter().map(|scenario| scenario.weight).sum::<u64>();
        let chosen = self.fate.below(total.max(1));
        let seed = self.fate.next();
        let Some(scenario) = weighted(&self.options.scenarios, chosen) else { return false };
        let Traffic { speed, spread, .. } = self.options.traffic;
        let mut scenario = scenario.faster(speed);
        if spread > 0.0 {
            scenario = scenario.varied(spread, &mut Chance::stream(seed, ids::hash("lengths")));
        }
        self.begin(Record::new(&scenario, seed, at), true);
        true
    }
}

/// The scenario at this place, where each takes as many places as it weighs.
fn weighted(scenarios: &[Scenario], place: u64) -> Option<&Scenario> {
    let mut before = 0;
    scenarios.iter().find(|scenario| {
        before += scenario.weight;
        place < before
    })
}
