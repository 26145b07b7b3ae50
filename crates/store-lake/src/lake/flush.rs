//! From memory to disk.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use store_api::StoreError;
use store_api::part::Row;
use store_api::shelf::Shelf;
use store_api::time::Hour;

use super::{Inner, blocking, now_ns};
use crate::file::File;
use crate::partition::Partition;
use crate::write::{Target, write};

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
        let files = self.write_all(&shelf)?;
        let mut state = self.state();
        let list = Arc::make_mut(&mut state.list);
        list.extend(files.into_iter().map(|file| (file.generation, Arc::new(file))));
        state.hot.flushing = None;
        drop(state);
        self.written.send_replace(shelf.seq());
        Ok(())
    }

    /// All files or none.
    fn write_all(&self, shelf: &Shelf) -> Result<Vec<File>, StoreError> {
        let mut files = Vec::new();
        let written_ns = now_ns();
        for (partition, rows) in by_partition(shelf) {
            let generation = self.next();
            let root = &self.files.root;
            let target = Target { root, partition, generation, written_ns, replaces: Vec::new(), level: 3 };
            match write(&rows, target) {
                Ok((file, traces)) => {
                    self.files.add(&file, traces);
                    files.push(file);
                }
                Err(error) => {
                    let generations: Vec<u64> = files.iter().map(|file: &File| file.generation).collect();
                    self.files.forget(&generations);
                    files.iter().for_each(|file| drop(file.remove()));
                    return Err(error);
                }
            }
        }
        Ok(files)
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
