//! Where the time goes: questions about many interactions, and about one among many.
//!
//! Finished spans are observed where they started in the range that is asked for. Durations are counted in exponential
//! histograms, or exactly where they are compared. What a limit leaves out is the oldest, and is said.

pub mod histogram;
pub mod latency;
pub mod observe;
pub mod rollup;
pub mod scope;
mod counted;
pub(crate) mod gather;
pub mod objective;
pub mod deploys;
pub mod running;
pub mod calls;
pub mod peak;
pub mod overview;
pub mod points;
pub mod stage;
pub mod differs;
pub mod compare;
pub mod chain;
pub mod transfers;
pub mod path;
pub mod percentiles;
pub mod ended;
pub mod skew;

use crate::error::StoreError;
use crate::store::{TraceStore, answer};

pub use deploys::Deploy;
pub use latency::{Latency, Within, share};
pub use objective::{Objectives, State};
pub use overview::Overview;
pub use points::Example;
pub use running::Running;
pub use scope::{Covered, Scope};

/// What can be asked of every store about where time goes.
pub trait Analysis: TraceStore {
    /// How the contact centre does.
    fn overview(
        &self,
        question: overview::Question,
        now_ns: u64,
    ) -> impl Future<Output = Result<Overview, StoreError>> + Send {
        answer(self, question.scope.limits, move |reader| reader.overview(&question, now_ns))
    }

    /// One stage over time.
    fn stage(
        &self,
        question: stage::Question,
    ) -> impl Future<Output = Result<stage::Detail, StoreError>> + Send {
        answer(self, question.scope.limits, move |reader| reader.stage(&question))
    }

    /// Which attributes differ inside a box of a stage's heat map.
    fn differs(
        &self,
        question: differs::Question,
    ) -> impl Future<Output = Result<differs::Differs, StoreError>> + Send {
        answer(self, question.scope.limits, move |reader| reader.differs(&question))
    }

    /// B against A.
    fn compare(
        &self,
        question: compare::Question,
    ) -> impl Future<Output = Result<compare::Compared, StoreError>> + Send {
        answer(self, question.a.limits, move |reader| reader.compare(&question))
    }

    /// Who is handed over to whom.
    fn transfers(
        &self,
        scope: Scope,
    ) -> impl Future<Output = Result<transfers::Transfers, StoreError>> + Send {
        answer(self, scope.limits, move |reader| reader.transfers(&scope))
    }

    /// The interactions that links join to this one, those of spans and those that were made by hand; nothing where no
    /// span carries the id. The range of the scope does not count.
    fn chain(
        &self,
        id: &str,
        scope: Scope,
        by_hand: Vec<chain::ByHand>,
    ) -> impl Future<Output = Result<Option<chain::Chain>, StoreError>> + Send {
        let id = id.to_owned();
        answer(self, scope.limits, move |reader| reader.chain(&id, &scope, &by_hand))
    }

    /// Where each span of an interaction stands among those of its kind; nothing where no span carries the id.
    fn percentiles(
        &self,
        question: percentiles::Question,
    ) -> impl Future<Output = Result<Option<percentiles::Percentiles>, StoreError>> + Send {
        answer(self, question.scope.limits, move |reader| reader.percentiles(&question))
    }

    /// What ended in windows of time.
    fn ended(
        &self,
        question: ended::Question,
    ) -> impl Future<Output = Result<ended::Ended, StoreError>> + Send {
        answer(self, question.scope.limits, move |reader| reader.ended(&question))
    }

    /// Whose clocks differ.
    fn skews(&self, scope: Scope) -> impl Future<Output = Result<skew::Skews, StoreError>> + Send {
        answer(self, scope.limits, move |reader| reader.skews(&scope))
    }

    /// What goes on now, and the interactions that have a span since a time, the newest first, at most so many.
    fn live(
        &self,
        question: running::Question,
    ) -> impl Future<Output = Result<running::Live, StoreError>> + Send {
        answer(self, question.limits, move |reader| reader.live(&question))
    }
}

impl<S: TraceStore + ?Sized> Analysis for S {}
