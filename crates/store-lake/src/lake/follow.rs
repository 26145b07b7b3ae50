//! What other nodes write into the same bucket is in the next answer after this one has looked.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError};

use store_api::StoreError;

use super::Inner;
use crate::file::{File, Unusable};
use crate::files::named;
use crate::log::HORIZON;
use crate::tables::Table;

impl Inner {
    /// Learns what others have written since, and forgets what they have taken out.
    pub(crate) fn follow(&self) -> Result<(), StoreError> {
        let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        self.tables.catch_up()?;
        self.rollups.changed(&self.tables);
        // The list first: what is in it and not in the log has left.
        let list = self.list();
        let found = self.tables.with(Table::Spans, |state| {
            self.counter.raise(state.reached(HORIZON));
            let news = state.version != *followed;
            (state.version, news.then(|| named(&self.disk, state)))
        });
        let Some((version, Some(named))) = found else { return Ok(()) };
        let names: HashSet<u64> = named.iter().map(|file| file.generation).collect();
        let gone: Vec<Arc<File>> =
            list.values().filter(|file| !names.contains(&file.generation)).cloned().collect();
        let mut new = Vec::new();
        for file in named.into_iter().filter(|file| !list.contains_key(&file.generation)) {
            if self.files.enter(&file)? {
                new.push(file);
            }
        }
        self.exchange(&gone, new);
        drop((gone, list));
        if self.lead.term().is_none() {
            self.forget_unread();
        }
        *followed = version;
        Ok(())
    }

    /// Forgets the files that left and that nobody reads any more, and gives them.
    pub(crate) fn forget_unread(&self) -> Vec<Arc<File>> {
        let unread = self.unread();
        let generations: Vec<u64> = unread.iter().map(|file| file.generation).collect();
        if !generations.is_empty() {
            self.files.forget(&generations);
            self.rollups.forget(&generations);
        }
        for (file, shared) in unread.iter().zip(std::iter::repeat(self.disk.shared())) {
            if let Some(shared) = shared {
                shared.forget_copy(file.spans());
                shared.forget_copy(file.traces_path());
            }
        }
        unread
    }

    /// A file that turned out to be damaged may be so in its copy alone.
    pub(crate) fn fetch_again(&self) -> Result<(), StoreError> {
        let Some(shared) = self.disk.shared() else { return Ok(()) };
        for file in self.list().values().filter(|file| file.is_lost()) {
            shared.forget_copy(file.spans());
            shared.forget_copy(file.traces_path());
            let fresh = File::new(&self.disk, file.partition, file.generation, file.about.clone());
            match fresh.entries() {
                Ok(_) => {
                    tracing::warn!(file = %file.spans().display(), "the copy of a file was damaged, and the file is not");
                    self.rollups.forget(&[fresh.generation]);
                    self.renew(fresh);
                }
                Err(Unusable::Damaged(_)) => {}
                Err(Unusable::Failed(error)) => return Err(error),
            }
        }
        Ok(())
    }
}
