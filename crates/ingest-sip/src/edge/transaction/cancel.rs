//! The caller hangs up before anybody has answered, or another target has the call (RFC 3261, sections 9 and 16.10).

use throughline_sip::Builder;

use super::call::{Call, Client, State, read};
use super::timer::{LONG, Repeat, T2};
use crate::edge::Edge;
use crate::edge::flow::Output;

impl Edge {
    pub(super) fn cancel_call(&mut self, now: u64, call: &mut Call, out: &mut Vec<Output>) {
        if call.is_open() && !call.cancelled {
            call.cancelled = true;
            call.left.clear();
            cancel_pending(now, call, out);
        }
    }
}

/// Cancels whatever still rings. Where nothing has been heard yet, the CANCEL waits until something is (section 9.1).
pub(super) fn cancel_pending(now: u64, call: &mut Call, out: &mut Vec<Output>) {
    for client in &mut call.clients {
        if matches!(client.state, State::Proceeding { .. }) {
            client.state = State::Proceeding { until: now + LONG };
            cancel(now, client, out);
        }
    }
}

pub(super) fn cancel(now: u64, client: &mut Client, out: &mut Vec<Output>) {
    if client.cancel.is_some() {
        return;
    }
    let builder = read(&client.sent).and_then(|sent| Builder::cancel(&sent).ok());
    let cancel = builder.and_then(|builder| builder.build().ok());
    client.cancel = cancel.map(|bytes| Box::new(Repeat::send(now, client.to, bytes, T2, LONG, out)));
}
