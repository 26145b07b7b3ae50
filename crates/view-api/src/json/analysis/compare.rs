//! A against B.

use serde::Serialize;
use store_api::analysis::{Scope, compare, latency};
use utoipa::ToSchema;

use super::{Covers, ExampleSpan, Latency};

/// B against A: each stage and each operation.
#[derive(Serialize, ToSchema)]
pub(crate) struct Compared {
    a: ComparedSide,
    b: ComparedSide,
    /// Null unless `control` asked for it.
    #[schema(required)]
    control: Option<Control>,
    /// What matters most, for people; the largest change first.
    verdicts: Vec<String>,
    stages: Vec<Comparison>,
    /// Those with the clearest change first.
    operations: Vec<Comparison>,
    /// Only in B.
    new: Vec<Operation>,
    /// Only in A.
    gone: Vec<Operation>,
}

/// What both sides were before, of any version.
#[derive(Serialize, ToSchema)]
struct Control {
    a: Covers,
    b: Covers,
    /// Finished spans of both.
    n: u64,
}

#[derive(Serialize, ToSchema)]
struct ComparedSide {
    covers: Covers,
    #[schema(required)]
    version: Option<String>,
    #[schema(required)]
    region: Option<String>,
    #[schema(required)]
    queue: Option<String>,
    /// Finished spans.
    n: u64,
}

/// One stage, or one operation of one service.
#[derive(Serialize, ToSchema)]
struct Comparison {
    #[schema(required)]
    stage: Option<&'static str>,
    #[schema(required)]
    service: Option<String>,
    #[schema(required)]
    operation: Option<String>,
    a: Latency,
    b: Latency,
    p50: Delta,
    p95: Delta,
    p99: Delta,
    /// For people.
    verdict: String,
    examples_a: Vec<ExampleSpan>,
    examples_b: Vec<ExampleSpan>,
}

/// One percentile of B against that of A.
#[derive(Serialize, ToSchema)]
struct Delta {
    /// 0.38 is 38 % slower; null where there is nothing to compare.
    #[schema(required)]
    change: Option<f64>,
    /// That of the control; null without one, or where it has too few spans. Where it is there, `low`, `high` and `verdict`
    /// are about what goes beyond it.
    #[schema(required)]
    control: Option<f64>,
    /// The change lies between these with 95 % certainty; null where there is not enough data.
    #[schema(required)]
    low: Option<f64>,
    #[schema(required)]
    high: Option<f64>,
    /// slower, faster, unchanged (certainly less than 10 % either way), unsure or not_enough
    verdict: &'static str,
    /// Spans that each side needs.
    needed: u64,
}

/// A stage, or an operation of a service, that only one side has.
#[derive(Serialize, ToSchema)]
struct Operation {
    #[schema(required)]
    stage: Option<&'static str>,
    #[schema(required)]
    service: Option<String>,
    #[schema(required)]
    operation: Option<String>,
    latency: Latency,
}

impl Compared {
    pub(crate) fn of(found: compare::Compared, question: &compare::Question, as_of: u64) -> Self {
        Self {
            a: ComparedSide::of(&found.a, &question.a, as_of),
            b: ComparedSide::of(&found.b, &question.b, as_of),
            control: found.control.map(|(a, b)| Control {
                a: Covers::of(&a.covered, as_of),
                b: Covers::of(&b.covered, as_of),
                n: a.n + b.n,
            }),
            verdicts: found.verdicts,
            stages: found.stages.into_iter().map(Comparison::from).collect(),
            operations: found.operations.into_iter().map(Comparison::from).collect(),
            new: found.new.into_iter().map(Operation::of).collect(),
            gone: found.gone.into_iter().map(Operation::of).collect(),
        }
    }
}

impl ComparedSide {
    fn of(side: &compare::Side, scope: &Scope, as_of: u64) -> Self {
        Self {
            covers: Covers::of(&side.covered, as_of),
            version: scope.version.clone(),
            region: scope.region.clone(),
            queue: scope.queue.clone(),
            n: side.n,
        }
    }
}

impl From<compare::Comparison> for Comparison {
    fn from(of: compare::Comparison) -> Self {
        let verdict = of.verdict();
        let (stage, service, operation) = names(of.kind);
        Self {
            stage,
            service,
            operation,
            a: of.a.into(),
            b: of.b.into(),
            p50: of.p50.into(),
            p95: of.p95.into(),
            p99: of.p99.into(),
            verdict,
            examples_a: of.examples_a.into_iter().map(ExampleSpan::from).collect(),
            examples_b: of.examples_b.into_iter().map(ExampleSpan::from).collect(),
        }
    }
}

impl From<compare::Delta> for Delta {
    fn from(of: compare::Delta) -> Self {
        let (low, high) = of.bounds.unzip();
        Self {
            change: of.change,
            control: of.control,
            low,
            high,
            verdict: of.verdict.name(),
            needed: of.needed,
        }
    }
}

impl Operation {
    fn of((kind, latency): (compare::Kind, latency::Latency)) -> Self {
        let (stage, service, operation) = names(kind);
        Self { stage, service, operation, latency: latency.into() }
    }
}

/// Stage, service and operation.
fn names(kind: compare::Kind) -> (Option<&'static str>, Option<String>, Option<String>) {
    match kind {
        compare::Kind::Stage(stage) => (Some(stage.name()), None, None),
        compare::Kind::Operation { service, name } => {
            (None, Some(service.to_string()), Some(name.to_string()))
        }
    }
}
