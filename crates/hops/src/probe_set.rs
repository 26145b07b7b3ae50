//! The probes, numbered in the order in which they are sent.

use crate::field::Field;
use crate::probe::{About, BAGGAGE, Probe, Protocol, TRACEPARENT, TRACESTATE};

mod sip;

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
        let method = match protocol {
            Protocol::Grpc => "POST",
            Protocol::Options => "OPTIONS",
            Protocol::Invite => "INVITE",
            _ => "GET",
        };
        self.add(protocol, method, "no context", About::Bare, &[]);
        // In SIP either name is enough: `traceparent` alone may be lost where `X-Traceparent` passes.
        let plain = if protocol.is_sip() { About::Alias } else { About::Context };
        self.add(protocol, method, "plain", plain, &with(VALID));
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
            Protocol::Options | Protocol::Invite => self.sip(protocol),
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
        let several = [
            (TRACEPARENT, VALID),
            ("x-b3-traceid", " {trace}"),
            ("x-b3-spanid", " {parent}"),
            ("x-b3-sampled", " 1"),
        ];
        get("beside x-b3", About::Beside, &several);
        let jaeger = [(TRACEPARENT, VALID), ("uber-trace-id", " {trace}:{parent}:0:1")];
        get("beside Jaeger", About::Beside, &jaeger);
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
        let joins = [
            (TRACEPARENT, VALID),
            ("x-traceparent", VALID),
            ("otel-trace-id", " {trace}"),
            ("previous-trace-id", " {trace}"),
            ("x-inin-cnv", " 0af76519-16cd-43dd-8448-eb211c80319c"),
        ];
        get("beside ids of the guide", About::Beside, &joins);
    }

    fn sizes(&mut self, protocol: Protocol, sizes: &[(usize, &'static str)]) {
        let method = if protocol == Protocol::Grpc { "POST" } else { "GET" };
        for &(bytes, name) in sizes {
            let state = format!(" {}", list_of(bytes, if bytes == 512 { 100 } else { 250 }));
            let fields = [(TRACEPARENT, VALID), (TRACESTATE, &*state)];
            self.add(protocol, method, name, About::Size(bytes), &fields);
        }
        let baggage = format!(" {}", list_of(8_192, 150));
        let fields = [(TRACEPARENT, VALID), (BAGGAGE, &*baggage)];
        self.add(protocol, method, "baggage of 8 kB", About::Size(8_192), &fields);
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

/// So many bytes in members with values of `value` bytes. What is short has members that nobody may drop (W3C Trace
/// Context, section 3.3.1.5: 128 characters); up to 8 kB there are no more of them than may be (32; baggage: 64).
fn list_of(bytes: usize, value: usize) -> String {
    let mut state = String::new();
    let mut member = 0;
    while state.len() < bytes {
        if !state.is_empty() {
            state.push(',');
        }
        let key = format!("m{member}=");
        let left = bytes.saturating_sub(state.len() + key.len()).max(1);
        let room = left.saturating_sub(value);
        // What is left for a last member has room for its comma and its key.
        let length = if (1..SHORTEST).contains(&room) { value - SHORTEST } else { left.min(value) };
        state.push_str(&key);
        state.extend(std::iter::repeat_n('v', length));
        member += 1;
    }
    state
}

/// Bytes of the shortest member with its comma.
const SHORTEST: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_as_long_as_their_names_say() {
        for value in [60, 200] {
            for bytes in (250..600).chain([1_000, 2_048, 8_000]) {
                let list = list_of(bytes, value);
                assert_eq!(list.len(), bytes, "{list}");
                assert!(list.split(',').all(|member| member.len() > 3 && member.contains("=v")), "{list}");
            }
        }
    }

    #[test]
    fn numbers_are_places_and_names_are_unique_within_a_protocol() {
        let set = Probe::all(&Protocol::HTTP);
        let mut names = std::collections::HashSet::new();
        for (place, probe) in set.iter().enumerate() {
            assert_eq!(usize::from(probe.number), place + 1);
            assert!(names.insert((probe.protocol, probe.name)), "{}", probe.name);
        }
        assert_eq!(set.len(), 77);
    }

    #[test]
    fn sizes_are_as_said() {
        for (bytes, name) in SIZES {
            assert_eq!(list_of(bytes, 250).len(), bytes, "{name}");
        }
        for (bytes, value, most) in [(512, 100, 32), (8_000, 250, 32), (8_192, 150, 64)] {
            let list = list_of(bytes, value);
            assert_eq!(list.len(), bytes);
            assert!(list.split(',').count() <= most, "{bytes}");
        }
    }
}
