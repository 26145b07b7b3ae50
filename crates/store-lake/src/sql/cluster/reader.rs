//! How executors reach the files of a store: below a root of their own, and nothing else.

use std::any::Any;
use std::fmt;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::common::{Result, internal_err, plan_err};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::ParquetRowSelection;
use datafusion::datasource::physical_plan::{FileGroup, ParquetFileReaderFactory, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::object_store::{ObjectStoreRegistry, ObjectStoreUrl};
use datafusion::object_store::ObjectStore;
use datafusion::object_store::memory::InMemory;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use flow::BoxFuture;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, RowSelection};
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use store_api::StoreError;
use store_api::door::Settings;
use url::Url;

use super::remote::{Rows, files};
use crate::disk::Disk;
use crate::tables::Table;

/// Where plans say that files are.
pub(super) fn place() -> Result<ObjectStoreUrl> {
    ObjectStoreUrl::parse("throughline://store")
}

/// The files of a store.
#[derive(Clone)]
pub(super) struct Root(Disk);

impl Root {
    /// Writes nothing there.
    pub(super) fn open(settings: &Settings) -> Result<Self, StoreError> {
        Disk::to_read(settings).map(Self)
    }

    /// A scan that reads here.
    pub(super) fn scan(&self, scan: &Arc<dyn ExecutionPlan>, rows: &Rows) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(config) = files(scan) else {
            return internal_err!("a scan of files is expected");
        };
        let source: &dyn Any = config.file_source.as_ref();
        let Some(source) = source.downcast_ref::<ParquetSource>() else {
            return internal_err!("a scan of Parquet is expected");
        };
        let mut config = config.clone();
        let readers = Arc::new(Readers(self.clone()));
        config.file_source = Arc::new(source.clone().with_parquet_file_reader_factory(readers));
        if !rows.values().all(|(all, kept)| in_order(*all, kept)) {
            return internal_err!("rows are out of order");
        }
        for group in &mut config.file_groups {
            let files = group.iter().map(|file| {
                let Some((all, kept)) = rows.get(file.object_meta.location.as_ref()) else {
                    return file.clone();
                };
                let kept = kept.iter().map(|(from, to)| *from..*to);
                let kept = RowSelection::from_consecutive_ranges(kept, *all);
                file.clone().with_extension(ParquetRowSelection::new(kept))
            });
            *group = FileGroup::new(files.collect());
        }
        Ok(DataSourceExec::from_data_source(config))
    }
}

/// As what we send always is.
fn in_order(all: usize, kept: &[(usize, usize)]) -> bool {
    let mut last = 0;
    kept.iter().all(|(from, to)| {
        last <= *from && from <= to && *to <= all && {
            last = *to;
            true
        }
    })
}

struct Readers(Root);

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Readers")
    }
}

impl ParquetFileReaderFactory for Readers {
    fn create_reader(
        &self,
        _partition: usize,
        listed: PartitionedFile,
        _hint: Option<usize>,
        _metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let Root(disk) = &self.0;
        // Without `..`: such a path is none.
        let path = disk.root().join(Table::Spans.name()).join(listed.object_meta.location.as_ref());
        Ok(Box::new(Reader { open: disk.open(&path)? }))
    }
}

/// Reads on the thread that asks: those of tasks have nothing else to do.
struct Reader {
    open: std::fs::File,
}

impl AsyncFileReader for Reader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        let length = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(0);
        let mut bytes = vec![0; length];
        let read = self.open.read_exact_at(&mut bytes, range.start);
        Box::pin(std::future::ready(read.map(|()| Bytes::from(bytes)).map_err(ParquetError::from)))
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>, ParquetError>> {
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
        let footer = ArrowReaderMetadata::load(&self.open, options);
        Box::pin(std::future::ready(footer.map(|footer| Arc::clone(footer.metadata()))))
    }
}

/// Knows the place of our files, which nobody reads by it, and no other: a plan reaches nothing else.
#[derive(Debug)]
pub(super) struct Nowhere(Arc<dyn ObjectStore>);

impl Default for Nowhere {
    fn default() -> Self {
        Self(Arc::new(InMemory::new()))
    }
}

impl ObjectStoreRegistry for Nowhere {
    fn register_store(&self, _: &Url, _: Arc<dyn ObjectStore>) -> Option<Arc<dyn ObjectStore>> {
        None
    }

    fn get_store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>> {
        match url.scheme() {
            "throughline" => Ok(Arc::clone(&self.0)),
            other => plan_err!("nothing is read from {other}"),
        }
    }
}
