//! One file of spans, with the file of its fragments.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::file::metadata::PageIndexPolicy;
use serde::{Deserialize, Serialize};
use store_api::StoreError;
use store_api::part::Row;
use throughline_context::{SpanId, TraceId};

use crate::disk::Disk;
use crate::partition::Partition;
use crate::table::{
    ABOUT, Portion, Promoted, Resources, Wrong, decode, portions, read, rows_of_span, short_ids,
};
use crate::tables::{self, Table};
use crate::traces::{self, Entry, Traces};
use crate::write;

/// 1 had span ids of a fixed length, 2 no attributes with columns of their own.
pub(crate) const FORMAT: u32 = 3;

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
    /// The files that took over the same ones together with it, itself among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) siblings: Vec<u64>,
    /// All that had come of an hour that is over is in it and its siblings.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) settled: bool,
    /// Attributes with columns of their own; told of files of spans alone.
    #[serde(default, skip_serializing_if = "Promoted::is_empty")]
    pub(crate) promoted: Promoted,
}

impl About {
    /// When its spans were over, and had arrived.
    pub(crate) fn last_ns(&self) -> u64 {
        self.end_ns.max(self.written_ns)
    }
}

#[derive(Debug)]
pub(crate) struct File {
    /// Files are counted in the order in which they are written.
    pub(crate) generation: u64,
    pub(crate) partition: Partition,
    pub(crate) about: About,
    disk: Disk,
    spans: PathBuf,
    traces: PathBuf,
    damaged: AtomicBool,
    /// Its traces have to be written again.
    worn: AtomicBool,
}

/// Why a file cannot be used.
pub(crate) enum Unusable {
    /// It is not what we wrote.
    Damaged(Wrong),
    /// Perhaps it can be read later.
    Failed(StoreError),
}

impl Unusable {
    pub(crate) fn why(self) -> String {
        match self {
            Self::Damaged(why) => why,
            Self::Failed(error) => error.to_string(),
        }
    }
}

pub(crate) fn name(generation: u64) -> String {
    format!("{generation:016x}.parquet")
}

pub(crate) fn generation(path: &Path) -> Option<u64> {
    of_digits(path.file_name()?.to_str()?.strip_suffix(".parquet")?)
}

pub(crate) fn of_digits(digits: &str) -> Option<u64> {
    if digits.len() == 16 { u64::from_str_radix(digits, 16).ok() } else { None }
}

impl File {
    pub(crate) fn new(disk: &Disk, partition: Partition, generation: u64, about: About) -> Self {
        let [traces, spans] = Table::ALL.map(|table| table.path(disk.root(), partition, generation));
        Self {
            generation,
            partition,
            about,
            disk: disk.clone(),
            spans,
            traces,
            damaged: AtomicBool::default(),
            worn: AtomicBool::default(),
        }
    }

    /// Looks at the footer of a file that is there.
    pub(crate) fn read(disk: &Disk, partition: Partition, generation: u64) -> Result<Self, Unusable> {
        let spans = Table::Spans.path(disk.root(), partition, generation);
        let footer = footer(disk, &spans, PageIndexPolicy::Skip)?;
        let pairs = footer.metadata().file_metadata().key_value_metadata();
        let about =
            pairs.into_iter().flatten().find(|pair| pair.key == ABOUT).and_then(|pair| pair.value.as_deref());
        let about = about.ok_or_else(|| Unusable::Damaged("it was not written by throughline".to_owned()))?;
        let about: About =
            serde_json::from_str(about).map_err(|error| Unusable::Damaged(error.to_string()))?;
        if !(1..=FORMAT).contains(&about.format) {
            let why = format!("it has format {}, and this throughline reads 1 to {FORMAT}", about.format);
            return Err(Unusable::Damaged(why));
        }
        Ok(Self::new(disk, partition, generation, about))
    }

    /// Its rows, to read.
    pub(crate) fn open(&self) -> std::io::Result<std::fs::File> {
        self.disk.open(&self.spans)
    }

    pub(crate) fn spans(&self) -> &Path {
        &self.spans
    }

    pub(crate) fn traces_path(&self) -> &Path {
        &self.traces
    }

    /// What the log of a table calls the file.
    pub(crate) fn below(&self) -> String {
        tables::below(self.partition, self.generation)
    }

    /// The footer with its page index, and its size in memory.
    pub(crate) fn footer(&self) -> Result<(ArrowReaderMetadata, usize), Unusable> {
        let footer = footer(&self.disk, &self.spans, PageIndexPolicy::Required)?;
        let bytes = footer.metadata().memory_size();
        Ok((footer, bytes))
    }

    /// The rows in these ranges, which are in order and do not overlap.
    pub(crate) fn rows(
        &self,
        footer: &ArrowReaderMetadata,
        ranges: &[Range<usize>],
    ) -> Result<Vec<Row>, Unusable> {
        self.stream(footer, ranges, usize::MAX)?.take(usize::MAX)
    }

    /// The same, one after the other. So many are decoded `at_a_time`, at most.
    pub(crate) fn stream(
        &self,
        footer: &ArrowReaderMetadata,
        ranges: &[Range<usize>],
        at_a_time: usize,
    ) -> Result<Stream, Unusable> {
        let open = open(&self.disk, &self.spans)?;
        guarded(|| {
            let batches = read(open, footer, ranges, at_a_time).map_err(|error| error.to_string())?;
            Ok(Stream { batches: Box::new(batches), ahead: Vec::new() })
        })
    }

    /// The rows of spans with this id.
    pub(crate) fn rows_of_span(
        &self,
        footer: &ArrowReaderMetadata,
        id: SpanId,
    ) -> Result<Vec<usize>, Unusable> {
        open(&self.disk, &self.spans).and_then(|open| guarded(|| rows_of_span(open, footer, id)))
    }

    /// What of some traces lies in these places, which are in order and not empty.
    pub(crate) fn portions(
        &self,
        footer: &ArrowReaderMetadata,
        places: Vec<(TraceId, Range<usize>)>,
    ) -> Result<Vec<Portion>, Unusable> {
        open(&self.disk, &self.spans).and_then(|open| guarded(|| portions(open, footer, places)))
    }

    /// The traces in this file; made again from the spans where their own file is missing or damaged, which is then
    /// written again by the upkeep.
    pub(crate) fn traces(&self) -> Result<Traces, Unusable> {
        match self.entries_at(&self.traces) {
            Ok(entries) => Ok(Traces::new(entries)),
            Err(Unusable::Failed(error)) => Err(Unusable::Failed(error)),
            Err(Unusable::Damaged(why)) => {
                // Where the spans are damaged too, this fails.
                let entries = self.entries()?;
                tracing::warn!(file = %self.traces.display(), why, "making the traces of a file again from its spans");
                self.worn.store(true, Ordering::Relaxed);
                Ok(Traces::new(entries))
            }
        }
    }

    /// The traces in this file, as another file has them.
    pub(crate) fn entries_at(&self, path: &Path) -> Result<Vec<Entry>, Unusable> {
        let footer = self.footer()?.0;
        let ids = open(&self.disk, &self.spans).and_then(|open| guarded(|| short_ids(open, &footer)))?;
        open(&self.disk, path).and_then(|open| guarded(|| traces::decode(open, &ids)))
    }

    /// The traces in this file, from its spans.
    pub(crate) fn entries(&self) -> Result<Vec<Entry>, Unusable> {
        let footer = self.footer()?.0;
        let all = 0..self.about.rows;
        let rows = self.rows(&footer, &[all])?;
        Ok(write::Sorted::of(&rows).entries)
    }

    /// True once after its traces could not be read.
    pub(crate) fn take_worn(&self) -> bool {
        self.worn.swap(false, Ordering::Relaxed)
    }

    /// The traces in this file with their interactions and rows, and nothing else of them.
    pub(crate) fn each_place(
        &self,
        mut with: impl FnMut(TraceId, &[&str], Range<usize>),
    ) -> Result<(), Unusable> {
        let open = open(&self.disk, &self.traces)?;
        let rows = self.about.rows;
        let mut beyond = false;
        guarded(|| {
            traces::each_place(open, |trace, interactions, place| {
                beyond |= place.end > rows;
                with(trace, interactions, place);
            })
        })?;
        if beyond { Err(Unusable::Damaged("it is about rows that are not there".to_owned())) } else { Ok(()) }
    }

    /// What was read of it; nothing where it is damaged, which it is marked for.
    pub(crate) fn sound<T>(&self, read: Result<T, Unusable>) -> Result<Option<T>, StoreError> {
        match read {
            Ok(read) => Ok(Some(read)),
            Err(Unusable::Failed(error)) => Err(error),
            Err(Unusable::Damaged(why)) => {
                self.lose(&why);
                Ok(None)
            }
        }
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

#[cfg(test)]
thread_local! {
    /// The most rows of a file that were in memory together.
    pub(crate) static TOGETHER: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Rows of a file that are read from its beginning to its end.
pub(crate) struct Stream {
    batches: Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send>,
    /// Decoded, and not yet wanted.
    ahead: Vec<Row>,
}

impl Stream {
    /// So many more, or as many as there are.
    pub(crate) fn take(&mut self, count: usize) -> Result<Vec<Row>, Unusable> {
        let mut lacking = count;
        let mut rows = self.until(|more| {
            lacking = lacking.saturating_sub(more.len());
            lacking == 0
        })?;
        self.ahead = rows.split_off(count.min(rows.len()));
        Ok(rows)
    }

    /// As many more as there are, until they have so many bytes.
    pub(crate) fn within(&mut self, bytes: usize) -> Result<Vec<Row>, Unusable> {
        let mut weight = 0_usize;
        self.until(|more| {
            weight = more.iter().fold(weight, |sum, row| sum.saturating_add(row.span.weight()));
            weight >= bytes
        })
    }

    /// More rows, until those that came last are `enough`.
    fn until(&mut self, mut enough: impl FnMut(&[Row]) -> bool) -> Result<Vec<Row>, Unusable> {
        let mut resources = Resources::default();
        let mut rows = std::mem::take(&mut self.ahead);
        guarded(|| {
            let mut done = enough(&rows);
            while !done {
                let Some(batch) = self.batches.next() else { break };
                let more = decode(&batch.map_err(|error| error.to_string())?, &mut resources)?;
                done = enough(&more);
                rows.extend(more);
            }
            Ok(())
        })?;
        #[cfg(test)]
        TOGETHER.with(|most| most.set(most.get().max(rows.len())));
        Ok(rows)
    }
}

fn footer(disk: &Disk, path: &Path, pages: PageIndexPolicy) -> Result<ArrowReaderMetadata, Unusable> {
    let open = open(disk, path)?;
    let options = ArrowReaderOptions::new().with_page_index_policy(pages);
    guarded(|| ArrowReaderMetadata::load(&open, options).map_err(|error| error.to_string()))
}

/// A file that somebody took away will not come back.
fn open(disk: &Disk, path: &Path) -> Result<std::fs::File, Unusable> {
    disk.open(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => Unusable::Damaged("it is gone".to_owned()),
        _ => Unusable::Failed(StoreError::io("open", path, source)),
    })
}

/// The decoders of Parquet and Arrow are not made for hostile bytes: some damage ends in a panic.
pub(crate) fn guarded<T>(read: impl FnOnce() -> Result<T, Wrong>) -> Result<T, Unusable> {
    let read = std::panic::AssertUnwindSafe(read);
    let read = std::panic::catch_unwind(read).unwrap_or_else(|_| Err("it does not decode".to_owned()));
    read.map_err(Unusable::Damaged)
}
