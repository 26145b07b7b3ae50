//! Keeps the tables: counts hours and days that are over, again where their files have changed, and removes what is too
//! old.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use parquet::errors::ParquetError;
use store_api::analysis::rollup::{LEAST_NS, Rollup, Row, SERIES, Sum};
use store_api::time::Hour;
use store_api::{Range, StoreError};
use throughline_context::TraceId;

use super::correct::Look;
use super::keys;
use super::made::{One, day_of, range, width};
use super::partial::of_traces;
use super::table::encode;
use crate::commit::Change;
use crate::file::{File, Unusable};
use crate::lake::{Inner, now_ns};
use crate::log::Add;
use crate::partition::Partition;
use crate::table::Encoded;
use crate::tables::{Content, MadeOf, Table, below};

/// After the end of an hour, after the last file that came late, and from one count to the next, as calls that go on change
/// what their first hours say.
const GRACE_NS: u64 = 10 * 60 * 1_000_000_000;

/// Does one thing that is due; false where there was none, or `go_on` ended it. Where several nodes write, the one that leads
/// does.
pub(crate) fn keep(inner: &Inner, now: u64, go_on: &dyn Fn() -> bool) -> Result<bool, StoreError> {
    let _alone = inner.alone();
    retain(inner, now)?;
    let list = inner.list();
    let look = Look::new(&inner.rollups, &inner.files, &list, &[]);
    let hours: BTreeSet<Hour> = list.values().filter_map(|file| file.partition.hour()).collect();
    for hour in hours.iter().rev() {
        let due = due(inner, &look, *hour, now)?;
        if !due.is_empty() {
            return count_hour(inner, &look, *hour, &due, go_on);
        }
    }
    if count_mixed(inner, &look, now)? {
        return Ok(true);
    }
    let counted = inner.rollups.made.within(Table::Rollup1h, Range::ALL);
    let days: BTreeSet<Hour> = counted.iter().map(|one| day_of(one.hour)).collect();
    for day in days.iter().rev() {
        if count_day(inner, &look, *day, now)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn since(now: u64, age: Duration) -> u64 {
    now.saturating_sub(u64::try_from(age.as_nanos()).unwrap_or(u64::MAX))
}

/// The tables in which an hour has to be counted.
fn due(inner: &Inner, look: &Look<'_>, hour: Hour, now: u64) -> Result<Vec<Table>, StoreError> {
    let of = range(Table::Rollup1h, hour);
    // Files of many hours come as long as some clock is wrong.
    let own = look.sources(of).filter(|file| file.partition.hour().is_some());
    let quiet_since = own.map(|file| file.about.written_ns).max().unwrap_or(0).max(of.to);
    if now < quiet_since.saturating_add(GRACE_NS) {
        return Ok(Vec::new());
    }
    let mut due = Vec::new();
    for table in of_hours(inner, hour, now) {
        match inner.rollups.made.get(table, hour) {
            Some(made) if now < made.written_ns.saturating_add(GRACE_NS) || look.counts(&made)? => {}
            _ => due.push(table),
        }
    }
    Ok(due)
}

/// The tables that have rows of this hour, as far as those are not too old.
fn of_hours(inner: &Inner, hour: Hour, now: u64) -> impl Iterator<Item = Table> {
    let young = move |table: &Table| {
        range(*table, hour).to > since(now, inner.settings.rollup_retention(table.name()))
    };
    [Table::AttrKeys, Table::Rollup5m, Table::Rollup1h].into_iter().filter(young)
}

/// False where `go_on` ended it.
fn count_hour(
    inner: &Inner,
    look: &Look<'_>,
    hour: Hour,
    due: &[Table],
    go_on: &dyn Fn() -> bool,
) -> Result<bool, StoreError> {
    let of = range(Table::Rollup1h, hour);
    let mut covers = Vec::new();
    for generation in look.consulted(of) {
        if !go_on() {
            return Ok(false);
        }
        if look.is_bound(generation, of)? {
            covers.push(generation);
        }
    }
    let mut apart: BTreeSet<u64> = look.sources(of).flat_map(|file| look.apart(file)).collect();
    // Files that came since this look began, and that others found to be apart, were not looked at for this hour.
    apart.retain(|generation| !covers.contains(generation) && look.has(*generation));
    let made_of = MadeOf { covers, apart: apart.into_iter().collect() };
    let of_rows = |table: &Table| *table != Table::AttrKeys;
    let rows = if due.iter().any(of_rows) {
        match of_files(look, of, go_on)? {
            Some(sum) => sum.rows(usize::MAX),
            None => return Ok(false),
        }
    } else {
        Vec::new()
    };
    let mut counted = Vec::new();
    for table in due {
        let file = match table {
            Table::AttrKeys => keys::encode(&keys::of(look, Partition::Hour(hour))?),
            _ => encode(&summed(&rows, *table), *table),
        };
        counted.push((*table, file));
    }
    // One that turned out to be damaged, or its copy, is not in the rows.
    if made_of.covers.iter().all(|generation| look.has(*generation)) {
        put(inner, Partition::Hour(hour), &made_of, counted)?;
    }
    Ok(true)
}

/// What files with spans of many hours carry, all of them together: the hours do not have it. True where it was counted.
fn count_mixed(inner: &Inner, look: &Look<'_>, now: u64) -> Result<bool, StoreError> {
    let (table, partition) = (Table::AttrKeys, Partition::Mixed);
    let sound = look.list.values().filter(|file| file.partition == partition && !file.is_lost());
    let mixed: BTreeMap<u64, u64> = sound.map(|file| (file.generation, file.about.written_ns)).collect();
    let named = named(inner, table, partition);
    let known: BTreeSet<u64> = named.iter().filter_map(Add::made_of).flat_map(|of| of.covers).collect();
    let is_new = |(generation, written_ns): (&u64, &u64)| {
        !known.contains(generation) && now >= written_ns.saturating_add(GRACE_NS)
    };
    if known.iter().all(|generation| mixed.contains_key(generation)) && !mixed.iter().any(is_new) {
        return Ok(false);
    }
    let covers: Vec<u64> = mixed.into_keys().collect();
    if covers.is_empty() {
        let removes = named.into_iter().map(|add| (table, add.path)).collect();
        inner.tables.commit(&Change { removes, spans_change: true, ..inner.change("DELETE", now_ns())? })?;
        return Ok(true);
    }
    let file = keys::encode(&keys::of(look, partition)?);
    if covers.iter().all(|generation| look.has(*generation)) {
        put(inner, partition, &MadeOf { covers, ..MadeOf::default() }, vec![(table, file)])?;
    }
    Ok(true)
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
    let file = encode(&sum.rows(SERIES), Table::Rollup1d);
    let made_of = MadeOf { covers, ..MadeOf::default() };
    put(inner, Partition::Hour(day), &made_of, vec![(Table::Rollup1d, file)])?;
    Ok(true)
}

/// What files have of a range, in rows of five minutes, from the spans themselves: so nothing is taken out again, and the
/// least, the greatest and the exemplars are right to the span. Nothing where `go_on` ended it.
fn of_files(look: &Look<'_>, range: Range, go_on: &dyn Fn() -> bool) -> Result<Option<Sum>, StoreError> {
    let mut sum = Sum::new(LEAST_NS);
    let mut add = |rows: &[Row]| rows.iter().filter(|row| range.contains(row.t)).for_each(|row| sum.add(row));
    let files: Vec<&Arc<File>> = look.sources(range).collect();
    let shared = look.shared(&files);
    let several: HashSet<TraceId> = shared.values().flatten().copied().collect();
    for file in files {
        if !go_on() {
            return Ok(None);
        }
        let rows = match look.files.all_rows(file) {
            Ok(rows) => rows.into_iter().filter(|row| !several.contains(&row.span.trace_id)),
            Err(Unusable::Failed(error)) => return Err(error),
            Err(Unusable::Damaged(why)) => {
                file.lose(&why);
                continue;
            }
        };
        let mut rollup = Rollup::new(LEAST_NS, usize::MAX);
        of_traces(&rows.collect::<Vec<_>>(), &mut rollup);
        add(&rollup.rows());
    }
    look.corrections(shared)?.iter().for_each(|one| add(&one.plus));
    Ok(Some(sum))
}

fn summed(rows: &[Row], table: Table) -> Vec<Row> {
    let mut sum = Sum::new(width(table));
    rows.iter().for_each(|row| sum.add(row));
    sum.rows(SERIES)
}

/// Puts files in the place of those that the tables have there.
fn put(
    inner: &Inner,
    partition: Partition,
    made_of: &MadeOf,
    counted: Vec<(Table, Result<Encoded, ParquetError>)>,
) -> Result<(), StoreError> {
    let now_ns = now_ns();
    let mut change = Change { spans_change: true, ..inner.change("WRITE", now_ns)? };
    for (table, file) in counted {
        let generation = inner.next();
        let file = file.map_err(|error| {
            StoreError::Bug(format!("{} cannot be written as Parquet: {error}", table.name()))
        });
        let path = table.path(inner.disk.root(), partition, generation);
        if let Err(error) = file.and_then(|file| {
            inner.disk.put_file(&path, &file.bytes)?;
            let add = Table::add_counted(partition, generation, made_of, Content::from(file));
            change.adds.push((table, add.at(now_ns)));
            Ok(())
        }) {
            for (table, add) in &change.adds {
                drop(inner.disk.remove(&inner.disk.root().join(table.name()).join(&add.path)));
            }
            return Err(error);
        }
        change.removes.extend(named(inner, table, partition).into_iter().map(|add| (table, add.path)));
        change.generation = Some(generation);
    }
    inner.tables.commit(&change)?;
    inner.rollups.made.load(&inner.tables);
    Ok(())
}

/// What the log of a table names there.
fn named(inner: &Inner, table: Table, partition: Partition) -> Vec<Add> {
    let folder = below(partition, 0);
    let folder = folder.rsplit_once('/').map_or("", |(folder, _)| folder);
    let in_folder = |add: &&Add| add.path.rsplit_once('/').is_some_and(|(of, _)| of == folder);
    let adds = inner.tables.with(table, |state| state.adds.values().filter(in_folder).cloned().collect());
    adds.unwrap_or_default()
}

/// What the tables have of the times of files that go because they are old: as long as it is right, it stays as it is. So does
/// what other hours have of calls that began in those.
pub(crate) fn of_gone(inner: &Inner, gone: &[Arc<File>]) -> Result<Vec<(Table, Add)>, StoreError> {
    if gone.is_empty() {
        return Ok(Vec::new());
    }
    let list = inner.list();
    let look = Look::new(&inner.rollups, &inner.files, &list, &[]);
    let names: BTreeSet<u64> = gone.iter().map(|file| file.generation).collect();
    let mut stay = Vec::new();
    for table in Table::COUNTED {
        for one in inner.rollups.made.within(table, Range::ALL) {
            let mut files = look.sources(one.range()).map(|file| names.contains(&file.generation)).peekable();
            // As long as a file of a day is left, its hours tell whether it is right.
            let goes = if table == Table::Rollup1d {
                files.peek().is_some() && files.all(|goes| goes)
            } else {
                files.any(|goes| goes)
            };
            let left: Vec<u64> = one.covers.difference(&names).copied().collect();
            if (goes || left.len() < one.covers.len()) && !one.alone && look.counts(&one)? {
                let stays = |add: &Add| if goes { add.alone() } else { add.covering(&left) };
                let add = inner.tables.with(table, |state| state.adds.get(&one.path).map(stays));
                stay.extend(add.flatten().map(|add| (table, add)));
            }
        }
    }
    Ok(stay)
}

fn retain(inner: &Inner, now: u64) -> Result<(), StoreError> {
    let mut removes = Vec::new();
    for table in Table::COUNTED {
        let since = since(now, inner.settings.rollup_retention(table.name()));
        let all = inner.rollups.made.within(table, Range::ALL);
        let old = all.iter().filter(|one| one.range().to <= since);
        removes.extend(old.map(|one: &Arc<One>| (table, one.path.clone())));
    }
    if removes.is_empty() {
        return Ok(());
    }
    inner.tables.commit(&Change { removes, spans_change: true, ..inner.change("DELETE", now_ns())? })?;
    inner.rollups.made.load(&inner.tables);
    Ok(())
}
