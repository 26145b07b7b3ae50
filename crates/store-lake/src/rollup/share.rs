//! What a file adds to what is known, with all that came before it: added up over the files, in whatever order, it is what
//! the spans of all of them say. Of files that take the place of others it is what those added together, so no span is
//! looked at again.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use store_api::analysis::rollup::{LEAST_NS, Row, Sum};
use store_api::time::Hour;

use super::partial::weight;
use super::table::{decode, encode};
use crate::cache::Cache;
use crate::disk;
use crate::file::{About, File, guarded, of_digits};
use crate::sieve::{self, put};
use crate::tables::Table;

const MAGIC: &[u8; 8] = b"TLSHARE1";
/// Magic, sum of all that follows, length of the head.
const PREFIX: usize = 16;
const KIND: &str = "share";
const BYTES: usize = 32 << 20;
/// Hours that are added up in memory.
const HOURS: usize = 8;

/// Rows of five minutes.
#[derive(Default)]
pub(crate) struct Share {
    pub(super) plus: Vec<Row>,
    /// Of what other files added.
    pub(super) minus: Vec<Row>,
}

#[derive(Serialize, Deserialize)]
struct Head {
    /// The file that it belongs to, as that says of itself.
    about: About,
    /// How many of the rows are added.
    plus: usize,
}

/// The shares of all files, beside their filters in the folder `index`.
pub(crate) struct Shares {
    folder: PathBuf,
    there: Mutex<HashSet<u64>>,
    kept: Cache<Share>,
    sums: Mutex<HashMap<Hour, Summed>>,
}

/// What some files add to one hour.
#[derive(Clone)]
struct Summed {
    files: BTreeSet<u64>,
    share: Arc<Share>,
}

impl Share {
    pub(super) fn sum<'s>(all: impl IntoIterator<Item = &'s Self>) -> Self {
        let mut sums = [(); 2].map(|()| Sum::new(LEAST_NS));
        for share in all {
            let [plus, minus] = &mut sums;
            share.plus.iter().for_each(|row| plus.add(row));
            share.minus.iter().for_each(|row| minus.add(row));
        }
        let [plus, minus] = sums.map(|sum| sum.rows(usize::MAX));
        Self { plus, minus }
    }

    /// What it has of these steps of time.
    pub(super) fn of_steps(&self, is_in: impl Fn(u64) -> bool) -> Self {
        let of = |rows: &[Row]| rows.iter().filter(|row| is_in(row.t)).cloned().collect();
        Self { plus: of(&self.plus), minus: of(&self.minus) }
    }

    fn weight(&self) -> usize {
        weight(&self.plus) + weight(&self.minus)
    }

    fn bytes(&self, about: &About) -> Option<Vec<u8>> {
        let head = Head { about: about.clone(), plus: self.plus.len() };
        let head = serde_json::to_vec(&head).ok()?;
        let rows = [self.plus.as_slice(), &self.minus].concat();
        let mut rest = u32::try_from(head.len()).ok()?.to_le_bytes().to_vec();
        rest.extend(head);
        if !rows.is_empty() {
            rest.extend(encode(&rows, Table::Rollup5m).ok()?.bytes);
        }
        let sum = crc32fast::hash(&rest).to_le_bytes();
        Some([MAGIC.as_slice(), &sum, &rest].concat())
    }

    fn of(bytes: Bytes, about: &About) -> Option<Self> {
        let (magic, sum) = bytes.get(..PREFIX)?.split_at(MAGIC.len());
        let (sum, long) = sum.split_at(4);
        let rest = bytes.get(12..)?;
        if magic != MAGIC || crc32fast::hash(rest).to_le_bytes() != *sum {
            return None;
        }
        let long = usize::try_from(u32::from_le_bytes(long.try_into().ok()?)).ok()?;
        let head: Head = serde_json::from_slice(bytes.get(PREFIX..PREFIX.checked_add(long)?)?).ok()?;
        if head.about != *about {
            return None;
        }
        let rows = bytes.slice(PREFIX + long..);
        let mut plus = if rows.is_empty() { Vec::new() } else { guarded(|| decode(&rows)).ok()? };
        let minus = plus.split_off(head.plus.min(plus.len()));
        Some(Self { plus, minus })
    }
}

impl Shares {
    pub(super) fn new(root: &Path) -> Self {
        let folder = root.join(sieve::FOLDER);
        let of = |path: PathBuf| {
            let of = of_digits(path.file_stem()?.to_str()?)?;
            (path.extension()? == KIND).then_some(of)
        };
        let there = disk::entries(&folder).unwrap_or_default().into_iter().filter_map(of).collect();
        Self { folder, there: Mutex::new(there), kept: Cache::new(BYTES), sums: Mutex::default() }
    }

    /// Without reading spans.
    pub(super) fn has(&self, generation: u64) -> bool {
        self.kept.has(generation) || lock(&self.there).contains(&generation)
    }

    /// About speed alone: where it cannot be written, it is made again of the spans.
    pub(super) fn put(&self, generation: u64, about: &About, share: Arc<Share>) {
        let path = self.path(generation);
        match share.bytes(about).map(|bytes| put(&path, &bytes)) {
            Some(Ok(())) => {
                lock(&self.there).insert(generation);
            }
            Some(Err(error)) => tracing::debug!(file = %path.display(), %error, "a sidecar was not written"),
            None => {}
        }
        self.keep(generation, share);
    }

    fn keep(&self, generation: u64, share: Arc<Share>) {
        let weight = share.weight();
        self.kept.put(generation, share, weight);
    }

    /// The share of a file; made where there is none.
    pub(super) fn of<E>(
        &self,
        file: &File,
        make: impl FnOnce() -> Result<Share, E>,
    ) -> Result<Arc<Share>, E> {
        if let Some(known) = self.kept.peek(file.generation) {
            return Ok(known);
        }
        if self.has(file.generation)
            && let Ok(bytes) = std::fs::read(self.path(file.generation))
            && let Some(share) = Share::of(bytes.into(), &file.about)
        {
            let share = Arc::new(share);
            self.keep(file.generation, Arc::clone(&share));
            return Ok(share);
        }
        let share = Arc::new(make()?);
        self.put(file.generation, &file.about, Arc::clone(&share));
        Ok(share)
    }

    /// What files add to an hour; only those are asked that came since somebody wanted to know.
    pub(super) fn summed<E>(
        &self,
        hour: Hour,
        files: &BTreeSet<u64>,
        mut of: impl FnMut(u64) -> Result<Option<Arc<Share>>, E>,
    ) -> Result<Arc<Share>, E> {
        let known = lock(&self.sums).get(&hour).filter(|known| known.files.is_subset(files)).cloned();
        let (known, share) = known.map_or_else(Default::default, |known| (known.files, Some(known.share)));
        let mut more: Vec<Share> = Vec::new();
        for generation in files.difference(&known) {
            more.extend(of(*generation)?.map(|share| share.of_steps(|t| Hour::of(t) == hour)));
        }
        if more.is_empty()
            && let Some(share) = share
        {
            return Ok(share);
        }
        let share = Arc::new(Share::sum(share.as_deref().into_iter().chain(&more)));
        let mut sums = lock(&self.sums);
        if sums.len() >= HOURS && !sums.contains_key(&hour) {
            // The latest hours are asked for most.
            let first = sums.keys().min().copied();
            first.into_iter().for_each(|first| drop(sums.remove(&first)));
        }
        sums.insert(hour, Summed { files: files.clone(), share: Arc::clone(&share) });
        Ok(share)
    }

    /// Called when files took the place of others, whose shares are theirs now.
    pub(super) fn exchange(&self, gone: &[u64], new: &[u64]) {
        for known in lock(&self.sums).values_mut() {
            let held = gone.iter().filter(|one| known.files.contains(one)).count();
            if held == gone.len() {
                known.files.retain(|file| !gone.contains(file));
                known.files.extend(new);
            }
        }
    }

    pub(super) fn forget(&self, generations: &[u64]) {
        for generation in generations {
            self.kept.forget(*generation);
            if lock(&self.there).remove(generation) {
                drop(std::fs::remove_file(self.path(*generation)));
            }
        }
    }

    fn path(&self, generation: u64) -> PathBuf {
        self.folder.join(format!("{generation:016x}.{KIND}"))
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use store_api::analysis::histogram::Histogram;
    use store_api::analysis::rollup::Series;

    use super::*;
    use crate::table::Promoted;

    fn about(written_ns: u64) -> About {
        About {
            format: 1,
            first_start_ns: 1,
            last_start_ns: 2,
            end_ns: 3,
            written_ns,
            rows: 4,
            weight: 5,
            replaces: Vec::new(),
            siblings: Vec::new(),
            settled: false,
            promoted: Promoted::default(),
        }
    }

    fn rows(durations: &[u64]) -> Vec<Row> {
        let row = |(number, ns): (u64, &u64)| {
            let mut histogram = Histogram::precise();
            histogram.record(*ns);
            let series = Series { region: Some(format!("region {number}").into()), ..Series::default() };
            Row {
                t: number * LEAST_NS,
                first_ns: number * LEAST_NS + 1,
                series,
                histogram,
                exemplars: Vec::new(),
            }
        };
        (0..).zip(durations).map(row).collect()
    }

    proptest! {
        #[test]
        fn a_share_is_read_as_it_was_written_or_not_at_all(
            plus in prop::collection::vec(1u64..1_000_000, 0..5),
            minus in prop::collection::vec(1u64..1_000_000, 0..3),
            harm in proptest::option::of((any::<prop::sample::Index>(), 1u8..)),
            cut in proptest::option::of(any::<prop::sample::Index>()),
        ) {
            let share = Share { plus: rows(&plus), minus: rows(&minus) };
            let mut bytes = share.bytes(&about(7)).unwrap();
            if let Some((at, by)) = &harm {
                let at = at.index(bytes.len());
                bytes[at] ^= by;
            }
            let whole = bytes.len();
            bytes.truncate(cut.map_or(whole, |cut| cut.index(whole)));
            prop_assert!(Share::of(bytes.clone().into(), &about(8)).is_none(), "of another file");
            let read = Share::of(bytes.into(), &about(7));
            if harm.is_some() || cut.is_some() {
                prop_assert!(read.is_none());
            } else {
                let read = read.unwrap();
                prop_assert_eq!((read.plus, read.minus), (share.plus, share.minus));
            }
        }
    }

    #[test]
    fn only_what_is_new_is_asked_for() {
        let directory = tempfile::tempdir().unwrap();
        let shares = Shares::new(directory.path());
        let asked = |files: &[u64]| {
            let mut asked = Vec::new();
            let of = |file| -> Result<_, ()> {
                asked.push(file);
                Ok(Some(Arc::new(Share { plus: rows(&[file]), ..Share::default() })))
            };
            let sum = shares.summed(Hour(0), &files.iter().copied().collect(), of).unwrap();
            (asked, sum.plus.iter().map(|row| row.histogram.sum()).sum::<u128>())
        };
        assert_eq!(asked(&[1, 2]), (vec![1, 2], 3));
        assert_eq!(asked(&[1, 2, 4]), (vec![4], 7));
        shares.exchange(&[1, 2], &[8, 9]);
        assert_eq!(asked(&[4, 8, 9]), (vec![], 7), "they add what those did");
        shares.exchange(&[4, 5], &[10]);
        assert_eq!(asked(&[8, 10]), (vec![8, 10], 18), "one of them was not asked for before");
    }
}
