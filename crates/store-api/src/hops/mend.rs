//! What to do about an edge that loses contexts.

use super::Arrivals;
use crate::answer::Count;

/// By what befalls most of the lost ones.
pub(super) fn mend(
    caller: Option<&str>,
    callee: &str,
    arrivals: &Arrivals,
    reason: Option<&Count>,
) -> Option<String> {
    if arrivals.lost() == 0 {
        return None;
    }
    let from = caller.map_or_else(|| "its callers".to_owned(), |caller| format!("`{caller}`"));
    let Arrivals { reparented, restarted, absent, .. } = *arrivals;
    Some(if restarted >= absent.max(reparented) {
        let why = reason.map_or_else(|| "it does not say why".to_owned(), |reason| reason.value.clone());
        format!(
            "`{callee}` received a context and did not follow it: {why}. Where {from} may be believed, add its addresses to \
             the trusted peers of `{callee}`; where the header is damaged, compare it with what {from} sent, and run \
             `throughline hops check` along the path between them."
        )
    } else if absent >= reparented {
        format!(
            "No context arrives at `{callee}`. Either the client of {from} does not send one, or a hop in between takes it \
             away: run `throughline hops check` along the path, it names the hop and the lines that mend it."
        )
    } else {
        format!(
            "Between {from} and `{callee}` a hop writes a span of its own into the header and sends that span nowhere: \
             point its exporter here, or let it pass the header as it is. `throughline hops check` names it."
        )
    })
}
