//! How many events become spans: a site has thousands of them a second, and a trace has to stay readable.

use std::collections::{HashMap, HashSet, VecDeque};

use throughline_context::SpanId;

use crate::Id;

/// Spans of events a second, and how many at once.
const A_SECOND: u64 = 200;
const AT_ONCE: u64 = 400;
/// Spans of events of one conversation by one subscription.
const OF_ONE: u16 = 200;
/// Pairs of conversation and subscription that are counted; beyond them it begins anew.
const COUNTED: usize = 10_000;
/// Ids of spans that are known, so that what comes twice soon after is seen.
const KNOWN: usize = 1_024;

#[derive(Debug)]
pub(crate) struct Flood {
    /// Thousandths of a span.
    left: u64,
    at_ms: u64,
    of: HashMap<(Id, u64), u16>,
    known: HashSet<SpanId>,
    order: VecDeque<SpanId>,
}

/// What becomes of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    Span,
    /// It was here before.
    Again,
    TooMany,
}

impl Flood {
    pub(crate) fn new(now_ms: u64) -> Self {
        Self {
            left: AT_ONCE * 1000,
            at_ms: now_ms,
            of: HashMap::new(),
            known: HashSet::new(),
            order: VecDeque::new(),
        }
    }

    pub(crate) fn judge(
        &mut self,
        span: SpanId,
        conversation: &Id,
        subscription: u64,
        now_ms: u64,
    ) -> Verdict {
        if !self.known.insert(span) {
            return Verdict::Again;
        }
        self.order.push_back(span);
        if self.order.len() > KNOWN
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        let gone_ms = now_ms.saturating_sub(self.at_ms);
        self.left = self.left.saturating_add(gone_ms.saturating_mul(A_SECOND)).min(AT_ONCE * 1000);
        self.at_ms = self.at_ms.max(now_ms);
        if self.of.len() >= COUNTED {
            self.of.clear();
        }
        let count = self.of.entry((conversation.clone(), subscription)).or_default();
        if *count >= OF_ONE || self.left < 1000 {
            return Verdict::TooMany;
        }
        *count += 1;
        self.left -= 1000;
        Verdict::Span
    }

    /// The subscription is over.
    pub(crate) fn forget(&mut self, subscriptions: &[u64]) {
        if !subscriptions.is_empty() {
            self.of.retain(|(_, subscription), _| !subscriptions.contains(subscription));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(nth: u64) -> Id {
        Id::new(&format!("c-{nth}")).unwrap()
    }

    fn span(nth: u64) -> SpanId {
        SpanId((nth + 1).to_be_bytes())
    }

    #[test]
    fn what_comes_twice_is_one() {
        let mut flood = Flood::new(0);
        assert_eq!(flood.judge(span(1), &id(1), 1, 0), Verdict::Span);
        assert_eq!(flood.judge(span(1), &id(1), 1, 0), Verdict::Again);
        for nth in 2..KNOWN as u64 + 2 {
            flood.judge(span(nth), &id(nth), 1, nth * 1000);
        }
        assert_eq!(flood.known.len(), KNOWN);
        assert_eq!(flood.judge(span(1), &id(1), 1, 9_999_999), Verdict::Span, "forgotten");
    }

    #[test]
    fn a_conversation_has_so_many_and_all_together_so_many_a_second() {
        let mut flood = Flood::new(0);
        let mut taken = |conversation: u64, from: u64, count: u64, now_ms: u64| {
            let all = (from..from + count).map(|nth| flood.judge(span(nth), &id(conversation), 1, now_ms));
            all.filter(|verdict| *verdict == Verdict::Span).count() as u64
        };
        assert_eq!(taken(1, 0, 1000, 0), u64::from(OF_ONE));
        let mut others = 0;
        for nth in 2..50 {
            others += taken(nth, nth * 1000, 100, 0);
        }
        assert_eq!(others, AT_ONCE - u64::from(OF_ONE));
        assert_eq!(taken(60, 60_000, 500, 500), A_SECOND / 2);
        assert_eq!(taken(61, 61_000, 500, 60_000), u64::from(OF_ONE));
        assert_eq!(taken(62, 62_000, 500, 59_000), AT_ONCE - u64::from(OF_ONE), "a clock that goes back");
    }

    #[test]
    fn what_is_counted_has_an_end() {
        let mut flood = Flood::new(0);
        for nth in 0..3 * COUNTED as u64 {
            flood.judge(span(nth), &id(nth), nth % 7, nth * 1000);
        }
        assert!(flood.of.len() <= COUNTED);
        flood.forget(&[0, 1, 2, 3, 4, 5, 6]);
        assert!(flood.of.is_empty());
    }
}
