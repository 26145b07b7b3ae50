//! All that one question looks at, as it is at one moment.

use std::sync::Arc;

use datafusion::common::{DataFusionError, Result};
use datafusion::error::DataFusionError as Error;
use store_api::part::Part;
use store_api::read::Reader;
use store_api::shelf::Shelf;
use store_api::{Limits, Range, StoreError};
use tokio::sync::Mutex;

use super::meter::Meter;
use super::overlap::{Overlap, stored};
use crate::file::Unusable;
use crate::files::{List, OnDisk, promoted};
use crate::lake::Inner;
use crate::table::Promoted;

pub(crate) struct Looking {
    pub(super) inner: Arc<Inner>,
    pub(super) list: Arc<List>,
    /// The older first.
    pub(super) shelves: Vec<Arc<Shelf>>,
    pub(super) meter: Arc<Meter>,
    /// Attributes that have columns of their own in some file.
    pub(super) promoted: Promoted,
    /// By the ranges that were asked for.
    overlaps: Mutex<Vec<(Range, Arc<Overlap>)>>,
}

impl Looking {
    pub(super) fn new(inner: Arc<Inner>, meter: Arc<Meter>) -> Self {
        let (shelves, list) = inner.now();
        let promoted = promoted(&list);
        Self { inner, list, shelves, meter, promoted, overlaps: Mutex::default() }
    }

    /// Of what started in a range; found out once for each question.
    pub(super) async fn overlap(self: &Arc<Self>, range: Range) -> Result<Arc<Overlap>> {
        let mut overlaps = self.overlaps.lock().await;
        if let Some((_, known)) = overlaps.iter().find(|(known, _)| *known == range) {
            return Ok(Arc::clone(known));
        }
        let looking = Arc::clone(self);
        let found = blocking(move || {
            let shelves: Vec<_> = looking.shelves.iter().collect();
            let Inner { files, sql, .. } = looking.inner.as_ref();
            Overlap::of(files, &looking.list, &shelves, &sql.memo, range).map(Arc::new)
        })
        .await?;
        overlaps.push((range, Arc::clone(&found)));
        Ok(found)
    }

    /// Every row, with the interaction that its own part knows.
    pub(super) async fn as_stored(self: &Arc<Self>) -> Result<Arc<Overlap>> {
        let looking = Arc::clone(self);
        blocking(move || {
            let mut all = Overlap::default();
            for shelf in &looking.shelves {
                for row in shelf.all() {
                    all.hot.push((stored(shelf, row.span.trace_id)?, row));
                }
            }
            Ok(Arc::new(all))
        })
        .await
    }

    /// Of the files that a failed question read, marks those that are damaged; gives the first.
    pub(super) async fn mend(self: &Arc<Self>) -> Result<Option<StoreError>> {
        let looking = Arc::clone(self);
        blocking(move || {
            let mut found = None;
            let opened = looking.meter.opened();
            for file in opened.iter().filter_map(|generation| looking.list.get(generation)) {
                let read = looking.inner.files.each_rows(file, 0..file.about.rows, |_| ());
                if let Err(Unusable::Damaged(why)) = read {
                    file.lose(&why);
                    let mend = "it is left out from now on: ask again";
                    let path = file.spans().to_owned();
                    found.get_or_insert(StoreError::Damaged { path, why, mend });
                }
            }
            Ok(found)
        })
        .await
    }

    /// Asks as all questions without SQL are asked.
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        limits: Limits,
        ask: impl FnOnce(&mut Reader<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T> {
        let looking = Arc::clone(self);
        blocking(move || {
            let disk = OnDisk::new(&looking.inner.files, &looking.list);
            let shelves = looking.shelves.iter().map(|shelf| shelf.as_ref() as &dyn Part);
            let parts: Vec<&dyn Part> = shelves.chain([&disk as &dyn Part]).collect();
            ask(&mut Reader::new(&parts, limits))
        })
        .await
    }
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Error::ExecutionJoin(Box::new(error)))?.map_err(external)
}

pub(super) fn external(error: impl std::error::Error + Send + Sync + 'static) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
