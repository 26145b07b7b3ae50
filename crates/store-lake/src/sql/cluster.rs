//! Long questions, worked out by the executors of a Ballista cluster.
//!
//! The node that is asked knows which files there are, which of their rows count and what is in memory, so it plans
//! (`plan`). The plan names files by their paths below the root of the store and travels with the numbers of the rows that
//! count (`remote`, `codec`); a scheduler cuts it into stages, and executors, which have the same root somewhere, open the
//! files (`reader`). `job` is the way there and back; `serve` makes schedulers and executors.

mod plan;
mod remote;
mod codec;
mod reader;
mod job;
mod serve;

use std::sync::Arc;

use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};
use futures_util::StreamExt;
use store_api::door;
use store_api::sql::{On, Question, Worked};

pub(crate) use job::address;
pub use serve::{Executor, Scheduler, execute, schedule};

use super::looking::Looking;
use super::{Engine, asked};

/// Bytes of a plan, with what is in memory; messages of the cluster may have this many.
const LONGEST: usize = 64 << 20;
/// Estimated bytes in memory that travel; more is written to files first.
const TRAVELS: usize = 16 << 20;

/// Why a question does not go to the cluster, for who asked.
type Why = String;

/// The columns of an answer, where the cluster has it, and where it was worked out. What is not there yet when the stream is
/// dropped is not worked out.
pub(super) async fn ask(
    looking: &Arc<Looking>,
    engine: &Engine,
    question: &Question,
    here: &Arc<dyn ExecutionPlan>,
) -> (Option<SendableRecordBatchStream>, Option<Worked>) {
    let Some(cluster) = &looking.inner.settings.cluster else { return (None, None) };
    let rows = plan::rows(here);
    let pays = match question.on {
        On::Here => false,
        On::Cluster => true,
        On::Either => rows >= cluster.from_spans.max(1),
    };
    if !pays {
        return (None, Some(Worked::Here));
    }
    if rows == 0 {
        return (None, Some(Worked::Instead("it reads no span from a file".to_owned())));
    }
    match away(cluster, looking, engine, question).await {
        Ok(batches) => (Some(batches), Some(Worked::Cluster)),
        Err(why) => {
            tracing::warn!(why, "a question for the cluster is answered here");
            (None, Some(Worked::Instead(why)))
        }
    }
}

async fn away(
    cluster: &door::Cluster,
    looking: &Arc<Looking>,
    engine: &Engine,
    question: &Question,
) -> Result<SendableRecordBatchStream, Why> {
    let mut looking = Arc::clone(looking);
    if looking.shelves.iter().map(|shelf| shelf.weight()).sum::<usize>() > TRAVELS {
        looking.inner.flush_through(u64::MAX).await.map_err(|error| error.to_string())?;
        looking = Arc::new(Looking::new(Arc::clone(&looking.inner), Arc::clone(&looking.meter)));
    }
    let asked = asked(&looking, engine, question).await;
    let (context, plan) = asked.map_err(|failed| failed.to_string())?;
    let planned = plan::planned(cluster, &context, plan, question.limits.rows).await?;
    let batches = job::run(cluster, planned).await?;
    // As long as somebody looks at them, files stay.
    Ok(holding(looking, batches))
}

/// What is held goes when the batches do.
fn holding<T: Send + 'static>(held: T, batches: SendableRecordBatchStream) -> SendableRecordBatchStream {
    let schema = batches.schema();
    let batches = batches.inspect(move |_| {
        let _held = &held;
    });
    Box::pin(RecordBatchStreamAdapter::new(schema, batches))
}
