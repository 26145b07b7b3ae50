//! Files of spans as a source of columns: their footers from memory, their bytes counted.

use std::fmt;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use datafusion::common::Result;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::ParquetRowSelection;
use datafusion::datasource::physical_plan::{
    FileGroup, FileScanConfigBuilder, ParquetFileReaderFactory, ParquetSource,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use flow::BoxFuture;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, RowSelection};
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;

use super::meter::Meter;
use crate::file::{File, Unusable};
use crate::lake::Inner;

/// A file, and the rows of it that count where not all do.
pub(super) type Chosen = (Arc<File>, Option<RowSelection>);

pub(super) fn scan(
    inner: &Arc<Inner>,
    meter: &Arc<Meter>,
    columns: SchemaRef,
    files: Vec<Chosen>,
    projection: Option<&Vec<usize>>,
    partitions: usize,
) -> Result<Arc<dyn ExecutionPlan>> {
    let mut groups = vec![FileGroup::default(); partitions.clamp(1, files.len().max(1))];
    let turns = groups.len();
    for (nth, (file, rows)) in files.into_iter().enumerate() {
        let mut listed = PartitionedFile::new(file.spans().to_string_lossy(), file.about.weight as u64);
        if let Some(rows) = rows {
            listed = listed.with_extension(ParquetRowSelection::new(rows));
        }
        let listed = listed.with_extension(file);
        groups.iter_mut().skip(nth % turns).take(1).for_each(|group| group.push(listed.clone()));
    }
    let readers = Readers { inner: Arc::clone(inner), meter: Arc::clone(meter) };
    let source = ParquetSource::new(columns)
        .with_parquet_file_reader_factory(Arc::new(readers))
        .with_pushdown_filters(true)
        .with_reorder_filters(true)
        .with_enable_page_index(true);
    let config = FileScanConfigBuilder::new(ObjectStoreUrl::local_filesystem(), Arc::new(source))
        .with_file_groups(groups)
        .with_projection_indices(projection.cloned())?
        .build();
    Ok(DataSourceExec::from_data_source(config))
}

/// Leaves some rows out, which are in order.
pub(super) fn all_but(losers: &[usize], rows: usize) -> RowSelection {
    let mut from = 0;
    let mut kept: Vec<Range<usize>> = Vec::with_capacity(losers.len() + 1);
    for loser in losers.iter().chain([&rows]) {
        if from < *loser {
            kept.push(from..*loser);
        }
        from = loser + 1;
    }
    RowSelection::from_consecutive_ranges(kept.into_iter(), rows)
}

struct Readers {
    inner: Arc<Inner>,
    meter: Arc<Meter>,
}

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
        let file = listed.extension::<Arc<File>>().cloned();
        let file = file.ok_or_else(|| ParquetError::General("a file without its file".to_owned()))?;
        let open = file.open()?;
        let (inner, meter) = (Arc::clone(&self.inner), Arc::clone(&self.meter));
        meter.open(file.generation);
        Ok(Box::new(Reader { inner, meter, file, open }))
    }
}

/// Reads on the thread that asks: those of SQL have nothing else to do.
struct Reader {
    inner: Arc<Inner>,
    meter: Arc<Meter>,
    file: Arc<File>,
    open: std::fs::File,
}

impl AsyncFileReader for Reader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        let length = range.end.saturating_sub(range.start);
        let read = self.meter.scan(length).map_err(|breach| ParquetError::External(Box::new(breach)));
        let read = read.and_then(|()| {
            let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
            self.open.read_exact_at(&mut bytes, range.start)?;
            Ok(Bytes::from(bytes))
        });
        Box::pin(std::future::ready(read))
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>, ParquetError>> {
        let footer = self.inner.files.footer(&self.file).map_err(|unusable| match unusable {
            Unusable::Damaged(why) => {
                self.file.lose(&why);
                ParquetError::General(format!("{} is damaged: {why}; ask again", self.file.spans().display()))
            }
            Unusable::Failed(error) => ParquetError::External(Box::new(error)),
        });
        Box::pin(std::future::ready(footer.map(|footer| Arc::clone(footer.metadata()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_rows_are_left_out() {
        for (losers, rows, kept) in [
            (vec![], 3, vec![0, 1, 2]),
            (vec![0], 3, vec![1, 2]),
            (vec![1, 2], 4, vec![0, 3]),
            (vec![0, 2, 3], 4, vec![1]),
            (vec![0, 1], 2, vec![]),
        ] {
            let mut at = 0;
            let mut selected = Vec::new();
            for selector in all_but(&losers, rows).iter() {
                if !selector.skip {
                    selected.extend(at..at + selector.row_count);
                }
                at += selector.row_count;
            }
            assert_eq!((selected, at), (kept, rows), "{losers:?}");
        }
    }
}
