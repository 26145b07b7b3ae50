//! The probes, numbered in the order in which they are sent.

use crate::field::Field;
use crate::probe::{About, BAGGAGE, Probe, Protocol, TRACEPARENT, TRACESTATE};

const VALID: &str = " 00-{trace}-{parent}-01";
const STATE: &str = " throughline=probe,ot=th:0";
/// What a `tracestate` may be long: the least that a hop has to pass, and the sizes at which products give up.
const SIZES: [(usize, &str); 7] = [
    (512, "tracestate of 0.5 kB"),
    (4_000, "tracestate of 4 kB"),
    (8_000, "tracestate of 8 kB"),
    (12_000, "tracestate of 12 kB"),
    (16_000, "tracestate of 16 kB"),
    (32_000, "tracestate of 32 kB"),
    (64_000, "tracestate of 64 kB"),
];

impl Probe {
    /// Every probe, for these protocols.
    pub fn all(protocols: &[Protocol]) -> Vec<Self> {
        let mut set = Set(Vec::new());
        for &protocol in protocols {
            set.protocol(protocol);
        }
        set.0
    }
}

struct Set(Vec<Probe>);

impl Set {
    fn protocol(&mut self, protocol: Protocol) {
        let method = if protocol == Protocol::Grpc { "POST" } else { "GET" };
        self.add(protocol, method, "no context", About::Bare, &[]);
        self.add(protocol, method, "plain", About::Context, &with(VALID));
        match protocol {
            Protocol::Http1 => {
                self.post(protocol);
                self.names(protocol);
                self.values(protocol);
                self.white_space(protocol);
                self.connection(protocol);
                self.sizes(protocol, &SIZES);
            }
            Protocol::Http2 => {
                self.post(protocol);
                self.values(protocol);
                self.sizes(protocol, &SIZES);
            }
            Protocol::WebSocket | Protocol::Grpc => {
                self.add(protocol, method, "two tracestate headers", About::Lines, &two_states());
                self.sizes(protocol, SIZES.get(..3).unwrap_or_default());
            }
        }
    }

    fn post(&mut self, protocol: Protocol) {
        self.add(protocol, "POST", "POST", About::Context, &with(VALID));
    }

    fn names(&mut self, protocol: Protocol) {
        for (name, parent, state) in [
            ("Traceparent", "Traceparent", "Tracestate"),
            ("TraceParent", "TraceParent", "TraceState"),
            ("TRACEPARENT", "TRACEPARENT", "TRACESTATE"),
        ] {
            self.add(protocol, "GET", name, About::Context, &[(parent, VALID), (state, STATE)]);
        }
    }

    fn white_space(&mut self, protocol: Protocol) {
        let padded = [(TRACEPARENT, " \t 00-{trace}-{parent}-01 \t"), (TRACESTATE, "  throughline=probe  ")];
        self.add(protocol, "GET", "white space around", About::Odd, &padded);
    }

    fn connection(&mut self, protocol: Protocol) {
        let listed = [(TRACEPARENT, VALID), ("Connection", " traceparent")];
        self.add(protocol, "GET", "listed in Connection", About::Odd, &listed);
    }

    fn values(&mut self, protocol: Protocol) {
        let mut get = |name, about, fields: &[(&str, &str)]| self.add(protocol, "GET", name, about, fields);
        get("flags 00", About::Context, &with(" 00-{trace}-{parent}-00"));
        get("flags 02", About::Context, &with(" 00-{trace}-{parent}-02"));
        get("flags 03", About::Context, &with(" 00-{trace}-{parent}-03"));
        get("version 01", About::Odd, &with(" 01-{trace}-{parent}-01-later"));
        get("invalid traceparent", About::Odd, &with(" 00-{trace}-0000000000000000-01"));
        let twice = [(TRACEPARENT, VALID), (TRACEPARENT, " 00-{other}-{parent}-01")];
        get("two traceparent headers", About::Odd, &twice);
        get("two tracestate headers", About::Lines, &two_states());
        get("empty tracestate", About::Odd, &[(TRACEPARENT, VALID), (TRACESTATE, "")]);
        get("baggage", About::Lines, &[(TRACEPARENT, VALID), (BAGGAGE, " interaction.id=probe;p=1,k=a%20b")]);
        let alias = " 00-{trace}-{parent}-01";
        get("trace_parent", About::Alias, &[(TRACEPARENT, VALID), ("trace_parent", alias)]);
        get("trace.parent", About::Alias, &[(TRACEPARENT, VALID), ("trace.parent", alias)]);
        let b3 = " {trace}-{parent}-1";
        get("beside b3", About::Beside, &[(TRACEPARENT, VALID), ("b3", b3)]);
        let several = [(TRACEPARENT, VALID), ("x-b3-traceid", " {trace}"), ("x-b3-spanid", " {parent}")];
        get("beside x-b3", About::Beside, &several);
        let xray = " Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
        get("beside X-Ray", About::Beside, &[(TRACEPARENT, VALID), ("x-amzn-trace-id", xray)]);
        let datadog = [
            (TRACEPARENT, VALID),
            ("x-datadog-trace-id", " 8448563473482912342"),
            ("x-datadog-parent-id", " 6017420312416923606"),
            ("x-datadog-sampling-priority", " 1"),
        ];
        get("beside Datadog", About::Beside, &datadog);
        let ids = [(TRACEPARENT, VALID), ("x-request-id", " probe-1"), ("x-correlation-id", " probe-2")];
        get("beside request ids", About::Beside, &ids);
    }

    fn sizes(&mut self, protocol: Protocol, sizes: &[(usize, &'static str)]) {
        let method = if protocol == Protocol::Grpc { "POST" } else { "GET" };
        for &(bytes, name) in sizes {
            let state = format!(" {}", state_of(bytes));
            let fields = [(TRACEPARENT, VALID), (TRACESTATE, &*state)];
            self.add(protocol, method, name, About::Size(bytes), &fields);
        }
    }

    fn add(
        &mut self,
        protocol: Protocol,
        method: &'static str,
        name: &'static str,
        about: About,
        fields: &[(&str, &str)],
    ) {
        let number = u16::try_from(self.0.len() + 1).unwrap_or(u16::MAX);
        let template = fields.iter().map(|&(name, raw)| Field::new(name, raw)).collect();
        self.0.push(Probe { number, name, about, protocol, method, template });
    }
}

fn with(parent: &'static str) -> [(&'static str, &'static str); 2] {
    [(TRACEPARENT, parent), (TRACESTATE, STATE)]
}

fn two_states() -> [(&'static str, &'static str); 3] {
    [(TRACEPARENT, VALID), (TRACESTATE, " throughline=probe"), (TRACESTATE, " ot=th:0")]
}

/// Members of at most 128 characters, so that a hop that cuts has whole members to choose from.
fn state_of(bytes: usize) -> String {
    let mut state = String::new();
    let mut member = 0;
    while state.len() < bytes {
        if !state.is_empty() {
            state.push(',');
        }
        let key = format!("m{member}=");
        let left = bytes.saturating_sub(state.len() + key.len()).clamp(1, 100);
        state.push_str(&key);
        state.extend(std::iter::repeat_n('v', left));
        member += 1;
    }
    state
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_places_and_names_are_unique_within_a_protocol() {
        let set = Probe::all(&Protocol::ALL);
        let mut names = std::collections::HashSet::new();
        for (place, probe) in set.iter().enumerate() {
            assert_eq!(usize::from(probe.number), place + 1);
            assert!(names.insert((probe.protocol, probe.name)), "{}", probe.name);
        }
        assert_eq!(set.len(), 69);
    }

    #[test]
    fn sizes_are_as_said() {
        for (bytes, name) in SIZES {
            let length = state_of(bytes).len();
            assert!((bytes..bytes + 16).contains(&length), "{name}: {length}");
        }
    }
}
