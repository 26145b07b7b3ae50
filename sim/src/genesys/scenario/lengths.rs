//! The same conversation in less time, or in another time.

use super::{Scenario, Step, Target, Transfer, What, WrapUp};
use crate::chance::Chance;

impl Scenario {
    /// All durations divided by `speed`, which is 0.01 at least.
    pub fn faster(&self, speed: f64) -> Self {
        let step = |step: &Step| Step { line: step.line, what: step.what.faster(speed) };
        Self { steps: self.steps.iter().map(step).collect(), ..self.clone() }
    }

    /// Each duration longer or shorter by chance: half of them are shorter, and `spread` is how far they go. A flow is
    /// never shorter, since it waits for its Data Actions; what happens in it moves with it.
    pub(in crate::genesys) fn varied(&self, spread: f64, chance: &mut Chance) -> Self {
        let mut flow = 1.0;
        let steps = self.steps.iter().map(|step| {
            let by = chance.around(1.0, spread).as_secs_f64();
            let by = match step.what {
                What::Flow { .. } => {
                    flow = by.max(1.0);
                    flow
                }
                What::Milestone { .. } | What::DataAction { .. } => flow,
                _ => by,
            };
            Step { line: step.line, what: step.what.faster(by.recip()) }
        });
        Self { steps: steps.collect(), ..self.clone() }
    }
}

impl What {
    pub(in crate::genesys) fn faster(&self, speed: f64) -> Self {
        let mut what = self.clone();
        let speed = speed.max(0.01);
        // Down, always: what lay inside of something stays inside.
        what.times().into_iter().for_each(|time| *time = (*time as f64 / speed) as u64);
        what
    }

    fn times(&mut self) -> Vec<&mut u64> {
        match self {
            Self::Arrives
            | Self::Outcome { .. }
            | Self::Set { .. }
            | Self::FlowDisconnects
            | Self::Disconnects(_)
            | Self::ConsultEnds(_)
            | Self::Transfer(Transfer::Agent(_)) => Vec::new(),
            Self::Flow { lasts, .. } | Self::Alert { lasts, .. } => vec![lasts],
            Self::Milestone { at, .. } => vec![at],
            Self::DataAction { at, takes, .. } => vec![at, takes],
            Self::Queue { waits, .. } | Self::Transfer(Transfer::Queue { waits, .. }) => vec![waits],
            Self::Wait(lasts)
            | Self::Talk(lasts)
            | Self::Hold(lasts)
            | Self::Park(lasts)
            | Self::Voicemail(lasts) => {
                vec![lasts]
            }
            Self::Consult { to: Target::Queue { waits, .. }, rings, talks, .. } => vec![waits, rings, talks],
            Self::Consult { rings, talks, .. } | Self::Transfer(Transfer::Number { rings, talks, .. }) => {
                vec![rings, talks]
            }
            Self::WrapUp { wrap_up, .. } => match wrap_up {
                WrapUp::Done { lasts, .. } | WrapUp::TimedOut(lasts) => vec![lasts],
                WrapUp::Skipped => Vec::new(),
            },
            Self::Dials { contacting, rings, .. } => vec![contacting, rings],
            Self::CallsBack { rings } | Self::Calls { rings, .. } => vec![rings],
        }
    }
}
