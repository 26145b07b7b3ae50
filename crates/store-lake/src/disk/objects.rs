//! What a store is kept in when many nodes write it: objects under keys, and puts that depend on what is there.

use std::io;
use std::time::SystemTime;

/// What an object is at one time; changes with each put.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Tag(pub(crate) String);

/// An object as a listing tells of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Object {
    pub(crate) key: String,
    pub(crate) size: u64,
    pub(crate) modified: SystemTime,
}

/// Keys are parts with `/` between them. A put that returned survives. Each call ends within a time of its own; after
/// an error nobody knows whether a put took place.
pub(crate) trait Objects: Send + Sync {
    fn get(&self, key: &str) -> io::Result<Option<(Vec<u8>, Tag)>>;
    fn look(&self, key: &str) -> io::Result<Option<Object>>;
    fn put(&self, key: &str, bytes: &[u8]) -> io::Result<()>;
    /// False where there is an object of this key.
    fn put_new(&self, key: &str, bytes: &[u8]) -> io::Result<bool>;
    /// Puts in the place of what is known to be there: `None` where it is something else.
    fn put_over(&self, key: &str, bytes: &[u8], known: &Tag) -> io::Result<Option<Tag>>;
    /// Well also where there is none.
    fn remove(&self, key: &str) -> io::Result<()>;
    /// The objects of which the keys begin with `folder` and `/`, and are greater than `after`; in order.
    fn list(&self, folder: &str, after: Option<&str>) -> io::Result<Vec<Object>>;
}
