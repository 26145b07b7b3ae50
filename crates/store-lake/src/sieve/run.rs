//! Where the ids of many files lie, in one list, so that not every file has to be asked for itself.
//!
//! ```text
//! pages, the first hash of each page, head (JSON), length and sum of the head, sum of the first hashes, magic
//! page: up to 340 entries of 12 bytes in the order of their hashes, and their sum
//! entry: the hash of an id, and the number of a file in the head that has it
//! ```
//!
//! A look at one hash is a look at one page on disk. Two ids hardly ever have one hash of 64 bits.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::disk::UNFINISHED;
use crate::file;

const MAGIC: &[u8; 8] = b"TLRUN001";
/// Length and sum of the head, sum of the first hashes, magic.
const SUFFIX: usize = 20;
const ENTRY: usize = 12;
const ENTRIES: usize = 340;
const SUM: usize = 4;
const PAGE: usize = ENTRIES * ENTRY + SUM;
const FIRST: usize = 8;
/// Longer ones are not ours.
const LONGEST: u64 = 256 << 20;

/// A file of spans, as it says of itself: generations may be counted anew after a crash.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Member {
    pub(super) generation: u64,
    written_ns: u64,
    rows: usize,
}

impl Member {
    pub(super) fn of(file: &file::File) -> Self {
        let about = &file.about;
        Self { generation: file.generation, written_ns: about.written_ns, rows: about.rows }
    }
}

#[derive(Serialize, Deserialize)]
struct Head {
    entries: u64,
    members: Vec<Member>,
}

pub(super) struct Run {
    path: PathBuf,
    file: File,
    entries: u64,
    pub(super) members: Vec<Member>,
    firsts: Vec<u64>,
}

impl Run {
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        let file = File::open(&path)?;
        let length = file.metadata()?.len();
        let mut suffix = [0; SUFFIX];
        let end = length.checked_sub(SUFFIX as u64).ok_or_else(torn)?;
        file.read_exact_at(&mut suffix, end)?;
        let number = |at: usize| {
            let bytes = suffix.get(at..).and_then(|rest| rest.first_chunk()).copied();
            u32::from_le_bytes(bytes.unwrap_or_default())
        };
        let (long, sum, sum_of_firsts) = (u64::from(number(0)), number(4), number(8));
        if !suffix.ends_with(MAGIC) || long > LONGEST {
            return Err(torn());
        }
        let begin = end.checked_sub(long).ok_or_else(torn)?;
        let text = read(&file, begin, long, sum)?;
        let Head { entries, members } = serde_json::from_slice(&text)?;
        let pages = entries.div_ceil(ENTRIES as u64);
        let bytes = pages.checked_mul(FIRST as u64).filter(|bytes| *bytes <= LONGEST).ok_or_else(torn)?;
        let begin = begin.checked_sub(bytes).ok_or_else(torn)?;
        let firsts = read(&file, begin, bytes, sum_of_firsts)?;
        let (firsts, _) = firsts.as_chunks();
        let firsts = firsts.iter().map(|first| u64::from_le_bytes(*first)).collect();
        Ok(Self { path, file, entries, members, firsts })
    }

    pub(super) fn remove(&self) {
        drop(fs::remove_file(&self.path));
    }

    /// Tells of these hashes, in their order, each that it has, with the member that has it.
    pub(super) fn look<T: Copy>(
        &self,
        hashes: &[(u64, T)],
        mut with: impl FnMut(T, Member),
    ) -> io::Result<()> {
        let (mut read, mut bytes) = (None, Vec::new());
        for (hash, what) in hashes {
            // The entries of one hash may go on from one page to the next.
            let first = self.firsts.partition_point(|first| first < hash).saturating_sub(1);
            for (number, _) in
                self.firsts.iter().enumerate().skip(first).take_while(|(_, first)| *first <= hash)
            {
                if read != Some(number) {
                    self.read(number, &mut bytes)?;
                    read = Some(number);
                }
                let (entries, _) = bytes.as_chunks();
                let from = entries.partition_point(|other| parted(other).0 < *hash);
                let rest = entries.iter().skip(from).map(parted);
                for (_, member) in rest.take_while(|(other, _)| other == hash) {
                    with(*what, self.members.get(member as usize).copied().ok_or_else(torn)?);
                }
            }
        }
        Ok(())
    }

    /// How many entries there are, for the size of it.
    pub(super) fn entries(&self) -> u64 {
        self.entries
    }

    /// The entries of a page, as bytes.
    fn read(&self, number: usize, bytes: &mut Vec<u8>) -> io::Result<()> {
        let before = (number * ENTRIES) as u64;
        let entries = self.entries.saturating_sub(before).min(ENTRIES as u64);
        bytes.resize(entries as usize * ENTRY + SUM, 0);
        self.file.read_exact_at(bytes, (number * PAGE) as u64)?;
        let (entries, sum) = bytes.split_last_chunk::<SUM>().ok_or_else(torn)?;
        let is_sound = crc32fast::hash(entries).to_le_bytes() == *sum;
        bytes.truncate(bytes.len() - SUM);
        if is_sound { Ok(()) } else { Err(torn()) }
    }

    fn page(&self, number: usize) -> io::Result<Vec<(u64, u32)>> {
        let mut bytes = Vec::new();
        self.read(number, &mut bytes)?;
        Ok(bytes.as_chunks().0.iter().map(parted).collect())
    }
}

fn parted(entry: &[u8; ENTRY]) -> (u64, u32) {
    let (hash, member) = entry.split_first_chunk().unwrap_or((&[0; 8], &[]));
    let member = member.first_chunk().copied().unwrap_or_default();
    (u64::from_le_bytes(*hash), u32::from_le_bytes(member))
}

fn read(file: &File, at: u64, long: u64, sum: u32) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(long).map_err(|_| torn())?];
    file.read_exact_at(&mut bytes, at)?;
    if crc32fast::hash(&bytes) == sum { Ok(bytes) } else { Err(torn()) }
}

fn torn() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it is torn")
}

/// Writes entries that come in the order of their hashes. Not synced: what is torn is made again.
pub(super) struct Writer {
    unfinished: PathBuf,
    out: BufWriter<File>,
    page: Vec<u8>,
    firsts: Vec<u8>,
    entries: u64,
}

impl Writer {
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let unfinished = path.with_extension(UNFINISHED);
        let out = BufWriter::new(File::create(&unfinished)?);
        Ok(Self { unfinished, out, page: Vec::new(), firsts: Vec::new(), entries: 0 })
    }

    pub(super) fn put(&mut self, hash: u64, member: u32) -> io::Result<()> {
        if self.page.is_empty() {
            self.firsts.extend(hash.to_le_bytes());
        }
        self.page.extend(hash.to_le_bytes());
        self.page.extend(member.to_le_bytes());
        self.entries += 1;
        if self.page.len() == ENTRIES * ENTRY { self.turn() } else { Ok(()) }
    }

    fn turn(&mut self) -> io::Result<()> {
        self.out.write_all(&self.page)?;
        self.out.write_all(&crc32fast::hash(&self.page).to_le_bytes())?;
        self.page.clear();
        Ok(())
    }

    pub(super) fn finish(mut self, path: PathBuf, members: Vec<Member>) -> io::Result<Run> {
        if !self.page.is_empty() {
            self.turn()?;
        }
        self.out.write_all(&self.firsts)?;
        let head = serde_json::to_vec(&Head { entries: self.entries, members })?;
        self.out.write_all(&head)?;
        self.out.write_all(&u32::try_from(head.len()).map_err(|_| torn())?.to_le_bytes())?;
        for sum in [crc32fast::hash(&head), crc32fast::hash(&self.firsts)] {
            self.out.write_all(&sum.to_le_bytes())?;
        }
        self.out.write_all(MAGIC)?;
        self.out.flush()?;
        fs::rename(&self.unfinished, &path)?;
        Run::open(path)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.unfinished));
    }
}

/// One run of several, without the entries of members that are not wanted any more.
pub(super) fn merge(path: PathBuf, runs: &[Arc<Run>], wanted: impl Fn(&Member) -> bool) -> io::Result<Run> {
    let mut out = Writer::create(&path)?;
    let mut members = Vec::new();
    // For each run, the new numbers of its members.
    let numbers: Vec<Vec<Option<u32>>> = runs
        .iter()
        .map(|run| {
            let number = |member: &Member| {
                wanted(member).then(|| {
                    members.push(*member);
                    members.len() as u32 - 1
                })
            };
            run.members.iter().map(number).collect()
        })
        .collect();
    let mut pages: Vec<(usize, std::vec::IntoIter<(u64, u32)>)> = vec![Default::default(); runs.len()];
    let mut next = |run: usize| -> io::Result<Option<(u64, u32)>> {
        let Some(((number, page), of)) = pages.get_mut(run).zip(runs.get(run)) else { return Ok(None) };
        if let Some(entry) = page.next() {
            return Ok(Some(entry));
        }
        if *number == of.firsts.len() {
            return Ok(None);
        }
        *page = of.page(*number)?.into_iter();
        *number += 1;
        Ok(page.next())
    };
    let mut heap = BinaryHeap::new();
    for run in 0..runs.len() {
        heap.extend(next(run)?.map(|(hash, member)| Reverse((hash, run, member))));
    }
    while let Some(Reverse((hash, run, member))) = heap.pop() {
        let member = numbers.get(run).and_then(|numbers| numbers.get(member as usize)).ok_or_else(torn)?;
        if let Some(member) = member {
            out.put(hash, *member)?;
        }
        heap.extend(next(run)?.map(|(hash, member)| Reverse((hash, run, member))));
    }
    out.finish(path, members)
}
