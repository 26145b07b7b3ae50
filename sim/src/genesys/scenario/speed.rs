//! The same conversation in less time.

use super::{Scenario, Step, Target, Transfer, What, WrapUp};

impl Scenario {
    /// All durations divided by `speed`, which is 0.01 at least.
    pub fn faster(&self, speed: f64) -> Self {
        let step = |step: &Step| Step { line: step.line, what: step.what.faster(speed) };
        Self { steps: self.steps.iter().map(step).collect(), ..self.clone() }
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
