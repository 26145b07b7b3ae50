use proptest::prelude::*;
use store_api::TraceStore;
use store_api::door::Settings;
use store_api::span::Span;
use store_api::testing::Sample;
use store_api::testing::sample::{NINE, SECOND, arbitrary_span};

use super::*;
use crate::disk::{self, Disk};
use crate::lake::{Inner, Lake, now_ns};

/// Some spans in files and the last ones in memory; nothing happens in the background.
async fn kept(directory: &tempfile::TempDir, batches: &[Vec<Span>]) -> Lake {
    let lock = disk::lock(directory.path()).unwrap().unwrap();
    let settings = Settings { directory: directory.path().to_owned(), ..Settings::default() };
    let lake = Lake::of(Inner::open_on(Disk::new(directory.path()), settings, lock, now_ns()).unwrap());
    for (number, batch) in (1..).zip(batches) {
        lake.append(batch.clone()).await.unwrap();
        if number < batches.len() {
            lake.flush().await.unwrap();
        }
    }
    lake
}

fn overlap(lake: &Lake, memo: &Memo, range: Range) -> (Overlap, Arc<List>) {
    let inner = lake.inner();
    let (shelves, list) = inner.now();
    let shelves: Vec<_> = shelves.iter().collect();
    (Overlap::of(&inner.files, &list, &shelves, memo, range).unwrap(), list)
}

/// What of it an answer about the range can show: rows that do not count and files that are patched, with the traces that
/// they are patched for, and rows in memory.
type Shown = (Vec<(u64, Vec<usize>)>, Vec<u64>, Vec<(String, Option<String>)>, Vec<String>);

fn shown(lake: &Lake, overlap: &Overlap, list: &List, range: Range) -> Shown {
    let mut reached = list.clone();
    reached.retain(|_, file| range.overlaps(file.about.first_start_ns, file.about.last_start_ns));
    let losers = overlap.losers.iter().filter(|(of, _)| reached.contains_key(of));
    let mut losers: Vec<_> = losers.map(|(of, rows)| (*of, rows.clone())).collect();
    losers.sort();
    let mut patched: Vec<_> = overlap.patched.iter().copied().filter(|of| reached.contains_key(of)).collect();
    patched.sort_unstable();
    let files = &lake.inner().files;
    let is_there = |trace: &TraceId| {
        reached
            .values()
            .any(|file| files.traces(file).ok().is_some_and(|traces| traces.get(*trace).is_some()))
    };
    let interactions = overlap.interactions.iter().filter(|(trace, _)| is_there(&trace.parse().unwrap()));
    let mut interactions: Vec<_> = interactions.map(|(trace, id)| (trace.clone(), id.clone())).collect();
    interactions.sort();
    let hot = overlap.hot.iter().filter(|(_, row)| range.contains(row.span.start_ns));
    let mut hot: Vec<_> = hot.map(|(id, row)| format!("{id:?} {:?} {}", row.span, row.seq)).collect();
    hot.sort();
    (losers, patched, interactions, hot)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn what_a_range_shows_is_what_all_show_of_it(
        batches in prop::collection::vec(prop::collection::vec(arbitrary_span(), 1..8), 2..5),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let directory = tempfile::tempdir().unwrap();
            let lake = kept(&directory, &batches).await;
            let memo = Memo::default();
            let hours = (0..3).map(|hour| NINE + hour * 3600 * SECOND);
            let ranges = hours.map(|from| Range { from, to: from + 3600 * SECOND });
            for range in ranges.chain([Range::ALL]) {
                let (all, list) = overlap(&lake, &Memo::default(), Range::ALL);
                let (some, _) = overlap(&lake, &memo, range);
                assert_eq!(shown(&lake, &some, &list, range), shown(&lake, &all, &list, range), "{range:?}");
            }
        });
    }
}

/// Scenario: forty traces, each in two files of its own hour, or in one and in memory; a question about one hour.
/// Guarantees: only the traces of that hour are looked at.
#[tokio::test]
async fn a_question_about_an_hour_looks_at_the_traces_of_that_hour() {
    let directory = tempfile::tempdir().unwrap();
    let half = |span: u8| -> Vec<Span> {
        (1..=40_u8).map(|n| Sample::new(n, span).at(u64::from(n % 4) * 3600, 1).span()).collect()
    };
    let lake = kept(&directory, &[half(1), half(2), Vec::new()]).await;
    let memo = Memo::default();
    let hour = Range { from: NINE + 3600 * SECOND, to: NINE + 2 * 3600 * SECOND };
    overlap(&lake, &memo, hour);
    let looked_at = || memo.known.lock().unwrap().len();
    assert!((10..15).contains(&looked_at()), "{}", looked_at());
    overlap(&lake, &memo, Range::ALL);
    assert_eq!(looked_at(), 40, "what was found out before stays");
}
