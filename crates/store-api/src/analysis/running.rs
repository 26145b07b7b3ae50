//! What goes on now.

use std::collections::BTreeMap;

use crate::error::StoreError;
use crate::question::{Filter, Limits, Range};
use crate::read::Reader;
use crate::select::Found;
use crate::stage::Stage;
use crate::summary::Summary;

/// What began longer ago is not looked for.
const LOOK_BACK_NS: u64 = 24 * 3_600_000_000_000;

/// Interactions with a span that goes on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Running {
    pub as_of_ns: u64,
    pub n: u64,
    /// By the stage that began last, in the order of a call; without a stage at the end.
    pub stages: Vec<(Option<Stage>, u64)>,
    pub truncated: bool,
}

#[derive(Clone, Copy, Debug)]
pub struct Question {
    pub now_ns: u64,
    /// So many interactions are told, those that run and those that ended last before others.
    pub most: usize,
    pub limits: Limits,
}

/// What runs, and what was told last.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Live {
    pub running: Running,
    /// The one with the latest sign of life first.
    pub calls: Vec<Summary>,
}

impl Reader<'_> {
    pub(crate) fn live(&mut self, question: &Question) -> Result<Live, StoreError> {
        let Question { now_ns, most, .. } = *question;
        let range = Range { from: now_ns.saturating_sub(LOOK_BACK_NS), to: u64::MAX };
        let Found { mut calls, complete_from, .. } = self.calls(range, &Filter::default())?;
        let running = Running::of(&calls, now_ns, complete_from > range.from);
        calls.sort_by(|a, b| {
            let ended = |call: &Summary| (call.running(), call.end_ns);
            ended(b).cmp(&ended(a)).then_with(|| a.id.cmp(&b.id))
        });
        calls.truncate(most);
        Ok(Live { running, calls })
    }

    pub(crate) fn running(&mut self, now_ns: u64, filter: &Filter) -> Result<Running, StoreError> {
        let range = Range { from: now_ns.saturating_sub(LOOK_BACK_NS), to: u64::MAX };
        let (open, complete_from) = self.open(range)?;
        let ids = self.interactions_with(&open)?;
        let found = self.calls_among(ids, complete_from, filter)?;
        Ok(Running::of(&found.calls, now_ns, found.cut || found.complete_from > range.from))
    }
}

impl Running {
    pub(crate) fn of(calls: &[Summary], as_of_ns: u64, truncated: bool) -> Self {
        let mut stages: BTreeMap<(bool, Option<Stage>), u64> = BTreeMap::new();
        for call in calls.iter().filter(|call| call.running()) {
            let goes_on = |stage: &Stage| call.open.iter().any(|(open, _)| *open == Some(*stage));
            let stage = call.stages.iter().map(|(stage, _)| *stage).rfind(goes_on);
            *stages.entry((stage.is_none(), stage)).or_default() += 1;
        }
        Self {
            as_of_ns,
            n: stages.values().sum(),
            stages: stages.into_iter().map(|((_, stage), n)| (stage, n)).collect(),
            truncated,
        }
    }
}
