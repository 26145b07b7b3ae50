//! From candidates to one page: filter, count, sort, cut.

use std::collections::HashMap;

use crate::answer::{Count, Facets, Page};
use crate::question::{Cursor, Filter, Recent};
use crate::summary::Summary;

/// Most values of one facet.
const VALUES: usize = 50;

/// What a search finds.
#[derive(Default)]
pub(crate) struct Found {
    /// All that started at `complete_from` or later.
    pub(crate) calls: Vec<Summary>,
    pub(crate) complete_from: u64,
    /// Of some not all spans were looked at.
    pub(crate) cut: bool,
}

/// `older` is what ids lead to that started before all was looked at: it is on the page where there is room for all of it.
pub(crate) fn page(found: Found, older: Vec<Summary>, question: &Recent) -> Page {
    let Found { calls, complete_from, cut } = found;
    let mut tally = Tally::default();
    let mut fitting = |calls: Vec<Summary>| -> Vec<Summary> {
        let fits = |summary: &Summary| {
            let misses = misses(&question.filter, summary);
            tally.count(summary, misses);
            misses == 0
        };
        calls.into_iter().filter(fits).collect()
    };
    let (mut hits, older) = (fitting(calls), fitting(older));
    hits.sort_by(|a, b| b.start_ns.cmp(&a.start_ns).then_with(|| a.id.cmp(&b.id)));
    if let Some(cursor) = &question.cursor {
        hits.retain(|hit| {
            hit.start_ns < cursor.start_ns
                || (hit.start_ns == cursor.start_ns && !cursor.id.is_empty() && hit.id > cursor.id)
        });
    }
    let led = !older.is_empty() && older.len() <= question.limit.saturating_sub(hits.len());
    if led {
        hits.extend(older);
        hits.sort_by(|a, b| b.start_ns.cmp(&a.start_ns).then_with(|| a.id.cmp(&b.id)));
    }
    let led = led || question.cursor.as_ref().is_some_and(|cursor| cursor.led);
    let truncated = complete_from > question.range.from;
    let more = hits.len() > question.limit;
    hits.truncate(question.limit);
    let next = match hits.last() {
        Some(last) if more => Some(Cursor { start_ns: last.start_ns, id: last.id.clone(), led }),
        _ if truncated => Some(Cursor { start_ns: complete_from, id: String::new(), led }),
        _ => None,
    };
    let facets = if question.cursor.is_none() { tally.facets() } else { Facets::default() };
    Page { interactions: hits, next, facets, truncated: truncated || cut }
}

const REGION: u8 = 1;
const QUEUE: u8 = 2;
const CHANNEL: u8 = 4;
const OUTCOME: u8 = 8;
const SERVICE: u8 = 16;
const OTHER: u8 = 32;

/// One bit for each facet whose filter does not hold, and one for all other filters.
fn misses(filter: &Filter, summary: &Summary) -> u8 {
    let is = |wanted: &Option<String>, value: &Option<String>| wanted.is_none() || wanted == value;
    let among = |wanted: &Option<String>, values: &[String]| {
        wanted.as_ref().is_none_or(|wanted| values.contains(wanted))
    };
    let other = filter.stage.is_none_or(|wanted| summary.stages.iter().any(|(stage, _)| *stage == wanted))
        && among(&filter.agent, &summary.agents)
        && filter.min_duration_ns.is_none_or(|least| summary.duration_ns() >= least)
        && (!filter.errors || summary.error_count > 0);
    [
        (REGION, is(&filter.region, &summary.region)),
        (QUEUE, among(&filter.queue, &summary.queues)),
        (CHANNEL, is(&filter.channel, &summary.channel)),
        (OUTCOME, is(&filter.outcome, &summary.outcome)),
        (SERVICE, among(&filter.service, &summary.services)),
        (OTHER, other),
    ]
    .into_iter()
    .filter(|(_, holds)| !holds)
    .fold(0, |bits, (bit, _)| bits | bit)
}

/// Whether all but the search holds.
pub(crate) fn fits(filter: &Filter, summary: &Summary) -> bool {
    misses(filter, summary) == 0
}

#[derive(Default)]
struct Tally {
    region: HashMap<String, u64>,
    queue: HashMap<String, u64>,
    channel: HashMap<String, u64>,
    outcome: HashMap<String, u64>,
    service: HashMap<String, u64>,
}

impl Tally {
    /// A facet shows what would be found with another value in its place.
    fn count(&mut self, summary: &Summary, misses: u8) {
        let one = |value: &Option<String>| value.iter().cloned().collect::<Vec<_>>();
        for (bit, counts, values) in [
            (REGION, &mut self.region, one(&summary.region)),
            (QUEUE, &mut self.queue, summary.queues.clone()),
            (CHANNEL, &mut self.channel, one(&summary.channel)),
            (OUTCOME, &mut self.outcome, one(&summary.outcome)),
            (SERVICE, &mut self.service, summary.services.clone()),
        ] {
            if misses & !bit == 0 {
                values.into_iter().for_each(|value| *counts.entry(value).or_default() += 1);
            }
        }
    }

    fn facets(self) -> Facets {
        Facets {
            region: sorted(self.region),
            queue: sorted(self.queue),
            channel: sorted(self.channel),
            outcome: sorted(self.outcome),
            service: sorted(self.service),
        }
    }
}

fn sorted(counts: HashMap<String, u64>) -> Vec<Count> {
    let mut counts: Vec<_> = counts.into_iter().map(|(value, count)| Count { value, count }).collect();
    counts.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
    counts.truncate(VALUES);
    counts
}
