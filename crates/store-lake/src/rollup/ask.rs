//! What is counted of a range, from where it costs least.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use store_api::StoreError;
use store_api::analysis::rollup::{Kept, LEAST_NS, Rollups, Row, Sum};
use store_api::question::Range;
use store_api::shelf::Shelf;
use store_api::time::Hour;

use super::correct::{Correction, Look};
use super::made::{One, range, width};
use crate::file::File;
use crate::files::List;
use crate::lake::Inner;
use crate::tables::Table;

/// Spans of files of which nothing is in memory that are counted for one question.
const SPANS: usize = 300_000;

/// One question's view of a store.
pub(crate) struct Asked<'a> {
    pub(crate) inner: &'a Inner,
    pub(crate) list: &'a List,
    pub(crate) shelves: &'a [&'a Arc<Shelf>],
}

/// Whether what a file of a table has of some ranges may be taken.
type Counts<'c> = dyn FnMut(&One, &[Range]) -> Result<bool, StoreError> + 'c;

/// What rows of one width are counted of.
struct Counted {
    ranges: Vec<Range>,
    sum: Sum,
}

impl Counted {
    fn new(width: u64) -> Self {
        Self { ranges: Vec::new(), sum: Sum::new(width) }
    }

    fn add<'r>(&mut self, rows: impl IntoIterator<Item = &'r Row>) {
        rows.into_iter().filter(|row| is_in(&self.ranges, row.t)).for_each(|row| self.sum.add(row));
    }

    fn subtract<'r>(&mut self, rows: impl IntoIterator<Item = &'r Row>) {
        rows.into_iter().filter(|row| is_in(&self.ranges, row.t)).for_each(|row| self.sum.subtract(row));
    }
}

/// Rows of the files of one table.
struct Stored {
    width: u64,
    ranges: Vec<Range>,
    rows: Vec<Arc<Vec<Row>>>,
}

impl Stored {
    /// Adding up is only needed where something is taken out.
    fn with(self, hot: &Correction) -> Vec<Arc<Vec<Row>>> {
        let Self { width, ranges, mut rows } = self;
        if !hot.stored.iter().any(|row| is_in(&ranges, row.t)) {
            rows.push(Arc::new(hot.plus.iter().filter(|row| is_in(&ranges, row.t)).cloned().collect()));
            return rows;
        }
        let mut counted = Counted { ranges, ..Counted::new(width) };
        rows.iter().flat_map(|rows| rows.iter()).for_each(|row| counted.sum.add(row));
        counted.add(&hot.plus);
        counted.subtract(&hot.stored);
        vec![Arc::new(counted.sum.rows(usize::MAX))]
    }
}

fn is_in(ranges: &[Range], t: u64) -> bool {
    ranges.iter().any(|range| range.contains(t))
}

impl Rollups for Asked<'_> {
    fn rollups(&self, range: Range, widest: u64) -> Result<Kept, StoreError> {
        let within = Range {
            from: range.from.div_ceil(LEAST_NS).saturating_mul(LEAST_NS),
            to: range.to - range.to % LEAST_NS,
        };
        if within.from >= within.to {
            return Ok(Kept { rows: Vec::new(), rest: vec![range] });
        }
        let look = Look::new(&self.inner.rollups, &self.inner.files, self.list, self.shelves);
        let as_told = look.is_much(within);
        let mut hot = Correction::default();
        let mut counts = |one: &One, pieces: &[Range]| match as_told {
            true => counts_with(&look, one, pieces, &mut hot),
            false => look.counts(one),
        };
        let mut left = vec![within];
        let mut stored = Vec::new();
        for table in Table::ROLLUPS.into_iter().rev().filter(|table| width(*table) <= widest) {
            stored.push(self.stored(table, within, &mut left, &mut counts)?);
        }
        let rollups = look.rollups;
        let is_known = |generation| match as_told {
            true => rollups.shares.has(generation),
            false => rollups.partials.has(generation),
        };
        let files = within_reach(&look, &mut left, is_known);
        if as_told {
            rollups.recent.of_hot(self.shelves).iter().for_each(|share| hot.join(share));
        } else {
            hot = look.of_hot(within)?;
        }
        let mut rows: Vec<_> = stored.into_iter().flat_map(|of| of.with(&hot)).collect();
        let mut rest = without(vec![range], within);
        rest.extend(left.iter().filter(|range| range.to <= files.from));
        rest.sort_unstable_by_key(|range| range.from);
        let ranges = left.into_iter().filter(|range| range.to > files.from).collect();
        let mut open = Counted { ranges, ..Counted::new(LEAST_NS) };
        if as_told {
            count_as_told(&look, &mut open, &files.of, &hot)?;
        } else {
            count(&look, &mut open, &files.of, hot)?;
        }
        rows.push(Arc::new(open.sum.rows(usize::MAX)));
        Ok(Kept { rows, rest })
    }
}

impl Asked<'_> {
    /// What a table has of what is left; that it takes out of it.
    fn stored(
        &self,
        table: Table,
        within: Range,
        left: &mut Vec<Range>,
        counts: &mut Counts<'_>,
    ) -> Result<Stored, StoreError> {
        let mut stored = Stored { width: width(table), ranges: Vec::new(), rows: Vec::new() };
        let mut of = Vec::new();
        for one in self.inner.rollups.made.within(table, within) {
            let span = one.range();
            let overlapping = left.iter().filter(|range| range.overlaps(span.from, span.to - 1));
            let pieces: Vec<Range> = overlapping
                .map(|range| Range { from: range.from.max(span.from), to: range.to.min(span.to) })
                .collect();
            // Wide rows cannot be cut.
            if pieces.is_empty() || (stored.width > LEAST_NS && pieces != [span]) || !counts(&one, &pieces)? {
                continue;
            }
            of.push((one, pieces));
        }
        let files: Vec<&One> = of.iter().map(|(one, _)| one.as_ref()).collect();
        let all = self.inner.rollups.rows_of_all(&self.inner.disk, &files)?;
        for ((one, pieces), rows) in of.into_iter().zip(all) {
            let Some(rows) = rows else { continue };
            let span = one.range();
            stored.rows.push(if pieces == [span] {
                rows
            } else {
                Arc::new(rows.iter().filter(|row| is_in(&pieces, row.t)).cloned().collect())
            });
            *left = without(std::mem::take(left), span);
            stored.ranges.extend(pieces);
        }
        Ok(stored)
    }
}

/// The files that are counted, and from when on those are all.
struct Reach<'a> {
    from: u64,
    of: Vec<&'a Arc<File>>,
}

/// The newest files with something of what is left, and no more than may be looked at; cuts what is left where they end.
fn within_reach<'a>(look: &Look<'a>, left: &mut Vec<Range>, is_known: impl Fn(u64) -> bool) -> Reach<'a> {
    let reaches = |file: &&Arc<File>| {
        let about = &file.about;
        !file.is_lost() && left.iter().any(|range| range.overlaps(about.first_start_ns, about.last_start_ns))
    };
    let mut files: Vec<&Arc<File>> = look.list.values().filter(reaches).collect();
    files.sort_by_key(|file| Reverse(file.about.last_start_ns));
    let mut spans = 0;
    let beyond = files.iter().position(|file| {
        spans += if is_known(file.generation) { 0 } else { file.about.rows };
        spans > SPANS
    });
    // One is always taken.
    let beyond = beyond.map_or(files.len(), |beyond| beyond.max(1));
    let from = files.get(beyond).map_or(0, |file| {
        let last = file.about.last_start_ns;
        (last - last % LEAST_NS).saturating_add(LEAST_NS)
    });
    files.truncate(beyond);
    let pieces = left.iter().flat_map(|range| {
        let at = from.clamp(range.from, range.to);
        [Range { from: range.from, to: at }, Range { from: at, to: range.to }]
    });
    *left = pieces.filter(|piece| piece.from < piece.to).collect();
    Reach { from, of: files }
}

fn without(ranges: Vec<Range>, taken: Range) -> Vec<Range> {
    let cut = ranges.into_iter().flat_map(|range| {
        let before = Range { from: range.from, to: range.to.min(taken.from) };
        let after = Range { from: range.from.max(taken.to), to: range.to };
        [before, after]
    });
    cut.filter(|range| range.from < range.to).collect()
}

fn count(
    look: &Look<'_>,
    counted: &mut Counted,
    files: &[&Arc<File>],
    hot: Correction,
) -> Result<(), StoreError> {
    let mut partials = HashMap::new();
    for file in files {
        if let Some(partial) = look.partial(file)? {
            counted.add(&partial.rows);
            partials.insert(file.generation, partial);
        }
    }
    let mut corrections = look.corrections(look.shared(files))?;
    corrections.push(Arc::new(hot));
    corrections.iter().for_each(|one| counted.add(&one.plus));
    for (generation, rows) in corrections.iter().flat_map(|one| &one.minus) {
        // Of other files nothing was added.
        let Some(partial) = partials.get(generation) else { continue };
        for row in rows.iter().filter(|row| is_in(&counted.ranges, row.t)) {
            counted.sum.subtract(&Row { series: partial.told(&row.series), ..row.clone() });
        }
    }
    Ok(())
}

/// Whether a file of a table is what the files amount to that there are, with what those added that came after it.
fn counts_with(
    look: &Look<'_>,
    one: &One,
    pieces: &[Range],
    more: &mut Correction,
) -> Result<bool, StoreError> {
    if one.alone {
        return Ok(true);
    }
    if one.table != Table::Rollup1d {
        let Some(added) = look.added_since(one) else { return Ok(false) };
        for generation in added {
            if let Some(share) = look.share(generation)? {
                more.join(&share.of_steps(|t| is_in(pieces, t)));
            }
        }
        return Ok(true);
    }
    for hour in (0..24).map(|more| Hour(one.hour.0 + more)) {
        let is_in = match look.rollups.made.get(Table::Rollup1h, hour) {
            Some(of_hour) => {
                let nothing_came =
                    of_hour.alone || look.added_since(&of_hour).is_some_and(|more| more.is_empty());
                nothing_came && one.covers.contains(&of_hour.generation)
            }
            None => look.is_empty(range(Table::Rollup1h, hour))?,
        };
        if !is_in {
            return Ok(false);
        }
    }
    Ok(true)
}

fn count_as_told(
    look: &Look<'_>,
    counted: &mut Counted,
    files: &[&Arc<File>],
    hot: &Correction,
) -> Result<(), StoreError> {
    let shares = &look.rollups.shares;
    let reached: HashSet<u64> = files.iter().map(|file| file.generation).collect();
    let hours: BTreeSet<Hour> = files.iter().filter_map(|file| file.partition.hour()).collect();
    let mut all = Vec::new();
    for hour in &hours {
        let mut adding = look.adding(range(Table::Rollup1h, *hour));
        adding.retain(|file| reached.contains(file) || shares.has(*file));
        all.push(shares.summed(*hour, &adding, |file| look.share(file))?);
    }
    // Files of many hours have some of others.
    for file in files.iter().filter(|file| file.partition.hour().is_none()) {
        if let Some(share) = look.share(file.generation)? {
            all.push(Arc::new(share.of_steps(|t| !hours.contains(&Hour::of(t)))));
        }
    }
    all.iter().for_each(|share| counted.add(&share.plus));
    counted.add(&hot.plus);
    all.iter().for_each(|share| counted.subtract(&share.minus));
    counted.subtract(&hot.stored);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_taken_out_of_others() {
        let range = |(from, to)| Range { from, to };
        let of = |ranges: &[(u64, u64)]| ranges.iter().copied().map(range).collect::<Vec<_>>();
        for (taken, left) in [
            ((0, 5), vec![(10, 20), (30, 40)]),
            ((5, 15), vec![(15, 20), (30, 40)]),
            ((12, 15), vec![(10, 12), (15, 20), (30, 40)]),
            ((15, 35), vec![(10, 15), (35, 40)]),
            ((0, 99), vec![]),
        ] {
            assert_eq!(without(of(&[(10, 20), (30, 40)]), range(taken)), of(&left), "{taken:?}");
        }
    }
}
