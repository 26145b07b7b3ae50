//! What a lost log named and no spans can make again: interactions and counts that outlive their spans.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::time::SystemTime;

use bytes::Bytes;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use serde_json::Value;
use store_api::StoreError;
use store_api::question::Range;
use store_api::time::Hour;

use super::reconcile;
use crate::disk::Disk;
use crate::file::{About, FORMAT, Unusable, generation, guarded};
use crate::files::List;
use crate::log::{Add, Log};
use crate::partition::Partition;
use crate::table::{Promoted, Wrong};
use crate::tables::{Content, MadeOf, Table, below};
use crate::{found, rollup};

/// Where the log of a table is lost, or its last entry: the files about hours of which there are no spans any more, as
/// far as they are sound. Others that no log names are moved aside: what they say may be in the table already. Files after
/// the generation `until` may never have been finished.
pub(super) fn without_spans(
    disk: &Disk,
    table: Table,
    log: Option<&Log>,
    list: &List,
    until: u64,
) -> Result<Vec<Add>, StoreError> {
    if !log.is_none_or(Log::is_torn) {
        return Ok(Vec::new());
    }
    let state = log.map(|log| log.state().clone()).unwrap_or_default();
    let hours: BTreeSet<Hour> = list.values().filter_map(|file| file.partition.hour()).collect();
    let is_gone = |partition: Partition| {
        let Some(hour) = partition.hour() else { return false };
        let Range { from, to } = rollup::range(table, hour);
        hours.range(Hour::of(from)..Hour::of(to)).next().is_none()
    };
    let named = state.adds.values().filter_map(|add| Some((add.generation()?, add)));
    let mut taken: HashSet<Partition> = named.clone().map(|((partition, _), _)| partition).collect();
    let alone = named.filter(|((partition, generation), add)| {
        !add.is_alone() && *generation <= until && is_gone(*partition)
    });
    let mut kept: Vec<Add> = alone.map(|(_, add)| add.alone()).collect();
    for (partition, folder) in found::partitions(disk, &disk.root().join(table.name()))? {
        // Of counts the newest is the right one.
        for path in disk.entries(&folder)?.into_iter().rev() {
            let Some(generation) = generation(&path).filter(|one| !list.contains_key(one)) else { continue };
            let below = below(partition, generation);
            if state.adds.contains_key(&below) || state.removes.contains_key(&below) {
                continue;
            }
            let counted = Table::COUNTED.contains(&table);
            let add = if !is_gone(partition) {
                Err("no log names it, and there are spans of its time".to_owned())
            } else if generation > until {
                Err("no log names it, and its spans may never have been there".to_owned())
            } else if counted && taken.contains(&partition) {
                Err("no log names it, and there is another one of its time".to_owned())
            } else {
                match read(disk, table, partition, generation, &path) {
                    Ok(add) => Ok(add),
                    Err(Unusable::Failed(error)) => return Err(error),
                    Err(Unusable::Damaged(why)) => Err(why),
                }
            };
            match add {
                Ok(add) => {
                    taken.insert(partition);
                    kept.push(add.alone());
                }
                Err(why) => found::set_aside(disk, &path, &why)?,
            }
        }
    }
    if !kept.is_empty() {
        tracing::warn!(table = table.name(), files = kept.len(), "named files again that a lost log named");
    }
    Ok(kept)
}

/// What the log says of a file, as far as the file tells.
fn read(
    disk: &Disk,
    table: Table,
    partition: Partition,
    generation: u64,
    path: &Path,
) -> Result<Add, Unusable> {
    let bytes = disk.read(path).map_err(Unusable::Failed)?.unwrap_or_default();
    let bytes = Bytes::from(bytes);
    let (size, crc32) = (bytes.len() as u64, Some(crc32fast::hash(&bytes)));
    let (footer, rows) = guarded(|| whole(bytes))?;
    let content = Content { size, crc32, stats: reconcile::stats(&footer, rows, table.skipping()) };
    let written_ns = written(disk.modified(path).map_err(Unusable::Failed)?);
    let add = if Table::COUNTED.contains(&table) {
        Table::add_counted(partition, generation, &MadeOf::default(), content)
    } else {
        let about = about(&content.stats, rows, written_ns);
        table.add(partition, generation, &about, content)
    };
    Ok(add.at(written_ns))
}

/// Its footer and its rows, of which all can be read.
fn whole(bytes: Bytes) -> Result<(ArrowReaderMetadata, usize), Wrong> {
    let footer = ArrowReaderMetadata::load(&bytes, ArrowReaderOptions::new());
    let footer = footer.map_err(|error| error.to_string())?;
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(bytes, footer.clone()).build();
    let mut rows = 0;
    for batch in reader.map_err(|error| error.to_string())? {
        rows += batch.map_err(|error| error.to_string())?.num_rows();
    }
    Ok((footer, rows))
}

fn about(stats: &str, rows: usize, written_ns: u64) -> About {
    let stats: Value = serde_json::from_str(stats).unwrap_or_default();
    let bound = |which: &str, name: &str| stats.get(which)?.get(name)?.as_u64();
    About {
        format: FORMAT,
        first_start_ns: bound("minValues", "start_ns").unwrap_or(0),
        last_start_ns: bound("maxValues", "start_ns").unwrap_or(0),
        end_ns: bound("maxValues", "end_ns").unwrap_or(0),
        written_ns,
        rows,
        weight: 0,
        replaces: Vec::new(),
        siblings: Vec::new(),
        settled: true,
        promoted: Promoted::default(),
    }
}

fn written(modified: Option<SystemTime>) -> u64 {
    let since = modified.and_then(|modified| modified.duration_since(SystemTime::UNIX_EPOCH).ok());
    since.and_then(|since| u64::try_from(since.as_nanos()).ok()).unwrap_or(0)
}
