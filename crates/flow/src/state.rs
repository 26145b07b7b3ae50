//! Small mutable state that outlives the process: checkpoints of receivers, for one.

use std::path::Path;
use std::sync::Arc;

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
