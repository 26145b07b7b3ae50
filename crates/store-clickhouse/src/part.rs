//! What is kept in the server, as one part. Whoever reads asks trace by trace; here the first question about one of many
//! traces, or interactions, asks the server about all of them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use store_api::facts::Facts;
use store_api::part::{Fragment, Most, Part, Row, Started, resolve};
use store_api::{Limits, Range, StoreError};
use throughline_context::TraceId;
use tokio::runtime::Handle;

use crate::condition::Within;
use crate::fragment;
use crate::span;
use crate::statement::{lists, quoted};
use crate::store::Inner;
use crate::wire::{Rows, Wrong};

/// So many traces are asked for by their ids; more by what they have in common.
const FEW: usize = 500;
/// Whose rows are asked for in one statement.
const MANY: usize = 3000;
/// Rows in memory together, where facts have to be made of them.
const ROWS_AT_ONCE: usize = 50_000;

/// For one question.
pub(crate) struct Kept<'a> {
    store: &'a Inner,
    runtime: Handle,
    limits: Limits,
    /// What arrived before does not count.
    oldest: u64,
    known: RefCell<Known>,
}

#[derive(Default)]
struct Known {
    traces: HashMap<TraceId, Trace>,
    /// The traces met that name an interaction.
    naming: HashMap<String, BTreeSet<TraceId>>,
    /// Interactions of which all traces have been met.
    whole: HashSet<String>,
    ranges: Vec<Asked>,
}

#[derive(Default)]
struct Trace {
    fragments: Vec<Arc<Fragment>>,
    /// Where its rows are: what they are sorted by, and when they start.
    sorted_by: BTreeSet<String>,
    first: u64,
    last: u64,
    rows: usize,
}

/// A range that was asked for, and the traces in it.
struct Asked {
    within: Within,
    traces: HashSet<TraceId>,
}

impl<'a> Kept<'a> {
    pub(crate) fn new(store: &'a Inner, runtime: Handle, limits: Limits) -> Self {
        Self { store, runtime, limits, oldest: store.oldest(), known: RefCell::default() }
    }

    fn each<T>(
        &self,
        table: &str,
        statement: String,
        mut row: impl FnMut(&mut Rows<'_>) -> Result<T, Wrong>,
    ) -> Result<Vec<T>, StoreError> {
        let answer = self.runtime.block_on(self.store.select(statement))?;
        let mut rows = Rows(&answer);
        let mut found = Vec::new();
        while !rows.is_empty() {
            found.push(row(&mut rows).map_err(|why| self.store.damaged(table, why))?);
        }
        Ok(found)
    }

    /// `SELECT … FROM interactions WHERE …`
    fn interactions(&self, columns: &str, condition: &str) -> String {
        let table = self.store.table("interactions");
        format!("SELECT {columns} FROM {table} WHERE seq >= {} AND {condition}", self.oldest)
    }

    /// Meets the traces for which a condition on the table `interactions` holds.
    fn meet(&self, condition: &str) -> Result<Vec<TraceId>, StoreError> {
        let statement = self.interactions(fragment::COLUMNS, condition);
        let found = self.each("interactions", statement, fragment::read)?;
        let mut met: BTreeMap<TraceId, Vec<Arc<Fragment>>> = BTreeMap::new();
        found.into_iter().for_each(|(trace, fragment)| met.entry(trace).or_default().push(fragment));
        let traces: Vec<TraceId> = met.keys().copied().collect();
        let mut twice = Vec::new();
        let mut known = self.known.borrow_mut();
        for (id, fragments) in met {
            if known.traces.contains_key(&id) {
                continue;
            }
            let trace = Trace::of(fragments);
            for interaction in trace.fragments.iter().flat_map(|fragment| &fragment.facts.interactions) {
                match known.naming.get_mut(interaction) {
                    Some(traces) => drop(traces.insert(id)),
                    None => drop(known.naming.insert(interaction.clone(), BTreeSet::from([id]))),
                }
            }
            if trace.has_some_twice() && trace.rows <= 2 * self.limits.spans {
                twice.push((id, trace.rows));
            }
            known.traces.insert(id, trace);
        }
        drop(known);
        self.look_again(&twice)?;
        Ok(traces)
    }

    /// Where a span is in several batches the rows themselves must tell what a trace amounts to.
    fn look_again(&self, traces: &[(TraceId, usize)]) -> Result<(), StoreError> {
        let mut rest = traces;
        while !rest.is_empty() {
            let mut together = 0;
            let fit = rest.iter().take_while(|(_, rows)| {
                together += rows;
                together <= ROWS_AT_ONCE
            });
            let (some, later) = rest.split_at(fit.count().max(1).min(rest.len()));
            rest = later;
            let ids: Vec<TraceId> = some.iter().map(|(id, _)| *id).collect();
            let mut of: HashMap<TraceId, Vec<Row>> = HashMap::with_capacity(ids.len());
            for row in self.select(&ids, usize::MAX)? {
                of.entry(row.span.trace_id).or_default().push(row);
            }
            let mut known = self.known.borrow_mut();
            for (id, rows) in of {
                let counting = resolve(&rows);
                let facts = Facts::of(counting.iter().map(|row| row.span.as_ref()));
                if let Some(trace) = known.traces.get_mut(&id) {
                    trace.fragments = vec![Arc::new(Fragment { facts, ids: Vec::new() })];
                }
            }
        }
        Ok(())
    }

    /// Meets these traces, and with one of a range all others of it, which will be asked for next.
    fn meet_all(&self, wanted: &[TraceId]) -> Result<(), StoreError> {
        let missing = |known: &Known| -> Vec<TraceId> {
            wanted.iter().filter(|trace| !known.traces.contains_key(trace)).copied().collect()
        };
        let (new, range) = {
            let known = self.known.borrow();
            let new = missing(&known);
            let at =
                new.first().and_then(|one| known.ranges.iter().position(|asked| asked.traces.contains(one)));
            let many = at.and_then(|at| known.ranges.get(at)).map(|asked| {
                let new = asked.traces.iter().filter(|trace| !known.traces.contains_key(trace));
                (asked.within, new.copied().collect::<Vec<_>>())
            });
            match many {
                None => (new, None),
                Some((_, all)) if all.len() <= FEW => (all.into_iter().chain(new).collect(), None),
                Some((within, _)) => (new, Some(within)),
            }
        };
        if let Some(within) = range {
            let around = within.around(self.store.settings.look_around.get());
            self.meet(&format!(
                "trace_id GLOBAL IN ({}) AND {around}",
                self.interactions("trace_id", &within.to_string())
            ))?;
        }
        let new = if range.is_some() { missing(&self.known.borrow()) } else { new };
        let ids: Vec<String> = new.iter().map(TraceId::to_string).collect();
        for list in lists(ids.iter().map(String::as_str)) {
            self.meet(&format!("trace_id IN ({list})"))?;
        }
        let mut known = self.known.borrow_mut();
        for trace in new {
            // Whoever asks for nothing gets nothing, at once.
            known.traces.entry(trace).or_default();
        }
        Ok(())
    }

    /// Meets all traces of an interaction, and if it was met in a range those of all others that were.
    fn meet_whole(&self, interaction: &str) -> Result<(), StoreError> {
        let (within, others) = {
            let known = self.known.borrow();
            if known.whole.contains(interaction) {
                return Ok(());
            }
            let traces = known.naming.get(interaction);
            let asked = known
                .ranges
                .iter()
                .find(|asked| traces.is_some_and(|of| of.iter().any(|one| asked.traces.contains(one))));
            let named = |asked: &Asked| -> BTreeSet<String> {
                let traces = asked.traces.iter().filter_map(|trace| known.traces.get(trace));
                let facts = traces.flat_map(|trace| &trace.fragments).map(|fragment| &fragment.facts);
                facts
                    .flat_map(|facts| &facts.interactions)
                    .filter(|id| !known.whole.contains(*id))
                    .cloned()
                    .collect()
            };
            (asked.map(|asked| asked.within), asked.map(named).unwrap_or_default())
        };
        let many = others.len() > FEW;
        if let Some(within) = within.filter(|_| many) {
            let around = within.around(self.store.settings.look_around.get());
            let of_range = self.interactions("trace_id", &within.to_string());
            let named =
                self.interactions("arrayJoin(interactions)", &format!("trace_id GLOBAL IN ({of_range})"));
            let every = self.interactions("trace_id, arrayJoin(interactions) AS named", &around.to_string());
            let traces = format!("SELECT trace_id FROM ({every}) WHERE named GLOBAL IN ({named})");
            self.meet(&format!(
                "trace_id GLOBAL IN ({traces}) AND trace_id GLOBAL NOT IN ({of_range}) AND {around}"
            ))?;
            self.known.borrow_mut().whole.extend(others.iter().cloned());
            if others.contains(interaction) {
                return Ok(());
            }
        }
        let others = if many { BTreeSet::new() } else { others };
        let ids: BTreeSet<&str> = others.iter().map(String::as_str).chain([interaction]).collect();
        for list in lists(ids.iter().copied()) {
            let traces = self.interactions("trace_id", &format!("hasAny(interactions, [{list}])"));
            self.meet(&format!("trace_id GLOBAL IN ({traces})"))?;
        }
        self.known.borrow_mut().whole.extend(ids.into_iter().map(str::to_owned));
        Ok(())
    }
}

impl Trace {
    fn of(fragments: Vec<Arc<Fragment>>) -> Self {
        let facts = || fragments.iter().map(|fragment| &fragment.facts);
        Self {
            sorted_by: facts().map(|facts| facts.interactions.first().cloned().unwrap_or_default()).collect(),
            first: facts().map(|facts| facts.start_ns).min().unwrap_or(0),
            last: facts().map(|facts| facts.last_start_ns).max().unwrap_or(0),
            rows: fragments.iter().map(|fragment| fragment.ids.len()).sum(),
            fragments,
        }
    }

    fn has_some_twice(&self) -> bool {
        let mut seen = HashSet::with_capacity(self.rows);
        self.fragments.len() > 1
            && !self.fragments.iter().flat_map(|fragment| &fragment.ids).all(|id| seen.insert(id))
    }
}

impl Part for Kept<'_> {
    fn fragments(&self, traces: &[TraceId]) -> Result<Vec<(TraceId, Arc<Fragment>)>, StoreError> {
        self.meet_all(traces)?;
        let known = self.known.borrow();
        let known = traces.iter().filter_map(|id| Some((*id, known.traces.get(id)?)));
        Ok(known
            .flat_map(|(id, trace)| trace.fragments.iter().map(move |one| (id, Arc::clone(one))))
            .collect())
    }

    fn traces_of(&self, interactions: &[&str]) -> Result<Vec<TraceId>, StoreError> {
        for interaction in interactions {
            self.meet_whole(interaction)?;
        }
        let known = self.known.borrow();
        Ok(interactions.iter().filter_map(|id| known.naming.get(*id)).flatten().copied().collect())
    }

    fn started(&self, range: Range, most: usize) -> Result<Started, StoreError> {
        let Some(mut within) = Within::of(range) else {
            return Ok(Started { complete_from: range.from, ..Started::default() });
        };
        let statement = self.interactions("start_ns", &within.to_string());
        // Of the last that there is room for, and whether there are more.
        let before = most.max(1) - 1;
        let statement = format!("{statement} ORDER BY start_ns DESC LIMIT 2 OFFSET {before}");
        let bound = self.each("interactions", statement, |rows| rows.number())?;
        if let [bound, _] = bound.as_slice() {
            within.first = within.first.max(*bound);
        }
        let statement = self.interactions("DISTINCT trace_id", &within.to_string());
        let trace =
            |rows: &mut Rows<'_>| rows.text()?.parse().map_err(|_| "a trace id is garbled".to_owned());
        let traces: Vec<TraceId> = self.each("interactions", statement, trace)?;
        let asked = Asked { within, traces: traces.iter().copied().collect() };
        self.known.borrow_mut().ranges.push(asked);
        Ok(Started { traces, complete_from: within.first, ..Started::default() })
    }

    fn rows(&self, traces: &[TraceId], most: Most) -> Result<Vec<Row>, StoreError> {
        self.meet_all(traces)?;
        self.select(traces, most.spans)
    }
}

impl Kept<'_> {
    fn select(&self, traces: &[TraceId], most: usize) -> Result<Vec<Row>, StoreError> {
        let mut rows = Vec::new();
        let mut known = span::Known::default();
        for some in traces.chunks(MANY) {
            let left = most.saturating_sub(rows.len());
            let Some(statement) = self.of_traces(some, left).filter(|_| left > 0) else { continue };
            rows.extend(self.each("spans", statement, |row| known.read(row))?);
        }
        Ok(rows)
    }

    /// Selects the rows of traces that have been met; nothing where there are none.
    fn of_traces(&self, traces: &[TraceId], most: usize) -> Option<String> {
        let known = self.known.borrow();
        let met: Vec<&Trace> = traces
            .iter()
            .filter_map(|trace| known.traces.get(trace))
            .filter(|trace| trace.rows > 0)
            .collect();
        let (first, last) =
            (met.iter().map(|trace| trace.first).min()?, met.iter().map(|trace| trace.last).max()?);
        let sorted_by: BTreeSet<&str> =
            met.iter().flat_map(|trace| &trace.sorted_by).map(String::as_str).collect();
        let table = self.store.table("spans");
        let mut statement = format!("SELECT {} FROM {table} WHERE seq >= {}", span::COLUMNS, self.oldest);
        if let [only] = lists(sorted_by).as_slice() {
            statement.push_str(&format!(" AND interaction_id IN ({only})"));
        }
        let ids: Vec<String> = traces.iter().map(|trace| quoted(&trace.to_string())).collect();
        statement.push_str(&format!(
            " AND trace_id IN ({}) AND start_ns BETWEEN {first} AND {last}",
            ids.join(",")
        ));
        if met.iter().map(|trace| trace.rows).sum::<usize>() > most {
            statement.push_str(&format!(" ORDER BY start_ns LIMIT {most}"));
        }
        Some(statement)
    }
}
