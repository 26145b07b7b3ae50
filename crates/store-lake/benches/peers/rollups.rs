//! Percentiles by stage, queue and region from what is counted beforehand, beside the same from every span.

use std::collections::BTreeMap;
use std::sync::{Arc, mpsc};

use store_api::analysis::histogram::Histogram;
use store_api::analysis::rollup::{OTHER, wide_step, widened};
use store_api::span::key;
use store_api::{Limits, Range, Span, Stage, TraceStore};
use store_lake::Lake;
use tokio::time::Instant;

use crate::limits;
use crate::ours::{Spread, spread};
use crate::spans::{Centre, Mark};

const LIMIT_MS: f64 = 100.0;
const LIMIT_OFF: f64 = 0.011;
const QUANTILES: [f64; 3] = [0.5, 0.95, 0.99];
const LOOKS: usize = 20;

type Key = (Stage, Option<Arc<str>>, Option<Arc<str>>);

struct Told {
    groups: BTreeMap<Key, Histogram>,
    rows: usize,
    took_ms: f64,
}

/// One look, with all quantiles made.
async fn percentiles(lake: &Lake, range: Range) -> Told {
    let (tell, told) = mpsc::channel();
    let (_, widest) = wide_step(range.to - range.from, 48);
    let began = Instant::now();
    let look = lake.look(
        Limits::default(),
        Box::new(move |reader| {
            let kept = reader.rollups().expect("a lake counts").rollups(widened(range, widest), widest)?;
            assert!(kept.rest.is_empty(), "all of it is counted");
            let mut groups: BTreeMap<Key, Histogram> = BTreeMap::new();
            for row in kept.rows() {
                let Some(stage) = row.series.stage else { continue };
                let key = (stage, row.series.queue.clone(), row.series.region.clone());
                groups.entry(key).or_insert_with(Histogram::precise).merge(&row.histogram);
            }
            for histogram in groups.values() {
                std::hint::black_box(QUANTILES.map(|q| histogram.quantile(q)));
            }
            drop(tell.send((groups, kept.rows().count())));
            Ok(())
        }),
    );
    look.await.unwrap();
    let took_ms = began.elapsed().as_secs_f64() * 1e3;
    let (groups, rows) = told.recv().unwrap();
    Told { groups, rows, took_ms }
}

/// Durations of the finished spans with a stage that started in a range, in order.
fn every_span(centre: &Centre, marks: &[Mark], range: Range) -> BTreeMap<Key, Vec<u64>> {
    let mut groups: BTreeMap<Key, Vec<u64>> = BTreeMap::new();
    for some in marks.chunks(100_000) {
        for span in centre.spans(some).iter().filter(|span| range.contains(span.start_ns)) {
            let Some(stage) = span.stage() else { continue };
            let text = |name| Span::text(span, name).map(Arc::from);
            let key = (stage, text(key::QUEUE), text(key::REGION));
            groups.entry(key).or_default().push(span.duration_ns);
        }
    }
    groups.values_mut().for_each(|durations| durations.sort_unstable());
    groups
}

/// The first look opens what is kept; then the spread of those after it.
pub(crate) async fn show(
    lake: &Lake,
    centre: &Centre,
    marks: &[Mark],
    what: &str,
    range: Range,
    limits: &mut limits::Limits,
) {
    let first = percentiles(lake, range).await;
    let mut took = Vec::new();
    for _ in 0..LOOKS {
        took.push(percentiles(lake, range).await.took_ms);
    }
    let Spread { p50, p95, .. } = spread(took);
    let (_, widest) = wide_step(range.to - range.from, 48);
    let exact = every_span(centre, marks, widened(range, widest));
    let (mut named, mut all, mut off) = (0, 0, 0.0_f64);
    for (key, durations) in &exact {
        all += durations.len();
        let Some(histogram) = first.groups.get(key).filter(|of| of.count() == durations.len() as u64) else {
            continue;
        };
        named += durations.len();
        for q in QUANTILES {
            let rank = ((durations.len() as f64 * q).ceil() as usize).max(1) - 1;
            let told = histogram.quantile(q).unwrap() as f64;
            off = off.max((told / durations[rank] as f64 - 1.0).abs());
        }
    }
    let counted: u64 = first.groups.values().map(Histogram::count).sum();
    let other = first.groups.iter().filter(|((_, queue, _), _)| queue.as_deref() == Some(OTHER));
    let other: u64 = other.map(|(_, histogram)| histogram.count()).sum();
    assert_eq!(counted, all as u64, "each span counts once");
    println!(
        "  {what}: {} groups of {} rows; first {:.1} ms, then p50 {p50:.1} ms, p95 {p95:.1} ms; \
         off by at most {:.2} % in groups with {:.1} % of {all} spans; {other} without their names",
        exact.len(),
        first.rows,
        first.took_ms,
        off * 100.0,
        named as f64 * 100.0 / all.max(1) as f64,
    );
    limits.at_most(format!("percentiles from rollups, {what}, first look, ms"), first.took_ms, LIMIT_MS);
    limits.at_most(format!("percentiles from rollups, {what}, ms p95"), p95, LIMIT_MS);
    limits.at_most(format!("percentiles from rollups, {what}, off by, %"), off * 100.0, LIMIT_OFF * 100.0);
}
