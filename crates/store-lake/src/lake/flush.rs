//! From memory to disk.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use store_api::StoreError;
use store_api::part::Row;
use store_api::shelf::Shelf;
use store_api::time::Hour;

use super::{Inner, blocking, now_ns};
use crate::commit::Change;
use crate::file::File;
use crate::partition::Partition;
use crate::rollup::Learned;
use crate::write::{Target, Written, write};

/// A client whose clock is wild must not make a file for every hour there ever was.
const MOST_PARTITIONS: usize = 24;

impl Inner {
    /// Writes all that arrived up to this place in the order of arrival. Who waits for a flush that is going on
    /// finds his spans written by it, or by the next one together with those of all others who wait.
    pub(crate) async fn flush_through(self: &Arc<Self>, seq: u64) -> Result<(), StoreError> {
        let _turn = self.flushing.lock().await;
        let last = self.state().hot.active.seq().min(seq);
        while self.state().hot.oldest() <= last {
            let inner = Arc::clone(self);
            let flushed = blocking(move || inner.flush_next()).await;
            self.state().trouble = flushed.as_ref().err().map(ToString::to_string);
            flushed?;
        }
        Ok(())
    }

    fn flush_next(&self) -> Result<(), StoreError> {
        let Some(shelf) = self.state().hot.take(|| self.next()) else { return Ok(()) };
        let (files, learned) = self.write_all(&shelf)?;
        let mut state = self.state();
        let list = Arc::make_mut(&mut state.list);
        list.extend(files.into_iter().map(|file| (file.generation, Arc::new(file))));
        state.hot.flushing = None;
        self.rollups.recent.learn(learned);
        drop(state);
        self.written.send_replace(shelf.seq());
        Ok(())
    }

    /// All files or none.
    fn write_all(&self, shelf: &Shelf) -> Result<(Vec<File>, Learned), StoreError> {
        let now_ns = now_ns();
        let mut change = Change { operation: "WRITE", spans_change: true, now_ns, ..Change::default() };
        let mut files: Vec<File> = Vec::new();
        let mut failed = None;
        let all = by_partition(shelf);
        let learned = self.rollups.recent.look_at(shelf.seq(), &all);
        for (partition, rows) in all {
            let generation = self.next();
            let target = Target { partition, generation, written_ns: now_ns, level: 3, ..Target::default() };
            match write(&self.disk, &rows, target) {
                Ok(Written { file, traces, terms, adds }) => {
                    self.files.add(&file, traces, Some(&terms));
                    self.rollups.wrote(generation, &rows);
                    self.rollups.shared(&file, learned.share(partition));
                    files.push(file);
                    change.adds.extend(adds);
                    change.generation = Some(generation);
                }
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        let done = match failed {
            Some(error) => {
                let paths = files.iter().flat_map(|file| [file.spans(), file.traces_path()]);
                paths.for_each(|path| drop(self.disk.remove(path)));
                Err(error)
            }
            None => self.tables.commit(&change),
        };
        match done {
            Ok(()) => Ok((files, learned)),
            Err(error) => {
                let generations: Vec<u64> = files.iter().map(|file| file.generation).collect();
                self.files.forget(&generations);
                self.rollups.forget(&generations);
                Err(error)
            }
        }
    }
}

fn by_partition(shelf: &Shelf) -> BTreeMap<Partition, Vec<Row>> {
    let mut counts: HashMap<Hour, usize> = HashMap::new();
    for row in shelf.all() {
        *counts.entry(Hour::of(row.span.start_ns)).or_default() += 1;
    }
    let mut hours: Vec<(usize, Hour)> = counts.into_iter().map(|(hour, count)| (count, hour)).collect();
    hours.sort_unstable_by(|a, b| b.cmp(a));
    if hours.len() > MOST_PARTITIONS {
        hours.truncate(MOST_PARTITIONS - 1);
    }
    let own: HashSet<Hour> = hours.into_iter().map(|(_, hour)| hour).collect();
    let mut partitions: BTreeMap<Partition, Vec<Row>> = BTreeMap::new();
    for row in shelf.all() {
        let hour = Hour::of(row.span.start_ns);
        let partition = if own.contains(&hour) { Partition::Hour(hour) } else { Partition::Mixed };
        partitions.entry(partition).or_default().push(row);
    }
    partitions
}
