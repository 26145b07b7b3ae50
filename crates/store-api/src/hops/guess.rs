//! The caller of a request by time and address.

use std::collections::HashMap;
use std::sync::Arc;

use super::SpanOf;
use super::call::{End, Incoming, Outgoing};

/// How far the clocks of two machines may be apart.
const SKEW_NS: u64 = 1_000_000_000;
/// By how much the callee's span may be the longer one, since clocks are not exact.
const LONGER_NS: u64 = 5_000_000;
/// Callers looked at for one request.
const MOST: usize = 2_000;

/// Callers without a callee, each with its start and in the order of that: all of them, and by the host that they name.
pub(super) struct Guesses {
    all: Vec<(u64, usize)>,
    hosts: HashMap<Arc<str>, Vec<(u64, usize)>>,
    /// The longest call: none that started earlier than this before a request can be its caller.
    longest_ns: u64,
}

impl Guesses {
    pub(super) fn new(outgoing: &[Outgoing]) -> Self {
        let mut hosts: HashMap<Arc<str>, Vec<(u64, usize)>> = HashMap::new();
        let (mut all, mut longest_ns) = (Vec::new(), 0);
        for (number, call) in outgoing.iter().enumerate().filter(|(_, call)| !call.answered) {
            longest_ns = longest_ns.max(call.end.end_ns - call.end.start_ns);
            all.push((call.end.start_ns, number));
        }
        all.sort_unstable();
        for (start, number) in &all {
            if let Some(host) = outgoing.get(*number).and_then(|call| call.end.host.as_ref()) {
                hosts.entry(Arc::clone(host)).or_default().push((*start, *number));
            }
        }
        Self { all, hosts, longest_ns }
    }

    /// The call of the same trace that was under way.
    pub(super) fn within(&self, request: &Incoming, outgoing: &mut [Outgoing]) -> Option<(SpanOf, Arc<str>)> {
        self.take(&self.all, request, outgoing, |_| true)
    }

    /// The call of another trace that was under way and names the same address.
    pub(super) fn among(&self, request: &Incoming, outgoing: &mut [Outgoing]) -> Option<(SpanOf, Arc<str>)> {
        let calls = self.hosts.get(request.end.host.as_ref()?)?;
        self.take(calls, request, outgoing, |call| call.meets(&request.end))
    }

    /// Of those that fit, the one whose time is the tightest around the request.
    fn take(
        &self,
        calls: &[(u64, usize)],
        request: &Incoming,
        outgoing: &mut [Outgoing],
        fits: impl Fn(&End) -> bool,
    ) -> Option<(SpanOf, Arc<str>)> {
        let start = request.end.start_ns;
        let last = calls.partition_point(|(began, _)| *began <= start.saturating_add(SKEW_NS));
        let earliest = start.saturating_sub(self.longest_ns.saturating_add(SKEW_NS));
        let near = calls.get(..last)?.iter().rev().take_while(|(began, _)| *began >= earliest).take(MOST);
        let mut best: Option<(u64, usize)> = None;
        for (began, number) in near {
            // None that began earlier is tighter.
            if best.is_some_and(|(room, _)| start.saturating_sub(*began) > room) {
                break;
            }
            let call = outgoing.get(*number).filter(|call| !call.answered);
            let call = call.filter(|call| call.end.agrees(&request.end) && fits(&call.end));
            if let Some(room) = call.and_then(|call| room(&call.end, &request.end)) {
                best = Some(best.map_or((room, *number), |known| known.min((room, *number))));
            }
        }
        let call = outgoing.get_mut(best?.1)?;
        call.answered = true;
        Some((call.at, Arc::clone(&call.end.service)))
    }
}

/// How much time of the call is left around the request; `None` where the request was not within the call.
fn room(call: &End, request: &End) -> Option<u64> {
    let before = request.start_ns.saturating_add(SKEW_NS) >= call.start_ns;
    let after = request.end_ns <= call.end_ns.saturating_add(SKEW_NS);
    let (outer, inner) = (call.end_ns - call.start_ns, request.end_ns.saturating_sub(request.start_ns));
    let fits = before && after && inner <= outer.saturating_add(LONGER_NS);
    fits.then(|| call.start_ns.abs_diff(request.start_ns) + call.end_ns.abs_diff(request.end_ns))
}
