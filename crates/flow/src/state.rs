//! Small mutable state that outlives the process: checkpoints of receivers, for one.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes under a namespace and a key. Every call may wait for the disk: not for a runtime worker.
pub trait State: Send + Sync {
    fn get(&self, namespace: &str, key: &str) -> Result<Option<Vec<u8>>, StateError>;

    /// All entries whose key begins with `prefix`, in the order of their keys.
    fn scan(&self, namespace: &str, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StateError>;

    /// All of the changes or none of them; when it returns `Ok` they survive a power cut.
    fn commit(&self, changes: &[Change<'_>]) -> Result<(), StateError>;

    fn put(&self, namespace: &str, key: &str, value: &[u8]) -> Result<(), StateError> {
        self.commit(&[Change { namespace, key, value: Some(value) }])
    }

    fn delete(&self, namespace: &str, key: &str) -> Result<(), StateError> {
        self.commit(&[Change { namespace, key, value: None }])
    }
}

/// A new value for a key, or none.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    pub namespace: &'a str,
    pub key: &'a str,
    pub value: Option<&'a [u8]>,
}

/// What is wrong, where, and the mend.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct StateError(pub String);

/// State that ends with the process, where nothing is kept on disk.
#[derive(Default)]
pub struct InMemory(Mutex<BTreeMap<(String, String), Vec<u8>>>);

impl InMemory {
    fn entries(&self) -> std::sync::MutexGuard<'_, BTreeMap<(String, String), Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State for InMemory {
    fn get(&self, namespace: &str, key: &str) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.entries().get(&(namespace.to_owned(), key.to_owned())).cloned())
    }

    fn scan(&self, namespace: &str, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StateError> {
        let entries = self.entries();
        let from = entries.range((namespace.to_owned(), prefix.to_owned())..);
        let fitting = from.take_while(|((space, key), _)| space == namespace && key.starts_with(prefix));
        Ok(fitting.map(|((_, key), value)| (key.clone(), value.clone())).collect())
    }

    fn commit(&self, changes: &[Change<'_>]) -> Result<(), StateError> {
        let mut entries = self.entries();
        for change in changes {
            let key = (change.namespace.to_owned(), change.key.to_owned());
            match change.value {
                Some(value) => entries.insert(key, value.to_vec()),
                None => entries.remove(&key),
            };
        }
        Ok(())
    }
}

pub type Opened = Result<Option<Arc<dyn State>>, StateError>;

type Open = dyn Fn(Option<&Path>) -> Opened + Send + Sync;

/// Where components get their state from; offered to them through [`Ctx`](crate::Ctx).
pub struct States {
    open: Box<Open>,
}

impl States {
    pub fn new(open: impl Fn(Option<&Path>) -> Opened + Send + Sync + 'static) -> Self {
        Self { open: Box::new(open) }
    }

    /// The state in a directory; without one, that beside the store, and nothing where no store keeps anything. May
    /// wait for the disk.
    pub fn open(&self, directory: Option<&Path>) -> Opened {
        (self.open)(directory)
    }
}
