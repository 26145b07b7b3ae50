use std::ops::ControlFlow;

use proptest::prelude::*;
use throughline_context::SpanId;

use super::condition::Condition as C;
use super::*;
use crate::comparison::{Bound, Test};
use crate::part::Part;
use crate::read::Reader;
use crate::shelf::Shelf;
use crate::span::{Event, Kind, key};
use crate::testing::Sample;
use crate::testing::sample::{NINE, SECOND, arbitrary_span};
use crate::value::Value;

/// Spans by their numbers, each with the number of its parent, and 0 for none.
fn tree(parents: &[(u8, u8)]) -> Tree {
    let spans = parents.iter().map(|(id, parent)| {
        let sample = Sample::new(1, *id).at(u64::from(*id), 1);
        let parent = Some(SpanId([*parent; 8])).filter(SpanId::is_valid);
        Arc::new(sample.change(|span| span.parent_span_id = parent).span())
    });
    Tree::new(spans.collect())
}

fn named(numbers: &[u8]) -> Spans {
    let is = |number: &u8| C::is(Field::Name, format!("span {number}").as_str());
    Spans::Where(C::Any(numbers.iter().map(is).collect()))
}

#[test]
fn spans_are_found_by_how_they_lie_to_others() {
    use Relation::{Ancestor, Child, Descendant, Parent, Sibling};
    // 1 has 2 and 3, 2 has 4, 4 has 5; 6 names a parent that is not there.
    let tree = tree(&[(1, 0), (2, 1), (3, 1), (4, 2), (5, 4), (6, 9)]);
    let all = [1, 2, 3, 4, 5, 6];
    for (first, relation, second, found, others, both) in [
        (&[1][..], Child, &all[..], &[2, 3][..], &[1, 4, 5, 6][..], &[1, 2, 3][..]),
        (&[2], Descendant, &all, &[4, 5], &[1, 2, 3, 6], &[2, 4, 5]),
        (&[5], Parent, &all, &[4], &[1, 2, 3, 5, 6], &[4, 5]),
        (&[5], Ancestor, &all, &[1, 2, 4], &[3, 5, 6], &[1, 2, 4, 5]),
        (&[2], Sibling, &all, &[3], &[1, 2, 4, 5, 6], &[2, 3]),
        (&[2, 3], Sibling, &all, &[2, 3], &[1, 4, 5, 6], &[2, 3]),
        (&[5], Child, &all, &[], &all, &[]),
        (&[1], Descendant, &[5, 6], &[5], &[6], &[1, 5]),
        (&[6], Sibling, &all, &[], &all, &[]),
    ] {
        for (negated, union, wanted) in [(false, false, found), (true, false, others), (false, true, both)] {
            let related = Related { first: named(first), relation, second: named(second), negated, union };
            let found = Spans::Related(Box::new(related)).find(&tree);
            let found: Vec<u8> = found.into_iter().map(|at| at as u8 + 1).collect();
            assert_eq!(found, wanted, "{first:?} {relation:?} {second:?} {negated} {union}");
        }
    }
}

#[test]
fn a_tree_is_numbered_and_has_no_circles() {
    let tree = tree(&[(1, 0), (2, 1), (3, 1), (4, 2), (5, 9), (6, 7), (7, 6), (8, 8)]);
    let nested = |at: usize| {
        let Nested { left, right, parent } = tree.nested(at);
        (left, right, parent)
    };
    assert_eq!([0, 1, 2, 3].map(nested), [(1, 8, -1), (2, 5, 1), (6, 7, 1), (3, 4, 2)]);
    assert_eq!(nested(4), (9, 10, -1));
    assert_eq!(
        (tree.parent(5), tree.parent(6)),
        (Some(6), None),
        "of two that name each other, one is above"
    );
    assert_eq!(tree.parent(7), None, "nothing is its own parent");
    assert_eq!((tree.children(0), tree.is_orphan(4), tree.is_orphan(0)), (2, true, false));
    assert_eq!(tree.root().map(|root| root.name.as_str()), Some("span 1"));
}

#[test]
fn a_server_that_shares_its_clients_id_is_below_it() {
    let of = |id: u8, service: &str, kind, parent: u8| {
        let parent = Some(SpanId([parent; 8])).filter(SpanId::is_valid);
        let sample = Sample::new(1, id).service(service);
        Arc::new(sample.change(|span| (span.kind, span.parent_span_id) = (kind, parent)).span())
    };
    let tree = Tree::new(vec![
        of(1, "ivr", Kind::Server, 0),
        of(2, "ivr", Kind::Client, 1),
        of(2, "crm", Kind::Server, 1),
        of(3, "crm", Kind::Internal, 2),
        of(4, "sql", Kind::Internal, 2),
    ]);
    let at = |id: u8, service: &str| {
        let is = |span: &Arc<Span>| span.span_id == SpanId([id; 8]) && span.resource.service() == service;
        tree.spans().iter().position(is)
    };
    let parent = |id, service| at(id, service).and_then(|at| tree.parent(at));
    assert_eq!(parent(2, "crm"), at(2, "ivr"));
    assert_eq!(parent(3, "crm"), at(2, "crm"));
    assert_eq!(parent(4, "sql"), at(2, "crm"));
    let mut calls = Calls::default();
    let matched: Vec<usize> = (0..5).collect();
    let facts = Facts::of(tree.spans().iter().map(AsRef::as_ref));
    let hit = Hit { trace_id: TraceId([1; 16]), facts: &facts, tree: &tree, matched: &matched };
    assert_eq!(calls.add(&hit), ControlFlow::Continue(()));
    let calls: Vec<_> = calls.0.iter().map(|((from, to), n)| format!("{from} {to} {n}")).collect();
    assert_eq!(calls, ["crm sql 1", "ivr crm 1"]);
}

fn sample() -> Tree {
    let sample = Sample::new(1, 1).with("rows", 3).with("cached", false).resource("rows", 5);
    Tree::new(vec![Arc::new(
        sample
            .change(|span| {
                span.events = vec![Event {
                    time_ns: NINE + 7,
                    name: "retry".to_owned(),
                    attributes: [("why", "busy")].into_iter().collect(),
                }];
            })
            .span(),
    )])
}

#[test]
fn fields_have_values() {
    let tree = sample();
    let attribute = |scope, key: &str| Field::Attribute(scope, key.to_owned());
    for (field, value) in [
        (Field::Name, Some("span 1".into())),
        (Field::Kind, Some("server".into())),
        (Field::Status, Some("unset".into())),
        (Field::StatusMessage, None),
        (Field::Duration, Some(Value::Int(SECOND as i64))),
        (Field::TraceDuration, Some(Value::Int(SECOND as i64))),
        (Field::Children, Some(Value::Int(0))),
        (Field::SpanId, Some("0101010101010101".into())),
        (Field::ParentId, None),
        (Field::RootName, Some("span 1".into())),
        (Field::RootService, Some("ivr".into())),
        (Field::NestedParent, Some(Value::Int(-1))),
        (Field::NestedRight, Some(Value::Int(2))),
        (Field::EventName, Some("retry".into())),
        (Field::EventSinceStart, Some(Value::Int(7))),
        (Field::LinkTrace, None),
        (attribute(Scope::Either, "rows"), Some(Value::Int(3))),
        (attribute(Scope::Resource, "rows"), Some(Value::Int(5))),
        (attribute(Scope::Event, "why"), Some("busy".into())),
        (attribute(Scope::Link, "why"), None),
        (attribute(Scope::Either, "why"), None),
    ] {
        assert_eq!(field.value(&tree, 0), value, "{field:?}");
        assert_eq!(C::Has(field.clone()).holds(&tree, 0), value.is_some(), "{field:?}");
        if let Some(value) = value {
            assert!(C::is(field.clone(), value).holds(&tree, 0), "{field:?}");
        }
    }
    assert_eq!(Field::Name.value(&tree, 1), None);
    let service = C::Is(Field::Service, Test::Written("ivr".to_owned()));
    assert!(C::Not(Box::new(C::Not(Box::new(service)))).holds(&tree, 0));
}

fn condition() -> impl Strategy<Value = Condition> {
    let text = prop::sample::select(vec!["ivr", "crm", "error", "ok", "unset", "unknown_service", "span 1"]);
    let field = prop::sample::select(vec![Field::Service, Field::Status, Field::Name, Field::RootService]);
    let number = (0u64..100_000, any::<bool>()).prop_map(|(ns, above)| {
        let bound = Bound::Included(ns as f64);
        if above { Test::Within(bound, Bound::Open) } else { Test::Within(Bound::Open, bound) }
    });
    let duration = prop::sample::select(vec![Field::Duration, Field::TraceDuration]);
    let leaf = prop_oneof![
        (field, text).prop_map(|(field, text)| C::is(field, text)),
        (duration, number).prop_map(|(field, test)| C::Is(field, test)),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(C::All),
            prop::collection::vec(inner.clone(), 0..3).prop_map(C::Any),
            inner.prop_map(|one| C::Not(Box::new(one))),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_known_of_a_trace_hides_none_of_its_spans(
        spans in prop::collection::vec(arbitrary_span(), 1..8),
        condition in condition(),
    ) {
        let spans: Vec<Arc<Span>> = spans.into_iter().map(Arc::new).collect();
        let facts = Facts::of(spans.iter().map(AsRef::as_ref));
        let tree = Tree::new(spans);
        let wanted = Spans::Where(condition);
        if !wanted.find(&tree).is_empty() {
            prop_assert!(wanted.may_find(TraceId([1; 16]), &facts));
        }
    }
}

#[test]
fn names_are_gathered() {
    let tree = sample();
    let facts = Facts::of(tree.spans().iter().map(AsRef::as_ref));
    let hit = Hit { trace_id: TraceId([1; 16]), facts: &facts, tree: &tree, matched: &[0] };
    let (mut keys, mut operations) = (Keys::default(), Operations::default());
    assert!(keys.add(&hit).is_continue() && operations.add(&hit).is_continue());
    let keys: Vec<_> = keys
        .of
        .iter()
        .map(|(scope, keys)| (scope.name(), keys.iter().cloned().collect::<Vec<_>>().join(" ")))
        .collect();
    assert_eq!(
        keys,
        [
            ("span", "cached rows".to_owned()),
            ("resource", format!("rows {}", key::SERVICE)),
            ("event", "why".to_owned()),
            ("link", String::new()),
            ("instrumentation", String::new()),
        ]
    );
    assert_eq!(operations.0.into_iter().collect::<Vec<_>>(), [("span 1".to_owned(), Kind::Server)]);
    let mut values = Values::new(Field::Attribute(Scope::Either, "rows".to_owned()), 10);
    assert!(values.add(&hit).is_continue());
    assert_eq!(values.found.into_iter().collect::<Vec<_>>(), [("3".to_owned(), Value::Int(3))]);
    let mut one = Values::new(Field::Name, 1);
    assert!(one.add(&hit).is_break(), "enough");
}

#[test]
fn nothing_is_looked_at_for_nobody() {
    let mut shelf = Shelf::new(0);
    shelf.append(vec![Sample::new(1, 1).span()], 0);
    let parts: [&dyn Part; 1] = [&shelf];
    let asked = Arc::new(());
    let look = |asked: &Arc<()>, gone: bool| {
        let mut reader = Reader::new(&parts, Limits::default());
        reader.look_while(if gone { std::sync::Weak::new() } else { Arc::downgrade(asked) });
        reader.find(&Find::default(), |_| ControlFlow::Continue(())).unwrap()
    };
    assert_eq!(look(&asked, false).traces, 1);
    let vain = look(&asked, true);
    assert_eq!((vain.traces, vain.truncated), (0, true));
}
