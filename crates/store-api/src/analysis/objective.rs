//! How long a stage may take.

use std::collections::BTreeMap;

use crate::stage::Stage;

/// What p95 of a stage should not exceed, and the threshold of its service level.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Objectives {
    pub p95_ns: BTreeMap<Stage, u64>,
    pub within_ns: BTreeMap<Stage, u64>,
}

/// p95 beside its objective.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// No objective, or nothing to measure.
    None,
    Met,
    /// Met, by less than a tenth.
    Near,
    Missed,
}

const MS: u64 = 1_000_000;

impl Default for Objectives {
    fn default() -> Self {
        let p95 = [
            (Stage::Setup, 1_200 * MS),
            (Stage::Action, 1_000 * MS),
            (Stage::Queue, 120_000 * MS),
            (Stage::Alert, 20_000 * MS),
        ];
        let within = [
            (Stage::Setup, 1_200 * MS),
            // From a second on a caller hears silence, or that something is processed.
            (Stage::Action, 1_000 * MS),
            (Stage::Queue, 20_000 * MS),
            (Stage::Alert, 15_000 * MS),
        ];
        Self { p95_ns: p95.into(), within_ns: within.into() }
    }
}

impl Objectives {
    pub fn p95(&self, stage: Stage) -> Option<u64> {
        self.p95_ns.get(&stage).copied()
    }

    pub fn threshold(&self, stage: Stage) -> Option<u64> {
        self.within_ns.get(&stage).copied()
    }

    pub(crate) fn state(&self, stage: Stage, p95: Option<u64>) -> State {
        match self.p95(stage).zip(p95) {
            None => State::None,
            Some((objective, p95)) if p95 > objective => State::Missed,
            Some((objective, p95)) if p95 > objective - objective / 10 => State::Near,
            Some(_) => State::Met,
        }
    }
}

impl State {
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Met => "met",
            Self::Near => "near",
            Self::Missed => "missed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_is_within_a_tenth_below_the_objective() {
        let objectives = Objectives::default();
        for (p95_ms, state) in [
            (None, State::None),
            (Some(900), State::Met),
            (Some(901), State::Near),
            (Some(1000), State::Near),
            (Some(1001), State::Missed),
        ] {
            assert_eq!(objectives.state(Stage::Action, p95_ms.map(|ms| ms * MS)), state, "{p95_ms:?}");
        }
        assert_eq!(objectives.state(Stage::Talk, Some(1)), State::None);
    }
}
