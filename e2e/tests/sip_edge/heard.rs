//! The receiver `hep` beside the path: Kamailio's copies tell of the same calls as the edge in it.

use std::collections::BTreeMap;

use e2e::sip::{Does, Scene};
use e2e::span::{Span, Value};

/// What has to be the same; times, ends and peers are those of another place.
const RESULTS: [&str; 14] = [
    "error.type",
    "interaction.stage",
    "sip.answers",
    "sip.from.user",
    "sip.outcome",
    "sip.phase",
    "sip.released_by",
    "sip.request.method",
    "sip.response.status_code",
    "sip.to.user",
    "sip.transfer.by",
    "sip.transfer.outcome",
    "sip.transfer.status_code",
    "sip.transfer.type",
];

/// Name and results of a span.
fn told(span: &Span) -> String {
    let results = RESULTS.iter().filter_map(|key| match span.attributes.get(*key)? {
        Value::String(text) | Value::Int(text) => Some(format!(" {key}={text}")),
        _ => None,
    });
    [span.name.clone(), results.collect()].concat()
}

/// Of each call its trace, its span, the parent of that, and the tree below.
fn trees(spans: &[Span]) -> BTreeMap<&str, (&Span, Vec<String>)> {
    let roots = spans.iter().filter(|span| span.name == "SIP call");
    let tree = |root: &Span| {
        let below = spans.iter().filter(|span| span.name != "SIP call");
        let below = below.filter(|span| span.parent_span_id.as_deref() == Some(&*root.span_id));
        let mut tree: Vec<_> = below.chain([root]).map(told).collect();
        tree.sort();
        tree
    };
    roots.filter_map(|root| Some((root.text("sip.call_id")?, (root, tree(root))))).collect()
}

/// Guarantees: of plain calls, calls with holds, transfers and redirections the copies tell the same as the edge: the same
/// spans with the same results for each call, in the same trace, below the edge's own.
#[tokio::test]
async fn copies_tell_the_same() {
    for (does, calls) in [(Does::Talk, 20), (Does::Hold, 20), (Does::Transfer, 40), (Does::Redirect, 40)] {
        let outcome = Scene { does, heard: true, ..Scene::default() }.play().await.unwrap();
        assert_eq!(outcome.tally.failed, 0, "{:?}", outcome.tally);
        let (edge, probe) = (trees(&outcome.kept), trees(&outcome.heard));
        assert_eq!((edge.len(), probe.len()), (calls, calls), "{does:?}");
        for (call, (root, tree)) in &edge {
            let (heard, same) = &probe[call];
            assert_eq!(same, tree, "{does:?} {call}");
            assert_eq!(heard.trace_id, root.trace_id, "{does:?} {call}");
            assert_eq!(heard.parent_span_id.as_ref(), Some(&root.span_id), "{does:?} {call}");
        }
    }
}
