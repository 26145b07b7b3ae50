//! One file of spans, with the file of its traces.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::file::metadata::PageIndexPolicy;
use serde::{Deserialize, Serialize};
use store_api::StoreError;
use store_api::part::Row;
use throughline_context::TraceId;

use crate::partition::Partition;
use crate::table::{ABOUT, Resources, Wrong, decode, read, short_ids};
use crate::traces::{self, Traces};
use crate::{disk, write};

pub(crate) const FORMAT: u32 = 1;

/// What a file of spans says of itself in its footer.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct About {
    pub(crate) format: u32,
    /// When the first and the last of its spans started.
    pub(crate) first_start_ns: u64,
    pub(crate) last_start_ns: u64,
    /// When the last of its spans ended, and when it was written.
    pub(crate) end_ns: u64,
    pub(crate) written_ns: u64,
    pub(crate) rows: usize,
    /// Estimated bytes of its rows in memory.
    pub(crate) weight: usize,
    /// The files whose rows it took over. Where they are still there, they go.
    pub(crate) replaces: Vec<u64>,
}

#[derive(Debug)]
pub(crate) struct File {
    /// Files are counted in the order in which they are written.
    pub(crate) generation: u64,
    pub(crate) partition: Partition,
    pub(crate) about: About,
    spans: PathBuf,
    traces: PathBuf,
    damaged: AtomicBool,
}

/// Why a file cannot be used.
pub(crate) enum Unusable {
    /// It is not what we wrote.
    Damaged(Wrong),
    /// Perhaps it can be read later.
    Failed(StoreError),
}

pub(crate) fn name(generation: u64) -> String {
    format!("{generation:016x}.parquet")
}

pub(crate) fn generation(path: &Path) -> Option<u64> {
    let digits = path.file_name()?.to_str()?.strip_suffix(".parquet")?;
    if digits.len() == 16 { u64::from_str_radix(digits, 16).ok() } else { None }
}

/// The paths of the spans and of the traces of a generation.
pub(crate) fn paths(root: &Path, partition: Partition, generation: u64) -> (PathBuf, PathBuf) {
    let below = partition.folder().join(name(generation));
    (root.join("spans").join(&below), root.join("traces").join(below))
}

impl File {
    pub(crate) fn new(root: &Path, partition: Partition, generation: u64, about: About) -> Self {
        let (spans, traces) = paths(root, partition, generation);
        Self { generation, partition, about, spans, traces, damaged: AtomicBool::new(false) }
    }

    /// Looks at the footer of a file that is there.
    pub(crate) fn open(root: &Path, partition: Partition, generation: u64) -> Result<Self, Unusable> {
        let (spans, _) = paths(root, partition, generation);
        let footer = footer(&spans, PageIndexPolicy::Skip)?;
        let pairs = footer.metadata().file_metadata().key_value_metadata();
        let about =
            pairs.into_iter().flatten().find(|pair| pair.key == ABOUT).and_then(|pair| pair.value.as_deref());
        let about = about.ok_or_else(|| Unusable::Damaged("it was not written by throughline".to_owned()))?;
        let about: About =
            serde_json::from_str(about).map_err(|error| Unusable::Damaged(error.to_string()))?;
        if about.format != FORMAT {
            let why = format!("it has format {}, and this throughline reads {FORMAT}", about.format);
            return Err(Unusable::Damaged(why));
        }
        Ok(Self::new(root, partition, generation, about))
    }

    pub(crate) fn spans(&self) -> &Path {
        &self.spans
    }

    /// The footer with its page index, and its size in memory.
    pub(crate) fn footer(&self) -> Result<(ArrowReaderMetadata, usize), Unusable> {
        let footer = footer(&self.spans, PageIndexPolicy::Required)?;
        let bytes = footer.metadata().memory_size();
        Ok((footer, bytes))
    }

    /// The rows in these ranges, which are in order and do not overlap.
    pub(crate) fn rows(
        &self,
        footer: &ArrowReaderMetadata,
        ranges: &[Range<usize>],
    ) -> Result<Vec<Row>, Unusable> {
        let open = open(&self.spans)?;
        guarded(|| {
            let mut rows = Vec::new();
            let mut resources = Resources::default();
            for batch in read(open, footer, ranges).map_err(|error| error.to_string())? {
                rows.extend(decode(&batch.map_err(|error| error.to_string())?, &mut resources)?);
            }
            Ok(rows)
        })
    }

    /// The traces in this file; made again from the spans where their own file is missing or damaged.
    pub(crate) fn traces(&self) -> Result<Traces, Unusable> {
        let footer = self.footer()?.0;
        let ids = open(&self.spans).and_then(|open| guarded(|| short_ids(open, &footer)))?;
        let read = open(&self.traces).and_then(|open| guarded(|| traces::decode(open, &ids)));
        match read {
            Ok(entries) => Ok(Traces::new(entries)),
            Err(Unusable::Failed(error)) => Err(Unusable::Failed(error)),
            Err(Unusable::Damaged(why)) => {
                tracing::warn!(file = %self.traces.display(), why, "making the traces of a file again from its spans");
                let all = 0..self.about.rows;
                let rows = self.rows(&footer, &[all])?;
                let sorted = write::Sorted::of(&rows);
                if let Err(error) = write::put_traces(&self.traces, &sorted.entries) {
                    tracing::warn!(%error, "the traces made again are kept in memory only");
                }
                Ok(Traces::new(sorted.entries))
            }
        }
    }

    /// The traces in this file and their interactions, and nothing else of them.
    pub(crate) fn each_id(&self, with: impl FnMut(TraceId, &[&str])) -> Result<(), Unusable> {
        let open = open(&self.traces)?;
        guarded(|| traces::each_id(open, with))
    }

    /// Removes both files; the spans first, since with them the file is there.
    pub(crate) fn remove(&self) -> Result<(), StoreError> {
        disk::remove(&self.spans)?;
        disk::remove(&self.traces)
    }

    /// From now on nobody reads this file.
    pub(crate) fn lose(&self, why: &str) {
        if !self.damaged.swap(true, Ordering::Relaxed) {
            tracing::error!(file = %self.spans.display(), why, "a file of spans is damaged and will be moved aside");
        }
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.damaged.load(Ordering::Relaxed)
    }
}

fn footer(path: &Path, pages: PageIndexPolicy) -> Result<ArrowReaderMetadata, Unusable> {
    let open = open(path)?;
    let options = ArrowReaderOptions::new().with_page_index_policy(pages);
    guarded(|| ArrowReaderMetadata::load(&open, options).map_err(|error| error.to_string()))
}

/// A file that somebody took away will not come back.
fn open(path: &Path) -> Result<std::fs::File, Unusable> {
    std::fs::File::open(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => Unusable::Damaged("it is gone".to_owned()),
        _ => Unusable::Failed(StoreError::io("open", path, source)),
    })
}

/// The decoders of Parquet and Arrow are not made for hostile bytes: some damage ends in a panic.
fn guarded<T>(read: impl FnOnce() -> Result<T, Wrong>) -> Result<T, Unusable> {
    let read = std::panic::AssertUnwindSafe(read);
    let read = std::panic::catch_unwind(read).unwrap_or_else(|_| Err("it does not decode".to_owned()));
    read.map_err(Unusable::Damaged)
}
