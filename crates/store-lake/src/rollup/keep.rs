//! Keeps the tables: counts hours and days that are over, again where their files have changed, and removes what is too
//! old.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use store_api::StoreError;
use store_api::analysis::rollup::{Row, SERIES, Sum};
use store_api::time::Hour;

use super::ask::of_files;
use super::correct::Look;
use super::made::{One, day_of, range, width};
use super::table::encode;
use crate::commit::Change;
use crate::file::File;
use crate::lake::{Inner, now_ns};
use crate::log::Add;
use crate::partition::Partition;
use crate::tables::{Content, Table, below};

/// After the end of an hour, and after the last file that came late.
const GRACE_NS: u64 = 10 * 60 * 1_000_000_000;

/// Does one thing that is due; false where there was none. Called when nobody else changes the list of files.
pub(crate) fn keep(inner: &Inner, now: u64) -> Result<bool, StoreError> {
    let _alone = inner.alone();
    retain(inner, now)?;
    let list = inner.list();
    let look = Look::new(&inner.rollups, &inner.files, &list, &[]);
    let hours: BTreeSet<Hour> = list.values().filter_map(|file| hour_of(file)).collect();
    for hour in hours.iter().rev() {
        if is_due(inner, &look, *hour, now)? {
            count_hour(inner, &look, *hour)?;
            return Ok(true);
        }
    }
    let counted = inner.rollups.made.within(Table::Rollup1h, store_api::Range::ALL);
    let days: BTreeSet<Hour> = counted.iter().map(|one| day_of(one.hour)).collect();
    for day in days.iter().rev() {
        if count_day(inner, &look, *day, now)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn hour_of(file: &File) -> Option<Hour> {
    match file.partition {
        Partition::Hour(hour) => Some(hour),
        Partition::Mixed => None,
    }
}

fn since(now: u64, age: Duration) -> u64 {
    now.saturating_sub(u64::try_from(age.as_nanos()).unwrap_or(u64::MAX))
}

fn is_due(inner: &Inner, look: &Look<'_>, hour: Hour, now: u64) -> Result<bool, StoreError> {
    let of = range(Table::Rollup1h, hour);
    let quiet_since = look.sources(of).map(|file| file.about.written_ns).max().unwrap_or(0).max(of.to);
    let is_old = of.to <= since(now, inner.settings.rollup_retention(Table::Rollup1h.name()));
    if now < quiet_since.saturating_add(GRACE_NS) || is_old {
        return Ok(false);
    }
    match inner.rollups.made.get(Table::Rollup1h, hour) {
        Some(made) => Ok(!look.counts(&made)?),
        None => Ok(true),
    }
}

fn count_hour(inner: &Inner, look: &Look<'_>, hour: Hour) -> Result<(), StoreError> {
    let of = range(Table::Rollup1h, hour);
    // Before the count, so that a file that turns out to be damaged makes it needless.
    let covers = look.consulted(of);
    let narrow = of_files(look, of)?;
    let wide = summed(&narrow, Table::Rollup1h);
    put(inner, hour, &covers, &[(Table::Rollup5m, narrow), (Table::Rollup1h, wide)])
}

/// True where it was counted.
fn count_day(inner: &Inner, look: &Look<'_>, day: Hour, now: u64) -> Result<bool, StoreError> {
    let of = range(Table::Rollup1d, day);
    let is_old = of.to <= since(now, inner.settings.rollup_retention(Table::Rollup1d.name()));
    if now < of.to.saturating_add(GRACE_NS) || is_old {
        return Ok(false);
    }
    if let Some(made) = inner.rollups.made.get(Table::Rollup1d, day)
        && look.counts(&made)?
    {
        return Ok(false);
    }
    let (mut covers, mut sum) = (Vec::new(), Sum::new(width(Table::Rollup1d)));
    for hour in (0..24).map(|more| Hour(day.0 + more)) {
        match inner.rollups.made.get(Table::Rollup1h, hour) {
            Some(made) => {
                if !look.counts(&made)? {
                    return Ok(false);
                }
                let Some(rows) = inner.rollups.rows_of(&inner.disk, &made)? else { return Ok(false) };
                rows.iter().for_each(|row| sum.add(row));
                covers.push(made.generation);
            }
            None if look.is_empty(range(Table::Rollup1h, hour))? => {}
            None => return Ok(false),
        }
    }
    put(inner, day, &covers, &[(Table::Rollup1d, sum.rows(SERIES))])?;
    Ok(true)
}

fn summed(rows: &[Row], table: Table) -> Vec<Row> {
    let mut sum = Sum::new(width(table));
    rows.iter().for_each(|row| sum.add(row));
    sum.rows(SERIES)
}

/// Puts files in the place of those that the tables have of these hours.
fn put(inner: &Inner, hour: Hour, covers: &[u64], counted: &[(Table, Vec<Row>)]) -> Result<(), StoreError> {
    let now_ns = now_ns();
    let mut change = Change { operation: "WRITE", spans_change: true, now_ns, ..Change::default() };
    for (table, rows) in counted {
        let generation = inner.next();
        let file = encode(rows, *table);
        let file =
            file.map_err(|error| StoreError::Bug(format!("a rollup cannot be written as Parquet: {error}")));
        let path = table.path(inner.disk.root(), Partition::Hour(hour), generation);
        if let Err(error) = file.and_then(|file| {
            inner.disk.put(&path, &file.bytes)?;
            let add = Table::add_counted(hour, generation, covers, Content::from(file));
            change.adds.push((*table, add.at(now_ns)));
            Ok(())
        }) {
            for (table, add) in &change.adds {
                drop(inner.disk.remove(&inner.disk.root().join(table.name()).join(&add.path)));
            }
            return Err(error);
        }
        change.removes.extend(named(inner, *table, hour).into_iter().map(|add| (*table, add.path)));
        change.generation = Some(generation);
    }
    inner.tables.commit(&change)?;
    inner.rollups.made.load(&inner.tables);
    Ok(())
}

/// What the log of a table names of these hours.
fn named(inner: &Inner, table: Table, hour: Hour) -> Vec<Add> {
    let folder = below(Partition::Hour(hour), 0);
    let folder = folder.rsplit_once('/').map_or("", |(folder, _)| folder);
    let in_folder = |add: &&Add| add.path.rsplit_once('/').is_some_and(|(of, _)| of == folder);
    let adds = inner.tables.with(table, |state| state.adds.values().filter(in_folder).cloned().collect());
    adds.unwrap_or_default()
}

/// What the tables have of the hours of files that go because they are old: it stays as it is.
pub(crate) fn of_gone(inner: &Inner, gone: &[Arc<File>]) -> Vec<(Table, Add)> {
    let hours: BTreeSet<Hour> = gone.iter().filter_map(|file| hour_of(file)).collect();
    let days: BTreeSet<Hour> = hours.iter().map(|hour| day_of(*hour)).collect();
    let of = |table, hours: &BTreeSet<Hour>| -> Vec<(Table, Add)> {
        let named = hours.iter().flat_map(|hour| named(inner, table, *hour));
        named.filter(|add| !add.is_alone()).map(|add| (table, add.alone())).collect()
    };
    let mut stay = of(Table::Rollup5m, &hours);
    stay.extend(of(Table::Rollup1h, &hours));
    stay.extend(of(Table::Rollup1d, &days));
    stay
}

fn retain(inner: &Inner, now: u64) -> Result<(), StoreError> {
    let mut removes = Vec::new();
    for table in Table::ROLLUPS {
        let since = since(now, inner.settings.rollup_retention(table.name()));
        let all = inner.rollups.made.within(table, store_api::Range::ALL);
        let old = all.iter().filter(|one| one.range().to <= since);
        removes.extend(old.map(|one: &Arc<One>| (table, one.path.clone())));
    }
    if removes.is_empty() {
        return Ok(());
    }
    let change =
        Change { operation: "DELETE", removes, spans_change: true, now_ns: now_ns(), ..Change::default() };
    inner.tables.commit(&change)?;
    inner.rollups.made.load(&inner.tables);
    Ok(())
}
