//! What goes on now.

use serde::Serialize;
use store_api::{Stage, analysis};
use utoipa::ToSchema;

use super::{Ns, Summary};

/// Interactions that go on.
#[derive(Serialize, ToSchema, Clone)]
pub(crate) struct Running {
    as_of: Ns,
    n: u64,
    /// By the stage that began last; null where no running span has a stage. In the order of a call.
    stages: Vec<RunningStage>,
    /// Not all that began in the last day were looked at: there may be more.
    truncated: bool,
}

#[derive(Serialize, ToSchema, Clone)]
struct RunningStage {
    #[schema(required)]
    stage: Option<&'static str>,
    n: u64,
}

/// Interactions that are new, or have changed, since the last event.
#[derive(Serialize, ToSchema)]
pub(crate) struct Changed {
    as_of: Ns,
    /// The newest first.
    interactions: Vec<Summary>,
    /// More have changed than an event tells; ask the list.
    truncated: bool,
}

impl From<analysis::Running> for Running {
    fn from(of: analysis::Running) -> Self {
        let stage = |(stage, n): (Option<Stage>, u64)| RunningStage { stage: stage.map(Stage::name), n };
        Self {
            as_of: Ns(of.as_of_ns),
            n: of.n,
            stages: of.stages.into_iter().map(stage).collect(),
            truncated: of.truncated,
        }
    }
}

impl Changed {
    pub(crate) fn of(calls: Vec<store_api::Summary>, as_of: u64, truncated: bool) -> Self {
        let interactions = calls.into_iter().map(|call| call.as_of(as_of).into()).collect();
        Self { as_of: Ns(as_of), interactions, truncated }
    }
}
