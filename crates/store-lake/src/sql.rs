//! SQL over what is kept: read only, within limits, on threads of its own.
//!
//! `statement` lets questions pass and nothing else; `expand` finds attributes; `session` has the tables; `overlap` sees to it that every span is
//! there once; `scan` reads files; `write` makes bytes of columns.

mod statement;
mod expand;
mod wrong;
mod meter;
mod hist;
mod latency;
mod grouped;
mod attr;
mod text;
mod overlap;
mod looking;
mod wanted;
mod scan;
mod joined;
mod spans;
mod interactions;
mod attr_keys;
mod session;
mod info;
mod metadata;
mod cell;
mod write;
#[cfg(feature = "ballista")]
pub mod cluster;

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, MemoryPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::execute_stream;
#[cfg(not(feature = "ballista"))]
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};
use datafusion::prelude::SessionContext;
use futures_util::{FutureExt, StreamExt, stream};
use store_api::StoreError;
use store_api::sql::{Answer, Failed, Limits, Metadata, Question, Worked};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::mpsc::{self, Sender};

use crate::lake::{Inner, threads};
use looking::Looking;
use meter::Meter;
use write::Writer;

/// Chunks of an answer that wait for who asked.
const WAITING: usize = 4;

/// What the questions of one store share. Nothing runs before the first of them.
pub(crate) struct Sql {
    memory: usize,
    pub(crate) memo: overlap::Memo,
    engine: Mutex<Option<Arc<Engine>>>,
}

struct Engine {
    /// Not those that take spans in: a question may keep its threads busy.
    runtime: Option<Runtime>,
    env: Arc<RuntimeEnv>,
    threads: usize,
    memory: usize,
}

impl Sql {
    pub(crate) fn new(memory: usize) -> Self {
        Self { memory, memo: overlap::Memo::default(), engine: Mutex::default() }
    }

    fn engine(&self) -> Result<Arc<Engine>, Failed> {
        let mut engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = engine.as_ref() {
            return Ok(Arc::clone(engine));
        }
        let new = Arc::new(Engine::new(self.memory)?);
        *engine = Some(Arc::clone(&new));
        Ok(new)
    }
}

impl Engine {
    fn new(memory: usize) -> Result<Self, Failed> {
        let threads = threads();
        let bug = |what: String| Failed::Store(StoreError::Bug(what));
        let runtime =
            Builder::new_multi_thread().worker_threads(threads).thread_name("sql").enable_all().build();
        let runtime = runtime.map_err(|error| bug(format!("no threads for SQL: {error}")))?;
        let pool: Arc<dyn MemoryPool> = Arc::new(FairSpillPool::new(memory));
        // What does not fit is refused: a question writes nowhere.
        let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
        let env = RuntimeEnvBuilder::new().with_memory_pool(pool).with_disk_manager_builder(disk).build_arc();
        let env = env.map_err(|error| bug(format!("no engine for SQL: {error}")))?;
        Ok(Self { runtime: Some(runtime), env, threads, memory })
    }

    fn handle(&self) -> Option<&Handle> {
        self.runtime.as_ref().map(Runtime::handle)
    }
}

/// A runtime must not be waited for where others run.
impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Answers when the first bytes are there; dropping the answer, or what waits for it, ends the work.
pub(crate) async fn ask(inner: Arc<Inner>, question: Question) -> Result<Answer, Failed> {
    let engine = inner.sql.engine()?;
    let handle = engine.handle().cloned().ok_or(Failed::Store(StoreError::Closed))?;
    let format = question.format;
    let (chunks, mut answer) = mpsc::channel(WAITING);
    let worked = Arc::new(OnceLock::new());
    let tell = Arc::clone(&worked);
    handle.spawn(async move {
        let meter = Arc::new(Meter::new(question.limits, &inner.settings));
        let looking = Arc::new(Looking::new(inner, Arc::clone(&meter)));
        // What is damaged on disk may end in a panic.
        let work = AssertUnwindSafe(run(&looking, &engine, &question, &tell, &chunks)).catch_unwind();
        let done = tokio::select! {
            () = chunks.closed() => return,
            done = tokio::time::timeout(question.limits.time, work) => match done {
                Ok(Ok(done)) => done,
                Ok(Err(_)) => Err(Failed::Store(StoreError::Bug("a question in SQL panicked".to_owned()))),
                Err(_) => Err(meter.time().into()),
            },
        };
        let Err(mut failed) = done else { return };
        if matches!(failed, Failed::Store(_))
            && let Ok(Some(damaged)) = looking.mend().await
        {
            failed = damaged.into();
        }
        // Whoever hung up wants no reason.
        let _gone = chunks.send(Err(failed)).await;
    });
    let broken = || Failed::Store(StoreError::Bug("a question in SQL ended without an answer".to_owned()));
    let first = answer.recv().await.ok_or_else(broken)??;
    let rest = stream::unfold(answer, async |mut answer| Some((answer.recv().await?, answer)));
    let body = stream::once(std::future::ready(Ok(first))).chain(rest);
    Ok(Answer { format, worked: worked.get().cloned(), body: Box::pin(body) })
}

/// What a statement would do, if it only reads.
async fn plan(
    looking: &Looking,
    engine: &Engine,
    context: &SessionContext,
    text: &str,
) -> Result<LogicalPlan, Failed> {
    let failed = |error| wrong::failed(&error, &looking.meter, engine.memory);
    let statement = statement::read(text, &looking.promoted)?;
    let plan = context.state().statement_to_plan(statement).await.map_err(failed)?;
    // `SELECT INTO` and changes inside of `WITH` come to light here.
    let only = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    only.verify_plan(&plan).map_err(|_| statement::refused("a question that makes or changes something"))?;
    Ok(plan)
}

/// What there is to ask about. Reads no span.
pub(crate) async fn metadata(inner: Arc<Inner>, about: Metadata) -> Result<Bytes, Failed> {
    let engine = inner.sql.engine()?;
    let handle = engine.handle().cloned().ok_or(Failed::Store(StoreError::Closed))?;
    let told = handle.spawn(async move {
        let meter = Arc::new(Meter::new(Limits::default(), &inner.settings));
        let looking = Arc::new(Looking::new(inner, meter));
        metadata::tell(&looking, &engine, about).await
    });
    told.await.unwrap_or_else(|error| Err(Failed::Store(StoreError::Bug(error.to_string()))))
}

/// A question that only reads, planned.
async fn asked(
    looking: &Arc<Looking>,
    engine: &Engine,
    question: &Question,
) -> Result<(SessionContext, LogicalPlan), Failed> {
    let failed = |error| wrong::failed(&error, &looking.meter, engine.memory);
    let context = session::open(looking, &engine.env, engine.threads).map_err(failed)?;
    let plan = plan(looking, engine, &context, &question.text).await?;
    Ok((context, plan))
}

#[cfg(feature = "ballista")]
use cluster::ask as elsewhere;

/// Without Ballista there is no cluster.
#[cfg(not(feature = "ballista"))]
async fn elsewhere(
    _: &Arc<Looking>,
    _: &Engine,
    _: &Question,
    _: &Arc<dyn ExecutionPlan>,
) -> (Option<SendableRecordBatchStream>, Option<Worked>) {
    (None, None)
}

async fn run(
    looking: &Arc<Looking>,
    engine: &Engine,
    question: &Question,
    worked: &OnceLock<Worked>,
    chunks: &Sender<Result<Bytes, Failed>>,
) -> Result<(), Failed> {
    let meter = &looking.meter;
    let failed = |error| wrong::failed(&error, meter, engine.memory);
    let (context, plan) = asked(looking, engine, question).await?;
    let plan = context.state().create_physical_plan(&plan).await.map_err(failed)?;
    let (elsewhere, told) = elsewhere(looking, engine, question, &plan).await;
    if let Some(told) = told {
        // Nobody else tells.
        worked.get_or_init(|| told);
    }
    let mut batches = match elsewhere {
        Some(batches) => batches,
        None => {
            meter.files()?;
            let plan = grouped::by_views(plan).map_err(failed)?;
            execute_stream(plan, context.task_ctx()).map_err(failed)?
        }
    };
    let mut writer = Writer::new(question.format, &batches.schema())?;
    let (mut rows, mut bytes) = (0, 0);
    while let Some(batch) = batches.next().await {
        let batch = batch.map_err(failed)?;
        rows += batch.num_rows() as u64;
        meter.rows(rows)?;
        let chunk = writer.add(batch)?;
        bytes += chunk.len() as u64;
        meter.bytes(bytes)?;
        if !chunk.is_empty() && chunks.send(Ok(chunk.into())).await.is_err() {
            return Ok(());
        }
    }
    let _gone = chunks.send(Ok(writer.finish()?.into())).await;
    Ok(())
}
