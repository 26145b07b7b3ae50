//! The door of a pipeline: an accepted batch is on disk before the client hears so, and then goes on its way.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use flow::{Batch, BoxFuture, Consumer, Drain, Refusal};
use tokio::task::JoinSet;

use super::stream::{Stream, Taken};
use crate::engine::account::Accounts;
use crate::engine::exchange::{Exchange, Unused};

/// Carry batches from the journal to the first processor.
const CARRIERS: usize = 2;
/// Between two attempts to hand a batch on.
const AGAIN: Duration = Duration::from_millis(50);

pub(crate) struct Door {
    stream: Arc<Stream>,
    accounts: Arc<Accounts>,
    next: Exchange<Arc<dyn Consumer>>,
    /// Items that are accepted, or just being so, and that the next consumer has not taken.
    waiting: AtomicU64,
    carriers: Mutex<JoinSet<()>>,
}

impl Door {
    pub(crate) fn new(stream: Arc<Stream>, accounts: Arc<Accounts>, next: Arc<dyn Consumer>) -> Arc<Self> {
        let (next, waiting) = (Exchange::new(next), AtomicU64::new(0));
        Arc::new(Self { stream, accounts, next, waiting, carriers: Mutex::default() })
    }

    /// What is handed on from now on goes there.
    pub(crate) fn put(&self, next: Arc<dyn Consumer>) -> Unused {
        self.next.put(next)
    }

    /// Where it goes now.
    pub(crate) fn next(&self) -> Arc<dyn Consumer> {
        Arc::clone(&self.next.get())
    }

    /// Begins to hand on; once everything behind is ready.
    pub(crate) fn start(self: &Arc<Self>) {
        self.stream.begin();
        let mut carriers = self.carriers.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..CARRIERS {
            let door = Arc::clone(self);
            carriers.spawn(async move {
                while let Some(taken) = door.stream.next().await {
                    door.carry(taken).await;
                }
            });
        }
    }

    async fn carry(&self, Taken { batch, restored, expired }: Taken) {
        if restored {
            self.waiting.fetch_add(batch.items as u64, Ordering::Relaxed);
            if let Some(account) = self.accounts.get(&batch.pipeline) {
                account.received(batch.items);
            }
        }
        if expired {
            return self.give_up(&batch, "expired", "it is older than `max_age`");
        }
        loop {
            let taken = self.next.get().consume(batch.fork()).await;
            match taken {
                Ok(()) => {
                    self.waiting.fetch_sub(batch.items as u64, Ordering::Relaxed);
                    return;
                }
                Err(refusal) if !refusal.retryable() => {
                    return self.give_up(&batch, "refused", &refusal.why);
                }
                // It stays on the disk.
                Err(_) if self.stream.is_closing() => return,
                Err(_) => tokio::time::sleep(AGAIN).await,
            }
        }
    }

    fn give_up(&self, batch: &Batch, reason: &'static str, why: &str) {
        tracing::error!(pipeline = &*batch.pipeline, items = batch.items, why, "lost behind the journal");
        self.waiting.fetch_sub(batch.items as u64, Ordering::Relaxed);
        if let Some(account) = self.accounts.get(&batch.pipeline) {
            account.lost_for_all(batch, reason);
        }
    }
}

impl Consumer for Door {
    /// Whoever stands behind may be slow: what is accepted waits on the disk.
    fn admit(&self, bytes: usize) -> Result<(), Refusal> {
        self.stream.admit(bytes)
    }

    fn consume(&self, batch: Batch) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(async move {
            self.stream.admit(batch.payload.len())?;
            let items = batch.items as u64;
            // Before it can be handed on.
            self.waiting.fetch_add(items, Ordering::Relaxed);
            self.stream.append(batch).await.inspect_err(|_| {
                self.waiting.fetch_sub(items, Ordering::Relaxed);
            })
        })
    }

    /// Hands on what is being handed on, and nothing more: the rest is for the next run.
    fn drain(&self, _: Drain) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.stream.close();
            let mut carriers =
                std::mem::take(&mut *self.carriers.lock().unwrap_or_else(PoisonError::into_inner));
            while carriers.join_next().await.is_some() {}
        })
    }

    fn in_flight(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }
}
