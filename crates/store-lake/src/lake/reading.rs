//! How much is read for an answer.

use flow::config::GoDuration;
use store_api::attr_keys::AttrKeys;
use store_api::carried::Carried;
use store_api::part::Most;
use store_api::testing::Sample;
use store_api::{Filter, Questions, Range, Recent};
use tempfile::TempDir;
use throughline_context::{SpanId, TraceId};

use super::*;
use crate::file::TOGETHER;
use crate::files::AT_ONCE;

/// Nothing happens to it in the background.
fn open(directory: &TempDir) -> Arc<Inner> {
    let lock = disk::lock(directory.path()).unwrap().unwrap();
    let retention = GoDuration::from_secs(200 * 365 * 24 * 3600);
    let settings = Settings { directory: directory.path().to_owned(), retention, ..Settings::default() };
    Arc::new(Inner::open_on(Disk::new(directory.path()), settings, lock, now_ns()).unwrap())
}

async fn flush(store: &Arc<Inner>, spans: Vec<Span>) {
    store.put(spans).unwrap();
    store.flush_through(u64::MAX).await.unwrap();
}

/// A trace of so many spans, each with a text of so many bytes.
fn long(spans: u64, bytes: usize) -> Vec<Span> {
    let text = "x".repeat(bytes);
    let span = |n: u64| {
        let sample = Sample::new(1, 1).interaction("long").with("text", &*text);
        sample.change(|span| span.span_id = SpanId((n + 1).to_be_bytes())).span()
    };
    (0..spans).map(span).collect()
}

/// The most rows of a file that were in memory together for something.
fn together(read: impl FnOnce()) -> usize {
    TOGETHER.set(0);
    read();
    TOGETHER.get()
}

/// Scenario: forty calls in files of their own, twenty spans each; one attribute is on all of them, one on the oldest.
/// Guarantees: of the one all is told from a time on, without reading every file; the other leads to its call; what both
/// are searched for is found, each once.
#[tokio::test]
async fn what_many_carry_is_told_as_far_as_it_was_read() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    for n in 1..=40_u8 {
        let span = |span: u8| {
            let sample = Sample::new(n, span).interaction(&format!("call-{n:02}")).at(u64::from(n), 0);
            let sample = sample.with("common", "yes");
            if n == 1 && span == 20 { sample.with("rare", "yes").span() } else { sample.span() }
        };
        flush(&store, (1..=20).map(span).collect()).await;
    }
    let list = store.list();
    assert_eq!(list.len(), 40);
    let disk = OnDisk::new(&store.files, &list);
    let carrying = |key: &str| {
        let carried = Carried { key: Some(key.to_owned()), text: "yes".to_owned() };
        disk.carrying(&carried, Range::ALL).unwrap().unwrap()
    };
    let rare = carrying("rare");
    assert_eq!((rare.traces, rare.complete_from), (vec![TraceId([1; 16])], 0));
    let common = carrying("common");
    let told: HashSet<TraceId> = common.traces.into_iter().collect();
    let since = list.values().filter(|file| file.about.first_start_ns >= common.complete_from);
    assert!((5..30).contains(&told.len()) && since.count() == told.len(), "{} traces", told.len());
    drop(disk);
    let lake = Lake::of(Arc::into_inner(store).unwrap());
    for (text, count) in [("common=yes", 40), ("rare=yes", 1), ("common=yes rare=yes", 1), ("-rare=yes", 39)]
    {
        for traces in [5, 1000] {
            let limits = Limits { traces, ..Limits::default() };
            let filter = Filter { q: Some(text.parse().unwrap()), ..Filter::default() };
            let mut question = Recent { filter, limit: 7, limits, ..Recent::default() };
            let mut ids = Vec::new();
            loop {
                let page = lake.recent(question.clone()).await.unwrap();
                ids.extend(page.interactions.into_iter().map(|call| call.id));
                question.cursor = page.next;
                if question.cursor.is_none() {
                    break;
                }
            }
            assert_eq!((ids.len(), ids.iter().collect::<HashSet<_>>().len()), (count, count), "{text}");
        }
    }
}

/// Scenario: a trace of very many spans, such as a client in a loop makes, in a file that was not read before.
/// Guarantees: what is known of the trace is told without its rows; the filters of its file, and which attributes it has,
/// are made of some rows at a time.
#[tokio::test]
async fn a_trace_of_very_many_spans_is_not_read_in_one_piece() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    flush(&store, long(20_000, 8)).await;
    drop(store);
    let store = open(&directory);
    let list = store.list();
    let disk = OnDisk::new(&store.files, &list);
    let trace = TraceId([1; 16]);
    let known = together(|| {
        let fragments = disk.fragments(&[trace]).unwrap();
        assert_eq!(fragments.iter().map(|(_, known)| known.facts.spans).sum::<u64>(), 20_000);
    });
    assert_eq!(known, 0);
    for path in disk::entries(&directory.path().join("index")).unwrap() {
        if path.extension().is_some_and(|kind| kind != "ids") {
            fs::remove_file(path).unwrap();
        }
    }
    let file = list.values().next().unwrap();
    let mut told = Arc::new(AttrKeys::default());
    let keys = together(|| told = disk.told(file, usize::MAX).unwrap().0);
    assert!((1..=AT_ONCE).contains(&keys) && told.keys.iter().any(|one| one.spans == 20_000), "{keys} rows");
    let filled = together(|| assert!(upkeep::fill(&store).unwrap()));
    assert!((1..=AT_ONCE).contains(&filled), "{filled} rows");
    assert!(!store.files.sieves.lacks_terms(file));
}

/// Scenario: a trace whose spans have more bytes than an answer may have.
/// Guarantees: reading ends soon after those, and the answer says that it is cut.
#[tokio::test]
async fn reading_ends_where_the_bytes_of_an_answer_do() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    flush(&store, long(2_000, 4096)).await;
    let bytes = 1 << 20;
    let list = store.list();
    let read = together(|| {
        let most = Most { spans: usize::MAX, bytes };
        drop(OnDisk::new(&store.files, &list).rows(&[TraceId([1; 16])], most).unwrap());
    });
    assert!((200..600).contains(&read), "{read} rows");
    let lake = Lake::of(Arc::into_inner(store).unwrap());
    let limits = Limits { bytes, ..Limits::default() };
    let found = lake.interaction("long", limits).await.unwrap().unwrap();
    assert!(found.truncated && (200..260).contains(&found.spans.len()), "{} spans", found.spans.len());
}
