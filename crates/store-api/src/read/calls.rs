//! Interactions as one counts them: what only a line of the list shows is left out.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use throughline_context::TraceId;

use super::Reader;
use crate::error::StoreError;
use crate::facts::{Facts, Stretch};
use crate::part::Fragment;
use crate::question::{Filter, Range};
use crate::stage::Stage;

/// One interaction, by the facts of its traces.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a>(pub(crate) &'a [&'a Facts]);

impl<'a> Call<'a> {
    fn each(self) -> impl Iterator<Item = &'a Facts> {
        self.0.iter().copied()
    }

    pub(crate) fn start_ns(self) -> u64 {
        self.each().map(|facts| facts.start_ns).min().unwrap_or(u64::MAX)
    }

    pub(crate) fn end_ns(self) -> u64 {
        self.each().map(|facts| facts.end_ns).max().unwrap_or(0)
    }

    /// Something goes on.
    pub(crate) fn running(self) -> bool {
        self.each().any(|facts| !facts.open.is_empty())
    }

    pub(crate) fn region(self) -> Option<&'a str> {
        self.each().filter_map(|facts| facts.region.as_ref()).min().map(|(_, _, region)| region.as_ref())
    }

    fn channel(self) -> Option<&'a str> {
        self.each().filter_map(|facts| facts.channel.as_ref()).min().map(|(_, channel)| channel.as_ref())
    }

    pub(crate) fn outcome(self) -> Option<&'a str> {
        self.each().filter_map(|facts| facts.outcome.as_ref()).max().map(|(_, outcome)| outcome.as_ref())
    }

    /// All spans of a stage.
    pub(crate) fn stretch(self, stage: Stage) -> Option<Stretch> {
        self.each().filter_map(|facts| facts.stages.get(&stage).copied()).reduce(Stretch::and)
    }

    /// Whether all but the search of a filter holds.
    fn fits(self, filter: &Filter) -> bool {
        let is = |wanted: &Option<String>, value: fn(Self) -> Option<&'a str>| {
            wanted.as_deref().is_none_or(|wanted| value(self) == Some(wanted))
        };
        let among = |wanted: &Option<String>, names: fn(&Facts, &str) -> bool| {
            wanted.as_deref().is_none_or(|wanted| self.each().any(|facts| names(facts, wanted)))
        };
        is(&filter.region, Self::region)
            && is(&filter.outcome, Self::outcome)
            && is(&filter.channel, Self::channel)
            && among(&filter.queue, |facts, queue| facts.queues.contains(queue))
            && among(&filter.agent, |facts, agent| facts.agents.contains(agent))
            && among(&filter.service, |facts, service| facts.services.contains(service))
            && filter.stage.is_none_or(|stage| self.stretch(stage).is_some())
            && filter
                .min_duration_ns
                .is_none_or(|least| self.end_ns().saturating_sub(self.start_ns()) >= least)
            && (!filter.errors || self.each().any(|facts| facts.errors > 0))
    }
}

impl Reader<'_> {
    /// Shows the interactions with a trace that has a span in the range, those that fit, in no order; tells from when on none
    /// is missing, and whether some were not looked at as a whole.
    pub(crate) fn each_call(
        &mut self,
        range: Range,
        filter: &Filter,
        mut see: impl FnMut(Call<'_>),
    ) -> Result<(u64, bool), StoreError> {
        if filter.q.is_some() {
            let found = self.calls(range, filter)?;
            for call in &found.calls {
                let known = self.known_of(&call.trace_ids)?;
                see(Call(&known.iter().map(|known| &known.facts).collect::<Vec<_>>()));
            }
            return Ok((found.complete_from, found.cut));
        }
        let (traces, complete_from) = self.traces(range)?;
        let known = self.known_of(&traces)?;
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let mut calls: Vec<(usize, &Facts)> = Vec::with_capacity(known.len());
        // The traces of one lie together.
        let mut last = None;
        for known in &known {
            for id in &known.facts.interactions {
                let number = match last {
                    Some((same, number)) if same == id => number,
                    _ => {
                        let next = numbers.len();
                        *numbers.entry(id).or_insert(next)
                    }
                };
                last = Some((id, number));
                calls.push((number, &known.facts));
            }
        }
        // What they have beside the range.
        let ids: Vec<&str> = numbers.keys().copied().collect();
        let mut claimed: Vec<TraceId> = Vec::new();
        for part in self.parts {
            claimed.extend(part.traces_of(&ids)?);
        }
        let traces: HashSet<TraceId> = traces.into_iter().collect();
        claimed.retain(|trace| !traces.contains(trace));
        claimed.sort_unstable();
        claimed.dedup();
        let others = self.known_of(&claimed)?;
        for known in &others {
            let named = known.facts.interactions.iter().filter_map(|id| numbers.get(id.as_str()));
            calls.extend(named.map(|number| (*number, &known.facts)));
        }
        calls.sort_unstable_by_key(|(number, _)| *number);
        let mut facts = Vec::new();
        for call in calls.chunk_by(|(one, _), (other, _)| one == other) {
            facts.clear();
            facts.extend(call.iter().map(|(_, facts)| *facts));
            let call = Call(&facts);
            if call.fits(filter) {
                see(call);
            }
        }
        Ok((complete_from, false))
    }

    fn known_of(&mut self, traces: &[TraceId]) -> Result<Vec<Arc<Fragment>>, StoreError> {
        self.know(traces.iter().copied())?;
        Ok(traces.iter().filter_map(|trace| self.known.get(trace).cloned().flatten()).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::part::Part;
    use crate::question::Limits;
    use crate::select;
    use crate::shelf::Shelf;
    use crate::testing::sample::arbitrary_span;

    proptest! {
        /// In one part, in several, and with a filter made of what one of them is.
        #[test]
        fn are_what_their_summaries_are(
            spans in prop::collection::vec(arbitrary_span(), 1..60),
            cut in 0usize..60,
            like in any::<prop::sample::Index>(),
            errors in any::<bool>(),
        ) {
            let (one, other) = spans.split_at(cut.min(spans.len()));
            let shelves = [one, other].map(|spans| {
                let mut shelf = Shelf::default();
                shelf.append(spans.to_vec(), 0);
                shelf
            });
            let parts: Vec<&dyn Part> = shelves.iter().map(|shelf| shelf as &dyn Part).collect();
            let mut reader = Reader::new(&parts, Limits::default());
            let all = reader.calls(Range::ALL, &Filter::default()).unwrap().calls;
            let filter = if all.is_empty() { Filter::default() } else {
                let like = like.get(&all);
                Filter {
                    region: like.region.clone(),
                    outcome: like.outcome.clone(),
                    queue: like.queues.first().cloned(),
                    stage: like.stages.last().map(|(stage, _)| *stage),
                    min_duration_ns: Some(like.duration_ns()),
                    errors,
                    ..Filter::default()
                }
            };
            for filter in [Filter::default(), filter] {
                let stretches = |of: &dyn Fn(Stage) -> Option<u64>| Stage::ALL.map(of).to_vec();
                let mut told: Vec<_> = all
                    .iter()
                    .filter(|call| select::fits(&filter, call))
                    .map(|call| {
                        let took = |stage| call.stages.iter().find(|(of, _)| *of == stage).map(|(_, took)| *took);
                        let names = (call.region.clone(), call.outcome.clone());
                        (call.start_ns, call.end_ns, call.running(), names, stretches(&took))
                    })
                    .collect();
                let mut seen = Vec::new();
                let mut reader = Reader::new(&parts, Limits::default());
                reader.each_call(Range::ALL, &filter, |call| {
                    let took = |stage| call.stretch(stage).map(|stretch| stretch.duration_ns);
                    let names = (call.region().map(str::to_owned), call.outcome().map(str::to_owned));
                    seen.push((call.start_ns(), call.end_ns(), call.running(), names, stretches(&took)));
                }).unwrap();
                told.sort();
                seen.sort();
                prop_assert_eq!(seen, told);
            }
        }
    }
}
