//! Conversations that begin by themselves.

use super::{Due, Service};
use crate::genesys::record::Record;

/// The first of many concurrent conversations are spread over this time.
const RAMP_MS: u64 = 10_000;

impl Service {
    pub(super) fn begin_traffic(&mut self) {
        let traffic = self.options.traffic;
        if self.options.scenarios.is_empty() {
            return;
        }
        for _ in 0..traffic.concurrent.min(self.options.max_live) {
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
        let chosen = self.fate.below(self.options.scenarios.len() as u64) as usize;
        let seed = self.fate.next();
        let Some(scenario) = self.options.scenarios.get(chosen) else { return false };
        let scenario = scenario.faster(self.options.traffic.speed);
        self.begin(Record::new(&scenario, seed, at), true);
        true
    }
}
