use proptest::prelude::*;
use store_api::part::{Row, resolve};
use store_api::testing::sample::arbitrary_span;

use super::*;
use crate::write::Sorted;

proptest! {
    #[test]
    fn what_goes_in_comes_out(spans in prop::collection::vec(arbitrary_span(), 0..30)) {
        let rows: Vec<Row> = spans.into_iter().map(|span| Row { span: Arc::new(span), seq: 1 }).collect();
        let entries = Sorted::of(&resolve(&rows)).entries;
        let all: Vec<u32> = entries.iter().flat_map(|entry| entry.fragment.ids.iter().copied()).collect();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("t.parquet");
        std::fs::write(&path, encode(&entries, 3).unwrap().bytes).unwrap();
        let open = || std::fs::File::open(&path).unwrap();
        prop_assert_eq!(&decode(open(), &all).unwrap(), &entries);
        let mut ids = Vec::new();
        each_place(open(), |trace, interactions, rows| ids.push((trace, interactions.join(" "), rows))).unwrap();
        let expected: Vec<_> = entries
            .iter()
            .map(|entry| {
                let interactions = &entry.fragment.facts.interactions;
                (entry.trace, interactions.iter().map(String::as_str).collect::<Vec<_>>().join(" "), entry.rows())
            })
            .collect();
        prop_assert_eq!(ids, expected);
        let traces = Traces::new(entries.clone());
        for entry in &entries {
            prop_assert_eq!(traces.get(entry.trace), Some(entry));
        }
    }
}
