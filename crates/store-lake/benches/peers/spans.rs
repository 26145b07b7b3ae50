//! Spans of a contact centre that repeat: the same number gives the same spans. A call is a trace of its set-up and one of
//! each turn of its conversation, about 50 spans in all; they come in the order in which they end, over one hour.

use std::sync::Arc;

use store_api::span::{Dropped, Kind, Resource, Scope, Status, StatusCode, key};
use store_api::{Attributes, Span, Value};
use throughline_context::{SpanId, TraceId};

/// 2026-11-20T09:00:00Z.
pub(crate) const NINE: u64 = 1_795_165_200_000_000_000;
const HOUR: u64 = 3600;
const SECOND: u64 = 1_000_000_000;
const PODS: u64 = 10;

/// What every span of one kind has in common.
pub(crate) struct Kin {
    pub(crate) name: &'static str,
    pub(crate) service: &'static str,
    pub(crate) stage: Option<&'static str>,
    kind: Kind,
    median_ms: f64,
    spread: f64,
}

const fn kin(
    name: &'static str,
    service: &'static str,
    stage: &'static str,
    kind: Kind,
    median_ms: f64,
    spread: f64,
) -> Kin {
    let stage = if stage.is_empty() { None } else { Some(stage) };
    Kin { name, service, stage, kind, median_ms, spread }
}

const SETUP: [Kin; 10] = [
    kin("INVITE", "sip-edge", "setup", Kind::Server, 180.0, 0.5),
    kin("route trunk", "border", "setup", Kind::Internal, 12.0, 0.6),
    kin("verify caller", "identity", "setup", Kind::Client, 25.0, 0.7),
    kin("GET /customers/{id}", "crm", "action", Kind::Client, 90.0, 0.9),
    kin("GET", "crm-cache", "action", Kind::Client, 1.2, 0.8),
    kin("menu", "ivr", "ivr", Kind::Internal, 2200.0, 0.6),
    kin("score", "router", "", Kind::Internal, 35.0, 0.7),
    kin("wait", "router", "queue", Kind::Internal, 14_000.0, 1.3),
    kin("ring", "desktop", "alert", Kind::Producer, 4200.0, 0.7),
    kin("accept", "desktop", "alert", Kind::Consumer, 300.0, 0.6),
];
const TURN: [Kin; 9] = [
    kin("turn", "bot", "talk", Kind::Server, 1500.0, 0.5),
    kin("end of speech", "media", "", Kind::Internal, 320.0, 0.4),
    kin("recognise", "speech", "", Kind::Client, 260.0, 0.5),
    kin("intent", "language", "", Kind::Client, 55.0, 0.6),
    kin("first token", "model", "", Kind::Client, 420.0, 0.7),
    kin("complete", "model", "", Kind::Client, 900.0, 0.6),
    kin("POST /tools/{name}", "tools", "action", Kind::Client, 140.0, 1.0),
    kin("first byte", "voice", "", Kind::Client, 190.0, 0.5),
    kin("play", "media", "", Kind::Internal, 2600.0, 0.6),
];

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct Chance(u64);

impl Chance {
    fn of(seed: u64, number: u64) -> Self {
        Self(Self(seed).next() ^ Self(number).next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// The lower, the more often.
    fn skewed(&mut self, bound: u64) -> u64 {
        ((bound as f64 + 1.0).powf(self.unit()) as u64).saturating_sub(1).min(bound - 1)
    }

    fn bell(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }

    fn one<T: Copy>(&mut self, of: &[(T, f64)]) -> T {
        let mut rest = self.unit();
        let found = of.iter().find(|(_, share)| {
            rest -= share;
            rest < 0.0
        });
        found.or(of.last()).expect("there are some").0
    }
}

/// One span, as little of it as is needed to make it again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark {
    end_ns: u64,
    start_ns: u64,
    call: u32,
    turn: u8,
    place: u8,
}

impl Mark {
    /// In which half hour after nine it started.
    pub(crate) fn half_hour(&self) -> usize {
        usize::try_from((self.start_ns - NINE) / (HOUR / 2 * SECOND)).unwrap_or(usize::MAX)
    }
}

/// What all spans of one call have in common.
pub(crate) struct Call {
    pub(crate) id: String,
    start_ns: u64,
    turns: u8,
    pub(crate) caller: String,
    pub(crate) queue: String,
    pub(crate) region: &'static str,
    pub(crate) channel: &'static str,
    pub(crate) tenant: String,
    pub(crate) agent: String,
    slow: f64,
}

/// Calls of one seed, over some hours from nine.
pub(crate) struct Centre {
    seed: u64,
    hours: u64,
    resources: Vec<Arc<Resource>>,
    scope: Arc<Scope>,
}

impl Centre {
    pub(crate) fn new(seed: u64, hours: u64) -> Self {
        let services = SETUP.iter().chain(&TURN).map(|kin| kin.service);
        let pods = services.flat_map(|service| (0..PODS).map(move |pod| (service, pod)));
        let resource = |(service, pod): (&str, u64)| {
            let entries = [
                (key::SERVICE, service.to_owned()),
                ("host.name", format!("{service}-node-{}", pod % 5)),
                ("k8s.pod.name", format!("{service}-7d9f-{pod}")),
            ];
            Arc::new(Resource::new(
                entries.into_iter().map(|(key, value)| (key, Value::String(value))).collect(),
            ))
        };
        Self { seed, hours, resources: pods.map(resource).collect(), scope: Arc::default() }
    }

    pub(crate) fn call(&self, number: u32) -> Call {
        let mut chance = Chance::of(self.seed, u64::from(number));
        let (a, b) = (chance.next(), chance.next());
        let queue = chance.skewed(60);
        let region = chance.one(&[
            (("eu-west", 1.0), 0.45),
            (("us-east", 1.1), 0.3),
            (("ap-south", 1.35), 0.15),
            (("sa-east", 1.6), 0.1),
        ]);
        Call {
            id: format!(
                "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
                a >> 32,
                a >> 16 & 0xffff,
                a & 0xfff,
                b >> 48 & 0xfff,
                b & 0xffff_ffff_ffff
            ),
            start_ns: NINE + (chance.unit() * (self.hours * HOUR * SECOND) as f64) as u64,
            turns: 2 + chance.below(6) as u8,
            caller: format!("{:016x}", chance.next()),
            queue: format!("queue-{queue:02}"),
            region: region.0,
            channel: chance.one(&[("voice", 0.7), ("chat", 0.2), ("video", 0.1)]),
            tenant: format!("tenant-{:02}", chance.skewed(40)),
            agent: format!("agent-{:05}", chance.below(3000)),
            slow: region.1 * if queue % 7 == 3 { 1.8 } else { 1.0 },
        }
    }

    pub(crate) fn trace_id(&self, call: u32, turn: u8) -> TraceId {
        let mut chance = Chance::of(self.seed ^ 0x7472, u64::from(call) << 8 | u64::from(turn));
        TraceId((u128::from(chance.next()) << 64 | u128::from(chance.next())).to_be_bytes())
    }

    fn span_id(&self, call: u32, turn: u8, place: u8) -> SpanId {
        let number = u64::from(call) << 16 | u64::from(turn) << 8 | u64::from(place);
        SpanId(Chance::of(self.seed ^ 0x7370, number).next().max(1).to_be_bytes())
    }

    /// The spans of so many calls, in the order in which they end.
    pub(crate) fn marks(&self, calls: u32) -> Vec<Mark> {
        let mut marks = Vec::with_capacity(calls as usize * 51);
        for number in 0..calls {
            let call = self.call(number);
            for turn in 0..=call.turns {
                let begin = call.start_ns + if turn == 0 { 0 } else { (20 + u64::from(turn) * 9) * SECOND };
                let mut chance = Chance::of(self.seed ^ 0x6475, u64::from(number) << 8 | u64::from(turn));
                for (place, kin) in (0..).zip(kins(turn)) {
                    let late = if place == 0 { 0.0 } else { chance.unit() * 900.0 };
                    let long = kin.median_ms * (kin.spread * chance.bell()).exp() * call.slow;
                    let start_ns = begin + (late * 1e6) as u64;
                    marks.push(Mark {
                        end_ns: start_ns + (long * 1e6) as u64,
                        start_ns,
                        call: number,
                        turn,
                        place,
                    });
                }
            }
        }
        marks.sort_unstable();
        marks
    }

    pub(crate) fn span(&self, mark: &Mark, call: &Call) -> Span {
        let kins = kins(mark.turn);
        let kin = &kins[usize::from(mark.place)];
        let number = u64::from(mark.call) << 16 | u64::from(mark.turn) << 8 | u64::from(mark.place);
        let mut chance = Chance::of(self.seed ^ 0x6174, number);
        let above = if mark.place <= 1 || chance.unit() < 0.7 { 0 } else { mark.place - 1 };
        let failed = chance.unit() < if kin.service == "tools" { 0.04 } else { 0.008 };
        let text = |value: String| Value::String(value);
        let mut attributes = vec![
            (key::INTERACTION, text(call.id.clone())),
            (key::QUEUE, text(call.queue.clone())),
            (key::REGION, call.region.into()),
            (key::CHANNEL, call.channel.into()),
            (key::AGENT, text(call.agent.clone())),
            ("tenant", text(call.tenant.clone())),
            ("caller.hash", text(call.caller.clone())),
            ("deploy.version", chance.one(&[("2026.3.1", 0.2), ("2026.3.2", 0.5), ("2026.4.0", 0.3)]).into()),
            ("net.peer.ip", text(peer(chance.below(250)))),
            ("turn.no", text(mark.turn.to_string())),
        ];
        attributes.extend(kin.stage.map(|stage| (key::STAGE, stage.into())));
        if matches!(kin.kind, Kind::Server | Kind::Client) {
            let code = if failed {
                chance.one(&[("500", 0.25), ("503", 0.25), ("504", 0.25), ("429", 0.25)])
            } else {
                "200"
            };
            attributes.push(("http.status_code", code.into()));
        }
        match kin.service {
            "model" => {
                let size = ["model-s", "model-m", "model-l", "model-xl"][chance.skewed(4) as usize];
                attributes.push(("llm.model", size.into()));
                attributes.push(("llm.tokens", text((20 + chance.below(880)).to_string())));
            }
            "speech" => {
                let sure = 1.0 - chance.unit() * chance.unit() * 0.5;
                attributes.push(("asr.confidence", text(format!("{sure:.3}"))));
            }
            _ => {}
        }
        let first = if mark.turn == 0 { 0 } else { SETUP.len() };
        let resource = (first + usize::from(mark.place)) * PODS as usize + chance.below(PODS) as usize;
        let code = if failed { StatusCode::Error } else { StatusCode::Ok };
        Span {
            trace_id: self.trace_id(mark.call, mark.turn),
            span_id: self.span_id(mark.call, mark.turn, mark.place),
            parent_span_id: (mark.place > 0).then(|| self.span_id(mark.call, mark.turn, above)),
            name: kin.name.to_owned(),
            kind: kin.kind,
            start_ns: mark.start_ns,
            duration_ns: mark.end_ns - mark.start_ns,
            status: Status { code, message: String::new() },
            attributes: attributes.into_iter().collect::<Attributes>(),
            resource: Arc::clone(&self.resources[resource]),
            scope: Arc::clone(&self.scope),
            trace_state: String::new(),
            flags: 0,
            events: Vec::new(),
            links: Vec::new(),
            dropped: Dropped::default(),
        }
    }

    /// Spans of neighbouring marks; what they have in common is made once.
    pub(crate) fn spans(&self, marks: &[Mark]) -> Vec<Span> {
        let mut calls = std::collections::HashMap::new();
        let of = |mark: &Mark| {
            let call = calls.entry(mark.call).or_insert_with(|| self.call(mark.call));
            self.span(mark, call)
        };
        marks.iter().map(of).collect()
    }
}

fn kins(turn: u8) -> &'static [Kin] {
    if turn == 0 { &SETUP } else { &TURN }
}

fn peer(number: u64) -> String {
    format!("10.4.{}.{number}", number % 8)
}
