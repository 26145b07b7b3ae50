//! The journal: what was accepted is on disk before the client hears so, and stays there until every exporter is done
//! with it. `docs/journal.md` is its design.

mod disk;
mod record;
mod segment;
mod room;
mod log;
mod entry;
mod stream;
mod door;
mod decisions;
mod home;
#[cfg(test)]
mod simulated;
#[cfg(test)]
mod power_cuts;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use flow::{BuildError, Ctx};
use serde::Serialize;

pub use decisions::Decisions;
pub(crate) use door::Door;
use home::Home;
pub(crate) use stream::{Stream, Taken};

/// Consumers of one stream, at most: each has a bit.
const MOST_CONSUMERS: usize = 64;

/// The journal and the storages of this process; offered to components through [`Ctx`].
#[derive(Default)]
pub struct Journals {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    journal: Option<Arc<Home>>,
    /// By the id of the extension.
    storages: HashMap<Arc<str>, Arc<Home>>,
    /// By the name of the pipeline.
    doors: HashMap<Arc<str>, Arc<Stream>>,
}

/// Where and how streams are kept.
#[derive(Clone, Debug)]
pub(crate) struct Keeping {
    pub(crate) directory: PathBuf,
    pub(crate) create: bool,
    /// In bytes; 0 is no limit.
    pub(crate) max_size: u64,
    pub(crate) max_age: Duration,
    pub(crate) patience: Duration,
}

/// What the logs of one directory take on the disk.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Fill {
    /// The id of the extension that keeps them.
    pub extension: Arc<str>,
    pub used_bytes: u64,
    /// None is no limit.
    pub limit_bytes: Option<u64>,
}

impl Journals {
    /// Called when the extension `journal` is made.
    pub(crate) fn set_journal(&self, ctx: &Ctx, keeping: Keeping) -> Result<Arc<Home>, BuildError> {
        let mut state = self.state();
        if state.journal.is_some() {
            return Err(BuildError::new(&ctx.id, "there is another journal; one covers all pipelines"));
        }
        let home = Arc::new(Home::new(ctx, keeping));
        state.journal = Some(Arc::clone(&home));
        Ok(home)
    }

    /// Called when an extension is made that keeps the queues of exporters.
    pub(crate) fn add_storage(&self, ctx: &Ctx, keeping: Keeping) -> Arc<Home> {
        let home = Arc::new(Home::new(ctx, keeping));
        self.state().storages.insert(Arc::clone(&ctx.id), Arc::clone(&home));
        home
    }

    /// What a pipeline accepts goes through here; nothing without a journal.
    pub(crate) fn pipeline(
        &self,
        name: &str,
        exporters: &[Arc<str>],
    ) -> Result<Option<Arc<Stream>>, BuildError> {
        let mut state = self.state();
        let Some(home) = state.journal.clone() else { return Ok(None) };
        if exporters.len() > MOST_CONSUMERS {
            let why = format!(
                "{} exporters; behind a journal a pipeline has {MOST_CONSUMERS} at most",
                exporters.len()
            );
            return Err(BuildError::new(name, why));
        }
        let stream = home.stream("pipelines", name, exporters);
        state.doors.insert(Arc::from(name), Arc::clone(&stream));
        Ok(Some(stream))
    }

    /// What an exporter's queue has no memory for goes through here; nothing without a journal.
    pub(crate) fn overflow(&self, exporter: &str) -> Option<Arc<Stream>> {
        let home = self.state().journal.clone()?;
        Some(home.stream("exporters", exporter, &[Arc::from(exporter)]))
    }

    /// All that an exporter's queue takes goes through here, where `sending_queue.storage` names an extension.
    pub(crate) fn storage(&self, id: &str, exporter: &str) -> Result<Arc<Stream>, BuildError> {
        let home = self.state().storages.get(id).cloned();
        let home = home.ok_or_else(|| {
            BuildError::new(
                exporter,
                format!("`sending_queue.storage`: `{id}` is not an extension that stores"),
            )
        })?;
        Ok(home.stream("exporters", exporter, &[Arc::from(exporter)]))
    }

    /// How full each directory is.
    pub fn fill(&self) -> Vec<Fill> {
        let state = self.state();
        let mut fill: Vec<_> =
            state.journal.iter().chain(state.storages.values()).map(|home| home.fill()).collect();
        fill.sort_by(|a, b| a.extension.cmp(&b.extension));
        fill
    }

    /// For a sampler; nothing without a journal.
    pub fn decisions(&self, pipeline: &str, sampler: &str) -> Option<Decisions> {
        let stream = self.state().doors.get(pipeline).cloned()?;
        Some(Decisions::new(stream, sampler))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
