//! For programs: what the drawing finds out that no answer has.

use serde::Serialize;

use super::cause::{Completeness, lost};
use super::model::Model;
use crate::answer::Span;

#[derive(Serialize)]
pub struct Told {
    complete: Complete,
    lost: Vec<Lost>,
}

#[derive(Serialize)]
struct Complete {
    /// Spans of a hundred whose place trace context tells.
    percent: usize,
    rejoined: usize,
    without_parent: usize,
}

#[derive(Serialize)]
struct Lost {
    kind: &'static str,
    from: Option<String>,
    service: String,
    times: usize,
    mend: Option<String>,
}

pub fn told(spans: &[Span], truncated: bool, now_ns: u64) -> Told {
    let model = Model::of(spans);
    let Completeness { percent, rejoined, without_parent } = Completeness::of(&model, truncated);
    let lost = lost(&model, now_ns).into_iter().map(|(cause, times)| Lost {
        kind: cause.kind.name(),
        from: cause.from.map(str::to_owned),
        service: cause.service.to_owned(),
        times,
        mend: cause.mend(),
    });
    Told { complete: Complete { percent, rejoined, without_parent }, lost: lost.collect() }
}
