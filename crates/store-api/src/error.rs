//! What can go wrong in a store, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use flow::{ExportError, Fault};

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No room in memory until the disk has caught up.
    #[error("the store is full: {held} bytes wait to be written, {limit} are allowed; {why}")]
    Busy { held: usize, limit: usize, why: String },
    #[error("cannot {doing} {}: {source}{}", path.display(), mend(source))]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    /// A file that we wrote does not read back.
    #[error("{} is damaged: {why}; {mend}", path.display())]
    Damaged { path: PathBuf, why: String, mend: &'static str },
    /// It is sound, and we do not know how to change it.
    #[error("{} was made by something newer: {why}; use the throughline that made it, or give this one a directory of its own", path.display())]
    Newer { path: PathBuf, why: String },
    #[error("{} is in use by another throughline; stop that one, or give this one a directory of its own", path.display())]
    InUse { path: PathBuf },
    /// The server that keeps the spans is away, or does not do what it was asked; it may be mended while we wait.
    #[error("{place}: {why}{mend}")]
    Server { place: String, why: String, mend: &'static str },
    /// What was to be changed has been changed by another node meanwhile; nothing is lost, and it is done again.
    #[error("another node was first at {}: {why}; it is tried again", path.display())]
    Conflict { path: PathBuf, why: String },
    #[error("the store is closed")]
    Closed,
    #[error("{0}")]
    Bug(String),
}

impl StoreError {
    pub fn io(doing: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { doing, path: path.to_owned(), source }
    }

    /// Whose fault it is; each boundary maps this once.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Busy { .. } => Fault::Busy,
            Self::Io { .. }
            | Self::Damaged { .. }
            | Self::Newer { .. }
            | Self::InUse { .. }
            | Self::Server { .. }
            | Self::Conflict { .. }
            | Self::Closed => Fault::Down,
            Self::Bug(_) => Fault::Bug,
        }
    }

    /// When the same spans may be offered again; `None` means never.
    pub fn retry_after(&self) -> Option<Duration> {
        match self.fault() {
            Fault::Busy => Some(Duration::from_secs(1)),
            Fault::Down => Some(Duration::from_secs(5)),
            _ => None,
        }
    }
}

impl From<StoreError> for ExportError {
    fn from(error: StoreError) -> Self {
        match error.retry_after() {
            Some(after) => Self::Retry { why: error.to_string(), after: Some(after) },
            None => Self::Permanent(error.to_string()),
        }
    }
}

fn mend(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; free space there, or shorten `retention` in the `lake` section"
        }
        io::ErrorKind::PermissionDenied => {
            "; give this user the right to write there, or set another `directory`"
        }
        io::ErrorKind::ReadOnlyFilesystem => "; set a `directory` on a file system that can be written",
        _ => "",
    }
}
