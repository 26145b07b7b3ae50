//! The probes of SIP.

use super::{STATE, Set, VALID, list_of};
use crate::probe::{About, Protocol, TRACEPARENT, TRACESTATE};

/// As our edge writes it.
const ALIAS: &str = "X-Traceparent";
/// The least that a hop has to pass by `docs/specs/propagation-sip.md`, and sizes at which datagrams end.
const SIZES: [(usize, &str); 3] =
    [(256, "tracestate of 256 bytes"), (512, "tracestate of 0.5 kB"), (1_000, "tracestate of 1 kB")];

impl Set {
    pub(super) fn sip(&mut self, protocol: Protocol) {
        let method = if protocol == Protocol::Options { "OPTIONS" } else { "INVITE" };
        let mut add = |name, about, fields: &[(&str, &str)]| self.add(protocol, method, name, about, fields);
        let both = [(TRACEPARENT, VALID), (ALIAS, VALID)];
        let beside = |more: &[(&'static str, &'static str)]| [both.as_slice(), more].concat();
        add("both names", About::Context, &beside(&[(TRACESTATE, STATE)]));
        add("X-Traceparent alone", About::Alias, &[(ALIAS, VALID)]);
        let names = [("Traceparent", VALID), ("x-traceparent", VALID), ("TraceState", STATE)];
        add("other case", About::Context, &names);
        let capitals = [("TRACEPARENT", VALID), ("X-TRACEPARENT", VALID), ("TRACESTATE", STATE)];
        add("capitals", About::Context, &capitals);
        let unsampled = " 00-{trace}-{parent}-00";
        add("flags 00", About::Context, &[(TRACEPARENT, unsampled), (ALIAS, unsampled)]);
        let wrong = " 00-{trace}-0000000000000000-01";
        add("invalid traceparent", About::Odd, &[(TRACEPARENT, wrong)]);
        let twice = [(TRACEPARENT, VALID), (TRACEPARENT, " 00-{other}-{parent}-01")];
        add("two traceparent headers", About::Odd, &twice);
        let states = [(TRACESTATE, " throughline=probe"), (TRACESTATE, " ot=th:0")];
        add("two tracestate headers", About::Lines, &beside(&states));
        add("folded tracestate", About::Lines, &beside(&[(TRACESTATE, " throughline=probe,\r\n ot=th:0")]));
        let user = " 00{trace}{parent};encoding=hex";
        add("beside User-to-User", About::Beside, &beside(&[("User-to-User", user)]));
        let conversation = [("x-inin-cnv", " 0af76519-16cd-43dd-8448-eb211c80319c")];
        add("beside x-inin-cnv", About::Beside, &beside(&conversation));
        let joins = [
            ("Session-ID", " {trace};remote=00000000000000000000000000000000"),
            ("previous-trace-id", " {trace}"),
        ];
        add("beside other ids", About::Beside, &beside(&joins));
        for (bytes, name) in SIZES {
            let state = format!(" {}", list_of(bytes, 60));
            let fields = [(TRACEPARENT, VALID), (ALIAS, VALID), (TRACESTATE, &*state)];
            add(name, About::Size(bytes), &fields);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Probe;

    #[test]
    fn every_method_has_every_probe() {
        let set = Probe::all(&Protocol::SIP);
        let names = |protocol| {
            set.iter().filter(|probe| probe.protocol == protocol).map(|probe| probe.name).collect::<Vec<_>>()
        };
        assert_eq!(names(Protocol::Options), names(Protocol::Invite));
        assert_eq!(set.len(), 34);
    }
}
