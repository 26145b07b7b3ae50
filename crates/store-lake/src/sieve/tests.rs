use std::collections::BTreeSet;

use proptest::prelude::*;
use store_api::Span;
use store_api::carried::{Carried, each_of, each_term};
use store_api::testing::Sample;
use store_api::testing::sample::arbitrary_span;
use tempfile::TempDir;
use throughline_context::SpanId;

use super::*;
use crate::file::About;
use crate::partition::Partition;
use crate::table::Promoted;

fn file(root: &Path, generation: u64, rows: usize, replaces: Vec<u64>) -> Arc<File> {
    let about = About {
        format: 2,
        first_start_ns: 0,
        last_start_ns: 0,
        end_ns: 0,
        written_ns: generation,
        rows,
        weight: 0,
        replaces,
        siblings: Vec::new(),
        settled: true,
        promoted: Promoted::default(),
    };
    Arc::new(File::new(&disk::Disk::new(root), Partition::Mixed, generation, about))
}

fn ids(spans: &[Span]) -> Ids {
    let mut traces: Vec<TraceId> = spans.iter().map(|span| span.trace_id).collect();
    traces.sort_unstable();
    traces.dedup();
    Ids {
        traces,
        interactions: spans.iter().filter_map(|span| Some(span.interaction()?.into_owned())).collect(),
    }
}

/// What is done to a sidecar behind the back of a store.
#[derive(Clone, Copy, Debug)]
enum Harm {
    None,
    Gone,
    Cut(u16),
    /// One byte is another.
    Other(u16),
    /// It is that of another file.
    Swapped,
}

fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        4 => Just(Harm::None),
        1 => Just(Harm::Gone),
        1 => any::<u16>().prop_map(Harm::Cut),
        4 => any::<u16>().prop_map(Harm::Other),
        1 => Just(Harm::Swapped),
    ]
}

fn apply(harm: Harm, path: &Path, other: &Path) {
    let Ok(mut bytes) = std::fs::read(path) else { return };
    match harm {
        Harm::None => return,
        Harm::Gone => return std::fs::remove_file(path).unwrap(),
        Harm::Cut(at) => bytes.truncate(usize::from(at) % bytes.len()),
        Harm::Other(at) => {
            let at = usize::from(at) % bytes.len();
            bytes[at] ^= 1 << (at % 8);
        }
        Harm::Swapped => bytes = std::fs::read(other).unwrap_or_default(),
    }
    std::fs::write(path, bytes).unwrap();
}

fn terms(span: &Span) -> BTreeSet<(String, String)> {
    let mut terms = BTreeSet::new();
    let mut see = |key: &str, text: &str| {
        terms.insert((key.to_owned(), text.to_owned()));
    };
    each_term(span, &mut see);
    each_of(span.resource.attributes(), see);
    terms
}

/// Every file says of everything that is in it that it may be.
fn nothing_is_lost(sieves: &Sieves, list: &List, files: &[Vec<Span>]) {
    let mut generations: HashMap<TraceId, BTreeSet<u64>> = HashMap::new();
    for (generation, spans) in (1..).zip(files) {
        for span in spans {
            generations.entry(span.trace_id).or_default().insert(generation);
            let with = sieves.with_traces(list, &[span.trace_id]);
            assert!(with.iter().any(|(of, _)| *of == generation), "{}", span.trace_id);
            let known = list.get(&generation).and_then(|file| sieves.terms(file));
            assert!(known.is_none_or(|known| known.may_have_span(span.span_id)), "{}", span.span_id);
            if let Some(id) = span.interaction() {
                let with = sieves.with_interactions(list, &[&*id]);
                assert!(with.iter().any(|(of, _)| *of == generation), "{id}");
            }
        }
        let Some(known) = list.get(&generation).and_then(|file| sieves.terms(file)) else { continue };
        for (row, span) in spans.iter().enumerate() {
            for (key, text) in terms(span) {
                for key in [Some(key), None] {
                    let carried = Carried { key, text: text.clone() };
                    let rows = known.rows_with(&carried, spans.len());
                    assert!(rows.iter().any(|rows| rows.contains(&row)), "{carried:?} in row {row}");
                }
            }
        }
    }
    let several = sieves.several(list);
    for (trace, generations) in generations.into_iter().filter(|(_, of)| of.len() > 1) {
        let told: BTreeSet<u64> = several.get(&trace).into_iter().flatten().copied().collect();
        assert!(told.is_superset(&generations), "{trace} is in {generations:?}, and not only in {told:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn filters_never_lose_what_is_there(
        files in prop::collection::vec(prop::collection::vec(arbitrary_span(), 1..12), 2..5),
        harms in prop::collection::vec((harm(), harm()), 5),
        room in prop_oneof![Just(0_usize), Just(700), Just(1 << 20)],
        runs in any::<bool>(),
    ) {
        let directory = TempDir::new().unwrap();
        let sieves = Sieves::with_room(directory.path(), room);
        let mut list = List::new();
        for (generation, spans) in (1..).zip(&files) {
            let file = file(directory.path(), generation, spans.len(), Vec::new());
            sieves.add(&file, &ids(spans), Some(&Terms::of(spans.iter())));
            list.insert(generation, file);
        }
        nothing_is_lost(&sieves, &list, &files);
        if runs {
            while sieves.gather(&list, |file| Ok(ids(&files[file.generation as usize - 1]))).unwrap() {}
            nothing_is_lost(&sieves, &list, &files);
        }
        let made = disk::entries(&directory.path().join("index/runs")).unwrap();
        assert_eq!(made.len(), usize::from(runs));
        // While it is open, and when it is opened again.
        if let Some(run) = made.first() {
            apply(harms[0].0, run, &sieves.path(1, "ids"));
        }
        for (generation, (of_ids, of_terms)) in (1..=files.len() as u64).zip(&harms) {
            for (kind, harm) in [("ids", of_ids), ("terms", of_terms)] {
                apply(*harm, &sieves.path(generation, kind), &sieves.path(generation % 2 + 1, kind));
            }
        }
        nothing_is_lost(&sieves, &list, &files);
        let again = Sieves::with_room(directory.path(), room);
        again.find_runs();
        let missing: Vec<_> = list.values().filter(|file| !again.load(file)).collect();
        for file in missing {
            again.add(file, &ids(&files[file.generation as usize - 1]), None);
        }
        nothing_is_lost(&again, &list, &files);
        nothing_is_lost(&again, &list, &files);
    }
}

/// Scenario: files of a hundred calls come and go, one of them shared with the file before; runs are made of them all the
/// time, and the store is opened again.
/// Guarantees: each call leads to its files and to hardly any other one, new files learn what they share, and there are few
/// runs.
#[test]
fn runs_lead_to_the_files_that_are_there() {
    let directory = TempDir::new().unwrap();
    let mut sieves = Sieves::with_room(directory.path(), 0);
    let mut list = List::new();
    let of = |generation: u64| calls(generation as u32 * 99..generation as u32 * 99 + 100);
    for generation in 1..=200 {
        let file = file(directory.path(), generation, 100, Vec::new());
        sieves.add(&file, &ids(&of(generation)), None);
        let bound = sieves.bonds.of(generation);
        assert!(generation == 1 || bound.contains(&(generation - 1)) && bound.len() < 3, "{bound:?}");
        list.insert(generation, file);
        while sieves.gather(&list, |file| Ok(ids(&of(file.generation)))).unwrap() {}
        if generation > 150 {
            list.remove(&(generation - 150));
            sieves.forget(&[generation - 150]);
        }
        if generation % 60 == 0 {
            sieves = Sieves::with_room(directory.path(), 0);
            assert!(list.values().all(|file| sieves.load(file)));
            sieves.find_runs();
        }
    }
    // As after a crash before the runs had gone that another was made of.
    for run in disk::entries(&directory.path().join("index/runs")).unwrap() {
        std::fs::copy(&run, run.with_extension("copy")).unwrap();
    }
    sieves.find_runs();
    let traces: Vec<TraceId> = calls(0..20_000).iter().map(|span| span.trace_id).collect();
    let found = sieves.of_each(&list, &traces);
    assert_eq!((found.len(), list.len()), (150 * 99 + 1, 150));
    for (call, trace) in (0_u64..).zip(&traces) {
        let own = call / 99;
        let files = if call % 99 == 0 { vec![own.saturating_sub(1), own] } else { vec![own] };
        let there: Vec<u64> = files.into_iter().filter(|file| list.contains_key(file)).collect();
        assert_eq!(found.get(trace).cloned().unwrap_or_default(), there, "call {call}");
    }
    let runs = disk::entries(&directory.path().join("index/runs")).unwrap();
    assert!(runs.len() < 30, "{}", runs.len());
}

/// Scenario: a file has gone, and after a crash another one has its number.
/// Guarantees: what a run says of the first is not taken for the second.
#[test]
fn a_run_is_not_about_another_file_of_the_same_number() {
    let directory = TempDir::new().unwrap();
    let sieves = Sieves::with_room(directory.path(), 1 << 20);
    let mut list = List::new();
    for generation in 1..=2 {
        list.insert(generation, file(directory.path(), generation, 1, Vec::new()));
        sieves.add(&list[&generation], &ids(&calls(generation as u32..generation as u32 + 1)), None);
    }
    while sieves
        .gather(&list, |file| Ok(ids(&calls(file.generation as u32..file.generation as u32 + 1))))
        .unwrap()
    {}
    let again = Sieves::with_room(directory.path(), 1 << 20);
    again.find_runs();
    let other = file(directory.path(), 2, 7, Vec::new());
    assert!(again.load(&list[&1]) && !again.load(&other));
    again.add(&other, &ids(&calls(7..14)), None);
    list.insert(2, other);
    let files = |call: u32| {
        again.of_each(&list, &[calls(call..call + 1)[0].trace_id]).into_values().flatten().collect::<Vec<_>>()
    };
    assert_eq!((files(1), files(2), files(9)), (vec![1], vec![], vec![2]));
}

fn calls(range: std::ops::Range<u32>) -> Vec<Span> {
    let span = |n: u32| {
        let id = SpanId(u64::from(n + 1).to_be_bytes());
        let sample =
            Sample::new(1, 1).interaction(&format!("call-{n}")).with("caller", format!("c{n}").as_str());
        let sample = sample.change(|span| span.trace_id = TraceId(u128::from(n + 1).to_be_bytes()));
        sample.change(|span| span.span_id = id).span()
    };
    range.map(span).collect()
}

/// Scenario: fifty keys, and a thousand small files; none of them has the text that is asked for under any key.
/// Guarantees: hardly any file is opened for it.
#[test]
fn a_text_that_is_nowhere_opens_hardly_any_file() {
    let directory = TempDir::new().unwrap();
    let sieves = Sieves::with_room(directory.path(), 1 << 20);
    let mut opened = 0;
    for generation in 1..=1_000_u64 {
        let keyed = |n: u64| {
            let sample = Sample::new(1, n as u8);
            (0..50).fold(sample, |sample, key| {
                sample.with(&format!("k{key}"), &*format!("{generation}-{n}-{key}"))
            })
        };
        let spans: Vec<Span> = (0..4).map(|n| keyed(n).span()).collect();
        let file = file(directory.path(), generation, spans.len(), Vec::new());
        sieves.add(&file, &ids(&spans), Some(&Terms::of(spans.iter())));
        let carried = Carried { key: None, text: "order-00007".to_owned() };
        let rows = sieves.terms(&file).unwrap().rows_with(&carried, spans.len());
        opened += usize::from(!rows.is_empty());
    }
    assert!(opened < 50, "{opened} of 1 000");
}

/// Scenario: a sidecar as it was written before terms were in it twice, and ids of spans.
/// Guarantees: what is in the file is found, an id of a span among all rows; the sidecar is made again.
#[test]
fn an_older_sidecar_leaves_nothing_out() {
    let directory = TempDir::new().unwrap();
    let spans = calls(0..3_000);
    let file = file(directory.path(), 1, spans.len(), Vec::new());
    let sieves = Sieves::with_room(directory.path(), 1 << 20);
    sieves.add(&file, &ids(&spans), Some(&Terms::of(spans.iter())));
    assert!(!sieves.lacks_terms(&file));
    let hashes: Vec<Vec<u64>> = spans
        .chunks(2048)
        .map(|spans| spans.iter().flat_map(terms).map(|(key, text)| terms::of_term(&key, &text)).collect())
        .collect();
    let filter = |hashes: &[u64]| filter::Filter::of(hashes, 12, usize::MAX);
    let filters: Vec<_> =
        std::iter::once(filter(&hashes.concat())).chain(hashes.iter().map(|page| filter(page))).collect();
    let keys = Some(spans.iter().flat_map(terms).map(|(key, _)| key).collect::<BTreeSet<_>>());
    let keys = keys.map(|keys| keys.into_iter().collect());
    let head = sidecar::Head { version: 0, keys, ..head(&file.about) };
    let path = sieves.path(1, "terms");
    std::fs::write(&path, Sidecar::new(path.clone(), head, &filters, &sieves.room).1).unwrap();
    let sieves = Sieves::with_room(directory.path(), 1 << 20);
    assert!(sieves.load(&file) && sieves.lacks_terms(&file));
    nothing_is_lost(&sieves, &List::from([(1, Arc::clone(&file))]), std::slice::from_ref(&spans));
    assert!(sieves.terms(&file).unwrap().may_have_span(SpanId([9; 8])));
    sieves.mend_terms(&file, &Terms::of(spans.iter()));
    assert!(!sieves.lacks_terms(&file));
}

/// Scenario: two files of 5 000 calls each share one; each call has a caller of its own. The second time there is no room
/// for filters in memory.
/// Guarantees: an id, or a caller, leads to its file and its rows, with few more; the shared trace is known as shared, and
/// not any more when its files are replaced.
#[test]
fn filters_leave_out_nearly_all_that_is_not_there() {
    for room in [1 << 20, 0] {
        let directory = TempDir::new().unwrap();
        let sieves = Sieves::with_room(directory.path(), room);
        let mut list = List::new();
        for (generation, range) in [(1, 0..5_000), (2, 4_999..10_000)] {
            let spans = calls(range);
            let file = file(directory.path(), generation, spans.len(), Vec::new());
            sieves.add(&file, &ids(&spans), Some(&Terms::of(spans.iter())));
            list.insert(generation, file);
        }
        let all = calls(0..10_000);
        let traces: Vec<TraceId> = all.iter().map(|span| span.trace_id).collect();
        let of_each = sieves.of_each(&list, &traces);
        assert!(
            of_each.values().map(Vec::len).sum::<usize>() <= 10_002,
            "one is in both, and hardly any more"
        );
        assert!(sieves.several(&list).contains_key(&traces[4_999]));
        let names: Vec<String> = (0..10_000).map(|n| format!("call-{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let held: usize = sieves.with_interactions(&list, &names).iter().map(|(_, held)| held.len()).sum();
        assert!(held <= 10_002, "{held}");
        let terms = sieves.terms(&list[&1]).unwrap();
        let rows = |text: &str| {
            let key = Some("caller".to_owned());
            terms.rows_with(&Carried { key, text: text.to_owned() }, 5_000)
        };
        let page = |n: usize| n / 2048 * 2048..(n / 2048 * 2048 + 2048).min(5_000);
        let found = (0..5_000).filter(|n| matches!(&rows(&format!("c{n}"))[..], [only] if *only == page(*n)));
        assert!(found.count() > 4_800, "one page of three");
        assert!((5_000..10_000).filter(|n| !rows(&format!("c{n}")).is_empty()).count() < 5);
        let found = |calls: &[Span]| calls.iter().filter(|span| terms.may_have_span(span.span_id)).count();
        assert_eq!(found(&all[..5_000]), 5_000);
        assert!(found(&all[5_000..]) < 100, "one of a hundred");
        let merged = file(directory.path(), 3, all.len(), vec![1, 2]);
        sieves.add(&merged, &ids(&all), None);
        let list = List::from([(3, merged)]);
        sieves.forget(&[1, 2]);
        assert!(sieves.several(&list).is_empty());
        sieves.sweep();
        assert_eq!(disk::entries(&directory.path().join("index")).unwrap(), [sieves.path(3, "ids")]);
    }
}
