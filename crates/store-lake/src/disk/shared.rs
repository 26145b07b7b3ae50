//! A store in a bucket that many nodes write at once.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use store_api::StoreError;

use super::Put;
use super::copies::Copies;
use super::objects::{Object, Objects, Tag};

/// Looked for once at opening: whether puts depend on what is there.
const PROBE: &str = "probe";

pub(crate) struct Shared {
    objects: Box<dyn Objects>,
    /// As it was configured, for messages.
    url: String,
    /// Where the store would lie were it local: the copies lie there, and paths begin with it.
    root: PathBuf,
    copies: Copies,
}

impl Shared {
    /// Fails where the server does not keep two nodes from writing one entry of a log.
    pub(crate) fn open(
        objects: Box<dyn Objects>,
        url: &str,
        root: &Path,
        limit: u64,
    ) -> Result<Self, StoreError> {
        let shared = Self::to_read(objects, url, root, limit)?;
        shared.probe()?;
        Ok(shared)
    }

    /// For those who only read.
    pub(super) fn to_read(
        objects: Box<dyn Objects>,
        url: &str,
        root: &Path,
        limit: u64,
    ) -> Result<Self, StoreError> {
        let copies = Copies::open(root, limit)
            .map_err(|source| StoreError::io("make the directory of copies", root, source))?;
        Ok(Self { objects, url: url.trim_end_matches('/').to_owned(), root: root.to_owned(), copies })
    }

    fn probe(&self) -> Result<(), StoreError> {
        let key = format!("{PROBE}/{:016x}", super::random());
        let asked = || -> io::Result<bool> {
            let first = self.objects.put_new(&key, b"1")?;
            let second = self.objects.put_new(&key, b"2")?;
            let over = self.objects.put_over(&key, b"3", &Tag("\"another\"".to_owned()))?;
            Ok(first && !second && over.is_none())
        };
        let kept = asked();
        drop(self.objects.remove(&key));
        match kept {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.unfit("it overwrites objects that were to stay (If-None-Match, If-Match)")),
            Err(error) if error.kind() == io::ErrorKind::Unsupported => Err(self.unfit(&error.to_string())),
            Err(source) => Err(self.failed("write", Path::new(PROBE), source)),
        }
    }

    fn unfit(&self, why: &str) -> StoreError {
        let why =
            format!("this server has no conditional puts: {why}; with several nodes spans would be lost");
        self.failed("use", Path::new(""), io::Error::new(io::ErrorKind::Unsupported, why))
    }

    pub(crate) fn get(&self, path: &Path) -> Result<Option<(Vec<u8>, Tag)>, StoreError> {
        self.objects.get(&self.key(path)).map_err(|source| self.failed("read", path, source))
    }

    pub(super) fn size(&self, path: &Path) -> Result<Option<u64>, StoreError> {
        Ok(self.look(path)?.map(|object| object.size))
    }

    pub(super) fn modified(&self, path: &Path) -> Result<Option<SystemTime>, StoreError> {
        Ok(self.look(path)?.map(|object| object.modified))
    }

    fn look(&self, path: &Path) -> Result<Option<Object>, StoreError> {
        self.objects.look(&self.key(path)).map_err(|source| self.failed("look at", path, source))
    }

    pub(super) fn put(&self, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        self.copies.forget(path);
        self.objects.put(&self.key(path), bytes).map_err(|source| self.failed("write", path, source))
    }

    /// An answer may get lost on its way, and then the object that is there may be this one.
    pub(crate) fn put_new(&self, path: &Path, bytes: &[u8]) -> Result<Put, StoreError> {
        let key = self.key(path);
        let put = self.objects.put_new(&key, bytes);
        if matches!(put, Ok(true)) {
            return Ok(Put::Done);
        }
        let found = self.objects.get(&key);
        match (put, found) {
            (_, Ok(Some((found, _)))) => Ok(if found == bytes { Put::Done } else { Put::Taken }),
            (Err(source), _) if source.kind() == io::ErrorKind::PermissionDenied => {
                Err(self.failed("write", path, source))
            }
            (Err(source), _) => Ok(Put::Doubtful(self.failed("write", path, source))),
            (Ok(_), Ok(None)) => Ok(Put::Taken),
            (Ok(_), Err(source)) => Ok(Put::Doubtful(self.failed("read", path, source))),
        }
    }

    pub(crate) fn put_over(&self, path: &Path, bytes: &[u8], known: &Tag) -> Result<Option<Tag>, StoreError> {
        let put = self.objects.put_over(&self.key(path), bytes, known);
        put.map_err(|source| self.failed("write", path, source))
    }

    pub(super) fn remove(&self, path: &Path) -> Result<(), StoreError> {
        self.copies.forget(path);
        self.objects.remove(&self.key(path)).map_err(|source| self.failed("remove", path, source))
    }

    /// What lies below a folder, in the order of the names.
    pub(crate) fn list(&self, folder: &Path, after: Option<&Path>) -> Result<Vec<PathBuf>, StoreError> {
        let after = after.map(|after| self.key(after));
        let listed = self.objects.list(&self.key(folder), after.as_deref());
        let listed = listed.map_err(|source| self.failed("list", folder, source))?;
        Ok(listed.into_iter().map(|object| self.root.join(object.key)).collect())
    }

    /// A local copy, made where there is none; `None` where there is no such object.
    pub(super) fn copy(&self, path: &Path) -> io::Result<Option<File>> {
        if let Some(file) = self.copies.find(path) {
            return Ok(Some(file));
        }
        match self.objects.get(&self.key(path))? {
            Some((bytes, _)) => self.copies.keep(path, &bytes).map(Some),
            None => Ok(None),
        }
    }

    /// What was just written is read soon. Without room for a copy it is fetched when somebody wants it.
    pub(super) fn keep(&self, path: &Path, bytes: &[u8]) {
        if let Err(error) = self.copies.keep(path, bytes) {
            tracing::debug!(%error, file = %path.display(), "no copy of a file could be kept");
        }
    }

    pub(crate) fn forget_copy(&self, path: &Path) {
        self.copies.forget(path);
    }

    fn below<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(&self.root).unwrap_or(path)
    }

    fn key(&self, path: &Path) -> String {
        self.below(path)
            .components()
            .map(|part| part.as_os_str().to_string_lossy())
            .collect::<Vec<_>>()
            .join("/")
    }

    /// Told by the address, not by the place of the copy.
    pub(super) fn failed(&self, doing: &'static str, path: &Path, source: io::Error) -> StoreError {
        let below = self.key(path);
        let address = if below.is_empty() { self.url.clone() } else { format!("{}/{below}", self.url) };
        StoreError::io(doing, Path::new(&address), source)
    }
}
