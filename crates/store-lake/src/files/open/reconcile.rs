//! Makes the fragments agree with the files of spans, and enters both into the index.

use std::collections::HashSet;
use std::sync::Arc;

use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::file::statistics::Statistics;
use serde_json::{Map, Value, json};
use store_api::StoreError;

use crate::disk::Disk;
use crate::file::{File, Unusable};
use crate::files::{Files, List};
use crate::found;
use crate::log::{Add, Log};
use crate::tables::{Content, Table};
use crate::traces::Traces;
use crate::write;

/// How the log of the fragments has to change.
pub(super) struct Fragments {
    pub(super) adds: Vec<Add>,
    pub(super) removes: Vec<String>,
    /// Files of spans that turned out to be damaged.
    pub(super) lost: Vec<Arc<File>>,
}

pub(super) fn fragments(
    disk: &Disk,
    files: &Files,
    list: &List,
    log: Option<&Log>,
) -> Result<Fragments, StoreError> {
    let mut found = Fragments { adds: Vec::new(), removes: Vec::new(), lost: Vec::new() };
    let known = |file: &File| log.and_then(|log| log.state().adds.get(&file.below()));
    let is_sound = |file: &File| known(file).is_some_and(|add| sound(disk, file, add));
    // What a file shares with others can be told when those are known.
    let rest: Vec<_> = list.values().filter(|file| !(is_sound(file) && files.sieves.load(file))).collect();
    for file in rest {
        if is_sound(file) && learn(files, file)? {
            continue;
        }
        match again(disk, files, file) {
            Ok(add) => found.adds.push(add),
            Err(Unusable::Failed(error)) => return Err(error),
            Err(Unusable::Damaged(why)) => {
                found::set_aside(disk, file.spans(), &why)?;
                found.lost.push(Arc::clone(file));
            }
        }
    }
    let lost: HashSet<u64> = found.lost.iter().map(|file| file.generation).collect();
    let with_spans = |generation| list.contains_key(&generation) && !lost.contains(&generation);
    let adds = log.into_iter().flat_map(|log| log.state().adds.values());
    let ours = adds.filter_map(|add| Some((add, add.generation()?.1)));
    let orphans = ours.filter(|(add, generation)| !with_spans(*generation) && !add.is_alone());
    found.removes = orphans.map(|(add, _)| add.path.clone()).collect();
    Ok(found)
}

fn sound(disk: &Disk, file: &File, add: &Add) -> bool {
    disk.size(file.traces_path())
        .is_ok_and(|size| size.and_then(|size| i64::try_from(size).ok()) == Some(add.size))
}

/// Makes the filters of a file's ids; false where its fragments are damaged.
fn learn(files: &Files, file: &File) -> Result<bool, StoreError> {
    match files.learn(file) {
        Ok(()) => Ok(true),
        Err(Unusable::Failed(error)) => Err(error),
        Err(Unusable::Damaged(_)) => Ok(false),
    }
}

/// Writes the fragments of a file again: from those of format 1, else from its spans.
fn again(disk: &Disk, files: &Files, file: &File) -> Result<Add, Unusable> {
    let old = disk.root().join(found::OLD_FRAGMENTS).join(file.below());
    let mixed = disk.root().join(found::OLD_FRAGMENTS).join("day=mixed/hour=mixed");
    let mixed = mixed.join(crate::file::name(file.generation));
    let old = [old, mixed].into_iter().find(|path| path.exists());
    let entries = old.and_then(|path| file.entries_at(&path).ok());
    let entries = entries.map_or_else(|| file.entries(), Ok)?;
    let add = write::put_fragments(disk, file, &entries, 3).map_err(Unusable::Failed)?;
    tracing::debug!(file = %file.traces_path().display(), "wrote the fragments of a file of spans");
    files.add(file, Traces::new(entries), None);
    Ok(add)
}

/// What the log says of a file that it did not name, as far as the footer tells.
pub(super) fn span_add(disk: &Disk, file: &File) -> Result<Add, StoreError> {
    let path = file.spans();
    let damaged =
        |why: String| StoreError::Damaged { path: path.to_owned(), why, mend: "move it out of the store" };
    let footer = match file.footer() {
        Ok((footer, _)) => footer,
        Err(Unusable::Failed(error)) => return Err(error),
        Err(Unusable::Damaged(why)) => return Err(damaged(why)),
    };
    let size = disk.size(path)?.ok_or_else(|| damaged("it is gone".to_owned()))?;
    let stats = stats(&footer, file.about.rows, Table::Spans.skipping());
    let content = Content { size, crc32: None, stats };
    let add = Table::Spans.add(file.partition, file.generation, &file.about, content);
    Ok(add.at(file.about.written_ns))
}

/// The bounds of numbers; those of texts may be cut short.
pub(super) fn stats(footer: &ArrowReaderMetadata, rows: usize, columns: &[&str]) -> String {
    let (mut least, mut greatest, mut missing) = (Map::new(), Map::new(), Map::new());
    for group in footer.metadata().row_groups() {
        for column in group.columns() {
            let name = column.column_path().string();
            let Some(statistics) = column.statistics().filter(|_| columns.contains(&name.as_str())) else {
                continue;
            };
            let sum = missing.get(&name).and_then(Value::as_u64).unwrap_or(0)
                + statistics.null_count_opt().unwrap_or(0);
            missing.insert(name.clone(), sum.into());
            if let Statistics::Int64(bounds) = statistics
                && let Some((low, high)) = bounds.min_opt().zip(bounds.max_opt())
            {
                let of = |known: &Map<String, Value>| known.get(&name).and_then(Value::as_i64);
                let low = of(&least).map_or(*low, |known| known.min(*low));
                let high = of(&greatest).map_or(*high, |known| known.max(*high));
                least.insert(name.clone(), low.into());
                greatest.insert(name, high.into());
            }
        }
    }
    json!({ "numRecords": rows, "minValues": least, "maxValues": greatest, "nullCount": missing }).to_string()
}
