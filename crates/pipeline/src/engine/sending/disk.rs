//! The part of an exporter's queue that lies on the disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use flow::{Batch, BuildError, Ctx, Refusal};

use super::settings::{QueueSettings, Sizer};
use crate::journal::{Journals, Stream, Taken};

/// Where an exporter's queue has a place on the disk.
pub struct QueueOnDisk {
    stream: Arc<Stream>,
    /// All goes there (`sending_queue.storage`), else what there is no memory for, of what came through the journal.
    keeps_all: bool,
    settings: QueueSettings,
    /// What waits there, in the sizer's unit, where all goes there.
    size: AtomicUsize,
}

impl QueueOnDisk {
    pub fn of(exporter: &str, settings: &QueueSettings, ctx: &Ctx) -> Result<Option<Self>, BuildError> {
        let journals = ctx.get::<Journals>().unwrap_or_default();
        let storage = settings.storage.as_ref().filter(|_| settings.enabled);
        let stream = match storage {
            Some(storage) => Some(journals.storage(storage, exporter)?),
            None => journals.overflow(exporter),
        };
        let keeps_all = storage.is_some();
        let settings = settings.clone();
        Ok(stream.map(|stream| Self { stream, keeps_all, settings, size: AtomicUsize::new(0) }))
    }

    pub(super) fn begin(&self) {
        if self.keeps_all && self.settings.sizer == Sizer::Requests {
            self.size.store(usize::try_from(self.stream.live()).unwrap_or(usize::MAX), Ordering::Relaxed);
        }
        self.stream.begin();
    }

    /// Whether this batch goes to the disk, whatever room there is in memory.
    pub(super) fn is_for(&self, batch: &Batch) -> bool {
        // What came later must not overtake what waits there.
        self.keeps_all || batch.ack.is_durable() && self.stream.has_waiting()
    }

    /// Whether it may go there at all.
    pub(super) fn may_take(&self, batch: &Batch) -> bool {
        self.keeps_all || batch.ack.is_durable()
    }

    /// Puts a batch there, or refuses as the queue in memory does.
    pub(super) async fn put(&self, exporter: &str, batch: Batch) -> Result<(), Refusal> {
        let weight = self.settings.weight(&batch);
        let size = self.size.fetch_add(weight, Ordering::Relaxed);
        let full = self.keeps_all && size > 0 && size + weight > self.settings.queue_size;
        let put = match full {
            true => {
                let why = format!("the sending queue of exporter {exporter} is full");
                Err(Refusal::busy(why, self.stream.retry_after(batch.payload.len())))
            }
            false => self.stream.append(batch).await,
        };
        put.inspect_err(|_| self.took(weight))
    }

    pub(super) async fn next(&self) -> Option<Taken> {
        let taken = self.stream.next().await?;
        self.took(self.settings.weight(&taken.batch));
        Some(taken)
    }

    /// What waits there, in the sizer's unit, where all goes there.
    pub(super) fn size(&self) -> usize {
        self.size.load(Ordering::Relaxed)
    }

    pub(super) fn keeps_all(&self) -> bool {
        self.keeps_all
    }

    pub(super) fn close(&self) {
        self.stream.close();
    }

    fn took(&self, weight: usize) {
        // What an earlier run left was not counted in every unit.
        self.size.update(Ordering::Relaxed, Ordering::Relaxed, |size| size.saturating_sub(weight));
    }
}
