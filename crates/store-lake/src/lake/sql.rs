//! What SQL looks at.

use std::sync::Arc;

use store_api::shelf::Shelf;

use super::{Inner, Snapshot};
use crate::files::List;

impl Inner {
    /// The spans in memory, the older ones first, and the files.
    pub(crate) fn now(&self) -> (Vec<Arc<Shelf>>, Arc<List>) {
        let Snapshot { hot, list } = self.snapshot();
        (hot.flushing.into_iter().chain([hot.active]).collect(), list)
    }
}
