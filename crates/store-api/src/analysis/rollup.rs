//! Observations counted by what they have in common: the rows that a store may keep instead of looking at spans again.

mod kept;
mod sum;
#[cfg(test)]
pub(crate) mod by_hand;

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use throughline_context::{SpanId, TraceId};

use super::histogram::Histogram;
use super::observe::{Context, Observation};
use crate::span::Span;
use crate::stage::Stage;

pub use kept::{Kept, LEAST_NS, Rollups, WIDTHS, wide_step, widened};
pub use sum::Sum;

/// What the observations of one row have in common. Spans with a stage have stage, queue, region and channel, others
/// service, operation, region and version.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Series {
    pub stage: Option<Stage>,
    pub service: Option<Arc<str>>,
    pub operation: Option<Arc<str>>,
    pub queue: Option<Arc<str>>,
    pub region: Option<Arc<str>>,
    pub channel: Option<Arc<str>>,
    pub version: Option<Arc<str>>,
    pub failed: bool,
}

/// One series in one step of time.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    /// Where the step begins.
    pub t: u64,
    /// When the first of its spans started.
    pub first_ns: u64,
    pub series: Series,
    /// Count, sum, least and greatest among it.
    pub histogram: Histogram,
    /// The slowest first.
    pub exemplars: Vec<Exemplar>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Exemplar {
    pub duration_ns: u64,
    pub trace_id: TraceId,
    pub span_id: SpanId,
}

/// Takes the place of names when there are too many series.
pub const OTHER: &str = "__other__";
/// Series that are told apart, in what is kept.
pub const SERIES: usize = 5000;
/// Exemplars of one row.
const EXEMPLARS: usize = 3;

/// Rows in the making.
pub struct Rollup {
    step_ns: u64,
    most: usize,
    texts: Texts,
    series: HashSet<Series>,
    rows: HashMap<(u64, Series), Row>,
}

/// Few different texts come in many spans.
#[derive(Default)]
pub struct Texts(HashSet<Arc<str>>);

impl Texts {
    pub fn shared(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        self.0.insert(Arc::clone(&new));
        new
    }
}

impl Rollup {
    /// Of so many series at most; what comes later is counted without its names.
    pub fn new(step_ns: u64, most: usize) -> Self {
        let (texts, series, rows) = (Texts::default(), HashSet::new(), HashMap::new());
        Self { step_ns: step_ns.max(1), most, texts, series, rows }
    }

    pub fn add(&mut self, seen: &Observation<'_>) {
        let series = Series::of(seen, &mut self.texts);
        let Span { duration_ns, trace_id, span_id, start_ns, .. } = *seen.span.as_ref();
        self.count(series, start_ns, Exemplar { duration_ns, trace_id, span_id });
    }

    /// Adds one that started then and is its own example.
    pub fn count(&mut self, mut series: Series, start_ns: u64, one: Exemplar) {
        if !self.series.contains(&series) {
            if self.series.len() >= self.most {
                series = series.folded(&mut self.texts);
            }
            self.series.insert(series.clone());
        }
        let t = start_ns - start_ns % self.step_ns;
        let row = self.rows.entry((t, series)).or_insert_with_key(|(t, series)| Row::empty(*t, series));
        row.first_ns = row.first_ns.min(start_ns);
        row.histogram.record(one.duration_ns);
        row.exemplify(&[one]);
    }

    /// In the order of time, and of one time in that of the series.
    pub fn rows(self) -> Vec<Row> {
        in_order(self.rows)
    }
}

fn in_order(rows: HashMap<(u64, Series), Row>) -> Vec<Row> {
    let mut rows: Vec<Row> = rows.into_values().collect();
    rows.sort_by(|a, b| (a.t, &a.series).cmp(&(b.t, &b.series)));
    rows
}

impl Row {
    fn empty(t: u64, series: &Series) -> Self {
        let (histogram, exemplars) = (Histogram::precise(), Vec::new());
        Self { t, first_ns: u64::MAX, series: series.clone(), histogram, exemplars }
    }

    fn exemplify(&mut self, more: &[Exemplar]) {
        self.exemplars.extend(more);
        self.exemplars.sort_unstable_by_key(|one| Reverse(*one));
        self.exemplars.truncate(EXEMPLARS);
    }
}

impl Series {
    pub fn of(seen: &Observation<'_>, texts: &mut Texts) -> Self {
        let mut text = |value: Option<&str>| value.map(|value| texts.shared(value));
        let (region, failed) = (text(seen.region), seen.failed);
        match seen.stage {
            Some(_) => Self {
                stage: seen.stage,
                queue: text(seen.queue),
                region,
                channel: text(seen.channel),
                failed,
                ..Self::default()
            },
            None => Self {
                service: text(Some(seen.service)),
                operation: text(Some(seen.operation)),
                region,
                version: text(seen.version),
                failed,
                ..Self::default()
            },
        }
    }

    /// With what its trace says of a span that says no more than this itself.
    pub fn within(&self, context: &Context<&Arc<str>>, start_ns: u64) -> Self {
        let mut series = self.clone();
        let told = |text: Option<&&Arc<str>>| text.map(|text| Arc::clone(text));
        series.region = series.region.or_else(|| told(context.region()));
        if series.stage.is_some() {
            series.queue = series.queue.or_else(|| told(context.queue_at(start_ns)));
            series.channel = series.channel.or_else(|| told(context.channel()));
        }
        series
    }

    /// As it is counted where there are too many.
    pub fn nameless(self) -> Self {
        self.folded(&mut Texts::default())
    }

    fn folded(mut self, texts: &mut Texts) -> Self {
        let names = [
            &mut self.service,
            &mut self.operation,
            &mut self.queue,
            &mut self.region,
            &mut self.channel,
            &mut self.version,
        ];
        for name in names.into_iter().flatten() {
            *name = texts.shared(OTHER);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::observe::Traced;
    use crate::span::{Span, key};
    use crate::testing::Sample;
    use crate::testing::sample::{NINE, SECOND};

    fn rows(samples: impl IntoIterator<Item = Sample>, most: usize) -> Vec<Row> {
        let spans: Vec<Arc<Span>> = samples.into_iter().map(|sample| Arc::new(sample.span())).collect();
        let mut rollup = Rollup::new(60 * SECOND, most);
        for span in &spans {
            Traced::of(&[span]).observations().for_each(|one| rollup.add(&one));
        }
        rollup.rows()
    }

    #[test]
    fn a_row_holds_what_has_all_names_and_the_step_in_common() {
        let queue = |n: u8, name: &str| {
            Sample::new(n, 1).stage(Stage::Queue).with(key::QUEUE, name).at(u64::from(n) * 20, u64::from(n))
        };
        let rows = rows([queue(1, "a"), queue(2, "a"), queue(3, "a"), queue(1, "b"), Sample::new(9, 1)], 100);
        let told: Vec<_> = rows
            .iter()
            .map(|row| ((row.t - NINE) / SECOND, row.series.queue.as_deref(), row.histogram.count()))
            .collect();
        assert_eq!(told, [(0, None, 1), (0, Some("a"), 2), (0, Some("b"), 1), (60, Some("a"), 1)]);
        let exemplars: Vec<_> = rows[1].exemplars.iter().map(|one| one.duration_ns / SECOND).collect();
        assert_eq!(exemplars, [2, 1]);
        let application = &rows[0].series;
        assert_eq!(
            (application.service.as_deref(), application.operation.as_deref()),
            (Some("ivr"), Some("span 1"))
        );
    }

    #[test]
    fn too_many_series_are_counted_together() {
        let spans = (1..=9u8).map(|n| Sample::new(n, n));
        let rows = rows(spans, 3);
        assert_eq!(rows.len(), 4);
        assert_eq!(rows.iter().map(|row| row.histogram.count()).sum::<u64>(), 9);
        let other = rows.iter().find(|row| row.series.operation.as_deref() == Some(OTHER));
        assert_eq!(other.map(|row| row.histogram.count()), Some(6));
    }
}
