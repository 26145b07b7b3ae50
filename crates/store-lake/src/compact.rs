//! Which small files to make one larger file of.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::file::File;
use crate::files::List;
use crate::partition::Partition;

/// A file of this weight stays as it is.
const FULL: usize = 32 << 20;
/// Most weight that is in memory for one compaction.
const MOST: usize = 2 * FULL;
/// As many small files lie in one hour, at most, before they are made one.
const MANY: usize = 16;
/// After the end of an hour, and after the last file that came late.
const GRACE_NS: u64 = 10 * 60 * 1_000_000_000;

/// The small files of one partition that should become one now; the oldest first.
pub(crate) fn plan(list: &List, now: u64) -> Option<Vec<Arc<File>>> {
    let mut small: BTreeMap<Partition, Vec<&Arc<File>>> = BTreeMap::new();
    for file in list.values().filter(|file| file.about.weight < FULL && !file.is_lost()) {
        small.entry(file.partition).or_default().push(file);
    }
    small.into_iter().find_map(|(partition, files)| {
        let written = files.iter().map(|file| file.about.written_ns).max().unwrap_or(0);
        let quiet_since = partition.end_ns().map(|end| end.max(written));
        let closed = quiet_since.is_some_and(|since| now >= since.saturating_add(GRACE_NS));
        let due = files.len() >= if closed { 2 } else { MANY };
        if due { Some(take(&files)) } else { None }
    })
}

/// As many as fit; two always do.
fn take(files: &[&Arc<File>]) -> Vec<Arc<File>> {
    let mut weight = 0;
    let fit = files.iter().take_while(|file| {
        weight += file.about.weight;
        weight <= MOST
    });
    fit.map(|file| Arc::clone(file)).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use store_api::time::Hour;

    use super::*;
    use crate::disk::Disk;
    use crate::file::About;
    use crate::table::Promoted;

    const MIB: usize = 1 << 20;

    fn list(files: &[(Partition, usize, u64)]) -> List {
        let disk = Disk::new(Path::new("/"));
        let file = |(generation, (partition, weight, written_ns)): (u64, &(Partition, usize, u64))| {
            let about = About {
                format: 1,
                first_start_ns: 0,
                last_start_ns: 0,
                end_ns: 0,
                written_ns: *written_ns,
                rows: 1,
                weight: *weight,
                replaces: Vec::new(),
                promoted: Promoted::default(),
            };
            (generation, Arc::new(File::new(&disk, *partition, generation, about)))
        };
        (1..).zip(files).map(file).collect()
    }

    fn planned(files: &[(Partition, usize, u64)], now: u64) -> Option<Vec<u64>> {
        plan(&list(files), now).map(|files| files.iter().map(|file| file.generation).collect())
    }

    #[test]
    fn an_open_hour_waits_for_many_and_a_closed_one_for_two() {
        let hour = Partition::Hour(Hour(10));
        let open = Hour(10).end_ns() - 1;
        let closed = Hour(10).end_ns() + GRACE_NS;
        let small = (hour, MIB, open);
        assert_eq!(planned(&[small; 15], open), None);
        assert_eq!(planned(&[small; 16], open), Some((1..=16).collect()));
        assert_eq!(planned(&[small; 2], closed - 1), None);
        assert_eq!(planned(&[small; 2], closed), Some(vec![1, 2]));
        assert_eq!(planned(&[small], closed), None);
        let late = (hour, MIB, closed);
        assert_eq!(planned(&[small, late], closed + GRACE_NS - 1), None, "more may come late");
        assert_eq!(planned(&[small, late], closed + GRACE_NS), Some(vec![1, 2]));
        assert_eq!(planned(&[(Partition::Mixed, MIB, 0); 15], u64::MAX), None);
    }

    #[test]
    fn what_is_full_stays_and_memory_is_bounded() {
        let hour = Partition::Hour(Hour(10));
        let now = u64::MAX;
        assert_eq!(planned(&[(hour, FULL, 0), (hour, FULL, 0), (hour, MIB, 0)], now), None);
        let large = (hour, 30 * MIB, 0);
        assert_eq!(planned(&[large; 3], now), Some(vec![1, 2]));
        assert_eq!(planned(&[(hour, FULL - 1, 0); 2], now), Some(vec![1, 2]));
    }
}
