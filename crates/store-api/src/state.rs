//! Small mutable state (checkpoints of connectors, settings, rules) in one transactional file.

use std::path::{Path, PathBuf};

use flow::state::{Change, State, StateError};
use redb::{Database, DatabaseError, ReadableDatabase, StorageError, TableDefinition, TableError};

use crate::error::StoreError;

/// The file `state.redb` in the data directory.
pub struct StateFile {
    path: PathBuf,
    database: Database,
}

const TABLE: TableDefinition<'_, (&str, &str), &[u8]> = TableDefinition::new("state");
const CACHE: usize = 4 << 20;
const MEND: &str = "restore it from a backup, or move it away: it is made anew, and connectors start from their \
                    configured look-back";

impl StateFile {
    /// Opens the file, or makes it with its directory.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(directory)
            .map_err(|source| StoreError::io("make the directory", directory, source))?;
        let path = directory.join("state.redb");
        match checked(&path) {
            Ok((database, sound)) => {
                if !sound {
                    tracing::warn!(file = %path.display(), "the state file was damaged and has been repaired");
                }
                Ok(Self { path, database })
            }
            Err(DatabaseError::DatabaseAlreadyOpen) => Err(StoreError::InUse { path }),
            Err(DatabaseError::UpgradeRequired(_)) => Err(damaged(&path, "it has an older format")),
            Err(other) => Err(failed(&path, other)),
        }
    }

    fn failed(&self, error: impl Into<redb::Error>) -> StateError {
        StateError(failed(&self.path, error).to_string())
    }
}

impl State for StateFile {
    fn get(&self, namespace: &str, key: &str) -> Result<Option<Vec<u8>>, StateError> {
        let reading = self.database.begin_read().map_err(|error| self.failed(error))?;
        let table = match reading.open_table(TABLE) {
            Ok(table) => table,
            Err(TableError::TableDoesNotExist(_)) => return Ok(None),
            Err(error) => return Err(self.failed(error)),
        };
        let found = table.get((namespace, key)).map_err(|error| self.failed(error))?;
        Ok(found.map(|value| value.value().to_vec()))
    }

    fn scan(&self, namespace: &str, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StateError> {
        let reading = self.database.begin_read().map_err(|error| self.failed(error))?;
        let table = match reading.open_table(TABLE) {
            Ok(table) => table,
            Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
            Err(error) => return Err(self.failed(error)),
        };
        let mut found = Vec::new();
        for entry in table.range((namespace, prefix)..).map_err(|error| self.failed(error))? {
            let (key, value) = entry.map_err(|error| self.failed(error))?;
            let (in_namespace, key) = key.value();
            if in_namespace != namespace || !key.starts_with(prefix) {
                break;
            }
            found.push((key.to_owned(), value.value().to_vec()));
        }
        Ok(found)
    }

    fn commit(&self, changes: &[Change<'_>]) -> Result<(), StateError> {
        let writing = self.database.begin_write().map_err(|error| self.failed(error))?;
        let mut table = writing.open_table(TABLE).map_err(|error| self.failed(error))?;
        for change in changes {
            let key = (change.namespace, change.key);
            match change.value {
                Some(value) => table.insert(key, value).map_err(|error| self.failed(error))?,
                None => table.remove(key).map_err(|error| self.failed(error))?,
            };
        }
        drop(table);
        writing.commit().map_err(|error| self.failed(error))
    }
}

/// Opens the file and checks every page: it is small. False where that repaired something.
fn checked(path: &Path) -> Result<(Database, bool), DatabaseError> {
    let open = || {
        let mut database = redb::Builder::new().set_cache_size(CACHE).create(path)?;
        let sound = database.check_integrity()?;
        Ok((database, sound))
    };
    // Some damage makes redb panic where it reads a length or a page number.
    std::panic::catch_unwind(open)
        .unwrap_or_else(|_| Err(StorageError::Corrupted("a page is garbled".to_owned()).into()))
}

fn failed(path: &Path, error: impl Into<redb::Error>) -> StoreError {
    match error.into() {
        redb::Error::Io(source) if source.kind() == std::io::ErrorKind::InvalidData => damaged(path, source),
        redb::Error::Io(source) => StoreError::io("use", path, source),
        other => damaged(path, other),
    }
}

fn damaged(path: &Path, why: impl std::fmt::Display) -> StoreError {
    StoreError::Damaged { path: path.to_owned(), why: why.to_string(), mend: MEND }
}

#[cfg(test)]
mod tests;
