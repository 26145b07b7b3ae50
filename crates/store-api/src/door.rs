//! Where components get their stores from: one store for one directory, however many use it.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use flow::BoxFuture;
use flow::State;
use flow::config::{GoDuration, Opaque};
use flow::state::InMemory;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::error::StoreError;
use crate::memory::MemoryStore;
use crate::state::StateFile;
use crate::store::TraceStore;

/// The settings of a `lake` exporter.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Default: `$XDG_DATA_HOME/throughline`, else `~/.local/share/throughline`. Or an address, as `s3://bucket/prefix`.
    pub directory: PathBuf,
    /// Where small state and copies of what lies in a bucket are; `directory`, where that is a local one.
    pub state_directory: Option<PathBuf>,
    /// How the bucket is reached, in the words of its cloud: `aws_endpoint`, `aws_region`. Above the environment.
    pub storage: BTreeMap<String, Opaque>,
    /// Bytes of copies of what lies in a bucket, on the local disk.
    pub copies_limit_mib: u64,
    /// How often this node looks at what others wrote into the same bucket.
    pub refresh_interval: GoDuration,
    /// Spans are removed when both their time and their arrival are longer ago.
    pub retention: GoDuration,
    /// How long what is known of interactions stays in the table `interactions` when their spans are gone; not shorter
    /// than `retention`, which is the default.
    pub interactions_retention: Option<GoDuration>,
    /// How long what was counted stays, by the width of its rows; not shorter than `retention`.
    pub rollup_5m_retention: GoDuration,
    pub rollup_1h_retention: GoDuration,
    pub rollup_1d_retention: GoDuration,
    /// How long a span may lie in memory alone.
    pub flush_interval: GoDuration,
    /// Write to disk before a batch is acknowledged.
    pub sync: bool,
    /// Bytes of spans in memory, at most.
    pub memory_limit_mib: u64,
    /// Bytes that all questions in SQL may use together; what needs more is refused.
    pub sql_memory_limit_mib: u64,
    /// How many files, and bytes of them, one question in SQL may be allowed to read here.
    pub sql_max_files: usize,
    pub sql_max_scanned_mib: u64,
    /// Where long questions in SQL are worked out.
    pub cluster: Option<Cluster>,
    /// Read by whoever runs the exporter, as for every exporter.
    pub retry_on_failure: IgnoredAny,
    pub sending_queue: IgnoredAny,
}

/// Other machines that work questions in SQL out; they see the same files.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// As in `df://10.0.0.7:50050`.
    pub scheduler: String,
    /// A question goes there when the files that it may be about hold so many spans.
    #[serde(default = "from_spans")]
    pub from_spans: u64,
    /// Into how many parts a question is cut; as many as the executors have cores.
    #[serde(default = "partitions")]
    pub partitions: usize,
}

fn from_spans() -> u64 {
    20_000_000
}

fn partitions() -> usize {
    8
}

impl Cluster {
    pub fn at(scheduler: impl Into<String>) -> Self {
        Self { scheduler: scheduler.into(), from_spans: from_spans(), partitions: partitions() }
    }
}

impl Default for Settings {
    fn default() -> Self {
        let from = |name: &str, below: &str| {
            let base = std::env::var_os(name).map(PathBuf::from).filter(|base| base.is_absolute())?;
            Some(base.join(below))
        };
        let directory =
            from("XDG_DATA_HOME", "throughline").or_else(|| from("HOME", ".local/share/throughline"));
        Self {
            directory: directory.unwrap_or_else(|| PathBuf::from("throughline-data")),
            state_directory: None,
            storage: BTreeMap::new(),
            copies_limit_mib: 4096,
            refresh_interval: GoDuration::from_secs(1),
            retention: GoDuration::from_secs(7 * 24 * 3600),
            interactions_retention: None,
            rollup_5m_retention: GoDuration::from_secs(7 * 24 * 3600),
            rollup_1h_retention: GoDuration::from_secs(90 * 24 * 3600),
            rollup_1d_retention: GoDuration::from_secs(400 * 24 * 3600),
            flush_interval: GoDuration::from_secs(5),
            sync: false,
            memory_limit_mib: 128,
            sql_memory_limit_mib: 256,
            sql_max_files: 100_000,
            sql_max_scanned_mib: 256 << 10,
            cluster: None,
            retry_on_failure: IgnoredAny,
            sending_queue: IgnoredAny,
        }
    }
}

impl Settings {
    pub fn interactions_retention(&self) -> Duration {
        let retention = self.retention.get();
        self.interactions_retention.map_or(retention, |longer| longer.get().max(retention))
    }

    /// Of a table by its name.
    pub fn rollup_retention(&self, table: &str) -> Duration {
        let own = match table {
            "rollup_1d" => self.rollup_1d_retention,
            "rollup_1h" | "attr_keys" => self.rollup_1h_retention,
            _ => self.rollup_5m_retention,
        };
        own.get().max(self.retention.get())
    }

    /// The address of the bucket that the store is kept in, where it is not a local directory.
    pub fn url(&self) -> Option<&str> {
        self.directory.to_str().filter(|directory| directory.contains("://"))
    }

    /// A directory on this machine, for what only this one needs.
    pub fn local(&self) -> &Path {
        self.state_directory.as_deref().unwrap_or(&self.directory)
    }

    pub fn copies_limit(&self) -> u64 {
        self.copies_limit_mib.saturating_mul(1 << 20)
    }

    pub fn memory_limit(&self) -> usize {
        usize::try_from(self.memory_limit_mib.saturating_mul(1 << 20)).unwrap_or(usize::MAX)
    }

    pub fn sql_memory_limit(&self) -> usize {
        usize::try_from(self.sql_memory_limit_mib.saturating_mul(1 << 20)).unwrap_or(usize::MAX)
    }
}

/// How this binary makes a store.
pub type Opener = fn(Settings) -> BoxFuture<'static, Result<Arc<dyn TraceStore>, StoreError>>;

/// For binaries without Parquet: spans stay in memory, and the directory is not touched.
pub fn open_memory(settings: Settings) -> BoxFuture<'static, Result<Arc<dyn TraceStore>, StoreError>> {
    let store =
        MemoryStore::new(settings.memory_limit(), settings.retention.get().max(Duration::from_secs(60)));
    Box::pin(std::future::ready(Ok(Arc::new(store) as Arc<dyn TraceStore>)))
}

/// Offered to components through [`Ctx`](flow::Ctx).
pub struct StoreDoor {
    opener: Opener,
    /// Whether stores leave anything on disk.
    keeps: bool,
    /// By the id of the exporter.
    configured: Mutex<BTreeMap<String, Settings>>,
    open: tokio::sync::Mutex<HashMap<PathBuf, Weak<dyn TraceStore>>>,
    /// Stores that exporters bring along, for as long as those are there, by the directory of what is kept beside them.
    brought: Mutex<HashMap<PathBuf, Weak<dyn TraceStore>>>,
    states: Mutex<HashMap<PathBuf, Weak<StateFile>>>,
}

/// Why no store can be told for a name.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoStore {
    #[error("there is no `lake` exporter in any pipeline; add one, or set `store` to a directory")]
    NotConfigured,
    #[error("there are several exporters with a store ({0}); set `store` to one of them")]
    Ambiguous(String),
    #[error("`{name}` is neither a `lake` exporter of a pipeline{known} nor an absolute path of a directory")]
    Unknown { name: String, known: String },
    #[error(
        "`{0}` and `{1}` share a directory, but not their settings; give both the same, or two directories"
    )]
    Conflict(String, String),
}

impl StoreDoor {
    pub fn new(opener: Opener) -> Self {
        Self {
            opener,
            keeps: true,
            configured: Mutex::default(),
            open: tokio::sync::Mutex::default(),
            brought: Mutex::default(),
            states: Mutex::default(),
        }
    }

    /// For binaries whose stores forget: then nothing is written beside them either.
    #[must_use]
    pub fn forgetting(self) -> Self {
        Self { keeps: false, ..self }
    }

    /// The state beside a store; where the store forgets, it does so too. Waits for the disk.
    pub fn beside(&self, settings: &Settings) -> Result<Arc<dyn State>, StoreError> {
        if self.keeps(settings) {
            Ok(self.state(settings.local())?)
        } else {
            Ok(Arc::new(InMemory::default()))
        }
    }

    /// Called when a `lake` exporter is made, so that others can find its store by its id.
    pub fn configure(&self, exporter: &str, settings: Settings) -> Result<(), NoStore> {
        let mut configured = self.configured();
        let clash = configured.iter().find(|(id, other)| {
            *id != exporter && other.directory == settings.directory && **other != settings
        });
        if let Some((other, _)) = clash {
            return Err(NoStore::Conflict(other.clone(), exporter.to_owned()));
        }
        configured.insert(exporter.to_owned(), settings);
        Ok(())
    }

    /// Called when an exporter is made that keeps spans in a store of its own, so that others find it by the exporter's id.
    /// Of the settings its retention counts, and the directory, which has what is kept beside it.
    pub fn bring(
        &self,
        exporter: &str,
        settings: Settings,
        store: &Arc<dyn TraceStore>,
    ) -> Result<(), NoStore> {
        let directory = settings.directory.clone();
        self.configure(exporter, settings)?;
        let mut brought = self.brought.lock().unwrap_or_else(PoisonError::into_inner);
        brought.insert(directory, Arc::downgrade(store));
        Ok(())
    }

    /// Whether the store of these settings is there after a restart.
    pub fn keeps(&self, settings: &Settings) -> bool {
        self.keeps || self.brought(&settings.directory).is_some()
    }

    fn brought(&self, directory: &Path) -> Option<Arc<dyn TraceStore>> {
        let brought = self.brought.lock().unwrap_or_else(PoisonError::into_inner);
        brought.get(directory).and_then(Weak::upgrade)
    }

    /// The settings of the store that is meant: the id of a `lake` exporter, an absolute directory, or, where
    /// there is only one, nothing.
    pub fn find(&self, name: Option<&str>) -> Result<Settings, NoStore> {
        let configured = self.configured();
        let ids = || configured.keys().cloned().collect::<Vec<_>>().join(", ");
        let Some(name) = name else {
            let mut stores = configured.values();
            let first = stores.next().ok_or(NoStore::NotConfigured)?;
            let same = stores.all(|other| other.directory == first.directory);
            return if same { Ok(first.clone()) } else { Err(NoStore::Ambiguous(ids())) };
        };
        if let Some(settings) = configured.get(name) {
            return Ok(settings.clone());
        }
        let directory = Path::new(name);
        if !directory.is_absolute() && !name.contains("://") {
            let known = if configured.is_empty() { String::new() } else { format!(" ({})", ids()) };
            return Err(NoStore::Unknown { name: name.to_owned(), known });
        }
        let same = configured.values().find(|settings| settings.directory == directory);
        Ok(same
            .cloned()
            .unwrap_or_else(|| Settings { directory: directory.to_owned(), ..Settings::default() }))
    }

    /// The store of these settings; stays open as long as somebody holds it.
    pub async fn open(&self, settings: &Settings) -> Result<Arc<dyn TraceStore>, StoreError> {
        if let Some(store) = self.brought(&settings.directory) {
            return Ok(store);
        }
        let mut open = self.open.lock().await;
        if let Some(store) = open.get(&settings.directory).and_then(Weak::upgrade) {
            return Ok(store);
        }
        let store = (self.opener)(settings.clone()).await?;
        open.insert(settings.directory.clone(), Arc::downgrade(&store));
        Ok(store)
    }

    /// The state file of a directory, for as long as somebody holds it. Waits for the disk.
    pub fn state(&self, directory: &Path) -> Result<Arc<StateFile>, StoreError> {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(state) = states.get(directory).and_then(Weak::upgrade) {
            return Ok(state);
        }
        let state = Arc::new(StateFile::open(directory)?);
        states.insert(directory.to_owned(), Arc::downgrade(&state));
        Ok(state)
    }

    fn configured(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Settings>> {
        self.configured.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(directory: &str) -> Settings {
        Settings { directory: PathBuf::from(directory), ..Settings::default() }
    }

    #[tokio::test]
    async fn one_directory_is_one_store() {
        let door = StoreDoor::new(open_memory);
        let first = door.open(&at("/a")).await.unwrap();
        assert!(Arc::ptr_eq(&first, &door.open(&at("/a")).await.unwrap()));
        assert!(!Arc::ptr_eq(&first, &door.open(&at("/b")).await.unwrap()));
    }

    #[tokio::test]
    async fn a_store_that_an_exporter_brings_is_found_as_any_other() {
        let door = StoreDoor::new(open_memory);
        let own: Arc<dyn TraceStore> = Arc::new(MemoryStore::new(1 << 20, Duration::from_secs(60)));
        door.bring("clickhouse_store", at("/c"), &own).unwrap();
        let found = door.find(None).unwrap();
        assert!(Arc::ptr_eq(&own, &door.open(&found).await.unwrap()) && door.keeps(&found));
        door.configure("lake", at("/a")).unwrap();
        assert_eq!(door.find(None), Err(NoStore::Ambiguous("clickhouse_store, lake".to_owned())));
        assert!(!Arc::ptr_eq(&own, &door.open(&door.find(Some("lake")).unwrap()).await.unwrap()));
        let clash = door.bring("clickhouse_store", Settings { sync: true, ..at("/a") }, &own);
        assert_eq!(clash, Err(NoStore::Conflict("lake".to_owned(), "clickhouse_store".to_owned())));
    }

    #[test]
    fn a_store_is_found_by_what_was_meant() {
        let door = StoreDoor::new(open_memory);
        assert_eq!(door.find(None), Err(NoStore::NotConfigured));
        door.configure("lake", at("/a")).unwrap();
        assert_eq!(door.find(None), Ok(at("/a")));
        assert_eq!(door.find(Some("/elsewhere")), Ok(at("/elsewhere")));
        door.configure("lake/2", at("/b")).unwrap();
        assert_eq!(door.find(None), Err(NoStore::Ambiguous("lake, lake/2".to_owned())));
        assert_eq!(door.find(Some("lake/2")), Ok(at("/b")));
        let unknown = door.find(Some("lake/3")).unwrap_err().to_string();
        assert_eq!(
            unknown,
            "`lake/3` is neither a `lake` exporter of a pipeline (lake, lake/2) nor an absolute path of a directory"
        );
        let clash = door.configure("lake/3", Settings { sync: true, ..at("/b") });
        assert_eq!(clash, Err(NoStore::Conflict("lake/2".to_owned(), "lake/3".to_owned())));
    }
}
