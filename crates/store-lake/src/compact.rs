//! Which files to make fewer of.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::file::File;
use crate::files::List;
use crate::partition::Partition;

/// As long as its hour is open, a file of this weight stays as it is.
const FULL: usize = 32 << 20;
/// Most weight of small files that are made one then.
const MOST: usize = 2 * FULL;
/// As many small files lie in one hour, at most, before they are made one.
const MANY: usize = 16;
/// Rows that are put in order together: of each trace something is in memory meanwhile.
const MOST_ROWS: usize = 4 << 20;
/// So many files may come late, or a part of so many of the rows, before all of the hour is put in order again.
const LATE: usize = 4;
const LATE_PART: usize = 4;
/// After the end of an hour, and after the last file that came late.
const GRACE_NS: u64 = 10 * 60 * 1_000_000_000;

/// What to do next.
#[derive(Debug)]
pub(crate) struct Due {
    pub(crate) partition: Partition,
    /// The oldest first.
    pub(crate) files: Vec<Arc<File>>,
    /// The hour is over: what comes of them stays so.
    pub(crate) settles: bool,
}

pub(crate) fn plan(list: &List, now: u64) -> Option<Due> {
    let mut partitions: BTreeMap<Partition, Vec<&Arc<File>>> = BTreeMap::new();
    for file in list.values().filter(|file| !file.is_lost()) {
        partitions.entry(file.partition).or_default().push(file);
    }
    partitions.into_iter().find_map(|(partition, files)| {
        let written = files.iter().map(|file| file.about.written_ns).max().unwrap_or(0);
        let quiet_since = partition.end_ns().map(|end| end.max(written));
        let settles = quiet_since.is_some_and(|since| now >= since.saturating_add(GRACE_NS));
        let files = if settles { unsettled(files) } else { small(files) };
        (files.len() >= 2).then(|| Due { partition, files, settles })
    })
}

/// Of an hour that goes on.
fn small(mut files: Vec<&Arc<File>>) -> Vec<Arc<File>> {
    files.retain(|file| file.about.weight < FULL);
    if files.len() < MANY { Vec::new() } else { take(&files, MOST, |file| file.about.weight) }
}

/// Of an hour that is over.
fn unsettled(files: Vec<&Arc<File>>) -> Vec<Arc<File>> {
    let rows = |files: &[&Arc<File>]| files.iter().map(|file| file.about.rows).sum::<usize>();
    let all = files.clone();
    let (settled, loose): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| file.about.settled);
    let much = loose.len() > LATE || rows(&loose) * LATE_PART >= rows(&settled);
    match (settled.is_empty(), rows(&all) <= MOST_ROWS) {
        (true, _) => take(&loose, MOST_ROWS, |file| file.about.rows),
        (false, true) if much && !loose.is_empty() => take(&all, MOST_ROWS, |file| file.about.rows),
        (false, false) if loose.len() > LATE => take(&loose, MOST_ROWS, |file| file.about.rows),
        (false, _) => Vec::new(),
    }
}

/// As many as fit; two always do.
fn take(files: &[&Arc<File>], most: usize, size: impl Fn(&File) -> usize) -> Vec<Arc<File>> {
    let mut sum = 0;
    let mut taken: Vec<Arc<File>> = Vec::new();
    for file in files {
        sum += size(file);
        if taken.len() >= 2 && sum > most {
            break;
        }
        taken.push(Arc::clone(file));
    }
    taken
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

    /// A file of so much weight and as many rows, written then.
    type Given = (Partition, usize, u64);

    fn list(files: &[Given], settled: usize) -> List {
        let disk = Disk::new(Path::new("/"));
        let file = |(generation, (partition, weight, written_ns)): (u64, &Given)| {
            let about = About {
                format: 1,
                first_start_ns: 0,
                last_start_ns: 0,
                end_ns: 0,
                written_ns: *written_ns,
                rows: *weight,
                weight: *weight,
                replaces: Vec::new(),
                siblings: Vec::new(),
                settled: generation <= settled as u64,
                promoted: Promoted::default(),
            };
            (generation, Arc::new(File::new(&disk, *partition, generation, about)))
        };
        (1..).zip(files).map(file).collect()
    }

    fn planned(files: &[Given], now: u64) -> Option<Vec<u64>> {
        planned_after(0, files, now)
    }

    /// Where the first files are settled.
    fn planned_after(settled: usize, files: &[Given], now: u64) -> Option<Vec<u64>> {
        plan(&list(files, settled), now).map(|due| due.files.iter().map(|file| file.generation).collect())
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
    fn what_is_full_waits_for_the_end_of_its_hour() {
        let hour = Partition::Hour(Hour(10));
        let (open, closed) = (Hour(10).end_ns() - 1, u64::MAX);
        let full = (hour, FULL, 0);
        assert_eq!(planned(&[full; 20], open), None);
        let large = (hour, 30 * MIB, 0);
        assert_eq!(planned(&[large; 16], open), Some(vec![1, 2]), "memory is bounded");
        let part = (hour, MOST_ROWS / 3, 0);
        assert_eq!(planned(&[part; 5], closed), Some(vec![1, 2, 3]));
        assert_eq!(planned(&[(hour, MOST_ROWS, 0); 3], closed), Some(vec![1, 2]), "two always fit");
    }

    #[test]
    fn what_comes_late_waits_until_it_is_worth_it() {
        let hour = Partition::Hour(Hour(10));
        let (whole, late) = ((hour, 1000, 0), (hour, 100, 0));
        let after_one = |late: &[Given]| planned_after(1, &[&[whole], late].concat(), u64::MAX);
        assert_eq!(after_one(&[]), None);
        assert_eq!(after_one(&[late; 2]), None);
        assert_eq!(after_one(&[late; 3]), Some(vec![1, 2, 3, 4]), "a quarter of the rows");
        let few = (hour, 1, 0);
        assert_eq!(after_one(&[few; 4]), None);
        assert_eq!(after_one(&[few; 5]), Some((1..=6).collect()), "many files");
        let settled = [(hour, MOST_ROWS / 2, 0); 3];
        let then = |late: &[Given]| planned_after(3, &[&settled[..], late].concat(), u64::MAX);
        assert_eq!(planned_after(3, &settled, u64::MAX), None);
        assert_eq!(then(&[few; 4]), None);
        assert_eq!(then(&[few; 5]), Some((4..=8).collect()), "among themselves, where all are too many");
    }
}
