//! How we write Parquet, and how we read just some rows of it.

use std::fs::File;
use std::ops::Range;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, RowSelection};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::schema::types::ColumnPath;

use super::pages::{Wanted, batches};
use super::stats::Stats;
use super::told::Columns;

/// Small enough that a look-up of one interaction reads little, and measured to be no larger on disk.
const GROUP_ROWS: usize = 32 * 1024;
const PAGE_ROWS: usize = 2048;

/// Where a file says in its footer what it holds.
pub(crate) const ABOUT: &str = "throughline";

/// What a table wants of its files.
pub(crate) struct Layout<'a> {
    pub(crate) schema: SchemaRef,
    /// 3 for what is soon compacted, 6 for what stays.
    pub(crate) level: i32,
    /// The columns that are compressed, where not all are: of a small file, setting up a decompressor for each column
    /// takes longer than all the rest.
    pub(crate) compressed: Option<&'a [&'static str]>,
    /// Columns that are looked up by value, with the number of different values.
    pub(crate) blooms: &'a [(&'static str, u64)],
    /// Columns of numbers that differ little from row to row.
    pub(crate) deltas: &'a [&'static str],
    /// Columns of random bytes.
    pub(crate) plain: &'a [&'static str],
    /// Columns of random bytes that all have one length, which then costs nothing.
    pub(crate) ids: &'a [&'static str],
    /// Columns with statistics for the log.
    pub(crate) skipping: &'a [&'static str],
}

/// A file in the making.
pub(crate) struct Encoded {
    pub(crate) bytes: Vec<u8>,
    /// JSON for the log.
    pub(crate) stats: String,
}

pub(crate) fn to_parquet(
    layout: &Layout<'_>,
    about: String,
    batches: impl IntoIterator<Item = Result<RecordBatch, ArrowError>>,
) -> Result<Encoded, ParquetError> {
    let mut writing = Writing::begin(layout)?;
    for batch in batches {
        writing.add(&batch?)?;
    }
    writing.finish(about)
}

/// A file to which rows are still added.
pub(crate) struct Writing {
    writer: ArrowWriter<Vec<u8>>,
    stats: Stats,
}

impl Writing {
    pub(crate) fn begin(layout: &Layout<'_>) -> Result<Self, ParquetError> {
        let writer = ArrowWriter::try_new(Vec::new(), layout.schema.clone(), Some(properties(layout)?))?;
        Ok(Self { writer, stats: Stats::new(layout.skipping) })
    }

    pub(crate) fn add(&mut self, batch: &RecordBatch) -> Result<(), ParquetError> {
        self.stats.observe(batch);
        self.writer.write(batch)
    }

    /// `about` is text for the footer.
    pub(crate) fn finish(mut self, about: String) -> Result<Encoded, ParquetError> {
        self.writer.append_key_value_metadata(KeyValue::new(ABOUT.to_owned(), about));
        Ok(Encoded { bytes: self.writer.into_inner()?, stats: self.stats.json() })
    }
}

fn properties(layout: &Layout<'_>) -> Result<WriterProperties, ParquetError> {
    let column = |name: &str| ColumnPath::new(name.split('.').map(str::to_owned).collect());
    let zstd = Compression::ZSTD(ZstdLevel::try_new(layout.level)?);
    let of_most = if layout.compressed.is_some() { Compression::UNCOMPRESSED } else { zstd };
    let mut properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_compression(of_most)
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_data_page_row_count_limit(PAGE_ROWS)
        // The limit on rows is looked at after each of these.
        .set_write_batch_size(PAGE_ROWS / 2)
        .set_statistics_enabled(EnabledStatistics::Chunk);
    for name in layout.compressed.unwrap_or_default() {
        properties = properties.set_column_compression(column(name), zstd);
    }
    for (name, different) in layout.blooms {
        properties = properties
            .set_column_statistics_enabled(column(name), EnabledStatistics::Page)
            .set_column_bloom_filter_enabled(column(name), true)
            .set_column_bloom_filter_fpp(column(name), 0.01)
            .set_column_bloom_filter_max_ndv(column(name), (*different).max(1));
    }
    for name in layout.deltas {
        properties = properties
            .set_column_statistics_enabled(column(name), EnabledStatistics::Page)
            .set_column_dictionary_enabled(column(name), false)
            .set_column_encoding(column(name), Encoding::DELTA_BINARY_PACKED);
    }
    for name in layout.plain.iter().chain(layout.ids) {
        properties = properties
            .set_column_statistics_enabled(column(name), EnabledStatistics::None)
            .set_column_dictionary_enabled(column(name), false);
    }
    for name in layout.ids {
        properties = properties.set_column_encoding(column(name), Encoding::DELTA_LENGTH_BYTE_ARRAY);
    }
    Ok(properties.build())
}

/// Reads the rows in these ranges, which are in order and do not overlap, and as far as pages allow no others; of these the
/// columns that rows are made of. So many of them `at_a_time`, at most.
pub(crate) fn read(
    file: File,
    metadata: &ArrowReaderMetadata,
    ranges: &[Range<usize>],
    at_a_time: usize,
) -> Result<impl Iterator<Item = Result<RecordBatch, ArrowError>> + Send + use<>, ParquetError> {
    let mut groups = Vec::new();
    let mut selected = Vec::new();
    let (mut start, mut kept) = (0, 0);
    for (index, group) in metadata.metadata().row_groups().iter().enumerate() {
        let rows = usize::try_from(group.num_rows()).unwrap_or(0);
        let end = start + rows;
        let before = selected.len();
        let overlapping = ranges.iter().filter(|range| range.start < end && range.end > start);
        selected.extend(
            overlapping.map(|range| kept + range.start.max(start) - start..kept + range.end.min(end) - start),
        );
        if selected.len() > before {
            groups.push(index);
            kept += rows;
        }
        start = end;
    }
    let selection = RowSelection::from_consecutive_ranges(selected.into_iter(), kept);
    let columns = Columns::of(metadata, &groups);
    let wanted = Wanted {
        columns: columns.mask.clone(),
        groups,
        rows: Some(selection),
        at_a_time: at_a_time.min(PAGE_ROWS),
    };
    Ok(batches(file, metadata, wanted)?.map(move |batch| columns.complete(batch?)))
}
