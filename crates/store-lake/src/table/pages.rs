//! Reads batches of a file with one decompressor for each thread. Parquet's own reader makes a compressor and a decompressor
//! for each column that it opens, which took two fifths of the time of a look-up.

use std::cell::RefCell;
use std::fs::File;
use std::io::{BufReader, Cursor};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, RowGroups, RowSelection,
};
use parquet::arrow::parquet_to_arrow_field_levels;
use parquet::basic::Compression;
use parquet::column::page::{Page, PageIterator, PageMetadata, PageReader};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::serialized_reader::SerializedPageReader;
use parquet::schema::types::SchemaDescriptor;
use zstd::bulk::Decompressor;
use zstd::zstd_safe::get_frame_content_size;

/// What a page may have: its header counts in 31 bits.
const PAGE_BYTES: u64 = i32::MAX as u64;

thread_local! {
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// What is read of a file.
pub(crate) struct Wanted {
    pub(crate) columns: ProjectionMask,
    pub(crate) groups: Vec<usize>,
    /// Of these groups; all where it is nothing.
    pub(crate) rows: Option<RowSelection>,
    /// Rows of a batch, at most.
    pub(crate) at_a_time: usize,
}

impl Wanted {
    /// All rows.
    pub(crate) fn all(footer: &ArrowReaderMetadata, columns: ProjectionMask) -> Self {
        let groups = (0..footer.metadata().num_row_groups()).collect();
        Self { columns, groups, rows: None, at_a_time: 8192 }
    }
}

pub(crate) fn batches(
    file: File,
    footer: &ArrowReaderMetadata,
    wanted: Wanted,
) -> Result<ParquetRecordBatchReader, ParquetError> {
    let fields = footer.schema().fields();
    let levels = parquet_to_arrow_field_levels(footer.parquet_schema(), wanted.columns, Some(fields))?;
    let groups = Groups {
        file: Arc::new(Placed(file)),
        metadata: Arc::clone(footer.metadata()),
        groups: wanted.groups,
    };
    let at_a_time = wanted.at_a_time.min(groups.num_rows());
    ParquetRecordBatchReader::try_new_with_row_groups(&levels, &groups, at_a_time, wanted.rows)
}

/// All rows of a file, of some columns.
pub(crate) fn all_rows(
    file: File,
    columns: impl FnOnce(&SchemaDescriptor) -> ProjectionMask,
) -> Result<ParquetRecordBatchReader, ParquetError> {
    let footer = ArrowReaderMetadata::load(&file, ArrowReaderOptions::default())?;
    let columns = columns(footer.parquet_schema());
    batches(file, &footer, Wanted::all(&footer, columns))
}

/// A file of which each page is read with one call.
struct Placed(File);

impl Length for Placed {
    fn len(&self) -> u64 {
        self.0.len()
    }
}

impl ChunkReader for Placed {
    type T = BufReader<File>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        self.0.get_read(start)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let mut bytes = vec![0; length];
        self.0.read_exact_at(&mut bytes, start)?;
        Ok(bytes.into())
    }
}

/// Some row groups of a file.
struct Groups {
    file: Arc<Placed>,
    metadata: Arc<ParquetMetaData>,
    groups: Vec<usize>,
}

impl RowGroups for Groups {
    fn num_rows(&self) -> usize {
        self.row_groups().map(rows).sum()
    }

    fn column_chunks(&self, column: usize) -> Result<Box<dyn PageIterator>, ParquetError> {
        Ok(Box::new(Chunks {
            file: Arc::clone(&self.file),
            metadata: Arc::clone(&self.metadata),
            groups: self.groups.clone().into_iter(),
            column,
        }))
    }

    fn row_groups(&self) -> Box<dyn Iterator<Item = &RowGroupMetaData> + '_> {
        Box::new(self.groups.iter().filter_map(|group| self.metadata.row_groups().get(*group)))
    }

    fn metadata(&self) -> &ParquetMetaData {
        &self.metadata
    }
}

fn rows(group: &RowGroupMetaData) -> usize {
    usize::try_from(group.num_rows()).unwrap_or(0)
}

/// One column of some groups.
struct Chunks {
    file: Arc<Placed>,
    metadata: Arc<ParquetMetaData>,
    groups: std::vec::IntoIter<usize>,
    column: usize,
}

impl Chunks {
    fn pages(&self, group: usize) -> Result<Pages, ParquetError> {
        let lacks = || ParquetError::General("a group or a column is not there".to_owned());
        let of = self.metadata.row_groups().get(group).ok_or_else(lacks)?;
        let chunk = of.columns().get(self.column).ok_or_else(lacks)?;
        let index = self.metadata.offset_index().and_then(|groups| groups.get(group)?.get(self.column));
        let places = index.map(|index| index.page_locations.clone());
        let file = Arc::clone(&self.file);
        let compressed = matches!(chunk.compression(), Compression::ZSTD(_));
        let as_is = |chunk: &ColumnChunkMetaData| {
            chunk.clone().into_builder().set_compression(Compression::UNCOMPRESSED).build()
        };
        let as_is = compressed.then(|| as_is(chunk)).transpose()?;
        let pages = SerializedPageReader::new(file, as_is.as_ref().unwrap_or(chunk), rows(of), places)?;
        Ok(Pages { pages, compressed })
    }
}

impl Iterator for Chunks {
    type Item = Result<Box<dyn PageReader>, ParquetError>;

    fn next(&mut self) -> Option<Self::Item> {
        let group = self.groups.next()?;
        Some(self.pages(group).map(|pages| Box::new(pages) as _))
    }
}

impl PageIterator for Chunks {}

/// The pages of a column of a group.
struct Pages {
    /// As they lie in the file, where they are `compressed`.
    pages: SerializedPageReader<Placed>,
    compressed: bool,
}

impl Iterator for Pages {
    type Item = Result<Page, ParquetError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>, ParquetError> {
        let Some(mut page) = self.pages.get_next_page()? else { return Ok(None) };
        if self.compressed {
            match &mut page {
                Page::DataPage { buf, .. } | Page::DictionaryPage { buf, .. } => *buf = decompressed(buf, 0)?,
                // Levels stand before the values, and are never compressed.
                Page::DataPageV2 { buf, def_levels_byte_len, rep_levels_byte_len, is_compressed, .. }
                    if *is_compressed =>
                {
                    *buf = decompressed(buf, *def_levels_byte_len as usize + *rep_levels_byte_len as usize)?;
                }
                Page::DataPageV2 { .. } => {}
            }
        }
        Ok(Some(page))
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>, ParquetError> {
        self.pages.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<(), ParquetError> {
        self.pages.skip_next_page()
    }

    fn at_record_boundary(&mut self) -> Result<bool, ParquetError> {
        self.pages.at_record_boundary()
    }
}

/// A page of which so many bytes at the beginning are not compressed.
fn decompressed(page: &Bytes, before: usize) -> Result<Bytes, ParquetError> {
    let (levels, frame) =
        page.split_at_checked(before).ok_or_else(|| wrong("it has fewer bytes than levels"))?;
    // So are pages without a value.
    if frame.is_empty() {
        return Ok(page.clone());
    }
    let size = get_frame_content_size(frame).ok().flatten().filter(|size| *size <= PAGE_BYTES);
    let size =
        size.and_then(|size| usize::try_from(size).ok()).ok_or_else(|| wrong("it does not tell its size"))?;
    DECOMPRESSOR.with_borrow_mut(|kept| {
        let with = match kept {
            Some(with) => with,
            None => kept.insert(Decompressor::new()?),
        };
        let mut whole = Vec::with_capacity(before + size);
        whole.extend_from_slice(levels);
        let mut values = Cursor::new(&mut whole);
        values.set_position(before as u64);
        with.decompress_to_buffer(frame, &mut values)?;
        Ok(Bytes::from(whole))
    })
}

fn wrong(why: &str) -> ParquetError {
    ParquetError::General(format!("a page is garbled: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Guarantees: a page is what was compressed, behind its levels; one that is garbled, or claims to have more
    /// than a page may, is told so.
    #[test]
    fn a_page_is_what_was_compressed_or_told_to_be_garbled() {
        let values = b"values ".repeat(100);
        let frame = zstd::bulk::compress(&values, 3).unwrap();
        for levels in [&b""[..], b"levels"] {
            let page = Bytes::from([levels, &frame].concat());
            assert_eq!(decompressed(&page, levels.len()).unwrap(), [levels, &values].concat());
            for cut in levels.len() + 1..page.len() {
                assert!(decompressed(&page.slice(..cut), levels.len()).is_err(), "{cut}");
            }
        }
        assert_eq!(decompressed(&Bytes::from_static(b"levels"), 6).unwrap(), "levels");
        let why = |page: &[u8], before| {
            decompressed(&Bytes::copy_from_slice(page), before).unwrap_err().to_string()
        };
        assert!(why(b"levels", 7).ends_with("it has fewer bytes than levels"));
        assert!(why(b"no frame", 0).ends_with("it does not tell its size"));
        // Its size in eight bytes, all of them set.
        let vast = [&[0x28, 0xB5, 0x2F, 0xFD, 0xE0][..], &[0xFF; 8]].concat();
        assert!(why(&vast, 0).ends_with("it does not tell its size"));
    }
}
