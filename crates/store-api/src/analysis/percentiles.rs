//! Where each span of an interaction stands among those of its kind.

use std::collections::HashMap;

use throughline_context::{SpanId, TraceId};

use super::counted::Finished;
use super::histogram::Histogram;
use super::rollup;
use super::scope::{Covered, Scope};
use crate::error::StoreError;
use crate::question::Range;
use crate::read::Reader;
use crate::span::Span;
use crate::stage::Stage;
use crate::time::Hour;

/// On both sides of the interaction's start, where nothing else is asked for.
const AROUND_NS: u64 = 24 * 3_600_000_000_000;

#[derive(Clone, Debug)]
pub struct Question {
    pub id: String,
    pub from: Option<u64>,
    pub to: Option<u64>,
    /// Its range does not count.
    pub scope: Scope,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Percentiles {
    pub covered: Covered,
    /// In the order in which the interaction comes to them.
    pub kinds: Vec<Counted>,
    pub spans: Vec<Badge>,
}

/// All spans of one kind.
#[derive(Clone, PartialEq, Debug)]
pub struct Counted {
    pub kind: Kind,
    pub histogram: Histogram,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Badge {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    /// Its place among the kinds.
    pub kind: usize,
    pub n: u64,
    /// 0 to 100: so many in a hundred took no longer.
    pub percentile: f64,
}

/// Of one stage, or one operation of one service.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    Stage(Stage),
    /// Its service and its name.
    Operation(String, String),
}

impl Kind {
    fn of(stage: Option<Stage>, service: &str, operation: &str) -> Self {
        match stage {
            Some(stage) => Self::Stage(stage),
            None => Self::Operation(service.to_owned(), operation.to_owned()),
        }
    }

    fn of_span(span: &Span) -> Self {
        Self::of(span.stage(), span.resource.service(), &span.name)
    }

    fn of_finished(one: &Finished<'_>) -> Option<Self> {
        match (one, one.stage()) {
            (_, Some(stage)) => Some(Self::Stage(stage)),
            (Finished::Span(_, seen), None) => Some(Self::of(None, seen.service, seen.operation)),
            (Finished::Row(row), None) => {
                Some(Self::of(None, row.series.service.as_deref()?, row.series.operation.as_deref()?))
            }
        }
    }
}

impl Reader<'_> {
    /// Nothing where no span carries the id.
    pub(crate) fn percentiles(&mut self, question: &Question) -> Result<Option<Percentiles>, StoreError> {
        let Some(call) = self.interaction(&question.id)? else { return Ok(None) };
        let start = call.summary.start_ns;
        let around = Range { from: start.saturating_sub(AROUND_NS), to: start.saturating_add(AROUND_NS) };
        let around = rollup::widened(around, Hour::NS);
        let range =
            Range { from: question.from.unwrap_or(around.from), to: question.to.unwrap_or(around.to) };
        let finished = || call.spans.iter().filter(|span| span.finished());
        let mut kinds: HashMap<Kind, Histogram> =
            finished().map(|span| (Kind::of_span(span), Histogram::precise())).collect();
        let covered = self.each_finished(&question.scope.at(range), u64::MAX, |one| {
            if let Some(histogram) = Kind::of_finished(one).and_then(|kind| kinds.get_mut(&kind)) {
                one.record(histogram);
            }
        })?;
        let (mut told, mut places): (Vec<Counted>, HashMap<Kind, usize>) = Default::default();
        let mut spans = Vec::new();
        for span in finished() {
            let kind = Kind::of_span(span);
            let place = match places.get(&kind) {
                Some(place) => *place,
                None => {
                    let Some(histogram) = kinds.remove(&kind).filter(|of| of.count() > 0) else { continue };
                    told.push(Counted { kind: kind.clone(), histogram });
                    places.insert(kind, told.len() - 1);
                    told.len() - 1
                }
            };
            let Some(Counted { histogram, .. }) = told.get(place) else { continue };
            let (n, up_to) = (histogram.count(), histogram.up_to(span.duration_ns));
            let percentile = 100.0 * up_to as f64 / n as f64;
            spans.push(Badge { trace_id: span.trace_id, span_id: span.span_id, kind: place, n, percentile });
        }
        Ok(Some(Percentiles { covered, kinds: told, spans }))
    }
}
