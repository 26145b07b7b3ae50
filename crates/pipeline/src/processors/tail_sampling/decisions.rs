//! Decisions that outlive the process: told as they are made, told again at the next start.

use std::sync::Arc;

use super::policy::TraceId;

/// Remembers decisions, so that what is replayed after a crash is not decided again. Offered through `Ctx` as
/// [`Decisions`].
pub trait DecisionLog: Send + Sync {
    /// Told before the spans leave; must not wait.
    fn decided(&self, decision: &Decision);

    /// What was told before the last stop, oldest first. Asked once, before the first span.
    fn earlier(&self) -> Vec<Decision>;
}

/// What was decided for whom, by the processor of this id in this pipeline.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision {
    pub processor: Arc<str>,
    pub pipeline: Arc<str>,
    pub subject: Decided,
    /// The name of the policy that keeps it; nothing where it is left out.
    pub sampled_by: Option<Arc<str>>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Decided {
    Trace(TraceId),
    /// All traces of an interaction.
    Interaction(Arc<str>),
}

/// How a log is offered to all processors of a process: `Ctx::with(Arc::new(Decisions(log)))`.
pub struct Decisions(pub Arc<dyn DecisionLog>);
