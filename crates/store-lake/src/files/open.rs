//! What is there when a store opens: as its logs say, and they are put right where a crash has cut something off.

mod kept;
mod reconcile;
mod shared;

use std::sync::Arc;

use store_api::StoreError;

use super::{Files, List};
use crate::commit::Tables;
use crate::disk::Disk;
use crate::file::File;
use crate::log::{Change, Log, Snapshot};
use crate::tables::Table;
use crate::{format, found, rollup};
use reconcile::Fragments;
pub(crate) use shared::named;

/// A store whose logs, files and memory agree.
pub(crate) struct Opened {
    pub(crate) files: Files,
    pub(crate) list: List,
    pub(crate) tables: Tables,
    /// Greater than all generations there were.
    pub(crate) next: u64,
}

pub(crate) fn open(disk: &Disk, now_ns: u64) -> Result<Opened, StoreError> {
    if disk.shared().is_some() {
        return shared::open(disk, now_ns);
    }
    format::check(disk)?;
    let spans = Log::open(disk, Table::Spans.name())?;
    let interactions = Log::open(disk, Table::Interactions.name())?;
    let files = Files::new(disk.root(), true);
    let spans_found = Spans::find(disk, spans.as_ref())?;
    let fragments = reconcile::fragments(disk, &files, &spans_found.list, interactions.as_ref())?;
    let Fragments { mut adds, mut removes, lost } = fragments;
    let until = spans.as_ref().filter(|log| !log.is_torn()).map_or(u64::MAX, Log::generation);
    let kept =
        kept::without_spans(disk, Table::Interactions, interactions.as_ref(), &spans_found.list, until)?;
    removes.retain(|path| !kept.iter().any(|add| add.path == *path));
    adds.extend(kept);
    let change = Change {
        operation: "REPAIR",
        adds,
        removes,
        rows_change: true,
        generation: None,
        now_ns,
        ..Change::default()
    };
    let interactions = settle(disk, Table::Interactions, interactions, change)?;
    let Spans { mut list, mut adds, mut removes } = spans_found;
    for file in lost {
        list.remove(&file.generation);
        adds.retain(|add| add.path != file.below());
        removes.push(file.below());
    }
    let change = Change {
        operation: "REPAIR",
        adds,
        removes,
        rows_change: true,
        generation: None,
        now_ns,
        ..Change::default()
    };
    let spans = settle(disk, Table::Spans, spans, change)?;
    let mut logs = rollups(disk, &list, now_ns)?;
    logs.extend([(Table::Interactions, interactions), (Table::Spans, spans)]);
    for (table, log) in &logs {
        let named =
            |path: &str| log.state().adds.contains_key(path) || log.state().removes.contains_key(path);
        found::sweep(disk, table.name(), named)?;
    }
    files.sieves.sweep();
    files.sieves.find_runs();
    format::settle(disk)?;
    let next = logs.iter().map(|(_, log)| log.generation().max(last(log.state()))).max().unwrap_or(0) + 1;
    Ok(Opened { files, list, tables: Tables::new(disk.clone(), logs), next })
}

/// What is counted has no say in what there is: it can be counted again, as long as there are spans.
fn rollups(disk: &Disk, list: &List, now_ns: u64) -> Result<Vec<(Table, Log)>, StoreError> {
    let open = |table: Table| {
        let log = Log::open(disk, table.name())?;
        let removes = log.as_ref().map_or(Ok(Vec::new()), |log| rollup::sound(disk, table, log))?;
        let mut adds = kept::without_spans(disk, table, log.as_ref(), list, u64::MAX)?;
        adds.retain(|add| !removes.contains(&add.path));
        let change =
            Change { operation: "REPAIR", adds, removes, rows_change: true, now_ns, ..Change::default() };
        Ok((table, settle(disk, table, log, change)?))
    };
    Table::COUNTED.into_iter().map(open).collect()
}

/// The files of spans, and how their log has to change so that it names them.
struct Spans {
    list: List,
    adds: Vec<crate::log::Add>,
    removes: Vec<String>,
}

impl Spans {
    fn find(disk: &Disk, log: Option<&Log>) -> Result<Self, StoreError> {
        let mut spans = Self { list: List::new(), adds: Vec::new(), removes: Vec::new() };
        if let Some(log) = log {
            spans.read(disk, log.state())?;
        }
        if log.is_none_or(Log::is_torn) {
            spans.look(disk, log.map(Log::state))?;
        }
        Ok(spans)
    }

    /// What the log names, and is there.
    fn read(&mut self, disk: &Disk, state: &Snapshot) -> Result<(), StoreError> {
        for add in state.adds.values() {
            let Some(((partition, generation), about)) = add.generation().zip(add.about()) else {
                tracing::warn!(
                    file = add.path,
                    "ignoring a file in the log of the spans that throughline did not write"
                );
                continue;
            };
            let file = File::new(disk, partition, generation, about);
            match disk.size(file.spans())? {
                Some(size) if i64::try_from(size) == Ok(add.size) => {
                    self.list.insert(generation, Arc::new(file));
                }
                Some(size) => {
                    let why = format!("it has {size} bytes instead of {}", add.size);
                    found::set_aside(disk, file.spans(), &why)?;
                    self.removes.push(add.path.clone());
                }
                None => {
                    tracing::error!(file = %file.spans().display(), "a file of spans is gone");
                    self.removes.push(add.path.clone());
                }
            }
        }
        Ok(())
    }

    /// What is there, and no log names: format 1 has no log, and a torn entry may have named some.
    fn look(&mut self, disk: &Disk, state: Option<&Snapshot>) -> Result<(), StoreError> {
        for (generation, file) in found::sound(disk)? {
            let gone = state.is_some_and(|state| state.removes.contains_key(&file.below()));
            if gone || self.list.contains_key(&generation) {
                continue;
            }
            self.adds.push(reconcile::span_add(disk, &file)?);
            // A torn entry may have put it in the place of files that the log still names.
            for replaced in &file.about.replaces {
                self.removes.extend(self.list.remove(replaced).map(|old| old.below()));
            }
            self.list.insert(generation, file);
        }
        Ok(())
    }
}

fn settle(disk: &Disk, table: Table, log: Option<Log>, change: Change) -> Result<Log, StoreError> {
    let Some(mut log) = log else {
        let columns = table.columns();
        return Log::create(disk, &table.definition(&columns), change);
    };
    if !change.is_empty() {
        log.commit(&change).map_err(|uncommitted| uncommitted.error)?;
    }
    Ok(log)
}

fn last(state: &Snapshot) -> u64 {
    let removed = state.removes.keys().map(String::as_str);
    let paths = state.adds.keys().map(String::as_str).chain(removed);
    paths.filter_map(|path| crate::file::generation(std::path::Path::new(path))).max().unwrap_or(0)
}
