use proptest::prelude::*;

use super::*;
use crate::testing::sample::arbitrary_span;

proptest! {
    /// Flushing and compacting cut the spans of a trace into parts anywhere.
    #[test]
    fn parts_join_to_the_whole_in_any_order(
        spans in prop::collection::vec(arbitrary_span(), 0..40),
        cut in 0usize..40,
    ) {
        let whole = Facts::of(&spans);
        let (left, right) = spans.split_at(cut.min(spans.len()));
        let (mut one, mut other) = (Facts::of(left), Facts::of(right));
        one.join(&Facts::of(right));
        other.join(&Facts::of(left));
        prop_assert_eq!(&one, &whole);
        prop_assert_eq!(&other, &whole);
        let text = serde_json::to_string(&whole).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Facts>(&text).unwrap(), &whole);
        let moved = whole.at(|ns| ns.wrapping_sub(whole.start_ns));
        prop_assert_eq!(moved.start_ns, 0);
        prop_assert_eq!(moved.at(|ns| ns.wrapping_add(whole.start_ns)), whole);
    }

    #[test]
    fn many_values_are_cut_the_same_way_in_any_order(
        mut values in prop::collection::vec(("[a-z]{1,3}", 0u64..50), 0..300),
    ) {
        let collect = |values: &[(String, u64)]| {
            let mut firsts = Firsts::default();
            values.iter().for_each(|(value, at)| firsts.note(value, *at));
            firsts
        };
        let forward = collect(&values);
        values.reverse();
        prop_assert_eq!(&collect(&values), &forward);
        prop_assert!(forward.in_order().len() <= Firsts::MOST);
    }
}

#[test]
fn a_long_value_is_cut_at_a_character() {
    let mut firsts = Firsts::default();
    firsts.note(&"é".repeat(300), 1);
    assert_eq!(firsts.in_order(), ["é".repeat(128)]);
}
