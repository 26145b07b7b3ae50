//! Display masking: a store whose answers hide what is personal. What processors removed is gone; this is only hidden, and
//! those who may see it ask the store behind it.
//!
//! Everything that is read passes [`Hiding`], whichever question it is for, so no answer can forget to hide anything, and
//! no search finds by what it may not show. SQL reads files by itself: it is refused here.

mod text;
mod span;

use std::cell::RefCell;
use std::sync::Arc;

use flow::BoxFuture;
use store_api::analysis::rollup::{Kept, Rollups};
use store_api::attr_keys::AttrKeys;
use store_api::carried::Carried;
use store_api::part::{Fragment, Most, Part, Row, Started};
use store_api::read::Reader;
use store_api::store::Look;
use store_api::{Appended, Limits, Range, Span, StoreError, TraceStore, sql};
use throughline_context::TraceId;

use span::Spans;

/// A store with its answers masked.
pub(crate) struct Masked(pub(crate) Arc<dyn TraceStore>);

impl TraceStore for Masked {
    fn append(&self, spans: Vec<Span>) -> BoxFuture<'_, Result<Appended, StoreError>> {
        self.0.append(spans)
    }

    fn look(&self, limits: Limits, look: Look) -> BoxFuture<'_, Result<(), StoreError>> {
        let hidden: Look = Box::new(move |reader| {
            let spans = RefCell::default();
            let parts: Vec<_> =
                reader.parts().iter().map(|part| Hiding { part: *part, spans: &spans }).collect();
            let parts: Vec<&dyn Part> = parts.iter().map(|part| part as &dyn Part).collect();
            let rollups = reader.rollups().map(|rollups| HidingRollups { rollups, spans: &spans });
            let mut shown = Reader::new(&parts, limits);
            if let Some(rollups) = &rollups {
                shown = shown.with_rollups(rollups);
            }
            look(&mut shown)
        });
        self.0.look(limits, hidden)
    }

    fn sql(&self, _: sql::Question) -> BoxFuture<'_, Result<sql::Answer, sql::Failed>> {
        let refused = sql::Failed::Refused("SQL would read what is masked".to_owned());
        Box::pin(std::future::ready(Err(refused)))
    }

    fn flush(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.0.flush()
    }
}

/// A part of a store, whose texts are masked as they are read.
struct Hiding<'a> {
    part: &'a dyn Part,
    spans: &'a RefCell<Spans>,
}

impl Hiding<'_> {
    fn hide(&self, found: Vec<(TraceId, Arc<Fragment>)>) -> Vec<(TraceId, Arc<Fragment>)> {
        let mut spans = self.spans.borrow_mut();
        found.into_iter().map(|(trace, fragment)| (trace, spans.fragment(fragment))).collect()
    }

    fn hiding(&self, found: Started) -> Started {
        Started { whole: self.hide(found.whole), ..found }
    }
}

impl Part for Hiding<'_> {
    fn fragments(&self, traces: &[TraceId]) -> Result<Vec<(TraceId, Arc<Fragment>)>, StoreError> {
        Ok(self.hide(self.part.fragments(traces)?))
    }

    fn traces_of(&self, interactions: &[&str]) -> Result<Vec<TraceId>, StoreError> {
        self.part.traces_of(interactions)
    }

    fn started(&self, range: Range, most: usize) -> Result<Started, StoreError> {
        Ok(self.hiding(self.part.started(range, most)?))
    }

    fn open(&self, range: Range, most: usize) -> Result<Started, StoreError> {
        Ok(self.hiding(self.part.open(range, most)?))
    }

    fn rows(&self, traces: &[TraceId], most: Most) -> Result<Vec<Row>, StoreError> {
        let found = self.part.rows(traces, most)?;
        let mut spans = self.spans.borrow_mut();
        Ok(found.into_iter().map(|row| Row { span: spans.span(row.span), ..row }).collect())
    }

    fn attr_keys(&self, range: Range) -> Result<Option<AttrKeys>, StoreError> {
        let mut spans = self.spans.borrow_mut();
        let found = self.part.attr_keys(range)?;
        Ok(found.map(|found| found.renamed(|key, kind, text| spans.value_of(key, kind, text))))
    }

    /// The filters know what was sent: they can tell who carries a text that is shown as it is, and nothing of one that
    /// stands in the place of another.
    fn carrying(&self, carried: &Carried, range: Range) -> Result<Option<Started>, StoreError> {
        if carried.text.contains(text::DOTS) { Ok(None) } else { self.part.carrying(carried, range) }
    }
}

/// What was counted of a store, under the names that its spans are shown with.
struct HidingRollups<'a> {
    rollups: &'a dyn Rollups,
    spans: &'a RefCell<Spans>,
}

impl Rollups for HidingRollups<'_> {
    fn rollups(&self, range: Range, widest: u64) -> Result<Kept, StoreError> {
        let mut kept = self.rollups.rollups(range, widest)?;
        let mut spans = self.spans.borrow_mut();
        for rows in &mut kept.rows {
            Arc::make_mut(rows).iter_mut().for_each(|row| spans.series(&mut row.series));
        }
        Ok(kept)
    }
}

#[cfg(test)]
mod tests {
    use store_api::analysis::observe::Traced;
    use store_api::analysis::rollup::{Rollup, Row as Counted};
    use store_api::testing::Sample;

    use super::*;

    const NAME: &str = "dial +44 20 7946 0318";

    /// Counts one span, and shows none.
    struct Counting;

    impl Rollups for Counting {
        fn rollups(&self, _: Range, _: u64) -> Result<Kept, StoreError> {
            let span = Arc::new(Sample::new(1, 1).change(|span| span.name = NAME.to_owned()).span());
            let mut rollup = Rollup::new(1, 1);
            Traced::of(&[&span]).observations().for_each(|seen| rollup.add(&seen));
            Ok(Kept { rows: vec![Arc::new(rollup.rows())], rest: Vec::new() })
        }
    }

    impl TraceStore for Counting {
        fn append(&self, _: Vec<Span>) -> BoxFuture<'_, Result<Appended, StoreError>> {
            Box::pin(async { Ok(Appended::default()) })
        }

        fn look(&self, limits: Limits, look: Look) -> BoxFuture<'_, Result<(), StoreError>> {
            Box::pin(std::future::ready(look(&mut Reader::new(&[], limits).with_rollups(self))))
        }

        fn flush(&self) -> BoxFuture<'_, Result<(), StoreError>> {
            Box::pin(async { Ok(()) })
        }
    }

    #[tokio::test]
    async fn what_was_counted_has_the_names_that_spans_are_shown_with() {
        let (tell, told) = std::sync::mpsc::channel();
        let look: Look = Box::new(move |reader| {
            let kept = reader.rollups().unwrap().rollups(Range::ALL, u64::MAX)?;
            let operation = |row: &Counted| row.series.operation.as_deref().map(str::to_owned);
            tell.send(kept.rows().filter_map(operation).collect::<Vec<_>>()).unwrap();
            Ok(())
        });
        Masked(Arc::new(Counting)).look(Limits::default(), look).await.unwrap();
        assert_eq!(told.recv().unwrap(), ["dial •••318"]);
    }
}
