//! What goes on in the background: writing what is in memory, making small files one, removing what is too old.

use std::sync::{Arc, Weak};
use std::time::Duration;

use store_api::StoreError;
use store_api::part::{Row, resolve};
use tokio::time::{MissedTickBehavior, sleep};

use crate::compact;
use crate::disk;
use crate::file::{File, Unusable};
use crate::lake::{Inner, blocking, now_ns};
use crate::write::{Target, write};

/// Between two looks at the files.
const LOOK: Duration = Duration::from_secs(10);
/// After a failure to write; the spans stay in memory.
const PAUSE: Duration = Duration::from_secs(2);

/// Both tasks end when the store is dropped.
pub(crate) fn start(inner: &Arc<Inner>) {
    tokio::spawn(write_on(Arc::downgrade(inner)));
    tokio::spawn(look_after(Arc::downgrade(inner)));
}

async fn write_on(inner: Weak<Inner>) {
    let mut failed = false;
    while let Some(store) = inner.upgrade() {
        let (interval, wake) = (store.settings.flush_interval.get(), Arc::clone(&store.wake));
        drop(store);
        tokio::select! {
            () = sleep(interval) => {}
            () = wake.notified() => {}
        }
        let Some(store) = inner.upgrade() else { return };
        let written = store.flush_through(u64::MAX).await;
        drop(store);
        match &written {
            Ok(()) if failed => tracing::info!("spans can be written again"),
            Err(error) if !failed => {
                tracing::error!(%error, "spans cannot be written; they stay in memory until they can");
            }
            _ => {}
        }
        failed = written.is_err();
        if failed {
            sleep(PAUSE).await;
        }
    }
}

async fn look_after(inner: Weak<Inner>) {
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(store) = inner.upgrade() else { return };
        let looked = blocking(move || {
            retain(&store, now_ns())?;
            // Alone with the store means that it is about to close.
            while compact(&store, now_ns())? && Arc::strong_count(&store) > 1 {}
            Ok(())
        });
        if let Err(error) = looked.await {
            tracing::warn!(%error, "the upkeep of the store's files failed; it is tried again");
        }
    }
}

/// Makes some small files one; false where none are due.
pub(crate) fn compact(inner: &Inner, now: u64) -> Result<bool, StoreError> {
    let _alone = inner.alone();
    clear(inner)?;
    let Some(files) = compact::plan(&inner.list(), now) else { return Ok(false) };
    let mut rows: Vec<Row> = Vec::new();
    for file in &files {
        match inner.files.all_rows(file) {
            Ok(more) => rows.extend(more),
            Err(Unusable::Failed(error)) => return Err(error),
            Err(Unusable::Damaged(why)) => {
                file.lose(&why);
                return Ok(true);
            }
        }
    }
    let Some(partition) = files.first().map(|file| file.partition) else { return Ok(false) };
    let target = Target {
        root: &inner.files.root,
        partition,
        generation: inner.next(),
        written_ns: files.iter().map(|file| file.about.written_ns).max().unwrap_or(now),
        replaces: files.iter().map(|file| file.generation).collect(),
        level: 6,
    };
    let (file, traces) = write(&resolve(&rows), target)?;
    inner.files.add(&file, traces);
    inner.exchange(&files, Some(file));
    drop(files);
    clear(inner)?;
    Ok(true)
}

/// Takes whole files whose spans, and whose arrival, are longer ago than the retention.
pub(crate) fn retain(inner: &Inner, now: u64) -> Result<(), StoreError> {
    let _alone = inner.alone();
    let age = u64::try_from(inner.settings.retention.get().as_nanos()).unwrap_or(u64::MAX);
    let since = now.saturating_sub(age);
    let old = |file: &&Arc<File>| file.about.end_ns.max(file.about.written_ns) < since;
    let gone: Vec<Arc<File>> = inner.list().values().filter(old).cloned().collect();
    if !gone.is_empty() {
        tracing::info!(files = gone.len(), "removing files of spans that are older than the retention");
        inner.exchange(&gone, None);
    }
    drop(gone);
    clear(inner)
}

/// Takes damaged files out of the way, and removes files that were replaced and that nobody reads any more.
fn clear(inner: &Inner) -> Result<(), StoreError> {
    let lost: Vec<Arc<File>> = inner.list().values().filter(|file| file.is_lost()).cloned().collect();
    inner.exchange(&lost, None);
    drop(lost);
    let unread = inner.unread();
    let generations: Vec<u64> = unread.iter().map(|file| file.generation).collect();
    if !generations.is_empty() {
        inner.files.forget(&generations);
    }
    for file in unread {
        if file.is_lost() {
            let moved = disk::set_aside(&inner.files.root, file.spans());
            if let Err(error) = moved {
                tracing::warn!(%error, "a damaged file could not be moved aside");
            }
        }
        file.remove()?;
    }
    Ok(())
}
