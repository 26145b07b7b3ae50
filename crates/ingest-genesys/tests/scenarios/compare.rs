//! Two views of one conversation: the same spans, each as exactly as its source can tell.

use flow::Stage;
use ingest_genesys::Span;

use crate::tree;

/// How late a state is seen that has no time of its own in a snapshot, and how late one part of the service knows what
/// another did.
const RESOLUTION_MS: i64 = 500;

/// `ahead_ms`: by how much the clock of the first view is ahead of the other's.
pub(crate) fn same(view: &str, one: &[Span], other: &[Span], ahead_ms: i64) {
    let both = || format!("{view}:\n{}\nafter a gap:\n{}", tree::text(one), tree::text(other));
    let structure = |spans: &[Span]| {
        let mut lines: Vec<String> = spans
            .iter()
            .map(|span| {
                let links: Vec<_> = span.links.iter().map(|link| (link.span_id, link.kind)).collect();
                let Span { trace_id, id, parent, name, stage, .. } = span;
                format!("{trace_id} {id} {parent:?} {name} {stage:?} {links:?} {}", span.end_ms.is_some())
            })
            .collect();
        lines.sort();
        lines
    };
    assert_eq!(structure(one), structure(other), "{}", both());
    for span in one {
        let twin = other.iter().find(|twin| twin.id == span.id).unwrap();
        let times = [(span.start_ms, twin.start_ms), (span.end_ms.unwrap(), twin.end_ms.unwrap())];
        for (one, other) in times {
            let differs = one as i64 - ahead_ms - other as i64;
            assert!(differs.abs() <= RESOLUTION_MS, "{} differs by {differs} ms\n{}", span.name, both());
        }
        for (key, value) in &span.attributes {
            let known = twin.attributes.iter().find(|(name, _)| name == key).map(|(_, known)| known);
            assert!(known.is_none_or(|known| known == value), "{key} {value:?} {known:?}\n{}", both());
        }
    }
}

/// What the customer goes through comes one after another, so that the sum of it is how long it took.
pub(crate) fn nothing_counts_twice(spans: &[Span]) {
    use Stage::{Alert, Hold, Ivr, Park, Queue, Setup, Voicemail};
    let of_customer = [Setup, Ivr, Queue, Alert, Hold, Park, Voicemail];
    let mut stages: Vec<&Span> =
        spans.iter().filter(|span| span.stage.is_some_and(|stage| of_customer.contains(&stage))).collect();
    stages.sort_by_key(|span| (span.start_ms, span.end_ms));
    for pair in stages.windows(2) {
        assert!(pair[0].end_ms.unwrap() <= pair[1].start_ms + 1, "{}", tree::text(spans));
    }
}
