//! What a trace of a batch amounts to, as a row of the table `interactions`, and back.

use std::sync::Arc;

use store_api::facts::Facts;
use store_api::few::FewSet;
use store_api::part::Fragment;
use throughline_context::TraceId;

use crate::span::signed;
use crate::wire::{Rows, Write, Wrong};

/// Writes one row but for its last column, `seq`.
pub(crate) fn write(trace: TraceId, fragment: &Fragment, to: &mut Vec<u8>) {
    let facts = &fragment.facts;
    to.text(facts.interactions.first().map_or("", String::as_str));
    to.text(&trace.to_string());
    texts(&facts.interactions, to);
    let numbers = [
        facts.start_ns,
        facts.last_start_ns,
        facts.end_ns,
        facts.spans,
        facts.errors,
        facts.open.len() as u64,
    ];
    numbers.into_iter().for_each(|number| to.long(signed(number)));
    let (queues, agents) = (facts.queues.in_order(), facts.agents.in_order());
    let timed = |value: &Option<(u64, Arc<str>)>| value.as_ref().map(|(_, value)| Arc::clone(value));
    to.maybe(queues.first().map(String::as_str));
    to.maybe(facts.region.as_ref().map(|(_, _, region)| region.as_ref()));
    to.maybe(timed(&facts.channel).as_deref());
    to.maybe(timed(&facts.direction).as_deref());
    to.maybe(agents.first().map(String::as_str));
    to.maybe(timed(&facts.outcome).as_deref());
    for list in [queues, agents, facts.services.in_order()] {
        texts(&list, to);
    }
    to.count(facts.stages.len());
    for (stage, stretch) in facts.stages.iter() {
        to.text(stage.name());
        to.long(signed(stretch.duration_ns));
    }
    // Relative times compress, and the interactions are there already.
    let after = Facts { interactions: FewSet::default(), ..facts.at(|ns| ns.wrapping_sub(facts.start_ns)) };
    to.text(&serde_json::to_string(&after).unwrap_or_default());
    to.count(fragment.ids.len());
    fragment.ids.iter().for_each(|id| to.extend_from_slice(&id.to_le_bytes()));
}

fn texts<'a>(texts: impl IntoIterator<Item = &'a String, IntoIter: ExactSizeIterator>, to: &mut Vec<u8>) {
    let texts = texts.into_iter();
    to.count(texts.len());
    texts.for_each(|text| to.text(text));
}

/// The columns that make a fragment, in the order in which [`read`] reads them.
pub(crate) const COLUMNS: &str = "trace_id, interactions, start_ns, facts, ids";

pub(crate) fn read(from: &mut Rows<'_>) -> Result<(TraceId, Arc<Fragment>), Wrong> {
    let trace = from.text()?.parse().map_err(|_| "a trace id is garbled")?;
    let interactions = from.list(|from| from.text().map(str::to_owned))?.into_iter().collect();
    let start = from.number()?;
    let facts: Facts =
        serde_json::from_str(from.text()?).map_err(|error| format!("`facts` is not JSON: {error}"))?;
    let facts = Facts { interactions, ..facts.at(|ns| ns.wrapping_add(start)) };
    Ok((trace, Arc::new(Fragment { facts, ids: from.list(Rows::u32)? })))
}
