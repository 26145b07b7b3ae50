//! What the page asks when it opens: the overview, a stage, and an interaction by its id without a time.

use store_api::analysis::stage::GroupBy;
use store_api::analysis::{Scope, overview, stage};
use store_api::{Analysis, Range, Stage};
use store_lake::Lake;

use crate::limits::Limits;
use crate::ours::each;

const LOOKS: [u8; 20] = [0; 20];
const STEPS: u64 = 96;

/// At most so many milliseconds, p95; the first look, which opens files, is told beside it.
pub(crate) async fn show(lake: &Lake, what: &str, range: Range, limit: f64, limits: &mut Limits) {
    let scope = || Scope { range, ..Scope::default() };
    let strip = each(&LOOKS, async |_| {
        let question = overview::Question { scope: scope(), ..overview::Question::default() };
        let found = lake.overview(question, range.to).await.unwrap();
        assert!(found.calls.n > 0 && found.stages.iter().any(|line| line.calls > 0), "nothing began");
    });
    let strip = strip.await;
    let queue = each(&LOOKS, async |_| {
        let question = stage::Question {
            scope: scope(),
            stage: Stage::Queue,
            group_by: Some(GroupBy::Queue),
            steps: STEPS,
            threshold_ns: None,
        };
        assert!(lake.stage(question).await.unwrap().latency.n > 0, "nobody waited");
    });
    let queue = queue.await;
    for (page, spread) in [("overview", strip), ("stage", queue)] {
        println!(
            "  {page}, {what}: first {:.1} ms, then p50 {:.1} ms, p95 {:.1} ms",
            spread.first, spread.p50, spread.p95
        );
        limits.at_most(format!("{page}, {what}, ms p95"), spread.p95, limit);
    }
}
