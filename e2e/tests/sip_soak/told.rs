//! What arrived and what spans tell of it, counted as it comes: of a long run there is too much to keep.

use std::collections::BTreeMap;

use e2e::span::Span;
use sim::sip::Account;

#[derive(Clone, Default, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// Calls that arrived, and those among them that brought the trace of whoever called first.
    pub(crate) arrived: u64,
    pub(crate) right: u64,
    /// Calls of which a span tells, by what it says became of them.
    pub(crate) calls: BTreeMap<String, u64>,
    /// Transfers of which a span tells.
    pub(crate) transfers: u64,
    /// Sums of trace ids: equal where spans tell of the traces that arrived, call by call.
    arrived_traces: u128,
    told_traces: u128,
}

impl Told {
    pub(crate) fn hear(&mut self, account: &Account) {
        for call in account.arrivals() {
            self.arrived += 1;
            self.right += u64::from(call.is_right());
            self.arrived_traces =
                self.arrived_traces.wrapping_add(number(call.trace_id().unwrap_or_default()));
        }
    }

    pub(crate) fn read(&mut self, spans: &[Span]) {
        for span in spans {
            match span.name.as_str() {
                "SIP call" => {
                    let outcome = span.text("sip.outcome").unwrap_or_default();
                    *self.calls.entry(outcome.to_owned()).or_default() += 1;
                    self.told_traces = self.told_traces.wrapping_add(number(&span.trace_id));
                }
                "Transfer" => self.transfers += 1,
                _ => {}
            }
        }
    }

    /// How many calls spans tell of.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.values().sum()
    }

    /// Each call arrived with the right trace, and spans tell of each in that trace.
    pub(crate) fn all_are_right(&self) -> bool {
        self.arrived == self.right && self.calls() == self.arrived && self.told_traces == self.arrived_traces
    }
}

fn number(trace: &str) -> u128 {
    u128::from_str_radix(trace, 16).unwrap_or_default()
}
