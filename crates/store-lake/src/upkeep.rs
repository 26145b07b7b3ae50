//! What goes on in the background: writing what is in memory, making small files one, removing what is too old.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

use store_api::StoreError;
use store_api::part::Row;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

use crate::commit::Change;
use crate::compact;
use crate::file::{self, File, Unusable};
use crate::lake::{Inner, blocking, now_ns};
use crate::merge::{Stop, merge};
use crate::rollup;
use crate::sieve::Seen;
use crate::tables::Table;
use crate::traces::Entry;
use crate::write::{Target, Written, put_fragments, write};

/// Between two looks at the files.
const LOOK: Duration = Duration::from_secs(10);
/// Before the first look: whoever opens a store has a question.
const FIRST: Duration = Duration::from_secs(1);
/// After a failure to write; the spans stay in memory.
const PAUSE: Duration = Duration::from_secs(2);

/// The tasks end when the store is dropped.
pub(crate) fn start(inner: &Arc<Inner>) {
    tokio::spawn(write_on(Arc::downgrade(inner)));
    tokio::spawn(look_after(Arc::downgrade(inner)));
    if inner.disk.shared().is_some() {
        tokio::spawn(follow_on(Arc::downgrade(inner)));
    }
}

/// Looks at what other nodes write.
async fn follow_on(inner: Weak<Inner>) {
    let mut failed = false;
    while let Some(store) = inner.upgrade() {
        let interval = store.settings.refresh_interval.get();
        let followed = blocking(move || store.follow()).await;
        if let Err(error) = &followed
            && !failed
        {
            tracing::warn!(%error, "what other nodes write cannot be seen until the bucket answers again");
        }
        failed = followed.is_err();
        sleep(interval).await;
    }
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
    let mut ticks = interval_at(Instant::now() + FIRST, LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(store) = inner.upgrade() else { return };
        // It goes with this task when the process ends, and so does the work.
        let here = Arc::new(());
        let task = Arc::downgrade(&here);
        let looked = blocking(move || {
            // Alone with the store means that it is about to close.
            let is_open = || task.strong_count() > 0 && Arc::strong_count(&store) > 1;
            store.fetch_again()?;
            let tended = tend(&store, &is_open);
            if matches!(tended, Err(StoreError::Conflict { .. })) {
                store.lead.lose();
            }
            tended?;
            while is_open() && fill(&store)? {}
            while is_open() && gather(&store) {}
            Ok(())
        });
        if let Err(error) = looked.await {
            tracing::warn!(%error, "the upkeep of the store's files failed; it is tried again");
        }
        drop(here);
    }
}

fn tend(store: &Inner, is_open: &dyn Fn() -> bool) -> Result<(), StoreError> {
    if !store.leads(now_ns())? {
        return Ok(());
    }
    retain(store, now_ns())?;
    let go_on = || is_open() && store.leads(now_ns()).unwrap_or(false);
    while compact(store, now_ns(), &go_on)? && go_on() {
        retain(store, now_ns())?;
    }
    while go_on() && rollup::keep(store, now_ns(), &go_on)? {}
    Ok(())
}

/// Makes some files fewer; false where none are due, or `go_on` ended it.
pub(crate) fn compact(inner: &Inner, now: u64, go_on: &dyn Fn() -> bool) -> Result<bool, StoreError> {
    let _alone = inner.alone();
    clear(inner, now)?;
    let Some(due) = compact::plan(&inner.list(), now) else { return Ok(false) };
    let mut made = match merge(inner, &due, go_on) {
        Ok(made) => made,
        Err(Stop::Damaged) => return Ok(true),
        Err(Stop::Ended) => return Ok(false),
        Err(Stop::Failed(error)) => return Err(error),
    };
    let removes = due.files.iter().flat_map(|file| both(file)).collect();
    let (adds, spans_change) = (std::mem::take(&mut made.adds), made.spans_change);
    let generation = made.files.iter().map(|file| file.generation).max();
    let change = inner.change("OPTIMIZE", now_ns());
    let change = change.map(|change| Change { adds, removes, spans_change, generation, ..change });
    if let Err(error) = change.and_then(|change| inner.tables.commit(&change)) {
        made.forget(inner);
        return Err(error);
    }
    let new: Vec<u64> = made.files.iter().map(|file| file.generation).collect();
    inner.exchange(&due.files, made.files);
    inner.rollups.exchanged(&due.files, &new);
    drop(due);
    clear(inner, now)?;
    Ok(true)
}

/// A file in the logs of both tables.
fn both(file: &File) -> [(Table, String); 2] {
    Table::ALL.map(|table| (table, file.below()))
}

/// Takes whole files whose spans, and whose arrival, are longer ago than the retention.
pub(crate) fn retain(inner: &Inner, now: u64) -> Result<(), StoreError> {
    let _alone = inner.alone();
    let since = |age: Duration| now.saturating_sub(u64::try_from(age.as_nanos()).unwrap_or(u64::MAX));
    let (spans_since, since) =
        (since(inner.settings.retention.get()), since(inner.settings.interactions_retention()));
    let old = |file: &&Arc<File>| file.about.last_ns() < spans_since;
    let gone: Vec<Arc<File>> = inner.list().values().filter(old).cloned().collect();
    let mut change = Change { spans_change: true, ..inner.change("DELETE", now_ns())? };
    inner.tables.with(Table::Interactions, |state| {
        let names: HashSet<String> = gone.iter().map(|file| file.below()).collect();
        for add in state.adds.values() {
            let last = add.about().map_or(u64::MAX, |about| about.last_ns());
            let leaves = names.contains(&add.path);
            if (leaves || add.is_alone()) && last < since {
                change.removes.push((Table::Interactions, add.path.clone()));
            } else if leaves && !add.is_alone() {
                change.adds.push((Table::Interactions, add.alone()));
            }
        }
    });
    change.adds.extend(rollup::of_gone(inner, &gone)?);
    change.removes.extend(gone.iter().map(|file| (Table::Spans, file.below())));
    if !gone.is_empty() {
        tracing::info!(files = gone.len(), "removing files of spans that are older than the retention");
    }
    if !change.adds.is_empty() || !change.removes.is_empty() {
        inner.tables.commit(&change)?;
        // First, so that at no time neither is there.
        inner.rollups.changed(&inner.tables);
        inner.exchange(&gone, None);
        inner.files.joined.forget();
    }
    drop(gone);
    clear(inner, now)
}

/// Takes damaged files out of the way, and removes files that were replaced long enough ago and that nobody reads any
/// more.
pub(crate) fn clear(inner: &Inner, now: u64) -> Result<(), StoreError> {
    inner.fetch_again()?;
    mend(inner)?;
    let lost: Vec<Arc<File>> = inner.list().values().filter(|file| file.is_lost()).cloned().collect();
    if !lost.is_empty() {
        let removes = lost.iter().flat_map(|file| both(file)).collect();
        let change = Change { removes, spans_change: true, ..inner.change("REPAIR", now_ns())? };
        inner.tables.commit(&change)?;
        inner.exchange(&lost, None);
        inner.files.joined.forget();
    }
    drop(lost);
    let unread = inner.forget_unread();
    for file in unread.iter().filter(|file| file.is_lost()) {
        if let Err(error) = inner.disk.set_aside(file.spans()) {
            tracing::warn!(%error, "a damaged file could not be moved aside");
        }
    }
    let read = inner.retired();
    let is_read = |path: &str| file::generation(Path::new(path)).is_some_and(|file| read.contains(&file));
    inner.tables.vacuum(now, is_read)
}

/// Makes one list of the ids of many files. It is about speed alone.
pub(crate) fn gather(inner: &Inner) -> bool {
    let list = inner.list();
    inner.files.gather(&list).unwrap_or_else(|error| {
        tracing::debug!(%error, "a list of ids was not made");
        false
    })
}

/// Makes the filters of one file again that are missing or cannot be read; false where there are none, the newest first.
pub(crate) fn fill(inner: &Inner) -> Result<bool, StoreError> {
    let _alone = inner.alone();
    let list = inner.list();
    let sieves = &inner.files.sieves;
    let lacking = |file: &&Arc<File>| !file.is_lost() && (sieves.lacks_ids(file) || sieves.lacks_terms(file));
    let Some(file) = list.values().rev().find(lacking) else { return Ok(false) };
    let made = match sieves.lacks_ids(file) {
        true => inner.files.mend_ids(file),
        false => {
            let mut seen = Seen::default();
            let see = |rows: &[Row]| rows.iter().for_each(|row| seen.see(&row.span));
            let read = inner.files.each_rows(file, 0..file.about.rows, see);
            read.map(|()| sieves.mend_terms(file, &seen.terms()))
        }
    };
    match made {
        Ok(()) => Ok(true),
        Err(Unusable::Failed(error)) => Err(error),
        Err(Unusable::Damaged(why)) => {
            file.lose(&why);
            Ok(true)
        }
    }
}

/// Writes fragments again that could not be read.
fn mend(inner: &Inner) -> Result<(), StoreError> {
    for file in inner.list().values().filter(|file| file.take_worn() && !file.is_lost()) {
        let entries = match file.entries() {
            Ok(entries) => entries,
            Err(Unusable::Failed(error)) => return Err(error),
            Err(Unusable::Damaged(why)) => {
                file.lose(&why);
                continue;
            }
        };
        put_again(inner, file, &entries)?;
    }
    Ok(())
}

/// Writes the fragments of a file again.
pub(crate) fn put_again(inner: &Inner, file: &File, entries: &[Entry]) -> Result<(), StoreError> {
    let adds = vec![(Table::Interactions, put_fragments(&inner.disk, file, entries, 3)?)];
    inner.tables.commit(&Change { adds, ..inner.change("REPAIR", now_ns())? })
}

/// Writes rows of a damaged file into a new one.
pub(crate) fn put_rows(inner: &Inner, file: &File, rows: &[Row]) -> Result<(), StoreError> {
    let generation = inner.next();
    let (partition, written_ns) = (file.partition, file.about.written_ns);
    let target = Target { partition, generation, written_ns, level: 3, ..Target::default() };
    let Written { file, traces, terms, adds } = write(&inner.disk, rows, target)?;
    inner.files.add(&file, traces, Some(&terms));
    let generation = Some(generation);
    let change = Change { adds, spans_change: true, generation, ..inner.change("REPAIR", now_ns())? };
    inner.tables.commit(&change)?;
    inner.exchange(&[], Some(file));
    Ok(())
}
