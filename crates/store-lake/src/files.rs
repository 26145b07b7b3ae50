//! All files, and which trace lies in which of them.

mod joined;
mod places;
mod on_disk;
mod open;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use store_api::StoreError;
use store_api::part::Row;
use throughline_context::TraceId;

use crate::cache::Cache;
use crate::file::{File, Unusable};
use crate::sieve::{Sieves, Terms};
use crate::table::{Portion, Promoted};
use crate::traces::{Entry, Traces};
use joined::Joined;
use places::Places;

pub(crate) use on_disk::{OnDisk, TELLING_ROWS, ranges};
pub(crate) use open::{Opened, named, open};

/// The files that a question may look at, in the order in which they were written.
pub(crate) type List = BTreeMap<u64, Arc<File>>;

/// Attributes that have columns of their own in some file.
pub(crate) fn promoted(list: &List) -> Promoted {
    let mut all = Promoted::default();
    list.values().for_each(|file| all.join(&file.about.promoted));
    all
}

/// What is resident of the files. Knows files that were added before they are in a list, and files that have left it
/// as long as somebody may still look at them.
pub(crate) struct Files {
    pub(crate) sieves: Sieves,
    footers: Cache<ArrowReaderMetadata>,
    places: Cache<Places>,
    traces: Cache<Traces>,
    /// Those that go on, of many more files.
    open: Cache<Vec<Entry>>,
    pub(crate) joined: Joined,
}

/// Rows of a file that are looked at one after the other are decoded so many at a time.
pub(crate) const AT_ONCE: usize = 2048;
const FOOTER_BYTES: usize = 64 << 20;
const PLACES_BYTES: usize = 64 << 20;
/// As many traces fit as are looked at for one answer.
const TRACES_BYTES: usize = 192 << 20;
const OPEN_BYTES: usize = 16 << 20;

impl Files {
    /// `joins` where one process writes.
    pub(crate) fn new(root: &Path, joins: bool) -> Self {
        Self {
            sieves: Sieves::new(root),
            footers: Cache::new(FOOTER_BYTES),
            places: Cache::new(PLACES_BYTES),
            traces: Cache::new(TRACES_BYTES),
            open: Cache::new(OPEN_BYTES),
            joined: Joined::new(joins),
        }
    }

    /// Called before the file appears in a list.
    pub(crate) fn add(&self, file: &File, traces: Traces, terms: Option<&Terms>) {
        self.sieves.add(file, &places::ids_in(&traces), terms);
        self.keep_open(file, &traces);
        let weight = traces.weight();
        let kept: Result<_, StoreError> = self.traces.get(file.generation, || Ok((traces, weight)));
        drop(kept);
    }

    /// The same for a file that is there.
    pub(crate) fn learn(&self, file: &File) -> Result<(), Unusable> {
        self.sieves.add(file, &places::ids(file)?, None);
        Ok(())
    }

    /// The same for a file that another node wrote; false where it can be read no more.
    pub(crate) fn enter(&self, file: &File) -> Result<bool, StoreError> {
        if self.sieves.load(file) {
            return Ok(true);
        }
        let read = match self.learn(file) {
            Err(Unusable::Damaged(_)) => {
                file.entries().map(|entries| self.add(file, Traces::new(entries), None))
            }
            read => read,
        };
        match read {
            Ok(()) => Ok(true),
            Err(Unusable::Failed(error)) => Err(error),
            Err(Unusable::Damaged(why)) => {
                tracing::warn!(file = %file.spans().display(), why, "a file that a log names cannot be read");
                Ok(false)
            }
        }
    }

    /// Makes the filter of a file's ids again.
    pub(crate) fn mend_ids(&self, file: &File) -> Result<(), Unusable> {
        self.sieves.add(file, &places::ids_in(&*self.traces(file)?), None);
        Ok(())
    }

    /// See [`Sieves::gather`].
    pub(crate) fn gather(&self, list: &List) -> std::io::Result<bool> {
        self.sieves.gather(list, places::ids)
    }

    /// Called when nobody can look at these files any more.
    pub(crate) fn forget(&self, generations: &[u64]) {
        self.sieves.forget(generations);
        for generation in generations {
            self.footers.forget(*generation);
            self.places.forget(*generation);
            self.traces.forget(*generation);
            self.open.forget(*generation);
        }
    }

    /// All rows of a file.
    pub(crate) fn all_rows(&self, file: &File) -> Result<Vec<Row>, Unusable> {
        self.some_rows(file, 0..file.about.rows)
    }

    pub(crate) fn some_rows(&self, file: &File, rows: std::ops::Range<usize>) -> Result<Vec<Row>, Unusable> {
        let footer = self.footer(file)?;
        file.rows(&footer, &[rows])
    }

    /// Shows rows of a file, some at a time.
    pub(crate) fn each_rows(
        &self,
        file: &File,
        rows: std::ops::Range<usize>,
        mut with: impl FnMut(&[Row]),
    ) -> Result<(), Unusable> {
        let mut stream = file.stream(&*self.footer(file)?, &[rows], AT_ONCE)?;
        loop {
            let rows = stream.take(AT_ONCE)?;
            if rows.is_empty() {
                return Ok(());
            }
            with(&rows);
        }
    }

    pub(crate) fn footer(&self, file: &File) -> Result<Arc<ArrowReaderMetadata>, Unusable> {
        self.footers.get(file.generation, || file.footer())
    }

    pub(crate) fn traces(&self, file: &File) -> Result<Arc<Traces>, Unusable> {
        self.traces.get(file.generation, || {
            let traces = file.traces()?;
            self.keep_open(file, &traces);
            let weight = traces.weight();
            Ok((traces, weight))
        })
    }

    /// The traces of a file with a span that is not finished.
    pub(crate) fn open(&self, file: &File) -> Result<Arc<Vec<Entry>>, Unusable> {
        match self.open.peek(file.generation) {
            Some(open) => Ok(open),
            None => Ok(self.keep_open(file, &*self.traces(file)?)),
        }
    }

    fn keep_open(&self, file: &File, traces: &Traces) -> Arc<Vec<Entry>> {
        let goes_on = |entry: &&Entry| !entry.fragment.facts.open.is_empty();
        let open: Arc<Vec<Entry>> = Arc::new(traces.iter().filter(goes_on).cloned().collect());
        let weight = open.iter().map(|entry| entry.fragment.facts.weight() + 128).sum::<usize>() + 128;
        self.open.put(file.generation, Arc::clone(&open), weight);
        open
    }

    /// What of some traces lies in a file: much less than all that is known of them.
    pub(crate) fn portions(&self, file: &File, traces: &[TraceId]) -> Result<Vec<Portion>, Unusable> {
        if let Some(known) = self.traces.peek(file.generation) {
            let portion = |entry: &Entry| Portion {
                trace: entry.trace,
                rows: entry.rows(),
                interaction: entry.fragment.facts.interactions.first().cloned(),
                ids: entry.fragment.ids.clone(),
            };
            return Ok(traces.iter().filter_map(|trace| known.get(*trace)).map(portion).collect());
        }
        let places = self.places(file)?;
        let mut held: Vec<_> =
            traces.iter().filter_map(|trace| Some((*trace, places.rows(*trace)?))).collect();
        held.retain(|(_, rows)| !rows.is_empty());
        held.sort_unstable_by_key(|(_, rows)| rows.start);
        if held.is_empty() { Ok(Vec::new()) } else { file.portions(&*self.footer(file)?, held) }
    }

    pub(crate) fn places(&self, file: &File) -> Result<Arc<Places>, Unusable> {
        self.places.get(file.generation, || {
            let places = match self.traces.peek(file.generation) {
                Some(traces) => Places::in_traces(&traces),
                None => match Places::of(file) {
                    Err(Unusable::Damaged(_)) => Places::in_traces(&*self.traces(file)?),
                    read => read?,
                },
            };
            let weight = places.weight();
            Ok((places, weight))
        })
    }
}
