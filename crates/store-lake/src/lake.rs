//! The store: spans in memory in front of files.

mod flush;
mod follow;
mod leading;
mod sql;

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use flow::BoxFuture;
use store_api::door::Settings;
use store_api::part::Part;
use store_api::read::Reader;
use store_api::shelf::Shelf;
use store_api::sql::{Answer, Failed, Metadata, Question};
use store_api::store::Look;
use store_api::{Appended, Limits, Span, StoreError, TraceStore};
use tokio::sync::{Notify, watch};

use crate::commit::Tables;
use crate::counter::Counter;
use crate::disk::{self, Disk};
use crate::file::File;
use crate::files::{self, Files, List, OnDisk};
use crate::hot::Hot;
use crate::lead::Lead;
use crate::rollup::{self, Asked, Rollups};
use crate::sql::Sql;
use crate::upkeep;

/// How a binary with Parquet opens a store.
pub fn open(settings: Settings) -> BoxFuture<'static, Result<Arc<dyn TraceStore>, StoreError>> {
    Box::pin(async { Ok(Arc::new(Lake::open(settings).await?) as Arc<dyn TraceStore>) })
}

/// Looks at the lock of the directory, 50 ms apart.
const PATIENCE: u32 = 40;

/// The spans of one directory. Dropping it without [`TraceStore::flush`] loses what is in memory, as a kill does.
pub struct Lake {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) settings: Settings,
    pub(crate) disk: Disk,
    pub(crate) tables: Tables,
    pub(crate) files: Files,
    pub(crate) rollups: Rollups,
    pub(crate) sql: Sql,
    state: Mutex<State>,
    counter: Counter,
    pub(crate) lead: Lead,
    /// The entry of the log of spans up to which the list knows what other nodes wrote.
    followed: Mutex<Option<u64>>,
    /// When this node, as the one that leads, made the tables agree.
    settled: AtomicU64,
    flushing: tokio::sync::Mutex<()>,
    /// The place in the order of arrival of the last shelf that is on disk.
    written: watch::Sender<u64>,
    upkeep: Mutex<()>,
    /// Told when much has come in.
    pub(crate) wake: Arc<Notify>,
    /// One process at a time.
    _lock: fs::File,
}

struct State {
    hot: Hot,
    list: Arc<List>,
    /// Files that left the list, as long as a question may still read them.
    retired: Vec<Arc<File>>,
    /// Why spans cannot be written, as long as that is so.
    trouble: Option<String>,
}

/// All that one question looks at.
struct Snapshot {
    hot: Hot,
    list: Arc<List>,
}

impl Lake {
    /// Opens or makes the directory; spans are written in the background as long as the store is there.
    pub async fn open(settings: Settings) -> Result<Self, StoreError> {
        if settings.url().is_some() && settings.state_directory.is_none() {
            let why = "a bucket has no place for what only this node needs: set `state_directory` in the `lake` section";
            let source = io::Error::new(io::ErrorKind::InvalidInput, why);
            return Err(StoreError::io("use", &settings.directory, source));
        }
        if settings.cluster.is_some() && !cfg!(feature = "ballista") {
            let why = "this throughline was built without the feature `ballista`; build it with that, or take `cluster` out of the `lake` section";
            let source = io::Error::new(io::ErrorKind::Unsupported, why);
            return Err(StoreError::io("use", &settings.directory, source));
        }
        #[cfg(feature = "ballista")]
        if let Some(cluster) = &settings.cluster
            && let Err(why) = crate::cluster::address(&cluster.scheduler)
        {
            let source = io::Error::new(io::ErrorKind::InvalidInput, why);
            return Err(StoreError::io("use", &settings.directory, source));
        }
        let lock = lock(settings.local()).await?;
        let inner = blocking(move || Inner::open(settings, lock)).await?;
        let inner = Arc::new(inner);
        upkeep::start(&inner);
        Ok(Self { inner })
    }

    /// Makes small files one and counts what is over, as the upkeep does from time to time; true where there was
    /// something to do. Where several nodes write, the one that leads does.
    pub async fn compact(&self, now: u64) -> Result<bool, StoreError> {
        let inner = Arc::clone(&self.inner);
        blocking(move || {
            Ok(inner.leads_at(now, now_ns())?
                && (upkeep::compact(&inner, now, &|| true)? || rollup::keep(&inner, now, &|| true)?))
        })
        .await
    }

    /// Removes what is older than the retention, as the upkeep does from time to time.
    pub async fn retain(&self, now: u64) -> Result<(), StoreError> {
        let inner = Arc::clone(&self.inner);
        blocking(move || if inner.leads_at(now, now_ns())? { upkeep::retain(&inner, now) } else { Ok(()) })
            .await
    }

    /// Looks at what other nodes wrote, as it does from time to time.
    pub async fn follow(&self) -> Result<(), StoreError> {
        let inner = Arc::clone(&self.inner);
        blocking(move || inner.follow()).await
    }

    /// Nothing happens to it in the background.
    #[cfg(test)]
    pub(crate) fn of(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    #[cfg(test)]
    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }

    /// How many files of spans there are.
    pub fn file_count(&self) -> usize {
        self.inner.list().len()
    }
}

impl Inner {
    fn open(settings: Settings, lock: fs::File) -> Result<Self, StoreError> {
        let disk = Disk::of(&settings)?;
        Self::open_on(disk, settings, lock, now_ns())
    }

    /// `lock` is held as long as the store is open.
    pub(crate) fn open_on(
        disk: Disk,
        settings: Settings,
        lock: fs::File,
        now_ns: u64,
    ) -> Result<Self, StoreError> {
        let files::Opened { files, list, tables, next: first } = files::open(&disk, now_ns)?;
        let spans: usize = list.values().map(|file| file.about.rows).sum();
        tracing::info!(directory = %settings.directory.display(), files = list.len(), spans, "the store is open");
        let (first, counter) = match disk.shared() {
            None => (first, Counter::from(first + 1)),
            Some(_) => {
                let counter = Counter::of_times();
                (counter.next(), counter)
            }
        };
        let state = State { hot: Hot::new(first), list: Arc::new(list), retired: Vec::new(), trouble: None };
        Ok(Self {
            rollups: Rollups::new(&tables, disk.root()),
            sql: Sql::new(settings.sql_memory_limit()),
            settings,
            disk,
            tables,
            files,
            state: Mutex::new(state),
            counter,
            lead: Lead::new(),
            followed: Mutex::default(),
            settled: AtomicU64::default(),
            flushing: tokio::sync::Mutex::default(),
            written: watch::Sender::new(0),
            upkeep: Mutex::default(),
            wake: Arc::default(),
            _lock: lock,
        })
    }

    pub(crate) fn next(&self) -> u64 {
        self.counter.next()
    }

    pub(crate) fn list(&self) -> Arc<List> {
        Arc::clone(&self.state().list)
    }

    /// For one change of the list of files at a time, besides adding.
    pub(crate) fn alone(&self) -> MutexGuard<'_, ()> {
        self.upkeep.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts files in the place of others.
    pub(crate) fn exchange(&self, gone: &[Arc<File>], new: impl IntoIterator<Item = File>) {
        let mut state = self.state();
        let list = Arc::make_mut(&mut state.list);
        let gone: Vec<Arc<File>> = gone.iter().filter_map(|file| list.remove(&file.generation)).collect();
        list.extend(new.into_iter().map(|file| (file.generation, Arc::new(file))));
        state.retired.extend(gone);
    }

    /// Puts a file in the place of itself; the other one is not read any more.
    fn renew(&self, file: File) {
        let mut state = self.state();
        if let Some(known) = Arc::make_mut(&mut state.list).get_mut(&file.generation) {
            *known = Arc::new(file);
        }
    }

    /// Forgets the retired files that nobody reads any more, and gives them.
    pub(crate) fn unread(&self) -> Vec<Arc<File>> {
        let mut state = self.state();
        let (read, unread) = state.retired.drain(..).partition(|file| Arc::strong_count(file) > 1);
        state.retired = read;
        unread
    }

    /// The generations that left the list and that somebody may still read.
    pub(crate) fn retired(&self) -> HashSet<u64> {
        self.state().retired.iter().map(|file| file.generation).collect()
    }

    #[cfg(test)]
    pub(crate) fn hot(&self) -> Hot {
        self.state().hot.clone()
    }

    fn snapshot(&self) -> Snapshot {
        let state = self.state();
        Snapshot { hot: state.hot.clone(), list: Arc::clone(&state.list) }
    }

    fn put(&self, spans: Vec<Span>) -> Result<(Appended, u64), StoreError> {
        let limit = self.settings.memory_limit();
        let mut state = self.state();
        let held = state.hot.weight();
        if held >= limit {
            let slow = || {
                let place = self.settings.directory.display();
                format!(
                    "{place} is slower than what comes in: send less, or put `directory` in the `lake` section on a faster disk"
                )
            };
            let why = state.trouble.clone().unwrap_or_else(slow);
            self.wake.notify_one();
            return Err(StoreError::Busy { held, limit, why });
        }
        let active = Arc::make_mut(&mut state.hot.active);
        let appended = active.append(spans, now_ns());
        if active.weight() >= limit / 4 {
            self.wake.notify_one();
        }
        Ok((appended, active.seq()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TraceStore for Lake {
    fn append(&self, spans: Vec<Span>) -> BoxFuture<'_, Result<Appended, StoreError>> {
        Box::pin(async {
            let (appended, seq) = self.inner.put(spans)?;
            if self.inner.settings.sync {
                self.inner.flush_through(seq).await?;
            }
            Ok(appended)
        })
    }

    fn look(&self, limits: Limits, look: Look) -> BoxFuture<'_, Result<(), StoreError>> {
        let inner = Arc::clone(&self.inner);
        Box::pin(blocking(move || {
            let snapshot = inner.snapshot();
            let disk = OnDisk::new(&inner.files, &snapshot.list);
            let shelves: Vec<&Arc<Shelf>> =
                snapshot.hot.flushing.iter().chain([&snapshot.hot.active]).collect();
            let parts: Vec<&dyn Part> =
                shelves.iter().map(|shelf| shelf.as_ref() as &dyn Part).chain([&disk as &dyn Part]).collect();
            let counted = Asked { inner: &inner, list: &snapshot.list, shelves: &shelves };
            look(&mut Reader::new(&parts, limits).with_rollups(&counted))
        }))
    }

    fn sql(&self, question: Question) -> BoxFuture<'_, Result<Answer, Failed>> {
        Box::pin(crate::sql::ask(Arc::clone(&self.inner), question))
    }

    fn sql_metadata(&self, about: Metadata) -> BoxFuture<'_, Result<Bytes, Failed>> {
        Box::pin(crate::sql::metadata(Arc::clone(&self.inner), about))
    }

    fn safe(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async {
            let mut written = self.inner.written.subscribe();
            let Some(last) = self.inner.state().hot.last() else { return Ok(()) };
            let written = written.wait_for(|written| *written >= last).await;
            written.map(drop).map_err(|_| StoreError::Bug("the store is gone".to_owned()))
        })
    }

    fn flush(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.inner.flush_through(u64::MAX))
    }
}

/// Waits for a process, or a store in this one, that is just about to end.
pub(crate) async fn lock(directory: &Path) -> Result<fs::File, StoreError> {
    for _ in 0..PATIENCE {
        if let Some(lock) = disk::lock(directory)? {
            return Ok(lock);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(StoreError::InUse { path: directory.to_owned() })
}

/// For one question.
pub(crate) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(4)
}

pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| StoreError::Bug(format!("the store panicked: {error}")))?
}

pub(crate) fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod nodes;
#[cfg(test)]
mod reading;
#[cfg(test)]
mod tests;
