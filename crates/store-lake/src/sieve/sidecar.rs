//! Filters in a file of their own, which is read only as far as it is needed, and believed only where its sums are right.
//!
//! ```text
//! magic, length and sum of the head, head (JSON), pages
//! page: up to 127 blocks of 32 bytes, and their sum, which also tells whose page it is
//! ```
//!
//! A look at one hash is a look at one page, in memory as long as there is room, else on disk.

use std::borrow::Cow;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use store_api::attr_keys::AttrKeys;

use super::filter::{BLOCK, Filter, may_hold, place};
use crate::file::About;

const MAGIC: &[u8; 8] = b"TLSIEVE1";
/// Magic, length and sum.
const PREFIX: usize = 16;
/// Longer ones are not ours.
const LONGEST_HEAD: u64 = 64 << 20;
const PAGE_BLOCKS: usize = 127;
const SUM: usize = 4;
const PAGE: usize = PAGE_BLOCKS * BLOCK + SUM;

/// What a sidecar says of itself.
#[derive(Clone, Default, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Head {
    /// The file that it belongs to, as that says of itself: generations may be counted anew after a crash.
    pub(super) about: Option<About>,
    /// How much is in the filters.
    #[serde(default)]
    pub(super) version: u32,
    /// How many blocks each filter has.
    pub(super) filters: Vec<u32>,
    /// Traces that may lie in other files, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) shared: Vec<String>,
    /// The files that those lie in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) bonds: Option<Vec<u64>>,
    /// The keys of all attributes; not kept where there are too many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) keys: Option<Vec<String>>,
    /// What is told of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) told: Option<AttrKeys>,
}

/// Bytes that may yet be taken into memory.
#[derive(Debug)]
pub(crate) struct Room(AtomicUsize);

impl Room {
    pub(crate) fn new(bytes: usize) -> Self {
        Self(AtomicUsize::new(bytes))
    }

    fn take(&self, bytes: usize) -> bool {
        let less = |left: usize| left.checked_sub(bytes);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }

    fn give(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

pub(crate) struct Sidecar {
    path: PathBuf,
    pub(super) head: Head,
    /// Where the pages begin in the file.
    begin: usize,
    /// The sum of the head.
    sum: u32,
    pages: OnceLock<Option<Vec<u8>>>,
    room: Arc<Room>,
    /// It cannot be read, and is to be made again.
    broken: AtomicBool,
}

impl Sidecar {
    /// A new one, and the bytes of its file.
    pub(super) fn new(
        path: PathBuf,
        mut head: Head,
        filters: &[Filter],
        room: &Arc<Room>,
    ) -> (Self, Vec<u8>) {
        head.filters = filters.iter().map(Filter::count).collect();
        let text = serde_json::to_vec(&head).unwrap_or_default();
        let blocks: Vec<u8> = filters.iter().flat_map(Filter::bytes).collect();
        let mut bytes = MAGIC.to_vec();
        bytes.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
        let sum = crc32fast::hash(&text);
        bytes.extend(sum.to_le_bytes());
        bytes.extend(text);
        let begin = bytes.len();
        for (number, page) in blocks.chunks(PAGE_BLOCKS * BLOCK).enumerate() {
            bytes.extend(page);
            bytes.extend(sum_of(page, sum, number).to_le_bytes());
        }
        let pages = bytes.get(begin..).unwrap_or_default();
        let held = if room.take(pages.len()) { Some(pages.to_vec()) } else { None };
        let (room, broken) = (Arc::clone(room), AtomicBool::default());
        // What only the file is for.
        let head = Head { about: None, shared: Vec::new(), bonds: None, told: None, ..head };
        (Self { path, head, begin, sum, pages: held.into(), room, broken }, bytes)
    }

    /// Reads the head; `None` where there is none that belongs to such a file.
    pub(super) fn open(path: PathBuf, about: &About, room: &Arc<Room>) -> Option<Self> {
        let file = File::open(&path).ok()?;
        let length = file.metadata().ok()?.len();
        let mut prefix = [0; PREFIX];
        file.read_exact_at(&mut prefix, 0).ok()?;
        let (magic, rest) = prefix.split_at(MAGIC.len());
        let (long, sum) = rest.split_at(SUM);
        let long = u64::from(u32::from_le_bytes(long.try_into().ok()?));
        let sum = u32::from_le_bytes(sum.try_into().ok()?);
        if magic != MAGIC || long > LONGEST_HEAD.min(length) {
            return None;
        }
        let mut text = vec![0; usize::try_from(long).ok()?];
        file.read_exact_at(&mut text, PREFIX as u64).ok()?;
        let mut head: Head = serde_json::from_slice(&text).ok()?;
        let begin = PREFIX + text.len();
        let blocks: usize = head.filters.iter().map(|blocks| *blocks as usize).sum();
        let pages = blocks * BLOCK + blocks.div_ceil(PAGE_BLOCKS) * SUM;
        let right = crc32fast::hash(&text) == sum
            && head.about.take().as_ref() == Some(about)
            && length == (begin + pages) as u64;
        let (room, broken) = (Arc::clone(room), AtomicBool::default());
        right.then(|| Self { path, head, begin, sum, pages: OnceLock::new(), room, broken })
    }

    /// Where these are looked up; nothing where it cannot be read.
    pub(super) fn view(&self, hashes: usize) -> Option<View<'_>> {
        let pages = match self.pages.get_or_init(|| self.hold()) {
            Some(pages) => Pages::Here(Cow::Borrowed(pages)),
            None if self.is_broken() => return None,
            None => {
                let file = File::open(&self.path).inspect_err(|_| self.spoil()).ok()?;
                if hashes * PAGE < self.size() {
                    Pages::There(file)
                } else {
                    Pages::Here(Cow::Owned(self.read(&file)?))
                }
            }
        };
        Some(View { sidecar: self, pages })
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    fn spoil(&self) {
        if !self.broken.swap(true, Ordering::Relaxed) {
            tracing::warn!(file = %self.path.display(), "what a file of spans holds is not known until it is read again");
        }
    }

    fn size(&self) -> usize {
        let blocks: usize = self.head.filters.iter().map(|blocks| *blocks as usize).sum();
        blocks * BLOCK + blocks.div_ceil(PAGE_BLOCKS) * SUM
    }

    /// The pages, where there is room for them.
    fn hold(&self) -> Option<Vec<u8>> {
        if !self.room.take(self.size()) {
            return None;
        }
        let file = File::open(&self.path).inspect_err(|_| self.spoil()).ok();
        let pages = file.and_then(|file| self.read(&file));
        if pages.is_none() {
            self.room.give(self.size());
        }
        pages
    }

    fn read(&self, file: &File) -> Option<Vec<u8>> {
        let mut pages = vec![0; self.size()];
        let read = file.read_exact_at(&mut pages, self.begin as u64);
        let sound = read.is_ok()
            && pages.chunks(PAGE).enumerate().all(|(number, page)| is_sound(page, self.sum, number));
        if !sound {
            self.spoil();
        }
        sound.then_some(pages)
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        if let Some(Some(pages)) = self.pages.get() {
            self.room.give(pages.len());
        }
    }
}

/// A sidecar that is open.
pub(super) struct View<'a> {
    sidecar: &'a Sidecar,
    pages: Pages<'a>,
}

enum Pages<'a> {
    Here(Cow<'a, [u8]>),
    There(File),
}

impl View<'_> {
    /// False where the hash is not in the filter, for sure.
    pub(super) fn may_hold(&self, filter: usize, hash: u64) -> bool {
        let filters = &self.sidecar.head.filters;
        let Some((blocks, before)) = filters.get(filter).zip(filters.get(..filter)) else { return true };
        if *blocks == 0 {
            return false;
        }
        let first: usize = before.iter().map(|blocks| *blocks as usize).sum();
        let block = first + place(hash, *blocks) as usize;
        let (page, within) = (block / PAGE_BLOCKS * PAGE, block % PAGE_BLOCKS * BLOCK);
        match &self.pages {
            Pages::Here(pages) => {
                let at = page + within;
                pages.get(at..at + BLOCK).is_none_or(|block| may_hold(block, hash))
            }
            Pages::There(file) => self.looked(file, page, within, hash).unwrap_or_else(|| {
                self.sidecar.spoil();
                true
            }),
        }
    }

    fn looked(&self, file: &File, page: usize, within: usize, hash: u64) -> Option<bool> {
        let mut bytes = vec![0; PAGE.min(self.sidecar.size().checked_sub(page)?)];
        file.read_exact_at(&mut bytes, (self.sidecar.begin + page) as u64).ok()?;
        if !is_sound(&bytes, self.sidecar.sum, page / PAGE) {
            return None;
        }
        Some(may_hold(bytes.get(within..within + BLOCK)?, hash))
    }
}

fn is_sound(page: &[u8], of: u32, number: usize) -> bool {
    let Some((blocks, sum)) = page.split_last_chunk::<SUM>() else { return false };
    sum_of(blocks, of, number).to_le_bytes() == *sum
}

fn sum_of(blocks: &[u8], of: u32, number: usize) -> u32 {
    let mut sum = crc32fast::Hasher::new_with_initial(of);
    sum.update(&(number as u64).to_le_bytes());
    sum.update(blocks);
    sum.finalize()
}

/// Beside no other file of ours, and not synced: what is torn is made again.
pub(crate) fn put(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    std::fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(format!(".{}", crate::disk::UNFINISHED));
    std::fs::write(&unfinished, bytes)?;
    std::fs::rename(&unfinished, path)
}
